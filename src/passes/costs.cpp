#include "passes/costs.h"

#include <algorithm>
#include <map>
#include <set>

#include "ops/schema.h"
#include "passes/rewrite.h"

namespace isomer {
namespace {

/// As a real number: it says how much, and cannot overflow.
double elements(const TensorType& type, const Lengths& lengths) {
  double count = 1;
  for (const Dim& length : type.shape) count *= static_cast<double>(length.evaluate(lengths));
  return count;
}

double bytes_of(const Graph& graph, const std::vector<ValueId>& ids, const Lengths& lengths) {
  double bytes = 0;
  for (const ValueId id : ids) {
    if (id == ValueId::none) continue;
    const TensorType& type = graph[id].type;
    bytes += elements(type, lengths) * static_cast<double>(size_of(type.dtype));
  }
  return bytes;
}

/// Of a primitive operator. What only moves elements computes nothing.
double flops_of(const Graph& graph, const Node& node, const Lengths& lengths) {
  const OpSchema& schema = op_named(node.op);
  if (schema.traits.moves != Moves::none || node.inputs.empty()) return 0;
  double count = 0;
  for (const ValueId id : node.outputs) count += elements(graph[id].type, lengths);
  if (schema.traits.terms == nullptr) return schema.traits.indexes ? 0 : count;
  std::vector<TensorType> types;
  for (const ValueId id : node.inputs)
    types.push_back(id == ValueId::none ? TensorType{} : graph[id].type);
  const Attributes attributes = complete(schema, node.attributes);
  const Dim terms = schema.traits.terms(OpCall{attributes, node.inputs, types, node.bodies});
  const double products = node.inputs.size() > 1 ? 2 : 1;
  return count * products * static_cast<double>(terms.evaluate(lengths));
}

std::string_view family_named(std::string_view op) {
  for (const OpFamily& family : op_families()) {
    for (const OpSchema& schema : family.ops) {
      if (schema.name() == op) return family.name;
    }
  }
  return "";
}

bool is_primitive(std::string_view op) { return op_named(op).expand == nullptr; }

/// How often a node carries its bodies out.
double trips_of(const Graph& graph, const Node& node, const Lengths& lengths) {
  if (node.op != "scan") return 1;
  const Attributes attributes = complete(op_named(node.op), node.attributes);
  const auto carried = static_cast<std::size_t>(get<std::int64_t>(attributes, "carried"));
  if (get<std::int64_t>(attributes, "scanned") == 0) return 1;
  return static_cast<double>(graph[node.inputs.at(carried)].type.shape.at(0).evaluate(lengths));
}

class Counting {
 public:
  explicit Counting(const Lengths& lengths) : lengths_(lengths) {}

  /// Operators and bytes as the author wrote them. Gives the bytes.
  double count_written(const Graph& graph, double times, const std::string& around) {
    double total = 0;
    for (const Node& node : graph.nodes) {
      const std::string& path = node.scope.empty() ? around : node.scope;
      total += count_bodies(&Counting::count_written, graph, node, times, path);
      if (!node.bodies.empty()) continue;
      Cost& cost = at(path).cost;
      ++cost.operators;
      if (op_named(node.op).traits.views) continue;
      const double own = times * (bytes_of(graph, node.inputs, lengths_) +
                                  bytes_of(graph, node.outputs, lengths_));
      cost.bytes += own;
      total += own;
    }
    return total;
  }

  /// Operations where all is said with primitive operators. Gives how many.
  double count_flops(const Graph& graph, double times, const std::string& around) {
    double total = 0;
    for (const Node& node : graph.nodes) {
      const std::string& path = node.scope.empty() ? around : node.scope;
      const double own = node.bodies.empty() ? times * flops_of(graph, node, lengths_) : 0;
      at(path).cost.flops += own;
      total += own + count_bodies(&Counting::count_flops, graph, node, times, path);
    }
    return total;
  }

  /// A module is of the family of what it computes most with, as its author wrote it.
  void find_families(const Graph& graph) {
    std::map<std::string, double> most;
    for (const Node& node : graph.nodes) {
      const bool moves = op_named(node.op).traits.moves != Moves::none;
      const double size = moves ? 0 : 1 + bytes_of(graph, node.inputs, lengths_);
      if (const auto [known, fresh] = most.try_emplace(node.scope, -1.0); size > known->second) {
        known->second = size;
        at(node.scope).family = family_named(node.op);
      }
    }
  }

  void count_parameters(const Graph& graph) {
    for (const Constant& constant : graph.constants) {
      if (!constant.trainable || constant.names.empty()) continue;
      const std::string& name = constant.names[0];
      const std::size_t dot = name.rfind('.');
      at(dot == std::string::npos ? "" : name.substr(0, dot)).cost.parameters +=
          constant.data.count();
    }
  }

  std::vector<ModuleCost> finish() && { return std::move(modules_); }

 private:
  using Count = double (Counting::*)(const Graph& graph, double times, const std::string& around);

  /// What the node's bodies cost; of a branch the dearer one alone.
  double count_bodies(Count count, const Graph& graph, const Node& node, double times,
                      const std::string& path) {
    std::vector<Counting> counted;
    double total = 0;
    for (const Body& body : node.bodies) {
      Counting side(lengths_);
      const double cost = (side.*count)(*body, times * trips_of(graph, node, lengths_), path);
      const bool other = node.op == "if" && !counted.empty();
      if (other && cost <= total) continue;
      if (other) counted.clear();
      total = other ? cost : total + cost;
      counted.push_back(std::move(side));
    }
    for (const Counting& side : counted) {
      for (const ModuleCost& module : side.modules_) at(module.path).cost += module.cost;
    }
    return total;
  }

  ModuleCost& at(const std::string& path) {
    const auto [known, fresh] = places_.try_emplace(path, modules_.size());
    if (fresh) modules_.push_back({path, "", {}});
    return modules_[known->second];
  }

  const Lengths& lengths_;
  std::vector<ModuleCost> modules_;
  std::map<std::string, std::size_t> places_;
};

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
  operators += other.operators;
  parameters += other.parameters;
  flops += other.flops;
  bytes += other.bytes;
  return *this;
}

Lengths sample_lengths(const Graph& graph, const Lengths& given) {
  std::set<std::string> names;
  for (const Value& value : graph.values) {
    for (const Dim& length : value.type.shape) length.collect_symbols(names);
  }
  Lengths lengths = given;
  for (const std::string& name : names) {
    const auto& ranges = graph.signature.lengths;
    const auto range = std::ranges::find(ranges, name, &LengthRange::name);
    lengths.try_emplace(name, range == ranges.end() ? 1 : std::max<std::int64_t>(range->least, 1));
  }
  return lengths;
}

std::vector<ModuleCost> costs_of(const Graph& graph, const Lengths& lengths) {
  Counting counting(lengths);
  counting.count_written(graph, 1, "");
  counting.find_families(graph);
  counting.count_flops(expand_unsupported(graph, is_primitive), 1, "");
  counting.count_parameters(graph);
  return std::move(counting).finish();
}

}  // namespace isomer

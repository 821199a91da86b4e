#include "prove/coverage.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "graph/uses.h"
#include "ops/rules.h"
#include "passes/rewrite.h"
#include "prove/probes.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

bool is_comparison(const Node& node, DType output) {
  return traits_of(node).decides == Decision::comparison && output == DType::boolean;
}
bool is_logical(const Node& node) {
  return node.op == "logical_and" || node.op == "logical_or" || node.op == "logical_xor";
}

/// Puts what tells the sides of decisions into a graph and its bodies.
class Prober {
 public:
  Graph probed(const Graph& graph) {
    return rewrite(graph, [this](Builder& out, const Graph& old, const Node& node,
                                 std::span<const ValueId> inputs) {
      const Values results =
          out.emit_all(node.op, {inputs.begin(), inputs.end()}, node.attributes, node.bodies);
      probe(out, old, node, inputs, results);
      return std::optional(results);
    });
  }

  std::vector<CoveredDecision> decisions;
  std::vector<std::pair<std::size_t, std::size_t>> sides;  // of each probe: decision and side

 private:
  using Seen = std::pair<std::string, ValueId>;  // a side, and the boolean that tells it

  void probe(Builder& out, const Graph& old, const Node& node, std::span<const ValueId> inputs,
             const Values& results);
  void probe_bounds(Builder& out, const Graph& old, const Node& node, ValueId x);
  void probe_table(Builder& out, const Graph& old, const Node& node,
                   std::span<const ValueId> inputs);
  bool decides_elsewhere(const Graph& old, ValueId condition);
  void add(Builder& out, const Graph& old, const Node& node, const std::vector<Seen>& seen);
  void add_both(Builder& out, const Graph& old, const Node& node, ValueId boolean) {
    add(out, old, node, {{"true", boolean}, {"false", out.emit("logical_not", {boolean})}});
  }
  struct Facts {
    std::vector<bool> varying;
    Uses uses;
  };
  const Facts& facts(const Graph& graph) {
    const auto known = facts_.find(&graph);
    if (known != facts_.end()) return known->second;
    return facts_.emplace(&graph, Facts{varying_values(graph), Uses(graph)}).first->second;
  }
  bool varies(const Graph& graph, ValueId id) {
    return facts(graph).varying[static_cast<std::size_t>(id)];
  }

  std::map<const Graph*, Facts> facts_;
};

void Prober::add(Builder& out, const Graph& old, const Node& node, const std::vector<Seen>& seen) {
  const std::string& name = old[node.outputs[0]].name;
  CoveredDecision decision{name.empty() ? node.op : fmt::format("'{}' ({})", name, node.op), {}};
  if (!node.scope.empty()) decision.what += fmt::format(" in {}", node.scope);
  if (node.place.line > 0)
    decision.what += fmt::format(", {}:{}", node.place.file, node.place.line);
  for (const auto& [what, boolean] : seen) {
    const ValueId any = out.emit("cast", {out.emit("any", {boolean})}, {{"dtype", DType::f32}});
    out.name(any, probe_name(sides.size()));
    sides.emplace_back(decisions.size(), decision.sides.size());
    decision.sides.push_back({what});
  }
  decisions.push_back(std::move(decision));
}

/// Whether what a selection asks is itself a decision.
bool Prober::decides_elsewhere(const Graph& old, ValueId condition) {
  const Uses& uses = facts(old).uses;
  const Node* node = uses.node(old, condition);
  while (node != nullptr && (traits_of(*node).moves != Moves::none || node->op == "logical_not"))
    node = uses.node(old, node->inputs[0]);
  return node != nullptr && (is_logical(*node) || is_comparison(*node, DType::boolean));
}

void Prober::probe_bounds(Builder& out, const Graph& old, const Node& node, ValueId x) {
  const Attributes attributes = complete(op_named(node.op), node.attributes);
  for (const std::string_view name : {"min", "max", "min_val", "max_val"}) {
    const Attribute* bound = find(attributes, name);
    const double* value = bound == nullptr ? nullptr : std::get_if<double>(bound);
    if (value == nullptr) continue;
    const ValueId limit = number(out, x, *value);
    add(out, old, node,
        {{fmt::format("below {}", real_text(*value)), out.emit("lt", {x, limit})},
         {fmt::format("above {}", real_text(*value)), out.emit("lt", {limit, x})}});
  }
}

void Prober::probe_table(Builder& out, const Graph& old, const Node& node,
                         std::span<const ValueId> inputs) {
  const Indexing& indexing = *traits_of(node).indexes;
  const ValueId indices = inputs[indexing.indices];
  const Attributes attributes = complete(op_named(node.op), node.attributes);
  const auto is_row = [&](ValueId row) { return out.emit("eq", {indices, row}); };
  const DType dtype = out.dtype(indices);
  for (const std::string_view name : {"padding_idx", "ignore_index"}) {
    const Attribute* attribute = find(attributes, name);
    if (attribute == nullptr) continue;
    const std::int64_t row = std::get<std::int64_t>(*attribute);
    if (row < 0 && name == "padding_idx") continue;
    const ValueId at = is_row(out.literal(dtype, row));
    add(out, old, node,
        {{fmt::format("at the {} {}", name == "padding_idx" ? "padding row" : "ignored class", row),
          at},
         {"elsewhere", out.emit("logical_not", {at})}});
  }
  const Shape shape = out.shape(inputs[indexing.table]);
  if (shape.empty()) return;
  const std::size_t axis = table_axis(node, shape.size());
  const ValueId last = out.emit("length", {}, {{"value", shape[axis] - 1}, {"dtype", dtype}});
  add(out, old, node,
      {{"at the first row", is_row(out.literal(dtype, std::int64_t{0}))},
       {"at the last row", is_row(last)}});
}

void Prober::probe(Builder& out, const Graph& old, const Node& node,
                   std::span<const ValueId> inputs, const Values& results) {
  const auto varying = [&](std::size_t i) { return varies(old, node.inputs[i]); };
  const auto& indexing = traits_of(node).indexes;
  if (indexing && varying(indexing->indices)) probe_table(out, old, node, inputs);
  if (results.empty() || !varies(old, node.outputs[0])) return;
  const bool decides = is_logical(node) || is_comparison(node, out.dtype(results[0]));
  if (decides) return add_both(out, old, node, results[0]);
  if (node.op == "if" && varying(0)) return add_both(out, old, node, inputs[0]);
  if (node.op == "where" && varying(0) && !decides_elsewhere(old, node.inputs[0]))
    return add_both(out, old, node, inputs[0]);
  if ((node.op == "clamp" || node.op == "hardtanh") && varying(0))
    return probe_bounds(out, old, node, inputs[0]);
  const bool extreme = node.op == "maximum" || node.op == "minimum";
  if (!extreme && node.op != "relu") return;
  const ValueId other = extreme ? inputs[1] : number(out, inputs[0], 0.0);
  const std::string_view what = extreme ? "the second" : "0";
  add(out, old, node,
      {{fmt::format("below {}", what), out.emit("lt", {inputs[0], other})},
       {fmt::format("above {}", what), out.emit("lt", {other, inputs[0]})}});
}

}  // namespace

Coverage::Coverage(const Graph& graph, const Engine& engine) {
  Prober prober;
  const Graph with_probes = prober.probed(graph);
  std::vector<std::size_t> given;
  probed_ = giving_probes(with_probes, given);
  std::map<std::size_t, std::size_t> numbers;  // of the decisions that can be seen
  for (const std::size_t number : given) {
    const auto& [decision, side] = prober.sides[number];
    const auto [place, is_new] = numbers.try_emplace(decision, decisions_.size());
    if (is_new) decisions_.push_back(std::move(prober.decisions[decision]));
    outputs_.emplace_back(place->second, side);
  }
  first_length_ = decisions_.size();
  for (const LengthRange& range : graph.signature.lengths) {
    CoveredDecision ends{fmt::format("length '{}'", range.name), {}};
    if (range.least > 0) ends.sides.push_back({fmt::format("{}", range.least)});
    if (range.most && range.most != range.least)
      ends.sides.push_back({fmt::format("{}", *range.most)});
    if (ends.sides.empty()) continue;
    lengths_.push_back(range.name);
    decisions_.push_back(std::move(ends));
  }
  if (!outputs_.empty()) backend_.f32 = on_engine(probed_, engine);
}

void Coverage::add_lengths(const std::vector<Tensor>& inputs) {
  const Lengths lengths = bind_lengths(probed_, inputs);
  for (std::size_t i = first_length_; i < decisions_.size(); ++i) {
    const auto bound = lengths.find(lengths_[i - first_length_]);
    if (bound == lengths.end()) continue;
    for (DecidedSide& side : decisions_[i].sides)
      side.seen = side.seen || side.what == fmt::format("{}", bound->second);
  }
}

void Coverage::add(const InputSet& set) {
  try {
    for (const std::vector<Tensor>& call : set.calls) add_lengths(call);
    if (outputs_.empty()) return;
    const std::vector<Tensor> seen = backend_.observe(Precision::f32, set, {});
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const auto& [decision, place] = outputs_[i % outputs_.size()];
      const std::vector<double> values = seen[i].doubles();
      DecidedSide& side = decisions_[decision].sides[place];
      side.seen = side.seen || std::ranges::any_of(values, [](double one) { return one != 0; });
    }
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
  }
}

std::size_t Coverage::covered() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(decisions_, [](const CoveredDecision& decision) {
        return std::ranges::all_of(decision.sides, &DecidedSide::seen);
      }));
}

std::vector<std::string> Coverage::lines() const {
  std::vector<std::string> lines;
  if (decisions_.empty()) return lines;
  lines.push_back(
      fmt::format("{} of {} took both sides", covered(), counted(decisions_.size(), "decision")));
  for (const CoveredDecision& decision : decisions_) {
    std::vector<std::string> missing;
    for (const DecidedSide& side : decision.sides) {
      if (!side.seen) missing.push_back(side.what);
    }
    if (!missing.empty())
      lines.push_back(fmt::format("{} was never {}", decision.what, fmt::join(missing, " or ")));
  }
  return lines;
}

}  // namespace isomer

#include "passes/rewrite.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "ops/expansion.h"
#include "ops/validate.h"
#include "passes/copy.h"

namespace isomer {
namespace {

/// Carries a graph's interface over to a new one and knows what became of each old value.
class Copy {
 public:
  explicit Copy(const Graph& old) : old_(old), out_(old.name), now_(copy_interface(out_, old)) {}

  /// Runs the rule, or copies the node; its results take the old values' places and names.
  void add(const Node& node, const Rule& rule) {
    out_.at(node.scope, node.place);
    const std::vector<ValueId> inputs = mapped(node.inputs, now_);
    std::optional<std::vector<ValueId>> results = rule(out_, old_, node, inputs);
    if (!results) results = out_.emit_all(node.op, inputs, node.attributes, node.bodies);
    expect(results->size() == node.outputs.size(), "a rule returns one value per output");
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId result = (*results)[i];
      set(node.outputs[i], result);
      if (result != ValueId::none && out_.graph()[result].name.empty()) {
        out_.name(result, old_[node.outputs[i]].name);
      }
    }
  }

  Graph finish() && {
    for (const State& state : old_.states) out_.keep(at(state.now), at(state.next));
    Graph result = std::move(out_).finish(mapped(old_.outputs, now_), old_.signature);
    result.classes = old_.classes;
    return result;
  }

 private:
  ValueId at(ValueId id) const { return now_[static_cast<std::size_t>(id)]; }
  void set(ValueId id, ValueId result) { now_[static_cast<std::size_t>(id)] = result; }

  const Graph& old_;
  Builder out_;
  std::vector<ValueId> now_;
};

struct Missing {
  std::size_t count = 0;
  std::string first;
};

/// Every operator that has neither a word nor an expansion, collected over all rounds.
void refuse(const Graph& graph, const std::map<std::string, Missing>& missing) {
  std::vector<std::string> lines;
  for (const auto& [op, found] : missing) {
    lines.push_back(fmt::format("{} ({}x, first at {})", op, found.count, found.first));
  }
  throw Error(Fault::unsupported, graph.name,
              fmt::format("{} cannot be spelled and not be expanded: {}{}",
                          counted(missing.size(), "operator"), listed(lines, "; "),
                          missing.contains("bernoulli")
                              ? "; bernoulli is a dropout at work: export the model in evaluation "
                                "mode, after model.eval()"
                              : ""));
}

bool needs_expansion(const Graph& graph, const Spells& spells) {
  return std::ranges::any_of(graph.nodes, [&](const Node& node) {
    return !spells(node.op) || std::ranges::any_of(node.bodies, [&](const Body& body) {
      return needs_expansion(*body, spells);
    });
  });
}

void find_missing(const Graph& graph, const Spells& spells, std::map<std::string, Missing>& all) {
  for (const Node& node : graph.nodes) {
    for (const Body& body : node.bodies) find_missing(*body, spells, all);
    if (spells(node.op) || op_named(node.op).expand != nullptr) continue;
    Missing& found = all[node.op];
    if (found.count++ == 0) found.first = describe(graph, node);
  }
}

}  // namespace

Body BodyMap::operator()(const Body& body) {
  const auto found = changed_.find(body);
  if (found != changed_.end()) return found->second;
  return changed_.emplace(body, std::make_shared<const Graph>(change_(*body))).first->second;
}

Node BodyMap::operator()(const Node& node) {
  Node result = node;
  for (Body& body : result.bodies) body = (*this)(body);
  return result;
}

void change_bodies(Graph& graph, BodyMap::Change change) {
  BodyMap bodies(std::move(change));
  for (Node& node : graph.nodes) {
    for (Body& body : node.bodies) body = bodies(body);
  }
}

Graph rewrite(const Graph& graph, const Rule& rule) {
  BodyMap bodies([&](const Graph& body) { return rewrite(body, rule); });
  Copy copy(graph);
  for (const Node& node : graph.nodes) {
    with_place([&] { return describe(graph, node); },
               [&] {
                 if (node.bodies.empty()) {
                   copy.add(node, rule);
                 } else {
                   copy.add(bodies(node), rule);
                 }
               });
  }
  return std::move(copy).finish();
}

Graph expand_unsupported(const Graph& graph, const Spells& spells) {
  Graph result = graph;
  while (needs_expansion(result, spells)) {
    std::map<std::string, Missing> missing;
    find_missing(result, spells, missing);
    if (!missing.empty()) refuse(graph, missing);
    result = rewrite(result,
                     [&](Builder& out, const Graph&, const Node& node,
                         std::span<const ValueId> inputs) -> std::optional<std::vector<ValueId>> {
                       if (spells(node.op)) return std::nullopt;
                       return expand_node(out, node, inputs);
                     });
  }
  return result;
}

std::vector<ValueId> expand_node(Builder& out, const Node& node, std::span<const ValueId> inputs) {
  return with_call(out, node, inputs, [&](const OpSchema& schema, const OpCall& call) {
    return emit_expansion(out, schema, call, out.graph().signature.lengths);
  });
}

}  // namespace isomer

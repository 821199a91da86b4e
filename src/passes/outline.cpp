#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/names.h"
#include "base/text.h"
#include "graph/text.h"
#include "ops/expansion.h"
#include "passes/copy.h"
#include "passes/passes.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

/// Nodes of one module that stand one behind the other.
struct Run {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string path;

  std::size_t size() const { return end - begin; }
};

/// All bodies that were made, by what they compute, and their names.
struct Blocks {
  std::unordered_map<std::string, Body> bodies;
  Names names;
};

/// The module that the scope names inside of `path`, one level down; empty where it is `path`.
std::string_view child_of(std::string_view scope, std::string_view path) {
  const std::size_t begin = path.empty() ? 0 : path.size() + 1;
  if (scope.size() <= begin) return {};
  return scope.substr(0, scope.find('.', begin));
}

std::string inside(const std::string& scope, const std::string& path) {
  return scope.size() <= path.size() ? std::string() : scope.substr(path.size() + 1);
}

/// "layers.0" is one of the layers.
std::string last_word(const std::string& path) {
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t dot = rest.rfind('.');
    const std::string_view word = dot == std::string_view::npos ? rest : rest.substr(dot + 1);
    if (word.find_first_not_of("0123456789") != std::string_view::npos) return std::string(word);
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(0, dot);
  }
  return "block";
}

class Outliner {
 public:
  Outliner(const Graph& graph, Blocks& blocks)
      : graph_(graph), blocks_(blocks), last_use_(graph.values.size(), 0) {
    for (const Constant& constant : graph.constants) constants_.emplace(constant.value, &constant);
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const ValueId id : graph.nodes[i].inputs) use(id, i);
    }
    for (const ValueId id : graph.outputs) use(id, forever);
    for (const State& state : graph.states) use(state.next, forever);
  }

  Graph run() {
    choose();
    return chosen_.empty() ? graph_ : with_calls();
  }

 private:
  static constexpr std::size_t forever = std::numeric_limits<std::size_t>::max();

  struct Chosen {
    Run run;
    std::string key;
  };

  void use(ValueId id, std::size_t by) {
    if (id != ValueId::none) last_use_[static_cast<std::size_t>(id)] = by;
  }

  // What repeats -----------------------------------------------------------------------------

  /// From the outermost modules inwards: what repeats is not looked into, since its body is.
  void choose() {
    constexpr int deepest = 64;
    std::vector<Run> open = {{0, graph_.nodes.size(), ""}};
    for (int depth = 0; depth < deepest && !open.empty(); ++depth) {
      std::vector<Chosen> candidates;
      for (const Run& run : open) add_children(run, candidates);
      std::unordered_map<std::string_view, int> count;
      for (const Chosen& one : candidates) ++count[one.key];
      open.clear();
      for (Chosen& one : candidates) {
        if (count.at(one.key) > 1 && !outputs_of(one.run).empty()) {
          chosen_.emplace(one.run.begin, one);
        } else {
          open.push_back(one.run);
        }
      }
    }
  }

  /// A block is more than a node.
  void add_children(const Run& run, std::vector<Chosen>& candidates) const {
    for (std::size_t begin = run.begin; begin < run.end;) {
      const std::string_view path = child_of(graph_.nodes[begin].scope, run.path);
      std::size_t end = begin + 1;
      while (end < run.end && child_of(graph_.nodes[end].scope, run.path) == path) ++end;
      Run child{begin, end, std::string(path)};
      if (!path.empty() && child.size() > 1) {
        std::string key = key_of(child);
        candidates.push_back({std::move(child), std::move(key)});
      }
      begin = end;
    }
  }

  /// A number of the author's program, which stands in the body.
  const Constant* literal(ValueId id) const {
    const auto found = constants_.find(id);
    if (found == constants_.end() || !is_literal(*found->second)) return nullptr;
    return is_complex(found->second->data.dtype()) ? nullptr : found->second;
  }

  /// Equal where the block computes the same: operators, attributes, types, and who uses what.
  std::string key_of(const Run& run) const {
    std::string key;
    const auto add = [&](std::string_view text) {
      key += fmt::format("{}:", text.size());
      key += text;
    };
    std::unordered_map<ValueId, std::size_t> numbers;
    const auto word = graph_.classes.find(run.path);
    add(word == graph_.classes.end() ? std::string() : word->second);
    for (std::size_t i = run.begin; i < run.end; ++i) {
      const Node& node = graph_.nodes[i];
      add(node.op);
      add(inside(node.scope, run.path));
      add(origin_text("", node.place));
      for (const NamedAttribute& attribute : node.attributes) {
        add(attribute.name);
        add(to_text(attribute.value));
      }
      for (const Body& body : node.bodies) add(to_text(*body, Data::all));
      for (const ValueId id : node.inputs) add(operand(id, numbers));
      for (const ValueId id : node.outputs) numbers.emplace(id, numbers.size());
    }
    for (const ValueId id : outputs_of(run)) add(fmt::format("{}", numbers.at(id)));
    return key;
  }

  std::string operand(ValueId id, std::unordered_map<ValueId, std::size_t>& numbers) const {
    if (id == ValueId::none) return "";
    if (const Constant* constant = literal(id)) {
      return fmt::format("{} {} {}", name_of(constant->data.dtype()), elements_text(constant->data),
                         constant->written ? exact_text(*constant->written) : "");
    }
    const auto [found, first] = numbers.emplace(id, numbers.size());
    return fmt::format("{}{}{}", constants_.contains(id) ? '=' : '#', found->second,
                       first ? to_text(graph_[id].type) : "");
  }

  /// What the nodes make and others use.
  Values outputs_of(const Run& run) const {
    Values outputs;
    for (std::size_t i = run.begin; i < run.end; ++i) {
      for (const ValueId id : graph_.nodes[i].outputs) {
        if (last_use_[static_cast<std::size_t>(id)] >= run.end) outputs.push_back(id);
      }
    }
    return outputs;
  }

  /// What they use and others make: what is computed, then weights.
  Values operands_of(const Run& run) const {
    Values computed;
    Values weights;
    std::unordered_map<ValueId, bool> seen;
    for (std::size_t i = run.begin; i < run.end; ++i) {
      for (const ValueId id : graph_.nodes[i].inputs) {
        if (id == ValueId::none || literal(id) != nullptr || !seen.emplace(id, true).second)
          continue;
        (constants_.contains(id) ? weights : computed).push_back(id);
      }
      for (const ValueId id : graph_.nodes[i].outputs) seen.emplace(id, true);
    }
    computed.insert(computed.end(), weights.begin(), weights.end());
    return computed;
  }

  // Bodies -----------------------------------------------------------------------------------

  std::string operand_name(ValueId id, const std::string& path) const {
    const auto found = constants_.find(id);
    if (found != constants_.end() && !found->second->names.empty()) {
      const std::string& name = found->second->names[0];
      if (name.starts_with(path + '.')) return identifier(name.substr(path.size() + 1));
    }
    return graph_[id].name;
  }

  const Body& body_of(const Chosen& chosen) {
    const auto known = blocks_.bodies.find(chosen.key);
    if (known != blocks_.bodies.end()) return known->second;
    const std::string& path = chosen.run.path;
    const auto word = graph_.classes.find(path);
    Builder b(blocks_.names.take(word == graph_.classes.end() ? last_word(path) : word->second));
    Signature signature;
    signature.lengths = lengths_inside(graph_.signature.lengths);
    b.assume(signature.lengths);
    std::unordered_map<ValueId, ValueId> now;
    for (const ValueId id : operands_of(chosen.run))
      now.emplace(id, b.input(operand_name(id, path), graph_[id].type));
    for (std::size_t i = chosen.run.begin; i < chosen.run.end; ++i)
      add_node(b, graph_.nodes[i], path, now);
    Values outputs;
    for (const ValueId id : outputs_of(chosen.run)) outputs.push_back(now.at(id));
    Graph body = std::move(b).finish(std::move(outputs), std::move(signature));
    for (auto one = graph_.classes.lower_bound(path + '.');
         one != graph_.classes.end() && one->first.starts_with(path + '.'); ++one)
      body.classes.emplace(inside(one->first, path), one->second);
    const Graph outlined = Outliner(body, blocks_).run();
    return blocks_.bodies.emplace(chosen.key, std::make_shared<const Graph>(outlined))
        .first->second;
  }

  void add_node(Builder& b, const Node& node, const std::string& path,
                std::unordered_map<ValueId, ValueId>& now) const {
    Values inputs;
    for (const ValueId id : node.inputs) {
      const Constant* constant = literal(id);
      if (constant != nullptr && !now.contains(id)) now.emplace(id, b.constant("", *constant));
      inputs.push_back(id == ValueId::none ? id : now.at(id));
    }
    b.at(inside(node.scope, path), node.place);
    const Values results = b.emit_all(node.op, std::move(inputs), node.attributes, node.bodies);
    for (std::size_t i = 0; i < results.size(); ++i) {
      now.emplace(node.outputs[i], results[i]);
      b.name(results[i], graph_[node.outputs[i]].name);
    }
  }

  // The graph --------------------------------------------------------------------------------

  /// What nodes outside of blocks, outputs and states use.
  std::vector<bool> used_outside() const {
    std::vector<bool> used(graph_.values.size());
    const auto note = [&](ValueId id) {
      if (id != ValueId::none) used[static_cast<std::size_t>(id)] = true;
    };
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const auto found = chosen_.find(i);
      if (found != chosen_.end()) {
        std::ranges::for_each(operands_of(found->second.run), note);
        i = found->second.run.end - 1;
      } else {
        std::ranges::for_each(graph_.nodes[i].inputs, note);
      }
    }
    std::ranges::for_each(graph_.outputs, note);
    for (const State& state : graph_.states) note(state.next);
    return used;
  }

  Graph with_calls() {
    Graph outside = graph_;
    std::erase_if(outside.constants, [&, used = used_outside()](const Constant& constant) {
      return is_literal(constant) && !used[static_cast<std::size_t>(constant.value)];
    });
    Builder out(graph_.name);
    Values now = copy_interface(out, outside);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const auto found = chosen_.find(i);
      if (found == chosen_.end()) {
        copy_node(out, graph_, graph_.nodes[i], now);
        continue;
      }
      const Run& run = found->second.run;
      out.at(run.path, {});
      const Values results =
          out.emit_all("call", mapped(operands_of(run), now), {}, {body_of(found->second)});
      const Values outputs = outputs_of(run);
      for (std::size_t j = 0; j < outputs.size(); ++j) {
        now[static_cast<std::size_t>(outputs[j])] = results[j];
        out.name(results[j], graph_[outputs[j]].name);
      }
      i = run.end - 1;
    }
    for (const State& state : graph_.states)
      out.keep(now[static_cast<std::size_t>(state.now)], now[static_cast<std::size_t>(state.next)]);
    Graph result = std::move(out).finish(mapped(graph_.outputs, now), graph_.signature);
    result.classes = graph_.classes;
    return result;
  }

  const Graph& graph_;
  Blocks& blocks_;
  std::vector<std::size_t> last_use_;  // by value
  std::unordered_map<ValueId, const Constant*> constants_;
  std::unordered_map<std::size_t, Chosen> chosen_;  // by where they begin
};

}  // namespace

Graph outline(const Graph& graph) {
  Blocks blocks;
  return Outliner(graph, blocks).run();
}

}  // namespace isomer

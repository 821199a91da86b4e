#include "systems/mdf/check_graph.h"

#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "systems/mdf/check_node.h"
#include "systems/mdf/executor.h"
#include "systems/mdf/remarks.h"

namespace isomer::mdf {
namespace {

/// What of the graph follows from none of its faults: without elements of which something is
/// missing, and what refers to them.
DocumentGraph sound_part(const DocumentGraph& graph, const Problems& told) {
  std::set<std::string> nodes;
  std::set<std::pair<std::string, std::string>> elements;  // of nodes
  std::set<std::string> edges;
  bool all = false;
  bool conditions = false;
  for (const Problem& problem : told.all()) {
    const Path& path = problem.path;
    if (problem.severity != Diagnostic::Severity::error || path.empty()) continue;
    constexpr std::size_t group = 3;  // of elements in a node
    if (path[0] == "nodes" && path.size() > group + 1) elements.insert({path[1], path[3]});
    if (path[0] == "nodes" && path.size() == 1) all = true;
    if (path[0] == "nodes" && (path.size() == 2 || path.size() == group)) nodes.insert(path[1]);
    if (path[0] == "edges" && path.size() > 1) edges.insert(path[1]);
    if (path[0] == "conditions") conditions = true;
  }
  DocumentGraph sound = graph;
  for (auto& [id, node] : sound.nodes) {
    if (nodes.contains(id)) node = {};
    for (auto& [name, parameter] : node.parameters) {
      if (elements.contains({id, name})) parameter = {};
    }
    for (auto& [name, function] : node.functions) {
      if (!elements.contains({id, name})) continue;
      function = {};
      function.value = "0";  // without a fault
    }
  }
  std::erase_if(sound.edges, [&](const auto& entry) {
    const Edge& edge = entry.second;
    return all || edges.contains(entry.first) || nodes.contains(edge.sender) ||
           nodes.contains(edge.receiver);
  });
  if (all || conditions || !nodes.empty()) sound.conditions = {};
  return sound;
}

class GraphChecker {
 public:
  GraphChecker(const DocumentGraph& graph, Problems& problems)
      : graph_(graph), problems_(problems) {
    for (const auto& [id, node] : graph.nodes) nodes_.emplace(id, &node);
  }

  /// `problems` holds what the executor has told.
  void check() {
    std::set<Path> told;
    for (const Problem& problem : problems_.all()) told.insert(problem.path);
    std::set<std::pair<std::string_view, std::string_view>> connected;
    for (const auto& [id, edge] : graph_.edges)
      connected.emplace(edge.receiver, edge.receiver_port);
    for (const auto& [id, node] : graph_.nodes) {
      std::set<std::string> open;
      for (const auto& [name, port] : node.input_ports) {
        if (!connected.contains({id, name}) && port.default_value.is_null()) open.insert(name);
      }
      check_node(id, node, open, told, problems_);
    }
    for (const auto& [id, edge] : graph_.edges) {
      const Tree* weight = weight_of(edge);
      const bool other =
          weight != nullptr && (weight->text() != nullptr || weight->map() != nullptr);
      if (other)
        problems_.error(
            {"edges", id, "parameters", "weight"},
            fmt::format("a weight is a number or a list of them, not {}", kind_of(*weight)));
      if (weight != nullptr && weight->list() != nullptr)
        problems_.warning({"edges", id, "parameters", "weight"},
                          "a list multiplies element by element, and is no matrix");
    }
    never_running();
    for (const std::string group : {"node_specific", "termination"}) {
      const Tree* members = graph_.conditions.find(group);
      if (members == nullptr || members->map() == nullptr) continue;
      for (const auto& [name, tree] : *members->map()) condition({"conditions", group, name}, tree);
    }
  }

 private:
  /// Ends that a condition keeps from giving anything.
  void never_running() {
    const Tree* members = graph_.conditions.find("node_specific");
    if (members == nullptr || members->map() == nullptr) return;
    std::set<std::string_view> never;
    for (const auto& [name, tree] : *members->map()) {
      const Tree* type = tree.find("type");
      if (type != nullptr && text_of(*type) == "Never") never.insert(name);
    }
    std::set<std::string_view> senders;
    for (const auto& [id, edge] : graph_.edges) senders.insert(edge.sender);
    std::size_t ends = 0;
    std::string_view stopped;
    for (const auto& [id, node] : graph_.nodes) {
      if (senders.contains(id)) continue;
      if (!never.contains(id)) ++ends;
      if (never.contains(id) && stopped.empty()) stopped = id;
    }
    if (ends == 0 && !stopped.empty())
      problems_.warning({"conditions", "node_specific", std::string(stopped)},
                        "no node at the end ever runs: the document gives nothing");
  }

  void condition(const Path& path, const Tree& tree) {
    const auto inside = [&](const std::string& key) {
      Path deeper = path;
      deeper.push_back(key);
      return deeper;
    };
    const Tree* type = tree.find("type");
    if (type == nullptr) return;
    const Tree* kwargs = tree.find("kwargs");
    const Tree* old = tree.find("args");
    const bool named = old == nullptr || (kwargs != nullptr && !(*kwargs == Tree{Tree::Map{}}));
    for (const auto& [key, value] : *tree.map()) {
      if (key == "type" || key == "kwargs") continue;
      problems_.warning(inside(key),
                        key == "args" && !named
                            ? "this is how kwargs were called once; releases do not look at it"
                            : fmt::format("{} is not looked at", quoted(key)),
                        "arguments of a condition stand in 'kwargs'");
    }
    if (!named) kwargs = old;
    if (kwargs == nullptr || kwargs->map() == nullptr) return;
    if (text_of(*type) == "Threshold") threshold(path, *kwargs);
    for (const auto& [key, value] : *kwargs->map()) {
      if (value.find("type") != nullptr) condition(inside(key), value);
      if (value.list() == nullptr) continue;
      for (const Tree& part : *value.list()) condition(inside(key), part);
    }
  }

  /// It may be asked before what it looks at has a value.
  void threshold(const Path& path, const Tree& kwargs) {
    const Tree* dependency = kwargs.find("dependency");
    const Tree* name = kwargs.find("parameter");
    if (dependency == nullptr || name == nullptr) return;
    const auto node = nodes_.find(text_of(*dependency));
    const Parameter* parameter =
        node == nodes_.end() ? nullptr : find(node->second->parameters, text_of(*name));
    if (parameter == nullptr || !parameter->default_initial_value.is_null()) return;
    problems_.warning(
        path,
        fmt::format("parameter {} has no value before its node has run", quoted(text_of(*name))),
        "a 'default_initial_value' is one");
  }

  const DocumentGraph& graph_;
  Problems& problems_;
  std::map<std::string, const Node*> nodes_;
};

}  // namespace

void check_graph(const DocumentGraph& graph, const RunOptions& options, const Problems& told,
                 Problems& problems) {
  DocumentGraph part;
  if (told.errors() != 0) part = sound_part(graph, told);
  const DocumentGraph& sound = told.errors() != 0 ? part : graph;
  const DocumentExecutor executor(sound, options, &problems);
  GraphChecker(sound, problems).check();
  add_ignored(sound, problems);
}

}  // namespace isomer::mdf

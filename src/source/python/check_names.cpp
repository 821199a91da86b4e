#include "source/python/check_names.h"

#include <algorithm>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "base/names.h"
#include "base/text.h"
#include "source/python/dialect.h"
#include "source/python/python_text.h"

namespace isomer::python {
namespace {

constexpr std::size_t deepest = 100;

class Faults {
 public:
  explicit Faults(const Dialect& dialect) : dialect_(dialect) {}

  /// A name with points in it.
  void check_path(const std::string& name) {
    if (known_.insert(name).second) check(name, fault_of(name));
  }
  void check_text(const std::string& name) { check(name, is_utf8(name) ? "" : "is not UTF-8"); }
  void check(const std::string& name, const std::string& fault) {
    if (!fault.empty() && faulty_.insert(name).second)
      list_.push_back(fmt::format("{}: {}", quoted(name), fault));
  }
  const std::vector<std::string>& list() const { return list_; }

 private:
  /// Why its parts cannot be attributes; empty when they can.
  std::string fault_of(const std::string& name) {
    if (!is_utf8(name)) return "is not UTF-8";
    if (name.empty() || name.front() == '.' || name.back() == '.' ||
        name.find("..") != std::string::npos)
      return "has an empty part";
    const auto parts = split_text(name, '.');
    if (parts.size() > deepest) return fmt::format("has more than {} parts", deepest);
    for (const std::string_view part : parts) {
      std::string text(part);
      if (fine_.contains(text)) continue;
      if (is_listed(part, dialect_.attributes))
        return fmt::format("every {} has '{}' already", dialect_.module, part);
      if (part.starts_with("__")) return "Python keeps names that begin with '__' to itself";
      fine_.insert(std::move(text));
    }
    return {};
  }

  const Dialect& dialect_;
  std::unordered_set<std::string> known_;  // paths
  std::unordered_set<std::string> fine_;   // parts of them
  std::set<std::string> faulty_;
  std::vector<std::string> list_;
};

// Keys of arguments and results stand in the text as they are.
void check_keys(Faults& faults, const Structure& structure) {
  for (const std::string& key : structure.keys) faults.check_text(key);
  for (const Structure& child : structure.children) check_keys(faults, child);
}

// A tensor cannot be a module, too.
void check_prefixes(Faults& faults, const std::set<std::string>& names) {
  for (const std::string& name : names) {
    const auto inside = names.lower_bound(name + ".");
    if (inside != names.end() && inside->starts_with(name + "."))
      faults.check(name, fmt::format("{} lies in it, and a tensor is no module", quoted(*inside)));
  }
}

}  // namespace

void check_names(const Dialect& dialect, const Graph& graph, std::string_view stem) {
  if (!is_utf8(stem)) {
    throw Error(
        Fault::usage, quoted(stem),
        fmt::format("{} source says the name of its weights; name files in UTF-8", dialect.name));
  }
  Faults faults(dialect);
  std::set<std::string> tensors;
  const auto add = [&](const std::vector<std::string>& names) {
    for (const std::string& name : names) faults.check_path(name);
    tensors.insert(names.begin(), names.end());
  };
  for (const Constant& constant : graph.constants) add(constant.names);
  for (const State& state : graph.states) add(state.names);
  check_prefixes(faults, tensors);
  for (const Node& node : graph.nodes) {
    if (!node.scope.empty()) faults.check_path(node.scope);
  }
  for (const auto* values : {&graph.inputs, &graph.outputs}) {
    for (const ValueId id : *values) faults.check_text(graph[id].name);
  }
  const Signature& signature = graph.signature;
  for (const Structure* side : {&signature.arguments, &signature.keywords, &signature.results})
    check_keys(faults, *side);
  if (faults.list().empty()) return;
  throw Error(Fault::unsupported, graph.name,
              fmt::format("{} that {} source cannot have; rename in the model:\n  {}",
                          counted(faults.list().size(), "name"), dialect.name,
                          listed(faults.list(), "\n  ")));
}

}  // namespace isomer::python

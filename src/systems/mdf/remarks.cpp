#include "systems/mdf/remarks.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "systems/mdf/evaluate.h"
#include "systems/mdf/standard.h"
#include "systems/mdf/wiring.h"
#include "vocabularies/onnx/onnx.h"

namespace isomer::mdf {
namespace {

/// An element of a node; its way is made only where something is to be told.
struct ElementPlace {
  std::string_view node, group, id;

  Path path() const { return {"nodes", std::string(node), std::string(group), std::string(id)}; }
};

class Ignored {
 public:
  explicit Ignored(Problems& problems) : problems_(problems) {}

  void graph(const DocumentGraph& graph) {
    for (const auto& [id, body] : graph.nodes) node(id, body);
    for (const auto& [id, edge] : graph.edges) {
      if (!edge.parameters) continue;
      for (const auto& [name, value] : *edge.parameters) {
        if (name == "weight") continue;
        note({"edges", id},
             fmt::format("the parameter {} has no meaning and is not used", quoted(name)));
      }
    }
    doubled_edges(graph);
  }

 private:
  void doubled_edges(const DocumentGraph& graph) {
    struct Target {
      std::string_view node, port;
      bool operator==(const Target&) const = default;
    };
    struct HashOfTarget {
      std::size_t operator()(const Target& place) const {
        constexpr std::size_t factor = 1'000'003;
        const std::hash<std::string_view> hash;
        return hash(place.node) * factor + hash(place.port);
      }
    };
    std::unordered_set<Target, HashOfTarget> joined;
    for (const auto& [id, node] : graph.nodes) {
      for (const auto& [name, port] : node.input_ports) {
        if (joins(port)) joined.insert({id, name});
      }
    }
    std::unordered_map<Target, std::string_view, HashOfTarget> last;
    last.reserve(graph.edges.size());
    for (const auto& [id, edge] : graph.edges) {
      const Target place{edge.receiver, edge.receiver_port};
      const auto [found, fresh] = last.try_emplace(place, id);
      if (fresh || joined.contains(place)) continue;
      note({"edges", std::string(found->second)},
           fmt::format("edge {} ends in input port {} of node {}, too, and comes later: what it "
                       "brings counts",
                       quoted(id), quoted(edge.receiver_port), quoted(edge.receiver)));
      found->second = id;
    }
  }

  void node(const std::string& id, const Node& node) {
    for (const auto& [name, port] : node.input_ports) {
      constexpr std::array<std::string_view, 3> words = {"", "int", "Tensor"};
      const bool known = std::ranges::find(words, port.type) != words.end() ||
                         port.type.find("float") != std::string::npos || dtype_of_word(port.type);
      if (!known) {
        note_in({id, "input_ports", name},
                fmt::format("the type {} is not known and taken for 'float'", quoted(port.type)));
      }
    }
    for (const auto& [name, body] : node.functions) function({id, "functions", name}, body);
    for (const auto& [name, body] : node.parameters) parameter({id, "parameters", name}, body);
  }

  void parameter(const ElementPlace& place, const Parameter& parameter) {
    std::string_view drives;
    for (const auto& [field, given] :
         {std::pair("value", !parameter.value.is_null()),
          std::pair("function", !parameter.function.empty()),
          std::pair("time_derivative", parameter.time_derivative.has_value())}) {
      if (given && !drives.empty())
        note_in(place, fmt::format("'{}' is not used beside '{}'", field, drives));
      if (given && drives.empty()) drives = field;
    }
    if (drives == "function" && parameter.args)
      arguments(place, parameter.function, *parameter.args, parameter.function);
  }

  void function(const ElementPlace& place, const Function& function) {
    const bool known =
        function.function.starts_with("onnx::") || !standard_formula(function.function).empty();
    if (known && function.value) note_in(place, "'value' is not used beside 'function'");
    if (function.unused_args)
      note_in(place, "'args' is not used beside a 'function' that is a mapping with its own");
    if (function.args)
      arguments(place, function.function, *function.args,
                function.value.value_or(function.function));
  }

  void arguments(const ElementPlace& place, std::string_view function, const OrderedMap<Tree>& args,
                 const std::string& fallback) {
    std::set<std::string> used;
    const bool named = function.starts_with("onnx::");
    const onnx::Operator* op = onnx_function(function);
    if (named && (op == nullptr || op->variadic())) return;
    if (op == nullptr) {
      const std::string formula = standard_formula(function);
      collect_names(Formula(formula.empty() ? fallback : formula), used);
    }
    // Backwards, because an argument may be there for a later one.
    for (std::size_t i = args.size(); i-- > 0;) {
      const auto& [name, tree] = args[i];
      const bool formal = op != nullptr && (is_input(*op, name) || attribute_kind(*op, name));
      if (!formal && !used.contains(name))
        note_in(place,
                fmt::format("the argument {} of {} is not used", quoted(name), quoted(function)));
      collect_names(Formula(tree), used);
    }
  }

  void note_in(const ElementPlace& place, std::string text) { note(place.path(), std::move(text)); }
  void note(const Path& place, std::string text) { problems_.warning(place, std::move(text)); }

  Problems& problems_;
};

}  // namespace

void add_ignored(const DocumentGraph& graph, Problems& problems) { Ignored(problems).graph(graph); }

void add_ignored(const Document& document, Problems& problems) {
  if (!document.format.starts_with("ModECI MDF v0.")) {
    problems.warning({"format"},
                     fmt::format("the format {} is not known; it is taken for 'ModECI MDF v0.4'",
                                 quoted(document.format)));
  }
  if (!document.onnx_opset_version.empty() &&
      document.onnx_opset_version != std::to_string(onnx_opset)) {
    problems.warning(
        {"onnx_opset_version"},
        fmt::format("onnx_opset_version {} is not looked at; operators are those of {}",
                    quoted(document.onnx_opset_version), onnx_opset));
  }
}

}  // namespace isomer::mdf

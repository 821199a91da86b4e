#include "systems/mdf/remarks.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/text.h"
#include "systems/mdf/evaluate.h"
#include "systems/mdf/standard.h"
#include "systems/mdf/wiring.h"
#include "vocabularies/onnx/onnx.h"

namespace isomer::mdf {
namespace {

void refuse_conditions(const Tree& conditions, std::vector<std::string>& refused) {
  for (const auto& [group, kind] :
       {std::pair("node_specific", "node"), std::pair("termination", "termination")}) {
    const Tree* found = conditions.find(group);
    if (found == nullptr || found->map() == nullptr) continue;
    for (const auto& [name, condition] : *found->map()) {
      const Tree* type = condition.find("type");
      refused.push_back(fmt::format(
          "{} {}: {} has no meaning in a graph; only the default conditions have", kind,
          quoted(name), type == nullptr ? "a condition without a type" : text_of(*type)));
    }
  }
}

class Ignored {
 public:
  explicit Ignored(std::vector<Note>& notes) : notes_(notes) {}

  void document(const Document& document) {
    const std::string place = fmt::format("model {}", quoted(document.id));
    if (!document.format.starts_with("ModECI MDF v0."))
      note(place, fmt::format("the format {} is not known; it is taken for 'ModECI MDF v0.4'",
                              quoted(document.format)));
    if (!document.onnx_opset_version.empty() &&
        document.onnx_opset_version != std::to_string(onnx_opset)) {
      note(place, fmt::format("onnx_opset_version {} is not looked at; operators are those of {}",
                              quoted(document.onnx_opset_version), onnx_opset));
    }
    for (const UnknownKey& unknown : document.unknown) {
      note(unknown.where,
           fmt::format("the key {} has no meaning and is dropped", quoted(unknown.key)));
    }
    if (!document.graphs.empty()) graph(document.graphs.front().second);
  }

  void graph(const DocumentGraph& graph) {
    for (const auto& [id, body] : graph.nodes) node(id, body);
    for (const auto& [id, edge] : graph.edges) {
      for (const auto& [name, value] : edge.parameters) {
        if (name == "weight") continue;
        note(fmt::format("edge {}", quoted(id)),
             fmt::format("the parameter {} has no meaning and is not used", quoted(name)));
      }
    }
    doubled_edges(graph);
  }

 private:
  void doubled_edges(const DocumentGraph& graph) {
    using Place = std::pair<std::string_view, std::string_view>;
    std::set<Place> joined;
    for (const auto& [id, node] : graph.nodes) {
      for (const auto& [name, port] : node.input_ports) {
        if (joins(port)) joined.emplace(id, name);
      }
    }
    std::map<Place, std::string_view> last;
    for (const auto& [id, edge] : graph.edges) {
      const Place place{edge.receiver, edge.receiver_port};
      const auto [found, fresh] = last.try_emplace(place, id);
      if (fresh || joined.contains(place)) continue;
      note(fmt::format("edge {}", quoted(found->second)),
           fmt::format("edge {} ends in input port {} of node {}, too, and comes later: what it "
                       "brings counts",
                       quoted(id), quoted(edge.receiver_port), quoted(edge.receiver)));
      found->second = id;
    }
  }

  void node(const std::string& id, const Node& node) {
    const std::string place = fmt::format("node {}", quoted(id));
    for (const auto& [name, port] : node.input_ports) {
      constexpr std::array<std::string_view, 3> words = {"", "int", "Tensor"};
      const bool known = std::ranges::find(words, port.type) != words.end() ||
                         port.type.find("float") != std::string::npos || dtype_of_word(port.type);
      if (!known) {
        note(fmt::format("{}, input port {}", place, quoted(name)),
             fmt::format("the type {} is not known and taken for 'float'", quoted(port.type)));
      }
    }
    for (const auto& [name, body] : node.functions)
      function(fmt::format("{}, function {}", place, quoted(name)), body);
    for (const auto& [name, body] : node.parameters)
      parameter(fmt::format("{}, parameter {}", place, quoted(name)), body);
  }

  void parameter(const std::string& place, const Parameter& parameter) {
    std::string_view drives;
    for (const auto& [field, given] :
         {std::pair("value", !parameter.value.is_null()),
          std::pair("function", !parameter.function.empty()),
          std::pair("time_derivative", parameter.time_derivative.has_value())}) {
      if (given && !drives.empty())
        note(place, fmt::format("'{}' is not used beside '{}'", field, drives));
      if (given && drives.empty()) drives = field;
    }
    if (drives == "function" && parameter.args)
      arguments(place, parameter.function, *parameter.args, parameter.function);
  }

  void function(const std::string& place, const Function& function) {
    const bool known =
        function.function.starts_with("onnx::") || !standard_formula(function.function).empty();
    if (known && function.value) note(place, fmt::format("'value' is not used beside 'function'"));
    arguments(place, function.function, function.args, function.value.value_or(function.function));
  }

  void arguments(const std::string& place, std::string_view function, const OrderedMap<Tree>& args,
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
        note(place,
             fmt::format("the argument {} of {} is not used", quoted(name), quoted(function)));
      collect_names(Formula(tree), used);
    }
  }

  void note(const std::string& place, std::string text) {
    notes_.push_back({place, std::move(text)});
  }

  std::vector<Note>& notes_;
};

}  // namespace

std::vector<std::string> refused_in(const DocumentGraph& graph) {
  std::vector<std::string> refused;
  refuse_conditions(graph.conditions, refused);
  return refused;
}

std::vector<Note> ignored_in(const Document& document) {
  std::vector<Note> notes;
  Ignored(notes).document(document);
  return notes;
}

}  // namespace isomer::mdf

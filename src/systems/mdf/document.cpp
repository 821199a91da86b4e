#include "systems/mdf/document.h"

#include <functional>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "codecs/json.h"

namespace isomer::mdf {
namespace {

// Walks a document's tree, knows where it is, and gathers the keys that nothing reads.
class Reader {
 public:
  Reader(std::string_view text, Document& document) : text_(text), document_(document) {}

  void model(const Tree& tree);

 private:
  using Keys = std::initializer_list<std::string_view>;

  [[noreturn]] void refuse(const Tree& tree, std::string_view what) const {
    std::string place = text_.empty() ? "" : line_and_column(text_, tree.offset);
    if (!path_.empty()) place += (place.empty() ? "" : ": ") + path_;
    throw Error(Fault::file, place, what);
  }

  /// Does `action` with `name` as part of the place.
  template <class Action>
  void inside(const std::string& name, const Action& action) {
    const std::size_t length = path_.size();
    path_ += (path_.empty() ? "" : ", ") + name;
    action();
    path_.resize(length);
  }

  const Tree::Map& body(const Tree& tree, Keys known);
  template <class T>
  void collection(const Tree& parent, std::string_view key, std::string_view kind,
                  Elements<T>& elements, const std::function<T(const Tree&)>& read);
  std::string text(const Tree& tree, std::string_view key, std::string otherwise = "");
  std::string required(const Tree& tree, std::string_view key);
  std::optional<std::string> optional_text(const Tree& tree, std::string_view key);
  std::vector<std::int64_t> shape(const Tree& tree);
  Tree child(const Tree& tree, std::string_view key) {
    const Tree* found = tree.find(key);
    return found == nullptr ? Tree{} : *found;
  }
  Tree metadata(const Tree& tree);
  Tree conditions(const Tree& tree);
  Elements<Tree> mapping(const Tree& tree, std::string_view what);

  DocumentGraph graph(const Tree& tree);
  Node node(const Tree& tree);
  InputPort input_port(const Tree& tree);
  OutputPort output_port(const Tree& tree);
  Parameter parameter(const Tree& tree);
  ParameterCondition condition(const Tree& tree);
  Function function(const Tree& tree);
  Edge edge(const Tree& tree);

  std::string_view text_;
  Document& document_;
  std::string path_;
};

const Tree::Map& Reader::body(const Tree& tree, Keys known) {
  const Tree::Map* map = tree.map();
  if (map == nullptr) refuse(tree, fmt::format("a mapping is needed here, not {}", kind_of(tree)));
  std::unordered_set<std::string_view> seen;
  for (const auto& [key, value] : *map) {
    if (!seen.insert(key).second)
      refuse(value, fmt::format("the key {} stands here twice", quoted(key)));
    bool found = false;
    for (const std::string_view name : known) found = found || name == key;
    if (!found) document_.dropped.push_back({path_, key});
  }
  return *map;
}

template <class T>
void Reader::collection(const Tree& parent, std::string_view key, std::string_view kind,
                        Elements<T>& elements, const std::function<T(const Tree&)>& read) {
  const Tree* tree = parent.find(key);
  if (tree == nullptr) return;
  const Tree::Map* map = tree->map();
  if (map == nullptr) {
    refuse(*tree, fmt::format("'{}' maps ids to elements; this is {}", key, kind_of(*tree)));
  }
  std::unordered_set<std::string_view> seen;
  elements.reserve(map->size());
  for (const auto& entry : *map) {
    inside(fmt::format("{} {}", kind, quoted(entry.first)), [&] {
      const auto& [id, element] = entry;
      if (!seen.insert(id).second)
        refuse(element, "the id stands twice; the later one would replace the earlier");
      elements.emplace_back(id, read(element));
    });
  }
}

std::optional<std::string> Reader::optional_text(const Tree& tree, std::string_view key) {
  const Tree* found = tree.find(key);
  if (found == nullptr || found->is_null()) return std::nullopt;
  return text_of(*found);
}

std::string Reader::text(const Tree& tree, std::string_view key, std::string otherwise) {
  return optional_text(tree, key).value_or(std::move(otherwise));
}

std::string Reader::required(const Tree& tree, std::string_view key) {
  const auto found = optional_text(tree, key);
  if (!found) refuse(tree, fmt::format("'{}' is missing", key));
  return *found;
}

std::vector<std::int64_t> Reader::shape(const Tree& tree) {
  const Tree* found = tree.find("shape");
  if (found == nullptr || found->is_null()) return {};
  const Tree::List* list = found->list();
  if (list == nullptr)
    refuse(*found, fmt::format("a shape is a list of integers, not {}", kind_of(*found)));
  std::vector<std::int64_t> lengths;
  for (const Tree& item : *list) {
    const double* real = std::get_if<double>(&item.value);
    const auto* integer = item.integer();
    constexpr double largest = 1e15;
    if (integer == nullptr && (real == nullptr || !(*real >= 0 && *real < largest))) {
      refuse(item, fmt::format("a length is an integer, not {}", kind_of(item)));
    }
    lengths.push_back(integer != nullptr ? *integer : static_cast<std::int64_t>(*real));
    if (lengths.back() < 0)
      refuse(item, fmt::format("a length is 0 or more, not {}", lengths.back()));
  }
  return lengths;
}

Tree Reader::metadata(const Tree& tree) {
  const Tree* found = tree.find("metadata");
  if (found == nullptr || found->is_null()) return {};
  if (found->map() == nullptr)
    refuse(*found, fmt::format("metadata is a mapping, not {}", kind_of(*found)));
  return *found;
}

Elements<Tree> Reader::mapping(const Tree& tree, std::string_view what) {
  if (tree.map() == nullptr)
    refuse(tree, fmt::format("{} map names to values; this is {}", what, kind_of(tree)));
  Elements<Tree> result;
  std::unordered_set<std::string_view> seen;
  for (const auto& [key, value] : *tree.map()) {
    if (!seen.insert(key).second)
      refuse(value, fmt::format("the key {} stands here twice", quoted(key)));
    result.emplace_back(key, value);
  }
  return result;
}

InputPort Reader::input_port(const Tree& tree) {
  body(tree, {"metadata", "shape", "type", "default_value", "reduce"});
  return {shape(tree), text(tree, "type"), child(tree, "default_value"), text(tree, "reduce"),
          metadata(tree)};
}

OutputPort Reader::output_port(const Tree& tree) {
  body(tree, {"metadata", "value", "shape", "type"});
  return {text(tree, "value"), shape(tree), text(tree, "type"), metadata(tree)};
}

ParameterCondition Reader::condition(const Tree& tree) {
  body(tree, {"id", "test", "value", "metadata"});
  return {child(tree, "test"), child(tree, "value")};
}

Parameter Reader::parameter(const Tree& tree) {
  body(tree, {"metadata", "value", "default_initial_value", "time_derivative", "function", "args",
              "conditions"});
  Parameter result;
  result.value = child(tree, "value");
  result.default_initial_value = child(tree, "default_initial_value");
  result.time_derivative = optional_text(tree, "time_derivative");
  result.function = text(tree, "function");
  if (const Tree* args = tree.find("args"); args != nullptr && !args->is_null()) {
    result.args = mapping(*args, "args");
  }
  result.metadata = metadata(tree);
  const Tree* conditions = tree.find("conditions");
  if (conditions == nullptr || conditions->is_null()) return result;
  const Tree::List* list = conditions->list();
  if (list == nullptr) {
    collection<ParameterCondition>(tree, "conditions", "condition", result.conditions,
                                   [this](const Tree& body) { return condition(body); });
    return result;
  }
  for (const Tree& item : *list) result.conditions.emplace_back(text(item, "id"), condition(item));
  return result;
}

Function Reader::function(const Tree& tree) {
  body(tree, {"metadata", "function", "args", "value"});
  Function result;
  const Tree* name = tree.find("function");
  const Tree* args = tree.find("args");
  if (name != nullptr && name->map() != nullptr) {
    if (name->map()->size() != 1)
      refuse(*name, "a function given as a mapping has one name with its args");
    result.function = name->map()->front().first;
    args = &name->map()->front().second;
  } else {
    result.function = text(tree, "function");
  }
  if (args != nullptr && !args->is_null()) result.args = mapping(*args, "args");
  result.value = optional_text(tree, "value");
  result.metadata = metadata(tree);
  return result;
}

Edge Reader::edge(const Tree& tree) {
  body(tree, {"sender", "receiver", "sender_port", "receiver_port", "metadata", "parameters"});
  Edge result{required(tree, "sender"),
              required(tree, "receiver"),
              required(tree, "sender_port"),
              required(tree, "receiver_port"),
              {},
              metadata(tree)};
  if (const Tree* parameters = tree.find("parameters");
      parameters != nullptr && !parameters->is_null()) {
    result.parameters = mapping(*parameters, "an edge's parameters");
  }
  return result;
}

Node Reader::node(const Tree& tree) {
  body(tree, {"metadata", "input_ports", "functions", "parameters", "output_ports"});
  Node result;
  result.offset = tree.offset;
  result.metadata = metadata(tree);
  collection<InputPort>(tree, "input_ports", "input port", result.input_ports,
                        [this](const Tree& body) { return input_port(body); });
  collection<Function>(tree, "functions", "function", result.functions,
                       [this](const Tree& body) { return function(body); });
  collection<Parameter>(tree, "parameters", "parameter", result.parameters,
                        [this](const Tree& body) { return parameter(body); });
  collection<OutputPort>(tree, "output_ports", "output port", result.output_ports,
                         [this](const Tree& body) { return output_port(body); });
  return result;
}

// Two groups of conditions by the name of what they apply to.
Tree Reader::conditions(const Tree& tree) {
  const Tree* found = tree.find("conditions");
  if (found == nullptr || found->is_null()) return {};
  inside("conditions", [&] {
    body(*found, {"node_specific", "termination", "metadata"});
    for (const std::string_view group : {"node_specific", "termination"}) {
      const Tree* members = found->find(group);
      if (members == nullptr || members->is_null() || members->map() != nullptr) continue;
      refuse(*members,
             fmt::format("'{}' maps names to conditions; this is {}", group, kind_of(*members)));
    }
  });
  return *found;
}

DocumentGraph Reader::graph(const Tree& tree) {
  body(tree, {"metadata", "nodes", "edges", "parameters", "conditions"});
  DocumentGraph result;
  result.metadata = metadata(tree);
  collection<Node>(tree, "nodes", "node", result.nodes,
                   [this](const Tree& body) { return node(body); });
  collection<Edge>(tree, "edges", "edge", result.edges,
                   [this](const Tree& body) { return edge(body); });
  if (const Tree* parameters = tree.find("parameters");
      parameters != nullptr && !parameters->is_null()) {
    result.parameters = mapping(*parameters, "a graph's parameters");
  }
  result.conditions = conditions(tree);
  return result;
}

void Reader::model(const Tree& tree) {
  const Tree::Map* top = tree.map();
  if (top == nullptr || top->empty()) {
    refuse(tree,
           fmt::format("a document maps a model's id to its body; this is {}", kind_of(tree)));
  }
  const bool flat = tree.find("id") != nullptr;
  document_.id = flat ? text(tree, "id") : top->front().first;
  const Tree& model = flat ? tree : top->front().second;
  for (std::size_t i = 1; !flat && i < top->size(); ++i)
    document_.others.push_back((*top)[i].first);
  inside(fmt::format("model {}", quoted(document_.id)), [&] {
    body(model,
         {"id", "format", "generating_application", "onnx_opset_version", "graphs", "metadata"});
    document_.format = text(model, "format", document_.format);
    document_.generating_application = text(model, "generating_application");
    document_.onnx_opset_version = text(model, "onnx_opset_version");
    document_.metadata = metadata(model);
    collection<DocumentGraph>(model, "graphs", "graph", document_.graphs,
                              [this](const Tree& body) { return graph(body); });
  });
}

// --- the way back
// --------------------------------------------------------------------------------------------------

void put(Tree::Map& map, std::string_view key, Tree value) {
  map.emplace_back(key, std::move(value));
}

void put_text(Tree::Map& map, std::string_view key, const std::string& text) {
  if (!text.empty()) put(map, key, {text});
}

void put_some(Tree::Map& map, std::string_view key, const Tree& tree) {
  if (!tree.is_null()) put(map, key, tree);
}

void put_shape(Tree::Map& map, const std::vector<std::int64_t>& shape) {
  if (shape.empty()) return;
  Tree::List lengths;
  for (const std::int64_t length : shape) lengths.push_back({length});
  put(map, "shape", {std::move(lengths)});
}

void put_mapping(Tree::Map& map, std::string_view key, const Elements<Tree>& elements) {
  Tree::Map result;
  for (const auto& [name, value] : elements) put(result, name, value);
  put(map, key, {std::move(result)});
}

Tree tree_of(const InputPort& port);
Tree tree_of(const OutputPort& port);
Tree tree_of(const Parameter& parameter);
Tree tree_of(const Function& function);
Tree tree_of(const Edge& edge);
Tree tree_of(const Node& node);
Tree tree_of(const DocumentGraph& graph);

template <class T>
void put_elements(Tree::Map& map, std::string_view key, const Elements<T>& elements) {
  if (elements.empty()) return;
  Tree::Map result;
  for (const auto& [id, element] : elements) put(result, id, tree_of(element));
  put(map, key, {std::move(result)});
}

Tree tree_of(const InputPort& port) {
  Tree::Map map;
  put_some(map, "metadata", port.metadata);
  put_shape(map, port.shape);
  put_text(map, "type", port.type);
  put_some(map, "default_value", port.default_value);
  put_text(map, "reduce", port.reduce);
  return {std::move(map)};
}

Tree tree_of(const OutputPort& port) {
  Tree::Map map;
  put_some(map, "metadata", port.metadata);
  put_text(map, "value", port.value);
  put_shape(map, port.shape);
  put_text(map, "type", port.type);
  return {std::move(map)};
}

Tree tree_of(const Parameter& parameter) {
  Tree::Map map;
  put_some(map, "metadata", parameter.metadata);
  put_some(map, "value", parameter.value);
  put_some(map, "default_initial_value", parameter.default_initial_value);
  if (parameter.time_derivative) put(map, "time_derivative", {*parameter.time_derivative});
  put_text(map, "function", parameter.function);
  if (parameter.args) put_mapping(map, "args", *parameter.args);
  if (parameter.conditions.empty()) return {std::move(map)};
  Tree::List conditions;
  for (const auto& [id, condition] : parameter.conditions) {
    conditions.push_back(
        {Tree::Map{{"id", {id}}, {"test", condition.test}, {"value", condition.value}}});
  }
  put(map, "conditions", {std::move(conditions)});
  return {std::move(map)};
}

Tree tree_of(const Function& function) {
  Tree::Map map;
  put_some(map, "metadata", function.metadata);
  put_text(map, "function", function.function);
  if (!function.args.empty()) put_mapping(map, "args", function.args);
  if (function.value) put(map, "value", {*function.value});
  return {std::move(map)};
}

Tree tree_of(const Edge& edge) {
  Tree::Map map;
  put(map, "sender", {edge.sender});
  put(map, "receiver", {edge.receiver});
  put(map, "sender_port", {edge.sender_port});
  put(map, "receiver_port", {edge.receiver_port});
  put_some(map, "metadata", edge.metadata);
  if (!edge.parameters.empty()) put_mapping(map, "parameters", edge.parameters);
  return {std::move(map)};
}

Tree tree_of(const Node& node) {
  Tree::Map map;
  put_some(map, "metadata", node.metadata);
  put_elements(map, "input_ports", node.input_ports);
  put_elements(map, "functions", node.functions);
  put_elements(map, "parameters", node.parameters);
  put_elements(map, "output_ports", node.output_ports);
  return {std::move(map)};
}

Tree tree_of(const DocumentGraph& graph) {
  Tree::Map map;
  put_some(map, "metadata", graph.metadata);
  put_elements(map, "nodes", graph.nodes);
  put_elements(map, "edges", graph.edges);
  if (!graph.parameters.empty()) put_mapping(map, "parameters", graph.parameters);
  put_some(map, "conditions", graph.conditions);
  return {std::move(map)};
}

}  // namespace

std::string text_of(const Tree& tree) {
  if (const std::string* text = tree.text()) return *text;
  if (const auto* number = tree.integer()) return std::to_string(*number);
  if (const double* number = std::get_if<double>(&tree.value)) return real_text(*number);
  if (const bool* flag = std::get_if<bool>(&tree.value)) return *flag ? "True" : "False";
  if (tree.is_null()) return "None";
  std::string result;
  if (const Tree::List* list = tree.list()) {
    for (const Tree& item : *list) result += (result.empty() ? "" : ", ") + text_of(item);
    return "[" + result + "]";
  }
  for (const auto& [key, item] : *tree.map()) {
    result += (result.empty() ? "'" : ", '") + key + "': " + text_of(item);
  }
  return "{" + result + "}";
}

Document read_document(const Tree& tree, std::string_view text) {
  Document document;
  Reader(text, document).model(tree);
  return document;
}

Tree to_tree(const Document& document) {
  Tree::Map map;
  put_some(map, "metadata", document.metadata);
  put(map, "format", {document.format});
  put(map, "generating_application", {document.generating_application});
  put_text(map, "onnx_opset_version", document.onnx_opset_version);
  put_elements(map, "graphs", document.graphs);
  return {Tree::Map{{document.id, {std::move(map)}}}};
}

}  // namespace isomer::mdf

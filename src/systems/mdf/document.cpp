#include "systems/mdf/document.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "codecs/json.h"

namespace isomer::mdf {
namespace {

// What each element holds, in the order in which it is written. `FieldReader` and `FieldWriter`
// both go through these lists.

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<InputPort>& port) {
  f.metadata(port.metadata);
  f.field("shape", port.shape);
  f.field("type", port.type);
  f.field("default_value", port.default_value);
  f.field("reduce", port.reduce);
  f.others(port.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<OutputPort>& port) {
  f.metadata(port.metadata);
  f.field("value", port.value);
  f.field("shape", port.shape);
  f.field("type", port.type);
  f.others(port.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<ParameterCondition>& condition) {
  f.always("test", condition.test);
  f.always("value", condition.value);
  f.unused("id");
  f.others(condition.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<Parameter>& parameter) {
  f.metadata(parameter.metadata);
  f.field("value", parameter.value);
  f.field("default_initial_value", parameter.default_initial_value);
  f.field("time_derivative", parameter.time_derivative);
  f.field("function", parameter.function);
  f.field("args", parameter.args);
  f.conditions(parameter.conditions);
  f.others(parameter.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<Function>& function) {
  f.metadata(function.metadata);
  f.function(function.function, function.args);
  f.field("value", function.value);
  f.others(function.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<Edge>& edge) {
  f.required("sender", edge.sender);
  f.required("receiver", edge.receiver);
  f.required("sender_port", edge.sender_port);
  f.required("receiver_port", edge.receiver_port);
  f.metadata(edge.metadata);
  f.field("parameters", edge.parameters);
  f.others(edge.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<Node>& node) {
  f.metadata(node.metadata);
  f.elements("input_ports", "input port", node.input_ports);
  f.elements("functions", "function", node.functions);
  f.elements("parameters", "parameter", node.parameters);
  f.elements("output_ports", "output port", node.output_ports);
  f.others(node.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<DocumentGraph>& graph) {
  f.metadata(graph.metadata);
  f.elements("nodes", "node", graph.nodes);
  f.elements("edges", "edge", graph.edges);
  f.field("parameters", graph.parameters);
  f.conditions(graph.conditions);
  f.others(graph.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<Document>& document) {
  f.metadata(document.metadata);
  f.always("format", document.format);
  f.always("generating_application", document.generating_application);
  f.field("onnx_opset_version", document.onnx_opset_version);
  f.elements("graphs", "graph", document.graphs);
  f.unused("id");
  f.others(document.others);
}

/// A shape as Python prints it: "(2, 3)", "(1,)", "()", "[4]".
std::optional<std::vector<std::int64_t>> shape_in(std::string_view text) {
  text = trimmed(text);
  const bool tuple = text.starts_with('(') && text.ends_with(')');
  if (text.size() < 2 || !(tuple || (text.starts_with('[') && text.ends_with(']'))))
    return std::nullopt;
  std::vector<std::int64_t> shape;
  const std::vector<std::string_view> parts = split_text(text.substr(1, text.size() - 2), ',');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string_view part = trimmed(parts[i]);
    if (part.empty() && i + 1 == parts.size()) break;
    std::int64_t length = 0;
    const char* end = part.data() + part.size();
    const auto [last, failed] = std::from_chars(part.data(), end, length);
    if (failed != std::errc() || last != end || length < 0) return std::nullopt;
    shape.push_back(length);
  }
  return shape;
}

/// Where something is read, and the keys there that have no meaning.
struct Source {
  std::string_view text;
  std::vector<UnknownKey>& unknown;
  const Dialect& dialect;
  std::string path = {};

  [[noreturn]] void refuse(const Tree& tree, std::string_view what) const {
    std::string place = text.empty() ? "" : line_and_column(text, tree.offset);
    if (!path.empty()) place += (place.empty() ? "" : ": ") + path;
    throw Error(Fault::file, place, what);
  }
  /// Does `action` with `name` as part of the place.
  template <class Action>
  void inside(const std::string& name, const Action& action) {
    const std::size_t length = path.size();
    path += (path.empty() ? "" : ", ") + name;
    action();
    path.resize(length);
  }
};

class FieldReader {
 public:
  template <class T>
  using Of = T;

  template <class T>
  static T read(Source& source, const Tree& tree) {
    FieldReader reader(source, tree);
    T element;
    each_field(reader, element);
    return element;
  }

  void required(std::string_view key, std::string& text) {
    field(key, text);
    if (child(key) == nullptr) source_.refuse(tree_, fmt::format("'{}' is missing", key));
  }
  template <class T>
  void always(std::string_view key, T& value) {
    field(key, value);
  }
  void unused(std::string_view key) { known_.push_back(key); }
  void field(std::string_view key, std::string& text) {
    if (const Tree* found = child(key)) text = text_of(*found);
  }
  void field(std::string_view key, std::optional<std::string>& text) {
    if (const Tree* found = child(key)) text = text_of(*found);
  }
  void field(std::string_view key, Tree& value) {
    if (const Tree* found = child(key)) value = *found;
  }
  void field(std::string_view key, std::vector<std::int64_t>& shape) {
    const Tree* found = child(key);
    if (found == nullptr) return;
    const std::string* text = found->text();
    const auto written =
        text != nullptr && source_.dialect.lenient ? shape_in(*text) : std::nullopt;
    if (written) {
      shape = *written;
      return;
    }
    if (found->list() == nullptr)
      source_.refuse(*found, fmt::format("a shape is a list of integers, not {}", kind_of(*found)));
    for (const Tree& item : *found->list()) shape.push_back(length_in(item));
  }
  void field(std::string_view key, OrderedMap<Tree>& values) {
    if (const Tree* found = child(key))
      values = map_in(*found, fmt::format("'{}' maps names to values; this is", key));
  }
  void field(std::string_view key, std::optional<OrderedMap<Tree>>& values) {
    if (child(key) != nullptr) field(key, values.emplace());
  }
  template <class T>
  void elements(std::string_view key, std::string_view kind, OrderedMap<T>& elements) {
    known_.push_back(key);
    const Tree* tree = tree_.find(key);
    if (tree == nullptr) return;
    const Tree::Map& map = map_in(*tree, fmt::format("'{}' maps ids to elements; this is", key));
    std::unordered_set<std::string_view> seen;
    elements.reserve(map.size());
    for (const auto& entry : map) {
      source_.inside(fmt::format("{} {}", kind, quoted(entry.first)), [&] {
        const auto& [id, element] = entry;
        if (!seen.insert(id).second)
          source_.refuse(element, "the id stands twice; the later one would replace the earlier");
        elements.emplace_back(id, read<T>(source_, element));
      });
    }
  }
  void metadata(Tree& metadata) {
    field("metadata", metadata);
    if (!metadata.is_null()) map_in(metadata, "metadata is a mapping, not");
  }
  void conditions(OrderedMap<ParameterCondition>& conditions) {
    const Tree* found = child("conditions");
    if (found == nullptr) return;
    if (found->list() == nullptr) return elements("conditions", "condition", conditions);
    for (const Tree& item : *found->list()) {
      const Tree* id = item.find("id");
      conditions.emplace_back(id == nullptr || id->is_null() ? "" : text_of(*id),
                              read<ParameterCondition>(source_, item));
    }
  }
  /// Keys without a meaning; told before those that stand deeper.
  void others(Tree::Map& others) {
    for (const auto& [key, value] : *tree_.map()) {
      if (std::ranges::find(known_, key) != known_.end()) continue;
      others.emplace_back(key, value);
      source_.unknown.insert(source_.unknown.begin() + static_cast<std::ptrdiff_t>(unknown_++),
                             {source_.path, key});
    }
  }
  /// Two groups of conditions by the name of what they apply to.
  void conditions(Tree& conditions) {
    field("conditions", conditions);
    if (conditions.is_null()) return;
    source_.inside("conditions", [&] {
      FieldReader groups(source_, conditions);
      groups.unused("metadata");
      for (const std::string_view group : {"node_specific", "termination"}) {
        const Tree* members = groups.child(group);
        if (members == nullptr) continue;
        map_in(*members, fmt::format("'{}' maps names to conditions; this is", group));
        for (const auto& [name, condition] : *members->map())
          source_.inside(quoted(name), [&] { check_condition(condition); });
      }
      Tree::Map others;
      groups.others(others);
    });
  }
  /// Its name with the arguments beside it, or a mapping of the one to the others.
  void function(std::string& function, OrderedMap<Tree>& args) {
    const Tree* name = child("function");
    if (name == nullptr || name->map() == nullptr) {
      field("function", function);
      return field("args", args);
    }
    unused("args");
    if (name->map()->size() != 1)
      source_.refuse(*name, "a function given as a mapping has one name with its args");
    function = name->map()->front().first;
    FieldReader(source_, *name).field(function, args);
  }

 private:
  FieldReader(Source& source, const Tree& tree)
      : source_(source), tree_(tree), unknown_(source.unknown.size()) {
    map_in(tree, "a mapping is needed here, not");
  }

  void check_condition(const Tree& condition) const {
    map_in(condition, "a condition is a mapping with a type, not");
    const Tree* type = condition.find("type");
    if (type == nullptr || type->is_null())
      source_.refuse(condition, "a condition has a 'type': Always, EveryNCalls, ...");
  }
  /// Null where it is absent.
  const Tree* child(std::string_view key) {
    known_.push_back(key);
    const Tree* found = tree_.find(key);
    return found == nullptr || found->is_null() ? nullptr : found;
  }
  /// `what` is for the message.
  const Tree::Map& map_in(const Tree& tree, std::string_view what) const {
    if (tree.map() == nullptr) source_.refuse(tree, fmt::format("{} {}", what, kind_of(tree)));
    return *tree.map();
  }
  std::int64_t length_in(const Tree& item) const {
    const double* real = std::get_if<double>(&item.value);
    const auto* integer = item.integer();
    constexpr double largest = 1e15;
    if (integer == nullptr && (real == nullptr || !(*real >= 0 && *real < largest)))
      source_.refuse(item, fmt::format("a length is an integer, not {}", kind_of(item)));
    const std::int64_t length = integer != nullptr ? *integer : static_cast<std::int64_t>(*real);
    if (length < 0) source_.refuse(item, fmt::format("a length is 0 or more, not {}", length));
    return length;
  }

  Source& source_;
  const Tree& tree_;
  std::size_t unknown_;  // where the next unknown key is told
  std::vector<std::string_view> known_;
};

class FieldWriter {
 public:
  template <class T>
  using Of = const T;

  template <class T>
  static Tree write(const T& element) {
    FieldWriter writer;
    each_field(writer, element);
    return {std::move(writer.map_)};
  }

  template <class T>
  void always(std::string_view key, const T& value) {
    put(key, {value});
  }
  void required(std::string_view key, const std::string& text) { put(key, {text}); }
  void unused(std::string_view) {}
  void others(const Tree::Map& others) { map_.insert(map_.end(), others.begin(), others.end()); }
  void field(std::string_view key, const std::string& text) {
    if (!text.empty()) put(key, {text});
  }
  void field(std::string_view key, const std::optional<std::string>& text) {
    if (text) put(key, {*text});
  }
  void field(std::string_view key, const Tree& tree) {
    if (!tree.is_null()) put(key, tree);
  }
  void field(std::string_view key, const std::vector<std::int64_t>& shape) {
    Tree::List lengths;
    for (const std::int64_t length : shape) lengths.push_back({length});
    if (!lengths.empty()) put(key, {std::move(lengths)});
  }
  void field(std::string_view key, const OrderedMap<Tree>& values) {
    if (!values.empty()) put(key, {values});
  }
  void field(std::string_view key, const std::optional<OrderedMap<Tree>>& values) {
    if (values) put(key, {*values});
  }
  template <class T>
  void elements(std::string_view key, std::string_view, const OrderedMap<T>& elements) {
    if (elements.empty()) return;
    Tree::Map map;
    for (const auto& [id, element] : elements) map.emplace_back(id, write(element));
    put(key, {std::move(map)});
  }
  void metadata(const Tree& metadata) { field("metadata", metadata); }
  void conditions(const Tree& conditions) {
    if (conditions.is_null()) return;
    Tree::Map groups;
    for (const auto& [name, group] : *conditions.map()) {
      Tree::Map members;
      const bool known = name == "node_specific" || name == "termination";
      if (known && group.map() != nullptr) {
        for (const auto& [id, condition] : *group.map())
          members.emplace_back(id, normal_condition(condition));
      }
      groups.emplace_back(name, members.empty() ? group : Tree{std::move(members)});
    }
    put("conditions", {std::move(groups)});
  }
  void conditions(const OrderedMap<ParameterCondition>& conditions) {
    if (conditions.empty()) return;
    Tree::List list;
    for (const auto& [id, condition] : conditions) {
      list.push_back(write(condition));
      auto& entries = std::get<Tree::Map>(list.back().value);
      entries.emplace(entries.begin(), "id", Tree{id});
    }
    put("conditions", {std::move(list)});
  }
  void function(const std::string& function, const OrderedMap<Tree>& args) {
    field("function", function);
    field("args", args);
  }

 private:
  /// With `kwargs` even where there are none, and nodes that stand in them by their ids.
  static Tree normal_condition(const Tree& condition) {
    Tree::Map map;
    for (const auto& [key, value] : *condition.map())
      map.emplace_back(key, key == "kwargs" ? normal_arguments(value) : value);
    if (condition.find("kwargs") == nullptr) map.emplace_back("kwargs", Tree{Tree::Map{}});
    return {std::move(map)};
  }
  static Tree normal_arguments(const Tree& arguments) {
    if (arguments.is_null()) return {Tree::Map{}};
    if (arguments.map() == nullptr) return arguments;
    Tree::Map map;
    for (const auto& [key, value] : *arguments.map()) map.emplace_back(key, normal_argument(value));
    return {std::move(map)};
  }
  static Tree normal_argument(const Tree& argument) {
    if (const Tree* id = argument.find("id")) return *id;
    if (argument.find("type") != nullptr) return normal_condition(argument);
    if (argument.list() == nullptr) return argument;
    Tree::List list;
    for (const Tree& item : *argument.list()) list.push_back(normal_argument(item));
    return {std::move(list)};
  }

  void put(std::string_view key, Tree value) { map_.emplace_back(key, std::move(value)); }

  Tree::Map map_;
};

}  // namespace

namespace {

/// As Python prints it inside a list.
std::string item_text(const Tree& tree) {
  const std::string* text = tree.text();
  if (text == nullptr) return text_of(tree);
  const char quote =
      text->find('\'') != std::string::npos && text->find('"') == std::string::npos ? '"' : '\'';
  std::string result(1, quote);
  for (const char c : *text) {
    if (c == quote || c == '\\') result += '\\';
    result += c;
  }
  return result + quote;
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
    for (const Tree& item : *list) result += (result.empty() ? "" : ", ") + item_text(item);
    return "[" + result + "]";
  }
  for (const auto& [key, item] : *tree.map()) {
    result += (result.empty() ? "'" : ", '") + key + "': " + item_text(item);
  }
  return "{" + result + "}";
}

const Tree* weight_of(const Edge& edge) {
  const Tree* weight = find(edge.parameters, "weight");
  const bool one = weight != nullptr && (*weight == Tree{std::int64_t{1}} || *weight == Tree{1.0});
  return one ? nullptr : weight;
}

Document read_document(const Tree& tree, std::string_view text, const Dialect& dialect) {
  std::vector<UnknownKey> unknown;
  Source source{text, unknown, dialect};
  const Tree::Map* top = tree.map();
  if (top == nullptr || top->empty()) {
    source.refuse(
        tree, fmt::format("a document maps a model's id to its body; this is {}", kind_of(tree)));
  }
  const Tree* flat = tree.find("id");
  const auto& [first, body] = top->front();
  const std::string id = flat == nullptr ? first : flat->is_null() ? "" : text_of(*flat);
  Document document;
  source.inside(fmt::format("model {}", quoted(id)), [&] {
    document = FieldReader::read<Document>(source, flat == nullptr ? body : tree);
  });
  document.id = id;
  for (std::size_t i = 1; flat == nullptr && i < top->size(); ++i)
    document.models.push_back((*top)[i]);
  document.unknown = std::move(unknown);
  return document;
}

Tree to_tree(const Document& document) {
  Tree::Map top{{document.id, FieldWriter::write(document)}};
  top.insert(top.end(), document.models.begin(), document.models.end());
  return {std::move(top)};
}

}  // namespace isomer::mdf

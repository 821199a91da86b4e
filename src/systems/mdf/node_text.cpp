#include "systems/mdf/node_text.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "graph/text.h"
#include "systems/mdf/expression.h"
#include "vocabularies/numpy/numbers.h"

namespace isomer::mdf {
namespace {

struct TypeWord {
  DType dtype;
  std::string_view word;
};

constexpr std::array<TypeWord, 10> type_words = {{{DType::f32, "float32"},
                                                  {DType::f64, "float64"},
                                                  {DType::f16, "float16"},
                                                  {DType::bf16, "bfloat16"},
                                                  {DType::i64, "int64"},
                                                  {DType::i32, "int32"},
                                                  {DType::i16, "int16"},
                                                  {DType::i8, "int8"},
                                                  {DType::u8, "uint8"},
                                                  {DType::boolean, "bool"}}};

constexpr std::array<std::string_view, 5> structure_kinds = {"leaf", "none", "tuple", "list",
                                                             "dict"};
constexpr int deepest = 64;

[[noreturn]] void refuse(std::string_view what) { throw Error(Fault::file, "metadata", what); }

Tree texts(const std::vector<std::string>& words) {
  Tree::List list;
  for (const std::string& word : words) list.push_back({word});
  return {std::move(list)};
}

std::vector<std::string> texts_in(const Tree* tree) {
  std::vector<std::string> result;
  if (tree == nullptr || tree->is_null()) return result;
  if (tree->list() == nullptr)
    refuse(fmt::format("a list of texts is needed, not {}", kind_of(*tree)));
  for (const Tree& item : *tree->list()) result.push_back(item.is_null() ? "" : text_of(item));
  return result;
}

std::string text_in(const Tree& tree, std::string_view key) {
  const Tree* found = tree.find(key);
  return found == nullptr || found->is_null() ? "" : text_of(*found);
}

// --- structures
// ------------------------------------------------------------------------------------

Tree tree_of(const Structure& structure) {
  Tree::Map map{{"kind", {std::string(structure_kinds[static_cast<std::size_t>(structure.kind)])}}};
  if (!structure.keys.empty()) map.emplace_back("keys", texts(structure.keys));
  Tree::List children;
  for (const Structure& child : structure.children) children.push_back(tree_of(child));
  if (!children.empty()) map.emplace_back("children", Tree{std::move(children)});
  return {std::move(map)};
}

Structure structure_in(const Tree* tree, int depth = 0) {
  Structure result;
  if (tree == nullptr) return result;
  if (depth > deepest) refuse("a structure is nested too deeply");
  const std::string kind = text_in(*tree, "kind");
  bool found = false;
  for (std::size_t i = 0; i < structure_kinds.size(); ++i) {
    if (structure_kinds[i] != kind) continue;
    result.kind = static_cast<Structure::Kind>(i);
    found = true;
  }
  if (!found) refuse(fmt::format("{} is no kind of structure", quoted(kind)));
  result.keys = texts_in(tree->find("keys"));
  const Tree* children = tree->find("children");
  if (children == nullptr || children->list() == nullptr) return result;
  for (const Tree& child : *children->list())
    result.children.push_back(structure_in(&child, depth + 1));
  return result;
}

Tree tree_of(const std::vector<LengthRange>& lengths) {
  Tree::List list;
  for (const LengthRange& range : lengths) {
    Tree::Map map{{"name", {range.name}}, {"least", {range.least}}};
    if (range.most) map.emplace_back("most", Tree{*range.most});
    list.push_back({std::move(map)});
  }
  return {std::move(list)};
}

std::vector<LengthRange> lengths_in(const Tree* tree) {
  std::vector<LengthRange> result;
  if (tree == nullptr || tree->list() == nullptr) return result;
  for (const Tree& item : *tree->list()) {
    LengthRange range{text_in(item, "name"), 0, std::nullopt};
    if (const Tree* least = item.find("least"); least != nullptr && least->integer() != nullptr) {
      range.least = *least->integer();
    }
    if (const Tree* most = item.find("most"); most != nullptr && most->integer() != nullptr) {
      range.most = *most->integer();
    }
    result.push_back(std::move(range));
  }
  return result;
}

// --- doors and weights
// -------------------------------------------------------------------------------

Tree tree_of(const std::vector<Door>& doors) {
  Tree::List list;
  for (const Door& door : doors) {
    list.push_back(
        {Tree::Map{{"id", {door.id}}, {"name", {door.name}}, {"type", {to_text(door.type)}}}});
  }
  return {std::move(list)};
}

std::vector<Door> doors_in(const Tree* tree) {
  std::vector<Door> result;
  if (tree == nullptr || tree->list() == nullptr) return result;
  for (const Tree& item : *tree->list()) {
    result.push_back(
        {text_in(item, "id"), text_in(item, "name"), parse_type(text_in(item, "type"))});
  }
  return result;
}

Tree tree_of(const StoredWeight& weight) {
  Tree::Map map{{"names", texts(weight.names)},
                {"type", {to_text(weight.type)}},
                {"trainable", {weight.trainable}}};
  switch (weight.where) {
    case StoredWeight::Where::parameter:
      map.emplace_back("node", Tree{weight.node});
      map.emplace_back("parameter", Tree{weight.id});
      break;
    case StoredWeight::Where::port: map.emplace_back("port", Tree{weight.id}); break;
    case StoredWeight::Where::unused: map.emplace_back("graph_parameter", Tree{weight.id}); break;
  }
  return {std::move(map)};
}

StoredWeight weight_in(const Tree& tree) {
  StoredWeight weight;
  weight.names = texts_in(tree.find("names"));
  weight.type = parse_type(text_in(tree, "type"));
  const Tree* trainable = tree.find("trainable");
  const bool* flag = trainable == nullptr ? nullptr : std::get_if<bool>(&trainable->value);
  weight.trainable = flag != nullptr && *flag;
  weight.node = text_in(tree, "node");
  weight.id = text_in(tree, "parameter");
  if (!weight.id.empty()) return weight;
  weight.id = text_in(tree, "port");
  weight.where = StoredWeight::Where::port;
  if (!weight.id.empty()) return weight;
  weight.id = text_in(tree, "graph_parameter");
  weight.where = StoredWeight::Where::unused;
  if (weight.id.empty())
    refuse("a weight stands in a parameter, a port or a graph_parameter; here is none of them");
  return weight;
}

// --- attributes
// --------------------------------------------------------------------------------------

Tree tree_of(const Dim& dim) { return dim.known() ? Tree{dim.value()} : Tree{to_text(dim)}; }

struct AttributeTree {
  Tree operator()(bool flag) const { return {flag}; }
  Tree operator()(std::int64_t number) const { return {number}; }
  Tree operator()(double number) const {
    return std::isfinite(number) ? Tree{number} : Tree{real_text(number)};
  }
  Tree operator()(const std::string& text) const { return {text}; }
  Tree operator()(DType dtype) const { return {std::string(name_of(dtype))}; }
  Tree operator()(const Dim& dim) const { return tree_of(dim); }
  template <class T>
  Tree operator()(const std::vector<T>& items) const {
    Tree::List list;
    for (const T& item : items) list.push_back((*this)(item));
    return {std::move(list)};
  }
};

Dim dim_in(const Tree& tree) {
  if (const auto* number = tree.integer()) return Dim(*number);
  if (tree.text() == nullptr)
    refuse(fmt::format("a length is a number or a text, not {}", kind_of(tree)));
  return parse_dim(*tree.text());
}

std::int64_t integer_in(const Tree& tree) {
  if (tree.integer() == nullptr) refuse(fmt::format("an integer is needed, not {}", kind_of(tree)));
  return *tree.integer();
}

double real_in(const Tree& tree) {
  if (const double* number = std::get_if<double>(&tree.value)) return *number;
  if (const std::string* text = tree.text()) {
    const Value number = numpy::number_in(*text);
    if (!number.is_none()) return real_of(number);
  }
  return static_cast<double>(integer_in(tree));
}

template <class T, class Read>
std::vector<T> items_in(const Tree& tree, const Read& read) {
  if (tree.list() == nullptr) refuse(fmt::format("a list is needed, not {}", kind_of(tree)));
  std::vector<T> result;
  for (const Tree& item : *tree.list()) result.push_back(read(item));
  return result;
}

Attribute attribute_in(const Tree& tree, Kind kind) {
  switch (kind) {
    case Kind::boolean: {
      const bool* flag = std::get_if<bool>(&tree.value);
      if (flag == nullptr) refuse(fmt::format("true or false is needed, not {}", kind_of(tree)));
      return *flag;
    }
    case Kind::integer: return integer_in(tree);
    case Kind::real: return real_in(tree);
    case Kind::text: return text_of(tree);
    case Kind::dtype: return parse_dtype(text_of(tree));
    case Kind::dim: return dim_in(tree);
    case Kind::integers: return items_in<std::int64_t>(tree, integer_in);
    case Kind::dims: return items_in<Dim>(tree, dim_in);
  }
  refuse("an attribute of this kind is not read");
}

Attributes attributes_in(const OpSchema& schema, const Tree* tree) {
  Attributes given;
  if (tree != nullptr && tree->map() != nullptr) {
    for (const auto& [name, value] : *tree->map()) {
      const Prototype& known = prototype(schema);
      for (const Prototype::Setting& setting : known.settings) {
        if (setting.name == name) given.push_back({name, attribute_in(value, setting.kind)});
      }
    }
  }
  return complete(schema, given);
}

double shortest(float value) {
  if (!std::isfinite(value)) return value;
  const std::string text = real_text(value);
  double result = 0;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

Tree element(const Tensor& tensor, std::size_t i, const std::vector<double>& reals,
             const std::vector<std::int64_t>& integers) {
  if (tensor.dtype() == DType::boolean) return {integers[i] != 0};
  if (!is_floating(tensor.dtype())) return {integers[i]};
  return {tensor.dtype() == DType::f64 ? reals[i] : shortest(static_cast<float>(reals[i]))};
}

Tree nested(const Tensor& tensor, std::size_t axis, std::size_t& next,
            const std::vector<double>& reals, const std::vector<std::int64_t>& integers) {
  if (axis == tensor.shape().size()) return element(tensor, next++, reals, integers);
  Tree::List list;
  list.reserve(static_cast<std::size_t>(tensor.shape()[axis]));
  for (std::int64_t i = 0; i < tensor.shape()[axis]; ++i) {
    list.push_back(nested(tensor, axis + 1, next, reals, integers));
  }
  return {std::move(list)};
}

}  // namespace

Tree to_tree(const Origin& origin) {
  Tree::Map map{{"name", {origin.name}},
                {"inputs", tree_of(origin.inputs)},
                {"outputs", tree_of(origin.outputs)}};
  if (!origin.signature.lengths.empty())
    map.emplace_back("lengths", tree_of(origin.signature.lengths));
  map.emplace_back("arguments", tree_of(origin.signature.arguments));
  map.emplace_back("keywords", tree_of(origin.signature.keywords));
  map.emplace_back("results", tree_of(origin.signature.results));
  if (!origin.tensors.empty()) map.emplace_back("tensors", Tree{origin.tensors});
  Tree::List weights;
  for (const StoredWeight& weight : origin.weights) weights.push_back(tree_of(weight));
  map.emplace_back("weights", Tree{std::move(weights)});
  return {Tree::Map{{"isomer", {std::move(map)}}}};
}

std::optional<Origin> origin_of(const Tree& metadata) {
  const Tree* tree = metadata.find("isomer");
  if (tree == nullptr) return std::nullopt;
  Origin origin;
  origin.name = text_in(*tree, "name");
  origin.inputs = doors_in(tree->find("inputs"));
  origin.outputs = doors_in(tree->find("outputs"));
  origin.tensors = text_in(*tree, "tensors");
  origin.signature.lengths = lengths_in(tree->find("lengths"));
  origin.signature.arguments = structure_in(tree->find("arguments"));
  origin.signature.keywords = structure_in(tree->find("keywords"));
  origin.signature.results = structure_in(tree->find("results"));
  if (const Tree* weights = tree->find("weights");
      weights != nullptr && weights->list() != nullptr) {
    for (const Tree& weight : *weights->list()) origin.weights.push_back(weight_in(weight));
  }
  return origin;
}

Tree to_tree(const NodeOrigin& origin) {
  Tree::Map map{{"op", {origin.op}}};
  Tree::Map attributes;
  for (const NamedAttribute& attribute : origin.attributes) {
    attributes.emplace_back(attribute.name, std::visit(AttributeTree{}, attribute.value));
  }
  if (!attributes.empty()) map.emplace_back("attributes", Tree{std::move(attributes)});
  map.emplace_back("inputs", texts(origin.inputs));
  std::vector<std::string> types;
  for (const TensorType& type : origin.outputs) types.push_back(to_text(type));
  map.emplace_back("types", texts(types));
  if (!origin.names.empty()) map.emplace_back("names", texts(origin.names));
  Tree::Map constants;
  for (const auto& [id, type] : origin.constants) constants.emplace_back(id, Tree{to_text(type)});
  if (!constants.empty()) map.emplace_back("constants", Tree{std::move(constants)});
  if (!origin.scope.empty()) map.emplace_back("module", Tree{origin.scope});
  if (!origin.place.file.empty()) {
    map.emplace_back("file", Tree{origin.place.file});
    map.emplace_back("line", Tree{std::int64_t{origin.place.line}});
  }
  return {std::move(map)};
}

void place_of(const Tree& metadata, std::string& scope, Place& place) {
  scope = text_in(metadata, "module");
  place.file = text_in(metadata, "file");
  const Tree* line = metadata.find("line");
  constexpr std::int64_t largest = 1'000'000'000;
  const bool given = line != nullptr && line->integer() != nullptr && *line->integer() >= 0;
  place.line = given && *line->integer() < largest ? static_cast<int>(*line->integer()) : 0;
}

std::optional<NodeOrigin> node_origin_of(const Tree& metadata, std::string* malformed) {
  NodeOrigin origin;
  origin.op = text_in(metadata, "op");
  place_of(metadata, origin.scope, origin.place);
  const OpSchema* schema = origin.op.empty() ? nullptr : find_op(origin.op);
  if (schema == nullptr) return std::nullopt;
  try {
    origin.attributes = attributes_in(*schema, metadata.find("attributes"));
    origin.inputs = texts_in(metadata.find("inputs"));
    for (const std::string& type : texts_in(metadata.find("types")))
      origin.outputs.push_back(parse_type(type));
    origin.names = texts_in(metadata.find("names"));
    if (const Tree* constants = metadata.find("constants");
        constants != nullptr && constants->map() != nullptr) {
      for (const auto& [id, type] : *constants->map())
        origin.constants.emplace_back(id, parse_type(text_of(type)));
    }
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    if (malformed != nullptr) *malformed = error.text();
    return std::nullopt;
  }
  return origin;
}

std::string_view type_word(DType dtype) {
  for (const TypeWord& row : type_words) {
    if (row.dtype == dtype) return row.word;
  }
  throw Error(Fault::unsupported, "", fmt::format("the format has no word for {}", name_of(dtype)));
}

std::optional<DType> dtype_of_word(std::string_view word) {
  for (const TypeWord& row : type_words) {
    if (row.word == word) return row.dtype;
  }
  return std::nullopt;
}

DType dtype_of_port(std::string_view word) {
  return word == "int" ? DType::i64 : dtype_of_word(word).value_or(DType::f32);
}

Tree nested_lists(const Tensor& tensor) {
  const bool real = is_floating(tensor.dtype());
  const std::vector<double> reals = real ? tensor.doubles() : std::vector<double>();
  const std::vector<std::int64_t> integers = real ? std::vector<std::int64_t>() : tensor.integers();
  std::size_t next = 0;
  return nested(tensor, 0, next, reals, integers);
}

std::string length_in(const std::string& symbol,
                      const std::vector<std::optional<Operand>>& operands,
                      const std::vector<Door>& inputs) {
  const auto axis_in = [&symbol](const Shape& shape) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (shape[i].lone_symbol() == symbol) return i;
    }
    return std::nullopt;
  };
  for (const auto& operand : operands) {
    if (!operand) continue;
    if (const auto axis = axis_in(operand->type.shape))
      return fmt::format("numpy.size({},{})", operand->id, *axis);
  }
  for (const Door& input : inputs) {
    if (const auto axis = axis_in(input.type.shape))
      return fmt::format("numpy.size({},{})", input.id, *axis);
  }
  return "";
}

bool has_numbered_ports(std::string_view op) { return op == "cat"; }

}  // namespace isomer::mdf

#include "systems/mdf/node_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "graph/text.h"
#include "ops/text.h"
#include "systems/mdf/old_metadata.h"

namespace isomer::mdf {
namespace {

constexpr std::string_view metadata_key = "isomer";

std::string ports_text(const std::vector<InterfacePort>& ports) {
  std::vector<std::string> parts;
  for (const InterfacePort& port : ports) {
    parts.push_back(fmt::format("{} = {}: {}", word_or_quoted(port.name, "_"),
                                word_or_quoted(port.id, "_"), isomer::to_text(port.type)));
  }
  return fmt::format("({})", fmt::join(parts, ", "));
}

std::vector<InterfacePort> read_ports(Cursor& cursor) {
  std::vector<InterfacePort> ports;
  read_list(cursor, "(", ")", [&] {
    InterfacePort port;
    port.name = read_word_or_quoted(cursor);
    cursor.demand("=");
    port.id = read_word_or_quoted(cursor);
    cursor.demand(":");
    port.type = read_type(cursor);
    ports.push_back(std::move(port));
  });
  return ports;
}

constexpr std::string_view where_words[] = {"parameter", "port", "graph_parameter"};

std::string weight_text(const StoredWeight& weight) {
  std::string text = weight.trainable ? "weight" : "buffer";
  for (const std::string& name : weight.names) text += " " + quoted_with(name, '"');
  text += fmt::format(" = {} {}", where_words[static_cast<std::size_t>(weight.where)],
                      word_or_quoted(weight.id, "_"));
  if (weight.where == StoredWeight::Where::parameter)
    text += " of " + word_or_quoted(weight.node, "_");
  return text + ": " + isomer::to_text(weight.type);
}

StoredWeight read_weight(Cursor& cursor, bool trainable) {
  StoredWeight weight;
  weight.trainable = trainable;
  while (cursor.peek() == '"') weight.names.push_back(cursor.quoted_text());
  cursor.demand("=");
  const auto* const word = std::ranges::find_if(
      where_words, [&](std::string_view candidate) { return cursor.take(candidate); });
  if (word == std::end(where_words))
    cursor.fail("a weight stands in a parameter, a port or a graph_parameter");
  weight.where = static_cast<StoredWeight::Where>(word - where_words);
  weight.id = read_word_or_quoted(cursor);
  if (cursor.take("of")) weight.node = read_word_or_quoted(cursor);
  cursor.demand(":");
  weight.type = read_type(cursor);
  return weight;
}

Origin read_origin(std::string_view text) {
  Cursor cursor(text);
  Origin origin;
  cursor.demand("graph");
  origin.name = read_word_or_quoted(cursor);
  origin.inputs = read_ports(cursor);
  cursor.demand("->");
  origin.outputs = read_ports(cursor);
  std::vector<LengthRange> lengths;
  for (cursor.next_line(); !cursor.at_end(); cursor.next_line()) {
    if (cursor.take("called")) {
      origin.signature = read_signature(cursor);
    } else if (cursor.take("length")) {
      lengths.push_back(read_range(cursor));
    } else if (cursor.take("module")) {
      read_module(cursor, origin.classes);
    } else if (cursor.take("data")) {
      origin.tensors = cursor.quoted_text();
    } else if (cursor.take("weight")) {
      origin.weights.push_back(read_weight(cursor, true));
    } else {
      cursor.demand("buffer");
      origin.weights.push_back(read_weight(cursor, false));
    }
  }
  origin.signature.lengths = std::move(lengths);
  return origin;
}

std::string to_line(const NodeOrigin& origin) {
  std::vector<std::string> arguments;
  for (const std::string& id : origin.inputs) {
    std::string text = id == "none" ? quoted_with(id, '"') : word_or_quoted(id, "_");
    if (const TensorType* type = find(origin.constants, id)) text += ": " + isomer::to_text(*type);
    arguments.push_back(id.empty() ? "none" : text);
  }
  for (const NamedAttribute& attribute : origin.attributes)
    arguments.push_back(fmt::format("{}={}", attribute.name, isomer::to_text(attribute.value)));
  std::vector<std::string> outputs;
  for (std::size_t i = 0; i < origin.outputs.size(); ++i) {
    const std::string type = isomer::to_text(origin.outputs[i]);
    outputs.push_back(origin.names.empty() ? type
                                           : word_or_quoted(origin.names[i], "_") + ": " + type);
  }
  return fmt::format("{}({}) -> ({}){}", origin.op, fmt::join(arguments, ", "),
                     fmt::join(outputs, ", "), origin_text(origin.scope, origin.place));
}

void read_operand(Cursor& cursor, const OpSchema& schema, NodeOrigin& origin) {
  const std::size_t begin = cursor.offset();
  const std::string word(cursor.word());
  if (!word.empty() && cursor.take("=")) {
    origin.attributes.push_back({word, read_attribute(cursor, schema, word, begin)});
    return;
  }
  cursor.move_to(begin);
  if (cursor.take("none")) {
    origin.inputs.emplace_back();
    return;
  }
  origin.inputs.push_back(read_word_or_quoted(cursor));
  if (origin.inputs.back().empty()) cursor.fail("an operand or an attribute should come here");
  if (cursor.take(":")) origin.constants.emplace_back(origin.inputs.back(), read_type(cursor));
}

/// Nothing where the operator is none of ours.
std::optional<NodeOrigin> read_node(std::string_view line) {
  Cursor cursor(line);
  NodeOrigin origin;
  origin.op = cursor.word();
  const OpSchema* schema = find_op(origin.op);
  if (schema == nullptr) return std::nullopt;
  read_list(cursor, "(", ")", [&] { read_operand(cursor, *schema, origin); });
  cursor.demand("->");
  read_list(cursor, "(", ")", [&] {
    const std::size_t begin = cursor.offset();
    const std::string name = read_word_or_quoted(cursor);
    if (cursor.take(":")) {
      origin.names.push_back(name);
    } else {
      cursor.move_to(begin);
    }
    origin.outputs.push_back(read_type(cursor));
  });
  if (!origin.names.empty() && origin.names.size() != origin.outputs.size())
    cursor.fail("either all outputs have names or none has");
  isomer::read_origin(cursor, origin.scope, origin.place);
  if (!cursor.at_end()) cursor.fail("here the line should end");
  origin.attributes = complete(*schema, origin.attributes);
  return origin;
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
  std::vector<std::string> lines;
  lines.push_back(fmt::format("graph {}{} -> {}", word_or_quoted(origin.name, "_"),
                              ports_text(origin.inputs), ports_text(origin.outputs)));
  lines.push_back("called " + isomer::to_text(origin.signature));
  for (const LengthRange& range : origin.signature.lengths)
    lines.push_back("length " + isomer::to_text(range));
  for (const auto& [path, name] : origin.classes)
    lines.push_back("module " + module_text(path, name));
  if (!origin.tensors.empty()) lines.push_back("data " + quoted_with(origin.tensors, '"'));
  for (const StoredWeight& weight : origin.weights) lines.push_back(weight_text(weight));
  Tree::List list;
  for (std::string& line : lines) list.push_back({std::move(line)});
  return {Tree::Map{{std::string(metadata_key), {std::move(list)}}}};
}

std::optional<Origin> origin_of(const Tree& metadata) {
  const Tree* tree = metadata.find(metadata_key);
  if (tree == nullptr) return std::nullopt;
  return with_place("metadata", [&] {
    if (tree->map() != nullptr) return read_origin(lines_of(*tree));
    std::vector<std::string> lines;
    if (tree->list() == nullptr)
      throw Error(Fault::file, "", fmt::format("lines are needed, not {}", kind_of(*tree)));
    for (const Tree& line : *tree->list()) lines.push_back(text_of(line));
    return read_origin(fmt::format("{}", fmt::join(lines, "\n")));
  });
}

Tree to_tree(const NodeOrigin& origin) {
  return {Tree::Map{{std::string(metadata_key), {to_line(origin)}}}};
}

std::optional<NodeOrigin> node_origin_of(const Tree& metadata, std::string* malformed) {
  try {
    const Tree* line = metadata.find(metadata_key);
    return read_node(line == nullptr ? line_of(metadata) : text_of(*line));
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    if (malformed != nullptr) *malformed = error.text();
    return std::nullopt;
  }
}

void place_of(const Tree& metadata, std::string& scope, Place& place) {
  if (metadata.find(metadata_key) == nullptr) return place_in(metadata, scope, place);
  if (const auto origin = node_origin_of(metadata)) {
    scope = origin->scope;
    place = origin->place;
  }
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
                      const std::vector<InterfacePort>& inputs,
                      std::span<const LengthRange> lengths) {
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
  for (const InterfacePort& input : inputs) {
    if (const auto axis = axis_in(input.type.shape))
      return fmt::format("numpy.size({},{})", input.id, *axis);
  }
  const auto told = std::ranges::find(lengths, symbol, &LengthRange::name);
  if (told != lengths.end() && told->input) return inputs.at(*told->input).id;
  return "";
}

bool has_numbered_ports(std::string_view op) { return op == "cat"; }

}  // namespace isomer::mdf

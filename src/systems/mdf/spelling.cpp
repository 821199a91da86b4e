#include "systems/mdf/spelling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "systems/mdf/expression.h"
#include "systems/mdf/mdf.h"
#include "systems/mdf/standard.h"

namespace isomer::mdf {
namespace {

// A length is printed with names, floordiv() and mod(); here they become what
// Python computes.
Expression in_python(Expression e, const LengthText& length_text) {
  for (Expression& operand : e.operands) operand = in_python(std::move(operand), length_text);
  if (e.kind == Expression::Kind::call && e.operands[0].kind == Expression::Kind::name) {
    const std::string& name = e.operands[0].text;
    if (name == "floordiv" || name == "mod") {
      Expression result;
      result.kind = Expression::Kind::binary;
      result.text = name == "mod" ? "%" : "//";
      result.operands = {e.operands[1], e.operands[2]};
      return result;
    }
  }
  if (e.kind != Expression::Kind::name || e.text == "floordiv" || e.text == "mod" ||
      e.text == "min" || e.text == "max") {
    return e;
  }
  const std::string text = length_text(e.text);
  if (text.empty()) {
    throw Error(Fault::unsupported, "",
                fmt::format("the length {} is no length of an input, so a "
                            "document cannot compute it",
                            quoted(e.text)));
  }
  return parse_expression(text);
}

Tree constant_tree(const Phrase& phrase, const Attribute& constant) {
  if (const auto* number = std::get_if<std::int64_t>(&constant)) return {*number};
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&constant)) return tree_of(*list);
  if (const auto* lengths = std::get_if<std::vector<Dim>>(&constant))
    return phrase.lengths(*lengths);
  const double* number = std::get_if<double>(&constant);
  expect(number != nullptr, "what ONNX's rows write is numbers, and lists of integers or lengths");
  if (std::isfinite(*number)) return {*number};
  return {"numpy.array(" + number_text(*number) + ")"};
}

/// An output without elements is a shape and nothing else; the reference cannot
/// hand an empty array to ONNX.
std::optional<std::string> empty_result(const Phrase& phrase) {
  if (phrase.outputs.size() != 1) return std::nullopt;
  const Shape& shape = phrase.outputs[0].shape;
  if (std::ranges::find(shape, Dim(0)) == shape.end()) return std::nullopt;
  const DType dtype = phrase.outputs[0].dtype;
  const std::string_view word = is_floating(dtype)        ? "float"
                                : dtype == DType::boolean ? "bool"
                                                          : "int";
  return fmt::format("numpy.zeros({},{})", phrase.tuple(shape), word);
}

std::string filled(std::string_view pattern, const Phrase& phrase) {
  std::string result;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '{') {
      result += pattern[i];
      continue;
    }
    result += phrase.id(static_cast<std::size_t>(pattern[i + 1] - '0'));
    i += 2;
  }
  return result;
}

}  // namespace

std::string Phrase::text(const Dim& length) const {
  if (length.known()) return std::to_string(length.value());
  return to_text(in_python(parse_expression(isomer::to_text(length)), length_text));
}

std::string Phrase::tuple(std::span<const Dim> values) const {
  std::string items;
  for (const Dim& length : values) items += text(length) + ",";
  return "(" + items + ")";
}

Tree Phrase::lengths(std::span<const Dim> values) const {
  const auto known = known_shape({values.begin(), values.end()});
  return known ? tree_of(*known) : Tree{"numpy.array(" + tuple(values) + ")"};
}

Parameter parameter_of(Tree value) {
  Parameter result;
  result.value = std::move(value);
  return result;
}

Tree tree_of(std::span<const std::int64_t> integers) {
  Tree::List list;
  for (const std::int64_t number : integers) list.push_back({number});
  return {std::move(list)};
}

Wording expression(std::string text) {
  Wording wording;
  wording.parameters.emplace_back("result", parameter_of({std::move(text)}));
  wording.outputs = {"result"};
  return wording;
}

std::string argument(const Operand& operand, bool result_has_axes) {
  const bool axes = !operand.type.shape.empty();
  // A plain number is given one axis by the operator, which is harmless where
  // the result has axes anyway.
  const bool plain = operand.literal && result_has_axes && operand.type.dtype != DType::boolean;
  return axes || plain ? operand.id : "numpy.array(" + operand.id + ")";
}

Wording call_with(std::string_view function, const Elements<Tree>& args, Elements<Tree> settings) {
  Wording wording;
  for (auto& [name, value] : settings)
    wording.parameters.emplace_back(name, parameter_of(std::move(value)));
  const std::string id = fmt::format("onnx_{}_1", function);
  Parameter parameter;
  parameter.function = fmt::format("onnx::{}", function);
  parameter.args = args;
  wording.parameters.emplace_back(id, std::move(parameter));
  wording.outputs = {id};
  return wording;
}

std::optional<Wording> in_onnx(const Phrase& phrase) {
  std::vector<ValueId> places;
  std::vector<TensorType> types;
  for (std::size_t i = 0; i < phrase.inputs.size(); ++i) {
    places.push_back(phrase.has(i) ? ValueId(i) : ValueId::none);
    types.push_back(phrase.has(i) ? phrase.type(i) : TensorType{});
  }
  const OpCall call{phrase.attributes, places, types};
  const auto node = onnx::write({phrase.op, call, phrase.outputs}, onnx_opset);
  if (!node) return std::nullopt;
  const onnx::Operator& op = *onnx::find(node->name, onnx_opset);
  Elements<Tree> args;
  Elements<Tree> settings;
  std::string names;  // of what takes any number, as one list
  for (std::size_t i = 0; i < node->inputs.size(); ++i) {
    const auto& [value, constant] = node->inputs[i];
    const auto place = static_cast<std::size_t>(value);
    if (op.variadic()) {
      names += (i == 0 ? "'" : ", '") + phrase.id(place) + "'";
      continue;
    }
    const std::string formal(op.prototype.inputs[i].name);
    if (value != ValueId::none) {
      args.emplace_back(formal,
                        Tree{argument(*phrase.inputs[place], !phrase.outputs[0].shape.empty())});
    } else if (constant) {
      settings.emplace_back(formal, constant_tree(phrase, *constant));
      args.emplace_back(formal, Tree{formal});
    }
  }
  if (op.variadic())
    args.emplace_back(std::string(op.prototype.inputs[0].name), Tree{"[" + names + "]"});
  for (const auto& [name, value] : node->attributes)
    settings.emplace_back(name, constant_tree(phrase, value));
  Wording wording = call_with(node->name, args, std::move(settings));
  if (phrase.outputs.size() > 1) {
    const std::string all = wording.outputs[0];
    wording.outputs.clear();
    for (std::size_t i = 0; i < phrase.outputs.size(); ++i)
      wording.outputs.push_back(fmt::format("{}[{}]", all, i));
  }
  return wording;
}

std::string tuple_text(std::span<const std::int64_t> integers) {
  return fmt::format("({}{})", fmt::join(integers, ","), integers.size() == 1 ? "," : "");
}

std::string number_text(double value) {
  if (std::isinf(value)) return value < 0 ? "-numpy.inf" : "numpy.inf";
  if (std::isnan(value)) return "numpy.nan";
  constexpr double largest = 1e15;
  const bool negative_zero = value == 0 && std::signbit(value);
  if (value == std::floor(value) && std::abs(value) < largest && !negative_zero)
    return fmt::format("{:.0f}", value);
  return real_text(value);
}

namespace {

/// Null when there is none.
const Spelling* spelling_of(std::string_view op) {
  static const std::unordered_map<std::string_view, const Spelling*> table = [] {
    std::unordered_map<std::string_view, const Spelling*> result;
    for (const auto rows :
         {elementwise_spellings(), shape_spellings(), reduction_spellings(), layer_spellings()}) {
      for (const Spelling& row : rows) result.emplace(row.op, &row);
    }
    return result;
  }();
  const auto found = table.find(op);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace

bool spells(std::string_view op) {
  return spelling_of(op) != nullptr || onnx::writes(op, onnx_opset);
}

std::optional<Wording> spell(const Phrase& phrase) {
  if (!spells(phrase.op)) return std::nullopt;
  if (const auto nothing = empty_result(phrase)) return expression(*nothing);
  const Spelling* row = spelling_of(phrase.op);
  if (row == nullptr) return in_onnx(phrase);
  if (row->word != nullptr) return row->word(phrase);
  return expression(filled(row->expression, phrase));
}

const std::vector<std::string_view>& reserved_words() {
  static const std::vector<std::string_view> words = [] {
    std::set<std::string_view> all = {
        "False",    "None",     "True",    "and",    "as",     "assert",   "async",  "await",
        "break",    "class",    "def",     "del",    "elif",   "else",     "except", "for",
        "from",     "global",   "if",      "import", "in",     "is",       "lambda", "not",
        "or",       "nonlocal", "pass",    "raise",  "return", "try",      "while",  "with",
        "yield",    "continue", "finally", "math",   "numpy",  "constant", "inf",    "nan",
        "infinity", "result",   "mean",    "rstd",   "parts",  "variance", "flat",   "normal"};
    for (const onnx::Operator* op : onnx::operators(onnx_opset)) {
      for (const auto& input : op->prototype.inputs) {
        if (!input.variadic) all.insert(input.name);
      }
      for (const auto& setting : op->prototype.settings) all.insert(setting.name);
    }
    return std::vector<std::string_view>(all.begin(), all.end());
  }();
  return words;
}

}  // namespace isomer::mdf

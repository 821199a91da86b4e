#include "systems/mdf/spelling.h"

#include <algorithm>
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

/// How tightly an expression holds together; an operand that holds less needs parentheses.
enum Strength { sum = 10, product = 11, sign = 12, atom = 15 };

struct PythonText {
  std::string text;
  int strength = atom;

  std::string bound(int least) const { return strength < least ? "(" + text + ")" : text; }
};

PythonText joined(std::string_view operation, const PythonText& left, const PythonText& right) {
  const int own = operation == "+" || operation == "-" ? sum : product;
  return {fmt::format("{}{}{}", left.bound(own), operation, right.bound(own + 1)), own};
}

/// The printed form of a length, in which names stand and floordiv() and mod(), as Python computes
/// it.
PythonText python_of(const Expression& e, const LengthText& length_text) {
  using Kind = Expression::Kind;
  std::vector<PythonText> operands;
  for (const Expression& operand : e.operands) {
    if (e.kind != Kind::call || &operand != &e.operands[0])
      operands.push_back(python_of(operand, length_text));
  }
  if (e.kind == Kind::constant) return {describe(e.value)};
  if (e.kind == Kind::unary) return {e.text + operands[0].bound(sign), sign};
  if (e.kind == Kind::binary) return joined(e.text, operands[0], operands[1]);
  if (e.kind == Kind::call) {
    const std::string& function = e.operands[0].text;
    if (function == "floordiv") return joined("//", operands[0], operands[1]);
    if (function == "mod") return joined("%", operands[0], operands[1]);
    std::vector<std::string> texts;
    for (const PythonText& operand : operands) texts.push_back(operand.text);
    return {fmt::format("{}({})", function, fmt::join(texts, ","))};
  }
  expect(e.kind == Kind::name, "a length is made of names, integers, + - * and functions");
  std::string text = length_text(e.text);
  if (!text.empty()) return {std::move(text)};
  throw Error(Fault::unsupported, "",
              fmt::format("the length {} is no length of an input, so a document cannot compute it",
                          quoted(e.text)));
}

Tree constant_tree(const Operation& op, const Attribute& constant) {
  if (const auto* number = std::get_if<std::int64_t>(&constant)) return {*number};
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&constant)) return tree_of(*list);
  if (const auto* lengths = std::get_if<std::vector<Dim>>(&constant)) return op.lengths(*lengths);
  const double* number = std::get_if<double>(&constant);
  expect(number != nullptr, "what ONNX's rows write is numbers, and lists of integers or lengths");
  if (std::isfinite(*number)) return {*number};
  return {"numpy.array(" + number_text(*number) + ")"};
}

/// An output without elements is a shape and nothing else; the reference cannot hand an empty array
/// to ONNX.
std::optional<std::string> empty_result(const Operation& op) {
  if (op.outputs.size() != 1 || !has_zero(op.outputs[0].shape)) return std::nullopt;
  const DType dtype = op.outputs[0].dtype;
  const std::string_view word = is_floating(dtype)        ? "float"
                                : dtype == DType::boolean ? "bool"
                                                          : "int";
  return fmt::format("numpy.zeros({},{})", op.tuple(op.outputs[0].shape), word);
}

std::string axes_text(const Operation& op) {
  const Attribute* dim = find(op.attributes, "dim");
  if (dim == nullptr) return "";
  if (const auto* axis = std::get_if<std::int64_t>(dim)) return fmt::format(",axis={}", *axis);
  const std::vector<std::int64_t>& axes = op.integers("dim");
  return axes.empty() ? "" : ",axis=" + tuple_text(axes);
}

std::string attribute_text(const Operation& op, std::string_view name) {
  const Attribute* value = find(op.attributes, name);
  expect(value != nullptr, "a pattern names attributes that are there");
  if (const auto* flag = std::get_if<bool>(value)) return *flag ? "True" : "False";
  if (const auto* number = std::get_if<double>(value)) return number_text(*number);
  if (const auto* dim = std::get_if<Dim>(value)) return op.text(*dim);
  if (const auto* shape = std::get_if<Shape>(value)) return op.tuple(*shape);
  if (const auto* integer = std::get_if<std::int64_t>(value)) return std::to_string(*integer);
  return tuple_text(op.integers(name));
}

std::string field_text(const Operation& op, std::string_view field) {
  if (field == "axes") return axes_text(op);
  if (field.find_first_not_of("0123456789") == std::string_view::npos)
    return op.id(static_cast<std::size_t>(field[0] - '0'));
  if (field != "all") return attribute_text(op, field);
  std::string items;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) items += op.id(i) + ",";
  return "(" + items + ")";
}

}  // namespace

std::string Operation::text(const Dim& length) const {
  if (length.known()) return std::to_string(length.value());
  return python_of(parse_expression(isomer::to_text(length)), length_text).text;
}

std::string Operation::tuple(std::span<const Dim> values) const {
  std::string items;
  for (const Dim& length : values) items += text(length) + ",";
  return "(" + items + ")";
}

Tree Operation::lengths(std::span<const Dim> values) const {
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

bool has_zero(const Shape& shape) { return std::ranges::find(shape, Dim(0)) != shape.end(); }

Lowering expression(std::string text) {
  Lowering lowering;
  lowering.parameters.emplace_back("result", parameter_of({std::move(text)}));
  lowering.outputs = {"result"};
  return lowering;
}

Lowering filled(std::string_view pattern, const Operation& op) {
  std::string result;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const std::size_t end = pattern[i] == '{' ? pattern.find('}', i) : i;
    result +=
        end == i ? std::string(1, pattern[i]) : field_text(op, pattern.substr(i + 1, end - i - 1));
    i = end;
  }
  return expression(std::move(result));
}

std::string argument(const Operand& operand, bool result_has_axes) {
  const bool axes = !operand.type.shape.empty();
  // A plain number is given one axis by the operator, which is harmless where
  // the result has axes anyway.
  const bool plain = operand.literal && result_has_axes && operand.type.dtype != DType::boolean;
  return axes || plain ? operand.id : "numpy.array(" + operand.id + ")";
}

Lowering call_with(std::string_view function, const OrderedMap<Tree>& args,
                   OrderedMap<Tree> settings) {
  Lowering lowering;
  for (auto& [name, value] : settings)
    lowering.parameters.emplace_back(name, parameter_of(std::move(value)));
  const std::string id = fmt::format("onnx_{}_1", function);
  Parameter parameter;
  parameter.function = fmt::format("onnx::{}", function);
  parameter.args = args;
  lowering.parameters.emplace_back(id, std::move(parameter));
  lowering.outputs = {id};
  return lowering;
}

Lowered in_onnx(const Operation& op) {
  std::vector<ValueId> places;
  std::vector<TensorType> types;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    places.push_back(op.has(i) ? ValueId(i) : ValueId::none);
    types.push_back(op.has(i) ? op.type(i) : TensorType{});
  }
  const OpCall call{op.attributes, places, types};
  const auto node = onnx::write({op.name, call, op.outputs}, onnx_opset);
  if (!node) return std::nullopt;
  const onnx::Operator& target = *onnx::find(node->name, onnx_opset);
  OrderedMap<Tree> args;
  OrderedMap<Tree> settings;
  std::string names;  // of what takes any number, as one list
  for (std::size_t i = 0; i < node->inputs.size(); ++i) {
    const auto& [value, constant] = node->inputs[i];
    const auto place = static_cast<std::size_t>(value);
    if (target.variadic()) {
      names += (i == 0 ? "'" : ", '") + op.id(place) + "'";
      continue;
    }
    const std::string formal(target.prototype.inputs[i].name);
    if (value != ValueId::none) {
      args.emplace_back(formal, Tree{argument(*op.inputs[place], !op.outputs[0].shape.empty())});
    } else if (constant) {
      settings.emplace_back(formal, constant_tree(op, *constant));
      args.emplace_back(formal, Tree{formal});
    }
  }
  if (target.variadic())
    args.emplace_back(std::string(target.prototype.inputs[0].name), Tree{"[" + names + "]"});
  for (const auto& [name, value] : node->attributes)
    settings.emplace_back(name, constant_tree(op, value));
  Lowering lowering = call_with(node->name, args, std::move(settings));
  if (op.outputs.size() > 1) {
    const std::string all = lowering.outputs[0];
    lowering.outputs.clear();
    for (std::size_t i = 0; i < op.outputs.size(); ++i)
      lowering.outputs.push_back(fmt::format("{}[{}]", all, i));
  }
  return lowering;
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

Lowered spell(const Operation& op) {
  if (!spells(op.name)) return std::nullopt;
  if (const auto nothing = empty_result(op)) return expression(*nothing);
  const Spelling* row = spelling_of(op.name);
  if (row == nullptr) return in_onnx(op);
  if (row->lower != nullptr) return row->lower(op);
  return filled(row->pattern, op);
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

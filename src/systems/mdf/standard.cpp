#include "systems/mdf/standard.h"

#include <array>
#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace isomer::mdf {
namespace {

struct Standard {
  std::string_view name;
  std::string_view formula;
};

// The format's own functions, as formulas of their arguments.
constexpr std::array<Standard, 14> standard = {{
    {"linear", "variable0 * slope + intercept"},
    {"exponential", "scale * numpy.exp(rate * variable0 + bias) + offset"},
    {"logistic", "1/(1 + numpy.exp(-1*gain*(variable0 + bias) + offset))"},
    {"sin", "scale * numpy.sin(variable0)"},
    {"cos", "scale * numpy.cos(variable0)"},
    {"tan", "scale * numpy.tan(variable0)"},
    {"sinh", "scale * numpy.sinh(variable0)"},
    {"cosh", "scale * numpy.cosh(variable0)"},
    {"tanh", "scale * numpy.tanh(variable0)"},
    {"arctan", "scale * numpy.arctan(variable0)"},
    {"arcsin", "scale * numpy.arcsin(variable0)"},
    {"arccos", "scale * numpy.arccos(variable0)"},
    {"MatMul", "A @ B"},
    {"Relu", "A * (A > 0)"},
}};

}  // namespace

std::string standard_formula(std::string_view name) {
  for (const Standard& row : standard) {
    if (row.name == name) return std::string(row.formula);
  }
  return "";
}

bool is_input(const OnnxOperator& op, std::string_view name) {
  for (const std::string_view entry : split_text(op.inputs, ' ')) {
    if (entry.substr(0, entry.find('?')) == name) return true;
  }
  return false;
}

std::string_view attribute_kind(const OnnxOperator& op, std::string_view name) {
  for (const std::string_view entry : split_text(op.attributes, ' ')) {
    const std::size_t colon = entry.find(':');
    if (entry.substr(0, colon) != name) continue;
    const std::string_view kind = entry.substr(colon + 1);
    return kind.ends_with('!') ? kind.substr(0, kind.size() - 1) : kind;
  }
  return {};
}

Attribute attribute_from(const Value& value, std::string_view kind) {
  if (kind == "int") {
    constexpr double largest = 9.2e18;
    const double number = real_of(value);
    if (std::abs(number) < largest) return static_cast<std::int64_t>(number);
    throw Error(Fault::model, "", fmt::format("{} is no integer of 64 bits", real_text(number)));
  }
  if (kind == "float") return real_of(value);
  if (kind == "text") {
    if (const Text* text = value.as<Text>()) return text->text;
    if (const std::string* text = value.as<std::string>()) return *text;
    throw Error(
        Fault::model, "",
        fmt::format("a text is needed, this is {}: write numpy.str_('...')", describe(value)));
  }
  const Tensor tensor = tensor_of(value);
  return tensor.converted(DType::i64).integers();
}

}  // namespace isomer::mdf

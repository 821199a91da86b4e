#include "systems/mdf/standard.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>

#include "base/text.h"
#include "ops/rules.h"

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

std::string in_lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// The items with commas between them, as rows of ONNX take lists of texts and of real numbers.
std::string list_as_text(const Value& value) {
  std::vector<std::string> items;
  if (const auto* list = numpy::items_of(value)) {
    for (const Value& item : *list) {
      const std::string* text = item.as<std::string>();
      items.push_back(text != nullptr ? *text : real_text(real_of(item)));
    }
  } else {
    for (const double number : tensor_of(value).doubles()) items.push_back(real_text(number));
  }
  return fmt::format("{}", fmt::join(items, ","));
}

}  // namespace

std::string standard_formula(std::string_view name) {
  const auto* const row = std::ranges::find(standard, name, &Standard::name);
  return row == standard.end() ? "" : std::string(row->formula);
}

bool is_left_out(std::string_view name) {
  constexpr std::array<std::string_view, 12> names = {"chunk_to_string",
                                                      "pattern_to_string",
                                                      "change_goal",
                                                      "retrieve_chunk",
                                                      "match_production",
                                                      "pattern_matching_function",
                                                      "conflict_resolution_function",
                                                      "update_buffer",
                                                      "update_goal",
                                                      "update_retrieval",
                                                      "check_termination",
                                                      "drift_diffusion_integrator"};
  return std::ranges::find(names, name) != names.end();
}

const onnx::Operator* onnx_function(std::string_view name) {
  static const auto table = [] {
    std::map<std::string, const onnx::Operator*> result;
    for (const onnx::Operator* op : onnx::operators(onnx_opset))
      result.emplace(in_lower_case(op->name()), op);
    return result;
  }();
  constexpr std::string_view prefix = "onnx::";
  if (!name.starts_with(prefix)) return nullptr;
  const auto found = table.find(in_lower_case(name.substr(prefix.size())));
  return found == table.end() ? nullptr : found->second;
}

bool is_input(const onnx::Operator& op, std::string_view name) {
  const auto& inputs = op.prototype.inputs;
  return std::ranges::find(inputs, name, &Prototype::Input::name) != inputs.end();
}

std::optional<Kind> attribute_kind(const onnx::Operator& op, std::string_view name) {
  const auto& settings = op.prototype.settings;
  const auto found = std::ranges::find(settings, name, &Prototype::Setting::name);
  return found == settings.end() ? std::nullopt : std::optional(found->kind);
}

Attribute attribute_from(const Value& value, Kind kind) {
  if (kind == Kind::integer) {
    constexpr double largest = 9.2e18;
    const double number = real_of(value);
    if (std::abs(number) < largest) return static_cast<std::int64_t>(number);
    refuse(fmt::format("{} is no integer of 64 bits", real_text(number)));
  }
  if (kind == Kind::real) return real_of(value);
  if (kind == Kind::text) {
    if (numpy::items_of(value) != nullptr || value.as<numpy::Array>() != nullptr)
      return list_as_text(value);
    if (const Text* text = value.as<Text>()) return text->text;
    if (const std::string* text = value.as<std::string>()) return *text;
    refuse(fmt::format("a text is needed, this is {}: write numpy.str_('...')", describe(value)));
  }
  const Tensor tensor = tensor_of(value);
  return tensor.converted(DType::i64).integers();
}

}  // namespace isomer::mdf

#include "systems/mgs/run/values.h"

#include "base/text.h"

namespace isomer::mgs {
namespace {

constexpr std::string_view value_kinds[] = {
    "nothing",
    "an integer",
    "a number",
    "a text",
    "a list of integers",
    "a list of numbers",
    "a list",
    "a set of nodes",
    "a list of names with values",
    "a parameter set",
    "a functor's type",
    "a functor",
    "a script's type",
    "a script",
    "a grid's type",
    "a composite's type",
    "an instance",
    "a type",
    "a variable",
    "a constant",
    "a trigger",
    "a service",
    "a phase",
    "a name without meaning here",
};

std::string printed_element(const Value& value) {
  if (value.as<std::int32_t>()) return fmt::format("INT[{}]", printed(value));
  if (value.as<float>()) return fmt::format("FLOAT[{}]", printed(value));
  if (value.as<std::string>()) return fmt::format("STRING[{}]", printed(value));
  return printed(value);
}

}  // namespace

std::string_view kind_of(const Value& value) {
  static_assert(std::size(value_kinds) == std::variant_size_v<decltype(Value::value)>);
  return value_kinds[value.value.index()];
}

const double* real_of(const Value& value, double& into) {
  if (const auto* integer = value.as<std::int32_t>()) {
    into = *integer;
    return &into;
  }
  if (const auto* real = value.as<float>()) {
    into = *real;
    return &into;
  }
  return nullptr;
}

std::string printed(const Value& value) {
  if (const auto* integer = value.as<std::int32_t>()) return std::to_string(*integer);
  if (const auto* real = value.as<float>()) return fmt::format("{:.6e}", double{*real});
  if (const auto* text = value.as<std::string>()) return *text;
  if (const auto* integers = value.as_shared<std::vector<std::int32_t>>())
    return fmt::format("{{{}}}", fmt::join(*integers, ","));
  if (const auto* reals = value.as_shared<std::vector<float>>()) {
    std::vector<std::string> texts;
    for (const float real : *reals) texts.push_back(fmt::format("{:g}", real));
    return fmt::format("{{{}}}", fmt::join(texts, ","));
  }
  if (const auto* list = value.as_shared<List>()) {
    std::vector<std::string> texts;
    for (const Value& item : *list) texts.push_back(printed_element(item));
    return fmt::format("{{{}}}", fmt::join(texts, ","));
  }
  return std::string(kind_of(value));
}

}  // namespace isomer::mgs

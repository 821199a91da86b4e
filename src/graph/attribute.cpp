#include "graph/attribute.h"

#include <algorithm>

#include "base/text.h"
#include "graph/text.h"

namespace isomer {
namespace {

std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(std::int64_t value) { return fmt::format("{}", value); }
std::string text_of(double value) { return exact_text(value); }
std::string text_of(const std::string& value) { return quoted_with(value, '\''); }
std::string text_of(DType value) { return std::string(name_of(value)); }
std::string text_of(const Dim& value) { return to_text(value); }

template <class T>
std::string text_of(const std::vector<T>& values) {
  std::vector<std::string> texts;
  for (const T& value : values) texts.push_back(text_of(value));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

}  // namespace

const Attribute* find(const Attributes& attributes, std::string_view name) {
  const auto found = std::ranges::find(attributes, name, &NamedAttribute::name);
  return found == attributes.end() ? nullptr : &found->value;
}

Attributes evaluate(Attributes attributes, const Lengths& lengths) {
  for (NamedAttribute& attribute : attributes) {
    if (auto* dim = std::get_if<Dim>(&attribute.value)) *dim = dim->evaluate(lengths);
    if (auto* dims = std::get_if<std::vector<Dim>>(&attribute.value)) {
      for (Dim& dim : *dims) dim = dim.evaluate(lengths);
    }
  }
  return attributes;
}

std::string to_text(const Attribute& attribute) {
  return std::visit([](const auto& value) { return text_of(value); }, attribute);
}

}  // namespace isomer

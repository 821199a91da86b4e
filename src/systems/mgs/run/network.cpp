#include "systems/mgs/run/network.h"

#include <algorithm>

namespace isomer::mgs {
namespace {

const Attributes::Value* attribute_named(const Attributes& attributes, std::string_view name) {
  const auto& members = attributes.model->in_attributes;
  for (std::size_t i = 0; i < members.size(); ++i)
    if (members[i].name.text == name) return &attributes.values[i];
  return nullptr;
}

}  // namespace

std::int64_t Instance::points() const {
  std::int64_t all = 1;
  for (const std::int64_t length : dimensions) all *= length;
  return all;
}

std::vector<std::int64_t> Layer::coordinates(std::uint32_t node) const {
  std::vector<std::int64_t> found;
  std::int64_t rest = point(node);
  for (const std::int64_t length : grid->dimensions) {
    found.push_back(rest % length);
    rest /= length;
  }
  std::ranges::reverse(found);
  return found;
}

std::int64_t Attributes::integer(std::string_view name) const {
  const Value* value = attribute_named(*this, name);
  return value != nullptr && std::holds_alternative<std::int64_t>(*value)
             ? std::get<std::int64_t>(*value)
             : 0;
}

double Attributes::real(std::string_view name) const {
  const Value* value = attribute_named(*this, name);
  return value != nullptr && std::holds_alternative<double>(*value) ? std::get<double>(*value) : 0;
}

std::string Attributes::text(std::string_view name) const {
  const Value* value = attribute_named(*this, name);
  return value != nullptr && std::holds_alternative<std::string>(*value)
             ? std::get<std::string>(*value)
             : "";
}

}  // namespace isomer::mgs

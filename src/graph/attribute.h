#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "graph/dim.h"
#include "graph/types.h"

namespace isomer {

/// A setting of a node. The schema of its operator says which kind each one has.
using Attribute = std::variant<bool, std::int64_t, double, std::string, DType, Dim,
                               std::vector<std::int64_t>, std::vector<Dim>>;

struct NamedAttribute {
  std::string name;
  Attribute value;
  bool operator==(const NamedAttribute&) const = default;
};

/// A handful: a vector beats a map.
using Attributes = std::vector<NamedAttribute>;

/// The attribute of that name, or null.
const Attribute* find(const Attributes& attributes, std::string_view name);

/// The attribute's value. Only for attributes that the schema promises: throws Fault::bug when it
/// is missing or of another kind.
template <class T>
const T& get(const Attributes& attributes, std::string_view name) {
  const Attribute* attribute = find(attributes, name);
  const T* value = attribute == nullptr ? nullptr : std::get_if<T>(attribute);
  if (value == nullptr)
    throw Error(Fault::bug, "", "no attribute '" + std::string(name) + "' of the asked kind");
  return *value;
}

/// The same attributes with every length a number.
Attributes evaluate(Attributes attributes, const Lengths& lengths);

/// As the text form has it: 1, 0.5, true, 'none', f32, [1, 2], [s0, 4].
std::string to_text(const Attribute& attribute);

}  // namespace isomer

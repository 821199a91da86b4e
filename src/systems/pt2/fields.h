#pragma once

// Fields of the JSON documents in an archive. Each throws Fault::file with the field's name: what
// the schema promises is missing or of another kind.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "codecs/tree.h"

namespace isomer::pt2 {

/// The field, or null where it is missing or null: both mean the same.
const Tree* given(const Tree& tree, std::string_view name);

const Tree& field(const Tree& tree, std::string_view name);
const Tree::List& list_field(const Tree& tree, std::string_view name);
const Tree::Map& map_field(const Tree& tree, std::string_view name);
const std::string& text_field(const Tree& tree, std::string_view name);
std::int64_t integer_field(const Tree& tree, std::string_view name);
bool flag_field(const Tree& tree, std::string_view name);

const Tree::List& as_list(const Tree& tree);
const Tree::Map& as_map(const Tree& tree);
const std::string& as_text(const Tree& tree);
std::int64_t as_integer(const Tree& tree);
bool as_flag(const Tree& tree);
/// Also the texts "NaN", "Infinity" and "-Infinity", and integers.
double as_real(const Tree& tree);

/// A union: an object with one key, the tag.
struct Tagged {
  std::string_view tag;
  const Tree& content;
};
Tagged as_tagged(const Tree& tree);

}  // namespace isomer::pt2

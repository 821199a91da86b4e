#pragma once

// Bytes <-> plain trees. Knows no model.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace isomer {

/// How deep maps and lists may nest in one another, in every form.
inline constexpr int deepest_tree = 256;

/// What JSON can say. Maps keep their order and their repeated keys.
struct Tree {
  using List = std::vector<Tree>;
  using Map = std::vector<std::pair<std::string, Tree>>;

  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> value{};
  std::uint64_t offset = 0;  // where it begins in the text it was read from

  bool is_null() const { return std::holds_alternative<std::monostate>(value); }
  const List* list() const { return std::get_if<List>(&value); }
  const Map* map() const { return std::get_if<Map>(&value); }
  const std::string* text() const { return std::get_if<std::string>(&value); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&value); }
  /// The child of that key, or null: when this is no map, or has none.
  const Tree* find(std::string_view key) const;

  /// Wherever both were read from; 2 and 2.0 are not the same.
  friend bool operator==(const Tree& a, const Tree& b) { return a.value == b.value; }
};

/// A key that stands before it in the same map, too: the way to it, and what it has.
struct RepeatedKey {
  std::vector<std::string> path;
  const Tree* value;
};
/// All of them, anywhere in the tree, which must outlive them.
std::vector<RepeatedKey> repeated_keys(const Tree& tree);

/// "a list", "a text", ...: for messages.
std::string_view kind_of(const Tree& tree);

}  // namespace isomer

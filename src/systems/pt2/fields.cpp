#include "systems/pt2/fields.h"

#include <limits>

#include "base/error.h"
#include "base/text.h"

namespace isomer::pt2 {
namespace {

[[noreturn]] void wrong(const Tree& tree, std::string_view wanted) {
  throw Error(Fault::file, "", fmt::format("is {} and must be {}", kind_of(tree), wanted));
}

template <class T>
const T& as(const Tree& tree, std::string_view wanted) {
  const T* value = std::get_if<T>(&tree.value);
  if (value == nullptr) wrong(tree, wanted);
  return *value;
}

template <class Read>
decltype(auto) at(const Tree& tree, std::string_view name, Read read) {
  const Tree& found = field(tree, name);
  return with_place([&] { return quoted(name); }, [&]() -> decltype(auto) { return read(found); });
}

}  // namespace

const Tree* given(const Tree& tree, std::string_view name) {
  const Tree* found = tree.find(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

const Tree& field(const Tree& tree, std::string_view name) {
  as_map(tree);
  const Tree* found = given(tree, name);
  if (found == nullptr) throw Error(Fault::file, "", fmt::format("{} is missing", quoted(name)));
  return *found;
}

const Tree::List& list_field(const Tree& tree, std::string_view name) {
  return at(tree, name, as_list);
}
const Tree::Map& map_field(const Tree& tree, std::string_view name) {
  return at(tree, name, as_map);
}
const std::string& text_field(const Tree& tree, std::string_view name) {
  return at(tree, name, as_text);
}
std::int64_t integer_field(const Tree& tree, std::string_view name) {
  return at(tree, name, as_integer);
}
bool flag_field(const Tree& tree, std::string_view name) { return at(tree, name, as_flag); }

const Tree::List& as_list(const Tree& tree) { return as<Tree::List>(tree, "a list"); }
const Tree::Map& as_map(const Tree& tree) { return as<Tree::Map>(tree, "a map"); }
const std::string& as_text(const Tree& tree) { return as<std::string>(tree, "a text"); }
std::int64_t as_integer(const Tree& tree) { return as<std::int64_t>(tree, "an integer"); }
bool as_flag(const Tree& tree) { return as<bool>(tree, "a boolean"); }

double as_real(const Tree& tree) {
  if (const std::int64_t* integer = tree.integer()) return static_cast<double>(*integer);
  if (const std::string* text = tree.text()) {
    if (*text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (*text == "Infinity") return std::numeric_limits<double>::infinity();
    if (*text == "-Infinity") return -std::numeric_limits<double>::infinity();
  }
  return as<double>(tree, "a number");
}

Tagged as_tagged(const Tree& tree) {
  const Tree::Map& map = as_map(tree);
  if (map.size() != 1) {
    throw Error(Fault::file, "",
                fmt::format("has {} and must have one, its tag", counted(map.size(), "key")));
  }
  return {map[0].first, map[0].second};
}

}  // namespace isomer::pt2

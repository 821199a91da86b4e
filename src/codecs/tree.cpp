#include "codecs/tree.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

namespace isomer {
namespace {

/// Of each entry whether its key stands before it. Hashes in order cost less than a table of them.
std::vector<bool> repeats_among(const Tree::Map& map) {
  std::vector<std::pair<std::size_t, std::size_t>> hashes;  // and which entry's
  hashes.reserve(map.size());
  for (std::size_t i = 0; i < map.size(); ++i)
    hashes.emplace_back(std::hash<std::string_view>()(map[i].first), i);
  std::ranges::sort(hashes);
  std::vector<bool> repeats(map.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    for (std::size_t j = i; j-- > 0 && hashes[j].first == hashes[i].first;) {
      if (map[hashes[j].second].first == map[hashes[i].second].first)
        repeats[hashes[i].second] = true;
      if (repeats[hashes[i].second]) break;
    }
  }
  return repeats;
}

/// Ways are found backwards, and only where something is: there are many keys, and few stand twice.
void add_repeated(const Tree& tree, std::vector<RepeatedKey>& found) {
  const auto descend = [&](const Tree& child, const auto& part) {
    const std::size_t before = found.size();
    add_repeated(child, found);
    for (std::size_t i = before; i < found.size(); ++i) found[i].path.push_back(part());
  };
  if (const Tree::List* list = tree.list()) {
    for (std::size_t i = 0; i < list->size(); ++i)
      descend((*list)[i], [i] { return std::to_string(i); });
  }
  const Tree::Map* map = tree.map();
  if (map == nullptr) return;
  constexpr std::ptrdiff_t few = 16;  // are compared faster than put in order
  const std::vector<bool> repeats =
      std::ssize(*map) > few ? repeats_among(*map) : std::vector<bool>();
  for (auto entry = map->begin(); entry != map->end(); ++entry) {
    const auto& [key, value] = *entry;
    const bool twice =
        !repeats.empty() ? repeats[static_cast<std::size_t>(entry - map->begin())]
                         : std::find_if(map->begin(), entry, [&, &known = key](const auto& before) {
                             return before.first == known;
                           }) != entry;
    if (twice) found.push_back({{key}, &value});
    descend(value, [&, &part = key] { return part; });
  }
}

}  // namespace

std::vector<RepeatedKey> repeated_keys(const Tree& tree) {
  std::vector<RepeatedKey> found;
  add_repeated(tree, found);
  for (RepeatedKey& key : found) std::ranges::reverse(key.path);
  return found;
}

const Tree* Tree::find(std::string_view key) const {
  const Map* entries = map();
  if (entries == nullptr) return nullptr;
  const auto found = std::ranges::find(*entries, key, &Map::value_type::first);
  return found == entries->end() ? nullptr : &found->second;
}

std::string_view kind_of(const Tree& tree) {
  struct Words {
    std::string_view operator()(std::monostate) const { return "null"; }
    std::string_view operator()(bool) const { return "a boolean"; }
    std::string_view operator()(std::int64_t) const { return "an integer"; }
    std::string_view operator()(double) const { return "a number"; }
    std::string_view operator()(const std::string&) const { return "a text"; }
    std::string_view operator()(const Tree::List&) const { return "a list"; }
    std::string_view operator()(const Tree::Map&) const { return "a map"; }
  };
  return std::visit(Words{}, tree.value);
}

}  // namespace isomer

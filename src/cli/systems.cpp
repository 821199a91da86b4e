#include "base/text.h"
#include "cli/verb.h"
#include "codecs/json.h"
#include "systems/system.h"

namespace isomer::cli {
namespace {

constexpr Option systems_table[] = {{"--json", "", "print a list for machines"}};

struct Ability {
  std::string_view name;
  bool has;
};

std::vector<Ability> abilities(const System& system) {
  return {{"read", system.read != nullptr},
          {"write", system.write != nullptr},
          {"run", system.simulate != nullptr}};
}

Tree tree_of(const System& system) {
  Tree::Map map{{"name", {std::string(system.name)}},
                {"about", {std::string(system.about)}},
                {"extensions", {std::string(system.extensions)}}};
  for (const Ability& ability : abilities(system))
    map.emplace_back(ability.name, Tree{ability.has});
  return {std::move(map)};
}

}  // namespace

Usage systems_usage() {
  return {systems_table,
          "  isomer systems\n"
          "  isomer systems --json"};
}

int systems(const Words& words) {
  if (words.has("json")) {
    Tree::List list;
    for (const System& system : all_systems()) list.push_back(tree_of(system));
    fmt::print("{}\n", write_json({std::move(list)}));
    return yes;
  }
  fmt::print("{:<10} {:<10} {:<6} {:<6} {:<6}\n", "system", "files", "read", "write", "run");
  for (const System& system : all_systems()) {
    fmt::print("{:<10} {:<10}", system.name, system.extensions);
    for (const Ability& ability : abilities(system))
      fmt::print(" {:<6}", ability.has ? "yes" : "-");
    fmt::print(" {}\n", system.about);
  }
  return yes;
}

}  // namespace isomer::cli

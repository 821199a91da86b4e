#pragma once

// Macros: their table, and what becomes of a use.

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "systems/mgs/source/tokens.h"

namespace isomer::mgs {

struct Macro {
  bool takes_arguments = false;
  bool takes_more = false;  // the last parameter takes all that is left
  std::vector<std::string> parameters = {};
  std::vector<Piece> body = {};
  /// What it gives depends on where it stands: "__LINE__", "__FILE__".
  bool is_place = false;
};

/// What the text of a macro may cost, so that one that grows without end is refused.
struct MacroBudget {
  std::size_t steps = 0;
  static constexpr std::size_t most_steps = 20'000'000;  // in one reading
  static constexpr std::size_t most_of_one = 2'000'000;
  static constexpr int most_nested = 200;
};

class Macros {
 public:
  /// With those that `cpp` knows by itself.
  Macros();

  /// Reads "NAME(a, b) body". Throws Error with what is wrong.
  void define(std::string_view definition);
  void undefine(std::string_view name) { table_.erase(std::string(name)); }
  const Macro* find(std::string_view name) const {
    return may_be_[static_cast<unsigned char>(name[0])] ? found(name) : nullptr;
  }

  /// Of the text after a use: the pieces from "(" to its ")", or nothing where none follows.
  using More = std::function<std::vector<Piece>()>;
  struct Where {
    std::string file;
    std::size_t line = 0;
  };
  /// `pieces` with all macros replaced, until nothing more is one. Throws Error where one has other
  /// arguments than it takes, or grows beyond the budget.
  std::vector<Piece> expand(std::vector<Piece> pieces, const Where& where, const More& more = {});

 private:
  class Expansion;

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  /// A macro that a piece came of, and the number of those before.
  struct Hidden {
    const std::string* name;
    std::uint32_t rest;
  };

  const Macro* found(std::string_view name) const;

  std::unordered_map<std::string, Macro, Hash, std::equal_to<>> table_;
  std::array<bool, 256> may_be_ = {};  // by first letter: most words are no macros
  MacroBudget budget_;
};

/// As the operator "#" has it.
Piece stringified(const std::vector<Piece>& argument);

}  // namespace isomer::mgs

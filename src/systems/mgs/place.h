#pragma once

// The Model Graph Simulator's two languages, MDL for types and GSL for networks: where things stand
// in their texts.

#include <cstdint>
#include <string>
#include <vector>

namespace isomer::mgs {

/// Where something stands. What a macro gave stands where the macro was used.
struct Place {
  std::uint32_t file = 0;    // its number among the files that were read; 0 is the main file
  std::uint32_t line = 0;    // from 1
  std::uint32_t column = 0;  // from 1, in bytes

  friend bool operator==(const Place&, const Place&) = default;
};

/// A word that somebody chose, or that names what somebody chose.
struct Name {
  std::string text;
  Place place;

  /// Names are the same wherever they stand.
  friend bool operator==(const Name& a, const Name& b) { return a.text == b.text; }
};

/// "#include "name"" in the main file, and the number of what was read there.
struct Include {
  Name name;
  std::uint32_t file = 0;
};

/// "net.gsl:12:3".
std::string to_text(const Place& place, const std::vector<std::string>& files);

}  // namespace isomer::mgs

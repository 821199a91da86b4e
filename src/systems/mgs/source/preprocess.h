#pragma once

// What the C preprocessor does before MGS reads a file: comments, includes, macros, conditions.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "systems/files.h"
#include "systems/mgs/place.h"
#include "systems/mgs/problems.h"

namespace isomer::mgs {

/// From `begin` on in the text, until the next segment: it stood at `place` and moves on there
/// character by character, or all of it came of a macro there.
struct Segment {
  std::size_t begin = 0;
  Place place;
  bool fixed = false;
};

struct Preprocessed {
  std::string text;
  std::vector<Segment> segments;
  std::vector<std::string> files;  // the first is the main file
  std::vector<Include> includes = {};
};

/// A built-in file that scripts may include, by the name in the include ("std.gsl",
/// "../DNN/DNNTools.mdl"); an empty text where there is none.
std::string_view built_in_file(std::string_view name);

/// Reads `entry` and what it includes. Throws Fatal where a bound is passed, or the file itself
/// cannot be read; all else that is wrong goes to `problems`.
Preprocessed preprocess(const Files& files, std::string_view entry, Problems& problems);
/// The same for a text that is there already.
Preprocessed preprocess(const Files& files, std::string_view entry, std::string_view content,
                        Problems& problems);

}  // namespace isomer::mgs

#pragma once

// Values and conditions in a few words.

#include <string>

#include "codecs/tree.h"

namespace isomer::mdf {

/// A value as people want to see it: of a long list its type and the first numbers.
std::string short_text(const Tree& value);

/// A condition as the end of a sentence: "every 2 calls of 'A'".
std::string sentence(const Tree& condition);

}  // namespace isomer::mdf

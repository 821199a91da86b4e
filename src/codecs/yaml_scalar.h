#pragma once

// What a scalar without quotes is in YAML 1.1, as Python's loader takes it.

#include <optional>
#include <string_view>
#include <variant>

#include "codecs/tree.h"

namespace isomer {

/// The number, flag or null that a plain scalar is; nothing where it is a text. Throws Fault::file
/// without a place for a number that does not fit.
std::optional<Tree> plain_scalar(std::string_view text);
/// Whether a plain scalar would read as something else than this text: also as a date, which
/// Python's loader makes an object of.
bool needs_quotes(std::string_view text);

/// A scalar with the tag of an integer or a real number. Nothing where it is none.
std::optional<std::int64_t> yaml_integer(std::string_view text);
std::optional<double> yaml_real(std::string_view text);

}  // namespace isomer

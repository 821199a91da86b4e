#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/verb.h"
#include "prove/inputs.h"

namespace isomer::cli {

/// The number that all of the text is.
std::optional<double> finite_number(std::string_view text);

/// What `--range` says of inputs, by name: "ids=0:30000", both ends included. Throws Fault::usage
/// for what is no range, and for an input that is named twice.
std::map<std::string, ValueRange> ranges_asked(const Words& words);

/// Throws Fault::usage for an input that is not there or not of numbers, and for ends that it
/// cannot hold.
void check_ranges(const std::map<std::string, ValueRange>& ranges, std::span<const Port> ports);

}  // namespace isomer::cli

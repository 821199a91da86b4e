#pragma once

// The named lengths that inputs are made for.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "prove/inputs.h"

namespace isomer {

/// The named lengths that the plan's ports need, each with its range.
std::vector<LengthRange> ranges_of(const InputPlan& plan);
/// The length that the port's value is, or null.
const LengthRange* told_by(const InputPlan& plan, std::size_t port);

/// Small numbers that differ from each other, so that lengths taken for one another show.
Lengths choose(std::span<const LengthRange> ranges, std::int64_t size);
/// The same with one of them as near to `value` as its range lets it be.
Lengths with_length(std::span<const LengthRange> ranges, const LengthRange& one,
                    std::int64_t value);

/// Roughly how many multiplications a run takes; as much as there are elements where nothing is
/// known.
double work_of(const InputPlan& plan, const Lengths& lengths);

/// Each length alone at numbers where windows, blocks and tables end, and at the end of its range,
/// as far as the work stays within `most`; shorter ones first.
std::vector<Lengths> longer_lengths(const InputPlan& plan, double most);

}  // namespace isomer

#pragma once

#include <optional>
#include <span>

#include "prove/certificate.h"
#include "prove/model.h"

namespace isomer {

/// The earliest operator of the source whose value the other does not compute on `inputs`, by the
/// inner values of both: those of equal names belong together, then those of equal module
/// path and operator, in order. An operator before it whose value the other never computes comes
/// first. In single precision, and where that shows nothing, in double precision. Nothing where one
/// of them cannot be traced or no inner value differs.
std::optional<FirstDifference> first_difference(const Backend& source, const Backend& other,
                                                std::span<const Tensor> inputs);

/// Whether the graphs differ in one operator, and running could say no more of it: no trip, since
/// the source has no bodies.
bool names_one(const StructureReport& structure, const Graph& source);

/// Where the graphs part first. `traced`, which was seen in running, is where one of several such
/// operators is, or a body in which nothing but numbers tells the operator and the trip.
std::optional<FirstDifference> first_difference(const StructureReport& structure,
                                                std::optional<FirstDifference> traced);

}  // namespace isomer

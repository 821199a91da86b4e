#pragma once

// What is found out, while a document is read, of a state that begins as an integer of Python.

#include <map>

#include "systems/mdf/initial_states.h"
#include "vocabularies/numpy/value.h"

namespace isomer::mdf {

/// In the order in which it is found out.
enum class Growth {
  counts,  // it changes by so much in each evaluation that 64 bits hold it for as long as one runs
  grows,   // it may become larger than that
  array,   // from the first evaluation on
  real,    // no integer, whatever it begins with
};
using Growths = std::map<StateId, Growth>;

/// The value of such a state in a graph; `written` is what it begins with.
numpy::Value state_value(const numpy::Trace& trace, Growth growth, ValueId now,
                         const numpy::Value& written);
/// What is known when it was `before` and becomes `next`.
Growth next_growth(const numpy::Trace& trace, Growth known, const numpy::Value& before,
                   const numpy::Value& next);

}  // namespace isomer::mdf

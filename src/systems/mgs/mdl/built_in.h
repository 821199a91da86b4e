#pragma once

// Types that a script may use without declaring them.

#include <string_view>

namespace isomer::mgs::mdl {

/// MGS's own networks of neurons, and the nodes of our cases; in MDL, after DNNTools.mdl.
extern const std::string_view neuron_types;
extern const std::string_view case_types;

}  // namespace isomer::mgs::mdl

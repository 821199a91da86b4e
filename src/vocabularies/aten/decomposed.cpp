#include <algorithm>

#include "vocabularies/aten/aten.h"

namespace isomer::aten {
namespace {

// Found by tools/decomposed.py with torch 2.13; sorted. An operator that is not here may decompose
// into what is not read, or wrongly.
constexpr std::string_view targets[] = {
    "cross",         "gradient.scalarint",  "hann_window",     "linalg_cross",
    "linalg_norm",   "pad_sequence",        "renorm",          "special_expit",
    "special_log1p", "special_log_softmax", "special_softmax",
};

}  // namespace

bool decomposes(std::string_view target) {
  constexpr std::string_view default_overload = ".default";
  if (target.ends_with(default_overload)) target.remove_suffix(default_overload.size());
  return std::ranges::binary_search(targets, target);
}

}  // namespace isomer::aten

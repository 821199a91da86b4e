#include <algorithm>

#include "vocabularies/aten/aten.h"

namespace isomer::aten {
namespace {

constexpr std::string_view targets[] = {
    "addmv",
};

}  // namespace

bool decomposes(std::string_view target) {
  constexpr std::string_view default_overload = ".default";
  if (target.ends_with(default_overload)) target.remove_suffix(default_overload.size());
  return std::ranges::binary_search(targets, target);
}

}  // namespace isomer::aten

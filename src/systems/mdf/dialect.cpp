#include "systems/mdf/dialect.h"

#include "base/error.h"
#include "base/text.h"

namespace isomer::mdf {

Dialect dialect_named(std::string_view release) {
  if (release.empty()) return {};
  if (release == "0.4.15") return {.lenient = false};
  if (release == "0.4.13") return {.clears_ports = false, .lenient = false};
  throw Error(
      Fault::usage, "",
      fmt::format("documents have no dialect {}; there are 0.4.13 and 0.4.15", quoted(release)));
}

}  // namespace isomer::mdf

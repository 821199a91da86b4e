#pragma once

#include <string>

namespace isomer {

/// What reading, writing or running a model lost or assumed.
struct Note {
  std::string where;
  std::string text;
};

}  // namespace isomer

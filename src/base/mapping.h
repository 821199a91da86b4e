#pragma once

#include <cstddef>

#include "base/bytes.h"

namespace isomer {

/// Gives the memory of a part of a mapped file back to the system, which reads it again when
/// somebody looks; of other bytes nothing happens. The caller has checked the bounds.
void unload(const Bytes& file, std::size_t begin, std::size_t size);

}  // namespace isomer

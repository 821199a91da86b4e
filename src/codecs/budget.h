#pragma once

// What the tensors of a file may come to, so that a small file makes no large model.

#include <cstdint>

namespace isomer {

/// Bounds what many small things may come to together, in bytes.
class Budget {
 public:
  explicit Budget(std::uint64_t bytes) : most(bytes), left_(bytes) {}

  bool takes(std::uint64_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }

  const std::uint64_t most;

 private:
  std::uint64_t left_;
};

/// What is unpacked, and what views make of their storages, of a file of that size.
inline Budget made_of(std::uint64_t file) { return Budget((64U << 20U) + 4 * file); }
/// Tied tensors, which are written once for each of their names.
inline Budget named_of(std::uint64_t file) { return Budget((256U << 20U) + 64 * file); }

}  // namespace isomer

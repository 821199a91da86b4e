#pragma once

// In what the releases of the format's own program differ.

#include <string_view>

namespace isomer::mdf {

struct Dialect {
  /// Since 0.4.14: a port is empty again when its node has run, `reduce` joins what comes in,
  /// `default_value` stands in for what does not and cuts a cycle; an edge brings nothing before
  /// its sender has run.
  bool clears_ports = true;
  /// Takes what no release does, in the only sense that it can have: as PsyNeuLink writes it.
  bool lenient = true;
};

/// By the name of a release, which takes what that release takes; empty: the newest, and more.
/// Throws Fault::usage for a release that is not known.
Dialect dialect_named(std::string_view release);

}  // namespace isomer::mdf

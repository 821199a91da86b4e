#pragma once

// Runs a network as MGS would, and says how MGS would have ended.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "systems/files.h"
#include "systems/mgs/problems.h"
#include "systems/mgs/run/outputs.h"
#include "systems/mgs/run/simulation.h"

namespace isomer::mgs {

struct RunRequest {
  Mode mode = Mode::reference;
  int threads = 1;
  std::uint64_t seed = 12345;
  std::int64_t most_iterations = 1'000'000;
  bool allow_system = false;  // whether the script may run commands
  bool parse_only = false;    // the script's first pass, without a simulation
  /// JSON with "initial_weights", rows by the names of layers, and "sample_sequence": what MGS
  /// draws at random.
  std::string start = {};
};

struct RunReport {
  /// What a shell would see of MGS; nothing where strict mode refused to go on.
  std::optional<int> mgs_exit = {};
  std::int64_t iterations = 0;
  std::vector<Problem> problems = {};
  std::vector<std::string> files = {};  // in which their places lie
};

/// "reference", "strict" or "fast". Throws Fault::usage for anything else.
Mode mode_named(std::string_view name);

/// Lines go to `outputs` as they come, and files, which are the caller's to publish. Throws Error
/// for what cannot be run here, whatever MGS does with it.
RunReport run_network(const Files& files, std::string_view entry, const RunRequest& request,
                      Outputs& outputs);

}  // namespace isomer::mgs

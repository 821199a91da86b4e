#pragma once

// Models in text and a system with rules of its own, for proofs in tests.

#include <string>

#include "ops/text.h"
#include "passes/passes.h"
#include "prove/prove.h"
#include "systems/text/text.h"

namespace isomer::test {

inline const System text_only{
    .name = "text", .about = "", .extensions = ".isomer", .read = read_text};

/// Runs the graph in the file on the reference engine, and can neither read it back nor
/// differentiate it: as a system whose documents have a behaviour and no derivatives.
inline Runnable simulate_plainly(const Files& files, std::string_view entry,
                                 const RunOptions& options) {
  Runnable runnable = on_engine(options.precision == Precision::f64
                                    ? to_float64(parse_graph(files.read(entry).text()))
                                    : parse_graph(files.read(entry).text()),
                                reference_engine(), options.engine);
  runnable.gradient = nullptr;
  runnable.autograd = nullptr;
  runnable.trace = {};
  return runnable;
}

inline const System own_rules{
    .name = "plain", .about = "", .extensions = ".isomer", .simulate = simulate_plainly};

/// Proves two texts equivalent or not, on the reference engine.
inline Certificate prove_texts(const std::string& a, const std::string& b,
                               const System& system_of_b = text_only, ProofOptions options = {}) {
  const auto files = in_memory({{"a.isomer", "isomer 1\n" + a}, {"b.isomer", "isomer 1\n" + b}});
  if (options.engines.empty()) options.engines = {&engine_named("reference")};
  return prove({"a.isomer", &text_only, files.get(), "a.isomer"},
               {"b.isomer", &system_of_b, files.get(), "b.isomer"}, options);
}

}  // namespace isomer::test

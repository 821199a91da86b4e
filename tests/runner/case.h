#pragma once

// Reads case files and counts what came of them. One file of tests/cases holds several cases,
// separated by "==="; each opens with a comment that states its claim.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "run/engine.h"
#include "systems/system.h"

namespace isomer::runner {

/// One case. `text` begins with as many line ends as lines stand before it in its file, so that
/// places in messages are those of the file.
struct Case {
  std::filesystem::path file;
  std::string name;  // "ops/add.case: integers wrap around"
  std::string text;
  std::size_t line = 0;  // of its claim
};

/// What one check of one case gave.
struct Outcome {
  std::string check;    // "reference", "gradients", ...
  std::string failure;  // empty: passed
};

/// What came of a case; `blessed` is its text with what is found in place of what was expected.
struct Result {
  std::vector<Outcome> outcomes;
  std::optional<std::string> blessed;

  /// Runs `action`, which returns what is wrong; an Error is wrong, too.
  template <class Action>
  void check(std::string name, Action&& action) {
    std::string failure;
    try {
      failure = action();
    } catch (const Error& error) {
      failure = error.what();
    }
    outcomes.push_back({std::move(name), std::move(failure)});
  }
};

struct Options {
  std::vector<const Engine*> engines;
  std::vector<const System*> systems;
  bool gradients = false;
  bool bless = false;
  std::filesystem::path program;  // the command line, for errors/
};

/// The cases of a file. Throws Fault::file where one has no claim.
std::vector<Case> read_cases(const std::filesystem::path& file);

/// The first word that is not in a comment: what kind of case it is.
std::string_view first_word(const Case& one);

Result run_operator_case(const Case& one, const Options& options);
/// What all cases of an operator say of it together.
Result run_traits(std::string_view op, const std::vector<Case>& cases);
Result run_pass_case(const Case& one, const Options& options);
/// An operator of ONNX: at once on tensors, and as a graph on each engine.
Result run_onnx_case(const Case& one, const Options& options);
Result run_error_case(const Case& one, const Options& options);
/// A folder with "model.isomer" and files of the system whose name the folder above has.
Result run_golden(const std::filesystem::path& folder, const Options& options);

/// The graph without its values' names, which a comparison passes over.
std::string nameless_text(const Graph& graph);

/// The differences, or nothing: every element within relative and absolute `tolerance`, a NaN where
/// a NaN is, integers and booleans equal.
std::string difference(const Tensor& given, const Tensor& expected, double tolerance);

}  // namespace isomer::runner

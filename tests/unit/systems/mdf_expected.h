#pragma once

// Expected values of MDF, as the tables in tests/data/mdf write them: {"t": "int", "v": 3}.

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>

#include "codecs/json.h"
#include "systems/mdf/executor.h"
#include "vocabularies/numpy/value.h"

namespace isomer::mdf_test {

/// The repository's folder of test data.
std::filesystem::path data_folder();
/// A larger set of documents with recorded results, which lies beside the repository:
/// $ISOMER_MDF_DATA, else
/// ../shared/data/mdf. Empty when there is none.
std::filesystem::path conformance_folder();
Tree read_document(const std::filesystem::path& path);

/// The value that `expected` describes.
numpy::Value expected_value(const Tree& expected);
/// Same kind, type, shape and, within `tolerance` times the larger magnitude, same numbers.
testing::AssertionResult agrees(const numpy::Value& found, const Tree& expected, double tolerance);

/// Every output and parameter that a snapshot lists.
void expect_snapshot(const mdf::DocumentExecutor& executor, const Tree& snapshot, double tolerance);
/// What is given to ports, by their ids; nothing where it is null.
void give(mdf::DocumentExecutor& executor, const Tree* initializer);
/// The evaluations of a row of a table, each with what it gives and what is expected after it.
void run_row(mdf::DocumentExecutor& executor, const Tree& row);
/// Runs all rows of a table in our folder: those that record an error are to fail, no other. Gives
/// how many there are.
std::size_t expect_table(std::string_view file, const std::function<void(const Tree&)>& run);

}  // namespace isomer::mdf_test

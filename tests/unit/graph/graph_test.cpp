#include "graph/graph.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "ops/text.h"

namespace isomer {
namespace {

Lengths bound(std::string_view inputs, std::vector<std::vector<std::int64_t>> shapes) {
  const Graph graph = parse_graph("graph g(" + std::string(inputs) + ") -> ()\n  length n: 1..8\n");
  std::vector<Tensor> tensors;
  for (std::vector<std::int64_t>& shape : shapes) {
    tensors.push_back(Tensor::zeros(DType::f32, std::move(shape)));
  }
  return bind_lengths(graph, tensors);
}

std::string fault_of(std::string_view inputs, std::vector<std::vector<std::int64_t>> shapes) {
  try {
    bound(inputs, std::move(shapes));
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::model);
    return error.what();
  }
  return "";
}

TEST(BindLengths, ReadsNamesFromShapes) {
  EXPECT_EQ(bound("x: f32[n, 3], y: f32[n, m]", {{2, 3}, {2, 5}}), (Lengths{{"n", 2}, {"m", 5}}));
  EXPECT_EQ(bound("x: f32[2*n + 1]", {{7}}), (Lengths{{"n", 3}}));
  // The expression stands first, and the name alone decides.
  EXPECT_EQ(bound("x: f32[n + 1], y: f32[n]", {{5}, {4}}), (Lengths{{"n", 4}}));
  EXPECT_EQ(bound("x: f32[n], y: f32[floordiv(n, 2)]", {{5}, {2}}), (Lengths{{"n", 5}}));
  EXPECT_EQ(bound("", {}), Lengths{});
}

TEST(BindLengths, SaysWhatDoesNotFit) {
  EXPECT_EQ(fault_of("x: f32[n]", {}), "inputs: the model takes 1 input and is given 0");
  EXPECT_EQ(fault_of("x: f32[n, 2]", {{3}}), "input 'x': is f32[3]; the model takes f32[n, 2]");
  EXPECT_EQ(fault_of("x: f64[3]", {{3}}), "input 'x': is f32[3]; the model takes f64[3]");
  EXPECT_EQ(fault_of("x: f32[n], y: f32[n]", {{3}, {4}}),
            "input 'y': is f32[4]; the model takes f32[n] with n = 3");
  EXPECT_EQ(fault_of("x: f32[2*n]", {{3}}),
            "input 'x': is f32[3] where the model takes f32[2*n]: no length n fits");
  EXPECT_EQ(fault_of("x: f32[n]", {{9}}),
            "input 'x': gives the length n = 9; the model takes 1 to 8");
  EXPECT_EQ(fault_of("x: f32[n], y: f32[n + 1]", {{3}, {3}}),
            "input 'y': is f32[3]; the model takes f32[n + 1] with n = 3");
}

TEST(BindLengths, SaysEverythingAtOnce) {
  EXPECT_EQ(fault_of("x: f32[2], y: i64[2], z: f32[n]", {{1}, {2}, {3}}),
            "inputs: 'x' is f32[1]; the model takes f32[2]; 'y' is f32[2]; the model takes i64[2]");
}

}  // namespace
}  // namespace isomer

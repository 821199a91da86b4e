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

TEST(BindLengths, ReadsNamesFromValues) {
  const Graph graph = parse_graph(
      "graph g(x: f32[rows], n: i64[], y: f32[n + 1]) -> ()\n"
      "  length rows: 1..8\n  length n = input 1: 0..4\n");
  const auto bind = [&](std::int64_t n, std::int64_t length) -> std::string {
    try {
      const Lengths lengths =
          bind_lengths(graph, std::vector{Tensor::zeros(DType::f32, {2}),
                                          Tensor::from_integers(DType::i64, {}, std::span(&n, 1)),
                                          Tensor::zeros(DType::f32, {length})});
      return std::to_string(lengths.at("rows")) + " " + std::to_string(lengths.at("n"));
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(bind(0, 1), "2 0");
  EXPECT_EQ(bind(3, 4), "2 3");
  EXPECT_EQ(bind(3, 3), "input 'y': is f32[3]; the model takes f32[n + 1] with n = 3");
  EXPECT_EQ(bind(5, 6), "input 'n': gives the length n = 5; the model takes 0 to 4");
  EXPECT_EQ(bind(-1, 0), "input 'n': gives the length n = -1; the model takes 0 to 4");
  EXPECT_EQ(parse_graph(to_text(graph)).signature, graph.signature);
}

TEST(BindLengths, OnlyAnIntegerTellsALength) {
  for (const std::string wrong : {"length n = input 2: 0..", "length n = input 0: 0..",
                                  "length n = input 1: 0..\n  length m = input 1: 0.."}) {
    EXPECT_THROW(parse_graph("graph g(x: f32[n], k: i64[]) -> ()\n  " + wrong + "\n"), Error)
        << wrong;
  }
}

TEST(BindLengths, SaysEverythingAtOnce) {
  EXPECT_EQ(fault_of("x: f32[2], y: i64[2], z: f32[n]", {{1}, {2}, {3}}),
            "inputs: 'x' is f32[1]; the model takes f32[2]; 'y' is f32[2]; the model takes i64[2]");
}

}  // namespace
}  // namespace isomer

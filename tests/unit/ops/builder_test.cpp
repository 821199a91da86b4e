#include "ops/builder.h"

#include <gtest/gtest.h>

#include "ops/validate.h"

namespace isomer {
namespace {

TEST(Builder, GraphIsValidAndTyped) {
  Builder b("net");
  const ValueId x = b.input("x", {DType::f32, {Dim::symbol("n"), 4}});
  const ValueId w = b.constant("w", Tensor::zeros(DType::f32, {3, 4}), true, {"fc.weight"});
  const ValueId y = b.emit("linear", {x, w});
  EXPECT_EQ(to_text(b.type(y)), "f32[n, 3]");
  const Graph graph = std::move(b).finish({y});
  validate(graph);
  EXPECT_EQ(graph.nodes[0].inputs[2], ValueId::none);
  EXPECT_EQ(graph.signature.arguments.keys, (std::vector<std::string>{"x"}));
}

TEST(Builder, EqualLiteralsAreOneConstant) {
  Builder b("net");
  EXPECT_EQ(b.literal(DType::f32, 0.5), b.literal(DType::f32, 0.5));
  EXPECT_NE(b.literal(DType::f32, 0.5), b.literal(DType::f64, 0.5));
  EXPECT_NE(b.literal(DType::f32, 0.0), b.literal(DType::f32, -0.0));
  EXPECT_EQ(b.literal(DType::i64, std::int64_t{3}), b.literal(DType::i64, std::int64_t{3}));
}

TEST(Builder, WhatDoesNotFitIsRefusedWithItsReason) {
  Builder b("net");
  const ValueId x = b.input("x", {DType::f32, {2, 3}});
  const ValueId i = b.input("i", {DType::i64, {2, 3}});
  EXPECT_THROW(b.emit("add", {x, i}), Error);
  EXPECT_THROW(b.emit("add", {x}), Error);
  EXPECT_THROW(b.emit("relu", {x, x}), Error);
  EXPECT_THROW(b.emit("matmul", {x, x}), Error);
  EXPECT_THROW(b.emit("sum", {x}, {{"dim", std::vector<std::int64_t>{2}}}), Error);
  EXPECT_THROW(b.emit("reshape", {x}, {{"shape", std::vector<std::int64_t>{4}}}), Error);
  EXPECT_TRUE(b.graph().nodes.empty());
}

TEST(Builder, StateKeepsItsType) {
  Builder b("counter");
  const ValueId n = b.state("n", Tensor::zeros(DType::i64, {}), {"steps"});
  const ValueId next = b.emit("add", {n, b.literal(DType::i64, std::int64_t{1})});
  const ValueId wrong = b.emit("cast", {n}, {{"dtype", DType::f32}});
  EXPECT_THROW(b.keep(n, wrong), Error);
  b.keep(n, next);
  validate(std::move(b).finish({next}));
}

TEST(Validate, EveryInvariantIsChecked) {
  Builder b("net");
  const ValueId x = b.input("x", {DType::f32, {2}});
  const ValueId y = b.emit("relu", {x});
  const Graph good = std::move(b).finish({y});
  validate(good);

  Graph order = good;
  order.nodes.push_back(order.nodes[0]);
  EXPECT_THROW(validate(order), Error) << "a value made twice";
  Graph type = good;
  type[y].type.dtype = DType::f64;
  EXPECT_THROW(validate(type), Error) << "a type that the rule does not give";
  Graph op = good;
  op.nodes[0].op = "rulu";
  EXPECT_THROW(validate(op), Error) << "an unknown operator";
  Graph attribute = good;
  attribute.nodes[0].attributes = {{"slope", 0.5}};
  EXPECT_THROW(validate(attribute), Error) << "an unknown attribute";
  Graph output = good;
  output.nodes.clear();
  EXPECT_THROW(validate(output), Error) << "an output that nothing makes";
}

}  // namespace
}  // namespace isomer

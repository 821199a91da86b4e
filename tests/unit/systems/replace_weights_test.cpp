#include <gtest/gtest.h>

#include "base/error.h"
#include "ops/builder.h"
#include "systems/replace_weights.h"
#include "systems/stored.h"

namespace isomer {
namespace {

Tensor numbers(std::vector<std::int64_t> shape, double first) {
  std::vector<double> values(static_cast<std::size_t>(count_elements(shape)));
  for (double& value : values) value = first++;
  return Tensor::from_doubles(DType::f32, std::move(shape), values);
}

/// A weight under two names, a buffer that is a state, a literal.
Graph model() {
  Builder b("model");
  const ValueId x = b.input("x", {DType::f32, {2}});
  const ValueId w = b.constant("w", numbers({2}, 1), true, {"w", "tied.w"});
  const ValueId total = b.state("total", numbers({2}, 5), {"total"});
  const ValueId y = b.emit("add", {b.emit("mul", {x, w}), b.literal(DType::f32, 2.0)});
  b.keep(total, b.emit("add", {total, y}));
  return std::move(b).finish({y});
}

Graph with(const NamedTensors& tensors, const std::string& path = "w.safetensors") {
  return with_weights(model(), path, bytes_of(write_tensors(tensors)));
}

std::string fault_of(const NamedTensors& tensors, const std::string& path = "w.safetensors") {
  try {
    with(tensors, path);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ReplaceWeights, ByTheirNames) {
  const Tensor w = numbers({2}, 10), total = numbers({2}, 20);
  const Graph graph = with({{"total", total}, {"w", w}, {"tied.w", w}});
  EXPECT_TRUE(graph.constants.at(0).data.same_bits(w));
  EXPECT_TRUE(graph.states.at(0).initial.same_bits(total));
}

TEST(ReplaceWeights, SaysAllThatDoesNotFitAtOnce) {
  const std::string what =
      fault_of({{"w", numbers({3}, 0)}, {"total", numbers({2}, 0)}, {"other", numbers({2}, 0)}});
  EXPECT_EQ(what,
            "does not fit the model's state_dict: has no 'tied.w'; has also 'other'; 'w' is f32[3] "
            "and should be f32[2]");
}

TEST(ReplaceWeights, OfModelsThatWereWrapped) {
  const Tensor w = numbers({2}, 10), total = numbers({2}, 20);
  for (const std::string word : {"module.", "_orig_mod.", "module._orig_mod."}) {
    const Graph graph = with({{word + "total", total}, {word + "w", w}, {word + "tied.w", w}});
    EXPECT_TRUE(graph.constants.at(0).data.same_bits(w));
  }
  EXPECT_EQ(fault_of({{"module.w", w}, {"module.tied.w", w}, {"total", total}}),
            "does not fit the model's state_dict: has no 'w', 'tied.w'; has also 'module.tied.w', "
            "'module.w'");
}

TEST(ReplaceWeights, TiedOnesMayBeThereOnce) {
  const Tensor w = numbers({2}, 10);
  const Graph graph = with({{"total", numbers({2}, 20)}, {"tied.w", w}});
  EXPECT_TRUE(graph.constants.at(0).data.same_bits(w));
}

TEST(ReplaceWeights, ComplexOnesArePairs) {
  const Tensor pairs = numbers({2}, 10);
  const Tensor number(DType::c64, {}, pairs.bytes());
  Builder b("model");
  const ValueId w = b.constant("w", numbers({2}, 1), true, {"w"});
  const Graph graph = with_weights(std::move(b).finish({w}), "w.safetensors",
                                   bytes_of(write_tensors({{"w", number}})));
  EXPECT_TRUE(graph.constants.at(0).data.same_bits(pairs));
}

TEST(ReplaceWeights, TiedOnesMustBeOne) {
  const std::string what =
      fault_of({{"w", numbers({2}, 0)}, {"tied.w", numbers({2}, 1)}, {"total", numbers({2}, 0)}});
  EXPECT_NE(what.find("'w' and 'tied.w' are one in the model, and differ"), std::string::npos)
      << what;
}

TEST(ReplaceWeights, KnowsFilesByTheirEnding) {
  EXPECT_NE(fault_of({}, "w.npz").find("there are: .safetensors, .pt, .pth"), std::string::npos);
  EXPECT_NE(fault_of({}, "w.pth").find("is no zip archive"), std::string::npos);
}

}  // namespace
}  // namespace isomer

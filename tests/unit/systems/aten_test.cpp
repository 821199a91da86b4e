#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "ops/schema.h"
#include "passes/passes.h"
#include "run/engine.h"
#include "vocabularies/aten/aten.h"
#include "vocabularies/aten/row.h"

namespace isomer::aten {
namespace {

using Reals = std::vector<double>;
using Integers = std::vector<std::int64_t>;

constexpr double infinity = std::numeric_limits<double>::infinity();

Tensor f32(Integers shape, const Reals& values) {
  return Tensor::from_doubles(DType::f32, std::move(shape), values);
}
Tensor i64(Integers shape, const Integers& values) {
  return Tensor::from_integers(DType::i64, std::move(shape), values);
}
Tensor booleans(const Integers& values) {
  return Tensor::from_integers(DType::boolean, {static_cast<std::int64_t>(values.size())}, values);
}

/// A graph of one call, grown argument by argument.
class Reading {
 public:
  explicit Reading(std::string_view target) : target_(target) {}

  Reading& with(std::string name, const Tensor& tensor) {
    const ValueId id = b_.input(name, tensor.type());
    inputs_.push_back(tensor);
    return with(std::move(name), id);
  }
  Reading& with(std::string name, Argument value) {
    arguments_.push_back({std::move(name), std::move(value)});
    return *this;
  }
  Reading& with(std::string name, const std::vector<Tensor>& tensors) {
    std::vector<ValueId> ids;
    for (const Tensor& tensor : tensors) {
      ids.push_back(b_.input("", tensor.type()));
      inputs_.push_back(tensor);
    }
    return with(std::move(name), Argument(ids));
  }

  Graph graph() {
    std::vector<ValueId> results = emit(b_, {target_, arguments_});
    std::erase(results, ValueId::none);
    return std::move(b_).finish(results);
  }
  std::vector<Tensor> results() { return make_reference_executor(graph())->run(inputs_); }
  Tensor result() { return results().at(0); }
  /// The operators, in order.
  std::vector<std::string> ops() {
    std::vector<std::string> names;
    for (const Node& node : remove_unused(graph()).nodes) names.push_back(node.op);
    return names;
  }

 private:
  std::string target_;
  Builder b_{"test"};
  std::vector<NamedArgument> arguments_;
  std::vector<Tensor> inputs_;
};

using Ops = std::vector<std::string>;

TEST(AtenRows, AreOfOperators) {
  std::size_t overloads = 0;
  for (const Row* row : rows()) {
    for (const std::string_view target : split_text(row->targets, ' ')) {
      EXPECT_EQ(row_for(target), row);
      ++overloads;
    }
    EXPECT_TRUE(row->ours.empty() || find_op(row->ours) != nullptr) << row->targets;
    if (row->read != nullptr) continue;
    ASSERT_FALSE(row->ours.empty()) << row->targets << " is read by nothing";
    const auto names = std::ranges::count(row->inputs, ' ') + 1;
    const auto inputs = std::ssize(prototype(op_named(row->ours)).inputs);
    EXPECT_EQ(names, inputs) << row->targets;
  }
  EXPECT_GT(overloads, 250U);
  EXPECT_EQ(row_of("length"), nullptr);
}

// Several are read as one of ours; the first is called.
TEST(AtenRows, TheFirstIsCalled) {
  EXPECT_EQ(row_of("amax")->target(), "amax");
  EXPECT_EQ(row_of("sum")->target(), "sum.dim_IntList");
  EXPECT_EQ(row_of("floor_divide")->target(), "div.Tensor_mode");
  EXPECT_EQ(row_of("nll_loss")->target(), "nll_loss_nd");
}

TEST(AtenRows, AreFoundWithAndWithoutTheDefaultOverload) {
  EXPECT_NE(row_for("relu.default"), nullptr);
  EXPECT_NE(row_for("relu"), nullptr);
  EXPECT_NE(row_for("add.Tensor"), nullptr);
  EXPECT_EQ(row_for("add.default"), nullptr);
  EXPECT_EQ(row_for("_fft_r2c.default"), nullptr);
}

TEST(AtenRows, OperatorsThatWriteHaveATwin) {
  EXPECT_EQ(functional("add_.Tensor"), "add.Tensor");
  EXPECT_EQ(functional("relu_.default"), "relu.default");
  EXPECT_FALSE(writes_self("__and__.Tensor"));
  EXPECT_FALSE(writes_self("."));
}

TEST(AtenImport, WritesDownTheEpsilonOfRootMeanSquares) {
  const auto epsilon = [](DType dtype) {
    const Graph graph = Reading("rms_norm")
                            .with("input", Tensor::zeros(dtype, {2}))
                            .with("normalized_shape", Integers{2})
                            .graph();
    return get<double>(graph.nodes.at(0).attributes, "eps");
  };
  for (const DType dtype : {DType::f16, DType::bf16, DType::f32})
    EXPECT_EQ(epsilon(dtype), std::numeric_limits<float>::epsilon());
  EXPECT_EQ(epsilon(DType::f64), std::numeric_limits<double>::epsilon());
}

// As without dropout: a row that the mask closes wholly attends to nothing.
TEST(AtenImport, AttentionWithDropoutGivesZerosWhereTheMaskIsClosed) {
  const Tensor x = f32({2, 1}, {1, 2});
  const Tensor result = Reading("scaled_dot_product_attention")
                            .with("query", x)
                            .with("key", x)
                            .with("value", x)
                            .with("attn_mask", Tensor::zeros(DType::boolean, {2, 2}))
                            .with("dropout_p", 0.5)
                            .result();
  EXPECT_EQ(result.doubles(), (Reals{0, 0}));
}

// torch.result_type: tensors before rank-0 tensors before numbers.
TEST(AtenImport, PromotesAsTorchDoes) {
  const Tensor ints = i64({2}, {1, 2});
  const Tensor scalar = Tensor::from_doubles(DType::f64, {}, Reals{0.5});
  EXPECT_EQ(Reading("add.Tensor").with("self", ints).with("other", 0.5).result().dtype(),
            DType::f32);
  EXPECT_EQ(
      Reading("add.Tensor").with("self", ints).with("other", std::int64_t{1}).result().dtype(),
      DType::i64);
  EXPECT_EQ(
      Reading("mul.Tensor").with("self", f32({1}, {1})).with("other", scalar).result().dtype(),
      DType::f32);
  EXPECT_EQ(Reading("mul.Tensor").with("self", ints).with("other", scalar).result().dtype(),
            DType::f64);
  EXPECT_EQ(Reading("add.Tensor")
                .with("self", booleans({1}))
                .with("other", std::int64_t{1})
                .result()
                .dtype(),
            DType::i64);
  EXPECT_EQ(Reading("exp.default").with("self", ints).result().dtype(), DType::f32);
  EXPECT_EQ(Reading("sum.default").with("self", booleans({1, 1})).result().integers(), Integers{2});
  EXPECT_EQ(Reading("div.Tensor")
                .with("self", i64({1}, {1}))
                .with("other", std::int64_t{2})
                .result()
                .doubles(),
            Reals{0.5});
  EXPECT_EQ(Reading("where.ScalarOther")
                .with("condition", booleans({1, 0}))
                .with("self", ints)
                .with("other", 0.5)
                .result()
                .dtype(),
            DType::f32);
}

TEST(AtenImport, AddsBooleansByOr) {
  const Tensor both =
      Reading("add.Tensor").with("self", booleans({1, 0})).with("other", booleans({1, 0})).result();
  EXPECT_EQ(both.dtype(), DType::boolean);
  EXPECT_EQ(both.integers(), (Integers{1, 0}));
}

TEST(AtenImport, ScalesTheSecondOperandByAlpha) {
  const Tensor x = f32({1}, {10});
  const Tensor y = f32({1}, {3});
  EXPECT_EQ(
      Reading("sub.Tensor").with("self", x).with("other", y).with("alpha", 2.0).result().doubles(),
      Reals{4});
  EXPECT_EQ(Reading("rsub.Scalar")
                .with("self", y)
                .with("other", 1.0)
                .with("alpha", 2.0)
                .result()
                .doubles(),
            Reals{-5});
  EXPECT_EQ(Reading("add.Tensor").with("self", x).with("other", y).ops(), Ops{"add"});
}

TEST(AtenImport, RoundsQuotientsAsTheirModeSays) {
  const auto quotient = [](const char* mode) {
    return Reading("div.Tensor_mode")
        .with("self", i64({2}, {-7, 7}))
        .with("other", std::int64_t{2})
        .with("rounding_mode", std::string(mode))
        .result()
        .integers();
  };
  EXPECT_EQ(quotient("floor"), (Integers{-4, 3}));
  EXPECT_EQ(quotient("trunc"), (Integers{-3, 3}));
  EXPECT_EQ(
      Reading("fmod.Scalar").with("self", f32({2}, {-7, 7})).with("other", 4.0).result().doubles(),
      (Reals{-3, 3}));
}

TEST(AtenImport, FillsInOpenLengths) {
  const Tensor x = f32({2, 3, 4}, Reals(24, 1));
  EXPECT_EQ(Reading("view.default").with("self", x).with("size", Integers{2, -1}).result().shape(),
            (Integers{2, 12}));
  EXPECT_THROW(Reading("view.default").with("self", x).with("size", Integers{-1, -1}).graph(),
               Error);
  EXPECT_EQ(Reading("expand.default")
                .with("self", f32({3, 1}, {1, 2, 3}))
                .with("size", Integers{2, -1, 4})
                .result()
                .shape(),
            (Integers{2, 3, 4}));
  Builder b("symbolic");
  const Dim batch = Dim::symbol("s0");
  const ValueId in = b.input("x", {DType::f32, {batch, 2, 3}});
  const ValueId out = emit(b, {"view.default", {{"self", in}, {"size", Integers{-1, 6}}}})[0];
  EXPECT_EQ(b.shape(out), (Shape{batch, 6}));
}

TEST(AtenImport, CutsAsPythonDoes) {
  const Tensor x = f32({5}, {0, 1, 2, 3, 4});
  const auto cut = [&](std::int64_t start, std::int64_t end, std::int64_t step) {
    return Reading("slice.Tensor")
        .with("self", x)
        .with("dim", std::int64_t{0})
        .with("start", start)
        .with("end", end)
        .with("step", step)
        .result()
        .doubles();
  };
  EXPECT_EQ(cut(-2, std::numeric_limits<std::int64_t>::max(), 1), (Reals{3, 4}));
  EXPECT_EQ(cut(-9, 2, 1), (Reals{0, 1}));
  EXPECT_EQ(cut(1, -1, 2), (Reals{1, 3}));
  EXPECT_EQ(cut(3, 2, 1), Reals{});
  EXPECT_TRUE(Reading("slice.Tensor").with("self", x).ops().empty());
  EXPECT_EQ(Reading("select.int")
                .with("self", x)
                .with("dim", std::int64_t{0})
                .with("index", std::int64_t{-1})
                .result()
                .doubles(),
            Reals{4});
  EXPECT_THROW(Reading("select.int")
                   .with("self", x)
                   .with("dim", std::int64_t{0})
                   .with("index", std::int64_t{5})
                   .graph(),
               Error);
}

TEST(AtenImport, SplitsIntoPieces) {
  const Tensor x = f32({5}, {0, 1, 2, 3, 4});
  const auto chunks =
      Reading("chunk.default").with("self", x).with("chunks", std::int64_t{3}).results();
  ASSERT_EQ(chunks.size(), 3U);
  EXPECT_EQ(chunks[2].doubles(), Reals{4});
  EXPECT_EQ(Reading("unbind.int").with("self", x).results().size(), 5U);
  EXPECT_THROW(Reading("split_with_sizes.default")
                   .with("self", x)
                   .with("split_sizes", Integers{2, 2})
                   .graph(),
               Error);
}

TEST(AtenImport, CountsHalfOpenRanges) {
  EXPECT_EQ(Reading("arange.start_step")
                .with("start", std::int64_t{1})
                .with("end", std::int64_t{8})
                .with("step", std::int64_t{3})
                .result()
                .integers(),
            (Integers{1, 4, 7}));
  const Tensor reals =
      Reading("arange.start_step").with("start", 0.0).with("end", 1.0).with("step", 0.25).result();
  EXPECT_EQ(reals.dtype(), DType::f32);
  EXPECT_EQ(reals.doubles(), (Reals{0, 0.25, 0.5, 0.75}));
}

TEST(AtenImport, PicksTheExtremeByItsIndex) {
  const auto both = Reading("max.dim")
                        .with("self", f32({2, 2}, {1, 3, 7, 5}))
                        .with("dim", std::int64_t{-1})
                        .results();
  EXPECT_EQ(both[0].doubles(), (Reals{3, 7}));
  EXPECT_EQ(both[1].integers(), (Integers{1, 0}));
}

TEST(AtenImport, ReducesOverAllAxesWhereNoneIsNamed) {
  const Tensor x = f32({2, 2}, {1, 2, 3, 6});
  EXPECT_EQ(Reading("mean.dim").with("self", x).with("dim", Integers{}).result().doubles(),
            Reals{3});
  EXPECT_EQ(Reading("amax.default").with("self", x).result().doubles(), Reals{6});
  EXPECT_NEAR(Reading("var.correction").with("self", x).result().doubles()[0], 14.0F / 3, 1e-6);
  EXPECT_NEAR(
      Reading("std.correction").with("self", x).with("correction", 0.0).result().doubles()[0],
      std::sqrt(3.5), 1e-6);
}

// torch 2.13: any and all reduce nothing there, everything else reduces all.
TEST(AtenImport, TakesAnEmptyListOfAxesAsTorchDoes) {
  const Tensor x = f32({2, 2}, {0, 2, 3, 0});
  const auto over_none = [&](std::string_view target) {
    return Reading(target).with("self", x).with("dim", Integers{}).result();
  };
  EXPECT_EQ(over_none("any.dims").integers(), (Integers{0, 1, 1, 0}));
  EXPECT_EQ(over_none("all.dims").integers(), (Integers{0, 1, 1, 0}));
  EXPECT_EQ(Reading("any.dims").with("self", x).with("dim", Argument()).result().integers(),
            Integers{1});
  EXPECT_EQ(over_none("sum.dim_IntList").doubles(), Reals{5});
  EXPECT_EQ(over_none("mean.dim").doubles(), Reals{1.25});
  EXPECT_EQ(over_none("amax").doubles(), Reals{3});
  EXPECT_EQ(over_none("var.correction").doubles(), Reals{2.25});
}

TEST(AtenImport, TakesNormsOfManyOrders) {
  const auto norm = [](double order) {
    return Reading("linalg_vector_norm.default")
        .with("self", f32({3}, {3, 0, -4}))
        .with("ord", order)
        .result()
        .doubles()[0];
  };
  EXPECT_NEAR(norm(2), 5, 1e-6);
  EXPECT_EQ(norm(1), 7);
  EXPECT_EQ(norm(0), 2);
  EXPECT_EQ(norm(infinity), 4);
  EXPECT_NEAR(norm(3), 4.4979414, 1e-6);
}

// x[[[0, -1]]], x[:, i, j] and x[i, :, j] of NumPy.
TEST(AtenImport, IndexesAsNumpyDoes) {
  Builder b("index");
  const ValueId x = b.input("x", {DType::f32, {2, 3, 4}});
  const ValueId i = b.input("i", {DType::i64, {5}});
  const auto shape = [&](std::vector<ValueId> indices) {
    return b.shape(emit(b, {"index.Tensor", {{"self", x}, {"indices", std::move(indices)}}})[0]);
  };
  EXPECT_EQ(shape({i}), (Shape{5, 3, 4}));
  EXPECT_EQ(shape({ValueId::none, i, i}), (Shape{2, 5}));
  EXPECT_EQ(shape({i, ValueId::none, i}), (Shape{5, 3}));

  const Tensor rows = f32({3, 2}, {0, 1, 10, 11, 20, 21});
  EXPECT_EQ(Reading("index.Tensor")
                .with("self", rows)
                .with("indices", std::vector<Tensor>{i64({2}, {0, -1})})
                .result()
                .doubles(),
            (Reals{0, 1, 20, 21}));
  EXPECT_EQ(Reading("index.Tensor")
                .with("self", rows)
                .with("indices", std::vector<Tensor>{i64({2}, {2, 0}), i64({2}, {1, 0})})
                .result()
                .doubles(),
            (Reals{21, 0}));
}

// What run_decompositions() makes of nn.Linear comes back as one node.
TEST(AtenImport, RecoversLinearLayers) {
  Builder b("decomposed");
  const ValueId x = b.input("x", {DType::f32, {2, 3, 4}});
  const ValueId w = b.constant("w", Tensor::zeros(DType::f32, {5, 4}), true, {"w"});
  const ValueId bias = b.constant("b", Tensor::zeros(DType::f32, {5}), true, {"b"});
  const ValueId flat = emit(b, {"view.default", {{"self", x}, {"size", Integers{6, 4}}}})[0];
  const ValueId wt = emit(b, {"permute.default", {{"self", w}, {"dims", Integers{1, 0}}}})[0];
  const ValueId y = emit(b, {"addmm.default", {{"self", bias}, {"mat1", flat}, {"mat2", wt}}})[0];
  const ValueId z = emit(b, {"view.default", {{"self", y}, {"size", Integers{2, 3, 5}}}})[0];
  const Graph graph = remove_unused(std::move(b).finish({z}));
  ASSERT_EQ(graph.nodes.size(), 1U);
  EXPECT_EQ(graph.nodes[0].op, "linear");
  EXPECT_EQ(graph.nodes[0].inputs, (std::vector<ValueId>{x, w, bias}));
}

TEST(AtenImport, MultipliesVectorsAsMatrices) {
  const Tensor v = f32({2}, {1, 2});
  const Tensor m = f32({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(Reading("matmul.default").with("self", v).with("other", v).result().doubles(),
            Reals{5});
  EXPECT_EQ(Reading("matmul.default").with("self", m).with("other", v).result().doubles(),
            (Reals{5, 11}));
  EXPECT_EQ(Reading("matmul.default").with("self", v).with("other", m).result().doubles(),
            (Reals{7, 10}));
}

TEST(AtenImport, ConvolvesWithoutABatch) {
  const Tensor y = Reading("conv1d.default")
                       .with("input", f32({1, 3}, {1, 2, 3}))
                       .with("weight", f32({1, 1, 2}, {1, 1}))
                       .result();
  EXPECT_EQ(y.shape(), (Integers{1, 2}));
  EXPECT_EQ(y.doubles(), (Reals{3, 5}));
}

// An even kernel needs one more at the end.
TEST(AtenImport, PadsToTheSameLength) {
  const Tensor y = Reading("conv1d.padding")
                       .with("input", f32({1, 1, 3}, {1, 2, 3}))
                       .with("weight", f32({1, 1, 2}, {1, 10}))
                       .with("padding", std::string("same"))
                       .result();
  EXPECT_EQ(y.doubles(), (Reals{21, 32, 3}));
}

TEST(AtenImport, RefusesKernelsThatNoNumberMeasures) {
  EXPECT_THROW(Reading("conv1d.padding")
                   .with("input", f32({1, 1, 3}, {1, 2, 3}))
                   .with("weight", f32({1, 1, 3}, {1, 2, 3}))
                   .with("padding", std::string("same"))
                   .with("dilation", Integers{std::int64_t{1} << 62})
                   .graph(),
               Error);
}

// 1.3 would be the scale for 6.5: positions by it are others than by the lengths 5 and 6.
TEST(AtenImport, LooksWhereTheScaleSays) {
  const Tensor x = f32({1, 1, 1, 5}, {0, 1, 2, 3, 4});
  const auto upsampled = [&](double scale) {
    return Reading("upsample_nearest2d")
        .with("self", x)
        .with("output_size", Integers{1, 6})
        .with("scales_w", scale);
  };
  EXPECT_EQ(upsampled(1.2).result().doubles(), (Reals{0, 0, 1, 2, 3, 4}));
  EXPECT_EQ(upsampled(1.3).result().doubles(), (Reals{0, 0, 1, 2, 3, 3}));
}

TEST(AtenImport, PadsWithBorders) {
  const auto padded = [](const char* mode) {
    return Reading("pad.default")
        .with("self", f32({1, 3}, {1, 2, 3}))
        .with("pad", Integers{2, 1})
        .with("mode", std::string(mode))
        .result()
        .doubles();
  };
  EXPECT_EQ(padded("reflect"), (Reals{3, 2, 1, 2, 3, 2}));
  EXPECT_EQ(padded("replicate"), (Reals{1, 1, 1, 2, 3, 3}));
  EXPECT_EQ(padded("circular"), (Reals{2, 3, 1, 2, 3, 1}));
  EXPECT_EQ(padded("constant"), (Reals{0, 0, 1, 2, 3, 0}));
  EXPECT_EQ(Reading("constant_pad_nd.default")
                .with("self", f32({3}, {1, 2, 3}))
                .with("pad", Integers{-1, 1})
                .result()
                .doubles(),
            (Reals{2, 3, 0}));
}

// Momentum 0.1; mean 2, unbiased variance 2 of the batch {1, 3}.
TEST(AtenImport, MovesRunningStatistics) {
  const auto results = Reading("batch_norm.default")
                           .with("input", f32({2, 1}, {1, 3}))
                           .with("weight", std::monostate())
                           .with("bias", std::monostate())
                           .with("running_mean", f32({1}, {0}))
                           .with("running_var", f32({1}, {1}))
                           .with("training", true)
                           .with("momentum", 0.1)
                           .with("eps", 0.0)
                           .with("cudnn_enabled", true)
                           .results();
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0].doubles(), (Reals{-1, 1}));
  EXPECT_NEAR(results[1].doubles()[0], 0.2, 1e-6);
  EXPECT_NEAR(results[2].doubles()[0], 1.1, 1e-6);
}

TEST(AtenImport, DropsWhatChangesNothing) {
  const Tensor x = f32({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_TRUE(Reading("dropout.default")
                  .with("input", x)
                  .with("p", 0.5)
                  .with("train", false)
                  .ops()
                  .empty());
  EXPECT_TRUE(Reading("clone.default").with("self", x).ops().empty());
  EXPECT_TRUE(Reading("to.dtype").with("self", x).with("dtype", DType::f32).ops().empty());
  EXPECT_TRUE(
      Reading("permute.default").with("self", x).with("dims", Integers{0, 1}).ops().empty());
}

TEST(AtenImport, StopsNoGradientSilently) {
  Builder b("detach");
  const ValueId w = b.constant("w", f32({1}, {1}), true, {"w"});
  const ValueId c = b.constant("c", f32({1}, {1}), false, {"c"});
  EXPECT_EQ(emit(b, {"detach.default", {{"self", c}}})[0], c);
  const ValueId stopped = emit(b, {"detach.default", {{"self", w}}})[0];
  EXPECT_NE(stopped, w);
  EXPECT_EQ(b.graph().nodes.back().op, "detach");
}

TEST(AtenImport, RefusesArgumentsItDoesNotRead) {
  try {
    Reading("relu.default").with("self", f32({1}, {1})).with("surprise", 3.0).graph();
    FAIL() << "the argument was lost";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::unsupported);
    EXPECT_EQ(error.where(), "relu.default");
  }
}

// None is no tensor, and a scalar has no classes.
TEST(AtenImport, RefusesWhatIsNotThere) {
  const auto fault = [](Reading& reading) {
    try {
      reading.graph();
    } catch (const Error& error) {
      return error.fault();
    }
    return Fault::bug;
  };
  const std::vector<ValueId> absent = {ValueId::none};
  for (const std::string_view target : {"broadcast_tensors", "cat", "stack"})
    EXPECT_EQ(fault(Reading(target).with("tensors", absent)), Fault::model) << target;
  EXPECT_EQ(fault(Reading("cross_entropy_loss")
                      .with("self", f32({}, {1}))
                      .with("target", f32({}, {1}))
                      .with("label_smoothing", 0.5)),
            Fault::model);
}

TEST(AtenImport, SaysWhatIsMissing) {
  try {
    Reading("transpose.int").with("self", f32({1, 1}, {1})).with("dim0", std::int64_t{0}).graph();
    FAIL() << "dim1 is missing";
  } catch (const Error& error) {
    EXPECT_EQ(error.fault(), Fault::model);
    EXPECT_EQ(error.text(), "argument 'dim1' is missing; it needs an integer");
  }
}

}  // namespace
}  // namespace isomer::aten

#include "vocabularies/onnx/onnx.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "ops/builder.h"
#include "vocabularies/lengths.h"

namespace isomer {
namespace {

std::vector<const onnx::Operator*> all_operators() {
  std::vector<const onnx::Operator*> all;
  for (int opset = onnx::oldest; opset <= onnx::newest; ++opset) {
    for (const onnx::Operator* op : onnx::operators(opset)) {
      if (std::ranges::find(all, op) == all.end()) all.push_back(op);
    }
  }
  return all;
}

TEST(Onnx, EveryRowIsOfOperatorsAndAttributesThatThereAre) {
  for (const onnx::Operator* op : all_operators()) {
    for (const std::string_view ours : split_text(op->row->ours, ' ')) {
      const OpSchema* schema = ours.empty() ? nullptr : find_op(ours);
      EXPECT_TRUE(ours.empty() || schema != nullptr) << op->name() << " " << ours;
      if (schema == nullptr) continue;
      for (const auto& [name, theirs] : op->renames) {
        const auto& settings = prototype(*schema).settings;
        EXPECT_NE(std::ranges::find(settings, name, &Prototype::Setting::name), settings.end())
            << op->name() << " " << name;
        const auto& attributes = op->prototype.settings;
        const auto& inputs = op->prototype.inputs;
        EXPECT_TRUE(std::ranges::find(attributes, theirs, &Prototype::Setting::name) !=
                        attributes.end() ||
                    std::ranges::find(inputs, theirs, &Prototype::Input::name) != inputs.end())
            << op->name() << " " << theirs;
      }
    }
    EXPECT_TRUE(op->row->read != nullptr || !op->row->ours.empty()) << op->name();
  }
}

TEST(Onnx, EveryOperatorHasACase) {
  const std::filesystem::path folder =
      std::filesystem::path(ISOMER_SOURCE) / "tests/cases/vocabularies/onnx";
  for (const onnx::Operator* op : all_operators()) {
    // A constant is its own value.
    if (op->name() == "Constant") continue;
    EXPECT_TRUE(std::filesystem::exists(folder / (std::string(op->name()) + ".case")))
        << op->name();
  }
}

TEST(Onnx, AnOpsetThatIsNotReadHasNoOperators) {
  EXPECT_EQ(onnx::find("Add", onnx::oldest - 1), nullptr);
  EXPECT_EQ(onnx::find("Add", onnx::newest + 1), nullptr);
  EXPECT_EQ(onnx::find("add", 15), nullptr);
  EXPECT_NE(onnx::find("Add", 15), nullptr);
}

std::string text_of(const onnx::Node& node) {
  std::string text = std::string(node.name);
  for (const auto& [value, constant] : node.inputs) {
    text += value != ValueId::none ? fmt::format(" {}", static_cast<int>(value))
                                   : " " + (constant ? to_text(*constant) : "-");
  }
  for (const auto& [name, value] : node.attributes)
    text += fmt::format(" {}={}", name, to_text(value));
  return text;
}

/// What is written for an operator of values 0, 1, ...; empty when nothing is.
std::string written(std::string_view op, const std::vector<TensorType>& types,
                    const Attributes& given, int opset) {
  const OpSchema& schema = op_named(op);
  const Attributes attributes = complete(schema, given);
  std::vector<ValueId> inputs;
  for (std::size_t i = 0; i < types.size(); ++i) inputs.push_back(ValueId(i));
  const OpCall call{attributes, inputs, types};
  const std::vector<TensorType> outputs = schema.infer(call);
  const auto node = onnx::write({op, call, outputs}, opset);
  return node ? text_of(*node) : "";
}

TEST(Onnx, WritesWhatTheOpsetHas) {
  const TensorType x{DType::f32, {Dim(2), Dim(3)}};
  using Integers = std::vector<std::int64_t>;
  EXPECT_EQ(written("leaky_relu", {x}, {{"negative_slope", 0.5}}, 15), "LeakyRelu 0 alpha=0.5");
  EXPECT_EQ(written("elu", {x}, {}, 15), "Elu 0 alpha=1.0");
  EXPECT_EQ(written("elu", {x}, {{"scale", 2.0}}, 15), "Selu 0 alpha=1.0 gamma=2.0");
  EXPECT_EQ(written("elu", {x}, {{"input_scale", 2.0}}, 15), "");
  EXPECT_EQ(written("softplus", {x}, {{"beta", 2.0}}, 15), "");
  const Attributes last{{"dim", Integers{1}}};
  EXPECT_EQ(written("mean", {x}, last, 15), "ReduceMean 0 axes=[1] keepdims=0");
  EXPECT_EQ(written("mean", {x}, last, 18), "ReduceMean 0 [1] keepdims=0");
  EXPECT_EQ(written("mean", {x}, {}, 18), "ReduceMean 0 keepdims=0");
  EXPECT_EQ(written("argmax", {x}, {}, 15), "");
  EXPECT_EQ(written("clamp", {x}, {{"max", 2.0}}, 15), "Clip 0 - 2.0");
  EXPECT_EQ(written("repeat", {x}, {{"repeats", Integers{2, 1, 1}}}, 15), "");
  const TensorType channels{DType::f32, {Dim(3)}};
  const Attributes groups{{"num_groups", std::int64_t{1}}};
  EXPECT_EQ(written("group_norm", {x, channels, channels}, groups, 21),
            "GroupNormalization 0 1 2 num_groups=1 epsilon=1e-05");
  EXPECT_EQ(written("group_norm", {x, channels, channels}, groups, 20), "");
  EXPECT_EQ(written("cumsum", {x}, {{"dim", std::int64_t{1}}}, 15), "CumSum 0 1");
}

/// A graph's builder with an input of a named length.
struct Half {
  Builder b{"half"};
  ValueId x = b.input("x", {DType::f32, {Dim::symbol("s0"), Dim(6)}});

  onnx::Values read(std::string_view name, const onnx::Values& inputs,
                    const Attributes& attributes = {}) {
    return onnx::read(b, *onnx::find(name, 15), inputs, attributes);
  }
  ValueId integers(const std::vector<std::int64_t>& values) {
    return b.constant(Tensor::of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values));
  }
};

TEST(Onnx, ShapesThatAreComputedFromLengthsAreRead) {
  Half g;
  // x.reshape(x.shape[0] * 2, -1)
  const ValueId shape = g.read("Shape", {g.x})[0];
  const ValueId rows = g.read("Gather", {shape, g.integers({0})})[0];
  const ValueId twice = g.read("Mul", {rows, g.integers({2})})[0];
  const ValueId wanted =
      g.read("Concat", {twice, g.integers({-1})}, {{"axis", std::int64_t{0}}})[0];
  EXPECT_EQ(to_text(g.b.type(g.read("Reshape", {g.x, wanted})[0])), "f32[2*s0, 3]");
  const ValueId one = g.b.constant(Tensor::of<float>({1}, std::vector<float>{1}));
  EXPECT_EQ(to_text(g.b.type(g.read("Expand", {one, shape})[0])), "f32[s0, 6]");
  const ValueId part = g.read("Slice", {g.x, g.integers({0}), rows, g.integers({0})})[0];
  EXPECT_EQ(to_text(g.b.type(part)), "f32[s0, 6]");
}

TEST(Onnx, AShapeThatIsComputedFromDataIsRefusedByName) {
  Half g;
  const ValueId data = g.b.input("data", {DType::i64, {Dim(2)}});
  for (const ValueId shape : {data, g.read("Add", {data, g.integers({1, 1})})[0]}) {
    try {
      g.read("Reshape", {g.x, shape});
      ADD_FAILURE() << "it is read";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("'shape' is computed from data"), std::string::npos)
          << error.what();
    }
  }
}

TEST(Onnx, ALengthAsATruthIsNoLength) {
  Half g;
  const ValueId length = g.read("Size", {g.x})[0];
  const ValueId truth = g.read("Cast", {length}, {{"to", std::int64_t{9}}})[0];
  EXPECT_NE(known_lengths(g.b, length), std::nullopt);
  EXPECT_EQ(known_lengths(g.b, truth), std::nullopt);
}

TEST(Onnx, AShapeOfManySharedSumsEnds) {
  Half g;
  ValueId length = g.read("Size", {g.x})[0];
  for (int i = 0; i < 64; ++i) length = g.read("Add", {length, length})[0];
  EXPECT_EQ(known_lengths(g.b, length), std::nullopt);
}

}  // namespace
}  // namespace isomer

#include "ops/schema.h"

#include <gtest/gtest.h>

#include <set>

namespace isomer {
namespace {

std::string message_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Schema, EverySignatureParsesAndEveryNameIsUnique) {
  std::set<std::string_view> names;
  for (const OpFamily& family : op_families()) {
    for (const OpSchema& schema : family.ops) {
      SCOPED_TRACE(schema.signature);
      EXPECT_TRUE(names.insert(schema.name()).second);
      EXPECT_FALSE(parse_signature(schema.signature).outputs.empty());
      EXPECT_FALSE(schema.meaning.empty());
      EXPECT_NE(schema.infer, nullptr);
      EXPECT_EQ(find_op(schema.name()), &schema);
    }
  }
  EXPECT_GE(names.size(), 40U);
}

TEST(Schema, SignatureIsRead) {
  const Prototype p = parse_signature(
      "f(x, bias?, rest..., n: int, a: ints = [1, 2], s: string = 'up', e: float?) -> (y, z)");
  ASSERT_EQ(p.inputs.size(), 3U);
  EXPECT_FALSE(p.inputs[0].optional);
  EXPECT_TRUE(p.inputs[1].optional);
  EXPECT_TRUE(p.inputs[2].variadic);
  ASSERT_EQ(p.settings.size(), 4U);
  EXPECT_EQ(p.settings[0].kind, Kind::integer);
  EXPECT_FALSE(p.settings[0].default_value.has_value());
  EXPECT_EQ(p.settings[1].default_value, Attribute(std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(p.settings[2].default_value, Attribute(std::string("up")));
  EXPECT_TRUE(p.settings[3].optional);
  EXPECT_EQ(p.outputs, (std::vector<std::string_view>{"y", "z"}));
  EXPECT_FALSE(p.variadic_outputs);
}

TEST(Schema, MalformedSignatureIsOurBug) {
  EXPECT_THROW(parse_signature("f(x"), Error);
  EXPECT_THROW(parse_signature("f(x, n: number) -> y"), Error);
  EXPECT_THROW(parse_signature("f(x, n: int = one) -> y"), Error);
}

TEST(Schema, DefaultsAreFilledInAndLeftOut) {
  const OpSchema& schema = op_named("convolution");
  const Attributes all = complete(schema, {{"groups", std::int64_t{2}}});
  EXPECT_EQ(all.size(), 6U);
  EXPECT_EQ(get<std::vector<std::int64_t>>(all, "stride"), (std::vector<std::int64_t>{1}));
  EXPECT_EQ(get<std::int64_t>(all, "groups"), 2);
  EXPECT_EQ(canonical(schema, all), (Attributes{{"groups", std::int64_t{2}}}));
}

TEST(Schema, NumbersAreTakenForWhatTheSignatureAsks) {
  const Attributes clamp = complete(op_named("clamp"), {{"max", std::int64_t{6}}});
  EXPECT_EQ(clamp, (Attributes{{"max", 6.0}}));
  const Attributes reshape =
      complete(op_named("reshape"), {{"shape", std::vector<std::int64_t>{2, 3}}});
  EXPECT_EQ(get<std::vector<Dim>>(reshape, "shape"), (std::vector<Dim>{2, 3}));
}

TEST(Schema, SumsSayHowManyTermsTheyHave) {
  const auto terms = [](std::string_view op, const Attributes& attributes,
                        const std::vector<TensorType>& types) {
    const std::vector<ValueId> inputs(types.size(), ValueId(0));
    const OpSchema& schema = op_named(op);
    return schema.traits.terms({complete(schema, attributes), inputs, types}).value();
  };
  const auto f32 = [](Shape shape) { return TensorType{DType::f32, std::move(shape)}; };
  EXPECT_EQ(terms("sum", {{"dim", std::vector<std::int64_t>{-1, 0}}}, {f32({2, 3, 5})}), 10);
  EXPECT_EQ(terms("cumsum", {{"dim", 1}}, {f32({2, 3, 5})}), 3);
  EXPECT_EQ(terms("matmul", {}, {f32({2, 3}), f32({3, 5})}), 3);
  const Attributes grouped{{"groups", 2}};
  EXPECT_EQ(terms("convolution", grouped, {f32({1, 4, 9}), f32({6, 2, 5})}), 10);
  EXPECT_EQ(
      terms("convolution", {{"groups", 2}, {"transposed", true}}, {f32({1, 6, 9}), f32({6, 2, 5})}),
      15);
  EXPECT_EQ(
      terms("convolution_backward", grouped, {f32({7, 6, 5}), f32({7, 4, 9}), f32({6, 2, 5})}), 35);
  EXPECT_EQ(terms("index_add", {}, {f32({2}), {DType::i64, {3}}, f32({3})}), 4);
}

TEST(Schema, MessagesSayWhatWouldBeRight) {
  EXPECT_EQ(message_of([] { op_named("sofmax"); }),
            "there is no operator 'sofmax'; did you mean 'softmax'?");
  EXPECT_EQ(message_of([] { complete(op_named("softmax"), {}); }),
            "'softmax' needs the attribute 'dim' (int)");
  EXPECT_EQ(message_of([] {
              complete(op_named("softmax"), {{"dim", 0.5}});
            }),
            "attribute 'dim' of 'softmax' is 0.5; it should be of kind int");
  EXPECT_EQ(message_of([] {
              complete(op_named("softmax"), {{"axis", std::int64_t{1}}});
            }),
            "'softmax' has no attribute 'axis'; it has: dim");
}

}  // namespace
}  // namespace isomer

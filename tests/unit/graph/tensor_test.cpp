#include "graph/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "graph/text.h"

namespace isomer {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

Bytes bytes_with(std::vector<unsigned char> values) {
  return bytes_of(std::string(values.begin(), values.end()));
}

TEST(DType, NamesAndSizes) {
  for (const std::string_view name :
       {"bool", "i8", "u8", "i16", "i32", "i64", "f16", "bf16", "f32", "f64", "c64", "c128"}) {
    ASSERT_TRUE(dtype_named(name)) << name;
    EXPECT_EQ(name_of(*dtype_named(name)), name);
  }
  EXPECT_EQ(size_of(DType::bf16), 2U);
  EXPECT_EQ(size_of(DType::c128), 16U);
  EXPECT_FALSE(dtype_named("float32"));
}

// torch.promote_types of torch 2.13.
TEST(DType, PromotesAsPyTorch) {
  EXPECT_EQ(promoted(DType::u8, DType::i8), DType::i16);
  EXPECT_EQ(promoted(DType::i16, DType::u8), DType::i16);
  EXPECT_EQ(promoted(DType::boolean, DType::u8), DType::u8);
  EXPECT_EQ(promoted(DType::i64, DType::f16), DType::f16);
  EXPECT_EQ(promoted(DType::bf16, DType::f16), DType::f32);
  EXPECT_EQ(promoted(DType::f64, DType::f32), DType::f64);
  EXPECT_EQ(promoted(DType::f64, DType::c64), DType::c128);
  EXPECT_EQ(promoted(DType::f32, DType::c64), DType::c64);
}

TEST(Tensor, ChecksItsSize) {
  EXPECT_NO_THROW(Tensor(DType::f32, {2, 2}, bytes_of(std::string(16, 'a'))));
  EXPECT_THROW(Tensor(DType::f32, {2, 2}, bytes_of(std::string(15, 'a'))), Error);
  EXPECT_THROW(Tensor(DType::f32, {-1}, bytes_of(std::string(4, 'a'))), Error);
  const std::int64_t large = std::int64_t{1} << 40;
  EXPECT_THROW(Tensor(DType::f32, {large, large}, {}), Error);
  EXPECT_THROW(Tensor::zeros(DType::f64, {large, 1024}), Error);
  EXPECT_NO_THROW(Tensor(DType::f32, {0, large, 1024}, {}));
}

TEST(Tensor, RankZeroAndEmpty) {
  EXPECT_EQ(Tensor::zeros(DType::i64, {}).count(), 1);
  EXPECT_EQ(Tensor::zeros(DType::i64, {3, 0}).count(), 0);
  EXPECT_EQ(Tensor().count(), 0);
  EXPECT_EQ(elements_text(Tensor::zeros(DType::f32, {})), "0.0");
  EXPECT_EQ(elements_text(Tensor::zeros(DType::f32, {2, 0})), "[]");
}

TEST(Tensor, CopiesBytesThatAreNotAligned) {
  auto raw = std::make_shared<std::vector<std::byte>>(20);
  const float value = 2.5F;
  const std::size_t odd = reinterpret_cast<std::uintptr_t>(raw->data()) % 4 == 1 ? 2 : 1;
  std::memcpy(raw->data() + odd, &value, sizeof value);
  const Tensor tensor(DType::f32, {1}, Bytes{raw, std::span(*raw).subspan(odd, 4)});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.bytes().data().data()) % 4, 0U);
  EXPECT_EQ(tensor.view().as<float>()[0], 2.5F);
  // What is aligned is shared.
  const Tensor shared(DType::u8, {20}, Bytes{raw, *raw});
  EXPECT_EQ(shared.bytes().data().data(), raw->data());
}

TEST(Tensor, AnyByteButZeroIsTrue) {
  const Tensor tensor(DType::boolean, {3}, bytes_with({0, 1, 7}));
  EXPECT_EQ(tensor.integers(), (std::vector<std::int64_t>{0, 1, 1}));
  EXPECT_EQ(elements_text(tensor), "[false, true, true]");
}

TEST(Tensor, ReadsOnlyItsOwnKind) {
  EXPECT_THROW(Tensor::zeros(DType::f32, {1}).view().as<double>(), Error);
  EXPECT_THROW(Tensor::zeros(DType::c64, {1}).doubles(), Error);
}

// As torch.tensor([...]).to(...) does on x86.
TEST(Tensor, Converts) {
  const std::vector<double> values = {-1.9, 0.5, 300.7, -0.0};
  const Tensor reals = Tensor::from_doubles(DType::f64, {4}, values);
  EXPECT_EQ(reals.converted(DType::i32).integers(), (std::vector<std::int64_t>{-1, 0, 300, 0}));
  EXPECT_EQ(reals.converted(DType::u8).integers(), (std::vector<std::int64_t>{255, 0, 44, 0}));
  EXPECT_EQ(reals.converted(DType::boolean).integers(), (std::vector<std::int64_t>{1, 1, 1, 0}));
  EXPECT_EQ(reals.converted(DType::c64).converted(DType::f32).doubles()[1], 0.5);
  const std::vector<double> odd = {std::nan(""), infinite, -infinite, 1e300};
  const std::int64_t least = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ(Tensor::from_doubles(DType::f64, {4}, odd).integers(),
            (std::vector<std::int64_t>{least, least, least, least}));
  EXPECT_EQ(Tensor::from_doubles(DType::f32, {4}, odd).doubles()[3], infinite);
}

TEST(Tensor, KeepsLargeIntegers) {
  const std::vector<std::int64_t> values = {9007199254740993, -9223372036854775807 - 1};
  EXPECT_EQ(Tensor::from_integers(DType::i64, {2}, values).integers(), values);
  EXPECT_EQ(elements_text(Tensor::from_integers(DType::i64, {2}, values)),
            "[9007199254740993, -9223372036854775808]");
}

TEST(Tensor, EqualityIsOfBits) {
  const std::vector<double> zero = {0.0};
  const std::vector<double> minus = {-0.0};
  const Tensor a = Tensor::from_doubles(DType::f32, {1}, zero);
  EXPECT_FALSE(a == Tensor::from_doubles(DType::f32, {1}, minus));
  EXPECT_FALSE(a == a.reshaped({1, 1}));
  EXPECT_TRUE(a == a.reshaped({1, 1}).reshaped({1}));
  EXPECT_THROW(a.reshaped({2}), Error);
}

TEST(Half, EveryValueSurvivesTheWayThroughFloat) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const Half half{static_cast<std::uint16_t>(bits)};
    const BFloat16 brain{static_cast<std::uint16_t>(bits)};
    if (std::isnan(to_float(half))) {
      EXPECT_TRUE(std::isnan(to_float(to_half(to_float(half)))));
    } else {
      EXPECT_EQ(to_half(to_float(half)).bits, bits);
    }
    if (std::isnan(to_float(brain))) {
      EXPECT_TRUE(std::isnan(to_float(to_bfloat16(to_float(brain)))));
    } else {
      EXPECT_EQ(to_bfloat16(to_float(brain)).bits, bits);
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(to_half(1.0F).bits, 0x3C00);
  EXPECT_EQ(to_half(2049.0F).bits, to_half(2048.0F).bits);  // a tie, down to even
  EXPECT_EQ(to_half(2051.0F).bits, to_half(2052.0F).bits);  // a tie, up to even
  EXPECT_EQ(to_half(65519.0F).bits, 0x7BFF);                // the greatest half
  EXPECT_EQ(to_half(65520.0F).bits, 0x7C00);                // infinity
  EXPECT_EQ(to_half(0x1p-24F).bits, 1);                     // the least
  EXPECT_EQ(to_half(0x1p-25F).bits, 0);                     // a tie with 0
  EXPECT_EQ(to_half(0x1.8p-25F).bits, 1);
  EXPECT_EQ(to_half(-0.0F).bits, 0x8000);
  EXPECT_EQ(to_bfloat16(1.00390625F).bits, 0x3F80);  // 1 + 2^-8: a tie, down to even
  EXPECT_EQ(to_bfloat16(1.01171875F).bits, 0x3F82);  // 1 + 3 * 2^-8: a tie, up to even
  EXPECT_EQ(to_bfloat16(3.4e38F).bits, 0x7F80);
}

TEST(Half, PrintsTheShortestThatReadsBack) {
  const std::vector<double> values = {0.1, 300, 65504, 6e-8, -0.0};
  EXPECT_EQ(elements_text(Tensor::from_doubles(DType::f16, {5}, values)),
            "[0.1, 300.0, 65500.0, 6e-08, -0.0]");
  EXPECT_EQ(elements_text(Tensor::from_doubles(DType::bf16, {5}, values)),
            "[0.1, 300.0, 65500.0, 6e-08, -0.0]");
}

TEST(LayOut, SharesWhatIsContiguous) {
  const std::vector<double> values = {0, 1, 2, 3, 4, 5};
  const Bytes storage = Tensor::from_doubles(DType::f32, {6}, values).bytes();
  const std::vector<std::int64_t> rows = {2, 1};
  const Tensor part = lay_out(DType::f32, {2, 2}, rows, 2, storage);
  EXPECT_EQ(part.doubles(), (std::vector<double>{2, 3, 4, 5}));
  EXPECT_EQ(part.bytes().data().data(), storage.data().data() + 8);
}

TEST(LayOut, WaitsAsItsStorageDoes) {
  const std::vector<double> values = {0, 1, 2, 3, 4, 5};
  const Bytes ready = Tensor::from_doubles(DType::f32, {6}, values).bytes();
  int asked = 0;
  const Bytes storage = Bytes::later(ready.size(), [&] {
    ++asked;
    return ready;
  });
  const std::vector<std::int64_t> rows = {2, 1};
  const std::vector<std::int64_t> columns = {1, 3};
  const Tensor part = lay_out(DType::f32, {2, 2}, rows, 2, storage);
  const Tensor turned = lay_out(DType::f32, {3, 2}, columns, 0, storage).reshaped({2, 3});
  EXPECT_EQ(part.type(), (TensorType{DType::f32, {2, 2}}));
  EXPECT_THROW(lay_out(DType::f32, {7}, std::vector<std::int64_t>{1}, 0, storage), Error);
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(turned.doubles(), (std::vector<double>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(part.doubles(), (std::vector<double>{2, 3, 4, 5}));
  EXPECT_EQ(part.bytes().data().data(), ready.data().data() + 8);
  EXPECT_EQ(asked, 1);
}

TEST(LayOut, FollowsStrides) {
  const std::vector<double> values = {0, 1, 2, 3, 4, 5};
  const Bytes storage = Tensor::from_doubles(DType::f32, {6}, values).bytes();
  const auto view = [&](std::vector<std::int64_t> shape, std::vector<std::int64_t> strides,
                        std::int64_t offset) {
    return lay_out(DType::f32, std::move(shape), strides, offset, storage).doubles();
  };
  EXPECT_EQ(view({3, 2}, {1, 3}, 0), (std::vector<double>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(view({2, 3}, {0, 1}, 1), (std::vector<double>{1, 2, 3, 1, 2, 3}));
  EXPECT_EQ(view({3}, {-2}, 4), (std::vector<double>{4, 2, 0}));
  EXPECT_EQ(view({}, {}, 5), (std::vector<double>{5}));
  EXPECT_EQ(view({0, 3}, {3, 1}, 0), (std::vector<double>{}));
}

TEST(LayOut, RefusesWhatLiesOutside) {
  const Bytes storage = Tensor::zeros(DType::f32, {6}).bytes();
  const auto view = [&](std::vector<std::int64_t> shape, std::vector<std::int64_t> strides,
                        std::int64_t offset) {
    return lay_out(DType::f32, std::move(shape), strides, offset, storage);
  };
  EXPECT_THROW(view({7}, {1}, 0), Error);
  EXPECT_THROW(view({3}, {1}, 4), Error);
  EXPECT_THROW(view({3}, {1}, -1), Error);
  EXPECT_THROW(view({2}, {-1}, 0), Error);
  EXPECT_THROW(view({2}, {std::numeric_limits<std::int64_t>::max()}, 5), Error);
  EXPECT_THROW(view({2}, {1, 1}, 0), Error);
  EXPECT_THROW(view({std::int64_t{1} << 40}, {0}, 0), Error);
}

}  // namespace
}  // namespace isomer

// Every number that the text form prints reads back as the same bits. The other writers' numbers
// are in systems/numbers_test.cpp.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "graph/text.h"
#include "ops/builder.h"
#include "ops/text.h"

namespace isomer {
namespace {

constexpr DType floating[] = {DType::f16, DType::bf16, DType::f32, DType::f64};

/// Every kind of number at its edges: the bits of a type's greatest, least, smallest and strangest.
Tensor edges(DType dtype) {
  const auto of_bits = [dtype](const auto& bits) {
    const auto bytes = std::as_bytes(std::span(bits));
    return Tensor(dtype, {static_cast<std::int64_t>(bits.size())},
                  bytes_of(std::vector<std::byte>(bytes.begin(), bytes.end())));
  };
  switch (dtype) {
    case DType::f16:
      return of_bits(std::vector<std::uint16_t>{0x7bff, 0xfbff, 0x0400, 1, 0x8001, 0x8000, 0x7c00,
                                                0xfc00, 0x7e00, 0xfe00, 0x7d01, 0x3555});
    case DType::bf16:
      return of_bits(std::vector<std::uint16_t>{0x7f7f, 0xff7f, 0x0080, 1, 0x8001, 0x8000, 0x7f80,
                                                0xff80, 0x7fc0, 0xffc0, 0x7f81, 0x3eab});
    case DType::f32:
      return of_bits(std::vector<std::uint32_t>{
          0x7f7fffff, 0xff7fffff, 0x00800000, 1, 0x80000001, 0x80000000, 0x7f800000, 0xff800000,
          0x7fc00000, 0xffc00000, 0x7f800001, 0x3eaaaaab, 0x4b800001, 0x3dcccccd});
    default:
      return of_bits(std::vector<std::uint64_t>{
          0x7fefffffffffffff, 0xffefffffffffffff, 0x0010000000000000, 1, 0x8000000000000001,
          0x8000000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
          0xfff8000000000000, 0x7ff0000000000001, 0x3fd5555555555555, 0x4340000000000001});
  }
}

Tensor element(const Tensor& tensor, std::size_t i) {
  const std::size_t size = size_of(tensor.dtype());
  const auto bytes = tensor.bytes().data().subspan(i * size, size);
  return Tensor(tensor.dtype(), {}, bytes_of(std::vector<std::byte>(bytes.begin(), bytes.end())));
}

TEST(Numbers, ElementsComeBack) {
  for (const DType dtype : floating) {
    const Tensor tensor = edges(dtype);
    EXPECT_EQ(parse_elements(elements_text(tensor), dtype), tensor) << elements_text(tensor);
  }
  using Limits = std::numeric_limits<std::int64_t>;
  const std::int64_t integers[] = {Limits::min(), Limits::max(), (1LL << 53) + 1, -1};
  const Tensor tensor = Tensor::from_integers(DType::i64, {4}, integers);
  EXPECT_EQ(parse_elements(elements_text(tensor), DType::i64), tensor);
}

/// Once where another operand tells the type, and once where it is written.
TEST(Numbers, LiteralsComeBack) {
  for (const DType dtype : floating) {
    const Tensor tensor = edges(dtype);
    for (std::size_t i = 0; i < static_cast<std::size_t>(tensor.count()); ++i) {
      Builder b("g");
      const ValueId x = b.input("x", {dtype, {}});
      const ValueId number = b.constant("", element(tensor, i));
      const ValueId sum = b.emit("add", {x, number});
      const std::string text = to_text(std::move(b).finish({sum, number}), Data::all);
      const Graph again = parse_graph(text);
      for (const Constant& constant : again.constants) {
        EXPECT_EQ(constant.data, element(tensor, i)) << text;
        EXPECT_FALSE(constant.written) << text;
      }
    }
  }
}

TEST(Numbers, WhatAnAuthorWroteComesBack) {
  for (const double number : {0.1, 1e-60, 16777217.0, -3.4028235e+38, 65519.0, 1e30}) {
    for (const DType dtype : floating) {
      Builder b("g");
      const ValueId literal = b.literal(dtype, number);
      const Graph graph = std::move(b).finish({literal});
      const Constant& made = graph.constants[0];
      EXPECT_FALSE(std::abs(number_of(made)) > largest_of(dtype) && std::isfinite(number_of(made)))
          << number << " is beyond " << name_of(dtype);
      const Graph again = parse_graph(to_text(graph, Data::all));
      EXPECT_EQ(again.constants[0].data, made.data) << number;
      EXPECT_EQ(again.constants[0].written, made.written) << number;
    }
  }
}

TEST(Numbers, AttributesComeBack) {
  const Tensor reals = edges(DType::f64);
  for (const double real : reals.view().as<double>()) {
    const std::string text = to_text(Attribute(real));
    Cursor printed(text);
    const double again = std::get<double>(read_attribute(printed, Kind::real));
    EXPECT_EQ(std::bit_cast<std::uint64_t>(again), std::bit_cast<std::uint64_t>(real)) << text;
  }
  using Limits = std::numeric_limits<std::int64_t>;
  for (const std::int64_t integer : {Limits::min(), Limits::max(), Limits::min() + 1}) {
    const std::string text = to_text(Attribute(integer));
    Cursor printed(text);
    EXPECT_EQ(read_attribute(printed, Kind::integer), Attribute(integer));
    const Dim s = Dim::symbol("s");
    for (const Dim& dim :
         {Dim(integer), s * Dim(integer), s + Dim(integer), s * s + s * Dim(integer)})
      EXPECT_EQ(parse_dim(to_text(dim)), dim) << to_text(dim);
    const LengthRange range{"s", 0, std::max<std::int64_t>(integer, 0)};
    const std::string line = to_text(range);
    Cursor ranges(line);
    EXPECT_EQ(read_range(ranges), range);
  }
}

}  // namespace
}  // namespace isomer

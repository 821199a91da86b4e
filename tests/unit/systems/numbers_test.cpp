// Every number that a writer prints reads back as the same bits, but for what only a NaN's bits
// say. The text form's numbers are in graph/numbers_test.cpp.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "codecs/json.h"
#include "graph/tensor.h"
#include "source/python/python_text.h"
#include "systems/mdf/node_executor.h"
#include "systems/mdf/node_text.h"
#include "systems/mdf/spelling.h"

namespace isomer {
namespace {

using python::python_literal;
using Limits = std::numeric_limits<double>;
using Single = std::numeric_limits<float>;
using Integers = std::numeric_limits<std::int64_t>;

constexpr double reals[] = {Limits::max(),
                            Limits::lowest(),
                            Limits::min(),
                            Limits::denorm_min(),
                            -Limits::denorm_min(),
                            -0.0,
                            0.0,
                            Limits::infinity(),
                            -Limits::infinity(),
                            Limits::quiet_NaN(),
                            0x1p53 + 2,
                            0.1,
                            1e15,
                            1e16,
                            Single::max(),
                            Single::lowest(),
                            Single::denorm_min(),
                            65504.0,
                            65519.0,
                            0x1.fep127,
                            -3.4028235e+38,
                            1.0 / 3.0,
                            -0x1p63};
constexpr std::int64_t integers[] = {Integers::min(), Integers::max(), (1LL << 53) + 1, 0, -1};

std::uint64_t bits(double number) { return std::bit_cast<std::uint64_t>(number); }

TEST(Numbers, JsonComesBack) {
  for (const double real : reals) {
    const std::string text = write_json(Tree{real}, {});
    const Tree again = read_json(text);
    const double* number = std::get_if<double>(&again.value);
    ASSERT_NE(number, nullptr) << text;
    EXPECT_EQ(bits(*number), bits(real)) << text;
  }
  for (const std::int64_t integer : integers)
    EXPECT_EQ(*read_json(write_json(Tree{integer}, {})).integer(), integer);
}

TEST(Numbers, MdfExpressionsComeBack) {
  for (const double real : reals) {
    // An infinite number is no value of the format, but an element of an array.
    const std::string number = mdf::number_text(real);
    const std::string text = std::isfinite(real) ? number : "numpy.array(" + number + ")";
    const numpy::Value value = mdf::Formula(text).evaluate({}, mdf::SharedOperators().runtime);
    EXPECT_EQ(bits(numpy::tensor_of(value).doubles()[0]), bits(real)) << text;
  }
  for (const std::int64_t integer : integers) {
    const std::string text = "numpy.array(" + std::to_string(integer) + ")";
    const numpy::Value value = mdf::Formula(text).evaluate({}, mdf::SharedOperators().runtime);
    EXPECT_EQ(numpy::integer_of(value), integer) << text;
  }
}

TEST(Numbers, MdfElementsComeBack) {
  for (const DType dtype : {DType::f16, DType::bf16, DType::f32, DType::f64}) {
    const Tensor tensor = Tensor::from_doubles(dtype, {std::size(reals)}, reals);
    const std::string text = write_json(mdf::nested_lists(tensor), {});
    const auto value = mdf::Formula(read_json(text)).evaluate({}, mdf::SharedOperators().runtime);
    EXPECT_EQ(numpy::tensor_of(value).converted(dtype), tensor) << text;
  }
  const Tensor tensor = Tensor::from_integers(DType::i64, {std::size(integers)}, integers);
  const Tree again = read_json(write_json(mdf::nested_lists(tensor), {}));
  EXPECT_EQ(numpy::tensor_of(mdf::Formula(again).evaluate({}, mdf::SharedOperators().runtime)),
            tensor);
}

/// As Python reads it: a number is what strtod makes of it, other things are float("...").
double python_number(const std::string& text) {
  constexpr std::string_view call = "float(\"";
  const bool named = text.starts_with(call);
  return std::strtod(text.c_str() + (named ? call.size() : 0), nullptr);
}

TEST(Numbers, PythonLiteralsComeBack) {
  for (const double real : reals) {
    EXPECT_EQ(bits(python_number(python_literal(real))), bits(real)) << python_literal(real);
    const auto single = static_cast<float>(real);
    const auto again = static_cast<float>(python_number(python_literal(single)));
    EXPECT_EQ(std::bit_cast<std::uint32_t>(again), std::bit_cast<std::uint32_t>(single))
        << python_literal(single);
  }
}

}  // namespace
}  // namespace isomer

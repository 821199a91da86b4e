#pragma once

// NumPy's arithmetic on arrays of bool, i64, f32 and f64, as far as documents use it. Written from
// NumPy's rules, apart from the kernels of `run`, because MDF's expressions are NumPy expressions.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "graph/tensor.h"

namespace isomer::numpy {

using Lengths1 = std::vector<std::int64_t>;

/// What an expression makes out of less has at most so many elements; an item of a list, which is
/// a Value, weighs as much as 16 of them.
constexpr std::int64_t most_elements = std::int64_t{1} << 26;
/// Gives `shape`. Every result that may outgrow its operands, the largest of which has `given`
/// elements, passes here before it is made. Throws Fault::model for one that is too large, or no
/// shape.
Lengths1 bounded(Lengths1 shape, std::int64_t given = 0);
/// The same for the number of axes alone.
void bound_axes(std::size_t count);
/// Sum and product of lengths; what does not fit 64 bits is as long as can be, and too long for
/// `bounded`.
std::int64_t sum_of_lengths(std::int64_t a, std::int64_t b);
std::int64_t product_of_lengths(std::int64_t a, std::int64_t b);

/// The shape two operands share when short or single lengths are stretched. Throws Fault::model
/// when there is none.
Lengths1 broadcast_shape(const Lengths1& a, const Lengths1& b);
Tensor broadcast_to(const Tensor& tensor, const Lengths1& shape);

/// One function applied to each element, or to each pair of broadcast elements. The result is of
/// type `dtype`.
Tensor map_reals(const Tensor& x, DType dtype, double (*function)(double));
Tensor map_pairs(const Tensor& x, const Tensor& y, DType dtype, double (*function)(double, double));
Tensor map_integers(const Tensor& x, const Tensor& y, DType dtype,
                    std::int64_t (*function)(std::int64_t, std::int64_t));

/// `axis` counted from the front. Throws Fault::model when there is no such axis.
std::size_t axis_at(std::int64_t axis, std::size_t rank);

/// Sum, product, minimum and maximum along axes (all, when there are none given); the type is the
/// operand's, except that bool is counted in integers by the first two.
enum class Fold { sum, product, least, greatest };
Tensor fold(const Tensor& x, Fold how, const std::optional<Lengths1>& axes, bool keepdims);
Tensor mean(const Tensor& x, const std::optional<Lengths1>& axes, bool keepdims);
Tensor variance(const Tensor& x, const std::optional<Lengths1>& axes, double correction,
                bool keepdims);
/// Position of the greatest (or least) element along an axis; of the flattened array without one.
Tensor position_of(const Tensor& x, bool greatest, std::optional<std::int64_t> axis, bool keepdims);
Tensor running(const Tensor& x, Fold how, std::optional<std::int64_t> axis);

/// Rules of `@`: rows times columns, leading axes broadcast, one axis allowed.
Tensor matrix_product(const Tensor& x, const Tensor& y);

Tensor permuted(const Tensor& x, const Lengths1& order);
/// One length may be -1.
Tensor reshaped(const Tensor& x, Lengths1 shape);
Tensor joined(std::span<const Tensor> parts, std::int64_t axis);
/// Every `step`th element of one axis, `count` of them; `step` may be negative.
Tensor strided(const Tensor& x, std::size_t axis, std::int64_t start, std::int64_t count,
               std::int64_t step);
/// Whole slices along `axis`, picked by `index`, whose shape takes the axis' place.
Tensor taken(const Tensor& x, const Tensor& index, std::int64_t axis);
/// Elements where `condition` holds, else those of the other; all three broadcast.
Tensor chosen(const Tensor& condition, const Tensor& x, const Tensor& y);
/// Keeps what is on and below (`lower`) or on and above a diagonal of the last two axes.
Tensor triangle(const Tensor& x, std::int64_t diagonal, bool lower);

/// The type of an operation on both.
DType common_type(DType a, DType b);

}  // namespace isomer::numpy

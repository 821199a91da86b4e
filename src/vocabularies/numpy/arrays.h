#pragma once

// NumPy's arithmetic on arrays, element by element, and what no array may
// exceed. Other functions are carried out by operators of the catalog.

#include <cstdint>
#include <vector>

#include "graph/tensor.h"

namespace isomer::numpy {

/// What an expression makes out of less has at most so many elements; an item of a list, which is
/// a Value, weighs as much as 256 of them.
constexpr std::int64_t most_elements = std::int64_t{1} << 26;
/// Gives `shape`. Every result that may outgrow its operands, the largest of which has `given`
/// elements, passes here before it is made. Throws Fault::model for one that is too large, or no
/// shape.
std::vector<std::int64_t> bounded(std::vector<std::int64_t> shape, std::int64_t given = 0);
/// The same for the number of axes alone.
void bound_axes(std::size_t count);
/// Sum and product of lengths; what does not fit 64 bits is as long as can be, and too long for
/// `bounded`.
std::int64_t sum_of_lengths(std::int64_t a, std::int64_t b);
std::int64_t product_of_lengths(std::int64_t a, std::int64_t b);

/// Stretches single and missing axes. Throws Fault::model where the shape is not reached so.
Tensor broadcast_to(const Tensor& tensor, const std::vector<std::int64_t>& shape);

/// One function applied to each element, or to each pair of broadcast elements. The result is of
/// type `dtype`.
Tensor map_reals(const Tensor& x, DType dtype, double (*function)(double));
Tensor map_integers(const Tensor& x, DType dtype, std::int64_t (*function)(std::int64_t));
Tensor map_pairs(const Tensor& x, const Tensor& y, DType dtype, double (*function)(double, double));
Tensor map_pairs(const Tensor& x, const Tensor& y, DType dtype,
                 std::int64_t (*function)(std::int64_t, std::int64_t));
/// Elements where `condition` holds, else those of the other; all three broadcast.
Tensor chosen(const Tensor& condition, const Tensor& x, const Tensor& y);

}  // namespace isomer::numpy

#pragma once

// How the families' rows look at a call: arguments by name, PyTorch's defaults beside the
// question, PyTorch's type promotion. Only for this room.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "vocabularies/aten/aten.h"
#include "vocabularies/composites.h"

namespace isomer::aten {

using Values = std::vector<ValueId>;
/// A number of the author's program, which ranks below every tensor in type promotion.
using Scalar = std::variant<bool, std::int64_t, double, Dim>;

/// A tensor or a number where PyTorch takes either.
struct Operand {
  Operand(ValueId value)
      : id(value) {}  // NOLINT(google-explicit-constructor): a value is an operand
  Operand(Scalar number)
      : scalar(std::move(number)) {}  // NOLINT(google-explicit-constructor): so is a number
  ValueId id = ValueId::none;
  Scalar scalar = false;
  bool is_tensor() const { return id != ValueId::none; }
};

/// A call of PyTorch's being read.
class Reading : public Arguments {
 public:
  /// All must outlive it.
  Reading(Builder& builder, const Call& call, const Row& row);

  Builder& b;
  const Row& row;
  /// Behind the first so many, returns may be ValueId::none.
  const std::size_t returns;

  /// Of which none may be None.
  Values all_tensors(std::string_view name);
  Operand operand(std::string_view name);
  Scalar scalar(std::string_view name, std::optional<Scalar> fallback = {});
  /// The argument as an axis of a tensor of that rank, counted from the front.
  std::int64_t axis(std::string_view name, std::int64_t rank,
                    std::optional<std::int64_t> fallback = {});
  /// The same for a list; none given or empty: empty.
  std::vector<std::int64_t> axes(std::string_view name, std::int64_t rank);
};

/// Elements of one table that reading a call may make.
constexpr std::int64_t most_places = 1 << 22;
/// A whole number of a file that is counted with: none beyond +-2**31, so that products fit.
std::int64_t countable(Reading& r, std::int64_t value);

/// Where on an axis each element of each window lies, window by window.
ValueId window_places(Reading& r, const Dim& windows, std::int64_t size, std::int64_t step);

std::span<const Row> elementwise_rows();
std::span<const Row> special_rows();
std::span<const Row> comparison_rows();
std::span<const Row> reduction_rows();
std::span<const Row> shape_rows();
std::span<const Row> slicing_rows();
std::span<const Row> joining_rows();
std::span<const Row> diagonal_rows();
std::span<const Row> counting_rows();
std::span<const Row> indexing_rows();
std::span<const Row> sorting_rows();
std::span<const Row> linear_rows();
std::span<const Row> activation_rows();
std::span<const Row> algebra_rows();
std::span<const Row> factorization_rows();
std::span<const Row> contraction_rows();
std::span<const Row> distance_rows();
std::span<const Row> convolution_rows();
std::span<const Row> pooling_rows();
std::span<const Row> resampling_rows();
std::span<const Row> sampling_rows();
std::span<const Row> plane_rows();
std::span<const Row> recurrent_rows();
std::span<const Row> normalization_rows();
std::span<const Row> creation_rows();
std::span<const Row> loss_rows();
std::span<const Row> frequency_rows();

/// Emits what PyTorch computes in f32 for half precision inputs (`Rounds::once`), beside f32
/// weights, too: the first output has the type of the first input.
Values emit_rounded_once(Builder& b, std::string_view op, Values inputs, Attributes attributes);
/// What PyTorch computes so with one function: of half precision operands `compute` sees f32, and
/// what it gives is rounded back.
ValueId rounded_once(Builder& b, Values operands,
                     const std::function<ValueId(const Values&)>& compute);
/// Reads by the columns of the row alone.
Values renamed(Reading& r);
/// The same, with so many returns behind it that are for derivatives, which are ours.
template <std::size_t saved>
Values renamed_and_saved(Reading& r) {
  Values results = renamed(r);
  results.resize(results.size() + saved, ValueId::none);
  return results;
}

// -- type promotion -------------------------------------------------------------------------------

/// torch.result_type: tensors with axes first, then rank-0 tensors, then numbers.
DType result_type(const Builder& b, std::span<const Operand> operands);
/// The type in which functions with real results work: integers and booleans become f32.
DType floating(DType dtype);
/// The tensor itself, cast where it has another type.
ValueId as_type(Builder& b, ValueId value, DType dtype);
/// A number becomes a literal; a symbolic one a `length`.
ValueId as_type(Builder& b, const Operand& operand, DType dtype);
/// What `torch.tensor(number)` would have: bool, i64 or f32.
DType type_of(const Scalar& scalar);
double real_of(const Scalar& scalar);
/// Both operands in their result type.
std::pair<ValueId, ValueId> promote(Builder& b, const Operand& x, const Operand& y);

// -- pieces that several families share -----------------------------------------------------------

/// `op` on both after promotion; on booleans `add` and `mul` are `or` and `and`.
ValueId arithmetic(Builder& b, std::string_view op, const Operand& x, const Operand& y);
/// Whether a number is known to be 1, so that multiplying by it changes nothing.
bool is_one(const Scalar& scalar);
/// A reshape, unless it would change nothing.
ValueId reshaped(Builder& b, ValueId x, Shape shape);
/// A permute, unless it would change nothing.
ValueId permuted(Builder& b, ValueId x, std::vector<std::int64_t> dims);
ValueId unsqueezed(Builder& b, ValueId x, std::int64_t axis);
ValueId squeezed(Builder& b, ValueId x, std::vector<std::int64_t> axes);
/// A slice along an axis, unless it would change nothing.
ValueId sliced(Builder& b, ValueId x, std::int64_t axis, const Dim& start, const Dim& end);
/// How losses are reduced: "none", "mean" or "sum", which PyTorch says with 0, 1 and 2.
std::string reduction_name(Reading& r, std::string_view name = "reduction");
/// `x` reduced so.
ValueId reduced(Reading& r, ValueId x);
/// `x`, and 0 where it is below.
ValueId above_zero(Builder& b, ValueId x);
/// The square root whose slope at 0 is 0: PyTorch's norms and standard deviations are
/// differentiated so.
ValueId flat_root(Builder& b, ValueId x);
/// PyTorch's vector norm over the axes of `settings`, with the slope 0 where it is 0. 0 counts what
/// is not 0, the infinities are the largest and the smallest.
ValueId norm_of(Builder& b, ValueId x, double order, const Attributes& settings);
Attribute ints(std::vector<std::int64_t> values);
/// Matrices the other way round.
ValueId turned(Builder& b, ValueId x);
/// The x of `a x = right`, of one triangle of a.
ValueId solved_triangle(Builder& b, ValueId a, ValueId right, bool upper, bool unit = false);
/// In falling order.
ValueId singular_values(Builder& b, ValueId x);

}  // namespace isomer::aten

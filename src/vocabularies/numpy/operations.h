#pragma once

// Functions of two arrays, element by element: what each is called by Python and NumPy, how it is
// computed, and which operator of a graph it is.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "vocabularies/numpy/value.h"

namespace isomer::numpy {

/// An operator between two arrays, element by element.
struct BinaryUfunc {
  enum class Kind {
    joint,    // the result has the operands' joint type
    real,     // the same, but integers become real numbers
    truth,    // truth values, of operands in their joint type
    logical,  // truth values of truth values
  };
  std::string_view sign;   // Python's; may be empty
  std::string_view names;  // NumPy's; may be empty
  Kind kind;
  double (*reals)(double, double);
  std::int64_t (*integers)(std::int64_t, std::int64_t);
  std::string_view ours = {};    // in a graph; empty where we have no such operator
  std::string_view truths = {};  // the same for truth values, where they stay ones
  ValueId (*emit)(Emitter&, ValueId, ValueId) = nullptr;  // instead of `ours`
};

std::span<const BinaryUfunc> binary_ufuncs();
/// The row of a sign, or a name, that there is.
const BinaryUfunc& binary_of(std::string_view sign);
const BinaryUfunc& binary_named(std::string_view name);
/// The type of an operation on both, by the rules of `apply`; `real` is NumPy's float64.
DType joint_type(const Value& x, const Value& y, DType real);
/// The number of an f64 without axes, or of what takes its type beside one; nothing for others.
std::optional<double> lone_real(const Value& value);
/// What `apply` gives for two of them, of which one is an array; nothing where that is no f64.
std::optional<double> lone_result(const BinaryUfunc& operation, std::optional<double> x,
                                  std::optional<double> y);
/// Broadcasts, by NumPy's rules for types: a plain number takes an array's type where that can hold
/// its kind.
Value apply(const BinaryUfunc& operation, const Value& x, const Value& y);

/// Rounds towards minus infinity, as Python's `//`; of integers by 0, as NumPy's, 0.
double floor_quotient(double x, double y);
std::int64_t floor_quotient(std::int64_t x, std::int64_t y);
/// Has the sign of `y`, as Python's `%`.
double rest_of(double x, double y);
std::int64_t rest_of(std::int64_t x, std::int64_t y);

}  // namespace isomer::numpy

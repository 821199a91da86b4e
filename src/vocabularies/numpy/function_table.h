#pragma once

// How the functions of functions.h are listed: one table per family.

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "vocabularies/numpy/arithmetic.h"
#include "vocabularies/numpy/arrays.h"
#include "vocabularies/numpy/functions.h"

namespace isomer::numpy {

/// Arguments in the order of the function's own list; null where absent.
struct Bound {
  std::vector<const Value*> values;
  Width width = Width::as_written;

  bool has(std::size_t i) const { return values[i] != nullptr && !values[i]->is_none(); }
  const Value& operator[](std::size_t i) const { return *values[i]; }
  Tensor tensor(std::size_t i) const { return tensor_of(*values[i]); }
  bool flag(std::size_t i) const { return has(i) && truth_of(*values[i]); }
  double real(std::size_t i, double otherwise) const {
    return has(i) ? real_of(*values[i]) : otherwise;
  }
  std::int64_t integer(std::size_t i, std::int64_t otherwise) const {
    return has(i) ? integer_of(*values[i]) : otherwise;
  }
  /// One integer or several: an axis, a shape.
  std::optional<Lengths1> integers(std::size_t i) const;
  /// The items of a tuple or list of arrays.
  std::vector<Tensor> tensors(std::size_t i) const;
};

struct LibraryFunction {
  std::string_view name;        // "numpy.sum"
  std::string_view parameters;  // "x axis? keepdims?": '?' marks those that may be absent
  Value (*run)(const Bound&);
};

std::span<const LibraryFunction> python_functions();
std::span<const LibraryFunction> elementwise_functions();
std::span<const LibraryFunction> reduction_functions();
std::span<const LibraryFunction> shape_functions();
std::span<const LibraryFunction> creation_functions();

/// A plain number as an array without axes, other things as they are.
Value as_array(const Value& value);
DType real_type(DType dtype);
double degrees(double x);
double radians(double x);

}  // namespace isomer::numpy

#pragma once

// The reference engine: one plain kernel per primitive operator. What it computes is the definition
// of the operator, so it is slow where speed would hide the meaning.

#include <cstdint>
#include <functional>
#include <random>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "graph/attribute.h"
#include "graph/tensor.h"

namespace isomer {

/// Floats as doubles; integers and booleans as 64-bit integers.
using Elements = std::variant<std::vector<double>, std::vector<std::int64_t>>;

/// A tensor while a graph runs: its elements widened, each a value that `dtype` can hold.
struct Operand {
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  Elements elements;

  std::int64_t rank() const { return static_cast<std::int64_t>(shape.size()); }
  std::int64_t count() const { return count_elements(shape); }
  /// Only where the dtype says which of the two it is.
  const std::vector<double>& reals() const { return std::get<std::vector<double>>(elements); }
  const std::vector<std::int64_t>& integers() const {
    return std::get<std::vector<std::int64_t>>(elements);
  }
};

/// Throws Fault::unsupported for complex tensors.
Operand widened(const Tensor& tensor);
Tensor narrowed(const Operand& operand);

/// Brings every element to what `dtype` can hold: one rounding to nearest even for floats, the low
/// bits for integers, "is it not 0" for booleans.
void round_elements(Operand& operand);

/// The elements as `dtype` would hold them, which is how integers enter an operator with a floating
/// result. They are the operand's own, or `converted`.
const std::vector<double>& reals_in(const Operand& operand, DType dtype,
                                    std::vector<double>& converted);

/// The whole part of `x`. What does not fit, and nan, is what the processors that PyTorch runs on
/// make of it: the least integer of 64 bits, or of 32 bits for all narrower types, whose low bits
/// then count.
std::int64_t truncated(double x, DType dtype);

/// `count` times the same value, of which an integer `dtype` keeps the whole part.
Elements filled(DType dtype, std::int64_t count, double value);

/// Runs a body of the node on its inputs; gives its outputs.
using RunBody = std::function<std::vector<Operand>(std::span<const Operand* const> inputs)>;

/// What a kernel gets, and where its results go.
struct KernelCall {
  const Attributes& attributes;            // complete, and every length a number
  std::span<const Operand* const> inputs;  // null where an optional one is absent
  std::span<Operand> results;              // typed; their elements are to be set, unrounded
  std::mt19937_64& random;
  std::span<const RunBody> bodies = {};

  bool has(std::size_t i) const { return i < inputs.size() && inputs[i] != nullptr; }
  const Operand& input(std::size_t i) const { return *inputs[i]; }
  Operand& result() const { return results[0]; }

  bool given(std::string_view name) const { return find(attributes, name) != nullptr; }
  std::int64_t integer(std::string_view name) const { return get<std::int64_t>(attributes, name); }
  double real(std::string_view name) const { return get<double>(attributes, name); }
  bool flag(std::string_view name) const { return get<bool>(attributes, name); }
  std::int64_t length(std::string_view name) const { return get<Dim>(attributes, name).value(); }
  const std::vector<std::int64_t>& integers(std::string_view name) const {
    return get<std::vector<std::int64_t>>(attributes, name);
  }
  std::vector<std::int64_t> lengths(std::string_view name) const {
    return evaluate(get<std::vector<Dim>>(attributes, name), {});
  }
  /// The axis that attribute `name` means in a tensor of that rank: negative ones count from the
  /// end.
  std::int64_t axis(std::string_view name, std::int64_t rank) const {
    const std::int64_t dim = integer(name);
    return dim < 0 ? dim + rank : dim;
  }
};

using RunKernel = void(const KernelCall&);

/// One row of a family's table.
struct Kernel {
  std::string_view op;
  RunKernel* run;
};

// The families, in the order of ops/. One that has only composite operators has no kernels.
std::span<const Kernel> elementwise_kernels();
std::span<const Kernel> special_kernels();
std::span<const Kernel> reduction_kernels();
std::span<const Kernel> shape_kernels();
std::span<const Kernel> indexing_kernels();
std::span<const Kernel> linear_kernels();
std::span<const Kernel> factorization_kernels();
std::span<const Kernel> convolution_kernels();
std::span<const Kernel> random_kernels();
std::span<const Kernel> creation_kernels();
std::span<const Kernel> control_kernels();

/// The kernel of a primitive operator, or null.
const Kernel* find_kernel(std::string_view op);

/// Runs the kernel and rounds what it gives. The results' types must be those that the operator's
/// type rule infers.
void run_kernel(const Kernel& kernel, const KernelCall& call);

}  // namespace isomer

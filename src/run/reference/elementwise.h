#pragma once

// Kernels made of a function of single elements.

#include <type_traits>

#include "run/reference/kernel.h"
#include "run/reference/strided.h"

namespace isomer {

using Reals = std::vector<double>;
using Integers = std::vector<std::int64_t>;

/// Doubles stay doubles; everything else is kept as an integer.
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, double>, double, std::int64_t>;

template <class F, class T>
auto mapped(F f, const std::vector<T>& x) {
  std::vector<Stored<decltype(f(T{}))>> y;
  y.reserve(x.size());
  for (const T element : x) y.push_back(f(element));
  return y;
}

/// f(x), for every kind of number.
template <class F>
constexpr RunKernel* each(F) {
  return [](const KernelCall& call) {
    std::visit([&](const auto& x) { call.result().elements = mapped(F{}, x); },
               call.input(0).elements);
  };
}

/// f(x) in real numbers: integers are first converted to the result's type.
template <class F>
constexpr RunKernel* each_real(F) {
  return [](const KernelCall& call) {
    Reals converted;
    call.result().elements = mapped(F{}, reals_in(call.input(0), call.result().dtype, converted));
  };
}

/// The elements of an operand as they meet those of a result: where it has its shape or a single
/// element they stay where they are, else they are laid out anew.
template <class T>
class Broadcast {
 public:
  Broadcast(const std::vector<T>& elements, const Operand& from, const Operand& to)
      : first_(elements.data()), step_(elements.size() == 1 ? 0 : 1) {
    if (step_ == 0 || from.shape == to.shape) return;
    laid_out_ = laid_out(elements, to.shape, broadcast_layout(from.shape, to.shape));
    first_ = laid_out_.data();
  }
  Broadcast(const Broadcast&) = delete;
  Broadcast& operator=(const Broadcast&) = delete;

  T operator[](std::size_t i) const { return first_[i * step_]; }

 private:
  const T* first_;
  std::size_t step_;
  std::vector<T> laid_out_;
};

template <class F, class T>
void set_mapped(Operand& z, F f, const Broadcast<T>& x, const Broadcast<T>& y) {
  std::vector<Stored<decltype(f(T{}, T{}))>> elements(static_cast<std::size_t>(z.count()));
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = f(x[i], y[i]);
  z.elements = std::move(elements);
}

/// f(x, y), broadcasting, for every kind of number.
template <class F>
constexpr RunKernel* pairwise(F) {
  return [](const KernelCall& call) {
    const Operand& x = call.input(0);
    const Operand& y = call.input(1);
    Operand& z = call.result();
    if (is_floating(x.dtype)) {
      set_mapped(z, F{}, Broadcast(x.reals(), x, z), Broadcast(y.reals(), y, z));
    } else {
      set_mapped(z, F{}, Broadcast(x.integers(), x, z), Broadcast(y.integers(), y, z));
    }
  };
}

/// f(x, y) in real numbers: integers are first converted to the result's type.
template <class F>
constexpr RunKernel* pairwise_real(F) {
  return [](const KernelCall& call) {
    const Operand& x = call.input(0);
    const Operand& y = call.input(1);
    Operand& z = call.result();
    Reals x_converted;
    Reals y_converted;
    set_mapped(z, F{}, Broadcast(reals_in(x, z.dtype, x_converted), x, z),
               Broadcast(reals_in(y, z.dtype, y_converted), y, z));
  };
}

}  // namespace isomer

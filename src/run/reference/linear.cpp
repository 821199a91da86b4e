#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "run/reference/arithmetic.h"
#include "run/reference/kernel.h"
#include "run/reference/strided.h"

namespace isomer {
namespace {

struct Sizes {
  std::int64_t rows = 0;
  std::int64_t inner = 0;
  std::int64_t columns = 0;
};

/// z += x y. The loops stand so that the innermost one runs along rows of y and z.
template <class T>
void multiply(const T* x, const T* y, T* z, const Sizes& sizes) {
  for (std::int64_t i = 0; i < sizes.rows; ++i) {
    T* const row = z + i * sizes.columns;
    for (std::int64_t k = 0; k < sizes.inner; ++k) {
      const T factor = x[i * sizes.inner + k];
      const T* const other = y + k * sizes.columns;
      for (std::int64_t j = 0; j < sizes.columns; ++j)
        row[j] = plus(row[j], times(factor, other[j]));
    }
  }
}

/// Which matrix of `x` belongs to each matrix of the result.
std::vector<std::int64_t> matrices(const Operand& x, std::span<const std::int64_t> batch) {
  std::vector<std::int64_t> result;
  const std::span<const std::int64_t> own = std::span(x.shape).first(x.shape.size() - 2);
  for_each_position(batch, broadcast_layout(own, batch),
                    [&](std::int64_t position) { result.push_back(position); });
  return result;
}

void run_matmul(const KernelCall& call) {
  const Operand& x = call.input(0);
  const Operand& y = call.input(1);
  Operand& z = call.result();
  const Sizes sizes{x.shape[x.shape.size() - 2], x.shape.back(), y.shape.back()};
  const std::span<const std::int64_t> batch = std::span(z.shape).first(z.shape.size() - 2);
  const std::vector<std::int64_t> x_matrices = matrices(x, batch);
  const std::vector<std::int64_t> y_matrices = matrices(y, batch);
  std::visit(
      [&]<class T>(const std::vector<T>& x_elements) {
        const auto& y_elements = std::get<std::vector<T>>(y.elements);
        std::vector<T> products(static_cast<std::size_t>(z.count()), T{0});
        for (std::size_t i = 0; i < x_matrices.size(); ++i) {
          multiply(x_elements.data() + x_matrices[i] * sizes.rows * sizes.inner,
                   y_elements.data() + y_matrices[i] * sizes.inner * sizes.columns,
                   products.data() + static_cast<std::int64_t>(i) * sizes.rows * sizes.columns,
                   sizes);
        }
        z.elements = std::move(products);
      },
      x.elements);
}

// -- systems of equations -------------------------------------------------------------------------

/// A square matrix in an array.
struct Square {
  double* elements;
  std::int64_t size;

  double& at(std::int64_t i, std::int64_t k) const { return elements[i * size + k]; }
};

/// Calls `visit(matrix, place)` with a copy of each matrix.
template <class Visit>
void for_each_matrix(const Operand& x, Visit visit) {
  const std::int64_t size = x.shape.back();
  const std::int64_t count = size == 0 ? 0 : x.count() / (size * size);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto begin = x.reals().begin() + i * size * size;
    std::vector<double> copy(begin, begin + size * size);
    visit(Square{copy.data(), size}, i);
  }
}

/// Gaussian elimination with the largest pivot of each column; whatever is done to the rows is done
/// to the `columns` of `right`, too. Gives the sign of the exchanges; 0 where a pivot is.
double eliminate(const Square& a, double* right, std::int64_t columns) {
  double sign = 1;
  for (std::int64_t k = 0; k < a.size; ++k) {
    std::int64_t best = k;
    for (std::int64_t i = k + 1; i < a.size; ++i) {
      if (std::abs(a.at(i, k)) > std::abs(a.at(best, k))) best = i;
    }
    if (a.at(best, k) == 0) return 0;
    if (best != k) {
      sign = -sign;
      std::swap_ranges(&a.at(k, 0), &a.at(k, 0) + a.size, &a.at(best, 0));
      std::swap_ranges(right + k * columns, right + (k + 1) * columns, right + best * columns);
    }
    for (std::int64_t i = k + 1; i < a.size; ++i) {
      const double factor = a.at(i, k) / a.at(k, k);
      for (std::int64_t j = k; j < a.size; ++j) a.at(i, j) -= factor * a.at(k, j);
      for (std::int64_t j = 0; j < columns; ++j)
        right[i * columns + j] -= factor * right[k * columns + j];
    }
  }
  return sign;
}

/// The x of `a x = b` in place of b, of one triangle of `a`.
void substitute(const Square& a, double* x, std::int64_t columns, bool upper, bool unit) {
  for (std::int64_t step = 0; step < a.size; ++step) {
    const std::int64_t i = upper ? a.size - 1 - step : step;
    for (std::int64_t j = 0; j < columns; ++j) {
      double& own = x[i * columns + j];
      for (std::int64_t k = upper ? i + 1 : 0; k < (upper ? a.size : i); ++k)
        own -= a.at(i, k) * x[k * columns + j];
      if (!unit) own /= a.at(i, i);
    }
  }
}

void run_solve(const KernelCall& call) {
  std::vector<double> x = call.input(1).reals();
  const std::int64_t columns = call.input(1).shape.back();
  for_each_matrix(call.input(0), [&](const Square& a, std::int64_t i) {
    double* own = x.data() + i * a.size * columns;
    if (eliminate(a, own, columns) == 0)
      throw Error(Fault::model, "solve", "the matrix is singular; it has no inverse");
    substitute(a, own, columns, true, false);
  });
  call.result().elements = std::move(x);
}

void run_solve_triangular(const KernelCall& call) {
  std::vector<double> x = call.input(1).reals();
  const std::int64_t columns = call.input(1).shape.back();
  for_each_matrix(call.input(0), [&](const Square& a, std::int64_t i) {
    substitute(a, x.data() + i * a.size * columns, columns, call.flag("upper"),
               call.flag("unitriangular"));
  });
  call.result().elements = std::move(x);
}

void run_cholesky(const KernelCall& call) {
  std::vector<double> all(static_cast<std::size_t>(call.result().count()));
  for_each_matrix(call.input(0), [&](const Square& a, std::int64_t place) {
    const Square lower{all.data() + place * a.size * a.size, a.size};
    for (std::int64_t i = 0; i < a.size; ++i) {
      for (std::int64_t k = 0; k <= i; ++k) {
        double rest = a.at(i, k);
        for (std::int64_t j = 0; j < k; ++j) rest -= lower.at(i, j) * lower.at(k, j);
        if (i == k && !(rest > 0))
          throw Error(Fault::model, "cholesky", "the matrix is not positive definite");
        lower.at(i, k) = i == k ? std::sqrt(rest) : rest / lower.at(k, k);
      }
    }
  });
  call.result().elements = std::move(all);
}

/// Of each matrix `fold` over the pivots, from `start` with the sign; `none` where it is singular.
template <class Fold>
std::vector<double> over_pivots(const KernelCall& call, double none, Fold fold) {
  std::vector<double> all(static_cast<std::size_t>(call.result().count()), fold(1, nullptr));
  for_each_matrix(call.input(0), [&](const Square& a, std::int64_t place) {
    const double sign = eliminate(a, nullptr, 0);
    all[static_cast<std::size_t>(place)] = sign == 0 ? none : fold(sign, &a);
  });
  return all;
}

double signed_product(double sign, const Square* a) {
  for (std::int64_t i = 0; a != nullptr && i < a->size; ++i) sign *= a->at(i, i);
  return sign;
}

double pivot_sign(double sign, const Square* a) {
  for (std::int64_t i = 0; a != nullptr && i < a->size; ++i) {
    if (a->at(i, i) < 0) sign = -sign;
  }
  return sign;
}

double log_sum(double, const Square* a) {
  double sum = 0;
  for (std::int64_t i = 0; a != nullptr && i < a->size; ++i) sum += std::log(std::abs(a->at(i, i)));
  return sum;
}

void run_det(const KernelCall& call) {
  call.result().elements = over_pivots(call, 0, signed_product);
}

void run_slogdet(const KernelCall& call) {
  call.results[0].elements = over_pivots(call, 0, pivot_sign);
  call.results[1].elements = over_pivots(call, -std::numeric_limits<double>::infinity(), log_sum);
}

// Fourier transforms ------------------------------------------------------------------------------

using Complex = std::complex<double>;

/// The powers of the first n-th root of one: each for itself, so that nothing adds up.
std::vector<Complex> roots(std::size_t n, bool inverse) {
  const double turn = (inverse ? 2 : -2) * std::numbers::pi / static_cast<double>(n);
  std::vector<Complex> all(n);
  for (std::size_t k = 0; k < n; ++k) all[k] = std::polar(1.0, turn * static_cast<double>(k));
  return all;
}

std::size_t smallest_factor(std::size_t n) {
  for (std::size_t p = 2; p * p <= n; ++p) {
    if (n % p == 0) return p;
  }
  return n;
}

/// The transform of n numbers that lie `step` apart: of a length with a factor p, p transforms of
/// what lies p apart, put together; of a prime the sum that it is.
std::vector<Complex> transformed(const Complex* x, std::size_t n, std::size_t step,
                                 const std::vector<Complex>& roots) {
  if (n == 1) return {*x};
  const std::size_t p = smallest_factor(n);
  const std::size_t m = n / p;
  std::vector<std::vector<Complex>> parts(p);
  for (std::size_t i = 0; i < p; ++i) parts[i] = transformed(x + i * step, m, step * p, roots);
  std::vector<Complex> y(n);
  for (std::size_t k = 0; k < n; ++k) {
    for (std::size_t i = 0; i < p; ++i) y[k] += parts[i][k % m] * roots[i * k % n * step];
  }
  return y;
}

double scale(const KernelCall& call, std::size_t n) {
  const auto& norm = get<std::string>(call.attributes, "norm");
  if (norm == "ortho") return 1 / std::sqrt(static_cast<double>(n));
  return (norm == "backward") == call.flag("inverse") ? 1 / static_cast<double>(n) : 1;
}

void run_fft(const KernelCall& call) {
  std::vector<std::int64_t> shape = call.input(0).shape;
  shape.pop_back();
  const std::vector<double>& pairs = call.input(0).reals();
  std::vector<Complex> x(pairs.size() / 2);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = {pairs[2 * i], pairs[2 * i + 1]};
  const std::vector<std::int64_t> strides = contiguous(shape).strides;
  double factor = 1;
  for (const std::int64_t dim : call.integers("dim")) {
    const auto axis = static_cast<std::size_t>(dim < 0 ? dim + std::ssize(shape) : dim);
    const auto n = static_cast<std::size_t>(shape[axis]);
    const auto stride = static_cast<std::size_t>(strides[axis]);
    factor *= scale(call, n);
    const std::vector<Complex> powers = roots(n, call.flag("inverse"));
    std::vector<Complex> line(n);
    for (std::size_t begin = 0; begin < x.size(); ++begin) {
      if (begin / stride % n != 0) continue;
      for (std::size_t k = 0; k < n; ++k) line[k] = x[begin + k * stride];
      line = transformed(line.data(), n, 1, powers);
      for (std::size_t k = 0; k < n; ++k) x[begin + k * stride] = line[k];
    }
  }
  std::vector<double> result;
  result.reserve(pairs.size());
  for (const Complex& number : x) {
    result.push_back(number.real() * factor);
    result.push_back(number.imag() * factor);
  }
  call.result().elements = std::move(result);
}

constexpr Kernel linear_table[] = {
    {"matmul", run_matmul},     {"solve", run_solve}, {"solve_triangular", run_solve_triangular},
    {"cholesky", run_cholesky}, {"det", run_det},     {"slogdet", run_slogdet},
    {"fft", run_fft},
};

}  // namespace

std::span<const Kernel> linear_kernels() { return linear_table; }

}  // namespace isomer

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "run/reference/kernel.h"

namespace isomer {
namespace {

/// A matrix by rows.
struct Matrix {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::vector<double> elements = std::vector<double>(static_cast<std::size_t>(rows * columns), 0.0);

  double& operator()(std::int64_t i, std::int64_t k) {
    return elements[static_cast<std::size_t>(i * columns + k)];
  }
  double operator()(std::int64_t i, std::int64_t k) const {
    return elements[static_cast<std::size_t>(i * columns + k)];
  }
};

Matrix identity(std::int64_t rows, std::int64_t columns) {
  Matrix x{rows, columns};
  for (std::int64_t i = 0; i < std::min(rows, columns); ++i) x(i, i) = 1;
  return x;
}

Matrix turned(const Matrix& x) {
  Matrix y{x.columns, x.rows};
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t k = 0; k < x.columns; ++k) y(k, i) = x(i, k);
  }
  return y;
}

Matrix product(const Matrix& x, const Matrix& y) {
  Matrix z{x.rows, y.columns};
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t k = 0; k < x.columns; ++k) {
      for (std::int64_t j = 0; j < y.columns; ++j) z(i, j) += x(i, k) * y(k, j);
    }
  }
  return z;
}

/// The elements of what a matrix was taken apart into.
using Parts = std::vector<std::vector<double>>;

/// Takes each matrix of the input apart; `parts` are joined to the results, in their order.
template <class TakeApart>
void each_matrix(const KernelCall& call, TakeApart take_apart) {
  const Operand& x = call.input(0);
  const std::int64_t rows = x.shape[x.shape.size() - 2];
  const std::int64_t columns = x.shape.back();
  std::vector<std::vector<double>> all(call.results.size());
  std::int64_t count = 1;
  for (std::size_t i = 0; i + 2 < x.shape.size(); ++i) count *= x.shape[i];
  for (std::int64_t i = 0; i < count; ++i) {
    const auto begin = x.reals().begin() + i * rows * columns;
    const Parts parts =
        take_apart(Matrix{rows, columns, std::vector<double>(begin, begin + rows * columns)});
    for (std::size_t k = 0; k < all.size(); ++k)
      all[k].insert(all[k].end(), parts[k].begin(), parts[k].end());
  }
  for (std::size_t k = 0; k < all.size(); ++k) {
    if (is_floating(call.results[k].dtype)) {
      call.results[k].elements = std::move(all[k]);
    } else {
      call.results[k].elements = std::vector<std::int64_t>(all[k].begin(), all[k].end());
    }
  }
}

// -- q and r --------------------------------------------------------------------------------------

/// A reflection I - factor * v * v', of which v[k] is 1 and all above it 0.
struct Reflection {
  double factor = 0;
  std::vector<double> v;
};

void reflect(const Reflection& by, Matrix& x, std::int64_t first_column) {
  for (std::int64_t j = first_column; j < x.columns; ++j) {
    double sum = 0;
    for (std::int64_t i = 0; i < x.rows; ++i) sum += by.v[static_cast<std::size_t>(i)] * x(i, j);
    for (std::int64_t i = 0; i < x.rows; ++i)
      x(i, j) -= by.factor * sum * by.v[static_cast<std::size_t>(i)];
  }
}

// With the signs of LAPACK's larfg: what is left of a column has the other sign than its head.
Reflection reflection_of(const Matrix& a, std::int64_t k) {
  Reflection made{.v = std::vector<double>(static_cast<std::size_t>(a.rows), 0.0)};
  double below = 0;
  for (std::int64_t i = k + 1; i < a.rows; ++i) below = std::hypot(below, a(i, k));
  made.v[static_cast<std::size_t>(k)] = 1;
  if (below == 0) return made;
  const double head = a(k, k);
  const double left = -std::copysign(std::hypot(head, below), head);
  made.factor = (left - head) / left;
  for (std::int64_t i = k + 1; i < a.rows; ++i)
    made.v[static_cast<std::size_t>(i)] = a(i, k) / (head - left);
  return made;
}

void run_qr(const KernelCall& call) {
  const std::int64_t inner = call.results[0].shape.back();
  each_matrix(call, [&](Matrix a) {
    std::vector<Reflection> made;
    for (std::int64_t k = 0; k < std::min(a.rows, a.columns); ++k) {
      made.push_back(reflection_of(a, k));
      reflect(made.back(), a, k);
    }
    Matrix q = identity(a.rows, inner);
    for (std::size_t k = made.size(); k-- > 0;) reflect(made[k], q, 0);
    Matrix r{inner, a.columns};
    for (std::int64_t i = 0; i < inner; ++i) {
      for (std::int64_t j = i; j < a.columns; ++j) r(i, j) = a(i, j);
    }
    return Parts{q.elements, r.elements};
  });
}

// -- by rotations, after Jacobi -------------------------------------------------------------------

struct Rotation {
  double cosine = 1;
  double sine = 0;
};

/// What makes a pair of columns with these products orthogonal.
Rotation rotation_of(double first, double second, double both) {
  const double ratio = (second - first) / (2 * both);
  const double tangent = std::copysign(1.0, ratio) / (std::abs(ratio) + std::hypot(1.0, ratio));
  const double cosine = 1 / std::hypot(1.0, tangent);
  return {cosine, cosine * tangent};
}

void rotate_columns(Matrix& x, std::int64_t p, std::int64_t q, Rotation by) {
  for (std::int64_t i = 0; i < x.rows; ++i) {
    const double left = x(i, p);
    const double right = x(i, q);
    x(i, p) = by.cosine * left - by.sine * right;
    x(i, q) = by.sine * left + by.cosine * right;
  }
}

double columns_product(const Matrix& x, std::int64_t p, std::int64_t q) {
  double sum = 0;
  for (std::int64_t i = 0; i < x.rows; ++i) sum += x(i, p) * x(i, q);
  return sum;
}

constexpr int most_sweeps = 60;
constexpr double small = 1e-16;

/// Makes the columns of `x` orthogonal; what was done to them is done to those of `v`.
void make_orthogonal(Matrix& x, Matrix& v) {
  bool moved = true;
  for (int sweep = 0; moved && sweep < most_sweeps; ++sweep) {
    moved = false;
    for (std::int64_t p = 0; p < x.columns; ++p) {
      for (std::int64_t q = p + 1; q < x.columns; ++q) {
        const double first = columns_product(x, p, p);
        const double second = columns_product(x, q, q);
        const double both = columns_product(x, p, q);
        if (both == 0 || !(std::abs(both) > small * std::sqrt(first * second))) continue;
        moved = true;
        const Rotation by = rotation_of(first, second, both);
        rotate_columns(x, p, q, by);
        rotate_columns(v, p, q, by);
      }
    }
  }
}

/// The places of `values` in order.
std::vector<std::int64_t> order_of(const std::vector<double>& values, bool falling) {
  std::vector<std::int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](std::int64_t i, std::int64_t k) {
    const double x = values[static_cast<std::size_t>(i)];
    const double y = values[static_cast<std::size_t>(k)];
    return falling ? x > y : x < y;
  });
  return order;
}

/// The column that stands at right angles to the first `count` ones, and has length 1.
void complete_column(Matrix& u, std::int64_t count) {
  for (std::int64_t start = 0; start < u.rows; ++start) {
    for (std::int64_t i = 0; i < u.rows; ++i) u(i, count) = i == start ? 1 : 0;
    for (int again = 0; again < 2; ++again) {
      for (std::int64_t k = 0; k < count; ++k) {
        const double share = columns_product(u, k, count);
        for (std::int64_t i = 0; i < u.rows; ++i) u(i, count) -= share * u(i, k);
      }
    }
    const double length = std::sqrt(columns_product(u, count, count));
    if (length * length * static_cast<double>(u.rows) < 0.5) continue;
    for (std::int64_t i = 0; i < u.rows; ++i) u(i, count) /= length;
    return;
  }
}

struct Singular {
  Matrix u;
  std::vector<double> values;
  Matrix v;
};

/// Of a matrix with as many rows as columns or more, with so many columns of u.
Singular singular_of(Matrix x, std::int64_t left_columns) {
  Matrix v = identity(x.columns, x.columns);
  make_orthogonal(x, v);
  std::vector<double> lengths;
  for (std::int64_t k = 0; k < x.columns; ++k)
    lengths.push_back(std::sqrt(columns_product(x, k, k)));
  Singular made{{x.rows, left_columns}, {}, {x.columns, x.columns}};
  for (const std::int64_t from : order_of(lengths, true)) {
    const auto to = static_cast<std::int64_t>(made.values.size());
    const double length = lengths[static_cast<std::size_t>(from)];
    made.values.push_back(length);
    for (std::int64_t i = 0; i < x.columns; ++i) made.v(i, to) = v(i, from);
    for (std::int64_t i = 0; i < x.rows; ++i) made.u(i, to) = x(i, from) / length;
    if (length <= small * made.values[0]) complete_column(made.u, to);
  }
  for (std::int64_t k = x.columns; k < left_columns; ++k) complete_column(made.u, k);
  return made;
}

void run_svd(const KernelCall& call) {
  const bool full = call.flag("full_matrices");
  each_matrix(call, [&](const Matrix& a) {
    const bool tall = a.rows >= a.columns;
    const std::int64_t larger = std::max(a.rows, a.columns);
    const std::int64_t lesser = std::min(a.rows, a.columns);
    const Singular made = singular_of(tall ? a : turned(a), full ? larger : lesser);
    const Matrix& left = tall ? made.u : made.v;
    return Parts{left.elements, made.values, turned(tall ? made.v : made.u).elements};
  });
}

// Of a symmetric matrix moved so far that all its eigenvalues are positive, singular vectors are
// eigenvectors.
void run_eigh(const KernelCall& call) {
  each_matrix(call, [](Matrix a) {
    double shift = 0;
    for (std::int64_t i = 0; i < a.rows; ++i) {
      double sum = 0;
      for (std::int64_t k = 0; k < a.rows; ++k) {
        if (k > i) a(i, k) = a(k, i);
        sum += std::abs(a(i, k));
      }
      shift = std::max(shift, sum);
    }
    Matrix moved = a;
    for (std::int64_t i = 0; i < a.rows; ++i) moved(i, i) += 2 * shift;
    Matrix v = identity(a.rows, a.rows);
    make_orthogonal(moved, v);
    const Matrix image = product(a, v);
    std::vector<double> values;
    for (std::int64_t k = 0; k < a.rows; ++k) {
      double value = 0;
      for (std::int64_t i = 0; i < a.rows; ++i) value += v(i, k) * image(i, k);
      values.push_back(value);
    }
    Matrix vectors{a.rows, a.rows};
    std::vector<double> ordered;
    for (const std::int64_t from : order_of(values, false)) {
      const auto to = static_cast<std::int64_t>(ordered.size());
      ordered.push_back(values[static_cast<std::size_t>(from)]);
      for (std::int64_t i = 0; i < a.rows; ++i) vectors(i, to) = v(i, from);
    }
    return Parts{ordered, vectors.elements};
  });
}

// -- elimination ----------------------------------------------------------------------------------

void run_lu(const KernelCall& call) {
  each_matrix(call, [](Matrix a) {
    std::vector<double> pivots;
    for (std::int64_t k = 0; k < std::min(a.rows, a.columns); ++k) {
      std::int64_t best = k;
      for (std::int64_t i = k + 1; i < a.rows; ++i) {
        if (std::abs(a(i, k)) > std::abs(a(best, k))) best = i;
      }
      pivots.push_back(static_cast<double>(best + 1));
      for (std::int64_t j = 0; j < a.columns; ++j) std::swap(a(k, j), a(best, j));
      for (std::int64_t i = k + 1; a(k, k) != 0 && i < a.rows; ++i) {
        a(i, k) /= a(k, k);
        for (std::int64_t j = k + 1; j < a.columns; ++j) a(i, j) -= a(i, k) * a(k, j);
      }
    }
    return Parts{a.elements, pivots};
  });
}

// Taylor's series of a matrix made small, squared as often as it was halved.
void run_matrix_exp(const KernelCall& call) {
  each_matrix(call, [](Matrix a) {
    double largest = 0;
    for (const double x : a.elements) largest = std::max(largest, std::abs(x));
    int halvings = 0;
    std::frexp(largest * static_cast<double>(a.rows), &halvings);
    halvings = std::isfinite(largest) ? std::clamp(halvings + 1, 0, 1024) : 0;
    for (double& x : a.elements) x = std::ldexp(x, -halvings);
    Matrix sum = identity(a.rows, a.rows);
    Matrix term = sum;
    for (int k = 1; k < 24; ++k) {
      term = product(term, a);
      for (std::size_t i = 0; i < term.elements.size(); ++i) {
        term.elements[i] /= k;
        sum.elements[i] += term.elements[i];
      }
    }
    for (int i = 0; i < halvings; ++i) sum = product(sum, sum);
    return Parts{sum.elements};
  });
}

constexpr Kernel factorization_table[] = {
    {"qr", run_qr},
    {"eigh", run_eigh},
    {"svd", run_svd},
    {"lu", run_lu},
    {"matrix_exp", run_matrix_exp},
};

}  // namespace

std::span<const Kernel> factorization_kernels() { return factorization_table; }

}  // namespace isomer

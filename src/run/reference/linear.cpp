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

constexpr Kernel kernels[] = {
    {"matmul", run_matmul},
};

}  // namespace

std::span<const Kernel> linear_kernels() { return kernels; }

}  // namespace isomer

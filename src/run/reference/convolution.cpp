#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "run/reference/arithmetic.h"
#include "run/reference/kernel.h"

namespace isomer {
namespace {

using Triple = std::array<std::int64_t, 3>;

// A convolution links three arrays: `wide` (N, C, D, H, W), its kernel (O, C / groups, ...) and
// `narrow` (N, O, ...), by
//   narrow[o] += wide[i] * kernel[k]   for all i = o * stride - padding + k * dilation inside
//   `wide`.
// Run backwards along `narrow` or `wide`, the same links give both derivatives, and a transposed
// convolution is the one that leads from `narrow` to `wide`. With fewer than three spatial axes,
// the missing ones have length 1.
struct Links {
  std::int64_t batch = 1;
  std::int64_t groups = 1;
  std::int64_t wide_channels = 1;    // of one group
  std::int64_t narrow_channels = 1;  // of one group
  Triple wide{1, 1, 1};
  Triple kernel{1, 1, 1};
  Triple narrow{1, 1, 1};
  Triple stride{1, 1, 1};
  Triple padding{0, 0, 0};
  Triple dilation{1, 1, 1};
};

/// The spatial lengths, last axis last, as three.
Triple spatial(std::span<const std::int64_t> shape) {
  Triple lengths{1, 1, 1};
  const std::span<const std::int64_t> own = shape.subspan(2);
  std::ranges::copy(own, lengths.end() - std::ssize(own));
  return lengths;
}

/// A setting per spatial axis; one element serves all of them.
Triple setting(const std::vector<std::int64_t>& values, std::size_t axes, std::int64_t fallback) {
  Triple result{fallback, fallback, fallback};
  for (std::size_t i = 0; i < axes; ++i)
    result[3 - axes + i] = values.size() == 1 ? values[0] : values[i];
  return result;
}

Links links_of(const KernelCall& call, std::span<const std::int64_t> wide,
               std::span<const std::int64_t> kernel, std::span<const std::int64_t> narrow) {
  const std::size_t axes = wide.size() - 2;
  Links links;
  links.batch = wide[0];
  links.groups = call.integer("groups");
  links.wide_channels = wide[1] / links.groups;
  links.narrow_channels = narrow[1] / links.groups;
  links.wide = spatial(wide);
  links.kernel = spatial(kernel);
  links.narrow = spatial(narrow);
  links.stride = setting(call.integers("stride"), axes, 1);
  links.padding = setting(call.integers("padding"), axes, 0);
  links.dilation = setting(call.integers("dilation"), axes, 1);
  return links;
}

std::int64_t divided_up(std::int64_t x, std::int64_t y) {
  return x > 0 ? (x + y - 1) / y : -(-x / y);
}

/// The places o of `narrow` along one axis that kernel element `k` links to a place inside `wide`.
struct Range {
  std::int64_t begin;
  std::int64_t end;
};

Range reach(const Links& links, std::size_t axis, std::int64_t k) {
  const std::int64_t shift = k * links.dilation[axis] - links.padding[axis];
  const std::int64_t begin = std::max<std::int64_t>(divided_up(-shift, links.stride[axis]), 0);
  const std::int64_t end =
      std::min(divided_up(links.wide[axis] - shift, links.stride[axis]), links.narrow[axis]);
  return {begin, std::max(begin, end)};
}

/// The links of one kernel element in one pair of planes: calls `row(wide, narrow, count)` with the
/// first positions of each row of links; along it `narrow` goes on by 1 and `wide` by the last
/// stride.
template <class Row>
void for_each_row(const Links& links, const Triple& k, Row row) {
  const std::array ranges{reach(links, 0, k[0]), reach(links, 1, k[1]), reach(links, 2, k[2])};
  const auto place = [&](std::size_t axis, std::int64_t o) {
    return o * links.stride[axis] - links.padding[axis] + k[axis] * links.dilation[axis];
  };
  const std::int64_t count = ranges[2].end - ranges[2].begin;
  for (std::int64_t d = ranges[0].begin; d < ranges[0].end; ++d) {
    for (std::int64_t h = ranges[1].begin; h < ranges[1].end; ++h) {
      const std::int64_t wide_row = (place(0, d) * links.wide[1] + place(1, h)) * links.wide[2];
      const std::int64_t narrow_row = (d * links.narrow[1] + h) * links.narrow[2];
      row(wide_row + place(2, ranges[2].begin), narrow_row + ranges[2].begin, count);
    }
  }
}

std::int64_t volume(const Triple& lengths) { return lengths[0] * lengths[1] * lengths[2]; }

/// Calls `visit(wide_plane, narrow_plane, kernel_plane)` with the first positions of each three
/// planes that belong together.
template <class Visit>
void for_each_plane(const Links& links, Visit visit) {
  for (std::int64_t n = 0; n < links.batch; ++n) {
    for (std::int64_t g = 0; g < links.groups; ++g) {
      for (std::int64_t o = 0; o < links.narrow_channels; ++o) {
        const std::int64_t narrow = (n * links.groups + g) * links.narrow_channels + o;
        for (std::int64_t c = 0; c < links.wide_channels; ++c) {
          const std::int64_t wide = (n * links.groups + g) * links.wide_channels + c;
          const std::int64_t kernel = (g * links.narrow_channels + o) * links.wide_channels + c;
          visit(wide * volume(links.wide), narrow * volume(links.narrow),
                kernel * volume(links.kernel));
        }
      }
    }
  }
}

/// Calls `row(wide, narrow, kernel, count)` for every row of links.
template <class Row>
void for_each_link(const Links& links, Row row) {
  for_each_plane(links, [&](std::int64_t wide, std::int64_t narrow, std::int64_t kernel) {
    for (std::int64_t i = 0; i < volume(links.kernel); ++i) {
      const Triple k{i / (links.kernel[1] * links.kernel[2]), i / links.kernel[2] % links.kernel[1],
                     i % links.kernel[2]};
      for_each_row(links, k,
                   [&](std::int64_t wide_row, std::int64_t narrow_row, std::int64_t count) {
                     row(wide + wide_row, narrow + narrow_row, kernel + i, count);
                   });
    }
  });
}

template <class T>
std::vector<T> narrow_from(const Links& links, const std::vector<T>& wide,
                           const std::vector<T>& kernel) {
  std::vector<T> narrow(static_cast<std::size_t>(links.batch * links.groups *
                                                 links.narrow_channels * volume(links.narrow)));
  const std::int64_t stride = links.stride[2];
  for_each_link(links, [&](std::int64_t w, std::int64_t n, std::int64_t k, std::int64_t count) {
    const T factor = kernel[k];
    for (std::int64_t i = 0; i < count; ++i)
      narrow[n + i] = plus(narrow[n + i], times(wide[w + i * stride], factor));
  });
  return narrow;
}

template <class T>
std::vector<T> wide_from(const Links& links, const std::vector<T>& narrow,
                         const std::vector<T>& kernel) {
  std::vector<T> wide(static_cast<std::size_t>(links.batch * links.groups * links.wide_channels *
                                               volume(links.wide)));
  const std::int64_t stride = links.stride[2];
  for_each_link(links, [&](std::int64_t w, std::int64_t n, std::int64_t k, std::int64_t count) {
    const T factor = kernel[k];
    for (std::int64_t i = 0; i < count; ++i)
      wide[w + i * stride] = plus(wide[w + i * stride], times(narrow[n + i], factor));
  });
  return wide;
}

using Reals = std::vector<double>;

Reals kernel_from(const Links& links, const Reals& wide, const Reals& narrow) {
  const std::int64_t channels = links.groups * links.narrow_channels * links.wide_channels;
  Reals kernel(static_cast<std::size_t>(channels * volume(links.kernel)));
  const std::int64_t stride = links.stride[2];
  for_each_link(links, [&](std::int64_t w, std::int64_t n, std::int64_t k, std::int64_t count) {
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += wide[w + i * stride] * narrow[n + i];
    kernel[k] += sum;
  });
  return kernel;
}

template <class T>
void add_bias(std::vector<T>& y, const std::vector<std::int64_t>& shape,
              const std::vector<T>& bias) {
  const std::int64_t plane = volume(spatial(shape));
  for (std::int64_t i = 0; i < std::ssize(y); ++i) y[i] = plus(y[i], bias[i / plane % shape[1]]);
}

void run_convolution(const KernelCall& call) {
  const Operand& x = call.input(0);
  const Operand& weight = call.input(1);
  Operand& y = call.result();
  std::visit(
      [&]<class T>(const std::vector<T>& elements) {
        const auto& factors = std::get<std::vector<T>>(weight.elements);
        std::vector<T> sums =
            call.flag("transposed")
                ? wide_from(links_of(call, y.shape, weight.shape, x.shape), elements, factors)
                : narrow_from(links_of(call, x.shape, weight.shape, y.shape), elements, factors);
        if (call.has(2)) add_bias(sums, y.shape, std::get<std::vector<T>>(call.input(2).elements));
        y.elements = std::move(sums);
      },
      x.elements);
}

void run_convolution_backward(const KernelCall& call) {
  const Operand& grad = call.input(0);
  const Operand& x = call.input(1);
  const Operand& weight = call.input(2);
  if (call.flag("transposed")) {
    const Links links = links_of(call, grad.shape, weight.shape, x.shape);
    call.results[0].elements = narrow_from(links, grad.reals(), weight.reals());
    call.results[1].elements = kernel_from(links, grad.reals(), x.reals());
  } else {
    const Links links = links_of(call, x.shape, weight.shape, grad.shape);
    call.results[0].elements = wide_from(links, grad.reals(), weight.reals());
    call.results[1].elements = kernel_from(links, x.reals(), grad.reals());
  }
}

/// One axis of a pooling window.
struct Window {
  std::int64_t kernel;
  std::int64_t stride;
  std::int64_t padding;
  std::int64_t dilation;

  /// The places inside an axis of that length that output `o` looks at, by their first, and one
  /// after their last.
  Range places(std::int64_t o, std::int64_t length) const {
    std::int64_t begin = o * stride - padding;
    const std::int64_t end = std::min(begin + (kernel - 1) * dilation + 1, length);
    if (begin < 0) begin += divided_up(-begin, dilation) * dilation;
    return {begin, end};
  }
};

Window window_of(const KernelCall& call, std::size_t axis) {
  const auto of = [&](std::string_view name) {
    const std::vector<std::int64_t>& values = call.integers(name);
    return values.size() == 1 ? values[0] : values[axis];
  };
  return {of("kernel_size"), of(call.integers("stride").empty() ? "kernel_size" : "stride"),
          of("padding"), of("dilation")};
}

/// The largest element of a window of a plane, and where it stands. Of equal ones it is the first;
/// of several nan the last, as in PyTorch.
template <class T>
std::int64_t largest_place(const T* plane, std::int64_t width, Range rows, Range columns,
                           std::int64_t row_step, std::int64_t column_step) {
  std::int64_t best = rows.begin * width + columns.begin;
  for (std::int64_t r = rows.begin; r < rows.end; r += row_step) {
    for (std::int64_t c = columns.begin; c < columns.end; c += column_step) {
      const T element = plane[r * width + c];
      if (element > plane[best] || element != element) best = r * width + c;
    }
  }
  return best;
}

/// A dilated window may step over the whole input. PyTorch then gives -inf and a position that is
/// none of the plane's, with which no derivative can be right.
[[noreturn]] void refuse_empty_window() {
  throw Error(Fault::model, "",
              "a pooling window has padding only; dilation and padding should leave it an element");
}

void run_max_pool2d(const KernelCall& call) {
  const Operand& x = call.input(0);
  const std::vector<std::int64_t>& shape = call.result().shape;
  const std::int64_t height = x.shape[x.shape.size() - 2];
  const std::int64_t width = x.shape.back();
  const Window down = window_of(call, 0);
  const Window across = window_of(call, 1);
  std::visit(
      [&]<class T>(const std::vector<T>& elements) {
        const std::int64_t count = call.result().count();
        std::vector<T> values(static_cast<std::size_t>(count));
        std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
        for (std::int64_t i = 0; i < count; ++i) {
          const std::int64_t row = i / shape.back() % shape[shape.size() - 2];
          const Range rows = down.places(row, height);
          const Range columns = across.places(i % shape.back(), width);
          if (rows.begin >= rows.end || columns.begin >= columns.end) refuse_empty_window();
          const T* const plane =
              elements.data() + i / (shape.back() * shape[shape.size() - 2]) * height * width;
          indices[i] = largest_place(plane, width, rows, columns, down.dilation, across.dilation);
          values[i] = plane[indices[i]];
        }
        call.results[0].elements = std::move(values);
        call.results[1].elements = std::move(indices);
      },
      x.elements);
}

constexpr Kernel convolution_table[] = {
    {"convolution", run_convolution},
    {"convolution_backward", run_convolution_backward},
    {"max_pool2d", run_max_pool2d},
};

}  // namespace

std::span<const Kernel> convolution_kernels() { return convolution_table; }

}  // namespace isomer

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/function_table.h"

namespace isomer::numpy {
namespace {

Value in_shape(const Bound& a) { return result_of(reshaped(a.tensor(0), *a.integers(1)), false); }

Value flattened(const Bound& a) { return result_of(reshaped(a.tensor(0), {-1}), false); }

Value transposed(const Bound& a) {
  const Tensor x = a.tensor(0);
  Lengths1 order(x.shape().size());
  std::iota(order.rbegin(), order.rend(), 0);
  return result_of(permuted(x, a.integers(1).value_or(order)), false);
}

Value swapped(const Bound& a) {
  const Tensor x = a.tensor(0);
  Lengths1 order(x.shape().size());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[axis_at(integer_of(a[1]), order.size())],
            order[axis_at(integer_of(a[2]), order.size())]);
  return result_of(permuted(x, order), false);
}

Value moved(const Bound& a) {
  const Tensor x = a.tensor(0);
  const std::size_t rank = x.shape().size();
  const std::size_t source = axis_at(integer_of(a[1]), rank);
  const std::size_t target = axis_at(integer_of(a[2]), rank);
  Lengths1 order;
  for (std::size_t i = 0; i < rank; ++i) {
    if (i != source) order.push_back(static_cast<std::int64_t>(i));
  }
  order.insert(order.begin() + static_cast<std::ptrdiff_t>(target),
               static_cast<std::int64_t>(source));
  return result_of(permuted(x, order), false);
}

Value widened(const Bound& a) {
  const Tensor x = a.tensor(0);
  const Lengths1 axes = *a.integers(1);
  bound_axes(x.shape().size() + axes.size());
  std::vector<bool> added(x.shape().size() + axes.size(), false);
  for (const std::int64_t axis : axes) added[axis_at(axis, added.size())] = true;
  Lengths1 shape;
  std::size_t next = 0;
  for (const bool one : added) {
    if (!one && next == x.shape().size()) throw Error(Fault::model, "", "an axis is added twice");
    shape.push_back(one ? 1 : x.shape()[next++]);
  }
  return result_of(x.reshaped(shape), false);
}

Value squeezed(const Bound& a) {
  const Tensor x = a.tensor(0);
  std::vector<bool> gone(x.shape().size(), false);
  if (const auto axes = a.integers(1)) {
    for (const std::int64_t axis : *axes) gone[axis_at(axis, gone.size())] = true;
  } else {
    for (std::size_t i = 0; i < gone.size(); ++i) gone[i] = x.shape()[i] == 1;
  }
  Lengths1 shape;
  for (std::size_t i = 0; i < gone.size(); ++i) {
    if (!gone[i]) shape.push_back(x.shape()[i]);
    if (gone[i] && x.shape()[i] != 1)
      throw Error(Fault::model, "", "an axis longer than 1 cannot be squeezed");
  }
  return result_of(x.reshaped(shape), false);
}

Value stretched(const Bound& a) {
  const Tensor x = a.tensor(0);
  return result_of(broadcast_to(x, bounded(*a.integers(1), x.count())), false);
}

std::int64_t times_in(std::int64_t count) {
  if (count >= 0) return count;
  throw Error(Fault::model, "", fmt::format("an array cannot be repeated {} times", count));
}

Value tiled(const Bound& a) {
  Tensor x = a.tensor(0);
  Lengths1 repeats = *a.integers(1);
  bound_axes(repeats.size());
  Lengths1 shape = x.shape();
  while (shape.size() < repeats.size()) shape.insert(shape.begin(), 1);
  while (repeats.size() < shape.size()) repeats.insert(repeats.begin(), 1);
  x = x.reshaped(shape);
  Lengths1 grown = shape;
  for (std::size_t i = 0; i < repeats.size(); ++i)
    grown[i] = product_of_lengths(grown[i], times_in(repeats[i]));
  grown = bounded(std::move(grown), x.count());
  if (count_elements(grown) == 0) return result_of(Tensor::zeros(x.dtype(), grown), false);
  for (std::size_t i = 0; i < repeats.size(); ++i) {
    if (repeats[i] > 1) {
      x = joined(std::vector<Tensor>(static_cast<std::size_t>(repeats[i]), x),
                 static_cast<std::int64_t>(i));
    }
  }
  return result_of(x, false);
}

Value repeated(const Bound& a) {
  const Tensor x = a.has(2) ? a.tensor(0) : reshaped(a.tensor(0), {-1});
  const std::size_t axis = axis_at(a.integer(2, 0), x.shape().size());
  const std::int64_t count = times_in(integer_of(a[1]));
  Lengths1 grown = x.shape();
  grown[axis] = product_of_lengths(grown[axis], count);
  grown = bounded(std::move(grown), x.count());
  if (count_elements(grown) == 0) return result_of(Tensor::zeros(x.dtype(), grown), false);
  std::vector<std::int64_t> index;
  for (std::int64_t i = 0; i < x.shape()[axis]; ++i) {
    for (std::int64_t k = 0; k < count; ++k) index.push_back(i);
  }
  const auto length = static_cast<std::int64_t>(index.size());
  return result_of(
      taken(x, Tensor::of<std::int64_t>({length}, index), static_cast<std::int64_t>(axis)), false);
}

Value concatenated(const Bound& a) {
  std::vector<Tensor> parts = a.tensors(0);
  return result_of(joined(parts, a.integer(1, 0)), false);
}

Value stacked(const Bound& a) {
  std::vector<Tensor> parts = a.tensors(0);
  if (parts.empty()) throw Error(Fault::model, "", "there is nothing to stack");
  const std::size_t axis = axis_at(a.integer(1, 0), parts[0].shape().size() + 1);
  for (Tensor& part : parts) {
    Lengths1 shape = part.shape();
    if (shape != parts[0].shape() && &part != &parts[0] &&
        shape.size() + 1 != parts[0].shape().size()) {
      throw Error(Fault::model, "", "arrays to be stacked differ in shape");
    }
    shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(std::min(axis, shape.size())), 1);
    part = part.reshaped(shape);
  }
  return result_of(joined(parts, static_cast<std::int64_t>(axis)), false);
}

// x, places or a number of parts, axis
Value split(const Bound& a) {
  const Tensor x = a.tensor(0);
  const std::size_t axis = axis_at(a.integer(2, 0), x.shape().size());
  const std::int64_t length = x.shape()[axis];
  Lengths1 ends;
  if (is_number(a[1])) {
    const std::int64_t parts = integer_of(a[1]);
    if (parts <= 0 || length % parts != 0) {
      throw Error(Fault::model, "",
                  fmt::format("a length of {} does not split into {} equal parts", length, parts));
    }
    bound_items(static_cast<std::uint64_t>(parts));
    for (std::int64_t i = 1; i < parts; ++i) ends.push_back(i * (length / parts));
  } else {
    ends = *a.integers(1);
  }
  ends.push_back(length);
  List result;
  std::int64_t begin = 0;
  for (const std::int64_t raw : ends) {
    const std::int64_t end = std::clamp(raw < 0 ? raw + length : raw, std::int64_t{0}, length);
    const Tensor part = strided(x, axis, begin, std::max<std::int64_t>(end - begin, 0), 1);
    result.items.push_back(result_of(part, false));
    begin = end;
  }
  return {std::move(result)};
}

Value reversed(const Bound& a) {
  Tensor x = a.tensor(0);
  Lengths1 every(x.shape().size());
  std::iota(every.begin(), every.end(), 0);
  for (const std::int64_t entry : a.integers(1).value_or(every)) {
    const std::size_t axis = axis_at(entry, x.shape().size());
    x = strided(x, axis, x.shape()[axis] - 1, x.shape()[axis], -1);
  }
  return result_of(x, false);
}

Value lower_triangle(const Bound& a) {
  return result_of(triangle(a.tensor(0), a.integer(1, 0), true), false);
}
Value upper_triangle(const Bound& a) {
  return result_of(triangle(a.tensor(0), a.integer(1, 0), false), false);
}

Value picked(const Bound& a) {
  const Tensor x = a.has(2) ? a.tensor(0) : reshaped(a.tensor(0), {-1});
  return result_of(taken(x, a.tensor(1), a.integer(2, 0)));
}

// x, indices of the same rank, axis
Value picked_along(const Bound& a) {
  const Tensor x = a.tensor(0);
  const Tensor index = a.tensor(1);
  const std::size_t axis = axis_at(a.integer(2, -1), x.shape().size());
  if (index.shape().size() != x.shape().size()) {
    throw Error(Fault::model, "",
                "take_along_axis needs as many axes in the indices as in the array");
  }
  const std::int64_t length = x.shape()[axis];
  const std::vector<std::int64_t> places = index.integers();
  std::vector<std::int64_t> flat;
  for (std::size_t i = 0; i < places.size(); ++i) {
    auto left = static_cast<std::int64_t>(i);
    std::int64_t offset = 0;
    std::int64_t step = 1;
    for (std::size_t k = x.shape().size(); k-- > 0;) {
      const std::int64_t here = left % index.shape()[k];
      left /= index.shape()[k];
      const std::int64_t place = places[i] < 0 ? places[i] + length : places[i];
      if (k == axis && (place < 0 || place >= length)) {
        throw Error(Fault::model, "",
                    fmt::format("index {} is outside an axis of length {}", places[i], length));
      }
      if (k != axis && here >= x.shape()[k])
        throw Error(Fault::model, "", "take_along_axis: shapes do not fit");
      offset += (k == axis ? place : here) * step;
      step *= x.shape()[k];
    }
    flat.push_back(offset);
  }
  const Tensor result =
      taken(reshaped(x, {-1}),
            Tensor::of<std::int64_t>({static_cast<std::int64_t>(flat.size())}, flat), 0);
  return result_of(result.reshaped(index.shape()), false);
}

// x, widths, mode, constant_values
Value padded(const Bound& a) {
  Tensor x = a.tensor(0);
  const auto* text = a.has(2) ? a[2].as<std::string>() : nullptr;
  if (a.has(2) && (text == nullptr || *text != "constant")) {
    throw Error(Fault::unsupported, "", "numpy.pad is read with mode 'constant' only");
  }
  const Tensor widths = broadcast_to(a.tensor(1), {static_cast<std::int64_t>(x.shape().size()), 2});
  const std::vector<std::int64_t> numbers = widths.integers();
  const Tensor value = Tensor::from_doubles(x.dtype(), {}, std::vector<double>{a.real(3, 0)});
  for (std::size_t i = 0; i < x.shape().size(); ++i) {
    if (numbers[2 * i] < 0 || numbers[2 * i + 1] < 0)
      throw Error(Fault::model, "", "an array cannot be padded by less than 0");
    const auto border = [&](std::int64_t width) {
      Lengths1 shape = x.shape();
      shape[i] = width;
      return broadcast_to(value, bounded(std::move(shape)));
    };
    x = joined(std::vector<Tensor>{border(numbers[2 * i]), x, border(numbers[2 * i + 1])},
               static_cast<std::int64_t>(i));
  }
  return result_of(x, false);
}

Value shape_tuple(const Tensor& x) {
  Tuple shape;
  for (const std::int64_t length : x.shape()) shape.items.push_back({length});
  return {std::move(shape)};
}

Value shape(const Bound& a) { return shape_tuple(a.tensor(0)); }
Value rank(const Bound& a) { return {static_cast<std::int64_t>(a.tensor(0).shape().size())}; }
Value size(const Bound& a) {
  const Tensor x = a.tensor(0);
  return {a.has(1) ? x.shape()[axis_at(integer_of(a[1]), x.shape().size())] : x.count()};
}

constexpr LibraryFunction rows[] = {
    {"numpy.reshape", "x shape", in_shape},
    {"numpy.ravel", "x", flattened},
    {"numpy.transpose", "x axes?", transposed},
    {"numpy.permute_dims", "x axes?", transposed},
    {"numpy.swapaxes", "x axis1 axis2", swapped},
    {"numpy.moveaxis", "x source destination", moved},
    {"numpy.expand_dims", "x axis", widened},
    {"numpy.squeeze", "x axis?", squeezed},
    {"numpy.broadcast_to", "x shape", stretched},
    {"numpy.tile", "x reps", tiled},
    {"numpy.repeat", "x repeats axis?", repeated},
    {"numpy.concatenate", "arrays axis?", concatenated},
    {"numpy.stack", "arrays axis?", stacked},
    {"numpy.split", "x indices_or_sections axis?", split},
    {"numpy.flip", "x axis?", reversed},
    {"numpy.tril", "x k?", lower_triangle},
    {"numpy.triu", "x k?", upper_triangle},
    {"numpy.take", "x indices axis?", picked},
    {"numpy.take_along_axis", "x indices axis", picked_along},
    {"numpy.pad", "x pad_width mode? constant_values?", padded},
    {"numpy.shape", "x", shape},
    {"numpy.ndim", "x", rank},
    {"numpy.size", "x axis?", size},
};

}  // namespace

std::span<const LibraryFunction> shape_functions() { return rows; }

}  // namespace isomer::numpy

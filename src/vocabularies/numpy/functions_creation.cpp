#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/function_table.h"

namespace isomer::numpy {
namespace {

std::optional<DType> type_named(std::string_view name) {
  if (name.starts_with("numpy.")) name.remove_prefix(6);
  if (name == "bool" || name == "bool_") return DType::boolean;
  if (name == "float" || name == "float64" || name == "double") return DType::f64;
  if (name == "float32" || name == "float16" || name == "single") return DType::f32;
  if (name == "int" || name == "int64" || name == "int32" || name == "int16" || name == "int8" ||
      name == "uint8") {
    return DType::i64;
  }
  return std::nullopt;
}

DType type_in(const Bound& a, std::size_t i, DType otherwise) {
  if (!a.has(i)) return otherwise;
  const Word* word = a[i].as<Word>();
  const std::string* text = a[i].as<std::string>();
  const auto dtype = type_named(word != nullptr ? word->name : text != nullptr ? *text : "");
  if (!dtype)
    throw Error(Fault::model, "", fmt::format("{} is no type of elements", describe(a[i])));
  return *dtype == DType::f32 && a.width == Width::doubled ? DType::f64 : *dtype;
}

Tensor filled(const Lengths1& shape, const Value& value, std::optional<DType> dtype) {
  const Tensor one = tensor_of(value);
  return broadcast_to(dtype ? one.converted(*dtype) : one, bounded(shape));
}

Value array(const Bound& a) {
  const Tensor x = a.tensor(0);
  return result_of(x.converted(type_in(a, 1, x.dtype())), false);
}
Value zeros(const Bound& a) {
  return result_of(Tensor::zeros(type_in(a, 1, DType::f64), bounded(*a.integers(0))), false);
}
Value ones(const Bound& a) {
  return result_of(filled(*a.integers(0), {1.0}, type_in(a, 1, DType::f64)), false);
}
Value full(const Bound& a) {
  return result_of(filled(*a.integers(0), a[1], type_in(a, 2, a.tensor(1).dtype())), false);
}
Value zeros_like(const Bound& a) {
  const Tensor x = a.tensor(0);
  return result_of(Tensor::zeros(type_in(a, 1, x.dtype()), x.shape()), false);
}
Value ones_like(const Bound& a) {
  const Tensor x = a.tensor(0);
  return result_of(filled(x.shape(), {1.0}, type_in(a, 1, x.dtype())), false);
}
Value full_like(const Bound& a) {
  const Tensor x = a.tensor(0);
  return result_of(filled(x.shape(), a[1], type_in(a, 2, x.dtype())), false);
}
Value identity(const Bound& a) {
  const std::int64_t rows = integer_of(a[0]);
  const std::int64_t columns = a.integer(1, rows);
  bounded({rows, columns});
  std::vector<double> values;
  for (std::int64_t i = 0; i < rows * columns; ++i)
    values.push_back(i / columns == i % columns ? 1 : 0);
  return result_of(Tensor::from_doubles(type_in(a, 2, DType::f64), {rows, columns}, values), false);
}

// start, stop, step, dtype; one alone is the stop
Value range_of(const Bound& a) {
  const Value zero{std::int64_t{0}};
  const Value& start = a.has(1) ? a[0] : zero;
  const Value& stop = a.has(1) ? a[1] : a[0];
  const double first = real_of(start);
  const double step = a.real(2, 1);
  if (step == 0) throw Error(Fault::model, "", "a range cannot advance by 0");
  const double count = std::max(0.0, std::ceil((real_of(stop) - first) / step));
  constexpr double most = 1e18;  // where the bound of all arrays has long been passed
  if (std::isnan(count)) throw Error(Fault::model, "", "a range that has no length");
  bounded({static_cast<std::int64_t>(std::min(count, most))});
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = first + static_cast<double>(i) * step;
  const bool real = start.as<double>() != nullptr || stop.as<double>() != nullptr ||
                    (a.has(2) && a[2].as<double>() != nullptr);
  const DType dtype = type_in(a, 3, real ? DType::f64 : DType::i64);
  const auto length = static_cast<std::int64_t>(values.size());
  return result_of(Tensor::from_doubles(dtype, {length}, values), false);
}

Value linear_space(const Bound& a) {
  const std::int64_t count = a.integer(2, 50);
  bounded({count});
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) {
    const double part = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0;
    values.push_back(i + 1 == count && count > 1
                         ? real_of(a[1])
                         : real_of(a[0]) + part * (real_of(a[1]) - real_of(a[0])));
  }
  return result_of(Tensor::from_doubles(DType::f64, {count}, values), false);
}

template <DType wanted>
Value converted(const Bound& a) {
  const DType dtype = wanted == DType::f32 && a.width == Width::doubled ? DType::f64 : wanted;
  return result_of(a.tensor(0).converted(dtype));
}

// Rounded to half precision; kept in single, which holds every half.
Value halved(const Bound& a) {
  return result_of(a.tensor(0).converted(DType::f16).converted(DType::f32));
}

Value cast(const Bound& a) {
  const Tensor x = a.tensor(0);
  return result_of(x.converted(type_in(a, 1, x.dtype())), a[0].as<Array>()->scalar);
}

Value text(const Bound& a) {
  const std::string* text = a[0].as<std::string>();
  if (text == nullptr)
    throw Error(Fault::model, "", fmt::format("numpy.str_ needs a text, not {}", describe(a[0])));
  return {Text{*text}};
}

constexpr LibraryFunction rows[] = {
    {"numpy.array", "x dtype?", array},
    {"numpy.asarray", "x dtype?", array},
    {"numpy.zeros", "shape dtype?", zeros},
    {"numpy.ones", "shape dtype?", ones},
    {"numpy.empty", "shape dtype?", zeros},
    {"numpy.full", "shape fill_value dtype?", full},
    {"numpy.zeros_like", "x dtype?", zeros_like},
    {"numpy.ones_like", "x dtype?", ones_like},
    {"numpy.full_like", "x fill_value dtype?", full_like},
    {"numpy.eye", "N M? dtype?", identity},
    {"numpy.identity", "N M? dtype?", identity},
    {"numpy.arange", "start stop? step? dtype?", range_of},
    {"numpy.linspace", "start stop num?", linear_space},
    {"numpy.float64", "x", converted<DType::f64>},
    {"numpy.double", "x", converted<DType::f64>},
    {"numpy.float32", "x", converted<DType::f32>},
    {"numpy.float16", "x", halved},
    {"numpy.int64", "x", converted<DType::i64>},
    {"numpy.int32", "x", converted<DType::i64>},
    {"numpy.bool_", "x", converted<DType::boolean>},
    {"numpy.str_", "x", text},
    {"array.astype", "x dtype", cast},
};

}  // namespace

std::span<const LibraryFunction> creation_functions() { return rows; }

}  // namespace isomer::numpy

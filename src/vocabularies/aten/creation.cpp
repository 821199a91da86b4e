#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "base/text.h"
#include "vocabularies/aten/reading.h"

namespace isomer::aten {
namespace {

// A table made here, not by an engine, must not be larger than this.
constexpr double longest_table = 1 << 24;

// Of rank 0 it is a literal.
ValueId filled(Builder& b, Shape shape, const Scalar& value, DType dtype) {
  if (shape.empty() || std::holds_alternative<Dim>(value)) {
    return expanded(b, as_type(b, Operand(value), dtype), std::move(shape));
  }
  return b.emit("full", {},
                {{"shape", std::move(shape)}, {"value", real_of(value)}, {"dtype", dtype}});
}

// Of the size and type that are given, else of those of `self`.
Values filled_as_asked(Reading& r, const Scalar& value, DType usual) {
  const ValueId like = r.given("self") ? r.tensor("self") : ValueId::none;
  const bool sized = like == ValueId::none || r.given("size");
  const DType dtype = like == ValueId::none ? usual : r.b.dtype(like);
  return {filled(r.b, sized ? r.dims("size") : r.b.shape(like), value,
                 r.dtype("dtype").value_or(dtype))};
}

template <int number>
Values constant(Reading& r) {
  return filled_as_asked(r, Scalar(std::int64_t{number}), DType::f32);
}

Values full(Reading& r) {
  const Scalar value = r.scalar("fill_value");
  return filled_as_asked(r, value, type_of(value));
}

Values fill(Reading& r) {
  const ValueId x = r.tensor("self");
  const ValueId value = as_type(r.b, r.operand("value"), r.b.dtype(x));
  return {expanded(r.b, value, r.b.shape(x))};
}

// How it would lie in memory is not part of what it is.
Values empty(Reading& r) {
  r.ignore({"stride", "physical_layout"});
  return constant<0>(r);
}

// Unlike other creators it makes f32 of any number.
Values scalar_tensor(Reading& r) {
  return {as_type(r.b, r.operand("s"), r.dtype("dtype").value_or(DType::f32))};
}

Values random(Reading& r) {
  const ValueId x = r.tensor("self");
  const double p = r.real("p", 0.5);
  return {r.b.emit("bernoulli", {}, {{"shape", r.b.shape(x)}, {"p", p}, {"dtype", r.b.dtype(x)}})};
}

// -- ranges ---------------------------------------------------------------------------------------

bool is_whole(const Scalar& scalar) {
  if (std::holds_alternative<Dim>(scalar)) return true;
  const double real = real_of(scalar);
  return real == std::floor(real) && std::abs(real) < 9e15;
}

Dim dim_of(const Scalar& scalar) {
  if (const auto* dim = std::get_if<Dim>(&scalar)) return *dim;
  if (const auto* integer = std::get_if<std::int64_t>(&scalar)) return *integer;
  return static_cast<std::int64_t>(real_of(scalar));
}

// Whole numbers in steps; ours in any case counts in integers.
ValueId whole_range(Builder& b, const Scalar& start, const Scalar& end, const Scalar& step,
                    DType dtype) {
  const std::int64_t by = dim_of(step).value();
  return b.emit("arange", {},
                {{"start", dim_of(start)}, {"end", dim_of(end)}, {"step", by}, {"dtype", dtype}});
}

// Anything else is a table: its length depends on numbers that are all here.
ValueId real_range(Reading& r, double start, double end, double step, DType dtype) {
  const double count = std::ceil((end - start) / step);
  if (!(count >= 0 && count <= longest_table)) r.fail("the range is endless or too long");
  std::vector<double> table(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = start + step * static_cast<double>(i);
  return r.b.constant(Tensor::from_doubles(dtype, {static_cast<std::int64_t>(count)}, table));
}

Values arange(Reading& r) {
  const Scalar start = r.scalar("start", Scalar(std::int64_t{0}));
  const Scalar end = r.scalar("end");
  const Scalar step = r.scalar("step", Scalar(std::int64_t{1}));
  const Scalar* all[] = {&start, &end, &step};
  const bool real =
      std::ranges::any_of(all, [](const Scalar* s) { return std::holds_alternative<double>(*s); });
  const DType dtype = r.dtype("dtype").value_or(real ? DType::f32 : DType::i64);
  if (std::holds_alternative<Dim>(step)) r.refuse("the step must be a known number");
  if (real_of(step) == 0) r.fail("the step is 0");
  const bool whole = std::ranges::all_of(all, [](const Scalar* s) { return is_whole(*s); });
  if (whole) return {whole_range(r.b, start, end, step, dtype)};
  return {real_range(r, real_of(start), real_of(end), real_of(step), dtype)};
}

/// Numbers from start to end, as PyTorch counts: from both ends towards the middle. Integers are
/// counted in doubles.
ValueId spaced(Reading& r, DType dtype) {
  const std::int64_t steps = r.integer("steps");
  if (steps < 0 || static_cast<double>(steps) > longest_table)
    r.fail("the number of steps is out of range");
  const DType within = is_integer(dtype) || dtype == DType::f64 ? DType::f64 : DType::f32;
  const auto bound = [&](std::string_view name) {
    const ValueId x = as_type(r.b, r.operand(name), within);
    return is_integer(dtype) ? r.b.emit("trunc", {x}) : x;
  };
  const ValueId start = bound("start");
  const ValueId end = bound("end");
  if (steps == 1) return reshaped(r.b, start, {1});
  const auto literal = [&](std::int64_t x) { return r.b.literal(within, static_cast<double>(x)); };
  const ValueId apart = r.b.emit("sub", {end, start});
  const ValueId step = r.b.emit("div", {apart, literal(std::max<std::int64_t>(steps - 1, 1))});
  const ValueId count = r.b.emit("arange", {}, {{"end", Dim(steps)}, {"dtype", within}});
  const ValueId front = r.b.emit("add", {start, r.b.emit("mul", {step, count})});
  const ValueId left = r.b.emit("sub", {literal(steps - 1), count});
  const ValueId back = r.b.emit("sub", {end, r.b.emit("mul", {step, left})});
  return r.b.emit("where", {r.b.emit("lt", {count, literal(steps / 2)}), front, back});
}

// Known numbers are a table.
ValueId known_range(Reading& r, DType dtype) {
  const double start = r.real("start");
  const double end = r.real("end");
  const std::int64_t steps = r.integer("steps");
  if (steps < 0 || static_cast<double>(steps) > longest_table)
    r.fail("the number of steps is out of range");
  const bool single = dtype != DType::f64;
  const auto rounded = [&](double x) {
    return single ? static_cast<double>(static_cast<float>(x)) : x;
  };
  const double step =
      steps > 1 ? rounded((rounded(end) - rounded(start)) / static_cast<double>(steps - 1)) : 0;
  std::vector<double> table(static_cast<std::size_t>(steps));
  for (std::int64_t i = 0; i < steps; ++i) {
    const bool front = i < steps / 2 || steps == 1;
    const double way = rounded(step * static_cast<double>(front ? i : steps - 1 - i));
    table[static_cast<std::size_t>(i)] = front ? start + way : end - way;
  }
  return r.b.constant(Tensor::from_doubles(dtype, {steps}, table));
}

Values linspace(Reading& r) {
  const DType dtype = r.dtype("dtype").value_or(DType::f32);
  const bool known = !r.operand("start").is_tensor() && !r.operand("end").is_tensor();
  if (known && is_floating(dtype)) return {known_range(r, dtype)};
  return {as_type(r.b, spaced(r, dtype), dtype)};
}

// base to the power of such numbers.
Values logspace(Reading& r) {
  const DType dtype = r.dtype("dtype").value_or(DType::f32);
  const double base = r.real("base", 10.0);
  const ValueId exponent = spaced(r, dtype);
  const ValueId power = r.b.emit("pow", {r.b.literal(r.b.dtype(exponent), base), exponent});
  return {as_type(r.b, power, dtype)};
}

// -- windows --------------------------------------------------------------------------------------

/// The places of a window's elements, and how many make a period.
struct Window {
  ValueId places;
  double period;
};

/// Nothing where the window is too short to have a form: 1 it is then.
std::optional<Window> window_of(Reading& r) {
  const std::int64_t length = r.integer("window_length");
  if (length < 0 || static_cast<double>(length) > longest_table)
    r.fail("the length is out of range");
  const DType dtype = r.dtype("dtype").value_or(DType::f32);
  if (!is_floating(dtype)) r.fail("a window has a floating type");
  const bool periodic = r.flag("periodic", true);
  if (length < 2) return {};
  const ValueId places = r.b.emit("arange", {}, {{"end", Dim(length)}, {"dtype", dtype}});
  return Window{places, static_cast<double>(periodic ? length : length - 1)};
}

Values ones_of_window(Reading& r) {
  const DType dtype = r.dtype("dtype").value_or(DType::f32);
  return {
      r.b.emit("full", {},
               {{"shape", Shape{r.integer("window_length")}}, {"value", 1.0}, {"dtype", dtype}})};
}

ValueId times(Builder& b, ValueId x, double factor) {
  return b.emit("mul", {x, b.literal(b.dtype(x), factor)});
}

ValueId plus(Builder& b, ValueId x, double term) {
  return b.emit("add", {x, b.literal(b.dtype(x), term)});
}

ValueId wave(Builder& b, const Window& window, double waves) {
  return b.emit("cos", {times(b, window.places, waves * 2 * std::numbers::pi / window.period)});
}

template <bool hann>
Values cosine_window(Reading& r) {
  const double mean = hann ? 0.5 : r.real("alpha", 0.54);
  const double height = hann ? 0.5 : r.real("beta", 0.46);
  const std::optional<Window> window = window_of(r);
  if (!window) return ones_of_window(r);
  return {plus(r.b, times(r.b, wave(r.b, *window, 1), -height), mean)};
}

Values blackman_window(Reading& r) {
  const std::optional<Window> window = window_of(r);
  if (!window) return ones_of_window(r);
  const ValueId fast = times(r.b, wave(r.b, *window, 2), 0.08);
  const ValueId slow = times(r.b, wave(r.b, *window, 1), 0.5);
  return {plus(r.b, r.b.emit("sub", {fast, slow}), 0.42)};
}

// Up to the middle and down again.
Values bartlett_window(Reading& r) {
  const std::optional<Window> window = window_of(r);
  if (!window) return ones_of_window(r);
  const ValueId up = times(r.b, window->places, 2 / window->period);
  return {r.b.emit("minimum", {up, plus(r.b, r.b.emit("neg", {up}), 2.0)})};
}

Values kaiser_window(Reading& r) {
  const double beta = r.real("beta", 12.0);
  const std::optional<Window> window = window_of(r);
  if (!window) return ones_of_window(r);
  const ValueId x = plus(r.b, times(r.b, window->places, 2 / window->period), -1.0);
  const ValueId rest = plus(r.b, r.b.emit("neg", {r.b.emit("square", {x})}), 1.0);
  const ValueId height = r.b.emit("i0", {times(r.b, r.b.emit("sqrt", {rest}), beta)});
  const ValueId largest = r.b.emit("i0", {r.b.literal(r.b.dtype(x), beta)});
  return {r.b.emit("div", {height, largest})};
}

constexpr Row creation_table[] = {
    {.targets = "hann_window hann_window.periodic", .read = cosine_window<true>},
    {.targets = "hamming_window hamming_window.periodic hamming_window.periodic_alpha "
                "hamming_window.periodic_alpha_beta",
     .read = cosine_window<false>},
    {.targets = "blackman_window blackman_window.periodic", .read = blackman_window},
    {.targets = "bartlett_window bartlett_window.periodic", .read = bartlett_window},
    {.targets = "kaiser_window kaiser_window.periodic kaiser_window.beta", .read = kaiser_window},
    {.targets = "full", .ours = "full", .renames = "shape=size value=fill_value", .read = full},
    {.targets = "full_like new_full", .read = full},
    {.targets = "zeros zeros_like new_zeros zero", .read = constant<0>},
    {.targets = "ones ones_like new_ones", .read = constant<1>},
    // Nobody may rely on what is in them.
    {.targets = "empty.memory_format empty_like new_empty empty_strided "
                "new_empty_strided empty_permuted",
     .read = empty},
    {.targets = "fill.Scalar fill.Tensor", .read = fill},
    {.targets = "scalar_tensor", .read = scalar_tensor},
    {.targets = "bernoulli.p", .read = random},
    {.targets = "arange.start_step arange.start arange", .ours = "arange", .read = arange},
    {.targets = "linspace linspace.Tensor_Tensor linspace.Tensor_Scalar linspace.Scalar_Tensor",
     .inputs = "start",
     .read = linspace},
    {.targets = "logspace logspace.Tensor_Tensor logspace.Tensor_Scalar logspace.Scalar_Tensor",
     .inputs = "start",
     .read = logspace},
    {.targets = "tril", .ours = "tril"},
    {.targets = "triu", .ours = "triu"},
};

}  // namespace

std::span<const Row> creation_rows() { return creation_table; }

}  // namespace isomer::aten

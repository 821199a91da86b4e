#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/aten/reading.h"

// Interpolation along axes.

namespace isomer::aten {
namespace {

using Integers = std::vector<std::int64_t>;

// -- numbers along an axis ------------------------------------------------------------------------

// One number for each output along an axis, or one for all: known now, where lengths are, or
// computed when the model runs. PyTorch computes them in the type of the elements, f32 for the half
// ones.
using Numbers = std::variant<std::vector<double>, ValueId>;

struct Operation {
  std::string_view op;
  double (*apply)(double, double);
};

constexpr Operation operations[] = {
    {"add", [](double x, double y) { return x + y; }},
    {"sub", [](double x, double y) { return x - y; }},
    {"mul", [](double x, double y) { return x * y; }},
    {"div", [](double x, double y) { return x / y; }},
    {"minimum", [](double x, double y) { return std::min(x, y); }},
    {"maximum", [](double x, double y) { return std::max(x, y); }},
};

class Axis {
 public:
  /// `scale` is 0 where none is given.
  Axis(Reading& r, DType dtype, Dim inputs, Dim outputs, double scale, bool align_corners)
      : r_(r), dtype_(dtype), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {
    constexpr std::int64_t most = 1 << 20;
    if (outputs_.known() && (outputs_.value() < 1 || outputs_.value() > most))
      r.refuse(fmt::format("lengths of 1 to {} are resampled to", most));
    step_ = step(scale, align_corners);
  }

  [[noreturn]] void refuse(std::string_view what) const { r_.refuse(what); }
  const Dim& inputs() const { return inputs_; }
  /// The inputs that lie between two outputs.
  const Numbers& step() const { return step_; }
  Numbers number(double value) const { return std::vector{fit(value)}; }
  Numbers number(const Dim& length) const {
    if (length.known()) return number(static_cast<double>(length.value()));
    return as_type(r_.b, Operand(Scalar(length)), dtype_);
  }
  /// 0, 1, ...
  Numbers places() const {
    if (!outputs_.known() || std::holds_alternative<ValueId>(step_)) {
      const ValueId all = r_.b.emit("arange", {}, {{"end", outputs_}});
      return as_type(r_.b, all, dtype_);
    }
    std::vector<double> all;
    for (std::int64_t i = 0; i < outputs_.value(); ++i) all.push_back(static_cast<double>(i));
    return all;
  }
  Numbers apply(std::string_view op, const Numbers& x, const Numbers& y) const {
    const auto* left = std::get_if<std::vector<double>>(&x);
    const auto* right = std::get_if<std::vector<double>>(&y);
    if (left == nullptr || right == nullptr) return r_.b.emit(op, {value(x), value(y)});
    const auto* operation = std::ranges::find(operations, op, &Operation::op);
    std::vector<double> all;
    for (std::size_t i = 0; i < std::max(left->size(), right->size()); ++i) {
      const double a = (*left)[left->size() == 1 ? 0 : i];
      all.push_back(fit(operation->apply(a, (*right)[right->size() == 1 ? 0 : i])));
    }
    return all;
  }
  Numbers apply(std::string_view op, const Numbers& x, double y) const {
    return apply(op, x, number(y));
  }
  Numbers floor(const Numbers& x) const {
    const auto* known = std::get_if<std::vector<double>>(&x);
    if (known == nullptr) return r_.b.emit("floor", {value(x)});
    std::vector<double> all = *known;
    for (double& one : all) one = std::floor(one);
    return all;
  }
  /// As places of inputs: whole, and none outside.
  ValueId index(const Numbers& x) const {
    const Numbers last = number(inputs_ - Dim(1));
    const Numbers inside = apply("maximum", apply("minimum", x, last), 0.0);
    const auto* known = std::get_if<std::vector<double>>(&inside);
    if (known == nullptr) return as_type(r_.b, value(inside), DType::i64);
    const Integers all(known->begin(), known->end());
    return r_.b.constant(
        Tensor::from_integers(DType::i64, {static_cast<std::int64_t>(all.size())}, all));
  }
  /// As a tensor of that shape.
  ValueId weight(const Numbers& x, Shape shape) const {
    return reshaped(r_.b, value(x), std::move(shape));
  }

 private:
  double fit(double value) const {
    return dtype_ == DType::f64 ? value : static_cast<double>(static_cast<float>(value));
  }
  ValueId value(const Numbers& x) const {
    if (const auto* id = std::get_if<ValueId>(&x)) return *id;
    const auto& known = std::get<std::vector<double>>(x);
    if (known.size() == 1) return r_.b.literal(dtype_, known[0]);
    return r_.b.constant(
        Tensor::from_doubles(dtype_, {static_cast<std::int64_t>(known.size())}, known));
  }
  // at::native::area_pixel_compute_scale
  Numbers step(double scale, bool align_corners) const {
    if (!align_corners)
      return scale > 0 ? number(1 / scale) : apply("div", number(inputs_), number(outputs_));
    if (outputs_ == Dim(1)) return number(0.0);
    return apply("div", number(inputs_ - Dim(1)), number(outputs_ - Dim(1)));
  }

  Reading& r_;
  DType dtype_;
  Dim inputs_;
  Dim outputs_;
  Numbers step_;
};

// -- interpolation along axes ---------------------------------------------------------------------

/// An input for each output, and how much it counts.
struct Tap {
  Numbers place;
  Numbers weight;
};

// Keys 1981, with the A that each of PyTorch's kernels takes.
Numbers near_weight(const Axis& axis, const Numbers& x, double a) {
  const Numbers inner = axis.apply("sub", axis.apply("mul", x, a + 2), a + 3);
  return axis.apply("add", axis.apply("mul", axis.apply("mul", inner, x), x), 1.0);
}

Numbers far_weight(const Axis& axis, const Numbers& x, double a) {
  Numbers y = axis.apply("sub", axis.apply("mul", x, a), 5 * a);
  y = axis.apply("add", axis.apply("mul", y, x), 8 * a);
  return axis.apply("sub", axis.apply("mul", y, x), 4 * a);
}

/// The source of each output, by its middle unless corners are aligned.
Numbers sources(const Axis& axis, bool align_corners) {
  if (align_corners) return axis.apply("mul", axis.places(), axis.step());
  const Numbers middle = axis.apply("mul", axis.apply("add", axis.places(), 0.5), axis.step());
  return axis.apply("sub", middle, 0.5);
}

std::vector<Tap> linear_taps(const Axis& axis, bool align_corners) {
  const Numbers source = axis.apply("maximum", sources(axis, align_corners), 0.0);
  const Numbers last = axis.number(axis.inputs() - Dim(1));
  const Numbers first = axis.apply("minimum", axis.floor(source), last);
  const Numbers way =
      axis.apply("minimum", axis.apply("maximum", axis.apply("sub", source, first), 0.0), 1.0);
  const Numbers rest = axis.apply("sub", axis.number(1.0), way);
  return {{first, rest}, {axis.apply("add", first, 1.0), way}};
}

std::vector<Tap> cubic_taps(const Axis& axis, bool align_corners) {
  constexpr double a = -0.75;
  const Numbers source = sources(axis, align_corners);
  const Numbers first = axis.floor(source);
  const Numbers way = axis.apply("sub", source, first);
  const Numbers rest = axis.apply("sub", axis.number(1.0), way);
  return {{axis.apply("sub", first, 1.0), far_weight(axis, axis.apply("add", way, 1.0), a)},
          {first, near_weight(axis, way, a)},
          {axis.apply("add", first, 1.0), near_weight(axis, rest, a)},
          {axis.apply("add", first, 2.0), far_weight(axis, axis.apply("add", rest, 1.0), a)}};
}

using TapsOf = std::vector<Tap>(const Axis&, bool align_corners);

/// A weighted sum of inputs for each output along an axis.
ValueId weighted(Reading& r, ValueId x, std::int64_t along, const Axis& axis,
                 const std::vector<Tap>& taps) {
  ValueId sum = ValueId::none;
  for (const Tap& tap : taps) {
    const ValueId picked = r.b.emit("index_select", {x, axis.index(tap.place)}, {{"dim", along}});
    Shape shape(r.b.shape(x).size(), Dim(1));
    shape[static_cast<std::size_t>(along)] = r.b.shape(picked)[static_cast<std::size_t>(along)];
    const ValueId part = r.b.emit("mul", {picked, axis.weight(tap.weight, std::move(shape))});
    sum = sum == ValueId::none ? part : r.b.emit("add", {sum, part});
  }
  return sum;
}

/// What is asked for: lengths, and the scales that go with them, 0 where none is given.
struct Wanted {
  Shape lengths;
  std::vector<double> scales;
};

/// What a scale makes of a length: PyTorch rounds it down.
Dim scaled_length(const Reading& r, const Dim& length, double scale) {
  if (!(scale > 0 && scale < 1e6)) r.fail("a scale is not above 0");
  if (length.known()) {
    const double exact = static_cast<double>(length.value()) * scale;
    if (!(exact >= 1 && exact < 1e9)) r.fail("a scale leaves nothing, or too much");
    return static_cast<std::int64_t>(exact);
  }
  constexpr std::int64_t most = 1024;  // parts of a length
  for (std::int64_t parts = 1; parts <= most; parts *= 2) {
    const double whole = scale * static_cast<double>(parts);
    if (whole == std::floor(whole))
      return floor_divide(length * Dim(static_cast<std::int64_t>(whole)), Dim(parts));
  }
  r.refuse(fmt::format("the scale {} of a length that is not known", real_text(scale)));
}

Wanted wanted_of(Reading& r, const Shape& shape, std::size_t axes) {
  Wanted wanted{.lengths = {}, .scales = std::vector(axes, 0.0)};
  constexpr std::string_view names[] = {"scales_d", "scales_h", "scales_w"};
  if (r.given("scale_factors")) wanted.scales = r.reals("scale_factors");
  for (std::size_t i = 0; i < axes && !r.given("scale_factors"); ++i)
    wanted.scales[i] = r.real(axes == 1 ? "scales" : names[3 - axes + i], 0.0);
  if (r.given("output_size")) wanted.lengths = r.dims("output_size");
  if (wanted.scales.size() != axes || (!wanted.lengths.empty() && wanted.lengths.size() != axes))
    r.fail("there must be a length or a scale for each axis");
  for (std::size_t i = 0; wanted.lengths.size() < axes; ++i)
    wanted.lengths.push_back(scaled_length(r, shape[shape.size() - axes + i], wanted.scales[i]));
  return wanted;
}

ValueId resampled_input(Reading& r, std::size_t axes) {
  const ValueId x = r.tensor(r.given("input") ? "input" : "self");
  if (r.b.rank(x) != static_cast<std::int64_t>(axes) + 2)
    r.fail(fmt::format("rank {} is needed; it is {}", axes + 2, r.b.rank(x)));
  return x;
}

// Axis by axis; half precision in f32. An axis that keeps its length stays as it is, whatever its
// scale; to cubic ones, which are not filtered, PyTorch applies that.
template <std::size_t axes, TapsOf taps>
Values interpolated(Reading& r) {
  const ValueId x = resampled_input(r, axes);
  const DType dtype = r.b.dtype(x);
  if (!is_floating(dtype)) r.refuse("integers are interpolated by their nearest ones only");
  const Wanted wanted = wanted_of(r, r.b.shape(x), axes);
  const bool align_corners = r.flag("align_corners");
  const DType own = is_half(dtype) ? DType::f32 : dtype;
  ValueId y = as_type(r.b, x, own);
  for (std::size_t i = 0; i < axes; ++i) {
    const auto along = static_cast<std::size_t>(r.b.rank(x)) - 1 - i;
    const std::size_t place = axes - 1 - i;
    if (taps != cubic_taps && r.b.shape(y)[along] == wanted.lengths[place]) continue;
    const Axis axis(r, own, r.b.shape(y)[along], wanted.lengths[place], wanted.scales[place],
                    align_corners);
    const std::vector<Tap> all = taps(axis, align_corners);
    if (all.empty()) r.refuse("the length of a filtered axis must be known");
    y = weighted(r, y, static_cast<std::int64_t>(along), axis, all);
  }
  return {as_type(r.b, y, dtype)};
}

// -- antialiased ----------------------------------------------------------------------------------

double triangle(double x) { return std::max(1 - std::abs(x), 0.0); }

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0.0;
}

struct Filter {
  double reach;
  double (*weight)(double);
};

constexpr Filter linear_filter{1, triangle};
constexpr Filter cubic_filter{2, cubic};

// Where the result is smaller, the filter is as wide as what lies between two outputs
// (at::native::_compute_indices_weights_aa).
template <const Filter& filter>
std::vector<Tap> filtered_taps(const Axis& axis, bool) {
  const auto* known = std::get_if<std::vector<double>>(&axis.step());
  const auto outputs = axis.places();
  const auto* places = std::get_if<std::vector<double>>(&outputs);
  if (known == nullptr || places == nullptr || !axis.inputs().known()) return {};
  const double scale = (*known)[0];
  const double wide = std::max(scale, 1.0);
  const double support = filter.reach * wide;
  const double reached = std::ceil(support) * 2 + 1;
  if (!(reached * static_cast<double>(places->size()) <= static_cast<double>(most_places)))
    axis.refuse("a filter reaches too far");
  const auto count = static_cast<std::size_t>(reached);
  const auto length = static_cast<double>(axis.inputs().value());
  std::vector<std::vector<double>> at(count, std::vector<double>(places->size()));
  std::vector<std::vector<double>> weight = at;
  for (std::size_t i = 0; i < places->size(); ++i) {
    const double middle = scale * ((*places)[i] + 0.5);
    const double begin = std::max(std::trunc(middle - support + 0.5), 0.0);
    const double end = std::min(std::trunc(middle + support + 0.5), length);
    double total = 0;
    for (std::size_t k = 0; k < count; ++k) {
      at[k][i] = begin + static_cast<double>(k);
      if (at[k][i] < end) weight[k][i] = filter.weight((at[k][i] - middle + 0.5) / wide);
      total += weight[k][i];
    }
    for (std::size_t k = 0; total != 0 && k < count; ++k) weight[k][i] /= total;
  }
  std::vector<Tap> taps;
  for (std::size_t k = 0; k < count; ++k) taps.push_back({at[k], weight[k]});
  return taps;
}

// -- nearest --------------------------------------------------------------------------------------

/// Whether the place that PyTorch computes is the exact one for all outputs that there may be.
bool whole_scale(double scale) {
  constexpr double checked[] = {2, 3, 4, 8, 16};
  return std::ranges::find(checked, scale) != std::end(checked);
}

template <bool middle>
ValueId nearest_index(Reading& r, const Dim& from, const Dim& to, double scale) {
  if (!to.known() && !middle && whole_scale(scale)) {
    const ValueId all = r.b.emit("arange", {}, {{"end", to}});
    return r.b.emit("floor_divide",
                    {all, r.b.literal(DType::i64, static_cast<std::int64_t>(scale))});
  }
  const Axis axis(r, DType::f32, from, to, scale, false);
  const Numbers place = middle ? axis.apply("add", axis.places(), 0.5) : axis.places();
  return axis.index(axis.floor(axis.apply("mul", place, axis.step())));
}

/// Whether our operator, which knows lengths alone, looks where PyTorch does.
bool found_by_lengths(const Shape& from, const Wanted& wanted) {
  constexpr std::int64_t most = 1 << 16;
  for (std::size_t i = 0; i < 2; ++i) {
    const Dim& length = from[from.size() - 2 + i];
    const Dim& outputs = wanted.lengths[i];
    if (!length.known() || !outputs.known() || outputs.value() > most) return false;
    if (!(wanted.scales[i] > 0) || length == outputs) continue;
    const auto by_scale = static_cast<float>(1 / wanted.scales[i]);
    const float by_length =
        static_cast<float>(length.value()) / static_cast<float>(outputs.value());
    const auto last = static_cast<float>(length.value() - 1);
    for (std::int64_t k = 0; by_scale != by_length && k < outputs.value(); ++k) {
      const auto at = static_cast<float>(k);
      if (std::min(std::floor(at * by_scale), last) != std::min(std::floor(at * by_length), last))
        return false;
    }
  }
  return true;
}

template <std::size_t axes, bool middle>
Values upsample_nearest(Reading& r) {
  ValueId x = resampled_input(r, axes);
  const Wanted wanted = wanted_of(r, r.b.shape(x), axes);
  if (axes == 2 && !middle && is_floating(r.b.dtype(x)) && found_by_lengths(r.b.shape(x), wanted)) {
    const auto lengths = known_shape(wanted.lengths);
    return {r.b.emit("upsample_nearest2d", {x}, {{"output_size", ints(*lengths)}})};
  }
  for (std::size_t i = 0; i < axes; ++i) {
    // Over planes, PyTorch leaves an axis that keeps its length as it is.
    if (axes == 2 && !middle && r.b.shape(x)[2 + i] == wanted.lengths[i]) continue;
    const ValueId index =
        nearest_index<middle>(r, r.b.shape(x)[2 + i], wanted.lengths[i], wanted.scales[i]);
    x = r.b.emit("index_select", {x, index}, {{"dim", static_cast<std::int64_t>(2 + i)}});
  }
  return {x};
}

constexpr Row resampling_table[] = {
    {.targets = "upsample_nearest2d upsample_nearest2d.vec",
     .ours = "upsample_nearest2d",
     .read = upsample_nearest<2, false>},
    {.targets = "upsample_nearest1d upsample_nearest1d.vec", .read = upsample_nearest<1, false>},
    {.targets = "upsample_nearest3d upsample_nearest3d.vec", .read = upsample_nearest<3, false>},
    {.targets = "_upsample_nearest_exact1d _upsample_nearest_exact1d.vec",
     .read = upsample_nearest<1, true>},
    {.targets = "_upsample_nearest_exact2d _upsample_nearest_exact2d.vec",
     .read = upsample_nearest<2, true>},
    {.targets = "_upsample_nearest_exact3d _upsample_nearest_exact3d.vec",
     .read = upsample_nearest<3, true>},
    {.targets = "upsample_linear1d upsample_linear1d.vec", .read = interpolated<1, linear_taps>},
    {.targets = "upsample_bilinear2d upsample_bilinear2d.vec",
     .read = interpolated<2, linear_taps>},
    {.targets = "upsample_trilinear3d upsample_trilinear3d.vec",
     .read = interpolated<3, linear_taps>},
    {.targets = "upsample_bicubic2d upsample_bicubic2d.vec", .read = interpolated<2, cubic_taps>},
    {.targets = "_upsample_bilinear2d_aa _upsample_bilinear2d_aa.vec",
     .read = interpolated<2, filtered_taps<linear_filter>>},
    {.targets = "_upsample_bicubic2d_aa _upsample_bicubic2d_aa.vec",
     .read = interpolated<2, filtered_taps<cubic_filter>>},
};

}  // namespace

std::span<const Row> resampling_rows() { return resampling_table; }

}  // namespace isomer::aten

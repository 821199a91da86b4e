#include <array>
#include <functional>
#include <numeric>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/aten/complex.h"
#include "vocabularies/composites.h"

// Fourier transforms. All but `resized` counts axes without that of the pairs.

namespace isomer::aten {
namespace {

using Integers = std::vector<std::int64_t>;

// -- along which axes, and of what length ---------------------------------------------------------

/// Axes and the lengths that they are cut or filled up to.
struct Along {
  Integers dim;
  std::vector<std::optional<Dim>> lengths;
};

std::optional<Dim> length_of(const Dim& dim) {
  return dim == Dim(-1) ? std::nullopt : std::optional(dim);
}

/// `n` and `dim`.
Along one_axis(ComplexReading& r, std::int64_t rank) {
  const Integers dim{r.axis("dim", rank, -1)};
  return {dim, {r.given("n") ? length_of(r.dim("n")) : std::nullopt}};
}

/// `s` and `dim`: the last axes as `s` has lengths, or `fallback`, or all.
Along several_axes(ComplexReading& r, std::int64_t rank, Integers fallback) {
  Along along{r.axes("dim", rank), {}};
  if (r.given("s")) {
    for (const Dim& length : r.dims("s")) along.lengths.push_back(length_of(length));
  }
  if (!r.given("dim")) {
    along.dim = std::move(fallback);
    if (along.dim.empty()) {
      along.dim = all_axes(rank);
      if (r.given("s") && along.lengths.size() < along.dim.size())
        along.dim.erase(along.dim.begin(), along.dim.end() - std::ssize(along.lengths));
    }
    for (std::int64_t& axis : along.dim) axis = r.wrap(axis, rank);
  }
  if (!r.given("s")) along.lengths.resize(along.dim.size());
  if (along.lengths.size() != along.dim.size()) r.fail("'s' and 'dim' differ in number");
  return along;
}

Along two_axes(ComplexReading& r, std::int64_t rank) { return several_axes(r, rank, {-2, -1}); }
Along all_of_them(ComplexReading& r, std::int64_t rank) { return several_axes(r, rank, {}); }

/// Cut at the end, or with zeros behind.
ValueId resized(Builder& b, ValueId x, std::int64_t axis, const Dim& length) {
  const Dim more = length - b.shape(x)[static_cast<std::size_t>(axis)];
  if (more == Dim(0)) return x;
  std::vector<Dim> pad(2 * static_cast<std::size_t>(b.rank(x) - axis), 0);
  pad.back() = more;
  return b.emit("pad", {x}, {{"pad", std::move(pad)}});
}

// -- transforms -----------------------------------------------------------------------------------

using Axes = Along (*)(ComplexReading&, std::int64_t);

std::string norm_of(ComplexReading& r) { return r.text("norm", "backward"); }

/// Which way a transform is scaled that runs against the direction it is named after.
std::string other_norm(const std::string& norm) {
  return norm == "ortho" ? norm : norm == "forward" ? "backward" : "forward";
}

ValueId real_input(ComplexReading& r) {
  const ValueId x = r.tensor("self");
  return as_type(r.b, x, floating(r.b.dtype(x)));
}

template <bool inverse, Axes axes>
Values transform(ComplexReading& r) {
  ValueId x = r.is_complex("self") ? r.tensor("self") : joined(r.b, real_number(real_input(r)));
  const Along along = axes(r, r.b.rank(x) - 1);
  for (std::size_t i = 0; i < along.dim.size(); ++i) {
    if (along.lengths[i]) x = resized(r.b, x, along.dim[i], *along.lengths[i]);
  }
  if (along.dim.empty()) return {x};
  return {r.b.emit("fft", {x}, {{"dim", along.dim}, {"inverse", inverse}, {"norm", norm_of(r)}})};
}

ValueId real_transform(ComplexReading& r, Axes axes, const std::string& norm) {
  ValueId x = real_input(r);
  const Along along = axes(r, r.b.rank(x));
  for (std::size_t i = 0; i < along.dim.size(); ++i) {
    if (along.lengths[i]) x = resized(r.b, x, along.dim[i], *along.lengths[i]);
  }
  return r.b.emit("rfft", {x}, {{"dim", along.dim}, {"norm", norm}});
}

ValueId to_real(ComplexReading& r, ValueId x, Axes axes, const std::string& norm) {
  const Along along = axes(r, r.b.rank(x) - 1);
  if (along.dim.empty()) r.fail("there is no axis");
  for (std::size_t i = 0; i + 1 < along.dim.size(); ++i) {
    if (along.lengths[i]) x = resized(r.b, x, along.dim[i], *along.lengths[i]);
  }
  const Dim given = r.b.shape(x)[static_cast<std::size_t>(along.dim.back())];
  const Dim n = along.lengths.back().value_or((given - 1) * 2);
  return r.b.emit("irfft", {x}, {{"dim", along.dim}, {"n", n}, {"norm", norm}});
}

template <Axes axes>
Values rfft(ComplexReading& r) {
  return {real_transform(r, axes, norm_of(r))};
}
template <Axes axes>
Values irfft(ComplexReading& r) {
  return {to_real(r, r.pairs("self"), axes, norm_of(r))};
}
// Of what is symmetric, in time.
template <Axes axes>
Values hfft(ComplexReading& r) {
  const ValueId x = joined(r.b, conjugate(r.b, r.complex("self")));
  return {to_real(r, x, axes, other_norm(norm_of(r)))};
}
template <Axes axes>
Values ihfft(ComplexReading& r) {
  const ValueId y = real_transform(r, axes, other_norm(norm_of(r)));
  return {joined(r.b, conjugate(r.b, parts_of(r.b, y)))};
}

// -- as they are decomposed -----------------------------------------------------------------------

/// 0, 1 and 2: not scaled, by the root of the number of elements, by the number.
std::string norm_of_mode(ComplexReading& r, bool forward) {
  const std::int64_t mode = r.integer("normalization");
  if (mode < 0 || mode > 2) r.fail(fmt::format("normalization {} is none of 0, 1 and 2", mode));
  if (mode == 1) return "ortho";
  return (mode == 0) == forward ? "backward" : "forward";
}

Values complex_to_complex(ComplexReading& r) {
  const ValueId x = r.tensor("self");
  const bool forward = r.flag("forward");
  return {r.b.emit("fft", {x},
                   {{"dim", r.axes("dim", r.b.rank(x) - 1)},
                    {"inverse", !forward},
                    {"norm", norm_of_mode(r, forward)}})};
}

Values real_to_complex(ComplexReading& r) {
  const ValueId x = r.tensor("self");
  const Integers dim = r.axes("dim", r.b.rank(x));
  const std::string norm = norm_of_mode(r, true);
  if (r.flag("onesided")) return {r.b.emit("rfft", {x}, {{"dim", dim}, {"norm", norm}})};
  return {r.b.emit("fft", {joined(r.b, real_number(x))}, {{"dim", dim}, {"norm", norm}})};
}

Values complex_to_real(ComplexReading& r) {
  const ValueId x = r.tensor("self");
  return {r.b.emit("irfft", {x},
                   {{"dim", r.axes("dim", r.b.rank(x) - 1)},
                    {"n", r.dim("last_dim_size")},
                    {"norm", norm_of_mode(r, false)}})};
}

// -- where the frequencies stand ------------------------------------------------------------------

/// By half of each axis, rounded down or, to undo that, up.
Values shifted(Reading& r, std::int64_t rank, bool back) {
  ValueId x = r.tensor("self");
  const Integers dim = r.given("dim") ? r.axes("dim", rank) : all_axes(rank);
  for (const std::int64_t axis : dim) {
    const Dim length = r.b.shape(x)[static_cast<std::size_t>(axis)];
    const Dim half = floor_divide(length, 2);
    const Dim front = back ? half : length - half;
    x = r.b.emit("cat", {sliced(r.b, x, axis, front, length), sliced(r.b, x, axis, 0, front)},
                 {{"dim", axis}});
  }
  return {x};
}

template <bool back>
Values shift(Reading& r) {
  return shifted(r, r.b.rank(r.tensor("self")), back);
}
template <bool back>
Values shift_pairs(ComplexReading& r) {
  return shifted(r, r.b.rank(r.tensor("self")) - 1, back);
}

/// 0, 1, ..., then those below 0; or half of them, of a transform of real numbers.
Values frequencies(Reading& r, bool half) {
  const Dim n = r.dim("n");
  const double d = r.real("d", 1.0);
  const DType dtype = r.dtype("dtype").value_or(DType::f32);
  const auto from = [&](const Dim& start, const Dim& end) {
    return r.b.emit("arange", {}, {{"start", start}, {"end", end}, {"dtype", dtype}});
  };
  const Dim middle = floor_divide(n + 1, 2);
  const ValueId whole =
      half ? from(0, floor_divide(n, 2) + 1)
           : r.b.emit("cat", {from(0, middle), from(middle - n, 0)}, {{"dim", std::int64_t{0}}});
  const ValueId count = as_type(r.b, Operand(Scalar(n)), dtype);
  return {r.b.emit("div", {whole, r.b.emit("mul", {count, r.b.literal(dtype, d)})})};
}
Values fftfreq(Reading& r) { return frequencies(r, false); }
Values rfftfreq(Reading& r) { return frequencies(r, true); }

// -- frames ---------------------------------------------------------------------------------------

/// Where a short-time transform looks.
struct Frames {
  std::int64_t length = 0;
  std::int64_t hop = 0;
  ValueId window = ValueId::none;  // of that length
};

Frames frames_of(ComplexReading& r, DType dtype) {
  Frames frames;
  frames.length = countable(r, r.integer("n_fft"));
  frames.hop = countable(r, r.given("hop_length") ? r.integer("hop_length") : frames.length / 4);
  const std::int64_t inner = r.given("win_length") ? r.integer("win_length") : frames.length;
  if (frames.length < 1 || frames.hop < 1 || inner < 1 || inner > frames.length)
    r.fail("a frame, a step between frames and a window within the frame are needed");
  const ValueId window = r.optional_tensor("window");
  if (window == ValueId::none && inner == frames.length) return frames;
  frames.window = window == ValueId::none ? expanded(r.b, r.b.literal(dtype, 1.0), {Dim(inner)})
                                          : as_type(r.b, window, dtype);
  const std::int64_t left = (frames.length - inner) / 2;
  const std::vector<Dim> pad{left, frames.length - inner - left};
  if (inner != frames.length) frames.window = r.b.emit("pad", {frames.window}, {{"pad", pad}});
  return frames;
}

Attributes along_frames(Reading& r, std::int64_t axis) {
  const std::string norm = r.flag("normalized", false) ? "ortho" : "backward";
  return {{"dim", Integers{axis}}, {"norm", norm}};
}

Values stft(ComplexReading& r) {
  const ValueId signal = r.tensor("self");
  if (r.is_complex("self")) r.refuse("of a complex signal");
  if (r.flag("align_to_window", false)) r.refuse("with frames aligned to the window");
  if (r.flag("center", false)) r.refuse("with center; export it by torch.stft, which pads before");
  r.ignore({"pad_mode"});
  const Frames frames = frames_of(r, r.b.dtype(signal));
  const std::int64_t axis = r.b.rank(signal) - 1;
  ValueId x = emit(
      r.b,
      {"unfold",
       {{"self", signal}, {"dimension", axis}, {"size", frames.length}, {"step", frames.hop}}})[0];
  if (frames.window != ValueId::none) x = r.b.emit("mul", {x, frames.window});
  r.ignore({"return_complex"});
  Attributes settings = along_frames(r, axis + 1);
  const bool onesided = r.flag("onesided", true);
  if (!onesided) x = joined(r.b, real_number(x));
  const ValueId y = r.b.emit(onesided ? "rfft" : "fft", {x}, std::move(settings));
  return {r.b.emit("transpose", {y}, {{"dim0", axis}, {"dim1", axis + 1}})};
}

/// What lies on one another in frames, added up.
ValueId overlapped(Builder& b, ValueId frames, ValueId places, const Dim& length) {
  Shape shape = b.shape(frames);
  shape.pop_back();
  shape.back() = length;
  const ValueId nothing = expanded(b, b.literal(b.dtype(frames), 0.0), shape);
  shape.back() = b.shape(places)[0];
  return b.emit("index_add", {nothing, places, reshaped(b, frames, shape)},
                {{"dim", static_cast<std::int64_t>(shape.size()) - 1}});
}

/// The frames of a spectrum, whose last axes are frequencies and frames.
ValueId frames_in(ComplexReading& r, ValueId spectrum, std::int64_t length) {
  const std::int64_t axis = r.b.rank(spectrum) - 3;
  const Dim frequencies = r.b.shape(spectrum)[static_cast<std::size_t>(axis)];
  const ValueId columns = r.b.emit("transpose", {spectrum}, {{"dim0", axis}, {"dim1", axis + 1}});
  Attributes settings = along_frames(r, axis + 1);
  if (r.flag("onesided", frequencies != Dim(length))) {
    settings.push_back({"n", Dim(length)});
    return r.b.emit("irfft", {columns}, std::move(settings));
  }
  settings.push_back({"inverse", true});
  return parts_of(r.b, r.b.emit("fft", {columns}, std::move(settings))).re->id;
}

// Each frame is windowed again, and what overlaps divided by the squares of the windows there.
Values istft(ComplexReading& r) {
  const ValueId spectrum = r.pairs("self");
  if (r.flag("return_complex", false)) r.refuse("of a complex signal");
  const Frames frames = frames_of(r, r.b.dtype(spectrum));
  const std::int64_t axis = r.b.rank(spectrum) - 3;
  const Dim count = r.b.shape(spectrum)[static_cast<std::size_t>(axis) + 1];
  ValueId x = frames_in(r, spectrum, frames.length);
  ValueId window = frames.window;
  if (window == ValueId::none)
    window = expanded(r.b, r.b.literal(r.b.dtype(x), 1.0), {Dim(frames.length)});
  x = r.b.emit("mul", {x, window});
  const ValueId square = r.b.emit("mul", {window, window});
  const Dim whole = (count - 1) * frames.hop + frames.length;
  const ValueId places = window_places(r, count, frames.length, frames.hop);
  const ValueId signal = overlapped(r.b, x, places, whole);
  const ValueId weight =
      overlapped(r.b, expanded(r.b, square, {count, Dim(frames.length)}), places, whole);
  const Dim start = r.flag("center", true) ? frames.length / 2 : 0;
  Dim end = whole - start;
  if (r.given("length")) end = start + r.dim("length");
  const Dim there = smaller(end, whole);
  const ValueId y = r.b.emit(
      "div", {sliced(r.b, signal, axis, start, there), sliced(r.b, weight, 0, start, there)});
  return {resized(r.b, y, axis, end - start)};
}

constexpr ComplexRow spectral_table[] = {
    {.targets = "fft_fft", .read = transform<false, one_axis>},
    {.targets = "fft_ifft", .read = transform<true, one_axis>},
    {.targets = "fft_fft2", .read = transform<false, two_axes>},
    {.targets = "fft_ifft2", .read = transform<true, two_axes>},
    {.targets = "fft_fftn", .read = transform<false, all_of_them>},
    {.targets = "fft_ifftn", .read = transform<true, all_of_them>},
    {.targets = "fft_rfft", .read = rfft<one_axis>},
    {.targets = "fft_rfft2", .read = rfft<two_axes>},
    {.targets = "fft_rfftn", .read = rfft<all_of_them>},
    {.targets = "fft_irfft", .read = irfft<one_axis>},
    {.targets = "fft_irfft2", .read = irfft<two_axes>},
    {.targets = "fft_irfftn", .read = irfft<all_of_them>},
    {.targets = "fft_hfft", .read = hfft<one_axis>},
    {.targets = "fft_hfft2", .read = hfft<two_axes>},
    {.targets = "fft_hfftn", .read = hfft<all_of_them>},
    {.targets = "fft_ihfft", .read = ihfft<one_axis>},
    {.targets = "fft_ihfft2", .read = ihfft<two_axes>},
    {.targets = "fft_ihfftn", .read = ihfft<all_of_them>},
    {.targets = "_fft_c2c", .read = complex_to_complex},
    {.targets = "_fft_r2c", .read = real_to_complex},
    {.targets = "_fft_c2r", .read = complex_to_real},
    {.targets = "fft_fftshift", .read = shift_pairs<false>},
    {.targets = "fft_ifftshift", .read = shift_pairs<true>},
    {.targets = "stft stft.center", .read = stft},
    {.targets = "istft", .read = istft},
};

constexpr Row real_table[] = {
    {.targets = "fft_fftshift", .read = shift<false>},
    {.targets = "fft_ifftshift", .read = shift<true>},
    {.targets = "fft_fftfreq", .read = fftfreq},
    {.targets = "fft_rfftfreq", .read = rfftfreq},
};

}  // namespace

std::span<const Row> frequency_rows() { return real_table; }
std::span<const ComplexRow> spectral_rows() { return spectral_table; }

}  // namespace isomer::aten

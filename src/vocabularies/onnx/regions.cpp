#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/onnx/onnx.h"

// Regions of pictures, which must be known, and numbers that are drawn from a seed.

namespace isomer::onnx {
namespace {

/// What an input holds, which must be known when the operator is read.
std::vector<double> numbers_of(Call& c, std::string_view name) {
  if (const auto known = c.e.known(c.tensor(name))) return known->converted(DType::f64).doubles();
  c.refuse(
      fmt::format("'{}' is known only when the model runs: it must be constant in a graph", name));
}

// --- regions

struct Picture {
  ValueId x;
  Shape shape;
  std::int64_t batch, height, width;
};

Picture picture_in(Call& c) {
  const ValueId x = c.tensor("X");
  const auto known = known_shape(c.e.shape(x));
  if (!known || known->size() != 4) c.refuse("regions are those of pictures of known lengths");
  if ((*known)[2] < 1 || (*known)[3] < 1) c.fail("the pictures have no elements");
  return {x, c.e.shape(x), (*known)[0], (*known)[2], (*known)[3]};
}

ValueId picture_of(Call& c, const Picture& p, double batch) {
  if (!(batch >= 0 && batch < static_cast<double>(p.batch)))
    c.fail(fmt::format("there is no picture {}", batch));
  return c.e.emit("select", {p.x},
                  {{"dim", std::int64_t{0}}, {"index", Dim(static_cast<std::int64_t>(batch))}});
}

/// Four neighbours of a place and what each counts; none outside.
struct Neighbours {
  std::array<std::int64_t, 4> places{};
  std::array<double, 4> weights{};
};

Neighbours neighbours_of(double y, double x, const Picture& p) {
  Neighbours n;
  const bool inside =
      y >= -1 && y <= static_cast<double>(p.height) && x >= -1 && x <= static_cast<double>(p.width);
  if (!inside) return n;
  const auto split = [](double at, std::int64_t length, std::int64_t& low, std::int64_t& high) {
    at = std::max(at, 0.0);
    low = static_cast<std::int64_t>(at);
    high = low + 1;
    if (low >= length - 1) {
      low = high = length - 1;
      at = static_cast<double>(low);
    }
    return at - static_cast<double>(low);
  };
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;
  const double down = split(y, p.height, top, bottom);
  const double along = split(x, p.width, left, right);
  n.places = {top * p.width + left, top * p.width + right, bottom * p.width + left,
              bottom * p.width + right};
  n.weights = {(1 - down) * (1 - along), (1 - down) * along, down * (1 - along), down * along};
  return n;
}

/// What regions may be made of: before anything is made.
constexpr double most_of_regions = 1 << 26, largest_place = 1 << 30;

void check_region(Call& c, std::span<const double> corners, double scale) {
  for (const double corner : corners) {
    if (!(std::abs(corner * scale) <= largest_place))
      c.fail(fmt::format("a region has a corner at {}; corners lie within {}", corner * scale,
                         largest_place));
  }
}

void check_count(Call& c, double count) {
  if (!(count <= most_of_regions))
    c.fail(fmt::format("its regions have {} samples; {} are the most", count, most_of_regions));
}

/// How a region is divided into cells, and each of them into samples; each down, then along.
struct Grid {
  std::array<double, 2> begin{};  // of the region
  std::array<double, 2> size{};   // of a cell
  std::array<std::int64_t, 2> samples{};
};

Grid grid_of(Call& c, std::span<const double> corners, bool centred,
             const std::array<std::int64_t, 2>& cells) {
  const double scale = c.real("spatial_scale");
  check_region(c, corners, scale);
  const double shift = centred ? 0.5 : 0, least = centred ? 0 : 1;
  const std::int64_t ratio = c.integer("sampling_ratio");
  Grid grid;
  for (std::size_t i = 0; i < 2; ++i) {
    grid.begin[i] = corners[1 - i] * scale - shift;
    const double end = corners[3 - i] * scale - shift;
    grid.size[i] = std::max(end - grid.begin[i], least) / static_cast<double>(cells[i]);
    grid.samples[i] = ratio > 0 ? ratio : static_cast<std::int64_t>(std::ceil(grid.size[i]));
  }
  return grid;
}

/// The samples of one cell.
std::vector<Neighbours> samples_of(const Picture& p, const Grid& grid,
                                   std::array<std::int64_t, 2> cell) {
  const auto at = [&](std::size_t axis, std::int64_t k) {
    const double inside = (static_cast<double>(k) + 0.5) / static_cast<double>(grid.samples[axis]);
    return grid.begin[axis] + (static_cast<double>(cell[axis]) + inside) * grid.size[axis];
  };
  std::vector<Neighbours> samples;
  for (std::int64_t i = 0; i < grid.samples[0]; ++i) {
    for (std::int64_t j = 0; j < grid.samples[1]; ++j)
      samples.push_back(neighbours_of(at(0, i), at(1, j), p));
  }
  return samples;
}

/// One region: [channels, cells].
ValueId aligned(Call& c, const Picture& p, ValueId flat,
                const std::vector<std::vector<Neighbours>>& cells, bool largest) {
  const std::int64_t plane = p.height * p.width;
  const auto count = static_cast<std::int64_t>(cells.size());
  if (!largest) {
    std::vector<double> weights(static_cast<std::size_t>(count * plane));
    for (std::size_t i = 0; i < cells.size(); ++i) {
      for (const Neighbours& n : cells[i]) {
        for (std::size_t k = 0; k < 4; ++k)
          weights[i * static_cast<std::size_t>(plane) + static_cast<std::size_t>(n.places[k])] +=
              n.weights[k] / static_cast<double>(cells[i].size());
      }
    }
    return c.e.emit(
        "linear",
        {flat, c.e.constant(Tensor::from_doubles(c.e.dtype(p.x), {count, plane}, weights))});
  }
  // ONNX's largest is that of the weighted neighbours themselves.
  Values columns;
  for (const std::vector<Neighbours>& cell : cells) {
    Integers places;
    std::vector<double> weights;
    for (const Neighbours& n : cell) {
      places.insert(places.end(), n.places.begin(), n.places.end());
      weights.insert(weights.end(), n.weights.begin(), n.weights.end());
    }
    const auto size = static_cast<std::int64_t>(places.size());
    const ValueId picked =
        c.e.emit("index_select", {flat, c.e.constant(Tensor::of<std::int64_t>({size}, places))},
                 {{"dim", std::int64_t{1}}});
    const ValueId weighted = c.e.emit(
        "mul", {picked, c.e.constant(Tensor::from_doubles(c.e.dtype(p.x), {size}, weights))});
    columns.push_back(c.e.emit("amax", {weighted}, {{"dim", Integers{1}}}));
  }
  return c.e.emit("stack", columns, {{"dim", std::int64_t{1}}});
}

Values read_roi_align(Call& c) {
  const Picture p = picture_in(c);
  const std::vector<double> rois = numbers_of(c, "rois");
  const std::vector<double> batches = numbers_of(c, "batch_indices");
  const std::array<std::int64_t, 2> cells = {c.integer("output_height"), c.integer("output_width")};
  const std::string mode = c.text("mode");
  if (mode != "avg" && mode != "max")
    c.fail(fmt::format("mode is {}; it is avg or max", quoted(mode)));
  const std::string coordinates = c.text("coordinate_transformation_mode", "output_half_pixel");
  const bool centred = coordinates == "half_pixel";
  if (!centred && coordinates != "output_half_pixel")
    c.fail(fmt::format("coordinates by {}; they are half_pixel or output_half_pixel",
                       quoted(coordinates)));
  if (rois.size() != 4 * batches.size() || rois.empty() || cells[0] < 1 || cells[1] < 1)
    c.fail("a region has four numbers, a picture and cells");
  std::vector<Grid> grids;
  double samples = 0;
  for (std::size_t r = 0; r < batches.size(); ++r) {
    grids.push_back(grid_of(c, std::span(rois).subspan(4 * r, 4), centred, cells));
    samples += static_cast<double>(grids[r].samples[0]) * static_cast<double>(grids[r].samples[1]);
  }
  const double each = static_cast<double>(cells[0]) * static_cast<double>(cells[1]);
  check_count(c, samples * each);
  check_count(c, static_cast<double>(batches.size()) * each * static_cast<double>(p.height) *
                     static_cast<double>(p.width));
  Values regions;
  for (std::size_t r = 0; r < batches.size(); ++r) {
    const ValueId one = picture_of(c, p, batches[r]);
    const ValueId flat = reshape_to(c.e, one, {p.shape[1], p.shape[2] * p.shape[3]});
    std::vector<std::vector<Neighbours>> cells_of;
    for (std::int64_t i = 0; i < cells[0]; ++i) {
      for (std::int64_t j = 0; j < cells[1]; ++j)
        cells_of.push_back(samples_of(p, grids[r], {i, j}));
    }
    regions.push_back(reshape_to(c.e, aligned(c, p, flat, cells_of, mode == "max"),
                                 {p.shape[1], Dim(cells[0]), Dim(cells[1])}));
  }
  return {c.e.emit("stack", regions, {{"dim", std::int64_t{0}}})};
}

/// The elements of one cell of `count` along an axis, of a region that begins and ends so.
std::pair<std::int64_t, std::int64_t> cell_of(std::int64_t i, std::int64_t count,
                                              std::int64_t begin, std::int64_t end,
                                              std::int64_t length) {
  const double size =
      static_cast<double>(std::max(end - begin + 1, std::int64_t{1})) / static_cast<double>(count);
  const auto first = static_cast<std::int64_t>(std::floor(static_cast<double>(i) * size)) + begin;
  const auto last = static_cast<std::int64_t>(std::ceil(static_cast<double>(i + 1) * size)) + begin;
  return {std::clamp(first, std::int64_t{0}, length), std::clamp(last, std::int64_t{0}, length)};
}

Values read_max_roi_pool(Call& c) {
  const Picture p = picture_in(c);
  const std::vector<double> rois = numbers_of(c, "rois");
  const Integers cells = c.integers("pooled_shape");
  if (cells.size() != 2 || rois.size() % 5 != 0 || rois.empty() || cells[0] < 1 || cells[1] < 1)
    c.fail("a region has five numbers, and two numbers of cells");
  constexpr double most_cells = 1 << 16;  // each is some operators
  if (static_cast<double>(cells[0]) * static_cast<double>(cells[1]) *
          static_cast<double>(rois.size() / 5) >
      most_cells)
    c.fail(fmt::format("more than {} cells", most_cells));
  for (std::size_t r = 0; r < rois.size(); r += 5)
    check_region(c, std::span(rois).subspan(r + 1, 4), c.real("spatial_scale"));
  const auto at = [&](std::size_t i) {
    return static_cast<std::int64_t>(std::round(rois[i] * c.real("spatial_scale")));
  };
  Values regions;
  for (std::size_t r = 0; r < rois.size(); r += 5) {
    const ValueId one = picture_of(c, p, rois[r]);
    Values values;
    for (std::int64_t i = 0; i < cells[0] * cells[1]; ++i) {
      const auto [top, bottom] = cell_of(i / cells[1], cells[0], at(r + 2), at(r + 4), p.height);
      const auto [left, right] = cell_of(i % cells[1], cells[1], at(r + 1), at(r + 3), p.width);
      if (top >= bottom || left >= right) {
        values.push_back(c.e.emit(
            "full", {}, {{"shape", Shape{p.shape[1]}}, {"value", 0.0}, {"dtype", c.e.dtype(p.x)}}));
        continue;
      }
      const auto rows = c.e.emit(
          "slice", {one}, {{"dim", std::int64_t{1}}, {"start", Dim(top)}, {"end", Dim(bottom)}});
      const auto cell = c.e.emit(
          "slice", {rows}, {{"dim", std::int64_t{2}}, {"start", Dim(left)}, {"end", Dim(right)}});
      values.push_back(c.e.emit("amax", {cell}, {{"dim", Integers{1, 2}}}));
    }
    regions.push_back(reshape_to(c.e, c.e.emit("stack", values, {{"dim", std::int64_t{1}}}),
                                 {p.shape[1], Dim(cells[0]), Dim(cells[1])}));
  }
  return {c.e.emit("stack", regions, {{"dim", std::int64_t{0}}})};
}

// --- boxes

struct Box {
  double top, left, bottom, right;
  double area() const { return (bottom - top) * (right - left); }
};

Box box_of(const double* b, bool by_centre) {
  if (by_centre) return {b[1] - b[3] / 2, b[0] - b[2] / 2, b[1] + b[3] / 2, b[0] + b[2] / 2};
  return {std::min(b[0], b[2]), std::min(b[1], b[3]), std::max(b[0], b[2]), std::max(b[1], b[3])};
}

double overlap(const Box& a, const Box& b) {
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  if (height <= 0 || width <= 0 || a.area() <= 0 || b.area() <= 0) return 0;
  const double both = height * width;
  return both / (a.area() + b.area() - both);
}

/// The boxes of one class that stay, the best first.
Integers kept_boxes(const std::vector<Box>& boxes, const double* scores, double least,
                    double most_overlap, std::int64_t most) {
  Integers order;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    if (scores[i] > least) order.push_back(static_cast<std::int64_t>(i));
  }
  std::ranges::stable_sort(order,
                           [&](std::int64_t i, std::int64_t j) { return scores[i] > scores[j]; });
  Integers kept;
  for (const std::int64_t i : order) {
    if (static_cast<std::int64_t>(kept.size()) >= most) break;
    const auto covers = [&](std::int64_t j) {
      return overlap(boxes[static_cast<std::size_t>(i)], boxes[static_cast<std::size_t>(j)]) >
             most_overlap;
    };
    if (std::ranges::none_of(kept, covers)) kept.push_back(i);
  }
  return kept;
}

Values read_non_max_suppression(Call& c) {
  const std::vector<double> boxes = numbers_of(c, "boxes");
  const std::vector<double> scores = numbers_of(c, "scores");
  const auto shape = known_shape(c.e.shape(c.tensor("scores"))).value();
  if (shape.size() != 3 || static_cast<std::int64_t>(boxes.size()) != 4 * shape[0] * shape[2])
    c.fail("boxes are [batches, boxes, 4], scores [batches, classes, boxes]");
  const std::int64_t most = c.integer("max_output_boxes_per_class", 0);
  const double most_overlap = c.real("iou_threshold", 0);
  const double least = c.real("score_threshold", -std::numeric_limits<double>::infinity());
  const bool by_centre = c.flag("center_point_box");
  Integers result;
  for (std::int64_t batch = 0; batch < shape[0]; ++batch) {
    std::vector<Box> own;
    for (std::int64_t i = 0; i < shape[2]; ++i)
      own.push_back(
          box_of(&boxes[static_cast<std::size_t>(4 * (batch * shape[2] + i))], by_centre));
    for (std::int64_t kind = 0; kind < shape[1]; ++kind) {
      const double* of_kind = scores.data() + (batch * shape[1] + kind) * shape[2];
      for (const std::int64_t box : kept_boxes(own, of_kind, least, most_overlap, most))
        result.insert(result.end(), {batch, kind, box});
    }
  }
  const auto count = static_cast<std::int64_t>(result.size()) / 3;
  return {c.e.constant(Tensor::of<std::int64_t>({count, 3}, result))};
}

// --- numbers that are drawn: ONNX Runtime's, by the generators of the C++ library

constexpr std::int64_t most_drawn = 1 << 26;

std::default_random_engine generator_of(Call& c) {
  if (!c.given("seed"))
    c.refuse("it draws without a seed: what it gives is another each time; give it a 'seed'");
  return std::default_random_engine(static_cast<std::uint32_t>(c.real("seed")));
}

std::vector<std::int64_t> shape_drawn(Call& c, const Shape& lengths) {
  auto shape = known_shape(lengths);
  if (!shape) c.refuse("numbers of a shape that is not known");
  std::int64_t count = 1;
  for (const std::int64_t length : *shape) {
    if (length < 0) c.fail(fmt::format("a length of {}; none is negative", length));
    if (length > most_drawn || (count *= length) > most_drawn)
      c.refuse(fmt::format("more than {} numbers", most_drawn));
  }
  return *std::move(shape);
}

template <template <class> class Distribution>
Values drawn(Call& c, const Shape& lengths, std::optional<DType> like, std::string_view first,
             std::string_view second) {
  const DType dtype = type_in(c, "dtype").value_or(like.value_or(DType::f32));
  if (!is_floating(dtype))
    c.fail(fmt::format("numbers of type {}; they are floating", name_of(dtype)));
  const std::vector<std::int64_t> shape = shape_drawn(c, lengths);
  auto generator = generator_of(c);
  std::vector<double> values(static_cast<std::size_t>(count_elements(std::span(shape))));
  const double a = c.real(first), b = c.real(second);
  if (dtype == DType::f64) {
    Distribution<double> draw(a, b);
    for (double& value : values) value = draw(generator);
  } else {
    Distribution<float> draw(static_cast<float>(a), static_cast<float>(b));
    for (double& value : values) value = draw(generator);
  }
  return {c.e.constant(Tensor::from_doubles(dtype, shape, values))};
}

Values read_random_normal(Call& c) {
  return drawn<std::normal_distribution>(c, c.dims("shape"), std::nullopt, "mean", "scale");
}
Values read_random_normal_like(Call& c) {
  const ValueId x = c.tensor("input");
  return drawn<std::normal_distribution>(c, c.e.shape(x), c.e.dtype(x), "mean", "scale");
}
Values read_random_uniform(Call& c) {
  return drawn<std::uniform_real_distribution>(c, c.dims("shape"), std::nullopt, "low", "high");
}
Values read_random_uniform_like(Call& c) {
  const ValueId x = c.tensor("input");
  return drawn<std::uniform_real_distribution>(c, c.e.shape(x), c.e.dtype(x), "low", "high");
}

// ONNX means 1 with that chance; its own formula, which its programs run, gives 1 where the number
// that is drawn is larger.
Values read_bernoulli(Call& c) {
  const ValueId x = c.tensor("input");
  const std::vector<std::int64_t> shape = shape_drawn(c, c.e.shape(x));
  auto generator = generator_of(c);
  std::uniform_real_distribution<float> draw(0, 1);
  std::vector<double> values(static_cast<std::size_t>(count_elements(std::span(shape))));
  for (double& value : values) value = draw(generator);
  const ValueId drawn = c.e.constant(Tensor::from_doubles(c.e.dtype(x), shape, values));
  const ValueId hit = c.e.emit("gt", {drawn, x});
  const DType dtype = type_in(c, "dtype").value_or(c.e.dtype(x));
  return {c.e.emit("cast", {hit}, {{"dtype", dtype}})};
}

// Each sample is the first class whose share of all before it is not reached.
Values read_multinomial(Call& c) {
  const std::vector<double> logits = numbers_of(c, "input");
  const auto shape = known_shape(c.e.shape(c.tensor("input"))).value();
  if (shape.size() != 2 || shape[1] < 1) c.fail("the input is [batch, classes]");
  const std::int64_t samples = c.integer("sample_size");
  const DType dtype = dtype_of(c, c.integer("dtype"));
  if (samples < 1 || samples > most_drawn / std::max(shape[0], std::int64_t{1}))
    c.refuse("so many samples");
  auto generator = generator_of(c);
  std::uniform_real_distribution<double> draw(0, 1);
  std::vector<double> found;
  for (std::int64_t row = 0; row < shape[0]; ++row) {
    const auto begin = logits.begin() + row * shape[1];
    const double largest = *std::max_element(begin, begin + shape[1]);
    std::vector<double> sums;
    for (std::int64_t i = 0; i < shape[1]; ++i)
      sums.push_back((sums.empty() ? 0 : sums.back()) + std::exp(begin[i] - largest));
    for (std::int64_t i = 0; i < samples; ++i)
      found.push_back(static_cast<double>(
          std::ranges::upper_bound(sums, draw(generator) * sums.back()) - sums.begin()));
  }
  return {c.e.constant(Tensor::from_doubles(dtype, {shape[0], samples}, found))};
}

constexpr OperatorRow region_table[] = {
    {10,
     "RoiAlign(X, rois, batch_indices, mode: string = 'avg', output_height: int = 1, output_width: "
     "int = 1, sampling_ratio: int = 0, spatial_scale: float = 1) -> Y",
     "", "", read_roi_align},
    {16,
     "RoiAlign(X, rois, batch_indices, coordinate_transformation_mode: string = 'half_pixel', "
     "mode: "
     "string = 'avg', output_height: int = 1, output_width: int = 1, sampling_ratio: int = 0, "
     "spatial_scale: float = 1) -> Y",
     "", "", read_roi_align},
    {1, "MaxRoiPool(X, rois, pooled_shape: ints, spatial_scale: float = 1) -> Y", "", "",
     read_max_roi_pool},
    {11,
     "NonMaxSuppression(boxes, scores, max_output_boxes_per_class?, iou_threshold?, "
     "score_threshold?, center_point_box: int = 0) -> selected_indices",
     "", "", read_non_max_suppression},
    {1,
     "RandomNormal(dtype: int = 1, mean: float = 0, scale: float = 1, seed: float?, shape: ints) "
     "-> output",
     "", "", read_random_normal},
    {1,
     "RandomNormalLike(input, dtype: int?, mean: float = 0, scale: float = 1, seed: float?) -> "
     "output",
     "", "", read_random_normal_like},
    {1,
     "RandomUniform(dtype: int = 1, high: float = 1, low: float = 0, seed: float?, shape: ints) -> "
     "output",
     "", "", read_random_uniform},
    {1,
     "RandomUniformLike(input, dtype: int?, high: float = 1, low: float = 0, seed: float?) -> "
     "output",
     "", "", read_random_uniform_like},
    {15, "Bernoulli(input, dtype: int?, seed: float?) -> output", "", "", read_bernoulli},
    {7, "Multinomial(input, dtype: int = 6, sample_size: int = 1, seed: float?) -> output", "", "",
     read_multinomial},
};

}  // namespace

std::span<const OperatorRow> region_rows() { return region_table; }

}  // namespace isomer::onnx

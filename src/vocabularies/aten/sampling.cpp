#include <array>

#include "base/text.h"
#include "vocabularies/aten/reading.h"

// Sampling at places that the model computes: grid_sample, and the grids of affine maps.

namespace isomer::aten {
namespace {

enum class Mode : std::uint8_t { linear, nearest, cubic };
enum class Outside : std::uint8_t { zeros, border, reflection };

/// One axis of the input, and where the outputs look along it.
class Coordinate {
 public:
  Coordinate(Reading& r, const Dim& length, bool volume, Outside outside, bool align_corners,
             DType dtype)
      : b_(r.b),
        volume_(volume),
        outside_(outside),
        align_corners_(align_corners),
        dtype_(dtype),
        length_(as_type(r.b, Operand(Scalar(length)), dtype)),
        last_(as_type(r.b, Operand(Scalar(length - Dim(1))), dtype)) {}

  ValueId number(double value) const { return b_.literal(dtype_, value); }
  ValueId apply(std::string_view op, ValueId x, ValueId y) const { return b_.emit(op, {x, y}); }
  ValueId apply(std::string_view op, ValueId x, double y) const { return apply(op, x, number(y)); }

  /// From -1 and 1 at the borders, or the middles of what lies there, to places.
  ValueId place(ValueId x) const {
    const ValueId up = apply("add", x, 1.0);
    if (align_corners_) return apply("mul", apply("div", up, 2.0), last_);
    return apply("div", apply("sub", apply("mul", up, length_), 1.0), 2.0);
  }
  /// A place brought inside, where that is what is asked for.
  ValueId inside(ValueId x) const {
    if (outside_ == Outside::zeros) return x;
    if (outside_ == Outside::reflection) x = reflected(x);
    return clipped(x);
  }
  /// Whether a whole place is one of the input's.
  ValueId holds(ValueId x) const {
    return apply("logical_and", apply("le", number(0.0), x), apply("le", x, last_));
  }
  ValueId index(ValueId x) const { return as_type(b_, clipped(x), DType::i64); }

 private:
  // Back and forth between the borders (at::native::reflect_coordinates).
  ValueId reflected(ValueId x) const {
    const ValueId least = number(align_corners_ ? 0.0 : -0.5);
    const ValueId span = align_corners_ ? last_ : length_;
    const ValueId nothing = b_.emit("eq", {span, number(0.0)});
    const ValueId safe = b_.emit("where", {nothing, number(1.0), span});
    const ValueId way = b_.emit("abs", {apply("sub", x, least)});
    const ValueId rest = apply("fmod", way, safe);
    const ValueId turns = b_.emit("floor", {apply("div", way, safe)});
    const ValueId even = apply("eq", apply("fmod", turns, 2.0), 0.0);
    const ValueId there = apply("add", rest, least);
    const ValueId back = apply("add", apply("sub", safe, rest), least);
    const ValueId turned = b_.emit("where", {even, there, back});
    return b_.emit("where", {nothing, number(0.0), turned});
  }

  // Flat at the borders. What is no number is the first place of a plane, the last of a volume.
  ValueId clipped(ValueId x) const {
    if (volume_) x = b_.emit("where", {apply("lt", x, last_), x, last_});
    x = b_.emit("where", {apply("gt", x, 0.0), x, number(0.0)});
    return volume_ ? x : b_.emit("where", {apply("lt", x, last_), x, last_});
  }

  Builder& b_;
  bool volume_;
  Outside outside_;
  bool align_corners_;
  DType dtype_;
  ValueId length_;
  ValueId last_;
};

/// A whole place along an axis and how much it counts; no weight: all.
struct Sample {
  ValueId place;
  ValueId weight;
};

// Keys 1981, with A = -0.75.
ValueId near_weight(const Coordinate& axis, ValueId x) {
  constexpr double a = -0.75;
  const ValueId inner = axis.apply("sub", axis.apply("mul", x, a + 2), a + 3);
  return axis.apply("add", axis.apply("mul", axis.apply("mul", inner, x), x), 1.0);
}

ValueId far_weight(const Coordinate& axis, ValueId x) {
  constexpr double a = -0.75;
  ValueId y = axis.apply("sub", axis.apply("mul", x, a), 5 * a);
  y = axis.apply("add", axis.apply("mul", y, x), 8 * a);
  return axis.apply("sub", axis.apply("mul", y, x), 4 * a);
}

std::vector<Sample> taps_of(Builder& b, const Coordinate& axis, ValueId x, Mode mode) {
  ValueId place = axis.place(x);
  if (mode == Mode::nearest) return {{b.emit("round", {axis.inside(place)}), ValueId::none}};
  if (mode == Mode::linear) place = axis.inside(place);
  const ValueId first = b.emit("floor", {place});
  const ValueId way = axis.apply("sub", place, first);
  const ValueId rest = axis.apply("sub", axis.number(1.0), way);
  if (mode == Mode::linear) return {{first, rest}, {axis.apply("add", first, 1.0), way}};
  const auto at = [&](double step) { return axis.inside(axis.apply("add", first, step)); };
  return {{at(-1.0), far_weight(axis, axis.apply("add", way, 1.0))},
          {at(0.0), near_weight(axis, way)},
          {at(1.0), near_weight(axis, rest)},
          {at(2.0), far_weight(axis, axis.apply("add", rest, 1.0))}};
}

/// One tap of each axis: where in the input, flat, how much it counts, and whether it is there.
struct Corner {
  ValueId index = ValueId::none;
  ValueId weight = ValueId::none;
  ValueId holds = ValueId::none;
};

ValueId both(Builder& b, std::string_view op, ValueId x, ValueId y) {
  if (x == ValueId::none || y == ValueId::none) return x == ValueId::none ? y : x;
  return b.emit(op, {x, y});
}

class Sampler {
 public:
  Sampler(Reading& r, ValueId x, ValueId grid)
      : r_(r), b_(r.b), shape_(r.b.shape(x)), grid_(r.b.shape(grid)) {
    const Dim count = count_elements(Shape(shape_.begin() + 2, shape_.end()));
    flat_ = reshaped(b_, x, {shape_[0], shape_[1], count});
    const Dim outputs = count_elements(Shape(grid_.begin() + 1, grid_.end() - 1));
    outputs_ = {shape_[0], Dim(1), outputs};
  }

  ValueId run(ValueId grid, Mode mode, Outside outside, bool align_corners) {
    const std::size_t count = shape_.size() - 2;
    for (std::size_t i = 0; i < count; ++i) {
      axes_.emplace_back(r_, shape_[2 + i], count == 3, outside, align_corners, b_.dtype(flat_));
      // The grid names the last axis first.
      const Dim place = static_cast<std::int64_t>(count - 1 - i);
      const ValueId x = b_.emit("select", {grid}, {{"dim", std::int64_t{-1}}, {"index", place}});
      taps_.push_back(taps_of(b_, axes_[i], reshaped(b_, x, outputs_), mode));
    }
    visit(0, {});
    Shape to = {shape_[0], shape_[1]};
    to.insert(to.end(), grid_.begin() + 1, grid_.end() - 1);
    return reshaped(b_, sum_, std::move(to));
  }

 private:
  void visit(std::size_t axis, const Corner& corner) {
    if (axis == axes_.size()) return add(corner);
    for (const Sample& tap : taps_[axis]) {
      Corner next = corner;
      if (axis > 0) {
        const ValueId length = as_type(b_, Operand(Scalar(shape_[2 + axis])), DType::i64);
        next.index = b_.emit("mul", {next.index, length});
      }
      next.index = both(b_, "add", next.index, axes_[axis].index(tap.place));
      next.weight = both(b_, "mul", next.weight, tap.weight);
      next.holds = both(b_, "logical_and", next.holds, axes_[axis].holds(tap.place));
      visit(axis + 1, next);
    }
  }

  // What is not there is 0; its weight, which may be no number, counts in planes alone.
  void add(const Corner& corner) {
    Shape wide = outputs_;
    wide[1] = shape_[1];
    const ValueId index = expanded(b_, corner.index, wide);
    ValueId part = b_.emit("gather", {flat_, index}, {{"dim", std::int64_t{2}}});
    const auto keep = [&] {
      part = b_.emit("where", {corner.holds, part, b_.literal(b_.dtype(part), 0.0)});
    };
    const bool volume = axes_.size() == 3;
    if (!volume) keep();
    if (corner.weight != ValueId::none) part = b_.emit("mul", {part, corner.weight});
    if (volume) keep();
    sum_ = both(b_, "add", sum_, part);
  }

  Reading& r_;
  Builder& b_;
  Shape shape_;
  Shape grid_;
  Shape outputs_;
  ValueId flat_ = ValueId::none;
  ValueId sum_ = ValueId::none;
  std::vector<Coordinate> axes_;
  std::vector<std::vector<Sample>> taps_;
};

Values grid_sampler(Reading& r) {
  const ValueId x = r.tensor("input");
  const ValueId grid = r.tensor("grid");
  const std::int64_t mode = r.integer("interpolation_mode");
  const std::int64_t outside = r.integer("padding_mode");
  const std::int64_t rank = r.b.rank(x);
  const bool fits = (rank == 4 || rank == 5) && r.b.rank(grid) == rank &&
                    r.b.shape(grid).back() == Dim(rank - 2) && r.b.dtype(grid) == r.b.dtype(x) &&
                    is_floating(r.b.dtype(x));
  if (!fits) r.fail("the grid does not fit the input");
  if (mode < 0 || mode > 2 || outside < 0 || outside > 2) r.fail("there is no such mode");
  const DType dtype = r.b.dtype(x);
  const DType own = is_half(dtype) ? DType::f32 : dtype;
  const ValueId y = Sampler(r, as_type(r.b, x, own), as_type(r.b, grid, own))
                        .run(as_type(r.b, grid, own), static_cast<Mode>(mode),
                             static_cast<Outside>(outside), r.flag("align_corners"));
  return {as_type(r.b, y, dtype)};
}

/// From -1 to 1 along an axis: its borders, or the middles of what lies there.
ValueId base_line(Reading& r, DType dtype, const Dim& length, bool align_corners) {
  Builder& b = r.b;
  const ValueId places = as_type(b, b.emit("arange", {}, {{"end", length}}), dtype);
  const ValueId count =
      as_type(b, Operand(Scalar(align_corners ? length - Dim(1) : length)), dtype);
  if (align_corners && length == Dim(1)) return b.emit("mul", {places, b.literal(dtype, 0.0)});
  const ValueId twice = b.emit("mul", {places, b.literal(dtype, 2.0)});
  const ValueId from = align_corners ? twice : b.emit("add", {twice, b.literal(dtype, 1.0)});
  return b.emit("sub", {b.emit("div", {from, count}), b.literal(dtype, 1.0)});
}

Values affine_grid(Reading& r) {
  Builder& b = r.b;
  const ValueId theta = r.tensor("theta");
  const Shape size = r.dims("size");
  const bool align_corners = r.flag("align_corners");
  const std::size_t axes = size.size() - 2;
  if ((size.size() != 4 && size.size() != 5) || b.rank(theta) != 3)
    r.fail("a size of 4 or 5 lengths and a map for each sample are needed");
  const Shape lengths(size.begin() + 2, size.end());
  Values columns;
  for (std::size_t i = axes; i-- > 0;) {
    Shape shape(axes, Dim(1));
    shape[i] = lengths[i];
    const ValueId line = base_line(r, b.dtype(theta), lengths[i], align_corners);
    columns.push_back(expanded(b, reshaped(b, line, std::move(shape)), lengths));
  }
  columns.push_back(
      b.emit("full", {}, {{"shape", lengths}, {"value", 1.0}, {"dtype", b.dtype(theta)}}));
  const ValueId base = b.emit("stack", std::move(columns), {{"dim", std::int64_t{-1}}});
  const Dim axis = static_cast<std::int64_t>(axes);
  const ValueId flat = reshaped(b, base, {count_elements(lengths), axis + Dim(1)});
  const ValueId grid = b.emit("matmul", {flat, permuted(b, theta, {0, 2, 1})});
  Shape to = {size[0]};
  to.insert(to.end(), lengths.begin(), lengths.end());
  to.push_back(axis);
  return {reshaped(b, grid, std::move(to))};
}

constexpr Row sampling_table[] = {
    {.targets = "grid_sampler grid_sampler_2d grid_sampler_3d",
     .inputs = "input",
     .read = grid_sampler},
    {.targets = "affine_grid_generator", .inputs = "theta", .read = affine_grid},
};

}  // namespace

std::span<const Row> sampling_rows() { return sampling_table; }

}  // namespace isomer::aten

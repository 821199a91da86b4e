#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/arithmetic.h"
#include "vocabularies/numpy/arrays.h"
#include "vocabularies/numpy/call.h"
#include "vocabularies/numpy/operations.h"

// What NumPy says of an array's elements as a whole: quantiles, sets of them, counts.

namespace isomer::numpy {
namespace {

Value axis_of(const Call& c, std::size_t i) { return c.has(i) ? c[i] : Value{}; }

// --- between the elements in order

/// What lies so far, between 0 and 1, on the way from the least to the greatest.
ValueId quantile_at(const Call& c, ValueId sorted, std::int64_t axis, double part) {
  const std::int64_t length = c.b().shape(sorted)[static_cast<std::size_t>(axis)].value();
  if (!(part >= 0 && part <= 1)) refuse("quantiles are between 0 and 1, percentiles 0 and 100");
  const double place = part * static_cast<double>(length - 1);
  const double low = std::floor(place);
  const auto at = [&](double where) {
    const Dim index = static_cast<std::int64_t>(where);
    return c.emit("select", {sorted}, {{"dim", axis}, {"index", index}});
  };
  const ValueId start = at(low);
  const ValueId end = at(std::min(low + 1, static_cast<double>(length - 1)));
  const ValueId gap = c.emit("sub", {end, start});
  const auto scaled = [&](double by) { return c.emit("mul", {gap, number(c.b(), gap, by)}); };
  const double rest = place - low;
  // From the nearer side, as NumPy does.
  return rest < 0.5 ? c.emit("add", {start, scaled(rest)}) : c.emit("sub", {end, scaled(1 - rest)});
}

// x, q, axis, method, keepdims
Value quantile(const Call& c, double whole) {
  const auto* method = c.has(3) ? c[3].as<std::string>() : nullptr;
  if (c.has(3) && (method == nullptr || *method != "linear"))
    throw Error(Fault::unsupported, "", "quantiles are read with method 'linear' only");
  ValueId x = c.real_tensor(0);
  const std::int64_t rank = c.b().rank(x);
  if (!c.has(2)) x = flattened(c.b(), x);
  const std::int64_t axis = c.has(2) ? c.axis(2, rank) : 0;
  const Dim length = c.b().shape(x)[static_cast<std::size_t>(axis)];
  if (!length.known()) {
    throw Error(Fault::unsupported, "",
                fmt::format("an axis of length {}, which is not known", to_text(length)));
  }
  if (length.value() == 0) refuse("quantiles of nothing are asked for");
  const ValueId sorted = c.b().emit_all("sort", {x}, {{"dim", axis}, {"stable", true}})[0];
  const ValueId last =
      c.emit("select", {sorted}, {{"dim", axis}, {"index", Dim(length.value() - 1)}});
  const Tensor parts = tensor_of(c[1]);
  std::vector<ValueId> found;
  for (const double part : parts.doubles()) {
    const ValueId y = quantile_at(c, sorted, axis, part / whole);
    ValueId kept = c.emit("where", {c.emit("isnan", {last}), last, y});
    if (c.flag(4) && c.has(2)) kept = c.emit("unsqueeze", {kept}, {{"dim", axis}});
    if (c.flag(4) && !c.has(2))
      kept = reshape_to(c.b(), kept, Shape(static_cast<std::size_t>(rank), Dim(1)));
    found.push_back(kept);
  }
  if (parts.shape().empty()) return c.result(found[0]);
  if (found.empty()) refuse("no quantile is asked for");
  const ValueId all = c.emit("stack", std::move(found), {{"dim", std::int64_t{0}}});
  Shape shape(parts.shape().begin(), parts.shape().end());
  const Shape one = c.b().shape(all);
  shape.insert(shape.end(), one.begin() + 1, one.end());
  return c.result(reshape_to(c.b(), all, shape));
}
Value quantiles(const Call& c) { return quantile(c, 1); }
Value percentiles(const Call& c) { return quantile(c, 100); }

bool to_the_right(const Call& c, std::size_t i) {
  const auto* side = c.has(i) ? c[i].as<std::string>() : nullptr;
  if (c.has(i) && (side == nullptr || (*side != "left" && *side != "right")))
    refuse("a side is 'left' or 'right'");
  return side != nullptr && *side == "right";
}

/// How many of a sorted row lie before each number; `right`: or are equal to it. NaN is behind all.
Value places_among(const Call& c, const Value& row, const Value& numbers, bool right) {
  const Value wide = c.asked("numpy.expand_dims", {numbers, {std::int64_t{-1}}});
  Value before = compare(right ? "<=" : "<", row, wide);
  const Value beyond =
      c.asked("numpy.logical_and", {c.asked("numpy.isnan", {wide}),
                                    c.asked("numpy.logical_not", {c.asked("numpy.isnan", {row})})});
  before = c.asked("numpy.logical_or", {before, beyond});
  if (right) {
    const Value both = c.asked("numpy.logical_and",
                               {c.asked("numpy.isnan", {wide}), c.asked("numpy.isnan", {row})});
    before = c.asked("numpy.logical_or", {before, both});
  }
  return c.asked("numpy.sum", {before, {std::int64_t{-1}}});
}

// a, v, side
Value searchsorted(const Call& c) {
  const Value row = c.array(0);
  if (c.rank(0) != 1) refuse("numpy.searchsorted looks into one axis");
  return places_among(c, row, c.array(1), to_the_right(c, 2));
}

// x, bins, right
Value digitize(const Call& c) {
  const Value bins = c.array(1);
  const std::vector<double> edges = tensor_of(bins).doubles();
  const bool up = std::ranges::is_sorted(edges);
  if (!up && !std::ranges::is_sorted(edges, std::greater<>())) refuse("bins are in order");
  if (up) return places_among(c, bins, c.array(0), !c.flag(2));
  const Value turned = c.asked("numpy.flip", {bins});
  const Value count{static_cast<std::int64_t>(edges.size())};
  return minus(count, places_among(c, turned, c.array(0), !c.flag(2)));
}

// --- sets

/// Elements of a known array in order, each once, and of each where it first stood and how often.
struct Distinct {
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> inverse;
  std::vector<std::int64_t> counts;

  explicit Distinct(const Tensor& x) : inverse(static_cast<std::size_t>(x.count())) {
    is_floating(x.dtype()) ? find(x.doubles()) : find(x.integers());
  }

 private:
  template <class T>
  void find(const std::vector<T>& all) {
    const auto is_nan = [](T x) { return x != x; };
    std::vector<std::size_t> order(all.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](std::size_t i, std::size_t j) {
      return is_nan(all[i]) || is_nan(all[j]) ? !is_nan(all[i]) && is_nan(all[j]) : all[i] < all[j];
    });
    for (std::size_t k = 0; k < order.size(); ++k) {
      const T x = all[order[k]];
      const T before = k == 0 ? x : all[order[k - 1]];
      if (k == 0 || (x != before && !(is_nan(x) && is_nan(before)))) {
        first.push_back(static_cast<std::int64_t>(order[k]));
        counts.push_back(0);
      }
      ++counts.back();
      inverse[order[k]] = std::ssize(first) - 1;
    }
  }
};

Value row_value(const std::vector<std::int64_t>& numbers) {
  return array_value(Tensor::of<std::int64_t>({std::ssize(numbers)}, numbers));
}

// x, return_index, return_inverse, return_counts
Value unique(const Call& c) {
  const Value x = c.array(0);
  const Tensor tensor = tensor_of(x);
  const Distinct distinct(tensor);
  const Value values = c.asked("numpy.take", {x, row_value(distinct.first)});
  if (!c.flag(1) && !c.flag(2) && !c.flag(3)) return values;
  Tuple result{{values}};
  if (c.flag(1)) result.items.push_back(row_value(distinct.first));
  if (c.flag(2)) {
    Tuple shape;
    for (const std::int64_t length : tensor.shape()) shape.items.push_back({length});
    result.items.push_back(c.asked("numpy.reshape", {row_value(distinct.inverse), {shape}}));
  }
  if (c.flag(3)) result.items.push_back(row_value(distinct.counts));
  return {result};
}

Value is_in(const Call& c) {
  const Value wide = c.asked("numpy.expand_dims", {c.array(0), {std::int64_t{-1}}});
  const Value all = c.asked("numpy.ravel", {c.array(1)});
  return c.asked("numpy.any", {compare("==", wide, all), {std::int64_t{-1}}});
}

Value union_of(const Call& c) {
  const Value both = {
      Tuple{{c.asked("numpy.ravel", {c.array(0)}), c.asked("numpy.ravel", {c.array(1)})}}};
  return c.asked("numpy.unique", {c.asked("numpy.concatenate", {both})});
}
Value part_of_set(const Call& c, bool shared) {
  const Value own = c.asked("numpy.unique", {c[0]});
  Value there = c.asked("numpy.isin", {own, c[1]});
  if (!shared) there = c.asked("numpy.logical_not", {there});
  return subscript(own, {{false, there, {}}}, false, c.runtime);
}
Value intersection(const Call& c) { return part_of_set(c, true); }
Value difference(const Call& c) { return part_of_set(c, false); }

// --- places

/// A row of places along each axis.
std::vector<Value> places_not_zero(const Call& c, const Value& x) {
  const Tensor tensor = tensor_of(x);
  if (tensor.shape().empty()) refuse("an array without axes has no places");
  const Value truths = compare("!=", x, {std::int64_t{0}});
  std::vector<Value> places;
  for (std::size_t axis = 0; axis < tensor.shape().size(); ++axis) {
    Tuple beside;
    for (std::size_t i = 0; i < tensor.shape().size(); ++i)
      beside.items.push_back({i == axis ? tensor.shape()[i] : std::int64_t{1}});
    const Value along = c.asked("numpy.arange", {{tensor.shape()[axis]}});
    const Value all = c.asked("numpy.broadcast_to", {c.asked("numpy.reshape", {along, {beside}}),
                                                     c.asked("numpy.shape", {x})});
    places.push_back(subscript(all, {{false, truths, {}}}, false, c.runtime));
  }
  return places;
}
Value nonzero(const Call& c) { return {Tuple{places_not_zero(c, c.array(0))}}; }
Value flatnonzero(const Call& c) {
  return places_not_zero(c, c.asked("numpy.ravel", {c.array(0)}))[0];
}
Value argwhere(const Call& c) {
  return c.asked("numpy.stack", {{Tuple{places_not_zero(c, c.array(0))}}, {std::int64_t{-1}}});
}
Value extract(const Call& c) {
  const Value at = c.asked("numpy.flatnonzero", {c[0]});
  return c.asked("numpy.take", {c.asked("numpy.ravel", {c.array(1)}), at});
}
Value compress(const Call& c) {
  const Value at = c.asked("numpy.flatnonzero", {c[0]});
  if (!c.has(2)) return c.asked("numpy.take", {c.asked("numpy.ravel", {c.array(1)}), at});
  return c.asked("numpy.take", {c[1], at, c[2]});
}

// --- counts

Value count_nonzero(const Call& c) {
  const Value truths = compare("!=", c.array(0), {std::int64_t{0}});
  return c.asked("numpy.sum", {truths, axis_of(c, 1), {c.flag(2)}});
}

// x, weights, minlength
Value bincount(const Call& c) {
  const Tensor x = tensor_of(c[0]);
  if (x.shape().size() != 1 || is_floating(x.dtype())) refuse("numpy.bincount counts integers");
  const std::vector<std::int64_t> numbers = x.integers();
  std::int64_t length = c.integer(2, 0);
  for (const std::int64_t number : numbers) {
    if (number < 0) refuse("numpy.bincount counts integers from 0 on");
    length = std::max(length, sum_of_lengths(number, 1));
  }
  bounded({length});
  const std::vector<double> weights = c.has(1) ? tensor_of(c[1]).doubles() : std::vector<double>();
  if (c.has(1) && weights.size() != numbers.size()) refuse("as many weights as numbers are needed");
  std::vector<double> sums(static_cast<std::size_t>(length));
  for (std::size_t i = 0; i < numbers.size(); ++i)
    sums[static_cast<std::size_t>(numbers[i])] += c.has(1) ? weights[i] : 1;
  return array_value(Tensor::from_doubles(c.has(1) ? DType::f64 : DType::i64, {length}, sums));
}

/// Its least and greatest number, and half a unit beside them where they are the same.
Value edges_of(const Call& c, const Tensor& x) {
  const std::int64_t bins = c.integer(1, 10);
  if (bins < 1) refuse("a histogram has bins");
  std::vector<double> range = c.has(2) ? tensor_of(c[2]).doubles() : std::vector<double>();
  if (!c.has(2)) {
    const std::vector<double> all = x.doubles();
    const auto [low, high] = std::ranges::minmax_element(all);
    range = all.empty() ? std::vector{0.0, 1.0} : std::vector{*low, *high};
  }
  if (range.size() != 2 || !(range[0] <= range[1])) refuse("the range of a histogram is no range");
  const double beside = range[0] == range[1] ? 0.5 : 0;
  return c.asked("numpy.linspace", {{range[0] - beside}, {range[1] + beside}, {bins + 1}});
}

// x, bins, range
Value histogram(const Call& c) {
  const Tensor x = tensor_of(c[0]);
  const bool listed = c.has(1) && !is_number(c[1]);
  const Value edges = listed ? c.array(1) : edges_of(c, x);
  const std::vector<double> bounds = tensor_of(edges).doubles();
  if (bounds.size() < 2 || !std::ranges::is_sorted(bounds)) refuse("edges of bins are in order");
  std::vector<std::int64_t> counts(bounds.size() - 1);
  for (const double number : x.doubles()) {
    if (!(number >= bounds.front() && number <= bounds.back())) continue;
    const auto bin = std::ranges::upper_bound(bounds, number) - bounds.begin() - 1;
    ++counts[std::min(static_cast<std::size_t>(bin), counts.size() - 1)];
  }
  return {Tuple{{row_value(counts), edges}}};
}

// --- sums that leave something out, or weigh it

Value spread(const Call& c) {
  const std::vector<Value> arguments{c.array(0), axis_of(c, 1), {c.flag(2)}};
  return minus(c.asked("numpy.max", arguments), c.asked("numpy.min", arguments));
}

Value where_nan(const Call& c, double instead) {
  const Value x = c.array(0);
  const bool real = is_floating(c.element_type(0));
  return real ? c.asked("numpy.where", {c.asked("numpy.isnan", {x}), {instead}, x}) : x;
}
Value nansum(const Call& c) {
  return c.asked("numpy.sum", {where_nan(c, 0), axis_of(c, 1), {c.flag(2)}});
}
Value nanprod(const Call& c) {
  return c.asked("numpy.prod", {where_nan(c, 1), axis_of(c, 1), {c.flag(2)}});
}
Value nanmean(const Call& c) {
  const Value there = c.asked("numpy.logical_not", {c.asked("numpy.isnan", {c.array(0)})});
  const Value count = c.asked("numpy.sum", {there, axis_of(c, 1), {c.flag(2)}});
  return binary("/", nansum(c), count);
}
Value nan_extreme(const Call& c, const std::string& name, double instead) {
  const Value found = c.asked(name, {where_nan(c, instead), axis_of(c, 1), {c.flag(2)}});
  if (!is_floating(c.element_type(0))) return found;
  const Value none =
      c.asked("numpy.all", {c.asked("numpy.isnan", {c.array(0)}), axis_of(c, 1), {c.flag(2)}});
  const Value nan{std::numeric_limits<double>::quiet_NaN()};
  const Value result = c.asked("numpy.where", {none, nan, found});
  return c.has(1) ? result : subscript(result, {}, true, c.runtime);  // a scalar where none is left
}
constexpr double infinity = std::numeric_limits<double>::infinity();
Value nanmax(const Call& c) { return nan_extreme(c, "numpy.max", -infinity); }
Value nanmin(const Call& c) { return nan_extreme(c, "numpy.min", infinity); }

// x, axis, weights
Value average(const Call& c) {
  if (!c.has(2)) return c.asked("numpy.mean", {c.array(0), axis_of(c, 1)});
  const Value x = c.array(0);
  Value weights = c.array(2);
  if (c.has(1) && c.rank(0) != c.rank(2)) {
    Tuple beside;
    for (std::int64_t i = 0; i < c.rank(0); ++i) {
      const bool along = i == c.axis(1, c.rank(0));
      beside.items.push_back({std::int64_t{along ? -1 : 1}});
    }
    weights = c.asked("numpy.reshape", {weights, {beside}});
  }
  weights = c.asked("numpy.broadcast_to", {weights, c.asked("numpy.shape", {x})});
  const auto sum = [&](const Value& all) { return c.asked("numpy.sum", {all, axis_of(c, 1)}); };
  return binary("/", sum(times(x, weights)), sum(weights));
}

/// Rows are variables.
Value covariance(const Call& c) {
  const Value x = c.asked("numpy.float64", {c.asked("numpy.atleast_2d", {c.array(0)})});
  const Value mean = c.asked("numpy.mean", {x, {std::int64_t{1}}, {true}});
  const Value apart = minus(x, mean);
  const Value count = c.parts("numpy.shape", {x})[1];
  const Value sums = c.asked("numpy.matmul", {apart, c.asked("numpy.transpose", {apart})});
  const Value one = c.has(1) ? c[1] : Value{std::int64_t{1}};
  return c.asked("numpy.squeeze", {binary("/", sums, minus(count, one))});
}
Value correlation(const Call& c) {
  const Value covariance = c.asked("numpy.atleast_2d", {c.asked("numpy.cov", {c[0]})});
  const Value deviation = c.asked("numpy.sqrt", {c.asked("numpy.diagonal", {covariance})});
  const Value all = binary(
      "/", binary("/", covariance, c.asked("numpy.expand_dims", {deviation, {std::int64_t{1}}})),
      deviation);
  return c.asked("numpy.squeeze",
                 {c.asked("numpy.clip", {all, {std::int64_t{-1}}, {std::int64_t{1}}})});
}

constexpr Function statistics_table[] = {
    {"numpy.quantile", "x q axis? method? keepdims?", quantiles},
    {"numpy.percentile", "x q axis? method? keepdims?", percentiles},
    {"numpy.searchsorted", "a v side?", searchsorted},
    {"numpy.digitize", "x bins right?", digitize},
    {"numpy.unique", "x return_index? return_inverse? return_counts?", unique, true},
    {"numpy.isin", "element test_elements", is_in},
    {"numpy.union1d", "x y", union_of, true},
    {"numpy.intersect1d", "x y", intersection, true},
    {"numpy.setdiff1d", "x y", difference, true},
    {"numpy.nonzero .nonzero", "x", nonzero, true},
    {"numpy.flatnonzero", "x", flatnonzero, true},
    {"numpy.argwhere", "x", argwhere, true},
    {"numpy.extract", "condition x", extract, true},
    {"numpy.compress", "condition x axis?", compress, true},
    {"numpy.count_nonzero", "x axis? keepdims?", count_nonzero},
    {"numpy.bincount", "x weights? minlength?", bincount, true},
    {"numpy.histogram", "x bins? range?", histogram, true},
    {"numpy.ptp", "x axis? keepdims?", spread},
    {"numpy.nansum", "x axis? keepdims?", nansum},
    {"numpy.nanprod", "x axis? keepdims?", nanprod},
    {"numpy.nanmean", "x axis? keepdims?", nanmean},
    {"numpy.nanmax", "x axis? keepdims?", nanmax},
    {"numpy.nanmin", "x axis? keepdims?", nanmin},
    {"numpy.average", "x axis? weights?", average},
    {"numpy.cov", "x ddof?", covariance},
    {"numpy.corrcoef", "x", correlation},
};

}  // namespace

std::span<const Function> statistics_functions() { return statistics_table; }

}  // namespace isomer::numpy

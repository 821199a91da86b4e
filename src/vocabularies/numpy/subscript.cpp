#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/numpy/arithmetic.h"
#include "vocabularies/numpy/arrays.h"
#include "vocabularies/numpy/call.h"

namespace isomer::numpy {
namespace {

Places places_of(const Slice& slice, std::int64_t length) {
  const auto bound = [](const Value& value) {
    return value.is_none() ? std::nullopt : std::optional(integer_of(value));
  };
  return isomer::places_of(bound(slice.start), bound(slice.stop), bound(slice.step).value_or(1),
                           length);
}

Value item_of(const Value& object, const std::vector<Value>& items, const Index& index) {
  const auto length = static_cast<std::int64_t>(items.size());
  if (!index.is_slice) {
    const std::int64_t raw = integer_of(index.at);
    if (raw < -length || raw >= length)
      refuse(fmt::format("item {} is asked of {}", raw, describe(object)));
    return items[static_cast<std::size_t>(raw < 0 ? raw + length : raw)];
  }
  const Places places = places_of(index.slice, length);
  std::vector<Value> part;
  for (std::int64_t i = 0; i < places.count; ++i)
    part.push_back(items[static_cast<std::size_t>(places.start + i * places.step)]);
  return object.as<List>() != nullptr ? Value{List{std::move(part)}}
                                      : Value{Tuple{std::move(part)}};
}

bool is_ellipsis(const Index& index) {
  const Word* word = index.at.as<Word>();
  return !index.is_slice && word != nullptr && word->name == "Ellipsis";
}

bool is_place(const Index& index) {
  const Array* array = index.at.as<Array>();
  return !index.is_slice && (is_number(index.at) || index.at.as<Length>() != nullptr ||
                             (array != nullptr && array->scalar));
}

/// An array, or an array in a graph, whose axes are indexed one after the other.
class Indexed {
 public:
  virtual ~Indexed() = default;
  virtual std::size_t rank() const = 0;
  virtual void add_axis(std::size_t axis) = 0;
  virtual void slice(std::size_t axis, const Slice& slice) = 0;
  virtual void pick(std::size_t axis, const Value& place) = 0;
};

/// One view of the array's bytes, however many axes are indexed.
class KnownIndexed final : public Indexed {
 public:
  explicit KnownIndexed(const Tensor& tensor)
      : tensor_(tensor), shape_(tensor.shape()), strides_(shape_.size(), 1) {
    for (std::size_t i = shape_.size(); i-- > 1;)
      strides_[i - 1] = product_of_lengths(strides_[i], shape_[i]);
  }
  std::size_t rank() const override { return shape_.size(); }
  void add_axis(std::size_t axis) override {
    shape_.insert(shape_.begin() + static_cast<std::ptrdiff_t>(axis), 1);
    strides_.insert(strides_.begin() + static_cast<std::ptrdiff_t>(axis), 0);
    bound_axes(shape_.size());
  }
  void slice(std::size_t axis, const Slice& slice) override {
    const Places places = places_of(slice, shape_[axis]);
    if (places.count > 0) offset_ += places.start * strides_[axis];
    shape_[axis] = places.count;
    // One place needs no stride, and that of a step as long as can be might not fit.
    strides_[axis] = places.count > 1 ? strides_[axis] * places.step : 0;
  }
  void pick(std::size_t axis, const Value& value) override {
    const std::int64_t place = integer_of(value);
    const std::int64_t length = shape_[axis];
    if (place < -length || place >= length)
      refuse(fmt::format("index {} is outside an axis of length {}", place, length));
    offset_ += (place < 0 ? place + length : place) * strides_[axis];
    shape_.erase(shape_.begin() + static_cast<std::ptrdiff_t>(axis));
    strides_.erase(strides_.begin() + static_cast<std::ptrdiff_t>(axis));
  }
  Tensor result() const {
    if (count_elements(shape_) == 0) return Tensor::zeros(tensor_.dtype(), shape_);
    return lay_out(tensor_.dtype(), shape_, strides_, offset_, tensor_.bytes());
  }

 private:
  const Tensor& tensor_;
  std::vector<std::int64_t> shape_;
  std::vector<std::int64_t> strides_;
  std::int64_t offset_ = 0;
};

class TracedIndexed final : public Indexed {
 public:
  explicit TracedIndexed(const Traced& traced) : trace_(*traced.trace), id_(traced.id) {}
  std::size_t rank() const override { return static_cast<std::size_t>(trace_.b.rank(id_)); }
  void add_axis(std::size_t axis) override {
    id_ = trace_.b.emit("unsqueeze", {id_}, {{"dim", static_cast<std::int64_t>(axis)}});
  }
  void slice(std::size_t axis, const Slice& slice) override;
  void pick(std::size_t axis, const Value& place) override {
    const Length* length = place.as<Length>();
    const Dim index = length != nullptr ? length->dim : Dim(integer_of(place));
    id_ = trace_.b.emit("select", {id_},
                        {{"dim", static_cast<std::int64_t>(axis)}, {"index", index}});
  }
  Value result() const { return {Traced{&trace_, id_}}; }

 private:
  void part(std::size_t axis, const Dim& start, const Dim& end, std::int64_t step) {
    id_ = trace_.b.emit(
        "slice", {id_},
        {{"dim", static_cast<std::int64_t>(axis)}, {"start", start}, {"end", end}, {"step", step}});
  }

  const Trace& trace_;
  ValueId id_;
};

void TracedIndexed::slice(std::size_t axis, const Slice& slice) {
  const std::int64_t step = slice.step.is_none() ? 1 : integer_of(slice.step);
  const Dim length = trace_.b.shape(id_)[axis];
  const auto along = static_cast<std::int64_t>(axis);
  const auto bound = [&](const Value& value, const Dim& fallback) {
    if (value.is_none()) return fallback;
    const Length* of_graph = value.as<Length>();
    return of_graph != nullptr ? of_graph->dim : Dim(integer_of(value));
  };
  if (step > 0) return part(axis, bound(slice.start, 0), bound(slice.stop, length), step);
  if (length.known() || !slice.start.is_none() || !slice.stop.is_none()) {
    const Places places = places_of(slice, integer_of(length_value(trace_, length)));
    id_ = backward_slice(trace_.b, id_, along, places);
    return;
  }
  id_ = trace_.b.emit("flip", {id_}, {{"dims", std::vector<std::int64_t>{along}}});
  if (step != -1) part(axis, 0, length, -step);
}

/// Gives whether something other than plain integers took part.
bool index_axes(Indexed& object, const std::vector<Index>& indices, const Value& whole) {
  std::size_t axis = 0;
  bool any = false;
  for (const Index& index : indices) {
    const bool place = is_place(index);
    any = any || !place;
    if (!index.is_slice && index.at.is_none()) {
      object.add_axis(axis++);
      continue;
    }
    if (axis >= object.rank()) refuse(fmt::format("{} has no axis {}", describe(whole), axis));
    if (place) {
      object.pick(axis, index.at);
    } else if (index.is_slice) {
      object.slice(axis++, index.slice);
    } else {
      refuse(fmt::format("{} is no index", describe(index.at)));
    }
  }
  return any;
}

// --- by arrays: places, or truths that say which places

bool is_array_index(const Index& index) {
  return !index.is_slice && !index.at.is_none() && !is_place(index) && !is_ellipsis(index);
}

/// Whether slices, places and new axes are all there is.
bool is_plain(const std::vector<Index>& indices) {
  return std::ranges::none_of(indices, [](const Index& index) {
    return is_ellipsis(index) || is_array_index(index) || index.at.as<bool>() != nullptr;
  });
}

std::vector<Value> lengths_of(const Value& object, const Runtime& runtime) {
  return *items_of(call("numpy.shape", {{object}}, runtime));
}

/// The index as an array of places; an empty list names none.
Value places_in(const Value& value) {
  if (const Trace* trace = trace_of(value)) return {Traced{trace, materialized(*trace, value)}};
  const Tensor tensor = tensor_of(value);
  return array_value(tensor.count() == 0 ? tensor.converted(DType::i64) : tensor);
}

bool is_truths(const Value& value) {
  if (const Traced* traced = value.as<Traced>())
    return traced->trace->b.dtype(traced->id) == DType::boolean;
  const Array* array = value.as<Array>();
  return array != nullptr && array->tensor.dtype() == DType::boolean;
}

/// Where the truths hold: places along each of their axes.
std::vector<Value> where_true(const Value& truths) {
  const Array* array = truths.as<Array>();
  if (array == nullptr) {
    throw Error(Fault::unsupported, "",
                "how many elements truths pick is known only when the model runs: it is no "
                "operator of a graph; numpy.where chooses by them");
  }
  const Tensor& tensor = array->tensor;
  std::vector<std::vector<std::int64_t>> places(tensor.shape().size());
  const std::vector<std::int64_t> holds = tensor.integers();
  for (std::size_t i = 0; i < holds.size(); ++i) {
    if (holds[i] == 0) continue;
    auto rest = static_cast<std::int64_t>(i);
    for (std::size_t axis = places.size(); axis-- > 0;) {
      places[axis].push_back(rest % tensor.shape()[axis]);
      rest /= tensor.shape()[axis];
    }
  }
  std::vector<Value> result;
  for (const auto& along : places)
    result.push_back(array_value(Tensor::of<std::int64_t>({std::ssize(along)}, along)));
  return result;
}

void check_truths(const Value& truths, const std::vector<Value>& lengths, std::size_t axis) {
  const auto& shape = truths.as<Array>()->tensor.shape();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const auto* length = axis + i < lengths.size() ? lengths[axis + i].as<std::int64_t>() : nullptr;
    if (length != nullptr && *length == shape[i]) continue;
    refuse(fmt::format("truths of {} do not fit the axes from {} on", describe(truths), axis));
  }
}

/// Without truths, which become places, and without an ellipsis, which stands for whole axes.
std::vector<Index> spelled_out(const Value& object, std::vector<Index> indices,
                               const Runtime& runtime) {
  const std::vector<Value> lengths = lengths_of(object, runtime);
  std::size_t taken = 0;
  for (Index& index : indices) {
    if (index.at.as<bool>() != nullptr)
      refuse("a truth picks no place: an index is an integer, a slice or an array");
    if (is_array_index(index)) index.at = places_in(index.at);
    const bool truths = !index.is_slice && is_truths(index.at);
    if (index.is_slice || (!index.at.is_none() && !is_ellipsis(index)))
      taken += truths ? lengths_of(index.at, runtime).size() : 1;
  }
  std::vector<Index> result;
  std::size_t axis = 0;
  for (const Index& index : indices) {
    if (is_ellipsis(index)) {
      const std::size_t whole = lengths.size() > taken ? lengths.size() - taken : 0;
      result.insert(result.end(), whole, Index{true, {}, {}});
      axis += whole;
    } else if (!index.is_slice && is_truths(index.at)) {
      for (const Value& places : where_true(index.at)) result.push_back({false, places, {}});
      check_truths(index.at, lengths, axis);
      axis += index.at.as<Array>()->tensor.shape().size();
    } else {
      result.push_back(index);
      if (index.is_slice || !index.at.is_none()) ++axis;
    }
  }
  return result;
}

/// Along axes from `first` on, one per array of places, at once.
Value take_all(const Value& object, std::size_t first, const std::vector<Value>& places,
               const Runtime& runtime) {
  std::vector<Value> lengths = lengths_of(object, runtime);
  const Value along{static_cast<std::int64_t>(first)};
  if (places.size() == 1) return call("numpy.take", {{object, places[0], along}}, runtime);
  Value flat{std::int64_t{0}};
  Value joined{std::int64_t{1}};
  for (std::size_t i = 0; i < places.size(); ++i) {
    const Value& length = lengths[first + i];
    // From the front, and inside: the axes joined would hide what is not.
    const Value all = call("numpy.arange", {{length}}, runtime);
    const Value place = call("numpy.take", {{all, places[i]}}, runtime);
    flat = binary("+", binary("*", flat, length), place);
    joined = binary("*", joined, length);
  }
  const auto begin = lengths.begin() + static_cast<std::ptrdiff_t>(first);
  lengths.erase(begin, begin + std::ssize(places));
  lengths.insert(lengths.begin() + static_cast<std::ptrdiff_t>(first), joined);
  const Value whole = call("numpy.reshape", {{object, {Tuple{lengths}}}}, runtime);
  return call("numpy.take", {{whole, flat, along}}, runtime);
}

/// NumPy's advanced indexing. What the arrays pick stands where they stand, or in front where
/// something is between them.
Value pick(const Value& object, const std::vector<Index>& given, const Runtime& runtime) {
  const std::vector<Index> indices = spelled_out(object, given, runtime);
  std::vector<Index> plain = indices;
  std::vector<Value> places;
  std::vector<std::size_t> axes;      // of them, in what the plain ones leave
  std::vector<std::size_t> advanced;  // places among the indices
  std::size_t axis = 0;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    const bool array = is_array_index(indices[i]);
    if (array || is_place(indices[i])) advanced.push_back(i);
    if (array) {
      places.push_back(indices[i].at);
      axes.push_back(axis);
      plain[i] = {true, {}, {}};
    }
    if (array || indices[i].is_slice || indices[i].at.is_none()) ++axis;
  }
  Value part = subscript(object, plain, true, runtime);
  if (places.empty()) return part;
  const bool together = advanced.back() - advanced.front() + 1 == advanced.size();
  if (together) return take_all(part, axes[0], places, runtime);
  List order;
  for (const std::size_t one : axes) order.items.push_back({static_cast<std::int64_t>(one)});
  for (std::size_t i = 0; i < lengths_of(part, runtime).size(); ++i) {
    if (std::ranges::find(axes, i) == axes.end())
      order.items.push_back({static_cast<std::int64_t>(i)});
  }
  part = call("numpy.transpose", {{part, {order}}}, runtime);
  return take_all(part, 0, places, runtime);
}

}  // namespace

Value subscript(const Value& object, const std::vector<Index>& index, bool tuple,
                const Runtime& runtime) {
  if (is_array(object) && !is_plain(index)) return pick(object, index, runtime);
  if (const Array* known = object.as<Array>()) {
    KnownIndexed indexed(known->tensor);
    const bool whole = index_axes(indexed, index, object);
    return result_of(indexed.result(), !whole);
  }
  if (const Traced* traced = object.as<Traced>()) {
    TracedIndexed indexed(*traced);
    index_axes(indexed, index, object);
    return indexed.result();
  }
  if (tuple || index.size() != 1) refuse(fmt::format("{} takes one index", describe(object)));
  if (const auto* items = items_of(object)) return item_of(object, *items, index[0]);
  const std::string* key = index[0].at.as<std::string>();
  const Dict* dict = object.as<Dict>();
  if (dict == nullptr || key == nullptr)
    refuse(fmt::format("{} cannot be indexed by {}", describe(object), describe(index[0].at)));
  const auto found = std::ranges::find(dict->items, *key, &Entry::first);
  if (found == dict->items.end()) refuse(fmt::format("the dict has no key {}", quoted(*key)));
  return found->second;
}

}  // namespace isomer::numpy

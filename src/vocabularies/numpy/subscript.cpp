#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
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

void refuse_truth(const Value& at) {
  const Array* array = at.as<Array>();
  const Traced* traced = at.as<Traced>();
  const bool truth = at.as<bool>() != nullptr ||
                     (array != nullptr && array->tensor.dtype() == DType::boolean) ||
                     (traced != nullptr && traced->trace->b.dtype(traced->id) == DType::boolean);
  if (truth)
    refuse("a truth picks no place: elements by truths are not read; numpy.where chooses by them");
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
      throw Error(Fault::unsupported, "", "an array among several indices is not read");
    }
  }
  return any;
}

}  // namespace

Value subscript(const Value& object, const std::vector<Index>& index, bool tuple,
                const Runtime& runtime) {
  for (const Index& one : index) {
    if (is_array(object) && !one.is_slice) refuse_truth(one.at);
  }
  const bool by_array =
      index.size() == 1 && !index[0].is_slice && !index[0].at.is_none() && !is_place(index[0]);
  if (is_array(object) && by_array)
    return call("numpy.take", {{object, index[0].at, {std::int64_t{0}}}}, runtime);
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

#include "vocabularies/numpy/call.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/arrays.h"

namespace isomer::numpy {
namespace {

/// What NumPy and Python call the types of elements, blanks between the names.
struct TypeNames {
  DType dtype;
  std::string_view names;
};
constexpr TypeNames type_names[] = {
    {DType::boolean, "bool bool_ b1"},      {DType::i8, "int8 byte i1"},
    {DType::u8, "uint8 ubyte u1"},          {DType::i16, "int16 short i2"},
    {DType::i32, "int32 intc i4"},          {DType::i64, "int int64 int_ intp longlong i8"},
    {DType::f16, "float16 half f2"},        {DType::f32, "float32 single f4"},
    {DType::f64, "float float64 double f8"}};

DType type_named(std::string_view name, const Value& value) {
  if (name.starts_with("numpy.")) name.remove_prefix(6);
  for (const TypeNames& row : type_names) {
    const auto names = split_text(row.names, ' ');
    if (std::ranges::find(names, name) != names.end()) return row.dtype;
  }
  if (name == "uint16" || name == "uint32" || name == "uint64" || name == "uint") {
    throw Error(Fault::unsupported, "",
                fmt::format("elements of type {}: of unsigned integers those of 8 bits are kept "
                            "alone; a signed type of more bits holds the same numbers",
                            name));
  }
  refuse(fmt::format("{} is no type of elements", describe(value)));
}

Dim length_in(const Value& value) {
  if (const Length* length = value.as<Length>()) return length->dim;
  return {integer_of(value)};
}

}  // namespace

Call::Call(const Function& row, std::vector<const Value*> values, const Runtime& with)
    : function(row), runtime(with), values_(std::move(values)) {
  for (const Value* value : values_) {
    if (graph_ == nullptr && value != nullptr) graph_ = trace_of(*value);
  }
}

const Trace& Call::trace() const {
  if (graph_ != nullptr) return *graph_;
  if (!own_) {
    expect(runtime.emitter != nullptr, "functions are called where operators can be carried out");
    at_once_ = runtime.emitter();
    own_.emplace(Trace{*at_once_});
  }
  return *own_;
}

DType Call::float32() const {
  return runtime.precision == Precision::f64 ? DType::f64 : DType::f32;
}

std::vector<std::int64_t> Call::axes(std::size_t i, std::int64_t rank) const {
  std::vector<std::int64_t> axes = has(i) ? integers(i) : std::vector<std::int64_t>();
  for (std::int64_t& axis : axes) axis = axis_from_front(axis, rank);
  return axes;
}

std::vector<std::int64_t> Call::integers(std::size_t i) const {
  const Value none;
  const Value& value = values_[i] == nullptr ? none : *values_[i];
  if (items_of(value) == nullptr && value.as<Array>() == nullptr) return {integer_of(value)};
  const Tensor tensor = tensor_of(value);
  if (is_floating(tensor.dtype()) && tensor.count() > 0)
    refuse(fmt::format("integers are needed, these are {}", describe(value)));
  return tensor.integers();
}

DType Call::dtype(std::size_t i, DType fallback) const {
  if (!has(i)) return fallback;
  const Word* word = values_[i]->as<Word>();
  const std::string* text = values_[i]->as<std::string>();
  const DType dtype = type_named(word != nullptr   ? word->name
                                 : text != nullptr ? *text
                                                   : "",
                                 *values_[i]);
  return dtype == DType::f32 ? float32() : dtype == DType::f64 ? float64() : dtype;
}

Shape Call::lengths(std::size_t i) const {
  const auto* items = values_[i] == nullptr ? nullptr : items_of(*values_[i]);
  if (items == nullptr && has(i) && values_[i]->as<Length>() != nullptr)
    return {length_in(*values_[i])};
  Shape shape;
  if (items == nullptr) {
    for (const std::int64_t length : integers(i)) shape.emplace_back(length);
  } else {
    for (const Value& item : *items) shape.push_back(length_in(item));
  }
  bound_axes(shape.size());
  return shape;
}

ValueId Call::cast(ValueId x, DType dtype) const {
  return b().dtype(x) == dtype ? x : emit("cast", {x}, {{"dtype", dtype}});
}

ValueId Call::real(ValueId x) const { return is_floating(b().dtype(x)) ? x : cast(x, float64()); }

ValueId Call::real_tensor(std::size_t i) const { return real(tensor(i)); }

ValueId Call::number_tensor(std::size_t i) const {
  const ValueId x = tensor(i);
  return b().dtype(x) == DType::boolean ? cast(x, DType::i64) : x;
}

ValueId Call::summed_tensor(std::size_t i) const {
  const ValueId x = tensor(i);
  if (b().dtype(x) == DType::u8) {
    throw Error(Fault::unsupported, "",
                fmt::format("the sum or product of {}: NumPy's is an unsigned integer of 64 bits; "
                            "of x.astype('int64') it is one of ours",
                            describe(*values_[i])));
  }
  return is_floating(b().dtype(x)) ? x : cast(x, DType::i64);
}

ValueId Call::places(std::size_t i) const {
  const ValueId x = tensor(i);
  return is_integer(b().dtype(x)) ? cast(x, DType::i64) : x;
}

std::vector<ValueId> Call::tensors(std::size_t i) const {
  const auto* items = items_of(*values_[i]);
  if (items == nullptr)
    refuse(fmt::format("a tuple of arrays is needed, this is {}", describe(*values_[i])));
  if (items->empty()) refuse("there is nothing to join");
  std::vector<ValueId> result;
  for (const Value& item : *items) result.push_back(materialized(trace(), item));
  DType dtype = b().dtype(result[0]);
  for (const ValueId id : result) dtype = common_type(dtype, b().dtype(id), float64());
  for (ValueId& id : result) id = cast(id, dtype);
  return result;
}

Value Call::result(ValueId id, bool scalars) const {
  if (in_graph()) return {Traced{graph_, id}};
  return result_of(b().known(id).value(), scalars);
}

ValueId flattened(Emitter& b, ValueId x) {
  return b.rank(x) == 1 ? x : reshape_to(b, x, {count_elements(b.shape(x))});
}

}  // namespace isomer::numpy

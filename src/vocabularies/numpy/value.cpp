#include "vocabularies/numpy/value.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "graph/text.h"
#include "ops/rules.h"
#include "vocabularies/numpy/arrays.h"

namespace isomer::numpy {
namespace {

/// The narrowest floating type that NumPy joins with an integer type.
DType real_beside(DType integer) {
  if (size_of(integer) == 1) return DType::f16;
  return integer == DType::i16 ? DType::f32 : DType::f64;
}

/// What a nested list is gathered into, as numpy.array does: a shape and one flat row.
struct Gathered {
  std::vector<std::int64_t> shape;
  std::vector<double> reals;
  std::vector<std::int64_t> integers;
  DType dtype = DType::boolean;  // that all fit
  std::int64_t of_arrays = 0;    // the same array may stand in a list many times

  void add(double number, std::int64_t integer) {
    reals.push_back(number);
    integers.push_back(integer);
  }
  void add(const Tensor& tensor) {
    of_arrays = sum_of_lengths(of_arrays, tensor.count());
    bounded({of_arrays}, tensor.count());
    dtype = common_type(dtype, tensor.dtype());
    if (is_floating(tensor.dtype())) {
      for (const double number : tensor.doubles()) add(number, 0);
    } else {
      for (const std::int64_t number : tensor.integers()) add(static_cast<double>(number), number);
    }
  }
};

void demand_known(const Value& value) {
  if (trace_of(value) == nullptr) return;
  throw Error(Fault::unsupported, "",
              fmt::format("{} depends on the graph's inputs; here it must be known when the "
                          "document is read",
                          describe(value)));
}

bool expect_length(Gathered& gathered, std::size_t depth, std::int64_t length, bool first) {
  if (first && gathered.shape.size() == depth) gathered.shape.push_back(length);
  return depth < gathered.shape.size() && gathered.shape[depth] == length;
}

bool gather(const Value& value, std::size_t depth, bool first, Gathered& gathered) {
  if (const auto* items = items_of(value)) {
    if (!expect_length(gathered, depth, static_cast<std::int64_t>(items->size()), first))
      return false;
    for (std::size_t i = 0; i < items->size(); ++i) {
      if (!gather((*items)[i], depth + 1, first && i == 0, gathered)) return false;
    }
    return true;
  }
  if (const Array* array = value.as<Array>()) {
    for (const std::int64_t length : array->tensor.shape()) {
      if (!expect_length(gathered, depth++, length, first)) return false;
    }
    gathered.add(array->tensor);
    return depth == gathered.shape.size();
  }
  if (!is_number(value)) return false;
  const bool real = value.as<double>() != nullptr;
  const DType own = real ? DType::f64 : value.as<bool>() != nullptr ? DType::boolean : DType::i64;
  gathered.dtype = common_type(gathered.dtype, own);
  gathered.add(real_of(value), real ? 0 : integer_of(value));
  return depth == gathered.shape.size();
}

Tensor tensor_of_number(const Value& value) {
  if (const double* number = value.as<double>())
    return Tensor::from_doubles(DType::f64, {}, std::span(number, 1));
  const std::int64_t number = integer_of(value);
  const DType dtype = value.as<bool>() != nullptr ? DType::boolean : DType::i64;
  return Tensor::from_integers(dtype, {}, std::span(&number, 1));
}

}  // namespace

Value array_value(const Tensor& tensor) {
  const bool ours_alone = tensor.dtype() == DType::bf16;
  return {Array{ours_alone ? tensor.converted(DType::f32) : tensor, false}};
}
Value result_of(Tensor tensor, bool scalars) {
  const bool scalar = scalars && tensor.shape().empty();
  return {Array{std::move(tensor), scalar}};
}

Value length_value(const Trace& trace, const Dim& length) {
  return length.known() ? Value{length.value()} : Value{Length{&trace, length}};
}

const Trace* trace_of(const Value& value) {
  if (const Traced* traced = value.as<Traced>()) return traced->trace;
  if (const Length* length = value.as<Length>()) return length->trace;
  const auto* items = items_of(value);
  if (items == nullptr) return nullptr;
  for (const Value& item : *items) {
    if (const Trace* trace = trace_of(item)) return trace;
  }
  return nullptr;
}

ValueId materialized(const Trace& trace, const Value& value) {
  if (const Traced* traced = value.as<Traced>()) return traced->id;
  if (const Length* length = value.as<Length>())
    return trace.b.emit("length", {}, {{"value", length->dim}});
  if (trace_of(value) == nullptr) {
    const Tensor tensor = tensor_of(value);
    return trace.b.constant(tensor, tensor.dtype() == DType::f64 ? trace.real : tensor.dtype());
  }
  std::vector<ValueId> items;
  DType dtype = DType::boolean;
  for (const Value& item : *items_of(value)) {
    items.push_back(materialized(trace, item));
    dtype = common_type(dtype, trace.b.dtype(items.back()), trace.real);
  }
  for (ValueId& item : items) item = materialized(trace, {Traced{&trace, item}}, dtype);
  return trace.b.emit("stack", std::move(items), {{"dim", std::int64_t{0}}});
}

ValueId materialized(const Trace& trace, const Value& value, DType dtype) {
  if (trace_of(value) == nullptr) return trace.b.constant(tensor_of(value), dtype);
  const ValueId id = materialized(trace, value);
  return trace.b.dtype(id) == dtype ? id : trace.b.emit("cast", {id}, {{"dtype", dtype}});
}

bool is_array(const Value& value) {
  return value.as<Array>() != nullptr || value.as<Traced>() != nullptr;
}

bool is_number(const Value& value) {
  return value.as<bool>() != nullptr || value.as<std::int64_t>() != nullptr ||
         value.as<double>() != nullptr;
}

double real_of(const Value& value) {
  if (const double* number = value.as<double>()) return *number;
  if (const auto* number = value.as<std::int64_t>()) return static_cast<double>(*number);
  if (const bool* flag = value.as<bool>()) return *flag ? 1 : 0;
  const Array* array = value.as<Array>();
  if (array != nullptr && array->tensor.count() == 1) return array->tensor.doubles()[0];
  demand_known(value);
  refuse(fmt::format("a number is needed, this is {}", describe(value)));
}

std::int64_t integer_of(const Value& value) {
  if (const auto* number = value.as<std::int64_t>()) return *number;
  if (const bool* flag = value.as<bool>()) return *flag ? 1 : 0;
  const Array* array = value.as<Array>();
  if (array != nullptr && array->tensor.count() == 1 && !is_floating(array->tensor.dtype())) {
    return array->tensor.integers()[0];
  }
  demand_known(value);
  refuse(fmt::format("an integer is needed, this is {}", describe(value)));
}

bool truth_of(const Value& value) {
  if (value.is_none()) return false;
  if (const auto* items = items_of(value)) return !items->empty();
  if (const Dict* dict = value.as<Dict>()) return !dict->items.empty();
  if (const std::string* text = value.as<std::string>()) return !text->empty();
  if (const Text* text = value.as<Text>()) return !text->text.empty();
  if (value.as<Word>() != nullptr) return true;
  demand_known(value);
  if (const Array* array = value.as<Array>(); array != nullptr && array->tensor.count() != 1) {
    refuse(fmt::format("the truth of {} is ambiguous: reduce it with .any() or .all()",
                       describe(value)));
  }
  return real_of(value) != 0;
}

void bound_items(std::uint64_t count) {
  constexpr std::uint64_t most = most_elements / 256;
  if (count <= most) return;
  refuse(fmt::format("lists of more than {} items; at most so many are made", most));
}

std::uint64_t values_in(const Value& value, int depth) {
  constexpr int deepest = 256;
  if (depth > deepest) refuse("lists are nested too deeply");
  std::uint64_t count = 1;
  if (const auto* items = items_of(value)) {
    for (const Value& item : *items) count += values_in(item, depth + 1);
  } else if (const Dict* dict = value.as<Dict>()) {
    for (const auto& [key, item] : dict->items) count += values_in(item, depth + 1);
  }
  return count;
}

const std::vector<Value>* items_of(const Value& value) {
  if (const List* list = value.as<List>()) return &list->items;
  if (const Tuple* tuple = value.as<Tuple>()) return &tuple->items;
  return nullptr;
}

bool to_tensor(const Value& value, Tensor& result) {
  if (const Array* array = value.as<Array>()) {
    result = array->tensor;
    return true;
  }
  if (is_number(value)) {
    result = tensor_of_number(value);
    return true;
  }
  Gathered gathered;
  if (!gather(value, 0, true, gathered)) return false;
  if (gathered.reals.empty()) gathered.dtype = DType::f64;  // as that of numpy.array([])
  result = is_floating(gathered.dtype)
               ? Tensor::from_doubles(gathered.dtype, gathered.shape, gathered.reals)
               : Tensor::from_integers(gathered.dtype, gathered.shape, gathered.integers);
  return true;
}

Tensor tensor_of(const Value& value) {
  Tensor result;
  if (!to_tensor(value, result)) {
    demand_known(value);
    refuse(fmt::format("an array is needed, this is {}", describe(value)));
  }
  return result;
}

Value value_of(const Tree& tree) {
  if (tree.is_null()) return {};
  if (const bool* flag = std::get_if<bool>(&tree.value)) return {*flag};
  if (const auto* number = tree.integer()) return {*number};
  if (const double* number = std::get_if<double>(&tree.value)) return {*number};
  if (const std::string* text = tree.text()) return {*text};
  if (const Tree::List* list = tree.list()) {
    List result;
    result.items.reserve(list->size());
    for (const Tree& item : *list) result.items.push_back(value_of(item));
    return {std::move(result)};
  }
  Dict result;
  for (const auto& [key, item] : *tree.map()) result.items.push_back({key, value_of(item)});
  return {std::move(result)};
}

DType common_type(DType a, DType b, DType real) {
  if (a == b) return a;
  if (a == DType::boolean) return b;
  if (b == DType::boolean) return a;
  if (is_floating(a) == is_floating(b)) {
    const bool signs_differ = size_of(a) == 1 && size_of(b) == 1;
    return signs_differ ? DType::i16 : std::max(a, b);
  }
  const DType floating = is_floating(a) ? a : b;
  const DType joint = std::max(floating, real_beside(is_floating(a) ? b : a));
  return joint == DType::f64 && real != DType::f64 ? std::max(floating, real) : joint;
}

DType ufunc_real_type(DType dtype, DType real) {
  if (is_floating(dtype)) return dtype;
  const DType least = dtype == DType::boolean ? DType::f16 : real_beside(dtype);
  return least == DType::f64 ? real : least;
}

bool fits(const Value& value, DType dtype) {
  if (!is_integer(dtype) || dtype == DType::i64) return true;
  if (const auto* items = items_of(value))
    return std::ranges::all_of(*items, [&](const Value& item) { return fits(item, dtype); });
  const auto* number = value.as<std::int64_t>();
  return number == nullptr ||
         Tensor::from_integers(dtype, {}, std::span(number, 1)).integers()[0] == *number;
}

void demand_fit(const Value& value, DType dtype) {
  if (!fits(value, dtype))
    refuse(fmt::format("{} does not fit elements of type {}", describe(value), name_of(dtype)));
}

std::string describe(const Value& value) {
  struct Describe {
    std::string operator()(std::monostate) const { return "None"; }
    std::string operator()(bool flag) const { return flag ? "True" : "False"; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return real_text(number); }
    std::string operator()(const std::string& text) const {
      return fmt::format("the text {}", quoted(text));
    }
    std::string operator()(const Text& text) const {
      return fmt::format("the text {}", quoted(text.text));
    }
    std::string operator()(const Array& array) const {
      return to_text(array.tensor.dtype(), array.tensor.shape());
    }
    std::string operator()(const List& list) const {
      return "a list of " + counted(list.items.size(), "item");
    }
    std::string operator()(const Tuple& tuple) const {
      return "a tuple of " + counted(tuple.items.size(), "item");
    }
    std::string operator()(const Dict& dict) const {
      return "a dict of " + counted(dict.items.size(), "item");
    }
    std::string operator()(const Word& word) const { return quoted(word.name); }
    std::string operator()(const Traced& traced) const {
      return to_text(traced.trace->b.type(traced.id));
    }
    std::string operator()(const Length& length) const {
      return fmt::format("the length {}", to_text(length.dim));
    }
    std::string operator()(Unread) const { return "what is not read"; }
  };
  return std::visit(Describe{}, value.data);
}

}  // namespace isomer::numpy

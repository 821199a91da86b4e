#include "vocabularies/numpy/functions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/numpy/function_table.h"

namespace isomer::numpy {
namespace {

using Functions = std::unordered_map<std::string_view, const LibraryFunction*>;

const Functions& all_functions() {
  static const Functions functions = [] {
    Functions result;
    for (const auto rows : {python_functions(), elementwise_functions(), reduction_functions(),
                            shape_functions(), creation_functions()}) {
      for (const LibraryFunction& row : rows) result.emplace(row.name, &row);
    }
    return result;
  }();
  return functions;
}

const LibraryFunction& function_named(const std::string& name) {
  const auto found = all_functions().find(name);
  if (found != all_functions().end()) return *found->second;
  std::vector<std::string_view> names;
  for (const auto& [known, row] : all_functions()) names.push_back(known);
  std::ranges::sort(names);
  const std::string_view near = nearest(name, names);
  const std::string hint = near.empty() ? "" : fmt::format("; did you mean '{}'?", near);
  throw Error(Fault::unsupported, "",
              fmt::format("there is no function {} here{}", quoted(name), hint));
}

Bound bind(const LibraryFunction& function, const Arguments& arguments, Width width) {
  const std::vector<std::string_view> parameters = split_text(function.parameters, ' ');
  Bound bound{std::vector<const Value*>(parameters.size(), nullptr), width};
  std::size_t position = 0;
  for (std::size_t i = 0; i < arguments.values.size(); ++i) {
    const std::string& keyword = arguments.keywords[i];
    std::size_t at = keyword.empty() ? position++ : 0;
    // The first parameter goes by many names (a, x, array); it is always given by position.
    while (!keyword.empty() && at < parameters.size() && parameters[at] != keyword &&
           parameters[at] != keyword + "?") {
      ++at;
    }
    if (at >= parameters.size()) {
      const std::string what = keyword.empty()
                                   ? fmt::format("at most {} arguments", parameters.size())
                                   : fmt::format("no argument {}", quoted(keyword));
      throw Error(Fault::unsupported, "", fmt::format("'{}' is read with {}", function.name, what));
    }
    bound.values[at] = &arguments.values[i];
  }
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (bound.values[i] == nullptr && !parameters[i].ends_with('?')) {
      throw Error(Fault::model, "",
                  fmt::format("'{}' needs its argument '{}'", function.name, parameters[i]));
    }
  }
  return bound;
}

struct Method {
  std::string_view name;
  std::string_view function;
};

constexpr Method methods[] = {
    {"sum", "numpy.sum"},
    {"prod", "numpy.prod"},
    {"mean", "numpy.mean"},
    {"var", "numpy.var"},
    {"std", "numpy.std"},
    {"max", "numpy.max"},
    {"min", "numpy.min"},
    {"any", "numpy.any"},
    {"all", "numpy.all"},
    {"argmax", "numpy.argmax"},
    {"argmin", "numpy.argmin"},
    {"cumsum", "numpy.cumsum"},
    {"cumprod", "numpy.cumprod"},
    {"reshape", "numpy.reshape"},
    {"ravel", "numpy.ravel"},
    {"flatten", "numpy.ravel"},
    {"transpose", "numpy.transpose"},
    {"squeeze", "numpy.squeeze"},
    {"swapaxes", "numpy.swapaxes"},
    {"repeat", "numpy.repeat"},
    {"take", "numpy.take"},
    {"dot", "numpy.dot"},
    {"clip", "numpy.clip"},
    {"round", "numpy.round"},
    {"astype", "array.astype"},
};

constexpr std::array<std::string_view, 2> takes_loose_axes = {"reshape", "transpose"};

Value sliced(const Value& object, const Slice& slice, std::int64_t length, std::int64_t& start,
             std::int64_t& count, std::int64_t& step) {
  step = slice.step.is_none() ? 1 : integer_of(slice.step);
  if (step == 0) throw Error(Fault::model, "", "a slice cannot advance by 0");
  const auto bound = [&](const Value& value, std::int64_t otherwise) {
    if (value.is_none()) return otherwise;
    const std::int64_t raw = integer_of(value);
    const std::int64_t place = raw < 0 ? raw + length : raw;
    return step > 0 ? std::clamp(place, std::int64_t{0}, length)
                    : std::clamp(place, std::int64_t{-1}, length - 1);
  };
  start = bound(slice.start, step > 0 ? 0 : length - 1);
  const std::int64_t stop = bound(slice.stop, step > 0 ? length : -1);
  const std::int64_t distance = step > 0 ? stop - start : start - stop;
  count = distance <= 0 ? 0 : 1 + (step > 0 ? (distance - 1) / step : (1 - distance) / step);
  return object;
}

Value sequence_at(const Value& object, const std::vector<Value>& items, const Index& index) {
  const auto length = static_cast<std::int64_t>(items.size());
  if (!index.is_slice) {
    const std::int64_t raw = integer_of(index.at);
    if (raw < -length || raw >= length) {
      throw Error(Fault::model, "", fmt::format("item {} is asked of {}", raw, describe(object)));
    }
    return items[static_cast<std::size_t>(raw < 0 ? raw + length : raw)];
  }
  std::int64_t start = 0;
  std::int64_t count = 0;
  std::int64_t step = 1;
  sliced(object, index.slice, length, start, count, step);
  std::vector<Value> part;
  for (std::int64_t i = 0; i < count; ++i)
    part.push_back(items[static_cast<std::size_t>(start + i * step)]);
  return object.as<List>() != nullptr ? Value{List{std::move(part)}}
                                      : Value{Tuple{std::move(part)}};
}

Tensor with_axis(const Tensor& tensor, std::size_t axis) {
  Lengths1 shape = tensor.shape();
  shape.insert(shape.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  return tensor.reshaped(bounded(std::move(shape), tensor.count()));
}

Tensor slice_of(const Tensor& tensor, std::size_t axis, const Slice& slice) {
  std::int64_t start = 0;
  std::int64_t count = 0;
  std::int64_t step = 1;
  sliced({}, slice, tensor.shape()[axis], start, count, step);
  return strided(tensor, axis, start, count, step);
}

Value array_at(const Tensor& tensor, const std::vector<Index>& indices) {
  Tensor result = tensor;
  std::size_t axis = 0;
  bool whole = false;  // something other than plain integers took part
  for (const Index& index : indices) {
    if (!index.is_slice && index.at.is_none()) {  // a new axis
      result = with_axis(result, axis++);
      whole = true;
      continue;
    }
    if (axis >= result.shape().size()) {
      throw Error(Fault::model, "",
                  fmt::format("{} has no axis {}", to_text(tensor.dtype(), tensor.shape()), axis));
    }
    if (index.is_slice) {
      result = slice_of(result, axis++, index.slice);
      whole = true;
      continue;
    }
    const bool single =
        is_number(index.at) || (index.at.as<Array>() != nullptr && index.at.as<Array>()->scalar);
    if (single) {
      const std::int64_t place = integer_of(index.at);
      result = taken(result, Tensor::of<std::int64_t>({}, std::vector{place}),
                     static_cast<std::int64_t>(axis));
      continue;
    }
    if (indices.size() > 1)
      throw Error(Fault::unsupported, "", "an array among several indices is not read");
    const Tensor places = tensor_of(index.at);
    if (places.dtype() == DType::boolean || is_floating(places.dtype())) {
      throw Error(Fault::unsupported, "", "an array is indexed by integers only");
    }
    result = taken(result, places, 0);
    whole = true;
  }
  return result_of(result, !whole);
}

}  // namespace

std::optional<Lengths1> Bound::integers(std::size_t i) const {
  if (!has(i)) return std::nullopt;
  if (items_of(*values[i]) == nullptr && values[i]->as<Array>() == nullptr)
    return Lengths1{integer_of(*values[i])};
  const Tensor tensor = tensor_of(*values[i]);
  if (is_floating(tensor.dtype()) && tensor.count() > 0) {
    throw Error(Fault::model, "",
                fmt::format("integers are needed, these are {}", describe(*values[i])));
  }
  return tensor.integers();
}

std::vector<Tensor> Bound::tensors(std::size_t i) const {
  const auto* items = items_of(*values[i]);
  if (items == nullptr) {
    throw Error(Fault::model, "",
                fmt::format("a tuple of arrays is needed, this is {}", describe(*values[i])));
  }
  std::vector<Tensor> result;
  for (const Value& item : *items) result.push_back(tensor_of(item));
  return result;
}

Value as_array(const Value& value) {
  return value.as<Array>() != nullptr ? value : array_value(tensor_of(value));
}

DType real_type(DType dtype) { return is_floating(dtype) ? dtype : DType::f64; }

double degrees(double x) { return x * 180 / std::numbers::pi; }
double radians(double x) { return x * std::numbers::pi / 180; }

bool is_builtin(std::string_view name) {
  constexpr std::array<std::string_view, 78> builtins = {
      "False",       "None",    "True",       "abs",       "all",     "any",          "ascii",
      "bin",         "bool",    "breakpoint", "bytearray", "bytes",   "callable",     "chr",
      "classmethod", "compile", "complex",    "copyright", "credits", "delattr",      "dict",
      "dir",         "divmod",  "enumerate",  "eval",      "exec",    "exit",         "filter",
      "float",       "format",  "frozenset",  "getattr",   "globals", "hasattr",      "hash",
      "help",        "hex",     "id",         "input",     "int",     "isinstance",   "issubclass",
      "iter",        "len",     "license",    "list",      "locals",  "map",          "max",
      "memoryview",  "min",     "next",       "object",    "oct",     "open",         "ord",
      "pow",         "print",   "property",   "quit",      "range",   "repr",         "reversed",
      "round",       "set",     "setattr",    "slice",     "sorted",  "staticmethod", "str",
      "sum",         "super",   "tuple",      "type",      "vars",    "zip",          "Exception",
      "ValueError"};
  return std::ranges::find(builtins, name) != builtins.end();
}

Value named(const std::string& name) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const bool in_module = name.starts_with("math.") || name.starts_with("numpy.");
  const std::string_view last =
      in_module ? std::string_view(name).substr(name.find('.') + 1) : std::string_view();
  if (last == "pi") return {std::numbers::pi};
  if (last == "e") return {std::numbers::e};
  if (last == "inf") return {infinity};
  if (last == "nan") return {std::numeric_limits<double>::quiet_NaN()};
  if (name == "numpy.newaxis") return {};
  if (name == "numpy" || name == "math" || name == "numpy.linalg" || in_module ||
      is_builtin(name)) {
    return {Word{name}};
  }
  return {};
}

Value call(const std::string& name, const Arguments& arguments, Width width) {
  const LibraryFunction& function = function_named(name);
  return function.run(bind(function, arguments, width));
}

Value call_method(const Value& object, const std::string& name, const Arguments& arguments,
                  Width width) {
  if (object.as<Array>() == nullptr) {
    throw Error(Fault::model, "",
                fmt::format("{} has no method {}", describe(object), quoted(name)));
  }
  for (const Method& method : methods) {
    if (method.name != name) continue;
    Arguments all{{object}, {""}};
    const bool loose = std::ranges::find(takes_loose_axes, name) != takes_loose_axes.end() &&
                       !arguments.values.empty() && is_number(arguments.values[0]);
    if (loose) {
      all.values.push_back({Tuple{arguments.values}});
      all.keywords.emplace_back();
    } else {
      all.values.insert(all.values.end(), arguments.values.begin(), arguments.values.end());
      all.keywords.insert(all.keywords.end(), arguments.keywords.begin(), arguments.keywords.end());
    }
    return call(std::string(method.function), all, width);
  }
  throw Error(Fault::unsupported, "", fmt::format("arrays have no method {} here", quoted(name)));
}

Value attribute_of(const Value& object, std::string_view name) {
  const Array* array = object.as<Array>();
  if (array == nullptr) return {};
  if (name == "T") return call("numpy.transpose", {{object}, {""}}, Width::as_written);
  if (name == "shape") return call("numpy.shape", {{object}, {""}}, Width::as_written);
  if (name == "ndim") return call("numpy.ndim", {{object}, {""}}, Width::as_written);
  if (name == "size") return call("numpy.size", {{object}, {""}}, Width::as_written);
  return {};
}

Value subscript(const Value& object, const std::vector<Index>& index, bool tuple) {
  if (const Array* array = object.as<Array>()) return array_at(array->tensor, index);
  if (tuple || index.size() != 1) {
    throw Error(Fault::model, "", fmt::format("{} takes one index", describe(object)));
  }
  if (const auto* items = items_of(object)) return sequence_at(object, *items, index[0]);
  const std::string* key = index[0].at.as<std::string>();
  const Dict* dict = object.as<Dict>();
  if (dict == nullptr || key == nullptr) {
    throw Error(Fault::model, "",
                fmt::format("{} cannot be indexed by {}", describe(object), describe(index[0].at)));
  }
  for (const auto& [name, value] : dict->items) {
    if (name == *key) return value;
  }
  throw Error(Fault::model, "", fmt::format("the dict has no key {}", quoted(*key)));
}

}  // namespace isomer::numpy

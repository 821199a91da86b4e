#pragma once

// The functions an expression can call: Python's own, those of `math` and `numpy`, and the methods
// of arrays.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "graph/precision.h"
#include "vocabularies/numpy/value.h"

namespace isomer::numpy {

/// What functions are carried out with.
struct Runtime {
  Precision precision = Precision::f32;  // of `numpy.float32`
  /// Makes what carries operators out at once, for one function on known arrays.
  std::function<std::unique_ptr<Emitter>()> emitter;
  /// The module's own stream of random numbers, of one evaluation; null where a document is read.
  std::shared_ptr<RandomStream> random = nullptr;
};

struct Arguments {
  std::vector<Value> values;
  std::vector<std::string> keywords = {};  // of the values, empty where one stands by position
};

/// A name that no document defines: a builtin function or a constant of a module. None when there
/// is no such thing. `name` is full: "abs", "math.pi", "numpy.linalg.norm".
Value named(const std::string& name);
/// Whether `name` is one of Python's builtins: the format takes those for known.
bool is_builtin(std::string_view name);

/// The full names of all functions, sorted.
std::vector<std::string_view> function_names();
/// Calls a function by its full name. Throws Fault::model where there is none, or Python would
/// raise.
Value call(const std::string& name, const Arguments& arguments, const Runtime& runtime);
/// Calls a method of `object`: x.mean(axis=0).
Value call_method(const Value& object, const std::string& name, const Arguments& arguments,
                  const Runtime& runtime);
/// An attribute of `object` that is no method: x.T, x.shape. None when there is none.
Value attribute_of(const Value& object, std::string_view name, const Runtime& runtime);

/// object[index]; an index of several axes is a tuple, a slice is a `Slice`.
struct Slice {
  Value start, stop, step;
};
struct Index {
  bool is_slice = false;
  Value at;
  Slice slice;
};
Value subscript(const Value& object, const std::vector<Index>& index, bool tuple,
                const Runtime& runtime);

}  // namespace isomer::numpy

#pragma once

// The functions an expression can call: Python's own, those of `math` and `numpy`, and the methods
// of arrays.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vocabularies/numpy/value.h"

namespace isomer::numpy {

/// How wide `numpy.float32` is: documents are run once as they are and once in double precision,
/// for proofs.
enum class Width { as_written, doubled };

struct Arguments {
  std::vector<Value> values;
  std::vector<std::string> keywords;  // one per value, empty where it stands by position
};

/// A name that no document defines: a builtin function or a constant of a module. None when there
/// is no such thing. `name` is full: "abs", "math.pi", "numpy.linalg.norm".
Value named(const std::string& name);
/// Whether `name` is one of Python's builtins: the format takes those for known.
bool is_builtin(std::string_view name);

/// Calls a function by its full name. Throws Fault::model where there is none, or Python would
/// raise.
Value call(const std::string& name, const Arguments& arguments, Width width);
/// Calls a method of `object`: x.mean(axis=0).
Value call_method(const Value& object, const std::string& name, const Arguments& arguments,
                  Width width);
/// An attribute of `object` that is no method: x.T, x.shape. None when there is none.
Value attribute_of(const Value& object, std::string_view name);

/// object[index]; an index of several axes is a tuple, a slice is a `Slice`.
struct Slice {
  Value start, stop, step;
};
struct Index {
  bool is_slice = false;
  Value at;
  Slice slice;
};
Value subscript(const Value& object, const std::vector<Index>& index, bool tuple);

}  // namespace isomer::numpy

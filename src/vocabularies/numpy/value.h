#pragma once

// What an MDF expression works with. Python's kinds are kept apart, because the format's rules
// depend on them: 5 and 5.0 differ, and so do a NumPy scalar, an array without axes and a plain
// number.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "codecs/tree.h"
#include "graph/tensor.h"
#include "ops/emitter.h"

namespace isomer::numpy {

struct Value;
struct Entry;
struct RandomStream;

/// A NumPy array, or a NumPy scalar (then without axes). Its type is one that NumPy has, too.
struct Array {
  Tensor tensor;
  bool scalar = false;
};

struct List {
  std::vector<Value> items;
};

struct Tuple {
  std::vector<Value> items;
};

struct Dict {
  std::vector<Entry> items;
};

/// A text that is data: `numpy.str_('reflect')`. A plain text is an expression.
struct Text {
  std::string text;
};

/// Something an expression can name but not compute with: a module or a function, by its full name
/// ("numpy.exp").
struct Word {
  std::string name;
  std::shared_ptr<RandomStream> stream = nullptr;  // of a RandomState
};

/// Operators being carried out: into a graph that is read, or at once.
struct Trace {
  Emitter& b;
  DType real = DType::f64;  // what NumPy's float64 is there
};

/// An array that is a value of a graph: known when the graph runs.
struct Traced {
  const Trace* trace;
  ValueId id;
  /// Of what is an integer to Python, and no array: how large it can be, with either sign.
  std::optional<double> largest = std::nullopt;
};

/// A length of such an array that is no number yet; a plain integer to Python.
struct Length {
  const Trace* trace;
  Dim dim;
};

/// What could not be read while a document is read as a graph; whoever needs it cannot be, either.
struct Unread {};

struct Value {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Text, Array, List, Tuple,
               Dict, Word, Traced, Length, Unread>
      data;

  bool is_none() const { return std::holds_alternative<std::monostate>(data); }
  template <class T>
  const T* as() const {
    return std::get_if<T>(&data);
  }
};

/// A key of a dict and what stands there.
struct Entry {
  std::string first;
  Value second;
};

/// An array; bf16, which NumPy does not have, becomes f32.
Value array_value(const Tensor& tensor);
/// An array of the given elements, or a NumPy scalar where it has no axes and `scalars` (no operand
/// was more).
Value result_of(Tensor tensor, bool scalars = true);

/// A length, which is an integer where it is known.
Value length_value(const Trace& trace, const Dim& length);
/// The trace that the value, or something in it, belongs to; null where all is known.
const Trace* trace_of(const Value& value);
/// The value in the trace's emitter. Throws Fault::model for what is no array.
ValueId materialized(const Trace& trace, const Value& value);
/// The same as elements of a type.
ValueId materialized(const Trace& trace, const Value& value, DType dtype);

/// Whether it is an array, of a graph or known.
bool is_array(const Value& value);
/// Whether it is a Python int, float or bool.
bool is_number(const Value& value);
/// Its number: of a Python number, or of an array with one element. Throws Fault::model for others,
/// and Fault::unsupported, as all below, for what is known only when a graph runs.
double real_of(const Value& value);
/// The same for integers; a float is refused, as Python refuses it for an index.
std::int64_t integer_of(const Value& value);
/// Python's `bool(value)`. Throws Fault::model for an array with more than one element.
bool truth_of(const Value& value);

/// How many values it holds, itself included. Throws Fault::model for more than an expression may
/// make, or deeper nesting than can be walked.
std::uint64_t values_in(const Value& value, int depth = 0);
/// Throws Fault::model for lists of more values than an expression may make.
void bound_items(std::uint64_t count);

/// The items of a list or tuple, or null.
const std::vector<Value>* items_of(const Value& value);
/// What `numpy.array(value)` gives. Throws Fault::model where the items do not form a box of
/// numbers.
Tensor tensor_of(const Value& value);
/// The same, but a text or a ragged list gives false.
bool to_tensor(const Value& value, Tensor& result);

/// The type of an operation on both; `real` is NumPy's float64.
DType common_type(DType a, DType b, DType real = DType::f64);
/// That of an elementary function which gives real numbers: of narrow integers a narrow one.
DType ufunc_real_type(DType dtype, DType real = DType::f64);
/// Whether elements of the type hold the value where that is Python's integer, or a list of such.
bool fits(const Value& value, DType dtype);
/// Throws Fault::model where they do not.
void demand_fit(const Value& value, DType dtype);

/// What stands in a document: lists stay lists, integers stay integers.
Value value_of(const Tree& tree);

/// "a list of 2 items", "f64[2, 3]", "None": for messages.
std::string describe(const Value& value);

}  // namespace isomer::numpy

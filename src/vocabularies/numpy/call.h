#pragma once

// How the functions of functions.h are listed: one table per family, one row per function, which is
// carried out on known arrays and read into a graph by the same few lines.

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ops/rules.h"
#include "vocabularies/composites.h"
#include "vocabularies/numpy/arithmetic.h"
#include "vocabularies/numpy/functions.h"

namespace isomer::numpy {

struct Function;

/// One use of a function: its arguments in the order of its own list.
class Call {
 public:
  Call(const Function& row, std::vector<const Value*> values, const Runtime& with);

  const Function& function;
  const Runtime& runtime;

  bool has(std::size_t i) const { return values_[i] != nullptr && !values_[i]->is_none(); }
  /// Given, and None.
  bool is_none(std::size_t i) const { return values_[i] != nullptr && values_[i]->is_none(); }
  /// One that the row's list demands, or that the call has.
  const Value& operator[](std::size_t i) const { return *values_[i]; }
  std::size_t count() const { return values_.size(); }

  // What must be known when a document is read.
  bool flag(std::size_t i) const { return has(i) && truth_of(*values_[i]); }
  double real(std::size_t i, double fallback) const {
    return has(i) ? real_of(*values_[i]) : fallback;
  }
  std::int64_t integer(std::size_t i, std::int64_t fallback) const {
    return has(i) ? integer_of(*values_[i]) : fallback;
  }
  /// One integer or several: axes. Throws Fault::model where there are none.
  std::vector<std::int64_t> integers(std::size_t i) const;
  /// An axis of an array of that rank, counted from the front.
  std::int64_t axis(std::size_t i, std::int64_t rank,
                    std::optional<std::int64_t> fallback = {}) const {
    return axis_from_front(fallback ? integer(i, *fallback) : integer_of(*values_[i]), rank);
  }
  /// The axes that it names; none where it is absent.
  std::vector<std::int64_t> axes(std::size_t i, std::int64_t rank) const;
  /// The type of elements that the argument names.
  DType dtype(std::size_t i, DType fallback) const;

  /// A shape; its lengths may be those of a graph's values.
  Shape lengths(std::size_t i) const;

  // Arrays, in the graph that one of the arguments belongs to, or carried out at once.
  const Trace& trace() const;
  bool in_graph() const { return graph_ != nullptr; }
  Emitter& b() const { return trace().b; }
  /// What NumPy's float64 and float32 are.
  DType float64() const { return in_graph() ? graph_->real : DType::f64; }
  DType float32() const;
  ValueId tensor(std::size_t i) const { return materialized(trace(), *values_[i]); }
  ValueId tensor(std::size_t i, DType dtype) const {
    return materialized(trace(), *values_[i], dtype);
  }
  Shape shape(std::size_t i) const { return b().shape(tensor(i)); }
  DType element_type(std::size_t i) const { return b().dtype(tensor(i)); }
  std::int64_t rank(std::size_t i) const { return b().rank(tensor(i)); }
  /// As real numbers: integers and truths become float64.
  ValueId real_tensor(std::size_t i) const;
  /// As numbers: truths become integers.
  ValueId number_tensor(std::size_t i) const;
  /// As what NumPy adds up or multiplies: integers in 64 bits.
  ValueId summed_tensor(std::size_t i) const;
  /// As places of elements.
  ValueId places(std::size_t i) const;
  ValueId cast(ValueId x, DType dtype) const;
  ValueId real(ValueId x) const;
  /// The arrays of a list, or the parts of an array along its first axis, in their joint type.
  std::vector<ValueId> tensors(std::size_t i) const;

  Dim length(ValueId x, std::int64_t axis) const {
    return b().shape(x)[static_cast<std::size_t>(axis)];
  }
  ValueId emit(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {}) const {
    return b().emit(op, std::move(inputs), std::move(attributes));
  }
  /// Another function, of values.
  Value asked(const std::string& name, std::vector<Value> values) const {
    return call(name, {std::move(values)}, runtime);
  }
  /// As an array: it may be a number or a list.
  Value array(std::size_t i) const { return asked("numpy.asarray", {*values_[i]}); }
  /// The items of what another function gives: a list or a tuple.
  std::vector<Value> parts(const std::string& name, std::vector<Value> values) const {
    return *items_of(asked(name, std::move(values)));
  }
  /// The result: a NumPy scalar where it has no axes and `scalars`.
  Value result(ValueId id, bool scalars = true) const;

 private:
  std::vector<const Value*> values_;
  const Trace* graph_ = nullptr;
  mutable std::unique_ptr<Emitter> at_once_;
  mutable std::optional<Trace> own_;
};

/// A function of one number, which `math` has for numbers and NumPy for arrays.
struct UnaryUfunc {
  enum class Kind {
    real,   // integers become float64
    same,   // integers stay, by `integers`, or as they are
    truth,  // a test
  };
  std::string_view names;  // NumPy's
  std::string_view math;   // that of `math`; empty where it has none, or one that gives integers
  Kind kind;
  double (*reals)(double);
  std::string_view ours = {};                    // the same operator of a graph
  ValueId (*emit)(Emitter&, ValueId) = nullptr;  // instead of `ours`
  std::int64_t (*integers)(std::int64_t) = nullptr;
};

struct BinaryUfunc;

struct Function {
  std::string_view names;       // "numpy.max numpy.amax .max": the last one is a method of arrays
  std::string_view parameters;  // "x axis? keepdims?": '?' marks those that may be absent
  Value (*run)(const Call&);
  /// What it gives, or how much, depends on its operands' values: no graph can hold it.
  bool needs_values = false;
  const UnaryUfunc* unary = nullptr;
  const BinaryUfunc* binary = nullptr;
};

std::span<const UnaryUfunc> unary_ufuncs();
std::span<const Function> python_functions();
std::span<const Function> elementwise_functions();
std::span<const Function> reduction_functions();
std::span<const Function> shape_functions();
std::span<const Function> creation_functions();
std::span<const Function> order_functions();
std::span<const Function> math_functions();
std::span<const Function> statistics_functions();
std::span<const Function> matrix_functions();
std::span<const Function> array_functions();
std::span<const Function> random_functions();

/// An elementary function as NumPy's and as math's.
Value run_unary(const Call& call);
Value run_math(const Call& call);

// What several families share.

inline Value integer_value(std::int64_t number) { return {number}; }
inline Value plus(const Value& x, const Value& y) { return binary("+", x, y); }
inline Value minus(const Value& x, const Value& y) { return binary("-", x, y); }
inline Value times(const Value& x, const Value& y) { return binary("*", x, y); }

/// All elements along one axis.
ValueId flattened(Emitter& b, ValueId x);

}  // namespace isomer::numpy

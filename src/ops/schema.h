#pragma once

// What each operator means: its signature, its type rule, its spelling with smaller operators and
// its derivative. No file, no engine and no target is known here.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace isomer {

class Emitter;

/// What a rule may look at.
struct OpCall {
  const Attributes& attributes;       // complete: defaults are filled in, kinds are the signature's
  std::span<const ValueId> inputs;    // ValueId::none where an optional input is absent
  std::span<const TensorType> types;  // of the inputs; f32[] where absent
  std::span<const Body> bodies = {};  // one for each of the signature's

  bool has(std::size_t i) const { return i < inputs.size() && inputs[i] != ValueId::none; }
  template <class T>
  const T& get(std::string_view name) const {
    return isomer::get<T>(attributes, name);
  }
  std::int64_t integer(std::string_view name) const { return get<std::int64_t>(name); }
  const std::vector<std::int64_t>& integers(std::string_view name) const {
    return get<std::vector<std::int64_t>>(name);
  }
  double real(std::string_view name) const { return get<double>(name); }
  bool flag(std::string_view name) const { return get<bool>(name); }
  bool given(std::string_view name) const { return find(attributes, name) != nullptr; }
};

/// What a derivative rule gets besides the call: the outputs, and for each its cotangent (none:
/// zero).
struct Cotangents {
  std::span<const ValueId> outputs;
  std::span<const ValueId> values;
};

/// How the floats that an operator gives are rounded. Systems differ by it: see passes/perturb.
enum class Rounds {
  each,     // what it gives, and what each step of an expansion gives
  once,     // what it gives, after however many steps: PyTorch's kernels compute many operators in
            // f32; in half precision a sum on the way would overflow
  nearest,  // what it gives, to the nearest number, everywhere: one that the type holds stays
  never,    // it gives numbers that it was given, or others that any type holds
};

/// Where every element of the outputs is one of the first input's: at any place, or at its own in
/// the running order.
enum class Moves { none, freely, in_order };

/// How an operator decides, so that a small difference of its operands may change it wholly: by a
/// comparison, by the place of an extreme, or by rounding.
enum class Decision { none, comparison, extreme, rounding };

/// An input of positions along an axis of another input.
struct Indexing {
  std::size_t indices = 1;
  std::size_t table = 0;
  /// The last of fewer; none: the attribute "dim" says it.
  std::optional<std::int64_t> axis = {};
};

/// What others ask about an operator besides its meaning. The case runner holds it against what the
/// operator does in its cases.
struct Traits {
  Rounds rounds = Rounds::each;
  /// Of one that adds or multiplies many numbers, in an order that nobody promises: how many.
  Dim (*terms)(const OpCall&) = nullptr;
  bool random = false;  // draws; one with a setting "training" only there
  Moves moves = Moves::none;
  bool views = false;  // its outputs may share the memory of its first input, as PyTorch's do
  bool stops_gradient = false;  // on purpose: what it is given counts as not used
  Decision decides = Decision::none;
  std::optional<Indexing> indexes = {};
  bool commutes = false;   // its two inputs may change places
  bool own_slope = false;  // at a kink of its expansion, its derivative says something else
};

/// One row of a family's table.
///
/// The signature is the single source of names, order, kinds and defaults:
///   "conv(x, weight, bias?, stride: ints = [1, 1], groups: int = 1) -> y"
/// Inputs have no kind: `x` is required, `bias?` optional, `xs...` any number (last). Attributes
/// have one of the kinds bool int float string dtype dim ints dims, then a default, or `?` for "may
/// be absent", or neither for "must be given". Bodies come last, behind a semicolon:
///   "if(condition, xs...; then, else) -> ys..."
/// Outputs: `-> y`, `-> (y, indices)` or `-> ys...`.
struct OpSchema {
  std::string_view signature;
  /// Types of the outputs. Throws Fault::model with what would be right.
  std::vector<TensorType> (*infer)(const OpCall&);
  /// The same meaning in smaller operators; null: the op is primitive.
  std::vector<ValueId> (*expand)(Emitter&, const OpCall&) = nullptr;
  /// Cotangents of the inputs, one per input (none: zero); null: by expansion, or there is no
  /// derivative.
  std::vector<ValueId> (*vjp)(Emitter&, const OpCall&, const Cotangents&) = nullptr;
  /// One line; docs/coverage.md is made from it.
  std::string_view meaning;
  Traits traits = {};

  constexpr std::string_view name() const { return signature.substr(0, signature.find('(')); }
};

/// A family is a room: the same names in ops/, run/reference/ and the systems' folders.
struct OpFamily {
  std::string_view name;
  std::span<const OpSchema> ops;
};

std::span<const OpFamily> op_families();
/// Null when there is none of that name.
const OpSchema* find_op(std::string_view name);
/// Throws Fault::model with the nearest name.
const OpSchema& op_named(std::string_view name);

/// What else is known of the node's operator.
const Traits& traits_of(const Node& node);
/// Whether the node draws random numbers, itself or in its bodies; a dropout does in training.
bool draws(const Node& node);
bool draws(const Graph& graph);

enum class Kind { boolean, integer, real, text, dtype, dim, integers, dims };

/// The parsed signature.
struct Prototype {
  struct Input {
    std::string_view name;
    bool optional = false;
    bool variadic = false;
  };
  struct Setting {
    std::string_view name;
    Kind kind;
    bool optional = false;  // may be absent
    std::optional<Attribute> default_value;
  };
  std::vector<Input> inputs;
  std::vector<Setting> settings;
  std::vector<std::string_view> bodies;
  std::vector<std::string_view> outputs;
  bool variadic_outputs = false;
};

/// Parsed once per schema and kept.
const Prototype& prototype(const OpSchema& schema);
/// Parses a signature. Throws Fault::bug where it is malformed.
Prototype parse_signature(std::string_view signature);

/// `given` in the signature's order and kinds, with the defaults filled in. Integers are taken for
/// floats and for lengths. Throws Fault::model for an unknown, missing or ill-typed one.
Attributes complete(const OpSchema& schema, const Attributes& given);
Attributes complete(std::string_view op, const Prototype& prototype, const Attributes& given);
/// The same without those that equal their default: the form nodes keep.
Attributes canonical(const OpSchema& schema, const Attributes& given);

}  // namespace isomer

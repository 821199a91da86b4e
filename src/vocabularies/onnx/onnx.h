#pragma once

// ONNX operators of opset 15, as far as documents use them: what they are called, what they take
// and what they mean.

#include <span>
#include <string_view>
#include <vector>

#include "ops/emitter.h"

namespace isomer::onnx {

/// One use of an operator. Inputs stand packed: where an optional one is absent, those behind it
/// move up, as they do in the reference.
struct OnnxCall {
  std::vector<ValueId> inputs;
  Attributes attributes;  // int64, double, string, or lists of the first two

  bool has(std::size_t i) const { return i < inputs.size(); }
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const;
  double real(std::string_view name, double otherwise) const;
  std::vector<std::int64_t> integers(std::string_view name,
                                     std::vector<std::int64_t> otherwise) const;
  bool given(std::string_view name) const { return find(attributes, name) != nullptr; }
};

struct OnnxOperator {
  std::string_view name;    // "Conv"
  std::string_view inputs;  // formal names in order, "W? B?" optional, "*" any number
  std::string_view
      attributes;  // "axis:int alpha:float pads:ints mode:text to:int"; '!' behind a required one
  std::vector<ValueId> (*emit)(Emitter&, const OnnxCall&);
  std::string_view ours = {};  // the operator of ours that is the same, for those without `emit`
  bool tuple = false;          // the reference returns a tuple even for one output

  bool variadic() const { return inputs == "*"; }
};

/// By its name in any case, as the reference finds it. Null when we know none.
const OnnxOperator* find_onnx(std::string_view name);

/// Carries the operator out. Throws Fault::model for what it does not take, Fault::unsupported for
/// settings we do not read.
std::vector<ValueId> emit_onnx(Emitter& emitter, const OnnxOperator& op, const OnnxCall& call);

/// The families of the table.
std::span<const OnnxOperator> onnx_elementwise();
std::span<const OnnxOperator> onnx_shapes();
std::span<const OnnxOperator> onnx_layers();

/// Integers that must be known when a document is read: a shape, axes, bounds. Throws
/// Fault::unsupported otherwise.
std::vector<std::int64_t> known_integers(const Emitter& emitter, ValueId id, std::string_view what);
/// Axes counted from the front. Throws Fault::model.
std::int64_t axis_of(std::int64_t axis, std::int64_t rank);

}  // namespace isomer::onnx

#pragma once

// MDF's own functions, and what its rules for ONNX functions take for
// attributes and inputs: shared by running and reading a document.

#include <optional>
#include <string>
#include <string_view>

#include "graph/attribute.h"
#include "vocabularies/numpy/value.h"
#include "vocabularies/onnx/onnx.h"

namespace isomer::mdf {

using numpy::Text;
using numpy::Value;

/// The operators that documents mean.
constexpr int onnx_opset = 15;

/// The formula of one of the format's functions, or an empty text.
std::string standard_formula(std::string_view name);

/// Whether the format has a function of that name that is not carried out here: those of ACT-R, and
/// the drift-diffusion integrator, which its own program cannot call, either.
bool is_left_out(std::string_view name);

/// What "onnx::Relu" names, in any case of letters, as the reference finds it.
/// Null when we know none, or it is no name of ONNX.
const onnx::Operator* onnx_function(std::string_view name);
/// What an attribute of that name is; nothing when the operator has none.
std::optional<Kind> attribute_kind(const onnx::Operator& op, std::string_view name);
/// Whether the operator has an input of that formal name.
bool is_input(const onnx::Operator& op, std::string_view name);
/// Whether the reference returns a tuple, be it of one.
inline bool gives_tuple(const onnx::Operator& op) {
  return op.prototype.outputs.size() > 1 || op.prototype.variadic_outputs;
}
/// A value as an attribute. Throws Fault::model where it is of another kind.
Attribute attribute_from(const Value& value, Kind kind);

}  // namespace isomer::mdf

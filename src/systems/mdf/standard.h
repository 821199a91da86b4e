#pragma once

// MDF's own functions, and what its rules for ONNX functions take for attributes and inputs: shared
// by running and reading a document.

#include <string>
#include <string_view>

#include "graph/attribute.h"
#include "vocabularies/numpy/value.h"
#include "vocabularies/onnx/onnx.h"

namespace isomer::mdf {

using numpy::Text;
using numpy::Value;
using onnx::OnnxOperator;

/// The formula of one of the format's functions, or an empty text.
std::string standard_formula(std::string_view name);

/// "int", "float", "text", "ints": what an attribute of that name is; empty when the operator has
/// none.
std::string_view attribute_kind(const OnnxOperator& op, std::string_view name);
/// Whether the operator has an input of that formal name.
bool is_input(const OnnxOperator& op, std::string_view name);
/// A value as an attribute. Throws Fault::model where it is of another kind.
Attribute attribute_from(const Value& value, std::string_view kind);

}  // namespace isomer::mdf

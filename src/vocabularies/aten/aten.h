#pragma once

// PyTorch's operator names, shared by the readers, the writer and the torch engine.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ops/builder.h"
#include "vocabularies/aten/row.h"
#include "vocabularies/vocabulary.h"

namespace isomer::aten {

using isomer::Argument;
using isomer::NamedArgument;

/// PyTorch's name of a type: "float32".
std::string_view dtype_name(DType dtype);
/// The type of that name; nothing for one that we do not have.
std::optional<DType> dtype_named(std::string_view name);

/// One functional call of an ATen operator: "add.Tensor", arguments by name, defaults left out.
struct Call {
  std::string_view target;
  std::vector<NamedArgument> arguments;
  /// Where an argument or a result is complex: the arguments that are. A complex tensor is a real
  /// one with a last axis of 2, a complex number a list of its two parts; of a list of tensors all
  /// are complex, or none.
  std::optional<std::vector<std::string>> complex = {};
  /// How many of the returns somebody may read, from the front.
  std::size_t returns = 1;
};

/// Whether the operator writes to its argument `self`, as its name says: "add_.Tensor" does,
/// "__and__.Tensor" does not.
bool writes_self(std::string_view target);
/// The twin that only computes: "add.Tensor" of "add_.Tensor", and of itself.
std::string functional(std::string_view target);

/// Whether PyTorch decomposes the operator, which has no row, into others that have one.
bool decomposes(std::string_view target);

/// Whether gradients flow through the value to an input or a parameter.
bool carries_gradient(const Builder& builder, ValueId id);

/// Emits our operators for a call of a functional operator; of one that writes to its arguments,
/// the reader calls the functional twin. One value per return of PyTorch's schema; ValueId::none
/// for a return that we do not compute and nobody may read; of a list of tensors, its elements. A
/// call that changes nothing gives its input.
///
/// Where it writes to arguments (`Row::writes`), what they become follows.
///
/// Throws Fault::unsupported where the operator is known but these arguments are not read,
/// Fault::model where they make no sense.
std::vector<ValueId> emit(Builder& builder, const Call& call);

/// Whether a result shares memory with the first of the row's inputs.
enum class Sharing { none, certain, possible };

/// `contiguous`: that input is laid out in C order. `unchanged`: the result is that input.
Sharing sharing_of(const Row& row, bool contiguous, bool unchanged);

}  // namespace isomer::aten

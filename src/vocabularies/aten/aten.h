#pragma once

// PyTorch's operator names, shared by the readers, the writer and the torch engine.

#include <string_view>
#include <vector>

#include "ops/builder.h"
#include "vocabularies/vocabulary.h"

namespace isomer::aten {

using isomer::Argument;
using isomer::NamedArgument;

/// One functional call of an ATen operator: "add.Tensor", arguments by name, defaults left out.
struct Call {
  std::string_view target;
  std::vector<NamedArgument> arguments;
};

/// Whether `emit` knows the operator. ".default" may be left out.
bool reads(std::string_view target);

/// All that `emit` knows, sorted; without ".default".
std::vector<std::string_view> targets();

/// Emits our operators for a call of a functional operator; of one that writes to its arguments,
/// the reader calls the functional twin. One value per return of PyTorch's schema; ValueId::none
/// for a return that we do not compute and nobody may read; of a list of tensors, its elements. A
/// call that changes nothing gives its input.
///
/// Batch norm in training writes to two arguments, which its schema does not say. `batch_norm`,
/// `native_batch_norm` and
/// `_native_batch_norm_legit` then give two values more than they have returns: what `running_mean`
/// and `running_var` become.
///
/// Throws Fault::unsupported where the operator is known but these arguments are not read,
/// Fault::model where they make no sense.
std::vector<ValueId> emit(Builder& builder, const Call& call);

}  // namespace isomer::aten

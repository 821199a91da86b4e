#pragma once

#include "ops/emitter.h"
#include "ops/schema.h"

namespace isomer {

/// What `scaled_dot_product_attention` weighs the values with: softmax(query @ key.T * scale +
/// mask), rows that the mask closes wholly being zeros.
ValueId attention_weights(Emitter& b, const OpCall& call);

}  // namespace isomer

#pragma once

// The node types whose C++ is known: those of our library of nodes, and MGS's own of models/DNN.

#include "systems/mgs/run/node_type.h"
#include "systems/mgs/run/simulation.h"

namespace isomer::mgs {

extern const NativeType probe_type, probe2_type, silent_node_type;
extern const NativeType row_source_type, row_sink_type, recorder_type, fixed_scalar_type;
extern const NativeType plain_neuron_type, level_neuron_type;
extern const NativeType train_neuron_type, loss_node_type;
extern const NativeType tensor_op_type, combine_op_type;
extern const NativeType dn_node_type, dn_edge_set_type, bias_type, supervisor_node_type;

/// Functions of a neuron's weighted sum.
enum class Activation { identity, tanh, relu, max, softmax, mean, sigmoid };

/// Any other name is the identity.
Activation activation_named(std::string_view name, std::span<const Activation> known);
double activated(Activation activation, double sum);

/// `count` doubles from the middle of a file, little endian; throws Ended where it is too short.
Reals read_reals(const Visit& visit, const std::string& name, std::size_t first, std::size_t count,
                 const std::string& missing, const std::string& too_short);

}  // namespace isomer::mgs

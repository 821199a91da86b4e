#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "systems/mgs/run/nodes/nodes.h"

namespace isomer::mgs {
namespace {

constexpr const NativeType* native_types[] = {
    &probe_type,           &probe2_type,       &silent_node_type,  &row_source_type,
    &row_sink_type,        &recorder_type,     &fixed_scalar_type, &plain_neuron_type,
    &level_neuron_type,    &train_neuron_type, &loss_node_type,    &tensor_op_type,
    &combine_op_type,      &dn_node_type,      &dn_edge_set_type,  &bias_type,
    &supervisor_node_type,
};

constexpr std::string_view activation_names[] = {"identity", "tanh", "relu",   "max",
                                                 "softmax",  "mean", "sigmoid"};

}  // namespace

const NativeType* find_native(std::string_view name) {
  const auto* found = std::ranges::find(native_types, name, &NativeType::name);
  return found == std::end(native_types) ? nullptr : *found;
}

std::vector<std::string_view> native_names() {
  std::vector<std::string_view> names;
  for (const NativeType* type : native_types) names.push_back(type->name);
  return names;
}

const Field* find_field(std::span<const Field> fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &Field::name);
  return found == fields.end() ? nullptr : &*found;
}

Activation activation_named(std::string_view name, std::span<const Activation> known) {
  for (const Activation activation : known)
    if (name == activation_names[static_cast<std::size_t>(activation)]) return activation;
  return Activation::identity;
}

double activated(Activation activation, double sum) {
  switch (activation) {
    case Activation::tanh: return std::tanh(sum);
    case Activation::relu: return sum > 0 ? sum : 0;
    case Activation::sigmoid: return 1 / (1 + std::exp(-sum));
    default: return sum;
  }
}

Reals read_reals(const Visit& visit, const std::string& name, std::size_t first, std::size_t count,
                 const std::string& missing, const std::string& too_short) {
  static_assert(std::endian::native == std::endian::little);
  const Bytes file = visit.simulation.read(name, gave_up, missing);
  const std::size_t in_file = file.size() / sizeof(double);
  if (first > in_file || count > in_file - first) visit.give_up(too_short);
  Reals values(count);
  if (count > 0)
    std::memcpy(values.data(), file.data().data() + first * sizeof(double), count * sizeof(double));
  return values;
}

}  // namespace isomer::mgs

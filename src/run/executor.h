#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace isomer {

/// A named tensor of a model's interface: an input, an output, a state or a parameter.
struct Port {
  std::string name;
  TensorType type;
};

/// The trainable constants, by their first state_dict names.
std::vector<Port> parameters_of(const Graph& graph);
/// By their first state_dict names; those without one are "state0", "state1", ...
std::vector<Port> states_of(const Graph& graph);

/// Runs one model; belongs to one thread. Remembers states between runs.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Outputs for `inputs`, in the model's order. Throws Fault::model, naming the input, for wrong
  /// types and shapes.
  virtual std::vector<Tensor> run(std::span<const Tensor> inputs) = 0;

  /// What the next run begins with, in the model's order.
  virtual std::vector<Tensor> states() = 0;
  /// The next run begins with these. Throws Fault::model, naming the state, for another number of
  /// them, or another type than the model keeps.
  virtual void set_states(std::span<const Tensor> states) = 0;
  /// The next run begins as the first one did.
  virtual void reset() = 0;
  /// New values for the trainable constants from now on, in the model's order. Throws as
  /// `set_states`.
  virtual void set_constants(std::span<const Tensor> values) = 0;
  /// Gives back memory that the next run can fill again, where there is any. That run begins as the
  /// first one did.
  virtual void release() {}
};

/// Throws Fault::model where there are not `wanted` tensors of a kind: "state".
void check_count(std::string_view kind, std::size_t wanted, std::span<const Tensor> tensors);
/// The same where the tensors are not of the types of `ports`, naming the first that is not.
void check_types(std::string_view kind, std::span<const Port> ports,
                 std::span<const Tensor> tensors);

}  // namespace isomer

#pragma once

// The only room that sees libtorch. It knows no file and has no table of operators: the
// dispatcher's own schemas say how each one is called. No file of it may include base/text.h, for
// libtorch's headers bring another fmt.

#include <ATen/core/Tensor.h>

#include <functional>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace isomer::libtorch {

/// What a run has at hand.
struct Context {
  const Lengths& lengths;
  at::Generator& random;
};

/// A node, bound: from its inputs (undefined where absent) to its outputs, of which those that
/// nobody wants may be undefined.
using Action =
    std::function<std::vector<at::Tensor>(std::span<const at::Tensor> inputs, const Context&)>;

at::ScalarType scalar_type(DType dtype);

/// `TorchModule::views`.
std::optional<bool> views(std::string_view op);

/// Whether this room can run the operator as it is.
bool runs(std::string_view op);

/// The node's call with all names looked up and all attributes bound; `wanted` are the outputs that
/// somebody reads. Throws Fault::bug where the
/// table of names does not fit the dispatcher's schema.
Action bind(const Graph& graph, const Node& node, const std::vector<bool>& wanted);

/// The same for operators that the dispatcher has in another form, or not at all; empty where it
/// has them.
Action bind_native(const Node& node, const std::vector<bool>& wanted);
bool is_native(std::string_view op);

/// The same for operators with bodies.
Action bind_control(const Node& node);
bool has_control(std::string_view op);

}  // namespace isomer::libtorch

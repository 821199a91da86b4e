#pragma once

#include <c10/util/Exception.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "graph/graph.h"
#include "torch/call.h"

namespace isomer::libtorch {

/// Shares the bytes and keeps them alive. libtorch never writes to it, for no operator of ours
/// writes to its inputs.
at::Tensor wrapped(const Tensor& tensor);
/// A constant with that value. What is trained records gradients, as a parameter of PyTorch's does:
/// libtorch chooses kernels by that, also where none are recorded.
at::Tensor wrapped(const Constant& constant, const Tensor& value);

struct PlannedNode {
  Action action;
  std::vector<bool> wanted;        // outputs that somebody reads
  std::vector<ValueId> done_with;  // values that no later node reads
};

/// What is decided once for a graph, or for a body.
struct Plan {
  Graph graph;
  std::vector<PlannedNode> nodes;
  std::vector<std::pair<ValueId, at::Tensor>> constants;
};

Plan plan_for(const Graph& graph);
/// The same where every operator is one that this room runs.
Plan plan_for_runnable(Graph graph);

/// One run's values.
class Values {
 public:
  explicit Values(const Plan& plan) : values_(plan.graph.values.size()) {
    for (const auto& [id, tensor] : plan.constants) (*this)[id] = tensor;
  }
  at::Tensor& operator[](ValueId id) { return values_[static_cast<std::size_t>(id)]; }

 private:
  std::vector<at::Tensor> values_;
};

void run_all(const Plan& plan, Values& values, const Context& context);

inline std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// What libtorch throws becomes an Error of ours at that place.
template <class Where, class Work>
decltype(auto) translated(const Where& where, Work&& work) {
  try {
    return work();
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& error) {
    throw Error(Fault::model, where(), "libtorch: " + first_line(error.what_without_backtrace()));
  } catch (const std::exception& error) {
    throw Error(Fault::model, where(), "libtorch: " + first_line(error.what()));
  }
}

}  // namespace isomer::libtorch

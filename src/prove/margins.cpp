#include "prove/margins.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/uses.h"
#include "ops/schema.h"
#include "passes/passes.h"
#include "prove/inputs.h"

namespace isomer {
namespace {

bool to_integers(const Graph& graph, const Node& node) {
  return node.op == "cast" && is_floating(graph[node.inputs[0]].type.dtype);
}

/// The operator that decides the value of an integer output.
const Node* decider_of(const Graph& graph, const Uses& uses, ValueId id) {
  const Node* node = uses.node(graph, id);
  while (node != nullptr) {
    const bool keeps = traits_of(*node).moves == Moves::in_order;
    if (!keeps && (node->op != "cast" || to_integers(graph, *node))) break;
    node = uses.node(graph, node->inputs[0]);
  }
  // A cast of what was rounded before only stores it.
  if (node != nullptr && node->op == "cast") {
    const Node* before = uses.node(graph, node->inputs[0]);
    if (before != nullptr && before->op != "cast" &&
        traits_of(*before).decides == Decision::rounding)
      return before;
  }
  return node;
}

/// Whether the value is an input or a constant, perhaps moved: there is no rounding in it.
bool is_given(const Graph& graph, const Uses& uses, ValueId id) {
  const Node* node = uses.node(graph, id);
  while (node != nullptr && traits_of(*node).moves != Moves::none) {
    id = node->inputs[0];
    node = uses.node(graph, id);
  }
  return node == nullptr;
}

/// An output and what decides it.
struct Decider {
  std::string op;
  Decision decision = Decision::comparison;
  bool to_boolean = false;            // of a cast
  std::optional<std::int64_t> axis;   // of an arg-max
  std::vector<std::size_t> operands;  // outputs of the plan's graph
  std::vector<bool> given;            // of each operand: nothing in it is rounded
};

/// What a tensor holds in double precision, and how far off single precision may be.
struct Operand {
  std::vector<double> exact;
  std::vector<std::int64_t> shape;
  double bound = 0;

  /// The element that meets element `place` of a result of that shape.
  double at(std::size_t place, std::span<const std::int64_t> result) const {
    std::size_t offset = 0;
    std::size_t step = 1;
    for (std::size_t axis = result.size(); axis-- > 0;) {
      const auto length = static_cast<std::size_t>(result[axis]);
      const std::size_t index = place % length;
      place /= length;
      if (axis + shape.size() < result.size()) break;
      const std::int64_t own = shape[axis + shape.size() - result.size()];
      if (own != 1) offset += index * step;
      step *= static_cast<std::size_t>(own);
    }
    return exact[offset];
  }
};

std::vector<std::int64_t> broadcast(const Operand& x, const Operand& y) {
  std::vector<std::int64_t> shape = x.shape.size() < y.shape.size() ? y.shape : x.shape;
  const std::vector<std::int64_t>& less = x.shape.size() < y.shape.size() ? x.shape : y.shape;
  for (std::size_t i = 0; i < less.size(); ++i) {
    std::int64_t& length = shape[shape.size() - less.size() + i];
    if (length == 1) length = less[i];
  }
  return shape;
}

bool undecided_comparison(const Operand& x, const Operand& y, std::size_t element) {
  const std::vector<std::int64_t> shape = broadcast(x, y);
  const double bound = x.bound + y.bound;
  return bound > 0 && std::abs(x.at(element, shape) - y.at(element, shape)) <= bound;
}

double rounded(std::string_view op, double x) {
  if (op == "floor") return std::floor(x);
  if (op == "ceil") return std::ceil(x);
  return op == "round" ? std::nearbyint(x) : std::trunc(x);
}

/// The other's number must be what comes of some number within the bound.
bool undecided_rounding(const Operand& x, const Decider& decider, std::size_t element,
                        std::int64_t other) {
  const double here = x.exact[element];
  if (x.bound == 0) return false;
  if (decider.to_boolean) return std::abs(here) <= x.bound;
  return rounded(decider.op, here - x.bound) <= static_cast<double>(other) &&
         static_cast<double>(other) <= rounded(decider.op, here + x.bound);
}

/// The elements that an arg-max chose from for its flat result `element`: where they begin, how far
/// apart they are.
struct AxisSlice {
  std::size_t begin = 0;
  std::size_t stride = 1;
  std::size_t length = 0;
};

AxisSlice slice_of(const Operand& x, std::optional<std::int64_t> dim, std::size_t element) {
  if (!dim) return {0, 1, x.exact.size()};
  const auto rank = static_cast<std::int64_t>(x.shape.size());
  const auto axis = static_cast<std::size_t>(*dim < 0 ? *dim + rank : *dim);
  std::size_t inner = 1;
  for (std::size_t i = axis + 1; i < x.shape.size(); ++i)
    inner *= static_cast<std::size_t>(x.shape[i]);
  const auto length = static_cast<std::size_t>(x.shape[axis]);
  return {element / inner * inner * length + element % inner, inner, length};
}

bool undecided_extreme(const Operand& x, std::optional<std::int64_t> dim, bool greatest,
                       std::size_t element, std::int64_t other) {
  const AxisSlice slice = slice_of(x, dim, element);
  const bool inside = other >= 0 && static_cast<std::size_t>(other) < slice.length;
  if (x.bound == 0 || !inside) return false;
  double best =
      greatest ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < slice.length; ++i) {
    const double value = x.exact[slice.begin + i * slice.stride];
    best = greatest ? std::max(best, value) : std::min(best, value);
  }
  const double chosen = x.exact[slice.begin + static_cast<std::size_t>(other) * slice.stride];
  return std::abs(best - chosen) <= 2 * x.bound;
}

/// Numbers that come out alike in both precisions were not rounded.
Operand operand_of(const Tensor& exact, const Tensor& rounded) {
  Operand operand{exact.doubles(), exact.shape(), 0};
  if (operand.exact != rounded.doubles()) operand.bound = tolerance_of(exact, rounded).bound;
  return operand;
}

}  // namespace

struct Margins::Plan {
  std::map<std::size_t, Decider> deciders;  // by output
  Graph operands;                           // gives the deciders' operands
  const Engine& engine;
};

Margins::Margins(const Graph& graph, const Engine& engine) {
  auto plan = std::make_shared<Plan>(Plan{{}, graph, engine});
  std::vector<ValueId>& operands = plan->operands.outputs;
  operands.clear();
  const Uses uses(graph);
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    if (is_floating(graph[graph.outputs[i]].type.dtype)) continue;
    const Node* node = decider_of(graph, uses, graph.outputs[i]);
    if (node == nullptr) continue;
    const Decision decision = traits_of(*node).decides;
    if (decision == Decision::none || node->outputs.size() > 1) continue;
    Decider decider;
    decider.op = node->op;
    decider.decision = decision;
    decider.to_boolean = graph[node->outputs[0]].type.dtype == DType::boolean;
    const Attribute* dim = find(node->attributes, "dim");
    if (dim != nullptr) decider.axis = std::get<std::int64_t>(*dim);
    for (const ValueId id : node->inputs) {
      if (!is_floating(graph[id].type.dtype)) continue;
      decider.operands.push_back(operands.size());
      decider.given.push_back(is_given(graph, uses, id));
      operands.push_back(id);
    }
    if (!decider.operands.empty()) plan->deciders.emplace(i, std::move(decider));
  }
  plan->operands.signature.results = {};
  plan_ = std::move(plan);
}

Undecided Margins::on(std::span<const Tensor> inputs) const {
  if (plan_->deciders.empty()) return {};
  auto known = std::make_shared<std::vector<Operand>>();
  const std::vector<Tensor> f32(inputs.begin(), inputs.end());
  const auto prepare = [known, f32, plan = plan_] {
    std::vector<Tensor> f64 = f32;
    for (Tensor& tensor : f64) {
      if (tensor.dtype() == DType::f32) tensor = tensor.converted(DType::f64);
    }
    const std::vector<Tensor> rounded = plan->engine.make(plan->operands)->run(f32);
    const std::vector<Tensor> exact = plan->engine.make(to_float64(plan->operands))->run(f64);
    for (std::size_t i = 0; i < exact.size(); ++i)
      known->push_back(operand_of(exact[i], rounded[i]));
    for (const auto& [output, decider] : plan->deciders) {
      for (std::size_t i = 0; i < decider.operands.size(); ++i) {
        if (decider.given[i]) known->at(decider.operands[i]).bound = 0;
      }
    }
  };
  return
      [known, prepare, plan = plan_](std::size_t tensor, std::size_t element, std::int64_t other) {
        const auto found = plan->deciders.find(tensor);
        if (found == plan->deciders.end()) return false;
        if (known->empty()) prepare();
        const Decider& decider = found->second;
        const Operand& x = known->at(decider.operands[0]);
        switch (decider.decision) {
          case Decision::extreme:
            return undecided_extreme(x, decider.axis, decider.op == "argmax", element, other);
          case Decision::rounding:
            return decider.operands.size() == 1 && undecided_rounding(x, decider, element, other);
          case Decision::comparison:
            return decider.operands.size() == 2 &&
                   undecided_comparison(x, known->at(decider.operands[1]), element);
          case Decision::none: break;
        }
        return false;
      };
}

}  // namespace isomer

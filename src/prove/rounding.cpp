#include "prove/rounding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "passes/passes.h"
#include "passes/rewrite.h"

namespace isomer {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A graph on an engine, beginning where a set says.
class Machine {
 public:
  Machine(const Graph& graph, const Engine& engine)
      : inputs_(graph_inputs(graph)),
        states_(states_of(graph)),
        parameters_(parameters_of(graph)),
        executor_(engine.make(graph)) {
    for (const Constant& constant : graph.constants) {
      if (constant.trainable) stored_.push_back(constant.data);
    }
  }

  /// The outputs of each call, then the states behind it. `key`, where there is one, is a last
  /// input of every call.
  std::vector<std::vector<Tensor>> run(const InputSet& set, const Tensor* key) {
    begin(set);
    std::vector<std::vector<Tensor>> results;
    for (std::vector<Tensor> inputs : set.calls) {
      if (key != nullptr) inputs.push_back(*key);
      for (std::size_t i = 0; i < inputs.size() && i < inputs_.size(); ++i)
        inputs[i] = as_taken(inputs[i], inputs_[i]);
      results.push_back(executor_->run(inputs));
      const std::vector<Tensor> states = executor_->states();
      results.back().insert(results.back().end(), states.begin(), states.end());
    }
    return results;
  }

 private:
  using Named = std::vector<std::pair<std::string, Tensor>>;

  static std::vector<DType> graph_inputs(const Graph& graph) {
    std::vector<DType> dtypes;
    for (const ValueId id : graph.inputs) dtypes.push_back(graph[id].type.dtype);
    return dtypes;
  }

  static Tensor as_taken(const Tensor& tensor, DType dtype) {
    const bool floats = is_floating(tensor.dtype()) && is_floating(dtype);
    return floats && tensor.dtype() != dtype ? tensor.converted(dtype) : tensor;
  }

  static void replace(std::vector<Tensor>& values, std::span<const Port> ports, const Named& by) {
    for (std::size_t i = 0; i < ports.size(); ++i) {
      const auto found = std::ranges::find(by, ports[i].name, &Named::value_type::first);
      if (found != by.end()) values[i] = as_taken(found->second, ports[i].type.dtype);
    }
  }

  void begin(const InputSet& set) {
    if (moved_ || !set.parameters.empty()) {
      std::vector<Tensor> values = stored_;
      replace(values, parameters_, set.parameters);
      executor_->set_constants(values);
    }
    moved_ = !set.parameters.empty();
    executor_->reset();
    if (set.states.empty()) return;
    std::vector<Tensor> states = executor_->states();
    replace(states, states_, set.states);
    executor_->set_states(states);
  }

  std::vector<DType> inputs_;
  std::vector<Port> states_;
  std::vector<Port> parameters_;
  std::vector<Tensor> stored_;  // parameters
  bool moved_ = false;          // they are not as stored
  std::unique_ptr<Executor> executor_;
};

void take_in(std::vector<double>& most, const Tensor& exact, const Tensor& run) {
  if (!is_floating(exact.dtype())) {
    const std::vector<std::int64_t> right = exact.integers(), other = run.integers();
    for (std::size_t i = 0; i < most.size(); ++i) {
      if (right[i] != other[i]) most[i] = 1;
    }
    return;
  }
  const std::vector<double> right = exact.doubles(), other = run.doubles();
  for (std::size_t i = 0; i < most.size(); ++i) {
    if (right[i] == other[i] || (std::isnan(right[i]) && std::isnan(other[i]))) continue;
    const double distance = std::abs(right[i] - other[i]);
    most[i] = std::isnan(distance) ? infinity : std::max(most[i], distance);
  }
}

}  // namespace

struct Rounding::Machines {
  Graph graph;
  const Engine& engine;
  std::optional<Machine> exact;
  std::map<Precision, Machine> perturbed;

  Machine& at(Precision precision) {
    const auto found = perturbed.find(precision);
    if (found != perturbed.end()) return found->second;
    return perturbed.try_emplace(precision, perturb(graph, precision), engine).first->second;
  }
};

Rounding::Rounding(const Graph& graph, const Engine& engine)
    : machines_(std::make_unique<Machines>(Machines{graph, engine, {}, {}})) {}
Rounding::~Rounding() = default;

void Rounding::measure(Spread& spread, const InputSet& set, Precision precision, int runs) {
  if (spread.exact.empty()) {
    // In primitive operators: fused kernels hide what their formulas lose.
    if (!machines_->exact) {
      const Graph plain = expand_unsupported(machines_->graph, reference_engine().runs);
      machines_->exact.emplace(to_float64(plain), machines_->engine);
    }
    spread.exact = machines_->exact->run(set, nullptr);
    for (const std::vector<Tensor>& call : spread.exact) {
      spread.most.emplace_back();
      for (const Tensor& tensor : call)
        spread.most.back().emplace_back(static_cast<std::size_t>(tensor.count()));
    }
  }
  for (; spread.runs < runs; ++spread.runs) {
    const std::int64_t number = spread.runs;
    const Tensor key = Tensor::from_integers(DType::i64, {}, std::span(&number, 1));
    const auto results = machines_->at(precision).run(set, &key);
    for (std::size_t call = 0; call < results.size(); ++call) {
      for (std::size_t i = 0; i < results[call].size(); ++i)
        take_in(spread.most[call][i], spread.exact[call][i], results[call][i]);
    }
  }
}

std::optional<std::size_t> other_formula(const std::vector<Tensor>& exact,
                                         const std::vector<std::vector<double>>& most,
                                         const std::vector<Tensor>& given) {
  for (std::size_t i = 0; i < exact.size(); ++i) {
    if (!is_floating(exact[i].dtype())) continue;
    const std::vector<double> here = exact[i].doubles(), there = given[i].doubles();
    for (std::size_t j = 0; j < here.size(); ++j) {
      if (here[j] == there[j] || most[i][j] == infinity) continue;
      if (std::isnan(here[j]) && std::isnan(there[j])) continue;
      const double distance = std::abs(here[j] - there[j]);
      if (!(distance <= 0x1p-22 * std::abs(there[j]) + most[i][j])) return i;
    }
  }
  return std::nullopt;
}

}  // namespace isomer

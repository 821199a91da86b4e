#include "prove/rounding.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "passes/passes.h"
#include "passes/rewrite.h"
#include "prove/model.h"

namespace isomer {
namespace {

/// A graph on an engine, run as all backends are.
class Machine {
 public:
  Machine(const Graph& graph, const Engine& engine) {
    backend_.f32 = on_engine(graph, engine);
    for (const Port& port : backend_.f32.states) states_.names.push_back(port.name);
    for (const State& state : graph.states) states_.initial.push_back(state.initial);
  }

  /// The outputs of each call, then the states behind it. `key`, where there is one, is a last
  /// input of every call.
  std::vector<std::vector<Tensor>> run(InputSet set, const Tensor* key) const {
    for (std::vector<Tensor>& call : set.calls) {
      if (key != nullptr) call.push_back(*key);
    }
    std::vector<Tensor> all = backend_.observe(Precision::f32, set, states_);
    const auto each = static_cast<std::ptrdiff_t>(all.size() / set.calls.size());
    std::vector<std::vector<Tensor>> results;
    for (auto next = all.begin(); results.size() < set.calls.size(); next += each)
      results.emplace_back(next, next + each);
    return results;
  }

 private:
  Backend backend_;
  StateNames states_;
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
    // Its weights are another model in double precision.
    if (is_large(machines_->graph)) machines_->exact.reset();
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

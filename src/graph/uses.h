#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace isomer {

/// What makes each value and which steps use it, so that asking is no search. Steps are the nodes
/// of a graph, or what a writer makes of them. It holds numbers and no addresses, so it may stand
/// beside a graph that grows, if it is told of everything that is added.
class Uses {
 public:
  /// The number of no step.
  static constexpr std::size_t nobody = ~std::size_t{0};

  Uses() = default;
  explicit Uses(const Graph& graph) : Uses(graph, graph.nodes) {}
  /// Of a graph's values among other steps, each with `inputs` and `outputs`.
  template <class Steps>
  Uses(const Graph& graph, const Steps& steps) {
    for (const Constant& constant : graph.constants) add(constant);
    for (const State& state : graph.states) add(state);
    for (const auto& step : steps) add(step);
  }

  /// Takes note of the constant, state or step that follows the ones before.
  void add(const Constant& constant) { make(constant.value, By::constant, constants_++); }
  void add(const State& state) { make(state.now, By::state, states_++); }
  template <class Step>
  void add(const Step& step) {
    for (const ValueId id : step.inputs) {
      if (id != ValueId::none) at(id).users.push_back(steps_);
    }
    for (const ValueId id : step.outputs) make(id, By::step, steps_);
    ++steps_;
  }

  /// The step that makes a value, or `nobody`.
  std::size_t maker(ValueId id) const { return number(id, By::step).value_or(nobody); }
  /// The steps that use it, one for each operand.
  std::span<const std::size_t> users(ValueId id) const;

  // In the graph that it stands beside: what makes a value, or null where it is something else.

  const Node* node(const Graph& graph, ValueId id) const { return in(graph.nodes, id, By::step); }
  const Constant* constant(const Graph& graph, ValueId id) const {
    return in(graph.constants, id, By::constant);
  }
  const State* state(const Graph& graph, ValueId id) const {
    return in(graph.states, id, By::state);
  }

 private:
  enum class By : std::uint8_t { nobody, constant, state, step };

  struct Entry {
    By by = By::nobody;
    std::size_t number = 0;
    std::vector<std::size_t> users;
  };

  Entry& at(ValueId id);
  void make(ValueId id, By by, std::size_t number);
  const Entry* find(ValueId id) const;
  std::optional<std::size_t> number(ValueId id, By by) const;

  template <class T>
  const T* in(const std::vector<T>& all, ValueId id, By by) const {
    const auto found = number(id, by);
    return found ? &all.at(*found) : nullptr;
  }

  std::vector<Entry> entries_;  // by value
  std::size_t constants_ = 0;
  std::size_t states_ = 0;
  std::size_t steps_ = 0;
};

}  // namespace isomer

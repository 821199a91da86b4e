#pragma once

// Graphs in one form, so that equal ones are seen to be equal.

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/builder.h"

namespace isomer {

/// Carries graphs in, one after the other, and gives values that are computed alike one number:
/// by the same primitive operators of the same inputs, weights, states and numbers. Chains of
/// permute, reshape, expand and cast become one of them, inputs that may change places have an
/// order, axes are counted from the front. What an operator's own derivative says otherwise than
/// its expansion (a slope at a bound, `detach`) is no detail: such operators stay. Two draws are
/// never one.
class Canonical final : public Emitter {
 public:
  /// Types are as simple as the ranges of its lengths allow.
  explicit Canonical(std::string name, std::vector<LengthRange> lengths = {});

  /// Carries a graph in; gives the number of each of its values. Inputs are those of the graphs
  /// before by their place, constants and states by their names; where none has a name, by their
  /// bits. What a weight or a state begins with is not compared.
  std::vector<ValueId> add(const Graph& graph);
  /// Carries one node of the graph that was added last in again, for other numbers of its inputs,
  /// and changes the numbers of its outputs.
  void carry(const Graph& graph, std::size_t place, std::vector<ValueId>& numbers);
  /// The values of the graph that was carried in last, and those on the way to them.
  const std::set<ValueId>& reached() const { return reached_; }

  std::vector<ValueId> emit_all(std::string_view op, std::vector<ValueId> inputs,
                                Attributes attributes = {}, std::vector<Body> bodies = {}) override;
  using Emitter::constant;
  ValueId constant(Tensor data) override;
  ValueId literal(DType dtype, double value) override { return out_.literal(dtype, value); }
  ValueId literal(DType dtype, std::int64_t value) override { return out_.literal(dtype, value); }
  const TensorType& type(ValueId id) const override { return out_.type(id); }
  std::optional<Tensor> known(ValueId id) const override { return out_.known(id); }
  const Node* maker(ValueId id) const override { return out_.maker(id); }
  const Constant* constant_of(ValueId id) const override { return out_.constant_of(id); }

  /// What is carried in so far. Its outputs are not set.
  const Graph& graph() const { return out_.graph(); }
  /// What was carried in, each value once. The states of `like`, the only graph, are kept.
  Graph finish(const Graph& like, std::span<const ValueId> numbers) &&;

 private:
  void add_constants(const Graph& graph, std::vector<ValueId>& numbers);
  /// What a value is, whenever it was carried in: how many operators deep, and a hash.
  std::pair<std::size_t, std::size_t> rank(ValueId id) const;
  bool comes_before(ValueId a, ValueId b) const;
  ValueId input(std::size_t place, const Value& value);
  ValueId state(const State& state, std::size_t place, const std::string& name);
  ValueId named(const Constant& constant) const;
  ValueId unnamed(const Constant& constant);
  Body canonical_body(const Graph& body);
  std::vector<TensorType> types_of(std::span<const ValueId> ids) const;
  std::vector<ValueId> emit_once(const OpSchema& schema, const OpCall& call);

  Builder out_;
  std::map<std::string, std::vector<ValueId>> known_;      // outputs by what makes them
  std::map<std::string, std::vector<ValueId>> constants_;  // without names, by type and checksum
  std::map<std::string, ValueId> weights_;                 // by name
  std::map<std::string, ValueId> states_;                  // by name
  std::vector<ValueId> unnamed_states_;
  std::map<ValueId, std::pair<std::size_t, std::size_t>> ranks_;  // of what operators make
  std::map<std::string, Body> bodies_;                            // by text
  // Of the graph that was carried in last.
  std::size_t draws_ = 0;
  std::int64_t nodes_left_ = 0;                               // that may come of scans
  std::vector<std::pair<std::size_t, std::int64_t>> before_;  // both, before each node
  std::set<ValueId> reached_;
};

/// A graph in canonical form: nodes are primitive, each value is computed once, and what no output,
/// state or weight needs is gone.
Graph canonicalize(const Graph& graph);

}  // namespace isomer

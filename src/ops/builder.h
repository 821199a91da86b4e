#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "graph/uses.h"
#include "ops/emitter.h"
#include "ops/schema.h"

namespace isomer {

/// Grows a valid, typed graph one node at a time. Throws Fault::model for what would not be valid.
class Builder final : public Emitter {
 public:
  explicit Builder(std::string name);

  ValueId input(std::string name, TensorType type);
  using Emitter::constant;
  ValueId constant(Tensor data) override { return constant("", std::move(data)); }
  ValueId constant(std::string name, Tensor data, bool trainable = false,
                   std::vector<std::string> names = {});
  /// One like another graph's: its data, names and number.
  ValueId constant(std::string name, const Constant& like);
  /// Equal literals are one constant.
  ValueId literal(DType dtype, double value) override;
  ValueId literal(DType dtype, std::int64_t value) override;
  /// A remembered value; what it becomes is set by `keep`.
  ValueId state(std::string name, Tensor initial, std::vector<std::string> names = {});
  void keep(ValueId state_now, ValueId next);

  /// Adds a node. A variadic number of outputs is what the type rule says.
  std::vector<ValueId> emit_all(std::string_view op, std::vector<ValueId> inputs,
                                Attributes attributes = {}, std::vector<Body> bodies = {}) override;

  /// What named lengths may be: types are as simple as that allows.
  void assume(std::vector<LengthRange> lengths);
  /// Where the nodes emitted from now on come from.
  void at(std::string scope, Place place);
  void within(const std::string& scope, const Place& place) override;
  /// Names a value for readers of the graph; the last one wins.
  void name(ValueId id, std::string name);

  const TensorType& type(ValueId id) const override { return graph_[id].type; }
  std::optional<Tensor> known(ValueId id) const override;
  const Node* maker(ValueId id) const override { return uses_.node(graph_, id); }
  const Constant* constant_of(ValueId id) const override { return uses_.constant(graph_, id); }
  /// What is built so far. Its outputs are not set yet.
  const Graph& graph() const { return graph_; }

  /// Where the signature's nesting does not fit the inputs or outputs, a flat one is made.
  Graph finish(std::vector<ValueId> outputs, Signature signature = {}) &&;

 private:
  ValueId add_value(std::string name, TensorType type);

  Graph graph_;
  Uses uses_;
  std::string scope_;
  Place place_;
  std::string inner_scope_;  // as `within` says
  Place inner_place_;
  std::map<std::pair<DType, std::uint64_t>, ValueId> literals_;
};

}  // namespace isomer

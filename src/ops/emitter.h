#pragma once

// Carries operators out: into a graph (`Builder`), or at once on tensors (`TensorEmitter` in run).
// What an operator means in smaller ones, and what a foreign operator means in ours, is written
// once over this interface and serves both.

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace isomer {

class Emitter {
 public:
  virtual ~Emitter() = default;

  /// All outputs of an operator. Throws Fault::model for what its type rule refuses.
  virtual std::vector<ValueId> emit_all(std::string_view op, std::vector<ValueId> inputs,
                                        Attributes attributes = {},
                                        std::vector<Body> bodies = {}) = 0;
  virtual const TensorType& type(ValueId id) const = 0;
  /// A tensor without a state_dict name.
  virtual ValueId constant(Tensor data) = 0;
  /// A constant of rank 0: a number in the author's program.
  virtual ValueId literal(DType dtype, double value) = 0;
  virtual ValueId literal(DType dtype, std::int64_t value) = 0;
  /// The value's tensor where it is known now: at once always, in a graph that of a constant.
  virtual std::optional<Tensor> known(ValueId id) const = 0;
  /// What is emitted until the next call stands here inside of what it is a part of. What is
  /// carried out at once stands nowhere.
  virtual void within(const std::string& /*scope*/, const Place& /*place*/) {}
  /// The node that makes a value; null where there is none, as of what is carried out at once. It
  /// moves when the graph grows.
  virtual const Node* maker(ValueId) const { return nullptr; }
  /// The constant that a value of a graph is; null where it is none. It moves, too.
  virtual const Constant* constant_of(ValueId) const { return nullptr; }

  /// The output of an operator that has one.
  ValueId emit(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {});
  /// The tensor's elements as another type; a lone number is a literal.
  ValueId constant(const Tensor& data, DType dtype);

  /// By value: what lies in the emitter moves when it grows.
  Shape shape(ValueId id) const { return type(id).shape; }
  std::int64_t rank(ValueId id) const { return static_cast<std::int64_t>(type(id).shape.size()); }
  DType dtype(ValueId id) const { return type(id).dtype; }

 protected:
  Emitter() = default;
  Emitter(const Emitter&) = default;
  Emitter(Emitter&&) = default;
  Emitter& operator=(const Emitter&) = default;
  Emitter& operator=(Emitter&&) = default;
};

}  // namespace isomer

#pragma once

// Where an ONNX operator is carried out with ours: at once on tensors, when a document runs, or as
// nodes of a graph, when it is read. So the meaning of an ONNX operator stands in one place
// (onnx.h).

#include <optional>
#include <string_view>
#include <vector>

#include "ops/builder.h"
#include "run/kernels.h"

namespace isomer::mdf {

class Emitter {
 public:
  virtual ~Emitter() = default;
  virtual std::vector<ValueId> emit_all(std::string_view op, std::vector<ValueId> inputs,
                                        Attributes attributes) = 0;
  virtual const TensorType& type(ValueId id) const = 0;
  /// As elements of that type; a lone number stays what was written, where the graph can keep it.
  virtual ValueId constant(const Tensor& tensor, DType dtype) = 0;
  ValueId constant(const Tensor& tensor) { return constant(tensor, tensor.dtype()); }
  /// The tensor, where it is known now.
  virtual std::optional<Tensor> known(ValueId id) const = 0;
  /// What ONNX's 32-bit floats are here: f32, or f64 where everything is computed in double
  /// precision.
  virtual DType single() const { return DType::f32; }

  ValueId emit(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return emit_all(op, std::move(inputs), std::move(attributes))[0];
  }
  /// By value: emitting moves what is there.
  Shape shape(ValueId id) const { return type(id).shape; }
  std::int64_t rank(ValueId id) const { return static_cast<std::int64_t>(type(id).shape.size()); }
  DType dtype(ValueId id) const { return type(id).dtype; }
  /// A constant without axes of the type of `like`.
  ValueId number(double value, ValueId like);
};

/// Carries out at once.
class TensorEmitter final : public Emitter {
 public:
  TensorEmitter(Operators& operators, bool doubled) : operators_(operators), doubled_(doubled) {}

  ValueId add(Tensor tensor);
  const Tensor& operator[](ValueId id) const {
    return values_.at(static_cast<std::size_t>(id)).tensor;
  }

  std::vector<ValueId> emit_all(std::string_view op, std::vector<ValueId> inputs,
                                Attributes attributes) override;
  const TensorType& type(ValueId id) const override {
    return values_.at(static_cast<std::size_t>(id)).type;
  }
  using Emitter::constant;
  ValueId constant(const Tensor& tensor, DType dtype) override {
    return add(tensor.converted(dtype));
  }
  std::optional<Tensor> known(ValueId id) const override { return (*this)[id]; }
  DType single() const override { return doubled_ ? DType::f64 : DType::f32; }

 private:
  struct Value {
    Tensor tensor;
    TensorType type;
  };
  Operators& operators_;
  bool doubled_;
  std::vector<Value> values_;
};

/// Adds nodes to a graph.
class GraphEmitter final : public Emitter {
 public:
  explicit GraphEmitter(Builder& builder) : builder_(builder) {}

  std::vector<ValueId> emit_all(std::string_view op, std::vector<ValueId> inputs,
                                Attributes attributes) override {
    return builder_.emit_all(op, std::move(inputs), std::move(attributes));
  }
  const TensorType& type(ValueId id) const override { return builder_.type(id); }
  using Emitter::constant;
  ValueId constant(const Tensor& tensor, DType dtype) override;
  std::optional<Tensor> known(ValueId id) const override;

 private:
  Builder& builder_;
};

}  // namespace isomer::mdf

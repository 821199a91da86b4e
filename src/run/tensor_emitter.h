#pragma once

#include <vector>

#include "ops/emitter.h"
#include "run/kernels.h"

namespace isomer {

/// Carries operators out at once, on tensors.
class TensorEmitter : public Emitter {
 public:
  /// `operators` must outlive it.
  explicit TensorEmitter(Operators& operators) : operators_(operators) { values_.reserve(8); }

  const Tensor& operator[](ValueId id) const {
    return values_.at(static_cast<std::size_t>(id)).tensor;
  }

  using Emitter::constant;
  std::vector<ValueId> emit_all(std::string_view op, std::vector<ValueId> inputs,
                                Attributes attributes = {}, std::vector<Body> bodies = {}) override;
  const TensorType& type(ValueId id) const override {
    return values_.at(static_cast<std::size_t>(id)).type;
  }
  ValueId constant(Tensor data) override;
  ValueId literal(DType dtype, double value) override;
  ValueId literal(DType dtype, std::int64_t value) override;
  std::optional<Tensor> known(ValueId id) const override { return (*this)[id]; }

 private:
  struct Entry {
    Tensor tensor;
    TensorType type;
  };
  Operators& operators_;
  std::vector<Entry> values_;
};

}  // namespace isomer

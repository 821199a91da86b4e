#include "ops/rules.h"
#include "train/optimizers/optimizer.h"

namespace isomer::train {
namespace {

ValueId as(Emitter& b, ValueId scalar, DType dtype) {
  return b.dtype(scalar) == dtype ? scalar : b.emit("cast", {scalar}, {{"dtype", dtype}});
}

/// 1 - beta**step, in double precision as Python computes it.
ValueId bias_correction(Emitter& b, double beta, ValueId step) {
  return b.emit("sub", {number(b, step, 1.0), b.emit("pow", {number(b, step, beta), step})});
}

/// torch.lerp with a number, which starts from the nearer end.
ValueId lerp(Emitter& b, ValueId from, ValueId to, double weight) {
  const ValueId way = b.emit("sub", {to, from});
  if (weight < 0.5) return b.emit("add", {from, b.emit("mul", {number(b, way, weight), way})});
  return b.emit("sub", {to, b.emit("mul", {way, number(b, way, 1 - weight)})});
}

}  // namespace

Adam::Adam(Updates& updates) : updates_(updates) {
  Builder& b = updates.b;
  const ValueId step = updates.count();
  const ValueId rate = number(b, step, -updates["lr"]);
  step_size_ = b.emit("div", {rate, bias_correction(b, updates["beta1"], step)});
  root_ = b.emit("sqrt", {bias_correction(b, updates["beta2"], step)});
}

void Adam::update(const Updates::Parameter& parameter, ValueId value, ValueId gradient) {
  Builder& b = updates_.b;
  const DType dtype = b.dtype(value);
  const double beta2 = updates_["beta2"];
  const ValueId mean = updates_.moment(parameter, "exp_avg");
  const ValueId next_mean = lerp(b, mean, gradient, 1 - updates_["beta1"]);
  b.keep(mean, next_mean);
  const ValueId square = updates_.moment(parameter, "exp_avg_sq");
  const ValueId scaled = b.emit("mul", {number(b, gradient, 1 - beta2), gradient});
  const ValueId next_square = b.emit("add", {b.emit("mul", {square, number(b, square, beta2)}),
                                             b.emit("mul", {scaled, gradient})});
  b.keep(square, next_square);
  const ValueId root = b.emit("div", {b.emit("sqrt", {next_square}), as(b, root_, dtype)});
  const ValueId divisor = b.emit("add", {root, number(b, root, updates_["eps"])});
  const ValueId way = b.emit("mul", {as(b, step_size_, dtype), next_mean});
  b.keep(parameter.value, b.emit("add", {value, b.emit("div", {way, divisor})}));
}

void update_adam(Updates& updates) {
  Builder& b = updates.b;
  Adam adam(updates);
  const double decay = updates["weight_decay"];
  for (const Updates::Parameter& parameter : updates.parameters()) {
    ValueId gradient = parameter.gradient;
    if (decay != 0) {
      const ValueId pull = b.emit("mul", {parameter.value, number(b, parameter.value, decay)});
      gradient = b.emit("add", {gradient, pull});
    }
    adam.update(parameter, parameter.value, gradient);
  }
}

}  // namespace isomer::train

#include "base/error.h"
#include "ops/rules.h"
#include "train/optimizers/optimizer.h"

namespace isomer::train {
namespace {

ValueId plus_scaled(Emitter& b, ValueId x, ValueId y, double factor) {
  return b.emit("add", {x, b.emit("mul", {y, number(b, y, factor)})});
}

}  // namespace

void check_sgd(const Settings& settings) {
  const double nesterov = settings.at("nesterov");
  if (nesterov != 0 && nesterov != 1)
    throw Error(Fault::usage, "nesterov", "it is 0 or 1: whether Nesterov's momentum is taken");
  if (nesterov == 1 && (settings.at("momentum") == 0 || settings.at("dampening") != 0)) {
    throw Error(Fault::usage, "nesterov",
                "Nesterov's momentum needs a momentum above 0 and a dampening of 0");
  }
}

void update_sgd(Updates& updates) {
  Builder& b = updates.b;
  const double momentum = updates["momentum"];
  const double dampening = updates["dampening"];
  // The first gradient is not damped: torch begins with a copy of it.
  ValueId first = ValueId::none;
  if (momentum != 0 && dampening != 0) {
    const ValueId count = updates.count();
    first = b.emit("eq", {count, number(b, count, 1.0)});
  }
  for (const Updates::Parameter& parameter : updates.parameters()) {
    ValueId direction = parameter.gradient;
    if (updates["weight_decay"] != 0)
      direction = plus_scaled(b, direction, parameter.value, updates["weight_decay"]);
    if (momentum != 0) {
      const ValueId buffer = updates.moment(parameter, "momentum_buffer");
      const ValueId decayed = b.emit("mul", {buffer, number(b, buffer, momentum)});
      ValueId next = plus_scaled(b, decayed, direction, 1 - dampening);
      if (first != ValueId::none) next = b.emit("where", {first, direction, next});
      b.keep(buffer, next);
      direction = updates["nesterov"] == 1 ? plus_scaled(b, direction, next, momentum) : next;
    }
    b.keep(parameter.value, plus_scaled(b, parameter.value, direction, -updates["lr"]));
  }
}

}  // namespace isomer::train

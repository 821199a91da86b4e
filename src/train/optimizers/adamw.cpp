#include "ops/rules.h"
#include "train/optimizers/optimizer.h"

namespace isomer::train {

void update_adamw(Updates& updates) {
  Builder& b = updates.b;
  Adam adam(updates);
  const double kept = 1 - updates["lr"] * updates["weight_decay"];
  for (const Updates::Parameter& parameter : updates.parameters()) {
    ValueId value = parameter.value;
    if (updates["weight_decay"] != 0) value = b.emit("mul", {value, number(b, value, kept)});
    adam.update(parameter, value, parameter.gradient);
  }
}

}  // namespace isomer::train

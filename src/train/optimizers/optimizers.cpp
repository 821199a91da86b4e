#include <cmath>

#include "base/names.h"
#include "base/text.h"
#include "ops/rules.h"
#include "train/optimizers/optimizer.h"

namespace isomer::train {
namespace {

constexpr Setting of_sgd[] = {
    {"lr", 1e-3}, {"momentum", 0.0}, {"dampening", 0.0}, {"weight_decay", 0.0}, {"nesterov", 0.0},
};
constexpr Setting of_adam[] = {
    {"lr", 1e-3}, {"beta1", 0.9, 1.0}, {"beta2", 0.999, 1.0}, {"eps", 1e-8}, {"weight_decay", 0.0},
};
constexpr Setting of_adamw[] = {
    {"lr", 1e-3}, {"beta1", 0.9, 1.0}, {"beta2", 0.999, 1.0}, {"eps", 1e-8}, {"weight_decay", 1e-2},
};

constexpr Optimizer optimizers[] = {
    {"sgd", "along the gradient, with momentum if asked for", of_sgd, update_sgd, check_sgd},
    {"adam", "by running means of the gradient and of its square", of_adam, update_adam},
    {"adamw", "Adam with a decay of its own, which the means do not see", of_adamw, update_adamw},
};

void check(const Setting& setting, double value) {
  const bool rate = setting.name == "lr";
  if ((rate ? value > 0 : value >= 0) && value < setting.below) return;
  throw Error(
      Fault::usage, std::string(setting.name),
      fmt::format(
          "{} is out of range; it is a number {}{}", real_text(value),
          rate ? "above 0" : "of at least 0",
          std::isinf(setting.below) ? "" : fmt::format(" and below {}", real_text(setting.below))));
}

}  // namespace

std::span<const Optimizer> all_optimizers() { return optimizers; }

const Optimizer& optimizer_named(std::string_view name) {
  return row_named("optimizer", name, optimizers);
}

Settings complete(const Optimizer& optimizer, const Settings& given) {
  Settings settings;
  std::vector<std::string_view> names;
  for (const Setting& setting : optimizer.settings) {
    const auto found = given.find(setting.name);
    const double value = found == given.end() ? setting.by_default : found->second;
    check(setting, value);
    settings.emplace(setting.name, value);
    names.push_back(setting.name);
  }
  for (const auto& [name, value] : given) {
    if (settings.contains(name)) continue;
    throw Error(Fault::usage, name,
                fmt::format("{} has no such setting; it has: {}", optimizer.name, listed(names)));
  }
  if (optimizer.check != nullptr) optimizer.check(settings);
  return settings;
}

double Updates::operator[](std::string_view setting) const {
  const auto found = settings_.find(setting);
  expect(found != settings_.end(), "an optimizer asks for its own settings");
  return found->second;
}

ValueId Updates::moment(const Parameter& parameter, std::string_view name) {
  std::vector<std::int64_t> shape;
  for (const Dim& length : b.shape(parameter.value)) shape.push_back(length.value());
  return b.state(std::string(name), Tensor::zeros(b.dtype(parameter.value), std::move(shape)),
                 {fmt::format("optimizer.{}.{}", name, parameter.name)});
}

ValueId Updates::count() {
  const ValueId before = b.state("step", Tensor::zeros(DType::f64, {}), {"optimizer.step"});
  const ValueId now = b.emit("add", {before, number(b, before, 1.0)});
  b.keep(before, now);
  return now;
}

}  // namespace isomer::train

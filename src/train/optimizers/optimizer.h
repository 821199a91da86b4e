#pragma once

// How parameters follow their gradients: the formulas of torch.optim, in its order of operations,
// so that both agree step by step. One file each; optimizers.cpp is the table.

#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/builder.h"

namespace isomer::train {

/// A number that an optimizer is told; its name is torch.optim's, but for betas, which are two.
struct Setting {
  std::string_view name;
  double by_default;
  double below = std::numeric_limits<double>::infinity();
};

using Settings = std::map<std::string, double, std::less<>>;

/// What an optimizer sees of the graph in which it writes its updates.
class Updates {
 public:
  struct Parameter {
    ValueId value;  // a state
    ValueId gradient;
    std::string name;
  };

  Updates(Builder& builder, std::vector<Parameter> parameters, const Settings& settings)
      : b(builder), parameters_(std::move(parameters)), settings_(settings) {}

  Builder& b;

  std::span<const Parameter> parameters() const { return parameters_; }
  double operator[](std::string_view setting) const;
  /// A state like the parameter, zeros before the first step: "exp_avg".
  ValueId moment(const Parameter& parameter, std::string_view name);
  /// The number of this step, from 1: f64[]. Called once.
  ValueId count();

 private:
  std::vector<Parameter> parameters_;
  const Settings& settings_;
};

/// Keeps a new value of each parameter, and of its moments.
using Update = void (*)(Updates& updates);

struct Optimizer {
  std::string_view name;  // "adam"
  std::string_view about;
  std::span<const Setting> settings;
  Update update;
  /// Refuses settings that are right by themselves and not together; may be null.
  void (*check)(const Settings& settings) = nullptr;
};

std::span<const Optimizer> all_optimizers();
/// Throws Fault::usage with the names there are.
const Optimizer& optimizer_named(std::string_view name);
/// Those given, and the defaults of the others. Throws Fault::usage, with the setting as the place,
/// for one that the optimizer has not, or a number out of its range.
Settings complete(const Optimizer& optimizer, const Settings& given);

void update_sgd(Updates& updates);
void check_sgd(const Settings& settings);
void update_adam(Updates& updates);
void update_adamw(Updates& updates);

/// What Adam and its relatives do once a decay, if any, is done: to a parameter of that value, with
/// that gradient.
class Adam {
 public:
  explicit Adam(Updates& updates);
  void update(const Updates::Parameter& parameter, ValueId value, ValueId gradient);

 private:
  Updates& updates_;
  ValueId step_size_;
  ValueId root_;  // of the second moment's bias
};

}  // namespace isomer::train

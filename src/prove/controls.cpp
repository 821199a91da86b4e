#include "prove/controls.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/text.h"

namespace isomer {
namespace {

/// A change that is well above the bound of a comparison, in hundredths of the largest element.
int hundredths(DType dtype) { return dtype == DType::bf16 ? 50 : dtype == DType::f16 ? 10 : 1; }

/// Alternating, because a factor would vanish in a normalisation that follows.
Tensor broken(const Tensor& tensor) {
  if (!is_floating(tensor.dtype())) {
    std::vector<std::int64_t> values = tensor.integers();
    if (!values.empty()) values[0] = values[0] == 0 ? 1 : 0;
    return Tensor::from_integers(tensor.dtype(), tensor.shape(), values);
  }
  std::vector<double> values = tensor.doubles();
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  const double change = (largest > 0 ? largest : 1) * hundredths(tensor.dtype()) / 100;
  for (std::size_t i = 0; i < values.size(); i += 2) values[i] += change;
  return Tensor::from_doubles(tensor.dtype(), tensor.shape(), values);
}

std::string seen(const Check& check) {
  return check.worst ? fmt::format("seen, {:.3g} times the bound", check.worst->ratio) : "seen";
}

/// What comes of the comparison; nothing when it sees no difference.
std::optional<std::string> told_apart(std::span<const std::string> names,
                                      const Reference& reference, std::span<const Tensor> outputs) {
  Check check;
  if (compare(check, names, reference, outputs, Precision::single, "control")) return std::nullopt;
  return seen(check);
}

/// The outputs, or nothing where the broken copy does not run: that is no comparison.
std::optional<std::vector<Tensor>> run(const Runnable& copy, std::span<const Tensor> inputs) {
  try {
    return copy.run(inputs);
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    return std::nullopt;
  }
}

std::vector<Tensor> parameter_values(const Runnable& runnable) {
  const std::map<std::string, Tensor, std::less<>> weights(runnable.weights.begin(),
                                                           runnable.weights.end());
  std::vector<Tensor> values;
  for (const Port& port : runnable.parameters) {
    const auto found = weights.find(port.name);
    if (found == weights.end()) return {};
    values.push_back(found->second);
  }
  return values;
}

std::optional<Control> break_a_weight(const Runnable& copy, std::span<const std::string> names,
                                      const Reference& reference, const InputSet& set) {
  if (!copy.set_parameters) return std::nullopt;
  const std::vector<Tensor> values = parameter_values(copy);
  // The last ones are nearest to the outputs.
  for (std::size_t i = values.size(); i-- > 0;) {
    std::vector<Tensor> changed = values;
    changed[i] = broken(values[i]);
    copy.set_parameters(changed);
    const auto outputs = run(copy, set.tensors);
    copy.set_parameters(values);
    if (!outputs) continue;
    if (const auto found = told_apart(names, reference, *outputs)) {
      return Control{"positive",
                     fmt::format("'{}' moved by {} % of its largest: {}", copy.parameters[i].name,
                                 hundredths(values[i].dtype()), *found),
                     true};
    }
  }
  return std::nullopt;
}

std::optional<Control> break_an_input(const Runnable& copy, std::span<const std::string> names,
                                      const Reference& reference, const InputSet& set) {
  for (std::size_t i = 0; i < set.tensors.size(); ++i) {
    std::vector<Tensor> changed = set.tensors;
    changed[i] = broken(changed[i]);
    const auto outputs = run(copy, changed);
    if (!outputs) continue;
    if (const auto found = told_apart(names, reference, *outputs))
      return Control{"positive", fmt::format("input {} moved: {}", i, *found), true};
  }
  return std::nullopt;
}

Control break_an_output(std::span<const std::string> names, const Reference& reference) {
  for (std::size_t i = 0; i < reference.source.size(); ++i) {
    std::vector<Tensor> changed = reference.source;
    changed[i] = broken(changed[i]);
    const auto found = told_apart(names, reference, changed);
    if (found) return {"positive", fmt::format("output {} moved: {}", i, *found), true};
  }
  return {"positive", "no change of a weight, an input or an output is seen", false};
}

}  // namespace

Control identity_control(const Side& again, std::span<const std::string> names,
                         const Reference& reference, const InputSet& set) {
  Check check;
  const bool same =
      compare(check, names, reference, again.main().run(set.tensors), Precision::single, set.label);
  return {"identity",
          same ? "the source with itself: the same"
               : "the source with itself: " + check.differences.front(),
          same};
}

Control gradient_control(std::span<const std::string> names, const Reference& reference) {
  std::size_t told = 0;
  for (std::size_t i = 0; i < reference.source.size(); ++i) {
    std::vector<Tensor> changed = reference.source;
    changed[i] = broken(changed[i]);
    told += told_apart(names, reference, changed) ? 1 : 0;
  }
  return {"gradients",
          fmt::format("each gradient moved by {} % of its largest: {} of {} seen",
                      hundredths(reference.source[0].dtype()), told, reference.source.size()),
          told > 0};
}

Control positive_control(Side& copy, std::span<const std::string> names, const Reference& reference,
                         const InputSet& set) {
  if (auto control = break_a_weight(copy.main(), names, reference, set)) return *control;
  if (auto control = break_an_input(copy.main(), names, reference, set)) return *control;
  return break_an_output(names, reference);
}

}  // namespace isomer

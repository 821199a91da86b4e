#include "prove/controls.h"

#include <algorithm>
#include <cmath>

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
std::optional<std::string> detected(std::span<const std::string> names, const Expected& expected,
                                    std::span<const Tensor> outputs) {
  Check check;
  if (compare(check, names, expected, outputs, Precision::f32, "control")) return std::nullopt;
  return seen(check);
}

/// The outputs, or nothing where the broken copy does not run: that is no comparison.
std::optional<std::vector<Tensor>> run(const Model& copy, std::span<const Tensor> inputs) {
  try {
    return copy.run(inputs);
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    return std::nullopt;
  }
}

std::optional<Control> break_a_weight(const Model& copy, std::span<const std::string> names,
                                      const Expected& expected, const InputSet& set) {
  const std::vector<Tensor> values = parameter_values(copy.main());
  // The last ones are nearest to the outputs.
  for (std::size_t i = values.size(); i-- > 0;) {
    std::vector<Tensor> changed = values;
    changed[i] = broken(values[i]);
    set_parameters(copy.main(), changed);
    const auto outputs = run(copy, set.calls[0]);
    set_parameters(copy.main(), values);
    if (!outputs) continue;
    if (const auto found = detected(names, expected, *outputs)) {
      return Control{
          "positive",
          fmt::format("'{}' moved by {} % of its largest: {}", copy.main().parameters[i].name,
                      hundredths(values[i].dtype()), *found),
          true};
    }
  }
  return std::nullopt;
}

std::optional<Control> break_an_input(const Model& copy, std::span<const std::string> names,
                                      const Expected& expected, const InputSet& set) {
  for (std::size_t i = 0; i < set.calls[0].size(); ++i) {
    std::vector<Tensor> changed = set.calls[0];
    changed[i] = broken(changed[i]);
    const auto outputs = run(copy, changed);
    if (!outputs) continue;
    if (const auto found = detected(names, expected, *outputs))
      return Control{"positive", fmt::format("input {} moved: {}", i, *found), true};
  }
  return std::nullopt;
}

Control break_an_output(std::span<const std::string> names, const Expected& expected) {
  for (std::size_t i = 0; i < expected.source.size(); ++i) {
    std::vector<Tensor> changed = expected.source;
    changed[i] = broken(changed[i]);
    const auto found = detected(names, expected, changed);
    if (found) return {"positive", fmt::format("output {} moved: {}", i, *found), true};
  }
  return {"positive", "no change of a weight, an input or an output is seen", false};
}

}  // namespace

Control identity_control(const Model& again, std::span<const std::string> names,
                         const Expected& expected, const InputSet& set) {
  Check check;
  const bool same =
      compare(check, names, expected, again.run(set.calls[0]), Precision::f32, set.label);
  return {"identity",
          same ? "the source with itself: the same"
               : "the source with itself: " + check.differences.front(),
          same};
}

Control gradient_control(std::span<const std::string> names, const Expected& expected) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < expected.source.size(); ++i) {
    // Alone, since what was not moved is as it was.
    const Expected one{.exact = {expected.exact[i]},
                       .source = {expected.source[i]},
                       .terms = expected.terms,
                       .relative = expected.relative};
    count += detected(names.subspan(i, 1), one, std::vector{broken(expected.source[i])}) ? 1 : 0;
  }
  return {"gradients",
          fmt::format("each gradient moved by {} % of its largest: {} of {} seen",
                      hundredths(expected.source[0].dtype()), count, expected.source.size()),
          count > 0};
}

Control positive_control(Model& copy, std::span<const std::string> names, const Expected& expected,
                         const InputSet& set) {
  if (auto control = break_a_weight(copy, names, expected, set)) return *control;
  if (auto control = break_an_input(copy, names, expected, set)) return *control;
  return break_an_output(names, expected);
}

}  // namespace isomer

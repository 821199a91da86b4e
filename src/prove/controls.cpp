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
std::optional<std::string> detected(const Expected& expected, std::span<const Tensor> outputs) {
  Check check;
  if (compare(check, expected, outputs, Precision::f32, "control")) return std::nullopt;
  return seen(check);
}

/// What is seen of a set, or nothing where it cannot be run: that is no comparison.
std::optional<std::string> run_and_detect(const Model& source, const StateNames& states,
                                          const Expected& expected, const InputSet& set) {
  try {
    return detected(expected, source.backends.front().observe(Precision::f32, set, states));
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    return std::nullopt;
  }
}

std::optional<Control> break_a_weight(const Model& source, const StateNames& states,
                                      const Expected& expected, const InputSet& set) {
  const std::vector<Tensor> values = parameter_values(source.main());
  // The last ones are nearest to the outputs.
  for (std::size_t i = values.size(); i-- > 0;) {
    InputSet changed = set;
    const std::string& name = source.main().parameters[i].name;
    changed.parameters = {{name, broken(values[i])}};
    if (const auto found = run_and_detect(source, states, expected, changed)) {
      return Control{"positive",
                     fmt::format("'{}' moved by {} % of its largest: {}", name,
                                 hundredths(values[i].dtype()), *found),
                     true};
    }
  }
  return std::nullopt;
}

std::optional<Control> break_an_input(const Model& source, const StateNames& states,
                                      const Expected& expected, const InputSet& set) {
  for (std::size_t i = 0; i < set.calls[0].size(); ++i) {
    InputSet changed = set;
    changed.calls[0][i] = broken(set.calls[0][i]);
    if (const auto found = run_and_detect(source, states, expected, changed))
      return Control{"positive", fmt::format("input {} moved: {}", i, *found), true};
  }
  return std::nullopt;
}

Control break_an_output(const Expected& expected) {
  for (std::size_t i = 0; i < expected.source.size(); ++i) {
    std::vector<Tensor> changed = expected.source;
    changed[i] = broken(changed[i]);
    if (const auto found = detected(expected, changed))
      return {"positive", fmt::format("{} moved: {}", expected.names[i], *found), true};
  }
  return {"positive", "no change of a weight, an input or an output is seen", false};
}

/// Of one tensor alone.
Expected only(const Expected& expected, std::size_t i) {
  Expected one{
      .names = {expected.names[i]}, .exact = {expected.exact[i]}, .source = {expected.source[i]}};
  if (expected.spread) {
    one.spread = [&expected, i](std::size_t, Precision precision, int runs) {
      return expected.spread(i, precision, runs);
    };
  }
  return one;
}

}  // namespace

Control identity_control(const Model& source, const StateNames& states, const Expected& expected,
                         const InputSet& set) {
  Check check;
  const bool same =
      compare(check, expected, source.backends.front().observe(Precision::f32, set, states),
              Precision::f32, set.label);
  return {"identity",
          same ? "the source with itself: the same"
               : "the source with itself: " + check.differences.front(),
          same};
}

Control gradient_control(const Expected& expected) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < expected.source.size(); ++i) {
    // Alone, since what was not moved is as it was.
    count += detected(only(expected, i), std::vector{broken(expected.source[i])}) ? 1 : 0;
  }
  return {"gradients",
          fmt::format("each gradient moved by {} % of its largest: {} of {} seen",
                      hundredths(expected.source[0].dtype()), count, expected.source.size()),
          count > 0};
}

Control positive_control(const Model& source, const StateNames& states, const Expected& expected,
                         const InputSet& set) {
  if (auto control = break_a_weight(source, states, expected, set)) return *control;
  if (auto control = break_an_input(source, states, expected, set)) return *control;
  return break_an_output(expected);
}

}  // namespace isomer

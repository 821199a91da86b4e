#include "prove/controls.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>

#include "base/error.h"
#include "base/text.h"

namespace isomer {
namespace {

/// Changes in hundredths of the largest element, each tried where the one before is not seen: a
/// model may round away more than the first.
std::vector<int> growing(DType dtype) {
  if (!is_floating(dtype)) return {100};
  std::vector<int> hundredths;
  for (int change = dtype == DType::bf16  ? 50
                    : dtype == DType::f16 ? 10
                                          : 1;
       change <= 1000; change *= 10)
    hundredths.push_back(change);
  return hundredths;
}

double largest_of(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) {
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  }
  return largest;
}

/// Alternating, where more is computed of it: a factor would vanish in a normalisation.
enum class Changed { all, every_second };

Tensor broken(const Tensor& tensor, int hundredths, Changed moved = Changed::every_second) {
  if (!is_floating(tensor.dtype())) {
    std::vector<std::int64_t> values = tensor.integers();
    if (!values.empty()) values[0] = values[0] == 0 ? 1 : 0;
    return Tensor::from_integers(tensor.dtype(), tensor.shape(), values);
  }
  std::vector<double> values = tensor.doubles();
  const double largest = largest_of(values);
  const double change = (largest > 0 ? largest : 1) * hundredths / 100;
  const std::size_t stride = moved == Changed::all ? 1 : 2;
  for (std::size_t i = 0; i < values.size(); i += stride) values[i] += change;
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

/// What can be moved, and what is seen of it then.
struct Breakable {
  std::string name;
  Tensor tensor;
  std::function<std::optional<std::string>(const Tensor&)> detect;
};

/// The first whose change is seen, and its least change that is.
std::optional<Control> first_seen(std::span<const Breakable> all) {
  constexpr std::size_t most_steps = 4;
  for (std::size_t step = 0; step < most_steps; ++step) {
    for (const auto& [name, tensor, detect] : all) {
      const std::vector<int> changes = growing(tensor.dtype());
      if (step >= changes.size()) continue;
      if (const auto found = detect(broken(tensor, changes[step]))) {
        return Control{
            "positive",
            fmt::format("{} moved by {} % of its largest: {}", name, changes[step], *found), true};
      }
    }
  }
  return std::nullopt;
}

/// Of one tensor alone.
Expected only(const Expected& expected, std::size_t i) {
  Expected one{
      .names = {expected.names[i]}, .exact = {expected.exact[i]}, .source = {expected.source[i]}};
  one.most_runs = expected.most_runs;
  if (expected.spread) {
    one.spread = [&expected, i](std::size_t, Precision precision, int runs) {
      return expected.spread(i, precision, runs);
    };
  }
  return one;
}

/// Of the one tensor, which is compared alone, since what was not moved is as it was.
std::optional<int> least_seen(const Expected& one) {
  for (const int change : growing(one.source[0].dtype())) {
    if (detected(one, std::vector{broken(one.source[0], change, Changed::all)})) return change;
  }
  return std::nullopt;
}

/// Whether no element of the one tensor is well above what rounding does to it: where nothing is
/// measured, above what single precision is off by.
bool is_rounding(const Expected& one) {
  constexpr double well_above = 8;
  const std::vector<double> exact = one.exact[0].doubles(), source = one.source[0].doubles();
  std::vector<double> off(exact.size());
  for (std::size_t i = 0; i < exact.size(); ++i) off[i] = std::abs(source[i] - exact[i]);
  std::optional<std::span<const double>> spread = off;
  if (one.spread) {
    if (const auto measured = one.spread(0, Precision::f32, one.most_runs)) spread = measured;
  }
  for (std::size_t i = 0; i < exact.size(); ++i) {
    if (std::isfinite(exact[i]) &&
        std::abs(exact[i]) > well_above * (spread->empty() ? 0 : (*spread)[i]))
      return false;
  }
  return true;
}

}  // namespace

Expected for_control(const Expected& expected, bool costly) {
  Expected result = expected;
  result.most_runs = few_runs;
  if (costly) result.spread = {};
  return result;
}

Control identity_control(const Model& source, const StateNames& states, const Expected& expected,
                         const InputSet& set) {
  Check check;
  const bool same =
      compare(check, expected, source.backends.front().observe(Precision::f32, set, states),
              Precision::f32, set.label);
  return {"identity",
          same ? "the source with itself: the same"
               : "the source with itself: " + check.differences.front().text,
          same};
}

Control gradient_control(const Expected& expected) {
  std::vector<std::string> missed;
  std::size_t seen = 0, rounding = 0;
  int most = 0;
  for (std::size_t i = 0; i < expected.source.size(); ++i) {
    if (const auto change = least_seen(only(expected, i))) {
      ++seen;
      most = std::max(most, *change);
    } else if (is_rounding(only(expected, i))) {
      ++rounding;
    } else {
      missed.push_back(expected.names[i]);
    }
  }
  std::string what = fmt::format("each gradient moved by up to {} % of its largest: {} of {} seen",
                                 most, seen, expected.source.size());
  if (rounding > 0) what += fmt::format(", {} no more than rounding leaves", rounding);
  if (!missed.empty()) what += fmt::format(", not {}", listed(missed));
  return {"gradients", std::move(what), missed.empty()};
}

Control positive_control(const Model& source, const StateNames& states, const Expected& expected,
                         const InputSet& set) {
  std::vector<Breakable> weights, inputs, outputs;
  const std::vector<Tensor> values = parameter_values(source.main());
  // The last ones are nearest to the outputs.
  for (std::size_t i = values.size(); i-- > 0;) {
    const std::string& name = source.main().parameters[i].name;
    weights.push_back({quoted(name), values[i], [&, name](const Tensor& moved) {
                         InputSet changed = set;
                         changed.parameters = {{name, moved}};
                         return run_and_detect(source, states, expected, changed);
                       }});
  }
  for (std::size_t i = 0; i < set.calls[0].size(); ++i) {
    inputs.push_back({fmt::format("input {}", i), set.calls[0][i], [&, i](const Tensor& moved) {
                        InputSet changed = set;
                        changed.calls[0][i] = moved;
                        return run_and_detect(source, states, expected, changed);
                      }});
  }
  for (std::size_t i = 0; i < expected.source.size(); ++i) {
    outputs.push_back({expected.names[i], expected.source[i], [&, i](const Tensor& moved) {
                         std::vector<Tensor> changed = expected.source;
                         changed[i] = moved;
                         return detected(expected, changed);
                       }});
  }
  for (const std::vector<Breakable>* group : {&weights, &inputs, &outputs}) {
    if (auto control = first_seen(*group)) return *std::move(control);
  }
  return {"positive", "no change of a weight, an input or an output is seen", false};
}

}  // namespace isomer

#include <algorithm>
#include <cmath>
#include <random>

#include "base/text.h"
#include "graph/text.h"
#include "passes/passes.h"
#include "runner/operators.h"

namespace isomer::runner {
namespace {

using Numbers = std::vector<double>;

constexpr std::uint64_t seed = 1;

bool floats(const Graph& graph, ValueId id) { return is_floating(graph[id].type.dtype); }

/// The graph in float64 with everything that can be varied: floating inputs, then trainable
/// constants.
class Doubled {
 public:
  explicit Doubled(const OperatorCase& one)
      : graph_(to_float64(one.graph)), gradient_(differentiate(graph_)), inputs_(one.inputs) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      inputs_[i] = inputs_[i].converted(graph_[graph_.inputs[i]].type.dtype);
    }
  }

  const Graph& graph() const { return graph_; }

  /// The case's own values.
  std::vector<Numbers> point() const {
    std::vector<Numbers> values;
    for (const Tensor& input : inputs_) {
      if (is_floating(input.dtype())) values.push_back(input.doubles());
    }
    for (const Constant& constant : graph_.constants) {
      if (constant.trainable) values.push_back(constant.data.doubles());
    }
    return values;
  }

  std::vector<Tensor> inputs_at(const std::vector<Numbers>& point) const {
    std::vector<Tensor> inputs = inputs_;
    std::size_t next = 0;
    for (Tensor& input : inputs) {
      if (is_floating(input.dtype()))
        input = Tensor::from_doubles(input.dtype(), input.shape(), point[next++]);
    }
    return inputs;
  }

  /// `graph` with the trainable constants of `point`.
  Graph at(Graph graph, const std::vector<Numbers>& point) const {
    std::size_t next = 0;
    for (const Tensor& input : inputs_) next += is_floating(input.dtype()) ? 1 : 0;
    for (Constant& constant : graph.constants) {
      if (!constant.trainable) continue;
      constant.data =
          Tensor::from_doubles(constant.data.dtype(), constant.data.shape(), point[next++]);
    }
    return graph;
  }

  std::vector<Tensor> run(const std::vector<Numbers>& point) const {
    return make_reference_executor(at(graph_, point), {.seed = seed})->run(inputs_at(point));
  }

  /// The outputs' cotangents, as tensors behind the inputs.
  std::vector<Tensor> gradient_inputs(const std::vector<Numbers>& point,
                                      const std::vector<Tensor>& cotangents) const {
    std::vector<Tensor> inputs = inputs_at(point);
    inputs.insert(inputs.end(), cotangents.begin(), cotangents.end());
    return inputs;
  }

  std::vector<Tensor> gradient(const std::vector<Numbers>& point,
                               const std::vector<Tensor>& cotangents) const {
    return make_reference_executor(at(gradient_, point), {.seed = seed})
        ->run(gradient_inputs(point, cotangents));
  }

 private:
  Graph graph_;
  Graph gradient_;
  std::vector<Tensor> inputs_;
};

/// Random ones for the floating outputs.
std::vector<Tensor> draw_cotangents(const std::vector<Tensor>& outputs, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  std::vector<Tensor> cotangents;
  for (const Tensor& output : outputs) {
    if (!is_floating(output.dtype())) continue;
    Numbers values(static_cast<std::size_t>(output.count()));
    for (double& value : values) value = normal(random);
    cotangents.push_back(Tensor::from_doubles(output.dtype(), output.shape(), values));
  }
  return cotangents;
}

/// The sum of cotangent times output.
double weighed(const std::vector<Tensor>& outputs, const std::vector<Tensor>& cotangents) {
  double sum = 0;
  std::size_t next = 0;
  for (const Tensor& output : outputs) {
    if (!is_floating(output.dtype())) continue;
    const Numbers a = output.doubles();
    const Numbers b = cotangents[next++].doubles();
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  }
  return sum;
}

/// Every element moved a little, so that kinks and ties are left behind; what is not finite becomes
/// a number. `positive`: and away from 0 upwards, where logarithms and roots are at home.
std::vector<Numbers> moved(std::vector<Numbers> point, bool positive, std::mt19937_64& random) {
  std::uniform_real_distribution<double> size(0.01, 0.05);
  for (Numbers& numbers : point) {
    for (double& number : numbers) {
      if (!std::isfinite(number) || std::abs(number) > 1e3) number = 0.5;
      if (positive) number = 0.5 + std::abs(number);
      number += (random() % 2 == 0 ? 1 : -1) * size(random) * (1 + std::abs(number));
    }
  }
  return point;
}

std::vector<Numbers> draw_direction(const std::vector<Numbers>& point, std::size_t which,
                                    std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  std::vector<Numbers> direction = point;
  for (std::size_t i = 0; i < direction.size(); ++i) {
    for (double& value : direction[i]) value = i == which ? normal(random) : 0;
  }
  return direction;
}

std::vector<Numbers> stepped(std::vector<Numbers> point, const std::vector<Numbers>& direction,
                             double step) {
  for (std::size_t i = 0; i < point.size(); ++i) {
    for (std::size_t j = 0; j < point[i].size(); ++j) point[i][j] += step * direction[i][j];
  }
  return point;
}

struct Slope {
  double value = 0;
  bool smooth = false;
};

/// The slope along a direction; smooth where two steps agree on it.
Slope central_difference(const Doubled& doubled, const std::vector<Numbers>& point,
                         const std::vector<Numbers>& direction,
                         const std::vector<Tensor>& cotangents) {
  const auto slope = [&](double step) {
    const double up = weighed(doubled.run(stepped(point, direction, step)), cotangents);
    const double down = weighed(doubled.run(stepped(point, direction, -step)), cotangents);
    return (up - down) / (2 * step);
  };
  const double coarse = slope(1e-4);
  const double fine = slope(1e-5);
  const double scale = 1 + std::abs(coarse) + std::abs(fine);
  return {fine, std::abs(coarse - fine) <= 1e-5 * scale};
}

double along(const Tensor& gradient, const Numbers& direction) {
  double sum = 0;
  const Numbers values = gradient.doubles();
  for (std::size_t i = 0; i < values.size(); ++i) sum += values[i] * direction[i];
  return sum;
}

/// One input or weight, at one point: what is wrong, or nothing; no value where the point is not
/// smooth.
std::optional<std::string> compare_at(const Doubled& doubled, const std::vector<Numbers>& point,
                                      std::size_t which, std::mt19937_64& random) {
  const std::vector<Tensor> cotangents = draw_cotangents(doubled.run(point), random);
  const std::vector<Numbers> direction = draw_direction(point, which, random);
  const Slope slope = central_difference(doubled, point, direction, cotangents);
  if (!slope.smooth) return std::nullopt;
  const double derived = along(doubled.gradient(point, cotangents).at(which), direction[which]);
  const double error = std::abs(derived - slope.value);
  if (error <= 1e-6 * (1 + std::abs(slope.value))) return "";
  return fmt::format("of floating input or weight {}: derived {:.9g}, by differences {:.9g}, at {}",
                     which, derived, slope.value, point[which]);
}

std::string compare_near(const Doubled& doubled, std::size_t which) {
  constexpr int tries = 30;
  constexpr int wanted = 3;
  std::mt19937_64 random(which + 1);
  int compared = 0;
  for (int i = 0; i < tries && compared < wanted; ++i) {
    const std::vector<Numbers> point = moved(doubled.point(), i >= tries / 2, random);
    const std::optional<std::string> wrong = compare_at(doubled, point, which, random);
    if (!wrong) continue;
    if (!wrong->empty()) return *wrong;
    ++compared;
  }
  return compared > 0
             ? ""
             : fmt::format("of floating input or weight {}: no smooth point found near the case's",
                           which);
}

/// Values that stay in 16 bits step where others slope.
bool all_doubles(const Graph& graph) {
  return std::ranges::all_of(graph.values, [](const Value& value) {
    return !is_complex(value.type.dtype) &&
           (!is_floating(value.type.dtype) || value.type.dtype == DType::f64);
  });
}

}  // namespace

bool has_gradient(const OperatorCase& one) {
  const Graph& graph = one.graph;
  const auto is_float = [&](ValueId id) { return floats(graph, id); };
  const bool from = std::ranges::any_of(graph.inputs, is_float) ||
                    std::ranges::any_of(graph.constants, &Constant::trainable);
  return one.gradient && from && std::ranges::any_of(graph.outputs, is_float) &&
         all_doubles(to_float64(graph));
}

std::string check_differences(const OperatorCase& one) {
  const Doubled doubled(one);
  const std::size_t count = doubled.point().size();
  for (std::size_t which = 0; which < count; ++which) {
    if (doubled.point()[which].empty()) continue;
    const std::string wrong = compare_near(doubled, which);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

std::string check_gradient(const OperatorCase& one, const Engine& engine) {
  const Doubled doubled(one);
  std::mt19937_64 random(1);
  const std::vector<Numbers> point = doubled.point();
  const std::vector<Tensor> cotangents = draw_cotangents(doubled.run(point), random);
  const std::vector<Tensor> ours = doubled.gradient(point, cotangents);
  std::vector<Tensor> theirs;
  try {
    theirs = engine.make_gradient(doubled.at(doubled.graph(), point))
                 ->run(doubled.gradient_inputs(point, cotangents));
  } catch (const Error& error) {
    // Where the engine takes an input for a given number, as libtorch does running statistics.
    if (error.text().find("is not differentiable with respect to") != std::string::npos) return "";
    throw;
  }
  if (ours.size() != theirs.size()) {
    return fmt::format("{} and {} from {}", counted(ours.size(), "gradient"), theirs.size(),
                       engine.name);
  }
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const std::string wrong = difference(ours[i], theirs[i], 1e-7);
    if (!wrong.empty()) return fmt::format("of {} {}", i, wrong);
  }
  return "";
}

}  // namespace isomer::runner

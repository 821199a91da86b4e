#include "prove/differences.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"

namespace isomer {
namespace {

/// How many directions, and how often each is drawn until it shows a slope.
struct Tries {
  int directions = 8;
  int draws = 12;
};
constexpr Tries tries_where_costly{2, 4};
// Truncation and cancellation are both near 1e-11 of the scale here.
constexpr double step = 1e-6;
constexpr double relative = 1e-6;

Tensor normal_like(const Tensor& tensor, DType dtype, Random& random) {
  std::vector<double> values(static_cast<std::size_t>(tensor.count()));
  for (double& value : values) value = random.normal();
  return Tensor::from_doubles(dtype, tensor.shape(), values);
}

double dot(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = a.doubles(), y = b.doubles();
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

Tensor plus(const Tensor& x, double factor, const Tensor& direction) {
  std::vector<double> values = x.doubles();
  const std::vector<double> along = direction.doubles();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += factor * along[i];
  return Tensor::from_doubles(DType::f64, x.shape(), values);
}

/// A place in the space of all inputs and parameters, and a way to look at a scalar there.
class Landscape {
 public:
  Landscape(const Backend& backend, const InputSet& set, std::vector<Tensor> cotangents)
      : backend_(backend),
        inputs_(set.calls[0]),
        parameters_(parameter_values(backend.f64)),
        cotangents_(std::move(cotangents)) {
    for (Tensor& tensor : parameters_) tensor = tensor.converted(DType::f64);
    for (Tensor& tensor : inputs_) {
      if (is_floating(tensor.dtype())) tensor = tensor.converted(DType::f64);
    }
  }
  ~Landscape() {
    try {
      restore();
    } catch (
        const Error&) {  // the run that failed has been reported; a destructor must not add to it
    }
  }
  Landscape(const Landscape&) = delete;
  Landscape& operator=(const Landscape&) = delete;

  bool moves_parameters() const { return !parameters_.empty(); }
  const std::vector<Tensor>& inputs() const { return inputs_; }
  const std::vector<Tensor>& parameters() const { return parameters_; }

  /// The sum of all outputs times their cotangents, `factor` times `direction` away from here.
  double at(double factor, std::span<const Tensor> direction) {
    std::size_t next = 0;
    std::vector<Tensor> inputs = inputs_;
    for (Tensor& tensor : inputs) {
      if (is_floating(tensor.dtype())) tensor = plus(tensor, factor, direction[next++]);
    }
    std::vector<Tensor> parameters;
    for (const Tensor& tensor : parameters_)
      parameters.push_back(plus(tensor, factor, direction[next++]));
    if (moves_parameters()) set_parameters(backend_.f64, parameters);
    double sum = 0;
    std::size_t cotangent = 0;
    for (const Tensor& output : backend_.run(Precision::f64, inputs)) {
      if (is_floating(output.dtype())) sum += dot(output, cotangents_.at(cotangent++));
    }
    return sum;
  }

 private:
  void restore() {
    if (moves_parameters()) set_parameters(backend_.f64, parameters_);
  }

  const Backend& backend_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> parameters_;  // in the backend's order
  std::vector<Tensor> cotangents_;
};

/// The slope along one direction, twice.
struct Slopes {
  double wanted = 0;
  double measured = 0;
  double bound = 0;
  bool smooth = true;

  double ratio() const {
    const double distance = std::abs(wanted - measured);
    return std::isfinite(distance) ? distance / bound : std::numeric_limits<double>::infinity();
  }
  /// Only a smooth slope says that a gradient is wrong.
  bool decides() const { return smooth || ratio() <= 1; }
};

Slopes measure(Landscape& landscape, std::span<const Tensor> direction,
               std::span<const Tensor> gradient) {
  double wanted = 0, square = 0;
  for (std::size_t i = 0; i < direction.size(); ++i) {
    wanted += dot(gradient[i], direction[i]);
    square += dot(gradient[i], gradient[i]);
  }
  const double here = landscape.at(0, direction);
  const double ahead = landscape.at(step, direction), behind = landscape.at(-step, direction);
  const double half_ahead = landscape.at(step / 2, direction);
  const double half_behind = landscape.at(-step / 2, direction);
  const double slope = (ahead - behind) / (2 * step);
  const double rounding =
      64 * 0x1p-52 * std::max({std::abs(behind), std::abs(here), std::abs(ahead), 1e-30}) / step;
  const double scale = std::max(std::abs(wanted), std::sqrt(square));
  const double bound = relative * scale + rounding;
  // Half a step must give the same slope and half the bend. A kink within the step breaks one of
  // the two, wherever it stands: the first unless it is close to here, the second if it is.
  const double bend = (ahead - 2 * here + behind) / step;
  const double half_bend = (half_ahead - 2 * here + half_behind) / (step / 2);
  const double half_slope = (half_ahead - half_behind) / step;
  const bool smooth = std::isfinite(here) && std::abs(slope - half_slope) <= bound &&
                      std::abs(bend - 2 * half_bend) <= bound;
  return {wanted, slope, bound, smooth};
}

std::vector<Tensor> draw_direction(const Landscape& landscape, Random& random) {
  std::vector<Tensor> direction;
  for (const Tensor& tensor : landscape.inputs()) {
    if (is_floating(tensor.dtype())) direction.push_back(normal_like(tensor, DType::f64, random));
  }
  for (const Tensor& tensor : landscape.parameters())
    direction.push_back(normal_like(tensor, DType::f64, random));
  return direction;
}

/// The reference's gradient in the backend's order.
std::vector<Tensor> gradient_for(const Backend& reference, const Landscape& landscape,
                                 std::span<const std::optional<std::size_t>> places,
                                 std::vector<Tensor> cotangents) {
  std::vector<Tensor> inputs = landscape.inputs();
  inputs.insert(inputs.end(), cotangents.begin(), cotangents.end());
  const std::vector<Tensor> found = reference.gradient(&Runnable::gradient, Precision::f64, inputs);
  const std::size_t leading = count_floating(reference.f64.inputs);
  std::vector<Tensor> gradient(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(leading));
  for (const Tensor& parameter : landscape.parameters()) {
    gradient.push_back(Tensor::zeros(DType::f64, parameter.shape()));
  }
  if (!landscape.moves_parameters()) return gradient;
  for (std::size_t i = 0; i < places.size(); ++i)
    gradient.at(leading + *places[i]) = found.at(leading + i);
  return gradient;
}

}  // namespace

std::vector<Tensor> random_cotangents(std::span<const Tensor> outputs, Random& random) {
  std::vector<Tensor> cotangents;
  for (const Tensor& output : outputs) {
    if (is_floating(output.dtype()))
      cotangents.push_back(normal_like(output, output.dtype(), random));
  }
  return cotangents;
}

Check compare_central_differences(const Backend& reference, const Backend& backend,
                                  std::span<const std::optional<std::size_t>> places,
                                  const InputSet& set, Random& random) {
  const std::vector<Tensor> cotangents =
      random_cotangents(backend.run(Precision::f32, set.calls[0]), random);
  Landscape landscape(backend, set, cotangents);
  const std::vector<Tensor> gradient = gradient_for(reference, landscape, places, cotangents);
  const auto [directions, most_draws] = set.costly_to_measure ? tries_where_costly : Tries();
  const bool all = landscape.moves_parameters() || backend.f32.parameters.empty();
  Check check{.what = "gradients",
              .where = fmt::format(
                  "central differences of {}, {} directions over {}, in double precision",
                  backend.name, directions, all ? "inputs and parameters" : "inputs only")};
  check.inputs = 1;
  check.tensors = gradient.size();
  for (int i = 0; i < directions; ++i) {
    Slopes slopes;
    for (int draw = 0; draw < most_draws; ++draw) {
      slopes = measure(landscape, draw_direction(landscape, random), gradient);
      if (slopes.decides()) break;
    }
    if (!slopes.decides()) continue;
    ++check.elements;
    const WorstElement element{fmt::format("slope along direction {}", i),
                               {},
                               slopes.wanted,
                               slopes.measured,
                               slopes.wanted,
                               slopes.bound,
                               slopes.ratio()};
    if (!check.worst || element.ratio > check.worst->ratio) check.worst = element;
    if (slopes.ratio() <= 1) continue;
    check.same = false;
    check.differences.push_back(
        {"slope",
         fmt::format(
             "slope along direction {} is {}, the source's gradient gives {} (bound {:.3g})", i,
             real_text(slopes.measured), real_text(slopes.wanted), slopes.bound),
         set.label});
  }
  return check;
}

}  // namespace isomer

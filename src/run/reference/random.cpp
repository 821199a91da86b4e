#include "run/perturbation.h"
#include "run/reference/kernel.h"

namespace isomer {
namespace {

// 53 random bits make a double in [0, 1). The standard's distributions differ between libraries;
// this does not.
double uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

void run_bernoulli(const KernelCall& call) {
  Operand& y = call.result();
  const double p = call.real("p");
  std::vector<std::int64_t> draws(static_cast<std::size_t>(y.count()));
  for (std::int64_t& draw : draws) draw = uniform(call.random) < p ? 1 : 0;
  if (is_floating(y.dtype)) {
    y.elements = std::vector<double>(draws.begin(), draws.end());
  } else {
    y.elements = std::move(draws);
  }
}

void run_perturb(const KernelCall& call) {
  const Perturbation perturbed(call.attributes, call.length("terms"), call.input(1).integers()[0]);
  std::vector<double> elements = call.input(0).reals();
  if (!perturbed.keeps(elements)) {
    for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = perturbed(elements[i], i);
  }
  call.result().elements = std::move(elements);
}

constexpr Kernel random_table[] = {
    {"bernoulli", run_bernoulli},
    {"perturb", run_perturb},
};

}  // namespace

std::span<const Kernel> random_kernels() { return random_table; }

}  // namespace isomer

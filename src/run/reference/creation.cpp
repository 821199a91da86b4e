#include "run/reference/kernel.h"

namespace isomer {
namespace {

/// Integers, as the result's dtype wants them.
void give(Operand& y, std::vector<std::int64_t> values) {
  if (is_floating(y.dtype)) {
    y.elements = std::vector<double>(values.begin(), values.end());
  } else {
    y.elements = std::move(values);
  }
}

void run_full(const KernelCall& call) {
  Operand& y = call.result();
  y.elements = filled(y.dtype, y.count(), call.real("value"));
}

void run_arange(const KernelCall& call) {
  std::vector<std::int64_t> values;
  const std::int64_t start = call.length("start");
  const std::int64_t step = call.integer("step");
  for (std::int64_t i = 0; i < call.result().count(); ++i) values.push_back(start + i * step);
  give(call.result(), std::move(values));
}

void run_length(const KernelCall& call) { give(call.result(), {call.length("value")}); }

constexpr Kernel creation_table[] = {
    {"full", run_full},
    {"arange", run_arange},
    {"length", run_length},
};

}  // namespace

std::span<const Kernel> creation_kernels() { return creation_table; }

}  // namespace isomer

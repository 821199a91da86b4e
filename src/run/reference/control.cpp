#include <algorithm>

#include "base/text.h"
#include "run/reference/kernel.h"

namespace isomer {
namespace {

using Operands = std::vector<Operand>;
using Inputs = std::vector<const Operand*>;

bool holds(const Operand& condition) { return condition.integers()[0] != 0; }

void hand_over(Operands results, const KernelCall& call) {
  std::ranges::move(results, call.results.begin());
}

void run_if(const KernelCall& call) {
  hand_over(call.bodies[holds(call.input(0)) ? 0 : 1](call.inputs.subspan(1)), call);
}

Inputs all_of(const KernelCall& call) { return {call.inputs.begin(), call.inputs.end()}; }

/// What a body gave becomes what it is given.
void carry(const Operands& given, std::size_t count, Inputs& inputs) {
  for (std::size_t i = 0; i < count; ++i) inputs[i] = &given[i];
}

void run_while(const KernelCall& call) {
  const auto carried = static_cast<std::size_t>(call.integer("carried"));
  Inputs inputs = all_of(call);
  Operands now;
  for (std::size_t i = 0; i < carried; ++i) now.push_back(call.input(i));
  carry(now, carried, inputs);
  while (holds(call.bodies[0](inputs)[0])) {
    now = call.bodies[1](inputs);
    carry(now, carried, inputs);
  }
  hand_over(std::move(now), call);
}

/// One slice along axis 0.
Operand slice_of(const Operand& x, std::int64_t trip) {
  Operand slice{x.dtype, {x.shape.begin() + 1, x.shape.end()}, {}};
  const std::int64_t count = slice.count();
  std::visit(
      [&](const auto& elements) {
        const auto begin = elements.begin() + trip * count;
        slice.elements = std::decay_t<decltype(elements)>(begin, begin + count);
      },
      x.elements);
  return slice;
}

/// Puts a slice behind those before it.
void append(Operand& stacked, Operand slice) {
  std::visit(
      [&](auto& elements) {
        auto& more = std::get<std::decay_t<decltype(elements)>>(slice.elements);
        elements.insert(elements.end(), more.begin(), more.end());
      },
      stacked.elements);
}

void run_scan(const KernelCall& call) {
  const auto carried = static_cast<std::size_t>(call.integer("carried"));
  const auto scanned = static_cast<std::size_t>(call.integer("scanned"));
  const std::int64_t trips = scanned > 0 ? call.input(carried).shape[0] : call.length("trips");
  if (trips < 0)
    throw Error(Fault::model, "", fmt::format("trips is {}; it should be 0 or more", trips));
  for (Operand& stacked : call.results.subspan(carried))
    stacked.elements = filled(stacked.dtype, 0, 0);
  Inputs inputs = all_of(call);
  Operands now;
  for (std::size_t i = 0; i < carried; ++i) now.push_back(call.input(i));
  for (std::int64_t trip = 0; trip < trips; ++trip) {
    Operands slices;
    for (std::size_t i = carried; i < carried + scanned; ++i)
      slices.push_back(slice_of(call.input(i), trip));
    carry(now, carried, inputs);
    for (std::size_t i = 0; i < scanned; ++i) inputs[carried + i] = &slices[i];
    Operands given = call.bodies[0](inputs);
    for (std::size_t i = carried; i < given.size(); ++i)
      append(call.results[i], std::move(given[i]));
    given.resize(carried);
    now = std::move(given);
  }
  hand_over(std::move(now), call);
}

constexpr Kernel control_table[] = {
    {"if", run_if},
    {"scan", run_scan},
    {"while", run_while},
};

}  // namespace

std::span<const Kernel> control_kernels() { return control_table; }

}  // namespace isomer

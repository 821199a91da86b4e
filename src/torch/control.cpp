#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include <algorithm>

#include "ops/schema.h"
#include "torch/plan.h"

// Operators with bodies: each body has a plan of its own.

namespace isomer::libtorch {
namespace {

using Tensors = std::vector<at::Tensor>;
using Inputs = std::span<const at::Tensor>;

/// Its outputs for `inputs`.
Tensors run_body(const Plan& plan, Inputs inputs, const Context& context) {
  Values values(plan);
  for (std::size_t i = 0; i < inputs.size(); ++i) values[plan.graph.inputs[i]] = inputs[i];
  run_all(plan, values, context);
  Tensors outputs;
  for (const ValueId id : plan.graph.outputs) outputs.push_back(values[id]);
  return outputs;
}

struct Control {
  std::vector<Plan> bodies;
  Attributes attributes;

  std::size_t count(std::string_view name) const {
    return static_cast<std::size_t>(get<std::int64_t>(attributes, name));
  }
};

using Run = Tensors (*)(const Control&, Inputs, const Context&);

Tensors run_if(const Control& control, Inputs inputs, const Context& context) {
  return run_body(control.bodies[inputs[0].item<bool>() ? 0 : 1], inputs.subspan(1), context);
}

Tensors run_while(const Control& control, Inputs inputs, const Context& context) {
  Tensors now(inputs.begin(), inputs.end());
  while (run_body(control.bodies[0], now, context)[0].item<bool>()) {
    Tensors given = run_body(control.bodies[1], now, context);
    std::move(given.begin(), given.end(), now.begin());
  }
  now.resize(control.count("carried"));
  return now;
}

/// What nothing was stacked on is empty.
at::Tensor stacked(const Plan& body, std::size_t output, const Tensors& slices,
                   const Context& context) {
  if (!slices.empty()) return at::stack(slices);
  const TensorType& type = body.graph[body.graph.outputs[output]].type;
  std::vector<std::int64_t> shape = evaluate(type.shape, context.lengths);
  shape.insert(shape.begin(), 0);
  return at::empty(shape, scalar_type(type.dtype));
}

/// A file may ask for any number; what is stacked must have a bound.
void require_trips(const Plan& body, std::size_t carried, std::int64_t trips,
                   const Context& context) {
  constexpr std::int64_t most = std::int64_t{1} << 33;
  const auto refuse = [&](const std::string& what) {
    throw Error(Fault::model, "", "trips is " + std::to_string(trips) + "; " + what);
  };
  if (trips < 0) refuse("it should be 0 or more");
  for (std::size_t i = carried; i < body.graph.outputs.size(); ++i) {
    const TensorType& type = body.graph[body.graph.outputs[i]].type;
    const std::int64_t count = count_elements(evaluate(type.shape, context.lengths));
    if (trips > most / std::max<std::int64_t>(count, 1))
      refuse("what they stack would have more than " + std::to_string(most) + " elements");
  }
}

Tensors run_scan(const Control& control, Inputs inputs, const Context& context) {
  const Plan& body = control.bodies[0];
  const std::size_t carried = control.count("carried");
  const std::size_t scanned = control.count("scanned");
  const std::int64_t trips = scanned > 0
                                 ? inputs[carried].size(0)
                                 : get<Dim>(control.attributes, "trips").evaluate(context.lengths);
  require_trips(body, carried, trips, context);
  Tensors now(inputs.begin(), inputs.end());
  std::vector<Tensors> slices(body.graph.outputs.size() - carried);
  for (std::int64_t trip = 0; trip < trips; ++trip) {
    for (std::size_t i = carried; i < carried + scanned; ++i) now[i] = inputs[i].select(0, trip);
    Tensors given = run_body(body, now, context);
    for (std::size_t i = carried; i < given.size(); ++i) slices[i - carried].push_back(given[i]);
    given.resize(carried);
    std::move(given.begin(), given.end(), now.begin());
  }
  now.resize(carried);
  for (std::size_t i = 0; i < slices.size(); ++i)
    now.push_back(stacked(body, carried + i, slices[i], context));
  return now;
}

constexpr std::pair<std::string_view, Run> rows[] = {
    {"if", run_if}, {"scan", run_scan}, {"while", run_while}};

Run run_of(std::string_view op) {
  for (const auto& [name, run] : rows) {
    if (name == op) return run;
  }
  return nullptr;
}

}  // namespace

bool has_control(std::string_view op) { return run_of(op) != nullptr; }

Action bind_control(const Node& node) {
  auto control = std::make_shared<Control>();
  for (const Body& body : node.bodies) control->bodies.push_back(plan_for_runnable(*body));
  control->attributes = complete(op_named(node.op), node.attributes);
  return [run = run_of(node.op), control = std::shared_ptr<const Control>(std::move(control))](
             Inputs inputs, const Context& context) { return run(*control, inputs, context); };
}

}  // namespace isomer::libtorch

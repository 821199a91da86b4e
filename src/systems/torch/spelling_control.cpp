#include "base/text.h"
#include "systems/torch/spelling.h"

namespace isomer::torch {
namespace {

/// "(x, self.weight)"
std::string tuple_of_inputs(const PythonCall& call, std::size_t first, std::size_t count) {
  std::vector<std::string> items;
  for (std::size_t i = first; i < first + count; ++i) items.push_back(argument(call, i));
  return python_tuple(items);
}

std::size_t count_of(const PythonCall& call, std::string_view name) {
  return static_cast<std::size_t>(setting<std::int64_t>(call, name));
}

PythonAssignments write_if(const PythonCall& call) {
  return all(call, fmt::format("_cond({}, {}, {}, {})", argument(call, 0),
                               call.body(call.node.bodies[0]), call.body(call.node.bodies[1]),
                               tuple_of_inputs(call, 1, call.node.inputs.size() - 1)));
}

PythonAssignments write_while(const PythonCall& call) {
  const std::size_t carried = count_of(call, "carried");
  return unpacked(call,
                  fmt::format("_while_loop({}, {}, {}, {})", call.body(call.node.bodies[0]),
                              call.body(call.node.bodies[1]), tuple_of_inputs(call, 0, carried),
                              tuple_of_inputs(call, carried, call.node.inputs.size() - carried)));
}

PythonAssignments write_scan(const PythonCall& call) {
  const std::size_t carried = count_of(call, "carried");
  const std::size_t scanned = count_of(call, "scanned");
  const std::size_t shared = call.node.inputs.size() - carried - scanned;
  const std::string trips =
      scanned > 0 ? "" : fmt::format(", trips={}", call.length(setting<Dim>(call, "trips")).text);
  return unpacked(
      call, fmt::format("_scan({}, {}, {}, {}{})", call.body(call.node.bodies[0]),
                        tuple_of_inputs(call, 0, carried), tuple_of_inputs(call, carried, scanned),
                        tuple_of_inputs(call, carried + scanned, shared), trips));
}

constexpr Spelling control_table[] = {
    {.op = "if", .write = write_if},
    {.op = "scan", .write = write_scan},
    {.op = "while", .write = write_while},
};

constexpr std::string_view cond = R"(

def _cond(condition, then, otherwise, operands):
    """What one of the two functions gives; an export keeps both."""
    if torch.compiler.is_exporting():
        return torch.cond(condition, then, otherwise, operands)
    return (then if condition else otherwise)(*operands)
)";

constexpr std::string_view scan = R"(

def _scan(body, carried, scanned, shared, trips=None):
    """What is carried last, then what each trip along axis 0 gives, stacked."""
    if torch.compiler.is_exporting() and scanned:

        def step(carry, slices):
            given = tuple(value.clone() for value in body(*carry, *slices, *shared))
            return given[: len(carried)], given[len(carried) :]

        if not carried:
            return tuple(torch._higher_order_ops.map(lambda slices: step((), slices)[1], scanned))
        last, stacked = torch._higher_order_ops.scan(step, carried, scanned)
        return tuple(last) + tuple(stacked)
    trips = scanned[0].shape[0] if scanned else trips
    stacks = []
    for trip in range(trips):
        given = body(*carried, *(value[trip] for value in scanned), *shared)
        carried, slices = given[: len(carried)], given[len(carried) :]
        stacks.append(slices)
    if not stacks:
        zeros = (value.new_zeros(value.shape[1:]) for value in scanned)
        slices = body(*carried, *zeros, *shared)[len(carried) :]
        return tuple(carried) + tuple(value.new_zeros((0, *value.shape)) for value in slices)
    return tuple(carried) + tuple(torch.stack(values) for values in zip(*stacks))
)";

constexpr std::string_view while_loop = R"(

def _while_loop(condition, body, carried, shared):
    """The body again and again on what it gives, while the condition holds."""
    if torch.compiler.is_exporting():
        return torch._higher_order_ops.while_loop(
            lambda *values: condition(*values, *shared),
            lambda *values: tuple(value.clone() for value in body(*values, *shared)),
            carried,
        )
    while condition(*carried, *shared):
        carried = body(*carried, *shared)
    return carried
)";

constexpr std::pair<std::string_view, std::string_view> functions[] = {
    {"if", cond}, {"scan", scan}, {"while", while_loop}};

bool has(const Graph& graph, std::string_view op) {
  for (const Node& node : graph.nodes) {
    if (node.op == op) return true;
    for (const Body& body : node.bodies) {
      if (has(*body, op)) return true;
    }
  }
  return false;
}

}  // namespace

std::span<const Spelling> control_spellings() { return control_table; }

std::string control_functions(const Graph& graph) {
  std::string text;
  for (const auto& [op, function] : functions) {
    if (has(graph, op)) text += function;
  }
  return text;
}

}  // namespace isomer::torch

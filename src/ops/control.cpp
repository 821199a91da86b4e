#include <algorithm>

#include "base/text.h"
#include "ops/expansion.h"
#include "ops/families.h"
#include "ops/rules.h"

namespace isomer {
namespace {

using Types = std::vector<TensorType>;

Types types_of(const Graph& graph, const std::vector<ValueId>& ids) {
  Types types;
  for (const ValueId id : ids) types.push_back(graph[id].type);
  return types;
}

std::string listed_types(const Types& types) {
  std::vector<std::string> texts;
  for (const TensorType& type : types) texts.push_back(to_text(type));
  return texts.empty() ? "nothing" : fmt::format("({})", fmt::join(texts, ", "));
}

/// Throws unless the body takes what it would be given.
const Graph& taking(const OpCall& call, std::size_t body, std::string_view name,
                    const Types& given) {
  const Graph& graph = *call.bodies[body];
  if (const Types taken = types_of(graph, graph.inputs); taken != given) {
    refuse(fmt::format("body '{}' takes {} and is given {}", name, listed_types(taken),
                       listed_types(given)));
  }
  return graph;
}

void require_condition(const TensorType& type, std::string_view what) {
  if (type == TensorType{DType::boolean, {}}) return;
  refuse(fmt::format("{} is {}; it should be bool[]", what, to_text(type)));
}

std::size_t count_of(const OpCall& call, std::string_view name) {
  const std::int64_t count = call.integer(name);
  const auto inputs = static_cast<std::int64_t>(call.inputs.size());
  if (count < 0 || count > inputs) {
    refuse(fmt::format("{} is {}; of {} it is between 0 and {}", name, count,
                       counted(call.inputs.size(), "input"), inputs));
  }
  return static_cast<std::size_t>(count);
}

Types first_of(const Types& types, std::size_t count) {
  return {types.begin(), types.begin() + static_cast<std::ptrdiff_t>(count)};
}

/// Throws unless a body hands on what it carries as it was.
void require_carried(const Types& given, const Types& carried) {
  if (given.size() >= carried.size() && first_of(given, carried.size()) == carried) return;
  refuse(fmt::format("body 'body' carries {} and gives {}", listed_types(carried),
                     listed_types(given)));
}

// call ------------------------------------------------------------------------------------------

Types call_type(const OpCall& call) {
  const Graph& body = taking(call, 0, "body", {call.types.begin(), call.types.end()});
  return types_of(body, body.outputs);
}

std::vector<ValueId> expand_call(Emitter& e, const OpCall& call) {
  return emit_body(e, *call.bodies[0], call.inputs);
}

// if --------------------------------------------------------------------------------------------

Types if_type(const OpCall& call) {
  require_condition(call.types[0], "the condition");
  const Types given(call.types.begin() + 1, call.types.end());
  const Graph& then = taking(call, 0, "then", given);
  const Graph& other = taking(call, 1, "else", given);
  const Types types = types_of(then, then.outputs);
  if (const Types others = types_of(other, other.outputs); others != types) {
    refuse(fmt::format("body 'then' gives {} and body 'else' {}; both should give the same",
                       listed_types(types), listed_types(others)));
  }
  return types;
}

// scan ------------------------------------------------------------------------------------------

struct Scan {
  std::size_t carried = 0;
  std::size_t scanned = 0;
  Dim trips;
};

/// How often it runs: as often as what is scanned is long, or as said.
Dim trips_of(const OpCall& call, std::size_t carried, std::size_t scanned) {
  std::optional<Dim> trips;
  if (call.given("trips")) trips = call.get<Dim>("trips");
  for (std::size_t i = carried; i < carried + scanned; ++i) {
    const Shape& shape = call.types[i].shape;
    if (shape.empty()) refuse(fmt::format("input {} is scanned and has no axis to scan along", i));
    if (trips && *trips != shape[0]) {
      refuse(fmt::format("input {} is scanned {} times, which should be {}", i, to_text(shape[0]),
                         to_text(*trips)));
    }
    trips = shape[0];
  }
  if (!trips) refuse("nothing is scanned; 'trips' should say how often it runs");
  if (trips->known() && trips->value() < 0)
    refuse(fmt::format("trips is {}; it should be 0 or more", trips->value()));
  return *trips;
}

Scan scan_of(const OpCall& call) {
  Scan scan{count_of(call, "carried"), count_of(call, "scanned"), Dim(0)};
  if (scan.carried + scan.scanned > call.inputs.size()) {
    refuse(fmt::format("carried and scanned are {} inputs of {}", scan.carried + scan.scanned,
                       call.inputs.size()));
  }
  scan.trips = trips_of(call, scan.carried, scan.scanned);
  return scan;
}

Types scan_type(const OpCall& call) {
  const Scan scan = scan_of(call);
  Types given(call.types.begin(), call.types.end());
  for (std::size_t i = scan.carried; i < scan.carried + scan.scanned; ++i)
    given[i].shape.erase(given[i].shape.begin());
  const Graph& body = taking(call, 0, "body", given);
  Types types = types_of(body, body.outputs);
  require_carried(types, first_of(given, scan.carried));
  for (std::size_t i = scan.carried; i < types.size(); ++i)
    types[i].shape.insert(types[i].shape.begin(), scan.trips);
  return types;
}

ValueId slice_at(Emitter& e, ValueId x, std::int64_t trip) {
  Shape shape = e.shape(x);
  shape.erase(shape.begin());
  const ValueId part =
      e.emit("slice", {x}, {{"dim", 0}, {"start", Dim(trip)}, {"end", Dim(trip + 1)}});
  return reshape_to(e, part, std::move(shape));
}

ValueId stacked(Emitter& e, std::vector<ValueId> slices, const TensorType& slice) {
  Shape shape = slice.shape;
  shape.insert(shape.begin(), Dim(1));
  for (ValueId& id : slices) id = reshape_to(e, id, shape);
  if (!slices.empty()) return e.emit("cat", std::move(slices), {{"dim", 0}});
  shape[0] = Dim(0);
  return e.emit("full", {}, {{"shape", shape}, {"value", 0.0}, {"dtype", slice.dtype}});
}

/// How many nodes come of a body, at most `most`.
std::int64_t nodes_in(const Graph& body, std::int64_t most) {
  std::int64_t count = 0;
  for (const Node& node : body.nodes) {
    std::int64_t own = 1;
    for (const Body& inner : node.bodies) own += nodes_in(*inner, most);
    const auto* trips = std::get_if<Dim>(find(node.attributes, "trips"));
    if (node.op == "scan" && trips == nullptr) {
      const auto carried = static_cast<std::size_t>(get<std::int64_t>(node.attributes, "carried"));
      trips = &body[node.inputs[carried]].type.shape[0];
    }
    if (trips != nullptr && trips->known())
      own = own > most / std::max<std::int64_t>(trips->value(), 1) ? most : own * trips->value();
    count = std::min(most, count + own);
  }
  return count;
}

/// Trip after trip, where their number is known.
std::vector<ValueId> unroll(Emitter& e, const OpCall& call) {
  const Scan scan = scan_of(call);
  if (!scan.trips.known() || scan.trips.value() > most_unrolled_trips) {
    throw Error(Fault::unsupported, "",
                fmt::format("a scan of {} trips cannot be written out; at most {} are, and their "
                            "number must be known (convert --length fixes one)",
                            to_text(scan.trips), most_unrolled_trips));
  }
  const Graph& body = *call.bodies[0];
  constexpr std::int64_t most_nodes = 200'000;
  if (unrolled_nodes(call, most_nodes) > most_nodes) {
    throw Error(Fault::unsupported, "",
                fmt::format("a scan of {} trips would be written out as more than {} operators",
                            to_text(scan.trips), most_nodes));
  }
  std::vector<ValueId> inputs(call.inputs.begin(), call.inputs.end());
  std::vector<std::vector<ValueId>> slices(body.outputs.size() - scan.carried);
  for (std::int64_t trip = 0; trip < scan.trips.value(); ++trip) {
    for (std::size_t i = scan.carried; i < scan.carried + scan.scanned; ++i)
      inputs[i] = slice_at(e, call.inputs[i], trip);
    const std::vector<ValueId> given = emit_body(e, body, inputs);
    std::copy_n(given.begin(), scan.carried, inputs.begin());
    for (std::size_t i = 0; i < slices.size(); ++i) slices[i].push_back(given[scan.carried + i]);
  }
  std::vector<ValueId> results = {inputs.begin(),
                                  inputs.begin() + static_cast<std::ptrdiff_t>(scan.carried)};
  for (std::size_t i = 0; i < slices.size(); ++i) {
    results.push_back(stacked(e, std::move(slices[i]), body[body.outputs[scan.carried + i]].type));
  }
  return results;
}

// while -----------------------------------------------------------------------------------------

Types while_type(const OpCall& call) {
  const Types given(call.types.begin(), call.types.end());
  const Graph& condition = taking(call, 0, "condition", given);
  const Types answer = types_of(condition, condition.outputs);
  if (answer.size() != 1) {
    refuse(fmt::format("body 'condition' gives {}; it should give (bool[])", listed_types(answer)));
  }
  require_condition(answer[0], "what body 'condition' gives");
  const Graph& body = taking(call, 1, "body", given);
  Types types = types_of(body, body.outputs);
  const Types carried = first_of(given, count_of(call, "carried"));
  if (types.size() != carried.size()) {
    refuse(fmt::format("body 'body' carries {} and gives {}", listed_types(carried),
                       listed_types(types)));
  }
  require_carried(types, carried);
  return types;
}

constexpr OpSchema control_table[] = {
    {.signature = "call(xs...; body) -> ys...",
     .infer = call_type,
     .expand = expand_call,
     .meaning = "what the body gives; equal parts of a model may share one"},
    {.signature = "if(condition, xs...; then, else) -> ys...",
     .infer = if_type,
     .meaning = "what one of the bodies gives; the other does not run"},
    {.signature = "scan(xs..., carried: int, scanned: int, trips: dim?; body) -> ys...",
     .infer = scan_type,
     .expand = unroll,
     .meaning = "the body for every slice along axis 0 of the scanned inputs; what it gives first "
                "is carried on, the rest is stacked; inputs are carried, scanned, and shared"},
    {.signature = "while(xs..., carried: int; condition, body) -> ys...",
     .infer = while_type,
     .meaning = "the body again and again while the condition holds; what it gives is carried on; "
                "inputs are carried, and shared"},
};

}  // namespace

Dim scan_trips(const OpCall& call) { return scan_of(call).trips; }

std::int64_t unrolled_nodes(const OpCall& call, std::int64_t most) {
  const std::int64_t trips = std::max<std::int64_t>(scan_trips(call).value(), 1);
  const std::int64_t nodes = std::max<std::int64_t>(nodes_in(*call.bodies[0], most), 1);
  return nodes > most / trips ? most + 1 : nodes * trips;
}

std::span<const OpSchema> control_ops() { return control_table; }

}  // namespace isomer

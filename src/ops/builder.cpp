#include "ops/builder.h"

#include <bit>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "base/text.h"
#include "graph/text.h"
#include "ops/rules.h"
#include "ops/validate.h"

namespace isomer {
namespace {

/// A structure of `count` leaves: one alone, or a tuple of them.
Structure flat(std::size_t count) {
  Structure structure;
  if (count == 1) return structure;
  structure.kind = Structure::Kind::tuple;
  structure.children.resize(count);
  return structure;
}

/// A length that an input's value tells.
void check_told(const Graph& graph) {
  std::map<std::size_t, std::string> told;
  for (const LengthRange& length : graph.signature.lengths) {
    if (!length.input) continue;
    const auto refuse = [&](std::string what) {
      throw Error(Fault::model, "length " + quoted(length.name), std::move(what));
    };
    if (*length.input >= graph.inputs.size()) {
      refuse(fmt::format("is told by input {}, where the graph has {}", *length.input,
                         counted(graph.inputs.size(), "input")));
    }
    const Value& input = graph[graph.inputs[*length.input]];
    if (input.type != TensorType{DType::i64, {}}) {
      refuse(fmt::format("is told by input {}, which is {}; it should be i64[]", quoted(input.name),
                         to_text(input.type)));
    }
    const auto [other, alone] = told.emplace(*length.input, length.name);
    if (alone) continue;
    refuse(fmt::format("is told by input {}, which tells {} already; each tells one",
                       quoted(input.name), quoted(other->second)));
  }
}

}  // namespace

Builder::Builder(std::string name) { graph_.name = std::move(name); }

ValueId Builder::add_value(std::string name, TensorType type) {
  graph_.values.push_back({std::move(name), std::move(type)});
  return static_cast<ValueId>(graph_.values.size() - 1);
}

ValueId Builder::input(std::string name, TensorType type) {
  graph_.inputs.push_back(add_value(std::move(name), std::move(type)));
  return graph_.inputs.back();
}

ValueId Builder::constant(std::string name, Tensor data, bool trainable,
                          std::vector<std::string> names) {
  const ValueId id = add_value(std::move(name), data.type());
  graph_.constants.push_back({id, std::move(data), trainable, std::move(names), {}});
  uses_.add(graph_.constants.back());
  return id;
}

ValueId Builder::constant(std::string name, const Constant& like) {
  const ValueId id = constant(std::move(name), like.data, like.trainable, like.names);
  graph_.constants.back().written = like.written;
  return id;
}

ValueId Builder::literal(DType dtype, double value) {
  const std::pair key(dtype, std::bit_cast<std::uint64_t>(value));
  if (const auto known = literals_.find(key); known != literals_.end()) return known->second;
  const ValueId id = constant("", Tensor::from_doubles(dtype, {}, std::span(&value, 1)));
  Constant& literal = graph_.constants.back();
  // What rounds down to the greatest number of the type is beyond it as a number: "-3.4028235e+38".
  const bool inside = std::abs(value) <= largest_of(dtype);
  if (inside && literal.data.doubles()[0] != value) literal.written = value;
  literals_.emplace(key, id);
  return id;
}

ValueId Builder::literal(DType dtype, std::int64_t value) {
  const std::pair key(dtype, static_cast<std::uint64_t>(value));
  // A floating literal is keyed by its bits, so only the other types may be keyed by the integer
  // itself.
  if (is_floating(dtype)) return literal(dtype, static_cast<double>(value));
  if (const auto known = literals_.find(key); known != literals_.end()) return known->second;
  const ValueId id = constant("", Tensor::from_integers(dtype, {}, std::span(&value, 1)));
  literals_.emplace(key, id);
  return id;
}

ValueId Builder::state(std::string name, Tensor initial, std::vector<std::string> names) {
  const ValueId id = add_value(std::move(name), initial.type());
  graph_.states.push_back({id, ValueId::none, std::move(initial), std::move(names)});
  uses_.add(graph_.states.back());
  return id;
}

void Builder::keep(ValueId state_now, ValueId next) {
  const State* state = uses_.state(graph_, state_now);
  expect(state != nullptr, "keep() is given a state");
  if (type(next) != type(state_now)) {
    refuse(fmt::format("a state of type {} cannot become {}", to_text(type(state_now)),
                       to_text(type(next))));
  }
  graph_.states[static_cast<std::size_t>(state - graph_.states.data())].next = next;
}

std::vector<ValueId> Builder::emit_all(std::string_view op, std::vector<ValueId> inputs,
                                       Attributes attributes, std::vector<Body> bodies) {
  const OpSchema& schema = op_named(op);
  const auto type_of = [this](ValueId id) -> const TensorType& { return type(id); };
  CheckedCall call = checked_call(schema, std::move(inputs), attributes, bodies,
                                  graph_.signature.lengths, type_of);
  Node node;
  node.op = op;
  node.inputs = std::move(call.inputs);
  for (TensorType& result : call.results) {
    node.outputs.push_back(add_value("", std::move(result)));
  }
  node.attributes = canonical(schema, call.attributes);
  node.bodies = std::move(bodies);
  node.scope = joined_path(scope_, inner_scope_);
  node.place = inner_place_.file.empty() ? place_ : inner_place_;
  uses_.add(node);
  graph_.nodes.push_back(std::move(node));
  return graph_.nodes.back().outputs;
}

std::optional<Tensor> Builder::known(ValueId id) const {
  const Constant* constant = constant_of(id);
  return constant == nullptr ? std::nullopt : std::optional(constant->data);
}

void Builder::assume(std::vector<LengthRange> lengths) {
  graph_.signature.lengths = std::move(lengths);
}

void Builder::at(std::string scope, Place place) {
  scope_ = std::move(scope);
  place_ = std::move(place);
  within("", {});
}

void Builder::within(const std::string& scope, const Place& place) {
  inner_scope_ = scope;
  inner_place_ = place;
}

void Builder::name(ValueId id, std::string name) { graph_[id].name = std::move(name); }

Graph Builder::finish(std::vector<ValueId> outputs, Signature signature) && {
  for (State& state : graph_.states) {
    if (state.next == ValueId::none) state.next = state.now;
  }
  graph_.outputs = std::move(outputs);
  graph_.signature = std::move(signature);
  Signature& seen = graph_.signature;
  if (count_leaves(seen.arguments) + count_leaves(seen.keywords) != graph_.inputs.size()) {
    seen.arguments = flat_arguments(graph_);
    seen.keywords = {Structure::Kind::dict, {}, {}};
  }
  if (count_leaves(seen.results) != graph_.outputs.size())
    seen.results = flat(graph_.outputs.size());
  check_told(graph_);
  return std::move(graph_);
}

}  // namespace isomer

#include "passes/canonical.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <ranges>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "graph/text.h"
#include "graph/uses.h"
#include "ops/expansion.h"
#include "ops/rules.h"
#include "ops/validate.h"
#include "passes/canonical_rules.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/simplify.h"

namespace isomer {
namespace {

/// A scan that is as well written out: nobody can tell, and some systems have no scans.
bool is_short_scan(const OpSchema& schema, const OpCall& call, std::int64_t& nodes_left) {
  if (schema.name() != "scan") return false;
  const Dim trips = scan_trips(call);
  if (!trips.known() || trips.value() > most_unrolled_trips) return false;
  const std::int64_t nodes = unrolled_nodes(call, nodes_left);
  if (nodes > nodes_left) return false;
  nodes_left -= nodes;
  return true;
}

/// Whether a slope of its own is one for these settings: a table without a padding row has none.
bool has_own_slope(const OpSchema& schema, const OpCall& call) {
  if (!schema.traits.own_slope) return schema.traits.stops_gradient;
  if (!is_floating(call.types[0].dtype)) return false;
  const Attribute* padding = find(call.attributes, "padding_idx");
  return padding == nullptr || std::get<std::int64_t>(*padding) >= 0;
}

bool draws_inside(const OpCall& call) {
  return std::ranges::any_of(call.bodies, [](const Body& body) { return draws(*body); });
}

/// Whether its expansion is all that is to be known of an operator.
bool is_spelled_out(const OpSchema& schema, const OpCall& call, std::int64_t& nodes_left) {
  if (schema.expand == nullptr) return false;
  if (call.bodies.empty()) return !has_own_slope(schema, call);
  return schema.name() == "call" || is_short_scan(schema, call, nodes_left);
}

std::string settings_of(const OpSchema& schema, const OpCall& call) {
  std::string text(schema.name());
  for (const NamedAttribute& attribute : canonical(schema, call.attributes))
    text += fmt::format(" {}={}", attribute.name, to_text(attribute.value));
  return text;
}

std::string key_of(std::string key, const OpCall& call) {
  for (const ValueId id : call.inputs) key += fmt::format(" {}", static_cast<std::uint32_t>(id));
  // Equal ones are one.
  for (const Body& body : call.bodies) key += fmt::format(" {}", fmt::ptr(body.get()));
  return key;
}

/// A graph without what does not count: names, places.
Graph bare(Graph body) {
  for (Value& value : body.values) value.name.clear();
  for (Node& node : body.nodes) {
    node.scope.clear();
    node.place = {};
  }
  change_bodies(body, bare);
  body.name.clear();
  body.signature = Signature{{}, {}, {}, std::move(body.signature.lengths)};
  body.classes.clear();
  return body;
}

bool is_uniform(const Tensor& data) {
  const auto count = static_cast<std::size_t>(data.count());
  if (count == 0 || is_complex(data.dtype())) return false;
  const std::string_view bytes = data.bytes().text();
  const std::size_t size = bytes.size() / count;
  return bytes.substr(size) == bytes.substr(0, bytes.size() - size);
}

/// Nodes and constants in the order in which outputs need them; draws as they were, before all.
Graph in_order_of_use(Graph body) {
  const Uses uses(body);
  std::vector<std::size_t> left;
  const auto add = [&](ValueId id) {
    const std::size_t maker = uses.maker(id);
    if (id != ValueId::none && maker != Uses::nobody) left.push_back(maker);
  };
  for (const ValueId id : body.outputs | std::views::reverse) add(id);
  for (std::size_t i = body.nodes.size(); i-- > 0;) {
    if (draws(body.nodes[i])) left.push_back(i);
  }
  std::vector<Node> nodes;
  std::vector<int> visits(body.nodes.size());
  while (!left.empty()) {
    const std::size_t i = left.back();
    const Node& node = body.nodes[i];
    if (visits[i]++ == 0) {
      for (const ValueId id : node.inputs | std::views::reverse) add(id);
      continue;
    }
    left.pop_back();
    if (visits[i] == 2) nodes.push_back(node);
  }
  std::map<ValueId, std::size_t> first_use;
  for (const Node& node : nodes) {
    for (const ValueId id : node.inputs) first_use.try_emplace(id, first_use.size());
  }
  std::ranges::stable_sort(body.constants, {},
                           [&](const Constant& one) { return first_use[one.value]; });
  body.nodes = std::move(nodes);
  Builder out(body.name);
  out.assume(body.signature.lengths);
  std::vector<ValueId> inputs;
  for (const ValueId id : body.inputs) inputs.push_back(out.input(body[id].name, body[id].type));
  return std::move(out).finish(emit_body(out, body, inputs), std::move(body.signature));
}

ValueId first_element(Emitter& e, const Tensor& data) {
  if (is_floating(data.dtype())) return e.literal(data.dtype(), data.doubles()[0]);
  return e.literal(data.dtype(), data.integers()[0]);
}

}  // namespace

Canonical::Canonical(std::string name, std::vector<LengthRange> lengths) : out_(std::move(name)) {
  out_.assume(std::move(lengths));
}

ValueId Canonical::constant(Tensor data) {
  if (is_uniform(data)) {
    const ValueId element = first_element(*this, data);
    if (data.shape().empty()) return element;
    return emit("expand", {element}, {{"shape", data.type().shape}});
  }
  const std::string_view bytes = data.bytes().text();
  const std::string key =
      fmt::format("{} {:x}", to_text(data.type()), std::hash<std::string_view>{}(bytes));
  std::vector<ValueId>& alike = constants_[key];
  for (const ValueId id : alike) {
    if (out_.constant_of(id)->data.same_bits(data)) return id;
  }
  return alike.emplace_back(out_.constant(std::move(data)));
}

std::vector<ValueId> Canonical::emit_all(std::string_view op, std::vector<ValueId> inputs,
                                         Attributes attributes, std::vector<Body> bodies) {
  const OpSchema& schema = op_named(op);
  const std::span<const LengthRange> lengths = out_.graph().signature.lengths;
  const auto type_of = [this](ValueId id) -> const TensorType& { return type(id); };
  CheckedCall checked =
      checked_call(schema, std::move(inputs), attributes, bodies, lengths, type_of);
  std::vector<TensorType> types = types_of(checked.inputs);
  if (const OpCall call{checked.attributes, checked.inputs, types, bodies};
      is_spelled_out(schema, call, nodes_left_))
    return emit_expansion(*this, schema, call, lengths);
  if (!bodies.empty()) {
    order_shared_operands(op, checked.attributes, checked.inputs, bodies,
                          [this](ValueId a, ValueId b) { return comes_before(a, b); });
    for (Body& body : bodies) body = canonical_body(*body);
    types = types_of(checked.inputs);
  }
  const OpCall call{checked.attributes, checked.inputs, types, bodies};
  count_axes_from_front(checked.attributes, types);
  if (const auto simple = simplified(*this, op, call)) return {*simple};
  if (const auto merged = merged_with_makers(*this, op, call)) return {*merged};
  drop_broadcasts(*this, schema, checked.inputs, types, checked.attributes, lengths);
  if (schema.traits.commutes && comes_before(checked.inputs[1], checked.inputs[0])) {
    std::swap(checked.inputs[0], checked.inputs[1]);
    std::swap(types[0], types[1]);
  }
  return emit_once(schema, {checked.attributes, checked.inputs, types, bodies});
}

std::vector<TensorType> Canonical::types_of(std::span<const ValueId> ids) const {
  std::vector<TensorType> types;
  for (const ValueId id : ids)
    types.push_back(id == ValueId::none ? TensorType{DType::f32, {}} : type(id));
  return types;
}

std::vector<ValueId> Canonical::emit_once(const OpSchema& schema, const OpCall& call) {
  std::string settings = settings_of(schema, call);
  std::pair<std::size_t, std::size_t> made{1, std::hash<std::string>{}(settings)};
  std::string key = key_of(std::move(settings), call);
  if (schema.traits.random || draws_inside(call)) key += fmt::format(" draw {}", draws_++);
  const auto [known, is_new] = known_.try_emplace(std::move(key));
  if (is_new) {
    known->second = out_.emit_all(schema.name(), {call.inputs.begin(), call.inputs.end()},
                                  call.attributes, {call.bodies.begin(), call.bodies.end()});
    for (const ValueId id : call.inputs) {
      const auto [depth, what] = rank(id);
      if (!out_.constant_of(id)) made.first = std::max(made.first, depth + 1);
      made.second = made.second * 0x9E3779B97F4A7C15U + what;
    }
    for (const ValueId id : known->second) {
      ranks_[id] = made;
      ++made.second;
    }
  }
  reached_.insert(known->second.begin(), known->second.end());
  return known->second;
}

std::pair<std::size_t, std::size_t> Canonical::rank(ValueId id) const {
  if (const auto known = ranks_.find(id); known != ranks_.end()) return known->second;
  const Constant* constant = id == ValueId::none ? nullptr : out_.constant_of(id);
  if (constant == nullptr || !constant->names.empty()) return {0, static_cast<std::size_t>(id)};
  const std::string_view bytes = constant->data.bytes().text();
  return {std::numeric_limits<std::size_t>::max(), std::hash<std::string_view>{}(bytes)};
}

/// Whatever came first: what a body computes has one order, however its nodes are ordered.
bool Canonical::comes_before(ValueId a, ValueId b) const {
  return std::pair(rank(a), a) < std::pair(rank(b), b);
}

/// One that is equal to another is that one. The ranges of lengths are the graph's.
Body Canonical::canonical_body(const Graph& body) {
  Graph within = body;
  within.signature.lengths = lengths_inside(out_.graph().signature.lengths);
  auto made = std::make_shared<const Graph>(in_order_of_use(canonicalize(within)));
  return bodies_.try_emplace(to_text(bare(*made), Data::all), std::move(made)).first->second;
}

// What is given ---------------------------------------------------------------------------------

ValueId Canonical::input(std::size_t place, const Value& value) {
  const std::vector<ValueId>& inputs = out_.graph().inputs;
  if (place < inputs.size() && type(inputs[place]) == value.type) return inputs[place];
  return out_.input(value.name, value.type);
}

ValueId Canonical::state(const State& state, std::size_t place, const std::string& name) {
  if (state.names.empty()) {
    while (unnamed_states_.size() <= place) unnamed_states_.push_back(ValueId::none);
    ValueId& known = unnamed_states_[place];
    if (known == ValueId::none || type(known) != state.initial.type())
      known = out_.state(name, state.initial);
    return known;
  }
  for (const std::string& one : state.names) {
    const auto known = states_.find(one);
    if (known != states_.end() && type(known->second) == state.initial.type()) return known->second;
  }
  const ValueId id = out_.state(name, state.initial, state.names);
  for (const std::string& one : state.names) states_.emplace(one, id);
  return id;
}

/// The weight that has one of its names.
ValueId Canonical::named(const Constant& constant) const {
  for (const std::string& one : constant.names) {
    const auto known = weights_.find(one);
    if (known != weights_.end() && type(known->second) == constant.data.type())
      return known->second;
  }
  return ValueId::none;
}

/// A number stays the one that its author wrote.
ValueId Canonical::unnamed(const Constant& constant) {
  if (!constant.written) return this->constant(constant.data);
  return literal(constant.data.dtype(), *constant.written);
}

/// Weights under their names; one that no name tells is, where there is such a one, a weight of
/// the same bits whose names the graph does not have.
void Canonical::add_constants(const Graph& graph, std::vector<ValueId>& numbers) {
  std::set<ValueId> told;
  const auto number = [&](const Constant& constant) -> ValueId& {
    return numbers[static_cast<std::size_t>(constant.value)];
  };
  for (const Constant& constant : graph.constants) {
    number(constant) = named(constant);
    told.insert(number(constant));
  }
  const std::size_t before = out_.graph().constants.size();
  for (const Constant& constant : graph.constants) {
    if (number(constant) != ValueId::none) continue;
    if (constant.names.empty()) {
      number(constant) = unnamed(constant);
      continue;
    }
    for (std::size_t i = 0; i < before && number(constant) == ValueId::none; ++i) {
      const Constant& other = out_.graph().constants[i];
      const bool same = !other.names.empty() && !told.contains(other.value) &&
                        other.data.same_bits(constant.data);
      if (same) number(constant) = other.value;
    }
    if (number(constant) == ValueId::none) {
      number(constant) = out_.constant(graph[constant.value].name, constant);
      for (const std::string& one : constant.names) weights_.emplace(one, number(constant));
    }
    told.insert(number(constant));
  }
}

std::vector<ValueId> Canonical::add(const Graph& graph) {
  std::vector<ValueId> numbers(graph.values.size(), ValueId::none);
  const auto number = [&](ValueId id) -> ValueId& { return numbers[static_cast<std::size_t>(id)]; };
  draws_ = 0;
  nodes_left_ = 20'000;
  reached_.clear();
  for (std::size_t i = 0; i < graph.inputs.size(); ++i)
    number(graph.inputs[i]) = input(i, graph[graph.inputs[i]]);
  for (std::size_t i = 0; i < graph.states.size(); ++i) {
    const State& one = graph.states[i];
    number(one.now) = state(one, i, graph[one.now].name);
  }
  add_constants(graph, numbers);
  reached_.insert(numbers.begin(), numbers.end());
  before_.clear();
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    before_.emplace_back(draws_, nodes_left_);
    carry(graph, i, numbers);
  }
  return numbers;
}

void Canonical::carry(const Graph& graph, std::size_t place, std::vector<ValueId>& numbers) {
  const Node& node = graph.nodes[place];
  std::tie(draws_, nodes_left_) = before_[place];
  out_.at(node.scope, node.place);
  std::vector<ValueId> inputs = mapped(node.inputs, numbers);
  const std::vector<ValueId> outputs = with_place(
      [&] { return describe(graph, node); },
      [&] { return emit_all(node.op, std::move(inputs), node.attributes, node.bodies); });
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    numbers[static_cast<std::size_t>(node.outputs[i])] = outputs[i];
    reached_.insert(outputs[i]);
    if (out_.graph()[outputs[i]].name.empty()) out_.name(outputs[i], graph[node.outputs[i]].name);
  }
}

Graph Canonical::finish(const Graph& like, std::span<const ValueId> numbers) && {
  const auto number = [&](ValueId id) { return numbers[static_cast<std::size_t>(id)]; };
  for (const State& state : like.states) out_.keep(number(state.now), number(state.next));
  std::vector<ValueId> outputs;
  for (const ValueId id : like.outputs) outputs.push_back(number(id));
  Graph result = std::move(out_).finish(std::move(outputs), like.signature);
  result.classes = like.classes;
  return result;
}

Graph canonicalize(const Graph& graph) {
  Canonical canonical(graph.name, graph.signature.lengths);
  const std::vector<ValueId> numbers = canonical.add(graph);
  return remove_unused(std::move(canonical).finish(graph, numbers));
}

}  // namespace isomer

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "ops/builder.h"
#include "ops/rules.h"
#include "ops/validate.h"
#include "passes/passes.h"
#include "systems/mdf/growth.h"
#include "systems/mdf/initial_states.h"
#include "systems/mdf/loading.h"
#include "systems/mdf/mdf.h"
#include "systems/mdf/node_executor.h"
#include "systems/mdf/node_text.h"
#include "systems/mdf/remarks.h"
#include "systems/mdf/schedule.h"
#include "systems/mdf/wiring.h"
#include "vocabularies/numpy/arithmetic.h"

namespace isomer::mdf {
namespace {

/// Whether a parameter is the one that the writer makes.
bool same(const Parameter& a, const Parameter& written) {
  return a.value == written.value && a.function == written.function && a.args == written.args &&
         a.default_initial_value.is_null() && !a.time_derivative && a.conditions.empty();
}

class Reader {
 public:
  /// Adds to `found` what is found out beyond what is known.
  Reader(const Loading& loading, const Growths& known, Growths& found)
      : loading_(loading),
        known_growths_(known),
        found_growths_(found),
        graph_(loading.graph()),
        builder_(loading.origin ? loading.origin->name : loading.document.id) {
    shared_->trace = &trace_;
    for (const auto& [id, edge] : graph_.edges)
      incoming_[{edge.receiver, edge.receiver_port}].push_back(&edge);
  }

  Loaded read() && {
    add_inputs();
    add_weights();
    if (Schedule::is_conditional(graph_)) {
      add_scheduled_nodes();
    } else {
      const Wiring wiring(graph_, true, problems_);
      for (const std::size_t k : wiring.order)
        add_node(graph_.nodes[k].first, graph_.nodes[k].second);
    }
    if (problems_.errors() != 0) {
      throw Error(
          Fault::unsupported, "",
          fmt::format("{} in the way of reading the document as a graph:\n  {}",
                      counted(problems_.errors(), "thing"), listed(problems_.lines(), "\n  ")));
    }
    for (const auto& [id, node] : graph_.nodes) compare_ports(id, node);
    std::vector<ValueId> outputs = add_outputs();
    const bool fits = loading_.origin && loading_.origin->outputs.size() == outputs.size();
    Loaded loaded;
    loaded.graph = std::move(builder_).finish(std::move(outputs),
                                              fits ? loading_.origin->signature : Signature{});
    if (loading_.origin) loaded.graph.classes = loading_.origin->classes;
    loaded.notes = std::move(notes_);
    loaded.notes.insert(loaded.notes.end(), loading_.notes.begin(), loading_.notes.end());
    return loaded;
  }

 private:
  void add_inputs() {
    if (loading_.origin) builder_.assume(loading_.origin->signature.lengths);
    for (const InterfacePort& port : loading_.inputs())
      open_ports_[port.id] = builder_.input(port.name, port.type);
    if (!has_time(graph_)) return;
    increment_ = traced(builder_.input(name_of_increment(graph_), {DType::f64, {}}));
    add_begun();
  }

  void add_begun() {
    if (!shared_->begun.is_none()) return;
    const std::string name(name_of_begun);
    const ValueId begun = builder_.state(name, Tensor::zeros(DType::boolean, {}), {name});
    builder_.keep(begun, builder_.literal(DType::boolean, std::int64_t{1}));
    shared_->begun = traced(begun);
  }

  void add_weights() {
    for (const auto& [weight, tensor] : loading_.weights()) {
      const ValueId id = builder_.constant(weight.id, tensor, weight.trainable, weight.names);
      if (weight.where == StoredWeight::Where::port) open_ports_[weight.id] = id;
      if (weight.where == StoredWeight::Where::parameter) {
        const std::string name = weight.id == "data" ? weight.node : weight.id;
        builder_.name(id, name);
        weights_[{weight.node, weight.id}] = id;
      }
    }
  }

  bool is_reached(const std::string& id, const std::string& port) const {
    const auto edges = incoming_.find({id, port});
    return edges == incoming_.end() || std::ranges::all_of(edges->second, [&](const Edge* edge) {
             return outputs_.contains({edge->sender, edge->sender_port});
           });
  }

  void add_node(const std::string& id, const Node& node) {
    const auto reached = [&](const auto& port) { return is_reached(id, port.first); };
    const auto note = [&](std::string text) {
      notes_.push_back({fmt::format("node {}", quoted(id)), std::move(text)});
    };
    std::string malformed;
    const auto origin = node_origin_of(node.metadata, &malformed);
    if (!malformed.empty())
      note(fmt::format("its metadata is malformed ({}); read by what it says", malformed));
    if (!origin) return read_by_meaning(id, node);
    // What lies behind something unreadable has no fault of its own.
    if (!std::ranges::all_of(node.input_ports, reached)) return;
    try {
      if (restore(id, node, *origin)) return;
    } catch (const Error& error) {
      // Metadata are data like any other: where they make no sense, the node itself counts.
      if (error.fault() == Fault::bug) throw;
    }
    note(fmt::format("it does not say what its metadata claims ('{}'); read by what it says",
                     origin->op));
    read_by_meaning(id, node);
  }

  bool restore(const std::string& id, const Node& node, const NodeOrigin& origin) {
    std::vector<ValueId> inputs;
    for (const std::string& name : origin.inputs) {
      ValueId value = ValueId::none;
      if (const Parameter* parameter = find(node.parameters, name)) {
        const TensorType* type = find(origin.constants, name);
        const bool constant =
            parameter->function.empty() && (type != nullptr || weights_.contains({id, name}));
        if (!constant) return false;
        value = constant_for(node, id, name, type == nullptr ? DType::f32 : type->dtype);
      } else if (!name.empty()) {
        const InputPort* port = find(node.input_ports, name);
        if (port == nullptr) return false;
        const Value sent = incoming(id, name, *port);
        if (sent.as<Traced>() == nullptr) return false;
        value = sent.as<Traced>()->id;
      }
      inputs.push_back(value);
    }
    const auto type_of = [this](ValueId value) -> const TensorType& {
      return builder_.type(value);
    };
    const CheckedCall call = checked_call(op_named(origin.op), std::move(inputs), origin.attributes,
                                          {}, builder_.graph().signature.lengths, type_of);
    const auto ports = written_outputs(node, origin, call);
    if (!ports) return false;
    builder_.at(origin.scope, origin.place);
    const std::vector<ValueId> values = builder_.emit_all(origin.op, call.inputs, call.attributes);
    for (std::size_t i = 0; i < origin.names.size() && i < values.size(); ++i)
      builder_.name(values[i], origin.names[i]);
    for (std::size_t i = 0; i < ports->size(); ++i) {
      const ValueId value = values.at((*ports)[i]);
      const std::string& port = node.output_ports[i].first;
      if (origin.names.empty()) builder_.name(value, port);
      outputs_[{id, port}] = traced(value);
    }
    return true;
  }

  /// The node is lowered once more, from what the metadata claims, and compared word for word.
  /// Gives which output each port has, or nothing where the node says something else.
  std::optional<std::vector<std::size_t>> written_outputs(const Node& node,
                                                          const NodeOrigin& origin,
                                                          const CheckedCall& call) const {
    Operation op{origin.op, call.attributes, {}, call.results, {}};
    for (std::size_t i = 0; i < call.inputs.size(); ++i) {
      if (call.inputs[i] == ValueId::none) {
        op.inputs.emplace_back();
        continue;
      }
      const bool parameter = find(node.parameters, origin.inputs[i]) != nullptr;
      const TensorType& type = builder_.type(call.inputs[i]);
      op.inputs.emplace_back(Operand{origin.inputs[i], type, parameter && type.shape.empty()});
    }
    const std::vector<InterfacePort> interface = loading_.inputs();
    op.length_text = [&](const std::string& symbol) {
      return length_in(symbol, op.inputs, interface, builder_.graph().signature.lengths);
    };
    const auto lowering = spell(op);
    if (!lowering || !node.functions.empty()) return std::nullopt;

    const std::set<std::string> operands(origin.inputs.begin(), origin.inputs.end());
    std::size_t constants = 0;
    for (const auto& [name, parameter] : node.parameters)
      constants += operands.contains(name) ? 1 : 0;
    if (node.parameters.size() != constants + lowering->parameters.size()) return std::nullopt;
    for (std::size_t i = 0; i < lowering->parameters.size(); ++i) {
      const auto& [name, parameter] = node.parameters[constants + i];
      if (name != lowering->parameters[i].first || !same(parameter, lowering->parameters[i].second))
        return std::nullopt;
    }
    std::vector<std::size_t> ports;
    for (const auto& [port, body] : node.output_ports) {
      const auto found = std::ranges::find(lowering->outputs, body.value);
      if (found == lowering->outputs.end()) return std::nullopt;
      ports.push_back(static_cast<std::size_t>(found - lowering->outputs.begin()));
    }
    return ports;
  }

  Value sent_over(const Edge& edge) const {
    const auto found = outputs_.find({edge.sender, edge.sender_port});
    expect(found != outputs_.end(), "a node is read when all that comes to it was");
    const Tree* weight = weight_of(edge);
    if (weight == nullptr) return found->second;
    return numpy::binary("*", numpy::value_of(*weight), found->second);
  }

  /// Of several edges the last counts, where the port does not join what they bring. `given`:
  /// what a caller gives is there.
  Value incoming(const std::string& node, const std::string& port, const InputPort& declared,
                 bool given = true) {
    const auto edges = incoming_.find({node, port});
    if (edges != incoming_.end() && !joins(declared)) return sent_over(*edges->second.back());
    const auto open = open_ports_.find(port);
    if (edges != incoming_.end()) {
      // What a caller gives to a port of that name comes first.
      Value held = given && open != open_ports_.end() ? traced(open->second) : Value();
      for (const Edge* edge : edges->second) {
        Value sent = sent_over(*edge);
        held = held.is_none() ? std::move(sent) : joined(declared, held, sent);
      }
      return held;
    }
    if (open == open_ports_.end())
      refuse(fmt::format("nothing comes to input port {}", quoted(port)));
    return traced(open->second);
  }

  // --- nodes as they were

  ValueId constant_for(const Node& node, const std::string& node_id, const std::string& parameter,
                       DType dtype) {
    const auto weight = weights_.find({node_id, parameter});
    if (weight != weights_.end()) return weight->second;
    const Tensor tensor =
        tensor_of(Formula(find(node.parameters, parameter)->value).evaluate({}, shared_->runtime));
    if (!tensor.shape().empty()) return builder_.constant(parameter, tensor.converted(dtype));
    return is_floating(dtype) ? builder_.literal(dtype, tensor.doubles()[0])
                              : builder_.literal(dtype, tensor.converted(dtype).integers()[0]);
  }

  Value traced(ValueId id) const { return {Traced{&trace_, id}}; }

  // --- nodes by what they say

  struct Kept {
    std::string name;
    ValueId now;
    Value value;  // the same
  };

  /// A node that is to be run on values of the graph.
  std::unique_ptr<NodeExecutor> begin_reading(const std::string& id, const Node& node) {
    auto reading = std::make_unique<NodeExecutor>(id, node, shared_, problems_);
    for (const auto& [name, parameter] : node.parameters) {
      const auto weight = weights_.find({id, name});
      if (weight != weights_.end()) reading->set_parameter(name, traced(weight->second));
    }
    return reading;
  }

  void run_once(NodeExecutor& reading, const Node& node) {
    const std::string& id = reading.id();
    std::string scope;
    Place place;
    place_of(node.metadata, scope, place);
    builder_.at(scope, place);
    for (const auto& [port, body] : node.input_ports) {
      // What a caller gives is there once.
      if (reading.has_run() && !incoming_.contains({id, port})) continue;
      Value value{numpy::Unread{}};
      problems_.noting(Path{"nodes", id}, [&, &port = port, &body = body] {
        if (is_reached(id, port)) value = incoming(id, port, body, !reading.has_run());
      });
      reading.input(port)->current = std::move(value);
    }
    reading.evaluate(increment_, &problems_);
    for (const auto& [port, body] : node.output_ports) {
      if (const Value* value = reading.output(port)) outputs_[{id, port}] = *value;
    }
  }

  void end_reading(const NodeExecutor& reading, const std::vector<Kept>& kept) {
    for (const Kept& one : kept) keep(reading.id(), one, *reading.parameter(one.name));
  }

  void read_by_meaning(const std::string& id, const Node& node) {
    const std::size_t told = problems_.errors();
    const auto reading = begin_reading(id, node);
    const std::vector<Kept> kept = add_states(id, node, *reading);
    if (problems_.errors() > told) return;
    run_once(*reading, node);
    end_reading(*reading, kept);
  }

  // --- conditions: what runs in one evaluation, and so in each, is written out

  void add_scheduled_nodes() {
    const Wiring wiring(graph_, false, problems_, shared_->dialect.clears_ports);
    std::vector<std::unique_ptr<NodeExecutor>> nodes;
    for (const auto& [id, node] : graph_.nodes) nodes.push_back(begin_reading(id, node));
    if (problems_.errors() != 0) return;
    Schedule schedule(graph_, wiring, nodes, shared_->dialect, problems_);
    if (problems_.errors() == 0) schedule.find_unlike(problems_);
    if (problems_.errors() != 0) return;
    std::vector<std::vector<Kept>> kept;
    for (std::size_t i = 0; i < nodes.size(); ++i)
      kept.push_back(add_states(graph_.nodes[i].first, graph_.nodes[i].second, *nodes[i]));
    if (problems_.errors() == 0) run_schedule(schedule, nodes);
    for (std::size_t i = 0; i < nodes.size() && problems_.errors() == 0; ++i) {
      if (!nodes[i]->has_run()) {
        problems_.error({"nodes", nodes[i]->id()}, "by its condition it never runs");
      } else {
        end_reading(*nodes[i], kept[i]);
      }
    }
  }

  void run_schedule(Schedule& schedule, const std::vector<std::unique_ptr<NodeExecutor>>& nodes) {
    constexpr std::size_t most_runs = 4096;
    std::vector<std::size_t> first;
    problems_.noting(Path{"conditions"}, [&] {
      schedule.run([&](std::span<const std::size_t> set) {
        for (const std::size_t i : set) {
          first.push_back(i);
          if (first.size() > most_runs)
            refuse(fmt::format("an evaluation runs more than {} nodes", most_runs));
          require_senders(graph_.nodes[i].first, graph_.nodes[i].second);
          run_once(*nodes[i], graph_.nodes[i].second);
        }
      });
      // The sets of the next begin with what the last one left.
      std::vector<std::size_t> second;
      schedule.run([&](std::span<const std::size_t> set) {
        second.insert(second.end(), set.begin(), set.end());
      });
      if (first != second) refuse("the second evaluation runs other nodes than the first");
    });
  }

  /// What is sent in the evaluation before is no value of this one.
  void require_senders(const std::string& id, const Node& node) const {
    for (const auto& [port, body] : node.input_ports) {
      if (is_reached(id, port)) continue;
      refuse(fmt::format("node {} runs before what sends to its input port {}", quoted(id),
                         quoted(port)));
    }
  }

  // --- parameters that keep their values

  static Path place_of_parameter(const std::string& id, const std::string& name) {
    return {"nodes", id, "parameters", name};
  }

  std::vector<Kept> add_states(const std::string& id, const Node& node, NodeExecutor& reading) {
    std::vector<Kept> kept;
    if (!reading.recalled_expressions().empty()) add_begun();
    for (const std::string& name : reading.stateful_parameters()) {
      problems_.noting(place_of_parameter(id, name), [&] {
        const bool by_time = is_driven_by_time(*find(node.parameters, name));
        const Tensor initial = initial_state({id, name}, by_time, reading.state(name));
        const ValueId now = builder_.state(name, initial, {fmt::format("{}.{}", id, name)});
        const Value value = state_value(trace_, growth_of({id, name}), now, reading.state(name));
        reading.set_state(name, value);
        kept.push_back({name, now, value});
      });
    }
    return kept;
  }

  Growth growth_of(const StateId& id) const {
    const auto found = known_growths_.find(id);
    return found == known_growths_.end() ? Growth::counts : found->second;
  }

  /// What has a derivative is real.
  Tensor initial_state(const StateId& id, bool by_time, const Value& written) {
    if (!initial_states_) initial_states_ = mdf::initial_states(graph_);
    const auto found = initial_states_->find(id);
    const Tensor initial = found == initial_states_->end() ? tensor_of(written) : found->second;
    return by_time || growth_of(id) == Growth::real ? initial.converted(DType::f64) : initial;
  }

  void keep(const std::string& id, const Kept& kept, const Value& next) {
    if (next.as<numpy::Unread>() != nullptr) return;  // told
    problems_.noting(place_of_parameter(id, kept.name), [&] {
      const TensorType type = builder_.type(kept.now);
      // What is whole in the first evaluations need not stay so.
      const Growth growth = next_growth(trace_, growth_of({id, kept.name}), kept.value, next);
      if (!is_floating(type.dtype) && growth > growth_of({id, kept.name}))
        found_growths_[{id, kept.name}] = growth;
      const ValueId value = numpy::materialized(trace_, next, type.dtype);
      if (builder_.type(value) != type) {
        refuse(fmt::format(
            "it is {} to begin with and {} after an evaluation; a default_initial_value "
            "of that shape makes a state of it",
            to_text(type), to_text(builder_.type(value))));
      }
      builder_.keep(kept.now, value);
    });
  }

  /// What a port gives is what its value says; another shape beside it has no effect.
  void compare_ports(const std::string& id, const Node& node) {
    for (const auto& [port, body] : node.output_ports) {
      const auto found = outputs_.find({id, port});
      const Traced* value = found == outputs_.end() ? nullptr : found->second.as<Traced>();
      if (value == nullptr) continue;
      const TensorType& type = builder_.type(value->id);
      const auto shape = known_shape(type.shape);
      const auto wanted = dtype_of_word(body.type);
      const bool kind = wanted && is_floating(*wanted) != is_floating(type.dtype);
      if (!kind && (body.shape.empty() || !shape || *shape == body.shape)) continue;
      notes_.push_back(
          {fmt::format("node {}, output port {}", quoted(id), quoted(port)),
           fmt::format("its value is {}; the shape and type beside it, [{}] {}, have no effect",
                       to_text(type), listed(body.shape), quoted(body.type))});
    }
  }

  std::vector<ValueId> add_outputs() {
    std::vector<ValueId> outputs;
    for (const InterfacePort& port : end_ports(graph_)) {
      const auto found = outputs_.find({port.node, port.id});
      if (found == outputs_.end()) continue;
      const std::string place = in_words({"nodes", port.node, "output_ports", port.id});
      outputs.push_back(
          with_place(place, [&] { return numpy::materialized(trace_, found->second); }));
    }
    return outputs;
  }

  const Loading& loading_;
  const Growths& known_growths_;
  Growths& found_growths_;
  const DocumentGraph& graph_;
  Builder builder_;
  // The format computes in double precision; what we have written computes as the model did.
  const numpy::Trace trace_{builder_, loading_.origin ? DType::f32 : DType::f64};
  std::shared_ptr<SharedOperators> shared_ = std::make_shared<SharedOperators>();
  std::map<std::pair<std::string, std::string>, std::vector<const Edge*>> incoming_;
  std::map<std::pair<std::string, std::string>, Value> outputs_;
  std::map<std::string, ValueId> open_ports_;
  std::map<std::pair<std::string, std::string>, ValueId> weights_;  // by node and parameter
  std::optional<std::map<StateId, Tensor>> initial_states_;
  Value increment_;  // of time; none: no parameter has a derivative
  Problems problems_;
  std::vector<Note> notes_;
};

}  // namespace

Loaded read(const Files& files, std::string_view entry) {
  const Loading loading = load(files, entry);
  return with_place(entry, [&] {
    for (Growths known;;) {
      Growths found;
      Loaded loaded = Reader(loading, known, found).read();
      if (found.empty()) {
        loaded.graph = remove_unused(loaded.graph);
        return loaded;
      }
      for (const auto& [id, growth] : found) known[id] = growth;
    }
  });
}

}  // namespace isomer::mdf

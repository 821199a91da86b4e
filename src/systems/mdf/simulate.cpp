#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "ops/builder.h"
#include "systems/mdf/executor.h"
#include "systems/mdf/loading.h"
#include "systems/mdf/mdf.h"
#include "systems/mdf/node_text.h"
#include "systems/stored.h"

namespace isomer::mdf {
namespace {

/// A document with what runs it and what its metadata tells.
struct Running {
  Loading loading;
  Precision precision;
  bool halves = false;  // inputs or weights are halves: then they are a precision, too
  std::unique_ptr<DocumentExecutor> executor;
  std::vector<Door> inputs;
  std::vector<Door> outputs;
  Graph door;  // inputs alone, to check what is given

  const DocumentGraph& graph() const { return loading.graph(); }
  /// The type in the precision of this run.
  TensorType taken(TensorType type) const {
    const bool wide = type.dtype == DType::f32 || (halves && is_half(type.dtype));
    if (precision == Precision::doubled && wide) type.dtype = DType::f64;
    return type;
  }
};

Tensor result_tensor(const Running& running, const Value& value, const TensorType& wanted,
                     std::string_view where) {
  return with_place(where, [&] {
    const Tensor tensor = tensor_of(value);
    if (running.loading.origin) return tensor.converted(running.taken(wanted).dtype);
    return tensor;
  });
}

// An output node may have several ports; every one is an output.
std::vector<Door> outputs_of(const DocumentGraph& graph, const DocumentExecutor& executor) {
  std::vector<Door> doors;
  const auto& outputs = executor.output_nodes();
  const std::set<std::string_view> sends_to_none(outputs.begin(), outputs.end());
  for (const auto& [id, node] : graph.nodes) {
    if (!sends_to_none.contains(id)) continue;
    for (const auto& [port, body] : node.output_ports) {
      doors.push_back({id + "." + port, port, {dtype_of_word(body.type).value_or(DType::f64), {}}});
      for (const std::int64_t length : body.shape) doors.back().type.shape.emplace_back(length);
    }
  }
  return doors;
}

const Value& output_of(const Running& running, const Door& door) {
  const std::size_t point = running.loading.origin ? std::string::npos : door.id.rfind('.');
  const std::string node = door.id.substr(0, point);
  const std::string port = point == std::string::npos ? door.id : door.id.substr(point + 1);
  const Value* value = running.executor->output(node, port);
  if (value == nullptr) {
    throw Error(Fault::model, fmt::format("node {}", quoted(node)),
                fmt::format("output port {} has no value", quoted(port)));
  }
  return *value;
}

void give_inputs(Running& running, std::span<const Tensor> inputs) {
  bind_lengths(running.door, inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    running.executor->set_input(running.inputs[i].id, numpy::array_value(inputs[i]));
  }
}

class DocumentRun final : public Executor {
 public:
  explicit DocumentRun(std::shared_ptr<Running> running) : running_(std::move(running)) {}

  std::vector<Tensor> run(std::span<const Tensor> inputs) override {
    return with_place(running_->loading.entry, [&] {
      give_inputs(*running_, inputs);
      running_->executor->evaluate();
      std::vector<Tensor> results;
      for (const Door& door : running_->outputs) {
        results.push_back(
            result_tensor(*running_, output_of(*running_, door), door.type, quoted(door.id)));
      }
      return results;
    });
  }

 private:
  std::shared_ptr<Running> running_;
};

std::vector<Step> trace_run(Running& running, std::span<const Tensor> inputs) {
  give_inputs(running, inputs);
  running.executor->evaluate();
  std::map<std::string_view, const Node*> nodes;
  for (const auto& [id, node] : running.graph().nodes) nodes.emplace(id, &node);
  std::vector<Step> steps;
  for (const std::string& id : running.executor->order()) {
    const Node& node = *nodes.at(id);
    const auto origin = node_origin_of(node.metadata);
    std::string scope;
    Place place;
    place_of(node.metadata, scope, place);
    for (std::size_t i = 0; i < node.output_ports.size(); ++i) {
      const auto& [port, body] = node.output_ports[i];
      const Value* value = running.executor->output(id, port);
      Tensor tensor;
      if (value == nullptr || !to_tensor(*value, tensor)) continue;
      const bool typed = origin && i < origin->outputs.size();
      if (typed) tensor = tensor.converted(running.taken(origin->outputs[i]).dtype);
      const bool named = origin && i < origin->names.size() && !origin->names[i].empty();
      steps.push_back({named ? origin->names[i] : port, origin ? origin->op : "", scope, place,
                       std::move(tensor)});
    }
  }
  return steps;
}

void set_weight(Running& running, const StoredWeight& weight, const Tensor& tensor) {
  const Value value = numpy::array_value(tensor);
  if (weight.where == StoredWeight::Where::port) running.executor->set_input(weight.id, value);
  if (weight.where == StoredWeight::Where::parameter) {
    running.executor->set_parameter(weight.node, weight.id, value);
  }
}

/// Ports that nothing sends to and that are no weights, each name once, in the order of the nodes.
std::vector<Door> open_ports(const Running& running) {
  std::set<std::pair<std::string, std::string>> connected;
  for (const auto& [id, edge] : running.graph().edges)
    connected.emplace(edge.receiver, edge.receiver_port);
  std::vector<Door> doors;
  std::set<std::string_view> known;
  for (const auto& [node, body] : running.graph().nodes) {
    for (const auto& [port, type] : body.input_ports) {
      if (connected.contains({node, port}) || !known.insert(port).second) continue;
      Door door{port, port, {dtype_of_port(type.type), {}}};
      for (const std::int64_t length : type.shape) door.type.shape.emplace_back(length);
      doors.push_back(std::move(door));
    }
  }
  return doors;
}

std::shared_ptr<Running> make_running(const Files& files, std::string_view entry,
                                      Precision precision) {
  auto running = std::make_shared<Running>();
  running->loading = load(files, entry);
  running->precision = precision;
  running->executor = with_place(entry, [&] {
    const Width width = precision == Precision::doubled ? Width::doubled : Width::as_written;
    return std::make_unique<DocumentExecutor>(running->graph(), width);
  });
  const auto& origin = running->loading.origin;
  running->inputs = origin ? origin->inputs : open_ports(*running);
  running->outputs = origin ? origin->outputs : outputs_of(running->graph(), *running->executor);
  running->halves =
      std::ranges::any_of(running->inputs,
                          [](const Door& door) { return is_half(door.type.dtype); }) ||
      (origin && std::ranges::any_of(origin->weights, [](const StoredWeight& weight) {
         return is_half(weight.type.dtype);
       }));
  Builder builder("inputs");
  for (const Door& door : running->inputs) {
    builder.input(door.name.empty() ? door.id : door.name, running->taken(door.type));
  }
  Signature signature;
  if (origin) signature.lengths = origin->signature.lengths;
  running->door = std::move(builder).finish({}, std::move(signature));
  return running;
}

}  // namespace

Simulation simulate(const Files& files, std::string_view entry, Precision precision) {
  const auto running = make_running(files, entry, precision);
  Simulation simulation;
  simulation.notes = running->loading.notes;
  for (std::string& place : running->executor->stateful_parameters()) {
    simulation.notes.push_back(
        {std::move(place), "it keeps its value between evaluations; a run is one evaluation"});
  }
  for (const Door& door : running->inputs) {
    simulation.inputs.push_back(
        {door.name.empty() ? door.id : door.name, running->taken(door.type)});
  }
  simulation.typed = running->loading.origin.has_value();
  for (const Door& door : running->outputs) {
    simulation.outputs.push_back(
        {door.name.empty() ? door.id : door.name, running->taken(door.type)});
  }
  std::vector<StoredWeight> trainable;
  const auto stored = running->loading.weights();
  for (const auto& [weight, tensor] : stored) {
    for (const std::string& name : weight.names) simulation.weights.emplace_back(name, tensor);
    const DType dtype = running->taken(weight.type).dtype;
    // In double precision a weight is the float that the document means, not the decimal it is
    // written as.
    const bool given = weight.where == StoredWeight::Where::port ||
                       precision == Precision::doubled || tensor.count() == 0;
    if (given) set_weight(*running, weight, tensor.converted(dtype));
    if (!weight.trainable || weight.names.empty()) continue;
    trainable.push_back(weight);
    simulation.parameters.push_back({weight.names[0], running->taken(weight.type)});
  }
  simulation.executor = std::make_unique<DocumentRun>(running);
  simulation.set_parameters = [running, trainable](std::span<const Tensor> values) {
    if (values.size() != trainable.size()) {
      throw Error(Fault::usage, "",
                  fmt::format("{} are given; the document has {}",
                              counted(values.size(), "parameter"), trainable.size()));
    }
    for (std::size_t i = 0; i < values.size(); ++i) set_weight(*running, trainable[i], values[i]);
  };
  simulation.trace = [running](std::span<const Tensor> inputs) {
    return trace_run(*running, inputs);
  };
  return simulation;
}

}  // namespace isomer::mdf

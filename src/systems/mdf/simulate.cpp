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
  RunOptions options;
  bool halves = false;  // inputs or weights are halves: then they are a precision, too
  std::unique_ptr<DocumentExecutor> executor;
  std::vector<Door> inputs;
  std::vector<Door> outputs;
  std::vector<StoredWeight> trainable;
  Graph door;  // inputs alone, to check what is given

  const DocumentGraph& graph() const { return loading.graph(); }
  /// The type in the precision of this run.
  TensorType taken(TensorType type) const {
    const bool wide = type.dtype == DType::f32 || (halves && is_half(type.dtype));
    if (options.precision == Precision::f64 && wide) type.dtype = DType::f64;
    return type;
  }
  std::vector<Port> parameters() const {
    std::vector<Port> ports;
    for (const StoredWeight& weight : trainable)
      ports.push_back({weight.names[0], taken(weight.type)});
    return ports;
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

void set_weight(Running& running, const StoredWeight& weight, const Tensor& tensor) {
  const Value value = numpy::array_value(tensor);
  if (weight.where == StoredWeight::Where::port) running.executor->set_input(weight.id, value);
  if (weight.where == StoredWeight::Where::parameter) {
    running.executor->set_parameter(weight.node, weight.id, value);
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

  std::vector<Tensor> states() override {
    std::vector<Tensor> states;
    for (const auto& [node, parameter] : running_->executor->stateful_parameters())
      states.push_back(tensor_of(running_->executor->state(node, parameter)));
    return states;
  }

  // A parameter's type may change from one evaluation to the next: any real numbers will do.
  void set_states(std::span<const Tensor> states) override {
    const auto kept = running_->executor->stateful_parameters();
    check_count("state", kept.size(), states);
    for (std::size_t i = 0; i < kept.size(); ++i) {
      const auto& [node, parameter] = kept[i];
      if (is_complex(states[i].dtype())) {
        throw Error(
            Fault::usage, fmt::format("state '{}.{}'", node, parameter),
            fmt::format("it is {}, where documents keep real numbers", to_text(states[i].type())));
      }
      running_->executor->set_state(node, parameter, numpy::array_value(states[i]));
    }
  }

  void reset() override {
    for (const auto& [node, parameter] : running_->executor->stateful_parameters())
      running_->executor->set_state(node, parameter, {});
  }

  void set_constants(std::span<const Tensor> values) override {
    check_types("parameter", running_->parameters(), values);
    for (std::size_t i = 0; i < values.size(); ++i)
      set_weight(*running_, running_->trainable[i], values[i]);
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
                                      const RunOptions& options) {
  auto running = std::make_shared<Running>();
  running->loading = load(files, entry);
  running->options = options;
  running->executor = with_place(
      entry, [&] { return std::make_unique<DocumentExecutor>(running->graph(), options); });
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

Runnable simulate(const Files& files, std::string_view entry, const RunOptions& options) {
  const auto running = make_running(files, entry, options);
  Runnable runnable;
  runnable.notes = running->loading.notes;
  for (const auto& [node, parameter] : running->executor->stateful_parameters()) {
    runnable.notes.push_back({fmt::format("node {}, parameter {}", quoted(node), quoted(parameter)),
                              "it keeps its value between evaluations; a run is one evaluation"});
    runnable.states.push_back({fmt::format("{}.{}", node, parameter), {DType::f64, {}}});
  }
  for (const Door& door : running->inputs) {
    runnable.inputs.push_back({door.name.empty() ? door.id : door.name, running->taken(door.type)});
  }
  runnable.typed = running->loading.origin.has_value();
  for (const Door& door : running->outputs) {
    runnable.outputs.push_back(
        {door.name.empty() ? door.id : door.name, running->taken(door.type)});
  }
  const auto stored = running->loading.weights();
  for (const auto& [weight, tensor] : stored) {
    for (const std::string& name : weight.names) runnable.weights.emplace_back(name, tensor);
    const DType dtype = running->taken(weight.type).dtype;
    // In double precision a weight is the float that the document means, not the decimal it is
    // written as.
    const bool given = weight.where == StoredWeight::Where::port ||
                       options.precision == Precision::f64 || tensor.count() == 0;
    if (given) set_weight(*running, weight, tensor.converted(dtype));
    if (weight.trainable && !weight.names.empty()) running->trainable.push_back(weight);
  }
  runnable.parameters = running->parameters();
  runnable.executor = std::make_unique<DocumentRun>(running);
  runnable.trace = [running](std::span<const Tensor> inputs) {
    return trace_run(*running, inputs);
  };
  return runnable;
}

}  // namespace isomer::mdf

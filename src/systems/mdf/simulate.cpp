#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "ops/builder.h"
#include "systems/mdf/executor.h"
#include "systems/mdf/loading.h"
#include "systems/mdf/mdf.h"
#include "systems/mdf/node_executor.h"
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
  std::vector<std::pair<NodeExecutor*, std::string>> kept;  // parameters that keep their values
  bool has_time = false;                                    // then the increment is the last input
  bool remembers_begin = false;  // then the last state says whether there was an evaluation
  bool begun = false;            // whether there was an evaluation
  std::vector<InterfacePort> inputs;
  std::vector<InterfacePort> outputs;
  std::vector<StoredWeight> trainable;
  std::vector<std::pair<std::string, Value>> given;  // to ports, for each run
  Graph interface;                                   // inputs alone, to check what is given

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

Port named(const Running& running, const InterfacePort& port) {
  return {port.name.empty() ? port.id : port.name, running.taken(port.type)};
}

/// Stands for what is not there: an input that is left out, an increment of time, a value. Of a
/// type that no value of a document has, since an empty array is one.
Tensor nothing() { return Tensor::zeros(DType::bf16, {0}); }
bool is_nothing(const Tensor& tensor) {
  return tensor.dtype() == DType::bf16 && tensor.shape() == std::vector<std::int64_t>{0};
}

/// The value of a tensor from outside. A graph written as a document computes in the wide types
/// that the writer's notes tell; in other documents arrays are what they are given as.
Value value_from(const Running& running, const Tensor& tensor) {
  const DType dtype = tensor.dtype();
  if (!running.loading.origin || dtype == DType::boolean) return numpy::array_value(tensor);
  if (is_half(dtype)) return numpy::array_value(tensor.converted(DType::f32));
  return numpy::array_value(is_integer(dtype) ? tensor.converted(DType::i64) : tensor);
}

// The format takes any type and shape; only what our metadata promise is demanded.
void give_inputs(Running& running, std::span<const Tensor> inputs) {
  if (running.loading.origin) {
    bind_lengths(running.interface, inputs);
  } else {
    check_count("input", running.inputs.size() + (running.has_time ? 1 : 0), inputs);
  }
  for (std::size_t i = 0; i < running.inputs.size(); ++i) {
    if (!is_nothing(inputs[i]))
      running.executor->set_input(running.inputs[i].id, value_from(running, inputs[i]));
  }
  for (const auto& [port, value] : running.given) running.executor->set_input(port, value);
}

void set_weight(Running& running, const StoredWeight& weight, const Tensor& tensor) {
  const Value value = value_from(running, tensor);
  if (weight.where == StoredWeight::Where::port) {
    const auto port = std::ranges::find(
        running.given, weight.id, [](const auto& pair) -> const auto& { return pair.first; });
    if (port == running.given.end())
      running.given.emplace_back(weight.id, value);
    else
      port->second = value;
  }
  if (weight.where == StoredWeight::Where::parameter)
    running.executor->node(weight.node)->set_parameter(weight.id, value);
}

/// None where no time is said to pass: what has a derivative starts anew then.
Value increment_from(const Tensor& tensor) {
  if (is_nothing(tensor)) return {};
  if (tensor.count() != 1 || is_complex(tensor.dtype())) {
    throw Error(
        Fault::model, "input 'dt'",
        fmt::format("it is {}; a time increment is one real number", to_text(tensor.type())));
  }
  return {tensor.doubles()[0]};
}

Tensor state_of(const NodeExecutor& node, const std::string& parameter) {
  const auto place = [&] {
    return fmt::format("node {}: parameter {}", quoted(node.id()), quoted(parameter));
  };
  return with_place(place, [&] {
    const Value value = node.state(parameter);
    return value.is_none() ? nothing() : tensor_of(value);
  });
}

class DocumentRun final : public Executor {
 public:
  explicit DocumentRun(std::shared_ptr<Running> running) : running_(std::move(running)) {}

  std::vector<Tensor> run(std::span<const Tensor> inputs) override {
    return with_place(running_->loading.entry, [&] {
      give_inputs(*running_, inputs);
      // The first evaluation gives initial values, the others advance.
      const Value increment = running_->has_time ? increment_from(inputs.back()) : Value{};
      running_->executor->evaluate(running_->begun ? increment : Value{});
      running_->begun = true;
      std::vector<Tensor> results;
      for (const InterfacePort& port : running_->outputs) results.push_back(result(port));
      return results;
    });
  }

  std::vector<Tensor> states() override {
    std::vector<Tensor> states;
    for (const auto& [node, parameter] : running_->kept)
      states.push_back(state_of(*node, parameter));
    if (running_->remembers_begin) {
      states.push_back(Tensor::from_integers(DType::boolean, {},
                                             std::array<std::int64_t, 1>{running_->begun ? 1 : 0}));
    }
    return states;
  }

  // A parameter's type may change from one evaluation to the next: any real numbers will do.
  void set_states(std::span<const Tensor> states) override {
    check_count("state", running_->kept.size() + (running_->remembers_begin ? 1 : 0), states);
    for (std::size_t i = 0; i < running_->kept.size(); ++i) {
      const auto& [node, parameter] = running_->kept[i];
      if (is_complex(states[i].dtype())) {
        throw Error(
            Fault::model, fmt::format("state '{}.{}'", node->id(), parameter),
            fmt::format("it is {}, where documents keep real numbers", to_text(states[i].type())));
      }
      node->set_state(parameter,
                      is_nothing(states[i]) ? Value{} : value_from(*running_, states[i]));
    }
    if (!running_->remembers_begin) return;
    running_->begun = states.back().doubles().at(0) != 0;
    if (running_->begun) return;
    for (const auto& node : running_->executor->nodes()) {
      for (const std::string& name : node->recalled_expressions()) node->set_state(name, {});
    }
  }

  void reset() override {
    running_->begun = false;
    running_->executor->reset();
  }

  void set_constants(std::span<const Tensor> values) override {
    check_types("parameter", running_->parameters(), values);
    for (std::size_t i = 0; i < values.size(); ++i)
      set_weight(*running_, running_->trainable[i], values[i]);
  }

 private:
  /// Nothing of a node that has not run, as conditions may have it.
  Tensor result(const InterfacePort& port) const {
    const std::string& node = port.node.empty() ? port.id : port.node;
    const Value* found = running_->executor->output(node, port.id);
    const bool none = found == nullptr || found->is_none();
    if (none && !running_->loading.origin) return nothing();
    if (none) {
      throw Error(Fault::model, fmt::format("node {}", quoted(node)),
                  fmt::format("output port {} has no value", quoted(port.id)));
    }
    const Value& value = *found;
    return with_place([&] { return quoted(port.id); },
                      [&] {
                        const Tensor tensor = tensor_of(value);
                        return running_->loading.origin
                                   ? tensor.converted(running_->taken(port.type).dtype)
                                   : tensor;
                      });
  }

  std::shared_ptr<Running> running_;
};

/// Of every node; a text or a list of texts is none.
NamedTensors quantities_of(const Running& running) {
  NamedTensors all;
  for (const auto& node : running.executor->nodes()) {
    for (const auto& [id, value] : node->quantities()) {
      Tensor tensor;
      if (to_tensor(*value, tensor))
        all.emplace_back(fmt::format("{}.{}", node->id(), id), std::move(tensor));
    }
  }
  return all;
}

std::vector<Step> trace_run(Running& running, std::span<const Tensor> inputs) {
  give_inputs(running, inputs);
  running.executor->evaluate(running.has_time && running.begun ? increment_from(inputs.back())
                                                               : Value{});
  running.begun = true;
  std::vector<Step> steps;
  for (const std::size_t at : running.executor->order()) {
    const Node& node = running.graph().nodes[at].second;
    const auto origin = node_origin_of(node.metadata);
    std::string scope;
    Place place;
    place_of(node.metadata, scope, place);
    for (std::size_t i = 0; i < node.output_ports.size(); ++i) {
      const auto& [port, body] = node.output_ports[i];
      const Value* value = running.executor->nodes()[at]->output(port);
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

std::shared_ptr<Running> make_running(const Files& files, std::string_view entry,
                                      const RunOptions& options) {
  auto running = std::make_shared<Running>();
  running->loading = load(files, entry, dialect_named(options.dialect));
  running->options = options;
  running->executor = with_place(
      entry, [&] { return std::make_unique<DocumentExecutor>(running->graph(), options); });
  for (const auto& node : running->executor->nodes()) {
    for (std::string& parameter : node->stateful_parameters())
      running->kept.emplace_back(node.get(), std::move(parameter));
  }
  const auto& origin = running->loading.origin;
  running->inputs = running->loading.inputs();
  running->outputs = running->loading.outputs();
  running->has_time = has_time(running->graph());
  running->remembers_begin =
      running->has_time || std::ranges::any_of(running->executor->nodes(), [](const auto& node) {
        return !node->recalled_expressions().empty();
      });
  running->halves =
      std::ranges::any_of(running->inputs,
                          [](const auto& port) { return is_half(port.type.dtype); }) ||
      (origin && std::ranges::any_of(origin->weights, [](const StoredWeight& weight) {
         return is_half(weight.type.dtype);
       }));
  Builder builder("inputs");
  for (const InterfacePort& port : running->inputs) {
    const Port input = named(*running, port);
    builder.input(input.name, input.type);
  }
  Signature signature;
  if (origin) signature.lengths = origin->signature.lengths;
  running->interface = std::move(builder).finish({}, std::move(signature));
  return running;
}

}  // namespace

Runnable simulate(const Files& files, std::string_view entry, const RunOptions& options) {
  const auto running = make_running(files, entry, options);
  Runnable runnable;
  runnable.notes = running->loading.notes;
  if (options.time_increment && !running->has_time)
    runnable.notes.push_back(
        {"--dt", "no parameter has a time derivative, so that nothing advances"});
  for (const auto& [node, parameter] : running->kept)
    runnable.states.push_back({fmt::format("{}.{}", node->id(), parameter), {DType::f64, {}}});
  for (const InterfacePort& port : running->inputs)
    runnable.inputs.push_back(named(*running, port));
  // What our metadata promise is demanded.
  if (!running->loading.origin) runnable.defaults.assign(running->inputs.size(), nothing());
  if (running->remembers_begin)
    runnable.states.push_back({std::string(name_of_begun), {DType::boolean, {}}});
  if (running->has_time) {
    runnable.inputs.push_back({name_of_increment(running->graph()), {DType::f64, {}}});
    const auto& increment = options.time_increment;
    runnable.defaults.resize(runnable.inputs.size());
    runnable.defaults.back() =
        increment ? Tensor::from_doubles(DType::f64, {}, std::span(&*increment, 1)) : nothing();
  }
  runnable.typed = running->loading.origin.has_value();
  for (const InterfacePort& port : running->outputs)
    runnable.outputs.push_back(named(*running, port));
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
  runnable.progress = [running] { return running->executor->progress(); };
  runnable.resume = [running](const NamedTensors& progress) {
    running->executor->resume(progress);
  };
  runnable.quantities = [running] { return quantities_of(*running); };
  runnable.trace = [running](std::span<const Tensor> inputs) {
    return trace_run(*running, inputs);
  };
  return runnable;
}

}  // namespace isomer::mdf

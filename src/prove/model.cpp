#include "prove/model.h"

#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "ops/validate.h"
#include "passes/passes.h"

namespace isomer {
namespace {

/// Two systems cannot draw the same numbers.
void refuse_random(const Graph& graph) {
  std::vector<std::string> drawing;
  for (const Node& node : graph.nodes) {
    if (draws(node)) drawing.push_back(describe(graph, node));
  }
  if (drawing.empty()) return;
  throw Error(Fault::unsupported, "",
              fmt::format("draws random numbers, which no two systems repeat: {}; a model in "
                          "evaluation mode can be judged",
                          listed(drawing, "; ")));
}

/// Whether the shortest decimal of `value` is one that somebody may have written.
bool is_rounded(float value) {
  const std::string text = real_text(value);
  if (!std::isfinite(value) || std::stod(text) == static_cast<double>(value)) return false;
  const std::string_view mantissa = std::string_view(text).substr(0, text.find('e'));
  const std::size_t first = mantissa.find_first_of("123456789");
  const auto digits =
      std::ranges::count_if(mantissa.substr(first), [](char c) { return c != '.'; });
  constexpr std::ptrdiff_t written = 6;
  return digits > written;
}

std::vector<Tensor> as_taken(std::span<const Tensor> tensors, std::span<const DType> wanted) {
  std::vector<Tensor> result(tensors.begin(), tensors.end());
  for (std::size_t i = 0; i < result.size() && i < wanted.size(); ++i) {
    const bool floating = is_floating(wanted[i]) && is_floating(result[i].dtype());
    if (floating && result[i].dtype() != wanted[i]) result[i] = result[i].converted(wanted[i]);
  }
  return result;
}

/// What a file that declares no types gives: an integer may stand where a real number is meant.
std::vector<Tensor> as_adopted(std::span<const Tensor> tensors, std::span<const DType> wanted) {
  std::vector<Tensor> result = as_taken(tensors, wanted);
  for (std::size_t i = 0; i < result.size() && i < wanted.size(); ++i) {
    if (is_floating(wanted[i]) && is_integer(result[i].dtype()))
      result[i] = result[i].converted(wanted[i]);
  }
  return result;
}

std::vector<DType> dtypes(std::span<const Port> ports) {
  std::vector<DType> result;
  for (const Port& port : ports) result.push_back(port.type.dtype);
  return result;
}

/// The inputs, then the cotangents of the floating outputs.
std::vector<DType> gradient_dtypes(const Runnable& runnable) {
  std::vector<DType> result = dtypes(runnable.inputs);
  for (const Port& port : runnable.outputs) {
    if (is_floating(port.type.dtype)) result.push_back(port.type.dtype);
  }
  return result;
}

/// Weights that a run did not touch are as they were stored.
Tensor widened(const Tensor& tensor, Precision precision) {
  const bool widens = precision == Precision::f64 && is_floating(tensor.dtype());
  return widens ? tensor.converted(DType::f64) : tensor;
}

using Named = std::vector<std::pair<std::string, Tensor>>;

/// `values`, those of `ports`, with the named ones in their place.
std::vector<Tensor> replaced(std::vector<Tensor> values, std::span<const Port> ports,
                             const Named& named, const Aliases& aliases) {
  const WeightIndex index(ports, aliases);
  for (const auto& [name, value] : named) {
    if (const auto place = index.find(name)) values.at(*place) = value;
  }
  return values;
}

/// An executor with the states and parameters of a set, for as long as this lives.
class Situation {
 public:
  Situation(const Runnable& runnable, Executor& executor, const InputSet& set,
            const Aliases& aliases)
      : executor_(executor) {
    executor.reset();
    if (!set.states.empty())
      executor.set_states(
          as_taken(replaced(executor.states(), runnable.states, set.states, aliases),
                   dtypes(runnable.states)));
    if (set.parameters.empty()) return;
    const std::vector<DType> types = dtypes(runnable.parameters);
    const std::vector<Tensor> stored = parameter_values(runnable);
    executor.set_constants(
        as_taken(replaced(stored, runnable.parameters, set.parameters, aliases), types));
    stored_ = as_taken(stored, types);
  }
  ~Situation() {
    try {
      if (!stored_.empty()) executor_.set_constants(stored_);
    } catch (
        const Error&) {  // the run that failed has been reported; a destructor must not add to it
    }
  }
  Situation(const Situation&) = delete;
  Situation& operator=(const Situation&) = delete;

 private:
  Executor& executor_;
  std::vector<Tensor> stored_;
};

/// The states that were asked for, among those of one runnable.
class KeptStates {
 public:
  KeptStates(const Runnable& runnable, const StateNames& states, Precision precision) {
    const WeightIndex kept(runnable.states, states.aliases);
    const WeightIndex stored(runnable.weights, states.aliases);
    for (std::size_t i = 0; i < states.names.size(); ++i) {
      const auto weight = stored.find(states.names[i]);
      places_.push_back(kept.find(states.names[i]));
      stored_.push_back(
          widened(weight ? runnable.weights[*weight].second : states.initial[i], precision));
    }
  }

  std::vector<Tensor> after(const std::vector<Tensor>& left) const {
    std::vector<Tensor> found;
    for (std::size_t i = 0; i < places_.size(); ++i)
      found.push_back(places_[i] ? left.at(*places_[i]) : stored_[i]);
    return found;
  }

 private:
  std::vector<std::optional<std::size_t>> places_;
  std::vector<Tensor> stored_;
};

/// Whether the file says what types its outputs have. A large document's operators run on the
/// engine that the source runs on, so that what both compute alike need not be measured.
bool add_own_rules(Model& model, const Subject& subject) {
  const System& system = *subject.system;
  const bool large = model.graph && is_large(*model.graph);
  const auto at = [&subject, large](Precision precision) {
    return subject.system->simulate(
        *subject.files, subject.entry,
        {.precision = precision, .operators = large ? default_engine : reference_engine});
  };
  model.backends.push_back(
      {fmt::format("{}'s own rules", system.name), at(Precision::f32), {}, true});
  if (system.read == nullptr) {
    model.starting = std::async(std::launch::async, [at, &subject] {
      return with_file(subject.label, subject.entry, [&] { return at(Precision::f64); });
    });
  } else {
    model.backends.front().f64 = at(Precision::f64);
  }
  return model.main().typed;
}

/// One number stands for an array of it, and no value for zeros that nobody reads.
Tensor with_type(const Tensor& initial, const TensorType& type) {
  const auto shape = known_shape(type.shape);
  if (!shape || initial.count() > 1 || *shape == initial.shape())
    return initial.converted(type.dtype);
  return Tensor::filled(type.dtype, *shape, initial.count() == 1 ? initial.doubles()[0] : 0.0);
}

/// States begin with numbers of the file, which are among its weights then.
void adopt_state_types(Runnable& ours, const Runnable& theirs) {
  if (ours.states.empty()) return;
  const std::vector<Tensor> initial = ours.executor->states();
  for (std::size_t i = 0; i < ours.states.size(); ++i) {
    Port& state = ours.states[i];
    const auto found = std::ranges::find(theirs.states, state.name, &Port::name);
    if (found == theirs.states.end()) continue;
    state.type = found->type;
    ours.weights.emplace_back(state.name, with_type(initial[i], state.type));
  }
}

/// A file that declares no types computes in those of its language; it is judged at those that it
/// is read as.
void adopt_types(Backend& own, const Backend& read) {
  if (own.f32.outputs.size() != read.f32.outputs.size()) return;
  for (const auto& [ours, theirs] :
       {std::pair(&own.f32, &read.f32), std::pair(&own.f64, &read.f64)}) {
    for (std::size_t i = 0; i < ours->outputs.size(); ++i)
      ours->outputs[i].type = theirs->outputs[i].type;
    adopt_state_types(*ours, *theirs);
  }
  own.adopts_types = true;
}

Graph graph_of(const Subject& subject) {
  Graph graph = read_model(*subject.system, *subject.files, subject.entry).graph;
  if (subject.prepare) graph = subject.prepare(graph);
  refuse_random(graph);
  return graph;
}

void add_engines(Model& model, const std::vector<const Engine*>& engines) {
  const std::string_view prefix = model.backends.empty() ? "" : "read back, on ";
  const auto single = std::make_shared<const Graph>(*model.graph);
  const SharedGraph wide = in_double(single);
  const std::shared_ptr<const Graph> kept = wide();  // until all know its interface
  for (const Engine* engine : engines) {
    model.backends.push_back({.name = fmt::format("{}{}", prefix, engine->name),
                              .f32 = on_engine(single, *engine),
                              .f64 = on_engine(wide, *engine),
                              .slow = engine == &reference_engine()});
    model.backends.back().f64.weights = model.backends.back().f32.weights;
  }
}

}  // namespace

bool is_large(const Graph& graph) {
  constexpr std::int64_t most = 4'000'000;
  std::int64_t weights = 0;
  for (const Constant& constant : graph.constants) weights += constant.data.count();
  return weights > most;
}

std::size_t count_rounded(const Graph& graph) {
  std::size_t count = 0;
  for (const Constant& constant : graph.constants) {
    if (!constant.names.empty() || constant.written || constant.data.dtype() != DType::f32)
      continue;
    if (std::ranges::any_of(constant.data.view().as<float>(), is_rounded)) ++count;
  }
  return count;
}

std::vector<Tensor> Backend::run(Precision precision, std::span<const Tensor> inputs) const {
  const Runnable& runnable = at(precision);
  runnable.executor->reset();
  std::vector<Tensor> outputs = runnable.executor->run(as_taken(inputs, dtypes(runnable.inputs)));
  return adopts_types ? as_adopted(outputs, dtypes(runnable.outputs)) : outputs;
}

std::vector<Tensor> Backend::initial_states() const {
  if (f32.states.empty()) return {};
  f32.executor->reset();
  return f32.executor->states();
}

std::vector<Tensor> Backend::observe(Precision precision, const InputSet& set,
                                     const StateNames& states) const {
  const Runnable& runnable = at(precision);
  const Situation situation(runnable, *runnable.executor, set, states.aliases);
  const KeptStates kept(runnable, states, precision);
  std::vector<Tensor> seen;
  for (const std::vector<Tensor>& arguments : set.calls) {
    std::vector<Tensor> outputs =
        runnable.executor->run(as_taken(arguments, dtypes(runnable.inputs)));
    if (adopts_types) outputs = as_adopted(outputs, dtypes(runnable.outputs));
    std::ranges::move(outputs, std::back_inserter(seen));
    if (states.names.empty()) continue;
    std::vector<Tensor> left = runnable.executor->states();
    if (adopts_types) left = as_adopted(left, dtypes(runnable.states));
    std::ranges::move(kept.after(left), std::back_inserter(seen));
  }
  return seen;
}

std::vector<Tensor> Backend::gradient(Derivative derivative, Precision precision,
                                      std::span<const Tensor> inputs) const {
  const Runnable& runnable = at(precision);
  Executor& executor = *(runnable.*derivative);
  executor.reset();
  return executor.run(as_taken(inputs, gradient_dtypes(runnable)));
}

std::vector<Tensor> Backend::gradient(Derivative derivative, Precision precision,
                                      const InputSet& set, std::span<const Tensor> cotangents,
                                      const Aliases& aliases) const {
  const Runnable& runnable = at(precision);
  const Situation situation(runnable, *(runnable.*derivative), set, aliases);
  std::vector<Tensor> inputs = set.calls[0];
  inputs.insert(inputs.end(), cotangents.begin(), cotangents.end());
  return (runnable.*derivative)->run(as_taken(inputs, gradient_dtypes(runnable)));
}

std::vector<Step> Backend::trace(Precision precision, std::span<const Tensor> inputs) const {
  const Runnable& runnable = at(precision);
  runnable.executor->reset();
  return runnable.trace(as_taken(inputs, dtypes(runnable.inputs)));
}

void Model::release() const {
  for (const Backend& backend : backends) {
    for (const Runnable* runnable : {&backend.f32, &backend.f64}) {
      for (const auto& executor : {&runnable->executor, &runnable->gradient, &runnable->autograd}) {
        if (*executor != nullptr) (*executor)->release();
      }
    }
  }
  for (const auto& [name, tensor] : main().weights) tensor.bytes().unload();
#ifdef __GLIBC__
  malloc_trim(0);  // what lies between what stays
#endif
}

void set_parameters(const Runnable& runnable, std::span<const Tensor> values) {
  runnable.executor->set_constants(as_taken(values, dtypes(runnable.parameters)));
}

std::vector<Tensor> parameter_values(const Runnable& runnable) {
  const std::map<std::string, Tensor, std::less<>> weights(runnable.weights.begin(),
                                                           runnable.weights.end());
  std::vector<Tensor> values;
  for (const Port& port : runnable.parameters) {
    const auto found = weights.find(port.name);
    if (found == weights.end()) return {};
    values.push_back(found->second);
  }
  return values;
}

bool knows_parameters(const Runnable& runnable) {
  return parameter_values(runnable).size() == runnable.parameters.size();
}

std::optional<Graph> exported_like(const Model& program, const Model& like) {
  if (!program.main().exported) return std::nullopt;
  if (!like.graph) return program.main().exported(like.main().inputs, {});
  return isomer::exported_like(program.main(), *like.graph);
}

std::size_t count_floating(std::span<const Port> ports) {
  return static_cast<std::size_t>(
      std::ranges::count_if(ports, [](const Port& port) { return is_floating(port.type.dtype); }));
}

void complete(Model& model) {
  if (model.starting.valid()) model.backends.front().f64 = model.starting.get();
}

Model open_model(const Subject& subject, const std::vector<const Engine*>& engines,
                 std::vector<std::string>& notes) {
  return with_file(subject.label, subject.entry, [&] {
    Model model{subject.label, {}, {}};
    const bool has_rules = subject.system->simulate != nullptr;
    std::optional<Error> unread;
    const auto unless_unread = [&](const auto& work) {
      if (subject.system->read == nullptr && has_rules) return;
      try {
        if (!unread) work();
      } catch (const Error& error) {
        if (!has_rules || error.fault() == Fault::bug) throw;
        unread = error;
      }
    };
    unless_unread([&] { model.graph = graph_of(subject); });
    const bool typed = !has_rules || add_own_rules(model, subject);
    unless_unread([&] {
      add_engines(model, engines);
      if (!typed && model.backends.size() > 1) adopt_types(model.backends[0], model.backends[1]);
    });
    if (unread) {
      const std::string_view where = place_in(subject.entry, unread->where());
      notes.push_back(fmt::format("{} is not read back as a graph: {}{}{}", subject.label, where,
                                  where.empty() ? "" : ": ", unread->text()));
    }
    return model;
  });
}

}  // namespace isomer

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "codecs/json.h"
#include "codecs/safetensors.h"
#include "graph/text_reader.h"
#include "graph/uses.h"
#include "passes/passes.h"
#include "run/engine.h"
#include "systems/pt2/fields.h"
#include "systems/stored.h"
#include "systems/torch/python.h"
#include "systems/torch/torch.h"
#include "vocabularies/aten/aten.h"

namespace isomer::torch {
namespace {

/// Gives the path of the file.
std::filesystem::path save_tensors(const Python& python, std::string_view file,
                                   std::span<const Tensor> tensors, std::string_view prefix = "in",
                                   std::span<const Tensor> more = {},
                                   std::string_view more_prefix = {}) {
  SafeTensors content;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    content.tensors.push_back(stored(tensors[i], fmt::format("{}{}", prefix, i)));
  }
  for (std::size_t i = 0; i < more.size(); ++i) {
    content.tensors.push_back(stored(more[i], fmt::format("{}{}", more_prefix, i)));
  }
  return python.put(file, write_safetensors(content));
}

using TensorsByName = std::map<std::string, Tensor>;

/// What Python has written. The file is ours and gone soon: messages do not name it.
TensorsByName tensors_in(const std::filesystem::path& path) {
  try {
    NamedTensors found = read_tensors(map_file(path));
    return {std::make_move_iterator(found.begin()), std::make_move_iterator(found.end())};
  } catch (const Error& error) {
    throw Error(Fault::model, "", "gives tensors in a file that cannot be read: " + error.text());
  }
}

const Tensor& tensor_in(const TensorsByName& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  if (found == tensors.end())
    throw Error(Fault::model, "", fmt::format("gives no tensor {}", quoted(name)));
  return found->second;
}

std::vector<Tensor> numbered_tensors(const std::filesystem::path& path) {
  const TensorsByName found = tensors_in(path);
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < found.size(); ++i)
    result.push_back(tensor_in(found, fmt::format("out{}", i)));
  return result;
}

/// Runs `action` on what the Python process answered, which may be anything.
template <class Action>
decltype(auto) with_answer(const Python& python, Action&& action) {
  return with_place(fmt::format("{}: the Python that runs it", python.name()),
                    std::forward<Action>(action));
}

Tree text(const std::filesystem::path& path) { return Tree{path.string(), 0}; }

// Forward, or gradients: both take tensors in a file and give tensors in another. Both are of one
// model, with one set of buffers.
class PythonExecutor final : public Executor {
 public:
  /// `results` is how many tensors come out; 0 where that is not known.
  PythonExecutor(std::shared_ptr<Python> python, const Runnable& described, std::string verb,
                 std::size_t results)
      : python_(std::move(python)),
        verb_(std::move(verb)),
        inputs_(described.inputs.size()),
        results_(results),
        states_(described.states),
        parameters_(described.parameters) {}

  std::vector<Tensor> run(std::span<const Tensor> tensors) override {
    if (tensors.size() < inputs_ || (verb_ == "run" && tensors.size() != inputs_)) {
      throw Error(Fault::usage, "",
                  fmt::format("{} needed, {} given", counted(inputs_, "input"), tensors.size()));
    }
    const std::filesystem::path inputs =
        save_tensors(*python_, "inputs.safetensors", tensors.first(inputs_), "in",
                     tensors.subspan(inputs_), "cotangent");
    std::vector<Tensor> results = answer({{"do", text(verb_)}, {"inputs", text(inputs)}});
    if (results_ == 0 || results.size() == results_) return results;
    throw Error(Fault::model, python_->name(),
                fmt::format("gives {} where its example gave {}", counted(results.size(), "result"),
                            results_));
  }

  // All buffers: which of them a run changes is the program's affair.
  std::vector<Tensor> states() override {
    return states_.empty() ? std::vector<Tensor>{} : answer({{"do", text("states")}});
  }

  void set_states(std::span<const Tensor> states) override {
    check_types("state", states_, states);
    if (!states.empty()) give("set_states", states);
  }

  // Without states, too: Python may keep what is no buffer.
  void reset() override { python_->ask({{"do", text("reset")}}); }

  void set_constants(std::span<const Tensor> values) override {
    check_types("parameter", parameters_, values);
    if (!values.empty()) give("set_parameters", values);
  }

 private:
  // What a request gives as tensors in a file.
  std::vector<Tensor> answer(Tree::Map request) {
    const std::filesystem::path outputs = python_->place_for("outputs.safetensors");
    request.emplace_back("outputs", text(outputs));
    python_->ask(request);
    return with_answer(*python_, [&] { return numbered_tensors(outputs); });
  }

  void give(const std::string& verb, std::span<const Tensor> tensors) {
    const std::filesystem::path inputs = save_tensors(*python_, "given.safetensors", tensors);
    python_->ask({{"do", text(verb)}, {"inputs", text(inputs)}});
  }

  std::shared_ptr<Python> python_;
  std::string verb_;
  std::size_t inputs_;
  std::size_t results_;
  std::vector<Port> states_;
  std::vector<Port> parameters_;
};

DType dtype_of_torch(std::string_view name) {
  if (const auto dtype = aten::dtype_named(name)) return *dtype;
  throw Error(Fault::unsupported, "", fmt::format("tensors of torch.{}", name));
}

std::vector<Port> ports_of(const Tree& reply, std::string_view key) {
  std::vector<Port> ports;
  const Tree* list = reply.find(key);
  if (list == nullptr) return ports;
  for (const Tree& item : pt2::as_list(*list)) {
    Port port{pt2::text_field(item, "name"), {}};
    if (const Tree* dtype = item.find("dtype"); dtype != nullptr) {
      port.type.dtype = dtype_of_torch(pt2::as_text(*dtype));
      for (const Tree& length : pt2::list_field(item, "shape"))
        port.type.shape.push_back(parse_dim(pt2::as_text(length)));
    }
    ports.push_back(std::move(port));
  }
  return ports;
}

// Programs need a place on the disk: files that exist only in memory are laid into the process's
// folder.
std::filesystem::path place_of(const Files& files, std::string_view entry,
                               const std::filesystem::path& folder) {
  if (std::filesystem::path path = files.path(entry); !path.empty()) {
    // The program reads its weights by itself.
    files.path(std::filesystem::path(entry).replace_extension(".safetensors").string());
    return path;
  }
  for (const std::string& name : files.names()) {
    const std::filesystem::path path = folder / "program" / name;
    std::filesystem::create_directories(path.parent_path());
    write_file(path, {files.read(name)});
  }
  return folder / "program" / entry;
}

/// The model as PyTorch's exporter sees it on these inputs, with the module paths and lines of the
/// user's program. `lengths` says what may vary, as the driver takes it; empty: nothing.
Graph exported_for(Python& python, std::span<const Tensor> inputs, const std::string& lengths) {
  const std::filesystem::path given = save_tensors(python, "inputs.safetensors", inputs);
  const std::filesystem::path program = python.place_for("exported.pt2");
  Tree::Map request{{"do", text("export")}, {"inputs", text(given)}, {"outputs", text(program)}};
  if (!lengths.empty()) request.emplace_back("lengths", Tree{lengths, 0});
  python.ask(request);
  return with_answer(python, [&] {
    const auto files = open_folder(python.folder());
    return read_model(system_named("pt2"), *files, "exported.pt2").graph;
  });
}

/// A number for each named length by which PyTorch tells it from others: none is 0 or 1, where that
/// may be, and no two are equal.
Lengths sample_lengths(std::span<const Port> ports, std::span<const LengthRange> ranges) {
  std::set<std::string> names;
  for (const Port& port : ports) {
    for (const Dim& length : port.type.shape) length.collect_symbols(names);
  }
  for (const LengthRange& range : ranges) names.insert(range.name);
  Lengths lengths;
  std::int64_t next = 3;
  for (const std::string& name : names) {
    const auto range = std::ranges::find(ranges, name, &LengthRange::name);
    std::int64_t number = next;
    if (range != ranges.end()) {
      number = std::max(number, range->least);
      if (range->most) number = std::min(number, *range->most);
    }
    next = std::max(next, number) + 1;
    lengths.emplace(name, number);
  }
  return lengths;
}

Tree ends_of(const std::string& name, std::span<const LengthRange> ranges) {
  const auto range = std::ranges::find(ranges, name, &LengthRange::name);
  const bool known = range != ranges.end();
  return {Tree::List{{known ? range->least : std::int64_t{0}},
                     known && range->most ? Tree{*range->most} : Tree{}}};
}

/// Which axes of each input may vary between which ends.
std::string varying(std::span<const Port> ports, std::span<const LengthRange> ranges) {
  Tree::List all;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    Tree::Map axes;
    const Shape& shape = ports[i].type.shape;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis].known()) continue;
      const auto name = shape[axis].lone_symbol();
      axes.emplace_back(std::to_string(axis), ends_of(name.value_or(""), ranges));
    }
    const auto told = std::ranges::find(ranges, std::optional(i), &LengthRange::input);
    if (told != ranges.end()) axes.emplace_back("", ends_of(told->name, ranges));
    all.push_back({std::move(axes)});
  }
  return write_json({std::move(all)});
}

Graph exported_like(Python& python, std::span<const Port> ports,
                    std::span<const LengthRange> ranges) {
  const Lengths lengths = sample_lengths(ports, ranges);
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const auto told = std::ranges::find(ranges, std::optional(i), &LengthRange::input);
    const std::int64_t number = told == ranges.end() ? 0 : lengths.at(told->name);
    inputs.push_back(
        told == ranges.end()
            ? Tensor::zeros(ports[i].type.dtype, evaluate(ports[i].type.shape, lengths))
            : Tensor::from_integers(ports[i].type.dtype, {}, {&number, 1}));
  }
  return exported_for(python, inputs, varying(ports, ranges));
}

// Inner values are those of the export for these very inputs, which runs here.
std::vector<Step> trace_of(Python& python, std::span<const Tensor> inputs) {
  return Tracer(exported_for(python, inputs, ""), default_engine()).trace(inputs);
}

std::vector<CallArgument> arguments_of(const Tree& reply) {
  using Kind = CallArgument::Kind;
  static const std::map<std::string_view, Kind> kinds = {{"positional_only", Kind::place},
                                                         {"positional_or_keyword", Kind::either},
                                                         {"keyword_only", Kind::name},
                                                         {"var_positional", Kind::more_places},
                                                         {"var_keyword", Kind::more_names}};
  std::vector<CallArgument> arguments;
  for (const Tree& item : pt2::list_field(reply, "arguments")) {
    const auto kind = kinds.find(pt2::text_field(item, "kind"));
    if (kind == kinds.end()) throw Error(Fault::model, "", "gives an argument of an unknown kind");
    arguments.push_back(
        {pt2::text_field(item, "name"), kind->second, pt2::text_field(item, "default")});
  }
  return arguments;
}

/// A first call, as the caller of a program sees it.
Seen seen_of(Python& python, std::span<const Tensor> inputs, const Manner& manner) {
  const std::filesystem::path given = save_tensors(python, "inputs.safetensors", inputs);
  const std::filesystem::path outputs = python.place_for("seen.safetensors");
  Tree::Map request{{"do", text("observe")},
                    {"inputs", text(given)},
                    {"outputs", text(outputs)},
                    {"gradients", {std::string(manner.gradients ? "yes" : "")}},
                    {"mode", {manner.mode}}};
  if (manner.seed) request.emplace_back("seed", Tree{std::to_string(*manner.seed), 0});
  const Tree reply = python.ask(request);
  return with_answer(python, [&] {
    const TensorsByName found = tensors_in(outputs);
    Seen seen{{}, parse_structure(pt2::text_field(reply, "results")), {}};
    for (std::size_t i = 0; i < inputs.size(); ++i)
      seen.arguments.push_back(tensor_in(found, fmt::format("in{}", i)));
    for (std::size_t i = 0; i + inputs.size() < found.size(); ++i)
      seen.outputs.push_back(tensor_in(found, fmt::format("out{}", i)));
    return seen;
  });
}

/// What the model takes and gives, and its weights: all but what runs it.
Runnable described(const Tree& reply, const TensorsByName& weights) {
  Runnable runnable;
  runnable.inputs = ports_of(reply, "inputs");
  runnable.outputs = ports_of(reply, "outputs");
  if (const Tree* results = reply.find("results"))
    runnable.results = parse_structure(pt2::as_text(*results));
  runnable.arguments = arguments_of(reply);
  runnable.states = ports_of(reply, "states");
  runnable.parameters = ports_of(reply, "parameters");
  for (const Tree& name : pt2::list_field(reply, "weights")) {
    const std::string& key = pt2::as_text(name);
    runnable.weights.emplace_back(key, tensor_in(weights, key));
  }
  return runnable;
}

}  // namespace

Runnable simulate(const Files& files, std::string_view entry, const RunOptions& options) {
  const auto python = std::make_shared<Python>(options);
  python->serve(place_of(files, entry, python->folder()));

  const std::filesystem::path weights = python->place_for("weights.safetensors");
  const Tree reply = python->ask({{"do", text("describe")}, {"outputs", text(weights)}});

  Runnable runnable = with_answer(*python, [&] { return described(reply, tensors_in(weights)); });
  const std::size_t given = runnable.outputs.size();
  const auto floating = std::ranges::count_if(
      runnable.inputs, [](const Port& port) { return is_floating(port.type.dtype); });
  // Without an example the types of inputs are not known.
  const std::size_t gradients =
      given == 0 ? 0 : static_cast<std::size_t>(floating) + runnable.parameters.size();
  runnable.executor = std::make_unique<PythonExecutor>(python, runnable, "run", given);
  runnable.gradient = std::make_unique<PythonExecutor>(python, runnable, "gradient", gradients);
  runnable.observe = [python](std::span<const Tensor> inputs, const Manner& manner) {
    return seen_of(*python, inputs, manner);
  };
  runnable.trace = [python](std::span<const Tensor> inputs) { return trace_of(*python, inputs); };
  runnable.exported = [python](std::span<const Port> ports, std::span<const LengthRange> lengths) {
    return exported_like(*python, ports, lengths);
  };
  return runnable;
}

Bytes exported(const Files& files, std::string_view entry, const RunOptions& options) {
  Python python(options);
  python.serve(place_of(files, entry, python.folder()));
  const std::filesystem::path program = python.place_for("exported.pt2");
  python.ask({{"do", text("export_example")}, {"outputs", text(program)}});
  // The folder goes with the process.
  return with_answer(python, [&] { return map_file(program); });
}

}  // namespace isomer::torch

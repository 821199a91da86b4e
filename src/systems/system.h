#pragma once

// Files <-> graph: one folder per model system, which holds all that is known of it. Readers and
// writers never touch the disk: `Files` come in, `File`s go out.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "passes/pipeline.h"
#include "run/engine.h"
#include "systems/files.h"

namespace isomer {

/// What a conversion lost or assumed.
struct Note {
  std::string where;
  std::string text;
};

struct Loaded {
  Graph graph;
  std::vector<Note> notes;
};

struct Written {
  std::vector<File> files;  // the first is the entry
  std::vector<Note> notes;
};

/// A named value at a runnable's door, or a parameter of it.
struct Port {
  std::string name;
  TensorType type;
};

/// One inner value of one run.
struct Step {
  std::string name;   // of the value
  std::string op;     // of the node that made it, in our words where known
  std::string scope;  // module path
  Place place;
  Tensor value;
};

enum class Precision { single, doubled };

/// A document or program made runnable by its own system's rules.
struct Simulation {
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  bool typed = true;  // false: the file does not say what types its outputs have
  std::unique_ptr<Executor> executor;
  std::vector<std::string> states;  // the state_dict names of what `executor->states()` gives
  std::string results;  // how the outputs are nested, as graph/text.h says it; empty: not known

  std::vector<Port> parameters;  // trainable ones, by their state_dict names
  /// The system's own derivatives: inputs, then a cotangent per floating output, to the cotangents
  /// of the floating inputs, then of `parameters`. Null: it has none.
  std::unique_ptr<Executor> gradient;
  /// Replaces the parameters' values from now on, in the order of `parameters`. Empty: cannot.
  std::function<void(std::span<const Tensor>)> set_parameters;
  /// Every inner value of one run, in running order. Empty: cannot.
  std::function<std::vector<Step>(std::span<const Tensor>)> trace;
  /// The bits of every weight and buffer by state_dict name, for comparing them exactly.
  std::vector<std::pair<std::string, Tensor>> weights;
  std::vector<Note> notes;  // what running it leaves out or assumes
};

/// A model system: its files, its words, its behaviour. An absent function means "cannot".
struct System {
  std::string_view name;        // "mdf"
  std::string_view about;       // one line
  std::string_view extensions;  // ".json .yaml"; the first is written
  std::string_view mark = {};   // stands near the beginning of each file that we write
  /// Whether the file is one of ours, by a look at its content.
  bool (*recognises)(const Files&, std::string_view entry) = nullptr;
  Loaded (*read)(const Files&, std::string_view entry) = nullptr;
  /// `stem` names the files: "net" gives net.json, net.json.safetensors.
  Written (*write)(const Graph&, std::string_view stem) = nullptr;
  bool (*spells)(std::string_view op) = nullptr;
  Simulation (*simulate)(const Files&, std::string_view entry, Precision) = nullptr;
};

std::span<const System> all_systems();
/// Throws Fault::usage with the names there are.
const System& system_named(std::string_view name);

/// The system whose file this is: by extension, then by content. Throws Fault::file with what could
/// be read.
const System& recognise(const Files& files, std::string_view entry);

/// The graph as the target can spell it: through all passes, then expanded where it has no word.
Graph prepare_for(const System& target, const Graph& graph, const PipelineOptions& options = {});

}  // namespace isomer

#pragma once

// Files <-> graph: one folder per model system, which holds all that is known of it. Readers and
// writers never touch the disk: `Files` come in, `File`s go out.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostic.h"
#include "base/note.h"
#include "graph/graph.h"
#include "passes/pipeline.h"
#include "run/runnable.h"
#include "systems/files.h"

namespace isomer {

struct Loaded {
  Graph graph;
  std::vector<Note> notes;
};

struct Written {
  std::vector<File> files;  // the first is the entry
  std::vector<Note> notes;
};

/// How a model is to be run by its own system's rules.
struct RunOptions {
  Precision precision = Precision::f32;
  EngineOptions engine = {};
  /// Carries out the operators of a document, where they have enough to do; a proof wants one that
  /// is nobody else's.
  const Engine& (*operators)() = reference_engine;
  std::string mode = {};     // "train" or "eval"; empty: as the file says
  std::string dialect = {};  // a release of the system whose rules hold; empty: the newest we know
  /// By how much time each evaluation but the first advances; nothing: it stands still.
  std::optional<double> time_increment = {};
};

/// A model system: its files, its words, its behaviour. An absent function means "cannot".
struct System {
  std::string_view name;        // "mdf"
  std::string_view about;       // one line
  std::string_view extensions;  // ".json .yaml"
  /// Its words stand near the beginning of each file that we write, close together.
  std::string_view mark = {};
  /// Whether the file is one of ours, by a look at its content.
  bool (*recognises)(const Files&, std::string_view entry) = nullptr;
  Loaded (*read)(const Files&, std::string_view entry) = nullptr;
  /// `entry` names the first file, "net.json"; others are named after it.
  Written (*write)(const Graph&, std::string_view entry) = nullptr;
  /// The file as `name`, perhaps in another form, without a graph; a release that the options may
  /// name says what is taken.
  Written (*rewrite)(const Files&, std::string_view entry, std::string_view name,
                     const RunOptions&) = nullptr;
  /// All that is wrong with the file, or may be, by the rules of a release that the options may
  /// name. Absent: what reading it says.
  std::vector<Diagnostic> (*check)(const Files&, std::string_view entry,
                                   const RunOptions&) = nullptr;
  /// What the file says, for people, where it says more than a graph; and its picture, in
  /// Graphviz's language, with names alone (1), with what is inside (2), or with all (3).
  std::string (*describe)(const Files&, std::string_view entry) = nullptr;
  std::string (*draw)(const Files&, std::string_view entry, int level) = nullptr;
  bool (*spells)(std::string_view op) = nullptr;
  std::string_view dialects = {};  // releases whose rules a run may follow, the newest last
  bool has_time = false;           // a run may advance by a time increment
  bool holds_modes = false;        // files say what the model does in training and in evaluation
  /// The model made ready to run by the system's own rules. Throws Fault::usage for options that it
  /// has not.
  Runnable (*simulate)(const Files&, std::string_view entry, const RunOptions&) = nullptr;
  /// The program as a file that another system reads, for what its own example shows.
  Bytes (*exports)(const Files&, std::string_view entry, const RunOptions&) = nullptr;
};

std::span<const System> all_systems();
/// Throws Fault::usage with the names there are.
const System& system_named(std::string_view name);

/// What a file of the system is called: "net" gives "net.json", of several endings the first.
std::string entry_of(const System& system, std::string_view stem);

/// The system whose file this is: by extension, then by content. Throws Fault::file with what could
/// be read.
const System& recognise(const Files& files, std::string_view entry);

/// The file as a graph, checked as after every pass. Throws Fault::unsupported where the system's
/// files cannot be read.
Loaded read_model(const System& system, const Files& files, std::string_view entry);

/// What is wrong with the file, or may be; nothing where it is sound.
std::vector<Diagnostic> check_model(const System& system, const Files& files,
                                    std::string_view entry, const RunOptions& options = {});

/// The graph as the target can spell it: through all passes, then expanded where it has no word.
Graph prepare_for(const System& target, const Graph& graph, const PipelineOptions& options = {});

}  // namespace isomer

#include <chrono>

#include "base/error.h"
#include "base/names.h"
#include "base/text.h"
#include "ops/validate.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "systems/decomposing.h"
#include "systems/mdf/forms.h"
#include "systems/mdf/mdf.h"
#include "systems/mdf/picture/picture.h"
#include "systems/mgs/mgs.h"
#include "systems/pt2/pt2.h"
#include "systems/system.h"
#include "systems/text/text.h"
#include "systems/torch/torch.h"

namespace isomer {
namespace {

constexpr System systems[] = {
    {.name = "pt2",
     .about = "what torch.export saves",
     .extensions = ".pt2",
     .recognises = pt2::recognises,
     .read = pt2::read},
    {.name = "pytorch",
     .about = "PyTorch source in Python",
     .extensions = ".py",
     .mark = "written by isomer",
     .write = torch::write,
     .spells = torch::spells,
     .holds_modes = true,
     .simulate = torch::simulate,
     .exports = torch::exported},
    {.name = "mdf",
     .about = "documents of ModECI's Model Description Format",
     .extensions = mdf::endings,
     .mark = "generating_application isomer",
     .recognises = mdf::recognises,
     .read = mdf::read,
     .write = mdf::write,
     .rewrite = mdf::rewrite,
     .check = mdf::check,
     .describe = mdf::describe,
     .draw = mdf::draw,
     .spells = mdf::spells,
     .dialects = "0.4.13 0.4.15",
     .has_time = true,
     .simulate = mdf::simulate},
    {.name = "mgs",
     .about = "networks in GSL and types in MDL of IBM's Model Graph Simulator",
     .extensions = ".gsl .mdl",
     .mark = "written by isomer",
     .rewrite = mgs::rewrite,
     .check = mgs::check,
     .describe = mgs::describe,
     .draw = mgs::draw},
    {.name = "text",
     .about = "isomer's own readable form",
     .extensions = ".isomer",
     .mark = "isomer 1",
     .recognises = recognises_text,
     .read = read_text,
     .write = write_text},
};

constexpr System decomposing_pt2 = [] {
  System system = systems[0];
  system.read = pt2::read_decomposed;
  return system;
}();

bool has_extension(const System& system, std::string_view entry) {
  for (const std::string_view extension : split_text(system.extensions, ' ')) {
    if (entry.ends_with(extension)) return true;
  }
  return false;
}

bool knows_content(const System& system, const Files& files, std::string_view entry) {
  return system.recognises != nullptr && system.recognises(files, entry);
}

}  // namespace

std::span<const System> all_systems() { return systems; }

const System& system_named(std::string_view name) { return row_named("system", name, systems); }

const System& decomposing(const System& system) {
  return system.read == pt2::read ? decomposing_pt2 : system;
}

std::string entry_of(const System& system, std::string_view stem) {
  return fmt::format("{}{}", stem, split_text(system.extensions, ' ').front());
}

const System& recognise(const Files& files, std::string_view entry) {
  std::vector<const System*> candidates;
  for (const System& system : systems) {
    if (has_extension(system, entry)) candidates.push_back(&system);
  }
  // A damaged file of a known name is for its reader to complain about: it knows what is missing.
  if (candidates.size() == 1) return *candidates[0];
  for (const System* system : candidates) {
    if (knows_content(*system, files, entry)) return *system;
  }
  for (const System& system : systems) {
    if (knows_content(system, files, entry)) return system;
  }
  std::vector<std::string> known;
  for (const System& system : systems)
    known.push_back(fmt::format("{} ({})", system.name, system.extensions));
  throw Error(Fault::file, std::string(entry),
              fmt::format("is no model file we know; we know: {}", listed(known)));
}

Loaded read_model(const System& system, const Files& files, std::string_view entry) {
  if (system.read == nullptr) {
    throw Error(Fault::unsupported, "",
                fmt::format("{} files can be run and proved, not read as a graph", system.name));
  }
  Loaded loaded = system.read(files, entry);
  with_place(entry, [&] { validate(loaded.graph); });
  return loaded;
}

std::vector<Diagnostic> check_model(const System& system, const Files& files,
                                    std::string_view entry, const RunOptions& options) {
  if (system.check != nullptr) return system.check(files, entry, options);
  std::vector<Diagnostic> found;
  try {
    const std::vector<Note> notes = system.read != nullptr
                                        ? read_model(system, files, entry).notes
                                        : system.simulate(files, entry, options).notes;
    for (const Note& note : notes)
      found.push_back({.severity = Diagnostic::Severity::warning,
                       .path = std::string(place_in(entry, note.where)),
                       .what = note.text});
  } catch (const Error& error) {
    if (error.fault() == Fault::bug || error.fault() == Fault::usage) throw;
    found.push_back({.path = std::string(place_in(entry, error.where())), .what = error.text()});
  }
  return found;
}

Graph prepare_for(const System& target, const Graph& graph, const PipelineOptions& options) {
  Graph ready = run_passes(graph, conversion_passes(), options);
  if (target.spells == nullptr) return ready;
  const auto begin = std::chrono::steady_clock::now();
  Graph spelled = remove_unused(expand_unsupported(ready, target.spells));
  if (options.watch) {
    options.watch({"expand", std::chrono::steady_clock::now() - begin, ready.nodes.size(),
                   spelled.nodes.size()},
                  spelled);
  }
  return spelled;
}

}  // namespace isomer

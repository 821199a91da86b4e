#include "systems/mgs/run/strict.h"

#include <algorithm>
#include <functional>
#include <set>

#include "base/text.h"
#include "systems/mgs/run/nodes/stock.h"

namespace isomer::mgs {
namespace {

/// The layer in which an address lies; null for none.
const Layer* layer_at(const Network& network, const void* address) {
  const auto* at = static_cast<const std::byte*>(address);
  for (const auto& layer : network.layers) {
    if (layer->nodes == nullptr || layer->count == 0) continue;
    const auto* first = static_cast<const std::byte*>(layer->nodes->at(0));
    const auto* end = first + layer->nodes->stride() * layer->count;
    if (!std::less<>{}(at, first) && std::less<>{}(at, end)) return layer.get();
  }
  return nullptr;
}

/// Nodes of a layer that have one level, or none.
struct Part {
  const Layer* layer = nullptr;
  unsigned level = 0;

  friend auto operator<=>(const Part&, const Part&) = default;
};

Part part_of(const Layer& layer, std::size_t node) {
  const Field* level = find_field(layer.type->native->fields, "level");
  return {&layer, level == nullptr ? 0 : *static_cast<unsigned*>(level->at(layer.nodes->at(node)))};
}

Part part_at(const Layer& layer, const void* address) {
  const auto* first = static_cast<const std::byte*>(layer.nodes->at(0));
  const auto offset = static_cast<const std::byte*>(address) - first;
  return part_of(layer, static_cast<std::size_t>(offset) / layer.nodes->stride());
}

/// Who reads whom: without what a node reads of itself.
std::set<std::pair<Part, Part>> readings_of(const Network& network, const Layer& layer) {
  std::set<std::pair<Part, Part>> readings;
  for (const Field& field : layer.type->native->fields) {
    for (std::uint32_t i = 0; i < layer.count; ++i) {
      const Part reader = part_of(layer, i);
      const void* at = field.at(layer.nodes->at(i));
      if (field.kind == Kind::scalar_pointer || field.kind == Kind::array_pointer) {
        const void* source = *static_cast<const void* const*>(at);
        const Layer* from = source == nullptr ? nullptr : layer_at(network, source);
        if (from != nullptr) readings.emplace(reader, part_at(*from, source));
      }
      if (field.kind != Kind::links) continue;
      for (const Links::Run& run : static_cast<const Links*>(at)->runs()) {
        const bool itself = run.first.layer == &layer && run.count == 1 && run.first.node == i;
        if (itself || run.first.layer == nullptr) continue;
        // Levels are those of layers, mostly; of a long run the ends speak for all.
        for (const std::size_t k : {std::size_t{0}, run.count - 1})
          readings.emplace(reader, part_of(*run.first.layer, run.at(k).node));
      }
    }
  }
  return readings;
}
/// A type with a level acts in the phase of that number only, as level 2 in "s2".
bool acts(const Part& part, const PhaseMethod& method) {
  const Field* level = find_field(part.layer->type->native->fields, "level");
  const std::size_t digits = method.model.find_first_of("0123456789");
  if (level == nullptr || digits == std::string::npos) return true;
  return method.model.substr(digits) == std::to_string(part.level);
}

bool changes_something(const TypeInUse& type, const PhaseMethod& method) {
  const auto& phases = type.model->phases;
  const auto found = std::ranges::find_if(
      phases, [&](const mdl::Phase& phase) { return phase.name.text == method.model; });
  return found != phases.end() && !found->changes.empty();
}

bool acts_in(const Part& part, const std::string& phase, bool changing) {
  return std::ranges::any_of(part.layer->type->methods, [&](const PhaseMethod& method) {
    return !method.shared && method.simulation == phase && acts(part, method) &&
           (!changing || changes_something(*part.layer->type, method));
  });
}

std::string layer_name(const Layer& layer) {
  return layer.grid == nullptr ? layer.name : layer.grid->name + "." + layer.name;
}

void check_phases(const Simulation& simulation, const Part& reader, const Part& source,
                  Problems& problems) {
  for (const PhaseOfRun& phase : simulation.phases) {
    if (phase.kind != gsl::PhaseListKind::runtime || !acts_in(reader, phase.name, false) ||
        !acts_in(source, phase.name, true)) {
      continue;
    }
    problems.error(
        Mistake::silent, {},
        fmt::format("layer {} reads layer {} in the phase {} in which that changes: "
                    "what it sees depends on the order of declarations, on threads and "
                    "on processes",
                    layer_name(*reader.layer), layer_name(*source.layer), quoted(phase.name)),
        "map them to phases of their own");
  }
}

/// Members that are handed out, and that no phase lists, though a runtime phase lists nothing.
void check_lists(const TypeInUse& type, Problems& problems) {
  const auto& phases = type.model->phases;
  const bool silent = std::ranges::any_of(phases, [](const mdl::Phase& phase) {
    return phase.kind == mdl::PhaseKind::runtime && phase.changes.empty();
  });
  for (const mdl::Export& one : type.model->exports) {
    const Name& member = one.source.parts.front();
    const bool listed = std::ranges::any_of(phases, [&](const mdl::Phase& phase) {
      return std::ranges::find(phase.changes, member) != phase.changes.end();
    });
    if (!silent || listed || one.source.shared) continue;
    problems.error(Mistake::silent, {},
                   fmt::format("{} hands out its member {}, which no phase lists: other processes "
                               "see an old value",
                               type.model->name.text, quoted(member.text)));
  }
}

/// Nothing is learnt behind a set of edges whose function is the identity.
void check_learning(const Simulation& simulation, const Layer& layer, Problems& problems) {
  if (layer.type->native != &dn_edge_set_type) return;
  for (std::uint32_t i = 0; i < layer.count; ++i) {
    const auto& set = *static_cast<const DnEdgeSet*>(layer.nodes->at(i));
    if (!set.weights.empty()) {
      problems.error(Mistake::silent, {},
                     fmt::format("layer {} is given weights, which MGS replaces by random ones",
                                 layer_name(layer)));
      return;
    }
    const Layer* from = set.input == nullptr ? nullptr : layer_at(simulation.network, set.input);
    if (from == nullptr || from->type->native != &dn_node_type || set.gradients.empty()) continue;
    for (const auto& [reader, source] : readings_of(simulation.network, *from)) {
      const Layer* behind = source.layer;
      if (set.transfer_function_name != "identity" || behind == &layer ||
          behind->type->native != &dn_edge_set_type) {
        continue;
      }
      problems.error(Mistake::silent, {},
                     fmt::format("layer {} has the function 'identity', whose derivative is 0 in "
                                 "MGS: layer {} behind it learns nothing",
                                 layer_name(layer), layer_name(*behind)));
      return;
    }
  }
}

}  // namespace

void check_network(const Simulation& simulation, Problems& problems) {
  std::set<const TypeInUse*> read;
  for (const auto& layer : simulation.network.layers) {
    check_learning(simulation, *layer, problems);
    for (const auto& [reader, source] : readings_of(simulation.network, *layer)) {
      check_phases(simulation, reader, source, problems);
      if (read.insert(source.layer->type).second) check_lists(*source.layer->type, problems);
    }
  }
}

}  // namespace isomer::mgs

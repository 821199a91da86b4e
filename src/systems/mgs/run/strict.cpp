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

/// The layers that a layer's nodes read, without what a node reads of itself.
std::set<const Layer*> sources_of(const Network& network, const Layer& layer) {
  std::set<const Layer*> sources;
  for (const Field& field : layer.type->native->fields) {
    for (std::uint32_t i = 0; i < layer.count; ++i) {
      const void* at = field.at(layer.nodes->at(i));
      if (field.kind == Kind::scalar_pointer || field.kind == Kind::array_pointer) {
        const void* source = *static_cast<const void* const*>(at);
        if (source != nullptr) sources.insert(layer_at(network, source));
      }
      if (field.kind != Kind::links) continue;
      for (const Links::Run& run : static_cast<const Links*>(at)->runs()) {
        const bool itself = run.first.layer == &layer && run.count == 1 && run.first.node == i;
        if (!itself) sources.insert(run.first.layer);
      }
    }
  }
  sources.erase(nullptr);
  return sources;
}

/// A type with a level acts in the phase of that number only, as level 2 in "s2".
bool acts(const Layer& layer, const PhaseMethod& method) {
  const Field* level = find_field(layer.type->native->fields, "level");
  const std::size_t digits = method.model.find_first_of("0123456789");
  if (level == nullptr || digits == std::string::npos) return true;
  return method.model.substr(digits) ==
         std::to_string(*static_cast<const unsigned*>(level->at(layer.nodes->at(0))));
}

bool changes_something(const TypeInUse& type, const PhaseMethod& method) {
  const auto& phases = type.model->phases;
  const auto found = std::ranges::find_if(
      phases, [&](const mdl::Phase& phase) { return phase.name.text == method.model; });
  return found != phases.end() && !found->changes.empty();
}

bool acts_in(const Layer& layer, const std::string& phase, bool changing) {
  return std::ranges::any_of(layer.type->methods, [&](const PhaseMethod& method) {
    return !method.shared && method.simulation == phase && acts(layer, method) &&
           (!changing || changes_something(*layer.type, method));
  });
}

std::string layer_name(const Layer& layer) {
  return layer.grid == nullptr ? layer.name : layer.grid->name + "." + layer.name;
}

void check_phases(const Simulation& simulation, const Layer& layer,
                  const std::set<const Layer*>& sources, Problems& problems) {
  for (const PhaseOfRun& phase : simulation.phases) {
    if (phase.kind != gsl::PhaseListKind::runtime || !acts_in(layer, phase.name, false)) continue;
    for (const Layer* source : sources) {
      if (!acts_in(*source, phase.name, true)) continue;
      problems.error(
          Mistake::silent, {},
          fmt::format("layer {} reads layer {} in the phase {} in which that changes: "
                      "what it sees depends on the order of declarations, on threads and "
                      "on processes",
                      layer_name(layer), layer_name(*source), quoted(phase.name)),
          "map them to phases of their own");
    }
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
    for (const Layer* behind : sources_of(simulation.network, *from)) {
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
    const std::set<const Layer*> sources = sources_of(simulation.network, *layer);
    check_phases(simulation, *layer, sources, problems);
    check_learning(simulation, *layer, problems);
    for (const Layer* source : sources)
      if (read.insert(source->type).second) check_lists(*source->type, problems);
  }
}

}  // namespace isomer::mgs

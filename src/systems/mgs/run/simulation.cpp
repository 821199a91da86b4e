#include "systems/mgs/run/simulation.h"

#include <algorithm>

#include "base/text.h"
#include "systems/mgs/run/blocks.h"

namespace isomer::mgs {
namespace {

bool holds(const Trigger& trigger, std::int64_t value) {
  switch (trigger.test) {
    case Trigger::Test::equal: return value == trigger.criterion;
    case Trigger::Test::unequal: return value != trigger.criterion;
    case Trigger::Test::more: return value > trigger.criterion;
    case Trigger::Test::less: return value < trigger.criterion;
    case Trigger::Test::at_least: return value >= trigger.criterion;
    case Trigger::Test::at_most: return value <= trigger.criterion;
    case Trigger::Test::multiple:
    case Trigger::Test::no_multiple: break;
  }
  if (trigger.criterion == 0) {
    throw Ended{divided_by_zero,
                {Mistake::crash, trigger.place,
                 "a trigger asks for multiples of 0, and MGS crashes (division by zero)"}};
  }
  return (value % trigger.criterion == 0) == (trigger.test == Trigger::Test::multiple);
}

bool joined(const Trigger& trigger, std::int64_t iteration) {
  if (trigger.join == Trigger::Join::none) return holds(trigger, iteration);
  bool result = trigger.parts.front()->fires(iteration);
  for (std::size_t i = 1; i < trigger.parts.size(); ++i) {
    const bool next = trigger.parts[i]->fires(iteration);
    if (trigger.join == Trigger::Join::both) result = result && next;
    if (trigger.join == Trigger::Join::either) result = result || next;
    if (trigger.join == Trigger::Join::one) result = result != next;
  }
  return result;
}

}  // namespace

bool Trigger::fires(std::int64_t at) const {
  const std::int64_t then = at - delay;
  // Nothing was evaluated before the first iteration; in phases before it the number is 0.
  if (then < std::min<std::int64_t>(at, 1)) return false;
  if (!once) return joined(*this, then);
  while (first == 0 && searched < then) {
    ++searched;
    if (joined(*this, searched)) first = searched;
  }
  return first != 0 && first == then;
}

void Visit::give_up(std::string what) const {
  throw Ended{gave_up, {Mistake::file, {}, std::move(what)}};
}

Bytes Simulation::read(const std::string& name, int status, const std::string& what) const {
  if (!files.has(name)) {
    // A name that leads out of the folder is refused as such.
    if (name.starts_with('/') || name.find("..") != std::string::npos) (void)files.read(name);
    throw Ended{status, {Mistake::file, {}, what}};
  }
  return files.read(name);
}

void Simulation::check_end() const {
  const auto stops_here = [&](std::int64_t at) {
    return std::ranges::any_of(triggers, [&](const ArmedTrigger& armed) {
      const bool runs = std::ranges::any_of(phases, [&](const PhaseOfRun& phase) {
        return phase.name == armed.trigger->phase && phase.kind == gsl::PhaseListKind::runtime;
      });
      return runs && armed.action.stops && armed.trigger->fires(at);
    });
  };
  for (std::int64_t at = 1; at <= most_iterations; ++at)
    if (stops_here(at)) return;
  const bool any =
      std::ranges::any_of(triggers, [](const ArmedTrigger& armed) { return armed.action.stops; });
  throw Error(Fault::model, "",
              any ? fmt::format("limit: no trigger stops the simulation within {} iterations, "
                                "which is the limit; --iterations sets another",
                                most_iterations)
                  : "limit: no statement stops the simulation, and MGS would run without end; as "
                    "in 'Stop on trigger;'");
}

void Simulation::fire(const PhaseOfRun& phase) {
  for (const ArmedTrigger& armed : triggers) {
    if (armed.trigger->phase != phase.name || !armed.trigger->fires(iteration)) continue;
    if (armed.action.stops) {
      stops = true;
      continue;
    }
    for (const Node& node : armed.action.nodes) {
      TypeInUse& type = *node.layer->type;
      Visit visit{*this, type, node.layer, node.index};
      for (const Method& method : type.native->methods)
        if (method.name == armed.action.function) method.run(node.data(), visit);
    }
  }
}

std::vector<Simulation::Call> Simulation::calls_of(const PhaseOfRun& phase) {
  std::vector<Call> calls;
  for (std::size_t i = network.types.size(); i-- > 0;) {
    TypeInUse& type = *network.types[i];
    for (const PhaseMethod& method : type.methods) {
      if (method.simulation != phase.name) continue;
      if (method.shared) {
        calls.push_back({method.method, nullptr, &type});
        continue;
      }
      for (Layer* layer : type.layers) calls.push_back({method.method, layer, &type});
    }
  }
  return calls;
}

void Simulation::run_phase(std::size_t phase) {
  fire(phases[phase]);
  for (Call& call : calls_[phase]) {
    if (call.block != nullptr) {
      call.block->run(*this);
      continue;
    }
    Visit visit{*this, *call.type, call.layer, 0};
    if (call.layer == nullptr) {
      call.method->run(call.type->shared->at(0), visit);
      continue;
    }
    for (; visit.index < call.layer->count; ++visit.index)
      call.method->run(call.layer->nodes->at(visit.index), visit);
  }
}

void Simulation::run_kind(gsl::PhaseListKind kind) {
  for (std::size_t i = 0; i < phases.size(); ++i)
    if (phases[i].kind == kind) run_phase(i);
}

void Simulation::plan() {
  Planner planner(*this);
  for (std::size_t i = 0; i < phases.size(); ++i) {
    if (phases[i].kind != gsl::PhaseListKind::runtime) continue;
    for (Call& call : calls_[i])
      if (call.layer != nullptr) call.block = planner.block_for(*call.layer, *call.method);
  }
}

void Simulation::run() {
  check_end();
  for (const PhaseOfRun& phase : phases) calls_.push_back(calls_of(phase));
  run_kind(gsl::PhaseListKind::initial);
  if (mode == Mode::fast) plan();
  do {
    ++iteration;
    run_kind(gsl::PhaseListKind::runtime);
  } while (!stops);
  if (bad_end) throw *bad_end;
  outputs.line(fmt::format("Simulation ends on iteration {}.", iteration));
  run_kind(gsl::PhaseListKind::final);
}

}  // namespace isomer::mgs

#pragma once

// What runs: the simulation's phases over a network, as MGS with one thread runs them.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "systems/files.h"
#include "systems/mgs/gsl/ast.h"
#include "systems/mgs/problems.h"
#include "systems/mgs/run/network.h"
#include "systems/mgs/run/outputs.h"

namespace isomer::mgs {

/// The program ends here, with this exit status.
struct Ended {
  int status = 0;
  Problem problem = {};
};

constexpr int aborted = 134;
constexpr int crashed = 139;
constexpr int divided_by_zero = 136;
constexpr int gave_up = 255;

enum class Mode {
  reference,  // as MGS does, one node after the other
  strict,     // the same, and what MGS passes over in silence is refused
  fast,       // blocks of connections as products of matrices, by several threads
};

struct Trigger;

/// What happens where a trigger fires: a function of some nodes, or the end.
struct TriggerAction {
  bool stops = false;
  std::string function = {};
  std::vector<Node> nodes = {};
};

/// Conditions on the number of the iteration, and what they are joined with.
struct Trigger {
  enum class Test { equal, unequal, more, less, at_least, at_most, multiple, no_multiple };
  enum class Join { none, both, either, one };

  std::string phase = {};
  Test test = Test::equal;
  std::int64_t criterion = 0;
  std::int64_t delay = 0;
  Join join = Join::none;  // of `parts`; none: the test
  std::vector<std::shared_ptr<const Trigger>> parts = {};
  bool once = false;
  Place place = {};

  /// Whether it holds when it is evaluated in that iteration.
  bool fires(std::int64_t iteration) const;

  mutable std::int64_t searched = 0;  // of one that fires once: up to where, and what was found
  mutable std::int64_t first = 0;
};

struct ArmedTrigger {
  std::shared_ptr<const Trigger> trigger;
  TriggerAction action;
};

struct PhaseOfRun {
  std::string name;
  gsl::PhaseListKind kind = gsl::PhaseListKind::runtime;
};

class Simulation;
class Team;

/// A piece of a network that is run as a whole, where that gives the same.
class Block {
 public:
  virtual ~Block() = default;
  virtual void run(Simulation& simulation) = 0;
};

class Simulation {
 public:
  Simulation(const Files& inputs, Outputs& made, std::uint64_t seed)
      : files(inputs), outputs(made), random(seed) {}

  const Files& files;
  Outputs& outputs;
  Random random;
  Network network = {};
  std::vector<PhaseOfRun> phases = {};
  std::vector<ArmedTrigger> triggers = {};
  std::int64_t iteration = 0;
  Mode mode = Mode::reference;
  int threads = 1;
  std::shared_ptr<Team> team = {};
  std::int64_t most_iterations = 0;
  bool stops = false;
  /// What keeps MGS from coming to its end, once the last iteration is over.
  std::optional<Ended> bad_end = {};
  /// Weights to begin with, by the names of layers, a row for each node; empty: as the types say.
  std::vector<std::pair<std::string, std::vector<Reals>>> initial_weights = {};
  /// Which images a supervisor shows first; then it draws.
  std::vector<std::size_t> samples = {};
  /// What a node that ends the run says, and what is only noted.
  Problems* problems = nullptr;

  /// All phases; what ends a run is an Ended.
  void run();

  /// A file that a node reads. Throws Ended with that status and `what` where it is not there.
  Bytes read(const std::string& name, int status, const std::string& what) const;
  void note(const Problem& problem) const {
    if (problems != nullptr) problems->add(problem);
  }

 private:
  struct Call;

  void check_end() const;
  void plan();
  void fire(const PhaseOfRun& phase);
  std::vector<Call> calls_of(const PhaseOfRun& phase);
  void run_phase(std::size_t phase);
  void run_kind(gsl::PhaseListKind kind);

  std::vector<std::vector<Call>> calls_ = {};  // by phase
};

struct Simulation::Call {
  const Method* method = nullptr;
  Layer* layer = nullptr;  // null: a method of the shared part
  TypeInUse* type = nullptr;
  std::shared_ptr<Block> block = {};
};

/// A node while a method runs.
struct Visit {
  Simulation& simulation;
  TypeInUse& type;
  Layer* layer = nullptr;  // null in a method of the shared part
  std::uint32_t index = 0;

  std::uint32_t point() const { return layer->point(index); }
  std::uint64_t global_index() const { return layer->offset + point(); }
  template <class Shared>
  Shared& shared() const {
    return *static_cast<Shared*>(type.shared->at(0));
  }
  /// The node ends the program, as with exit(-1).
  [[noreturn]] void give_up(std::string what) const;
};

}  // namespace isomer::mgs

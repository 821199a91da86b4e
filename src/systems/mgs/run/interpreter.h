#pragma once

// Executes a script: makes the network, connects it, arms triggers. MGS does this twice, first to
// count, then to build; here, too, since what prints prints twice.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "systems/mgs/gsl/ast.h"
#include "systems/mgs/mdl/mdl.h"
#include "systems/mgs/problems.h"
#include "systems/mgs/run/samplers.h"
#include "systems/mgs/run/simulation.h"
#include "systems/mgs/run/values.h"

namespace isomer::mgs {

/// A clause of a destination's MDL, made ready for sources of one type.
struct Wiring {
  /// "Interface.member >> target", or an attribute.
  struct Step {
    std::size_t attribute = 0;
    const Field* source = nullptr;  // null: the attribute
    bool source_shared = false;
    const Field* target = nullptr;
    bool target_shared = false;
    bool part = false;  // of a structure: "ins.weight"
    const UserFunction* function = nullptr;
  };
  std::vector<Step> steps = {};
};

class Interpreter {
 public:
  Interpreter(const gsl::Script& script, const mdl::Document& types, Simulation& simulation,
              Problems& problems, bool system_commands);

  /// One pass. What is wrong goes to the problems; what ends MGS is thrown as an Ended. Afterwards
  /// the simulation has the network, where `building`.
  void execute(bool building);
  /// A run that came to its end crashes then: numbers were declared, or summed.
  bool crashes_at_exit() const { return crashes_at_exit_; }

 private:
  using Scope = std::unordered_map<std::string, Value>;
  static constexpr std::size_t most_depth = 64;  // of scripts and functors in each other

  // Statements (interpreter.cpp, definitions.cpp)
  void run_all(const std::vector<gsl::Statement>& statements);
  void run(const gsl::Statement& statement);
  void run(const gsl::FunctorType& type);
  void run(const gsl::ConnectionScript& script);
  void run(const gsl::ModelType& type);
  void run(const gsl::Grid& grid);
  void run(const gsl::Composite& composite);
  void run(const gsl::Layer& layer);
  void run(const gsl::InitNodes& init);
  void run(const gsl::Instance& instance);
  void run(const gsl::Value& value);
  void run(const gsl::PhaseList& list);
  void run(const gsl::SeparationConstraint& constraint);
  void run(const gsl::Execute& execute);
  void run(const gsl::Action& action);
  void run(const gsl::Halt& halt);
  void run(const gsl::SystemCommand& command);

  Value named_set(const gsl::Value& value, const Value& pairs);
  void map_phases(TypeInUse& type, const gsl::ModelType& statement);
  std::string phase_for(const mdl::Phase& phase, const gsl::ModelType& statement);
  Layer& make_single(TypeInUse& type, const gsl::Instance& statement);
  void make_layer(const std::string& name, TypeInUse& type, std::uint32_t density,
                  const PairList& tags);
  void instantiate(const Name& name, const gsl::Grid& grid);
  void instantiate(const Name& name, const gsl::Composite& composite);
  Instance& begin_instance(const Name& name);
  void initialize_alike(const NodeList& nodes, const FunctorValue& same, const Place& place);
  void initialize_from_pairs(const NodeList& nodes, const FunctorValue& initializer,
                             const Place& place);
  void note_initialized(const NodeList& nodes, const Place& place);
  void initialize_nodes(const NodeList& nodes, const Value& initializer, const Place& place);
  void call_script(const gsl::ConnectionScript& script, const List& arguments, const Place& place);

  // Names (interpreter.cpp)
  void declare(const Name& name, Value value);
  const Value* find(std::string_view name) const;
  const Value& lookup(const Name& name);
  [[noreturn]] void fail(Mistake mistake, const Place& place, std::string what,
                         std::string instead = {}) const;
  void strictly(const Place& place, std::string what, std::string instead = {}) const;
  [[noreturn]] void end(int status, Mistake mistake, const Place& place, std::string what) const;

  // Arguments (arguments.cpp)
  Value evaluate(const gsl::Argument& argument);
  List evaluate(const std::vector<gsl::Argument>& arguments);
  Value number(const gsl::Number& number, const Place& place) const;
  Value list_of(const List& items) const;
  Value numbers_of(const gsl::NumberList& list, const Place& place) const;
  PairList evaluate(const gsl::Pairs& pairs);
  Value evaluate(const gsl::ParameterSet& set, const Place& place);
  Value call(const gsl::Call& call, const Place& place);
  Value execute_functor(const FunctorValue& functor, const List& arguments, const Place& place);
  std::optional<Value> number_from(const FunctorValue& functor, const Place& place);
  PairList pairs_from(const FunctorValue& functor, const Place& place);
  std::shared_ptr<const ParameterSet> parameter_set(TypeInUse& type, gsl::SetKind kind,
                                                    PairList pairs, const Place& place);

  // Sets of nodes (node_sets.cpp)
  Instance& grid_at(const gsl::GridPath& path, const Place& place);
  Value evaluate(const gsl::NodeSet& set, const Place& place);
  std::shared_ptr<const NodeList> nodes_of(const Instance& grid,
                                           const std::vector<gsl::Index>& points,
                                           const gsl::Extension& extension, const Place& place);
  std::vector<Layer*> layers_of(const Instance& grid, const gsl::Extension& extension,
                                const Place& place);

  // Connections (connect.cpp)
  struct Attributing;
  std::unique_ptr<PairSampler> sampler(const Value& value, const NodeList& sources,
                                       const NodeList& destinations, const Place& place);
  Attributing attributing(const Value& value, const Place& place);
  void add_pairs(Attributing& to, const FunctorValue& functor, const Place& place);
  const Attributes& attributes_for(Attributing& from, TypeInUse& type, Node source,
                                   Node destination, const Place& place);
  void connect(const List& arguments, bool both_ways, const Place& place);
  void connect_polymorphically(const List& arguments, const Place& place);
  void connect_one(Node source, Node destination, const Attributes& attributes, mdl::Peer peer,
                   const Place& place);
  const Wiring* wiring_of(const mdl::Connection& clause, const TypeInUse& source,
                          const TypeInUse& destination);
  void apply(const Wiring& wiring, Node source, Node destination, const Attributes& attributes,
             const Place& place);
  bool matches(const mdl::Predicate& predicate, const Attributes& attributes, Node destination);

  // Triggers (arm.cpp)
  Value make_trigger(const gsl::Instance& statement);
  Value make_composite(const gsl::Instance& statement, const List& arguments);
  std::shared_ptr<const Trigger> part_of(const List& arguments, std::size_t at,
                                         const Place& place) const;
  std::shared_ptr<const Trigger> trigger_of(const gsl::TriggerExpression& expression,
                                            const Place& place);
  std::shared_ptr<const Trigger> trigger_named(const Name& name);
  void check_service(const Value& value, const std::string& kind, const Place& place) const;
  std::string phase_argument(const List& arguments, std::size_t index, const Place& place) const;

  const gsl::Script& script_;
  const mdl::Document& types_;
  Simulation& simulation_;
  Problems& problems_;
  bool system_commands_;
  bool building_ = false;
  bool crashes_at_exit_ = false;
  Network network_ = {};
  std::vector<PhaseOfRun> phases_ = {};
  std::vector<ArmedTrigger> triggers_ = {};
  std::vector<Scope> scopes_ = {};
  std::vector<Instance*> current_ = {};  // the grids and composites whose bodies are executed
  std::set<std::string, std::less<>> failed_ = {};  // names whose declaration failed
  std::size_t depth_ = 0;
  std::map<std::pair<const mdl::Connection*, const TypeInUse*>, std::unique_ptr<Wiring>> wirings_ =
      {};
  std::set<std::pair<const Layer*, std::uint32_t>> initialized_ = {};  // for strict mode
  std::set<std::pair<const Layer*, std::uint32_t>> connected_ = {};
  std::set<std::pair<const Layer*, std::string>> indexed_ = {};
};

/// A statement that could not be executed because of another that was told already.
struct Consequence {};

}  // namespace isomer::mgs

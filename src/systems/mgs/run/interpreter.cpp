#include "systems/mgs/run/interpreter.h"

#include <cstdio>

#include "base/text.h"
#include "systems/mgs/run/parameters.h"

namespace isomer::mgs {

Interpreter::Interpreter(const gsl::Script& script, const mdl::Document& types,
                         Simulation& simulation, Problems& problems, bool system_commands)
    : script_(script),
      types_(types),
      simulation_(simulation),
      problems_(problems),
      system_commands_(system_commands) {}

void Interpreter::execute(bool building) {
  building_ = building;
  network_ = {};
  phases_.clear();
  triggers_.clear();
  scopes_.assign(1, {});
  current_.clear();
  failed_.clear();
  wirings_.clear();
  network_.instances.push_back(std::make_unique<Instance>());
  current_.push_back(network_.instances.back().get());
  run_all(script_.statements);
  if (!building) return;
  simulation_.network = std::move(network_);
  simulation_.phases = phases_;
  simulation_.triggers = triggers_;
}

// What is wrong with a statement does not keep the next from being executed; in the body of a grid
// it ends the body.
void Interpreter::run_all(const std::vector<gsl::Statement>& statements) {
  const bool top = current_.size() == 1 && scopes_.size() == 1;
  for (const gsl::Statement& statement : statements) {
    if (!top) {
      run(statement);
      continue;
    }
    try {
      run(statement);
    } catch (const Fatal& fatal) {
      problems_.add(fatal.problem());
    } catch (const Consequence&) {
    }
    scopes_.resize(1);
    current_.resize(1);
    depth_ = 0;
  }
}

void Interpreter::run(const gsl::Statement& statement) {
  const auto failed = [&](const auto& what) {
    if constexpr (requires { what.instance; }) {
      if (what.instance) failed_.insert(what.instance->text);
    }
    if constexpr (requires { what.name.text; }) failed_.insert(what.name.text);
  };
  std::visit(
      [&](const auto& what) {
        try {
          run(what);
        } catch (const Mismatch& mismatch) {
          failed(what);
          fail(mismatch.mistake, statement.place, mismatch.what, mismatch.instead);
        } catch (const Fatal&) {
          failed(what);
          throw;
        } catch (const Consequence&) {
          failed(what);
          throw;
        }
      },
      statement.what);
}

void Interpreter::fail(Mistake mistake, const Place& place, std::string what,
                       std::string instead) const {
  throw Fatal({mistake, place, std::move(what), std::move(instead)}, script_.files);
}

void Interpreter::strictly(const Place& place, std::string what, std::string instead) const {
  if (simulation_.mode != Mode::strict || !building_) return;
  problems_.add({Mistake::silent, place, std::move(what), std::move(instead)});
}

void Interpreter::end(int status, Mistake mistake, const Place& place, std::string what) const {
  throw Ended{status, {mistake, place, std::move(what)}};
}

void Interpreter::declare(const Name& name, Value value) {
  const auto [found, fresh] = scopes_.back().try_emplace(name.text, std::move(value));
  if (!fresh)
    fail(Mistake::duplicate, name.place, fmt::format("{} is declared already", quoted(name.text)));
}

const Value* Interpreter::find(std::string_view name) const {
  const std::string text(name);
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    const auto found = scope->find(text);
    if (found != scope->end()) return &found->second;
  }
  return nullptr;
}

const Value& Interpreter::lookup(const Name& name) {
  if (const Value* value = find(name.text)) return *value;
  if (failed_.contains(name.text)) throw Consequence{};
  std::vector<std::string_view> names;
  for (const Scope& scope : scopes_)
    for (const auto& [declared, value] : scope) names.push_back(declared);
  const std::string_view close = nearest(name.text, names);
  fail(Mistake::unknown_name, name.place, fmt::format("{} is not declared", quoted(name.text)),
       close.empty() ? "" : fmt::format("did you mean '{}'?", close));
}

void Interpreter::run(const gsl::FunctorType& type) {
  declare(type.name, {FunctorType{type.category, type.name.text}});
}

void Interpreter::run(const gsl::ConnectionScript& script) {
  declare(script.name, {ScriptFunctor{&script}});
}

void Interpreter::run(const gsl::Grid& grid) {
  declare(grid.name, {&grid});
  if (grid.instance) instantiate(*grid.instance, grid);
}

void Interpreter::run(const gsl::Composite& composite) {
  declare(composite.name, {&composite});
  if (composite.instance) instantiate(*composite.instance, composite);
}

/// "Pset<Type, NodeInit> name(<a=1>);"
Value Interpreter::named_set(const gsl::Value& value, const Value& pairs) {
  const Name& model = value.type.set_type->model;
  const Value type = lookup(model);
  TypeInUse* const* known = type.as<TypeInUse*>();
  const auto* list = pairs.as_shared<PairList>();
  if (known == nullptr || list == nullptr)
    fail(Mistake::type, model.place, "a parameter set has a type and a list of names with values");
  return {parameter_set(**known, value.type.set_type->kind, *list, value.name.place)};
}

void Interpreter::run(const gsl::Value& value) {
  const std::string& type = value.type.text;
  if (type == "float") crashes_at_exit_ = true;
  if (const auto* argument = std::get_if<gsl::Argument>(&value.value)) {
    Value given = evaluate(*argument);
    if (value.type.set_type) given = named_set(value, given);
    double number = 0;
    const bool wants_number = type == "int" || type == "float";
    if (wants_number && real_of(given, number) == nullptr)
      fail(Mistake::type, argument->place, fmt::format("{} is no number", kind_of(given)));
    if (type == "int" && given.as<float>()) given = {static_cast<std::int32_t>(*given.as<float>())};
    if (type == "float") given = {static_cast<float>(number)};
    declare(value.name, std::move(given));
    return;
  }
  if (const auto* expression = std::get_if<gsl::TriggerExpression>(&value.value)) {
    declare(value.name, {trigger_of(*expression, value.name.place)});
    return;
  }
  if (const auto* service = std::get_if<gsl::ServiceValue>(&value.value)) {
    const Value& owner = lookup(service->owner);
    declare(value.name, {ServiceOf{false, owner.as_shared<NodeList>() != nullptr}});
    return;
  }
  declare(value.name, {Accepted{type}});
}

void Interpreter::run(const gsl::PhaseList& list) {
  for (const gsl::SimulationPhase& phase : list.phases) {
    for (const PhaseOfRun& known : phases_) {
      if (known.name == phase.name.text) {
        fail(Mistake::duplicate, phase.name.place,
             fmt::format("phase {} is declared already", quoted(known.name)));
      }
    }
    if (phase.machine && phase.machine->text != "CPU") {
      strictly(phase.name.place, fmt::format("phase {} is to run on {}, and here it runs on a CPU",
                                             quoted(phase.name.text), phase.machine->text));
    }
    phases_.push_back({phase.name.text, list.kind});
  }
}

void Interpreter::run(const gsl::SeparationConstraint& constraint) {
  (void)evaluate(constraint.arguments);
  strictly(constraint.arguments.empty() ? Place{} : constraint.arguments.front().place,
           "MGS ignores SeperationConstraint");
}

void Interpreter::run(const gsl::SystemCommand& command) {
  if (!system_commands_) {
    fail(Mistake::usage, {},
         fmt::format("the script would run the command {}, twice", quoted(command.command.text)),
         "--allow-system lets it");
  }
  std::fflush(stdout);
  std::FILE* pipe = ::popen(command.command.text.c_str(), "r");
  if (pipe == nullptr) return;
  std::string line;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) {
    if (c != '\n') {
      line += static_cast<char>(c);
      continue;
    }
    simulation_.outputs.line(line);
    line.clear();
  }
  if (!line.empty()) simulation_.outputs.line(line);
  ::pclose(pipe);
}

void Interpreter::call_script(const gsl::ConnectionScript& script, const List& arguments,
                              const Place& place) {
  if (arguments.size() != script.parameters.size()) {
    fail(Mistake::arity, place,
         fmt::format("{} takes {}, not {}", quoted(script.name.text),
                     counted(script.parameters.size(), "argument"), arguments.size()));
  }
  if (++depth_ > most_depth)
    fail(Mistake::limit, place,
         fmt::format("scripts call each other more than {} deep", most_depth));
  scopes_.emplace_back();
  for (std::size_t i = 0; i < arguments.size(); ++i)
    if (script.parameters[i].name) declare(*script.parameters[i].name, arguments[i]);
  run_all(script.body);
  scopes_.pop_back();
  --depth_;
}

void Interpreter::run(const gsl::Execute& statement) {
  const Value functor = lookup(statement.functor);
  const Place& place = statement.functor.place;
  if (const auto* script = functor.as<ScriptInstance>()) {
    call_script(*script->script, evaluate(statement.arguments), place);
    return;
  }
  const auto* value = functor.as_shared<FunctorValue>();
  if (value == nullptr) {
    fail(Mistake::type, place,
         fmt::format("{} is {}, which cannot be executed", quoted(statement.functor.text),
                     kind_of(functor)));
  }
  const List arguments = evaluate(statement.arguments);
  if (value->type == "ConnectNodeSetsFunctor") return connect(arguments, false, place);
  if (value->type == "BidirectConnectNodeSetsFunctor") return connect(arguments, true, place);
  if (value->type == "PolyConnectorFunctor") return connect_polymorphically(arguments, place);
  (void)execute_functor(*value, arguments, place);
}

}  // namespace isomer::mgs

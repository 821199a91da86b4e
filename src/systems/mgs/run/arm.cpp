// Triggers, and what happens where they fire.

#include <algorithm>
#include <array>

#include "base/text.h"
#include "systems/mgs/run/interpreter.h"

namespace isomer::mgs {
namespace {

struct TestName {
  std::string_view name;
  Trigger::Test test;
};

constexpr TestName test_names[] = {
    {"==", Trigger::Test::equal},    {"!=", Trigger::Test::unequal},
    {">", Trigger::Test::more},      {"<", Trigger::Test::less},
    {">=", Trigger::Test::at_least}, {"=>", Trigger::Test::at_least},
    {"<=", Trigger::Test::at_most},  {"=<", Trigger::Test::at_most},
    {"!%", Trigger::Test::multiple}, {"%", Trigger::Test::no_multiple},
};

const std::int32_t* integer_at(const List& arguments, std::size_t i) {
  return i < arguments.size() ? arguments[i].as<std::int32_t>() : nullptr;
}

}  // namespace

std::string Interpreter::phase_argument(const List& arguments, std::size_t index,
                                        const Place& place) const {
  if (const auto* phase = arguments[index].as<PhaseRef>()) return phase->name;
  const auto* text = arguments[index].as<std::string>();
  if (text == nullptr)
    fail(Mistake::type, place,
         fmt::format("a phase is expected, not {}", kind_of(arguments[index])));
  if (std::ranges::find(phases_, *text, &PhaseOfRun::name) == phases_.end())
    fail(Mistake::phase, place, fmt::format("the simulation has no phase {}", quoted(*text)));
  return *text;
}

/// A trigger that another one asks, and what it should say.
std::shared_ptr<const Trigger> Interpreter::part_of(const List& arguments, std::size_t at,
                                                    const Place& place) const {
  const auto* inner = arguments[at].as_shared<Trigger>();
  const std::int32_t* wanted = integer_at(arguments, at + 1);
  if (inner == nullptr || wanted == nullptr)
    fail(Mistake::type, place, "a trigger is made of triggers and what they should say");
  auto made = std::make_shared<Trigger>();
  made->join = *wanted != 0 ? Trigger::Join::both : Trigger::Join::one;
  made->parts = {std::make_shared<const Trigger>(*inner)};
  if (*wanted != 0) return made;
  auto always = std::make_shared<Trigger>();  // either the trigger or this one, and not both
  always->test = Trigger::Test::at_least;
  made->parts.push_back(always);
  return made;
}

Value Interpreter::make_composite(const gsl::Instance& statement, const List& arguments) {
  const std::string& kind = statement.type.text;
  const Place& place = statement.name.place;
  if (arguments.size() < 5) {
    end(gave_up, Mistake::arity, place,
        fmt::format("{} takes at least 5 arguments, not {}, and MGS ends the program", kind,
                    arguments.size()));
  }
  auto trigger = std::make_shared<Trigger>();
  trigger->place = place;
  trigger->once = kind == "SemaphoreTrigger";
  trigger->join = Trigger::Join::both;
  trigger->parts = {part_of(arguments, 1, place)};
  if (arguments.size() >= 8) {
    const auto* how = arguments[3].as<std::string>();
    if (how == nullptr) fail(Mistake::type, place, "the fourth argument is AND, OR or XOR");
    if (*how == "OR") trigger->join = Trigger::Join::either;
    if (*how == "XOR") trigger->join = Trigger::Join::one;
    trigger->parts.push_back(part_of(arguments, 4, place));
  }
  const std::int32_t* delay = integer_at(arguments, arguments.size() - 2);
  trigger->delay = delay == nullptr ? 0 : *delay;
  trigger->phase = phase_argument(arguments, arguments.size() - 1, place);
  return {std::shared_ptr<const Trigger>(std::move(trigger))};
}

Value Interpreter::make_trigger(const gsl::Instance& statement) {
  const std::string& kind = statement.type.text;
  const Place& place = statement.name.place;
  List arguments;
  for (const gsl::Argument& argument : statement.arguments) {
    const auto* named = std::get_if<gsl::Reference>(&argument.value);
    const bool last = &argument == &statement.arguments.back();
    const bool phase = named != nullptr && std::ranges::find(phases_, named->name.text,
                                                             &PhaseOfRun::name) != phases_.end();
    if (last && named != nullptr && !phase && find(named->name.text) == nullptr) {
      fail(Mistake::phase, named->name.place,
           fmt::format("the simulation has no phase {}", quoted(named->name.text)));
    }
    arguments.push_back(last && phase ? Value{PhaseRef{named->name.text}} : evaluate(argument));
  }
  if (kind == "CompositeTrigger" || kind == "SemaphoreTrigger")
    return make_composite(statement, arguments);
  if (arguments.size() != 6) {
    end(gave_up, Mistake::arity, place,
        fmt::format("{} takes 6 arguments, not {}, and MGS ends the program", kind,
                    arguments.size()));
  }
  check_service(arguments[1], kind, place);
  const auto* name = arguments[2].as<std::string>();
  if (name == nullptr) fail(Mistake::type, place, "the third argument is an operator, as \"==\"");
  const auto* row = std::ranges::find(test_names, *name, &TestName::name);
  if (row == std::end(test_names)) {
    end(gave_up, Mistake::value, place,
        fmt::format("{} knows no operator {}, and MGS ends the program", kind, quoted(*name)));
  }
  auto trigger = std::make_shared<Trigger>();
  trigger->place = place;
  trigger->test = row->test;
  double criterion = 0;
  if (real_of(arguments[3], criterion) == nullptr || integer_at(arguments, 4) == nullptr)
    fail(Mistake::type, place, "the fourth and fifth argument are numbers");
  trigger->criterion = static_cast<std::int64_t>(criterion);
  if (kind == "UnsignedTrigger")
    trigger->criterion = static_cast<std::uint32_t>(trigger->criterion);
  trigger->delay = static_cast<std::uint32_t>(*integer_at(arguments, 4));
  trigger->phase = phase_argument(arguments, 5, place);
  return {std::shared_ptr<const Trigger>(std::move(trigger))};
}

void Interpreter::check_service(const Value& value, const std::string& kind,
                                const Place& place) const {
  const auto* service = value.as<ServiceOf>();
  if (service == nullptr) {
    fail(Mistake::type, place, fmt::format("{} looks at a service, not {}", kind, kind_of(value)));
  }
  if (service->of_nodes) {
    end(aborted, Mistake::crash, place,
        fmt::format("{} looks at a member of nodes, and MGS ends the program; only variables offer "
                    "such services",
                    kind));
  }
  if (service->iteration) return;
  throw Error(Fault::unsupported, to_text(place, script_.files),
              fmt::format("{} looks at a member of a variable, which is not run here", kind));
}

std::shared_ptr<const Trigger> Interpreter::trigger_named(const Name& name) {
  const Value& value = lookup(name);
  if (const auto* trigger = std::get_if<std::shared_ptr<const Trigger>>(&value.value))
    return *trigger;
  fail(Mistake::type, name.place,
       fmt::format("{} is {}, not a trigger", quoted(name.text), kind_of(value)));
}

std::shared_ptr<const Trigger> Interpreter::trigger_of(const gsl::TriggerExpression& expression,
                                                       const Place& place) {
  constexpr std::array joins{Trigger::Join::both, Trigger::Join::either, Trigger::Join::one};
  std::shared_ptr<const Trigger> result;
  std::optional<gsl::TriggerOperator> before;
  for (const gsl::TriggerTerm& term : expression) {
    std::shared_ptr<const Trigger> next;
    if (const auto* name = std::get_if<Name>(&term.value)) {
      next = trigger_named(*name);
    } else if (const auto* inner = std::get_if<gsl::TriggerExpression>(&term.value)) {
      next = trigger_of(*inner, term.place);
    } else {
      fail(Mistake::type, term.place, "a service is no trigger");
    }
    if (result == nullptr) {
      result = next;
      continue;
    }
    if (before && *before != term.before) {
      strictly(term.place, "operators of triggers bind alike, from the left, whatever they are",
               "parentheses say what is meant");
    }
    before = term.before;
    auto joined = std::make_shared<Trigger>();
    joined->join = joins[static_cast<std::size_t>(term.before)];
    joined->phase = result->phase;
    joined->place = place;
    joined->parts = {result, next};
    result = joined;
  }
  return result;
}

void Interpreter::run(const gsl::Halt& statement) {
  triggers_.push_back({trigger_of(statement.trigger, {}), {.stops = true}});
}

void Interpreter::run(const gsl::Action& statement) {
  const Value object = lookup(statement.object);
  ArmedTrigger armed{trigger_of(statement.trigger, statement.function.place), {}};
  armed.action.function = statement.function.text;
  if (const auto* variable = object.as<VariableRef>()) {
    armed.action.nodes.push_back({variable->layer, 0});
  } else if (const auto* nodes = object.as_shared<NodeList>()) {
    armed.action.nodes = nodes->nodes;
  } else {
    fail(Mistake::type, statement.object.place,
         fmt::format("{} is {}, which has no functions", quoted(statement.object.text),
                     kind_of(object)));
  }
  for (const Node& node : armed.action.nodes) {
    const mdl::Model& model = *node.layer->type->model;
    const auto known = [&](const mdl::Function& function) {
      return function.kind == mdl::FunctionKind::triggered &&
             function.name.text == statement.function.text;
    };
    if (std::ranges::any_of(model.functions, known)) continue;
    fail(Mistake::unknown_name, statement.function.place,
         fmt::format("{} has no TriggeredFunction {}", model.name.text,
                     quoted(statement.function.text)));
  }
  triggers_.push_back(std::move(armed));
}

}  // namespace isomer::mgs

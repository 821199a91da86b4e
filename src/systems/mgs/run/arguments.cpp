// Arguments of statements: what they stand for.

#include <cmath>
#include <cstring>

#include "base/text.h"
#include "systems/mgs/run/interpreter.h"
#include "systems/mgs/run/parameters.h"

namespace isomer::mgs {
namespace {

template <class T>
Value shared(T value) {
  return {std::make_shared<const T>(std::move(value))};
}

}  // namespace

Value Interpreter::number(const gsl::Number& number, const Place& place) const {
  // MGS reads integers into 32 bits, and all other numbers into single precision.
  if (const auto* integer = std::get_if<std::int64_t>(&number)) {
    const auto kept = static_cast<std::int32_t>(*integer);
    if (kept != *integer && *integer > std::int64_t{0xffffffff})
      strictly(place, fmt::format("{} has no place in 32 bits", *integer));
    return {kept};
  }
  const double given = std::get<double>(number);
  const auto kept = static_cast<float>(given);
  if (std::isinf(kept) || (std::trunc(given) == given && double{kept} != given)) {
    strictly(place,
             fmt::format("{:.17g} becomes {:.9g}: MGS keeps numbers in single precision", given,
                         double{kept}),
             "an integer without a point is kept");
  }
  return {kept};
}

Value Interpreter::numbers_of(const gsl::NumberList& list, const Place& place) const {
  bool real = false;
  for (const gsl::Number& one : list.numbers) real = real || std::holds_alternative<double>(one);
  std::vector<std::int32_t> integers;
  std::vector<float> reals;
  for (const gsl::Number& one : list.numbers) {
    const Value kept = number(one, place);
    double as_real = 0;
    if (!real) integers.push_back(*kept.as<std::int32_t>());
    if (real) reals.push_back(static_cast<float>(*real_of(kept, as_real)));
  }
  return real ? shared(std::move(reals)) : shared(std::move(integers));
}

Value Interpreter::list_of(const List& items) const {
  bool numbers = !items.empty();
  bool real = false;
  for (const Value& item : items) {
    numbers = numbers && (item.as<std::int32_t>() || item.as<float>());
    real = real || item.as<float>();
  }
  if (!numbers) return shared(items);
  std::vector<std::int32_t> integers;
  std::vector<float> reals;
  for (const Value& item : items) {
    double as_real = 0;
    if (real) reals.push_back(static_cast<float>(*real_of(item, as_real)));
    if (!real) integers.push_back(*item.as<std::int32_t>());
  }
  return real ? shared(std::move(reals)) : shared(std::move(integers));
}

List Interpreter::evaluate(const std::vector<gsl::Argument>& arguments) {
  List values;
  for (const gsl::Argument& argument : arguments) values.push_back(evaluate(argument));
  return values;
}

PairList Interpreter::evaluate(const gsl::Pairs& pairs) {
  PairList list;
  for (const gsl::Pair& pair : pairs.pairs) list.emplace_back(pair.name.text, evaluate(pair.value));
  return list;
}

std::shared_ptr<const ParameterSet> Interpreter::parameter_set(TypeInUse& type, gsl::SetKind kind,
                                                               PairList pairs, const Place& place) {
  auto set = std::make_shared<ParameterSet>();
  set->type = &type;
  set->kind = kind;
  try {
    if (kind == gsl::SetKind::node_init) {
      set->prototype = type.native->make(1);
      for (const auto& [name, value] : pairs) {
        assign(type, false, set->prototype->at(0), name, value, false,
               simulation_.mode == Mode::strict);
      }
    } else if (kind == gsl::SetKind::in) {
      Attributes attributes = no_attributes(type);
      for (const auto& [name, value] : pairs) assign(attributes, name, value);
    }
  } catch (const Mismatch& mismatch) {
    fail(mismatch.mistake, place, mismatch.what, mismatch.instead);
  }
  set->pairs = std::make_shared<PairList>(std::move(pairs));
  return set;
}

Value Interpreter::evaluate(const gsl::ParameterSet& set, const Place& place) {
  const Value type = lookup(set.type.model);
  TypeInUse* const* model = type.as<TypeInUse*>();
  if (model == nullptr) {
    fail(Mistake::type, set.type.model.place,
         fmt::format("{} is {}, no type of nodes", quoted(set.type.model.text), kind_of(type)));
  }
  return {parameter_set(**model, set.type.kind, evaluate(set.pairs), place)};
}

Value Interpreter::call(const gsl::Call& call, const Place& place) {
  const Value called = lookup(call.name);
  if (const auto* type = called.as<FunctorType>()) {
    List arguments = evaluate(call.arguments);
    if (arguments.size() == 1 && arguments[0].as<std::monostate>()) arguments.clear();
    const FunctorArity* arity = find_arity(type->name);
    if (arity != nullptr && (arguments.size() < arity->least || arguments.size() > arity->most)) {
      fail(Mistake::arity, call.name.place,
           fmt::format("{} takes {}{}, not {}", type->name, arity->least,
                       arity->most > arity->least ? " or more arguments" : " arguments",
                       arguments.size()));
    }
    return {std::make_shared<const FunctorValue>(
        FunctorValue{type->name, std::move(arguments), call.name.place})};
  }
  if (const auto* functor = called.as_shared<FunctorValue>())
    return execute_functor(*functor, evaluate(call.arguments), place);
  fail(Mistake::type, call.name.place,
       fmt::format("{} is {}, no functor", quoted(call.name.text), kind_of(called)));
}

Value Interpreter::evaluate(const gsl::Argument& argument) {
  const Place& place = argument.place;
  const auto evaluated = [&](const auto& what) -> Value {
    using T = std::decay_t<decltype(what)>;
    if constexpr (std::is_same_v<T, gsl::Nothing>) return {};
    if constexpr (std::is_same_v<T, gsl::Number>) return number(what, place);
    if constexpr (std::is_same_v<T, gsl::Text>) return {what.text};
    if constexpr (std::is_same_v<T, gsl::Reference>) {
      if (find(what.name.text) == nullptr)
        for (const PhaseOfRun& phase : phases_)
          if (phase.name == what.name.text) return {PhaseRef{phase.name}};
      return lookup(what.name);
    }
    if constexpr (std::is_same_v<T, gsl::NodeSet>) return evaluate(what, place);
    if constexpr (std::is_same_v<T, gsl::RelativeNodeSet>) return {Accepted{"RelNodeSet"}};
    if constexpr (std::is_same_v<T, gsl::Product>) {
      if (what.owner)
        return {ServiceOf{false, lookup(*what.owner).template as_shared<NodeList>() != nullptr}};
      if (what.name.text != "Iteration") {
        fail(Mistake::unknown_name, what.name.place,
             fmt::format("the simulation publishes no {}", quoted(what.name.text)),
             "it publishes Iteration");
      }
      return {ServiceOf{true, false}};
    }
    if constexpr (std::is_same_v<T, gsl::Pairs>) return shared(evaluate(what));
    if constexpr (std::is_same_v<T, gsl::List>) return list_of(evaluate(what.items));
    if constexpr (std::is_same_v<T, gsl::NumberList>) return numbers_of(what, place);
    if constexpr (std::is_same_v<T, gsl::Call>) return call(what, place);
    if constexpr (std::is_same_v<T, gsl::ParameterSet>) return evaluate(what, place);
    if constexpr (std::is_same_v<T, gsl::TypedList>) {
      const List items = evaluate(what.items);
      const bool reals = !what.type.of.empty() && what.type.of.front().text == "float";
      for (const Value& item : items) {
        if (reals && item.as<std::int32_t>()) {
          end(crashed, Mistake::crash, place,
              "a list<float> has an integer among its elements, and MGS crashes");
        }
      }
      return list_of(items);
    }
  };
  return std::visit(evaluated, argument.value);
}

}  // namespace isomer::mgs

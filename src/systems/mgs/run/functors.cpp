// Functors that give values when they are executed.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/text.h"
#include "systems/mgs/run/interpreter.h"
#include "systems/mgs/run/parameters.h"

namespace isomer::mgs {
namespace {

double numeric(const Value& value) {
  double number = 0;
  if (real_of(value, number) == nullptr) {
    throw Mismatch{Mistake::type, fmt::format("a number is expected, not {}", kind_of(value))};
  }
  return number;
}

Value float_value(double value) { return {static_cast<float>(value)}; }

const Value& argument_at(const FunctorValue& functor, std::size_t i) {
  if (i < functor.arguments.size()) return functor.arguments[i];
  throw Mismatch{Mistake::arity, fmt::format("{} takes more than {}", functor.type,
                                             counted(functor.arguments.size(), "argument"))};
}

const std::string& text_at(const FunctorValue& functor, std::size_t i) {
  const auto* text = argument_at(functor, i).as<std::string>();
  if (text != nullptr) return *text;
  throw Mismatch{Mistake::type, fmt::format("argument {} of {} is {}, not a text", i + 1,
                                            functor.type, kind_of(argument_at(functor, i)))};
}

Value load_matrix(const FunctorValue& functor, const Files& files) {
  const std::string& name = text_at(functor, 0);
  const double rows = numeric(argument_at(functor, 1));
  const double columns = numeric(argument_at(functor, 2));
  if (!files.has(name)) {
    throw Ended{0,
                {Mistake::file, functor.place,
                 fmt::format("LoadMatrix: there is no file {}; MGS ends with exit status 0 and "
                             "without a simulation",
                             quoted(name))}};
  }
  const Bytes file = files.read(name);
  const double wanted = rows * columns;
  if (rows < 0 || columns < 0 || wanted > static_cast<double>(file.size() / sizeof(float))) {
    throw Mismatch{Mistake::file, fmt::format("{} has {} bytes, not {} rows of {} single-precision "
                                              "numbers",
                                              quoted(name), file.size(), rows, columns)};
  }
  std::vector<float> values(static_cast<std::size_t>(wanted));
  if (!values.empty())
    std::memcpy(values.data(), file.data().data(), values.size() * sizeof(float));
  return {std::make_shared<const std::vector<float>>(std::move(values))};
}

/// What `sum` adds, with the lines that it prints.
Value summed(const List& arguments, const Outputs::Print& print) {
  if (arguments.size() == 1) {
    if (const auto* reals = arguments[0].as_shared<std::vector<float>>()) {
      float sum = 0;
      for (const float real : *reals) sum += real;
      print("DataItem type: FLOAT_ARRAY");
      print(fmt::format("Executed SumFunctor, returning float {:g}.", sum));
      return {sum};
    }
    if (const auto* integers = arguments[0].as_shared<std::vector<std::int32_t>>()) {
      std::int64_t sum = 0;
      for (const std::int32_t integer : *integers) sum += integer;
      print("DataItem type: INT_ARRAY");
      print(fmt::format("Executed SumFunctor, returning int {}.", static_cast<std::int32_t>(sum)));
      return {static_cast<std::int32_t>(sum)};
    }
  }
  throw Mismatch{Mistake::type, "sum takes one list of numbers"};
}

}  // namespace

std::optional<Value> Interpreter::number_from(const FunctorValue& functor, const Place& place) {
  const std::string& type = functor.type;
  Random& random = simulation_.random;
  const auto given = [&](std::size_t i) {
    const Value& value = argument_at(functor, i);
    const auto* inner = value.as_shared<FunctorValue>();
    return numeric(inner == nullptr ? value : execute_functor(*inner, {}, place));
  };
  if (type == "UniformDist")
    return float_value(given(0) + (given(1) - given(0)) * random.uniform());
  if (type == "Gaussian") return float_value(given(0) + given(1) * random.normal());
  if (type == "UniformDiscreteDist") return float_value(given(random.uniform() < 0.5 ? 0 : 1));
  if (type == "Exp") return float_value(std::exp(given(0)));
  if (type == "Log") return float_value(std::log(given(0)));
  if (type == "Neg") return float_value(-given(0));
  if (type == "Round") return float_value(std::round(given(0)));
  if (type == "Scale") return float_value(given(0) * given(1));
  if (type == "Threshold") return float_value(std::max(given(0), given(1)));
  if (type != "FloatArrayMaker") return std::nullopt;
  std::vector<float> values;
  for (std::size_t i = 0; i < functor.arguments.size(); ++i)
    values.push_back(static_cast<float>(given(i)));
  return Value{std::make_shared<const std::vector<float>>(std::move(values))};
}

/// Names with values; those that are functors give them now.
PairList Interpreter::pairs_from(const FunctorValue& functor, const Place& place) {
  const auto executed = [&](const Value& value) {
    const auto* inner = value.as_shared<FunctorValue>();
    return inner == nullptr ? value : execute_functor(*inner, {}, place);
  };
  PairList pairs;
  if (functor.type != "CombineNVPairs") {
    for (std::size_t i = 0; i < functor.arguments.size(); i += 2)
      pairs.emplace_back(text_at(functor, i), executed(argument_at(functor, i + 1)));
    return pairs;
  }
  const auto append = [&](const Value& value) {
    if (const auto* more = value.as_shared<PairList>())
      pairs.insert(pairs.end(), more->begin(), more->end());
  };
  for (const Value& argument : functor.arguments) {
    const Value value = executed(argument);
    append(value);
    if (const auto* list = value.as_shared<List>())
      for (const Value& item : *list) append(executed(item));
  }
  return pairs;
}

Value Interpreter::execute_functor(const FunctorValue& functor, const List& arguments,
                                   const Place& place) {
  const std::string& type = functor.type;
  if (++depth_ > most_depth)
    fail(Mistake::limit, place, "functors and scripts nest more than 64 deep");
  const auto leave = [this](Value value) {
    --depth_;
    return value;
  };
  if (type == "Print") {
    for (const Value& value : arguments) simulation_.outputs.line(printed(value));
    return leave({});
  }
  if (type == "Sum") {
    crashes_at_exit_ = true;
    return leave(summed(arguments, [&](std::string_view line) { simulation_.outputs.line(line); }));
  }
  if (type == "BindName" || type == "NameReturnValue" || type == "CombineNVPairs")
    return leave({std::make_shared<const PairList>(pairs_from(functor, place))});
  if (type == "LoadMatrix") return leave(load_matrix(functor, simulation_.files));
  if (type == "Traverse") return leave({});
  if (auto number = number_from(functor, place)) return leave(std::move(*number));
  throw Error(Fault::unsupported, to_text(place, script_.files),
              fmt::format("functor {} is not executed here", quoted(type)));
}

}  // namespace isomer::mgs

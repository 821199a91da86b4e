#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "systems/mdf/node_executor.h"
#include "vocabularies/numpy/arithmetic.h"
#include "vocabularies/numpy/arrays.h"
#include "vocabularies/numpy/operations.h"
#include "vocabularies/numpy/whole.h"

// What a node keeps from one evaluation to the next.

namespace isomer::mdf {

// Functions read all parameters before these are computed, and a parameter those behind it.
void NodeExecutor::find_recalled() {
  std::set<std::string> read;
  for (const LiveFunction& function : functions_) function.call.collect_required(read);
  for (LiveParameter& parameter : parameters_) {
    if (parameter.call) parameter.call->collect_required(read);
    collect_names(parameter.value, read);
    if (parameter.derivative) collect_names(*parameter.derivative, read);
    const bool computed = parameter.call || parameter.value.text() != nullptr;
    // Conditions alone change what was there before.
    const bool changed =
        !parameter.call && parameter.value.is_none() && !parameter.conditions.empty();
    parameter.recalled =
        !parameter.stateful && (changed || (computed && read.contains(parameter.id)));
  }
}

std::vector<std::string> NodeExecutor::stateful_parameters() const {
  std::vector<std::string> found;
  for (const LiveParameter& parameter : parameters_) {
    if (parameter.stateful || parameter.recalled) found.push_back(parameter.id);
  }
  return found;
}

std::vector<std::string> NodeExecutor::recalled_expressions() const {
  std::vector<std::string> found;
  for (const LiveParameter& parameter : parameters_) {
    if (parameter.recalled && !parameter.value.is_none()) found.push_back(parameter.id);
  }
  return found;
}

// Before the first evaluation, what it will begin with, as far as constants of the node say it.
Value NodeExecutor::state(std::string_view name) const {
  Table names;
  const LiveParameter* wanted = nullptr;
  for (const LiveParameter& parameter : parameters_) {
    if (parameter.id == name) wanted = &parameter;
    const bool constant = !parameter.stateful && parameter.value.text() == nullptr;
    if (constant && !parameter.value.is_none()) names.set(parameter.id, parameter.value.value());
  }
  expect(wanted != nullptr, "a state is asked for by its name");
  if (!wanted->current.is_none()) return wanted->current;
  if (wanted->recalled) return {};
  if (wanted->initial.is_none()) return {0.0};
  return wanted->initial.evaluate(names, shared_->runtime);
}

void NodeExecutor::set_state(std::string_view name, const Value& value) {
  const auto found = std::ranges::find(parameters_, name, &LiveParameter::id);
  expect(found != parameters_.end(), "a state is set by its name");
  found->current = value;
}

std::vector<NodeExecutor::Held> NodeExecutor::held(bool all) const {
  std::vector<Held> held;
  for (const Input& input : inputs_) {
    if (all) held.push_back({"input_ports", input.id, input.current.value_or(Value{})});
  }
  for (const LiveParameter& parameter : parameters_) {
    const bool state = parameter.stateful || parameter.recalled;
    const bool constant = parameter.value.text() == nullptr && !parameter.value.is_none();
    if (state || (all && !constant))
      held.push_back({"parameters", parameter.id, parameter.current, state});
  }
  for (const LiveOutput& output : outputs_) {
    if (all) held.push_back({"output_ports", output.id, output.current.value_or(Value{})});
  }
  return held;
}

void NodeExecutor::hold(std::span<const Held> held, bool has_run) {
  has_run_ = has_run;
  for (Input& input : inputs_) input.used = has_run;
  const auto set = [](std::optional<Value>& place, const Value& value) {
    place = value.is_none() ? std::nullopt : std::optional(value);
  };
  for (const Held& one : held) {
    if (one.key == "parameters") {
      set_state(one.id, one.value);
    } else if (one.key == "input_ports") {
      set(input(one.id)->current, one.value);
    } else {
      set(std::ranges::find(outputs_, one.id, &LiveOutput::id)->current, one.value);
    }
  }
}

void NodeExecutor::reset() {
  has_run_ = false;
  for (Input& input : inputs_) {
    input.current.reset();
    input.used = false;
  }
  for (LiveParameter& parameter : parameters_) parameter.current = {};
  for (LiveOutput& output : outputs_) {
    output.current.reset();
    if (output.value.text()->empty()) output.current = Value{};
  }
}

// What a parameter is before the node's functions run: its last value, or a first one. `keep` says
// whether that one is remembered.
Value NodeExecutor::value_before(const LiveParameter& parameter, const Table& names,
                                 bool& keep) const {
  // In a graph, whose first evaluation is like the others.
  const bool either = parameter.recalled && !parameter.value.is_none() && !runs_again_ &&
                      !shared_->begun.is_none() && !parameter.current.is_none();
  if (!parameter.current.is_none() && !either) return parameter.current;
  if (parameter.value.is_none() && parameter.initial.is_none()) return {};
  if (parameter.stateful) {
    return parameter.initial.is_none() ? Value{0.0}
                                       : parameter.initial.evaluate(names, shared_->runtime);
  }
  keep = !either;
  // Only an expression can ask for the parameter's own name.
  if (parameter.value.text() == nullptr) return parameter.value.value();
  Table own(&names);
  own.set(parameter.id, {0.0});
  Value first = [&] {
    try {
      return parameter.value.evaluate(own, shared_->runtime);
    } catch (const Error& error) {
      throw Error(error.fault(), error.where(), error.text() + behind(parameter));
    }
  }();
  if (!either) return first;
  return numpy::either(shared_->begun, parameter.current, first, shared_->runtime);
}

// The names that it asks for and that the first evaluation does not have yet.
std::string NodeExecutor::behind(const LiveParameter& parameter) const {
  std::set<std::string> used;
  collect_names(parameter.value, used);
  std::string found;
  for (const LiveParameter& other : parameters_) {
    if (&other > &parameter && used.contains(other.id))
      found += fmt::format("; parameter {} stands behind it, and is computed after it",
                           quoted(other.id));
  }
  return found;
}

Value NodeExecutor::advanced(const LiveParameter& parameter, const Table& names,
                             const Value& time_increment) const {
  const Value slope = parameter.derivative->evaluate(names, shared_->runtime);
  const Value& now = parameter.current;
  const double* increment = time_increment.as<double>();
  const auto rate = increment == nullptr ? std::nullopt : numpy::lone_real(slope);
  if (const auto start = rate ? numpy::lone_real(now) : std::nullopt) {
    const double next = *start + *rate * *increment;
    return numpy::result_of(Tensor::from_doubles(DType::f64, {}, std::span(&next, 1)));
  }
  const Value step = numpy::binary("*", slope, time_increment);
  if (shared_->begun.is_none()) return numpy::binary("+", numpy::array_value(tensor_of(now)), step);
  // A graph is one evaluation after another: the first gives the initial value.
  const Value first = parameter.initial.evaluate(names, shared_->runtime);
  return numpy::either(shared_->begun, numpy::binary("+", now, step), first, shared_->runtime);
}

}  // namespace isomer::mdf

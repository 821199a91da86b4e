#include "systems/mdf/node_executor.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "systems/mdf/wiring.h"
#include "vocabularies/numpy/arithmetic.h"
#include "vocabularies/numpy/arrays.h"

namespace isomer::mdf {
namespace {

/// Adds the names in the text that are no arguments.
void need_names(const std::string& text, const OrderedMap<Tree>& args,
                std::set<std::string>& names) {
  for (const std::string& word : required_names(text)) {
    if (find(args, word) == nullptr) names.insert(word);
  }
}

Value zeros(DType dtype, const std::vector<std::int64_t>& shape, SharedOperators& shared) {
  std::int64_t count = 1;
  for (const std::int64_t length : shape) count = numpy::product_of_lengths(count, length);
  shared.zeros = numpy::sum_of_lengths(shared.zeros, count);
  if (shared.zeros > numpy::most_elements) {
    refuse(fmt::format("no value is given; zeros for such ports may have {} elements in all",
                       numpy::most_elements));
  }
  return numpy::array_value(Tensor::zeros(dtype, shape));
}

}  // namespace

std::vector<ValueId> DocumentEmitter::emit_all(std::string_view op, std::vector<ValueId> inputs,
                                               Attributes attributes, std::vector<Body> bodies) {
  for (NamedAttribute& attribute : attributes) {
    const auto* dtype = std::get_if<DType>(&attribute.value);
    if (shared_.runtime.precision == Precision::f64 && dtype != nullptr && *dtype == DType::f32)
      attribute.value = DType::f64;
  }
  for (const ValueId id : inputs) {
    if (id != ValueId::none) spend((*this)[id].count());
  }
  if (op == "matmul") {
    const std::int64_t columns = (*this)[inputs.at(1)].shape().back();
    spend(numpy::product_of_lengths((*this)[inputs[0]].count(), columns));
  }
  std::vector<ValueId> results =
      TensorEmitter::emit_all(op, std::move(inputs), std::move(attributes), std::move(bodies));
  for (const ValueId id : results) spend((*this)[id].count());
  return results;
}

void DocumentEmitter::spend(std::int64_t count) {
  constexpr std::int64_t most = std::int64_t{1} << 33;
  if (!bounded_) return;
  shared_.spent.work = numpy::sum_of_lengths(shared_.spent.work, count);
  if (shared_.spent.work <= most) return;
  refuse(
      fmt::format("the document's functions take too much work; at most {} elements are made, "
                  "read and multiplied",
                  most));
}

SharedOperators::SharedOperators(const RunOptions& options)
    : dialect(dialect_named(options.dialect)),
      operators(numpy::most_elements, options.operators, options.engine) {
  runtime.precision = options.precision;
  runtime.emitter = [this] { return std::make_unique<DocumentEmitter>(*this, true); };
}

void SharedOperators::keep(const Value& value) {
  constexpr std::int64_t large = 1'024;
  const Array* array = value.as<Array>();
  if (array == nullptr || array->tensor.dtype() != DType::f64 || array->tensor.count() < large)
    return;
  constants.try_emplace(array->tensor.bytes().data().data(), Constant{array->tensor, std::nullopt});
}

Tensor SharedOperators::single(const Tensor& tensor) {
  if (tensor.dtype() == DType::f32) return tensor;
  const auto found = constants.find(tensor.bytes().data().data());
  if (found == constants.end() || found->second.given.count() != tensor.count())
    return tensor.converted(DType::f32);
  Constant& constant = found->second;
  if (!constant.single) {
    constant.single = constant.given.converted(DType::f32);
    operators.keep(*constant.single);
  }
  return constant.single->reshaped(tensor.shape());
}

// An array that nobody else holds was made here.
void SharedOperators::hold(const Value& value) {
  constexpr std::int64_t most_made = 8 * numpy::most_elements;
  constexpr std::int64_t most_items = numpy::most_elements / 64;
  if (const Array* array = value.as<Array>()) {
    if (array->tensor.bytes().owner().use_count() == 1) spent.made += array->tensor.count();
  } else if (numpy::items_of(value) != nullptr || value.as<Dict>() != nullptr) {
    spent.items += static_cast<std::int64_t>(numpy::values_in(value));
  }
  if (spent.made <= most_made && spent.items <= most_items) return;
  refuse(
      fmt::format("the nodes hold too much; at most {} elements of arrays and {} items of "
                  "lists are made for all of them",
                  most_made, most_items));
}

NodeExecutor::NodeExecutor(std::string id, const Node& node,
                           std::shared_ptr<SharedOperators> shared, Problems& problems)
    : id_(std::move(id)), shared_(std::move(shared)) {
  std::set<std::string> known;
  for (const auto& [name, port] : node.input_ports) {
    inputs_.push_back({name, port, std::nullopt});
    known.insert(name);
    constexpr std::array<std::string_view, 4> ways = {"", "overwrite", "add", "multiply"};
    if (!shared_->dialect.clears_ports || std::ranges::find(ways, port.reduce) != ways.end())
      continue;
    problems.error({"nodes", id_, "input_ports", name, "reduce"},
                   fmt::format("values are not joined by {}", quoted(port.reduce)),
                   "'overwrite', 'add' and 'multiply' do it");
  }
  for (const auto& [name, parameter] : node.parameters) known.insert(name);
  make_functions(node, known, problems);
  for (const LiveFunction& function : functions_) known.insert(function.id);

  for (const auto& [name, parameter] : node.parameters) {
    const auto place = [&, &key = name] { return Path{"nodes", id_, "parameters", key}; };
    problems.noting(place, [&, &key = name, &body = parameter] {
      make_parameter(key, body, problems);
      const LiveParameter& made = parameters_.back();
      std::set<std::string> needed;
      if (made.value.text() != nullptr)
        need_names(*made.value.text(), body.args.value_or(OrderedMap<Tree>()), needed);
      if (made.call) made.call->collect_required(needed);
      for (const std::string& word : needed) {
        if (known.contains(word) || is_known_word(word)) continue;
        problems.error(place(), fmt::format("the name {} is not known in the node", quoted(word)));
      }
    });
  }
  find_recalled();
  for (const auto& [name, port] : node.output_ports) {
    outputs_.push_back({name, port.shape, Formula(port.value), std::nullopt});
    if (port.value.empty()) outputs_.back().current = Value{};
  }
}

void NodeExecutor::make_parameter(const std::string& id, const Parameter& parameter,
                                  Problems& problems) {
  LiveParameter made;
  made.id = id;
  made.value = parameter.value.is_null() ? Formula() : Formula(parameter.value);
  made.initial = parameter.default_initial_value.is_null()
                     ? Formula()
                     : Formula(parameter.default_initial_value);
  made.constant = made.value.text() == nullptr && !made.value.is_none() && made.initial.is_none() &&
                  parameter.conditions.empty();
  if (made.value.text() == nullptr) shared_->keep(made.value.value());
  if (parameter.time_derivative) made.derivative = Formula(*parameter.time_derivative);
  made.stateful = made.derivative || !made.initial.is_none();
  if (const std::string* text = made.value.text())
    made.stateful = made.stateful || required_names(*text).contains(id);
  if (!parameter.function.empty()) {
    if (made.value.is_none() && !parameter.args) {
      problems.error({"nodes", id_, "parameters", id}, "a function needs args, if only {}");
    }
    made.call =
        FunctionCall(parameter.function, parameter.args.value_or(OrderedMap<Tree>()), std::nullopt);
  }
  for (const auto& [name, condition] : parameter.conditions) {
    made.conditions.push_back({name, Formula(condition.test), Formula(condition.value)});
  }
  parameters_.push_back(std::move(made));
}

// Each function stands behind those that it needs.
void NodeExecutor::make_functions(const Node& node, const std::set<std::string>& known,
                                  Problems& problems) {
  std::vector<LiveFunction> made;
  std::vector<std::set<std::string>> needed;  // of each, what the node does not know by itself
  std::map<std::string_view, std::size_t> places;
  for (const auto& [name, function] : node.functions) {
    const auto place = [&, &key = name] { return Path{"nodes", id_, "functions", key}; };
    problems.noting(place, [&, &key = name, &body = function] {
      std::set<std::string> names;
      const OrderedMap<Tree> args = body.args.value_or(OrderedMap<Tree>());
      if (body.value) need_names(*body.value, args, names);
      made.push_back({key, FunctionCall(body.function, args, body.value)});
      made.back().call.collect_required(names);
      std::erase_if(names, [&](const std::string& word) {
        return known.contains(word) || is_known_word(word);
      });
      places.emplace(key, needed.size());
      needed.push_back(std::move(names));
    });
  }
  std::vector<std::vector<std::size_t>> senders(made.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    for (const std::string& name : needed[i]) {
      const auto sender = places.find(name);
      senders[i].push_back(sender == places.end() ? i : sender->second);  // who waits for itself
    }
  }
  std::vector<bool> runs(made.size());
  for (const std::size_t i : running_order(senders, true)) {
    runs[i] = true;
    functions_.push_back(std::move(made[i]));
  }
  for (std::size_t i = 0; i < made.size(); ++i) {
    if (runs[i]) continue;
    std::vector<std::string> missing;
    for (const std::string& name : needed[i]) {
      const auto sender = places.find(name);
      if (sender == places.end() || !runs[sender->second]) missing.push_back(quoted(name));
    }
    problems.error({"nodes", id_, "functions", made[i].id},
                   fmt::format("not known in the node: {}", listed(missing)));
  }
}

Value joined(const InputPort& port, const Value& held, const Value& more) {
  return numpy::binary(port.reduce == "add" ? "+" : "*", held, more);
}

NodeExecutor::Input* NodeExecutor::input(std::string_view port) {
  const auto found = std::ranges::find(inputs_, port, &Input::id);
  return found == inputs_.end() ? nullptr : &*found;
}

void NodeExecutor::receive(Input& input, Value value) const {
  const bool both = shared_->dialect.clears_ports && joins(input.declared) && input.current;
  input.current = both ? joined(input.declared, *input.current, value) : std::move(value);
}

// Since 0.4.14 the type counts for the first time only, and not where values are joined.
Value NodeExecutor::missing(Input& input) const {
  if (input.absent) return *input.absent;
  const InputPort& port = input.declared;
  const bool clears = shared_->dialect.clears_ports;
  if (clears && !port.default_value.is_null()) {
    const Formula given(port.default_value);
    const std::string* text = given.text();  // an expression, when it is used
    return *(input.absent = text == nullptr ? given.value() : Value{*text});
  }
  const bool later = clears && (input.used || joins(input.declared));
  const bool real = later || port.type.find("float") != std::string::npos;
  const Value value = zeros(real ? DType::f64 : DType::i64, port.shape, *shared_);
  if (later) input.absent = value;
  return value;
}

void NodeExecutor::take_inputs(Table& names) {
  for (Input& input : inputs_) {
    if (!input.current)
      input.current = part("input_ports", input.id, [&] { return missing(input); });
    names.set(input.id, *input.current);
    input.used = true;
    if (!shared_->dialect.clears_ports) continue;
    input.last = std::move(input.current);
    input.current.reset();
  }
}

std::vector<std::pair<std::string_view, const Value*>> NodeExecutor::quantities() const {
  std::vector<std::pair<std::string_view, const Value*>> all;
  const auto add = [&](std::string_view id, const Value& value) {
    const auto known =
        std::ranges::find(all, id, &std::pair<std::string_view, const Value*>::first);
    if (known != all.end()) {
      known->second = &value;
    } else {
      all.emplace_back(id, &value);
    }
  };
  for (const Input& input : inputs_) {
    const std::optional<Value>& value = input.current ? input.current : input.last;
    if (value) add(input.id, *value);
  }
  for (const LiveParameter& parameter : parameters_) {
    if (!parameter.current.is_none()) add(parameter.id, parameter.current);
  }
  for (const LiveOutput& output : outputs_) {
    if (output.current) add(output.id, *output.current);
  }
  return all;
}

const Value* NodeExecutor::output(std::string_view port) const {
  const auto found = std::ranges::find(outputs_, port, &LiveOutput::id);
  return found == outputs_.end() || !found->current ? nullptr : &*found->current;
}

const Value* NodeExecutor::parameter(std::string_view name) const {
  const auto found = std::ranges::find(parameters_, name, &LiveParameter::id);
  return found == parameters_.end() ? nullptr : &found->current;
}

std::function<Value()> NodeExecutor::watched(const std::string& name) {
  if (Input* found = input(name)) {
    return [this, found] {
      if (found->current) return *found->current;
      const bool empty = shared_->dialect.clears_ports && (found->used || joins(found->declared));
      return empty ? zeros(DType::f64, found->declared.shape, *shared_) : missing(*found);
    };
  }
  const auto parameter = std::ranges::find(parameters_, name, &LiveParameter::id);
  if (parameter != parameters_.end()) {
    return [found = &*parameter] {
      if (!found->current.is_none()) return found->current;
      if (found->initial.is_none())
        refuse(fmt::format("parameter {} has no value yet, and no 'default_initial_value'",
                           quoted(found->id)));
      return found->initial.text() == nullptr ? found->initial.value()
                                              : Value{*found->initial.text()};
    };
  }
  if (std::ranges::find(functions_, name, &LiveFunction::id) != functions_.end())
    return []() -> Value { refuse("functions keep no value"); };
  const auto output = std::ranges::find(outputs_, name, &LiveOutput::id);
  if (output == outputs_.end()) refuse(fmt::format("node {} has no {}", quoted(id_), quoted(name)));
  return [this, found = &*output] {
    const bool known = found->current && !found->current->is_none();
    return known ? *found->current : zeros(DType::f64, found->shape, *shared_);
  };
}

void NodeExecutor::set_parameter(std::string_view name, const Value& value) {
  const auto found = std::ranges::find(parameters_, name, &LiveParameter::id);
  if (found == parameters_.end() || found->value.is_none() || found->stateful) return;
  found->value = Formula::of(value);
  found->current = {};
}

Value NodeExecutor::evaluate_parameter(LiveParameter& parameter, const Table& names,
                                       const Value& time_increment) const {
  Value result = parameter.current;
  if (!parameter.value.is_none()) {
    result = parameter.value.evaluate(names, shared_->runtime);
  } else if (parameter.call) {
    result = parameter.call->evaluate(names, *shared_);
  } else if (parameter.derivative && time_increment.is_none()) {
    result = parameter.initial.evaluate(names, shared_->runtime);
  } else if (parameter.derivative) {
    if (result.is_none())
      refuse("it has no value to advance from: run once without a time increment first");
    result = advanced(parameter, names, time_increment);
  }
  return parameter.conditions.empty() ? result
                                      : apply_conditions(parameter, std::move(result), names);
}

Value NodeExecutor::apply_conditions(const LiveParameter& parameter, Value value,
                                     const Table& names) const {
  for (const Condition& condition : parameter.conditions) {
    const auto where = [&] { return fmt::format("condition {}", quoted(condition.id)); };
    with_place(where, [&] {
      const Value test = condition.test.evaluate(names, shared_->runtime);
      const Value then = condition.value.evaluate(names, shared_->runtime);
      if (value.is_none()) value = {0.0};
      value = numpy::call("numpy.where", {{test, then, value}}, shared_->runtime);
    });
  }
  return value;
}

template <class Action>
Value NodeExecutor::part(std::string_view key, const std::string& id, const Action& action) const {
  try {
    Value value = action();
    shared_->hold(value);
    return value;
  } catch (const Unreadable&) {
    if (problems_ == nullptr) throw;
  } catch (const Error& error) {
    if (problems_ == nullptr || error.fault() == Fault::bug)
      return with_place([&] { return in_words({std::string(key), id}); }, []() -> Value { throw; });
    problems_->noting([&] { return Path{"nodes", id_, std::string(key), id}; }, [] { throw; });
  }
  return {numpy::Unread{}};
}

void NodeExecutor::evaluate(const Value& time_increment, Problems* problems) {
  problems_ = problems;
  runs_again_ = has_run_;
  has_run_ = true;
  Table& names = names_;
  names.clear();
  take_inputs(names);
  for (LiveParameter& parameter : parameters_) {
    bool keep = false;
    Value before =
        part("parameters", parameter.id, [&] { return value_before(parameter, names, keep); });
    if (keep) parameter.current = before;
    names.set(parameter.id, std::move(before));
  }
  for (const LiveFunction& function : functions_) {
    names.set(function.id, part("functions", function.id,
                                [&] { return function.call.evaluate(names, *shared_); }));
  }
  for (LiveParameter& parameter : parameters_) {
    if (parameter.constant && !parameter.current.is_none()) continue;
    // Read once; what could not be read has been told.
    if (problems_ != nullptr && names.entry(parameter.id)->as<numpy::Unread>() != nullptr) continue;
    parameter.current = part("parameters", parameter.id,
                             [&] { return evaluate_parameter(parameter, names, time_increment); });
    names.set(parameter.id, parameter.current);
  }
  for (LiveOutput& output : outputs_) {
    if (output.value.text()->empty()) continue;
    output.current = part("output_ports", output.id,
                          [&] { return output.value.evaluate(names, shared_->runtime); });
    if (output.current->as<numpy::Unread>() != nullptr) output.current.reset();
  }
  names.clear();
}

}  // namespace isomer::mdf

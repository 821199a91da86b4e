#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "systems/mdf/node_executor.h"
#include "systems/mdf/standard.h"

namespace isomer::mdf {
namespace {

struct Input {
  std::string name;
  Value value;
};
using Inputs = std::vector<Input>;

Inputs in_formal_order(const onnx::Operator& op, Inputs given) {
  if (op.variadic()) return given;
  Inputs ordered;
  for (const auto& formal : op.prototype.inputs) {
    for (const auto& [name, value] : given) {
      if (name == formal.name) ordered.push_back({name, value});
    }
  }
  return ordered;
}

bool is_elementwise(const onnx::Operator& op) {
  const auto family = onnx::elementwise_rows();
  return op.row >= family.data() && op.row < family.data() + family.size();
}

/// Where an operator's inputs go, and what comes of them: into a graph, or at once.
struct Target {
  Emitter& b;
  SharedOperators& shared;
  const numpy::Trace* trace;

  bool has_axes(const Value& value) const {
    const Traced* traced = value.as<Traced>();
    return traced != nullptr && b.rank(traced->id) > 0;
  }
  // What the reference feeds to the operator: numbers get one axis, floats are 32 bits wide, and
  // integers of 32 bits 64. In a graph a number needs no axis beside what has some.
  ValueId operand(const Value& value, bool bare) const {
    if (trace != nullptr && numpy::trace_of(value) != nullptr) {
      const ValueId id = numpy::materialized(*trace, value);
      const DType dtype = b.dtype(id);
      if (dtype == DType::i32) return numpy::materialized(*trace, value, DType::i64);
      return dtype == DType::f64 ? numpy::materialized(*trace, value, DType::f32) : id;
    }
    Tensor tensor = tensor_of(value);
    if (tensor.dtype() == DType::i32) tensor = tensor.converted(DType::i64);
    const bool plain = value.as<std::int64_t>() != nullptr || value.as<double>() != nullptr;
    if (plain && !bare) tensor = tensor.reshaped({1});
    if (!is_floating(tensor.dtype()) || is_half(tensor.dtype()))
      return b.constant(tensor, tensor.dtype());
    if (shared.runtime.precision == Precision::f64) return b.constant(tensor, DType::f64);
    return b.constant(shared.single(tensor), DType::f32);
  }
  Value result(ValueId id, bool widened) const {
    if (trace != nullptr) {
      if (const auto known = b.known(id)) return numpy::array_value(*known);
    }
    if (trace != nullptr && widened && b.dtype(id) == DType::f32 && trace->real == DType::f64)
      return {Traced{trace, numpy::materialized(*trace, {Traced{trace, id}}, DType::f64)}};
    if (trace != nullptr) return {Traced{trace, id}};
    const Tensor tensor = b.known(id).value();
    const bool single = widened && tensor.dtype() == DType::f32;
    return numpy::array_value(single ? tensor.converted(DType::f64) : tensor);
  }
  Value result(const onnx::Operator& op, const std::vector<ValueId>& ids) const {
    if (!gives_tuple(op)) return result(ids[0], true);
    Tuple tuple;
    for (const ValueId id : ids) tuple.items.push_back(result(id, false));
    return {std::move(tuple)};
  }
};

}  // namespace

FunctionCall::FunctionCall(const std::string& name, const OrderedMap<Tree>& args,
                           const std::optional<std::string>& fallback) {
  const std::string formula = standard_formula(name);
  if (name.starts_with("onnx::")) {
    onnx_ = onnx_function(name);
    if (onnx_ == nullptr) unknown_ = name;
  } else if (!formula.empty()) {
    formula_ = Formula(formula);
  } else if (is_left_out(name) && !fallback) {
    unknown_ = name;
  } else {
    formula_ = Formula(fallback.value_or(name));
  }
  for (const auto& [arg, tree] : args) {
    Argument argument{arg, Formula(tree), {}};
    if (const std::string* text = argument.formula.text()) argument.names = required_names(*text);
    arguments_.push_back(std::move(argument));
  }
}

const FunctionCall::Argument* FunctionCall::argument(std::string_view name) const {
  const auto found = std::ranges::find(arguments_, name, &Argument::name);
  return found == arguments_.end() ? nullptr : &*found;
}

void FunctionCall::collect_required(std::set<std::string>& names) const {
  for (const Argument& one : arguments_) {
    for (const std::string& name : one.names) {
      if (argument(name) == nullptr) names.insert(name);
    }
  }
}

Value FunctionCall::evaluate(const Table& names, SharedOperators& shared) const {
  if (!unknown_.empty()) {
    throw Error(Fault::unsupported, "",
                fmt::format("there is no function {} here", quoted(unknown_)));
  }
  Table all(&names, arguments_.size());
  // In the order written: a later argument may use an earlier one.
  for (const Argument& argument : arguments_) {
    all.set(argument.name,
            with_place([&] { return fmt::format("arg {}", quoted(argument.name)); },
                       [&] { return argument.formula.evaluate(all, shared.runtime); }));
  }
  return onnx_ != nullptr ? evaluate_onnx(names, all, shared)
                          : formula_.evaluate(all, shared.runtime);
}

// Everything that the node knows, and what the arguments themselves are made of.
Table FunctionCall::candidates(const Table& given, const Table& names) const {
  Table found;
  const auto consider = [&](const std::string& name) {
    const Argument* written = argument(name);
    if (written != nullptr) {
      for (const std::string& inner : written->names) {
        if (const Value* value = names.entry(inner)) found.set(inner, *value);
      }
      const std::string* text = written->formula.text();
      if (text != nullptr && text->starts_with('[') && text->ends_with(']')) return;
    }
    found.set(name, *names.entry(name));
  };
  for (const auto& [name, value] : given.entries()) consider(name);
  for (const Argument& one : arguments_) {
    if (given.entry(one.name) == nullptr) consider(one.name);
  }
  return found;
}

// Of the candidates, what is neither an input nor an attribute of the operator is left out. An
// operator that takes any number of inputs takes all there is, but what has "onnx_" in its name.
Value FunctionCall::evaluate_onnx(const Table& given, const Table& names,
                                  SharedOperators& shared) const {
  Attributes attributes;
  Inputs inputs;
  const Table known = candidates(given, names);
  for (const auto& [name, value] : known.entries()) {
    if (name.find("onnx_") != std::string::npos) continue;
    const auto kind = attribute_kind(*onnx_, name);
    const bool taken = kind || onnx_->variadic() || is_input(*onnx_, name);
    if (taken && value.as<numpy::Unread>() != nullptr) throw Unreadable();
    if (kind) {
      attributes.push_back(
          {name, with_place([&name = name] { return fmt::format("attribute {}", quoted(name)); },
                            [&value = value, kind] { return attribute_from(value, *kind); })});
    } else if (taken) {
      inputs.push_back({name, value});
    }
  }
  if (onnx_->name() == "Constant") return inputs.empty() ? Value{} : inputs[0].value;

  DocumentEmitter at_once(shared, false);
  // What is known is carried out where the document is read, too: lengths are made of lengths.
  const bool all_known = std::ranges::none_of(
      inputs, [](const Input& input) { return numpy::trace_of(input.value) != nullptr; });
  const numpy::Trace* trace = all_known ? nullptr : shared.trace;
  Emitter& b = trace != nullptr ? trace->b : at_once;
  const Target target{b, shared, trace};
  const bool bare = is_elementwise(*onnx_) && std::ranges::any_of(inputs, [&](const Input& input) {
                      return target.has_axes(input.value);
                    });
  // Where an optional input is absent, those behind it move up, as they do in the reference.
  std::vector<ValueId> operands;
  for (const auto& [name, value] : in_formal_order(*onnx_, std::move(inputs))) {
    const bool filling = onnx_->name() == "Pad" && name == "constant_value";
    if (filling && value.is_none()) continue;
    ValueId id = with_place([&name = name] { return fmt::format("input {}", quoted(name)); },
                            [&, &value = value] { return target.operand(value, bare); });
    if (const auto fixed = b.known(id)) {
      if (onnx_->name() == "Reshape" && name == "shape")
        id = b.constant(fixed->reshaped({fixed->count()}));
      if (filling) id = b.constant(*fixed, b.dtype(operands.at(0)));
    }
    operands.push_back(id);
  }
  return target.result(*onnx_, onnx::read(b, *onnx_, operands, attributes));
}

}  // namespace isomer::mdf

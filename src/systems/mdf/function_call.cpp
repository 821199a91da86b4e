#include "base/error.h"
#include "base/text.h"
#include "run/tensor_emitter.h"
#include "systems/mdf/node_executor.h"
#include "systems/mdf/standard.h"

namespace isomer::mdf {
namespace {

// What the reference feeds to the operator: numbers get one axis, floats are 32 bits wide.
Tensor operand(const Value& value, Width width) {
  Tensor tensor = tensor_of(value);
  const bool plain = value.as<std::int64_t>() != nullptr || value.as<double>() != nullptr;
  if (plain) tensor = tensor.reshaped({1});
  if (!is_floating(tensor.dtype())) return tensor;
  return tensor.converted(width == Width::doubled ? DType::f64 : DType::f32);
}

/// In double precision, what the format computes in 32 bits is computed in 64.
class DocumentEmitter final : public TensorEmitter {
 public:
  DocumentEmitter(Operators& operators, Width width) : TensorEmitter(operators), width_(width) {}

  std::vector<ValueId> emit_all(std::string_view op, std::vector<ValueId> inputs,
                                Attributes attributes = {}) override {
    for (NamedAttribute& attribute : attributes) {
      const auto* dtype = std::get_if<DType>(&attribute.value);
      if (width_ == Width::doubled && dtype != nullptr && *dtype == DType::f32)
        attribute.value = DType::f64;
    }
    return TensorEmitter::emit_all(op, std::move(inputs), std::move(attributes));
  }

 private:
  Width width_;
};

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

Value result_of(const onnx::Operator& op, const TensorEmitter& emitter,
                const std::vector<ValueId>& results) {
  if (!gives_tuple(op)) {
    const Tensor& tensor = emitter[results[0]];
    return numpy::array_value(tensor.dtype() == DType::f32 ? tensor.converted(DType::f64) : tensor);
  }
  Tuple tuple;
  for (const ValueId id : results) tuple.items.push_back(numpy::array_value(emitter[id]));
  return {std::move(tuple)};
}

}  // namespace

FunctionCall::FunctionCall(const std::string& name, const Elements<Tree>& args,
                           const std::optional<std::string>& otherwise) {
  const std::string formula = standard_formula(name);
  if (name.starts_with("onnx::")) {
    onnx_ = onnx_function(name);
    if (onnx_ == nullptr) unknown_ = name;
  } else if (!formula.empty()) {
    formula_ = Formula(formula);
  } else {
    formula_ = Formula(otherwise.value_or(name));
  }
  for (const auto& [arg, tree] : args) {
    Argument argument{arg, Formula(tree), {}};
    if (const std::string* text = argument.formula.text()) argument.names = required_names(*text);
    arguments_.push_back(std::move(argument));
  }
}

const FunctionCall::Argument* FunctionCall::argument(std::string_view name) const {
  for (const Argument& argument : arguments_) {
    if (argument.name == name) return &argument;
  }
  return nullptr;
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
  Table all(&names);
  // In the order written: a later argument may use an earlier one.
  for (const Argument& argument : arguments_) {
    all.set(argument.name,
            with_place([&] { return fmt::format("arg {}", quoted(argument.name)); },
                       [&] { return argument.formula.evaluate(all, shared.width); }));
  }
  return onnx_ != nullptr ? evaluate_onnx(names, all, shared)
                          : formula_.evaluate(all, shared.width);
}

// Everything that the node knows, and what the arguments themselves are made of.
Table FunctionCall::candidates(const Table& given, const Table& names) const {
  Table found;
  const auto consider = [&](const std::string& name) {
    const Argument* written = argument(name);
    if (written != nullptr) {
      for (const std::string& inner : written->names) {
        if (const Value* value = names.find(inner)) found.set(inner, *value);
      }
      const std::string* text = written->formula.text();
      if (text != nullptr && text->starts_with('[') && text->ends_with(']')) return;
    }
    found.set(name, *names.find(name));
  };
  for (const auto& [name, value] : given.entries()) consider(name);
  for (const Argument& one : arguments_) {
    if (given.find(one.name) == nullptr) consider(one.name);
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
    if (const auto kind = attribute_kind(*onnx_, name)) {
      attributes.push_back(
          {name, with_place([&name = name] { return fmt::format("attribute {}", quoted(name)); },
                            [&value = value, kind] { return attribute_from(value, *kind); })});
    } else if (onnx_->variadic() || is_input(*onnx_, name)) {
      inputs.push_back({name, value});
    }
  }
  if (onnx_->name() == "Constant") return inputs.empty() ? Value{} : inputs[0].value;

  // Where an optional input is absent, those behind it move up, as they do in the reference.
  DocumentEmitter emitter(shared.operators, shared.width);
  std::vector<ValueId> operands;
  for (const auto& [name, value] : in_formal_order(*onnx_, std::move(inputs))) {
    if (onnx_->name() == "Pad" && name == "constant_value" && value.is_none()) continue;
    Tensor tensor = with_place([&name = name] { return fmt::format("input {}", quoted(name)); },
                               [&, &value = value] { return operand(value, shared.width); });
    if (onnx_->name() == "Reshape" && name == "shape") tensor = tensor.reshaped({tensor.count()});
    if (onnx_->name() == "Pad" && name == "constant_value")
      tensor = tensor.converted(emitter[operands.at(0)].dtype());
    operands.push_back(emitter.constant(std::move(tensor)));
  }
  return result_of(*onnx_, emitter, onnx::read(emitter, *onnx_, operands, attributes));
}

}  // namespace isomer::mdf

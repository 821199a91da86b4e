#include "torch/call.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/jit_type.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "ops/schema.h"
#include "vocabularies/aten/row.h"

namespace isomer::libtorch {
namespace {

using c10::IValue;
using c10::TypeKind;

/// One argument of a bound call: a tensor of the node, a value known now, or lengths known when it
/// runs.
struct Slot {
  enum class Kind { tensor, tensors, value, dim, dims };
  Kind kind = Kind::value;
  std::size_t input = 0;  // the first, for tensors
  IValue value = {};
  std::vector<Dim> dims = {};
};

struct Parameter {
  std::string name;
  TypeKind kind;
  TypeKind element = TypeKind::AnyType;  // of a list
  bool optional = false;
  std::optional<std::int32_t> count = {};  // of a list that one number may stand for
  std::optional<IValue> by_default = {};
};

[[noreturn]] void misfit(const aten::Row& row, const std::string& what) {
  throw Error(Fault::bug, std::string(row.ours), std::string(row.target()) + ": " + what);
}

Parameter parameter_of(const c10::Argument& argument) {
  Parameter parameter{
      .name = argument.name(), .kind = argument.type()->kind(), .count = argument.N()};
  c10::TypePtr type = argument.type();
  if (parameter.kind == TypeKind::OptionalType) {
    parameter.optional = true;
    type = type->expectRef<c10::OptionalType>().getElementType();
    parameter.kind = type->kind();
  }
  if (parameter.kind == TypeKind::ListType) {
    parameter.element = type->expectRef<c10::ListType>().getElementType()->kind();
  }
  if (argument.default_value()) parameter.by_default = *argument.default_value();
  return parameter;
}

/// As Python writes literals: True, 0.0, 3, 'floor'; or the type of the first input.
IValue literal(const aten::Row& row, std::string_view text, DType own) {
  if (text == "self.dtype") return static_cast<std::int64_t>(scalar_type(own));
  if (text == "True" || text == "False") return text == "True";
  if (text == "None") return {};
  if (text.size() >= 2 && text.front() == '\'') return std::string(text.substr(1, text.size() - 2));
  const char* end = text.data() + text.size();
  std::int64_t integer = 0;
  if (std::from_chars(text.data(), end, integer).ptr == end) return integer;
  double real = 0;
  if (std::from_chars(text.data(), end, real).ptr == end) return real;
  misfit(row, "'" + std::string(text) + "' is no literal");
}

/// Our attributes as values of the schema's types.
class Converter {
 public:
  Converter(const aten::Row& row, const Parameter& parameter, bool integral)
      : row_(row), parameter_(parameter), integral_(integral) {}

  Slot operator()(bool value) const { return made(value); }
  Slot operator()(std::int64_t value) const {
    if (parameter_.kind == TypeKind::FloatType) return made(static_cast<double>(value));
    if (parameter_.kind == TypeKind::ListType) return (*this)(std::vector<std::int64_t>{value});
    return made(value);
  }
  Slot operator()(double value) const {
    // A real bound would make integers real.
    const bool whole = integral_ && parameter_.kind == TypeKind::NumberType &&
                       value == std::floor(value) && std::abs(value) < 9e15;
    if (whole) return made(static_cast<std::int64_t>(value));
    return made(value);
  }
  Slot operator()(const std::string& value) const {
    if (parameter_.kind != TypeKind::IntType) return made(value);
    // at::Reduction
    if (value == "none") return made(std::int64_t{0});
    if (value == "mean") return made(std::int64_t{1});
    if (value == "sum") return made(std::int64_t{2});
    misfit(row_, "'" + value + "' is no reduction");
  }
  Slot operator()(DType value) const { return made(static_cast<std::int64_t>(scalar_type(value))); }
  Slot operator()(const Dim& value) const {
    if (value.known()) return (*this)(value.value());
    return {.kind = Slot::Kind::dim, .dims = {value}};
  }
  Slot operator()(std::vector<std::int64_t> values) const {
    // PyTorch has no word for "all" but None where it has None.
    if (values.empty() && parameter_.optional) return made(IValue());
    if (parameter_.count && values.size() == 1)
      values.resize(static_cast<std::size_t>(*parameter_.count), values[0]);
    if (parameter_.element == TypeKind::FloatType) {
      return made(c10::List<double>(std::vector<double>(values.begin(), values.end())));
    }
    return made(c10::List<std::int64_t>(values));
  }
  Slot operator()(const std::vector<Dim>& values) const {
    if (const auto known = known_shape(values)) return (*this)(*known);
    return {.kind = Slot::Kind::dims, .dims = values};
  }

 private:
  static Slot made(IValue value) { return {.value = std::move(value)}; }

  const aten::Row& row_;
  const Parameter& parameter_;
  bool integral_;
};

c10::OperatorHandle schema_of(const aten::Row& row) {
  const std::string_view target = row.target();
  const std::size_t dot = std::min(target.find('.'), target.size());
  const std::string name = "aten::" + std::string(target.substr(0, dot));
  const std::string overload(target.substr(std::min(dot + 1, target.size())));
  const auto found = c10::Dispatcher::singleton().findSchema({name, overload});
  if (!found) misfit(row, "the dispatcher has no such operator");
  return *found;
}

struct Bound {
  c10::OperatorHandle op;
  std::vector<Slot> slots;
};

IValue argument_for(const Slot& slot, std::span<const at::Tensor> inputs, const Lengths& lengths) {
  switch (slot.kind) {
    case Slot::Kind::tensor:
      return inputs[slot.input].defined() ? IValue(inputs[slot.input]) : IValue();
    case Slot::Kind::tensors:
      return c10::List<at::Tensor>(
          std::vector<at::Tensor>(inputs.begin() + slot.input, inputs.end()));
    case Slot::Kind::value: return slot.value;
    case Slot::Kind::dim: return slot.dims[0].evaluate(lengths);
    case Slot::Kind::dims: return c10::List<std::int64_t>(evaluate(slot.dims, lengths));
  }
  return {};
}

std::vector<at::Tensor> call(const Bound& bound, std::span<const at::Tensor> inputs,
                             const Context& context) {
  torch::jit::Stack stack;
  stack.reserve(bound.slots.size());
  for (const Slot& slot : bound.slots) stack.push_back(argument_for(slot, inputs, context.lengths));
  bound.op.callBoxed(stack);
  std::vector<at::Tensor> outputs;
  for (IValue& value : stack) {
    if (value.isTensor()) {
      outputs.push_back(std::move(value).toTensor());
    } else if (value.isTensorList()) {
      for (const at::Tensor& tensor : value.toTensorVector()) outputs.push_back(tensor);
    }
  }
  return outputs;
}

/// Binds one node to one schema.
class Binder {
 public:
  Binder(const aten::Row& row, const Graph& graph, const Node& node)
      : row_(row),
        inputs_(node.inputs.size()),
        attributes_(complete(op_named(node.op), node.attributes)) {
    if (!node.inputs.empty() && node.inputs[0] != ValueId::none)
      dtype_ = graph[node.inputs[0]].type.dtype;
  }

  Slot slot_for(const Parameter& parameter) {
    const bool list =
        parameter.kind == TypeKind::ListType && parameter.element == TypeKind::TensorType;
    if (parameter.kind == TypeKind::TensorType || list) return tensor_slot(parameter, list);
    if (const auto text = aten::paired(row_.fixed, parameter.name); !text.empty())
      return {.value = literal(row_, text, dtype_)};
    for (const NamedAttribute& attribute : attributes_) {
      if (theirs(attribute.name) != parameter.name) continue;
      ++used_;
      return std::visit(Converter(row_, parameter, is_integer(dtype_)), attribute.value);
    }
    if (parameter.by_default) return {.value = *parameter.by_default};
    if (!parameter.optional) misfit(row_, "nothing is known for '" + parameter.name + "'");
    return {};
  }

  void finish() const {
    if (next_ < inputs_) misfit(row_, "the node has more inputs than the schema tensors");
    if (used_ != attributes_.size()) misfit(row_, "the schema lacks an attribute of the node");
  }

 private:
  Slot tensor_slot(const Parameter& parameter, bool list) {
    if (list) return {.kind = Slot::Kind::tensors, .input = std::exchange(next_, inputs_)};
    if (next_ < inputs_) return {.kind = Slot::Kind::tensor, .input = next_++};
    if (!parameter.optional) misfit(row_, "there is no input for '" + parameter.name + "'");
    return {};
  }

  std::string_view theirs(std::string_view ours) const {
    return aten::paired(row_.renames, ours, ours);
  }

  const aten::Row& row_;
  std::size_t inputs_;
  Attributes attributes_;
  DType dtype_ = DType::f32;  // of the first input
  std::size_t next_ = 0;      // input
  std::size_t used_ = 0;      // attributes
};

}  // namespace

at::ScalarType scalar_type(DType dtype) {
  switch (dtype) {
    case DType::boolean: return at::kBool;
    case DType::i8: return at::kChar;
    case DType::u8: return at::kByte;
    case DType::i16: return at::kShort;
    case DType::i32: return at::kInt;
    case DType::i64: return at::kLong;
    case DType::f16: return at::kHalf;
    case DType::bf16: return at::kBFloat16;
    case DType::f32: return at::kFloat;
    case DType::f64: return at::kDouble;
    case DType::c64: return at::kComplexFloat;
    case DType::c128: return at::kComplexDouble;
  }
  throw Error(Fault::bug, "", "an element type without a number");
}

std::optional<bool> views(std::string_view op) {
  const aten::Row* row = aten::row_of(op);
  if (row == nullptr) return std::nullopt;
  const std::vector<c10::Argument>& results = schema_of(*row).schema().returns();
  return std::ranges::any_of(
      results, [](const c10::Argument& result) { return result.alias_info() != nullptr; });
}

bool runs(std::string_view op) {
  return is_native(op) || has_control(op) || aten::row_of(op) != nullptr;
}

Action bind(const Graph& graph, const Node& node, const std::vector<bool>& wanted) {
  if (is_native(node.op)) return bind_native(node, wanted);
  if (has_control(node.op)) return bind_control(node);
  const aten::Row* row = aten::row_of(node.op);
  if (row == nullptr) throw Error(Fault::bug, node.op, "the operator should have been expanded");
  Bound bound{schema_of(*row), {}};
  Binder binder(*row, graph, node);
  for (const c10::Argument& argument : bound.op.schema().arguments()) {
    bound.slots.push_back(binder.slot_for(parameter_of(argument)));
  }
  binder.finish();
  return [bound = std::move(bound)](std::span<const at::Tensor> inputs, const Context& context) {
    return call(bound, inputs, context);
  };
}

}  // namespace isomer::libtorch

#include "vocabularies/aten/reading.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace isomer::aten {
namespace {

// Where a tensor lies, and how PyTorch gets there fast, is not part of what it is.
constexpr std::string_view without_meaning[] = {
    "layout", "device",    "pin_memory",    "non_blocking",  "memory_format",
    "copy",   "implicit",  "cudnn_enable",  "cudnn_enabled", "sparse_grad",
    "sparse", "generator", "requires_grad",
};

}  // namespace

Reading::Reading(Builder& builder, const Call& call, const Row& its_row)
    : Arguments(builder, call.target, call.arguments),
      b(builder),
      row(its_row),
      returns(call.returns) {
  ignore(without_meaning);
}

Values Reading::all_tensors(std::string_view name) {
  Values all = tensors(name);
  if (std::ranges::find(all, ValueId::none) != all.end()) fail("one of the tensors is None");
  return all;
}

Operand Reading::operand(std::string_view name) {
  if (const auto* value = std::get_if<ValueId>(&need(name, "a tensor or a number"))) {
    if (*value == ValueId::none) wrong(name, "a tensor or a number");
    return *value;
  }
  return scalar(name);
}

Scalar Reading::scalar(std::string_view name, std::optional<Scalar> fallback) {
  const Argument* argument = look(name);
  if (argument == nullptr && fallback) return *fallback;
  if (argument == nullptr) fail(fmt::format("argument '{}' is missing; it needs a number", name));
  if (const auto* value = std::get_if<bool>(argument)) return *value;
  if (const auto* value = std::get_if<double>(argument)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(argument)) return *value;
  const auto* length = std::get_if<Dim>(argument);
  if (length != nullptr && length->known()) return length->value();
  if (length != nullptr) return *length;
  wrong(name, "a number");
}

std::int64_t Reading::axis(std::string_view name, std::int64_t rank,
                           std::optional<std::int64_t> fallback) {
  return wrap(integer(name, fallback), rank);
}

std::vector<std::int64_t> Reading::axes(std::string_view name, std::int64_t rank) {
  std::vector<std::int64_t> all = integers(name, std::vector<std::int64_t>{});
  for (std::int64_t& axis : all) axis = wrap(axis, rank);
  // The only axis of a scalar does not exist in our graph.
  if (rank == 0) all.clear();
  return all;
}

// -- reading by columns ---------------------------------------------------------------------------

namespace {

Operand operand_of(Reading& r, const Prototype::Input& input, std::string_view theirs) {
  if (input.optional) return r.optional_tensor(theirs);
  const Promotion promotion = r.row.promotion;
  if (promotion == Promotion::none || promotion == Promotion::real) return r.tensor(theirs);
  return r.operand(theirs);
}

ValueId converted(Reading& r, const Operand& operand, DType common) {
  switch (r.row.promotion) {
    case Promotion::none: break;
    case Promotion::common: return as_type(r.b, operand, common);
    case Promotion::common_real: return as_type(r.b, operand, floating(common));
    case Promotion::real: return as_type(r.b, operand, floating(r.b.dtype(operand.id)));
    case Promotion::boolean: return as_type(r.b, operand, DType::boolean);
  }
  return operand.id;
}

/// Our settings called `dim...` are axes of the first input.
std::optional<Attribute> setting_of(Reading& r, const Prototype::Setting& setting,
                                    std::string_view theirs, std::int64_t rank) {
  if (!r.given(theirs) && (setting.optional || setting.default_value)) return std::nullopt;
  const bool is_axis = setting.name.starts_with("dim");
  switch (setting.kind) {
    case Kind::boolean: return r.flag(theirs);
    case Kind::integer: return is_axis ? r.axis(theirs, rank) : r.integer(theirs);
    case Kind::real: return r.real(theirs);
    case Kind::text:
      return setting.name == "reduction" ? reduction_name(r, theirs) : r.text(theirs);
    case Kind::dtype: return r.dtype(theirs);
    case Kind::dim: return r.dim(theirs);
    case Kind::integers: return is_axis ? r.axes(theirs, rank) : r.integers(theirs);
    case Kind::dims: return r.dims(theirs);
  }
  return std::nullopt;
}

}  // namespace

Values emit_rounded_once(Builder& b, std::string_view op, Values inputs, Attributes attributes) {
  const DType dtype = b.dtype(inputs[0]);
  const bool mixed = is_half(dtype) && std::ranges::any_of(inputs, [&](ValueId id) {
                       return id != ValueId::none && b.dtype(id) == DType::f32;
                     });
  if (mixed) {
    for (ValueId& id : inputs) {
      if (id != ValueId::none) id = as_type(b, id, DType::f32);
    }
  }
  Values results = b.emit_all(op, std::move(inputs), std::move(attributes));
  if (mixed) results[0] = as_type(b, results[0], dtype);
  return results;
}

ValueId rounded_once(Builder& b, Values operands,
                     const std::function<ValueId(const Values&)>& compute) {
  const DType dtype = b.dtype(operands[0]);
  if (!is_half(dtype)) return compute(operands);
  for (ValueId& x : operands) x = as_type(b, x, DType::f32);
  return as_type(b, compute(operands), dtype);
}

Values renamed(Reading& r) {
  const Prototype& ours = prototype(op_named(r.row.ours));
  const std::vector<std::string_view> theirs = split_text(r.row.inputs, ' ');
  expect(theirs.size() == ours.inputs.size(), "a row names a tensor for each input of ours");
  std::vector<Operand> operands;
  for (std::size_t i = 0; i < theirs.size(); ++i)
    operands.push_back(operand_of(r, ours.inputs[i], theirs[i]));
  const bool promotes =
      r.row.promotion == Promotion::common || r.row.promotion == Promotion::common_real;
  const DType common = promotes ? result_type(r.b, operands) : DType::f32;
  Values inputs;
  for (const Operand& operand : operands) inputs.push_back(converted(r, operand, common));
  Attributes settings;
  for (const Prototype::Setting& setting : ours.settings) {
    const std::string_view name = paired(r.row.renames, setting.name, setting.name);
    if (auto value = setting_of(r, setting, name, r.b.rank(inputs[0])))
      settings.push_back({std::string(setting.name), std::move(*value)});
  }
  if (op_named(r.row.ours).traits.rounds == Rounds::once)
    return emit_rounded_once(r.b, r.row.ours, std::move(inputs), std::move(settings));
  return r.b.emit_all(r.row.ours, std::move(inputs), std::move(settings));
}

// -- type promotion -------------------------------------------------------------------------------

DType type_of(const Scalar& scalar) {
  if (std::holds_alternative<bool>(scalar)) return DType::boolean;
  return std::holds_alternative<double>(scalar) ? DType::f32 : DType::i64;
}

double real_of(const Scalar& scalar) {
  if (const auto* value = std::get_if<bool>(&scalar)) return *value ? 1 : 0;
  if (const auto* value = std::get_if<std::int64_t>(&scalar)) return static_cast<double>(*value);
  if (const auto* value = std::get_if<double>(&scalar)) return *value;
  throw Error(Fault::unsupported, "",
              "a number that depends on a length; a known one is needed here");
}

namespace {

using Category = std::optional<DType>;

void join(Category& category, DType dtype) {
  category = category ? promoted(*category, dtype) : dtype;
}

// A lower category counts only where it is of a higher kind: boolean < integer < floating <
// complex.
Category combine(Category higher, Category lower) {
  if (!higher || !lower) return higher ? higher : lower;
  if (is_complex(*higher)) return higher;
  if (is_floating(*higher)) {
    if (!is_complex(*lower)) return higher;
    return *higher == DType::f64 ? DType::c128 : DType::c64;
  }
  if (*higher == DType::boolean || is_floating(*lower) || is_complex(*lower))
    return promoted(*higher, *lower);
  return higher;
}

}  // namespace

DType result_type(const Builder& b, std::span<const Operand> operands) {
  Category tensors;
  Category scalar_tensors;
  Category numbers;
  for (const Operand& operand : operands) {
    if (!operand.is_tensor()) {
      join(numbers, type_of(operand.scalar));
    } else {
      join(b.rank(operand.id) > 0 ? tensors : scalar_tensors, b.dtype(operand.id));
    }
  }
  return combine(tensors, combine(scalar_tensors, numbers)).value_or(DType::f32);
}

DType floating(DType dtype) { return is_floating(dtype) || is_complex(dtype) ? dtype : DType::f32; }

ValueId as_type(Builder& b, ValueId value, DType dtype) {
  if (b.dtype(value) == dtype) return value;
  return b.emit("cast", {value}, {{"dtype", dtype}});
}

ValueId as_type(Builder& b, const Operand& operand, DType dtype) {
  if (operand.is_tensor()) return as_type(b, operand.id, dtype);
  if (const auto* dim = std::get_if<Dim>(&operand.scalar)) {
    if (dim->known()) return as_type(b, Operand(Scalar(dim->value())), dtype);
    return b.emit("length", {}, {{"value", *dim}, {"dtype", dtype}});
  }
  if (is_floating(dtype) || is_complex(dtype)) return b.literal(dtype, real_of(operand.scalar));
  if (const auto* value = std::get_if<std::int64_t>(&operand.scalar))
    return b.literal(dtype, *value);
  const double real = real_of(operand.scalar);
  constexpr double limit = 9.2e18;
  if (!(std::abs(real) < limit)) {
    throw Error(Fault::model, "", fmt::format("{} cannot become an integer", real_text(real)));
  }
  return b.literal(dtype, static_cast<std::int64_t>(real));
}

std::pair<ValueId, ValueId> promote(Builder& b, const Operand& x, const Operand& y) {
  const Operand both[] = {x, y};
  const DType dtype = result_type(b, both);
  return {as_type(b, x, dtype), as_type(b, y, dtype)};
}

// -- shared pieces --------------------------------------------------------------------------------

Attribute ints(std::vector<std::int64_t> values) { return values; }

ValueId arithmetic(Builder& b, std::string_view op, const Operand& x, const Operand& y) {
  const auto [left, right] = promote(b, x, y);
  const bool boolean = b.dtype(left) == DType::boolean;
  if (boolean && (op == "add" || op == "maximum")) return b.emit("logical_or", {left, right});
  if (boolean && (op == "mul" || op == "minimum")) return b.emit("logical_and", {left, right});
  return b.emit(op, {left, right});
}

bool is_one(const Scalar& scalar) {
  return !std::holds_alternative<Dim>(scalar) && real_of(scalar) == 1;
}

ValueId reshaped(Builder& b, ValueId x, Shape shape) {
  if (b.shape(x) == shape) return x;
  return b.emit("reshape", {x}, {{"shape", std::move(shape)}});
}

ValueId permuted(Builder& b, ValueId x, std::vector<std::int64_t> dims) {
  if (std::ranges::is_sorted(dims)) return x;
  return b.emit("permute", {x}, {{"dims", ints(std::move(dims))}});
}

ValueId unsqueezed(Builder& b, ValueId x, std::int64_t axis) {
  return b.emit("unsqueeze", {x}, {{"dim", axis}});
}

ValueId squeezed(Builder& b, ValueId x, std::vector<std::int64_t> axes) {
  std::erase_if(axes, [&](std::int64_t axis) {
    return b.shape(x)[static_cast<std::size_t>(axis)] != Dim(1);
  });
  if (axes.empty()) return x;
  return b.emit("squeeze", {x}, {{"dim", ints(std::move(axes))}});
}

ValueId sliced(Builder& b, ValueId x, std::int64_t axis, const Dim& start, const Dim& end) {
  if (start == Dim(0) && end == b.shape(x)[static_cast<std::size_t>(axis)]) return x;
  return b.emit("slice", {x}, {{"dim", axis}, {"start", start}, {"end", end}});
}

std::string reduction_name(Reading& r, std::string_view name) {
  constexpr std::string_view names[] = {"none", "mean", "sum"};
  const std::int64_t number = r.integer(name, 1);
  if (number < 0 || number > 2) r.fail(fmt::format("reduction {} is none of 0, 1 and 2", number));
  return std::string(names[number]);
}

ValueId reduced(Reading& r, ValueId x) {
  const std::string reduction = reduction_name(r);
  return reduction == "none" ? x : r.b.emit(reduction, {x});
}

ValueId above_zero(Builder& b, ValueId x) { return b.emit("clamp", {x}, {{"min", 0.0}}); }

ValueId flat_root(Builder& b, ValueId x) {
  const DType dtype = b.dtype(x);
  const ValueId zero = b.literal(dtype, 0.0);
  const ValueId at_zero = b.emit("eq", {x, zero});
  const ValueId root = b.emit("sqrt", {b.emit("where", {at_zero, b.literal(dtype, 1.0), x})});
  return b.emit("where", {at_zero, zero, root});
}

namespace {

/// A power of what is not negative; of 0 it has the slope 0, which the formula does not give.
ValueId flat_power(Builder& b, ValueId x, double exponent) {
  const DType dtype = b.dtype(x);
  const double infinity = std::numeric_limits<double>::infinity();
  const ValueId at_zero = b.emit("eq", {x, b.literal(dtype, 0.0)});
  const ValueId safe = b.emit("where", {at_zero, b.literal(dtype, 1.0), x});
  const ValueId power = b.emit("pow", {safe, b.literal(dtype, exponent)});
  return b.emit("where", {at_zero, b.literal(dtype, exponent < 0 ? infinity : 0.0), power});
}

}  // namespace

ValueId norm_of(Builder& b, ValueId x, double order, const Attributes& settings) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const DType dtype = b.dtype(x);
  if (order == 2) return flat_root(b, b.emit("sum", {b.emit("square", {x})}, settings));
  if (order == 0) {
    const ValueId counts = as_type(b, b.emit("ne", {x, b.literal(dtype, 0.0)}), dtype);
    return b.emit("sum", {counts}, settings);
  }
  const ValueId size = b.emit("abs", {x});
  if (order == 1) return b.emit("sum", {size}, settings);
  if (order == infinity) return b.emit("amax", {size}, settings);
  if (order == -infinity) return b.emit("amin", {size}, settings);
  return flat_power(b, b.emit("sum", {flat_power(b, size, order)}, settings), 1 / order);
}

std::int64_t countable(Reading& r, std::int64_t value) {
  constexpr std::int64_t most = std::int64_t{1} << 31;
  if (value < -most || value > most) r.refuse(fmt::format("{} is too far from 0", value));
  return value;
}

}  // namespace isomer::aten

#include <array>
#include <limits>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/onnx/onnx.h"

namespace isomer::onnx {
namespace {

// --- one tensor

// An input that is a single number, whatever its axes: bounds often come as lists of one.
ValueId scalar(Emitter& e, ValueId id) {
  if (e.rank(id) == 0) return id;
  const auto known = e.known(id);
  if (known && known->count() == 1) return e.constant(known->reshaped({}));
  return e.emit("reshape", {id}, {{"shape", std::vector<Dim>()}});
}

Values read_clip(Call& c) {
  ValueId result = c.tensor("input");
  if (c.given("min")) result = c.e.emit("maximum", {result, scalar(c.e, c.tensor("min"))});
  if (c.given("max")) result = c.e.emit("minimum", {result, scalar(c.e, c.tensor("max"))});
  return {result};
}

// The bounds of `clamp` and of `hardtanh`.
std::optional<Node> write_clip(const Operator& op, const Subject& s) {
  Node node{op.name(), {{s.call.inputs[0]}}, {}};
  for (const std::string_view name : {"min", "max"}) {
    const std::string ours = s.op == "clamp" ? std::string(name) : std::string(name) + "_val";
    const Attribute* bound = find(s.call.attributes, ours);
    node.inputs.push_back({ValueId::none, bound == nullptr ? std::nullopt : std::optional(*bound)});
  }
  return node;
}

// max(0, x) + min(0, alpha * (exp(x / alpha) - 1))
Values read_celu(Call& c) {
  const double alpha = c.real("alpha");
  return {c.e.emit("elu", {c.tensor("X")}, {{"alpha", alpha}, {"input_scale", 1 / alpha}})};
}

constexpr double sixth = 1.0 / 6;

Values read_hard_sigmoid(Call& c) {
  const ValueId x = c.tensor("X");
  const double alpha = c.real("alpha");
  const double beta = c.real("beta");
  // Attributes are floats of 32 bits.
  if (static_cast<float>(alpha) == static_cast<float>(sixth) && beta == 0.5)
    return {c.e.emit("hardsigmoid", {x})};
  const ValueId scaled = c.e.emit("mul", {x, number(c.e, x, alpha)});
  const ValueId moved = c.e.emit("add", {scaled, number(c.e, x, beta)});
  return {c.e.emit("clamp", {moved}, {{"min", 0.0}, {"max", 1.0}})};
}

std::optional<Node> write_hard_sigmoid(const Operator& op, const Subject& s) {
  return Node{op.name(), {{s.call.inputs[0]}}, {{"alpha", sixth}, {"beta", 0.5}}};
}

Values read_sign(Call& c) { return {sign_or_nan(c.e, c.tensor("input"))}; }

Values read_isinf(Call& c) {
  const ValueId x = c.tensor("X");
  const bool negative = c.flag("detect_negative");
  const bool positive = c.flag("detect_positive");
  if (negative && positive) return {c.e.emit("isinf", {x})};
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (negative) return {c.e.emit("eq", {x, number(c.e, x, -infinity)})};
  if (positive) return {c.e.emit("eq", {x, number(c.e, x, infinity)})};
  return {c.e.emit("lt", {x, x})};  // never
}

Values read_identity(Call& c) { return {c.tensor("input")}; }

// What is dropped is drawn, so only evaluation is read.
Values read_dropout(Call& c) {
  if (c.flag("training_mode", false)) c.refuse("dropout in training is random and not carried out");
  c.ignore({"ratio", "seed"});
  return {c.tensor("data")};
}

struct Code {
  std::int64_t code;
  DType dtype;
};
constexpr std::array<Code, 10> codes = {{{1, DType::f32},
                                         {2, DType::u8},
                                         {3, DType::i8},
                                         {5, DType::i16},
                                         {6, DType::i32},
                                         {7, DType::i64},
                                         {9, DType::boolean},
                                         {10, DType::f16},
                                         {11, DType::f64},
                                         {16, DType::bf16}}};

Values read_cast(Call& c) {
  const std::int64_t to = c.integer("to");
  c.ignore({"saturate"});  // of floats of 8 bits alone
  return {c.e.emit("cast", {c.tensor("input")}, {{"dtype", dtype_of(c, to)}})};
}

Values read_cast_like(Call& c) {
  c.ignore({"saturate"});
  const DType dtype = c.e.dtype(c.tensor("target_type"));
  return {c.e.emit("cast", {c.tensor("input")}, {{"dtype", dtype}})};
}

// Between the two, nothing; beyond them, `bias` nearer to 0.
Values read_shrink(Call& c) {
  const ValueId x = c.tensor("input");
  const double bias = c.real("bias");
  const double beyond = c.real("lambd");
  const auto moved = [&](double by) { return c.e.emit("add", {x, number(c.e, x, by)}); };
  const ValueId above = c.e.emit("gt", {x, number(c.e, x, beyond)});
  const ValueId below = c.e.emit("lt", {x, number(c.e, x, -beyond)});
  const ValueId inner = c.e.emit("where", {above, moved(-bias), number(c.e, x, 0)});
  return {c.e.emit("where", {below, moved(bias), inner})};
}

Values read_thresholded_relu(Call& c) {
  const ValueId x = c.tensor("X");
  const ValueId above = c.e.emit("gt", {x, number(c.e, x, c.real("alpha"))});
  return {c.e.emit("where", {above, x, number(c.e, x, 0)})};
}

Values read_bit_shift(Call& c) {
  const std::string direction = c.text("direction");
  if (direction != "LEFT" && direction != "RIGHT")
    c.fail(fmt::format("direction is {}; it is LEFT or RIGHT", quoted(direction)));
  return {
      c.e.emit(direction == "LEFT" ? "shift_left" : "shift_right", {c.tensor("X"), c.tensor("Y")})};
}

std::optional<Node> write_cast(const Operator& op, const Subject& s) {
  for (const Code& row : codes) {
    if (row.dtype == s.call.get<DType>("dtype"))
      return Node{op.name(), {{s.call.inputs[0]}}, {{"to", row.code}}};
  }
  return std::nullopt;
}

// --- several

Values read_chain(Call& c) {
  const Values inputs = c.inputs();
  ValueId result = inputs[0];
  for (std::size_t i = 1; i < inputs.size(); ++i) result = c.e.emit(c.ours, {result, inputs[i]});
  return {result};
}

Values read_mean(Call& c) {
  const ValueId sum = read_chain(c)[0];
  return {c.e.emit("div", {sum, number(c.e, sum, static_cast<double>(c.inputs().size()))})};
}

Values read_div(Call& c) {
  const ValueId x = c.tensor("A");
  const ValueId y = c.tensor("B");
  return {c.e.emit(is_floating(c.e.dtype(x)) ? "div" : "trunc_divide", {x, y})};
}

Values read_mod(Call& c) {
  const ValueId x = c.tensor("A");
  const ValueId y = c.tensor("B");
  return {c.e.emit(c.flag("fmod") ? "fmod" : "remainder", {x, y})};
}

// The result is of the first one's type.
Values read_pow(Call& c) {
  ValueId x = c.tensor("X");
  ValueId y = c.tensor("Y");
  const DType dtype = c.e.dtype(x);
  const DType other = c.e.dtype(y);
  const auto as = [&](ValueId id, DType wanted) {
    return c.e.dtype(id) == wanted ? id : c.e.emit("cast", {id}, {{"dtype", wanted}});
  };
  const DType within = is_floating(other) && !is_floating(dtype) ? other : dtype;
  return {as(c.e.emit("pow", {as(x, within), as(y, within)}), dtype)};
}

constexpr OperatorRow elementwise_table[] = {
    {13, "Abs(X) -> Y", "abs"},
    {13, "Neg(X) -> Y", "neg"},
    {13, "Sign(input) -> output", "", "", read_sign},
    {13, "Exp(input) -> output", "exp"},
    {13, "Log(input) -> output", "log"},
    {13, "Sqrt(X) -> Y", "sqrt"},
    {13, "Reciprocal(X) -> Y", "reciprocal"},
    {7, "Sin(input) -> output", "sin"},
    {7, "Cos(input) -> output", "cos"},
    {7, "Tan(input) -> output", "tan"},
    {13, "Tanh(input) -> output", "tanh"},
    {7, "Asin(input) -> output", "asin"},
    {7, "Acos(input) -> output", "acos"},
    {7, "Atan(input) -> output", "atan"},
    {9, "Sinh(input) -> output", "sinh"},
    {9, "Cosh(input) -> output", "cosh"},
    {9, "Asinh(input) -> output", "asinh"},
    {9, "Acosh(input) -> output", "acosh"},
    {9, "Atanh(input) -> output", "atanh"},
    {13, "Sigmoid(X) -> Y", "sigmoid"},
    {13, "Erf(input) -> output", "erf"},
    {13, "Floor(X) -> Y", "floor"},
    {13, "Ceil(X) -> Y", "ceil"},
    {11, "Round(X) -> Y", "round"},
    {14, "Relu(X) -> Y", "relu"},
    {1, "Softplus(X) -> Y", "softplus"},
    {1, "Softsign(input) -> output", "softsign"},
    {14, "HardSwish(X) -> Y", "hardswish"},
    {6, "HardSigmoid(X, alpha: float = 0.2, beta: float = 0.5) -> Y", "hardsigmoid", "",
     read_hard_sigmoid, write_hard_sigmoid},
    {6, "LeakyRelu(X, alpha: float = 0.01) -> Y", "leaky_relu", "negative_slope=alpha"},
    {6, "Elu(X, alpha: float = 1) -> Y", "elu", "alpha"},
    {6, "Selu(X, alpha: float = 1.6732631921768188, gamma: float = 1.0507010221481323) -> Y", "elu",
     "alpha scale=gamma"},
    {12, "Celu(X, alpha: float = 1) -> Y", "", "", read_celu},
    {10, "ThresholdedRelu(X, alpha: float = 1) -> Y", "", "", read_thresholded_relu},
    {9, "Shrink(input, bias: float = 0, lambd: float = 0.5) -> output", "", "", read_shrink},
    {9, "PRelu(X, slope) -> Y", "prelu"},
    {13, "Clip(input, min?, max?) -> output", "clamp hardtanh", "", read_clip, write_clip},
    {1, "Not(X) -> Y", "logical_not"},
    {13, "IsNaN(X) -> Y", "isnan"},
    {10, "IsInf(X, detect_negative: int = 1, detect_positive: int = 1) -> Y", "isinf", "",
     read_isinf, write_renamed},
    {14, "Identity(input) -> output", "detach", "", read_identity, write_renamed},
    {13, "Dropout(data, ratio?, training_mode?, seed: int?) -> (output, mask)", "", "",
     read_dropout},
    {14, "Add(A, B) -> C", "add"},
    {14, "Sub(A, B) -> C", "sub"},
    {14, "Mul(A, B) -> C", "mul"},
    {14, "Div(A, B) -> C", "div", "", read_div, write_renamed},
    {15, "Pow(X, Y) -> Z", "pow", "", read_pow, write_renamed},
    {13, "Mod(A, B, fmod: int = 0) -> C", "", "", read_mod},
    {13, "Equal(A, B) -> C", "eq"},
    {13, "Less(A, B) -> C", "lt"},
    {12, "LessOrEqual(A, B) -> C", "le"},
    {13, "Greater(A, B) -> C", "gt"},
    {12, "GreaterOrEqual(A, B) -> C", "ge"},
    {7, "And(A, B) -> C", "logical_and"},
    {7, "Or(A, B) -> C", "logical_or"},
    {7, "Xor(A, B) -> C", "logical_xor"},
    {9, "Where(condition, X, Y) -> output", "where"},
    {13, "Cast(input, to: int) -> output", "cast", "", read_cast, write_cast},
    {19, "Cast(input, saturate: int = 1, to: int) -> output", "cast", "", read_cast, write_cast},
    {15, "CastLike(input, target_type) -> output", "", "", read_cast_like},
    {19, "CastLike(input, target_type, saturate: int = 1) -> output", "", "", read_cast_like},
    {11, "BitShift(X, Y, direction: string) -> Z", "", "", read_bit_shift},
    {13, "Max(data_0...) -> max", "maximum", "", read_chain, write_renamed},
    {13, "Min(data_0...) -> min", "minimum", "", read_chain, write_renamed},
    {13, "Sum(data_0...) -> sum", "add", "", read_chain},
    {13, "Mean(data_0...) -> mean", "add", "", read_mean},
};

}  // namespace

DType dtype_of(const Call& call, std::int64_t code) {
  for (const Code& row : codes) {
    if (row.code == code) return row.dtype;
  }
  call.refuse(fmt::format("casts to type {} are not read", code));
}

std::optional<DType> type_in(Call& call, std::string_view name) {
  return call.given(name) ? std::optional(dtype_of(call, call.integer(name))) : std::nullopt;
}

std::span<const OperatorRow> elementwise_rows() { return elementwise_table; }

}  // namespace isomer::onnx

#include <cmath>

#include "base/text.h"
#include "systems/torch/spelling.h"

namespace isomer::torch {
namespace {

// Plain operands stand close to the sign, as formatters have it.
PythonAssignments write_pow(const PythonCall& call) {
  const Expression y = call.operand(call.node.inputs[1], false);
  const bool number = y.text.find_first_not_of("-.0123456789e") == std::string::npos;
  const std::string x = bound(call.operand(call.node.inputs[0], number), Binding::atom);
  const auto plain = [](const std::string& text) {
    return text.find_first_of(" ()[]") == std::string::npos;
  };
  const std::string exponent = bound(y, Binding::sign);
  const bool close = plain(x) && plain(exponent);
  return one(call, fmt::format("{}{}{}", x, close ? "**" : " ** ", exponent), Binding::power);
}

// F.prelu takes one slope, or one per channel; slopes that differ elsewhere have no function.
PythonAssignments write_prelu(const PythonCall& call) {
  const Shape& x = call.type(0).shape;
  const Shape& slopes = call.type(1).shape;
  bool by_channel = slopes.size() == x.size() && x.size() > 1 && slopes[1] == x[1];
  for (std::size_t i = 0; by_channel && i < slopes.size(); ++i) {
    by_channel = i == 1 || slopes[i] == Dim(1);
  }
  if (by_channel || count_elements(slopes) == Dim(1)) {
    return one(call, filled(call, "F.prelu({x}, {weight}.flatten())"));
  }
  const std::string text = receiver(call, 0);
  return one(call, fmt::format("torch.where({} > 0, {}, {} * {})", text, argument(call, 0),
                               receiver(call, 1), text));
}

PythonAssignments write_elu(const PythonCall& call) {
  const bool plain =
      setting<double>(call, "scale") == 1.0 && setting<double>(call, "input_scale") == 1.0;
  return one(call,
             filled(call, plain ? "F.elu({x}<, alpha={alpha}>)"
                                : "torch.ops.aten.elu({x}, {alpha}, {scale}, {input_scale})"));
}

// A bound with a point would turn integers into reals.
PythonAssignments write_clamp(const PythonCall& call) {
  std::string text = fmt::format("torch.clamp({}", argument(call, 0));
  for (const std::string_view name : {"min", "max"}) {
    if (!stated(call, name)) continue;
    const double limit = setting<double>(call, name);
    const bool whole = is_integer(call.type(0).dtype) && limit == std::trunc(limit);
    text +=
        fmt::format(", {}={}", name, whole ? fmt::format("{:.0f}", limit) : python_literal(limit));
  }
  return one(call, text + ")");
}

// PyTorch has no derivative for its sign.
PythonAssignments write_floor_divide(const PythonCall& call) {
  const std::string y = call.operand(call.node.inputs[1], false).text;
  return one(call, fmt::format("torch.div({}, {}, rounding_mode=\"floor\")", argument(call, 0), y));
}

PythonAssignments write_where(const PythonCall& call) {
  // Numbers take the other side's type; two numbers would take the default one.
  const Expression y = call.operand(call.node.inputs[2], false);
  const Expression x =
      call.operand(call.node.inputs[1], call.graph[call.node.inputs[2]].type.shape.empty());
  return one(call, fmt::format("torch.where({}, {}, {})", argument(call, 0), x.text, y.text));
}

constexpr Spelling elementwise_table[] = {
    {"neg", "-{x}", Binding::sign},
    {.op = "elu", .write = write_elu},
    {.op = "prelu", .write = write_prelu},
    {"relu_backward", "torch.ops.aten.threshold_backward({grad}, {y}, 0)"},
    {"polygamma", "torch.polygamma({n}, {x})"},
    {"binary_cross_entropy", "F.binary_cross_entropy({x}, {target}, reduction='none')"},
    {"lu", "torch.linalg.lu_factor_ex({a})[:2]"},
    {"softsign", "F.softsign({x})"},
    {.op = "clamp", .write = write_clamp},
    {"add", "{x} + {y}", Binding::sum},
    {"sub", "{x} - {y}", Binding::sum},
    {"mul", "{x} * {y}", Binding::product},
    {"div", "{x} / {y}", Binding::product},
    {.op = "floor_divide", .write = write_floor_divide},
    {"trunc_divide", "torch.div({x}, {y}, rounding_mode='trunc')"},
    {"remainder", "{x} % {y}", Binding::product},
    {.op = "pow", .write = write_pow},
    {"eq", "{x} == {y}", Binding::comparison},
    {"ne", "{x} != {y}", Binding::comparison},
    {"lt", "{x} < {y}", Binding::comparison},
    {"le", "{x} <= {y}", Binding::comparison},
    {"gt", "{x} > {y}", Binding::comparison},
    {"ge", "{x} >= {y}", Binding::comparison},
    {.op = "where", .write = write_where},
    {"cast", "{x}.to({dtype})"},
};

}  // namespace

std::span<const Spelling> elementwise_spellings() { return elementwise_table; }

}  // namespace isomer::torch

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/simplify.h"

namespace isomer {
namespace {

/// What a simplification looks at. Literals are found through the graph under construction.
struct Site {
  Emitter& out;
  const OpCall& call;

  ValueId x() const { return call.inputs[0]; }
  const TensorType& type() const { return call.types[0]; }

  /// The number that an input is everywhere, if it is a literal.
  std::optional<double> number(std::size_t i) const {
    const Constant* constant = out.constant_of(call.inputs[i]);
    if (constant == nullptr || !is_literal(*constant)) return std::nullopt;
    if (is_complex(constant->data.dtype())) return std::nullopt;
    return number_of(*constant);
  }

  /// The node that made an input, if it is of operator `op`.
  const Node* maker(ValueId id, std::string_view op) const {
    const Node* found = out.maker(id);
    return found != nullptr && found->op == op ? found : nullptr;
  }
};

using Simplification = std::optional<ValueId> (*)(const Site&);

// Neutral operands ------------------------------------------------------------------------------

// A literal has rank 0, so it does not broadcast the other operand. Adding 0 is not neutral: it
// turns -0 into 0. So does subtracting -0.

std::optional<ValueId> subtract_nothing(const Site& site) {
  const std::optional<double> number = site.number(1);
  return number == 0.0 && !std::signbit(*number) ? std::optional(site.x()) : std::nullopt;
}

std::optional<ValueId> multiply_by_one(const Site& site) {
  if (site.number(1) == 1.0) return site.call.inputs[0];
  if (site.number(0) == 1.0) return site.call.inputs[1];
  return std::nullopt;
}

std::optional<ValueId> divide_by_one(const Site& site) {
  return site.number(1) == 1.0 ? std::optional(site.x()) : std::nullopt;
}

std::optional<ValueId> power_of_one(const Site& site) {
  return site.number(1) == 1.0 ? std::optional(site.x()) : std::nullopt;
}

// Nothing to do ---------------------------------------------------------------------------------

std::optional<ValueId> to_same_shape(const Site& site) {
  if (site.call.get<std::vector<Dim>>("shape") == site.type().shape) return site.x();
  return std::nullopt;
}

std::optional<ValueId> to_same_type(const Site& site) {
  const DType to = site.call.get<DType>("dtype");
  if (to == site.type().dtype) return site.x();
  // There and back again, through what holds every number of the type.
  const Node* before = site.maker(site.x(), "cast");
  if (before == nullptr || site.out.dtype(before->inputs[0]) != to) return std::nullopt;
  const DType between = site.type().dtype;
  const bool wider = is_floating(to) && is_floating(between) && size_of(between) > size_of(to);
  return wider ? std::optional(before->inputs[0]) : std::nullopt;
}

std::optional<ValueId> same_order(const Site& site) {
  const auto& dims = site.call.integers("dims");
  const auto rank = static_cast<std::int64_t>(dims.size());
  for (std::int64_t i = 0; i < rank; ++i) {
    const std::int64_t axis = dims[static_cast<std::size_t>(i)];
    if (axis != i && axis + rank != i) return std::nullopt;
  }
  return site.x();
}

std::optional<ValueId> whole_slice(const Site& site) {
  if (site.call.get<Dim>("start") != Dim(0) || site.call.integer("step") != 1) return std::nullopt;
  const std::int64_t dim = site.call.integer("dim");
  const auto rank = static_cast<std::int64_t>(site.type().shape.size());
  const Dim& length = site.type().shape[static_cast<std::size_t>(dim < 0 ? dim + rank : dim)];
  const Dim& end = site.call.get<Dim>("end");
  const bool whole =
      end == length || (end.known() && end.value() == std::numeric_limits<std::int64_t>::max());
  return whole ? std::optional(site.x()) : std::nullopt;
}

std::optional<ValueId> one_part(const Site& site) {
  return site.call.inputs.size() == 1 ? std::optional(site.x()) : std::nullopt;
}

std::optional<ValueId> no_padding(const Site& site) {
  const auto& pad = site.call.get<std::vector<Dim>>("pad");
  const bool none = std::ranges::all_of(pad, [](const Dim& amount) { return amount == Dim(0); });
  return none ? std::optional(site.x()) : std::nullopt;
}

// Two in a row ----------------------------------------------------------------------------------

std::optional<ValueId> reshape_again(const Site& site) {
  const Node* before = site.maker(site.x(), "reshape");
  if (before == nullptr) return std::nullopt;
  const Shape& shape = site.call.get<std::vector<Dim>>("shape");
  if (site.out.shape(before->inputs[0]) == shape) return before->inputs[0];
  return site.out.emit("reshape", {before->inputs[0]}, {{"shape", shape}});
}

std::optional<ValueId> reshaped(const Site& site) {
  if (const auto same = to_same_shape(site)) return same;
  return reshape_again(site);
}

// operator, what may become of it
constexpr std::pair<std::string_view, Simplification> rules[] = {
    {"sub", subtract_nothing}, {"mul", multiply_by_one}, {"div", divide_by_one},
    {"pow", power_of_one},     {"reshape", reshaped},    {"expand", to_same_shape},
    {"cast", to_same_type},    {"permute", same_order},  {"slice", whole_slice},
    {"cat", one_part},         {"pad", no_padding},
};

}  // namespace

std::optional<ValueId> simplified(Emitter& out, std::string_view op, const OpCall& call) {
  const auto* rule =
      std::ranges::find(rules, op, &std::pair<std::string_view, Simplification>::first);
  return rule == std::end(rules) ? std::nullopt : rule->second(Site{out, call});
}

Graph simplify(const Graph& graph) {
  using Values = std::vector<ValueId>;
  return remove_unused(
      rewrite(graph,
              [](Builder& out, const Graph&, const Node& node,
                 std::span<const ValueId> inputs) -> std::optional<Values> {
                return with_call(out, node, inputs,
                                 [&](const OpSchema&, const OpCall& call) -> std::optional<Values> {
                                   const auto result = simplified(out, node.op, call);
                                   return result ? std::optional(Values{*result}) : std::nullopt;
                                 });
              }));
}

}  // namespace isomer

#include "passes/canonical_rules.h"

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <utility>

#include "ops/builder.h"
#include "ops/expansion.h"
#include "ops/rules.h"

namespace isomer {
namespace {

using Axes = std::vector<std::int64_t>;

/// The node that made a value, if it is of operator `op`.
const Node* maker(const Emitter& e, ValueId id, std::string_view op) {
  const Node* found = e.maker(id);
  return found != nullptr && found->op == op ? found : nullptr;
}

bool is_number(const Emitter& e, ValueId id) {
  const Constant* constant = e.constant_of(id);
  return constant != nullptr && is_literal(*constant) && !is_complex(constant->data.dtype());
}

ValueId number_like(Emitter& e, DType dtype, const Tensor& data) {
  if (is_floating(dtype)) return e.literal(dtype, data.converted(dtype).doubles()[0]);
  return e.literal(dtype, data.converted(dtype).integers()[0]);
}

// Movements -------------------------------------------------------------------------------------

/// Whether the axes that are not known to be 1 keep their order.
bool keeps_order(const Shape& shape, const Axes& dims) {
  std::int64_t last = -1;
  for (const std::int64_t axis : dims) {
    if (shape[static_cast<std::size_t>(axis)] == Dim(1)) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

std::optional<ValueId> merged_permute(Emitter& e, const OpCall& call) {
  const Axes& dims = call.integers("dims");
  if (keeps_order(call.types[0].shape, dims)) {
    Shape shape;
    for (const std::int64_t axis : dims)
      shape.push_back(call.types[0].shape[static_cast<std::size_t>(axis)]);
    return e.emit("reshape", {call.inputs[0]}, {{"shape", shape}});
  }
  const Node* before = maker(e, call.inputs[0], "permute");
  if (before == nullptr) return {};
  const Axes inner = get<Axes>(before->attributes, "dims");
  Axes both;
  for (const std::int64_t axis : dims) both.push_back(inner[static_cast<std::size_t>(axis)]);
  return e.emit("permute", {before->inputs[0]}, {{"dims", both}});
}

/// The value without axes of length 1 in front.
std::optional<ValueId> without_leading_ones(const Emitter& e, ValueId id) {
  const Node* reshape = maker(e, id, "reshape");
  if (reshape == nullptr) return {};
  const Shape to = e.shape(id), from = e.shape(reshape->inputs[0]);
  if (to.size() <= from.size()) return {};
  const auto added = to.begin() + static_cast<std::ptrdiff_t>(to.size() - from.size());
  const bool only_ones =
      std::all_of(to.begin(), added, [](const Dim& length) { return length == Dim(1); });
  return only_ones && std::equal(added, to.end(), from.begin(), from.end())
             ? std::optional(reshape->inputs[0])
             : std::nullopt;
}

std::optional<ValueId> before_broadcast(const Emitter& e, ValueId id) {
  if (const Node* expand = maker(e, id, "expand")) return expand->inputs[0];
  return without_leading_ones(e, id);
}

std::optional<ValueId> merged_expand(Emitter& e, const OpCall& call) {
  const auto before = before_broadcast(e, call.inputs[0]);
  if (!before) return {};
  return e.emit("expand", {*before}, {{"shape", call.get<Shape>("shape")}});
}

std::optional<ValueId> merged_reshape(Emitter& e, const OpCall& call) {
  const Shape& shape = call.get<Shape>("shape");
  const Node* expand = maker(e, call.inputs[0], "expand");
  if (expand != nullptr && e.rank(expand->inputs[0]) == 0)
    return e.emit("expand", {expand->inputs[0]}, {{"shape", shape}});
  const Constant* constant = e.constant_of(call.inputs[0]);
  const auto known = known_shape(shape);
  if (constant == nullptr || !constant->names.empty() || !known) return {};
  if (is_number(e, call.inputs[0])) return e.emit("expand", {call.inputs[0]}, {{"shape", shape}});
  return e.constant(constant->data.reshaped(*known));
}

// Numbers ---------------------------------------------------------------------------------------

/// Whether each number of the first type is one of the second.
bool holds_all(DType from, DType to) {
  const auto digits = [](DType dtype) {
    switch (dtype) {
      case DType::boolean: return 1;
      case DType::u8:
      case DType::bf16: return 8;
      case DType::i8: return 7;
      case DType::f16: return 11;
      case DType::i16: return 15;
      case DType::f32: return 24;
      case DType::i32: return 31;
      case DType::f64: return 53;
      case DType::i64: return 63;
      default: return 0;
    }
  };
  if (is_complex(from) || is_complex(to)) return false;
  if (from == DType::boolean) return true;
  if (is_floating(from)) {
    const bool wider = to == DType::f64 || (to == DType::f32 && from != DType::f64);
    return from == to || wider;
  }
  if (to == DType::boolean) return false;
  // Whole numbers: halves end at 65504, and bytes have no sign.
  if (to == DType::f16) return digits(from) <= 8;
  if (to == DType::u8) return from == DType::u8;
  return digits(to) >= digits(from);
}

std::optional<ValueId> merged_cast(Emitter& e, const OpCall& call) {
  const DType to = call.get<DType>("dtype");
  if (is_number(e, call.inputs[0]) && !is_complex(to))
    return number_like(e, to, e.constant_of(call.inputs[0])->data);
  const Node* before = maker(e, call.inputs[0], "cast");
  if (before == nullptr) return {};
  const ValueId x = before->inputs[0];
  if (!holds_all(e.dtype(x), call.types[0].dtype)) return {};
  return e.emit("cast", {x}, {{"dtype", to}});
}

std::optional<ValueId> merged_full(Emitter& e, const OpCall& call) {
  const auto dtype = call.get<DType>("dtype");
  if (is_complex(dtype)) return {};
  const double value = call.real("value");
  const ValueId number = is_floating(dtype)
                             ? e.literal(dtype, value)
                             : number_like(e, dtype, Tensor::from_doubles(dtype, {}, {&value, 1}));
  return e.emit("expand", {number}, {{"shape", call.get<Shape>("shape")}});
}

std::optional<ValueId> merged_length(Emitter& e, const OpCall& call) {
  const Dim& length = call.get<Dim>("value");
  if (!length.known()) return {};
  return e.literal(call.get<DType>("dtype"), length.value());
}

// operator, what may become of it
constexpr std::pair<std::string_view, std::optional<ValueId> (*)(Emitter&, const OpCall&)> rules[] =
    {
        {"permute", merged_permute}, {"expand", merged_expand}, {"reshape", merged_reshape},
        {"cast", merged_cast},       {"full", merged_full},     {"length", merged_length},
};

// Bodies ----------------------------------------------------------------------------------------

bool reads(const Graph& body, ValueId input) {
  return std::ranges::find(body.outputs, input) != body.outputs.end() ||
         std::ranges::any_of(body.nodes, [&](const Node& node) {
           return std::ranges::find(node.inputs, input) != node.inputs.end();
         });
}

/// Where an operand stands, by value.
using Places = std::map<ValueId, std::vector<std::size_t>, Before>;

/// The body with its first inputs as they were and then one for each of `places`, which says which
/// of the node's inputs it stands for.
Graph on_operands(const Graph& body, std::size_t front, std::size_t skipped, const Places& places) {
  Builder out(body.name);
  out.assume(body.signature.lengths);
  std::vector<ValueId> inputs(body.inputs.size(), ValueId::none);
  const auto input = [&](std::size_t i) {
    return out.input(body[body.inputs[i]].name, body[body.inputs[i]].type);
  };
  for (std::size_t i = 0; i < front; ++i) inputs[i] = input(i);
  for (const auto& [id, all] : places) {
    const ValueId one = input(all[0] - skipped);
    for (const std::size_t place : all) inputs[place - skipped] = one;
  }
  Signature signature;
  signature.lengths = body.signature.lengths;
  return std::move(out).finish(emit_body(out, body, inputs), std::move(signature));
}

/// Operators whose operands broadcast against each other.
const std::set<std::string_view>& broadcasting() {
  static const std::set<std::string_view> names = [] {
    std::set<std::string_view> result;
    for (const OpFamily& family : op_families()) {
      for (const OpSchema& schema : family.ops) {
        if (family.name == "elementwise" && prototype(schema).inputs.size() > 1)
          result.insert(schema.name());
      }
    }
    return result;
  }();
  return names;
}

}  // namespace

void count_axes_from_front(Attributes& attributes, std::span<const TensorType> types) {
  if (types.empty()) return;
  const auto rank = static_cast<std::int64_t>(types[0].shape.size());
  const auto from_front = [&](std::int64_t& axis) {
    axis += axis < 0 ? std::max(rank, std::int64_t{1}) : 0;
  };
  for (NamedAttribute& attribute : attributes) {
    if (attribute.name == "dim") {
      if (auto* axis = std::get_if<std::int64_t>(&attribute.value)) from_front(*axis);
    }
    auto* axes = std::get_if<Axes>(&attribute.value);
    if (axes == nullptr || (attribute.name != "dim" && attribute.name != "dims")) continue;
    std::ranges::for_each(*axes, from_front);
    if (attribute.name == "dims") continue;
    if (axes->empty()) {
      axes->resize(static_cast<std::size_t>(rank));
      std::iota(axes->begin(), axes->end(), 0);
    }
    std::ranges::sort(*axes);
  }
}

std::optional<ValueId> merged_with_makers(Emitter& e, std::string_view op, const OpCall& call) {
  for (const auto& [name, rule] : rules) {
    if (name == op) return rule(e, call);
  }
  return {};
}

void order_shared_operands(std::string_view op, const Attributes& attributes,
                           std::vector<ValueId>& inputs, std::vector<Body>& bodies,
                           const Before& before) {
  const bool is_choice = op == "if";
  if (!is_choice && op != "scan" && op != "while") return;
  // Those in front are the condition, or what is carried and scanned, which keeps its place.
  std::size_t front = is_choice ? 1 : 0;
  for (const std::string_view name : {"carried", "scanned"}) {
    if (const Attribute* count = find(attributes, name))
      front += static_cast<std::size_t>(std::get<std::int64_t>(*count));
  }
  const std::size_t skipped = is_choice ? 1 : 0;  // inputs that no body takes
  Places places(before);
  for (std::size_t i = front; i < inputs.size(); ++i) {
    const bool is_read = std::ranges::any_of(
        bodies, [&](const Body& body) { return reads(*body, body->inputs[i - skipped]); });
    if (is_read) places[inputs[i]].push_back(i);
  }
  for (Body& body : bodies)
    body = std::make_shared<const Graph>(on_operands(*body, front - skipped, skipped, places));
  inputs.resize(front);
  for (const auto& [id, _] : places) inputs.push_back(id);
}

void drop_broadcasts(const Emitter& e, const OpSchema& schema, std::vector<ValueId>& inputs,
                     std::vector<TensorType>& types, const Attributes& attributes,
                     std::span<const LengthRange> lengths) {
  if (!broadcasting().contains(schema.name())) return;
  const auto results = [&] {
    return output_types(schema, OpCall{attributes, inputs, types}, lengths);
  };
  const std::vector<TensorType> wanted = results();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    while (const auto before = before_broadcast(e, inputs[i])) {
      const ValueId after = std::exchange(inputs[i], *before);
      const TensorType type = std::exchange(types[i], e.type(*before));
      if (results() == wanted) continue;
      inputs[i] = after;
      types[i] = type;
      break;
    }
  }
}

}  // namespace isomer

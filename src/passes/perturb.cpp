#include <algorithm>
#include <cmath>
#include <map>

#include "passes/differentiate_control.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "passes/widening.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

constexpr TensorType key_type{DType::i64, {}};

/// A composite operator, but a scan, and what rounds its result once to a half that stays: inside
/// it there are no casts of the author's.
bool is_expanded(const Graph& graph, const Node& node, const Widening& widened) {
  const OpSchema& schema = op_named(node.op);
  if (node.op == "scan" || schema.expand == nullptr) return false;
  return schema.traits.rounds != Rounds::once ||
         !is_half(widened(graph[node.outputs[0]].type.dtype));
}

bool has_expanded(const Graph& graph, const Widening& widened) {
  return std::ranges::any_of(graph.nodes, [&](const Node& node) {
    return is_expanded(graph, node, widened) ||
           std::ranges::any_of(node.bodies,
                               [&](const Body& b) { return has_expanded(*b, widened); });
  });
}

Graph in_primitives(Graph graph, const Widening& widened) {
  while (has_expanded(graph, widened)) {
    graph = rewrite(graph,
                    [&](Builder& out, const Graph& old, const Node& node,
                        std::span<const ValueId> inputs) -> std::optional<Values> {
                      if (!is_expanded(old, node, widened)) return std::nullopt;
                      return expand_node(out, node, inputs);
                    });
  }
  return graph;
}

/// Where the bodies of a node take their key among its inputs: behind what a scan scans, so that
/// each trip has its own, else at the end.
std::size_t place_of_key(const Node& node) {
  if (node.op != "scan") return node.inputs.size();
  return static_cast<std::size_t>(get<std::int64_t>(node.attributes, "carried") +
                                  get<std::int64_t>(node.attributes, "scanned"));
}

/// The graph with a key among its inputs at that place, and its bodies likewise. Its value is the
/// last.
Graph with_key(Graph graph, std::size_t place) {
  std::map<std::pair<Body, std::size_t>, Body> changed;
  for (Node& node : graph.nodes) {
    const std::size_t at = place_of_key(node) - (node.op == "if" ? 1 : 0);
    for (Body& body : node.bodies) {
      Body& known = changed[{body, at}];
      if (!known) known = std::make_shared<const Graph>(with_key(*body, at));
      body = known;
    }
  }
  graph.inputs.insert(graph.inputs.begin() + static_cast<std::ptrdiff_t>(place),
                      static_cast<ValueId>(graph.values.size()));
  graph.values.push_back({"key", key_type});
  graph.signature.arguments = flat_arguments(graph);
  graph.signature.keywords = Signature().keywords;
  return graph;
}

bool is_held(double number, DType dtype) {
  const Tensor rounded = Tensor::from_doubles(dtype, {}, std::span(&number, 1));
  return std::isnan(number) || rounded.doubles()[0] == number;
}

/// Whether numbers of the first type are numbers of the second.
bool holds_all(DType from, DType to) {
  if (from == to || to == DType::f64 || from == DType::boolean) return true;
  if (to == DType::f32)
    return is_half(from) || (is_integer(from) && from != DType::i64 && from != DType::i32);
  return false;
}

class Perturbing {
 public:
  Perturbing(const Widening& widened, Precision precision)
      : widened_(widened), single_(precision == Precision::f32) {}

  std::optional<Values> operator()(Builder& out, const Graph& old, const Node& node,
                                   std::span<const ValueId> given) {
    Values inputs = wide(out, old, node, given);
    if (!node.bodies.empty()) return with_bodies(out, old, node, std::move(inputs));
    if (single_ && node.op == "cast") return Values{cast(out, old, node, inputs[0])};
    const Traits& traits = op_named(node.op).traits;
    Attributes attributes = complete(op_named(node.op), node.attributes);
    const Dim terms = traits.terms ? terms_of(out, traits, attributes, inputs) : Dim(1);
    widened_.change(attributes);
    if (traits.terms) move_terms(out, old, node, terms, inputs);
    Values results = out.emit_all(node.op, std::move(inputs), attributes);
    if (!rounds(traits, attributes, old[node.outputs[0]].type.dtype)) return results;
    const bool exact = traits.terms || traits.rounds == Rounds::nearest;
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (is_half(out.dtype(results[i]))) {
        if (traits.rounds != Rounds::nearest) results[i] = moved_half(out, old, results[i]);
        continue;
      }
      const DType dtype = single_ ? old[node.outputs[i]].type.dtype : DType::f64;
      // Sums of halves are taken in f32.
      results[i] = moved(out, old, results[i], is_half(dtype) ? Dim(1) : terms, dtype,
                         exact ? "held" : "never");
    }
    return results;
  }

 private:
  using Place = std::pair<const Graph*, ValueId>;

  ValueId key_of(const Builder& out, const Graph& old) const {
    const auto key = std::ranges::find(old.inputs, static_cast<ValueId>(old.values.size() - 1));
    return out.graph().inputs[static_cast<std::size_t>(key - old.inputs.begin())];
  }

  /// Moved as rounding to `dtype` moves; integers are not.
  ValueId moved(Builder& out, const Graph& old, ValueId x, const Dim& terms, DType dtype,
                std::string exact) {
    if (!is_floating(out.dtype(x)) || is_half(out.dtype(x))) return x;
    return out.emit(
        "perturb", {x, key_of(out, old)},
        {{"terms", terms}, {"dtype", dtype}, {"exact", std::move(exact)}, {"stream", streams_++}});
  }

  /// What is computed in half precision also where all else is double: sums and functions differ
  /// there by that type's rounding. By twice as much, so that rounding again does not undo it.
  ValueId moved_half(Builder& out, const Graph& old, ValueId x) {
    const DType dtype = out.dtype(x);
    const ValueId y = out.emit("perturb", {x, key_of(out, old)},
                               {{"terms", Dim(4)}, {"dtype", dtype}, {"stream", streams_++}});
    return out.emit("cast", {y}, {{"dtype", dtype}});
  }

  /// Literals that single precision does not hold are moved where they stand, once.
  Values wide(Builder& out, const Graph& old, const Node& node, std::span<const ValueId> given) {
    Values inputs(given.begin(), given.end());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] == ValueId::none) continue;
      const DType dtype = old[node.inputs[i]].type.dtype;
      const Constant* constant = out.constant_of(inputs[i]);
      if (constant == nullptr || !is_floating(dtype)) continue;
      const bool is_number = is_literal(*constant);
      if (is_number && (!single_ || is_held(number_of(*constant), dtype))) continue;
      if (!is_number && widened_(out.dtype(inputs[i])) == out.dtype(inputs[i])) continue;
      ValueId& known = constants_.try_emplace({&old, node.inputs[i]}, ValueId::none).first->second;
      if (known == ValueId::none) {
        known = is_number ? moved(out, old, inputs[i], 1, dtype, "held")
                          : out.emit("cast", {inputs[i]}, {{"dtype", DType::f64}});
      }
      inputs[i] = known;
    }
    return inputs;
  }

  static Dim terms_of(const Builder& out, const Traits& traits, const Attributes& attributes,
                      const Values& inputs) {
    std::vector<TensorType> types;
    for (const ValueId id : inputs)
      types.push_back(id == ValueId::none ? TensorType{} : out.type(id));
    return traits.terms({attributes, inputs, types});
  }

  void move_terms(Builder& out, const Graph& old, const Node& node, const Dim& terms,
                  Values& inputs) {
    const bool wide = !single_ || old[node.outputs[0]].type.dtype == DType::f64;
    for (ValueId& id : inputs) {
      if (id != ValueId::none)
        id = moved(out, old, id, terms, wide ? DType::f64 : DType::f32, "whole");
    }
  }

  /// One with a number among its attributes rounds nothing else than that.
  bool rounds(const Traits& traits, const Attributes& attributes, DType dtype) const {
    if (traits.rounds != Rounds::nearest) return traits.rounds != Rounds::never;
    if (!single_ && attributes_are_rounded(attributes)) return false;
    for (const NamedAttribute& attribute : attributes) {
      const double* number = std::get_if<double>(&attribute.value);
      if (number != nullptr) return !is_floating(dtype) || !is_held(*number, dtype);
    }
    return true;
  }

  static bool attributes_are_rounded(const Attributes& attributes) {
    return std::ranges::any_of(attributes, [](const NamedAttribute& attribute) {
      return std::holds_alternative<double>(attribute.value) ||
             std::holds_alternative<DType>(attribute.value);
    });
  }

  /// To a smaller type of floats it is that type's rounding alone, whatever is computed in it.
  ValueId cast(Builder& out, const Graph& old, const Node& node, ValueId x) {
    const DType from = old[node.inputs[0]].type.dtype;
    const DType to = old[node.outputs[0]].type.dtype;
    if (out.dtype(x) != widened_(to)) x = out.emit("cast", {x}, {{"dtype", widened_(to)}});
    return !is_floating(to) || holds_all(from, to) ? x : moved(out, old, x, 1, to, "held");
  }

  /// A node gives its bodies other keys than it has itself, and each trip of a scan its own: an
  /// affine step of whole numbers, which wrap around.
  Values with_bodies(Builder& out, const Graph& old, const Node& node, Values inputs) {
    constexpr std::int64_t factor = 6364136223846793005, apart = 1442695040888963407;
    const auto number = [&](std::int64_t value) { return out.literal(DType::i64, value); };
    const ValueId own = out.emit("mul", {key_of(out, old), number(factor)});
    ValueId key = out.emit("add", {own, number(++bodies_)});
    Attributes attributes = node.attributes;
    if (node.op == "scan") {
      const Dim trips = trips_of(out, node, inputs);
      const ValueId places = out.emit("arange", {}, {{"end", trips}});
      key = out.emit("add", {key, out.emit("mul", {places, number(apart)})});
      auto& scanned = std::ranges::find(attributes, "scanned", &NamedAttribute::name)->value;
      ++std::get<std::int64_t>(scanned);
    }
    inputs.insert(inputs.begin() + static_cast<std::ptrdiff_t>(place_of_key(node)), key);
    return out.emit_all(node.op, std::move(inputs), std::move(attributes), node.bodies);
  }

  const Widening& widened_;
  bool single_;
  std::int64_t streams_ = 0;
  std::int64_t bodies_ = 0;
  std::map<Place, ValueId> constants_;  // moved or wide
};

/// Large weights stay as they are stored: the double of each would be another model in memory.
bool stays(const Graph& graph, const Constant& constant) {
  constexpr std::int64_t small = 1 << 12;
  const auto is_next = [&](const State& state) { return state.next == constant.value; };
  return constant.data.count() > small &&
         std::ranges::find(graph.outputs, constant.value) == graph.outputs.end() &&
         std::ranges::none_of(graph.states, is_next);
}

}  // namespace

Graph perturb(const Graph& graph, Precision precision) {
  const Widening widened = precision == Precision::f32 ? Widening::of_all() : Widening(graph);
  const Graph plain = in_primitives(graph, widened);
  const Graph wide = with_key(
      with_wide_interface(plain, widened, [&](const Constant& c) { return stays(plain, c); }),
      plain.inputs.size());
  Perturbing rule(widened, precision);
  return rewrite(wide, std::ref(rule));
}

}  // namespace isomer

#include <algorithm>
#include <map>
#include <optional>

#include "base/error.h"
#include "ops/expansion.h"
#include "passes/copy.h"
#include "passes/differentiate_control.h"
#include "passes/passes.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;
using Exposed = std::vector<ExposedValue>;

void append(Values& values, const Values& more) {
  values.insert(values.end(), more.begin(), more.end());
}

/// A graph with what it computes inside, before it is said what it gives.
struct Open {
  Builder builder;
  Values outputs;   // the graph's own
  Values inner;     // given behind them
  Exposed exposed;  // their outputs are numbers of `inner`

  explicit Open(const Graph& graph);

  Body body(const Graph& like) && {
    append(outputs, inner);
    Signature signature;
    signature.lengths = like.signature.lengths;
    return std::make_shared<const Graph>(std::move(builder).finish(outputs, std::move(signature)));
  }

 private:
  Values emit(const Node& node, const Values& inputs);
  Values branch(const Node& node, const Values& inputs);
  Values repeat(const Node& node, const Values& inputs);
  /// A node whose bodies give, behind what they gave, all that is `found` in them.
  Values add(const Node& node, Values inputs, const Attributes& attributes,
             std::vector<Body> bodies, const Exposed& found);

  std::size_t number_ = 0;  // of the node that is looked at
};

/// Gives that the body ran, too: for its values that no inner body tells it of already.
void add_flag(Open& body) {
  const std::size_t flag = body.inner.size();
  body.inner.push_back(body.builder.literal(DType::boolean, std::int64_t{1}));
  for (ExposedValue& one : body.exposed) {
    if (!one.ran) one.ran = flag;
  }
}

void add_zeros(Open& body, const std::vector<TensorType>& types) {
  for (const TensorType& type : types) body.inner.push_back(zeros(body.builder, type));
}

std::vector<TensorType> types_of(const Open& open) {
  std::vector<TensorType> types;
  for (const ValueId id : open.inner) types.push_back(open.builder.type(id));
  return types;
}

Open::Open(const Graph& graph) : builder(graph.name) {
  Values now = copy_interface(builder, graph);
  const auto at = [&](ValueId id) -> ValueId& { return now[static_cast<std::size_t>(id)]; };
  for (number_ = 0; number_ < graph.nodes.size(); ++number_) {
    const Node& node = graph.nodes[number_];
    const Values inputs = mapped(node.inputs, now);
    builder.at(node.scope, node.place);
    const Values results = emit(node, inputs);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const std::string& name = graph[node.outputs[i]].name;
      at(node.outputs[i]) = results[i];
      builder.name(results[i], name);
      if (is_complex(builder.dtype(results[i]))) continue;
      exposed.push_back({name, node.op, node.scope, node.place, {{number_}}, inner.size(), {}});
      inner.push_back(results[i]);
    }
  }
  builder.at("", {});
  for (const State& state : graph.states) builder.keep(at(state.now), at(state.next));
  for (const ValueId id : graph.outputs) outputs.push_back(at(id));
}

Values Open::emit(const Node& node, const Values& inputs) {
  if (node.op == "if") return branch(node, inputs);
  if (node.op == "while") return repeat(node, inputs);
  if (node.bodies.empty()) return builder.emit_all(node.op, inputs, node.attributes);
  Open inside(*node.bodies[0]);
  const Exposed found = std::move(inside.exposed);
  return add(node, inputs, node.attributes, {std::move(inside).body(*node.bodies[0])}, found);
}

Values Open::add(const Node& node, Values inputs, const Attributes& attributes,
                 std::vector<Body> bodies, const Exposed& found) {
  const Values results =
      builder.emit_all(node.op, std::move(inputs), attributes, std::move(bodies));
  const auto own = results.begin() + static_cast<std::ptrdiff_t>(node.outputs.size());
  for (ExposedValue one : found) {
    one.nodes.insert(one.nodes.begin(), {number_, node.op == "scan" || node.op == "while"});
    one.move(inner.size());
    exposed.push_back(std::move(one));
  }
  inner.insert(inner.end(), own, results.end());
  return {results.begin(), own};
}

/// Each branch gives what the other would compute, too: zeros, and that it did not run.
Values Open::branch(const Node& node, const Values& inputs) {
  Open then(*node.bodies[0]);
  Open other(*node.bodies[1]);
  add_flag(then);
  add_flag(other);
  const std::vector<TensorType> of_then = types_of(then);
  const std::vector<TensorType> of_other = types_of(other);
  add_zeros(then, of_other);
  Values behind = std::exchange(other.inner, {});
  add_zeros(other, of_then);
  append(other.inner, behind);
  Exposed found = std::move(then.exposed);
  for (ExposedValue& one : other.exposed) {
    one.move(of_then.size());
    found.push_back(std::move(one));
  }
  return add(node, inputs, node.attributes,
             {std::move(then).body(*node.bodies[0]), std::move(other).body(*node.bodies[1])},
             found);
}

// while: it gives nothing but what it carries, so it carries the first trips' values.

constexpr std::int64_t kept_trips = 32;

TensorType kept_type(TensorType type) {
  type.shape.insert(type.shape.begin(), Dim(kept_trips));
  return type;
}

/// The values so far, with that of this trip.
ValueId with_trip(Builder& b, ValueId kept, ValueId is_trip, ValueId value) {
  Shape mask(b.shape(value).size() + 1, Dim(1));
  mask[0] = Dim(kept_trips);
  Shape one = b.shape(value);
  one.insert(one.begin(), Dim(1));
  return b.emit("where", {b.emit("reshape", {is_trip}, {{"shape", mask}}),
                          b.emit("reshape", {value}, {{"shape", one}}), kept});
}

/// A body of a `while` that carries, behind the old ones, values of the first trips and the number
/// of the trip.
class Keeping {
 public:
  Keeping(std::string name, const Graph& old, std::size_t carried,
          const std::vector<TensorType>& types)
      : b_(std::move(name)), lengths_(old.signature.lengths) {
    b_.assume(lengths_);
    for (std::size_t i = 0; i <= old.inputs.size(); ++i) {
      if (i == carried) {
        for (const TensorType& type : types) kept_.push_back(b_.input("", kept_type(type)));
        trip_ = b_.input("", {DType::i64, {}});
      }
      if (i < old.inputs.size()) given_.push_back(b_.input("", old[old.inputs[i]].type));
    }
    values_ = emit_body(b_, old, given_);
  }

  void keep() {
    const std::size_t carried = values_.size() - kept_.size();
    const ValueId trips = b_.emit("arange", {}, {{"end", Dim(kept_trips)}});
    const ValueId is_trip = b_.emit("eq", {trips, trip_});
    for (std::size_t i = 0; i < kept_.size(); ++i)
      values_[carried + i] = with_trip(b_, kept_[i], is_trip, values_[carried + i]);
    values_.push_back(b_.emit("add", {trip_, b_.literal(DType::i64, std::int64_t{1})}));
  }

  Body finish() && {
    Signature signature;
    signature.lengths = lengths_;
    return std::make_shared<const Graph>(std::move(b_).finish(values_, std::move(signature)));
  }

 private:
  Builder b_;
  std::vector<LengthRange> lengths_;
  Values given_;
  Values kept_;
  ValueId trip_ = ValueId::none;
  Values values_;
};

Values Open::repeat(const Node& node, const Values& inputs) {
  const std::size_t carried = node.outputs.size();
  Open inside(*node.bodies[1]);
  add_flag(inside);
  const std::vector<TensorType> types = types_of(inside);
  const Exposed found = std::move(inside.exposed);
  Keeping condition("condition", *node.bodies[0], carried, types);
  Keeping body("body", *std::move(inside).body(*node.bodies[1]), carried, types);
  body.keep();

  Values operands(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(carried));
  for (const TensorType& type : types) operands.push_back(zeros(builder, kept_type(type)));
  operands.push_back(zeros(builder, {DType::i64, {}}));
  const auto all = static_cast<std::int64_t>(operands.size());
  operands.insert(operands.end(), inputs.begin() + static_cast<std::ptrdiff_t>(carried),
                  inputs.end());
  return add(node, std::move(operands), {{"carried", all}},
             {std::move(condition).finish(), std::move(body).finish()}, found);
}

}  // namespace

Graph expose_values(const Graph& graph, std::vector<ExposedValue>& exposed) {
  Open open(graph);
  exposed = std::move(open.exposed);
  for (ExposedValue& one : exposed) one.move(open.outputs.size());
  Values outputs = std::move(open.outputs);
  append(outputs, open.inner);
  Signature signature = graph.signature;
  signature.results = {Structure::Kind::tuple, {}, std::vector<Structure>(outputs.size())};
  Graph result = std::move(open.builder).finish(std::move(outputs), std::move(signature));
  result.classes = graph.classes;
  return result;
}

}  // namespace isomer

#include "ops/attention.h"

#include <cmath>
#include <limits>

#include "base/text.h"
#include "ops/families.h"
#include "ops/rules.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

Shape leading(const Shape& shape) { return {shape.begin(), shape.end() - 2}; }

Shape scores_shape(const OpCall& call) {
  const Shape& query = call.types[0].shape;
  const Shape& key = call.types[1].shape;
  Shape shape = broadcast(leading(query), leading(key));
  shape.push_back(query[query.size() - 2]);
  shape.push_back(key[key.size() - 2]);
  return shape;
}

std::vector<TensorType> attention_type(const OpCall& call) {
  same_floating_type(call);
  const DType dtype = call.types[0].dtype;
  const std::string given = fmt::format("query {}, key {}, value {}", to_text(call.types[0]),
                                        to_text(call.types[1]), to_text(call.types[2]));
  for (std::size_t i = 0; i < 3; ++i) {
    if (call.types[i].shape.size() < 2 || call.types[i].dtype != dtype) {
      refuse(given + ": all should be of one type and have two dimensions or more");
    }
  }
  const Shape& key = call.types[1].shape;
  const Shape& value = call.types[2].shape;
  if (call.types[0].shape.back() != key.back() || key[key.size() - 2] != value[value.size() - 2]) {
    refuse(given +
           ": query and key should have the same last length, key and value the same last but one");
  }
  const Shape scores = scores_shape(call);
  if (call.has(3)) {
    if (call.flag("is_causal"))
      refuse("there is a mask and is_causal is true; one of them should go");
    if (call.types[3].dtype != DType::boolean && call.types[3].dtype != dtype) {
      refuse(fmt::format("the mask is {}; it should be bool or {}", name_of(call.types[3].dtype),
                         name_of(dtype)));
    }
    if (broadcast(call.types[3].shape, scores) != scores) {
      refuse(fmt::format("the mask is {}; it should broadcast to {}", to_text(call.types[3].shape),
                         to_text(scores)));
    }
  }
  Shape shape = broadcast(leading(scores), leading(value));
  shape.push_back(scores[scores.size() - 2]);
  shape.push_back(value.back());
  return {{dtype, shape}};
}

double scale_of(const OpCall& call) {
  if (call.given("scale")) return call.real("scale");
  const Dim& width = call.types[0].shape.back();
  if (!width.known()) refuse("the last length of the query should be known, or 'scale' given");
  return 1.0 / std::sqrt(static_cast<double>(width.value()));
}

ValueId masked(Emitter& b, const OpCall& call, ValueId scores) {
  const ValueId closed = number(b, scores, -std::numeric_limits<double>::infinity());
  if (call.flag("is_causal")) {
    const Shape shape = b.shape(scores);
    const Shape matrix(shape.end() - 2, shape.end());
    const ValueId all =
        b.emit("full", {}, {{"shape", matrix}, {"value", 1.0}, {"dtype", DType::boolean}});
    return b.emit("where", {b.emit("tril", {all}), scores, closed});
  }
  if (!call.has(3)) return scores;
  if (call.types[3].dtype == DType::boolean)
    return b.emit("where", {call.inputs[3], scores, closed});
  return b.emit("add", {scores, call.inputs[3]});
}

// torch.nn.functional.scaled_dot_product_attention.
Values expand_attention(Emitter& b, const OpCall& call) {
  return {b.emit("matmul", {attention_weights(b, call), call.inputs[2]})};
}

constexpr OpSchema attention_table[] = {
    {"scaled_dot_product_attention(query, key, value, mask?, is_causal: bool = false, scale: "
     "float?) -> y",
     attention_type, expand_attention, nullptr, "softmax(query @ key.T * scale + mask) @ value",
     rounds_once},
};

}  // namespace

// A row that the mask closes wholly attends to nothing. Its scores are replaced before softmax,
// too, whose slope there is no number.
ValueId attention_weights(Emitter& b, const OpCall& call) {
  const ValueId turned = b.emit("transpose", {call.inputs[1]},
                                {{"dim0", std::int64_t{-2}}, {"dim1", std::int64_t{-1}}});
  const ValueId product = b.emit("matmul", {call.inputs[0], turned});
  ValueId scores = masked(b, call, b.emit("mul", {product, number(b, product, scale_of(call))}));
  const ValueId zero = number(b, scores, 0.0);
  ValueId nothing = ValueId::none;
  if (call.has(3)) {
    const ValueId closed =
        b.emit("eq", {scores, number(b, scores, -std::numeric_limits<double>::infinity())});
    nothing = b.emit("all", {closed}, {{"dim", std::vector<std::int64_t>{-1}}, {"keepdim", true}});
    scores = b.emit("where", {nothing, zero, scores});
  }
  ValueId weights = b.emit("softmax", {scores}, {{"dim", std::int64_t{-1}}});
  if (call.has(3)) weights = b.emit("where", {nothing, zero, weights});
  return weights;
}

std::span<const OpSchema> attention_ops() { return attention_table; }

}  // namespace isomer

#include <algorithm>

#include "base/text.h"
#include "ops/families.h"
#include "ops/rules.h"

namespace isomer {
namespace {

using Values = std::vector<ValueId>;

double probability(const OpCall& call) {
  const double p = call.real("p");
  if (!(p >= 0.0 && p <= 1.0)) refuse(fmt::format("p is {}; it should be between 0 and 1", p));
  return p;
}

std::vector<TensorType> dropout_type(const OpCall& call) {
  probability(call);
  return same_floating_type(call);
}

std::vector<TensorType> feature_dropout_type(const OpCall& call) {
  if (call.types[0].shape.size() < 2)
    refuse(
        fmt::format("x is {}; it should be [batch, channels, ...]", to_text(call.types[0].shape)));
  return dropout_type(call);
}

std::vector<TensorType> bernoulli_type(const OpCall& call) {
  probability(call);
  return {{call.get<DType>("dtype"), call.get<std::vector<Dim>>("shape")}};
}

std::vector<TensorType> perturb_type(const OpCall& call) {
  const DType dtype = call.get<DType>("dtype");
  if (!is_floating(dtype))
    refuse(fmt::format("dtype is {}; it should be a type of floats", name_of(dtype)));
  same_floating_type(OpCall{call.attributes, call.inputs.first(1), call.types.first(1)});
  if (call.types[1] != TensorType{DType::i64, {}})
    refuse(fmt::format("the key is {}; it should be i64[]", to_text(call.types[1])));
  const std::string& exact = call.get<std::string>("exact");
  if (exact != "never" && exact != "held" && exact != "whole")
    refuse(fmt::format("exact is {}; it should be 'never', 'held' or 'whole'", quoted(exact)));
  const Dim& terms = call.get<Dim>("terms");
  if (terms.known() && terms.value() < 0)
    refuse(fmt::format("terms is {}; it should be 0 or more", terms.value()));
  return {{DType::f64, call.types[0].shape}};
}

/// What is kept is scaled up, so that the mean stays; one draw for each element of `shape`.
Values thinned(Emitter& b, const OpCall& call, const Shape& shape) {
  const ValueId x = call.inputs[0];
  const double p = call.real("p");
  if (!call.flag("training") || p == 0.0) return {x};
  if (p == 1.0) return {b.emit("mul", {x, number(b, x, 0.0)})};
  const ValueId kept =
      b.emit("bernoulli", {}, {{"shape", shape}, {"p", 1.0 - p}, {"dtype", b.dtype(x)}});
  return {b.emit("div", {b.emit("mul", {x, kept}), number(b, x, 1.0 - p)})};
}

// torch.nn.functional.dropout
Values expand_dropout(Emitter& b, const OpCall& call) {
  return thinned(b, call, call.types[0].shape);
}

// torch.feature_dropout, which nn.Dropout1d, 2d and 3d call
Values expand_feature_dropout(Emitter& b, const OpCall& call) {
  Shape shape = call.types[0].shape;
  std::fill(shape.begin() + 2, shape.end(), Dim(1));
  return thinned(b, call, shape);
}

constexpr OpSchema random_table[] = {
    {"dropout(x, p: float = 0.5, training: bool = false) -> y", dropout_type, expand_dropout,
     nullptr,
     "in training, each element made 0 with probability p and the others scaled by 1 / (1 - p); "
     "else x",
     random_numbers},
    {"feature_dropout(x, p: float = 0.5, training: bool = false) -> y", feature_dropout_type,
     expand_feature_dropout, nullptr, "dropout of whole channels: x[n, c, ...] is kept or made 0",
     random_numbers},
    {"bernoulli(shape: dims, p: float, dtype: dtype = f32) -> y", bernoulli_type, nullptr,
     no_gradient, "1 with probability p, else 0; drawn anew in each run",
     Traits{.rounds = Rounds::never, .random = true}},
    {"perturb(x, key, terms: dim = 1, dtype: dtype = f32, exact: string = 'never', stream: int = 0)"
     " -> y",
     perturb_type, nullptr, nullptr,
     "x in f64, each element moved as a sum of so many terms in dtype may round, by what key and "
     "stream draw; not what dtype holds ('held') or whole numbers ('whole')"},
};

}  // namespace

std::span<const OpSchema> random_ops() { return random_table; }

}  // namespace isomer

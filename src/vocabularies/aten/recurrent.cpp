#include <algorithm>
#include <memory>

#include "ops/expansion.h"
#include "vocabularies/aten/reading.h"

// Recurrent layers and their cells. A layer is a scan over time for each of its directions; what
// does not depend on the state before, the share of the input, is one product for all times.

namespace isomer::aten {
namespace {

/// What a kind of cell does.
struct Cell {
  std::int64_t gates;
  bool remembers;  // a second state, the cell's own
  /// The states after, of the shares of the input and of the state (`gates` parts, one behind the
  /// other), the state, and the cell's.
  Values (*step)(Emitter&, ValueId from_input, ValueId from_state, ValueId h, ValueId c);
};

ValueId part(Emitter& b, ValueId gates, std::int64_t i, std::int64_t count) {
  const Dim width = floor_divide(b.shape(gates).back(), count);
  return b.emit(
      "slice", {gates},
      {{"dim", std::int64_t{-1}}, {"start", width * Dim(i)}, {"end", width * Dim(i + 1)}});
}

ValueId gate(Emitter& b, std::string_view op, ValueId gates, std::int64_t i, std::int64_t count) {
  return b.emit(op, {part(b, gates, i, count)});
}

template <bool hyperbolic>
Values rnn_step(Emitter& b, ValueId from_input, ValueId from_state, ValueId, ValueId) {
  const ValueId sum = b.emit("add", {from_input, from_state});
  return {b.emit(hyperbolic ? "tanh" : "relu", {sum})};
}

// torch.nn.LSTM: input, forget, cell, output.
Values lstm_step(Emitter& b, ValueId from_input, ValueId from_state, ValueId, ValueId c) {
  const ValueId gates = b.emit("add", {from_input, from_state});
  const ValueId taken =
      b.emit("mul", {gate(b, "sigmoid", gates, 0, 4), gate(b, "tanh", gates, 2, 4)});
  const ValueId next = b.emit("add", {b.emit("mul", {gate(b, "sigmoid", gates, 1, 4), c}), taken});
  return {b.emit("mul", {gate(b, "sigmoid", gates, 3, 4), b.emit("tanh", {next})}), next};
}

// torch.nn.GRU: reset, update, new; the reset gate acts behind the product with the state.
Values gru_step(Emitter& b, ValueId from_input, ValueId from_state, ValueId h, ValueId) {
  const auto both = [&](std::int64_t i) {
    return b.emit("sigmoid",
                  {b.emit("add", {part(b, from_input, i, 3), part(b, from_state, i, 3)})});
  };
  const ValueId kept = b.emit("mul", {both(0), part(b, from_state, 2, 3)});
  const ValueId fresh = b.emit("tanh", {b.emit("add", {part(b, from_input, 2, 3), kept})});
  const ValueId way = b.emit("mul", {b.emit("sub", {h, fresh}), both(1)});
  return {b.emit("add", {way, fresh})};
}

constexpr Cell rnn_tanh{1, false, rnn_step<true>};
constexpr Cell rnn_relu{1, false, rnn_step<false>};
constexpr Cell lstm{4, true, lstm_step};
constexpr Cell gru{3, false, gru_step};

/// The weights of one direction of one layer; those that are not there are none.
struct Weights {
  ValueId input = ValueId::none;
  ValueId state = ValueId::none;
  ValueId input_bias = ValueId::none;
  ValueId state_bias = ValueId::none;
  ValueId projection = ValueId::none;
};

/// One step as a body: states, the input's share of a time, weights of the state.
Body step_of(Reading& r, const Cell& cell, const Values& states, ValueId from_input,
             const Weights& weights) {
  Builder b("step");
  Signature signature;
  signature.lengths = lengths_inside(r.b.graph().signature.lengths);
  b.assume(signature.lengths);
  const ValueId h = b.input("h", r.b.type(states[0]));
  const ValueId c = cell.remembers ? b.input("c", r.b.type(states[1])) : h;
  TensorType now = r.b.type(from_input);
  now.shape.erase(now.shape.begin());
  const ValueId x = b.input("x", now);
  const auto shared = [&](std::string name, ValueId id) {
    return id == ValueId::none ? id : b.input(std::move(name), r.b.type(id));
  };
  const ValueId weight = shared("weight", weights.state);
  const ValueId bias = shared("bias", weights.state_bias);
  const ValueId projection = shared("projection", weights.projection);
  Values next = cell.step(b, x, b.emit("linear", {h, weight, bias}), h, c);
  if (projection != ValueId::none) next[0] = b.emit("linear", {next[0], projection, ValueId::none});
  next.push_back(next[0]);
  return std::make_shared<const Graph>(std::move(b).finish(std::move(next), signature));
}

ValueId reversed(Emitter& b, ValueId x) { return b.emit("flip", {x}, {{"dims", ints({0})}}); }

/// One direction over [time, batch, inputs]: the states at the end, and the output of each time.
Values run_direction(Reading& r, const Cell& cell, ValueId x, const Values& states,
                     const Weights& weights, bool backwards) {
  if (backwards) x = reversed(r.b, x);
  const ValueId from_input = r.b.emit("linear", {x, weights.input, weights.input_bias});
  const Body body = step_of(r, cell, states, from_input, weights);
  Values inputs = states;
  inputs.push_back(from_input);
  for (const ValueId id : {weights.state, weights.state_bias, weights.projection}) {
    if (id != ValueId::none) inputs.push_back(id);
  }
  Values results = r.b.emit_all(
      "scan", std::move(inputs),
      {{"carried", static_cast<std::int64_t>(states.size())}, {"scanned", std::int64_t{1}}},
      {body});
  if (backwards) results.back() = reversed(r.b, results.back());
  return results;
}

/// The state of one direction of one layer.
ValueId state_at(Builder& b, ValueId states, std::int64_t place) {
  return b.emit("select", {states}, {{"dim", std::int64_t{0}}, {"index", Dim(place)}});
}

class Layers {
 public:
  Layers(Reading& r, const Cell& cell)
      : r_(r),
        cell_(cell),
        params_(r.all_tensors("params")),
        biased_(r.flag("has_biases")),
        directions_(r.flag("bidirectional") ? 2 : 1),
        layers_(r.integer("num_layers")) {
    const double p = r.real("dropout");
    thinning_ = r.flag("train") ? p : 0.0;
    states_ = cell.remembers ? r.all_tensors("hx") : Values{r.tensor("hx")};
    const std::size_t cells = params_.size() / std::max<std::size_t>(each(), 1);
    if (layers_ < 1 || directions_ * layers_ != static_cast<std::int64_t>(cells) ||
        params_.size() % each() != 0 || states_.size() != (cell.remembers ? 2U : 1U)) {
      r.fail("the weights do not fit the number of layers");
    }
    for (const ValueId state : states_) {
      if (r.b.rank(state) != 3) r.fail("states of three axes are needed");
    }
  }

  Values run() {
    ValueId x = r_.tensor("input");
    if (r_.b.rank(x) != 3) r_.fail("an input of three axes is needed");
    const bool batch_first = r_.flag("batch_first");
    if (batch_first) x = permuted(r_.b, x, {1, 0, 2});
    std::vector<Values> ends(states_.size());
    for (std::int64_t layer = 0; layer < layers_; ++layer) {
      if (layer > 0 && thinning_ > 0)
        x = r_.b.emit("dropout", {x}, {{"p", thinning_}, {"training", true}});
      x = run_layer(layer, x, ends);
    }
    Values results = {batch_first ? permuted(r_.b, x, {1, 0, 2}) : x};
    for (Values& end : ends) results.push_back(r_.b.emit("stack", std::move(end)));
    return results;
  }

 private:
  /// How many weights a direction of a layer has. A projection makes the state narrower than the
  /// cell's.
  std::size_t each() const {
    const std::size_t plain = biased_ ? 4 : 2;
    const bool projected = states_.size() == 2 && r_.b.shape(states_[0]) != r_.b.shape(states_[1]);
    return plain + (projected ? 1 : 0);
  }

  Weights weights_at(std::int64_t place) const {
    const std::size_t first = static_cast<std::size_t>(place) * each();
    Weights weights{.input = params_[first], .state = params_[first + 1]};
    if (biased_) {
      weights.input_bias = params_[first + 2];
      weights.state_bias = params_[first + 3];
    }
    if (each() % 2 != 0) weights.projection = params_[first + each() - 1];
    return weights;
  }

  ValueId run_layer(std::int64_t layer, ValueId x, std::vector<Values>& ends) {
    Values outputs;
    for (std::int64_t i = 0; i < directions_; ++i) {
      const std::int64_t place = layer * directions_ + i;
      Values states;
      for (const ValueId state : states_) states.push_back(state_at(r_.b, state, place));
      const Values results = run_direction(r_, cell_, x, states, weights_at(place), i == 1);
      for (std::size_t s = 0; s < ends.size(); ++s) ends[s].push_back(results[s]);
      outputs.push_back(results.back());
    }
    if (outputs.size() == 1) return outputs[0];
    return r_.b.emit("cat", std::move(outputs), {{"dim", std::int64_t{2}}});
  }

  Reading& r_;
  const Cell& cell_;
  Values params_;
  Values states_;
  bool biased_;
  std::int64_t directions_;
  std::int64_t layers_;
  double thinning_ = 0.0;
};

template <const Cell& cell>
Values layers(Reading& r) {
  return Layers(r, cell).run();
}

template <const Cell& cell>
Values one_step(Reading& r) {
  const Values states = cell.remembers ? r.all_tensors("hx") : Values{r.tensor("hx")};
  if (states.size() != (cell.remembers ? 2U : 1U)) r.fail("there are too many or too few states");
  const ValueId from_input =
      r.b.emit("linear", {r.tensor("input"), r.tensor("w_ih"), r.optional_tensor("b_ih")});
  const ValueId from_state =
      r.b.emit("linear", {states[0], r.tensor("w_hh"), r.optional_tensor("b_hh")});
  return cell.step(r.b, from_input, from_state, states[0], states.back());
}

constexpr Row recurrent_table[] = {
    {.targets = "lstm.input", .inputs = "input", .read = layers<lstm>},
    {.targets = "gru.input", .inputs = "input", .read = layers<gru>},
    {.targets = "rnn_tanh.input", .inputs = "input", .read = layers<rnn_tanh>},
    {.targets = "rnn_relu.input", .inputs = "input", .read = layers<rnn_relu>},
    {.targets = "lstm_cell", .inputs = "input", .read = one_step<lstm>},
    {.targets = "gru_cell", .inputs = "input", .read = one_step<gru>},
    {.targets = "rnn_tanh_cell", .inputs = "input", .read = one_step<rnn_tanh>},
    {.targets = "rnn_relu_cell", .inputs = "input", .read = one_step<rnn_relu>},
};

}  // namespace

std::span<const Row> recurrent_rows() { return recurrent_table; }

}  // namespace isomer::aten

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "ops/rules.h"
#include "vocabularies/onnx/onnx.h"

// Recurrent layers, written out over time: a document's sequences are short, and of known length.

namespace isomer::onnx {
namespace {

ValueId add(Emitter& e, ValueId x, ValueId y) { return e.emit("add", {x, y}); }
ValueId mul(Emitter& e, ValueId x, ValueId y) { return e.emit("mul", {x, y}); }
ValueId times(Emitter& e, ValueId x, double factor) { return mul(e, x, number(e, x, factor)); }

ValueId part(Emitter& e, ValueId x, std::int64_t axis, std::int64_t begin, std::int64_t end) {
  return e.emit("slice", {x}, {{"dim", axis}, {"start", Dim(begin)}, {"end", Dim(end)}});
}

ValueId at(Emitter& e, ValueId x, std::int64_t axis, std::int64_t place) {
  return e.emit("select", {x}, {{"dim", axis}, {"index", Dim(place)}});
}

// --- activations

struct Activation {
  std::string name;
  std::optional<double> alpha, beta;
};

ValueId elu(Emitter& e, ValueId x, double alpha) { return e.emit("elu", {x}, {{"alpha", alpha}}); }
ValueId affine(Emitter& e, ValueId x, double alpha, double beta) {
  return add(e, times(e, x, alpha), number(e, x, beta));
}

ValueId activated(Call& c, const Activation& f, ValueId x) {
  Emitter& e = c.e;
  const auto alpha = [&](double usual) { return f.alpha.value_or(usual); };
  const auto beta = [&](double usual) { return f.beta.value_or(usual); };
  for (const auto& [name, ours] :
       {std::pair("Sigmoid", "sigmoid"), std::pair("Tanh", "tanh"), std::pair("Relu", "relu"),
        std::pair("Softsign", "softsign"), std::pair("Softplus", "softplus")}) {
    if (f.name == name) return e.emit(ours, {x});
  }
  if (f.name == "Affine") return affine(e, x, alpha(1), beta(0));
  if (f.name == "LeakyRelu") return e.emit("leaky_relu", {x}, {{"negative_slope", alpha(0.01)}});
  if (f.name == "Elu") return elu(e, x, alpha(1));
  if (f.name == "ScaledTanh") return times(e, e.emit("tanh", {times(e, x, beta(1))}), alpha(1));
  if (f.name == "HardSigmoid")
    return e.emit("clamp", {affine(e, x, alpha(0.2), beta(0.5))}, {{"min", 0.0}, {"max", 1.0}});
  if (f.name == "ThresholdedRelu") {
    const ValueId above = e.emit("gt", {x, number(e, x, alpha(1))});
    return e.emit("where", {above, x, number(e, x, 0)});
  }
  c.fail(fmt::format("there is no activation {}", quoted(f.name)));
}

/// The items of a list that is given as a text.
std::vector<std::string> items_in(Call& c, std::string_view name) {
  std::vector<std::string> items;
  const std::string text = c.text(name, "");
  if (text.empty()) return items;
  for (const std::string_view item : split_text(text, ',')) items.emplace_back(item);
  return items;
}

std::vector<double> numbers_in(Call& c, std::string_view name) {
  std::vector<double> numbers;
  for (const std::string& item : items_in(c, name)) {
    double number = 0;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), number);
    if (error != std::errc() || end != item.data() + item.size())
      c.fail(fmt::format("'{}' has {} among its numbers", name, quoted(item)));
    numbers.push_back(number);
  }
  return numbers;
}

bool takes_alpha(std::string_view name) {
  return name == "Affine" || name == "LeakyRelu" || name == "ThresholdedRelu" ||
         name == "ScaledTanh" || name == "HardSigmoid" || name == "Elu";
}
bool takes_beta(std::string_view name) {
  return name == "Affine" || name == "ScaledTanh" || name == "HardSigmoid";
}

/// Those of all directions; numbers go to those that take one, in order.
std::vector<Activation> activations_in(Call& c, const std::vector<std::string>& usual,
                                       std::size_t directions) {
  std::vector<std::string> names = items_in(c, "activations");
  for (std::size_t i = 0;
       names.size() < usual.size() * directions && c.text("activations", "").empty(); ++i)
    names.push_back(usual[i % usual.size()]);
  if (names.size() != usual.size() * directions)
    c.fail(
        fmt::format("{} activations are needed, not {}", usual.size() * directions, names.size()));
  const std::vector<double> alphas = numbers_in(c, "activation_alpha");
  const std::vector<double> betas = numbers_in(c, "activation_beta");
  std::vector<Activation> result;
  std::size_t alpha = 0, beta = 0;
  for (const std::string& name : names) {
    Activation f{name, std::nullopt, std::nullopt};
    if (takes_alpha(name) && alpha < alphas.size()) f.alpha = alphas[alpha++];
    if (takes_beta(name) && beta < betas.size()) f.beta = betas[beta++];
    result.push_back(std::move(f));
  }
  return result;
}

// --- layers

/// What is the same for all kinds of layers, of one direction.
struct Layer {
  Call& c;
  std::int64_t hidden;
  std::vector<Activation> f;
  double clip;                // of what goes into an activation; 0: none
  ValueId weight, recurrent;  // [gates * hidden, inputs or hidden]
  ValueId bias, bias_recurrent;
  ValueId peepholes;

  ValueId clipped(ValueId x) const {
    if (clip == 0) return x;
    return c.e.emit("clamp", {x}, {{"min", -clip}, {"max", clip}});
  }
  ValueId run(std::size_t i, ValueId x) const { return activated(c, f[i], clipped(x)); }
  ValueId gate(ValueId x, std::int64_t i) const {
    return part(c.e, x, -1, i * hidden, (i + 1) * hidden);
  }
  ValueId of_state(ValueId h) const { return c.e.emit("linear", {h, recurrent, bias_recurrent}); }
};

struct State {
  ValueId h;
  ValueId cell = ValueId::none;
};

/// `x` is the input's share of all gates.
using Step = State (*)(const Layer&, ValueId x, const State&);

State rnn_step(const Layer& l, ValueId x, const State& s) {
  return {l.run(0, add(l.c.e, x, l.of_state(s.h)))};
}

// Gates: update, reset, hidden. H' = (1 - z) * new + z * H
State gru_step(const Layer& l, ValueId x, const State& s) {
  Emitter& e = l.c.e;
  const ValueId shared = l.of_state(s.h);
  const ValueId z = l.run(0, add(e, l.gate(x, 0), l.gate(shared, 0)));
  const ValueId r = l.run(0, add(e, l.gate(x, 1), l.gate(shared, 1)));
  ValueId kept = mul(e, r, l.gate(shared, 2));
  if (!l.c.flag("linear_before_reset", false)) {
    const ValueId rows = part(e, l.recurrent, 0, 2 * l.hidden, 3 * l.hidden);
    const ValueId own =
        l.bias_recurrent == ValueId::none ? ValueId::none : l.gate(l.bias_recurrent, 2);
    kept = e.emit("linear", {mul(e, r, s.h), rows, own});
  }
  const ValueId fresh = l.run(1, add(e, l.gate(x, 2), kept));
  const ValueId rest = e.emit("sub", {number(e, z, 1), z});
  return {add(e, mul(e, rest, fresh), mul(e, z, s.h))};
}

// Gates: input, output, forget, cell.
State lstm_step(const Layer& l, ValueId x, const State& s) {
  Emitter& e = l.c.e;
  const ValueId gates = add(e, x, l.of_state(s.h));
  const auto peeped = [&](std::int64_t i, std::int64_t peephole, ValueId cell) {
    const ValueId gate = l.gate(gates, i);
    return l.peepholes == ValueId::none ? gate
                                        : add(e, gate, mul(e, l.gate(l.peepholes, peephole), cell));
  };
  const ValueId i = l.run(0, peeped(0, 0, s.cell));
  const ValueId f = l.c.flag("input_forget", false) ? e.emit("sub", {number(e, i, 1), i})
                                                    : l.run(0, peeped(2, 2, s.cell));
  const ValueId cell = add(e, mul(e, f, s.cell), mul(e, i, l.run(1, l.gate(gates, 3))));
  const ValueId o = l.run(0, peeped(1, 1, cell));
  return {mul(e, o, l.run(2, cell)), cell};
}

struct Kind {
  std::int64_t gates;
  std::vector<std::string> activations;
  Step step;
  bool remembers;
};

/// A sequence, and what came of it.
struct Run {
  ValueId outputs = ValueId::none;  // [time, batch, hidden]
  State last = {ValueId::none};
};

/// Where a sequence has ended, its state stays, and its output is 0.
Run run_over_time(const Layer& l, const Kind& kind, ValueId x, State s, ValueId lengths) {
  Emitter& e = l.c.e;
  const std::int64_t steps = e.shape(x)[0].value();
  const ValueId shares = e.emit("linear", {x, l.weight, l.bias});
  Values outputs;
  for (std::int64_t t = 0; t < steps; ++t) {
    State next = kind.step(l, at(e, shares, 0, t), s);
    ValueId output = next.h;
    if (lengths != ValueId::none) {
      const ValueId runs =
          e.emit("unsqueeze", {e.emit("gt", {lengths, number(e, lengths, static_cast<double>(t))})},
                 {{"dim", std::int64_t{1}}});
      output = e.emit("where", {runs, next.h, number(e, next.h, 0)});
      next.h = e.emit("where", {runs, next.h, s.h});
      if (kind.remembers) next.cell = e.emit("where", {runs, next.cell, s.cell});
    }
    outputs.push_back(output);
    s = next;
  }
  return {e.emit("stack", outputs, {{"dim", std::int64_t{0}}}), s};
}

ValueId optional_at(Call& c, std::string_view name, std::int64_t direction) {
  const ValueId all = c.optional_tensor(name);
  return all == ValueId::none ? all : at(c.e, all, 0, direction);
}

Layer layer_of(Call& c, const Kind& kind, std::int64_t hidden, std::int64_t direction,
               const std::vector<Activation>& activations) {
  const auto count = static_cast<std::ptrdiff_t>(kind.activations.size());
  const auto first = activations.begin() + direction * count;
  const ValueId biases = optional_at(c, "B", direction);
  const auto half = [&](std::int64_t i) {
    const std::int64_t width = kind.gates * hidden;
    return biases == ValueId::none ? biases : part(c.e, biases, 0, i * width, (i + 1) * width);
  };
  return {c,
          hidden,
          {first, first + count},
          c.real("clip", 0),
          at(c.e, c.tensor("W"), 0, direction),
          at(c.e, c.tensor("R"), 0, direction),
          half(0),
          half(1),
          kind.remembers ? optional_at(c, "P", direction) : ValueId::none};
}

/// [time, batch, inputs], whatever the layout is.
ValueId sequence_in(Call& c, bool batch_first) {
  const ValueId x = c.tensor("X");
  if (c.e.rank(x) != 3) c.fail("X has three axes");
  const ValueId turned = batch_first ? permuted(c.e, x, {1, 0, 2}) : x;
  const Dim length = c.e.shape(turned)[0];
  constexpr std::int64_t longest = 4096;
  if (!length.known() || length.value() > longest || length.value() < 1)
    c.refuse(fmt::format("a sequence of length {}; it must be known, and at most {}",
                         to_text(length), longest));
  return turned;
}

ValueId initial(Call& c, std::string_view name, std::int64_t direction, const Dim& batch,
                std::int64_t hidden, bool batch_first) {
  const ValueId all = c.optional_tensor(name);
  if (all != ValueId::none) return at(c.e, all, batch_first ? 1 : 0, direction);
  return c.e.emit(
      "full", {},
      {{"shape", Shape{batch, Dim(hidden)}}, {"value", 0.0}, {"dtype", c.e.dtype(c.tensor("X"))}});
}

void check_shape(Call& c, std::string_view name, const Shape& wanted) {
  const ValueId weights = c.optional_tensor(name);
  if (weights != ValueId::none && c.e.shape(weights) != wanted)
    c.fail(fmt::format("{} is {}; it should be {}", name, to_text(c.e.shape(weights)),
                       to_text(wanted)));
}

void check_weights(Call& c, std::int64_t directions, std::int64_t rows, std::int64_t hidden,
                   const Dim& inputs) {
  check_shape(c, "W", {Dim(directions), Dim(rows), inputs});
  check_shape(c, "R", {Dim(directions), Dim(rows), Dim(hidden)});
  check_shape(c, "B", {Dim(directions), Dim(2 * rows)});
}

Values read_layer(Call& c, const Kind& kind) {
  const std::string direction = c.text("direction");
  const bool both = direction == "bidirectional";
  if (!both && direction != "forward" && direction != "reverse")
    c.fail(
        fmt::format("direction is {}; it is forward, reverse or bidirectional", quoted(direction)));
  const bool batch_first = c.flag("layout");
  const ValueId x = sequence_in(c, batch_first);
  const Dim batch = c.e.shape(x)[1];
  const Dim width = c.e.shape(c.tensor("R")).back();
  if (!width.known()) c.refuse("a hidden size that is not known");
  const std::int64_t hidden = width.value();
  if (c.integer("hidden_size", hidden) != hidden) c.fail("hidden_size is not that of R");
  check_weights(c, both ? 2 : 1, kind.gates * hidden, hidden, c.e.shape(x)[2]);
  const ValueId lengths = c.optional_tensor("sequence_lens");
  const std::vector<Activation> activations = activations_in(c, kind.activations, both ? 2 : 1);
  const auto backwards = [&](ValueId value) {
    if (lengths != ValueId::none) return reversed_to(c.e, value, lengths, 1, 0);
    return c.e.emit("flip", {value}, {{"dims", Integers{0}}});
  };
  Values outputs, states, cells;
  for (std::int64_t d = 0; d < (both ? 2 : 1); ++d) {
    const bool back = d == 1 || direction == "reverse";
    State state{initial(c, "initial_h", d, batch, hidden, batch_first)};
    if (kind.remembers) state.cell = initial(c, "initial_c", d, batch, hidden, batch_first);
    Run run = run_over_time(layer_of(c, kind, hidden, d, activations), kind,
                            back ? backwards(x) : x, state, lengths);
    outputs.push_back(back ? backwards(run.outputs) : run.outputs);
    states.push_back(run.last.h);
    cells.push_back(run.last.cell);
  }
  const auto stacked = [&](const Values& parts, std::int64_t axis) {
    return c.e.emit("stack", parts, {{"dim", axis}});
  };
  const std::int64_t axis = batch_first ? 1 : 0;
  const ValueId y = stacked(outputs, 1);  // [time, directions, batch, hidden]
  Values results{batch_first ? permuted(c.e, y, {2, 0, 1, 3}) : y, stacked(states, axis)};
  if (kind.remembers) results.push_back(stacked(cells, axis));
  return results;
}

Values read_rnn(Call& c) { return read_layer(c, {1, {"Tanh"}, rnn_step, false}); }
Values read_gru(Call& c) { return read_layer(c, {3, {"Sigmoid", "Tanh"}, gru_step, false}); }
Values read_lstm(Call& c) {
  return read_layer(c, {4, {"Sigmoid", "Tanh", "Tanh"}, lstm_step, true});
}

constexpr OperatorRow recurrent_table[] = {
    {14,
     "RNN(X, W, R, B?, sequence_lens?, initial_h?, activation_alpha: string?, activation_beta: "
     "string?, activations: string?, clip: float?, direction: string = 'forward', hidden_size: "
     "int?, layout: int = 0) -> (Y, Y_h)",
     "", "", read_rnn},
    {14,
     "GRU(X, W, R, B?, sequence_lens?, initial_h?, activation_alpha: string?, activation_beta: "
     "string?, activations: string?, clip: float?, direction: string = 'forward', hidden_size: "
     "int?, layout: int = 0, linear_before_reset: int = 0) -> (Y, Y_h)",
     "", "", read_gru},
    {14,
     "LSTM(X, W, R, B?, sequence_lens?, initial_h?, initial_c?, P?, activation_alpha: string?, "
     "activation_beta: string?, activations: string?, clip: float?, direction: string = "
     "'forward', hidden_size: int?, input_forget: int = 0, layout: int = 0) -> (Y, Y_h, Y_c)",
     "", "", read_lstm},
};

}  // namespace

std::span<const OperatorRow> recurrent_rows() { return recurrent_table; }

}  // namespace isomer::onnx

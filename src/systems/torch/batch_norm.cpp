#include <cmath>

#include "base/text.h"
#include "systems/torch/layers.h"

// Batch normalization in training: which momentum the nodes after it stand for.

namespace isomer::torch {
namespace {

/// now * old + today * statistic + rest
struct Mixture {
  double now = 0;
  double today = 0;
  double rest = 0;
  bool constant() const { return now == 0 && today == 0; }
};

std::optional<Mixture> combined(std::string_view op, const std::optional<Mixture>& a,
                                const std::optional<Mixture>& b) {
  if (!a || !b) return std::nullopt;
  if (op == "add") return Mixture{a->now + b->now, a->today + b->today, a->rest + b->rest};
  if (op == "sub") return Mixture{a->now - b->now, a->today - b->today, a->rest - b->rest};
  if (op == "mul" && b->constant())
    return Mixture{a->now * b->rest, a->today * b->rest, a->rest * b->rest};
  if (op == "mul" && a->constant())
    return Mixture{a->rest * b->now, a->rest * b->today, a->rest * b->rest};
  if (op == "div" && b->constant())
    return Mixture{a->now / b->rest, a->today / b->rest, a->rest / b->rest};
  return std::nullopt;
}

bool near(double a, double b) { return std::abs(a - b) <= 1e-6; }

struct Statistics {
  std::vector<const State*> states;
  std::set<std::size_t> nodes;  // of their updates
  double momentum = 0;
};

/// Checks the three states of a layer against PyTorch's update, with every named length taken to be
/// `length`.
class StatisticsCheck {
 public:
  StatisticsCheck(const LayerFinder& finder, const Node& node, std::int64_t length)
      : finder_(finder), node_(node) {
    std::set<std::string> symbols;
    for (const Dim& dim : shape()) dim.collect_symbols(symbols);
    for (const std::string& symbol : symbols) lengths_[symbol] = length;
  }

  std::optional<Statistics> at(const std::string& path) {
    const State* mean = finder_.state_named(path + ".running_mean");
    const State* variance = finder_.state_named(path + ".running_var");
    if (mean == nullptr || variance == nullptr) return std::nullopt;
    const auto moved_mean = mixture(*mean, node_.outputs[1]);
    const auto moved_variance = mixture(*variance, node_.outputs[2]);
    if (!moved_mean || !moved_variance) return std::nullopt;
    const double momentum = found_.momentum = moved_mean->today;
    const double n = sharers();
    const bool fits = near(moved_mean->now, 1 - momentum) && moved_mean->rest == 0 &&
                      near(moved_variance->now, 1 - momentum) && moved_variance->rest == 0 &&
                      near(moved_variance->today * (n - 1), momentum * n);
    if (!fits) return std::nullopt;
    if (const State* calls = finder_.state_named(path + ".num_batches_tracked"); calls != nullptr) {
      const auto counted = mixture(*calls, ValueId::none);
      if (!counted || counted->now != 1 || counted->rest != 1) return std::nullopt;
    }
    return found_;
  }

 private:
  const Shape& shape() const { return finder_.graph[node_.inputs[0]].type.shape; }

  double sharers() const {
    double n = 1;
    for (std::size_t i = 0; i < shape().size(); ++i) {
      if (i != 1) n *= static_cast<double>(shape()[i].evaluate(lengths_));
    }
    return n;
  }

  std::optional<Mixture> mixture(const State& state, ValueId today) {
    found_.states.push_back(&state);
    return mixture(state.next, state.now, today, 0);
  }

  /// What a value is of the old statistic and today's.
  std::optional<Mixture> mixture(ValueId id, ValueId now, ValueId today, int depth) {
    constexpr int deepest = 12;
    if (id == now) return Mixture{1, 0, 0};
    if (id == today) return Mixture{0, 1, 0};
    const Node* node = finder_.maker(id);
    if (node == nullptr) return literal(id);
    if (depth > deepest) return std::nullopt;
    const std::size_t index = finder_.maker_index(id);
    std::optional<Mixture> result;
    if (node->op == "length") {
      const Dim& length = get<Dim>(node->attributes, "value");
      result = Mixture{0, 0, static_cast<double>(length.evaluate(lengths_))};
    } else if (node->op == "cast") {
      result = mixture(node->inputs[0], now, today, depth + 1);
    } else if (node->inputs.size() == 2) {
      result = combined(node->op, mixture(node->inputs[0], now, today, depth + 1),
                        mixture(node->inputs[1], now, today, depth + 1));
    }
    if (result) found_.nodes.insert(index);
    return result;
  }

  std::optional<Mixture> literal(ValueId id) const {
    const Constant* constant = finder_.constant(id);
    const bool number =
        constant != nullptr && constant->names.empty() && constant->data.count() == 1;
    if (!number || is_complex(constant->data.dtype())) return std::nullopt;
    return Mixture{0, 0, constant->data.doubles()[0]};
  }

  const LayerFinder& finder_;
  const Node& node_;
  Lengths lengths_;
  Statistics found_;
};

// Nobody else may need what the layer keeps to itself.
bool is_private(const LayerFinder& finder, const Node& node, const Statistics& found) {
  for (const std::size_t i : found.nodes) {
    if (!finder.used_only_by(finder.graph.nodes[i].outputs[0], found.nodes)) return false;
  }
  for (const State* state : found.states) {
    if (!finder.used_only_by(state->now, found.nodes)) return false;
  }
  return finder.used_only_by(node.outputs[1], found.nodes) &&
         finder.used_only_by(node.outputs[2], found.nodes);
}

// What the layer keeps between runs goes into `found`; its settings, or nothing where the graph
// does not move these statistics as the layer would.
std::optional<Argument> kept_statistics(const LayerFinder& finder, const Node& node,
                                        const std::string& path, LayerCall& found) {
  if (finder.state_named(path + ".running_mean") == nullptr) {
    const bool used = finder.used(node.outputs[1]) || finder.used(node.outputs[2]);
    if (used) return std::nullopt;
    return flag("track_running_stats", false, true);
  }
  const auto some = StatisticsCheck(finder, node, 5).at(path);
  const auto more = StatisticsCheck(finder, node, 8).at(path);
  if (!some || !more || !near(some->momentum, more->momentum) || !is_private(finder, node, *some))
    return std::nullopt;
  for (const State* state : some->states) {
    found.kept.push_back(state->now);
    found.layer.tensors.push_back(state->now);
  }
  found.absorbed = some->nodes;
  found.only_training = true;
  const std::string momentum = real_text(static_cast<float>(some->momentum));
  return Argument{"momentum", momentum, true, momentum == "0.1"};
}

}  // namespace

std::optional<Construction> batch_norm_in_training(LayerCandidate& layer) {
  const OpCall& op = layer.op;
  const std::size_t rank = op.types[0].shape.size();
  if (op.has(1) != op.has(2) || rank < 2 || rank > 5 || !op.types[0].shape[1].known())
    return std::nullopt;
  const auto statistics =
      kept_statistics(layer.finder, layer.node, layer.call.layer.path, layer.call);
  if (!statistics) return std::nullopt;
  return layer_of(
      batch_norm_name(rank),
      {positional("num_features", op.types[0].shape[1].value()), stated(layer, "eps"), *statistics,
       flag("affine", op.has(1), true), in_type(op.has(1) ? op.types[1].dtype : DType::f32)});
}

}  // namespace isomer::torch

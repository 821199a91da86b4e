// MGS's own networks by whole layers: the weights of all edges between two layers are a matrix.

#include <algorithm>
#include <cmath>

#include "systems/mgs/run/blocks.h"
#include "systems/mgs/run/nodes/stock.h"

namespace isomer::mgs {
namespace {

/// Parts of a matrix whose sums are added in this order, however many threads there are.
constexpr std::size_t most_parts = 16;
constexpr std::size_t edges_of_a_part = std::size_t{1} << 15U;
constexpr std::size_t strip = 512;  // of columns, which stay in the nearest cache

const DnEdgeSet& edge_set(const Layer& layer, std::uint32_t i) {
  return *static_cast<const DnEdgeSet*>(layer.nodes->at(i));
}

bool lies_in(const Layer& layer, const void* address) {
  const auto* first = static_cast<const std::byte*>(layer.nodes->at(0));
  const auto* at = static_cast<const std::byte*>(address);
  return !std::less<>{}(at, first) &&
         std::less<>{}(at, first + layer.nodes->stride() * layer.count);
}

/// Whether a node that is none of DNNode reads an array of the layer.
bool is_read_by(const Layer& layer, const Layer& reader) {
  for (const Field& field : reader.type->native->fields) {
    if (field.kind != Kind::array_pointer && field.kind != Kind::links) continue;
    for (std::uint32_t i = 0; i < reader.count; ++i) {
      void* at = field.at(reader.nodes->at(i));
      if (field.kind == Kind::array_pointer) {
        if (lies_in(layer, *static_cast<const Reals* const*>(at))) return true;
        continue;
      }
      for (const Links::Run& run : static_cast<const Links*>(at)->runs())
        if (run.first.source == &edge_set(layer, run.first.node).weighted_outputs) return true;
    }
  }
  return false;
}

/// All sets of the layer, in their order, as inputs of the node in one place of each.
bool is_whole_input(const Layer& layer, const Links::Run& run, std::int64_t place) {
  return run.first.layer == &layer && run.first.node == 0 && run.count == layer.count &&
         (run.count == 1 || run.step == 1) && run.first.number == place &&
         (run.count == 1 || run.number_step == 0);
}

double sum_of_products(const double* a, const double* b, std::size_t count) {
  double sums[4] = {0, 0, 0, 0};
  std::size_t k = 0;
  for (; k + 4 <= count; k += 4)
    for (std::size_t i = 0; i < 4; ++i) sums[i] += a[k + i] * b[k + i];
  for (; k < count; ++k) sums[0] += a[k] * b[k];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/// One step of a row of weights; as `step_weight` with the choices made beforehand.
template <bool momentum, bool rmsprop, bool divides>
void step_row(const DnRule& rule, double echo, double correction_w, double correction_s,
              const double* __restrict gradients, double* __restrict weights,
              double* __restrict moments, double* __restrict squares, std::size_t count) {
  const double eta = rule.eta, alpha = rule.alpha, beta = rule.beta;
  const double by_w = 1 - correction_w, by_s = 1 - correction_s;
  for (std::size_t k = 0; k < count; ++k) {
    const double derivative = echo * gradients[k];
    double by = derivative;
    if constexpr (momentum) {
      double moment = (1 - alpha) * derivative + alpha * moments[k];
      if constexpr (divides) moment = moment / by_w;
      moments[k] = moment;
      by = moment;
    }
    by = eta * by;
    if constexpr (rmsprop) {
      double square = (1 - beta) * (derivative * derivative) + beta * squares[k];
      if constexpr (divides) square = square / by_s;
      squares[k] = square;
      by = by / std::sqrt(square + 1e-8);
    }
    weights[k] += by;
  }
}

using StepRow = void (*)(const DnRule&, double, double, double, const double*, double*, double*,
                         double*, std::size_t);

template <bool divides>
StepRow step_row_of(const DnRule& rule) {
  if (rule.momentum && rule.rmsprop) return step_row<true, true, divides>;
  if (rule.momentum) return step_row<true, false, divides>;
  if (rule.rmsprop) return step_row<false, true, divides>;
  return step_row<false, false, divides>;
}

}  // namespace

class EdgeBlock final : public Block {
 public:
  EdgeBlock(Simulation& simulation, Layer& layer, Team& team)
      : layer_(layer),
        team_(team),
        rule_(rule_of(*static_cast<const DnShared*>(layer.type->shared->at(0)))),
        columns_(edge_set(layer, 0).gradients.size()) {
    (void)simulation;
    const std::size_t edges = columns_ * layer.count;
    parts_ = std::clamp<std::size_t>(edges / edges_of_a_part, 1, most_parts);
    parts_ = std::min<std::size_t>(parts_, layer.count);
    sums_.assign(columns_, 0);
    partial_.assign(columns_ * (parts_ - 1), 0);
  }

  void run(Simulation&) override {
    gradients_.clear();
    edge_set(layer_, 0).gradients.each_value([&](double value) { gradients_.push_back(value); });
    learnable_ = std::ranges::none_of(gradients_, is_pending) && !gradients_.empty();
    const bool worthwhile = parts_ > 1;
    team_.share(parts_, worthwhile, [&](std::size_t part) { run_part(part); });
    all_there_ = true;
    for (std::uint32_t i = 0; i < layer_.count; ++i)
      all_there_ = all_there_ && edge_set(layer_, i).ready_forward;
    for (std::size_t part = 1; part < parts_; ++part) {
      const double* more = partial_.data() + columns_ * (part - 1);
      for (std::size_t k = 0; k < columns_; ++k) sums_[k] += more[k];
    }
  }

  bool all_there() const { return all_there_; }
  double sum(std::size_t column) const { return sums_[column]; }
  std::size_t columns() const { return columns_; }

 private:
  void run_part(std::size_t part) {
    double* sums = part == 0 ? sums_.data() : partial_.data() + columns_ * (part - 1);
    std::fill_n(sums, columns_, 0.0);
    const std::size_t first = layer_.count * part / parts_;
    const std::size_t end = layer_.count * (part + 1) / parts_;
    for (std::size_t i = first; i < end; ++i)
      run_row(*static_cast<DnEdgeSet*>(layer_.nodes->at(i)), sums);
  }

  void run_row(DnEdgeSet& row, double* __restrict sums) {
    row.ready_forward = row.ready_forward || !is_pending(*row.input);
    if (!row.ready_forward) return;
    const double activation = row.transferred();
    row.ready_backward = row.ready_backward || learnable_;
    const bool learns = row.ready_backward;
    const double echo = row.echoed(activation);
    const bool divides = row.bias_correction_w != 0 || row.bias_correction_s != 0;
    const StepRow step = divides ? step_row_of<true>(rule_) : step_row_of<false>(rule_);
    double back = 0;
    for (std::size_t at = 0; at < columns_; at += strip) {
      const std::size_t count = std::min(strip, columns_ - at);
      double* weights = row.weights.data() + at;
      for (std::size_t k = 0; k < count; ++k) sums[at + k] += weights[k] * activation;
      if (!learns) continue;
      back += sum_of_products(weights, gradients_.data() + at, count);
      step(rule_, echo, row.bias_correction_w, row.bias_correction_s, gradients_.data() + at,
           weights, rule_.momentum ? row.delta_weights.data() + at : nullptr,
           rule_.rmsprop ? row.delta_weights_squared.data() + at : nullptr, count);
    }
    if (!learns) return;
    row.corrected(rule_);
    row.weighted_gradient = back * row.slope(echo);
    if (row.echoes.empty()) return;
    row.echoes[row.echo_index] = activation;
    row.echo_index = (row.echo_index + 1) % static_cast<unsigned>(row.echoes.size());
  }

  Layer& layer_;
  Team& team_;
  DnRule rule_;
  std::size_t columns_;
  std::size_t parts_ = 1;
  bool all_there_ = false;
  bool learnable_ = false;
  std::vector<double> gradients_ = {};
  std::vector<double> sums_ = {};     // of the first part, then of all
  std::vector<double> partial_ = {};  // of the others
};

namespace {

/// Where a node's sum comes from: a block's column, or arrays.
struct NodePart {
  const EdgeBlock* block = nullptr;
  std::size_t column = 0;
  Links::Run run = {};
};

class NodeBlock final : public Block {
 public:
  NodeBlock(Layer& layer, std::vector<std::vector<NodePart>> parts)
      : layer_(layer), parts_(std::move(parts)) {}

  void run(Simulation&) override {
    for (std::uint32_t i = 0; i < layer_.count; ++i) {
      DnNode& node = *static_cast<DnNode*>(layer_.nodes->at(i));
      bool all_there = !parts_[i].empty();
      double sum = 0;
      for (const NodePart& part : parts_[i]) {
        if (part.block != nullptr) {
          all_there = all_there && part.block->all_there();
          sum += part.block->sum(part.column);
          continue;
        }
        for (std::size_t k = 0; k < part.run.count; ++k) {
          const double value = dn_element(part.run.at(k));
          all_there = all_there && !is_pending(value);
          sum += value;
        }
      }
      if (node.ready || all_there) node.take(sum, all_there);
    }
  }

 private:
  Layer& layer_;
  std::vector<std::vector<NodePart>> parts_;
};

/// Each node that the sets lead to has them all as inputs, in the place that their gradients say.
bool leads_back(const Layer& layer) {
  std::int64_t place = 0;
  bool all = true;
  edge_set(layer, 0).gradients.each([&](const Link& link) {
    all = all && link.layer != nullptr && link.layer->type->native == &dn_node_type;
    if (!all) return;
    const auto& node = *static_cast<const DnNode*>(link.layer->nodes->at(link.node));
    const auto from_here = [&](const Links::Run& run) { return run.first.layer == &layer; };
    all = all && std::ranges::count_if(node.inputs.runs(), from_here) == 1 &&
          is_whole_input(layer, *std::ranges::find_if(node.inputs.runs(), from_here), place);
    ++place;
  });
  return all;
}

/// No node outside of those reads the sets.
bool is_read_elsewhere(const Simulation& simulation, const Layer& layer) {
  std::size_t readers = 0;
  for (const auto& other : simulation.network.layers) {
    if (other->type->native != &dn_node_type) {
      if (is_read_by(layer, *other)) return true;
      continue;
    }
    for (std::uint32_t i = 0; i < other->count; ++i) {
      const auto& node = *static_cast<const DnNode*>(other->nodes->at(i));
      readers += static_cast<std::size_t>(std::ranges::count_if(
          node.inputs.runs(), [&](const Links::Run& run) { return run.first.layer == &layer; }));
    }
  }
  return readers != edge_set(layer, 0).gradients.size();
}

bool is_block(const Simulation& simulation, const Layer& layer) {
  const DnEdgeSet& first = edge_set(layer, 0);
  for (std::uint32_t i = 0; i < layer.count; ++i) {
    const DnEdgeSet& one = edge_set(layer, i);
    const auto a = first.gradients.runs(), b = one.gradients.runs();
    if (!std::equal(a.begin(), a.end(), b.begin(), b.end())) return false;
    if (one.input == nullptr || one.weights.size() != first.gradients.size()) return false;
    if (lies_in(layer, one.input)) return false;
  }
  return leads_back(layer) && !is_read_elsewhere(simulation, layer);
}

}  // namespace

std::shared_ptr<EdgeBlock> edge_block(Simulation& simulation, Layer& layer, Team& team) {
  if (layer.count > 0 && is_block(simulation, layer))
    return std::make_shared<EdgeBlock>(simulation, layer, team);
  for (std::uint32_t i = 0; i < layer.count; ++i)
    static_cast<DnEdgeSet*>(layer.nodes->at(i))->begin_outputs();
  return nullptr;
}

std::shared_ptr<Block> as_block(const std::shared_ptr<EdgeBlock>& block) { return block; }

std::shared_ptr<Block> node_block(Layer& layer,
                                  const std::map<const Layer*, std::shared_ptr<EdgeBlock>>& edges) {
  std::vector<std::vector<NodePart>> parts(layer.count);
  for (std::uint32_t i = 0; i < layer.count; ++i) {
    const DnNode& node = *static_cast<const DnNode*>(layer.nodes->at(i));
    for (const Links::Run& run : node.inputs.runs()) {
      const auto found = edges.find(run.first.layer);
      const bool block = found != edges.end() && found->second != nullptr;
      parts[i].push_back({block ? found->second.get() : nullptr,
                          static_cast<std::size_t>(block ? run.first.number : 0), run});
    }
  }
  return std::make_shared<NodeBlock>(layer, std::move(parts));
}

}  // namespace isomer::mgs

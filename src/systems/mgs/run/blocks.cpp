#include "systems/mgs/run/blocks.h"

#include <algorithm>

#include "systems/mgs/run/nodes/neurons.h"

namespace isomer::mgs {
namespace {

constexpr std::size_t rows_at_once = 8;
/// Below this many edges threads cost more than they save.
constexpr std::size_t worthwhile_edges = std::size_t{1} << 17U;

/// Several rows side by side, so that the processor does not wait for one sum's additions.
template <std::size_t width>
void add_rows(const double* const* rows, const double* __restrict x, std::size_t count,
              double* sums) {
  double sum[width];
  for (std::size_t r = 0; r < width; ++r) sum[r] = sums[r];
  const double* row[width];
  for (std::size_t r = 0; r < width; ++r) row[r] = rows[r];
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t r = 0; r < width; ++r) sum[r] += row[r][i] * x[i];
  for (std::size_t r = 0; r < width; ++r) sums[r] = sum[r];
}

bool has_same_inputs(const Links& a, const Links& b) {
  const auto x = a.runs(), y = b.runs();
  return std::equal(x.begin(), x.end(), y.begin(), y.end());
}

/// Neurons one after the other that have the same inputs.
struct NeuronGroup {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  bool dense = false;
};

class NeuronBlock final : public Block {
 public:
  NeuronBlock(Layer& layer, std::vector<NeuronGroup> groups, Team& team)
      : layer_(layer), groups_(std::move(groups)), team_(team) {
    for (std::uint32_t i = 0; i < layer.count; ++i) rows_.push_back(node(i).w.data());
    sums_.resize(layer.count);
  }

  void run(Simulation& simulation) override {
    for (const NeuronGroup& group : groups_) {
      if (group.dense) {
        run_dense(group);
        continue;
      }
      Visit visit{simulation, *layer_.type, &layer_, group.first};
      for (; visit.index < group.first + group.count; ++visit.index) node(visit.index).step(visit);
    }
  }

 private:
  LevelNeuron& node(std::uint32_t i) { return *static_cast<LevelNeuron*>(layer_.nodes->at(i)); }

  void run_dense(const NeuronGroup& group) {
    const Links& inputs = node(group.first).x;
    x_.clear();
    inputs.each_value([&](double value) { x_.push_back(value); });
    const std::size_t parts = (group.count + rows_at_once - 1) / rows_at_once;
    const bool worthwhile = x_.size() * group.count >= worthwhile_edges;
    // Few parts for each thread: each is taken under a lock.
    const std::size_t of_each = std::max<std::size_t>(1, parts / 32);
    team_.share((parts + of_each - 1) / of_each, worthwhile, [&](std::size_t part) {
      const std::size_t first = group.first + part * of_each * rows_at_once;
      const std::size_t end =
          std::min<std::size_t>(group.first + group.count, first + of_each * rows_at_once);
      run_rows(static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(end));
    });
  }

  void run_rows(std::uint32_t first, std::uint32_t end) {
    for (std::uint32_t i = first; i < end; ++i) sums_[i] = node(i).begin();
    add_products(rows_.data() + first, end - first, x_.data(), x_.size(), sums_.data() + first);
    for (std::uint32_t i = first; i < end; ++i) node(i).y = activated(node(i).activation, sums_[i]);
  }

  Layer& layer_;
  std::vector<NeuronGroup> groups_;
  Team& team_;
  std::vector<const double*> rows_ = {};
  std::vector<double> sums_ = {};
  std::vector<double> x_ = {};
};

/// Of a layer that does nothing in a phase.
class IdleBlock final : public Block {
 public:
  void run(Simulation&) override {}
};

bool reads_itself(const Layer& layer, const LevelNeuron& neuron) {
  return std::ranges::any_of(neuron.x.runs(),
                             [&](const Links::Run& run) { return run.first.layer == &layer; });
}

std::vector<NeuronGroup> groups_of(Layer& layer) {
  const auto node = [&](std::uint32_t i) -> const LevelNeuron& {
    return *static_cast<const LevelNeuron*>(layer.nodes->at(i));
  };
  const auto can = [&](const LevelNeuron& neuron) {
    return neuron.sums() && neuron.w.size() == neuron.x.size() && !neuron.x.empty() &&
           !reads_itself(layer, neuron);
  };
  std::vector<NeuronGroup> groups;
  for (std::uint32_t i = 0; i < layer.count; ++i) {
    const bool dense = can(node(i));
    const bool joins = !groups.empty() && groups.back().dense == dense &&
                       (!dense || has_same_inputs(node(groups.back().first).x, node(i).x));
    if (joins) {
      ++groups.back().count;
    } else {
      groups.push_back({i, 1, dense});
    }
  }
  return groups;
}

}  // namespace

void add_products(const double* const* rows, std::size_t row_count, const double* x,
                  std::size_t count, double* sums) {
  std::size_t r = 0;
  for (; r + rows_at_once <= row_count; r += rows_at_once)
    add_rows<rows_at_once>(rows + r, x, count, sums + r);
  for (; r < row_count; ++r) add_rows<1>(rows + r, x, count, sums + r);
}

std::shared_ptr<Block> neuron_block(Layer& layer, std::string_view method, Team& team) {
  if (method.size() != 2 || method[0] != 's') return nullptr;
  const auto level = static_cast<unsigned>(method[1] - '0');
  std::uint32_t acting = 0;
  for (std::uint32_t i = 0; i < layer.count; ++i)
    acting += static_cast<const LevelNeuron*>(layer.nodes->at(i))->level == level ? 1 : 0;
  if (acting == 0) return std::make_shared<IdleBlock>();
  if (acting != layer.count) return nullptr;
  return std::make_shared<NeuronBlock>(layer, groups_of(layer), team);
}

Planner::Planner(Simulation& simulation)
    : simulation_(simulation), team_(std::make_shared<Team>(simulation.threads)) {
  simulation.team = team_;
  for (const auto& layer : simulation.network.layers)
    if (layer->type->native == &dn_edge_set_type)
      edges_[layer.get()] = edge_block(simulation, *layer, *team_);
}

std::shared_ptr<Block> Planner::block_for(Layer& layer, const Method& method) {
  const NativeType* type = layer.type->native;
  if (type == &level_neuron_type) return neuron_block(layer, method.name, *team_);
  if (type == &dn_edge_set_type && method.name == "update")
    return edges_[&layer] == nullptr ? nullptr : as_block(edges_[&layer]);
  if (type == &dn_node_type && method.name == "update") return node_block(layer, edges_);
  return nullptr;
}

}  // namespace isomer::mgs

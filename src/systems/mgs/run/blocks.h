#pragma once

// Parts of a network that are products of matrices: layers whose nodes are connected alike. What
// comes out does not depend on the number of threads.

#include <map>
#include <memory>

#include "systems/mgs/run/simulation.h"
#include "systems/mgs/run/team.h"

namespace isomer::mgs {

class EdgeBlock;

class Planner {
 public:
  explicit Planner(Simulation& simulation);

  /// What gives the same as `method` of all nodes of the layer, faster; null where nothing does.
  std::shared_ptr<Block> block_for(Layer& layer, const Method& method);

 private:
  Simulation& simulation_;
  std::shared_ptr<Team> team_;
  std::map<const Layer*, std::shared_ptr<EdgeBlock>> edges_ = {};
};

/// Neurons that add weighted inputs.
std::shared_ptr<Block> neuron_block(Layer& layer, std::string_view method, Team& team);

/// The sets of edges that leave a layer, where each leads to the same nodes, and nobody else reads
/// what they give; null where that is not so.
std::shared_ptr<EdgeBlock> edge_block(Simulation& simulation, Layer& layer, Team& team);
std::shared_ptr<Block> as_block(const std::shared_ptr<EdgeBlock>& block);
/// Nodes, some of whose inputs are those blocks'.
std::shared_ptr<Block> node_block(Layer& layer,
                                  const std::map<const Layer*, std::shared_ptr<EdgeBlock>>& edges);

/// sums[r] += the products of rows[r] and x, one after the other, as a loop over each row does.
void add_products(const double* const* rows, std::size_t row_count, const double* x,
                  std::size_t count, double* sums);

}  // namespace isomer::mgs

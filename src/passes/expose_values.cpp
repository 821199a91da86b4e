#include "passes/passes.h"

namespace isomer {

Graph expose_values(const Graph& graph, std::vector<ValueId>& exposed) {
  Graph result = graph;
  exposed.clear();
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.outputs) {
      if (is_floating(graph[id].type.dtype)) exposed.push_back(id);
    }
  }
  result.outputs.insert(result.outputs.end(), exposed.begin(), exposed.end());
  result.signature.results = {
      Structure::Kind::tuple, {}, std::vector<Structure>(result.outputs.size())};
  return result;
}

}  // namespace isomer

#include "run/executor.h"

#include "base/error.h"
#include "base/text.h"

namespace isomer {

std::vector<Port> parameters_of(const Graph& graph) {
  std::vector<Port> ports;
  for (const Constant& constant : graph.constants) {
    if (!constant.trainable) continue;
    ports.push_back({constant.names.empty() ? graph[constant.value].name : constant.names[0],
                     graph[constant.value].type});
  }
  return ports;
}

std::vector<Port> states_of(const Graph& graph) {
  std::vector<Port> ports;
  std::size_t nameless = 0;
  for (const State& state : graph.states) {
    ports.push_back({state.names.empty() ? fmt::format("state{}", nameless++) : state.names[0],
                     state.initial.type()});
  }
  return ports;
}

void check_count(std::string_view kind, std::size_t wanted, std::span<const Tensor> tensors) {
  if (tensors.size() == wanted) return;
  throw Error(
      Fault::model, "",
      fmt::format("{} given, where the model has {}", counted(tensors.size(), kind), wanted));
}

void check_types(std::string_view kind, std::span<const Port> ports,
                 std::span<const Tensor> tensors) {
  check_count(kind, ports.size(), tensors);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (tensors[i].type() == ports[i].type) continue;
    throw Error(Fault::model, fmt::format("{} {}", kind, quoted(ports[i].name)),
                fmt::format("it is {}, where the model has {}", to_text(tensors[i].type()),
                            to_text(ports[i].type)));
  }
}

}  // namespace isomer

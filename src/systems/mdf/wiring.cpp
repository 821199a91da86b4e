#include "systems/mdf/wiring.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace isomer::mdf {
namespace {

struct TypeWord {
  DType dtype;
  std::string_view word;
};

constexpr std::array<TypeWord, 10> type_words = {{{DType::f32, "float32"},
                                                  {DType::f64, "float64"},
                                                  {DType::f16, "float16"},
                                                  {DType::bf16, "bfloat16"},
                                                  {DType::i64, "int64"},
                                                  {DType::i32, "int32"},
                                                  {DType::i16, "int16"},
                                                  {DType::i8, "int8"},
                                                  {DType::u8, "uint8"},
                                                  {DType::boolean, "bool"}}};

Shape shape_of(const std::vector<std::int64_t>& lengths) {
  return {lengths.begin(), lengths.end()};
}

/// Says what the edge leads to that is not there. Gives whether both of its nodes are.
bool check_edge(const DocumentGraph& graph, const Wiring& wiring, const std::string& id,
                const Edge& edge, Problems& problems) {
  const auto need = [&](bool there, const char* key, std::string what) {
    if (!there) problems.error({"edges", id, key}, std::move(what));
  };
  const auto sender = wiring.places.find(edge.sender);
  const auto receiver = wiring.places.find(edge.receiver);
  const auto none = wiring.places.end();
  need(sender != none, "sender", fmt::format("there is no node {}", quoted(edge.sender)));
  need(receiver != none, "receiver", fmt::format("there is no node {}", quoted(edge.receiver)));
  if (sender == none || receiver == none) return false;
  need(find(graph.nodes[sender->second].second.output_ports, edge.sender_port) != nullptr,
       "sender_port",
       fmt::format("node {} has no output port {}", quoted(edge.sender), quoted(edge.sender_port)));
  need(find(graph.nodes[receiver->second].second.input_ports, edge.receiver_port) != nullptr,
       "receiver_port",
       fmt::format("node {} has no input port {}", quoted(edge.receiver),
                   quoted(edge.receiver_port)));
  return true;
}

/// Edges that the format's program would look for a way to for ever: from nodes to which none leads
/// from the roots. Those are what nothing sends to or, without any, what has a default value.
void check_reached(const DocumentGraph& graph, const std::vector<Wiring::Link>& links,
                   Problems& problems) {
  const std::size_t count = graph.nodes.size();
  std::vector<std::vector<std::size_t>> receivers(count);
  std::vector<bool> reached(count, true);
  for (const Wiring::Link& link : links) {
    receivers[link.sender].push_back(link.receiver);
    reached[link.receiver] = false;
  }
  const bool rootless = std::ranges::find(reached, true) == reached.end();
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& ports = graph.nodes[i].second.input_ports;
    reached[i] =
        rootless ? std::ranges::any_of(
                       ports, [](const auto& port) { return !port.second.default_value.is_null(); })
                 : reached[i];
    if (reached[i]) open.push_back(i);
  }
  while (!open.empty()) {
    const std::size_t sender = open.back();
    open.pop_back();
    for (const std::size_t receiver : receivers[sender]) {
      if (reached[receiver]) continue;
      reached[receiver] = true;
      open.push_back(receiver);
    }
  }
  for (const Wiring::Link& link : links) {
    if (reached[link.sender]) continue;
    problems.error(
        {"edges", *link.id, "sender"},
        fmt::format("no way leads to its sender {} from a node that can begin: one that nothing "
                    "sends to or, where there is none, one with a port that has a default value",
                    quoted(graph.nodes[link.sender].first)));
  }
}

}  // namespace

Wiring::Wiring(const DocumentGraph& graph, bool first_ready, Problems& problems, bool cut)
    : senders(graph.nodes.size()) {
  const std::size_t count = graph.nodes.size();
  for (std::size_t i = 0; i < count; ++i) places.emplace(graph.nodes[i].first, i);
  for (const auto& [id, edge] : graph.edges) {
    if (!check_edge(graph, *this, id, edge, problems)) continue;
    links.push_back({places[edge.sender], places[edge.receiver], &id, &edge});
    const std::size_t receiver = links.back().receiver;
    const InputPort* port = find(graph.nodes[receiver].second.input_ports, edge.receiver_port);
    const bool waits = !cut || port == nullptr || port->default_value.is_null();
    if (waits) senders[receiver].push_back(links.back().sender);
  }
  for (auto& some : senders) {
    std::ranges::sort(some);
    some.erase(std::ranges::unique(some).begin(), some.end());
  }
  order = running_order(senders, first_ready);
  if (order.size() == count) {
    if (cut) check_reached(graph, links, problems);
    return;
  }
  std::vector<bool> runs(count);
  for (const std::size_t i : order) runs[i] = true;
  std::vector<std::string> waiting;
  for (std::size_t i = 0; i < count; ++i) {
    if (!runs[i]) waiting.push_back(quoted(graph.nodes[i].first));
  }
  problems.error({"edges"}, fmt::format("the edges form a cycle at or before {}", listed(waiting)));
}

std::vector<std::size_t> running_order(const std::vector<std::vector<std::size_t>>& senders,
                                       bool first_ready) {
  std::vector<std::vector<std::size_t>> receivers(senders.size());
  std::vector<std::size_t> awaited(senders.size());
  std::vector<std::size_t> layer(senders.size());
  std::set<std::pair<std::size_t, std::size_t>> ready;  // by layer, then by place
  for (std::size_t i = 0; i < senders.size(); ++i) {
    awaited[i] = senders[i].size();
    if (awaited[i] == 0) ready.emplace(0, i);
    for (const std::size_t sender : senders[i]) receivers[sender].push_back(i);
  }
  std::vector<std::size_t> order;
  while (!ready.empty()) {
    const std::size_t sender = ready.extract(ready.begin()).value().second;
    order.push_back(sender);
    for (const std::size_t i : receivers[sender]) {
      if (!first_ready) layer[i] = std::max(layer[i], layer[sender] + 1);
      if (--awaited[i] == 0) ready.emplace(layer[i], i);
    }
  }
  return order;
}

std::vector<InterfacePort> open_ports(const DocumentGraph& graph) {
  std::set<std::pair<std::string_view, std::string_view>> connected;
  for (const auto& [id, edge] : graph.edges) connected.emplace(edge.receiver, edge.receiver_port);
  std::set<std::string_view> known;
  std::vector<InterfacePort> ports;
  for (const auto& [node, body] : graph.nodes) {
    for (const auto& [id, port] : body.input_ports) {
      if (connected.contains({node, id}) || !known.insert(id).second) continue;
      const DType dtype =
          port.type == "int" ? DType::i64 : dtype_of_word(port.type).value_or(DType::f64);
      ports.push_back({id, id, {dtype, shape_of(port.shape)}});
    }
  }
  return ports;
}

std::vector<InterfacePort> end_ports(const DocumentGraph& graph) {
  std::set<std::string_view> senders;
  for (const auto& [id, edge] : graph.edges) senders.insert(edge.sender);
  std::vector<InterfacePort> ports;
  for (const auto& [node, body] : graph.nodes) {
    if (senders.contains(node)) continue;
    for (const auto& [id, port] : body.output_ports) {
      const DType dtype = dtype_of_word(port.type).value_or(DType::f64);
      ports.push_back({id, id, {dtype, shape_of(port.shape)}, node});
    }
  }
  std::map<std::string, std::size_t> counts;
  for (const InterfacePort& port : ports) ++counts[port.id];
  for (InterfacePort& port : ports) {
    if (counts[port.id] > 1) port.name = fmt::format("{}.{}", port.node, port.id);
  }
  return ports;
}

bool is_driven_by_time(const Parameter& parameter) {
  return parameter.value.is_null() && parameter.function.empty() && parameter.time_derivative;
}

bool has_time(const DocumentGraph& graph) {
  return std::ranges::any_of(graph.nodes, [](const auto& node) {
    return std::ranges::any_of(node.second.parameters,
                               [](const auto& entry) { return is_driven_by_time(entry.second); });
  });
}

std::string name_of_increment(const DocumentGraph& graph) {
  const std::vector<InterfacePort> ports = open_ports(graph);
  return std::ranges::find(ports, "dt", &InterfacePort::id) == ports.end() ? "dt"
                                                                           : "time_increment";
}

std::string_view type_word(DType dtype) {
  const auto* const row = std::ranges::find(type_words, dtype, &TypeWord::dtype);
  if (row != type_words.end()) return row->word;
  throw Error(Fault::unsupported, "", fmt::format("the format has no word for {}", name_of(dtype)));
}

std::optional<DType> dtype_of_word(std::string_view word) {
  const auto* const row = std::ranges::find(type_words, word, &TypeWord::word);
  return row == type_words.end() ? std::nullopt : std::optional(row->dtype);
}

}  // namespace isomer::mdf

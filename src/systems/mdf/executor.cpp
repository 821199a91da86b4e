#include "systems/mdf/executor.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "systems/mdf/node_executor.h"
#include "systems/mdf/remarks.h"
#include "vocabularies/numpy/arithmetic.h"

namespace isomer::mdf {
namespace {

bool is_one(const Value& weight) {
  return is_number(weight) && weight.as<bool>() == nullptr && real_of(weight) == 1;
}

[[noreturn]] void refuse(Fault fault, const std::vector<std::string>& problems) {
  throw Error(fault, "",
              problems.size() == 1 ? problems[0]
                                   : fmt::format("{}:\n  {}", counted(problems.size(), "problem"),
                                                 fmt::join(problems, "\n  ")));
}

}  // namespace

struct DocumentExecutor::Link {
  std::size_t sender;
  std::string sender_port;
  Value* receiver_port;
  std::optional<Value> weight;
  std::string id;
};

DocumentExecutor::DocumentExecutor(const DocumentGraph& graph, Width width)
    : operators_(std::make_shared<SharedOperators>()) {
  operators_->width = width;
  std::vector<std::string> problems = refused_in(graph);
  if (!problems.empty()) refuse(Fault::unsupported, problems);
  for (const auto& [id, node] : graph.nodes) {
    nodes_.push_back(std::make_unique<NodeExecutor>(id, node, operators_, problems));
  }
  connect(graph, problems);
  if (!problems.empty()) refuse(Fault::model, problems);
  put_in_order(graph, problems);
  if (!problems.empty()) refuse(Fault::model, problems);
}

DocumentExecutor::~DocumentExecutor() = default;

void DocumentExecutor::connect(const DocumentGraph& graph, std::vector<std::string>& problems) {
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < nodes_.size(); ++i) places.emplace(nodes_[i]->id(), i);
  incoming_.resize(nodes_.size());
  std::vector<bool> sends(nodes_.size(), false);
  for (const auto& [id, edge] : graph.edges) {
    const auto sender = places.find(edge.sender);
    const auto receiver = places.find(edge.receiver);
    const std::string place = fmt::format("edge {}", quoted(id));
    for (const auto& [found, name] :
         {std::pair(sender, edge.sender), std::pair(receiver, edge.receiver)}) {
      if (found == places.end())
        problems.push_back(fmt::format("{}: there is no node {}", place, quoted(name)));
    }
    if (sender == places.end() || receiver == places.end()) continue;
    sends[sender->second] = true;
    Value* port = nodes_[receiver->second]->input(edge.receiver_port);
    if (port == nullptr) {
      problems.push_back(fmt::format("{}: node {} has no input port {}", place,
                                     quoted(edge.receiver), quoted(edge.receiver_port)));
      continue;
    }
    if (!nodes_[sender->second]->has_output(edge.sender_port)) {
      problems.push_back(fmt::format("{}: node {} has no output port {}", place,
                                     quoted(edge.sender), quoted(edge.sender_port)));
      continue;
    }
    Link link{sender->second, edge.sender_port, port, std::nullopt, id};
    if (const Tree* weight = find(edge.parameters, "weight")) {
      const Value value = numpy::value_of(*weight);
      if (!is_one(value)) link.weight = value;
    }
    incoming_[receiver->second].push_back(std::move(link));
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!sends[i]) output_nodes_.push_back(nodes_[i]->id());
  }
}

// Layer by layer; inside a layer the document's order.
void DocumentExecutor::put_in_order(const DocumentGraph&, std::vector<std::string>& problems) {
  std::vector<std::size_t> layer(nodes_.size(), 0);  // 0: not yet
  std::size_t placed = 0;
  for (std::size_t depth = 1; placed < nodes_.size(); ++depth) {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (layer[i] != 0) continue;
      const auto waits = [&](const Link& link) { return layer[link.sender] == 0; };
      if (std::ranges::none_of(incoming_[i], waits)) found.push_back(i);
    }
    if (found.empty()) break;
    for (const std::size_t i : found) layer[i] = depth;
    order_.insert(order_.end(), found.begin(), found.end());
    placed += found.size();
  }
  if (placed == nodes_.size()) return;
  std::vector<std::string> stuck;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (layer[i] == 0) stuck.push_back(quoted(nodes_[i]->id()));
  }
  problems.push_back(
      fmt::format("the edges form a cycle, which never starts to run; in it or behind it: {}",
                  fmt::join(stuck, ", ")));
}

void DocumentExecutor::set_input(std::string_view port, const Value& value) {
  for (const auto& node : nodes_) {
    if (Value* input = node->input(port)) *input = value;
  }
}

bool DocumentExecutor::set_parameter(std::string_view node, std::string_view parameter,
                                     const Value& value) {
  for (const auto& candidate : nodes_) {
    if (candidate->id() == node) return candidate->set_parameter(parameter, value);
  }
  return false;
}

void DocumentExecutor::evaluate(const Value& time_increment) {
  for (const std::size_t i : order_) {
    with_place(fmt::format("node {}", quoted(nodes_[i]->id())), [&] {
      for (const Link& link : incoming_[i]) {
        const Value* sent = nodes_[link.sender]->output(link.sender_port);
        const Value value = sent == nullptr ? Value{} : *sent;
        *link.receiver_port =
            !link.weight ? value : with_place(fmt::format("edge {}", quoted(link.id)), [&] {
              return binary("*", *link.weight, value);
            });
      }
      nodes_[i]->evaluate(time_increment);
    });
  }
}

const Value* DocumentExecutor::output(std::string_view node, std::string_view port) const {
  for (const auto& candidate : nodes_) {
    if (candidate->id() == node) return candidate->output(port);
  }
  return nullptr;
}

const Value* DocumentExecutor::parameter(std::string_view node, std::string_view parameter) const {
  for (const auto& candidate : nodes_) {
    if (candidate->id() == node) return candidate->parameter(parameter);
  }
  return nullptr;
}

std::vector<std::string> DocumentExecutor::order() const {
  std::vector<std::string> result;
  for (const std::size_t i : order_) result.push_back(nodes_[i]->id());
  return result;
}

}  // namespace isomer::mdf

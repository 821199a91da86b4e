#include "systems/mdf/executor.h"

#include "base/error.h"
#include "base/text.h"
#include "systems/mdf/node_executor.h"
#include "systems/mdf/order.h"
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
                                                 listed(problems, "\n  ")));
}

}  // namespace

struct DocumentExecutor::Link {
  std::size_t sender;
  std::string sender_port;
  std::optional<Value>* receiver_port;
  std::optional<Value> weight;
  std::string id;
};

DocumentExecutor::DocumentExecutor(const DocumentGraph& graph, const RunOptions& options)
    : operators_(std::make_shared<SharedOperators>(options)) {
  std::vector<std::string> problems = refused_in(graph);
  if (!problems.empty()) refuse(Fault::unsupported, problems);
  for (const auto& [id, node] : graph.nodes) {
    nodes_.push_back(std::make_unique<NodeExecutor>(id, node, operators_, problems));
  }
  connect(graph, problems);
  if (!problems.empty()) refuse(Fault::model, problems);
  put_in_order(problems);
  if (!problems.empty()) refuse(Fault::model, problems);
}

DocumentExecutor::~DocumentExecutor() = default;

void DocumentExecutor::connect(const DocumentGraph& graph, std::vector<std::string>& problems) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) places_.emplace(nodes_[i]->id(), i);
  for (const auto& [id, node] : graph.nodes) {
    for (const auto& [port, body] : node.input_ports)
      ports_.emplace(port, node_named(id)->input(port));
  }
  incoming_.resize(nodes_.size());
  std::vector<bool> sends(nodes_.size(), false);
  for (const auto& [id, edge] : graph.edges) {
    const auto sender = places_.find(edge.sender);
    const auto receiver = places_.find(edge.receiver);
    const std::string place = fmt::format("edge {}", quoted(id));
    for (const auto& [found, name] :
         {std::pair(sender, edge.sender), std::pair(receiver, edge.receiver)}) {
      if (found == places_.end())
        problems.push_back(fmt::format("{}: there is no node {}", place, quoted(name)));
    }
    if (sender == places_.end() || receiver == places_.end()) continue;
    sends[sender->second] = true;
    std::optional<Value>* port = nodes_[receiver->second]->input(edge.receiver_port);
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
void DocumentExecutor::put_in_order(std::vector<std::string>& problems) {
  std::vector<std::vector<std::size_t>> senders(nodes_.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    for (const Link& link : incoming_[i]) senders[i].push_back(link.sender);
  }
  order_ = running_order(senders, false);
  if (order_.size() == nodes_.size()) return;
  std::vector<std::string> stuck;
  for (const std::size_t i : left_out(order_, nodes_.size()))
    stuck.push_back(quoted(nodes_[i]->id()));
  problems.push_back(fmt::format(
      "the edges form a cycle, which never starts to run; in it or behind it: {}", listed(stuck)));
}

NodeExecutor* DocumentExecutor::node_named(std::string_view id) const {
  const auto found = places_.find(id);
  return found == places_.end() ? nullptr : nodes_[found->second].get();
}

void DocumentExecutor::set_input(std::string_view port, const Value& value) {
  const auto [begin, end] = ports_.equal_range(port);
  for (auto found = begin; found != end; ++found) *found->second = value;
}

bool DocumentExecutor::set_parameter(std::string_view node, std::string_view parameter,
                                     const Value& value) {
  NodeExecutor* found = node_named(node);
  return found != nullptr && found->set_parameter(parameter, value);
}

void DocumentExecutor::evaluate(const Value& time_increment) {
  operators_->spent = {};
  for (const std::size_t i : order_) {
    with_place([&] { return fmt::format("node {}", quoted(nodes_[i]->id())); },
               [&] {
                 for (const Link& link : incoming_[i]) {
                   const Value* sent = nodes_[link.sender]->output(link.sender_port);
                   const Value value = sent == nullptr ? Value{} : *sent;
                   *link.receiver_port =
                       !link.weight
                           ? value
                           : with_place([&] { return fmt::format("edge {}", quoted(link.id)); },
                                        [&] { return binary("*", *link.weight, value); });
                 }
                 nodes_[i]->evaluate(time_increment);
               });
  }
}

const Value* DocumentExecutor::output(std::string_view node, std::string_view port) const {
  const NodeExecutor* found = node_named(node);
  return found == nullptr ? nullptr : found->output(port);
}

const Value* DocumentExecutor::parameter(std::string_view node, std::string_view parameter) const {
  const NodeExecutor* found = node_named(node);
  return found == nullptr ? nullptr : found->parameter(parameter);
}

std::vector<std::pair<std::string, std::string>> DocumentExecutor::stateful_parameters() const {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& node : nodes_) {
    for (std::string& id : node->stateful_parameters())
      found.emplace_back(node->id(), std::move(id));
  }
  return found;
}

Value DocumentExecutor::state(std::string_view node, std::string_view parameter) const {
  const NodeExecutor* found = node_named(node);
  expect(found != nullptr, "the node of a state is there");
  return found->state(parameter);
}

void DocumentExecutor::set_state(std::string_view node, std::string_view parameter,
                                 const Value& value) {
  NodeExecutor* found = node_named(node);
  expect(found != nullptr, "the node of a state is there");
  found->set_state(parameter, value);
}

std::vector<std::string> DocumentExecutor::order() const {
  std::vector<std::string> result;
  for (const std::size_t i : order_) result.push_back(nodes_[i]->id());
  return result;
}

}  // namespace isomer::mdf

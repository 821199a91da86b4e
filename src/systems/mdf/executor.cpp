#include "systems/mdf/executor.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "systems/mdf/node_executor.h"
#include "systems/mdf/remarks.h"
#include "systems/mdf/wiring.h"
#include "vocabularies/numpy/arithmetic.h"
#include "vocabularies/numpy/random_state.h"

namespace isomer::mdf {
struct DocumentExecutor::Link {
  std::size_t sender;
  std::string sender_port;
  NodeExecutor::Input* receiver_port;
  std::optional<Value> weight;
  std::string id;
};

DocumentExecutor::DocumentExecutor(const DocumentGraph& graph, const RunOptions& options,
                                   Problems* collected)
    : operators_(std::make_shared<SharedOperators>(options)) {
  operators_->runtime.random = std::make_shared<numpy::RandomStream>();
  Problems own;
  Problems& problems = collected == nullptr ? own : *collected;
  for (const auto& [id, node] : graph.nodes) {
    nodes_.push_back(std::make_unique<NodeExecutor>(id, node, operators_, problems));
  }
  connect(graph, problems);
  own.refuse_errors(Fault::model);
}

DocumentExecutor::~DocumentExecutor() = default;

// Nodes run layer by layer; inside a layer in the document's order.
void DocumentExecutor::connect(const DocumentGraph& graph, Problems& problems) {
  Wiring wiring(graph, false, problems, operators_->dialect.clears_ports);
  schedule_ = std::make_unique<Schedule>(graph, wiring, nodes_, operators_->dialect, problems);
  if (problems.errors() != 0) return;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    for (const auto& [port, body] : graph.nodes[i].second.input_ports)
      ports_.emplace(port, std::pair(nodes_[i].get(), nodes_[i]->input(port)));
  }
  incoming_.resize(nodes_.size());
  for (const auto& [sender, receiver, id, edge] : wiring.links) {
    Link link{sender, edge->sender_port, nodes_[receiver]->input(edge->receiver_port), {}, *id};
    if (const Tree* weight = weight_of(*edge)) link.weight = numpy::value_of(*weight);
    incoming_[receiver].push_back(std::move(link));
  }
  carries_ =
      !schedule_->is_plain() || std::ranges::any_of(wiring.links, [&](const Wiring::Link& link) {
        return !std::ranges::binary_search(wiring.senders[link.receiver], link.sender);
      });
  places_ = std::move(wiring.places);
  order_ = std::move(wiring.order);
}

NodeExecutor* DocumentExecutor::node(std::string_view id) const {
  const auto found = places_.find(id);
  return found == places_.end() ? nullptr : nodes_[found->second].get();
}

void DocumentExecutor::set_input(std::string_view port, const Value& value) {
  const auto [begin, end] = ports_.equal_range(port);
  for (auto found = begin; found != end; ++found) {
    const auto& [node, input] = found->second;
    node->receive(*input, value);
  }
}

void DocumentExecutor::run_node(std::size_t place, const Value& time_increment) {
  NodeExecutor& node = *nodes_[place];
  with_place([&] { return fmt::format("node {}", quoted(node.id())); },
             [&] {
               for (const Link& link : incoming_[place]) bring(link, node);
               try {
                 node.evaluate(time_increment);
               } catch (const Error& error) {
                 const std::string why = missing_at(place);
                 if (why.empty()) throw;
                 throw Error(error.fault(), error.where(), error.text() + why);
               }
             });
}

// Before 0.4.14 a port without a value has None, of which expressions only say that it does not
// fit.
std::string DocumentExecutor::missing_at(std::size_t place) const {
  std::string why;
  for (const Link& link : incoming_[place]) {
    const NodeExecutor& sender = *nodes_[link.sender];
    if (sender.has_run() || operators_->dialect.clears_ports) continue;
    why += fmt::format(
        "; input port {} waits for edge {} from node {}, whose condition {} "
        "has not held yet",
        quoted(link.receiver_port->id), quoted(link.id), quoted(sender.id()),
        schedule_->condition_of(link.sender));
  }
  return why;
}

// A node that has not run yet sends nothing; before 0.4.14 that was a value, None.
void DocumentExecutor::bring(const Link& link, const NodeExecutor& receiver) {
  const NodeExecutor& sender = *nodes_[link.sender];
  if (operators_->dialect.clears_ports && !sender.has_run()) return;
  const Value* sent = sender.output(link.sender_port);
  Value value = sent == nullptr ? Value{} : *sent;
  with_place([&] { return fmt::format("edge {}", quoted(link.id)); },
             [&] {
               if (link.weight) value = binary("*", *link.weight, value);
               receiver.receive(*link.receiver_port, std::move(value));
             });
}

void DocumentExecutor::evaluate(const Value& time_increment) {
  constexpr std::int64_t most_made = std::int64_t{1} << 30;
  operators_->spent = {};
  operators_->runtime.random->state.reset();  // each evaluation seeds what it draws
  std::size_t runs = 0;
  std::int64_t made = 0;  // before
  schedule_->run([&](std::span<const std::size_t> set) {
    // What all nodes hold is bounded, however often they run; and what they make in all.
    if (runs >= nodes_.size()) {
      made += operators_->spent.made;
      if (made > most_made) {
        throw Error(Fault::model, "",
                    fmt::format("an evaluation runs its nodes so often that they make more than {} "
                                "elements; its termination never comes, or not soon",
                                most_made));
      }
      operators_->spent.made = operators_->spent.items = 0;
      runs = 0;
    }
    runs += set.size();
    for (const std::size_t place : set) run_node(place, time_increment);
    if (observer_) observer_(set);
  });
}

void DocumentExecutor::reset() {
  for (const auto& node : nodes_) node->reset();
  if (schedule_) schedule_->reset();
}

const Value* DocumentExecutor::output(std::string_view node, std::string_view port) const {
  const NodeExecutor* found = this->node(node);
  return found == nullptr ? nullptr : found->output(port);
}

const Value* DocumentExecutor::parameter(std::string_view node, std::string_view parameter) const {
  const NodeExecutor* found = this->node(node);
  return found == nullptr ? nullptr : found->parameter(parameter);
}

}  // namespace isomer::mdf

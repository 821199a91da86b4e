#include "prove/matching.h"

#include <algorithm>
#include <optional>
#include <ranges>
#include <utility>

#include "base/text.h"
#include "graph/text.h"
#include "ops/schema.h"

namespace isomer {
namespace {

bool is_unnamed(const Side& side, ValueId id) {
  const Constant* constant = side.uses.constant(side.graph, id);
  return constant != nullptr && constant->names.empty();
}

std::string types_of(const Graph& graph, const Node& node) {
  std::string text;
  for (const ValueId id : node.outputs) text += to_text(graph[id].type) + ' ';
  return text;
}

/// What is given and what is read, in any order; a number is a setting and no operand.
std::string key_by_inputs(const Side& side, const Node& node) {
  std::vector<std::uint32_t> inputs;
  for (const ValueId id : node.inputs) {
    if (id != ValueId::none && !is_unnamed(side, id))
      inputs.push_back(static_cast<std::uint32_t>(side(id)));
  }
  std::ranges::sort(inputs);
  return fmt::format("{}{}", types_of(side.graph, node), fmt::join(inputs, " "));
}

std::string key_by_module(const Side& side, const Node& node) {
  return fmt::format("{}{} {}", types_of(side.graph, node), node.op, node.scope);
}

Occurrence occurrence_of(const Graph& graph, const Node& node) {
  std::vector<std::string> settings;
  for (const NamedAttribute& attribute : node.attributes)
    settings.push_back(fmt::format("{}={}", attribute.name, to_text(attribute.value)));
  const std::string value = node.outputs.empty() ? "" : graph[node.outputs[0]].name;
  return {node.op, fmt::format("{}", fmt::join(settings, ", ")), value, node.scope, node.place};
}

}  // namespace

Matching::Matching(Graph source, Graph other)
    : source_{std::move(source)},
      other_{std::move(other)},
      canonical_("both", source_.graph.signature.lengths),
      waits_for_(other_.graph.nodes.size()),
      settled_(other_.graph.values.size()) {
  for (Side* side : {&source_, &other_}) {
    side->numbers = canonical_.add(side->graph);
    side->reached = canonical_.reached();
    side->values.insert(side->numbers.begin(), side->numbers.end());
  }
  for (Side* side : {&source_, &other_}) find_merged(*side);
  matched_ =
      static_cast<std::size_t>(std::ranges::count_if(source_.graph.nodes, [&](const Node& node) {
        return source_.merged[source_.place_of(node)] || gives_had(source_, other_, node);
      }));
  index_source();
  for (std::size_t i = 0; i < other_.graph.nodes.size(); ++i) {
    const std::vector<ValueId>& inputs = other_.graph.nodes[i].inputs;
    waits_for_[i] = inputs.size();
    waits_for_[i] -= static_cast<std::size_t>(std::ranges::count(inputs, ValueId::none));
    if (waits_for_[i] == 0) ready_.push(i);
  }
  for (std::size_t i = 0; i < other_.graph.values.size(); ++i) {
    const auto id = static_cast<ValueId>(i);
    const bool is_given = other_.uses.maker(id) == Uses::nobody;
    if (is_given && (source_.reached.contains(other_(id)) || is_unnamed(other_, id))) settle(id);
  }
  do {
    while (!ready_.empty()) {
      const std::size_t place = ready_.top();
      ready_.pop();
      carry(place);
    }
  } while (pair_up() || pair_inside());
}

/// What neither outputs nor states need in the canonical graph.
void Matching::find_merged(Side& side) const {
  std::set<ValueId> needed;
  for (const ValueId id : side.graph.outputs) needed.insert(side(id));
  for (const State& state : side.graph.states) needed.insert(side(state.next));
  const auto is_needed = [&](ValueId id) { return needed.contains(id); };
  for (const Node& node : canonical_.graph().nodes | std::views::reverse) {
    if (std::ranges::any_of(node.outputs, is_needed))
      needed.insert(node.inputs.begin(), node.inputs.end());
  }
  for (const Node& node : side.graph.nodes)
    side.merged.push_back(std::ranges::none_of(node.outputs, is_needed, std::cref(side)));
}

void Matching::index_source() {
  for (const Node& node : source_.graph.nodes) {
    if (source_.merged[source_.place_of(node)]) continue;
    by_inputs_[key_by_inputs(source_, node)].push_back(&node);
    by_module_[key_by_module(source_, node)].push_back(&node);
  }
}

// Carrying the other in -----------------------------------------------------------------------

void Matching::settle(ValueId id) {
  if (settled_[static_cast<std::size_t>(id)]) return;
  settled_[static_cast<std::size_t>(id)] = true;
  for (const std::size_t user : other_.uses.users(id)) {
    if (--waits_for_[user] == 0) ready_.push(user);
  }
}

void Matching::carry(std::size_t place) {
  const Node& node = other_.graph.nodes[place];
  canonical_.carry(other_.graph, place, other_.numbers);
  for (const ValueId id : node.outputs) {
    other_.reached.insert(other_(id));
    other_.values.insert(other_(id));
  }
  const bool has_equal = gives_had(other_, source_, node);
  if (!has_equal && !other_.merged[place]) {
    pending_.insert(&node);
    fresh_.push_back(&node);
    return;
  }
  const bool is_value = std::ranges::all_of(
      node.outputs, [&](ValueId id) { return source_.values.contains(other_(id)); });
  if (has_equal && !is_value) inner_.push_back(&node);
  for (const ValueId id : node.outputs) settle(id);
}

/// Whether there was a pair: then what is behind it is to be looked at.
bool Matching::pair_up() {
  const std::size_t before = partners_.size();
  const auto is_new = [&](const Node& ours) { return !gives_had(source_, other_, ours); };
  // The other computes it, but inside of an operator alone.
  const auto is_inside = [&](const Node& ours) {
    return std::ranges::none_of(ours.outputs,
                                [&](ValueId id) { return other_.values.contains(source_(id)); });
  };
  for (const Choose& fits : {Choose(is_new), Choose(is_inside)}) {
    for (const Node* theirs : fresh_) {
      if (!pending_.contains(theirs)) continue;
      const Node* ours = unpaired(by_inputs_, key_by_inputs(other_, *theirs), fits);
      if (ours != nullptr) pair(*ours, *theirs);
    }
  }
  fresh_.clear();
  if (partners_.size() > before) return true;
  const auto does_the_same = [&](const Node& ours) { return is_new(ours) && reads_had(ours); };
  for (const Node* theirs : std::vector<const Node*>(pending_.begin(), pending_.end())) {
    const Node* ours = unpaired(by_module_, key_by_module(other_, *theirs), does_the_same);
    if (ours != nullptr) pair(*ours, *theirs);
  }
  return partners_.size() > before;
}

/// A part of an operator of the source that stands where that operator should.
bool Matching::pair_inside() {
  const std::size_t before = partners_.size();
  const auto fits = [&](const Node& ours) {
    return !gives_had(source_, other_, ours) && reads_had(ours);
  };
  for (const Node* theirs : std::exchange(inner_, {})) {
    const Node* ours = unpaired(by_inputs_, key_by_inputs(other_, *theirs), fits);
    if (ours == nullptr) continue;
    pair(*ours, *theirs);
    for (const ValueId id : theirs->outputs) {
      for (const std::size_t user : other_.uses.users(id)) {
        if (pending_.erase(&other_.graph.nodes[user]) > 0) ready_.push(user);
      }
    }
  }
  return partners_.size() > before;
}

/// The first that fits; of very many alike only some are looked at.
const Node* Matching::unpaired(Index& index, const std::string& key, const Choose& fits) {
  const auto found = index.find(key);
  if (found == index.end()) return nullptr;
  std::deque<const Node*>& nodes = found->second;
  while (!nodes.empty() && partners_.contains(nodes.front())) nodes.pop_front();
  constexpr std::size_t most = 64;
  for (std::size_t i = 0; i < std::min(nodes.size(), most); ++i) {
    if (!partners_.contains(nodes[i]) && fits(*nodes[i])) return nodes[i];
  }
  return nullptr;
}

void Matching::pair(const Node& ours, const Node& theirs) {
  partners_.emplace(&ours, &theirs);
  partners_.emplace(&theirs, &ours);
  pending_.erase(&theirs);
  for (std::size_t i = 0; i < ours.outputs.size(); ++i) {
    const ValueId number = source_(ours.outputs[i]);
    other_.numbers[static_cast<std::size_t>(theirs.outputs[i])] = number;
    other_.reached.insert(number);
    other_.values.insert(number);
    settle(theirs.outputs[i]);
  }
}

bool Matching::gives_had(const Side& side, const Side& opposite, const Node& node) const {
  return std::ranges::all_of(node.outputs,
                             [&](ValueId id) { return opposite.reached.contains(side(id)); });
}

/// Whether the other has all that a node of the source reads, be it as a part of something else.
bool Matching::reads_had(const Node& ours) const {
  std::set<ValueId> seen;
  std::vector<ValueId> left = ours.inputs;
  while (!left.empty()) {
    const ValueId id = left.back();
    left.pop_back();
    if (id == ValueId::none || other_.reached.contains(source_(id)) || !seen.insert(id).second ||
        is_unnamed(source_, id))
      continue;
    const std::size_t maker = source_.uses.maker(id);
    if (maker == Uses::nobody || !source_.merged[maker]) return false;
    const std::vector<ValueId>& inputs = source_.graph.nodes[maker].inputs;
    left.insert(left.end(), inputs.begin(), inputs.end());
  }
  return true;
}

// What is said of it --------------------------------------------------------------------------

/// The first of those that merged with a node of which the opposite has no equal.
const Node* Matching::cause(const Side& side, const Side& opposite, const Node& node) const {
  std::optional<std::size_t> first;
  std::set<std::size_t> seen;
  std::vector<const Node*> left{&node};
  while (!left.empty()) {
    const Node& one = *left.back();
    left.pop_back();
    for (const ValueId id : one.inputs) {
      if (id == ValueId::none || opposite.reached.contains(side(id))) continue;
      const std::size_t maker = side.uses.maker(id);
      if (maker == Uses::nobody || !side.merged[maker] || !seen.insert(maker).second) continue;
      first = std::min(first.value_or(maker), maker);
      left.push_back(&side.graph.nodes[maker]);
    }
  }
  return first ? &side.graph.nodes[*first] : nullptr;
}

/// Whether two nodes are alike but for what they read.
bool Matching::same_settings(const Node& ours, const Node& theirs) const {
  if (ours.op != theirs.op || ours.inputs.size() != theirs.inputs.size()) return false;
  const OpSchema& schema = op_named(ours.op);
  if (canonical(schema, ours.attributes) != canonical(schema, theirs.attributes)) return false;
  for (std::size_t i = 0; i < ours.inputs.size(); ++i) {
    const bool is_number = is_unnamed(source_, ours.inputs[i]);
    if (is_number != is_unnamed(other_, theirs.inputs[i])) return false;
    if (is_number && source_(ours.inputs[i]) != other_(theirs.inputs[i])) return false;
  }
  return true;
}

/// In a body, or among what merged with the nodes, where the difference comes from there.
OperatorDifference Matching::seen_closer(const Node* ours, const Node* theirs) const {
  const Node* source = ours;
  const Node* other = theirs;
  if (ours != nullptr && theirs != nullptr && ours->op == theirs->op &&
      ours->bodies.size() == theirs->bodies.size() &&
      std::ranges::equal(ours->inputs, theirs->inputs, {}, std::cref(source_), std::cref(other_))) {
    for (std::size_t i = 0; i < ours->bodies.size(); ++i) {
      const auto inside = Matching(*ours->bodies[i], *theirs->bodies[i]).differences();
      if (!inside.empty()) return inside[0];
    }
  }
  if (ours != nullptr && (theirs == nullptr || same_settings(*ours, *theirs))) {
    if (const Node* before = cause(source_, other_, *ours)) {
      source = before;
      const Node* there = theirs == nullptr ? nullptr : cause(other_, source_, *theirs);
      if (there != nullptr) other = there;
    }
  }
  OperatorDifference difference;
  if (source != nullptr) difference.source = occurrence_of(source_.graph, *source);
  if (other != nullptr) difference.other = occurrence_of(other_.graph, *other);
  return difference;
}

std::vector<OperatorDifference> Matching::differences() const {
  std::vector<OperatorDifference> found;
  std::set<std::string> told;
  for (const Node& node : source_.graph.nodes) {
    const auto partner = partners_.find(&node);
    const bool alone = partner == partners_.end();
    if (alone && (source_.merged[source_.place_of(node)] || gives_had(source_, other_, node) ||
                  !reads_had(node)))
      continue;
    OperatorDifference one = seen_closer(&node, alone ? nullptr : partner->second);
    // Several that read one that merged with each of them.
    if (told.insert(to_text(*one.source)).second) found.push_back(std::move(one));
  }
  for (const Node* node : pending_) found.push_back(seen_closer(nullptr, node));
  return found;
}

}  // namespace isomer

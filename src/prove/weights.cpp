#include "prove/weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/text.h"
#include "prove/compare.h"

namespace isomer {
namespace {

using Table = std::map<std::string, Tensor, std::less<>>;

Table table_of(const Weights& weights) { return {weights.begin(), weights.end()}; }

/// The weight under that name, or under one that is tied to it.
const Tensor* lookup(const Table& table, const std::string& name, const Aliases& aliases) {
  const auto found = table.find(name);
  if (found != table.end()) return &found->second;
  for (const std::vector<std::string>& group : aliases) {
    if (std::ranges::find(group, name) == group.end()) continue;
    for (const std::string& alias : group) {
      const auto tied = table.find(alias);
      if (tied != table.end()) return &tied->second;
    }
  }
  return nullptr;
}

std::size_t first_difference(const Tensor& a, const Tensor& b) {
  const auto left = a.bytes().data(), right = b.bytes().data();
  const auto [where, other] = std::ranges::mismatch(left, right);
  return static_cast<std::size_t>(where - left.begin()) / size_of(a.dtype());
}

WorstElement worst_weight(const std::string& name, const Tensor& source, const Tensor& other) {
  WorstElement worst{name, {}, 0, 0, 0, 0, std::numeric_limits<double>::infinity()};
  if (is_complex(source.dtype())) return worst;
  const std::vector<double> wanted = source.doubles(), got = other.doubles();
  std::size_t place = first_difference(source, other);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (std::abs(wanted[i] - got[i]) > std::abs(wanted[place] - got[place])) place = i;
  }
  worst.index = unravelled(place, source.shape());
  worst.source = worst.exact = wanted[place];
  worst.other = got[place];
  return worst;
}

bool is_within(const Tensor& source, const Tensor& other, const Allowed& allowed) {
  if (!is_floating(source.dtype())) return false;
  const std::vector<double> wanted = source.doubles(), got = other.doubles();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] != got[i] && !(std::abs(wanted[i] - got[i]) <= allowed.at(wanted[i])))
      return false;
  }
  return true;
}

void compare_one(Check& check, const std::string& name, const Tensor& source, const Tensor& other,
                 const std::optional<Allowed>& allowed) {
  ++check.tensors;
  check.elements += static_cast<std::size_t>(source.count());
  if (source.same_bits(other)) return;
  if (source.shape() != other.shape() || source.dtype() != other.dtype()) {
    check.differences.push_back(
        {name, fmt::format("weight {} is {}, the source has {}", isomer::quoted(name),
                           to_text(other.dtype(), other.shape()),
                           to_text(source.dtype(), source.shape()))});
    return;
  }
  if (allowed && is_within(source, other, *allowed)) {
    ++check.loose;
    return;
  }
  WorstElement worst = worst_weight(name, source, other);
  check.differences.push_back({name, fmt::format("weight {} differs at [{}]: {}, the source has {}",
                                                 isomer::quoted(name), fmt::join(worst.index, ", "),
                                                 real_text(worst.other), real_text(worst.source))});
  if (!check.worst) check.worst = std::move(worst);
}

}  // namespace

WeightIndex::WeightIndex(std::span<const Port> ports, const Aliases& aliases)
    : WeightIndex(aliases) {
  for (std::size_t i = 0; i < ports.size(); ++i) places_.try_emplace(ports[i].name, i);
}

WeightIndex::WeightIndex(const Weights& weights, const Aliases& aliases) : WeightIndex(aliases) {
  for (std::size_t i = 0; i < weights.size(); ++i) places_.try_emplace(weights[i].first, i);
}

WeightIndex::WeightIndex(const Aliases& aliases) {
  for (const std::vector<std::string>& group : aliases) {
    for (const std::string& name : group) groups_.emplace(name, &group);
  }
}

std::optional<std::size_t> WeightIndex::find(const std::string& name) const {
  std::optional<std::size_t> first;
  const auto look_up = [&](const std::string& alias) {
    const auto found = places_.find(alias);
    if (found != places_.end()) first = std::min(first.value_or(found->second), found->second);
  };
  look_up(name);
  const auto [begin, end] = groups_.equal_range(name);
  for (auto group = begin; group != end; ++group) std::ranges::for_each(*group->second, look_up);
  return first;
}

Aliases aliases_of(const Graph& graph) {
  Aliases aliases;
  for (const Constant& constant : graph.constants) {
    if (constant.names.size() > 1) aliases.push_back(constant.names);
  }
  for (const State& state : graph.states) {
    if (state.names.size() > 1) aliases.push_back(state.names);
  }
  return aliases;
}

std::set<std::string> unread_weights(const Graph& graph) {
  std::set<ValueId> read(graph.outputs.begin(), graph.outputs.end());
  for (const Node& node : graph.nodes) read.insert(node.inputs.begin(), node.inputs.end());
  for (const State& state : graph.states) read.insert(state.next);
  std::set<std::string> unread;
  for (const Constant& constant : graph.constants) {
    if (!read.contains(constant.value)) unread.insert(constant.names.begin(), constant.names.end());
  }
  return unread;
}

void share_equal(Weights& other, const Weights& source, const Aliases& aliases) {
  const Table held = table_of(source);
  for (auto& [name, tensor] : other) {
    const Tensor* const equal = lookup(held, name, aliases);
    if (equal != nullptr && equal->same_bits(tensor)) tensor = *equal;
  }
}

Check compare_weights(const Weights& source, const Weights& other, const Aliases& aliases,
                      const std::set<std::string>& unread, const std::optional<Allowed>& allowed,
                      std::vector<std::string>& notes) {
  Check check{.what = "weights", .where = "bit by bit"};
  const Table wanted = table_of(source), got = table_of(other);
  std::vector<std::string> missing, extra, not_needed;
  for (const auto& [name, tensor] : wanted) {
    const Tensor* counterpart = lookup(got, name, aliases);
    if (counterpart != nullptr) {
      compare_one(check, name, tensor, *counterpart, allowed);
    } else {
      (unread.contains(name) ? not_needed : missing).push_back(name);
    }
  }
  for (const auto& [name, tensor] : got) {
    if (lookup(wanted, name, aliases) == nullptr) extra.push_back(name);
  }
  if (!missing.empty())
    check.differences.push_back({"missing", "weights are missing: " + listed(missing)});
  if (!extra.empty())
    check.differences.push_back(
        {"extra", "weights are there that the source does not have: " + listed(extra)});
  if (!not_needed.empty())
    notes.push_back("weights that the source has and nothing reads are left out: " +
                    listed(not_needed));
  check.same = check.differences.empty();
  return check;
}

}  // namespace isomer

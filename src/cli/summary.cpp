#include "cli/summary.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "graph/text.h"
#include "passes/costs.h"
#include "pictures/graphviz.h"
#include "systems/system.h"

namespace isomer::cli {
namespace {

std::vector<std::string> typed(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<std::string> texts;
  for (const ValueId id : ids)
    texts.push_back(fmt::format("{}: {}", value_name(graph, id), to_text(graph[id].type)));
  return texts;
}

std::int64_t elements(const Graph& graph, bool trainable) {
  std::int64_t count = 0;
  for (const Constant& constant : graph.constants) {
    if (constant.trainable == trainable && !constant.names.empty()) count += constant.data.count();
  }
  return count;
}

/// "1234", "12.3k", "4560.0M".
std::string short_number(double number) {
  constexpr std::array units = {"", "k", "M", "G", "T", "P", "E"};
  std::size_t unit = 0;
  while (number >= 10'000 && unit + 1 < units.size()) {
    number /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f}", number) : fmt::format("{:.1f}{}", number, units[unit]);
}

std::string cost_row(std::string_view name, const Cost& cost, std::string_view about) {
  return fmt::format("  {:<32} {:>9} {:>10} {:>9} {:>9}{}{}\n", name, cost.operators,
                     cost.parameters, short_number(cost.flops), short_number(cost.bytes),
                     about.empty() ? "" : "  ", about);
}

/// A module and all inside it, at most two deep: "encoder.layers".
std::string outer_path(std::string_view path) {
  const std::size_t first = path.find('.');
  return std::string(
      path.substr(0, first == std::string_view::npos ? first : path.find('.', first + 1)));
}

/// By name, in the order in which they are met.
class Sums {
 public:
  Cost& at(std::string_view name) {
    const auto found = std::ranges::find(rows_, name, &std::pair<std::string, Cost>::first);
    if (found != rows_.end()) return found->second;
    return rows_.emplace_back(std::string(name), Cost{}).second;
  }
  const std::vector<std::pair<std::string, Cost>>& rows() const { return rows_; }

 private:
  std::vector<std::pair<std::string, Cost>> rows_;
};

std::string modules_of(const Graph& graph, const Lengths& lengths) {
  constexpr std::size_t most = 40;
  Sums modules, families;
  std::map<std::string, std::size_t> members;
  Cost all;
  for (const ModuleCost& module : costs_of(graph, lengths)) {
    modules.at(outer_path(module.path)) += module.cost;
    const std::string_view family = module.family.empty() ? "no operator" : module.family;
    families.at(family) += module.cost;
    ++members[std::string(family)];
    all += module.cost;
  }
  std::string text = fmt::format("  {:<32} {:>9} {:>10} {:>9} {:>9}\n", "modules by kind",
                                 "operators", "parameters", "flops", "bytes");
  for (const auto& [name, cost] : families.rows())
    text += cost_row(name, cost, counted(members[name], "module"));
  text += "  modules by path\n";
  for (std::size_t i = 0; i < std::min(most, modules.rows().size()); ++i) {
    const auto& [path, cost] = modules.rows()[i];
    const auto known = graph.classes.find(path);
    text += cost_row(path.empty() ? "(the model itself)" : path, cost,
                     known == graph.classes.end() ? "" : known->second);
  }
  if (modules.rows().size() > most)
    text += fmt::format("  and {}\n", counted(modules.rows().size() - most, "more module"));
  return text + cost_row("in all", all, "");
}

/// Written in memory, of which nothing remains.
std::string what_stops(const System& system, const Graph& graph) {
  try {
    const Written written = system.write(prepare_for(system, graph), entry_of(system, "model"));
    return written.notes.empty()
               ? "yes"
               : fmt::format("yes, with {}: {}", counted(written.notes.size(), "note"),
                             written.notes[0].text);
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    return fmt::format("no: {}", error.what());
  }
}

}  // namespace

std::string summary_of(const Graph& graph, const Lengths& given) {
  std::string text;
  const auto row = [&](std::string_view name, const auto& value) {
    text += fmt::format("{:<11} {}\n", name, value);
  };
  row("model", graph.name);
  row("inputs", fmt::format("{}", fmt::join(typed(graph, graph.inputs), ", ")));
  row("outputs", fmt::format("{}", fmt::join(typed(graph, graph.outputs), ", ")));
  for (const LengthRange& length : graph.signature.lengths) row("length", to_text(length));
  row("parameters", elements(graph, true));
  row("buffers", elements(graph, false));
  row("states", graph.states.size());
  for (const State& state : graph.states)
    text += fmt::format("  {}: {}\n",
                        state.names.empty() ? value_name(graph, state.now) : state.names[0],
                        to_text(graph[state.now].type));
  std::map<std::string, std::size_t> counts;
  for (const Node& node : graph.nodes) ++counts[node.op];
  row("nodes", graph.nodes.size());
  std::vector<std::pair<std::string, std::size_t>> sorted(counts.begin(), counts.end());
  std::ranges::stable_sort(sorted, std::ranges::greater{},
                           &std::pair<std::string, std::size_t>::second);
  for (const auto& [op, count] : sorted) text += fmt::format("  {:>5} {}\n", count, op);
  const Lengths lengths = sample_lengths(graph, given);
  std::vector<std::string> numbers;
  for (const auto& [name, number] : lengths)
    numbers.push_back(fmt::format("{} = {}", name, number));
  row("costs",
      numbers.empty() ? "of one run" : fmt::format("of one run, {}", fmt::join(numbers, ", ")));
  text += modules_of(graph, lengths);
  text += "taken by\n";
  for (const System& system : all_systems()) {
    if (system.write != nullptr)
      text += fmt::format("  {:<9} {}\n", system.name, what_stops(system, graph));
  }
  return text;
}

}  // namespace isomer::cli

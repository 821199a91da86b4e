#include "prove/structure.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "base/text.h"
#include "graph/text.h"
#include "graph/uses.h"
#include "passes/passes.h"
#include "prove/matching.h"

namespace isomer {
namespace {

// Lengths ---------------------------------------------------------------------------------------

/// What named lengths of either graph stand for, so that both have the same inputs.
struct Matched {
  Replacements source;
  Replacements other;
  std::vector<LengthRange> ranges = {};  // of lengths that the other alone names
  bool told_differs = false;             // an input gives a length on one side alone
};

void match(Matched& matched, const Dim& source, const Dim& other) {
  const auto ours = source.lone_symbol(), theirs = other.lone_symbol();
  if (theirs && !matched.other.contains(*theirs)) {
    matched.other.emplace(*theirs, source);
  } else if (ours && !theirs) {
    matched.source.emplace(*ours, other);
  }
}

/// Lengths of the other that are only in expressions, under names that the source does not have.
void name_the_others(Matched& matched, const Graph& source, const Graph& other) {
  std::set<std::string> taken;
  for (const LengthRange& range : source.signature.lengths) taken.insert(range.name);
  for (LengthRange range : other.signature.lengths) {
    if (matched.other.contains(range.name)) continue;
    const std::string name = range.name;
    while (taken.contains(range.name)) range.name += '_';
    if (name != range.name) matched.other.emplace(name, Dim::symbol(range.name));
    matched.ranges.push_back(std::move(range));
  }
  for (auto& [name, length] : matched.source) length = substituted(length, matched.other);
}

Matched match_lengths(const Graph& source, const Graph& other) {
  Matched matched;
  for (std::size_t i = 0; i < std::min(source.inputs.size(), other.inputs.size()); ++i) {
    const Shape& ours = source[source.inputs[i]].type.shape;
    const Shape& theirs = other[other.inputs[i]].type.shape;
    const LengthRange* told = length_told_by(source, i);
    const LengthRange* theirs_told = length_told_by(other, i);
    if ((told == nullptr) != (theirs_told == nullptr)) matched.told_differs = true;
    if (told != nullptr && theirs_told != nullptr)
      match(matched, Dim::symbol(told->name), Dim::symbol(theirs_told->name));
    for (std::size_t axis = 0; ours.size() == theirs.size() && axis < ours.size(); ++axis)
      match(matched, ours[axis], theirs[axis]);
  }
  name_the_others(matched, source, other);
  for (auto& [name, length] : matched.other) length = substituted(length, matched.source);
  return matched;
}

/// The source in the lengths of both.
Graph in_lengths_of_both(Graph source, const Matched& matched) {
  if (!matched.source.empty()) {
    std::vector<LengthRange>& lengths = source.signature.lengths;
    lengths.insert(lengths.end(), matched.ranges.begin(), matched.ranges.end());
  }
  return replace_lengths(source, matched.source);
}

/// Without what nothing needs; no gradient goes through what is kept, whether it says so or not.
Graph comparable(Graph graph) {
  const Uses uses(graph);
  for (State& state : graph.states) {
    const Node* maker = uses.node(graph, state.next);
    while (maker != nullptr && maker->op == "detach") {
      state.next = maker->inputs[0];
      maker = uses.node(graph, state.next);
    }
  }
  return remove_unused(graph);
}

class GraphComparison {
 public:
  GraphComparison(const Graph& source, const Graph& other, const Matched& matched,
                  LengthsOf lengths)
      : matching_(comparable(in_lengths_of_both(source, matched)),
                  comparable(replace_lengths(other, matched.other))) {
    for (const auto& [name, length] : matched.source) {
      if (lengths == LengthsOf::file) {
        differ(fmt::format("the other takes {} = {} alone", name, to_text(length)));
      } else {
        report_.notes.push_back(fmt::format("compared for {} = {} alone, which the export fixes",
                                            name, to_text(length)));
      }
    }
    if (matched.told_differs) differ("an input gives a length on one side alone");
    if (lengths == LengthsOf::file) compare_ranges(source, other, matched);
  }

  StructureReport run() && {
    compare_inputs();
    report_.nodes = source_.graph.nodes.size();
    report_.matched = matching_.matched();
    report_.operators = matching_.differences();
    compare_weights();
    compare_states();
    compare_outputs();
    report_.same = report_.operators.empty() && report_.differences.empty();
    return std::move(report_);
  }

 private:
  void differ(std::string text) { report_.differences.push_back(std::move(text)); }

  // What is not an operator ---------------------------------------------------------------------

  /// The other takes all that the source takes; that it takes more is no difference.
  void compare_ranges(const Graph& source, const Graph& other, const Matched& matched) {
    for (const LengthRange& theirs : other.signature.lengths) {
      const auto length = matched.other.find(theirs.name);
      if (length == matched.other.end()) continue;
      const auto name = length->second.lone_symbol();
      const auto ours =
          std::ranges::find(source.signature.lengths, name.value_or(""), &LengthRange::name);
      if (!name) {
        report_.notes.push_back(fmt::format("the source takes {} alone where the other has {}",
                                            to_text(length->second), theirs.name));
      } else if (std::ranges::find(matched.ranges, *name, &LengthRange::name) ==
                 matched.ranges.end()) {
        compare_ends(
            ours == source.signature.lengths.end() ? LengthRange{.name = *name, .most = {}} : *ours,
            theirs);
      }
    }
  }

  void compare_ends(const LengthRange& ours, const LengthRange& theirs) {
    const std::int64_t least = std::max<std::int64_t>(ours.least, 0);
    const bool fewer =
        theirs.least > least || (theirs.most && (!ours.most || *ours.most > *theirs.most));
    const bool more =
        theirs.least < least || (ours.most && (!theirs.most || *theirs.most > *ours.most));
    std::string text = fmt::format("length {} is {} in the source, and in the other {}{}",
                                   ours.name, ends_of(least, ours.most), fewer ? "only " : "",
                                   ends_of(theirs.least, theirs.most));
    if (fewer) {
      differ(std::move(text));
    } else if (more) {
      report_.notes.push_back(std::move(text));
    }
  }

  static std::string ends_of(std::int64_t least, std::optional<std::int64_t> most) {
    return fmt::format("{}..{}", least, most ? std::to_string(*most) : "");
  }

  void compare_inputs() {
    const Signature& mine = source_.graph.signature;
    const Signature& called_as = other_.graph.signature;
    const std::string called = to_text(mine.arguments) + ' ' + to_text(mine.keywords);
    const std::string theirs_called =
        to_text(called_as.arguments) + ' ' + to_text(called_as.keywords);
    if (called != theirs_called)
      differ(fmt::format("the source is called with {}, the other with {}", called, theirs_called));
    const std::vector<ValueId>& ours = source_.graph.inputs;
    const std::vector<ValueId>& theirs = other_.graph.inputs;
    if (ours.size() != theirs.size()) {
      return differ(fmt::format("the source takes {}, the other {}", counted(ours.size(), "input"),
                                theirs.size()));
    }
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const TensorType& type = source_.graph[ours[i]].type;
      const TensorType& others = other_.graph[theirs[i]].type;
      if (type == others) continue;
      differ(fmt::format("input {} '{}' is {} in the source and {} in the other", i,
                         source_.graph[ours[i]].name, to_text(type), to_text(others)));
    }
  }

  /// What has names in both graphs, by number: one is the other's.
  template <class Each>
  void compare_named(std::string_view kind, const std::vector<Each>& ours,
                     const std::vector<Each>& theirs, ValueId Each::*id,
                     const std::function<void(const Each&, const Each&)>& compare) {
    std::map<ValueId, const Each*> waiting;
    for (const Each& one : theirs) {
      if (one.names.empty()) continue;
      const auto [first, is_new] = waiting.emplace(other_(one.*id), &one);
      if (!is_new) {
        differ(fmt::format("{}s '{}' and '{}' are one in the source and two in the other", kind,
                           first->second->names[0], one.names[0]));
      }
    }
    for (const Each& one : ours) {
      if (one.names.empty()) continue;
      const auto found = waiting.find(source_(one.*id));
      if (found == waiting.end()) {
        differ(fmt::format("{} '{}' is in the source alone", kind, one.names[0]));
        continue;
      }
      compare(one, *found->second);
      waiting.erase(found);
    }
    for (const auto& [number, one] : waiting)
      differ(fmt::format("{} '{}' is in the other alone", kind, one->names[0]));
  }

  void compare_weights() {
    compare_named<Constant>(
        "weight", source_.graph.constants, other_.graph.constants, &Constant::value,
        [&](const Constant& ours, const Constant& theirs) {
          compare_names("weight", ours.names, theirs.names);
          if (!ours.data.same_bits(theirs.data))
            differ(fmt::format("weight '{}' has other bits", ours.names[0]));
          if (ours.trainable != theirs.trainable) {
            differ(fmt::format("weight '{}' is trained in the {} alone", ours.names[0],
                               ours.trainable ? "source" : "other"));
          }
        });
  }

  void compare_names(std::string_view kind, const std::vector<std::string>& ours,
                     const std::vector<std::string>& theirs) {
    if (std::ranges::find_first_of(ours, theirs) == ours.end())
      differ(fmt::format("{} '{}' is called '{}' in the other", kind, ours[0], theirs[0]));
  }

  void compare_trained_numbers() {
    const auto trained = [](const Side& side) {
      std::set<ValueId> numbers;
      for (const Constant& constant : side.graph.constants) {
        if (constant.names.empty() && constant.trainable) numbers.insert(side(constant.value));
      }
      return numbers;
    };
    if (trained(source_) != trained(other_))
      differ("weights without a name are trained on one side alone");
  }

  void compare_states() {
    compare_named<State>("state", source_.graph.states, other_.graph.states, &State::now,
                         [&](const State& ours, const State& theirs) {
                           if (!ours.initial.same_bits(theirs.initial))
                             differ(fmt::format("state '{}' begins otherwise", ours.names[0]));
                           if (source_(ours.next) != other_(theirs.next))
                             differ(fmt::format("state '{}' becomes another value", ours.names[0]));
                         });
    compare_unnamed_states();
  }

  void compare_unnamed_states() {
    const auto unnamed = [](const Graph& graph) {
      std::vector<const State*> states;
      for (const State& state : graph.states) {
        if (state.names.empty()) states.push_back(&state);
      }
      return states;
    };
    const auto ours = unnamed(source_.graph), theirs = unnamed(other_.graph);
    if (ours.size() != theirs.size()) {
      return differ(fmt::format("the source has {} without a name, the other {}",
                                counted(ours.size(), "state"), theirs.size()));
    }
    for (std::size_t i = 0; i < ours.size(); ++i) {
      const bool same = ours[i]->initial.same_bits(theirs[i]->initial) &&
                        source_(ours[i]->now) == other_(theirs[i]->now) &&
                        source_(ours[i]->next) == other_(theirs[i]->next);
      if (!same) differ(fmt::format("state {} is another", i));
    }
  }

  void compare_outputs() {
    const std::vector<ValueId>& ours = source_.graph.outputs;
    const std::vector<ValueId>& theirs = other_.graph.outputs;
    if (ours.size() != theirs.size()) {
      return differ(fmt::format("the source gives {}, the other {}", counted(ours.size(), "output"),
                                theirs.size()));
    }
    for (std::size_t i = 0; i < ours.size(); ++i) {
      if (source_(ours[i]) == other_(theirs[i])) continue;
      const auto place = std::ranges::find(ours, other_(theirs[i]), std::cref(source_));
      differ(place == ours.end()
                 ? fmt::format("output {} '{}' is another value", i, source_.graph[ours[i]].name)
                 : fmt::format("output {} of the other is output {} of the source", i,
                               place - ours.begin()));
    }
    if (to_text(source_.graph.signature.results) != to_text(other_.graph.signature.results)) {
      differ(fmt::format("outputs are nested as {} in the source and as {} in the other",
                         to_text(source_.graph.signature.results),
                         to_text(other_.graph.signature.results)));
    }
  }

  Matching matching_;
  const Side& source_ = matching_.source();
  const Side& other_ = matching_.other();
  StructureReport report_;
};

std::string name_of(const std::optional<Occurrence>& occurrence) {
  return occurrence ? to_text(*occurrence) : "nothing";
}

}  // namespace

StructureReport compare_structure(const Graph& source, const Graph& other, LengthsOf lengths) {
  try {
    return GraphComparison(source, other, match_lengths(source, other), lengths).run();
  } catch (const Error& error) {
    // Each is valid by itself; for the lengths of the source one is not.
    if (error.fault() != Fault::model) throw;
    StructureReport report;
    report.nodes = source.nodes.size();
    report.differences.push_back(
        fmt::format("for the lengths that the source takes, one of them fails: {}", error.what()));
    return report;
  }
}

std::string to_text(const Occurrence& occurrence) {
  std::string text = occurrence.op;
  if (!occurrence.value.empty()) text += fmt::format(" '{}'", occurrence.value);
  if (!occurrence.scope.empty()) text += fmt::format(", in {}", occurrence.scope);
  if (occurrence.place.line > 0)
    text += fmt::format(", {}:{}", occurrence.place.file, occurrence.place.line);
  if (!occurrence.settings.empty()) text += fmt::format(": {}", occurrence.settings);
  return text;
}

std::string to_text(const OperatorDifference& difference) {
  if (!difference.source) return fmt::format("only in the other: {}", name_of(difference.other));
  if (!difference.other) return fmt::format("only in the source: {}", name_of(difference.source));
  return fmt::format("{} | {}", name_of(difference.source), name_of(difference.other));
}

std::string to_text(const StructureReport& report, const std::string& source,
                    const std::string& other) {
  std::string text;
  for (const std::string& note : report.notes) text += fmt::format("{}\n", note);
  if (report.same) {
    return text + fmt::format("the same graph: {} with bit-equal weights\n",
                              counted(report.nodes, "operator"));
  }
  text += fmt::format("{} of {} of {} have an equal in {}\n", report.matched,
                      counted(report.nodes, "operator"), source, other);
  for (const OperatorDifference& one : report.operators) {
    text += fmt::format("  {}: {}\n", source, name_of(one.source));
    text += fmt::format("  {}: {}\n", other, name_of(one.other));
  }
  for (const std::string& difference : report.differences)
    text += fmt::format("  {}\n", difference);
  return text;
}

}  // namespace isomer

#include "prove/interface.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "graph/text.h"
#include "prove/caller.h"
#include "prove/gradients.h"

namespace isomer {
namespace {

class Interfaces {
 public:
  Interfaces(const Model& source, const Model& other, const Aliases& aliases)
      : source_(source), other_(other), aliases_(aliases) {}

  InterfaceFindings run() && {
    compare();
    return std::move(findings_);
  }

 private:
  void compare() {
    const Runnable& ours = source_.main();
    const Runnable& theirs = other_.main();
    for (std::string& difference : compare_calls(source_, other_)) differ(std::move(difference));
    if (!says_types(source_) || !says_types(other_)) {
      if (ours.inputs.size() != theirs.inputs.size())
        compare_ports("input", ours.inputs, theirs.inputs);
      return compare_parameters(ours, theirs);
    }
    compare_ports("input", ours.inputs, theirs.inputs);
    compare_ports("output", ours.outputs, theirs.outputs);
    compare_order(ours.inputs, theirs.inputs);
    compare_lengths(ours.inputs);
    compare_parameters(ours, theirs);
  }

  void differ(std::string reason) { findings_.differences.push_back(std::move(reason)); }

  void compare_ports(std::string_view kind, std::span<const Port> ours,
                     std::span<const Port> theirs) {
    if (ours.size() != theirs.size()) {
      findings_.comparable = false;
      return differ(fmt::format("the source has {}, {} has {}", counted(ours.size(), kind),
                                other_.label, theirs.size()));
    }
    for (std::size_t i = 0; i < ours.size(); ++i) {
      if (!same_type(ours[i].type, theirs[i].type)) {
        findings_.comparable = false;
        differ(fmt::format("{} {} '{}' is {} in the source and {} in {}", kind, i, ours[i].name,
                           to_text(ours[i].type), to_text(theirs[i].type), other_.label));
      }
    }
  }

  static bool same_type(const TensorType& a, const TensorType& b) {
    if (a.dtype != b.dtype || a.shape.size() != b.shape.size()) return false;
    for (std::size_t i = 0; i < a.shape.size(); ++i) {
      if (a.shape[i].known() && b.shape[i].known() && !(a.shape[i] == b.shape[i])) return false;
    }
    return true;
  }

  /// The other is to take all that the source takes. What a program's example has is no bound.
  void compare_lengths(std::span<const Port> ours) {
    if (!other_.graph) return;
    const Graph& theirs = *other_.graph;
    std::set<std::string> said;
    for (std::size_t i = 0; i < std::min(ours.size(), theirs.inputs.size()); ++i) {
      const Shape& left = ours[i].type.shape;
      const Shape& right = theirs[theirs.inputs[i]].type.shape;
      for (std::size_t axis = 0; axis < std::min(left.size(), right.size()); ++axis) {
        const auto name = left[axis].lone_symbol();
        if (!name || !said.insert(*name).second) continue;
        const LengthRange range = range_of(source_, *name);
        if (right[axis].known()) {
          differ(
              fmt::format("length {} of input {} is {} alone in {} (the source has {}); --length "
                          "{}={} asks for that one",
                          quoted(*name), i, to_text(right[axis]), other_.label, to_text(range),
                          *name, to_text(right[axis])));
        } else if (const auto other = right[axis].lone_symbol()) {
          compare_ranges(range, range_of(other_, *other));
        }
      }
    }
  }

  void compare_ranges(const LengthRange& ours, const LengthRange& theirs) {
    const bool begins = theirs.least <= ours.least;
    const bool ends = !theirs.most || (ours.most && *ours.most <= *theirs.most);
    if (begins && ends) return;
    differ(fmt::format("{} takes fewer lengths than the source: {}, where that takes {}",
                       other_.label, to_text(theirs), to_text(ours)));
  }

  static LengthRange range_of(const Model& model, const std::string& name) {
    const std::vector<LengthRange> none;
    const std::vector<LengthRange>& ranges = model.graph ? model.graph->signature.lengths : none;
    const auto known = std::ranges::find(ranges, name, &LengthRange::name);
    return known == ranges.end() ? LengthRange{name, 0, {}} : *known;
  }

  void compare_order(std::span<const Port> ours, std::span<const Port> theirs) {
    std::vector<std::string> left, right;
    for (const Port& port : ours) left.push_back(port.name);
    for (const Port& port : theirs) right.push_back(port.name);
    if (left == right) return;
    std::vector<std::string> a = left, b = right;
    std::ranges::sort(a);
    std::ranges::sort(b);
    if (a == b) {
      differ(fmt::format("the inputs stand in another order: {} in the source, {} in {}",
                         listed(left), listed(right), other_.label));
    }
  }

  /// Programs may not say what they take and give before they run.
  static bool says_types(const Model& model) {
    return model.graph || !model.main().outputs.empty();
  }

  void compare_parameters(const Runnable& ours, const Runnable& theirs) {
    const auto report = [&](std::span<const Port> here, std::span<const Port> there,
                            std::string_view owner) {
      const auto places = match_parameters(here, there, aliases_);
      std::vector<std::string> alone;
      for (std::size_t i = 0; i < places.size(); ++i) {
        if (!places[i]) alone.push_back(here[i].name);
      }
      if (!alone.empty()) differ(fmt::format("parameters only of {}: {}", owner, listed(alone)));
    };
    report(ours.parameters, theirs.parameters, "the source");
    report(theirs.parameters, ours.parameters, other_.label);
  }

  const Model& source_;
  const Model& other_;
  const Aliases& aliases_;
  InterfaceFindings findings_;
};

}  // namespace

InterfaceFindings compare_interfaces(const Model& source, const Model& other,
                                     const Aliases& aliases) {
  return Interfaces(source, other, aliases).run();
}

std::vector<std::string> common_names(std::span<const Port> source, std::span<const Port> other) {
  const bool agree = std::ranges::equal(source, other, {}, &Port::name, &Port::name);
  std::vector<std::string> names;
  for (const Port& port : source)
    names.push_back(agree ? port.name : fmt::format("in{}", names.size()));
  return names;
}

}  // namespace isomer

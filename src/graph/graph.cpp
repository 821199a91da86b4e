#include "graph/graph.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace isomer {
namespace {

/// One complaint about one input.
struct Misfit {
  std::size_t input;
  std::string what;
};

std::string type_text(const Tensor& tensor) { return to_text(tensor.dtype(), tensor.shape()); }

std::string bound_text(const Lengths& lengths, const TensorType& type) {
  std::set<std::string> names;
  for (const Dim& length : type.shape) length.collect_symbols(names);
  std::vector<std::string> bound;
  for (const std::string& name : names) {
    const auto found = lengths.find(name);
    if (found != lengths.end()) bound.push_back(fmt::format("{} = {}", name, found->second));
  }
  return bound.empty() ? "" : fmt::format(" with {}", listed(bound));
}

bool fits(const Shape& shape, const Lengths& lengths, const std::vector<std::int64_t>& given) {
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis].evaluate(lengths) != given[axis]) return false;
  }
  return true;
}

class Binder {
 public:
  Binder(const Graph& graph, std::span<const Tensor> inputs) : graph_(graph), inputs_(inputs) {}

  Lengths bind() {
    check_kinds();
    for (const std::size_t i : typed_) learn_value(i);
    if (misfits_.empty()) {
      check_ranges();
      report();
    }
    // Names that stand alone first, so that "s0 + 1" is checked against s0 and not the other way
    // round.
    for (const bool alone : {true, false}) {
      for (const std::size_t i : typed_) learn(i, alone);
    }
    for (const std::size_t i : typed_) check(i);
    report();
    check_ranges();
    report();
    return std::move(lengths_);
  }

 private:
  const TensorType& type(std::size_t i) const { return graph_[graph_.inputs[i]].type; }

  std::string name(std::size_t i) const {
    const std::string& name = graph_[graph_.inputs[i]].name;
    return name.empty() ? fmt::format("in{}", i) : name;
  }

  void check_kinds() {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i].dtype() == type(i).dtype &&
          inputs_[i].shape().size() == type(i).shape.size()) {
        typed_.push_back(i);
        continue;
      }
      misfits_.push_back(
          {i, fmt::format("is {}; the model takes {}", type_text(inputs_[i]), to_text(type(i)))});
    }
  }

  void learn_value(std::size_t i) {
    const LengthRange* told = length_told_by(graph_, i);
    if (told != nullptr) lengths_.insert({told->name, inputs_[i].integers().at(0)});
  }

  void learn(std::size_t i, bool alone) {
    for (std::size_t axis = 0; axis < type(i).shape.size(); ++axis) {
      const Dim& length = type(i).shape[axis];
      if (length.lone_symbol().has_value() != alone) continue;
      if (const auto solved = length.solve(inputs_[i].shape()[axis])) lengths_.insert(*solved);
    }
  }

  void check(std::size_t i) {
    std::set<std::string> names;
    for (const Dim& length : type(i).shape) length.collect_symbols(names);
    const auto unknown =
        std::ranges::find_if(names, [&](const auto& name) { return !lengths_.contains(name); });
    if (unknown != names.end()) {
      misfits_.push_back({i, fmt::format("is {} where the model takes {}: no length {} fits",
                                         type_text(inputs_[i]), to_text(type(i)), *unknown)});
    } else if (!fits(type(i).shape, lengths_, inputs_[i].shape())) {
      misfits_.push_back({i, fmt::format("is {}; the model takes {}{}", type_text(inputs_[i]),
                                         to_text(type(i)), bound_text(lengths_, type(i)))});
    }
  }

  /// The input that tells it, or the first that has the name in its type: where a reader looks for
  /// it.
  std::size_t user_of(const LengthRange& length) const {
    if (length.input) return *length.input;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      std::set<std::string> names;
      for (const Dim& dim : type(i).shape) dim.collect_symbols(names);
      if (names.contains(length.name)) return i;
    }
    return 0;
  }

  void check_ranges() {
    for (const LengthRange& range : graph_.signature.lengths) {
      const auto found = lengths_.find(range.name);
      if (found == lengths_.end()) continue;
      const bool below = found->second < range.least;
      const bool above = range.most && found->second > *range.most;
      if (!below && !above) continue;
      const std::string most = range.most ? fmt::format(" to {}", *range.most) : " up";
      misfits_.push_back(
          {user_of(range), fmt::format("gives the length {} = {}; the model takes {}{}", range.name,
                                       found->second, range.least, most)});
    }
  }

  void report() {
    if (misfits_.empty()) return;
    std::ranges::sort(misfits_, {}, &Misfit::input);
    if (misfits_.size() == 1) {
      throw Error(Fault::model, fmt::format("input {}", quoted(name(misfits_[0].input))),
                  misfits_[0].what);
    }
    std::vector<std::string> lines;
    for (const Misfit& misfit : misfits_) {
      lines.push_back(fmt::format("{} {}", quoted(name(misfit.input)), misfit.what));
    }
    throw Error(Fault::model, "inputs", listed(lines, "; "));
  }

  const Graph& graph_;
  std::span<const Tensor> inputs_;
  Lengths lengths_;
  std::vector<std::size_t> typed_;  // the inputs of the right dtype and rank
  std::vector<Misfit> misfits_;
};

}  // namespace

std::string joined_path(const std::string& outer, const std::string& inner) {
  return outer.empty() || inner.empty() ? outer + inner : outer + '.' + inner;
}

std::vector<ValueId> mapped(std::span<const ValueId> ids, std::span<const ValueId> now) {
  std::vector<ValueId> result;
  result.reserve(ids.size());
  for (const ValueId id : ids)
    result.push_back(id == ValueId::none ? id : now[static_cast<std::size_t>(id)]);
  return result;
}

Structure flat_arguments(const Graph& graph) {
  Structure arguments{Structure::Kind::tuple, {}, {}};
  for (const ValueId id : graph.inputs) arguments.keys.push_back(graph[id].name);
  arguments.children.resize(graph.inputs.size());
  return arguments;
}

bool is_literal(const Constant& constant) {
  return constant.names.empty() && !constant.trainable && constant.data.shape().empty();
}

const LengthRange* length_told_by(const Graph& graph, std::size_t input) {
  const auto told =
      std::ranges::find(graph.signature.lengths, std::optional(input), &LengthRange::input);
  return told == graph.signature.lengths.end() ? nullptr : &*told;
}

double number_of(const Constant& literal) {
  return literal.written ? *literal.written : literal.data.doubles()[0];
}

Lengths bind_lengths(const Graph& graph, std::span<const Tensor> inputs) {
  if (inputs.size() != graph.inputs.size()) {
    throw Error(Fault::model, "inputs",
                fmt::format("the model takes {} and is given {}",
                            counted(graph.inputs.size(), "input"), inputs.size()));
  }
  return Binder(graph, inputs).bind();
}

}  // namespace isomer

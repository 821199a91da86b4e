#include <algorithm>
#include <set>

#include "base/text.h"
#include "graph/text.h"
#include "passes/rewrite.h"
#include "runner/operators.h"

namespace isomer::runner {
namespace {

constexpr DType all_dtypes[] = {DType::boolean, DType::i8,  DType::u8,  DType::i16,
                                DType::i32,     DType::i64, DType::f16, DType::bf16,
                                DType::f32,     DType::f64, DType::c64, DType::c128};

/// What in a graph has a type of its own: an input, a constant, or a dtype among the attributes of
/// a node.
struct Slot {
  enum class Kind { input, constant, attribute };
  Kind kind;
  std::size_t at;         // of the input, the constant or the node
  std::size_t attribute;  // of the node
  auto operator<=>(const Slot&) const = default;
};

using Slots = std::set<Slot>;

/// The case's graph, the dtypes of all nodes written out, and its inputs.
struct Subject {
  Graph graph;
  std::vector<Tensor> inputs;
};

Subject subject_of(const OperatorCase& one) {
  Subject subject{one.graph, one.inputs};
  for (Node& node : subject.graph.nodes)
    node.attributes = complete(op_named(node.op), node.attributes);
  return subject;
}

DType* dtype_at(Subject& subject, const Slot& slot) {
  return std::get_if<DType>(&subject.graph.nodes[slot.at].attributes[slot.attribute].value);
}

std::vector<std::pair<Slot, DType>> slots_of(Subject& subject) {
  std::vector<std::pair<Slot, DType>> slots;
  for (std::size_t i = 0; i < subject.inputs.size(); ++i)
    slots.push_back({{Slot::Kind::input, i, 0}, subject.inputs[i].dtype()});
  for (std::size_t i = 0; i < subject.graph.constants.size(); ++i)
    slots.push_back({{Slot::Kind::constant, i, 0}, subject.graph.constants[i].data.dtype()});
  for (std::size_t i = 0; i < subject.graph.nodes.size(); ++i) {
    for (std::size_t j = 0; j < subject.graph.nodes[i].attributes.size(); ++j) {
      const Slot slot{Slot::Kind::attribute, i, j};
      if (const DType* dtype = dtype_at(subject, slot)) slots.push_back({slot, *dtype});
    }
  }
  return slots;
}

/// What is varied together: everything of one type, and each slot alone.
std::set<Slots> groups_of(Subject& subject) {
  std::set<Slots> groups;
  const auto slots = slots_of(subject);
  for (const auto& [slot, dtype] : slots) {
    groups.insert({slot});
    Slots alike;
    for (const auto& [other, others] : slots) {
      if (others == dtype) alike.insert(other);
    }
    groups.insert(alike);
  }
  return groups;
}

void vary(Subject& subject, const Slots& slots, DType dtype) {
  for (const Slot& slot : slots) {
    switch (slot.kind) {
      case Slot::Kind::input:
        subject.inputs[slot.at] = subject.inputs[slot.at].converted(dtype);
        subject.graph[subject.graph.inputs[slot.at]].type.dtype = dtype;
        break;
      case Slot::Kind::constant: {
        Constant& constant = subject.graph.constants[slot.at];
        constant.data = constant.data.converted(dtype);
        constant.written.reset();
        break;
      }
      case Slot::Kind::attribute: *dtype_at(subject, slot) = dtype; break;
    }
  }
}

/// What came of a run: outputs, or the words of one who refused.
struct Answer {
  std::vector<Tensor> outputs;
  std::string refusal;
};

Answer run_on(const Engine& engine, const Subject& subject) {
  try {
    return {engine.make(subject.graph)->run(subject.inputs), ""};
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    return {{}, error.what()};
  }
}

double tolerance_of(const Subject& subject) {
  double tolerance = 1e-5;
  for (const Value& value : subject.graph.values) {
    if (value.type.dtype == DType::f16) tolerance = std::max(tolerance, 4e-3);
    if (value.type.dtype == DType::bf16) tolerance = std::max(tolerance, 3e-2);
  }
  return tolerance;
}

std::string compare(const Answer& one, const Answer& other, double tolerance) {
  if (one.refusal.empty() != other.refusal.empty()) {
    const auto said = [](const Answer& answer) {
      return answer.refusal.empty() ? std::string("gives a result") : "says " + answer.refusal;
    };
    return fmt::format("one engine {}, the other {}", said(one), said(other));
  }
  for (std::size_t i = 0; i < one.outputs.size(); ++i) {
    const std::string wrong = difference(other.outputs[i], one.outputs[i], tolerance);
    if (!wrong.empty()) return fmt::format("output {} {}", i, wrong);
  }
  return "";
}

/// Refused by a type rule, or run by all engines with one result.
std::string check_one(const Subject& subject, const Options& options) {
  Subject typed = subject;
  try {
    typed.graph = rewrite(subject.graph, [](Builder&, const Graph&, const Node&,
                                            std::span<const ValueId>) { return std::nullopt; });
  } catch (const Error& error) {
    return error.fault() == Fault::model ? "" : error.what();
  }
  try {
    const Answer expected = run_on(*options.engines[0], typed);
    for (std::size_t i = 1; i < options.engines.size(); ++i) {
      const std::string wrong =
          compare(expected, run_on(*options.engines[i], typed), tolerance_of(typed));
      if (!wrong.empty()) return wrong;
    }
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

std::string check_dtypes(const OperatorCase& one, const Options& options) {
  std::string failures;
  Subject subject = subject_of(one);
  for (const Slots& slots : groups_of(subject)) {
    for (const DType dtype : all_dtypes) {
      Subject varied = subject;
      vary(varied, slots, dtype);
      const std::string wrong = check_one(varied, options);
      if (wrong.empty()) continue;
      failures += fmt::format("{}\n  {}", to_text(varied.graph), wrong);
    }
  }
  return failures;
}

}  // namespace isomer::runner

#include "prove/bisect.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "ops/schema.h"
#include "prove/compare.h"

namespace isomer {
namespace {

/// Steps by a key that both models can form. The first of a name, and the n-th of one operator in
/// one module.
class Index {
 public:
  explicit Index(std::span<const Step> steps) {
    std::map<std::string, int> seen;
    for (const Step& step : steps) {
      if (!step.name.empty()) named_.emplace(name_of(step), &step);
      placed_.emplace(key_of(step, seen), &step);
    }
  }

  /// Counts per module and operator; one for each walk.
  static std::string key_of(const Step& step, std::map<std::string, int>& seen) {
    const std::string key = step.scope + '|' + step.op;
    return key + '|' + std::to_string(seen[key]++);
  }
  const Step* named(const Step& step) const { return at(named_, name_of(step)); }
  const Step* placed(const std::string& key) const { return at(placed_, key); }

 private:
  static std::string name_of(const Step& step) {
    return fmt::format("{}|{}", step.name, fmt::join(step.trips, ","));
  }
  static const Step* at(const std::map<std::string, const Step*>& table, const std::string& key) {
    const auto found = table.find(key);
    return found == table.end() ? nullptr : found->second;
  }

  std::map<std::string, const Step*> named_;
  std::map<std::string, const Step*> placed_;
};

const Step* counterpart(const Index& index, const Step& step, const std::string& key) {
  const Step* same_name = step.name.empty() ? nullptr : index.named(step);
  if (same_name != nullptr && same_name->value.shape() == step.value.shape()) return same_name;
  const Step* same_place = index.placed(key);
  return same_place != nullptr && same_place->value.shape() == step.value.shape() ? same_place
                                                                                  : nullptr;
}

FirstDifference difference_at(const Step& step, double ratio) {
  return {step.name, step.op, step.scope, step.place, step.trips, ratio};
}

/// How far a value is from the source's, in units of a bound: of what single precision rounds, or
/// of a millionth of that for the tensor as a whole.
double far_from(const Tensor& exact, const Tensor& source, const Tensor& other,
                Precision precision) {
  const bool is_single = precision == Precision::f32 || !is_floating(source.dtype());
  if (is_single || source.dtype() != other.dtype()) return distance(exact, source, other);
  if (source.shape() != other.shape()) return infinity;
  const std::vector<double> wanted = source.doubles(), given = other.doubles();
  double scale = 0, far = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const bool alike = wanted[i] == given[i] || (std::isnan(wanted[i]) && std::isnan(given[i]));
    if (std::isfinite(wanted[i])) scale = std::max(scale, std::abs(wanted[i]));
    if (!alike)
      far = std::max(far,
                     std::isnan(wanted[i] - given[i]) ? infinity : std::abs(wanted[i] - given[i]));
  }
  return far == 0 ? 0 : far / (scale * 0x1p-44);
}

/// What two models compute inside, in one precision.
class Traces {
 public:
  Traces(const Backend& source, const Backend& other, Precision precision,
         std::span<const Tensor> inputs)
      : precision_(precision),
        inputs_(inputs),
        ours_(source.trace(precision, inputs)),
        theirs_(other.trace(precision, inputs)),
        exact_(precision == Precision::f64 ? ours_ : source.trace(Precision::f64, inputs)) {}

  std::optional<FirstDifference> first() const {
    const Index index(theirs_), exact_index(exact_);
    std::map<std::string, int> seen;
    const Step* lost = nullptr;  // the first since the last agreement that the other never computes
    for (const Step& step : ours_) {
      const std::string key = Index::key_of(step, seen);
      const Step* match = counterpart(index, step, key);
      const Step* precise = counterpart(exact_index, step, key);
      const Tensor& exact = precise == nullptr ? step.value : precise->value;
      const double ratio =
          match == nullptr ? 0 : far_from(exact, step.value, match->value, precision_);
      // Names and order are the other's own: what it computes anywhere, it computes.
      if ((match != nullptr && ratio <= 1) || has(exact, step)) {
        lost = nullptr;
        continue;
      }
      if (lost == nullptr) lost = &step;
      if (match != nullptr) return difference_at(*lost, ratio);
    }
    return lost == nullptr ? std::nullopt : std::optional(difference_at(*lost, 0));
  }

 private:
  /// Whether the other computes a value in one of its steps, or is given it. Integers and booleans
  /// are often the same by chance: they are looked for where the operator is the same.
  bool has(const Tensor& exact, const Step& step) const {
    const auto same = [&](const Tensor& one) {
      return one.shape() == step.value.shape() && far_from(exact, step.value, one, precision_) <= 1;
    };
    const bool is_telling = is_floating(step.value.dtype());
    return std::ranges::any_of(theirs_,
                               [&](const Step& one) {
                                 return (is_telling || one.op == step.op) && same(one.value);
                               }) ||
           (is_telling && std::ranges::any_of(inputs_, same));
  }

  Precision precision_;
  std::span<const Tensor> inputs_;
  std::vector<Step> ours_, theirs_, exact_;
};

const Occurrence& place_of(const OperatorDifference& one) {
  return one.source ? *one.source : *one.other;
}

bool has_bodies(const OperatorDifference& one) {
  return !prototype(op_named(place_of(one).op)).bodies.empty();
}

}  // namespace

std::optional<FirstDifference> first_difference(const Backend& source, const Backend& other,
                                                std::span<const Tensor> inputs) {
  if (!source.traces() || !other.traces()) return std::nullopt;
  try {
    for (const Precision precision : {Precision::f32, Precision::f64}) {
      if (auto found = Traces(source, other, precision, inputs).first()) return found;
    }
  } catch (const Error&) {
    // What fails half-way has been reported already.
  }
  return std::nullopt;
}

bool names_one(const StructureReport& structure, const Graph& source) {
  return structure.operators.size() == 1 && !has_bodies(structure.operators[0]) &&
         std::ranges::all_of(source.nodes, [](const Node& node) { return node.bodies.empty(); });
}

std::optional<FirstDifference> first_difference(const StructureReport& structure,
                                                std::optional<FirstDifference> traced) {
  if (structure.operators.empty()) return traced;
  const auto is_traced = [&](const OperatorDifference& one) {
    return one.source && one.source->value == traced->value && one.source->op == traced->op &&
           one.source->place == traced->place;
  };
  const OperatorDifference& first = structure.operators[0];
  const Occurrence& there = place_of(first);
  if (traced && (has_bodies(first) || std::ranges::any_of(structure.operators, is_traced)))
    return traced;
  return FirstDifference{there.value, there.op, there.scope, there.place, {}, 0};
}

}  // namespace isomer

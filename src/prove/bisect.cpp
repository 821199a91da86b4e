#include "prove/bisect.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/text.h"
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

/// Whether a value is computed in one of the steps, or given.
bool has(std::span<const Step> steps, std::span<const Tensor> inputs, const Tensor& exact,
         const Tensor& value) {
  const auto same = [&](const Tensor& one) {
    return one.shape() == value.shape() && distance(exact, value, one) <= 1;
  };
  return std::ranges::any_of(steps, same, &Step::value) || std::ranges::any_of(inputs, same);
}

}  // namespace

std::optional<FirstDifference> first_difference(const Backend& source, const Backend& other,
                                                std::span<const Tensor> inputs) {
  if (!source.traces() || !other.traces()) return std::nullopt;
  try {
    const std::vector<Step> ours = source.trace(Precision::f32, inputs);
    const std::vector<Step> theirs = other.trace(Precision::f32, inputs);
    const std::vector<Step> right = source.trace(Precision::f64, inputs);
    const Index index(theirs), right_index(right);
    std::map<std::string, int> seen;
    const Step* lost = nullptr;  // the first since the last agreement that the other never computes
    for (const Step& step : ours) {
      const std::string key = Index::key_of(step, seen);
      const Step* match = counterpart(index, step, key);
      const Step* precise = counterpart(right_index, step, key);
      const Tensor& wanted = precise == nullptr ? step.value : precise->value;
      const double ratio = match == nullptr ? 0 : distance(wanted, step.value, match->value);
      // Names and order are the other's own: what it computes anywhere, it computes.
      if ((match != nullptr && ratio <= 1) || has(theirs, inputs, wanted, step.value)) {
        lost = nullptr;
        continue;
      }
      if (lost == nullptr) lost = &step;
      if (match != nullptr) return difference_at(*lost, ratio);
    }
    if (lost != nullptr) return difference_at(*lost, 0);
  } catch (const Error&) {
    return std::nullopt;  // what fails half-way has been reported already
  }
  return std::nullopt;
}

}  // namespace isomer

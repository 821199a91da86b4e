#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "systems/mdf/executor.h"

// What a run of a document leaves for the next, as tensors.

namespace isomer::mdf {
namespace {

constexpr std::string_view schedule_name = "run:schedule";
constexpr std::string_view ran_name = "run:ran";
constexpr std::string_view kinds_name = "run:kinds";

/// What a value is: the same tensor may be an array and a number of Python's.
enum class Kept : std::int64_t { none, integer, real, flag, array };

Kept kind_of(const Value& value) {
  if (value.as<std::int64_t>() != nullptr) return Kept::integer;
  if (value.as<double>() != nullptr) return Kept::real;
  if (value.as<bool>() != nullptr) return Kept::flag;
  return value.is_none() ? Kept::none : Kept::array;
}

Value as_kept(const Tensor& tensor, Kept kind) {
  const bool number = kind == Kept::integer || kind == Kept::real || kind == Kept::flag;
  if (number && tensor.count() != 1) refuse("one number is kept");
  if (kind == Kept::integer) return {tensor.integers()[0]};
  if (kind == Kept::real) return {tensor.doubles()[0]};
  if (kind == Kept::flag) return {tensor.doubles()[0] != 0};
  return numpy::array_value(tensor);
}

std::string name_of(const NodeExecutor& node, const NodeExecutor::Held& held) {
  return std::string(progress_prefix) +
         to_text({"nodes", node.id(), std::string(held.key), held.id});
}

Tensor integers_of(const std::vector<std::int64_t>& values) {
  return Tensor::from_integers(DType::i64, {std::ssize(values)}, values);
}

/// As many as there should be.
std::vector<std::int64_t> integers_in(const Tensor& tensor, std::string_view name,
                                      std::size_t count) {
  if (!is_integer(tensor.dtype()) || static_cast<std::size_t>(tensor.count()) != count) {
    throw Error(Fault::model, quoted(name),
                fmt::format("it is {}, and the document has {} integers there",
                            to_text(tensor.type()), count));
  }
  return tensor.integers();
}

/// What was counted in other runs, so that counting on does not end.
std::vector<std::int64_t> counts_in(const Tensor& tensor) {
  if (!is_integer(tensor.dtype()))
    throw Error(Fault::model, "",
                fmt::format("is {}; counts are integers", name_of(tensor.dtype())));
  constexpr std::int64_t most = std::int64_t{1} << 53;
  std::vector<std::int64_t> counts = tensor.integers();
  for (const std::int64_t count : counts) {
    if (count < -1 || count > most)
      throw Error(
          Fault::model, "",
          fmt::format("{} is no count; counts are from -1, for none yet, to {}", count, most));
  }
  return counts;
}

}  // namespace

NamedTensors DocumentExecutor::progress() const {
  NamedTensors progress;
  std::vector<std::int64_t> kinds;
  std::vector<std::int64_t> ran;
  for (const auto& node : nodes_) {
    ran.push_back(node->has_run() ? 1 : 0);
    for (const NodeExecutor::Held& held : node->held(carries_)) {
      Tensor tensor;
      // A text, or a list of texts, is computed anew.
      const bool kept = !held.value.is_none() && to_tensor(held.value, tensor);
      kinds.push_back(static_cast<std::int64_t>(kept ? kind_of(held.value) : Kept::none));
      if (kept && !held.state) progress.emplace_back(name_of(*node, held), std::move(tensor));
    }
  }
  // What says nothing of this is taken for arrays.
  const auto is_array = [](std::int64_t kind) {
    return kind == static_cast<std::int64_t>(Kept::array);
  };
  if (!carries_ && std::ranges::all_of(kinds, is_array)) return progress;
  progress.emplace_back(kinds_name, integers_of(kinds));
  if (!carries_) return progress;
  progress.emplace_back(ran_name, integers_of(ran));
  progress.emplace_back(schedule_name, integers_of(schedule_->counts()));
  return progress;
}

void DocumentExecutor::resume(const NamedTensors& progress) {
  const Tensor* counts = isomer::find(progress, schedule_name);
  if (counts != nullptr && carries_)
    with_place(quoted(schedule_name), [&] { schedule_->set_counts(counts_in(*counts)); });
  const Tensor* told = isomer::find(progress, kinds_name);
  if (told == nullptr) return;
  std::size_t count = 0;
  for (const auto& node : nodes_) count += node->held(carries_).size();
  const std::vector<std::int64_t> kinds = integers_in(*told, kinds_name, count);
  const Tensor* runs = carries_ ? isomer::find(progress, ran_name) : nullptr;
  std::vector<std::int64_t> ran(nodes_.size());
  if (runs != nullptr) ran = integers_in(*runs, ran_name, nodes_.size());
  std::size_t next = 0;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    NodeExecutor& node = *nodes_[i];
    std::vector<NodeExecutor::Held> all = node.held(carries_);
    for (NodeExecutor::Held& held : all) {
      const auto kind = static_cast<Kept>(kinds[next++]);
      const std::string name = name_of(node, held);
      const Tensor* tensor = held.state ? nullptr : isomer::find(progress, name);
      if (tensor == nullptr && !held.state) {
        held.value = {};
      } else if (kind != Kept::none) {
        held.value = with_place(quoted(name), [&] {
          return as_kept(tensor == nullptr ? tensor_of(held.value) : *tensor, kind);
        });
      }
    }
    node.hold(all, runs != nullptr ? ran[i] != 0 : node.has_run());
  }
}

}  // namespace isomer::mdf

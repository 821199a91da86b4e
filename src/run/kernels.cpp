#include "run/kernels.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "graph/text.h"
#include "ops/builder.h"
#include "run/engine.h"

namespace isomer {
namespace {

/// One operator on inputs of given types, ready to run.
struct Plan {
  Attributes attributes;
  std::unique_ptr<Executor> executor;
};

std::string key_of(std::string_view op, std::span<const Tensor* const> inputs) {
  std::string key(op);
  for (const Tensor* input : inputs) {
    key += ' ';
    key += input == nullptr ? "none" : to_text(input->dtype(), input->shape());
  }
  return key;
}

// One length of 0 does not excuse the others: slices of nothing are walked over, too.
void bound(const TensorType& result, std::int64_t most) {
  std::int64_t room = most;
  for (const Dim& length : result.shape) {
    if (!length.known()) return;
    room /= std::max<std::int64_t>(length.value(), 1);
  }
  if (room > 0) return;
  throw Error(Fault::model, "",
              fmt::format("an array of shape {} is too large; at most {} elements are made",
                          to_text(result.shape), most));
}

std::unique_ptr<Executor> prepare(std::string_view op, std::span<const Tensor* const> inputs,
                                  const Attributes& attributes, std::uint64_t seed,
                                  std::int64_t most_elements) {
  Builder b{std::string(op)};
  std::vector<ValueId> ids;
  for (const Tensor* input : inputs) {
    ids.push_back(input == nullptr ? ValueId::none : b.input("", input->type()));
    if (input != nullptr) most_elements = std::max(most_elements, input->count());
  }
  std::vector<ValueId> outputs = b.emit_all(op, std::move(ids), attributes);
  for (const ValueId id : outputs) bound(b.type(id), most_elements);
  return make_reference_executor(std::move(b).finish(std::move(outputs)), seed);
}

}  // namespace

struct Operators::Plans {
  std::uint64_t seed = 0;
  std::int64_t most_elements = 0;
  std::size_t count = 0;
  std::map<std::string, std::vector<Plan>> by_key;

  Executor& at(std::string_view op, std::span<const Tensor* const> inputs,
               const Attributes& attributes) {
    std::vector<Plan>& known = by_key[key_of(op, inputs)];
    for (const Plan& plan : known) {
      if (plan.attributes == attributes) return *plan.executor;
    }
    // Each plan draws its own numbers: two dropouts of one document must not agree.
    std::unique_ptr<Executor> executor =
        prepare(op, inputs, attributes, seed + count, most_elements);
    ++count;
    known.push_back({attributes, std::move(executor)});
    return *known.back().executor;
  }

  /// Attributes and shapes that change with every call must not fill the memory.
  void make_room() {
    constexpr std::size_t most = 4096;
    if (count % most == most - 1) by_key.clear();
  }
};

Operators::Operators(std::uint64_t seed, std::int64_t most_elements)
    : plans_(std::make_unique<Plans>()) {
  plans_->seed = seed;
  plans_->most_elements = most_elements;
}
Operators::~Operators() = default;

std::vector<Tensor> Operators::run(std::string_view op, std::span<const Tensor* const> inputs,
                                   const Attributes& attributes) {
  plans_->make_room();
  std::vector<Tensor> present;
  for (const Tensor* input : inputs) {
    if (input != nullptr) present.push_back(*input);
  }
  return plans_->at(op, inputs, attributes).run(present);
}

std::vector<Tensor> Operators::run(std::string_view op, std::span<const Tensor> inputs,
                                   const Attributes& attributes) {
  std::vector<const Tensor*> pointers;
  for (const Tensor& input : inputs) pointers.push_back(&input);
  return run(op, std::span<const Tensor* const>(pointers), attributes);
}

}  // namespace isomer

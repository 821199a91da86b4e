#include "run/kernels.h"

#include <algorithm>
#include <map>
#include <unordered_map>

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
  Graph graph;
  std::int64_t work = 0;  // of one run
  std::unique_ptr<Executor> executor;
  bool moved = false;  // to the engine for large ones
};

// Of elements that are read or made; the reference multiplies and adds eight times in the time that
// it needs to fetch one and store it.
constexpr std::int64_t products_per_element = 8;
/// Below this an engine's call costs more than the reference's loop.
constexpr std::int64_t least_work = 1 << 11;
/// What the reference does while a library is opened.
constexpr std::int64_t work_of_opening = 1 << 23;

/// Tensors that are inputs again and again, by their bytes, which are nobody else's as long.
using Kept = std::unordered_map<const std::byte*, Tensor>;

bool is_kept(const Kept& kept, const Tensor& tensor) {
  const auto found = kept.find(tensor.bytes().data().data());
  return found != kept.end() && found->second.type() == tensor.type();
}

std::string key_of(std::string_view op, std::span<const Tensor* const> inputs, const Kept& kept) {
  std::string key(op);
  for (const Tensor* input : inputs) {
    key += '\0';
    if (input == nullptr) continue;
    if (is_kept(kept, *input))
      key += fmt::format("{} ", static_cast<const void*>(input->bytes().data().data()));
    const auto lengths = std::as_bytes(std::span(input->shape()));
    key += static_cast<char>(1 + static_cast<int>(input->dtype()));
    key += static_cast<char>(1 + input->shape().size());
    key.append(reinterpret_cast<const char*>(lengths.data()), lengths.size());
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

/// How many products each element of the result is summed up from.
std::int64_t products_of(std::string_view op, std::span<const Tensor* const> inputs) {
  if (op == "matmul" || op == "linear") return inputs[0]->shape().back();
  if (op != "convolution") return 0;
  return inputs[1]->count() / std::max<std::int64_t>(inputs[1]->shape().front(), 1);
}

Plan prepare(std::string_view op, std::span<const Tensor* const> inputs,
             const Attributes& attributes, std::int64_t most_elements, const Kept& kept) {
  Builder b{std::string(op)};
  std::vector<ValueId> ids;
  Dim work = 0;
  for (const Tensor* input : inputs) {
    if (input == nullptr) {
      ids.push_back(ValueId::none);
      continue;
    }
    ids.push_back(is_kept(kept, *input) ? b.constant("", *input) : b.input("", input->type()));
    most_elements = std::max(most_elements, input->count());
    work = work + Dim(input->count());
  }
  std::vector<ValueId> outputs = b.emit_all(op, std::move(ids), attributes);
  const Dim products(products_of(op, inputs) / products_per_element + 1);
  for (const ValueId id : outputs) {
    bound(b.type(id), most_elements);
    Dim count = products;
    for (const Dim& length : b.type(id).shape) count = count * length;
    work = work + count;
  }
  Plan plan{
      .attributes = attributes, .graph = std::move(b).finish(std::move(outputs)), .executor = {}};
  if (work.known()) plan.work = work.value();
  return plan;
}

}  // namespace

struct Operators::Plans {
  std::int64_t most_elements = 0;
  const Engine& (*engine)() = reference_engine;
  EngineOptions options;
  std::uint64_t seeds = 0;  // given out
  std::size_t count = 0;
  std::int64_t spent = 0;  // work, until it pays to open the engine
  std::map<std::string, std::vector<Plan>> by_key;
  Kept kept;
  std::int64_t elements_kept = 0;

  Executor& at(std::string_view op, std::span<const Tensor* const> inputs,
               const Attributes& attributes) {
    std::vector<Plan>& known = by_key[key_of(op, inputs, kept)];
    auto plan = std::ranges::find(known, attributes, &Plan::attributes);
    if (plan == known.end()) {
      known.push_back(prepare(op, inputs, attributes, most_elements, kept));
      ++count;
      plan = known.end() - 1;
      make(*plan, reference_engine());
    }
    if (engine != reference_engine && !plan->moved) move(*plan);
    return *plan->executor;
  }

  // Each plan draws its own numbers: two dropouts of one document must not agree.
  void make(Plan& plan, const Engine& by) {
    EngineOptions own = options;
    own.seed += seeds++;
    plan.executor = by.make(plan.graph, own);
  }

  void move(Plan& plan) {
    if (spent < work_of_opening) spent += std::min(plan.work, work_of_opening);
    if (spent < work_of_opening || plan.work < least_work) return;
    plan.moved = true;
    if (&engine() != &reference_engine()) make(plan, engine());
  }

  /// Attributes and shapes that change with every call must not fill the memory.
  void make_room() {
    constexpr std::size_t most = 4096;
    if (count % most == most - 1) by_key.clear();
  }
};

Operators::Operators(std::int64_t most_elements, const Engine& (*engine)(), EngineOptions options)
    : plans_(std::make_unique<Plans>()) {
  plans_->most_elements = most_elements;
  plans_->engine = engine;
  plans_->options = std::move(options);
}
Operators::~Operators() = default;

void Operators::keep(const Tensor& tensor) {
  // Widened to 64 bits they take 128 MiB.
  constexpr std::int64_t most = std::int64_t{1} << 24;
  plans_->elements_kept += tensor.count();
  if (plans_->elements_kept > most) return;
  plans_->kept.try_emplace(tensor.bytes().data().data(), tensor);
}

std::vector<Tensor> Operators::run(std::string_view op, std::span<const Tensor* const> inputs,
                                   const Attributes& attributes) {
  plans_->make_room();
  std::vector<Tensor> present;
  for (const Tensor* input : inputs) {
    if (input != nullptr && !is_kept(plans_->kept, *input)) present.push_back(*input);
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

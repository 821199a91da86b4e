#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <malloc.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/version.h>

#include <algorithm>
#include <utility>

#include "ops/validate.h"
#include "passes/class_weights.h"
#include "run/torch_module.h"
#include "torch/plan.h"

namespace isomer::libtorch {
namespace {

// Tensors
// --------------------------------------------------------------------------------------------------------------

/// Shares the memory where it is contiguous and keeps it alive.
Tensor unwrapped(const at::Tensor& tensor, DType dtype) {
  auto owner = std::make_shared<const at::Tensor>(tensor.detach().contiguous());
  const std::span data(static_cast<const std::byte*>(owner->const_data_ptr()), owner->nbytes());
  return Tensor(dtype, owner->sizes().vec(), Bytes{owner, data});
}

// Executors
// ------------------------------------------------------------------------------------------------------------

/// libtorch has one number of threads for the whole process: it is changed while one run lasts.
class Threads {
 public:
  explicit Threads(int most) : before_(at::get_num_threads()), most_(most) {
    if (most_ > 0 && most_ != before_) at::set_num_threads(most_);
  }
  ~Threads() {
    if (most_ > 0 && most_ != before_) at::set_num_threads(before_);
  }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
  int most_;
};

/// What running a graph and differentiating it have in common.
class Planned : public Executor {
 public:
  Planned(const Graph& graph, const EngineOptions& options)
      : plan_(plan_for(graph)),
        random_(at::detail::createCPUGenerator(options.seed)),
        threads_(options.threads) {
    Planned::reset();
  }

  std::vector<Tensor> states() override {
    std::vector<Tensor> all;
    for (std::size_t i = 0; i < states_.size(); ++i) {
      all.push_back(unwrapped(states_[i], plan_.graph.states[i].initial.dtype()));
    }
    return all;
  }

  void set_states(std::span<const Tensor> states) override {
    check_types("state", states_of(plan_.graph), states);
    for (std::size_t i = 0; i < states.size(); ++i) states_[i] = wrapped(states[i]);
  }

  void reset() override {
    states_.clear();
    for (const State& state : plan_.graph.states) states_.push_back(wrapped(state.initial));
  }

  void set_constants(std::span<const Tensor> values) override {
    check_types("parameter", parameters_of(plan_.graph), values);
    std::size_t next = 0;
    for (std::size_t i = 0; i < plan_.constants.size(); ++i) {
      const Constant& constant = plan_.graph.constants[i];
      if (constant.trainable) plan_.constants[i].second = wrapped(constant, values[next++]);
    }
  }

 protected:
  /// From values that hold the inputs to those that hold all that is kept.
  void run_nodes(Values& values, const Lengths& lengths) {
    const Threads threads(threads_);
    for (std::size_t i = 0; i < states_.size(); ++i) values[plan_.graph.states[i].now] = states_[i];
    run_all(plan_, values, {lengths, random_});
  }

  Plan plan_;
  std::vector<at::Tensor> states_;

 private:
  at::Generator random_;
  int threads_;
};

class Forward final : public Planned {
 public:
  using Planned::Planned;

  std::vector<Tensor> run(std::span<const Tensor> inputs) override {
    const Graph& graph = plan_.graph;
    const Lengths lengths = bind_lengths(graph, inputs);
    const c10::InferenceMode mode;
    Values values(plan_);
    for (std::size_t i = 0; i < inputs.size(); ++i) values[graph.inputs[i]] = wrapped(inputs[i]);
    run_nodes(values, lengths);
    std::vector<Tensor> outputs;
    for (const ValueId id : graph.outputs)
      outputs.push_back(unwrapped(values[id], graph[id].type.dtype));
    for (std::size_t i = 0; i < states_.size(); ++i) states_[i] = values[graph.states[i].next];
    return outputs;
  }
};

/// The vector-Jacobian product by libtorch's autograd.
class Backward final : public Planned {
 public:
  Backward(const Graph& graph, const EngineOptions& options)
      : Planned(detach_class_weights(graph), options) {
    find_weights();
    for (const ValueId id : plan_.graph.outputs) {
      if (is_floating(plan_.graph[id].type.dtype)) floating_outputs_.push_back(id);
    }
  }

  void set_constants(std::span<const Tensor> values) override {
    Planned::set_constants(values);
    find_weights();
  }

  std::vector<Tensor> run(std::span<const Tensor> all) override {
    const Graph& graph = plan_.graph;
    const std::size_t wanted = graph.inputs.size() + floating_outputs_.size();
    if (all.size() != wanted) {
      throw Error(Fault::model, "",
                  "there are " + std::to_string(all.size()) +
                      " tensors; the inputs and a cotangent " + "for each floating output are " +
                      std::to_string(wanted));
    }
    const auto inputs = all.first(graph.inputs.size());
    const Lengths lengths = bind_lengths(graph, inputs);
    const c10::InferenceMode off(false);
    const c10::AutoGradMode on(true);
    Values values(plan_);
    std::vector<Leaf> leaves;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      at::Tensor input = wrapped(inputs[i]);
      if (is_floating(inputs[i].dtype()))
        leaves.push_back({input.requires_grad_(true), inputs[i].dtype()});
      values[graph.inputs[i]] = std::move(input);
    }
    leaves.insert(leaves.end(), weights_.begin(), weights_.end());
    run_nodes(values, lengths);
    return pulled_back(values, leaves, all.subspan(graph.inputs.size()));
  }

 private:
  struct Leaf {
    at::Tensor tensor;
    DType dtype;
  };

  void find_weights() {
    weights_.clear();
    for (std::size_t i = 0; i < plan_.constants.size(); ++i) {
      const Constant& constant = plan_.graph.constants[i];
      if (!constant.trainable || !is_floating(constant.data.dtype())) continue;
      weights_.push_back({plan_.constants[i].second, constant.data.dtype()});
    }
  }

  std::vector<Tensor> pulled_back(Values& values, const std::vector<Leaf>& leaves,
                                  std::span<const Tensor> cotangents) {
    std::vector<at::Tensor> outputs;
    std::vector<at::Tensor> given;
    for (std::size_t i = 0; i < floating_outputs_.size(); ++i) {
      const at::Tensor& output = values[floating_outputs_[i]];
      require_type(i, output, plan_.graph[floating_outputs_[i]].type.dtype, cotangents[i]);
      if (!output.requires_grad()) continue;
      outputs.push_back(output);
      given.push_back(wrapped(cotangents[i]));
    }
    std::vector<at::Tensor> wanted;
    for (const Leaf& leaf : leaves) wanted.push_back(leaf.tensor);
    std::vector<at::Tensor> gradients(leaves.size());
    if (!outputs.empty() && !leaves.empty()) {
      gradients = torch::autograd::grad(outputs, wanted, given, false, false, true);
    }
    std::vector<Tensor> results;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      // What nothing depends on has no gradient, which is one of zeros.
      const at::Tensor gradient = gradients[i].defined() ? gradients[i] : at::zeros_like(wanted[i]);
      results.push_back(unwrapped(gradient, leaves[i].dtype));
    }
    return results;
  }

  static void require_type(std::size_t i, const at::Tensor& output, DType dtype,
                           const Tensor& cotangent) {
    if (cotangent.dtype() == dtype && output.sizes().equals(cotangent.shape())) return;
    throw Error(Fault::model, "cotangent " + std::to_string(i),
                "it is " + to_text(cotangent.type()) + " and should be " +
                    to_text(dtype, output.sizes().vec()));
  }

  std::vector<Leaf> weights_;
  std::vector<ValueId> floating_outputs_;
};

/// libtorch's advice is for people who write Python.
class Silence final : public c10::WarningHandler {
 public:
  void process(const c10::Warning&) override {}
};

/// No exception of libtorch leaves this room, and nothing is printed.
template <class Inner>
class Guarded final : public Executor {
 public:
  Guarded(const Graph& graph, const EngineOptions& options)
      : inner_(quietly([&] { return std::make_unique<Inner>(graph, options); })) {}
  std::vector<Tensor> run(std::span<const Tensor> inputs) override {
    return quietly([&] { return inner_->run(inputs); });
  }
  std::vector<Tensor> states() override {
    return quietly([&] { return inner_->states(); });
  }
  void set_states(std::span<const Tensor> states) override {
    quietly([&] { inner_->set_states(states); });
  }
  void reset() override {
    quietly([&] { inner_->reset(); });
  }
  void set_constants(std::span<const Tensor> values) override {
    quietly([&] { inner_->set_constants(values); });
  }

 private:
  template <class Work>
  static decltype(auto) quietly(Work&& work) {
    Silence silence;
    const c10::WarningUtils::WarningHandlerGuard guard(&silence);
    return translated([] { return std::string(); }, work);
  }

  std::unique_ptr<Inner> inner_;
};

template <class Inner>
std::unique_ptr<Executor> make(Graph graph, const EngineOptions& options) {
  return std::make_unique<Guarded<Inner>>(graph, options);
}

constexpr TorchModule module = {torch_module_version, TORCH_VERSION, make<Forward>,
                                make<Backward>,       runs,          views};

}  // namespace
}  // namespace isomer::libtorch

extern "C" __attribute__((visibility("default"))) const isomer::TorchModule* isomer_torch_module();

const isomer::TorchModule* isomer_torch_module() {
  // libtorch asks for each value anew. To give what one run frees back to the system and to have
  // zeros made of it for the next takes two fifths of a training step of LeNet.
  constexpr int block = 32 << 20;
  constexpr int kept = 64 << 20;
  mallopt(M_MMAP_THRESHOLD, block);
  mallopt(M_TRIM_THRESHOLD, kept);
  return &isomer::libtorch::module;
}

// Compares an export with what PyTorch recorded of its model (tools/make_models.py): outputs,
// gradients and what changed, on each engine. One line for each side: "reference outputs: right",
// "torch autograd: gradient of 'fc.weight' is ...".
//
// usage: model_check MODEL.pt2 RECORDED.safetensors     exit 0: all right; 1: wrong; 3: refused

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "run/runnable.h"
#include "systems/stored.h"
#include "systems/system.h"

namespace isomer {
namespace {

/// Empty where both are the same, as sums in another order may differ.
std::string difference(const Tensor& given, const Tensor* wanted, const std::string& what) {
  if (wanted == nullptr) return what + " was not recorded";
  if (given.type() != wanted->type())
    return fmt::format("{} is {}; PyTorch gives {}", what, to_text(given.type()),
                       to_text(wanted->type()));
  const double near = is_half(given.dtype()) ? 2e-2 : 1e-4;
  const std::vector<double> a = given.doubles();
  const std::vector<double> b = wanted->doubles();
  double scale = 1;
  for (const double x : b) {
    if (std::isfinite(x)) scale = std::max(scale, std::abs(x));
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    if (std::abs(a[i] - b[i]) <= near * scale) continue;
    return fmt::format("{} is {} at element {}; PyTorch gives {}", what, a[i], i, b[i]);
  }
  return "";
}

class Check {
 public:
  Check(const Graph& graph, const NamedTensors& recorded, const Engine& engine)
      : recorded_(recorded), runnable_(on_engine(graph, engine)), engine_(engine.name) {
    while (const Tensor* input = find(recorded, fmt::format("in{}", inputs_.size())))
      inputs_.push_back(*input);
  }

  bool run() {
    // A run may change states; asking for derivatives may not.
    bool right = true;
    if (runnable_.gradient)
      right &= report("gradients", [&] { return gradients(*runnable_.gradient); });
    if (runnable_.autograd)
      right &= report("autograd", [&] { return gradients(*runnable_.autograd); });
    return report("outputs", [&] { return outputs(); }) && right;
  }

 private:
  template <class Compare>
  bool report(std::string_view what, Compare compare) {
    std::string text;
    try {
      text = compare();
    } catch (const Error& error) {
      text = std::string("refused: ") + error.what();
    }
    std::puts(fmt::format("{} {}: {}", engine_, what, text.empty() ? "right" : text).c_str());
    return text.empty();
  }

  std::string outputs() {
    const std::vector<Tensor> given = runnable_.executor->run(inputs_);
    for (std::size_t i = 0; i < given.size(); ++i) {
      const std::string name = fmt::format("out{}", i);
      if (std::string text = difference(given[i], find(recorded_, name), name); !text.empty())
        return text;
    }
    if (find(recorded_, fmt::format("out{}", given.size())) != nullptr)
      return fmt::format("gives {} values; PyTorch gives more", given.size());
    const std::vector<Tensor> states = runnable_.executor->states();
    for (std::size_t i = 0; i < states.size(); ++i) {
      const std::string& name = runnable_.states[i].name;
      const Tensor* after = find(recorded_, "after." + name);
      // What was written and came out as it was is not recorded.
      if (after == nullptr) continue;
      if (std::string text = difference(states[i], after, "state '" + name + "'"); !text.empty())
        return text;
    }
    for (const auto& [name, tensor] : recorded_) {
      if (!name.starts_with("after.")) continue;
      const auto is_it = [&, &name = name](const Port& port) {
        return "after." + port.name == name;
      };
      if (std::ranges::none_of(runnable_.states, is_it))
        return name.substr(6) + " changes in PyTorch, and is no state";
    }
    return "";
  }

  std::string gradients(Executor& executor) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (is_floating(inputs_[i].dtype())) names.push_back(fmt::format("in{}", i));
    }
    for (const Port& port : runnable_.parameters) names.push_back(port.name);
    std::vector<Tensor> asked = inputs_;
    for (std::size_t i = 0; const Tensor* out = find(recorded_, fmt::format("out{}", i)); ++i) {
      if (!is_floating(out->dtype())) continue;
      const std::vector<double> ones(static_cast<std::size_t>(out->count()), 1.0);
      asked.push_back(Tensor::from_doubles(out->dtype(), out->shape(), ones));
    }
    const std::vector<Tensor> given = executor.run(asked);
    if (given.size() != names.size())
      return fmt::format("{} gradients; {} wanted", given.size(), names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Tensor* wanted = find(recorded_, "grad." + names[i]);
      std::string text = difference(given[i], wanted, "gradient of '" + names[i] + "'");
      if (!text.empty()) return text;
    }
    return "";
  }

  const NamedTensors& recorded_;
  Runnable runnable_;
  std::string engine_;
  std::vector<Tensor> inputs_;
};

int check(const std::filesystem::path& model, const std::filesystem::path& recording) {
  const auto files = open_folder(model.parent_path());
  const Graph graph = read_model(system_named("pt2"), *files, model.filename().string()).graph;
  const NamedTensors recorded =
      read_tensors(open_folder(recording.parent_path())->read(recording.filename().string()));
  bool right = true;
  for (const Engine& engine : all_engines()) {
    if (engine.available()) right &= Check(graph, recorded, engine).run();
  }
  return right ? 0 : 1;
}

}  // namespace
}  // namespace isomer

int main(int count, char** words) {
  if (count != 3) return 2;
  try {
    return isomer::check(std::filesystem::absolute(words[1]), std::filesystem::absolute(words[2]));
  } catch (const isomer::Error& error) {
    std::puts(error.what());
    return 3;
  }
}

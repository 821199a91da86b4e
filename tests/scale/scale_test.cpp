// Time and memory grow with a model and not faster: what 20,000 nodes in 5,000 modules take is
// compared, node by node, with what 2,000 nodes in 500 modules take.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <memory>

#include "graph/text.h"
#include "ops/builder.h"
#include "ops/text.h"
#include "ops/validate.h"
#include "passes/passes.h"
#include "passes/pipeline.h"
#include "run/engine.h"
#include "systems/system.h"

namespace isomer {
namespace {

constexpr std::size_t few = 500;
constexpr std::size_t many = 10 * few;
constexpr std::size_t nodes_per_module = 4;

/// Modules with weights of their own, one after the other, each with a place in a program.
Graph model_of(std::size_t modules) {
  Builder b("tower");
  ValueId x = b.input("x", {DType::f32, {Dim::symbol("batch"), 4}});
  std::vector<ValueId> weights;
  const std::vector<double> ones(16, 0.25);
  for (std::size_t i = 0; i < modules; ++i) {
    const std::string path = "layers." + std::to_string(i);
    weights.push_back(b.constant("weight", Tensor::from_doubles(DType::f32, {4, 4}, ones), true,
                                 {path + ".linear.weight"}));
  }
  for (std::size_t i = 0; i < modules; ++i) {
    const std::string path = "layers." + std::to_string(i);
    b.at(path + ".linear", {"net.py", 12});
    const ValueId y = b.emit("linear", {x, weights[i]});
    b.at(path, {"net.py", 13});
    const ValueId h = b.emit("tanh", {y});
    const ValueId scaled = b.emit("mul", {h, b.literal(DType::f32, 0.5)});
    x = b.emit("add", {scaled, x});
  }
  Signature signature;
  signature.lengths = {{"batch", 1, 64}};
  return std::move(b).finish({x}, signature);
}

using Work = std::function<void()>;

/// Noise only adds, so the best of several runs is what the work takes.
double seconds(const Work& work, int times) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < times; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count());
  }
  return best;
}

/// A line of what the system says of this process, in KiB; nothing where it does not say.
std::optional<double> memory(std::string_view line) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == line && status >> kib) return kib;
  }
  return std::nullopt;
}

/// How much more memory than before it takes while it works; nothing where that cannot be seen.
std::optional<double> peak_of(const Work& work) {
#ifdef __SANITIZE_ADDRESS__
  return std::nullopt;  // which keeps what was freed
#endif
  if (!(std::ofstream("/proc/self/clear_refs") << 5).flush()) return std::nullopt;
  const auto before = memory("VmRSS:");
  work();
  const auto peak = memory("VmHWM:");
  if (!before || !peak) return std::nullopt;
  return *peak - *before;
}

struct Step {
  std::string_view name;
  std::function<Work(const Graph&)> prepare;  // what it needs is made before it is measured
  double kib_per_node;
};

Work write_with(std::string_view system, const Graph& graph) {
  const System& target = system_named(system);
  return [&target, ready = prepare_for(target, graph)] { target.write(ready, "net"); };
}

/// A document of the graph, in memory.
std::shared_ptr<const Files> document_of(const Graph& graph) {
  const System& mdf = system_named("mdf");
  std::map<std::string, std::string> files;
  for (const File& file : mdf.write(prepare_for(mdf, graph), "net").files)
    files.emplace(file.name, std::string(bytes_of(file.parts).text()));
  return in_memory(std::move(files));
}

const Step steps[] = {
    {"read",
     [](const Graph& graph) -> Work {
       return [text = to_text(graph, Data::all)] { parse_graph(text); };
     },
     8},
    {"validate", [](const Graph& graph) -> Work { return [&] { validate(graph); }; }, 1},
    {"passes",
     [](const Graph& graph) -> Work { return [&] { run_passes(graph, conversion_passes()); }; }, 8},
    {"differentiate", [](const Graph& graph) -> Work { return [&] { differentiate(graph); }; }, 40},
    {"to_text", [](const Graph& graph) -> Work { return [&] { to_text(graph, Data::all); }; }, 4},
    {"write text", [](const Graph& graph) { return write_with("text", graph); }, 8},
    {"write mdf", [](const Graph& graph) { return write_with("mdf", graph); }, 40},
    {"write source", [](const Graph& graph) { return write_with("pytorch", graph); }, 40},
    {"read mdf",
     [](const Graph& graph) -> Work {
       return [files = document_of(graph)] { system_named("mdf").read(*files, "net.json"); };
     },
     80},
    {"simulate mdf",
     [](const Graph& graph) -> Work {
       return [files = document_of(graph)] {
         const Tensor input = Tensor::zeros(DType::f32, {2, 4});
         const Runnable document = system_named("mdf").simulate(*files, "net.json", {});
         document.executor->run(std::span(&input, 1));
       };
     },
     80},
    {"run",
     [](const Graph& graph) -> Work {
       return [&] {
         const Tensor input = Tensor::zeros(DType::f32, {2, 4});
         make_reference_executor(graph)->run(std::span(&input, 1));
       };
     },
     20},
};

class Scale : public testing::TestWithParam<Step> {};

TEST_P(Scale, GrowsWithTheModel) {
  const Step& step = GetParam();
  const Graph small = model_of(few);
  const Graph large = model_of(many);
  const double before = seconds(step.prepare(small), 7);
  const Work work = step.prepare(large);
  const std::optional<double> kib = peak_of(work);
  const double after = seconds(work, 2);
  constexpr double growth = static_cast<double>(many) / few;
  const double microseconds = after * 1e6 / (many * nodes_per_module);
  RecordProperty("microseconds_per_node", std::to_string(microseconds));
  std::printf("%-14s %7.2f us per node, %5.2f times that of the small model, %6.2f KiB per node\n",
              std::string(step.name).c_str(), microseconds, after / before / growth,
              kib.value_or(0) / (many * nodes_per_module));
  EXPECT_LE(after, 3 * growth * before);
  EXPECT_LE(kib.value_or(0), step.kib_per_node * many * nodes_per_module);
}

INSTANTIATE_TEST_SUITE_P(Steps, Scale, testing::ValuesIn(steps), [](const auto& test) {
  std::string name(test.param.name);
  std::ranges::replace(name, ' ', '_');
  return name;
});

}  // namespace
}  // namespace isomer

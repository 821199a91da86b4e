// Time and memory grow with a model and not faster: what 20,000 nodes in 5,000 modules take is
// compared, node by node, with what 2,000 nodes in 500 modules take. Weights stay in their file.

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <memory>

#include "graph/text.h"
#include "ops/text.h"
#include "ops/validate.h"
#include "passes/passes.h"
#include "passes/pipeline.h"
#include "prove/prove.h"
#include "run/engine.h"
#include "systems/system.h"
#include "systems/temporary.h"
#include "tower.h"

namespace isomer {
namespace {

using test::exported_tower;
using test::nodes_per_module;
using test::tower;

constexpr std::size_t few = 500;
// A proof runs a model some twenty times; what watches memory makes of seconds minutes.
#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t few_to_prove = few / 10;
#else
constexpr std::size_t few_to_prove = few;
#endif
constexpr std::size_t width = 4;

using Work = std::function<void()>;

/// Of this process alone, whatever else the machine does.
double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// Noise only adds, so the best of several runs is what the work takes.
double seconds(const Work& work, int times) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < times; ++i) {
    const double begin = processor_seconds();
    work();
    best = std::min(best, processor_seconds() - begin);
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

/// How much more memory than before it takes while it works, in KiB; nothing where that cannot be
/// seen.
std::optional<double> peak_of(const Work& work) {
#ifdef __SANITIZE_ADDRESS__
  return std::nullopt;  // which keeps what was freed
#endif
  // What others left would be used again, and not be seen.
  malloc_trim(0);
  if (!(std::ofstream("/proc/self/clear_refs") << 5).flush()) return std::nullopt;
  const auto before = memory("VmRSS:");
  work();
  const auto peak = memory("VmHWM:");
  if (!before || !peak) return std::nullopt;
  return *peak - *before;
}

TEST(Peak, IsSeenWhereMemoryIsUsedAgain) {
  const Work fill = [] {
    std::vector<std::string> texts;
    for (int i = 0; i < 100'000; ++i) texts.push_back(std::string(100, 'x'));
  };
  fill();
  const std::optional<double> kib = peak_of(fill);
  if (!kib) GTEST_SKIP();
  EXPECT_GT(*kib, 10'000);
  EXPECT_LT(*kib, 40'000);
}

struct Step {
  std::string_view name;
  std::function<Work(std::size_t modules)> prepare;  // what it needs is made before it is measured
  double kib_per_node;
  int times = 7;              // that the small model is measured
  std::size_t modules = few;  // of the small model; the large one has ten times as many
};

/// A step on a graph.
std::function<Work(std::size_t)> on_graph(std::function<void(const Graph&)> step) {
  return [step](std::size_t modules) -> Work {
    return [step, graph = tower(modules, width)] { step(graph); };
  };
}

using Shared = std::shared_ptr<const Files>;

/// A step on files in memory.
std::function<Work(std::size_t)> on_files(std::function<Shared(std::size_t)> make,
                                          std::function<void(const Files&)> step) {
  return [make, step](std::size_t modules) -> Work {
    return [step, files = make(modules)] { step(*files); };
  };
}

Shared exported(std::size_t modules) {
  return in_memory({{"net.pt2", exported_tower(modules, width)}});
}

Graph read_export(const Files& files) { return system_named("pt2").read(files, "net.pt2").graph; }

Written written_by(std::string_view system, const Graph& graph) {
  const System& target = system_named(system);
  return target.write(prepare_for(target, graph), entry_of(target, "net"));
}

Shared written_files(std::string_view system, const Graph& graph) {
  std::map<std::string, std::string> files;
  for (const File& file : written_by(system, graph).files)
    files.emplace(file.name, std::string(bytes_of(file.parts).text()));
  return in_memory(std::move(files));
}

Shared document_of(std::size_t modules) { return written_files("mdf", tower(modules, width)); }

std::function<Work(std::size_t)> convert_to(std::string_view system) {
  return on_files(exported,
                  [system](const Files& files) { written_by(system, read_export(files)); });
}

/// Between the export and what was written of it.
Work prove_equal(std::size_t modules) {
  const Shared a = exported(modules);
  const Shared b = written_files("text", read_export(*a));
  return [a, b] {
    const Subject source{"net.pt2", &system_named("pt2"), a.get(), "net.pt2"};
    const Subject other{"net.isomer", &system_named("text"), b.get(), "net.isomer"};
    EXPECT_TRUE(prove(source, other, {.engines = {&engine_named("reference")}}).equivalent());
  };
}

const Tensor input = Tensor::zeros(DType::f32, {2, width});

const Step steps[] = {
    {"read",
     [](std::size_t modules) -> Work {
       return [text = to_text(tower(modules, width), Data::all)] { parse_graph(text); };
     },
     8},
    {"validate", on_graph([](const Graph& graph) { validate(graph); }), 1},
    {"passes", on_graph([](const Graph& graph) { run_passes(graph, conversion_passes()); }), 8},
    {"outline", on_graph([](const Graph& graph) { outline(graph); }), 16},
    {"differentiate", on_graph([](const Graph& graph) { differentiate(graph); }), 40},
    {"to_text", on_graph([](const Graph& graph) { to_text(graph, Data::all); }), 4},
    {"show", on_files(exported, [](const Files& files) { to_text(read_export(files)); }), 16},
    {"convert to text", convert_to("text"), 16},
    {"convert to mdf", convert_to("mdf"), 40},
    {"convert to source", convert_to("pytorch"), 40},
    {"read mdf",
     on_files(document_of, [](const Files& files) { system_named("mdf").read(files, "net.json"); }),
     80},
    {"simulate mdf",
     on_files(
         document_of,
         [](const Files& files) {
           system_named("mdf").simulate(files, "net.json", {}).executor->run(std::span(&input, 1));
         }),
     80},
    {"run", on_graph([](const Graph& graph) {
       make_reference_executor(graph)->run(std::span(&input, 1));
     }),
     20},
    {"prove", prove_equal, 100, 3, few_to_prove},
};

class Scale : public testing::TestWithParam<Step> {};

TEST_P(Scale, GrowsWithTheModel) {
  const Step& step = GetParam();
  const double before = seconds(step.prepare(step.modules), step.times);
  constexpr double growth = 10;
  const std::size_t many = 10 * step.modules;
  const Work work = step.prepare(many);
  double after = 0;
  const std::optional<double> kib = peak_of([&] { after = seconds(work, 1); });
  if (after < 1) after = std::min(after, seconds(work, 2));  // short enough to be disturbed
  const auto nodes = static_cast<double>(many * nodes_per_module);
  const double microseconds = after * 1e6 / nodes;
  RecordProperty("microseconds_per_node", std::to_string(microseconds));
  std::printf("%-18s %7.2f us per node, %5.2f times that of the small model, %6.2f KiB per node\n",
              std::string(step.name).c_str(), microseconds, after / before / growth,
              kib.value_or(0) / nodes);
  EXPECT_LE(after, 3 * growth * before);
  EXPECT_LE(kib.value_or(0), step.kib_per_node * nodes);
}

INSTANTIATE_TEST_SUITE_P(Steps, Scale, testing::ValuesIn(steps), [](const auto& test) {
  std::string name(test.param.name);
  std::ranges::replace(name, ' ', '_');
  return name;
});

// -- weights -------------------------------------------------------------------------------------

/// Layers with a quarter of a gigabyte of weights, in a file.
class Weights : public testing::Test {
 protected:
  static constexpr std::size_t layers = 64;
  static constexpr std::size_t side = 1024;
  static constexpr std::size_t bytes = layers * side * side * sizeof(float);
  // Of a gigabyte it would be 100 MB.
  static constexpr double allowed = 100 * 1024 / 4;

  Weights() : folder_(std::filesystem::path(testing::TempDir()) / "isomer-scale-") {
    write_file(folder_.path() / "small.pt2", exported_tower(layers, 8));
    write_file(folder_.path() / "large.pt2", exported_tower(layers, side));
  }

  /// In KiB, how much more than with a small model; nothing where that cannot be seen.
  std::optional<double> more_for_large(const std::function<void(const Graph&)>& step) {
    const auto peak = [&](const std::string& file) {
      return peak_of([&] {
        const auto files = open_folder(folder_.path());
        step(system_named("pt2").read(*files, file).graph);
      });
    };
    peak("small.pt2");  // what is made once
    const auto small = peak("small.pt2");
    const auto large = peak("large.pt2");
    if (!small || !large) return std::nullopt;
    return *large - *small;
  }

  TemporaryFolder folder_;
};

TEST_F(Weights, AreNotTouchedWhereNobodyLooksAtThem) {
  const auto more = more_for_large([](const Graph& graph) { to_text(graph); });
  if (!more) GTEST_SKIP();
  std::printf("show               %7.1f MB more than a small model\n", *more / 1024);
  EXPECT_LE(*more, 30 * 1024);
}

TEST_F(Weights, AreWrittenFromWhereTheyLie) {
  for (const std::string_view system : {"text", "mdf", "pytorch"}) {
    const auto more = more_for_large([&](const Graph& graph) {
      for (const File& file : written_by(system, graph).files)
        write_file(folder_.path() / file.name, file.parts);
    });
    if (!more) GTEST_SKIP();
    std::printf("%-18s %7.1f MB more than the mapped file\n", std::string(system).c_str(),
                (*more - static_cast<double>(bytes) / 1024) / 1024);
    EXPECT_LE(*more, static_cast<double>(bytes) / 1024 + allowed) << system;
  }
}

}  // namespace
}  // namespace isomer

#include "prove/side.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "ops/validate.h"

namespace isomer {
namespace {

/// Two systems cannot draw the same numbers.
void refuse_random(const Graph& graph) {
  std::vector<std::string> drawing;
  for (const Node& node : graph.nodes) {
    if (draws(node)) drawing.push_back(describe(graph, node));
  }
  if (drawing.empty()) return;
  throw Error(Fault::unsupported, "",
              fmt::format("draws random numbers, which no two systems repeat: {}; a model in "
                          "evaluation mode can be judged",
                          listed(drawing, "; ")));
}

/// Whether the shortest decimal of `value` is one that somebody may have written.
bool is_rounded(float value) {
  const std::string text = real_text(value);
  if (!std::isfinite(value) || std::stod(text) == static_cast<double>(value)) return false;
  const std::string_view mantissa = std::string_view(text).substr(0, text.find('e'));
  const std::size_t first = mantissa.find_first_of("123456789");
  const auto digits =
      std::ranges::count_if(mantissa.substr(first), [](char c) { return c != '.'; });
  constexpr std::ptrdiff_t written = 6;
  return digits > written;
}

bool add_own_way(Side& side, const Subject& subject) {
  const System& system = *subject.system;
  Way way;
  way.own = true;
  Simulation single = system.simulate(*subject.files, subject.entry, Precision::single);
  const bool typed = single.typed;
  way.single = by_own_rules(system.name, std::move(single));
  way.doubled =
      by_own_rules(system.name, system.simulate(*subject.files, subject.entry, Precision::doubled));
  way.how = way.single.how;
  side.ways.push_back(std::move(way));
  return typed;
}

/// A file that tells no types computes in those of its language; it is judged at those that it is
/// read as.
void adopt_types(Runnable& own, const Runnable& read) {
  if (own.outputs.size() != read.outputs.size()) return;
  std::vector<DType> wanted;
  for (std::size_t i = 0; i < read.outputs.size(); ++i) {
    own.outputs[i].type = read.outputs[i].type;
    wanted.push_back(read.outputs[i].type.dtype);
  }
  own.run = [run = std::move(own.run), wanted](std::span<const Tensor> inputs) {
    std::vector<Tensor> outputs = run(inputs);
    for (std::size_t i = 0; i < outputs.size() && i < wanted.size(); ++i) {
      const bool floating = is_floating(outputs[i].dtype()) && is_floating(wanted[i]);
      if (floating) outputs[i] = outputs[i].converted(wanted[i]);
    }
    return outputs;
  };
}

void add_graph_ways(Side& side, const Subject& subject, const std::vector<const Engine*>& engines) {
  side.graph = subject.system->read(*subject.files, subject.entry).graph;
  refuse_random(*side.graph);
  for (const Engine* engine : engines) {
    Way way{std::string(engine->name), on_engine(*side.graph, *engine, Precision::single),
            on_engine(*side.graph, *engine, Precision::doubled)};
    if (side.ways.size() > 0 && side.ways.front().own) way.how = "read back, on " + way.how;
    side.ways.push_back(std::move(way));
  }
}

}  // namespace

std::size_t count_rounded(const Graph& graph) {
  std::size_t count = 0;
  for (const Constant& constant : graph.constants) {
    if (!constant.names.empty() || constant.written || constant.data.dtype() != DType::f32)
      continue;
    if (std::ranges::any_of(constant.data.view().as<float>(), is_rounded)) ++count;
  }
  return count;
}

Side open_side(const Subject& subject, const std::vector<const Engine*>& engines,
               std::vector<std::string>& notes) {
  return with_place(subject.label, [&] {
    Side side{subject.label, {}, {}};
    const bool typed = subject.system->simulate == nullptr || add_own_way(side, subject);
    if (subject.system->read == nullptr) {
      if (!side.ways.empty()) return side;
      throw Error(Fault::unsupported, "",
                  fmt::format("{} files can be neither run nor read", subject.system->name));
    }
    try {
      add_graph_ways(side, subject, engines);
      if (!typed && side.ways.size() > 1) {
        adopt_types(side.ways[0].single, side.ways[1].single);
        adopt_types(side.ways[0].doubled, side.ways[1].doubled);
      }
    } catch (const Error& error) {
      if (side.ways.empty() || error.fault() == Fault::bug) throw;
      notes.push_back(
          fmt::format("{} is not read back as a graph: {}", subject.label, error.what()));
    }
    return side;
  });
}

}  // namespace isomer

#include <algorithm>
#include <map>

#include "base/text.h"
#include "codecs/markup.h"
#include "systems/mgs/picture/outline.h"

namespace isomer::mgs {
namespace {

constexpr std::string_view outline_kinds[] = {"node", "edge", "variable", "constant", "struct"};
constexpr std::string_view outline_phases[] = {"initial", "runtime", "load", "final"};

std::string layer_path(const Outline& outline, const OutlineEnd& end) {
  if (end.single) return outline.singles[*end.single].path;
  if (!end.grid) return end.text;
  const OutlineGrid& grid = outline.grids[*end.grid];
  std::vector<std::string> names;
  for (const std::size_t one : end.layers) names.push_back(grid.layers[one].name);
  return fmt::format("{}.{}", grid.path, names.empty() ? "no layer" : listed(names, ","));
}

std::string dimensions_text(const OutlineGrid& grid) {
  return fmt::format("{}", fmt::join(grid.dimensions, " x "));
}

std::string tags_text(const OutlineLayer& layer) {
  std::string text;
  for (const auto& [name, value] : layer.tags)
    text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ", ", name, value);
  return text.empty() ? "" : fmt::format(" <{}>", text);
}

std::string nodes_text(const OutlineGrid& grid, const OutlineLayer& layer) {
  if (!layer.density) return fmt::format("by {}", layer.layout);
  const std::int64_t points = grid.points();
  std::int64_t nodes = 0;
  if (__builtin_mul_overflow(points, *layer.density, &nodes)) nodes = INT64_MAX;
  return counted(static_cast<std::size_t>(std::max<std::int64_t>(nodes, 0)), "node");
}

std::string count_text(const std::optional<std::int64_t>& count) {
  return count ? fmt::format("{}", *count) : "?";
}

/// "4 x 5, 20 connections", "4 x ?".
std::string link_counts(const OutlineLink& link) {
  std::string text =
      fmt::format("{} x {} nodes", count_text(link.from.nodes), count_text(link.to.nodes));
  if (link.count)
    text += fmt::format(
        ", {}",
        counted(static_cast<std::size_t>(std::max<std::int64_t>(*link.count, 0)), "connection"));
  return text;
}

std::string quoted_label(std::string_view text) { return escaped_markup(text); }

void put_types(const Outline& outline, std::string& text) {
  for (const gsl::ModelType* one : outline.types) {
    std::vector<std::string> maps;
    for (const gsl::PhaseMap& map : one->phases)
      maps.push_back(fmt::format("{} in {}", map.model.text, map.simulation.text));
    text += fmt::format("  {} type {}{}{}\n", outline_kinds[static_cast<std::size_t>(one->kind)],
                        one->name.text, maps.empty() ? "" : ": ", listed(maps));
  }
}

void put_phases(const Outline& outline, std::string& text) {
  for (const gsl::PhaseList* one : outline.phases) {
    std::vector<std::string> names;
    for (const gsl::SimulationPhase& phase : one->phases)
      names.push_back(phase.machine ? fmt::format("{} ({})", phase.name.text, phase.machine->text)
                                    : phase.name.text);
    text += fmt::format("  {} phases: {}\n", outline_phases[static_cast<std::size_t>(one->kind)],
                        fmt::join(names, ", "));
  }
}

}  // namespace

std::string to_text(const Outline& outline) {
  std::string text;
  put_phases(outline, text);
  put_types(outline, text);
  for (const OutlineSingle& one : outline.singles)
    text += fmt::format("  {}: {}{}\n", one.path, one.type,
                        one.values.empty() || one.values == "<>" ? "" : " " + one.values);
  for (const OutlineGrid& grid : outline.grids) {
    text += fmt::format("  grid {}: {}, {}\n", grid.path, grid.type, dimensions_text(grid));
    for (const OutlineLayer& layer : grid.layers)
      text += fmt::format("    layer {}: {}, {}{}\n", layer.name, layer.type,
                          nodes_text(grid, layer), tags_text(layer));
  }
  for (const OutlineLink& link : outline.links)
    text +=
        fmt::format("  {} {} {}: {}{}{}; {}\n", layer_path(outline, link.from),
                    link.both_ways ? "<->" : "->", layer_path(outline, link.to), link_counts(link),
                    link.sampler.empty() ? "" : ", by ", link.sampler, link.attributes);
  for (const std::string& one : outline.triggers) text += fmt::format("  trigger {}\n", one);
  return text;
}

namespace {

/// One for each grid, variable, constant, and what could not be found.
class DotOfOutline {
 public:
  DotOfOutline(const Outline& outline, int level) : outline_(outline), level_(level) {}

  std::string make() {
    text_ =
        "digraph network {\n  node [shape=box, style=rounded, fontname=\"sans\"];\n  edge "
        "[fontname=\"sans\"];\n";
    for (std::size_t i = 0; i < outline_.grids.size(); ++i)
      text_ += fmt::format("  g{} [label={}];\n", i, grid_label(outline_.grids[i]));
    for (std::size_t i = 0; i < outline_.singles.size(); ++i) {
      if (!is_used(i)) continue;
      const OutlineSingle& one = outline_.singles[i];
      text_ += fmt::format("  s{} [shape=ellipse, label=<{}{}>];\n", i, bold(one.path),
                           level_ > 1 ? "<br/>" + quoted_label(one.type) : "");
    }
    for (const auto& [ends, labels] : links()) {
      std::string label;
      for (const std::string& one : labels) label += (label.empty() ? "" : "<br/>") + one;
      text_ +=
          fmt::format("  {}{}];\n", ends, label.empty() ? "" : fmt::format(", label=<{}>", label));
    }
    return text_ + "}\n";
  }

 private:
  static std::string bold(std::string_view text) {
    return fmt::format("<b>{}</b>", quoted_label(text.empty() ? " " : text));
  }

  bool is_used(std::size_t single) const {
    return std::ranges::any_of(outline_.links, [&](const OutlineLink& link) {
      return link.from.single == single || link.to.single == single;
    });
  }

  std::string grid_label(const OutlineGrid& grid) const {
    std::string label = bold(grid.path);
    if (level_ > 1) label += fmt::format("<br/>{}", quoted_label(dimensions_text(grid)));
    for (const OutlineLayer& layer : grid.layers) {
      if (level_ < 2) break;
      label += fmt::format("<br/>{}: {}", quoted_label(layer.name), quoted_label(layer.type));
      if (level_ > 2)
        label += quoted_label(fmt::format(", {}{}", nodes_text(grid, layer), tags_text(layer)));
    }
    return fmt::format("<{}>", label);
  }

  std::string end_name(const OutlineEnd& end) const {
    if (end.grid) return fmt::format("g{}", *end.grid);
    return end.single ? fmt::format("s{}", *end.single) : "";
  }

  /// Arrows with the lines of their labels; several between the same two are one.
  std::vector<std::pair<std::string, std::vector<std::string>>> links() const {
    std::vector<std::pair<std::string, std::vector<std::string>>> result;
    std::map<std::string, std::size_t> places;
    for (const OutlineLink& link : outline_.links) {
      const std::string from = end_name(link.from), to = end_name(link.to);
      if (from.empty() || to.empty()) continue;
      std::string ends =
          fmt::format("{} -> {} [dir={}", from, to, link.both_ways ? "both" : "forward");
      const auto [place, fresh] = places.emplace(ends, result.size());
      if (fresh) result.emplace_back(std::move(ends), std::vector<std::string>{});
      std::vector<std::string>& labels = result[place->second].second;
      constexpr std::size_t most_lines = 10;
      if (level_ < 2 || labels.size() > most_lines) continue;
      labels.push_back(labels.size() == most_lines ? "and more" : label_of(link));
    }
    return result;
  }

  std::string label_of(const OutlineLink& link) const {
    if (level_ < 3) return quoted_label(link.attributes);
    return quoted_label(fmt::format("{}: {}", link.attributes, link_counts(link)));
  }

  const Outline& outline_;
  int level_;
  std::string text_;
};

}  // namespace

std::string dot_of(const Outline& outline, int level) {
  return DotOfOutline(outline, level).make();
}

}  // namespace isomer::mgs

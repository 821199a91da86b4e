#include "source/python/loops.h"

#include <algorithm>

namespace isomer::python {
namespace {

// `at` is the argument that goes through the loop.
bool continues(std::span<const Item> items, std::size_t i, std::size_t at) {
  const auto& takes = items[i].inputs;
  const auto& began = items[0].inputs;
  if (takes.size() != began.size()) return false;
  for (std::size_t k = 0; k < takes.size(); ++k) {
    if (k != at && takes[k] != began[k]) return false;
  }
  return carried(items[i - 1], items[i]) == at;
}

}  // namespace

std::optional<std::size_t> carried(const Item& before, const Item& item) {
  const auto& given = before.outputs;
  const auto& takes = item.inputs;
  if (given.size() != 1 || std::ranges::count(takes, given[0]) != 1) return std::nullopt;
  return static_cast<std::size_t>(std::ranges::find(takes, given[0]) - takes.begin());
}

std::size_t loop_length(const Modules& modules, std::span<const Item> items,
                        const std::map<ValueId, int>& uses) {
  if (!items[0].callee || modules.all[*items[0].callee].name != "0") return 0;
  const Module& list = modules.all[modules.all[*items[0].callee].parent];
  const std::size_t count = list.children.size();
  if (list.kind != ModuleKind::list || count < 2 || items.size() < count) return 0;
  const auto at = carried(items[0], items[1]);
  if (!at || items[count - 1].outputs.size() != 1) return 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool in_turn = items[i].callee == list.children[i] &&
                         modules.all[list.children[i]].name == std::to_string(i) &&
                         items[i].lengths == items[0].lengths;
    if (!in_turn || (i > 0 && !continues(items, i, *at))) return 0;
    if (i + 1 < count && uses.at(items[i].outputs[0]) != 1) return 0;
  }
  return count;
}

void write_forward(const ForwardText& text, PythonText& out) {
  const auto indented = [](std::string_view line) { return line.starts_with(loop_indent); };
  out.open(text.head);
  for (std::size_t i = 0; i < text.lines.size(); ++i) {
    const bool inside = indented(text.lines[i]);
    const bool next_inside = i + 1 < text.lines.size() && indented(text.lines[i + 1]);
    const std::string_view line =
        std::string_view(text.lines[i]).substr(inside ? loop_indent.size() : 0);
    if (next_inside && !inside) {
      out.open(line);
    } else {
      out.line(line);
    }
    if (inside && !next_inside) out.close();
  }
  if (text.lines.empty()) out.line("pass");
  out.close();
}

}  // namespace isomer::python

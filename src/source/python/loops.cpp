#include "source/python/loops.h"

#include <algorithm>

namespace isomer::python {
namespace {

// `at` is the argument that goes through the loop.
bool continues(const Modules& modules, std::span<const Item> items, std::size_t i, std::size_t at) {
  const auto& takes = inputs_of(modules, items[i]);
  const auto& began = inputs_of(modules, items[0]);
  if (takes.size() != began.size()) return false;
  for (std::size_t k = 0; k < takes.size(); ++k) {
    if (k != at && takes[k] != began[k]) return false;
  }
  return carried(modules, items[i - 1], items[i]) == at;
}

}  // namespace

std::optional<std::size_t> called_module(const Modules& modules, const Item& item) {
  if (item.module) return item.module;
  const Layer* layer = modules.operations[item.operation].layer;
  return layer == nullptr ? std::nullopt : std::optional(modules.at(layer->path));
}

const std::vector<ValueId>& inputs_of(const Modules& modules, const Item& item) {
  return item.module ? modules.all[*item.module].arguments
                     : modules.operations[item.operation].inputs;
}

const std::vector<ValueId>& outputs_of(const Modules& modules, const Item& item) {
  return item.module ? modules.all[*item.module].results
                     : modules.operations[item.operation].outputs;
}

const std::vector<std::string>& lengths_of(const Modules& modules, const Item& item) {
  static const std::vector<std::string> none;
  return item.module ? modules.all[*item.module].lengths : none;
}

std::optional<std::size_t> carried(const Modules& modules, const Item& before, const Item& item) {
  const auto& given = outputs_of(modules, before);
  const auto& takes = inputs_of(modules, item);
  if (given.size() != 1 || std::ranges::count(takes, given[0]) != 1) return std::nullopt;
  return static_cast<std::size_t>(std::ranges::find(takes, given[0]) - takes.begin());
}

std::size_t loop_length(const Modules& modules, std::span<const Item> items,
                        const std::map<ValueId, int>& uses) {
  const auto first = called_module(modules, items[0]);
  if (!first || modules.all[*first].name != "0") return 0;
  const Module& list = modules.all[modules.all[*first].parent];
  const std::size_t count = list.children.size();
  if (list.kind != ModuleKind::list || count < 2 || items.size() < count) return 0;
  const auto at = carried(modules, items[0], items[1]);
  if (!at || outputs_of(modules, items[count - 1]).size() != 1) return 0;
  for (std::size_t i = 0; i < count; ++i) {
    const bool in_turn = called_module(modules, items[i]) == list.children[i] &&
                         modules.all[list.children[i]].name == std::to_string(i) &&
                         lengths_of(modules, items[i]) == lengths_of(modules, items[0]);
    if (!in_turn || (i > 0 && !continues(modules, items, i, *at))) return 0;
    if (i + 1 < count && uses.at(outputs_of(modules, items[i])[0]) != 1) return 0;
  }
  return count;
}

}  // namespace isomer::python

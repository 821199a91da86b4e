#include "systems/torch/spelling.h"

#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "systems/torch/torch.h"
#include "vocabularies/aten/aten.h"

namespace isomer::torch {
namespace {

using Table = std::unordered_map<std::string_view, const Spelling*>;

Table by_op() {
  Table table;
  for (const auto family : {elementwise_spellings(), reduction_spellings(), shape_spellings(),
                            layers_spellings(), control_spellings()}) {
    for (const Spelling& row : family)
      expect(table.emplace(row.op, &row).second, "an operator has one spelling");
  }
  return table;
}

const Spelling* spelling_of(std::string_view op) {
  static const Table table = by_op();
  const auto found = table.find(op);
  return found == table.end() ? nullptr : found->second;
}

// Tensors that must be given stand in order; all else goes by the name that PyTorch has for it.
PythonAssignments write_renamed(const PythonCall& call) {
  const aten::Row& row = *aten::row_of(call.node.op);
  const std::vector<std::string_view> theirs = split_text(row.inputs, ' ');
  std::string function = aten::python_name(row);
  constexpr std::string_view self = "self.";
  const bool method = function.starts_with(self);
  if (method) function.replace(0, self.size(), receiver(call, 0) + ".");
  std::vector<std::string> arguments;
  for (std::size_t i = method ? 1 : 0; i < call.prototype.inputs.size(); ++i) {
    if (!call.prototype.inputs[i].optional) arguments.push_back(argument(call, i));
  }
  for (std::size_t i = 0; i < call.prototype.inputs.size(); ++i) {
    if (call.prototype.inputs[i].optional && call.has(i))
      arguments.push_back(fmt::format("{}={}", theirs.at(i), argument(call, i)));
  }
  for (const Prototype::Setting& setting : call.prototype.settings) {
    const bool needed = !setting.optional && !setting.default_value;
    if (!needed && !stated(call, setting.name)) continue;
    const std::string_view name = aten::paired(row.renames, setting.name, setting.name);
    arguments.push_back(fmt::format("{}={}", name, value_of(call, setting.name)));
  }
  std::string text = fmt::format("{}({})", function, fmt::join(arguments, ", "));
  return call.node.outputs.size() == 1 ? one(call, std::move(text)) : all(call, std::move(text));
}

}  // namespace

bool spells(std::string_view op) {
  const aten::Row* row = aten::row_of(op);
  return spelling_of(op) != nullptr || (row != nullptr && !aten::python_name(*row).empty());
}

PythonAssignments spell(const PythonCall& call) {
  const Spelling* spelling = spelling_of(call.node.op);
  return spelling != nullptr ? spelled(call, *spelling) : write_renamed(call);
}

std::string dtype_text(DType dtype) { return fmt::format("torch.{}", aten::dtype_name(dtype)); }

std::string unless_default(DType dtype) {
  return dtype == DType::f32 ? "" : ", dtype=" + dtype_text(dtype);
}

}  // namespace isomer::torch

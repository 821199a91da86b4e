#include "systems/pt2/decomposition.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/text.h"
#include "systems/pt2/pt2.h"

namespace isomer::pt2 {
namespace {

[[noreturn]] void refuse(std::string_view what) {
  throw Error(Fault::unsupported, "", std::string(what));
}

/// Names and texts of a file stand in a program that runs: none may end where it should not.
const std::string& harmless(const std::string& text, std::string_view signs) {
  const auto harmless = [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           signs.find(c) != std::string_view::npos;
  };
  if (!std::ranges::all_of(text, harmless))
    refuse(fmt::format("{} is not asked for in a program", quoted(text)));
  return text;
}

/// Arguments as Python writes them; tensors have names in their order: t0, t1, ...
class PythonText {
 public:
  std::string operator()(std::monostate) const { return "None"; }
  std::string operator()(ValueId id) { return id == ValueId::none ? "None" : next(); }
  std::string operator()(const std::vector<ValueId>& ids) { return list(ids); }
  std::string operator()(bool flag) const { return flag ? "True" : "False"; }
  std::string operator()(std::int64_t number) const { return std::to_string(number); }
  std::string operator()(double number) const { return fmt::format("float('{}')", number); }
  std::string operator()(const std::string& text) const {
    return fmt::format("'{}'", harmless(text, "_ .,->"));
  }
  std::string operator()(DType dtype) const {
    return fmt::format("torch.{}", aten::dtype_name(dtype));
  }
  std::string operator()(const Dim& dim) const {
    if (!dim.known()) refuse("its lengths vary; it is decomposed for known ones alone");
    return std::to_string(dim.value());
  }
  template <class T>
  std::string operator()(const std::vector<T>& items) {
    return list(items);
  }

 private:
  std::string next() { return fmt::format("t{}", count_++); }
  template <class T>
  std::string list(const std::vector<T>& items) {
    std::vector<std::string> texts;
    for (const auto& item : items) texts.push_back((*this)(item));
    return fmt::format("[{}]", fmt::join(texts, ", "));
  }

  int count_ = 0;
};

std::string example_of(const TensorType& type) {
  std::vector<std::string> lengths;
  PythonText text;
  for (const Dim& length : type.shape) lengths.push_back(text(length));
  return fmt::format("torch.zeros([{}], dtype={})", fmt::join(lengths, ", "), text(type.dtype));
}

// What shares memory, writes or draws is not said by values alone.
constexpr std::string_view frame = R"(import torch

OPERATOR = torch.ops.aten.{target}


class Call(torch.nn.Module):
    def forward(self{parameters}):
        result = OPERATOR({arguments})
        return tuple(result) if isinstance(result, (tuple, list)) else result


def example_inputs():
    return [{example}], {{}}


def load():
    schema = OPERATOR._schema
    if schema.is_mutable or any(value.alias_info for value in schema.returns):
        raise RuntimeError("its results share memory with its arguments")
    if torch.Tag.nondeterministic_seeded in OPERATOR.tags:
        raise RuntimeError("it draws random numbers")
    program = torch.export.export(Call(), tuple(example_inputs()[0])).run_decompositions()
    if any(node.target == OPERATOR for node in program.graph.nodes):
        raise RuntimeError("it has no decomposition")
    return program.module()
)";

}  // namespace

std::vector<ValueId> tensors_of(std::span<const aten::NamedArgument> arguments) {
  std::vector<ValueId> tensors;
  for (const aten::NamedArgument& argument : arguments) {
    if (const auto* id = std::get_if<ValueId>(&argument.value)) tensors.push_back(*id);
    if (const auto* ids = std::get_if<std::vector<ValueId>>(&argument.value))
      tensors.insert(tensors.end(), ids->begin(), ids->end());
  }
  std::erase(tensors, ValueId::none);
  return tensors;
}

std::string decomposing_program(const Builder& builder, std::string_view target,
                                std::span<const aten::NamedArgument> arguments) {
  PythonText text;
  std::vector<std::string> given;
  for (const aten::NamedArgument& argument : arguments) {
    given.push_back(
        fmt::format("{}={}", harmless(argument.name, "_"), std::visit(text, argument.value)));
  }
  std::vector<std::string> examples;
  std::string parameters;
  for (const ValueId id : tensors_of(arguments)) {
    parameters += fmt::format(", t{}", examples.size());
    examples.push_back(example_of(builder.type(id)));
  }
  using fmt::arg;
  return fmt::format(frame, arg("target", harmless(std::string(target), "_.")),
                     arg("parameters", parameters), arg("arguments", fmt::join(given, ", ")),
                     arg("example", fmt::join(examples, ", ")));
}

Graph decomposition(const std::string& program) {
  constexpr const char* source = "decomposition.py";
  constexpr const char* answer = "decomposed.pt2";
  try {
    const auto files = in_memory({{source, program}});
    const Bytes exported = system_named("pytorch").exports(*files, source, {});
    return read(*in_memory({{answer, std::string(exported.text())}}), answer).graph;
  } catch (const Error& error) {
    if (error.fault() == Fault::usage || error.fault() == Fault::bug) throw;
    refuse(fmt::format("as PyTorch decomposes it: {}", error.text()));
  }
}

}  // namespace isomer::pt2

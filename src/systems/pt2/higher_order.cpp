#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "ops/expansion.h"
#include "systems/pt2/nodes.h"

// Operators of an export that have graphs of their own: control flow, and blocks that stand in
// place.

namespace isomer::pt2 {
namespace {

using Argument = ExportArgument;

constexpr std::string_view prefix = "torch.ops.higher_order.";

// Their graph stands for itself; what is around it has no meaning for what is computed.
constexpr std::string_view wrappers[] = {"wrap",
                                         "wrap_with_set_grad_enabled",
                                         "wrap_with_autocast",
                                         "tag_activation_checkpoint",
                                         "wrap_activation_checkpoint",
                                         "hints_wrapper",
                                         "strict_mode",
                                         "invoke_subgraph"};

/// What autocast on a CPU carries out in its lower precision, whatever is given.
constexpr std::string_view lowered[] = {"linear",
                                        "matmul",
                                        "mm",
                                        "bmm",
                                        "addmm",
                                        "addbmm",
                                        "baddbmm",
                                        "conv1d",
                                        "conv2d",
                                        "conv3d",
                                        "conv_transpose1d",
                                        "conv_transpose2d",
                                        "conv_transpose3d",
                                        "_convolution",
                                        "convolution",
                                        "prelu",
                                        "linalg_vecdot",
                                        "scaled_dot_product_attention"};

template <class Names>
bool is_among(std::string_view name, const Names& names) {
  return std::ranges::find(names, name) != std::end(names);
}

bool is_graph(const ExportNode::Input& input) {
  return input.argument.as<Argument::Subgraph>() != nullptr;
}

const Argument& argument_at(const ExportNode& node, std::size_t i) {
  if (i >= node.inputs.size()) throw Error(Fault::unsupported, "", "has unusual arguments");
  return node.inputs[i].argument;
}

const ExportGraph& graph_at(const ExportNode& node, std::size_t i) {
  const auto* graph = argument_at(node, i).as<Argument::Subgraph>();
  if (graph == nullptr) throw Error(Fault::unsupported, "", "has unusual arguments");
  return **graph;
}

/// All operands behind a node's graph, one by one; those that are no tensors count.
std::vector<std::string> operands_behind(const ExportNode& node, std::size_t graph) {
  std::vector<std::string> names;
  for (std::size_t i = graph + 1; i < node.inputs.size(); ++i) {
    const Argument& argument = node.inputs[i].argument;
    if (const auto* values = argument.as<Argument::Values>()) {
      names.insert(names.end(), values->names.begin(), values->names.end());
    } else {
      const auto* value = argument.as<Argument::Value>();
      names.push_back(value == nullptr ? std::string() : value->name);
    }
  }
  return names;
}

/// Whether a block switches something on (or leaves it so): its first truth value says it.
bool flag_of(const ExportNode& node) {
  for (const ExportNode::Input& input : node.inputs) {
    if (const bool* flag = input.argument.as<bool>()) return *flag;
  }
  return true;
}

/// As many as the operator has: what nobody asked for would be lost.
void require_arguments(const ExportNode& node, std::size_t count) {
  if (node.inputs.size() == count) return;
  throw Error(
      Fault::unsupported, "",
      fmt::format("has {}, which should be {}", counted(node.inputs.size(), "argument"), count));
}

bool is_lowered(std::string_view target) {
  target.remove_prefix(std::min(target.size(), std::string_view("torch.ops.aten.").size()));
  return is_among(target.substr(0, target.find('.')), lowered);
}

}  // namespace

bool NodeReader::run_higher_order(const ExportNode& node, const ExportGraph& graph, Scope& scope) {
  if (!node.target.starts_with(prefix)) return false;
  const std::string_view op = std::string_view(node.target).substr(prefix.size());
  first_new_ = builder_.graph().values.size();
  if (is_among(op, wrappers)) {
    inline_block(node, scope);
  } else if (op == "cond") {
    run_cond(node, graph, scope);
  } else if (op == "while_loop") {
    run_while(node, graph, scope);
  } else if (op == "scan") {
    require_arguments(node, 4);
    run_scan(node, graph, scope, true);
  } else if (op == "map_impl") {
    // A scan that carries nothing.
    require_arguments(node, 3);
    run_scan(node, graph, scope, false);
  } else {
    throw Error(Fault::unsupported, "", "");
  }
  return true;
}

/// `with torch.no_grad():` and its like stand in the export as operators with a graph of their own.
void NodeReader::inline_block(const ExportNode& node, Scope& scope) {
  const auto at =
      static_cast<std::size_t>(std::ranges::find_if(node.inputs, is_graph) - node.inputs.begin());
  const ExportGraph& block = graph_at(node, at);
  if (std::ranges::count_if(node.inputs, is_graph) != 1)
    throw Error(Fault::unsupported, "", "has several graphs, where one is read");
  const std::vector<std::string> operands = operands_behind(node, at);
  // Behind them may stand what wrappers remember.
  if (operands.size() < block.inputs.size())
    throw Error(Fault::unsupported, "", "has unusual arguments");
  const std::size_t skipped =
      node.target.ends_with("invoke_subgraph") ? operands.size() - block.inputs.size() : 0;
  Scope inner;
  for (std::size_t i = 0; i < block.inputs.size(); ++i) {
    const auto* name = block.inputs[i].as<Argument::Value>();
    const std::string& operand = operands[i + skipped];
    // Numbers are resolved inside already.
    if (name != nullptr && !operand.empty()) inner.define(name->name, scope.at(operand));
  }
  const bool flag = flag_of(node);
  const bool detaches = node.target.ends_with("set_grad_enabled") && !flag;
  const Around outside = around_;
  if (node.target.ends_with("autocast")) around_.autocast = flag;
  if (node.target.ends_with("set_grad_enabled")) around_.no_grad = !flag;
  if (around_.body && around_.autocast && !outside.autocast) {
    throw Error(
        Fault::unsupported, "",
        "stands in a body, where the export does not say in which precision its operators "
        "compute; put autocast around the control flow, or export with run_decompositions()");
  }
  run(block, inner);
  around_ = outside;
  builder_.at(node.scope, node.place);
  const std::vector<std::string> names = output_names(node);
  if (names.size() != block.outputs.size())
    throw Error(Fault::file, "", "its graph gives another number of values");
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto* output = block.outputs[i].as<Argument::Value>();
    if (output == nullptr || names[i].empty()) continue;
    const Cell cell = inner.at(output->name);
    scope.define(names[i], detaches ? detached(cell, names[i]) : cell);
  }
}

/// The same memory, through which no gradient flows.
Cell NodeReader::detached(Cell cell, const std::string& name) {
  const auto show = [this](ValueId value) {
    return aten::emit(builder_, {"detach.default", {{"self", value}}})[0];
  };
  return cells_.add_view(show(cells_.read(cell)), name, cell, true,
                         [&] { return Cells::Show(show); });
}

/// The export says what comes out, and so in which precision autocast carried the operator out.
void NodeReader::cast_as_autocast(const ExportNode& node, const ExportGraph& graph,
                                  std::vector<aten::NamedArgument>& arguments) {
  const std::vector<std::string> names = output_names(node);
  const auto found = names.empty() ? graph.tensors.end() : graph.tensors.find(names[0]);
  if (found == graph.tensors.end() || !is_floating(found->second.type.dtype)) return;
  const DType dtype = found->second.type.dtype;
  // Others are carried out as they are given, as a normalization beside f32 weights.
  if (!is_lowered(node.target) && (is_half(dtype) || names.size() > 1)) return;
  const auto cast = [&](ValueId& id) {
    if (id == ValueId::none || builder_.dtype(id) == dtype || !is_floating(builder_.dtype(id)))
      return;
    id = builder_.emit("cast", {id}, {{"dtype", dtype}});
  };
  for (aten::NamedArgument& argument : arguments) {
    if (auto* id = std::get_if<ValueId>(&argument.value)) {
      cast(*id);
    } else if (auto* ids = std::get_if<std::vector<ValueId>>(&argument.value)) {
      for (ValueId& one : *ids) cast(one);
    }
  }
}

// Control flow ----------------------------------------------------------------------------------

/// What an argument lists, for as many of what a graph takes; numbers are resolved inside already.
std::vector<ValueId> NodeReader::values_of(const ExportNode& node, std::size_t argument,
                                           const Scope& scope, std::span<const Argument>& taken) {
  const Argument& given = argument_at(node, argument);
  const auto* list = given.as<Argument::Values>();
  const auto* numbers = given.as<std::vector<std::int64_t>>();
  const auto* lengths = given.as<std::vector<Dim>>();
  if (list == nullptr && numbers == nullptr && lengths == nullptr &&
      given.as<Argument::None>() == nullptr)
    throw Error(Fault::unsupported, "", "has operands that are no tensors");
  const std::size_t count = list != nullptr      ? list->names.size()
                            : numbers != nullptr ? numbers->size()
                            : lengths != nullptr ? lengths->size()
                                                 : 0;
  if (count > taken.size())
    throw Error(Fault::file, "", "its graph takes another number of values");
  std::vector<ValueId> values;
  for (std::size_t i = 0; i < count; ++i) {
    if (list != nullptr && taken[i].as<Argument::Value>() != nullptr)
      values.push_back(cells_.read(scope.at(list->names[i])));
  }
  taken = taken.subspan(count);
  return values;
}

std::vector<TensorType> NodeReader::types_of(const std::vector<ValueId>& values) const {
  std::vector<TensorType> types;
  for (const ValueId id : values) types.push_back(builder_.type(id));
  return types;
}

Body NodeReader::body_of(const ExportNode& node, std::size_t argument, std::string name,
                         const std::vector<TensorType>& types) {
  const ExportGraph& block = graph_at(node, argument);
  const auto is_value = [](const Argument& input) {
    return input.as<Argument::Value>() != nullptr;
  };
  if (static_cast<std::size_t>(std::ranges::count_if(block.inputs, is_value)) != types.size())
    throw Error(Fault::file, "", fmt::format("its graph {} takes another number of values", name));
  Builder builder(std::move(name));
  Signature signature;
  signature.lengths = lengths_inside(builder_.graph().signature.lengths);
  builder.assume(signature.lengths);
  Cells cells(builder);
  NodeReader reader(builder, cells, lengths_, decompose_);
  reader.around_ = around_;
  reader.around_.body = true;
  Scope scope;
  std::vector<Cell> inputs;
  for (const Argument& taken : block.inputs) {
    if (!is_value(taken)) continue;
    const std::string& input = value_of(taken);
    inputs.push_back(cells.add(builder.input(input, types[inputs.size()]), input));
    scope.define(input, inputs.back());
  }
  reader.run(block, scope);
  problems_.add(reader.problems_);
  std::vector<ValueId> outputs;
  builder.at("", {});
  for (const Argument& output : block.outputs) {
    if (const auto* value = output.as<Argument::Value>()) {
      outputs.push_back(cells.read(scope.at(value->name)));
    } else if (const auto* integer = output.as<std::int64_t>()) {
      outputs.push_back(builder.literal(DType::i64, *integer));
    } else if (output.as<Argument::None>() == nullptr) {
      throw Error(Fault::unsupported, "", "has a graph that gives what is no tensor");
    }
  }
  for (const Cell cell : inputs) {
    if (cells.changed(cell))
      throw Error(Fault::unsupported, "", "has a graph that changes what it is given");
  }
  return std::make_shared<const Graph>(
      std::move(builder).finish(std::move(outputs), std::move(signature)));
}

void NodeReader::bind_fresh(const ExportNode& node, const ExportGraph& graph, Scope& scope,
                            const std::vector<ValueId>& results) {
  const std::vector<std::string> names = output_names(node);
  if (results.size() != names.size()) {
    throw Error(Fault::file, "",
                fmt::format("gives {}; the export says {}", counted(results.size(), "value"),
                            names.size()));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    check_type(graph, names[i], results[i]);
    name_new(results[i], names[i]);
    scope.define(names[i], cells_.add(results[i], names[i]));
  }
}

ValueId NodeReader::condition_of(const ExportNode& node, const Scope& scope) {
  const Argument& given = argument_at(node, 0);
  const auto* value = given.as<Argument::Value>();
  if (value == nullptr) return decided(given);
  ValueId id = cells_.read(scope.at(value->name));
  if (builder_.dtype(id) != DType::boolean)
    id = builder_.emit("cast", {id}, {{"dtype", DType::boolean}});
  if (builder_.rank(id) > 0) id = builder_.emit("reshape", {id}, {{"shape", Shape{}}});
  return id;
}

void NodeReader::run_cond(const ExportNode& node, const ExportGraph& graph, Scope& scope) {
  require_arguments(node, 4);
  std::span<const Argument> taken = graph_at(node, 1).inputs;
  std::vector<ValueId> operands = values_of(node, 3, scope, taken);
  std::vector<Body> bodies = {body_of(node, 1, "then", types_of(operands)),
                              body_of(node, 2, "else", types_of(operands))};
  operands.insert(operands.begin(), condition_of(node, scope));
  bind_fresh(node, graph, scope,
             builder_.emit_all("if", std::move(operands), {}, std::move(bodies)));
}

void NodeReader::run_while(const ExportNode& node, const ExportGraph& graph, Scope& scope) {
  require_arguments(node, 4);
  std::span<const Argument> taken = graph_at(node, 1).inputs;
  std::vector<ValueId> operands = values_of(node, 2, scope, taken);
  const auto carried = static_cast<std::int64_t>(operands.size());
  const std::vector<ValueId> shared = values_of(node, 3, scope, taken);
  operands.insert(operands.end(), shared.begin(), shared.end());
  std::vector<Body> bodies = {body_of(node, 0, "condition", types_of(operands)),
                              body_of(node, 1, "body", types_of(operands))};
  bind_fresh(
      node, graph, scope,
      builder_.emit_all("while", std::move(operands), {{"carried", carried}}, std::move(bodies)));
}

/// Arguments: the body, what is carried, what is scanned, what is shared.
void NodeReader::run_scan(const ExportNode& node, const ExportGraph& graph, Scope& scope,
                          bool carries) {
  std::span<const Argument> taken = graph_at(node, 0).inputs;
  std::vector<ValueId> operands;
  if (carries) operands = values_of(node, 1, scope, taken);
  const std::size_t first = carries ? 2 : 1;
  const std::size_t carried = operands.size();
  const std::vector<ValueId> scanned = values_of(node, first, scope, taken);
  const std::vector<ValueId> shared = values_of(node, first + 1, scope, taken);
  operands.insert(operands.end(), scanned.begin(), scanned.end());
  operands.insert(operands.end(), shared.begin(), shared.end());
  std::vector<TensorType> types = types_of(operands);
  for (std::size_t i = carried; i < carried + scanned.size(); ++i) {
    if (types[i].shape.empty())
      throw Error(Fault::file, "", "scans a value that has no axis to scan along");
    types[i].shape.erase(types[i].shape.begin());
  }
  const Body body = body_of(node, 0, "body", types);
  bind_fresh(node, graph, scope,
             builder_.emit_all("scan", std::move(operands),
                               {{"carried", static_cast<std::int64_t>(carried)},
                                {"scanned", static_cast<std::int64_t>(scanned.size())}},
                               {body}));
}

}  // namespace isomer::pt2

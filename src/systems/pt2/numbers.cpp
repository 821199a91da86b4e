#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "systems/pt2/nodes.h"

// Numbers and truth values that a program makes of lengths, as Python computes them. Whole numbers
// are expressions of lengths, which the export resolves itself.

namespace isomer::pt2 {
namespace {

using Argument = ExportArgument;
using Names = std::pair<std::string_view, std::string_view>;

/// What an export calls them, what they are of ours.
constexpr Names arithmetic[] = {
    {"_operator.add", "add"},     {"_operator.sub", "sub"},    {"_operator.mul", "mul"},
    {"_operator.truediv", "div"}, {"_operator.pow", "pow"},    {"_operator.neg", "neg"},
    {"torch._sym_sqrt", "sqrt"},  {"_operator.abs", "abs"},    {"torch.sym_max", "maximum"},
    {"torch.sym_min", "minimum"}, {"torch._sym_log2", "log2"}, {"math.sqrt", "sqrt"},
    {"math.exp", "exp"},          {"math.log", "log"},
};
constexpr Names comparisons[] = {
    {"_operator.gt", "gt"}, {"_operator.ge", "ge"}, {"_operator.lt", "lt"},
    {"_operator.le", "le"}, {"_operator.eq", "eq"}, {"_operator.ne", "ne"},
};
constexpr Names logic[] = {{"_operator.and_", "logical_and"},
                           {"_operator.or_", "logical_or"},
                           {"torch.sym_not", "logical_not"},
                           {"_operator.not_", "logical_not"}};

template <class Table>
const Names* row_in(const Table& table, std::string_view target) {
  const auto* found = std::ranges::find(table, target, &Names::first);
  return found == std::end(table) ? nullptr : found;
}

}  // namespace

std::optional<ValueId> NodeReader::number_of(const Argument& argument) {
  if (const auto* real = argument.as<double>()) return builder_.literal(DType::f64, *real);
  if (const auto* integer = argument.as<std::int64_t>())
    return builder_.literal(DType::f64, static_cast<double>(*integer));
  if (const auto* dim = argument.as<Dim>()) {
    check_length(*dim);
    return builder_.emit("length", {}, {{"value", *dim}, {"dtype", DType::f64}});
  }
  const auto* computed = argument.as<Argument::Computed>();
  const auto found = computed == nullptr ? numbers_.end() : numbers_.find(computed->name);
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

/// A number made of lengths, in double precision as in Python. Who asks for one that is not read is
/// refused.
void NodeReader::compute(const ExportNode& node, const std::string& name) {
  conditions_[name] = &node;
  decided_.erase(name);  // of another block
  const Names* found = row_in(arithmetic, node.target);
  const bool same = node.target == "torch.sym_float" && node.inputs.size() == 1;
  if (found == nullptr && !same) return;
  builder_.at(node.scope, node.place);
  std::vector<ValueId> operands;
  for (const ExportNode::Input& input : node.inputs) {
    const std::optional<ValueId> operand = number_of(input.argument);
    if (!operand) return;
    operands.push_back(*operand);
  }
  numbers_[name] = same ? operands[0] : builder_.emit(found->second, operands);
}

ValueId NodeReader::computed(const std::string& name, DType dtype) const {
  const auto found = numbers_.find(name);
  if (found == numbers_.end())
    throw Error(Fault::unsupported, "",
                fmt::format("the number {} is made of lengths as is not read", quoted(name)));
  // A float of Python takes no part in type promotion, and in half precision it is not rounded.
  if (is_half(dtype))
    throw Error(Fault::unsupported, "",
                "computes in half precision with a number that is made of lengths");
  return builder_.emit("cast", {found->second},
                       {{"dtype", is_floating(dtype) ? dtype : DType::f32}});
}

/// A side of a comparison: whole numbers are compared as such.
ValueId NodeReader::side_of(const Argument& argument, bool whole) {
  if (const auto* number = argument.as<std::int64_t>(); number != nullptr && whole)
    return builder_.literal(DType::i64, *number);
  if (const auto* dim = argument.as<Dim>(); dim != nullptr && whole) {
    check_length(*dim);
    return builder_.emit("length", {}, {{"value", *dim}});
  }
  if (const std::optional<ValueId> number = number_of(argument)) return *number;
  throw Error(Fault::unsupported, "", "compares what is no length");
}

ValueId NodeReader::decided(const Argument& argument, int depth) {
  constexpr int deepest = 64;
  if (depth > deepest) throw Error(Fault::unsupported, "", "asks for too many things at once");
  if (const bool* flag = argument.as<bool>())
    return builder_.literal(DType::boolean, std::int64_t{*flag});
  const auto* computed = argument.as<Argument::Computed>();
  const auto found = computed == nullptr ? conditions_.end() : conditions_.find(computed->name);
  if (found == conditions_.end()) throw Error(Fault::unsupported, "", "has an unusual condition");
  // Emitted once, however often it is asked for: what asks twice for what asks twice is no tree.
  if (const auto known = decided_.find(found->first); known != decided_.end()) return known->second;
  return decided_[found->first] = decided_by(*found->second, depth);
}

ValueId NodeReader::decided_by(const ExportNode& node, int depth) {
  std::vector<ValueId> sides;
  const Names* op = row_in(logic, node.target);
  if (op != nullptr) {
    for (const ExportNode::Input& input : node.inputs)
      sides.push_back(decided(input.argument, depth + 1));
    return builder_.emit(op->second, sides);
  }
  op = row_in(comparisons, node.target);
  if (op == nullptr || node.inputs.size() != 2)
    throw Error(Fault::unsupported, "", fmt::format("asks for {} of lengths", node.target));
  const bool whole = std::ranges::all_of(node.inputs, [](const ExportNode::Input& input) {
    return input.argument.as<std::int64_t>() != nullptr || input.argument.as<Dim>() != nullptr;
  });
  for (const ExportNode::Input& input : node.inputs)
    sides.push_back(side_of(input.argument, whole));
  return builder_.emit(op->second, sides);
}

void NodeReader::check_length(const Dim& dim) const {
  std::set<std::string> names;
  dim.collect_symbols(names);
  for (const std::string& name : names) {
    if (lengths_.contains(name)) continue;
    throw Error(Fault::unsupported, "",
                fmt::format("the length {} depends on data, not only on shapes", name));
  }
}

}  // namespace isomer::pt2

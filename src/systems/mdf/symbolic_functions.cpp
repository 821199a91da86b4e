#include <algorithm>
#include <numeric>
#include <span>

#include "base/error.h"
#include "base/text.h"
#include "systems/mdf/symbolic.h"

namespace isomer::mdf {
namespace {

[[noreturn]] void refuse(std::string what) { throw Error(Fault::unsupported, "", what); }

struct Pair {
  std::string_view numpy;
  std::string_view ours;
};

constexpr Pair unaries[] = {
    {"exp", "exp"},
    {"expm1", "expm1"},
    {"log", "log"},
    {"log1p", "log1p"},
    {"sqrt", "sqrt"},
    {"sin", "sin"},
    {"cos", "cos"},
    {"tanh", "tanh"},
    {"abs", "abs"},
    {"absolute", "abs"},
    {"floor", "floor"},
    {"ceil", "ceil"},
    {"round", "round"},
    {"rint", "round"},
    {"sign", "sign"},
    {"isnan", "isnan"},
    {"isinf", "isinf"},
    {"negative", "neg"},
    {"square", "square"},
    {"reciprocal", "reciprocal"},
    {"logical_not", "logical_not"},
};

constexpr Pair signs[] = {
    {"add", "+"},         {"subtract", "-"},       {"multiply", "*"},      {"divide", "/"},
    {"true_divide", "/"}, {"power", "**"},         {"floor_divide", "//"}, {"mod", "%"},
    {"remainder", "%"},   {"matmul", "@"},         {"less", "<"},          {"less_equal", "<="},
    {"greater", ">"},     {"greater_equal", ">="}, {"equal", "=="},        {"not_equal", "!="},
    {"logical_and", "&"}, {"logical_or", "|"},     {"logical_xor", "^"},
};

constexpr Pair folds[] = {{"sum", "sum"},   {"mean", "mean"}, {"max", "amax"},
                          {"amax", "amax"}, {"min", "amin"},  {"amin", "amin"},
                          {"prod", "prod"}, {"any", "any"},   {"all", "all"}};

bool truth_in(const Symbol* symbol) {
  if (symbol == nullptr) return false;
  if (symbol->known() == nullptr) refuse("a setting is computed");
  return truth_of(*symbol->known());
}

bool absent(const Symbol* symbol) {
  return symbol == nullptr || (symbol->known() != nullptr && symbol->known()->is_none());
}

}  // namespace

/// A function of NumPy that is more than one operator or has settings: one use of it.
struct SymbolicNode::NumpyCall {
  SymbolicNode& node;
  std::string_view name;
  const Call& call;

  struct Row {
    std::string_view name;
    std::size_t least, most;  // how many arguments
    Symbol (NumpyCall::*read)() const;
  };
  static std::span<const Row> rows();

  ValueId x() const { return node.materialized(call.values[0]); }
  std::int64_t axis(std::int64_t otherwise) const {
    const Symbol* given = call.find(1, "axis");
    return absent(given) ? otherwise : node.integers(*given).at(0);
  }

  Symbol as_it_is() const { return {x()}; }
  Symbol as_integers() const { return {node.operand(call.values[0], DType::i64)}; }
  Symbol spread() const { return node.reduction("var", call); }
  Symbol extreme() const {
    const DType dtype = node.joint_type(call.values[0], call.values[1]);
    return node.emit(name,
                     {node.operand(call.values[0], dtype), node.operand(call.values[1], dtype)});
  }
  Symbol choice() const {
    const DType dtype = node.joint_type(call.values[1], call.values[2]);
    return node.emit(
        "where", {node.operand(call.values[0], DType::boolean), node.operand(call.values[1], dtype),
                  node.operand(call.values[2], dtype)});
  }
  Symbol place_of_extreme() const {
    Attributes attributes{{"keepdim", truth_in(call.find(2, "keepdims"))}};
    if (!absent(call.find(1, "axis"))) attributes.insert(attributes.begin(), {"dim", axis(0)});
    return node.emit(name, {x()}, attributes);
  }
  Symbol size() const {
    const ValueId id = x();
    const std::int64_t place = onnx::axis_of(axis(0), node.builder_.rank(id));
    return {node.builder_.shape(id)[static_cast<std::size_t>(place)]};
  }
  Symbol shape() const {
    std::vector<Symbol> items;
    for (const Dim& length : node.builder_.shape(x())) items.push_back({length});
    return {std::move(items)};
  }
  Symbol split() const;
  Symbol joined() const;
  Symbol reshaped() const;
  Symbol transposed() const {
    const ValueId id = x();
    std::vector<std::int64_t> order(node.builder_.shape(id).size());
    std::iota(order.rbegin(), order.rend(), 0);
    const Symbol* given = call.find(1, "axes");
    return node.emit("permute", {id}, {{"dims", absent(given) ? order : node.integers(*given)}});
  }
  Symbol with_axis() const { return node.emit("unsqueeze", {x()}, {{"dim", axis(0)}}); }
  Symbol without_axes() const {
    const Symbol* given = call.find(1, "axis");
    const auto axes = absent(given) ? std::vector<std::int64_t>() : node.integers(*given);
    return node.emit("squeeze", {x()}, {{"dim", axes}});
  }
  Symbol broadcast() const {
    return node.emit("expand", {x()}, {{"shape", node.lengths(call.values[1])}});
  }
  Symbol flipped() const {
    return node.emit("flip", {x()}, {{"dims", node.integers(call.values[1])}});
  }
  Symbol tiled() const {
    return node.emit("repeat", {x()}, {{"repeats", node.integers(call.values[1])}});
  }
  Symbol running_sum() const { return node.emit("cumsum", {x()}, {{"dim", axis(0)}}); }
  Symbol triangle() const {
    const Symbol* given = call.find(1, "k");
    const std::int64_t diagonal = absent(given) ? 0 : node.integers(*given).at(0);
    return node.emit(name, {x()}, {{"diagonal", diagonal}});
  }
  Symbol clipped() const {
    const ValueId id = x();
    const DType dtype = node.builder_.dtype(id);
    const Symbol least = node.emit("maximum", {id, node.operand(call.values[1], dtype)});
    return node.emit("minimum", {*least.value(), node.operand(call.values[2], dtype)});
  }
};

Symbol SymbolicNode::NumpyCall::split() const {
  const ValueId id = x();
  const Symbol* given = call.find(2, "axis");
  const std::int64_t axis =
      onnx::axis_of(absent(given) ? 0 : node.integers(*given).at(0), node.builder_.rank(id));
  const Dim length = node.builder_.shape(id)[static_cast<std::size_t>(axis)];
  Shape ends;
  if (call.values[1].known() != nullptr && is_number(*call.values[1].known())) {
    const std::int64_t parts = integer_of(*call.values[1].known());
    if (parts < 1) refuse("an array splits into 1 part or more");
    numpy::bound_items(static_cast<std::uint64_t>(parts));
    for (std::int64_t i = 1; i <= parts; ++i)
      ends.push_back(floor_divide(length * Dim(i), Dim(parts)));
  } else {
    ends = node.lengths(call.values[1]);
    ends.push_back(length);
  }
  Shape sizes;
  for (std::size_t i = 0; i < ends.size(); ++i)
    sizes.push_back(i == 0 ? ends[0] : ends[i] - ends[i - 1]);
  std::vector<Symbol> parts;
  for (const ValueId part :
       node.builder_.emit_all("split", {id}, {{"sizes", sizes}, {"dim", axis}}))
    parts.emplace_back().data = part;
  return {std::move(parts)};
}

Symbol SymbolicNode::NumpyCall::joined() const {
  if (call.values[0].items() == nullptr) refuse("a tuple of arrays is needed");
  const std::vector<Symbol>& items = *call.values[0].items();
  if (items.empty()) refuse("there is nothing to join");
  DType dtype = node.joint_type(items[0], items[0]);
  for (const Symbol& item : items) dtype = std::max(dtype, node.joint_type(items[0], item));
  std::vector<ValueId> parts;
  for (const Symbol& item : items) parts.push_back(node.operand(item, dtype));
  return node.emit(name == "stack" ? "stack" : "cat", parts, {{"dim", axis(0)}});
}

Symbol SymbolicNode::NumpyCall::reshaped() const {
  const ValueId id = x();
  Shape shape = node.lengths(call.values[1]);
  Dim known(1);
  for (const Dim& length : shape) known = length == Dim(-1) ? known : known * length;
  const Dim count = count_elements(node.builder_.shape(id));
  for (Dim& length : shape) length = length == Dim(-1) ? floor_divide(count, known) : length;
  return node.emit("reshape", {id}, {{"shape", shape}});
}

Symbol SymbolicNode::reduction(std::string_view op, const Call& call) {
  const bool spread = op == "var";
  std::vector<std::int64_t> axes;
  if (const Symbol* axis = call.find(1, "axis"); !absent(axis)) axes = integers(*axis);
  Attributes attributes{{"dim", axes},
                        {"keepdim", truth_in(call.find(spread ? 3 : 2, "keepdims"))}};
  if (spread) {
    const Symbol* correction = call.find(2, "ddof");
    if (correction != nullptr && correction->known() == nullptr) refuse("ddof is computed");
    attributes.push_back(
        {"correction", correction == nullptr ? 0.0 : real_of(*correction->known())});
  }
  return emit(op, {materialized(call.values[0])}, attributes);
}

std::span<const SymbolicNode::NumpyCall::Row> SymbolicNode::NumpyCall::rows() {
  static constexpr Row table[] = {{"var", 1, 4, &NumpyCall::spread},
                                  {"maximum", 2, 2, &NumpyCall::extreme},
                                  {"minimum", 2, 2, &NumpyCall::extreme},
                                  {"where", 3, 3, &NumpyCall::choice},
                                  {"argmax", 1, 3, &NumpyCall::place_of_extreme},
                                  {"argmin", 1, 3, &NumpyCall::place_of_extreme},
                                  {"array", 1, 1, &NumpyCall::as_it_is},
                                  {"asarray", 1, 1, &NumpyCall::as_it_is},
                                  {"float64", 1, 1, &NumpyCall::as_it_is},
                                  {"int64", 1, 1, &NumpyCall::as_integers},
                                  {"size", 2, 2, &NumpyCall::size},
                                  {"shape", 1, 1, &NumpyCall::shape},
                                  {"split", 2, 3, &NumpyCall::split},
                                  {"concatenate", 1, 2, &NumpyCall::joined},
                                  {"stack", 1, 2, &NumpyCall::joined},
                                  {"reshape", 2, 2, &NumpyCall::reshaped},
                                  {"transpose", 1, 2, &NumpyCall::transposed},
                                  {"expand_dims", 2, 2, &NumpyCall::with_axis},
                                  {"squeeze", 1, 2, &NumpyCall::without_axes},
                                  {"broadcast_to", 2, 2, &NumpyCall::broadcast},
                                  {"flip", 2, 2, &NumpyCall::flipped},
                                  {"tile", 2, 2, &NumpyCall::tiled},
                                  {"cumsum", 2, 2, &NumpyCall::running_sum},
                                  {"tril", 1, 2, &NumpyCall::triangle},
                                  {"triu", 1, 2, &NumpyCall::triangle},
                                  {"clip", 3, 3, &NumpyCall::clipped}};
  return table;
}

Symbol SymbolicNode::numpy(const std::string& name, const Call& call) {
  const std::string_view function =
      std::string_view(name).substr(name.starts_with("numpy.") ? 6 : 0);
  const std::size_t count = call.values.size();
  for (const Pair& row : unaries) {
    if (row.numpy == function) return emit(row.ours, {materialized(call.values[0])});
  }
  for (const Pair& row : signs) {
    if (row.numpy == function && count == 2)
      return binary(row.ours, call.values[0], call.values[1]);
  }
  for (const Pair& row : folds) {
    if (row.numpy == function) return reduction(row.ours, call);
  }
  for (const NumpyCall::Row& row : NumpyCall::rows()) {
    if (row.name == function && count >= row.least && count <= row.most)
      return (NumpyCall{*this, function, call}.*row.read)();
  }
  refuse(fmt::format("the function {} is not read", quoted(name)));
}

}  // namespace isomer::mdf

#include <algorithm>
#include <numeric>

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

Symbol SymbolicNode::numpy(const std::string& name, const Call& call) {
  const std::string_view function =
      name.starts_with("numpy.") ? std::string_view(name).substr(6) : name;
  for (const Pair& row : unaries) {
    if (row.numpy == function) return emit(row.ours, {materialized(call.values[0])});
  }
  for (const Pair& row : signs) {
    if (row.numpy == function && call.values.size() == 2)
      return binary(row.ours, call.values[0], call.values[1]);
  }
  for (const Pair& row : folds) {
    if (row.numpy == function) return reduction(row.ours, call);
  }
  if (function == "var") return reduction("var", call);
  if ((function == "maximum" || function == "minimum") && call.values.size() == 2) {
    const DType dtype = joint_type(call.values[0], call.values[1]);
    return emit(function, {operand(call.values[0], dtype), operand(call.values[1], dtype)});
  }
  if (function == "where" && call.values.size() == 3) {
    const DType dtype = joint_type(call.values[1], call.values[2]);
    return emit("where", {operand(call.values[0], DType::boolean), operand(call.values[1], dtype),
                          operand(call.values[2], dtype)});
  }
  if (function == "argmax" || function == "argmin") {
    Attributes attributes{{"keepdim", truth_in(call.find(2, "keepdims"))}};
    if (const Symbol* axis = call.find(1, "axis"); !absent(axis)) {
      attributes.insert(attributes.begin(), {"dim", integers(*axis).at(0)});
    }
    return emit(function, {materialized(call.values[0])}, attributes);
  }
  if (function == "array" || function == "asarray" || function == "float64")
    return {materialized(call.values[0])};
  if (function == "int64") return {operand(call.values[0], DType::i64)};
  return shaping(name, call);
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

Symbol SymbolicNode::split(const Call& call) {
  const ValueId x = materialized(call.values[0]);
  const Symbol* given = call.find(2, "axis");
  const std::int64_t axis = axis_of(absent(given) ? 0 : integers(*given).at(0), builder_.rank(x));
  const Dim length = builder_.shape(x)[static_cast<std::size_t>(axis)];
  Shape ends;
  if (call.values[1].known() != nullptr && is_number(*call.values[1].known())) {
    const std::int64_t parts = integer_of(*call.values[1].known());
    for (std::int64_t i = 1; i <= parts; ++i)
      ends.push_back(floor_divide(length * Dim(i), Dim(parts)));
  } else {
    ends = lengths(call.values[1]);
    ends.push_back(length);
  }
  Shape sizes;
  for (std::size_t i = 0; i < ends.size(); ++i)
    sizes.push_back(i == 0 ? ends[0] : ends[i] - ends[i - 1]);
  std::vector<Symbol> parts;
  for (const ValueId part : builder_.emit_all("split", {x}, {{"sizes", sizes}, {"dim", axis}}))
    parts.push_back({part});
  return {std::move(parts)};
}

Symbol SymbolicNode::shaping(const std::string& name, const Call& call) {
  const std::string_view function =
      std::string_view(name).substr(name.starts_with("numpy.") ? 6 : 0);
  const auto axis = [&](std::size_t position, std::int64_t otherwise) {
    const Symbol* given = call.find(position, "axis");
    return absent(given) ? otherwise : integers(*given).at(0);
  };
  if (function == "size" && call.values.size() == 2) {
    const ValueId x = materialized(call.values[0]);
    return {builder_.shape(x)[static_cast<std::size_t>(axis_of(axis(1, 0), builder_.rank(x)))]};
  }
  if (function == "shape" && call.values.size() == 1) {
    std::vector<Symbol> items;
    for (const Dim& length : builder_.shape(materialized(call.values[0])))
      items.push_back({length});
    return {std::move(items)};
  }
  if (function == "split" && call.values.size() >= 2) return split(call);
  if (function == "concatenate" || function == "stack") {
    if (call.values[0].items() == nullptr) refuse("a tuple of arrays is needed");
    const std::vector<Symbol>& items = *call.values[0].items();
    if (items.empty()) refuse("there is nothing to join");
    DType dtype = joint_type(items[0], items[0]);
    for (const Symbol& item : items) dtype = std::max(dtype, joint_type(items[0], item));
    std::vector<ValueId> parts;
    for (const Symbol& item : items) parts.push_back(operand(item, dtype));
    return emit(function == "stack" ? "stack" : "cat", parts, {{"dim", axis(1, 0)}});
  }
  const ValueId x = materialized(call.values[0]);
  if (function == "reshape" && call.values.size() == 2) {
    Shape shape = lengths(call.values[1]);
    Dim known(1);
    for (const Dim& length : shape) known = length == Dim(-1) ? known : known * length;
    for (Dim& length : shape)
      length = length == Dim(-1) ? floor_divide(count_elements(builder_.shape(x)), known) : length;
    return emit("reshape", {x}, {{"shape", shape}});
  }
  if (function == "transpose") {
    std::vector<std::int64_t> order(builder_.shape(x).size());
    std::iota(order.rbegin(), order.rend(), 0);
    const Symbol* given = call.find(1, "axes");
    return emit("permute", {x}, {{"dims", absent(given) ? order : integers(*given)}});
  }
  if (function == "expand_dims" && call.values.size() == 2) {
    return emit("unsqueeze", {x}, {{"dim", axis(1, 0)}});
  }
  if (function == "squeeze") {
    const Symbol* given = call.find(1, "axis");
    return emit("squeeze", {x},
                {{"dim", absent(given) ? std::vector<std::int64_t>() : integers(*given)}});
  }
  if (function == "broadcast_to")
    return emit("expand", {x}, {{"shape", lengths(call.values.at(1))}});
  if (function == "flip" && call.values.size() == 2)
    return emit("flip", {x}, {{"dims", integers(call.values[1])}});
  if (function == "tile" && call.values.size() == 2)
    return emit("repeat", {x}, {{"repeats", integers(call.values[1])}});
  if (function == "cumsum" && call.values.size() == 2)
    return emit("cumsum", {x}, {{"dim", axis(1, 0)}});
  if (function == "tril" || function == "triu") {
    const Symbol* given = call.find(1, "k");
    return emit(function, {x}, {{"diagonal", absent(given) ? 0 : integers(*given).at(0)}});
  }
  if (function == "clip" && call.values.size() == 3) {
    const DType dtype = builder_.dtype(x);
    const Symbol least = emit("maximum", {x, operand(call.values[1], dtype)});
    return emit("minimum", {*least.value(), operand(call.values[2], dtype)});
  }
  refuse(fmt::format("the function {} is not read", quoted(name)));
}

}  // namespace isomer::mdf

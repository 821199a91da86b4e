#include "systems/mdf/symbolic.h"

#include <optional>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "systems/mdf/standard.h"

namespace isomer::mdf {
namespace {

using Kind = Expression::Kind;

[[noreturn]] void refuse(std::string what) { throw Error(Fault::unsupported, "", what); }

// "numpy.linalg.norm", or an empty text.
std::string path_of(const Expression& e) {
  if (e.kind == Kind::name) return e.text;
  if (e.kind != Kind::attribute) return "";
  const std::string before = path_of(e.operands[0]);
  return before.empty() ? "" : before + "." + e.text;
}

bool is_elementwise(const onnx::Operator& op) {
  const auto family = onnx::elementwise_rows();
  return op.row >= family.data() && op.row < family.data() + family.size();
}

}  // namespace

void SymbolicNode::set(const std::string& name, Symbol symbol) {
  for (auto& [known, old] : names_) {
    if (known == name) {
      old = std::move(symbol);
      return;
    }
  }
  names_.emplace_back(name, std::move(symbol));
}

const Symbol* SymbolicNode::find(std::string_view name) const {
  for (const auto& [known, symbol] : names_) {
    if (known != name) continue;
    if (symbol.unread) throw Unreadable();
    return &symbol;
  }
  return nullptr;
}

const Symbol* SymbolicNode::Call::find(std::size_t position, std::string_view keyword) const {
  std::size_t at = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (keywords[i] == keyword) return &values[i];
    if (keywords[i].empty() && at++ == position) return &values[i];
  }
  return nullptr;
}

void SymbolicNode::parameter(const std::string& name, const Parameter& parameter) {
  if (parameter.time_derivative) refuse("a time derivative has no meaning in a graph");
  if (!parameter.default_initial_value.is_null()) refuse("it keeps its value between runs");
  if (!parameter.conditions.empty()) refuse("it has conditions");
  if (!parameter.value.is_null()) {
    const Formula formula(parameter.value);
    if (const std::string* text = formula.text();
        text != nullptr && required_names(*text).contains(name)) {
      refuse("it keeps its value between runs");
    }
    set(name, evaluate(formula));
    return;
  }
  if (parameter.function.empty()) {
    set(name, {Value{}});
    return;
  }
  set(name, call_function(parameter.function, parameter.args.value_or(Elements<Tree>()),
                          parameter.function));
}

void SymbolicNode::function(const std::string& name, const Function& function) {
  set(name, call_function(function.function, function.args, function.value.value_or("")));
}

// Arguments hide the node's names.
Symbol SymbolicNode::call_function(const std::string& name, const Elements<Tree>& args,
                                   const std::string& otherwise) {
  SymbolicNode inner = *this;
  for (const auto& [arg, tree] : args) {
    const Formula formula(tree);
    const std::string* text = formula.text();
    const bool listing = text != nullptr && text->starts_with('[') && text->ends_with(']');
    if (listing) continue;
    inner.set(arg, with_place([&arg = arg] { return fmt::format("arg {}", quoted(arg)); },
                              [&] { return inner.evaluate(formula); }));
  }
  if (name.starts_with("onnx::")) {
    const onnx::Operator* op = onnx_function(name);
    if (op == nullptr) refuse(fmt::format("the function {} is not read", quoted(name)));
    return inner.call_onnx(*op);
  }
  const std::string formula = standard_formula(name);
  return inner.evaluate(Formula(formula.empty() ? otherwise : formula));
}

// A number is one axis wide for ONNX; beside something that has axes it needs none.
ValueId SymbolicNode::onnx_input(const onnx::Operator& op, const Symbol& symbol, bool beside_axes) {
  if (symbol.known() == nullptr) return materialized(symbol);
  const Value& value = *symbol.known();
  Tensor tensor = tensor_of(value);
  const bool plain = value.as<std::int64_t>() != nullptr || value.as<double>() != nullptr;
  if (plain && !(beside_axes && is_elementwise(op))) tensor = tensor.reshaped({1});
  return builder_.constant(tensor, is_floating(tensor.dtype()) ? DType::f32 : tensor.dtype());
}

Symbol SymbolicNode::call_onnx(const onnx::Operator& op) {
  Attributes attributes;
  bool axes = false;
  std::vector<std::pair<std::string, Symbol>> inputs;
  for (const auto& [name, unused] : names_) {
    const auto kind = attribute_kind(op, name);
    const bool taken = kind || op.variadic() || is_input(op, name);
    if (!taken || name.find("onnx_") != std::string::npos) continue;
    const Symbol& symbol = *find(name);
    if (kind) {
      if (symbol.known() == nullptr)
        refuse(fmt::format("the attribute {} is computed", quoted(name)));
      attributes.push_back({name, attribute_from(*symbol.known(), *kind)});
    } else {
      inputs.emplace_back(name, symbol);
      const ValueId* value = symbol.value();
      axes = axes || (value != nullptr && builder_.rank(*value) > 0);
    }
  }
  if (op.name() == "Constant" && !inputs.empty()) return inputs[0].second;
  std::vector<ValueId> operands;
  if (op.variadic()) {
    for (const auto& [name, symbol] : inputs) operands.push_back(onnx_input(op, symbol, axes));
  } else {
    for (const auto& formal : op.prototype.inputs) {
      for (const auto& [name, symbol] : inputs) {
        if (name == formal.name) operands.push_back(onnx_input(op, symbol, axes));
      }
    }
  }
  const std::vector<ValueId> results = onnx::read(builder_, op, operands, attributes);
  if (!gives_tuple(op)) return {results[0]};
  std::vector<Symbol> tuple;
  for (const ValueId id : results) tuple.push_back({id});
  return {std::move(tuple)};
}

// --- values
// ------------------------------------------------------------------------------------------

ValueId SymbolicNode::materialized(const Symbol& symbol) {
  if (const ValueId* value = symbol.value()) return *value;
  if (const Dim* length = symbol.length()) return builder_.emit("length", {}, {{"value", *length}});
  if (symbol.items() != nullptr) refuse("a tuple is no value of a graph");
  Tensor tensor = tensor_of(*symbol.known());
  return builder_.constant(tensor, is_floating(tensor.dtype()) ? DType::f32 : tensor.dtype());
}

ValueId SymbolicNode::operand(const Symbol& symbol, DType dtype) {
  if (symbol.known() != nullptr) return builder_.constant(tensor_of(*symbol.known()), dtype);
  const ValueId id = materialized(symbol);
  return builder_.dtype(id) == dtype ? id : builder_.emit("cast", {id}, {{"dtype", dtype}});
}

// As NumPy joins them, except that a float of the graph stays as wide as it is.
DType SymbolicNode::joint_type(const Symbol& x, const Symbol& y) const {
  const auto type_of = [&](const Symbol& symbol) {
    if (const ValueId* value = symbol.value()) return builder_.dtype(*value);
    if (symbol.known() == nullptr) return DType::i64;
    const DType dtype = tensor_of(*symbol.known()).dtype();
    return is_floating(dtype) ? DType::f32 : dtype;
  };
  const DType a = type_of(x);
  const DType b = type_of(y);
  if (is_floating(a) != is_floating(b)) return is_floating(a) ? a : b;
  return promoted(a, b);
}

Shape SymbolicNode::lengths(const Symbol& symbol) const {
  const auto length_of = [](const Symbol& item) -> Dim {
    if (const Dim* length = item.length()) return *length;
    if (item.known() == nullptr) refuse("a shape is computed from values");
    return Dim(integer_of(*item.known()));
  };
  Shape shape;
  if (symbol.items() != nullptr) {
    for (const Symbol& item : *symbol.items()) shape.push_back(length_of(item));
    return shape;
  }
  if (symbol.known() == nullptr || is_number(*symbol.known())) return {length_of(symbol)};
  for (const std::int64_t length : tensor_of(*symbol.known()).integers())
    shape.emplace_back(length);
  return shape;
}

std::vector<std::int64_t> SymbolicNode::integers(const Symbol& symbol) const {
  const auto known = known_shape(lengths(symbol));
  if (!known) refuse("numbers that must be known are lengths that are not");
  return *known;
}

// --- expressions
// ---------------------------------------------------------------------------------------

Symbol SymbolicNode::evaluate(const Formula& formula) {
  const std::string* text = formula.text();
  if (text == nullptr) return {formula.value()};
  if (const Symbol* symbol = find(*text)) return *symbol;
  if (formula.expression() == nullptr) return {formula.evaluate({}, Width::as_written)};
  return with_place([&] { return quoted(*text); }, [&] { return evaluate(*formula.expression()); });
}

Symbol SymbolicNode::evaluate(const Expression& e) {
  std::set<std::string> used;
  collect_names(e, used);
  Table known;
  bool all_known = true;
  for (const std::string& name : used) {
    const Symbol* symbol = find(name);
    if (symbol == nullptr) continue;
    all_known = all_known && symbol->known() != nullptr;
    if (symbol->known() != nullptr) known.set(name, *symbol->known());
  }
  if (all_known && e.kind != Kind::tuple && e.kind != Kind::list)
    return {mdf::evaluate(e, known, Width::as_written)};

  switch (e.kind) {
    case Kind::name: return *find(e.text);
    case Kind::unary: return unary(e);
    case Kind::binary: return binary(e.text, evaluate(e.operands[0]), evaluate(e.operands[1]));
    case Kind::compare:
      if (e.words.size() > 1) refuse("a chain of comparisons of arrays has no meaning");
      return binary(e.words[0], evaluate(e.operands[0]), evaluate(e.operands[1]));
    case Kind::tuple:
    case Kind::list: {
      std::vector<Symbol> items;
      for (const Expression& operand : e.operands) items.push_back(evaluate(operand));
      return {std::move(items)};
    }
    case Kind::attribute: return attribute(e);
    case Kind::subscript: return subscript(e);
    case Kind::call: return call(e);
    default: break;
  }
  refuse(fmt::format("{} depends on values and is not read", quoted(to_text(e))));
}

Symbol SymbolicNode::unary(const Expression& e) {
  const Symbol x = evaluate(e.operands[0]);
  if (e.text == "+") return x;
  if (e.text == "-") {
    if (x.length() != nullptr) return {Dim(0) - *x.length()};
    return emit("neg", {materialized(x)});
  }
  const ValueId id = materialized(x);
  if (e.text == "~" && builder_.dtype(id) == DType::boolean) return emit("logical_not", {id});
  refuse(fmt::format("'{}' of an array is not read", e.text));
}

namespace {

struct Sign {
  std::string_view sign;
  std::string_view op;
  std::string_view truths = {};  // for truth values
};
constexpr Sign signs[] = {{"+", "add", "logical_or"},
                          {"-", "sub"},
                          {"*", "mul", "logical_and"},
                          {"/", "div"},
                          {"//", "floor_divide"},
                          {"%", "remainder"},
                          {"**", "pow"},
                          {"<", "lt"},
                          {"<=", "le"},
                          {">", "gt"},
                          {">=", "ge"},
                          {"==", "eq"},
                          {"!=", "ne"},
                          {"&", "", "logical_and"},
                          {"|", "", "logical_or"},
                          {"^", "", "logical_xor"}};

// Between two lengths, which stay lengths; nothing where one is none.
std::optional<Dim> of_lengths(std::string_view sign, const Symbol& x, const Symbol& y) {
  const auto length = [](const Symbol& symbol) -> std::optional<Dim> {
    if (symbol.length() != nullptr) return *symbol.length();
    if (symbol.known() != nullptr && symbol.known()->as<std::int64_t>() != nullptr)
      return Dim(integer_of(*symbol.known()));
    return std::nullopt;
  };
  const auto a = length(x), b = length(y);
  if (!a || !b) return std::nullopt;
  if (sign == "+") return *a + *b;
  if (sign == "-") return *a - *b;
  if (sign == "*") return *a * *b;
  if (sign == "//") return floor_divide(*a, *b);
  if (sign == "%") return remainder(*a, *b);
  return std::nullopt;
}

}  // namespace

Symbol SymbolicNode::binary(std::string_view sign, const Symbol& x, const Symbol& y) {
  if (const auto length = of_lengths(sign, x, y)) return {*length};
  if (sign == "@") return call_onnx_named("MatMul", {materialized(x), materialized(y)});
  DType dtype = joint_type(x, y);
  for (const Sign& row : signs) {
    if (row.sign != sign) continue;
    if (dtype == DType::boolean && !row.truths.empty()) {
      return emit(row.truths, {operand(x, dtype), operand(y, dtype)});
    }
    if (row.op.empty()) break;
    if (row.op == "div" && !is_floating(dtype)) dtype = DType::f32;
    return emit(row.op, {operand(x, dtype), operand(y, dtype)});
  }
  refuse(fmt::format("'{}' between values of a graph is not read", sign));
}

Symbol SymbolicNode::call_onnx_named(std::string_view name, std::vector<ValueId> inputs) {
  return {onnx::read(builder_, *onnx::find(name, onnx_opset), inputs, {})[0]};
}

Symbol SymbolicNode::attribute(const Expression& e) {
  const ValueId id = materialized(evaluate(e.operands[0]));
  if (e.text == "T") return call_onnx_named("Transpose", {id});
  if (e.text == "shape") {
    std::vector<Symbol> items;
    for (const Dim& length : builder_.shape(id)) items.push_back({length});
    return {std::move(items)};
  }
  refuse(fmt::format("the attribute '{}' of a value is not read", e.text));
}

Symbol SymbolicNode::subscript(const Expression& e) {
  const Symbol object = evaluate(e.operands[0]);
  const Expression& place = e.operands[1];
  if (object.items() != nullptr && place.kind == Kind::constant) {
    const std::int64_t raw = integer_of(place.value);
    const auto count = static_cast<std::int64_t>(object.items()->size());
    if (raw < -count || raw >= count)
      refuse(fmt::format("there is no item {} among {}", raw, count));
    return (*object.items())[static_cast<std::size_t>(raw < 0 ? raw + count : raw)];
  }
  const ValueId id = materialized(object);
  if (place.kind == Kind::constant) {
    return emit("select", {id},
                {{"dim", std::int64_t{0}}, {"index", Dim(integer_of(place.value))}});
  }
  refuse("an index other than one number is not read");
}

Symbol SymbolicNode::call(const Expression& e) {
  Call arguments;
  arguments.keywords = e.words;
  std::string name = path_of(e.operands[0]);
  if (find(name.substr(0, name.find('.'))) != nullptr) {  // a method: x.mean(axis=0)
    arguments.values.push_back(evaluate(e.operands[0].operands[0]));
    arguments.keywords.insert(arguments.keywords.begin(), "");
    name = "numpy." + e.operands[0].text;
  }
  for (std::size_t i = 1; i < e.operands.size(); ++i)
    arguments.values.push_back(evaluate(e.operands[i]));
  if (arguments.values.empty()) refuse(fmt::format("the function {} is not read", quoted(name)));
  return numpy(name, arguments);
}

}  // namespace isomer::mdf

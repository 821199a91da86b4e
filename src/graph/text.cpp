#include "graph/text.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <cmath>
#include <unordered_map>

#include "base/error.h"
#include "base/names.h"
#include "base/text.h"

namespace isomer {
namespace {

/// A NaN of those bits; `usual` are those of the quiet one.
template <class Bits>
std::string nan_text(Bits bits, Bits usual) {
  constexpr Bits sign = Bits{1} << (sizeof(Bits) * 8 - 1);
  if (bits == usual) return "nan";
  if (bits == (usual | sign)) return "-nan";  // what x86 computes
  return fmt::format("nan({:x})", bits);
}

std::string nan_text(float value) {
  return nan_text(std::bit_cast<std::uint32_t>(value), 0x7fc00000U);
}
std::string nan_text(double value) {
  return nan_text(std::bit_cast<std::uint64_t>(value), std::uint64_t{0x7ff8000000000000U});
}
std::string nan_text(Half value) { return nan_text(value.bits, std::uint16_t{0x7e00}); }
std::string nan_text(BFloat16 value) { return nan_text(value.bits, std::uint16_t{0x7fc0}); }

std::string number_text(bool value) { return value ? "true" : "false"; }
std::string number_text(std::int64_t value) { return fmt::format("{}", value); }
template <class Real>
requires std::is_floating_point_v<Real> std::string number_text(Real value) {
  return value == value ? real_text(value) : nan_text(value);
}

/// The shortest decimal that rounds to the same 16 bits: "0.1", not "0.099975586".
template <class Narrow, class Round>
std::string narrow_text(Narrow value, Round round) {
  const float exact = to_float(value);
  if (std::isnan(exact)) return nan_text(value);
  for (int digits = 1; digits < 9; ++digits) {
    const std::string text = fmt::format("{:.{}e}", exact, digits - 1);
    float shorter = exact;
    std::from_chars(text.data(), text.data() + text.size(), shorter);
    if (round(shorter).bits == value.bits) return number_text(shorter);
  }
  return number_text(exact);
}
std::string number_text(Half value) { return narrow_text(value, to_half); }
std::string number_text(BFloat16 value) { return narrow_text(value, to_bfloat16); }
template <class Real>
std::string number_text(std::complex<Real> value) {
  return fmt::format("({}, {})", number_text(value.real()), number_text(value.imag()));
}

template <class T>
std::vector<std::string> number_texts(const Tensor& tensor) {
  std::vector<std::string> texts;
  for (const T value : tensor.view().as<T>()) {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      texts.push_back(number_text(static_cast<std::int64_t>(value)));
    } else {
      texts.push_back(number_text(value));
    }
  }
  return texts;
}

std::vector<std::string> number_texts(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::boolean: return number_texts<bool>(tensor);
    case DType::i8: return number_texts<std::int8_t>(tensor);
    case DType::u8: return number_texts<std::uint8_t>(tensor);
    case DType::i16: return number_texts<std::int16_t>(tensor);
    case DType::i32: return number_texts<std::int32_t>(tensor);
    case DType::i64: return number_texts<std::int64_t>(tensor);
    case DType::f16: return number_texts<Half>(tensor);
    case DType::bf16: return number_texts<BFloat16>(tensor);
    case DType::f32: return number_texts<float>(tensor);
    case DType::f64: return number_texts<double>(tensor);
    case DType::c64: return number_texts<std::complex<float>>(tensor);
    case DType::c128: return number_texts<std::complex<double>>(tensor);
  }
  return {};
}

void nest(std::string& text, std::span<const std::int64_t> shape,
          std::span<const std::string> elements) {
  if (shape.empty()) {
    text += elements[0];
    return;
  }
  text += '[';
  const std::size_t step = elements.size() / static_cast<std::size_t>(shape[0]);
  for (std::size_t at = 0; at < elements.size(); at += step) {
    if (at != 0) text += ", ";
    nest(text, shape.subspan(1), elements.subspan(at, step));
  }
  text += ']';
}

bool only(std::string_view text, std::string_view more) {
  return !text.empty() && std::ranges::all_of(text, [&](unsigned char c) {
    return (c < 128 && std::isalnum(c) != 0) ||
           more.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

LiteralKind kind_of(DType dtype) {
  if (dtype == DType::boolean) return LiteralKind::boolean;
  return is_integer(dtype) ? LiteralKind::integer : LiteralKind::real;
}

/// Whether the structure is what a graph with so many results has that says nothing about it: one
/// leaf, or a flat tuple.
bool is_flat_result(const Structure& results, std::size_t count) {
  if (count == 1) return results == Structure{};
  return results.kind == Structure::Kind::tuple && results.type.empty() &&
         results.children.size() == count &&
         std::ranges::all_of(results.children,
                             [](const Structure& child) { return child == Structure{}; });
}

class Printer {
 public:
  Printer(const Graph& graph, const DataText& data_text, std::string indent)
      : graph_(graph),
        data_text_(data_text),
        indent_(std::move(indent)),
        names_({"none", "true", "false", "nan", "inf", "bool", "i8", "u8", "i16", "i32", "i64",
                "f16", "bf16", "f32", "f64", "c64", "c128"}) {}

  std::string print() {
    name_values();
    text_ += fmt::format("{}graph {}\n", indent_, title());
    signature();
    for (const LengthRange& range : graph_.signature.lengths) length(range);
    for (const auto& [path, name] : graph_.classes) {
      text_ += fmt::format("{}  module {}\n", indent_, module_text(path, name));
    }
    lines();
    return std::move(text_);
  }

  /// What is inside a node. Its lengths are the outer graph's.
  std::string print_body() {
    name_values();
    text_ += fmt::format("{}{} {{\n", indent_, title());
    lines();
    text_ += fmt::format("{}}}\n", indent_);
    return std::move(text_);
  }

 private:
  void lines() {
    for (const Constant& constant : graph_.constants) line(constant);
    for (const State& state : graph_.states) line(state);
    for (const Node& node : graph_.nodes) line(node);
  }

  void name_values() {
    // Literals that something uses are written there; one that nothing uses still has its line.
    std::vector<ValueId> used = graph_.outputs;
    for (const State& state : graph_.states) used.push_back(state.next);
    for (const Node& node : graph_.nodes)
      used.insert(used.end(), node.inputs.begin(), node.inputs.end());
    std::ranges::sort(used);
    for (const Constant& constant : graph_.constants) {
      if (is_literal(constant) && std::ranges::binary_search(used, constant.value)) {
        literals_.emplace(constant.value, &constant);
      }
    }
    for (const ValueId id : graph_.inputs) take(id);
    for (const Constant& constant : graph_.constants) take(constant.value);
    for (const State& state : graph_.states) take(state.now);
    for (const Node& node : graph_.nodes) {
      for (const ValueId id : node.outputs) take(id);
    }
  }

  void take(ValueId id) {
    if (!literals_.contains(id)) texts_.try_emplace(id, names_.take(graph_[id].name));
  }

  std::string name(ValueId id) const {
    const auto found = texts_.find(id);
    return found == texts_.end() ? "?" : found->second;  // a graph that is not valid prints, too
  }

  /// As what its author wrote is read: with all digits where that is what the type holds.
  static std::string number(const Constant& literal) {
    const bool real = is_floating(literal.data.dtype());
    const double number = real ? number_of(literal) : 0;
    return real && std::isfinite(number) ? number_text(number) : elements_text(literal.data);
  }

  static std::string typed_literal(const Constant& literal) {
    return fmt::format("{}({})", name_of(literal.data.dtype()), number(literal));
  }

  /// A value where no operand beside it says which dtype a literal has.
  std::string alone(ValueId id) const {
    if (id == ValueId::none) return "none";
    const auto literal = literals_.find(id);
    return literal == literals_.end() ? name(id) : typed_literal(*literal->second);
  }

  std::string operand(ValueId id, std::span<const DType> beside) const {
    const auto literal = literals_.find(id);
    if (literal == literals_.end()) return alone(id);
    const DType dtype = literal->second->data.dtype();
    if (is_complex(dtype) || bare_literal(kind_of(dtype), beside) != dtype) {
      return typed_literal(*literal->second);
    }
    return number(*literal->second);
  }

  /// "mlp(x: f32[2]) -> (y)"
  std::string title() const {
    std::vector<std::string> inputs;
    for (const ValueId id : graph_.inputs) {
      inputs.push_back(fmt::format("{}: {}", name(id), isomer::to_text(graph_[id].type)));
    }
    std::vector<std::string> outputs;
    for (const ValueId id : graph_.outputs) outputs.push_back(alone(id));
    const std::string name_text = identifier(graph_.name) == graph_.name && !graph_.name.empty()
                                      ? graph_.name
                                      : quoted_with(graph_.name, '"');
    return fmt::format("{}({}) -> ({})", name_text, fmt::join(inputs, ", "),
                       fmt::join(outputs, ", "));
  }

  /// How callers see it, where that is more than a flat list in and a value or a flat tuple out.
  void signature() {
    const Signature& seen = graph_.signature;
    const std::size_t leaves = count_leaves(seen.arguments) + count_leaves(seen.keywords);
    if (leaves != graph_.inputs.size() || count_leaves(seen.results) != graph_.outputs.size())
      return;
    if (flat_arguments() && is_flat_result(seen.results, graph_.outputs.size())) return;
    text_ += fmt::format("{}  called {}\n", indent_, isomer::to_text(seen));
  }

  bool flat_arguments() const {
    const Signature& seen = graph_.signature;
    if (seen.keywords != Structure{Structure::Kind::dict, {}, {}}) return false;
    if (seen.arguments.kind != Structure::Kind::tuple) return false;
    if (seen.arguments.children.size() != graph_.inputs.size()) return false;
    for (std::size_t i = 0; i < seen.arguments.keys.size(); ++i) {
      if (seen.arguments.keys[i] != name(graph_.inputs[i])) return false;
    }
    return std::ranges::all_of(seen.arguments.children,
                               [](const Structure& child) { return child == Structure{}; });
  }

  void length(const LengthRange& range) {
    text_ += fmt::format("{}  length {}\n", indent_, isomer::to_text(range));
  }

  std::string declared(std::string_view word, ValueId id, const Tensor& data,
                       const std::vector<std::string>& names) const {
    std::string text = fmt::format("{}  {} {}: {}", indent_, word, name(id),
                                   isomer::to_text(data.dtype(), data.shape()));
    for (const std::string& one : names) text += " " + quoted_with(one, '"');
    if (const std::string elements = data_text_(data, name(id), names); !elements.empty()) {
      text += " = " + elements;
    }
    return text;
  }

  void line(const Constant& constant) {
    if (literals_.contains(constant.value)) return;
    const std::string_view word = constant.trainable ? "weight" : "buffer";
    text_ += declared(word, constant.value, constant.data, constant.names) + "\n";
  }

  void line(const State& state) {
    text_ += declared("state", state.now, state.initial, state.names) + " -> " + alone(state.next) +
             "\n";
  }

  void line(const Node& node) {
    std::vector<std::string> outputs;
    for (const ValueId id : node.outputs) outputs.push_back(name(id));
    std::vector<DType> beside;
    for (const ValueId id : node.inputs) {
      if (id != ValueId::none && !literals_.contains(id)) beside.push_back(graph_[id].type.dtype);
    }
    std::vector<std::string> arguments;
    for (const ValueId id : node.inputs) arguments.push_back(operand(id, beside));
    for (const NamedAttribute& attribute : node.attributes) {
      arguments.push_back(fmt::format("{}={}", attribute.name, isomer::to_text(attribute.value)));
    }
    text_ += fmt::format("{}  {} = {}({})", indent_,
                         outputs.empty() ? "()" : fmt::format("{}", fmt::join(outputs, ", ")),
                         node.op, fmt::join(arguments, ", "));
    text_ += origin_text(node.scope, node.place) + "\n";
    for (const Body& body : node.bodies)
      text_ += Printer(*body, data_text_, indent_ + "    ").print_body();
  }

  const Graph& graph_;
  const DataText& data_text_;
  std::string indent_;
  Names names_;
  std::unordered_map<ValueId, const Constant*> literals_;
  std::unordered_map<ValueId, std::string> texts_;
  std::string text_;
};

}  // namespace

std::string quoted_with(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      result += '\\';
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (code < 0x20 || code == 0x7f) {
      result += fmt::format("\\x{:02x}", code);
    } else {
      result += c;
    }
  }
  return result + quote;
}

std::string word_or_quoted(std::string_view text, std::string_view more) {
  return only(text, more) ? std::string(text) : quoted_with(text, '"');
}

std::string exact_text(double value) { return number_text(value); }

std::string elements_text(const Tensor& tensor) {
  const std::vector<std::string> elements = number_texts(tensor);
  if (elements.empty()) return "[]";
  std::string text;
  nest(text, tensor.shape(), elements);
  return text;
}

std::optional<DType> bare_literal(LiteralKind kind, std::span<const DType> operands) {
  if (kind == LiteralKind::boolean) return DType::boolean;
  if (kind == LiteralKind::integer) {
    const auto integer = std::ranges::find_if(operands, is_integer);
    if (integer != operands.end()) return *integer;
  }
  const auto floating = std::ranges::find_if(operands, is_floating);
  if (floating != operands.end()) return *floating;
  return std::nullopt;
}

std::string to_text(const LengthRange& range) {
  return fmt::format("{}{}: {}..{}", range.name,
                     range.input ? fmt::format(" = input {}", *range.input) : "", range.least,
                     range.most ? fmt::format("{}", *range.most) : "");
}

std::string module_text(std::string_view path, std::string_view name) {
  return fmt::format("{}: {}", word_or_quoted(path, "_."), word_or_quoted(name, "_"));
}

std::string origin_text(const std::string& scope, const Place& place) {
  std::string text;
  const bool placed = !place.file.empty();
  if (!scope.empty() || placed) text += " ";
  if (!scope.empty()) text += " @" + word_or_quoted(scope, "_.");
  if (placed) text += fmt::format(" {}:{}", word_or_quoted(place.file, "_./-"), place.line);
  return text;
}

std::string to_text(const Signature& signature) {
  return fmt::format("{} {} -> {}", to_text(signature.arguments), to_text(signature.keywords),
                     to_text(signature.results));
}

std::string to_text(const Structure& structure) {
  using Kind = Structure::Kind;
  const std::string type = structure.type.empty() ? "" : quoted_with(structure.type, '"');
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < structure.children.size(); ++i) {
    std::string part = to_text(structure.children[i]);
    if (i < structure.keys.size()) {
      const bool dict = structure.kind == Kind::dict;
      part = quoted_with(structure.keys[i], '\'') + (dict ? ": " : "=") + part;
    }
    parts.push_back(std::move(part));
  }
  switch (structure.kind) {
    case Kind::leaf: return (type.empty() ? "*" : type) + (structure.written ? " written" : "");
    case Kind::none: return "none";
    case Kind::tuple: return fmt::format("{}({})", type, fmt::join(parts, ", "));
    case Kind::list: return fmt::format("{}[{}]", type, fmt::join(parts, ", "));
    case Kind::dict: return fmt::format("{}{{{}}}", type, fmt::join(parts, ", "));
  }
  return "";
}

std::size_t count_leaves(const Structure& structure) {
  if (structure.kind == Structure::Kind::leaf) return 1;
  std::size_t count = 0;
  for (const Structure& child : structure.children) count += count_leaves(child);
  return count;
}

std::string to_text(const Graph& graph, const DataText& data_text) {
  return "isomer 1\n" + Printer(graph, data_text, "").print();
}

std::string to_text(const Graph& graph, Data data) {
  return to_text(graph,
                 [data](const Tensor& tensor, std::string_view, const std::vector<std::string>&) {
                   return data == Data::all ? elements_text(tensor) : std::string();
                 });
}

}  // namespace isomer

#include "systems/pt2/types.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

#include "base/error.h"
#include "base/text.h"
#include "systems/pt2/fields.h"

namespace isomer::pt2 {
namespace {

struct Word {
  std::int64_t number;
  std::string_view torch;
  std::optional<DType> ours;
};

constexpr std::array words = {
    Word{1, "uint8", DType::u8},
    Word{2, "int8", DType::i8},
    Word{3, "int16", DType::i16},
    Word{4, "int32", DType::i32},
    Word{5, "int64", DType::i64},
    Word{6, "float16", DType::f16},
    Word{7, "float32", DType::f32},
    Word{8, "float64", DType::f64},
    Word{9, "complex32", std::nullopt},
    Word{10, "complex64", DType::c64},
    Word{11, "complex128", DType::c128},
    Word{12, "bool", DType::boolean},
    Word{13, "bfloat16", DType::bf16},
    Word{28, "uint16", std::nullopt},
    Word{29, "float8_e4m3fn", std::nullopt},
    Word{30, "float8_e5m2", std::nullopt},
    Word{31, "float8_e4m3fnuz", std::nullopt},
    Word{32, "float8_e5m2fnuz", std::nullopt},
    Word{33, "float8_e8m0fnu", std::nullopt},
    Word{34, "uint32", std::nullopt},
    Word{35, "uint64", std::nullopt},
};

/// A quotient while an expression is being read: SymPy writes halves as products with Rational(1,
/// 2).
struct Ratio {
  Dim above = 1;
  Dim below = 1;
};

Dim whole(const Ratio& ratio) { return floor_divide(ratio.above, ratio.below); }

/// Reads `Name(argument, ..., key=True)` with numbers, quoted names and further calls as arguments.
class ExpressionReader {
 public:
  explicit ExpressionReader(std::string_view text) : text_(text), rest_(text) {}

  Dim read() {
    const Dim dim = whole(read_call(0));
    if (!trimmed(rest_).empty()) broken();
    return dim;
  }

 private:
  using Ratios = std::vector<Ratio>;

  Ratio read_call(int depth) {
    constexpr int deepest = 64;
    if (depth == deepest)
      throw Error(Fault::file, "",
                  fmt::format("the length {} is nested too deeply", quoted(text_)));
    const std::string_view name = read_word();
    demand('(');
    if (name == "Symbol") return {Dim::symbol(read_symbol()), 1};
    if (name == "Integer") {
      const std::int64_t number = read_integer();
      demand(')');
      return {number, 1};
    }
    if (name == "Rational") {
      const std::int64_t above = read_integer();
      demand(',');
      const std::int64_t below = read_integer();
      demand(')');
      if (below <= 0) broken();
      return {above, below};
    }
    Ratios arguments;
    while (!accept(')')) {
      if (!arguments.empty()) demand(',');
      arguments.push_back(read_call(depth + 1));
    }
    return apply(name, arguments);
  }

  Ratio apply(std::string_view name, const Ratios& arguments) const {
    if (name == "Mul") return multiply(arguments);
    if (name == "Add") return add(arguments);
    if (name == "Max") return {fold(arguments, larger), 1};
    if (name == "Min") return {fold(arguments, smaller), 1};
    if (name == "Pow" || name == "PowByNatural") return power(arguments);
    if (name == "ModularIndexing") {
      need(arguments, 3);
      return {
          remainder(floor_divide(whole(arguments[0]), whole(arguments[1])), whole(arguments[2])),
          1};
    }
    if (name == "Identity" || name == "FloorToInt" || name == "TruncToInt") {
      need(arguments, 1);
      return arguments[0];
    }
    need(arguments, 2, name);
    const Dim a = whole(arguments[0]);
    const Dim b = whole(arguments[1]);
    if (name == "FloorDiv" || name == "CleanDiv") return {floor_divide(a, b), 1};
    if (name == "CeilDiv") return {floor_divide(a + b - 1, b), 1};
    if (name == "Mod" || name == "PythonMod") return {remainder(a, b), 1};
    unknown(name);
  }

  static Ratio multiply(const Ratios& arguments) {
    Ratio product;
    for (const Ratio& one : arguments) {
      product.above = product.above * one.above;
      product.below = product.below * one.below;
    }
    return product;
  }

  static Ratio add(const Ratios& arguments) {
    Ratio sum{0, 1};
    for (const Ratio& one : arguments) {
      if (one.below == sum.below) {
        sum.above = sum.above + one.above;
      } else {
        sum = {sum.above * one.below + one.above * sum.below, sum.below * one.below};
      }
    }
    return sum;
  }

  Ratio power(const Ratios& arguments) const {
    constexpr std::int64_t largest = 16;
    need(arguments, 2);
    const Dim exponent = whole(arguments[1]);
    if (!exponent.known() || exponent.value() < -1 || exponent.value() > largest) unknown("Pow");
    if (exponent.value() == -1) return {arguments[0].below, arguments[0].above};
    return multiply(Ratios(static_cast<std::size_t>(exponent.value()), arguments[0]));
  }

  template <class Function>
  Dim fold(const Ratios& arguments, Function function) const {
    if (arguments.empty()) broken();
    Dim result = whole(arguments[0]);
    for (const Ratio& one : arguments) result = function(result, whole(one));
    return result;
  }

  void need(const Ratios& arguments, std::size_t count) const {
    if (arguments.size() != count) broken();
  }
  void need(const Ratios& arguments, std::size_t count, std::string_view name) const {
    if (arguments.size() != count) unknown(name);
  }

  /// The name and, to be skipped, its assumptions: `'s0', positive=True, integer=True)`.
  std::string read_symbol() {
    demand('\'');
    const std::size_t end = rest_.find('\'');
    if (end == std::string_view::npos) broken();
    std::string name(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    while (!accept(')')) {
      demand(',');
      read_word();
      demand('=');
      read_word();
    }
    return name;
  }

  std::int64_t read_integer() {
    skip_blanks();
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc()) broken();
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return number;
  }

  std::string_view read_word() {
    skip_blanks();
    const auto in_word = [](char c) {
      return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    };
    const auto end = std::ranges::find_if_not(rest_, in_word);
    const std::string_view word = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    if (word.empty()) broken();
    rest_.remove_prefix(word.size());
    return word;
  }

  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size())); }
  bool accept(char wanted) {
    skip_blanks();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void demand(char wanted) {
    if (!accept(wanted)) broken();
  }

  [[noreturn]] void broken() const {
    throw Error(Fault::file, "",
                fmt::format("the length {} is not written as SymPy does", quoted(text_)));
  }
  [[noreturn]] void unknown(std::string_view name) const {
    throw Error(
        Fault::unsupported, "",
        fmt::format("the length {} uses {}, which lengths cannot hold", quoted(text_), name));
  }

  std::string_view text_;
  std::string_view rest_;
};

}  // namespace

DType dtype_of_export(std::int64_t number) {
  const auto word = std::ranges::find(words, number, &Word::number);
  if (word == words.end())
    throw Error(Fault::file, "", fmt::format("there is no type of number {}", number));
  if (!word->ours)
    throw Error(Fault::unsupported, "",
                fmt::format("elements are {}, with which we do not compute", word->torch));
  return *word->ours;
}

void check_layout(std::int64_t number) {
  constexpr std::int64_t strided = 7;
  if (number != strided)
    throw Error(Fault::unsupported, "", "is sparse or packed; we read strided tensors");
}

Dim parse_expression(std::string_view text) { return ExpressionReader(text).read(); }

Dim parse_sym_int(const Tree& tree) {
  const auto [tag, content] = as_tagged(tree);
  if (tag == "as_int") return as_integer(content);
  if (tag == "as_expr") return parse_expression(text_field(content, "expr_str"));
  throw Error(Fault::file, "", fmt::format("a length has the unknown tag {}", quoted(tag)));
}

}  // namespace isomer::pt2

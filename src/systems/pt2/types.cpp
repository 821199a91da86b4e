#include "systems/pt2/types.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "graph/cursor.h"
#include "systems/pt2/fields.h"
#include "vocabularies/aten/aten.h"

namespace isomer::pt2 {
namespace {

/// The numbers of PyTorch's types, those that we do not have among them.
constexpr std::pair<std::int64_t, std::string_view> dtypes[] = {
    {1, "uint8"},
    {2, "int8"},
    {3, "int16"},
    {4, "int32"},
    {5, "int64"},
    {6, "float16"},
    {7, "float32"},
    {8, "float64"},
    {9, "complex32"},
    {10, "complex64"},
    {11, "complex128"},
    {12, "bool"},
    {13, "bfloat16"},
    {28, "uint16"},
    {29, "float8_e4m3fn"},
    {30, "float8_e5m2"},
    {31, "float8_e4m3fnuz"},
    {32, "float8_e5m2fnuz"},
    {33, "float8_e8m0fnu"},
    {34, "uint32"},
    {35, "uint64"},
};

/// A quotient while an expression is being read: SymPy writes halves as products with Rational(1,
/// 2), and what Python multiplies by 0.5 as products with a Float.
struct Ratio {
  Dim above = 1;
  Dim below = 1;
};

Dim whole(const Ratio& ratio) { return floor_divide(ratio.above, ratio.below); }

/// A float of Python's whose products with lengths are not rounded: a quotient by a power of two.
Ratio ratio_of(double value) {
  constexpr double most = 1 << 20;
  double below = 1;
  while (below < most && value * below != std::floor(value * below)) below *= 2;
  if (value * below == std::floor(value * below) && std::abs(value * below) < 0x1p31)
    return {static_cast<std::int64_t>(value * below), static_cast<std::int64_t>(below)};
  throw Error(Fault::unsupported, "",
              fmt::format("multiplies a length by {}, which Python rounds at some lengths; give "
                          "a size, or a factor such as 0.5 or 1.25",
                          value));
}

/// Reads `Name(argument, ..., key=True)` with numbers, quoted names and further calls as arguments.
class ExpressionReader {
 public:
  explicit ExpressionReader(std::string_view text) : cursor_(text) {}

  Dim read() {
    const Dim dim = whole(read_call(0));
    if (!cursor_.at_end()) cursor_.fail("a length should end here");
    return dim;
  }

 private:
  using Ratios = std::vector<Ratio>;

  Ratio read_call(int depth) {
    constexpr int deepest = 64;
    if (depth == deepest) cursor_.fail("is nested too deeply");
    const std::string_view name = cursor_.name("a function of SymPy's");
    if (name == "Symbol") return {read_symbol(), 1};
    if (name == "Integer" || name == "Rational") return read_number(name == "Integer" ? 1 : 2);
    if (name == "Float") return read_float();
    Ratios arguments;
    read_list(cursor_, "(", ")", [&] { arguments.push_back(read_call(depth + 1)); });
    return apply(name, arguments);
  }

  /// A text and, to be skipped, what is said of it, each with a name and a value.
  template <class Value>
  std::string read_text(std::string_view kind, const Value& value) {
    std::string text;
    read_list(cursor_, "(", ")", [&] {
      if (text.empty()) {
        text = cursor_.quoted_text();
        return;
      }
      cursor_.name(kind);
      cursor_.demand("=");
      value();
    });
    return text;
  }

  /// The name with its assumptions: `('s0', positive=True, integer=True)`.
  Dim read_symbol() {
    return Dim::symbol(read_text("an assumption", [&] { cursor_.name("whether it holds"); }));
  }

  /// Of one integer, or of a quotient's two.
  Ratio read_number(std::size_t count) {
    std::vector<std::int64_t> parts;
    read_list(cursor_, "(", ")", [&] { parts.push_back(cursor_.integer()); });
    const bool whole = parts.size() == 1;
    if (parts.size() != count || (!whole && parts[1] <= 0)) cursor_.fail("no number ends here");
    return {parts[0], whole ? 1 : parts[1]};
  }

  /// Of its digits with their number: `('0.5', precision=53)`.
  Ratio read_float() {
    const std::string digits = read_text("a setting", [&] { cursor_.integer(); });
    double value = 0;
    const char* const end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end) cursor_.fail("no number ends here");
    return ratio_of(value);
  }

  static Ratio apply(std::string_view name, const Ratios& arguments) {
    if (name == "Mul") return multiply(arguments);
    if (name == "Add") return add(arguments);
    if (arguments.size() == 1) return apply_to_one(name, arguments[0]);
    std::vector<Dim> dims;
    for (const Ratio& argument : arguments) dims.push_back(whole(argument));
    if (name == "Max" && !dims.empty()) return {largest(dims), 1};
    if (name == "Min" && !dims.empty()) return {smallest(dims), 1};
    if (name == "ModularIndexing" && dims.size() == 3)
      return {remainder(floor_divide(dims[0], dims[1]), dims[2]), 1};
    if (dims.size() != 2) unknown(name);
    if (name == "Pow" || name == "PowByNatural") return power(arguments[0], dims[1]);
    if (name == "FloatTrueDiv" || name == "IntTrueDiv")
      return multiply({arguments[0], {arguments[1].below, arguments[1].above}});
    if (name == "FloorDiv" || name == "CleanDiv") return {floor_divide(dims[0], dims[1]), 1};
    if (name == "CeilDiv") return {floor_divide(dims[0] + dims[1] - 1, dims[1]), 1};
    if (name == "Mod" || name == "PythonMod") return {remainder(dims[0], dims[1]), 1};
    unknown(name);
  }

  /// Of lengths, which are not negative, the whole part is what is below.
  static Ratio apply_to_one(std::string_view name, const Ratio& x) {
    if (name == "Identity" || name == "ToFloat" || name == "Max" || name == "Min") return x;
    if (name == "FloorToInt" || name == "TruncToInt" || name == "floor") return {whole(x), 1};
    if (name == "CeilToInt" || name == "ceiling")
      return {floor_divide(x.above + x.below - 1, x.below), 1};
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

  static Ratio power(const Ratio& base, const Dim& exponent) {
    constexpr std::int64_t largest = 16;
    if (!exponent.known() || exponent.value() < -1 || exponent.value() > largest) unknown("Pow");
    if (exponent.value() == -1) return {base.below, base.above};
    return multiply(Ratios(static_cast<std::size_t>(exponent.value()), base));
  }

  [[noreturn]] static void unknown(std::string_view name) {
    throw Error(Fault::unsupported, "", fmt::format("uses {}, which lengths cannot hold", name));
  }

  Cursor cursor_;
};

}  // namespace

DType dtype_of_export(std::int64_t number) {
  const auto* found =
      std::ranges::find(dtypes, number, &std::pair<std::int64_t, std::string_view>::first);
  if (found == std::end(dtypes))
    throw Error(Fault::file, "", fmt::format("there is no type of number {}", number));
  if (const auto ours = aten::dtype_named(found->second)) return *ours;
  throw Error(Fault::unsupported, "",
              fmt::format("elements are {}, with which we do not compute", found->second));
}

void check_layout(std::int64_t number) {
  constexpr std::int64_t strided = 7;
  if (number != strided)
    throw Error(Fault::unsupported, "", "is sparse or packed; we read strided tensors");
}

Dim parse_expression(std::string_view text) {
  return with_place([&] { return "length " + quoted(text); },
                    [&] {
                      // Up to torch 2.5 it was what SymPy shows to people: "2*s0 + 1".
                      if (text.find('(') == std::string_view::npos) return parse_dim(text);
                      return ExpressionReader(text).read();
                    });
}

Dim parse_sym_int(const Tree& tree) {
  const auto [tag, content] = as_tagged(tree);
  if (tag == "as_int") return as_integer(content);
  if (tag == "as_expr") return parse_expression(text_field(content, "expr_str"));
  throw Error(Fault::file, "", fmt::format("a length has the unknown tag {}", quoted(tag)));
}

}  // namespace isomer::pt2

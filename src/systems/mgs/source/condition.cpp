#include "systems/mgs/source/condition.h"

#include <charconv>
#include <cstdint>
#include <limits>
#include <string>

#include "base/error.h"
#include "base/text.h"

namespace isomer::mgs {
namespace {

[[noreturn]] void refuse_condition(std::string what) {
  throw Error(Fault::file, "", std::move(what));
}

Piece truth_piece(bool holds) { return {PieceKind::number, true, 0, holds ? "1" : "0"}; }

/// '("name")' or "(<name>)" behind "__has_include"; `at` is on the closing bracket then.
Piece included_piece(const std::vector<Piece>& pieces, std::size_t& at, const HasFile& has_file) {
  std::string named;
  if (at + 1 >= pieces.size() || pieces[at + 1].text != "(")
    refuse_condition("'__has_include' is followed by no file's name in brackets");
  for (at += 2; at < pieces.size() && pieces[at].text != ")"; ++at) named += pieces[at].text;
  if (at >= pieces.size() || named.size() < 3)
    refuse_condition("'__has_include' is followed by no file's name in brackets");
  return truth_piece(has_file(named.substr(1, named.size() - 2)));
}

/// "defined X" and "defined(X)" as 1 or 0, and which files there are; before macros are replaced.
std::vector<Piece> without_defined(std::vector<Piece> pieces, const Macros& macros,
                                   const HasFile& has_file) {
  std::vector<Piece> result;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].text == has_include) {
      result.push_back(included_piece(pieces, i, has_file));
      continue;
    }
    if (pieces[i].text != "defined") {
      result.push_back(std::move(pieces[i]));
      continue;
    }
    const bool bracket = i + 1 < pieces.size() && pieces[i + 1].text == "(";
    const std::size_t at = i + (bracket ? 2 : 1);
    if (at >= pieces.size() || pieces[at].kind != PieceKind::name ||
        (bracket && (at + 1 >= pieces.size() || pieces[at + 1].text != ")")))
      refuse_condition("'defined' is followed by no name");
    result.push_back(
        truth_piece(pieces[at].text == has_include || macros.find(pieces[at].text) != nullptr));
    i = at + (bracket ? 1 : 0);
  }
  return result;
}

/// Operators of two characters, put together again where no space is between them.
std::vector<std::string> condition_words(const std::vector<Piece>& pieces) {
  constexpr std::string_view pairs[] = {"||", "&&", "==", "!=", "<=", ">=", "<<", ">>"};
  std::vector<std::string> words;
  bool open = false;
  for (const Piece& piece : pieces) {
    bool joined = false;
    if (open && !piece.space && piece.text.size() == 1) {
      for (const std::string_view pair : pairs)
        joined = joined || (words.back().size() == 1 && words.back() + piece.text == pair);
    }
    if (joined) {
      words.back() += piece.text;
    } else {
      words.push_back(piece.text);
    }
    open = !joined && piece.kind == PieceKind::other;
  }
  return words;
}

struct ConditionOperator {
  std::string_view word;
  int rank;
};

constexpr ConditionOperator condition_operators[] = {
    {"||", 1}, {"&&", 2}, {"|", 3}, {"^", 4},  {"&", 5},  {"==", 6},
    {"!=", 6}, {"<", 7},  {">", 7}, {"<=", 7}, {">=", 7}, {"<<", 8},
    {">>", 8}, {"+", 9},  {"-", 9}, {"*", 10}, {"/", 10}, {"%", 10}};

int rank_of(std::string_view word) {
  for (const ConditionOperator& one : condition_operators)
    if (one.word == word) return one.rank;
  return 0;
}

using Whole = std::uint64_t;  // wraps round, as the preprocessor's own do

std::int64_t with_sign(Whole value) { return static_cast<std::int64_t>(value); }

class ConditionReader {
 public:
  explicit ConditionReader(std::vector<std::string> words) : words_(std::move(words)) {}

  bool read() {
    if (words_.empty()) refuse_condition("'#if' is followed by nothing");
    const Whole value = choice(0, true);
    if (at_ != words_.size())
      refuse_condition(fmt::format("unexpected {} in a condition", quoted(words_[at_])));
    return value != 0;
  }

 private:
  std::string_view word() const {
    return at_ < words_.size() ? std::string_view(words_[at_]) : std::string_view();
  }

  bool take(std::string_view asked) {
    if (word() != asked) return false;
    ++at_;
    return true;
  }

  void check_depth(int depth) const {
    if (depth > 200) refuse_condition("the condition is nested more than 200 deep");
  }

  /// `counts`: whether the value matters, so that a division by zero does.
  Whole choice(int depth, bool counts) {
    check_depth(depth);
    const Whole condition = binary(1, depth + 1, counts);
    if (!take("?")) return condition;
    const Whole first = choice(depth + 1, counts && condition != 0);
    if (!take(":")) refuse_condition("'?' has no ':'");
    const Whole second = choice(depth + 1, counts && condition == 0);
    return condition != 0 ? first : second;
  }

  Whole binary(int rank, int depth, bool counts) {
    check_depth(depth);
    Whole left = unary(depth + 1, counts);
    for (int found = rank_of(word()); found >= rank; found = rank_of(word())) {
      const std::string op(word());
      ++at_;
      const bool decided = (op == "||" && left != 0) || (op == "&&" && left == 0);
      const bool both = counts && !decided;
      left = applied(op, left, binary(found + 1, depth + 1, both), both);
    }
    return left;
  }

  static Whole applied(std::string_view op, Whole a, Whole b, bool counts) {
    const std::int64_t x = with_sign(a), y = with_sign(b);
    if (op == "||") return a != 0 || b != 0;
    if (op == "&&") return a != 0 && b != 0;
    if (op == "|") return a | b;
    if (op == "^") return a ^ b;
    if (op == "&") return a & b;
    if (op == "==") return a == b;
    if (op == "!=") return a != b;
    if (op == "<") return x < y;
    if (op == ">") return x > y;
    if (op == "<=") return x <= y;
    if (op == ">=") return x >= y;
    if (op == "<<") return y >= 0 && y < 64 ? a << b : 0;
    if (op == ">>") return static_cast<Whole>(x >> (y >= 0 && y < 63 ? y : 63));
    if (op == "+") return a + b;
    if (op == "-") return a - b;
    if (op == "*") return a * b;
    if (y == 0) {
      if (counts) refuse_condition("division by zero in a condition");
      return 0;
    }
    if (y == -1) return op == "/" ? 0 - a : 0;  // the least integer has no positive twin
    return static_cast<Whole>(op == "/" ? x / y : x % y);
  }

  Whole unary(int depth, bool counts) {
    check_depth(depth);
    if (take("!")) return unary(depth + 1, counts) == 0;
    if (take("-")) return 0 - unary(depth + 1, counts);
    if (take("+")) return unary(depth + 1, counts);
    if (take("~")) return ~unary(depth + 1, counts);
    if (take("(")) {
      const Whole value = choice(depth + 1, counts);
      if (!take(")")) refuse_condition("a bracket of the condition is not closed");
      return value;
    }
    return literal();
  }

  Whole literal() {
    const std::string_view text = word();
    if (text.empty()) refuse_condition("the condition ends too early");
    ++at_;
    if (begins_name(text[0])) return 0;
    std::string_view digits = text;
    while (!digits.empty() && std::string_view("uUlL").find(digits.back()) != digits.npos)
      digits.remove_suffix(1);
    int base = 10;
    if (digits.starts_with("0x") || digits.starts_with("0X")) {
      base = 16;
      digits.remove_prefix(2);
    } else if (digits.size() > 1 && digits[0] == '0') {
      base = 8;
    }
    Whole value = 0;
    const auto [end, failed] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (failed != std::errc{} || end != digits.data() + digits.size())
      refuse_condition(fmt::format("{} is no integer", quoted(text)));
    return value;
  }

  std::vector<std::string> words_;
  std::size_t at_ = 0;
};

}  // namespace

bool condition_holds(std::string_view text, Macros& macros, const Macros::Where& where,
                     const HasFile& has_file) {
  std::vector<Piece> pieces = without_defined(pieces_of(text), macros, has_file);
  return ConditionReader(condition_words(macros.expand(std::move(pieces), where))).read();
}

}  // namespace isomer::mgs

#include "systems/mdf/expression.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>

#include "base/text.h"
#include "systems/mdf/tokens.h"
#include "vocabularies/numpy/numbers.h"

namespace isomer::mdf {
namespace {

constexpr int deepest = 100;
constexpr int most_operators = 500;

Expression make(Expression::Kind kind, std::string text, std::vector<Expression> operands) {
  Expression result;
  result.kind = kind;
  result.text = std::move(text);
  result.operands = std::move(operands);
  return result;
}

/// Of operands that move: a list in braces would copy them, and all that hangs on them.
template <class... Operands>
Expression join(Expression::Kind kind, std::string text, Operands&&... operands) {
  std::vector<Expression> list;
  list.reserve(sizeof...(operands));
  (list.push_back(std::forward<Operands>(operands)), ...);
  return make(kind, std::move(text), std::move(list));
}

Expression constant(Value value) {
  Expression result;
  result.value = std::move(value);
  return result;
}

// Loosest first; all of them group to the left.
constexpr std::array<std::array<std::string_view, 5>, 6> levels = {
    {{"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "//", "%", "@"}}};

bool is_keyword(std::string_view word) {
  constexpr std::array<std::string_view, 14> keywords = {"and", "or",   "not",    "if",    "else",
                                                         "in",  "is",   "for",    "def",   "as",
                                                         "del", "from", "lambda", "import"};
  return std::ranges::find(keywords, word) != keywords.end();
}

class Parser {
 public:
  explicit Parser(std::string_view text) : tokens_(text) {}

  Expression parse() {
    if (tokens_.now().kind == Token::Kind::end) refuse_at(tokens_.text(), 0, "it is empty");
    Expression result = tuple_or_one();
    if (tokens_.now().kind != Token::Kind::end) {
      refuse_at(tokens_.text(), tokens_.now().column,
                fmt::format("{} is not expected", quoted(tokens_.now().text)));
    }
    return result;
  }

 private:
  // Every recursion passes here, so that no text can exhaust the stack.
  struct Depth {
    explicit Depth(Parser& owner) : parser(owner) {
      if (++parser.depth_ > deepest)
        refuse_at(parser.tokens_.text(), parser.tokens_.now().column, "it is nested too deeply");
    }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    ~Depth() { --parser.depth_; }
    Parser& parser;
  };

  Expression tuple_or_one() {
    Expression first = conditional();
    if (!tokens_.at(",")) return first;
    std::vector<Expression> items;
    items.push_back(std::move(first));
    while (tokens_.take(",")) {
      if (tokens_.now().kind == Token::Kind::end || tokens_.at(")") || tokens_.at("]")) break;
      items.push_back(conditional());
    }
    return make(Expression::Kind::tuple, "", std::move(items));
  }

  Expression conditional() {
    const Depth depth(*this);
    Expression then = boolean("or");
    if (!tokens_.take("if")) return then;
    Expression test = boolean("or");
    tokens_.need("else");
    Expression orelse = conditional();
    return join(Expression::Kind::conditional, "", std::move(test), std::move(then),
                std::move(orelse));
  }

  Expression boolean(std::string_view word) {
    const auto next = [&] { return word == "or" ? boolean("and") : negation(); };
    Expression first = next();
    if (!tokens_.at(word)) return first;
    std::vector<Expression> operands{std::move(first)};
    while (tokens_.take(word)) operands.push_back(next());
    return make(Expression::Kind::boolean, std::string(word), std::move(operands));
  }

  Expression negation() {
    const Depth depth(*this);
    if (tokens_.take("not")) return join(Expression::Kind::unary, "not", negation());
    return comparison();
  }

  Expression comparison() {
    Expression first = binary(0);
    Expression result = make(Expression::Kind::compare, "", {});
    while (true) {
      std::string word = tokens_.now().text;
      constexpr std::array<std::string_view, 8> words = {
          "<", "<=", ">", ">=", "==", "!=", "in", "is"};
      const auto at = [this](std::string_view candidate) { return tokens_.at(candidate); };
      if (!std::ranges::any_of(words, at) && !tokens_.at("not")) break;
      tokens_.advance();
      if (word == "not") {
        tokens_.need("in");
        word = "not in";
      } else if (word == "is" && tokens_.take("not")) {
        word = "is not";
      }
      if (result.operands.empty()) result.operands.push_back(std::move(first));
      result.words.push_back(word);
      result.operands.push_back(binary(0));
    }
    return result.operands.empty() ? first : result;
  }

  Expression binary(std::size_t level) {
    if (level == levels.size()) return unary();
    Expression left = binary(level + 1);
    while (true) {
      std::string_view sign;
      for (const std::string_view candidate : levels[level]) {
        if (!candidate.empty() && tokens_.at(candidate)) sign = candidate;
      }
      if (sign.empty()) return left;
      // A long sum is a deep tree for whoever walks it.
      if (++operators_ > most_operators) {
        refuse_at(tokens_.text(), tokens_.now().column,
                  fmt::format("it has more than {} operators", most_operators));
      }
      tokens_.advance();
      Expression right = binary(level + 1);
      left = join(Expression::Kind::binary, std::string(sign), std::move(left), std::move(right));
    }
  }

  Expression unary() {
    const Depth depth(*this);
    // The least number has no positive twin in 64 bits.
    if (tokens_.at("-") && tokens_.rest().starts_with("9223372036854775808")) {
      tokens_.advance();
      const Token token = tokens_.now();
      tokens_.advance();
      if (token.text == "9223372036854775808" && !tokens_.at("**"))
        return constant({std::numeric_limits<std::int64_t>::min()});
      refuse_at(tokens_.text(), token.column, "the number does not fit 64 bits");
    }
    for (const std::string_view sign : {"-", "+", "~"}) {
      if (tokens_.take(sign)) return join(Expression::Kind::unary, std::string(sign), unary());
    }
    return power();
  }

  /// `**` binds tighter than a sign on its left and looser than one on its right.
  Expression power() {
    Expression base = postfix();
    if (!tokens_.take("**")) return base;
    return join(Expression::Kind::binary, "**", std::move(base), unary());
  }

  Expression postfix() {
    Expression result = atom();
    for (int length = 0;; ++length) {
      if (length > deepest) refuse_at(tokens_.text(), tokens_.now().column, "it is too long");
      if (tokens_.take("(")) {
        result = call(std::move(result));
      } else if (tokens_.take("[")) {
        result = subscript(std::move(result));
      } else if (tokens_.take(".")) {
        if (tokens_.now().kind != Token::Kind::name)
          refuse_at(tokens_.text(), tokens_.now().column, "a name belongs behind the point");
        result = join(Expression::Kind::attribute, tokens_.now().text, std::move(result));
        tokens_.advance();
      } else {
        return result;
      }
    }
  }

  Expression atom() {
    const Token token = tokens_.now();
    if (token.kind == Token::Kind::number) return number();
    if (token.kind == Token::Kind::text) {
      tokens_.advance();
      return constant({token.text});
    }
    if (token.kind == Token::Kind::name && !is_keyword(token.text)) {
      tokens_.advance();
      if (token.text == "True" || token.text == "False") return constant({token.text == "True"});
      if (token.text == "None") return constant({});
      return make(Expression::Kind::name, token.text, {});
    }
    if (tokens_.take("(")) return parenthesis();
    if (tokens_.take("[")) return list();
    if (tokens_.take("...")) return constant({Word{"Ellipsis"}});
    if (tokens_.take("{")) return braces();
    const std::string_view what =
        token.kind == Token::Kind::end ? "the end" : std::string_view(token.text);
    refuse_at(tokens_.text(), token.column, fmt::format("a value is needed, not {}", quoted(what)));
  }

  Expression number() {
    const Token token = tokens_.now();
    tokens_.advance();
    const auto digits = numpy::without_underscores(token.text);
    if (!digits) refuse_at(tokens_.text(), token.column, "an underscore stands between two digits");
    const bool based = digits->size() > 1 && (*digits)[0] == '0' &&
                       std::isalpha(static_cast<unsigned char>((*digits)[1]));
    if (based && ((*digits)[1] | 0x20) != 'e') {
      const char letter = static_cast<char>((*digits)[1] | 0x20);
      const int base = letter == 'x' ? 16 : letter == 'o' ? 8 : 2;
      std::int64_t value = 0;
      const char* begin = digits->data() + 2;
      const auto [end, error] =
          std::from_chars(begin, digits->data() + digits->size(), value, base);
      if (error != std::errc() || end != digits->data() + digits->size())
        refuse_at(tokens_.text(), token.column,
                  "the number does not fit 64 bits or has a wrong digit");
      return constant({value});
    }
    if (digits->find_first_of(".eE") == std::string::npos) {
      std::int64_t value = 0;
      const auto [end, error] =
          std::from_chars(digits->data(), digits->data() + digits->size(), value);
      if (error != std::errc())
        refuse_at(tokens_.text(), token.column, "the integer does not fit 64 bits");
      const bool octal = digits->size() > 1 && (*digits)[0] == '0' && value != 0;
      if (octal) refuse_at(tokens_.text(), token.column, "an integer does not begin with 0");
      return constant({value});
    }
    const auto value = numpy::real_in(*digits);
    if (!value)
      refuse_at(tokens_.text(), token.column, "the number is not written as Python writes numbers");
    return constant({*value});
  }

  Expression call(Expression function) {
    Expression result = join(Expression::Kind::call, "", std::move(function));
    while (!tokens_.take(")")) {
      Expression argument = conditional();
      std::string keyword;
      if (argument.kind == Expression::Kind::name && tokens_.take("=")) {
        keyword = argument.text;
        argument = conditional();
      }
      if (tokens_.at("for")) argument = comprehension(std::move(argument));
      result.operands.push_back(std::move(argument));
      result.words.push_back(std::move(keyword));
      if (!tokens_.at(")")) tokens_.need(",");
    }
    return result;
  }

  Expression subscript(Expression object) {
    Expression first = index();
    if (tokens_.at(",")) {
      std::vector<Expression> items;
      items.push_back(std::move(first));
      while (tokens_.take(",") && !tokens_.at("]")) items.push_back(index());
      first = make(Expression::Kind::tuple, "", std::move(items));
    }
    tokens_.need("]");
    return join(Expression::Kind::subscript, "", std::move(object), std::move(first));
  }

  Expression index() {
    const auto part = [&] {
      const bool absent = tokens_.at(":") || tokens_.at("]") || tokens_.at(",");
      return absent ? constant({}) : conditional();
    };
    Expression start = part();
    if (!tokens_.take(":")) return start;
    Expression stop = part();
    Expression step = tokens_.take(":") ? part() : constant({});
    return join(Expression::Kind::slice, "", std::move(start), std::move(stop), std::move(step));
  }

  Expression parenthesis() {
    if (tokens_.take(")")) return make(Expression::Kind::tuple, "", {});
    Expression inner = tuple_or_one();
    if (tokens_.at("for")) inner = comprehension(std::move(inner));
    tokens_.need(")");
    return inner;
  }

  Expression braces() {
    Expression result = make(Expression::Kind::dict, "", {});
    while (!tokens_.take("}")) {
      result.operands.push_back(conditional());
      tokens_.need(":");
      result.operands.push_back(conditional());
      if (!tokens_.at("}")) tokens_.need(",");
    }
    return result;
  }

  std::vector<Expression> until(std::string_view closing) {
    std::vector<Expression> items;
    while (!tokens_.take(closing)) {
      items.push_back(conditional());
      if (!tokens_.at(closing)) tokens_.need(",");
    }
    return items;
  }

  Expression list() {
    if (tokens_.take("]")) return make(Expression::Kind::list, "", {});
    Expression first = conditional();
    if (tokens_.at("for")) {
      first = comprehension(std::move(first));
      tokens_.need("]");
      return first;
    }
    if (!tokens_.at("]")) tokens_.need(",");
    Expression result = make(Expression::Kind::list, "", until("]"));
    result.operands.insert(result.operands.begin(), std::move(first));
    return result;
  }

  /// What stands behind the item, up to the bracket. One in parentheses is walked over at once,
  /// which Python does later: nothing here could tell.
  Expression comprehension(Expression item) {
    Expression result = join(Expression::Kind::comprehension, "", std::move(item));
    while (tokens_.take("for")) {
      result.words.push_back(targets());
      tokens_.need("in");
      result.operands.push_back(boolean("or"));
      Expression test = constant({true});
      while (tokens_.take("if"))
        test = join(Expression::Kind::boolean, "and", std::move(test), boolean("or"));
      result.operands.push_back(std::move(test));
    }
    return result;
  }

  std::string targets() {
    std::string names;
    const bool enclosed = tokens_.take("(");
    do {
      if (tokens_.now().kind != Token::Kind::name || is_keyword(tokens_.now().text))
        refuse_at(tokens_.text(), tokens_.now().column, "a name belongs behind 'for'");
      names += (names.empty() ? "" : " ") + tokens_.now().text;
      tokens_.advance();
    } while (tokens_.take(","));
    if (enclosed) tokens_.need(")");
    return names;
  }

  Tokens tokens_;
  int depth_ = 0;
  int operators_ = 0;
};

}  // namespace

Expression parse_expression(std::string_view text) { return Parser(text).parse(); }

}  // namespace isomer::mdf

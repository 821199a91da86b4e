#include <charconv>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "systems/mgs/gsl/parser.h"

namespace isomer::mgs::gsl {
namespace {

bool is_number(const Token& token) {
  return token.kind == Lexeme::integer || token.kind == Lexeme::real;
}

}  // namespace

std::vector<Argument> Parser::arguments(std::string_view closing) {
  std::vector<Argument> result;
  arguments_into(result, closing);
  return result;
}

/// Up to `closing`, and over it. Between two commas there may be nothing.
void Parser::arguments_into(std::vector<Argument>& result, std::string_view closing) {
  if (take_if(closing)) return;
  argument_into(result.emplace_back());
  if (is(",")) result.reserve(5);
  while (take_if(",")) argument_into(result.emplace_back());
  need(closing, "after a list of arguments");
}

Argument Parser::argument() {
  Argument result;
  argument_into(result);
  return result;
}

void Parser::argument_into(Argument& result) {
  const Token& token = peek();
  const Nested nested(*this, token.place);
  result.place = token.place;
  switch (token.kind) {
    case Lexeme::integer:
    case Lexeme::real: result.value = number(); return;
    case Lexeme::text: result.value = text(); return;
    case Lexeme::name: named_argument(result); return;
    case Lexeme::sign: signed_argument(result); return;
    case Lexeme::keyword:
      if (is("Pset")) {
        parameter_set(result.value.emplace<ParameterSet>());
        return;
      }
      if (is("list") || is("Matrix")) {
        result.value = typed_list();
        return;
      }
      break;
    case Lexeme::end:
    case Lexeme::bad: break;
  }
  refuse_argument();
}

void Parser::refuse_argument() {
  const bool fraction = is(".") && peek(1).kind == Lexeme::integer;
  refuse(peek(), fraction ? "a number begins with a digit: 0.5"
                          : "an argument is expected: a number, a text, a name, a set of nodes, "
                            "or a list");
}

/// What begins with a sign.
void Parser::signed_argument(Argument& result) {
  switch (peek().text[0]) {
    case '{': list(result); return;
    case '<': pairs_into(result.value.emplace<Pairs>()); return;
    case '[': {
      take();
      RelativeNodeSet& set = result.value.emplace<RelativeNodeSet>();
      set.points = indices("]");
      extension(set.extension);
      return;
    }
    case '.':
      if (peek(1).kind == Lexeme::integer || is_name(1) || !is(".")) refuse_argument();
      node_set(result.value.emplace<NodeSet>());
      return;
    case ':':
      if (!is("::")) refuse_argument();
      result.value = product({});
      return;
    case ',':
    case ')':
    case '}':
    case '>': return;
    default: refuse_argument();
  }
}

/// What begins with a name.
void Parser::named_argument(Argument& result) {
  const Token& next = peek(1);
  const char sign = next.kind == Lexeme::sign ? next.text[0] : '\0';
  if (sign == '(') {
    Call& call = result.value.emplace<Call>();
    call.name = name("a functor");
    take();
    arguments_into(call.arguments, ")");
  } else if (sign == '[' || sign == '/' || next.is(".")) {
    node_set(result.value.emplace<NodeSet>());
  } else if (next.is("::")) {
    Name owner = name("an object");
    result.value = product(std::move(owner));
  } else {
    result.value.emplace<Reference>().name = name("a name");
  }
}

Number Parser::number() {
  const Token token = peek();
  if (token.kind == Lexeme::integer) return integer("a number");
  if (token.kind != Lexeme::real) refuse(token, "a number is expected");
  take();
  std::string_view text = token.text;
  if (text[0] == '+') text.remove_prefix(1);
  double value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{}) {
    // Too large or too small: as C reads it.
    value = std::strtod(std::string(text).c_str(), nullptr);
  }
  return value;
}

/// Numbers by themselves are kept close together: there may be millions.
void Parser::list(Argument& result) {
  take();
  NumberList numbers;
  while (is_number(peek()) && (is(",", 1) || is("}", 1))) {
    numbers.numbers.push_back(number());
    if (take_if("}")) {
      result.value = std::move(numbers);
      return;
    }
    take();
    if (!is_number(peek())) break;
  }
  List items;
  for (const Number& one : numbers.numbers) items.items.push_back({result.place, one});
  if (numbers.numbers.empty()) {
    items.items = arguments("}");
  } else {
    std::vector<Argument> rest;
    if (is("}")) {
      take();
      rest.push_back({peek().place, Nothing{}});
    } else {
      rest = arguments("}");
    }
    for (Argument& one : rest) items.items.push_back(std::move(one));
  }
  result.value = std::move(items);
}

TypedList Parser::typed_list() {
  TypedList result;
  result.type = type_name();
  need("(", "before the list");
  need("{", "before the elements");
  result.items = arguments("}");
  need(")", "after the list");
  return result;
}

void Parser::parameter_set(ParameterSet& result) {
  take();
  result.type = set_type();
  need("(", "before the pairs");
  if (!is("<")) refuse(peek(), "pairs in '<' and '>' are expected");
  pairs_into(result.pairs);
  need(")", "after the pairs");
}

Pairs Parser::optional_pairs() { return is("<") ? pairs() : Pairs{}; }

Pairs Parser::pairs() {
  Pairs result;
  pairs_into(result);
  return result;
}

/// "<a=1> + <b=2>"
void Parser::pairs_into(Pairs& result) {
  const Nested nested(*this, peek().place);
  do {
    need("<", "before pairs");
    if (take_if(">")) continue;
    do {
      Pair& pair = result.pairs.emplace_back();
      pair.name = name("the name of a member");
      need("=", "after the name of a member");
      argument_into(pair.value);
      if (std::holds_alternative<Nothing>(pair.value.value))
        refuse(peek(), "a value is expected after '='");
    } while (take_if(","));
    need(">", "after pairs");
  } while (take_if("+"));
}

Product Parser::product(std::optional<Name> owner) {
  need("::", "before what is published");
  return {std::move(owner), name("the name of what is published")};
}

}  // namespace isomer::mgs::gsl

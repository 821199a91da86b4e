#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "systems/mgs/mdl/parser.h"

namespace isomer::mgs::mdl {
namespace {

constexpr std::pair<std::string_view, Comparison> comparisons[] = {
    {"==", Comparison::equal},      {"!=", Comparison::unequal}, {"<", Comparison::less},
    {"<=", Comparison::less_equal}, {">", Comparison::greater},  {">=", Comparison::greater_equal},
    {"&&", Comparison::both},       {"||", Comparison::either}};

std::optional<Comparison> comparison_of(const Token& token) {
  if (token.kind != Lexeme::sign) return {};
  for (const auto& [word, value] : comparisons)
    if (word == token.text) return value;
  return {};
}

std::optional<Peer> peer_of(const Token& token, ModelKind kind, Side side) {
  const bool edge = kind == ModelKind::edge;
  if (token.is("Node")) return Peer::node;
  if (token.is("Edge") && !edge) return Peer::edge;
  if (token.is("Constant") && side == Side::pre) return Peer::constant;
  if (token.is("Variable") && side == Side::pre) return Peer::variable;
  return {};
}

}  // namespace

Connection Parser::connection(ModelKind kind) {
  Connection result;
  result.place = take().place;
  if (kind == ModelKind::edge && take_if("Post")) {
    result.side = Side::post;
  } else if (!take_if("Pre")) {
    refuse(peek(), kind == ModelKind::edge
                       ? "'Pre' or 'Post' is expected after 'Connection'"
                       : "'Pre' is expected after 'Connection': only edges have a 'Post'");
  }
  const std::optional<Peer> peer = peer_of(peek(), kind, result.side);
  if (!peer) refuse(peek(), "what is connected is expected: 'Node', 'Constant' or 'Variable'");
  result.peer = *peer;
  take();
  need("(", "before the predicate");
  const bool plain = kind == ModelKind::edge && result.peer == Peer::node;
  if (!plain && !is(")")) result.predicate = predicate();
  need(")", "after the predicate");
  need("Expects", "after the predicate");
  result.expects = names("the name of an interface");
  items([&] {
    if (take_if(";")) return;
    result.items.push_back(connection_item());
  });
  return result;
}

ConnectionItem Parser::connection_item() {
  if (peek().kind == Lexeme::name && is("(", 1)) {
    Call call{name("the name of a function")};
    take();
    need(")", "after '('");
    need(";", "after the call of a function");
    return call;
  }
  Import result;
  if (!take_if("PSet")) result.interface = name("an interface, 'PSet' or a function");
  need(".", "after what is imported from");
  result.member = name("the name of a member");
  need(">>", "after what is imported");
  result.target = path(true);
  need(";", "after an import");
  return result;
}

Predicate Parser::predicate() {
  if (depth_ >= 200)
    refuse(Mistake::limit, peek().place, "a predicate is nested more than 200 deep");
  ++depth_;
  Predicate result;
  result.push_back(predicate_term());
  while (const std::optional<Comparison> op = comparison_of(peek())) {
    take();
    result.push_back(predicate_term());
    result.back().before = *op;
  }
  --depth_;
  return result;
}

PredicateTerm Parser::predicate_term() {
  PredicateTerm result;
  const Token token = peek();
  result.place = token.place;
  if (take_if("(")) {
    result.value = predicate();
    need(")", "after a predicate in brackets");
  } else if (token.kind == Lexeme::text) {
    result.value = std::string(take().text);
  } else if (token.kind == Lexeme::integer) {
    result.value = integer("an integer");
  } else if (token.kind == Lexeme::real) {
    std::string_view text = take().text;
    if (text[0] == '+') text.remove_prefix(1);
    double value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc{})
      refuse(Mistake::range, token.place, fmt::format("the number {} is none that is kept", text));
    result.value = value;
  } else if (is("true") || is("false")) {
    result.value = take().text == "true";
  } else if (take_if("PSet")) {
    need(".", "after 'PSet'");
    result.value = Attribute{name("the name of an attribute")};
  } else if (take_if("Shared")) {
    need(".", "after 'Shared'");
    result.value = OwnMember{true, name("the name of a member")};
  } else if (token.kind == Lexeme::name && is("(", 1)) {
    result.value = Call{name("the name of a function")};
    take();
    need(")", "after '('");
  } else {
    result.value = OwnMember{false, name("something to compare")};
  }
  return result;
}

}  // namespace isomer::mgs::mdl

#include <algorithm>
#include <array>

#include "base/text.h"
#include "systems/mgs/gsl/parser.h"

namespace isomer::mgs::gsl {
namespace {

constexpr std::pair<std::string_view, PhaseListKind> phase_lists[] = {
    {"InitPhases", PhaseListKind::initial},
    {"RuntimePhases", PhaseListKind::runtime},
    {"LoadPhases", PhaseListKind::load},
    {"FinalPhases", PhaseListKind::final}};

constexpr std::string_view value_types[] = {
    "int",     "float",     "list",       "Pset",    "NDPair",      "NDPairList",
    "NodeSet", "GridCoord", "RelNodeSet", "RepName", "NodeTypeSet", "IndexSet",
    "EdgeSet", "Service",   "Trigger",    "Port",    "Matrix",      "Stride"};

std::optional<TriggerOperator> trigger_operator(const Token& token) {
  if (token.is("&&")) return TriggerOperator::both;
  if (token.is("||")) return TriggerOperator::either;
  if (token.is("^^")) return TriggerOperator::one;
  return {};
}

}  // namespace

bool Parser::declaration(Statement& result) {
  const std::string_view word = peek().text;
  if (std::ranges::find(value_types, word) != std::end(value_types)) {
    result.what = value(word);
    return true;
  }
  if (std::ranges::find(phase_lists, word, &std::pair<std::string_view, PhaseListKind>::first) !=
      std::end(phase_lists)) {
    result.what = phase_list();
    return true;
  }
  if (!take_if("SeperationConstraint")) return false;
  need("(", "after 'SeperationConstraint'");
  result.what = SeparationConstraint{arguments(")")};
  need(";", "after 'SeperationConstraint(...)'");
  return true;
}

Value Parser::value(std::string_view type) {
  Value result;
  if (type == "EdgeSet") {
    refuse(Mistake::syntax, peek().place, "sets of edges are not read",
           "no type of edges is known that a script could use");
  }
  if (type == "list" || type == "Matrix") {
    result.type = type_name();
  } else {
    const Token word = take();
    result.type.text = word.text;
    result.type.place = word.place;
    if (type == "Pset") result.type.set_type = set_type();
  }
  result.name = name("a name");
  if (type == "int" || type == "float") {
    plain_value(result);
  } else if (type == "list") {
    list_value(result);
  } else if (type == "Matrix") {
    matrix_value(result);
  } else {
    need("(", "before the value");
    bracketed_value(result);
    need(")", "after the value");
  }
  need(";", "after a declaration");
  return result;
}

/// "= 3", "(3)"
void Parser::plain_value(Value& result) {
  const bool bracket = is("(");
  if (!take_if("=") && !take_if("(")) refuse(peek(), "'=' or '(' is expected before the value");
  Argument argument;
  argument.place = peek().place;
  const Token token = peek();
  argument.value = number();
  if (result.type.text == "int" && token.kind == Lexeme::real)
    refuse(token, "an integer is expected");
  result.value = std::move(argument);
  if (bracket) need(")", "after the value");
}

void Parser::list_value(Value& result) {
  const bool bracket = is("(");
  if (!take_if("=") && !take_if("(")) refuse(peek(), "'=' or '(' is expected before the value");
  if (!is("{")) refuse(peek(), "a list in braces is expected");
  result.value = argument();
  if (bracket) need(")", "after the value");
}

void Parser::matrix_value(Value& result) {
  need("[", "before the sizes of a matrix");
  do {
    result.dimensions.push_back(integer("a size"));
  } while (take_if(","));
  need("]", "after the sizes of a matrix");
  list_value(result);
}

/// What stands between the brackets of the other declarations.
void Parser::bracketed_value(Value& result) {
  const std::string& type = result.type.text;
  if (type == "Trigger") {
    result.value = trigger();
  } else if (type == "RepName") {
    grid_path(result.value.emplace<GridPath>());
  } else if (type == "NodeTypeSet") {
    result.value = layer_ranges();
  } else if (type == "IndexSet") {
    result.value = indices(")");
  } else if (type == "Stride") {
    result.value = stride();
  } else if (type == "Service" && is_name() && is(",", 1)) {
    ServiceValue service;
    service.owner = name("an object");
    take();
    service.member = text();
    result.value = std::move(service);
  } else {
    set_value(result);
  }
}

void Parser::set_value(Value& result) {
  const std::string& type = result.type.text;
  const bool set = type == "NodeSet" || type == "GridCoord";
  if (set && !is_name() && !is(".")) refuse(peek(), "a set of nodes is expected");
  if (type == "RelNodeSet" && !is("[")) refuse(peek(), "points in brackets are expected");
  if (type == "Port" && peek().kind != Lexeme::integer) refuse(peek(), "an integer is expected");
  if (type == "Service" && !is_name() && !is("::")) refuse(peek(), "a service is expected");
  Argument& argument = result.value.emplace<Argument>();
  argument.place = peek().place;
  if (type == "NDPair" || ((type == "NDPairList" || type == "Pset") && !is("<"))) {
    if (type != "NDPair") refuse(peek(), "pairs in '<' and '>' are expected");
    Pair pair;
    pair.name = name("the name of a member");
    need("=", "after the name of a member");
    pair.value = this->argument();
    argument.value = Pairs{{std::move(pair)}};
  } else {
    argument_into(argument);
  }
}

StrideValue Parser::stride() {
  const auto part = [&] {
    need("{", "before the numbers of a stride");
    std::vector<std::int64_t> numbers;
    do {
      numbers.push_back(integer("an integer"));
    } while (take_if(","));
    need("}", "after the numbers of a stride");
    return numbers;
  };
  StrideValue result;
  result.from = part();
  result.step = part();
  result.to = part();
  return result;
}

PhaseList Parser::phase_list() {
  PhaseList result;
  const std::string_view word = take().text;
  result.kind =
      std::ranges::find(phase_lists, word, &std::pair<std::string_view, PhaseListKind>::first)
          ->second;
  need("=", "before the phases");
  need("{", "before the phases");
  do {
    SimulationPhase phase;
    phase.name = name("the name of a phase");
    if (take_if("(")) {
      phase.machine = name("the kind of machine");
      need(")", "after the kind of machine");
    }
    result.phases.push_back(std::move(phase));
  } while (take_if(","));
  need("}", "after the phases");
  need(";", "after the phases");
  return result;
}

void Parser::instance(Instance& result) {
  result.type = name("the name of a type");
  if (!is_name()) {
    if (peek().kind == Lexeme::keyword)
      refuse(peek(), fmt::format("{} is a keyword and cannot be a name", quoted(peek().text)));
    refuse(peek(), fmt::format("after {} the name of an instance, '(' or '.' is expected",
                               quoted(result.type.text)));
  }
  result.name = name("the name of an instance");
  if (take_if("(")) {
    result.form = InstanceForm::arguments;
    arguments_into(result.arguments, ")");
  } else if (is("<")) {
    result.form = InstanceForm::pairs;
    pairs_into(result.pairs);
  }
  need(";", "after a declaration");
}

TriggerExpression Parser::trigger() {
  const Nested nested(*this, peek().place);
  TriggerExpression result;
  result.push_back(trigger_term());
  while (const std::optional<TriggerOperator> op = trigger_operator(peek())) {
    take();
    result.push_back(trigger_term());
    result.back().before = *op;
  }
  return result;
}

TriggerTerm Parser::trigger_term() {
  TriggerTerm result;
  result.place = peek().place;
  if (take_if("(")) {
    result.value = trigger();
    need(")", "after a trigger in brackets");
  } else if (is("::")) {
    result.value = product({});
  } else {
    Name first = name("the name of a trigger");
    if (is("::")) {
      result.value = product(std::move(first));
    } else {
      result.value = std::move(first);
    }
  }
  return result;
}

}  // namespace isomer::mgs::gsl

#include <algorithm>

#include "base/text.h"
#include "systems/mgs/mdl/parser.h"

namespace isomer::mgs::mdl {
namespace {

constexpr std::pair<std::string_view, Core> cores[] = {{"string", Core::string},
                                                       {"bool", Core::boolean},
                                                       {"char", Core::character},
                                                       {"short", Core::short_integer},
                                                       {"int", Core::integer},
                                                       {"long", Core::long_integer},
                                                       {"float", Core::real32},
                                                       {"double", Core::real64},
                                                       {"unsigned", Core::unsigned_integer},
                                                       {"Edge", Core::simulator},
                                                       {"EdgeSet", Core::simulator},
                                                       {"EdgeType", Core::simulator},
                                                       {"Functor", Core::simulator},
                                                       {"Grid", Core::simulator},
                                                       {"Node", Core::simulator},
                                                       {"NodeSet", Core::simulator},
                                                       {"NodeType", Core::simulator},
                                                       {"Service", Core::simulator},
                                                       {"Repertoire", Core::simulator},
                                                       {"Trigger", Core::simulator},
                                                       {"ParameterSet", Core::simulator},
                                                       {"NDPairList", Core::simulator}};

constexpr std::pair<std::string_view, PhaseKind> phase_words[] = {
    {"InitPhase", PhaseKind::initial},
    {"RuntimePhase", PhaseKind::runtime},
    {"FinalPhase", PhaseKind::final},
    {"LoadPhase", PhaseKind::load}};

constexpr std::pair<std::string_view, FunctionKind> function_words[] = {
    {"UserFunction", FunctionKind::user},
    {"PredicateFunction", FunctionKind::predicate},
    {"TriggeredFunction", FunctionKind::triggered}};

template <class Value, std::size_t size>
const Value* word_value(const std::pair<std::string_view, Value> (&words)[size],
                        const Token& token) {
  if (token.kind != Lexeme::keyword) return nullptr;
  for (const auto& [word, value] : words)
    if (word == token.text) return &value;
  return nullptr;
}

/// What stands where something else than a member begins.
constexpr std::string_view item_advice =
    "a member, phase, export, function, attribute set or connection is expected";

}  // namespace

void Parser::item(Model& model) {
  const bool constant = model.kind == ModelKind::constant;
  const Token token = peek();
  if (take_if(";")) return;
  if (take_if("OutAttrPSet")) return attributes(model.out_attributes);
  if (!constant && take_if("InAttrPSet")) return attributes(model.in_attributes);
  const bool shares = model.kind == ModelKind::node || model.kind == ModelKind::edge;
  if (shares && take_if("Shared")) return shared(model);
  if (!constant && is("Connection")) {
    model.connections.push_back(connection(model.kind));
    return;
  }
  if (!constant && phase_item(model.phases, false, model.kind == ModelKind::node)) return;
  if (!constant && function_item(model.functions)) return;
  if (token.kind == Lexeme::name && is(".", 1)) return export_item(model);
  if (token.kind == Lexeme::keyword && !at_type() && !is("Optional") && !is("Derived"))
    refuse(token, item_advice);
  members(model.members);
}

bool Parser::function_item(std::vector<Function>& functions) {
  Function function;
  if (is("Serial") || is("Parallel")) {
    function.scheduling = take().text == "Serial" ? Scheduling::serial : Scheduling::parallel;
    if (!is("TriggeredFunction")) refuse(peek(), "'TriggeredFunction' is expected");
  }
  const FunctionKind* kind = word_value(function_words, peek());
  if (kind == nullptr) return false;
  function.kind = *kind;
  take();
  for (Name& one : names("the name of a function")) {
    function.name = std::move(one);
    functions.push_back(function);
  }
  need(";", "after the names of functions");
  return true;
}

bool Parser::phase_item(std::vector<Phase>& phases, bool in_shared, bool grid_layers) {
  const PhaseKind* kind = word_value(phase_words, peek());
  if (kind == nullptr) return false;
  take();
  const bool layers = *kind == PhaseKind::runtime && grid_layers && take_if("GridLayers");
  do {
    Phase phase;
    phase.kind = *kind;
    phase.grid_layers = layers;
    phase.name = name("the name of a phase");
    if (in_shared && is("(") && !is(")", 1))
      refuse(peek(), "a phase of the shared part lists no members");
    if (take_if("(")) {
      phase.listed = true;
      if (!is(")")) phase.changes = names("the name of a member");
      need(")", "after the members that a phase changes");
    }
    phases.push_back(std::move(phase));
  } while (take_if(","));
  need(";", "after a phase");
  return true;
}

void Parser::shared(Model& model) {
  const auto one = [&] {
    if (take_if(";")) return;
    if (phase_item(model.shared.phases, true, false)) return;
    if (is("UserFunction") || is("PredicateFunction")) refuse(peek(), item_advice);
    if (function_item(model.shared.functions)) return;
    if (peek().kind == Lexeme::keyword && !at_type() && !is("Optional") && !is("Derived"))
      refuse(peek(), "a member, phase or triggered function is expected");
    members(model.shared.members);
  };
  if (is("{")) {
    items(one);
  } else {
    one();
  }
}

void Parser::attributes(std::vector<Member>& result) {
  items([&] { members(result); });
}

/// "Optional Derived double* x, y(10,4): "comment";"
void Parser::members(std::vector<Member>& result) {
  Member member;
  member.optional = take_if("Optional");
  member.derived = take_if("Derived");
  member.type = type();
  if (member.optional && member.type.is({Suffix::pointer}))
    refuse(Mistake::syntax, member.type.place, "an optional member is no pointer",
           "it is a value, or an array");
  std::vector<Member> found;
  do {
    member.name = name("the name of a member");
    member.blocks.reset();
    member.comment.clear();
    if (take_if("(")) {
      member.blocks = Blocks{integer("the size of a block"), {}};
      if (take_if(",")) member.blocks->growth = integer("the growth of an array");
      need(")", "after the sizes of an array");
    }
    if (take_if(":")) {
      if (peek().kind != Lexeme::text) refuse(peek(), "a comment in quotes is expected");
      member.comment = take().text;
    }
    found.push_back(member);
  } while (take_if(","));
  need(";", "after a member");
  for (Member& one : found) result.push_back(std::move(one));
}

void Parser::export_item(Model& model) {
  Export result;
  result.interface = name("the name of an interface");
  need(".", "after the name of an interface");
  result.member = name("the name of a member");
  need("<<", "after the member of an interface");
  result.address = take_if("&");
  result.source = path(model.kind == ModelKind::node || model.kind == ModelKind::edge);
  need(";", "after an export");
  model.exports.push_back(std::move(result));
}

Path Parser::path(bool may_share) {
  Path result;
  if (may_share && take_if("Shared")) {
    result.shared = true;
    need(".", "after 'Shared'");
  }
  do {
    result.parts.push_back(name("the name of a member"));
  } while (take_if("."));
  return result;
}

bool Parser::at_type() {
  return peek().kind == Lexeme::name || word_value(cores, peek()) != nullptr;
}

Type Parser::type() {
  Type result;
  const Token word = peek();
  result.place = word.place;
  if (!at_type()) refuse(word, "a type is expected");
  take();
  result.name = word.text;
  result.core = word.kind == Lexeme::name ? Core::structure : *word_value(cores, word);
  if (word.is("long") && take_if("double")) {
    result.name = "long double";
    result.core = Core::long_real;
  }
  if (take_if("*")) result.suffixes.push_back(Suffix::pointer);
  while (take_if("[")) {
    need("]", "after '['");
    result.suffixes.push_back(Suffix::array);
    if (take_if("*")) result.suffixes.push_back(Suffix::pointer);
    if (result.suffixes.size() > 100)
      refuse(Mistake::limit, word.place, "a type is nested more than 100 deep");
  }
  return result;
}

}  // namespace isomer::mgs::mdl

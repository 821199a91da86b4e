#include "systems/mgs/mdl/parser.h"

#include "base/text.h"

namespace isomer::mgs::mdl {

// ---- words

std::vector<Name> Parser::names(std::string_view what) {
  std::vector<Name> result;
  do {
    result.push_back(name(what));
  } while (take_if(","));
  return result;
}

/// Up to the end of an item that began where `level` braces were open.
void Parser::skip_item(int level) {
  while (peek().kind != Lexeme::end) {
    if (is("}") && braces_ <= level) return;
    const bool ends = is(";") || is("}");
    take();
    if (ends && braces_ <= level) return;
  }
}

// ---- declarations

std::vector<Declaration> Parser::declarations() {
  std::vector<Declaration> result;
  if (peek().kind == Lexeme::end)
    problems_.error(Mistake::syntax, {peek().place.file, 1, 1}, "the file declares nothing",
                    "it declares at least one type");
  while (peek().kind != Lexeme::end && !problems_.full()) {
    const int level = braces_;
    try {
      declaration(result);
    } catch (Refused& refused) {
      depth_ = 0;
      problems_.add(std::move(refused.problem));
      if (is("}") && braces_ <= level) take();
      while (peek().kind != Lexeme::end && (braces_ > level || !is("}"))) {
        const bool ends = is("}");
        take();
        if (ends && braces_ <= level) break;
      }
      braces_ = level;
    }
  }
  return result;
}

void Parser::declaration(std::vector<Declaration>& result) {
  const bool framework = take_if("Framework");
  if (take_if("Struct")) {
    result.emplace_back(structure(framework));
  } else if (take_if("Functor")) {
    result.emplace_back(functor(framework));
  } else if (framework) {
    refuse(peek(), "'Struct' or 'Functor' is expected after 'Framework'");
  } else if (take_if("Interface")) {
    result.emplace_back(interface());
  } else if (take_if("Node")) {
    result.emplace_back(model(ModelKind::node));
  } else if (take_if("Variable")) {
    result.emplace_back(model(ModelKind::variable));
  } else if (take_if("Edge")) {
    result.emplace_back(model(ModelKind::edge));
  } else if (take_if("Constant")) {
    result.emplace_back(model(ModelKind::constant));
  } else {
    refuse(peek(),
           "a declaration is expected: 'Struct', 'Interface', 'Node', 'Variable', 'Edge', "
           "'Constant' or 'Functor'");
  }
}

Structure Parser::structure(bool framework) {
  Structure result;
  result.framework = framework;
  result.name = name("the name of a struct");
  items([&] { members(result.members); });
  return result;
}

Interface Parser::interface() {
  Interface result;
  result.name = name("the name of an interface");
  items([&] { members(result.members); });
  return result;
}

Functor Parser::functor(bool framework) {
  Functor result;
  result.framework = framework;
  result.name = name("the name of a functor");
  if (take_if("Category")) {
    if (peek().kind != Lexeme::text) refuse(peek(), "the category, in quotes, is expected");
    result.category = take().text;
  }
  items([&] {
    if (take_if(";")) return;
    if (take_if("Initialize")) {
      result.initialize = arguments();
    } else {
      const bool nothing = take_if("void");
      if (!nothing) result.gives = type();
      need("Execute", "after the type of what a functor gives");
      result.execute = arguments();
    }
    need(";", "after a list of arguments");
  });
  return result;
}

Arguments Parser::arguments() {
  need("(", "before a list of arguments");
  Arguments result;
  if (take_if(")")) return result;
  do {
    if (take_if("...")) {
      result.more = true;
      break;
    }
    Argument argument;
    argument.type = type();
    argument.name = name("the name of an argument");
    result.list.push_back(std::move(argument));
    if (take_if("...")) {
      result.more = true;
      break;
    }
  } while (take_if(","));
  need(")", "after a list of arguments");
  return result;
}

Model Parser::model(ModelKind kind) {
  Model result;
  result.kind = kind;
  result.name = name("the name of a type");
  if (take_if("Implements")) result.implements = names("the name of an interface");
  items([&] { item(result); });
  return result;
}

}  // namespace isomer::mgs::mdl

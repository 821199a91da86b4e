#include "systems/mgs/gsl/parser.h"

#include "base/text.h"
#include "systems/mgs/gsl/gsl.h"

namespace isomer::mgs::gsl {
namespace {

constexpr int deepest_nesting = 200;

}  // namespace

Parser::Nested::Nested(Parser& parser, const Place& place) : parser_(parser) {
  if (parser.depth_ >= deepest_nesting)
    refuse(Mistake::limit, place,
           fmt::format("things are nested more than {} deep", deepest_nesting));
  ++parser.depth_;
}

// ---- words

Text Parser::text() {
  if (peek().kind != Lexeme::text) refuse(peek(), "a text in quotes is expected");
  Text result;
  while (peek().kind == Lexeme::text) result.text += take().text;
  return result;
}

/// Up to the end of a statement that began where `level` braces were open.
void Parser::skip_statement(int level) {
  while (peek().kind != Lexeme::end) {
    if (is("}") && braces_ <= level) return;
    const bool ends = is(";");
    take();
    if (ends && braces_ <= level) return;
  }
}

// ---- statements

std::vector<Statement> Parser::script() {
  std::vector<Statement> statements;
  if (peek().kind == Lexeme::end) {
    problems_.error(Mistake::syntax, peek().place, "the script has no statement",
                    "a script has at least one");
    return statements;
  }
  statements.reserve(source_.text.size() / 128);  // what is not used costs nothing
  while (peek().kind != Lexeme::end && !problems_.full()) {
    if (is("}")) {
      problems_.error(Mistake::syntax, peek().place, "unexpected '}'", "nothing is open here");
      take();
      take_if(";");
      braces_ = 0;
      continue;
    }
    read_into(statements, Body::top);
  }
  return statements;
}

void Parser::read_into(std::vector<Statement>& statements, Body kind) {
  const int depth = depth_, level = braces_;
  statements.emplace_back();
  try {
    statement(statements.back(), kind);
  } catch (Refused& refused) {
    statements.pop_back();
    depth_ = depth;
    problems_.add(std::move(refused.problem));
    skip_statement(level);
  }
}

/// From after "{" to "}".
std::vector<Statement> Parser::body(Body kind) {
  std::vector<Statement> statements;
  while (!is("}")) {
    if (peek().kind == Lexeme::end) refuse(peek(), "'}' is expected at the end of this body");
    if (problems_.full()) refuse(peek(), "there are too many mistakes to go on");
    read_into(statements, kind);
  }
  take();
  return statements;
}

void Parser::statement(Statement& result, Body kind) {
  result.place = peek().place;
  if (peek().kind == Lexeme::keyword) {
    if (kind == Body::top && definition(result)) return;
    if (kind == Body::grid && grid_item(result)) return;
    if (declaration(result) || directive(result, kind)) return;
    if (is("Layer") || is("InitNodes"))
      refuse(peek(), fmt::format("'{}' stands only in the body of a Grid", peek().text));
    refuse(peek(), kind == Body::top ? "a statement is expected"
                                     : "a statement is expected, and definitions stand only at "
                                       "the top of a script");
  }
  if (!is_name()) refuse(peek(), "a statement is expected");
  named(result);
}

/// "name(...)", "object.function(...) on trigger", "Type name ...".
void Parser::named(Statement& result) {
  if (is("(", 1)) {
    Execute& execute = result.what.emplace<Execute>();
    execute.functor = name("a functor");
    take();
    arguments_into(execute.arguments, ")");
    need(";", "after a functor's arguments");
  } else if (is(".", 1)) {
    Action& action = result.what.emplace<Action>();
    action.object = name("an object");
    take();
    action.function = name("the name of a function");
    need("(", "after the name of a function");
    action.pairs = optional_pairs();
    need(")", "after the arguments");
    need("on", "before the trigger");
    action.trigger = trigger();
    need(";", "after a trigger");
  } else {
    instance(result.what.emplace<Instance>());
  }
}

bool Parser::grid_item(Statement& result) {
  if (take_if("Layer")) {
    Layer& layer = result.what.emplace<Layer>();
    need("(", "after 'Layer'");
    layer.name = name("the name of a layer");
    if (take_if(",")) {
      arguments_into(layer.arguments, ")");
    } else {
      need(")", "after a layer's name");
    }
    need(";", "after a layer");
    return true;
  }
  if (!take_if("InitNodes")) return false;
  need("(", "after 'InitNodes'");
  arguments_into(result.what.emplace<InitNodes>().arguments, ")");
  need(";", "after 'InitNodes(...)'");
  return true;
}

bool Parser::directive(Statement& result, Body kind) {
  if (is("Stop") || is("Pause")) {
    Halt halt;
    halt.kind = take().text == "Stop" ? HaltKind::stop : HaltKind::pause;
    need("on", "before the trigger");
    halt.trigger = trigger();
    need(";", "after a trigger");
    result.what = std::move(halt);
    return true;
  }
  if (take_if("system")) {
    need("(", "after 'system'");
    SystemCommand command{text()};
    need(")", "after a command");
    need(";", "after 'system(...)'");
    result.what = std::move(command);
    return true;
  }
  if (kind != Body::connection_script || !take_if("Return")) return false;
  if (!is_name() || !is("(", 1)) refuse(peek(), "a functor with its arguments is expected");
  named(result);
  std::get<Execute>(result.what).returned = true;
  return true;
}

// ---- reading

Script read(const Files& files, std::string_view entry, Problems& problems) {
  const Preprocessed source = preprocess(files, entry, problems);
  Script script;
  script.statements = Parser(source, problems).script();
  script.files = source.files;
  script.includes = source.includes;
  return script;
}

Script read(const Files& files, std::string_view entry) {
  Problems problems;
  Script script = read(files, entry, problems);
  problems.refuse_errors(script.files);
  return script;
}

}  // namespace isomer::mgs::gsl

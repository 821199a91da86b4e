#pragma once

// Words to declarations.

#include <string>
#include <string_view>
#include <vector>

#include "systems/mgs/mdl/ast.h"
#include "systems/mgs/mdl/lexer.h"
#include "systems/mgs/problems.h"
#include "systems/mgs/source/words.h"

namespace isomer::mgs::mdl {

class Parser : Words<Lexer> {
 public:
  Parser(const Preprocessed& source, Problems& problems) : Words(source), problems_(problems) {}

  std::vector<Declaration> declarations();

 private:
  // ---- words
  std::vector<Name> names(std::string_view what);
  void skip_item(int level);
  template <class Item>
  void items(const Item& item);

  // ---- declarations (parser.cpp)
  void declaration(std::vector<Declaration>& result);
  Structure structure(bool framework);
  Interface interface();
  Functor functor(bool framework);
  Arguments arguments();
  Model model(ModelKind kind);

  // ---- items of a model (items.cpp)
  void item(Model& model);
  bool function_item(std::vector<Function>& functions);
  bool phase_item(std::vector<Phase>& phases, bool in_shared, bool grid_layers);
  void shared(Model& model);
  void attributes(std::vector<Member>& members);
  void members(std::vector<Member>& result);
  void export_item(Model& model);
  Path path(bool may_share);

  // ---- types (items.cpp)
  bool at_type();
  Type type();

  // ---- connections (connections.cpp)
  Connection connection(ModelKind kind);
  ConnectionItem connection_item();
  Predicate predicate();
  PredicateTerm predicate_term();

  Problems& problems_;
  int depth_ = 0;
};

/// Calls `item` for each item between braces; one that is wrong is told and left out.
template <class Item>
void Parser::items(const Item& item) {
  need("{", "before the body");
  if (is("}")) refuse(peek(), "a body has at least one item");
  while (!is("}")) {
    if (peek().kind == Lexeme::end) refuse(peek(), "'}' is expected at the end of this body");
    if (problems_.full()) refuse(peek(), "there are too many mistakes to go on");
    const int level = braces_, depth = depth_;
    try {
      item();
    } catch (Refused& refused) {
      depth_ = depth;
      problems_.add(std::move(refused.problem));
      skip_item(level);
    }
  }
  take();
}

}  // namespace isomer::mgs::mdl

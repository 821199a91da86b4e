#pragma once

// Words to declarations.

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "systems/mgs/mdl/ast.h"
#include "systems/mgs/mdl/lexer.h"
#include "systems/mgs/problems.h"

namespace isomer::mgs::mdl {

class Parser {
 public:
  Parser(const Preprocessed& source, Problems& problems) : problems_(problems), lexer_(source) {}

  std::vector<Declaration> declarations();

 private:
  /// Ends an item or a declaration: what is wrong with it.
  struct Refused {
    Problem problem;
  };

  // ---- words
  const Token& peek(std::size_t ahead = 0);
  Token take();
  bool is(std::string_view word, std::size_t ahead = 0) { return peek(ahead).is(word); }
  bool take_if(std::string_view word);
  void need(std::string_view word, std::string_view after);
  Name name(std::string_view what);
  std::vector<Name> names(std::string_view what);
  std::int64_t integer(std::string_view what);
  [[noreturn]] void refuse(const Token& token, std::string_view expected);
  [[noreturn]] static void refuse(Mistake mistake, const Place& place, std::string what,
                                  std::string instead = {});
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

  static constexpr std::size_t ahead_size = 4;

  Problems& problems_;
  Lexer lexer_;
  std::array<Token, ahead_size> ahead_;
  std::size_t first_ = 0, count_ = 0;
  int braces_ = 0;
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

#pragma once

// Words to statements: looks ahead a few words, never back.

#include <array>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "systems/mgs/gsl/ast.h"
#include "systems/mgs/gsl/lexer.h"
#include "systems/mgs/problems.h"

namespace isomer::mgs::gsl {

class Parser {
 public:
  Parser(const Preprocessed& source, Problems& problems)
      : source_(source), problems_(problems), lexer_(source) {}

  std::vector<Statement> script();

 private:
  /// Ends a statement: what is wrong with it.
  struct Refused {
    Problem problem;
  };
  class Nested;
  enum class Body { top, grid, composite, connection_script };

  // ---- words
  const Token& peek(std::size_t ahead = 0) {
    while (count_ <= ahead) {
      ahead_[(first_ + count_) % ahead_size] = lexer_.next();
      ++count_;
    }
    return ahead_[(first_ + ahead) % ahead_size];
  }
  Token take();
  bool is(std::string_view word, std::size_t ahead = 0) { return peek(ahead).is(word); }
  bool is_name(std::size_t ahead = 0) { return peek(ahead).kind == Lexeme::name; }
  bool take_if(std::string_view word);
  void need(std::string_view word, std::string_view after);
  Name name(std::string_view what);
  std::int64_t integer(std::string_view what);
  Text text();
  [[noreturn]] void refuse(const Token& token, std::string_view expected);
  [[noreturn]] static void refuse(Mistake mistake, const Place& place, std::string what,
                                  std::string instead = {});
  void skip_statement(int level);

  // ---- statements (parser.cpp)
  std::vector<Statement> body(Body kind);
  void read_into(std::vector<Statement>& statements, Body kind);
  void statement(Statement& result, Body kind);
  bool definition(Statement& result);
  bool grid_item(Statement& result);
  bool directive(Statement& result, Body kind);
  void named(Statement& result);

  // ---- definitions (definitions.cpp)
  FunctorType functor_type();
  std::vector<Parameter> parameters();
  Parameter parameter();
  ModelType model_type();
  std::vector<PhaseMap> phase_maps();
  ConnectionScript connection_script();
  Grid grid();
  Composite composite();
  bool at_type_name(std::size_t ahead = 0);
  TypeName type_name();
  SetType set_type();

  // ---- declarations (declarations.cpp)
  bool declaration(Statement& result);
  Value value(std::string_view type);
  void plain_value(Value& result);
  void list_value(Value& result);
  void matrix_value(Value& result);
  void set_value(Value& result);
  void bracketed_value(Value& result);
  StrideValue stride();
  PhaseList phase_list();
  void instance(Instance& result);
  TriggerExpression trigger();
  TriggerTerm trigger_term();

  // ---- arguments (arguments.cpp)
  std::vector<Argument> arguments(std::string_view closing);
  void arguments_into(std::vector<Argument>& result, std::string_view closing);
  Argument argument();
  void argument_into(Argument& result);
  void named_argument(Argument& result);
  void signed_argument(Argument& result);
  [[noreturn]] void refuse_argument();
  Number number();
  void list(Argument& result);
  TypedList typed_list();
  void parameter_set(ParameterSet& result);
  Pairs pairs();
  void pairs_into(Pairs& result);
  Pairs optional_pairs();
  Product product(std::optional<Name> owner);

  // ---- sets of nodes (node_sets.cpp)
  void node_set(NodeSet& result);
  void grid_path(GridPath& result);
  std::vector<Index> indices(std::string_view closing);
  Index index();
  void extension(Extension& result);
  void layer_selection(Extension& result);
  std::vector<LayerRange> layer_ranges();
  TagCondition tag_condition();
  TagTerm tag_term();
  bool at_extension();

  static constexpr std::size_t ahead_size = 4;

  const Preprocessed& source_;
  Problems& problems_;
  Lexer lexer_;
  std::array<Token, ahead_size> ahead_;
  std::size_t first_ = 0, count_ = 0;
  int depth_ = 0;
  int braces_ = 0;  // that are open
};

/// Counts how deep things stand in each other; refuses what is too deep.
class Parser::Nested {
 public:
  Nested(Parser& parser, const Place& place);
  ~Nested() { --parser_.depth_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  Parser& parser_;
};

}  // namespace isomer::mgs::gsl

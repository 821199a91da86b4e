#pragma once

// Words to statements: looks ahead a few words, never back.

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "systems/mgs/gsl/ast.h"
#include "systems/mgs/gsl/lexer.h"
#include "systems/mgs/problems.h"
#include "systems/mgs/source/words.h"

namespace isomer::mgs::gsl {

class Parser : Words<Lexer> {
 public:
  Parser(const Preprocessed& source, Problems& problems)
      : Words(source), source_(source), problems_(problems) {}

  std::vector<Statement> script();

 private:
  class Nested;
  enum class Body { top, grid, composite, connection_script };

  // ---- words
  bool is_name(std::size_t ahead = 0) { return peek(ahead).kind == Lexeme::name; }
  Text text();
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

  const Preprocessed& source_;
  Problems& problems_;
  int depth_ = 0;
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

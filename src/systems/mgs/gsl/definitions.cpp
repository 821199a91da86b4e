#include <algorithm>
#include <array>

#include "base/text.h"
#include "systems/mgs/gsl/parser.h"

namespace isomer::mgs::gsl {
namespace {

constexpr std::string_view functor_categories[] = {
    "Functor",    "Connector",       "SamplingFctr1",   "SamplingFctr2",     "SubNodeSetFctr",
    "Layout",     "NodeInitializer", "EdgeInitializer", "InAttrInitializer", "NDPairListFunctor",
    "RefPointGen"};

constexpr std::string_view plain_types[] = {"int",        "float",     "string",   "NodeSet",
                                            "RelNodeSet", "GridCoord", "RepName",  "NDPair",
                                            "NDPairList", "Service",   "EdgeSet",  "GranuleMapper",
                                            "Port",       "Trigger",   "NodeType", "EdgeType"};

template <class Words>
bool is_among(std::string_view word, const Words& words) {
  return std::ranges::find(words, word) != std::ranges::end(words);
}

constexpr std::pair<std::string_view, ModelTypeKind> model_types[] = {
    {"NodeType", ModelTypeKind::node},
    {"EdgeType", ModelTypeKind::edge},
    {"VariableType", ModelTypeKind::variable},
    {"ConstantType", ModelTypeKind::constant},
    {"Struct", ModelTypeKind::structure}};

constexpr std::pair<std::string_view, SetKind> set_kinds[] = {{"In", SetKind::in},
                                                              {"Out", SetKind::out},
                                                              {"NodeInit", SetKind::node_init},
                                                              {"EdgeInit", SetKind::edge_init}};

}  // namespace

bool Parser::definition(Statement& result) {
  const std::string_view word = peek().text;
  const auto kind =
      std::ranges::find(model_types, word, &std::pair<std::string_view, ModelTypeKind>::first);
  if (is_among(word, functor_categories)) {
    result.what = functor_type();
  } else if ((word == "Trigger" || word == "GranuleMapper") && is_name(1) && is("(", 2) &&
             (at_type_name(3) || is(")", 3))) {
    result.what = functor_type();
  } else if (kind != std::end(model_types)) {
    result.what = model_type();
  } else if (word == "ConnectionScript") {
    result.what = connection_script();
  } else if (word == "Grid") {
    result.what = grid();
  } else if (word == "Composite") {
    result.what = composite();
  } else {
    return false;
  }
  return true;
}

FunctorType Parser::functor_type() {
  FunctorType type;
  type.category = take().text;
  type.name = name("the name of a functor's type");
  if (is("(")) {
    const Place place = take().place;
    type.signatures.push_back({{"Initialize", place}, parameters()});
  } else if (take_if("{")) {
    while (!take_if("}")) {
      const Token role = peek();
      if (!is("Initialize") && !is("Function") && !is("Return"))
        refuse(role, "'Initialize', 'Function' or 'Return' is expected");
      take();
      need("(", "before a list of parameters");
      type.signatures.push_back({{std::string(role.text), role.place}, parameters()});
      need(";", "after a list of parameters");
    }
  }
  need(";", "after the type of a functor");
  return type;
}

/// From after "(" to ")".
std::vector<Parameter> Parser::parameters() {
  std::vector<Parameter> result;
  if (take_if(")")) return result;
  do {
    result.push_back(parameter());
  } while (take_if(","));
  need(")", "after a list of parameters");
  return result;
}

bool Parser::at_type_name(std::size_t ahead) {
  const std::string_view word = peek(ahead).text;
  return is("...", ahead) || (peek(ahead).kind == Lexeme::keyword &&
                              (is_among(word, plain_types) || is_among(word, functor_categories) ||
                               word == "list" || word == "Matrix" || word == "Pset"));
}

Parameter Parser::parameter() {
  Parameter result;
  if (is(",") || is(")")) return result;
  if (!at_type_name()) refuse(peek(), "the type of a parameter is expected");
  result.type = type_name();
  // Signatures call a parameter what they like, "operator" or "Function".
  if (is_name()) result.name = name("the name of a parameter");
  return result;
}

TypeName Parser::type_name() {
  const Nested nested(*this, peek().place);
  if (!at_type_name()) refuse(peek(), "a type is expected");
  TypeName type;
  const Token word = take();
  type.text = word.text;
  type.place = word.place;
  if (type.text == "list" || type.text == "Matrix") {
    if (type.text == "list" && !is("<")) return type;
    need("<", "before the type of the elements");
    type.of.push_back(type_name());
    need(">", "after the type of the elements");
  } else if (type.text == "Pset" && is("<")) {
    type.set_type = set_type();
  }
  return type;
}

/// "<Type, NodeInit>"
SetType Parser::set_type() {
  need("<", "after 'Pset'");
  SetType type;
  type.model = name("the name of a type");
  need(",", "after the name of a type");
  const auto kind =
      std::ranges::find(set_kinds, peek().text, &std::pair<std::string_view, SetKind>::first);
  if (peek().kind != Lexeme::keyword || kind == std::end(set_kinds))
    refuse(peek(), "'In', 'Out', 'NodeInit' or 'EdgeInit' is expected");
  take();
  type.kind = kind->second;
  need(">", "after the kind of a parameter set");
  return type;
}

ModelType Parser::model_type() {
  ModelType type;
  const std::string_view word = take().text;
  type.kind =
      std::ranges::find(model_types, word, &std::pair<std::string_view, ModelTypeKind>::first)
          ->second;
  type.name = name("the name of a type");
  const bool instances = type.kind == ModelTypeKind::node || type.kind == ModelTypeKind::edge;
  if ((instances || type.kind == ModelTypeKind::variable) && take_if("(")) {
    if (!is(")")) type.shared = argument();
    need(")", "after the shared part");
  }
  if ((instances || type.kind == ModelTypeKind::variable) && is("{")) type.phases = phase_maps();
  need(";", "after the declaration of a type");
  return type;
}

std::vector<PhaseMap> Parser::phase_maps() {
  take();
  std::vector<PhaseMap> maps;
  do {
    PhaseMap map;
    map.model = name("a phase of the type");
    need("->", "between a phase of the type and one of the simulation");
    map.simulation = name("a phase of the simulation");
    maps.push_back(std::move(map));
  } while (take_if(","));
  need("}", "after the phases");
  return maps;
}

ConnectionScript Parser::connection_script() {
  take();
  ConnectionScript script;
  script.name = name("the name of a script");
  need("(", "before a list of parameters");
  script.parameters = parameters();
  need("{", "before the body of a script");
  script.body = body(Body::connection_script);
  need(";", "after the body of a script");
  return script;
}

Grid Parser::grid() {
  take();
  Grid result;
  result.name = name("the name of a grid");
  need("{", "after the name of a grid");
  need("Dimension", "at the beginning of a grid");
  need("(", "after 'Dimension'");
  do {
    const Place place = peek().place;
    result.dimensions.push_back(integer("the size of a dimension"));
    if (result.dimensions.back() < 1)
      problems_.error(Mistake::range, place,
                      fmt::format("a dimension of size {}", result.dimensions.back()),
                      "it has at least one point");
  } while (take_if(","));
  need(")", "after the dimensions");
  need(";", "after the dimensions");
  result.body = body(Body::grid);
  if (is_name()) result.instance = name("the name of an instance");
  need(";", "after the body of a grid");
  return result;
}

Composite Parser::composite() {
  take();
  Composite result;
  result.name = name("the name of a composite");
  const Place place = peek().place;
  need("{", "after the name of a composite");
  result.body = body(Body::composite);
  if (result.body.empty() && problems_.errors() == 0)
    refuse(Mistake::syntax, place, "a composite without a statement", "it has at least one");
  if (is_name()) result.instance = name("the name of an instance");
  need(";", "after the body of a composite");
  return result;
}

}  // namespace isomer::mgs::gsl

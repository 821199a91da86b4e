#include "base/text.h"
#include "systems/mgs/gsl/parser.h"

namespace isomer::mgs::gsl {

/// "grid[points].Layer(...)", "set.Layer(...)", "grid.set".
void Parser::node_set(NodeSet& result) {
  grid_path(result.grid);
  if (take_if("[")) {
    result.has_points = true;
    result.points = indices("]");
  } else if (is(".") && is_name(1)) {
    take();
    result.member = name("a name");
    return;
  } else if (!at_extension()) {
    refuse(peek(), "'[' is expected after a grid, before its points");
  }
  extension(result.extension);
}

/// "a/b/c", "./a", ".".
void Parser::grid_path(GridPath& result) {
  result.current = is(".") && !at_extension();
  if (result.current) {
    take();
    if (!take_if("/")) return;
  }
  do {
    result.names.push_back(name("the name of a grid"));
  } while (take_if("/"));
}

/// From after an opening bracket, over the closing one where that is "]".
std::vector<Index> Parser::indices(std::string_view closing) {
  std::vector<Index> result;
  const bool square = closing == "]";
  if (square && take_if(closing)) return result;
  result.reserve(3);
  do {
    result.push_back(index());
  } while (take_if(","));
  if (square) need(closing, "after the points");
  return result;
}

Index Parser::index() {
  Index result;
  result.place = peek().place;
  result.from = result.to = integer("a point");
  if (!take_if(":")) return result;
  result.is_range = true;
  result.to = integer("the end of a range");
  if (!take_if(":")) return result;
  result.step = result.to;
  result.to = integer("the end of a range");
  return result;
}

bool Parser::at_extension() { return is(".") && (is("Layer", 1) || is("NodeIndex", 1)); }

void Parser::extension(Extension& result) {
  if (!is(".")) return;
  if (is(".") && is("Layer", 1)) {
    take();
    take();
    need("(", "after '.Layer'");
    layer_selection(result);
    need(")", "after the layers");
  }
  if (is(".") && is("NodeIndex", 1)) {
    take();
    take();
    need("(", "after '.NodeIndex'");
    result.node_indices = indices(")");
    need(")", "after the indices");
  }
}

void Parser::layer_selection(Extension& result) {
  const bool by_tags =
      is("!") || is("(") || is("Member") || (is_name() && (is("==", 1) || is("!=", 1)));
  if (by_tags) {
    result.tags = tag_condition();
  } else {
    result.layers = layer_ranges();
  }
}

std::vector<LayerRange> Parser::layer_ranges() {
  std::vector<LayerRange> result;
  do {
    LayerRange& range = result.emplace_back();
    range.first = name("the name of a layer");
    if (take_if("-")) range.last = name("the name of a layer");
  } while (take_if(","));
  return result;
}

TagCondition Parser::tag_condition() {
  const Nested nested(*this, peek().place);
  TagCondition result;
  result.push_back(tag_term());
  while (is("&&") || is("||")) {
    const bool both = take().text == "&&";
    result.push_back(tag_term());
    result.back().before = both ? TagOperator::both : TagOperator::either;
  }
  return result;
}

TagTerm Parser::tag_term() {
  TagTerm result;
  result.place = peek().place;
  while (take_if("!")) result.negated = !result.negated;
  if (result.negated && is_name()) refuse(peek(), "'(' is expected after '!'");
  if (take_if("(")) {
    result.value = tag_condition();
    need(")", "after a condition in brackets");
  } else if (take_if("Member")) {
    need("(", "after 'Member'");
    TagMember member;
    do {
      member.names.push_back(name("the name of a tag"));
    } while (take_if(","));
    need(")", "after the names of tags");
    result.value = std::move(member);
  } else {
    TagTest test;
    test.name = name("the name of a tag");
    if (!is("==") && !is("!=")) refuse(peek(), "'==' or '!=' is expected after the name of a tag");
    test.equal = take().text == "==";
    test.value = text();
    result.value = std::move(test);
  }
  return result;
}

}  // namespace isomer::mgs::gsl

#pragma once

// What an __init__ makes, before it is text: calls whose arguments are known by name, so that the
// modules of one class can be compared argument by argument.

#include <optional>
#include <string>
#include <vector>

#include "graph/types.h"

namespace isomer::python {

struct Argument {
  std::string name;         // as the dialect calls it
  std::string value;        // in Python
  bool by_name = false;     // written name=value
  bool is_default = false;  // not written
};

/// How a call takes what it is called with: arguments, or other constructions.
enum class Takes { arguments, parts, list, dict };

struct Construction {
  std::string callee;  // "nn.Conv2d"
  std::vector<Argument> arguments{};
  Takes takes = Takes::arguments;
  std::vector<Construction> parts{};
  std::string key{};        // of an entry in a dict, in Python
  std::string condition{};  // made where it holds,
  std::string identity{};   // and this elsewhere
};

/// One line of an __init__: text around a construction, or text alone.
struct InitLine {
  std::string before;
  std::optional<Construction> made;
  std::string after;
  std::string member;  // the tensor or module that it makes
};

/// Arguments by position and by name.
Argument positional(std::string_view name, std::int64_t value);
Argument flag(std::string_view name, bool value, bool fallback);

/// "nn.Conv2d(3, 8, 3, stride=2)". Many equal parts of a container are made in a comprehension.
std::string to_text(const Construction& construction);
std::string to_text(const InitLine& line);

/// The arguments of a construction and of all in it, in the order of the text.
void collect_arguments(Construction& construction, std::vector<Argument*>& arguments);

/// The text with every argument, given or not, left open: equal for what differs in values alone.
std::string outline(Construction construction);

}  // namespace isomer::python

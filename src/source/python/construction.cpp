#include "source/python/construction.h"

#include "base/text.h"

namespace isomer::python {
namespace {

std::string to_text(const Argument& argument) {
  return argument.by_name ? fmt::format("{}={}", argument.name, argument.value) : argument.value;
}

// Runs of equal parts are said once.
std::vector<std::string> without_repetition(const std::vector<std::string>& parts) {
  constexpr std::size_t many = 4;
  std::vector<std::string> result;
  for (std::size_t i = 0; i < parts.size();) {
    std::size_t end = i;
    while (end < parts.size() && parts[end] == parts[i]) ++end;
    if (end - i >= many) {
      result.push_back(fmt::format("*[{} for _ in range({})]", parts[i], end - i));
      i = end;
    } else {
      result.push_back(parts[i++]);
    }
  }
  return result;
}

std::string container_text(const Construction& made) {
  std::vector<std::string> parts;
  for (const Construction& part : made.parts) {
    const std::string text = isomer::python::to_text(part);
    parts.push_back(part.key.empty() ? text : fmt::format("{}: {}", part.key, text));
  }
  if (made.takes == Takes::dict)
    return fmt::format("{}({{{}}})", made.callee, fmt::join(parts, ", "));
  parts = without_repetition(parts);
  if (made.takes == Takes::parts) return fmt::format("{}({})", made.callee, fmt::join(parts, ", "));
  if (parts.size() == 1 && parts[0].starts_with('*'))
    return fmt::format("{}({})", made.callee, parts[0].substr(1));
  return fmt::format("{}([{}])", made.callee, fmt::join(parts, ", "));
}

}  // namespace

Argument positional(std::string_view name, std::int64_t value) {
  return {std::string(name), std::to_string(value)};
}

Argument flag(std::string_view name, bool value, bool fallback) {
  return {std::string(name), value ? "True" : "False", true, value == fallback};
}

std::string to_text(const Construction& made) {
  std::string text;
  if (!made.parts.empty()) {
    text = container_text(made);
  } else {
    std::vector<std::string> given;
    for (const Argument& argument : made.arguments) {
      if (!argument.is_default) given.push_back(to_text(argument));
    }
    text = fmt::format("{}({})", made.callee, fmt::join(given, ", "));
  }
  return made.condition.empty()
             ? text
             : fmt::format("{} if {} else {}()", text, made.condition, made.identity);
}

std::string to_text(const InitLine& line) {
  return line.before + (line.made ? to_text(*line.made) : "") + line.after;
}

void collect_arguments(Construction& construction, std::vector<Argument*>& arguments) {
  for (Argument& argument : construction.arguments) arguments.push_back(&argument);
  for (Construction& part : construction.parts) collect_arguments(part, arguments);
}

std::string outline(Construction construction) {
  std::vector<Argument*> arguments;
  collect_arguments(construction, arguments);
  for (Argument* argument : arguments) {
    argument->value = argument->name;
    argument->is_default = false;
  }
  return to_text(construction);
}

}  // namespace isomer::python

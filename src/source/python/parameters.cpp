#include "source/python/parameters.h"

#include <set>

#include "base/names.h"
#include "base/text.h"
#include "source/python/dialect.h"
#include "source/python/forward.h"
#include "source/python/python_text.h"

namespace isomer::python {
namespace {

Parameters named_parameters(const Signature& signature, std::vector<std::string_view> reserved) {
  Names names(std::move(reserved));
  const auto named = [&](const Structure& side) {
    std::vector<std::string> result;
    for (std::size_t i = 0; i < side.children.size(); ++i)
      result.push_back(names.take(i < side.keys.size() ? side.keys[i] : "x"));
    return result;
  };
  std::vector<std::string> positional = named(signature.arguments);
  return {std::move(positional), named(signature.keywords)};
}

}  // namespace

std::vector<std::string_view> reserved_words(const Dialect& dialect) {
  std::vector<std::string_view> words = python_words();
  words.emplace_back("self");
  for (const std::string_view word : split_text(dialect.globals, ' ')) words.push_back(word);
  return words;
}

Parameters parameters_of(const Modules& modules) {
  // Which words the body needs is seen when it is written with names that hide none of them.
  const Parameters careful =
      named_parameters(modules.graph.signature, reserved_words(modules.dialect));
  Choices choices;
  std::set<std::string> used;
  for (const std::string& line : forward_text(modules, 0, careful, choices).lines)
    used.merge(python_names(line));
  std::vector<std::string_view> words;
  for (const std::string_view word : reserved_words(modules.dialect)) {
    if (word == "self" || is_python_keyword(word) || used.contains(std::string(word)))
      words.push_back(word);
  }
  return named_parameters(modules.graph.signature, std::move(words));
}

}  // namespace isomer::python

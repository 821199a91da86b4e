#include "source/python/parameters.h"

#include <algorithm>
#include <set>

#include "base/names.h"
#include "base/text.h"
#include "source/python/dialect.h"
#include "source/python/forward.h"
#include "source/python/python_text.h"

namespace isomer::python {
namespace {

Parameters named_parameters(const Signature& signature, Names names) {
  const auto named = [&](const Structure& side) {
    std::vector<std::string> result;
    for (std::size_t i = 0; i < side.children.size(); ++i)
      result.push_back(names.take(i < side.keys.size() ? side.keys[i] : "x"));
    return result;
  };
  std::vector<std::string> positional = named(signature.arguments);
  return {std::move(positional), named(signature.keywords)};
}

bool is_taken(std::string_view word) { return word == "self" || is_python_keyword(word); }

}  // namespace

bool is_reserved(const Dialect& dialect, std::string_view word) {
  return word == "self" || is_python_word(word) || is_listed(word, dialect.globals);
}

Names unreserved_names(const Dialect& dialect) {
  return Names([&dialect](std::string_view word) { return is_reserved(dialect, word); });
}

Parameters parameters_of(const Modules& modules) {
  const Dialect& dialect = modules.dialect;
  const Signature& signature = modules.graph.signature;
  const Parameters careful = named_parameters(signature, unreserved_names(dialect));
  if (careful == named_parameters(signature, Names(is_taken))) return careful;
  // Which words the body needs is seen when it is written with names that hide none of them.
  Choices choices;
  std::set<std::string, std::less<>> used;
  for (const std::string& line : forward_text(modules, 0, careful, choices).lines)
    used.merge(python_names(line));
  return named_parameters(signature, Names([&](std::string_view word) {
                            return is_taken(word) ||
                                   (is_reserved(dialect, word) && used.contains(word));
                          }));
}

bool may_be_left_out(const Signature& signature, const Structure& side, std::size_t i) {
  // Positional ones can where all that follow can.
  return &side == &signature.keywords ||
         std::all_of(side.children.begin() + static_cast<std::ptrdiff_t>(i), side.children.end(),
                     [](const Structure& later) { return later.kind == Structure::Kind::none; });
}

}  // namespace isomer::python

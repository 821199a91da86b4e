#include "source/python/python_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/names.h"
#include "base/text.h"
#include "graph/length_text.h"

namespace isomer::python {
namespace {

constexpr auto keywords = std::to_array<std::string_view>(
    {"False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
     "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
     "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
     "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield"});

constexpr auto builtins = std::to_array<std::string_view>(
    {"abs",     "all",   "any",  "bin",    "bool", "bytes",  "callable", "chr",   "compile",
     "complex", "dict",  "dir",  "divmod", "eval", "exec",   "filter",   "float", "format",
     "getattr", "hash",  "help", "hex",    "id",   "input",  "int",      "iter",  "len",
     "list",    "map",   "max",  "min",    "next", "object", "open",     "ord",   "pow",
     "print",   "range", "repr", "round",  "set",  "slice",  "sorted",   "str",   "sum",
     "super",   "tuple", "type", "vars",   "zip"});

static_assert(std::ranges::is_sorted(keywords) && std::ranges::is_sorted(builtins));

constexpr std::string_view openers = "([{";
constexpr std::string_view closers = ")]}";

// Calls `see(position, depth)` for every character outside string literals.
template <class See>
void scan(std::string_view text, See&& see) {
  int depth = 0;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != '\0') {
      if (c == '\\') ++i;
      if (c == quote) quote = '\0';
      continue;
    }
    if (c == '"' || c == '\'') quote = c;
    if (closers.find(c) != std::string_view::npos) --depth;
    see(i, depth);
    if (openers.find(c) != std::string_view::npos) ++depth;
  }
}

// The outermost brackets that hold most: where they open and close.
std::optional<std::pair<std::size_t, std::size_t>> longest_brackets(std::string_view text) {
  std::optional<std::pair<std::size_t, std::size_t>> best;
  std::size_t opened = 0;
  scan(text, [&](std::size_t i, int depth) {
    if (depth != 0) return;
    if (openers.find(text[i]) != std::string_view::npos) opened = i;
    const bool closes = closers.find(text[i]) != std::string_view::npos && i > opened + 1;
    if (closes && (!best || i - opened > best->second - best->first)) best = {opened, i};
  });
  return best;
}

std::vector<std::string_view> elements(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  scan(text, [&](std::size_t i, int depth) {
    if (depth != 0 || text[i] != ',') return;
    parts.push_back(trimmed(text.substr(begin, i - begin)));
    begin = i + 1;
  });
  if (const std::string_view last = trimmed(text.substr(begin)); !last.empty())
    parts.push_back(last);
  return parts;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

}  // namespace

std::string bound(const Expression& expression, Binding least) {
  return expression.binding < least ? "(" + expression.text + ")" : expression.text;
}

std::string python_literal(bool value) { return value ? "True" : "False"; }

std::string python_literal(double value) {
  return std::isfinite(value) ? real_text(value) : fmt::format("float(\"{}\")", real_text(value));
}

std::string python_literal(float value) {
  // The largest float has a shortest text that stands for a larger double.
  const bool short_enough = std::abs(value) < std::numeric_limits<float>::max();
  return short_enough ? real_text(value) : python_literal(static_cast<double>(value));
}

std::string python_literal(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') text += '\\';
    if (code < 0x20 || code == 0x7f) {
      text += fmt::format("\\x{:02x}", code);
    } else {
      text += c;
    }
  }
  return text + "\"";
}

std::string python_tuple(const std::vector<std::string>& items) {
  return fmt::format("({}{})", fmt::join(items, ", "), items.size() == 1 ? "," : "");
}

std::string python_nested(const Structure& structure,
                          const std::function<std::string(const Structure&)>& leaf) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < structure.children.size(); ++i) {
    std::string part = python_nested(structure.children[i], leaf);
    if (structure.kind == Structure::Kind::dict) {
      part.insert(0, python_literal(std::string_view(structure.keys[i])) + ": ");
    }
    parts.push_back(std::move(part));
  }
  switch (structure.kind) {
    case Structure::Kind::leaf: return leaf(structure);
    case Structure::Kind::none: return "None";
    case Structure::Kind::tuple: return python_tuple(parts);
    case Structure::Kind::list: return fmt::format("[{}]", fmt::join(parts, ", "));
    case Structure::Kind::dict: return fmt::format("{{{}}}", fmt::join(parts, ", "));
  }
  throw Error(Fault::bug, "", "a structure of no kind");
}

Expression python_length(const Dim& dim,
                         const std::function<std::string(const std::string&)>& name_of) {
  const auto operand = [](const std::string& text) {
    const bool plain = std::ranges::all_of(
        text, [](char c) { return is_word(c) || c == '.' || c == '[' || c == ']'; });
    return plain ? text : "(" + text + ")";
  };
  const auto call = [&](std::string_view function, const std::vector<std::string>& arguments) {
    if (function != "floordiv" && function != "mod")
      return fmt::format("{}({})", function, fmt::join(arguments, ", "));
    return fmt::format("({} {} {})", operand(arguments[0]), function == "mod" ? "%" : "//",
                       operand(arguments[1]));
  };
  std::string text = to_text(dim, {name_of, call, " * "});
  const bool plain = text.find(' ') == std::string::npos && text[0] != '-';
  return {std::move(text), plain ? Binding::atom : Binding::sum};
}

bool is_python_word(std::string_view word) {
  return is_python_keyword(word) || std::ranges::binary_search(builtins, word);
}

bool is_python_keyword(std::string_view word) { return std::ranges::binary_search(keywords, word); }

bool is_listed(std::string_view word, std::string_view list) {
  const std::vector<std::string_view> words = split_text(list, ' ');
  return std::ranges::find(words, word) != words.end();
}

bool is_python_name(const std::string& text) {
  return identifier(text) == text && !is_python_keyword(text);
}

std::set<std::string, std::less<>> python_names(std::string_view program) {
  std::set<std::string, std::less<>> names;
  std::size_t begin = 0;  // of the word that the scan is in
  std::size_t end = 0;
  const auto finish = [&](std::size_t next) {
    const std::string_view after = trimmed(program.substr(end, 3));
    const bool argument = after.starts_with('=') && !after.starts_with("==");
    const bool attribute = begin > 0 && program[begin - 1] == '.';
    if (end > begin && !argument && !attribute) names.emplace(program.substr(begin, end - begin));
    begin = end = next;
  };
  scan(program, [&](std::size_t i, int) {
    if (i != end) finish(i);
    if (is_word(program[i])) {
      end = i + 1;
    } else {
      finish(i + 1);
    }
  });
  finish(end);
  return names;
}

std::vector<std::pair<std::size_t, std::size_t>> python_numbers(std::string_view line) {
  std::vector<std::pair<std::size_t, std::size_t>> numbers;
  scan(line, [&](std::size_t i, int) {
    const auto is_digit = [&](std::size_t at) {
      return at < line.size() && std::isdigit(static_cast<unsigned char>(line[at])) != 0;
    };
    if (!is_digit(i) || (!numbers.empty() && i < numbers.back().second)) return;
    if (i > 0 && (is_word(line[i - 1]) || line[i - 1] == '.')) return;
    std::size_t end = i;
    while (is_digit(end) || (end < line.size() && line[end] == '.')) ++end;
    if (end < line.size() && line[end] == 'e') {
      const std::size_t digits = end + (end + 1 < line.size() && !is_digit(end + 1) ? 2 : 1);
      if (is_digit(digits)) end = digits;
      while (is_digit(end)) ++end;
    }
    numbers.emplace_back(i, end);
  });
  return numbers;
}

std::optional<std::string> singular(std::string_view word) {
  const bool plural = word.size() > 3 && word.ends_with('s') && !word.ends_with("ss");
  return plural ? std::optional<std::string>(word.substr(0, word.size() - 1)) : std::nullopt;
}

std::string class_name(std::string_view text) {
  std::string name;
  bool first = true;
  for (const char c : text) {
    if (!is_word(c) || c == '_') {
      first = true;
      continue;
    }
    name += first ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    first = false;
  }
  if (!name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) != 0)
    name.insert(0, "Part");
  return name;
}

void PythonText::line(std::string_view text) { broken(text, indent_, ""); }

void PythonText::blank() { text_ += '\n'; }

void PythonText::open(std::string_view head) {
  line(head);
  indent_ += 4;
}

void PythonText::close() { indent_ -= 4; }

void PythonText::broken(std::string_view text, std::size_t indent, std::string_view after) {
  const std::string margin(indent, ' ');
  const auto brackets = longest_brackets(text);
  if (indent + text.size() + after.size() <= width || !brackets) {
    text_ += fmt::format("{}{}{}\n", margin, text, after);
    return;
  }
  const auto [opened, closed] = *brackets;
  const std::string_view inside = text.substr(opened + 1, closed - opened - 1);
  text_ += fmt::format("{}{}\n", margin, text.substr(0, opened + 1));
  const std::vector<std::string_view> parts = elements(inside);
  // A comma after a lone element would make a tuple of it.
  if (parts.size() < 2 || indent + 4 + inside.size() <= width) {
    broken(inside, indent + 4, "");
  } else {
    for (const std::string_view part : parts) broken(part, indent + 4, ",");
  }
  text_ += fmt::format("{}{}{}\n", margin, text.substr(closed), after);
}

}  // namespace isomer::python

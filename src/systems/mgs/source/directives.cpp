#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "systems/mgs/source/condition.h"
#include "systems/mgs/source/preprocessor.h"

namespace isomer::mgs {
namespace {

constexpr int most_included = 200;

bool leads_out(std::string_view name) { return name.starts_with("..") || name.starts_with("/"); }

}  // namespace

std::string Preprocessor::directive_text(Reading& in) {
  std::string text;
  while (in.at < in.text.size() && in.text[in.at] != '\n') {
    if (is_comment(in) || is_splice(in)) {
      skip_space(in);
      text += ' ';
    } else {
      const std::size_t end = in.text[in.at] == '"' ? piece_end(in.text, in.at) : in.at + 1;
      text.append(in.text.substr(in.at, end - in.at));
      in.at = end;
    }
  }
  if (in.at < in.text.size()) {
    ++in.at;
    new_line(in);
  }
  return text;
}

void Preprocessor::directive(Reading& in) {
  const Place where = place(in, in.at);
  Macros::Where about = where_of(in);
  ++in.at;
  const std::string line = directive_text(in);
  const std::string_view rest = trimmed(line);
  std::size_t end = 0;
  while (end < rest.size() && continues_name(rest[end])) ++end;
  const std::string_view word = rest.substr(0, end);
  const std::string_view after = trimmed(rest.substr(end));
  if (conditional(in, word, after, where, about)) return;
  if (!active_ || rest.empty()) return;
  try {
    if (!other_directive(in, word, rest, after, where))
      problems_.error(Mistake::preprocessor, where,
                      fmt::format("there is no directive {}", quoted(fmt::format("#{}", word))));
  } catch (const Fatal&) {
    throw;
  } catch (const Error& error) {
    report(error, where);
  }
}

bool Preprocessor::conditional(const Reading& in, std::string_view word, std::string_view after,
                               const Place& where, const Macros::Where& about) {
  if (word == "if" || word == "ifdef" || word == "ifndef") {
    open_.push_back({.place = where, .outer_active = active_});
    if (open_.size() > 10'000) fail(where, "conditions are nested more than 10000 deep");
    choose([&] {
      return word == "if" ? holds(in, after, where, about)
                          : is_defined(after, where) == (word == "ifdef");
    });
    return true;
  }
  if (word != "elif" && word != "else" && word != "endif") return false;
  if (open_.empty()) {
    problems_.error(Mistake::preprocessor, where, fmt::format("'#{}' stands after no '#if'", word));
    return true;
  }
  OpenCondition& open = open_.back();
  if (word == "endif") {
    active_ = open.outer_active;
    open_.pop_back();
    return true;
  }
  if (open.in_else)
    problems_.error(Mistake::preprocessor, where, fmt::format("'#{}' stands after '#else'", word));
  open.in_else = open.in_else || word == "else";
  choose([&] { return word == "else" || holds(in, after, where, about); });
  return true;
}

template <class Holds>
void Preprocessor::choose(const Holds& holds) {
  OpenCondition& open = open_.back();
  active_ = open.outer_active && !open.taken && holds();
  open.taken = open.taken || active_;
}

bool Preprocessor::holds(const Reading& in, std::string_view text, const Place& where,
                         const Macros::Where& about) {
  try {
    return condition_holds(text, macros_, about, [&](const std::string& name) {
      return find_file(in, name).has_value();
    });
  } catch (const Error& error) {
    report(error, where);
    return false;
  }
}

bool Preprocessor::is_defined(std::string_view text, const Place& where) {
  const std::vector<Piece> pieces = pieces_of(text);
  if (pieces.empty() || pieces[0].kind != PieceKind::name) {
    problems_.error(Mistake::preprocessor, where, "the condition names no macro");
    return false;
  }
  return pieces[0].text == has_include || macros_.find(pieces[0].text) != nullptr;
}

bool Preprocessor::other_directive(Reading& in, std::string_view word, std::string_view rest,
                                   std::string_view after, const Place& where) {
  if (word == "define") {
    macros_.define(after);
  } else if (word == "undef") {
    macros_.undefine(after.substr(0, piece_end_or_all(after)));
  } else if (word == "include") {
    include(in, after, where);
  } else if (word == "error" || word == "warning") {
    const std::string what = fmt::format("#{} {}", word, after);
    if (word == "error")
      problems_.error(Mistake::preprocessor, where, what);
    else
      problems_.warning(Mistake::preprocessor, where, what);
  } else if (word == "line") {
    line_marker(in, after);
  } else if (!rest.empty() && is_digit(rest[0])) {
    line_marker(in, rest);
  } else if (word == "pragma") {
    if (after == "once") once_.insert(result_.files[in.file]);
  } else {
    return word == "ident";
  }
  return true;
}

std::size_t Preprocessor::piece_end_or_all(std::string_view text) {
  return text.empty() ? 0 : piece_end(text, 0);
}

void Preprocessor::line_marker(Reading& in, std::string_view text) {
  std::uint32_t line = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), line);
  if (failed != std::errc{} || line > 2'000'000'000u)
    throw Error(Fault::file, "", "the line's number is none");
  in.line = line;
  const std::string_view name = trimmed(text.substr(static_cast<std::size_t>(end - text.data())));
  const std::size_t closing = name.find('"', 1);
  if (!name.starts_with('"') || closing == std::string_view::npos) return;
  in.file = number_of(std::string(name.substr(1, closing - 1)));
}

std::uint32_t Preprocessor::number_of(const std::string& name) {
  const auto found = std::ranges::find(result_.files, name);
  if (found != result_.files.end())
    return static_cast<std::uint32_t>(found - result_.files.begin());
  if (result_.files.size() >= 100'000) throw Error(Fault::unsupported, "", "too many files");
  result_.files.push_back(name);
  return static_cast<std::uint32_t>(result_.files.size() - 1);
}

// ---- includes

void Preprocessor::include(Reading& in, std::string_view after, const Place& where) {
  std::string named(after);
  if (!after.starts_with('"') && !after.starts_with('<')) {
    named.clear();
    for (const Piece& piece : macros_.expand(pieces_of(after), where_of(in))) named += piece.text;
  }
  const char closing = named.starts_with('<') ? '>' : '"';
  const std::size_t end = named.find(closing, 1);
  if (named.size() < 3 || end == std::string::npos || end == 1)
    throw Error(Fault::file, "", "'#include' is followed by no file's name in quotes");
  include_file(in, named.substr(1, end - 1), where);
}

std::optional<Preprocessor::Found> Preprocessor::find_file(const Reading& in,
                                                           const std::string& name) const {
  namespace fs = std::filesystem;
  const std::string in_root = fs::path(name).lexically_normal().generic_string();
  std::vector<std::string> candidates = {
      (fs::path(in.folder) / name).lexically_normal().generic_string(), in_root};
  if (leads_out(in_root)) {
    // What lies outside may have been copied here.
    std::string below = in_root;
    while (below.starts_with("../")) below.erase(0, 3);
    candidates.insert(candidates.end(), {below, fs::path(name).filename().generic_string()});
  }
  for (const std::string& candidate : candidates)
    if (!leads_out(candidate) && files_.has(candidate))
      return Found{candidate, files_.read(candidate)};
  const std::string_view text = built_in_file(name);
  if (text.empty()) return {};
  return Found{name, {}, text};
}

void Preprocessor::include_file(const Reading& in, const std::string& name, const Place& where) {
  if (in.depth >= most_included)
    fail(where, fmt::format("files include each other more than {} deep", most_included),
         "an include file is guarded by '#ifndef', '#define', '#endif'");
  const std::optional<Found> found = find_file(in, name);
  if (!found) {
    const bool outside = leads_out(std::filesystem::path(name).lexically_normal().generic_string());
    problems_.error(Mistake::file, where, fmt::format("there is no file {}", quoted(name)),
                    outside ? "files outside of the folder are not read; a copy in it is"
                            : "it is looked for in the folder of the main file; built in are "
                              "std.gsl and DNNTools.mdl");
    return;
  }
  if (in.depth == 0) result_.includes.push_back({{name, where}, number_of(found->name)});
  read_included(in, found->name, found->file ? found->file->text() : found->built_in);
}

void Preprocessor::read_included(const Reading& from, const std::string& name,
                                 std::string_view text) {
  if (once_.contains(name)) return;
  Reading in{.file = number_of(name),
             .folder = std::filesystem::path(name).parent_path().generic_string(),
             .text = text,
             .depth = from.depth + 1};
  put_space();
  read_text(in);
  put_space();
}

}  // namespace isomer::mgs

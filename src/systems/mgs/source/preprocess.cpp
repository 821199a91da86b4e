#include "systems/mgs/source/preprocess.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "systems/mgs/source/condition.h"
#include "systems/mgs/source/macros.h"

namespace isomer::mgs {
namespace {

constexpr int most_included = 200;
constexpr std::size_t most_text = std::size_t{256} << 20;

/// One "#if" that is open.
struct OpenCondition {
  Place place;
  bool outer_active = true;
  bool taken = false;  // one of its branches was
  bool in_else = false;
};

/// The file that is being read.
struct Reading {
  std::uint32_t file = 0;
  std::string folder = {};
  std::string_view text = {};
  std::size_t at = 0;
  std::uint32_t line = 1;
  std::size_t line_begin = 0;
  int depth = 0;
};

class Preprocessor {
 public:
  Preprocessor(const Files& files, Problems& problems) : files_(files), problems_(problems) {}

  Preprocessed run(std::string_view entry, std::string_view content) {
    result_.files.emplace_back(entry);
    Reading main{.text = content};
    read_text(main);
    return std::move(result_);
  }

 private:
  // ---- text

  void read_text(Reading& in) {
    const std::size_t open_before = open_.size();
    bool line_start = true;
    while (in.at < in.text.size()) {
      if (line_start) skip_blanks(in);
      if (in.at >= in.text.size()) break;
      if (line_start && in.text[in.at] == '#') {
        directive(in);
        continue;
      }
      line_start = active_ ? copy_line(in) : skip_line(in);
    }
    while (open_.size() > open_before) {
      problems_.error(Mistake::preprocessor, open_.back().place, "this condition has no end",
                      "it ends with '#endif'");
      active_ = open_.back().outer_active;
      open_.pop_back();
    }
  }

  static void skip_blanks(Reading& in) {
    while (in.at < in.text.size() && is_blank(in.text[in.at])) ++in.at;
  }

  static void new_line(Reading& in) {
    ++in.line;
    in.line_begin = in.at;
  }

  Place place(const Reading& in, std::size_t at) const {
    return {in.file, in.line, static_cast<std::uint32_t>(at - in.line_begin + 1)};
  }

  [[noreturn]] void fail(const Place& where, std::string what, std::string instead = {}) const {
    throw Fatal({Mistake::limit, where, std::move(what), std::move(instead)}, result_.files);
  }

  /// The text from `begin` up to where the reading is, as it is.
  void copy(const Reading& in, std::size_t begin, const Place& where) {
    if (begin == in.at) return;
    if (result_.text.size() + (in.at - begin) > most_text)
      fail(where, fmt::format("all files together have more than {} bytes", most_text));
    if (after_macro_ && would_join(result_.text.back(), after_number_, in.text[begin]))
      result_.text += ' ';
    after_macro_ = false;
    result_.segments.push_back({result_.text.size(), where, false});
    result_.text.append(in.text.substr(begin, in.at - begin));
  }

  /// Up to the line's end and over it, or up to where a comment, a splice or a macro ended;
  /// whether a line begins there.
  bool copy_line(Reading& in) {
    std::size_t begin = in.at;
    Place where = place(in, begin);
    while (in.at < in.text.size()) {
      const char c = in.text[in.at];
      if (c == '\n') {
        ++in.at;
        new_line(in);
        skip_blanks(in);
        if (in.at < in.text.size() && in.text[in.at] == '#') break;
      } else if (begins_name(c)) {
        const std::size_t end = piece_end(in.text, in.at);
        const std::string_view name = in.text.substr(in.at, end - in.at);
        if (const Macro* macro = macros_.find(name)) {
          copy(in, begin, where);
          use_macro(in, name, *macro);
          begin = in.at;
          where = place(in, begin);
        } else {
          in.at = end;
        }
      } else if (is_digit(c) || c == '"') {
        in.at = piece_end(in.text, in.at);
      } else if (is_comment(in) || is_splice(in)) {
        copy(in, begin, where);
        skip_space(in);
        put_space();
        begin = in.at;
        where = place(in, begin);
      } else {
        ++in.at;
      }
    }
    copy(in, begin, where);
    return true;
  }

  void put_space() {
    if (!result_.text.empty() && !is_blank(result_.text.back())) result_.text += ' ';
    after_macro_ = false;
  }

  static bool is_comment(const Reading& in) {
    if (in.text[in.at] != '/' || in.at + 1 >= in.text.size()) return false;
    return in.text[in.at + 1] == '/' || in.text[in.at + 1] == '*';
  }

  static bool is_splice(const Reading& in) {
    const std::string_view rest = in.text.substr(in.at, 3);
    return rest.starts_with("\\\n") || rest.starts_with("\\\r\n");
  }

  /// Over a comment, up to the line's end of one that ends there; or over the end of a line that
  /// goes on.
  void skip_space(Reading& in) {
    if (in.text[in.at] == '\\') {
      in.at = in.text.find('\n', in.at) + 1;
      new_line(in);
    } else if (in.text[in.at + 1] == '/') {
      while (in.at < in.text.size() && in.text[in.at] != '\n') {
        if (is_splice(in)) {
          in.at = in.text.find('\n', in.at);
          ++in.at;
          new_line(in);
        } else {
          ++in.at;
        }
      }
    } else {
      skip_block_comment(in);
    }
  }

  void skip_block_comment(Reading& in) {
    const Place where = place(in, in.at);
    const std::size_t end = in.text.find("*/", in.at + 2);
    if (end == std::string_view::npos)
      problems_.error(Mistake::preprocessor, where, "this comment has no end", "it ends with '*/'");
    const std::size_t after = end == std::string_view::npos ? in.text.size() : end + 2;
    while (in.at < after) {
      const std::size_t line = in.text.find('\n', in.at);
      if (line == std::string_view::npos || line >= after) break;
      in.at = line + 1;
      new_line(in);
    }
    in.at = after;
  }

  /// A line that a condition leaves out.
  bool skip_line(Reading& in) {
    while (in.at < in.text.size()) {
      const char c = in.text[in.at];
      if (c == '\n') {
        ++in.at;
        new_line(in);
        return true;
      }
      if (is_comment(in) || is_splice(in)) {
        skip_space(in);
      } else {
        in.at = c == '"' ? piece_end(in.text, in.at) : in.at + 1;
      }
    }
    return true;
  }

  // ---- macros

  Macros::Where where_of(const Reading& in) const { return {result_.files[in.file], in.line}; }

  void use_macro(Reading& in, std::string_view name, const Macro& macro) {
    const Place where = place(in, in.at);
    in.at += name.size();
    std::vector<Piece> pieces = {{PieceKind::name, false, 0, std::string(name)}};
    if (macro.takes_arguments) {
      const std::vector<Piece> call = call_after(in, where);
      pieces.insert(pieces.end(), call.begin(), call.end());
    }
    const Macros::Where about = where_of(in);
    try {
      put(macros_.expand(std::move(pieces), about, [&] { return call_after(in, where); }), where);
    } catch (const Error& error) {
      report(error, where);
    }
  }

  void report(const Error& error, const Place& where) {
    if (error.fault() == Fault::unsupported) fail(where, error.text());
    problems_.error(Mistake::preprocessor, where, error.text());
  }

  void put(const std::vector<Piece>& pieces, const Place& where) {
    if (pieces.empty()) return put_space();
    std::string& text = result_.text;
    bool number = after_number_ && after_macro_;
    result_.segments.push_back({text.size(), where, true});
    for (const Piece& piece : pieces) {
      if (!text.empty() && (piece.space || would_join(text.back(), number, piece.text.front())))
        text += ' ';
      text += piece.text;
      number = piece.kind == PieceKind::number;
      if (text.size() > most_text)
        fail(where, fmt::format("all files together have more than {} bytes", most_text));
    }
    after_macro_ = true;
    after_number_ = number;
  }

  /// The pieces from "(" to its ")" that follow in the text, perhaps lines later; else nothing,
  /// and the reading stays.
  std::vector<Piece> call_after(Reading& in, const Place& where) {
    const Reading before = in;
    std::vector<Piece> call;
    int depth = 0;
    bool space = false;
    while (in.at < in.text.size()) {
      const char c = in.text[in.at];
      if (c == '\n' || is_blank(c)) {
        space = true;
        ++in.at;
        if (c == '\n') new_line(in);
        continue;
      }
      if (is_comment(in) || is_splice(in)) {
        skip_space(in);
        space = true;
        continue;
      }
      if (call.empty() && c != '(') break;
      const std::size_t end = piece_end(in.text, in.at);
      const std::string_view piece = in.text.substr(in.at, end - in.at);
      call.push_back({piece_kind(piece), space, 0, std::string(piece)});
      if (call.size() > MacroBudget::most_of_one) fail(where, "the macros grow beyond all bounds");
      space = false;
      in.at = end;
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      if (depth == 0) return call;
    }
    const bool open = !call.empty();
    in = before;
    if (open)
      throw Fatal({Mistake::preprocessor, where, "the arguments of this macro have no end", {}},
                  result_.files);
    return {};
  }

  // ---- directives

  /// The rest of a directive's line, without comments, lines that go on joined.
  std::string directive_text(Reading& in) {
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

  void directive(Reading& in) {
    const Place where = place(in, in.at);
    Macros::Where about = where_of(in);
    ++in.at;
    const std::string line = directive_text(in);
    const std::string_view rest = trimmed(line);
    std::size_t end = 0;
    while (end < rest.size() && continues_name(rest[end])) ++end;
    const std::string_view word = rest.substr(0, end);
    const std::string_view after = trimmed(rest.substr(end));
    if (conditional(word, after, where, about)) return;
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

  bool conditional(std::string_view word, std::string_view after, const Place& where,
                   const Macros::Where& about) {
    if (word == "if" || word == "ifdef" || word == "ifndef") {
      open_.push_back({.place = where, .outer_active = active_});
      if (open_.size() > 10'000) fail(where, "conditions are nested more than 10000 deep");
      choose([&] {
        return word == "if" ? holds(after, where, about)
                            : is_defined(after, where) == (word == "ifdef");
      });
      return true;
    }
    if (word != "elif" && word != "else" && word != "endif") return false;
    if (open_.empty()) {
      problems_.error(Mistake::preprocessor, where,
                      fmt::format("'#{}' stands after no '#if'", word));
      return true;
    }
    OpenCondition& open = open_.back();
    if (word == "endif") {
      active_ = open.outer_active;
      open_.pop_back();
      return true;
    }
    if (open.in_else)
      problems_.error(Mistake::preprocessor, where,
                      fmt::format("'#{}' stands after '#else'", word));
    open.in_else = open.in_else || word == "else";
    choose([&] { return word == "else" || holds(after, where, about); });
    return true;
  }

  /// Whether the branch that begins now is read.
  template <class Holds>
  void choose(const Holds& holds) {
    OpenCondition& open = open_.back();
    active_ = open.outer_active && !open.taken && holds();
    open.taken = open.taken || active_;
  }

  bool holds(std::string_view text, const Place& where, const Macros::Where& about) {
    try {
      return condition_holds(text, macros_, about);
    } catch (const Error& error) {
      report(error, where);
      return false;
    }
  }

  bool is_defined(std::string_view text, const Place& where) {
    const std::vector<Piece> pieces = pieces_of(text);
    if (pieces.empty() || pieces[0].kind != PieceKind::name) {
      problems_.error(Mistake::preprocessor, where, "the condition names no macro");
      return false;
    }
    return macros_.find(pieces[0].text) != nullptr;
  }

  /// False where there is no such directive.
  bool other_directive(Reading& in, std::string_view word, std::string_view rest,
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

  static std::size_t piece_end_or_all(std::string_view text) {
    return text.empty() ? 0 : piece_end(text, 0);
  }

  /// '12 "name"': what the next line is to be called.
  void line_marker(Reading& in, std::string_view text) {
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

  std::uint32_t number_of(const std::string& name) {
    const auto found = std::ranges::find(result_.files, name);
    if (found != result_.files.end())
      return static_cast<std::uint32_t>(found - result_.files.begin());
    if (result_.files.size() >= 100'000) throw Error(Fault::unsupported, "", "too many files");
    result_.files.push_back(name);
    return static_cast<std::uint32_t>(result_.files.size() - 1);
  }

  // ---- includes

  void include(Reading& in, std::string_view after, const Place& where) {
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

  void include_file(const Reading& in, const std::string& name, const Place& where) {
    if (in.depth >= most_included)
      fail(where, fmt::format("files include each other more than {} deep", most_included),
           "an include file is guarded by '#ifndef', '#define', '#endif'");
    namespace fs = std::filesystem;
    const std::string beside = (fs::path(in.folder) / name).lexically_normal().generic_string();
    const std::string in_root = fs::path(name).lexically_normal().generic_string();
    for (const std::string& candidate : {beside, in_root}) {
      const bool inside = !candidate.starts_with("..") && !candidate.starts_with("/");
      if (!inside || !files_.has(candidate)) continue;
      const Bytes bytes = files_.read(candidate);
      return read_included(in, candidate, bytes.text());
    }
    if (const std::string_view text = built_in_file(name); !text.empty())
      return read_included(in, name, text);
    const bool outside = in_root.starts_with("..") || in_root.starts_with("/");
    problems_.error(Mistake::file, where, fmt::format("there is no file {}", quoted(name)),
                    outside ? "files outside of the folder are not read"
                            : "it is looked for in the folder of the main file; built in are "
                              "std.gsl and DNNTools.mdl");
  }

  void read_included(const Reading& from, const std::string& name, std::string_view text) {
    if (once_.contains(name)) return;
    Reading in{.file = number_of(name),
               .folder = std::filesystem::path(name).parent_path().generic_string(),
               .text = text,
               .depth = from.depth + 1};
    put_space();
    read_text(in);
    put_space();
  }

  const Files& files_;
  Problems& problems_;
  Macros macros_;
  Preprocessed result_;
  std::vector<OpenCondition> open_;
  std::set<std::string> once_;
  bool active_ = true;
  bool after_macro_ = false;   // what was written last came of one
  bool after_number_ = false;  // and was a number
};

}  // namespace

Preprocessed preprocess(const Files& files, std::string_view entry, std::string_view content,
                        Problems& problems) {
  return Preprocessor(files, problems).run(entry, content);
}

Preprocessed preprocess(const Files& files, std::string_view entry, Problems& problems) {
  if (!files.has(entry))
    throw Fatal({Mistake::file, {}, "there is no such file", {}}, {std::string(entry)});
  const Bytes bytes = files.read(entry);
  return preprocess(files, entry, bytes.text(), problems);
}

}  // namespace isomer::mgs

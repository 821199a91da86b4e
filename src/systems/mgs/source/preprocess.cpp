#include "systems/mgs/source/preprocess.h"

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "systems/mgs/source/preprocessor.h"

namespace isomer::mgs {
namespace {

constexpr std::size_t most_text = std::size_t{256} << 20;

/// Stands in main files for the folder that MGS lies in.
constexpr std::string_view root_mark = "<MGSROOT>";

/// The text with that folder, as the environment names it; as it is where it names none.
std::string with_root(std::string_view text) {
  const char* root = std::getenv("MGSROOT");
  if (root == nullptr) return std::string(text);
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t found = text.find(root_mark, at);
    result += text.substr(at, found - at);
    if (found == std::string_view::npos) break;
    result += root;
    at = found + root_mark.size();
  }
  return result;
}

}  // namespace

Preprocessed Preprocessor::run(std::string_view entry, std::string_view content) {
  result_.files.emplace_back(entry);
  Reading main{.folder = std::filesystem::path(entry).parent_path().generic_string(),
               .text = content};
  read_text(main);
  return std::move(result_);
}

// ---- text

void Preprocessor::read_text(Reading& in) {
  const std::size_t open_before = open_.size();
  for (skip_blanks(in); in.at < in.text.size(); skip_blanks(in)) {
    if (begins_directive(in)) {
      directive(in);
    } else if (active_) {
      copy_lines(in);
    } else {
      skip_line(in);
    }
  }
  while (open_.size() > open_before) {
    problems_.error(Mistake::preprocessor, open_.back().place, "this condition has no end",
                    "it ends with '#endif'");
    active_ = open_.back().outer_active;
    open_.pop_back();
  }
}

void Preprocessor::skip_blanks(Reading& in) {
  while (in.at < in.text.size() && is_blank(in.text[in.at])) ++in.at;
}

/// Two signs are text.
bool Preprocessor::begins_directive(const Reading& in) {
  return in.at < in.text.size() && in.text[in.at] == '#' && in.text.substr(in.at, 2) != "##";
}

void Preprocessor::new_line(Reading& in) {
  ++in.line;
  in.line_begin = in.at;
}

Place Preprocessor::place(const Reading& in, std::size_t at) const {
  return {in.file, in.line, static_cast<std::uint32_t>(at - in.line_begin + 1)};
}

void Preprocessor::fail(const Place& where, std::string what, std::string instead) const {
  throw Fatal({Mistake::limit, where, std::move(what), std::move(instead)}, result_.files);
}

void Preprocessor::copy(const Reading& in, std::size_t begin, const Place& where) {
  if (begin == in.at) return;
  if (result_.text.size() + (in.at - begin) > most_text)
    fail(where, fmt::format("all files together have more than {} bytes", most_text));
  if (after_macro_ && would_join(result_.text.back(), after_number_, in.text[begin]))
    result_.text += ' ';
  after_macro_ = false;
  result_.segments.push_back({result_.text.size(), where, false});
  result_.text.append(in.text.substr(begin, in.at - begin));
}

void Preprocessor::copy_lines(Reading& in) {
  std::size_t begin = in.at;
  Place where = place(in, begin);
  while (in.at < in.text.size()) {
    const char c = in.text[in.at];
    if (c == '\n') {
      ++in.at;
      new_line(in);
      skip_blanks(in);
      if (begins_directive(in)) break;
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
}

void Preprocessor::put_space() {
  if (!result_.text.empty() && !is_blank(result_.text.back())) result_.text += ' ';
  after_macro_ = false;
}

bool Preprocessor::is_comment(const Reading& in) {
  if (in.text[in.at] != '/' || in.at + 1 >= in.text.size()) return false;
  return in.text[in.at + 1] == '/' || in.text[in.at + 1] == '*';
}

bool Preprocessor::is_splice(const Reading& in) {
  const std::string_view rest = in.text.substr(in.at, 3);
  return rest.starts_with("\\\n") || rest.starts_with("\\\r\n");
}

void Preprocessor::skip_space(Reading& in) {
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

void Preprocessor::skip_block_comment(Reading& in) {
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

void Preprocessor::skip_line(Reading& in) {
  while (in.at < in.text.size()) {
    const char c = in.text[in.at];
    if (c == '\n') {
      ++in.at;
      new_line(in);
      return;
    }
    if (is_comment(in) || is_splice(in)) {
      skip_space(in);
    } else {
      in.at = c == '"' ? piece_end(in.text, in.at) : in.at + 1;
    }
  }
}

// ---- macros

Macros::Where Preprocessor::where_of(const Reading& in) const {
  return {result_.files[in.file], in.line};
}

void Preprocessor::use_macro(Reading& in, std::string_view name, const Macro& macro) {
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

void Preprocessor::report(const Error& error, const Place& where) {
  if (error.fault() == Fault::unsupported) fail(where, error.text());
  problems_.error(Mistake::preprocessor, where, error.text());
}

void Preprocessor::put(const std::vector<Piece>& pieces, const Place& where) {
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

std::vector<Piece> Preprocessor::call_after(Reading& in, const Place& where) {
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

// ---- the door

Preprocessed preprocess(const Files& files, std::string_view entry, std::string_view content,
                        Problems& problems) {
  return Preprocessor(files, problems).run(entry, content);
}

Preprocessed preprocess(const Files& files, std::string_view entry, Problems& problems) {
  if (!files.has(entry))
    throw Fatal({Mistake::file, {}, "there is no such file", {}}, {std::string(entry)});
  const Bytes bytes = files.read(entry);
  if (bytes.text().find(root_mark) == std::string_view::npos)
    return preprocess(files, entry, bytes.text(), problems);
  return preprocess(files, entry, with_root(bytes.text()), problems);
}

}  // namespace isomer::mgs

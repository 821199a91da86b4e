#include "systems/mgs/source/macros.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/text.h"

namespace isomer::mgs {
namespace {

[[noreturn]] void refuse_macro(std::string what) { throw Error(Fault::file, "", std::move(what)); }

/// Parameters from after "(", of a definition; `at` is after ")" then.
void read_parameters(const std::vector<Piece>& pieces, std::size_t& at, Macro& macro) {
  macro.takes_arguments = true;
  for (bool first = true;; first = false) {
    const std::string word = at < pieces.size() ? pieces[at].text : "";
    if (word == ")" && first) break;
    if (word == "...") {
      macro.takes_more = true;
      macro.parameters.emplace_back("__VA_ARGS__");
    } else if (at < pieces.size() && pieces[at].kind == PieceKind::name) {
      if (std::ranges::find(macro.parameters, word) != macro.parameters.end())
        refuse_macro(fmt::format("parameter {} stands there twice", quoted(word)));
      macro.parameters.push_back(word);
    } else {
      refuse_macro("the list of parameters is no list of names");
    }
    const std::string after = ++at < pieces.size() ? pieces[at].text : "";
    if (after == ")") break;
    if (after != "," || macro.takes_more) refuse_macro("the list of parameters has no end");
    ++at;
  }
  ++at;
}

void check_operators(const Macro& macro) {
  if (macro.body.empty()) return;
  if (macro.body.front().text == "##" || macro.body.back().text == "##")
    refuse_macro("'##' stands at an end of the macro, and joins nothing there");
  if (!macro.takes_arguments) return;
  for (std::size_t i = 0; i < macro.body.size(); ++i) {
    if (macro.body[i].text != "#") continue;
    const std::string next = i + 1 < macro.body.size() ? macro.body[i + 1].text : "";
    if (std::ranges::find(macro.parameters, next) == macro.parameters.end())
      refuse_macro("'#' stands before something else than a parameter");
  }
}

using ArgumentList = std::vector<std::vector<Piece>>;

/// The arguments between "(" and ")", which are the first and last piece.
ArgumentList split_arguments(const std::vector<Piece>& call, const Macro& macro) {
  ArgumentList arguments(1);
  int depth = 0;
  for (std::size_t i = 1; i + 1 < call.size(); ++i) {
    const std::string& word = call[i].text;
    depth += word == "(" ? 1 : word == ")" ? -1 : 0;
    const bool last_takes_all = macro.takes_more && arguments.size() == macro.parameters.size();
    if (word == "," && depth == 0 && !last_takes_all) {
      arguments.emplace_back();
    } else {
      arguments.back().push_back(call[i]);
    }
  }
  return arguments;
}

void check_arguments(std::string_view name, const Macro& macro, ArgumentList& arguments) {
  const std::size_t asked = macro.parameters.size();
  if (asked == 0 && arguments.size() == 1 && arguments[0].empty()) arguments.clear();
  if (macro.takes_more && arguments.size() + 1 == asked) arguments.emplace_back();
  if (arguments.size() == asked) return;
  refuse_macro(fmt::format("macro {} takes {}, and is given {}", quoted(name),
                           counted(asked, "argument"), arguments.size()));
}

}  // namespace

Piece stringified(const std::vector<Piece>& argument) {
  std::string text = "\"";
  for (const Piece& piece : argument) {
    if (piece.kind == PieceKind::nothing) continue;
    if (piece.space && text.size() > 1) text += ' ';
    for (const char c : piece.text) {
      if (piece.kind == PieceKind::text && (c == '"' || c == '\\')) text += '\\';
      text += c;
    }
  }
  return {PieceKind::text, false, 0, text + "\""};
}

/// One expansion: what is still to be looked at lies on a stack, its first piece at the end.
class Macros::Expansion {
 public:
  Expansion(Macros& macros, const Where& where, const More& more)
      : macros_(macros), where_(where), more_(more) {}

  std::vector<Piece> run(std::vector<Piece> pieces, int depth) {
    if (depth > MacroBudget::most_nested)
      refuse_macro(fmt::format("macros stand more than {} deep in each other's arguments",
                               MacroBudget::most_nested));
    std::vector<Piece> waiting(std::make_move_iterator(pieces.rbegin()),
                               std::make_move_iterator(pieces.rend()));
    std::vector<Piece> done;
    while (!waiting.empty()) {
      Piece piece = std::move(waiting.back());
      waiting.pop_back();
      spend(1);
      if (piece.kind == PieceKind::nothing) continue;
      if (piece.kind != PieceKind::name || !replace(piece, waiting, depth))
        done.push_back(std::move(piece));
    }
    return done;
  }

 private:
  void spend(std::size_t steps) {
    spent_ += steps;
    macros_.budget_.steps += steps;
    if (spent_ <= MacroBudget::most_of_one && macros_.budget_.steps <= MacroBudget::most_steps)
      return;
    throw Error(Fault::unsupported, "", "the macros grow beyond all bounds");
  }

  bool hides(std::uint32_t hidden, std::string_view name) {
    for (std::size_t steps = 1; hidden != 0; hidden = sets_[hidden - 1].rest, ++steps) {
      if (*sets_[hidden - 1].name == name) return true;
      if (steps % 8 == 0) spend(1);
    }
    return false;
  }

  std::uint32_t with(std::uint32_t hidden, const std::string& name) {
    if (hides(hidden, name)) return hidden;
    sets_.push_back({&name, hidden});
    return static_cast<std::uint32_t>(sets_.size());
  }

  std::uint32_t common(std::uint32_t a, std::uint32_t b) {
    std::uint32_t both = 0;
    for (; a != 0; a = sets_[a - 1].rest)
      if (hides(b, *sets_[a - 1].name)) both = with(both, *sets_[a - 1].name);
    return both;
  }

  std::uint32_t joined(std::uint32_t a, std::uint32_t b) {
    if (a == 0 || a == b) return b;
    for (; b != 0; b = sets_[b - 1].rest) a = with(a, *sets_[b - 1].name);
    return a;
  }

  /// Puts what `piece` stands for on the stack; false where it stands for itself.
  bool replace(const Piece& piece, std::vector<Piece>& waiting, int depth) {
    const auto found = macros_.table_.find(piece.text);
    if (found == macros_.table_.end() || hides(piece.hidden, piece.text)) return false;
    const auto& [name, macro] = *found;
    std::vector<Piece> body;
    std::uint32_t hidden = piece.hidden;
    if (macro.is_place) {
      body = {place_piece(name)};
    } else if (!macro.takes_arguments) {
      body = substituted(macro, {}, depth);
    } else {
      const std::vector<Piece> call = take_call(waiting);
      if (call.empty()) return false;
      ArgumentList arguments = split_arguments(call, macro);
      check_arguments(name, macro, arguments);
      hidden = common(hidden, call.back().hidden);
      body = substituted(macro, arguments, depth);
    }
    hidden = with(hidden, name);
    push(std::move(body), hidden, piece.space, waiting);
    return true;
  }

  void push(std::vector<Piece> body, std::uint32_t hidden, bool space,
            std::vector<Piece>& waiting) {
    spend(body.size());
    if (!body.empty()) body.front().space = space;
    for (auto piece = body.rbegin(); piece != body.rend(); ++piece) {
      if (piece->kind == PieceKind::name) piece->hidden = joined(piece->hidden, hidden);
      waiting.push_back(std::move(*piece));
    }
  }

  Piece place_piece(std::string_view name) const {
    if (name == "__LINE__") return {PieceKind::number, false, 0, std::to_string(where_.line)};
    return {PieceKind::text, false, 0, fmt::format("\"{}\"", where_.file)};
  }

  /// The pieces from "(" to its ")", taken from the stack or from the text after it.
  std::vector<Piece> take_call(std::vector<Piece>& waiting) {
    while (!waiting.empty() && waiting.back().kind == PieceKind::nothing) waiting.pop_back();
    if (waiting.empty()) return more_ ? more_() : std::vector<Piece>{};
    if (waiting.back().text != "(") return {};
    std::vector<Piece> call;
    int depth = 0;
    while (!waiting.empty()) {
      call.push_back(std::move(waiting.back()));
      waiting.pop_back();
      spend(1);
      depth += call.back().text == "(" ? 1 : call.back().text == ")" ? -1 : 0;
      if (depth == 0) return call;
    }
    refuse_macro("the arguments of a macro have no end");
  }

  std::vector<Piece> substituted(const Macro& macro, const ArgumentList& arguments, int depth) {
    std::vector<Piece> result;
    std::vector<std::optional<std::vector<Piece>>> expanded(arguments.size());
    const std::vector<Piece>& body = macro.body;
    for (std::size_t i = 0; i < body.size(); ++i) {
      const bool joins = i > 0 && body[i].text == "##";
      const std::size_t at = joins ? ++i : i;
      const bool quoting = macro.takes_arguments && body[at].text == "#";
      if (quoting) ++i;
      const std::optional<std::size_t> parameter = parameter_of(macro, body[i].text);
      std::vector<Piece> part;
      if (!parameter) {
        part = {body[i]};
      } else if (quoting) {
        part = {stringified(arguments[*parameter])};
      } else if (joins || (i + 1 < body.size() && body[i + 1].text == "##")) {
        part = arguments[*parameter];
      } else {
        auto& value = expanded[*parameter];
        if (!value) value = run(arguments[*parameter], depth + 1);
        part = *value;
      }
      if (part.empty()) part = {Piece{PieceKind::nothing, false, 0, ""}};
      part.front().space = body[at].space;
      append(result, std::move(part), joins);
    }
    return result;
  }

  static std::optional<std::size_t> parameter_of(const Macro& macro, const std::string& name) {
    const auto found = std::ranges::find(macro.parameters, name);
    if (found == macro.parameters.end()) return {};
    return static_cast<std::size_t>(found - macro.parameters.begin());
  }

  void append(std::vector<Piece>& result, std::vector<Piece> part, bool joined) {
    spend(part.size());
    auto first = part.begin();
    if (joined && !result.empty()) {
      Piece& last = result.back();
      spend(last.text.size() / 64);
      last.text += first->text;
      last.kind = piece_kind(last.text);
      if (last.kind != PieceKind::nothing && piece_end(last.text, 0) != last.text.size())
        refuse_macro(fmt::format("'##' makes {}, which is no word", quoted(last.text)));
      ++first;
    }
    result.insert(result.end(), std::make_move_iterator(first),
                  std::make_move_iterator(part.end()));
  }

  Macros& macros_;
  const Where& where_;
  const More& more_;
  std::vector<Hidden> sets_;
  std::size_t spent_ = 0;
};

Macros::Macros() {
  for (const char* name : {"__LINE__", "__FILE__"}) table_[name].is_place = true;
  may_be_['_'] = true;
  // What `cpp` defines on the machines that MGS runs on, as far as a script may meet it.
  for (const char* name : {"unix", "linux", "__unix", "__linux", "__unix__", "__linux__",
                           "__x86_64__", "__STDC__", "__STDC_HOSTED__"})
    define(fmt::format("{} 1", name));
  define("__GNUC__ 12");
}

void Macros::define(std::string_view definition) {
  const std::vector<Piece> pieces = pieces_of(definition);
  if (pieces.empty() || pieces[0].kind != PieceKind::name)
    refuse_macro("'#define' is followed by no name");
  if (pieces[0].text == "defined") refuse_macro("'defined' cannot be a macro");
  Macro macro;
  std::size_t at = 1;
  if (at < pieces.size() && pieces[at].text == "(" && !pieces[at].space)
    read_parameters(pieces, ++at, macro);
  macro.body.assign(pieces.begin() + static_cast<std::ptrdiff_t>(at), pieces.end());
  check_operators(macro);
  may_be_[static_cast<unsigned char>(pieces[0].text[0])] = true;
  table_[pieces[0].text] = std::move(macro);
}

const Macro* Macros::found(std::string_view name) const {
  const auto found = table_.find(name);
  return found == table_.end() ? nullptr : &found->second;
}

std::vector<Piece> Macros::expand(std::vector<Piece> pieces, const Where& where, const More& more) {
  return Expansion(*this, where, more).run(std::move(pieces), 0);
}

}  // namespace isomer::mgs

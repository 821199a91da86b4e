#include "codecs/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace isomer {
namespace {

[[noreturn]] void refuse(std::string_view text, std::uint64_t offset, std::string_view what) {
  throw Error(Fault::file, line_and_column(text, offset), what);
}

/// Builds a Tree from the parser's events. Where a token begins is found by walking over the
/// blanks, commas and colons behind the token before: the parser only tells where it ends.
class TreeMaker {
 public:
  TreeMaker(std::string_view text, const rapidjson::MemoryStream& stream)
      : text_(text), stream_(stream) {}

  bool Null() { return scalar(std::monostate{}, 4); }
  bool Bool(bool value) { return scalar(value, value ? 4 : 5); }
  bool RawNumber(const char*, rapidjson::SizeType, bool) {
    const std::uint64_t start = begin();
    const std::string_view digits = text_.substr(start, stream_.Tell() - start);
    return scalar(number(digits, start), digits.size());
  }
  bool String(const char* value, rapidjson::SizeType size, bool) {
    const std::uint64_t start = begin();
    return scalar(std::string(value, size), stream_.Tell() - start);
  }
  bool Key(const char* value, rapidjson::SizeType size, bool) {
    begin();
    last_end_ = stream_.Tell();
    key_.assign(value, size);
    return true;
  }
  bool StartObject() { return open(Tree::Map{}); }
  bool StartArray() { return open(Tree::List{}); }
  bool EndObject(rapidjson::SizeType) { return close(); }
  bool EndArray(rapidjson::SizeType) { return close(); }

  // All numbers come by RawNumber.
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(std::int64_t) { return false; }
  bool Uint64(std::uint64_t) { return false; }
  bool Double(double) { return false; }

  Tree take() { return std::move(root_); }

 private:
  std::uint64_t begin() const {
    const std::size_t start = text_.find_first_not_of(" \t\r\n,:", last_end_);
    return start == std::string_view::npos ? text_.size() : start;
  }

  template <class T>
  bool scalar(T value, std::uint64_t size) {
    const std::uint64_t start = begin();
    add(Tree{std::move(value), start});
    last_end_ = start + size;
    return true;
  }

  template <class T>
  bool open(T empty) {
    const std::uint64_t start = begin();
    if (open_.size() == deepest_tree) {
      refuse(text_, start, fmt::format("nested deeper than {} levels", deepest_tree));
    }
    open_.push_back(add(Tree{std::move(empty), start}));
    last_end_ = start + 1;
    return true;
  }

  bool close() {
    last_end_ = begin() + 1;
    open_.pop_back();
    return true;
  }

  // Only the innermost open container grows, so the pointers to its ancestors stay valid.
  Tree* add(Tree tree) {
    if (open_.empty()) {
      root_ = std::move(tree);
      return &root_;
    }
    Tree& parent = *open_.back();
    if (auto* list = std::get_if<Tree::List>(&parent.value))
      return &list->emplace_back(std::move(tree));
    auto& entries = std::get<Tree::Map>(parent.value);
    return &entries.emplace_back(std::move(key_), std::move(tree)).second;
  }

  decltype(Tree::value) number(std::string_view digits, std::uint64_t start) const {
    if (digits == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (digits == "Infinity") return HUGE_VAL;
    if (digits == "-Infinity") return -HUGE_VAL;
    // The parser knows more words than Python does: "Inf", "-NaN".
    if (digits.find_first_of("IN") != std::string_view::npos)
      refuse(text_, start, fmt::format("is not JSON: {}", quoted(digits)));
    const char* last = digits.data() + digits.size();
    if (digits.find_first_of(".eE") == std::string_view::npos) {
      std::int64_t integer = 0;
      if (std::from_chars(digits.data(), last, integer).ec == std::errc()) return integer;
      refuse(text_, start, fmt::format("the integer {} does not fit into 64 bits", quoted(digits)));
    }
    double real = 0;
    if (std::from_chars(digits.data(), last, real).ec == std::errc()) return real;
    // from_chars does not tell too large from too small.
    real = std::strtod(std::string(digits).c_str(), nullptr);
    if (std::abs(real) < 1) return real;
    refuse(text_, start, fmt::format("the number {} does not fit into a double", quoted(digits)));
  }

  std::string_view text_;
  const rapidjson::MemoryStream& stream_;
  Tree root_;
  std::vector<Tree*> open_;
  std::string key_;
  std::uint64_t last_end_ = 0;
};

std::string explain(rapidjson::ParseErrorCode code) {
  std::string words = rapidjson::GetParseError_En(code);
  while (words.ends_with('.')) words.pop_back();
  if (!words.empty())
    words[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(words[0])));
  return "is not JSON: " + words;
}

/// Writes one document.
class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}

  void write(const Tree& tree, int depth) {
    if (const auto* list = tree.list()) return write_list(*list, depth);
    if (const auto* map = tree.map()) return write_map(*map, depth);
    write_scalar(tree);
  }

  std::string take() { return std::move(out_); }

 private:
  void write_list(const Tree::List& list, int depth) {
    if (list.empty()) {
      out_ += "[]";
      return;
    }
    if (style_.indent != 0 && write_inline(list)) return;
    out_ += '[';
    for (std::size_t i = 0; i < list.size(); ++i) {
      separate(i == 0, depth + 1);
      write(list[i], depth + 1);
    }
    if (style_.indent != 0) new_line(depth);
    out_ += ']';
  }

  /// Writes the list on this line, or takes everything back and returns false.
  bool write_inline(const Tree::List& list) {
    const std::size_t mark = out_.size();
    out_ += '[';
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (i != 0) out_ += ", ";
      const bool nested = list[i].list() != nullptr || list[i].map() != nullptr;
      if (!nested) write_scalar(list[i]);
      if (nested || out_.size() - mark >= style_.inline_lists) {
        out_.resize(mark);
        return false;
      }
    }
    out_ += ']';
    return true;
  }

  void write_map(const Tree::Map& map, int depth) {
    if (map.empty()) {
      out_ += "{}";
      return;
    }
    out_ += '{';
    bool first = true;
    for (const auto& [key, child] : map) {
      separate(first, depth + 1);
      first = false;
      write_text(key);
      out_ += ": ";
      write(child, depth + 1);
    }
    if (style_.indent != 0) new_line(depth);
    out_ += '}';
  }

  void write_scalar(const Tree& tree) {
    if (tree.is_null()) {
      out_ += "null";
    } else if (const auto* flag = std::get_if<bool>(&tree.value)) {
      out_ += *flag ? "true" : "false";
    } else if (const auto* integer = tree.integer()) {
      out_ += std::to_string(*integer);
    } else if (const auto* real = std::get_if<double>(&tree.value)) {
      write_real(*real);
    } else {
      write_text(std::get<std::string>(tree.value));
    }
  }

  void write_real(double real) {
    if (std::isnan(real)) {
      out_ += "NaN";
    } else if (std::isinf(real)) {
      out_ += real < 0 ? "-Infinity" : "Infinity";
    } else {
      out_ += real_text(real);
    }
  }

  void write_text(std::string_view text) {
    out_ += '"';
    for (std::size_t i = 0; i < text.size();) i = write_character(text, i);
    out_ += '"';
  }

  std::size_t write_character(std::string_view text, std::size_t i) {
    const auto code = static_cast<unsigned char>(text[i]);
    switch (code) {
      case '"': out_ += "\\\""; return i + 1;
      case '\\': out_ += "\\\\"; return i + 1;
      case '\n': out_ += "\\n"; return i + 1;
      case '\r': out_ += "\\r"; return i + 1;
      case '\t': out_ += "\\t"; return i + 1;
      default: break;
    }
    if (code < 0x20 || code == 0x7f) {
      escape(code);
    } else if (code < 0x80 || !style_.ascii) {
      out_ += text[i];
    } else {
      return write_wide(text, i);
    }
    return i + 1;
  }

  /// One UTF-8 sequence as escapes; a byte that begins none becomes the replacement character.
  std::size_t write_wide(std::string_view text, std::size_t i) {
    const auto [point, size] = utf8_at(text, i);
    if (size == 0) {
      escape(0xfffd);
      return i + 1;
    }
    if (point < 0x10000) {
      escape(point);
    } else {
      escape(0xd800 + ((point - 0x10000) >> 10U));
      escape(0xdc00 + ((point - 0x10000) & 0x3ffU));
    }
    return i + size;
  }

  void escape(std::uint32_t unit) { out_ += fmt::format("\\u{:04x}", unit); }

  /// What stands in front of a child: a comma but for the first, then a line of its own or a blank.
  void separate(bool first, int depth) {
    if (!first) out_ += ',';
    if (style_.indent != 0) {
      new_line(depth);
    } else if (!first) {
      out_ += ' ';
    }
  }

  void new_line(int depth) {
    out_ += '\n';
    out_.append(static_cast<std::size_t>(style_.indent * depth), ' ');
  }

  const JsonStyle& style_;
  std::string out_;
};

}  // namespace

Tree read_json(std::string_view text) {
  using rapidjson::ParseFlag;
  constexpr unsigned flags = ParseFlag::kParseIterativeFlag | ParseFlag::kParseNanAndInfFlag |
                             ParseFlag::kParseNumbersAsStringsFlag |
                             ParseFlag::kParseValidateEncodingFlag;
  rapidjson::MemoryStream stream(text.data(), text.size());
  TreeMaker maker(text, stream);
  rapidjson::Reader reader;
  const rapidjson::ParseResult result = reader.Parse<flags>(stream, maker);
  if (result.IsError()) refuse(text, result.Offset(), explain(result.Code()));
  // The parser takes a zero character for the end.
  if (stream.Tell() != text.size()) {
    refuse(text, stream.Tell(), "is not JSON: a zero character after the document");
  }
  return maker.take();
}

void refuse_repeated_keys(const Tree& tree, std::string_view text) {
  if (repeated_keys(tree).empty()) return;
  const Tree careful = read_json(text);  // the fast reader knows no places
  const RepeatedKey twice = repeated_keys(careful).front();
  refuse(text, twice.value->offset,
         fmt::format("the key {} stands twice in one map", quoted(twice.path.back())));
}

std::string write_json(const Tree& tree, const JsonStyle& style) {
  JsonWriter writer(style);
  writer.write(tree, 0);
  return writer.take();
}

}  // namespace isomer

#include "graph/text_reader.h"

#include "base/text.h"
#include "graph/text.h"

namespace isomer {
namespace {

Structure read_typed(Cursor& cursor, std::string type);

Structure read_structure(Cursor& cursor, Structure::Kind kind, std::string_view open,
                         std::string_view between, std::string_view close) {
  Structure result{kind, {}, {}};
  const std::size_t begin = cursor.offset();
  read_list(cursor, open, close, [&] {
    const bool quotes = cursor.peek() == '\'' || cursor.peek() == '"';
    std::string word = !between.empty() && quotes ? cursor.quoted_text() : "";
    if (!between.empty() && quotes && cursor.take(between)) {
      result.keys.push_back(std::move(word));
      word.clear();
    }
    result.children.push_back(word.empty() ? read_structure(cursor)
                                           : read_typed(cursor, std::move(word)));
  });
  const bool named = kind == Structure::Kind::dict || !result.keys.empty();
  if (named && result.keys.size() != result.children.size()) {
    cursor.fail("a key is missing: {'a': *} or ('a'=*)", begin);
  }
  return result;
}

/// Behind the class, which may be empty.
Structure read_typed(Cursor& cursor, std::string type) {
  Structure structure;
  switch (cursor.peek()) {
    case '(': structure = read_structure(cursor, Structure::Kind::tuple, "(", "=", ")"); break;
    case '[': structure = read_structure(cursor, Structure::Kind::list, "[", "", "]"); break;
    case '{': structure = read_structure(cursor, Structure::Kind::dict, "{", ":", "}"); break;
    default:
      if (type.empty() && !cursor.take("*"))
        cursor.fail("one of * none ( [ { or a class in quotes should come here");
      structure.written = cursor.take("written");
  }
  structure.type = std::move(type);
  return structure;
}

}  // namespace

void check_rank(const Cursor& cursor, std::size_t rank, std::size_t begin) {
  constexpr std::size_t most = 64;  // as in PyTorch
  if (rank > most) cursor.fail(fmt::format("{} axes; a tensor has at most {}", rank, most), begin);
}

std::vector<std::int64_t> read_shape(Cursor& cursor) {
  std::vector<std::int64_t> shape;
  const std::size_t begin = cursor.offset();
  read_list(cursor, "[", "]", [&] { shape.push_back(cursor.integer()); });
  check_rank(cursor, shape.size(), begin);
  try {
    count_elements(shape);
  } catch (const Error& error) {
    cursor.fail(error.text(), begin);
  }
  return shape;
}

DType read_dtype(Cursor& cursor) {
  const std::size_t begin = cursor.offset();
  const std::string_view word = cursor.word();
  if (const auto dtype = dtype_named(word)) return *dtype;
  cursor.fail(fmt::format("{} is no type; there are bool, i8, u8, i16, i32, i64, f16, bf16, f32, "
                          "f64, c64 and c128",
                          quoted(word)),
              begin);
}

TensorType read_type(Cursor& cursor) {
  const std::size_t begin = cursor.offset();
  TensorType type{read_dtype(cursor), {}};
  if (cursor.peek() != '[') {
    cursor.fail(
        fmt::format("{} is no type; one is written like f32[2, 3]", quoted(name_of(type.dtype))),
        begin);
  }
  read_list(cursor, "[", "]", [&] { type.shape.push_back(read_dim(cursor)); });
  check_rank(cursor, type.shape.size(), begin);
  return type;
}

Dim read_dim(Cursor& cursor) {
  const std::size_t begin = cursor.offset();
  const std::string_view text = cursor.expression();
  return cursor.at(begin, [&] { return parse_dim(text); });
}

LengthRange read_range(Cursor& cursor) {
  const std::size_t begin = cursor.offset();
  LengthRange range;
  range.name = cursor.name("a length's name");
  if (cursor.take("=")) {
    cursor.demand("input");
    const std::size_t place = cursor.offset();
    const std::int64_t input = cursor.integer();
    if (input < 0) cursor.fail("inputs are counted from 0", place);
    range.input = static_cast<std::size_t>(input);
  }
  cursor.demand(":");
  range.least = cursor.integer();
  cursor.demand("..");
  if (!cursor.at_line_end()) range.most = cursor.integer();
  if (range.least < 0 || (range.most && *range.most < range.least)) {
    cursor.fail("a length's range begins at 0 or above and ends no lower than it begins", begin);
  }
  return range;
}

void read_module(Cursor& cursor, std::map<std::string, std::string>& classes) {
  const std::size_t begin = cursor.offset();
  std::string path = read_word_or_quoted(cursor, ".");
  cursor.demand(":");
  std::string name = read_word_or_quoted(cursor);
  if (path.empty() || name.empty())
    cursor.fail("a module and its class should come here: encoder.0: Block", begin);
  if (!classes.emplace(std::move(path), std::move(name)).second)
    cursor.fail("this module's class is said twice", begin);
}

Signature read_signature(Cursor& cursor) {
  const std::size_t begin = cursor.offset();
  Signature signature;
  signature.arguments = read_structure(cursor);
  signature.keywords = read_structure(cursor);
  cursor.demand("->");
  signature.results = read_structure(cursor);
  if (signature.arguments.kind != Structure::Kind::tuple ||
      signature.keywords.kind != Structure::Kind::dict) {
    cursor.fail("the arguments are a tuple and then a dict: called (*, *) {'mask': *} -> *", begin);
  }
  return signature;
}

std::string read_word_or_quoted(Cursor& cursor, std::string_view more) {
  return cursor.peek() == '"' ? cursor.quoted_text() : std::string(cursor.word(more));
}

Structure read_structure(Cursor& cursor) {
  if (cursor.take("none")) return {Structure::Kind::none, {}, {}};
  return read_typed(cursor, cursor.peek() == '"' ? cursor.quoted_text() : "");
}

Structure parse_structure(std::string_view text) {
  Cursor cursor(text);
  Structure structure = read_structure(cursor);
  if (!cursor.at_end()) cursor.fail("nothing more should come here");
  return structure;
}

}  // namespace isomer

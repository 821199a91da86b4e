#include "systems/text/settings.h"

#include "systems/text/elements.h"

namespace isomer {
namespace {

bool read_boolean(Cursor& cursor) {
  if (cursor.take("true")) return true;
  cursor.demand("false");
  return false;
}

double read_real(Cursor& cursor) {
  return read_elements(cursor, DType::f64, std::vector<std::int64_t>{}).doubles()[0];
}

template <class Item>
auto read_items(Cursor& cursor, Item&& item) {
  std::vector<decltype(item())> items;
  read_list(cursor, "[", "]", [&] { items.push_back(item()); });
  return items;
}

Structure read_structure(Cursor& cursor, Structure::Kind kind, std::string_view open,
                         std::string_view between, std::string_view close) {
  Structure result{kind, {}, {}};
  const std::size_t begin = cursor.offset();
  read_list(cursor, open, close, [&] {
    if (!between.empty() && (cursor.peek() == '\'' || cursor.peek() == '"')) {
      result.keys.push_back(cursor.quoted_text());
      cursor.demand(between);
    }
    result.children.push_back(read_structure(cursor));
  });
  const bool named = kind == Structure::Kind::dict || !result.keys.empty();
  if (named && result.keys.size() != result.children.size()) {
    cursor.fail("a key is missing: {'a': *} or ('a'=*)", begin);
  }
  return result;
}

}  // namespace

Dim read_dim(Cursor& cursor) {
  const std::size_t begin = cursor.offset();
  const std::string_view text = cursor.expression();
  return cursor.at(begin, [&] { return parse_dim(text); });
}

Attribute read_attribute(Cursor& cursor, Kind kind) {
  switch (kind) {
    case Kind::boolean: return read_boolean(cursor);
    case Kind::integer: return cursor.integer();
    case Kind::real: return read_real(cursor);
    case Kind::text: return cursor.quoted_text();
    case Kind::dtype: return read_dtype(cursor);
    case Kind::dim: return read_dim(cursor);
    case Kind::integers: return read_items(cursor, [&] { return cursor.integer(); });
    case Kind::dims: return read_items(cursor, [&] { return read_dim(cursor); });
  }
  throw Error(Fault::bug, "", "an attribute's kind is none");
}

Structure read_structure(Cursor& cursor) {
  if (cursor.take("*")) return {};
  if (cursor.take("none")) return {Structure::Kind::none, {}, {}};
  switch (cursor.peek()) {
    case '(': return read_structure(cursor, Structure::Kind::tuple, "(", "=", ")");
    case '[': return read_structure(cursor, Structure::Kind::list, "[", "", "]");
    case '{': return read_structure(cursor, Structure::Kind::dict, "{", ":", "}");
    default: cursor.fail("one of * none ( [ { should come here");
  }
}

}  // namespace isomer

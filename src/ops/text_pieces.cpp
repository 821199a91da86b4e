#include <algorithm>

#include "base/text.h"
#include "ops/text.h"

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

}  // namespace

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

Attribute read_attribute(Cursor& cursor, const OpSchema& schema, std::string_view name,
                         std::size_t begin) {
  const std::vector<Prototype::Setting>& settings = prototype(schema).settings;
  const auto setting = std::ranges::find(settings, name, &Prototype::Setting::name);
  if (setting != settings.end()) return read_attribute(cursor, setting->kind);
  std::vector<std::string_view> known;
  for (const Prototype::Setting& one : settings) known.push_back(one.name);
  const std::string_view close = nearest(name, known);
  if (!close.empty()) {
    cursor.fail(fmt::format("'{}' has no attribute {}; did you mean '{}'?", schema.name(),
                            quoted(name), close),
                begin);
  }
  cursor.fail(fmt::format("'{}' has no attribute {}; it has {}", schema.name(), quoted(name),
                          known.empty() ? "none" : listed(known)),
              begin);
}

void read_origin(Cursor& cursor, std::string& scope, Place& place) {
  if (cursor.take("@")) scope = read_word_or_quoted(cursor, ".");
  if (cursor.at_line_end()) return;
  const std::size_t begin = cursor.offset();
  place.file = read_word_or_quoted(cursor, "./-");
  if (place.file.empty()) cursor.fail("a scope (@a.b) or a place (net.py:12) should come here");
  cursor.demand(":");
  const std::int64_t number = cursor.integer();
  if (number < 0 || number > 1'000'000'000) cursor.fail("this is no line of a program", begin);
  place.line = static_cast<int>(number);
}

TextOpening read_opening(Cursor& cursor) {
  TextOpening opening;
  cursor.at_line_end();
  cursor.move_to(cursor.offset());
  if (cursor.at_line_end()) cursor.next_line();
  if (!cursor.take("isomer")) return opening;
  opening.given = true;
  const std::size_t begin = cursor.offset();
  const std::int64_t version = cursor.integer();
  if (version != 1) {
    cursor.fail(fmt::format("this is version {} of the text form; version 1 is read", version),
                begin);
  }
  if (cursor.take("data")) opening.data = cursor.quoted_text();
  cursor.next_line();
  return opening;
}

}  // namespace isomer

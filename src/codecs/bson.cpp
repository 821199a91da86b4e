#include "codecs/bson.h"

#include <bson/bson.h>

#include <limits>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"

namespace isomer {
namespace {

/// A document that grows.
class Document {
 public:
  Document() { bson_init(&content_); }
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;
  ~Document() { bson_destroy(&content_); }

  bson_t* get() { return &content_; }

 private:
  bson_t content_;
};

[[noreturn]] void refuse(const std::string& path, std::string_view what) {
  throw Error(Fault::file, path, what);
}

std::string_view kind_of(bson_type_t type) {
  switch (type) {
    case BSON_TYPE_BINARY: return "binary data";
    case BSON_TYPE_DATE_TIME: return "a date";
    case BSON_TYPE_REGEX: return "a regular expression";
    case BSON_TYPE_OID: return "an object id";
    case BSON_TYPE_DECIMAL128: return "a decimal of 128 bits";
    case BSON_TYPE_TIMESTAMP: return "a time stamp";
    default: return "a value of another kind";
  }
}

class BsonReader {
 public:
  /// `path` is where `iterator` stands.
  static Tree entries(bson_iter_t& iterator, bool list, const std::string& path, int depth) {
    if (depth == deepest_tree)
      refuse("", fmt::format("nested deeper than {} levels", deepest_tree));
    Tree::Map map;
    Tree::List items;
    std::unordered_set<std::string> seen;
    while (bson_iter_next(&iterator)) {
      const std::string key = bson_iter_key(&iterator);
      const std::string place = path.empty() ? quoted(key) : path + ", " + quoted(key);
      if (!is_utf8(key)) refuse(place, "a name is UTF-8");
      if (!list && !seen.insert(key).second) refuse(place, "the name stands twice in one document");
      Tree one = value(iterator, place, depth);
      if (list) {
        items.push_back(std::move(one));
      } else {
        map.emplace_back(key, std::move(one));
      }
    }
    if (iterator.err_off != 0)
      refuse(path, fmt::format("is not BSON: what begins at byte {} of it does not fit",
                               iterator.err_off));
    return list ? Tree{std::move(items)} : Tree{std::move(map)};
  }

 private:
  static Tree value(const bson_iter_t& iterator, const std::string& place, int depth) {
    switch (bson_iter_type(&iterator)) {
      case BSON_TYPE_DOUBLE: return {bson_iter_double(&iterator)};
      case BSON_TYPE_INT32: return {std::int64_t{bson_iter_int32(&iterator)}};
      case BSON_TYPE_INT64: return {std::int64_t{bson_iter_int64(&iterator)}};
      case BSON_TYPE_BOOL: return {bson_iter_bool(&iterator)};
      case BSON_TYPE_NULL: return {};
      case BSON_TYPE_UTF8: return text(iterator, place);
      case BSON_TYPE_DOCUMENT: return inner(iterator, false, place, depth);
      case BSON_TYPE_ARRAY: return inner(iterator, true, place, depth);
      default:
        refuse(place, fmt::format("is {}, which no model's description holds",
                                  kind_of(bson_iter_type(&iterator))));
    }
  }

  static Tree text(const bson_iter_t& iterator, const std::string& place) {
    std::uint32_t size = 0;
    const char* begin = bson_iter_utf8(&iterator, &size);
    std::string text(begin, size);
    if (!is_utf8(text)) refuse(place, "a text is UTF-8");
    return {std::move(text)};
  }

  static Tree inner(const bson_iter_t& iterator, bool list, const std::string& place, int depth) {
    bson_iter_t child;
    if (!bson_iter_recurse(&iterator, &child)) refuse(place, "is not BSON: its length lies");
    return entries(child, list, place, depth + 1);
  }
};

void check(bool written) {
  if (!written) {
    throw Error(Fault::unsupported, "",
                "a document of BSON is smaller than 2 GB; this would be larger");
  }
}

void append_all(bson_t* to, const Tree& tree);

void append(bson_t* to, const std::string& key, const Tree& tree) {
  if (key.find('\0') != std::string::npos) {
    throw Error(Fault::unsupported, quoted(key),
                "a name with a zero character cannot be written as BSON");
  }
  const auto size = static_cast<int>(key.size());
  const std::string* text = tree.text();
  const auto* integer = tree.integer();
  bson_t child;
  if (tree.is_null()) {
    check(bson_append_null(to, key.data(), size));
  } else if (const bool* flag = std::get_if<bool>(&tree.value)) {
    check(bson_append_bool(to, key.data(), size, *flag));
  } else if (const double* real = std::get_if<double>(&tree.value)) {
    check(bson_append_double(to, key.data(), size, *real));
  } else if (text != nullptr) {
    check(text->size() < std::numeric_limits<int>::max() &&
          bson_append_utf8(to, key.data(), size, text->data(), static_cast<int>(text->size())));
  } else if (integer != nullptr) {
    using Narrow = std::numeric_limits<std::int32_t>;
    check(*integer >= Narrow::min() && *integer <= Narrow::max()
              ? bson_append_int32(to, key.data(), size, static_cast<std::int32_t>(*integer))
              : bson_append_int64(to, key.data(), size, *integer));
  } else if (tree.list() != nullptr) {
    check(bson_append_array_begin(to, key.data(), size, &child));
    append_all(&child, tree);
    check(bson_append_array_end(to, &child));
  } else {
    check(bson_append_document_begin(to, key.data(), size, &child));
    append_all(&child, tree);
    check(bson_append_document_end(to, &child));
  }
}

void append_all(bson_t* to, const Tree& tree) {
  if (const Tree::List* list = tree.list()) {
    for (std::size_t i = 0; i < list->size(); ++i) append(to, std::to_string(i), (*list)[i]);
    return;
  }
  for (const auto& [key, value] : *tree.map()) append(to, key, value);
}

}  // namespace

Tree read_bson(std::string_view bytes) {
  bson_t document;
  bson_iter_t iterator;
  constexpr std::size_t smallest = 5;  // its own length and a zero
  if (bytes.size() < smallest ||
      !bson_init_static(&document, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                        bytes.size()) ||
      !bson_iter_init(&iterator, &document)) {
    refuse("", fmt::format("is not BSON: the length at its beginning is not that of the file, {}",
                           counted(bytes.size(), "byte")));
  }
  return BsonReader::entries(iterator, false, "", 0);
}

std::string write_bson(const Tree& tree) {
  if (tree.map() == nullptr)
    throw Error(Fault::unsupported, "", "only a map can be written as BSON");
  Document document;
  append_all(document.get(), tree);
  return {reinterpret_cast<const char*>(bson_get_data(document.get())), document.get()->len};
}

}  // namespace isomer

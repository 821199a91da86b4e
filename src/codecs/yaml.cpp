#include "codecs/yaml.h"

#include <yaml.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "codecs/budget.h"
#include "codecs/yaml_scalar.h"

namespace isomer {
namespace {

constexpr std::string_view tag_prefix = "tag:yaml.org,2002:";

std::string_view text_of(const yaml_char_t* text) {
  return text == nullptr ? std::string_view() : reinterpret_cast<const char*>(text);
}

class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { yaml_event_delete(&event_); }

  yaml_event_t* place() {
    yaml_event_delete(&event_);
    return &event_;
  }
  const yaml_event_t& operator*() const { return event_; }
  const yaml_event_t* operator->() const { return &event_; }

 private:
  yaml_event_t event_{};
};

/// Builds a tree from the parser's events.
class YamlReader {
 public:
  explicit YamlReader(std::string_view text) : text_(text), copies_(made_of(text.size())) {
    if (yaml_parser_initialize(&parser_) == 0) throw std::bad_alloc();
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &parser_, reinterpret_cast<const unsigned char*>(text_.empty() ? "" : text_.data()),
        text_.size());
  }
  YamlReader(const YamlReader&) = delete;
  YamlReader& operator=(const YamlReader&) = delete;
  ~YamlReader() { yaml_parser_delete(&parser_); }

  Tree read() {
    next();  // the stream
    next();
    if (event_->type == YAML_STREAM_END_EVENT) return {};
    next();
    Tree root = value(0).tree;
    next();
    next();
    if (event_->type != YAML_STREAM_END_EVENT)
      refuse(here(), "a second document begins; one is read");
    return root;
  }

 private:
  /// A tree, and how deep and how large it is: for its copies.
  struct Built {
    Tree tree;
    std::size_t depth = 0;
    std::uint64_t bytes = 0;
    bool plain = false;  // a scalar without quotes or tag
  };

  [[noreturn]] void refuse(std::uint64_t offset, std::string_view what) const {
    throw Error(Fault::file, line_and_column(text_, offset), what);
  }

  void next() {
    if (yaml_parser_parse(&parser_, event_.place()) != 0) return;
    const std::string_view problem =
        parser_.problem == nullptr ? "it ends too early" : parser_.problem;
    const std::uint64_t place =
        parser_.error == YAML_READER_ERROR ? parser_.problem_offset : offset(parser_.problem_mark);
    refuse(place, fmt::format("is not YAML: {}", problem));
  }

  /// The parser counts characters; marks mostly come in order.
  std::uint64_t offset(const yaml_mark_t& mark) {
    if (mark.index < characters_) characters_ = bytes_ = 0;
    while (characters_ < mark.index && bytes_ < text_.size()) {
      bytes_ += std::max<std::size_t>(utf8_at(text_, bytes_).size, 1);
      ++characters_;
    }
    return bytes_;
  }
  std::uint64_t here() { return offset(event_->start_mark); }

  /// What the present event begins.
  Built value(std::size_t depth) {
    const std::uint64_t start = here();
    if (depth == deepest_tree)
      refuse(start, fmt::format("nested deeper than {} levels", deepest_tree));
    if (event_->type == YAML_ALIAS_EVENT) return copy(start, depth);
    const std::string anchor(text_of(anchor_of(*event_)));
    if (!anchor.empty()) anchors_.insert_or_assign(anchor, std::nullopt);
    Built built = event_->type == YAML_SCALAR_EVENT           ? scalar(start)
                  : event_->type == YAML_SEQUENCE_START_EVENT ? list(start, depth)
                                                              : map(start, depth);
    if (anchor.empty()) return built;
    // What is named is kept for its aliases, inside what else is named, too.
    spend_copy(built, start);
    anchors_.insert_or_assign(anchor, built);
    return built;
  }

  static const yaml_char_t* anchor_of(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_SCALAR_EVENT: return event.data.scalar.anchor;
      case YAML_SEQUENCE_START_EVENT: return event.data.sequence_start.anchor;
      default: return event.data.mapping_start.anchor;
    }
  }

  Built copy(std::uint64_t start, std::size_t depth) {
    const std::string name(text_of(event_->data.alias.anchor));
    const auto found = anchors_.find(name);
    if (found == anchors_.end())
      refuse(start, fmt::format("no anchor {} stands before", quoted(name)));
    if (!found->second) refuse(start, fmt::format("{} contains itself", quoted(name)));
    const Built& built = *found->second;
    if (depth + built.depth > deepest_tree)
      refuse(start, fmt::format("nested deeper than {} levels", deepest_tree));
    spend_copy(built, start);
    return built;
  }

  void spend_copy(const Built& built, std::uint64_t start) {
    if (copies_.takes(built.bytes)) return;
    refuse(start, fmt::format("aliases make more than {} MB of it", copies_.most >> 20U));
  }

  Built scalar(std::uint64_t start) {
    const auto& scalar = event_->data.scalar;
    const std::string_view text(reinterpret_cast<const char*>(scalar.value), scalar.length);
    const bool plain = scalar.plain_implicit != 0;
    Tree tree = [&] {
      try {
        if (plain) return plain_scalar(text).value_or(Tree{std::string(text)});
        return scalar.quoted_implicit != 0 ? Tree{std::string(text)}
                                           : tagged(text_of(scalar.tag), text);
      } catch (const Error& error) {
        refuse(start, error.text());
      }
    }();
    tree.offset = start;
    return {std::move(tree), 0, sizeof(Tree) + text.size(), plain};
  }

  static Tree tagged(std::string_view tag, std::string_view text) {
    const std::string_view kind = tag.starts_with(tag_prefix) ? tag.substr(tag_prefix.size()) : "";
    if (kind == "str" || tag == "!") return {std::string(text)};
    if (kind == "null") return {};
    if (kind == "int") {
      if (const auto integer = yaml_integer(text)) return {*integer};
    } else if (kind == "float") {
      if (const auto real = yaml_real(text)) return {*real};
      if (const auto integer = yaml_integer(text)) return {static_cast<double>(*integer)};
    } else if (kind == "bool") {
      const auto flag = plain_scalar(text);
      if (flag && std::holds_alternative<bool>(flag->value)) return *flag;
    } else {
      refuse_tag(tag);
    }
    throw Error(Fault::file, "",
                fmt::format("{} is not what its tag says: {}", quoted(text), kind));
  }

  [[noreturn]] static void refuse_tag(std::string_view tag) {
    throw Error(
        Fault::file, "",
        fmt::format("the tag {} is none of plain data: str, int, float, bool, null, seq, map",
                    quoted(tag)));
  }

  void check_tag(const yaml_char_t* given, std::string_view kind, std::uint64_t start) const {
    const std::string_view tag = text_of(given);
    if (tag.empty() || tag == "!" || tag == std::string(tag_prefix) + std::string(kind)) return;
    try {
      refuse_tag(tag);
    } catch (const Error& error) {
      refuse(start, error.text());
    }
  }

  Built list(std::uint64_t start, std::size_t depth) {
    check_tag(event_->data.sequence_start.tag, "seq", start);
    Built built{{Tree::List{}, start}, 1, sizeof(Tree)};
    auto& items = std::get<Tree::List>(built.tree.value);
    for (next(); event_->type != YAML_SEQUENCE_END_EVENT; next()) {
      Built item = value(depth + 1);
      enlarge(built, item);
      items.push_back(std::move(item.tree));
    }
    return built;
  }

  static void enlarge(Built& whole, const Built& part) {
    whole.depth = std::max(whole.depth, part.depth + 1);
    whole.bytes += part.bytes;
  }

  Built map(std::uint64_t start, std::size_t depth) {
    check_tag(event_->data.mapping_start.tag, "map", start);
    Built built{{Tree::Map{}, start}, 1, sizeof(Tree)};
    Tree::Map own;
    Merged merged;
    std::unordered_set<std::string> seen;
    for (next(); event_->type != YAML_MAPPING_END_EVENT; next()) {
      Built key = value(depth + 1);
      enlarge(built, key);
      const std::string* name = key.tree.text();
      if (name == nullptr) {
        refuse(key.tree.offset,
               fmt::format("a key is a text, not {}: put quotes around it", kind_of(key.tree)));
      }
      next();
      Built entry = value(depth + 1);
      enlarge(built, entry);
      if (key.plain && *name == "<<") {
        add_merged(entry.tree, merged);
        continue;
      }
      if (!seen.insert(*name).second)
        refuse(key.tree.offset, fmt::format("the key {} stands twice in one map", quoted(*name)));
      own.emplace_back(*name, std::move(entry.tree));
    }
    built.tree.value = joined(std::move(merged), std::move(own));
    return built;
  }

  /// Entries of maps, with their places.
  struct Merged {
    Tree::Map entries;
    std::unordered_map<std::string, std::size_t> places;
  };

  /// Of what is merged the first wins.
  void add_merged(const Tree& tree, Merged& merged) const {
    if (const Tree::Map* map = tree.map()) {
      for (const auto& entry : *map) {
        if (merged.places.try_emplace(entry.first, merged.entries.size()).second)
          merged.entries.push_back(entry);
      }
      return;
    }
    const bool maps =
        tree.list() != nullptr &&
        std::ranges::all_of(*tree.list(), [](const Tree& item) { return item.map() != nullptr; });
    if (!maps) refuse(tree.offset, fmt::format("maps are merged, not {}", kind_of(tree)));
    for (const Tree& item : *tree.list()) add_merged(item, merged);
  }

  /// A map's own entries replace what is merged, where that stands.
  static Tree::Map joined(Merged merged, Tree::Map own) {
    if (merged.entries.empty()) return own;
    for (auto& entry : own) {
      const auto found = merged.places.find(entry.first);
      if (found == merged.places.end()) {
        merged.entries.push_back(std::move(entry));
      } else {
        merged.entries[found->second].second = std::move(entry.second);
      }
    }
    return std::move(merged.entries);
  }

  std::string_view text_;
  Budget copies_;
  yaml_parser_t parser_{};
  Event event_;
  std::map<std::string, std::optional<Built>, std::less<>> anchors_;  // nothing: not ended yet
  std::size_t characters_ = 0, bytes_ = 0;                            // the same place in the text
};

std::string real_scalar(double real) {
  if (std::isnan(real)) return ".nan";
  if (std::isinf(real)) return real < 0 ? "-.inf" : ".inf";
  std::string text = real_text(real);
  const std::size_t exponent = text.find('e');
  // Without a point, and without a sign behind the e, it is a text.
  if (exponent == std::string::npos) return text;
  if (text[exponent + 1] != '-' && text[exponent + 1] != '+') text.insert(exponent + 1, "+");
  if (text.find('.') == std::string::npos) text.insert(exponent, ".0");
  return text;
}

std::string scalar_text(const Tree& tree) {
  if (tree.is_null()) return "null";
  if (const bool* flag = std::get_if<bool>(&tree.value)) return *flag ? "true" : "false";
  if (const auto* integer = tree.integer()) return std::to_string(*integer);
  if (const double* real = std::get_if<double>(&tree.value)) return real_scalar(*real);
  return *tree.text();
}

class YamlWriter {
 public:
  YamlWriter() {
    if (yaml_emitter_initialize(&emitter_) == 0) throw std::bad_alloc();
    yaml_emitter_set_output(&emitter_, append, &out_);
    yaml_emitter_set_indent(&emitter_, 4);
    yaml_emitter_set_width(&emitter_, -1);
    yaml_emitter_set_unicode(&emitter_, 1);
  }
  YamlWriter(const YamlWriter&) = delete;
  YamlWriter& operator=(const YamlWriter&) = delete;
  ~YamlWriter() { yaml_emitter_delete(&emitter_); }

  std::string write(const Tree& tree) && {
    emit([](yaml_event_t* e) { return yaml_stream_start_event_initialize(e, YAML_UTF8_ENCODING); });
    emit([](yaml_event_t* e) {
      return yaml_document_start_event_initialize(e, nullptr, nullptr, nullptr, 1);
    });
    write_value(tree);
    emit([](yaml_event_t* e) { return yaml_document_end_event_initialize(e, 1); });
    emit([](yaml_event_t* e) { return yaml_stream_end_event_initialize(e); });
    return std::move(out_);
  }

 private:
  static int append(void* out, unsigned char* bytes, std::size_t size) {
    static_cast<std::string*>(out)->append(reinterpret_cast<const char*>(bytes), size);
    return 1;
  }

  template <class Make>
  void emit(const Make& make) {
    yaml_event_t event{};
    if (make(&event) == 0) throw std::bad_alloc();
    expect(yaml_emitter_emit(&emitter_, &event) != 0, "a tree can be written as YAML");
  }

  void write_value(const Tree& tree) {
    if (const Tree::List* list = tree.list()) return write_list(*list);
    if (const Tree::Map* map = tree.map()) return write_map(*map);
    write_scalar(scalar_text(tree), tree.text() != nullptr);
  }

  static bool is_short(const Tree::List& list) {
    constexpr std::size_t longest = 100;
    std::size_t size = 0;
    for (const Tree& item : list) {
      if (item.list() != nullptr || item.map() != nullptr) return false;
      size += scalar_text(item).size() + 2;
      if (size > longest) return false;
    }
    return true;
  }

  void write_list(const Tree::List& list) {
    const auto style = is_short(list) ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE;
    emit([&](yaml_event_t* e) {
      return yaml_sequence_start_event_initialize(e, nullptr, nullptr, 1, style);
    });
    for (const Tree& item : list) write_value(item);
    emit([](yaml_event_t* e) { return yaml_sequence_end_event_initialize(e); });
  }

  void write_map(const Tree::Map& map) {
    emit([](yaml_event_t* e) {
      return yaml_mapping_start_event_initialize(e, nullptr, nullptr, 1, YAML_BLOCK_MAPPING_STYLE);
    });
    for (const auto& [key, value] : map) {
      write_scalar(key, true);
      write_value(value);
    }
    emit([](yaml_event_t* e) { return yaml_mapping_end_event_initialize(e); });
  }

  void write_scalar(const std::string& given, bool is_text) {
    const std::string text = is_text ? with_replacements(given) : given;
    const int plain = is_text && needs_quotes(text) ? 0 : 1;
    emit([&](yaml_event_t* e) {
      return yaml_scalar_event_initialize(
          e, nullptr, nullptr, reinterpret_cast<const yaml_char_t*>(text.data()),
          static_cast<int>(text.size()), plain, 1, YAML_ANY_SCALAR_STYLE);
    });
  }

  /// A byte that begins no character becomes the replacement character, as in JSON.
  static std::string with_replacements(const std::string& text) {
    if (is_utf8(text)) return text;
    std::string result;
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t size = utf8_at(text, i).size;
      result += size == 0 ? "\uFFFD" : text.substr(i, size);
      i += std::max<std::size_t>(size, 1);
    }
    return result;
  }

  yaml_emitter_t emitter_{};
  std::string out_;
};

}  // namespace

Tree read_yaml(std::string_view text) { return YamlReader(text).read(); }

std::string write_yaml(const Tree& tree) { return YamlWriter().write(tree); }

}  // namespace isomer

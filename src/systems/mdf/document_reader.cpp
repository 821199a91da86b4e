#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>
#include <unordered_set>

#include "base/error.h"
#include "base/text.h"
#include "codecs/json.h"
#include "systems/mdf/document_fields.h"

namespace isomer::mdf {
namespace {

/// A shape as Python prints it: "(2, 3)", "(1,)", "()", "[4]".
std::optional<std::vector<std::int64_t>> shape_in(std::string_view text) {
  text = trimmed(text);
  const bool tuple = text.starts_with('(') && text.ends_with(')');
  if (text.size() < 2 || !(tuple || (text.starts_with('[') && text.ends_with(']'))))
    return std::nullopt;
  std::vector<std::int64_t> shape;
  const std::vector<std::string_view> parts = split_text(text.substr(1, text.size() - 2), ',');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string_view part = trimmed(parts[i]);
    if (part.empty() && i + 1 == parts.size()) break;
    std::int64_t length = 0;
    const char* end = part.data() + part.size();
    const auto [last, failed] = std::from_chars(part.data(), end, length);
    if (failed != std::errc() || last != end || length < 0) return std::nullopt;
    shape.push_back(length);
  }
  return shape;
}

/// Where something is read, and what is wrong there.
struct Source {
  Problems& problems;
  const Dialect& dialect;
  bool keys_are_unique = false;  // as somebody has seen already
  Path path = {};

  void error(const Tree& tree, std::string what, std::string instead = {}) {
    problems.add(
        {Diagnostic::Severity::error, path, std::move(what), std::move(instead), tree.offset});
  }
  /// Does `action` further down the way.
  template <class Action>
  void inside(std::initializer_list<std::string_view> parts, const Action& action) {
    for (const std::string_view part : parts) path.emplace_back(part);
    action();
    path.resize(path.size() - parts.size());
  }
};

/// Reads what can be read: a part that is of the wrong kind is left out.
class FieldReader {
 public:
  template <class T>
  using Of = T;

  template <class T>
  static T read(Source& source, const Tree& tree) {
    T element;
    if (tree.map() == nullptr) {
      source.error(tree, fmt::format("a mapping is needed here, not {}", kind_of(tree)));
      return element;
    }
    FieldReader reader(source, tree);
    each_field(reader, element);
    return element;
  }

  /// A null is a text like any other, as in the format's own program.
  void required(std::string_view key, std::string& text) {
    known_.push_back(key);
    const Tree* found = tree_.find(key);
    if (found == nullptr) return source_.error(tree_, fmt::format("'{}' is missing", key));
    text = text_of(*found);
  }
  template <class T>
  void always(std::string_view key, T& value) {
    field(key, value);
  }
  void unused(std::string_view key) { known_.push_back(key); }
  void field(std::string_view key, std::string& text) {
    if (const Tree* found = child(key)) text = text_of(*found);
  }
  void field(std::string_view key, std::optional<std::string>& text) {
    if (const Tree* found = child(key)) text = text_of(*found);
  }
  void field(std::string_view key, Tree& value) {
    if (const Tree* found = child(key)) value = *found;
  }
  void field(std::string_view key, std::vector<std::int64_t>& shape) {
    const Tree* found = child(key);
    if (found == nullptr) return;
    const std::string* text = found->text();
    const auto written =
        text != nullptr && source_.dialect.lenient ? shape_in(*text) : std::nullopt;
    if (written) {
      shape = *written;
      return;
    }
    source_.inside({key}, [&] {
      if (found->list() == nullptr)
        return source_.error(*found,
                             fmt::format("a shape is a list of integers, not {}", kind_of(*found)));
      for (std::size_t i = 0; i < found->list()->size(); ++i)
        source_.inside({std::to_string(i)}, [&] { add_length((*found->list())[i], shape); });
    });
  }
  void field(std::string_view key, std::optional<OrderedMap<Tree>>& values) {
    if (const Tree* found = child(key)) values = map_in(key, *found, "maps names to values");
  }
  template <class T>
  void elements(std::string_view key, OrderedMap<T>& elements) {
    const Tree* tree = child(key);
    if (tree == nullptr) return;
    const Tree::Map& map = map_in(key, *tree, "maps ids to elements");
    constexpr std::size_t few = 16;  // are compared faster than put into a set
    std::unordered_set<std::string_view> seen;
    if (map.size() > few && !source_.keys_are_unique) seen.reserve(map.size());
    const auto twice = [&](const std::string& id) {
      if (source_.keys_are_unique) return false;
      if (map.size() > few) return !seen.insert(id).second;
      return std::ranges::find(elements, id, &std::pair<std::string, T>::first) != elements.end();
    };
    elements.reserve(map.size());
    for (const auto& entry : map) {
      source_.inside({key, entry.first}, [&] {
        const auto& [id, element] = entry;
        if (twice(id))
          return source_.error(element,
                               "the id stands twice; the later one would replace the earlier");
        elements.emplace_back(id, read<T>(source_, element));
      });
    }
  }
  void metadata(Tree& metadata) {
    const Tree* found = child("metadata");
    if (found == nullptr) return;
    if (found->map() != nullptr) {
      metadata = *found;
      return;
    }
    source_.inside({"metadata"}, [&] {
      source_.error(*found, fmt::format("metadata is a mapping, not {}", kind_of(*found)));
    });
  }
  void conditions(OrderedMap<ParameterCondition>& conditions) {
    const Tree* found = child("conditions");
    if (found == nullptr) return;
    if (found->list() == nullptr) return elements("conditions", conditions);
    for (std::size_t i = 0; i < found->list()->size(); ++i) {
      const Tree& item = (*found->list())[i];
      const Tree* id = item.find("id");
      std::string name = id == nullptr || id->is_null() ? "" : text_of(*id);
      source_.inside({"conditions", name.empty() ? std::to_string(i) : name}, [&] {
        conditions.emplace_back(std::move(name), read<ParameterCondition>(source_, item));
      });
    }
  }
  /// Keys without a meaning.
  void others(Tree::Map& others) {
    for (const auto& [key, value] : *tree_.map()) {
      if (std::ranges::find(known_, key) != known_.end()) continue;
      others.emplace_back(key, value);
      source_.problems.add({Diagnostic::Severity::warning, source_.path,
                            fmt::format("the key {} has no meaning and is dropped", quoted(key)),
                            "", value.offset});
    }
  }
  /// Two groups of conditions by the name of what they apply to.
  void conditions(Tree& conditions) {
    const Tree* found = child("conditions");
    if (found == nullptr) return;
    source_.inside({"conditions"}, [&] {
      if (found->map() == nullptr)
        return source_.error(*found,
                             fmt::format("a mapping is needed here, not {}", kind_of(*found)));
      conditions = *found;
      FieldReader groups(source_, *found);
      groups.unused("metadata");
      for (const std::string_view group : {"node_specific", "termination"}) {
        const Tree* members = groups.child(group);
        if (members == nullptr) continue;
        for (const auto& [name, condition] :
             groups.map_in(group, *members, "maps names to conditions"))
          source_.inside({group, name}, [&] { check_condition(condition); });
      }
      Tree::Map others;
      groups.others(others);
    });
  }
  /// Its name with the arguments beside it, or a mapping of the one to the others.
  void function(Function& function) {
    const Tree* name = child("function");
    if (name == nullptr || name->map() == nullptr) {
      field("function", function.function);
      return field("args", function.args);
    }
    field("args", function.unused_args);
    source_.inside({"function"}, [&] {
      if (name->map()->size() != 1)
        return source_.error(*name, "a function given as a mapping has one name with its args");
      function.function = name->map()->front().first;
      FieldReader(source_, *name).field(function.function, function.args);
    });
  }

 private:
  FieldReader(Source& source, const Tree& tree) : source_(source), tree_(tree) {
    constexpr std::size_t enough = 12;
    known_.reserve(enough);
  }

  void check_condition(const Tree& condition) {
    if (condition.map() == nullptr)
      return source_.error(condition, fmt::format("a condition is a mapping with a type, not {}",
                                                  kind_of(condition)));
    const Tree* type = condition.find("type");
    if (type == nullptr || type->is_null())
      source_.error(condition, "a condition has a 'type': Always, EveryNCalls, ...");
  }
  /// Null where it is absent.
  const Tree* child(std::string_view key) {
    known_.push_back(key);
    const Tree* found = tree_.find(key);
    return found == nullptr || found->is_null() ? nullptr : found;
  }
  /// Empty where it is none; what it `does` is for the message.
  const Tree::Map& map_in(std::string_view key, const Tree& tree, std::string_view does) {
    static const Tree::Map none;
    if (tree.map() != nullptr) return *tree.map();
    source_.inside({key}, [&] {
      source_.error(tree, fmt::format("'{}' {}; this is {}", key, does, kind_of(tree)));
    });
    return none;
  }
  void add_length(const Tree& item, std::vector<std::int64_t>& shape) {
    const double* real = std::get_if<double>(&item.value);
    const auto* integer = item.integer();
    constexpr double largest = 1e15;
    if (integer == nullptr && (real == nullptr || !(*real >= 0 && *real < largest)))
      return source_.error(item, fmt::format("a length is an integer, not {}", kind_of(item)));
    const std::int64_t length = integer != nullptr ? *integer : static_cast<std::int64_t>(*real);
    if (length < 0)
      return source_.error(item, fmt::format("a length is 0 or more, not {}", length));
    shape.push_back(length);
  }

  Source& source_;
  const Tree& tree_;
  std::vector<std::string_view> known_;
};

std::string model_place(const std::string& id) { return fmt::format("model {}", quoted(id)); }

/// What is wrong with the structure, for who does not go on.
void refuse_errors(const Problems& problems, const std::string& id, std::string_view text) {
  std::vector<std::pair<std::string, std::string>> faults;  // of each its place and the message
  for (const Problem& problem : problems.all()) {
    if (problem.severity != Diagnostic::Severity::error) continue;
    std::string place = text.empty() ? "" : line_and_column(text, problem.offset.value_or(0));
    if (!id.empty()) place += (place.empty() ? "" : ": ") + model_place(id);
    const std::string words = in_words(problem.path, ", ");
    if (!words.empty()) place += ", " + words;
    faults.emplace_back(std::move(place), problem.text());
    constexpr std::size_t most = 20;  // are listed
    if (faults.size() == most) break;
  }
  if (faults.empty()) return;
  if (problems.errors() == 1) throw Error(Fault::file, faults[0].first, faults[0].second);
  std::vector<std::string> lines;
  for (const auto& [place, what] : faults) lines.push_back(place + ": " + what);
  if (problems.errors() > lines.size())
    lines.back() += fmt::format("\n  and {} more", problems.errors() - lines.size());
  throw Error(
      Fault::file, "",
      fmt::format("{}:\n  {}", counted(problems.errors(), "problem"), listed(lines, "\n  ")));
}

Document document_of(Source source, const Tree& tree) {
  Document document;
  const Tree::Map* top = tree.map();
  if (top == nullptr || top->empty()) {
    source.error(
        tree, fmt::format("a document maps a model's id to its body; this is {}", kind_of(tree)));
    return document;
  }
  const Tree* flat = tree.find("id");
  document = FieldReader::read<Document>(source, body_of(tree));
  document.id = flat == nullptr ? top->front().first : flat->is_null() ? "" : text_of(*flat);
  for (std::size_t i = 1; flat == nullptr && i < top->size(); ++i)
    document.models.push_back((*top)[i]);
  return document;
}

void keep_notes(const Problems& problems, Document& document) {
  document.unknown = problems.notes();
  for (Note& note : document.unknown)
    note.where = model_place(document.id) + (note.where.empty() ? "" : ", ") + note.where;
}

}  // namespace

Document read_document(const Tree& tree, const Dialect& dialect, Problems& problems) {
  return document_of({problems, dialect}, tree);
}

const Tree& body_of(const Tree& tree) {
  const Tree::Map* top = tree.map();
  return top == nullptr || top->empty() || tree.find("id") != nullptr ? tree : top->front().second;
}

std::optional<Document> read_sound_document(const Tree& tree, const Dialect& dialect) {
  Problems problems;
  Document document = document_of({problems, dialect, true}, tree);
  if (problems.errors() > 0) return std::nullopt;
  keep_notes(problems, document);
  return document;
}

Document read_document(const Tree& tree, std::string_view text, const Dialect& dialect) {
  Problems problems;
  Document document = read_document(tree, dialect, problems);
  refuse_errors(problems, document.id, text);
  keep_notes(problems, document);
  return document;
}

}  // namespace isomer::mdf

#include "systems/pt2/structure.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "codecs/json.h"
#include "systems/pt2/fields.h"

namespace isomer::pt2 {
namespace {

std::string key_text(const Tree& key) {
  if (const std::string* text = key.text()) return *text;
  if (const std::int64_t* number = key.integer()) return std::to_string(*number);
  throw Error(
      Fault::unsupported, "",
      fmt::format("a dictionary has {} as a key; we read texts and integers", kind_of(key)));
}

/// The context of a dictionary is JSON in a text again: its keys. A default dictionary puts its
/// factory first.
std::vector<std::string> dict_keys(const Tree& spec) {
  const Tree context = read_json(text_field(spec, "context"));
  const Tree::List* keys = &as_list(context);
  if (keys->size() == 2 && keys->at(1).list() != nullptr) keys = keys->at(1).list();
  std::vector<std::string> texts;
  for (const Tree& key : *keys) texts.push_back(key_text(key));
  return texts;
}

/// What a caller makes of a node of that type. A class without a row is no longer what it was.
struct Container {
  std::string_view type;
  Structure::Kind kind;
  bool kept = true;
};

constexpr Container containers[] = {
    {"builtins.tuple", Structure::Kind::tuple},
    {"builtins.list", Structure::Kind::list},
    {"builtins.dict", Structure::Kind::dict},
    {"collections.OrderedDict", Structure::Kind::dict, false},
    {"collections.defaultdict", Structure::Kind::dict, false},
    {"collections.deque", Structure::Kind::list, false},
};

std::string_view kind_name(Structure::Kind kind) {
  return kind == Structure::Kind::list ? "list" : kind == Structure::Kind::dict ? "dict" : "tuple";
}

/// A named tuple is known by its context, other classes by their type.
std::string class_of(const Tree& spec, const std::string& type) {
  const Tree* context = given(spec, "context");
  if (type != "collections.namedtuple" || context == nullptr || context->text() == nullptr)
    return type;
  std::string name(trimmed(*context->text()));
  std::erase(name, '"');
  return name;
}

/// The names of the parts of a class: its context lists them, or those that are there and then
/// those that are not. Empty where the context is something else.
std::vector<std::string> fields_of(const Tree& spec, std::size_t count) {
  const Tree* context = given(spec, "context");
  if (context == nullptr || context->text() == nullptr) return {};
  std::vector<std::string> fields;
  try {
    const Tree tree = read_json(*context->text());
    const Tree::List* list = tree.list();
    if (list != nullptr && list->size() == 2 && list->front().list() != nullptr)
      list = list->front().list();
    if (list == nullptr) return {};
    for (const Tree& field : *list) fields.push_back(key_text(field));
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    return {};  // a class may write what it likes there
  }
  return fields.size() == count ? fields : std::vector<std::string>{};
}

// The reader of JSON has bounded the depth.
Structure structure_of(const Tree& spec, std::vector<std::string>& lost) {
  const Tree* type = given(spec, "type");
  if (type == nullptr) return {};
  const std::string& name = as_text(*type);
  const auto container = std::ranges::find(containers, name, &Container::type);
  const bool known = container != std::end(containers);
  Structure structure;
  structure.kind = known ? container->kind : Structure::Kind::tuple;
  if (!known || !container->kept) {
    structure.type = class_of(spec, name);
    std::string what = fmt::format("{} becomes a {}{}", structure.type, kind_name(structure.kind),
                                   known ? "" : "; its fields are known by their place alone");
    if (std::ranges::find(lost, what) == lost.end()) lost.push_back(std::move(what));
  }
  if (structure.kind == Structure::Kind::dict) structure.keys = dict_keys(spec);
  for (const Tree& child : list_field(spec, "children_spec"))
    structure.children.push_back(structure_of(child, lost));
  if (!known) structure.keys = fields_of(spec, structure.children.size());
  if (structure.kind == Structure::Kind::dict &&
      structure.keys.size() != structure.children.size()) {
    throw Error(Fault::file, "",
                fmt::format("a dictionary has {} and {} values",
                            counted(structure.keys.size(), "key"), structure.children.size()));
  }
  std::unordered_set<std::string_view> seen;
  for (const std::string& key : structure.keys) {
    if (!seen.insert(key).second)
      throw Error(Fault::file, "", fmt::format("a dictionary has the key {} twice", quoted(key)));
  }
  return structure;
}

/// The three parts of "key,path,type". Commas inside brackets belong to a part: "Net[int, str]".
std::array<std::string_view, 3> split_entry(std::string_view entry) {
  std::array<std::string_view, 3> parts;
  std::size_t part = 0;
  std::size_t begin = 0;
  int open = 0;
  for (std::size_t i = 0; i < entry.size() && part < 2; ++i) {
    if (entry[i] == '(' || entry[i] == '[') ++open;
    if (entry[i] == ')' || entry[i] == ']') --open;
    if (entry[i] != ',' || open != 0) continue;
    parts[part++] = entry.substr(begin, i - begin);
    begin = i + 1;
  }
  parts[part] = entry.substr(begin);
  return parts;
}

/// Strict exports spell a path as the Python expression that leads to it: "L['self'].encoder[0]".
std::string plain_path(std::string_view path) {
  for (const std::string_view root : {"L['self'].", "L['self']", "L__self__.", "L__self__"}) {
    if (!path.starts_with(root)) continue;
    path.remove_prefix(root.size());
    break;
  }
  std::string plain;
  for (const char c : path) {
    if (c == '[' && !plain.empty()) plain += '.';
    if (c != '[' && c != ']' && c != '\'' && c != '"') plain += c;
  }
  return plain;
}

/// `  File "net.py", line 12, in forward`
std::optional<Place> parse_frame(std::string_view line) {
  constexpr std::string_view begin = "File \"";
  constexpr std::string_view middle = "\", line ";
  line = trimmed(line);
  if (!line.starts_with(begin)) return std::nullopt;
  line.remove_prefix(begin.size());
  const std::size_t end = line.find(middle);
  if (end == std::string_view::npos) return std::nullopt;
  Place frame;
  frame.file = line.substr(0, end);
  line.remove_prefix(end + middle.size());
  const auto parsed = std::from_chars(line.data(), line.data() + line.size(), frame.line);
  if (parsed.ec != std::errc()) return std::nullopt;
  return frame;
}

/// Of an installed package its path inside, of other files the name alone, where they are not named
/// from the model's own folder.
std::string without_folders(std::string_view file) {
  if (!file.starts_with('/') && file.find_first_of("\\:") == std::string_view::npos)
    return std::string(file);
  for (const std::string_view packages : {"/site-packages/", "/dist-packages/"}) {
    const std::size_t at = file.rfind(packages);
    if (at != std::string_view::npos) return std::string(file.substr(at + packages.size()));
  }
  return std::string(file.substr(file.find_last_of("/\\") + 1));
}

}  // namespace

Structure parse_tree_spec(std::string_view text, std::vector<std::string>& lost) {
  const Tree tree = read_json(text);
  refuse_repeated_keys(tree, text);
  const Tree::List& versioned = as_list(tree);
  if (versioned.size() != 2 || as_integer(versioned[0]) != 1) {
    throw Error(Fault::unsupported, "", "is a tree of another version than 1");
  }
  return structure_of(versioned[1], lost);
}

std::vector<ModuleEntry> parse_modules(std::string_view module_stack) {
  std::vector<ModuleEntry> modules;
  for (const std::string_view entry : split_text(module_stack, ';')) {
    const auto [key, path, type] = split_entry(entry);
    modules.push_back({plain_path(path), std::string(type)});
  }
  return modules;
}

Place parse_place(std::string_view stack_trace) {
  std::optional<Place> best;
  bool best_is_own = false;
  for (const std::string_view line : split_text(stack_trace, '\n')) {
    const auto frame = parse_frame(line);
    // Code that PyTorch made itself has no file: "<eval_with_key>.208".
    if (!frame || frame->file.starts_with('<')) continue;
    const bool own = frame->file.find("/torch/") == std::string::npos;
    if (own || !best_is_own) best = frame;
    best_is_own = best_is_own || own;
  }
  if (!best) return {};
  return {without_folders(best->file), best->line};
}

}  // namespace isomer::pt2

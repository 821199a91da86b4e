#include "source/python/classes.h"

#include <algorithm>
#include <cctype>
#include <span>

#include "base/text.h"
#include "source/python/dialect.h"
#include "source/python/loops.h"
#include "source/python/places.h"
#include "source/python/python_text.h"

namespace isomer::python {
namespace {

constexpr std::size_t nothing = ~std::size_t{0};
// A module is compared with this many groups that look alike, so that strange models take no longer
// than their size asks for.
constexpr std::size_t most_compared = 8;

std::span<const std::size_t> latest(const std::vector<std::size_t>& groups) {
  return std::span(groups).last(std::min(groups.size(), most_compared));
}

}  // namespace

Classes::Classes(const Modules& modules, const Parameters& parameters, const std::string& model)
    : modules_(modules),
      parameters_(parameters),
      initialisation_(modules),
      names_(unreserved_names(modules.dialect)),
      group_of_(modules.all.size(), nothing) {
  model_ = names_.take(model);
  for (const std::size_t child : modules.all[0].children) sort(child);
  write_children(0);
  write_model();
}

// -- which modules are of one class --------------------------------------------------------------

void Classes::sort(std::size_t index) {
  const Module& module = modules_.all[index];
  for (const std::size_t child : module.children) sort(child);
  if (module.kind != ModuleKind::own) return;
  Outline outline = this->outline(index);
  std::string key = outline.hint + "\n" + outline.rest;
  for (const auto& [member, text] : outline.lines) key += "\n" + text;
  std::size_t group = nothing;
  for (const std::size_t known : latest(same_rest_[key])) {
    if (group == nothing && joins(groups_[known], outline, index)) group = known;
  }
  for (const std::size_t known : latest(same_hint_[outline.hint])) {
    if (group != nothing || !joins_as_variant(groups_[known], outline, index)) continue;
    group = known;
    if (groups_[group].pattern == index) same_rest_[key].push_back(group);
  }
  if (group == nothing) {
    group = groups_.size();
    same_rest_[key].push_back(group);
    same_hint_[outline.hint].push_back(group);
    Group& fresh = groups_.emplace_back();
    fresh.name = fresh_name(outline.hint);
    fresh.pattern = index;
    if (module.called) fresh.forward = forward_text(modules_, index, parameters_, fresh.choices);
    fresh.outline = std::move(outline);
  }
  group_of_[index] = group;
  place_[index] = groups_[group].modules.size();
  groups_[group].modules.push_back(index);
  groups_[group].depends.merge(groups_in(index));
}

Classes::Outline Classes::outline(std::size_t index) const {
  Outline result;
  result.hint = hint(index);
  const auto own = [&](std::size_t child) {
    return Construction{fmt::format("class {}", group_of_[child])};
  };
  for (const InitLine& line : initialisation_.lines(index, own)) {
    result.lines.emplace_back(line.member, line.before + python::outline(*line.made) + line.after);
  }
  result.rest = modules_.all[index].called ? "called" : "not called";
  for (const std::string& fix : initialisation_.fixes(index)) result.rest += "\n" + fix;
  return result;
}

// The author's name, or one made of the path: "layers.0" is a Layer.
std::string Classes::hint(std::size_t index) const {
  std::string path = modules_.all[index].path;
  const auto& classes = modules_.graph.classes;
  if (const auto known = classes.find(path); known != classes.end()) {
    const std::string name = identifier(known->second);
    if (!name.empty()) return name;
  }
  bool numbered = false;
  while (!path.empty() && class_name(last_part(path)).starts_with("Part")) {
    path = parent_path(path);
    numbered = true;
  }
  std::string name = class_name(last_part(path));
  if (numbered) name = singular(name).value_or(name);
  return name.empty() ? "Part" : name;
}

// "Block", "Block2", ...
std::string Classes::fresh_name(const std::string& hint) {
  std::string name;
  const auto marks = std::ranges::count(hint, '_');
  do {
    const int i = ++uses_[hint];
    name = names_.take(i == 1 ? hint : hint + std::to_string(i));
  } while (std::ranges::count(name, '_') != marks);
  return name;
}

bool Classes::joins(Group& group, const Outline& outline, std::size_t index) const {
  if (!modules_.all[index].called || group.outline.lines.size() != outline.lines.size())
    return !modules_.all[index].called;
  const ForwardText text = forward_text(modules_, index, parameters_, group.choices);
  if (text == group.forward) return true;
  const bool alike =
      group.variants.empty() && numbers_apart(text).text == numbers_apart(group.forward).text;
  group.numbers_differ = group.numbers_differ || alike;
  return alike;
}

// A module that lacks a member, or has one more, where the layer that does nothing can take its
// place.
bool Classes::joins_as_variant(Group& group, const Outline& outline, std::size_t index) {
  if (group.numbers_differ || group.outline.rest != outline.rest || !modules_.all[index].called)
    return false;
  const bool fuller = outline.lines.size() > group.outline.lines.size();
  const auto& more = fuller ? outline.lines : group.outline.lines;
  const auto& fewer = fuller ? group.outline.lines : outline.lines;
  std::size_t next = 0;
  for (const auto& line : more) next += next < fewer.size() && line == fewer[next] ? 1 : 0;
  if (next != fewer.size() || more.size() == fewer.size()) return false;
  // A class in itself would ask for its own arguments first.
  const std::size_t self = static_cast<std::size_t>(&group - groups_.data());
  for (const std::size_t inner : groups_in(index)) {
    if (inner == self || groups_[inner].depends.contains(self)) return false;
  }
  if (!fuller) {
    if (!matches_without(group.pattern, index)) return false;
    group.variants.push_back(index);
    return true;
  }
  group.variants.push_back(group.pattern);
  const bool all = std::ranges::all_of(
      group.variants, [&](std::size_t variant) { return matches_without(index, variant); });
  if (!all) {
    group.variants.pop_back();
    return false;
  }
  group.pattern = index;
  group.outline = outline;
  group.choices = {};
  group.forward = forward_text(modules_, index, parameters_, group.choices);
  return true;
}

bool Classes::matches_without(std::size_t full, std::size_t other) const {
  const auto elided = missing(full, other);
  if (!elided) return false;
  Choices choices;
  const ForwardText text = forward_text(modules_, full, parameters_, choices, *elided);
  return text == forward_text(modules_, other, parameters_, choices);
}

// The children of one that the other lacks; nothing where one of them does more than to take a
// value and give one.
std::optional<std::set<std::size_t>> Classes::missing(std::size_t full, std::size_t other) const {
  std::set<std::string> known;
  for (const OwnTensor& tensor : modules_.all[other].tensors) known.insert(tensor.name);
  for (const std::size_t child : modules_.all[other].children)
    known.insert(modules_.all[child].name);
  for (const OwnTensor& tensor : modules_.all[full].tensors) {
    if (!known.contains(tensor.name)) return std::nullopt;
  }
  std::set<std::size_t> children;
  for (const std::size_t child : modules_.all[full].children) {
    if (known.contains(modules_.all[child].name)) continue;
    if (!can_be_identity(full, child)) return std::nullopt;
    children.insert(child);
  }
  return children;
}

bool Classes::can_be_identity(std::size_t index, std::size_t child) const {
  const std::string& name = modules_.all[child].name;
  if (!is_python_name(name)) return false;
  std::size_t calls = 0;
  for (const Item& item : modules_.items(index)) {
    if (item.callee != child) continue;
    if (item.inputs.size() != 1 || item.outputs.size() != 1 || !item.lengths.empty()) return false;
    ++calls;
  }
  return calls == 1;
}

std::set<std::size_t> Classes::groups_in(std::size_t index) const {
  std::set<std::size_t> found;
  for (const std::size_t child : modules_.all[index].children) {
    const std::size_t group = group_of_[child];
    if (group == nothing) {
      found.merge(groups_in(child));
    } else if (found.insert(group).second) {
      found.insert(groups_[group].depends.begin(), groups_[group].depends.end());
    }
  }
  return found;
}

// -- their text ----------------------------------------------------------------------------------

void Classes::write_children(std::size_t index) {
  for (const std::size_t child : modules_.all[index].children) {
    if (group_of_[child] == nothing) {
      write_children(child);
    } else {
      write_group(group_of_[child]);
    }
  }
}

Construction Classes::construction(std::size_t index) const {
  const Group& group = groups_[group_of_[index]];
  Construction made{group.name};
  for (const ClassParameter& parameter : group.parameters) {
    const auto& value = parameter.values[place_.at(index)];
    Argument argument{parameter.name, value.value_or(parameter.fallback.value_or("None"))};
    argument.by_name = parameter.fallback.has_value();
    argument.is_default = argument.value == parameter.fallback;
    made.arguments.push_back(std::move(argument));
  }
  return made;
}

std::vector<InitLine> Classes::lines_of(std::size_t index) const {
  return initialisation_.lines(index, [&](std::size_t child) { return construction(child); });
}

namespace {

std::string init_head(const std::vector<ClassParameter>& parameters) {
  std::vector<std::string> names{"self"};
  for (const ClassParameter& parameter : parameters) {
    names.push_back(parameter.fallback ? fmt::format("{}={}", parameter.name, *parameter.fallback)
                                       : parameter.name);
  }
  return fmt::format("def __init__({}):", fmt::join(names, ", "));
}

}  // namespace

// A flag for each member that some of the modules lack.
std::vector<ClassParameter> Classes::flags(const Group& group, std::vector<InitLine>& pattern,
                                           Names& names) const {
  std::vector<ClassParameter> flags;
  if (group.variants.empty()) return flags;
  for (InitLine& line : pattern) {
    ClassParameter flag{"", {}, "False"};
    for (const std::size_t index : group.modules) {
      const Module& module = modules_.all[index];
      const auto is_it = [&](std::size_t child) { return modules_.all[child].name == line.member; };
      const bool has =
          std::ranges::any_of(module.children, is_it) ||
          std::ranges::find(module.tensors, line.member, &OwnTensor::name) != module.tensors.end();
      flag.values.emplace_back(has ? "True" : "False");
    }
    if (std::ranges::find(flag.values, "False") == flag.values.end()) continue;
    flag.name = line.made->condition = names.take(line.member);
    line.made->identity = modules_.dialect.identity;
    flags.push_back(std::move(flag));
  }
  return flags;
}

void Classes::write_group(std::size_t index) {
  if (std::exchange(groups_[index].written, true)) return;
  for (const std::size_t module : groups_[index].modules) write_children(module);
  Group& group = groups_[index];
  std::vector<InitLine> pattern = lines_of(group.pattern);
  Names names = unreserved_names(modules_.dialect);
  const std::vector<ClassParameter> flags = this->flags(group, pattern, names);
  for (const InitLine& line : pattern) names.take(line.member);

  Places places(pattern, group.modules.size());
  for (std::size_t i = 0; i < group.modules.size(); ++i) {
    places.add(lines_of(group.modules[i]), i);
    if (!group.numbers_differ) continue;
    const ForwardText forward =
        forward_text(modules_, group.modules[i], parameters_, group.choices);
    places.add_numbers(numbers_apart(forward).numbers, i);
  }
  ChosenParameters chosen = choose_parameters(modules_.dialect, places.slots(), names);
  places.write(chosen.expressions);
  group.parameters = std::move(chosen.parameters);
  group.parameters.insert(group.parameters.end(), flags.begin(), flags.end());

  std::vector<std::string> lines;
  const std::vector<std::string> remembered =
      remember(group, places.of_numbers(chosen.expressions));
  for (const std::string& name : remembered) lines.push_back(fmt::format("self.{0} = {0}", name));
  for (const InitLine& line : pattern) lines.push_back(to_text(line));
  for (const std::string& fix : initialisation_.fixes(group.pattern)) lines.push_back(fix);
  if (!lines.empty()) lines.insert(lines.begin(), "super().__init__()");
  write_class(fmt::format("{}({})", group.name, modules_.dialect.module),
              init_head(group.parameters), lines,
              modules_.all[group.pattern].called ? &group.forward : nullptr);
}

void Classes::write_class(std::string_view head, std::string_view init,
                          const std::vector<std::string>& lines, const ForwardText* forward) {
  PythonText out;
  out.open(fmt::format("class {}:", head));
  if (!lines.empty()) {
    out.open(init);
    for (const std::string& line : lines) out.line(line);
    out.close();
  }
  if (forward != nullptr && !lines.empty()) out.blank();
  if (forward != nullptr) write_forward(*forward, out);
  if (forward == nullptr && lines.empty()) out.line("pass");
  text_ += "\n\n" + out.text();
}

// Writes the parameters into the forward; gives those that it needs.
std::vector<std::string> Classes::remember(Group& group, std::span<const std::string> expressions) {
  std::vector<std::string> names;
  std::vector<std::string> numbers = numbers_apart(group.forward).numbers;
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    const std::string& expression = expressions[i];
    if (expression.empty()) continue;
    // "name", or "2 * name".
    const std::size_t begin = expression.find_last_of(' ') + 1;
    const std::string name = expression.substr(begin);
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    numbers[i] = fmt::format("{}self.{}", expression.substr(0, begin), name);
    if (begin > 0) numbers[i] = "(" + numbers[i] + ")";
  }
  if (!names.empty()) group.forward = with_numbers(group.forward, numbers);
  return names;
}

void Classes::write_model() {
  const Dialect& dialect = modules_.dialect;
  constexpr std::string_view init = "def __init__(self):";
  std::vector<std::string> lines;
  if (modules_.all[0].kind == ModuleKind::sequential) {
    const auto own = [&](std::size_t child) { return construction(child); };
    lines.push_back(to_text(initialisation_.sequence(own)));
    for (const std::string& fix : initialisation_.fixes(0)) lines.push_back(fix);
    write_class(fmt::format("{}({})", model_, dialect.sequential), init, lines, nullptr);
    return;
  }
  for (const InitLine& line : lines_of(0)) lines.push_back(to_text(line));
  for (const std::string& fix : initialisation_.fixes(0)) lines.push_back(fix);
  if (!lines.empty()) lines.insert(lines.begin(), "super().__init__()");
  Choices choices;
  const ForwardText forward = forward_text(modules_, 0, parameters_, choices);
  write_class(fmt::format("{}({})", model_, dialect.module), init, lines, &forward);
}

}  // namespace isomer::python

#include "systems/mdf/picture/sentence.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "graph/tensor.h"
#include "systems/mdf/document.h"
#include "vocabularies/numpy/value.h"

namespace isomer::mdf {
namespace {

/// A condition's words with its arguments in them.
struct Words {
  std::string_view type;
  std::string_view words;
};

constexpr Words table[] = {
    {"Always", "always"},
    {"Never", "never"},
    {"EveryNCalls", "every {n} calls of {dependency}"},
    {"AfterCall", "after call {n} of {dependency}"},
    {"AfterNCalls", "after {n} calls of {dependency}"},
    {"BeforeNCalls", "before {n} calls of {dependency}"},
    {"AtNCalls", "at call {n} of {dependency}"},
    {"JustRan", "when {dependency} has just run"},
    {"AllHaveRun", "when all have run"},
    {"AtPass", "at pass {n}"},
    {"AfterPass", "after pass {n}"},
    {"BeforePass", "before pass {n}"},
    {"AfterNPasses", "after {n} passes"},
    {"EveryNPasses", "every {n} passes"},
    {"Threshold", "when {parameter} of {dependency} {comparator} {threshold}"},
    {"TimeInterval", "every {repeat} {unit}, from {start} to {end}"},
    {"TimeTermination", "at time {t}"},
};

const Tree* argument(const Tree& condition, std::string_view name) {
  for (const std::string_view group : {"kwargs", "args"}) {
    const Tree* arguments = condition.find(group);
    if (const Tree* found = arguments == nullptr ? nullptr : arguments->find(name)) return found;
  }
  return nullptr;
}

std::string text_in(const Tree& value, int depth);

/// As a call, with all that the document says.
std::string plainly(const Tree& condition, const std::string& type, int depth) {
  std::vector<std::string> arguments;
  for (const std::string_view group : {"kwargs", "args"}) {
    const Tree* found = condition.find(group);
    if (found == nullptr || found->map() == nullptr) continue;
    for (const auto& [name, value] : *found->map())
      arguments.push_back(fmt::format("{}={}", name, text_in(value, depth)));
  }
  return fmt::format("{}({})", type, fmt::join(arguments, ", "));
}

std::string sentence_in(const Tree& condition, int depth) {
  constexpr int deepest = 16;
  const Tree* given = condition.find("type");
  if (given == nullptr || depth > deepest) return "...";
  const std::string type = text_of(*given);
  const auto row = std::ranges::find(table, type, &Words::type);
  if (row == std::end(table)) return plainly(condition, type, depth + 1);
  std::string result;
  std::string_view rest = row->words;
  while (!rest.empty()) {
    const std::size_t begin = rest.find('{');
    result += rest.substr(0, begin);
    if (begin == std::string_view::npos) break;
    const std::size_t end = rest.find('}');
    const Tree* value = argument(condition, rest.substr(begin + 1, end - begin - 1));
    // What is left out has no words here.
    if (value == nullptr) return plainly(condition, type, depth + 1);
    result += text_in(*value, depth + 1);
    rest.remove_prefix(end + 1);
  }
  return result;
}

std::string text_in(const Tree& value, int depth) {
  if (value.find("type") != nullptr) return sentence_in(value, depth);
  const Tree::List* list = value.list();
  if (list == nullptr) return short_text(value);
  std::vector<std::string> items;
  for (const Tree& item : *list) items.push_back(text_in(item, depth));
  return fmt::format("[{}]", listed(items));
}

/// The first numbers of a nested list.
void collect(const Tree& tree, std::size_t most, std::vector<std::string>& found) {
  const Tree::List* list = tree.list();
  if (list == nullptr) {
    found.push_back(text_of(tree));
    return;
  }
  for (const Tree& item : *list) {
    if (found.size() == most) return;
    collect(item, most, found);
  }
}

}  // namespace

std::string short_text(const Tree& value) {
  constexpr std::size_t longest = 60;
  constexpr std::size_t few = 4;
  Tensor tensor;
  if (value.list() != nullptr && numpy::to_tensor(numpy::value_of(value), tensor) &&
      tensor.count() > static_cast<std::int64_t>(2 * few)) {
    std::vector<std::string> first;
    collect(value, few, first);
    return fmt::format("{}: {}, ...", to_text(tensor.dtype(), tensor.shape()),
                       fmt::join(first, ", "));
  }
  const std::string text = text_of(value);
  return text.size() <= longest ? text : text.substr(0, longest) + "...";
}

std::string sentence(const Tree& condition) { return sentence_in(condition, 0); }

}  // namespace isomer::mdf

#include "source/python/places.h"

#include <algorithm>

#include "source/python/python_text.h"

namespace isomer::python {
namespace {

std::string_view name_of_number(std::string_view number) {
  return number.find_first_of(".e") == std::string_view::npos ? "size" : "scale";
}

// The line with what `other` gives in place of each number.
template <class Other>
std::string replaced(const std::string& line, Other&& other) {
  std::string text;
  std::size_t at = 0;
  for (const auto& [begin, end] : python_numbers(line)) {
    text += line.substr(at, begin - at) + other(line.substr(begin, end - begin));
    at = end;
  }
  return text + line.substr(at);
}

}  // namespace

Numbered numbers_apart(const ForwardText& forward) {
  Numbered result{forward.head, {}};
  for (const std::string& line : forward.lines) {
    result.text += '\n' + replaced(line, [&](std::string number) {
                     result.numbers.push_back(std::move(number));
                     return "#";
                   });
  }
  return result;
}

ForwardText with_numbers(const ForwardText& forward, std::span<const std::string> numbers) {
  ForwardText result{forward.head, {}};
  std::size_t next = 0;
  for (const std::string& line : forward.lines) {
    result.lines.push_back(replaced(line, [&](const std::string&) { return numbers[next++]; }));
  }
  return result;
}

Places::Places(std::vector<InitLine>& pattern, std::size_t modules) : modules_(modules) {
  for (InitLine& line : pattern) {
    first_[line.member] = places_.size();
    collect_arguments(*line.made, places_);
  }
  for (const Argument* place : places_) slots_.push_back({place->name, Values(modules)});
}

void Places::add(std::vector<InitLine> lines, std::size_t module) {
  for (InitLine& line : lines) {
    std::vector<Argument*> arguments;
    collect_arguments(*line.made, arguments);
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      ClassParameter& slot = slots_[first_.at(line.member) + i];
      slot.values[module] = arguments[i]->value;
      if (arguments[i]->is_default) slot.fallback = arguments[i]->value;
    }
  }
}

void Places::add_numbers(std::span<const std::string> numbers, std::size_t module) {
  if (numbers_ == nothing) {
    numbers_ = slots_.size();
    for (const std::string& number : numbers)
      slots_.push_back({std::string(name_of_number(number)), Values(modules_)});
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) slots_[numbers_ + i].values[module] = numbers[i];
}

void Places::write(const std::vector<std::string>& expressions) {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (expressions[i].empty()) continue;
    places_[i]->value = expressions[i];
    places_[i]->is_default = false;
  }
}

std::span<const std::string> Places::of_numbers(const std::vector<std::string>& expressions) const {
  return std::span(expressions).subspan(std::min(numbers_, expressions.size()));
}

}  // namespace isomer::python

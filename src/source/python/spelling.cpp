#include "source/python/spelling.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "source/python/dialect.h"

namespace isomer::python {
namespace {

Expression input(const PythonCall& call, std::size_t i) {
  return call.operand(call.node.inputs[i], true);
}

const Attribute& attribute(const PythonCall& call, std::string_view name) {
  const Attribute* value = find(call.attributes, name);
  expect(value != nullptr, "a row asks for an optional attribute only where it is given");
  return *value;
}

std::vector<std::string> texts_of(const std::vector<std::int64_t>& numbers) {
  std::vector<std::string> texts;
  for (const std::int64_t number : numbers) texts.push_back(std::to_string(number));
  return texts;
}

// Of a list of numbers or lengths.
std::vector<std::string> elements_of(const PythonCall& call, std::string_view name) {
  const auto* numbers = std::get_if<std::vector<std::int64_t>>(&attribute(call, name));
  return numbers != nullptr ? texts_of(*numbers) : lengths_of(call, name);
}

// One number where all axes agree.
std::string axes_of(const PythonCall& call, std::string_view name) {
  const auto* lengths = std::get_if<std::vector<std::int64_t>>(&attribute(call, name));
  return lengths != nullptr ? per_axis(*lengths) : value_of(call, name);
}

std::string one_or_tuple(const std::vector<std::string>& items) {
  return items.size() == 1 ? items[0] : python_tuple(items);
}

class Template {
 public:
  Template(const PythonCall& call, Binding binding) : call_(call), binding_(binding) {}

  std::string filled(std::string_view text) {
    std::string result = part(text);
    // The first of several optional arguments has no comma before it.
    if (const std::size_t at = result.find("(, "); at != std::string::npos) result.erase(at + 1, 2);
    return result;
  }

 private:
  std::string part(std::string_view text) {
    std::string result;
    std::size_t at = 0;
    while (at < text.size()) {
      const std::size_t begin = text.find_first_of("{<", at);
      result += text.substr(at, begin - at);
      if (begin == std::string_view::npos) break;
      const std::size_t end = text.find(text[begin] == '{' ? "}" : ">", begin);
      const std::string_view inside = text.substr(begin + 1, end - begin - 1);
      // "{x} < {y}" has a sign, not a group.
      if (text[begin] == '<' && (end == std::string_view::npos || !inside.starts_with(','))) {
        result += '<';
        at = begin + 1;
        continue;
      }
      at = end + 1;
      if (text[begin] == '{') {
        const bool before = at < text.size() && (text[at] == '.' || text[at] == '[');
        result += place(inside, before);
      } else if (wanted(inside)) {
        result += part(inside);
      }
    }
    return result;
  }

  std::size_t input_named(std::string_view name) const {
    const auto& inputs = call_.prototype.inputs;
    return static_cast<std::size_t>(std::ranges::find(inputs, name, &Prototype::Input::name) -
                                    inputs.begin());
  }

  bool wanted(std::string_view group) const {
    const std::size_t begin = group.find('{');
    const std::string_view name =
        group.substr(begin + 1, group.find_first_of("!*~}", begin) - begin - 1);
    const std::size_t i = input_named(name);
    return i < call_.prototype.inputs.size() ? call_.has(i) : stated(call_, name);
  }

  std::string place(std::string_view name, bool before_point) const {
    const char form = name.back();
    if (form == '!' || form == '*' || form == '~') name.remove_suffix(1);
    const std::size_t i = input_named(name);
    if (i < call_.prototype.inputs.size()) return operand(i, before_point);
    if (form == '~') return axes_of(call_, name);
    if (form != '!' && form != '*') return value_of(call_, name);
    const std::vector<std::string> items = elements_of(call_, name);
    if (form == '!') return python_tuple(items);
    return items.empty() ? "()" : fmt::format("{}", fmt::join(items, ", "));
  }

  std::string operand(std::size_t i, bool before_point) const {
    if (binding_ == Binding::atom) {
      return bound(input(call_, i), before_point ? Binding::atom : Binding::comparison);
    }
    // One side of a sign may be a plain number. The left one may bind as the sign itself does, but
    // for comparisons, which chain.
    const bool number =
        i == 1 || (call_.node.inputs.size() > 1 && !call_.is_literal(call_.node.inputs[1]));
    const bool loose = i == 0 && (binding_ == Binding::sum || binding_ == Binding::product);
    const int tighter = binding_ == Binding::sign ? 2 : 1;
    const auto least = static_cast<Binding>(static_cast<int>(binding_) + (loose ? 0 : tighter));
    return bound(call_.operand(call_.node.inputs[i], !number), least);
  }

  const PythonCall& call_;
  Binding binding_;  // of the whole
};

}  // namespace

PythonAssignments spelled(const PythonCall& call, const Spelling& spelling) {
  if (spelling.write != nullptr) return spelling.write(call);
  std::string text = Template(call, spelling.binding).filled(spelling.text);
  return {{call.node.outputs, {std::move(text), spelling.binding}}};
}

std::string filled(const PythonCall& call, std::string_view text) {
  return Template(call, Binding::atom).filled(text);
}

PythonAssignments one(const PythonCall& call, std::string text, Binding binding) {
  return {{{call.node.outputs[0]}, {std::move(text), binding}}};
}

PythonAssignments all(const PythonCall& call, std::string text) {
  PythonAssignment assignment{call.node.outputs, {std::move(text)}};
  for (std::size_t i = 0; i < assignment.targets.size(); ++i) {
    if (!call.used(i)) assignment.targets[i] = ValueId::none;
  }
  return {assignment};
}

PythonAssignments unpacked(const PythonCall& call, std::string text) {
  if (call.node.outputs.size() == 1) text += "[0]";
  return all(call, std::move(text));
}

std::string argument(const PythonCall& call, std::size_t i) { return input(call, i).text; }

std::string receiver(const PythonCall& call, std::size_t i) {
  return bound(input(call, i), Binding::atom);
}

std::string value_of(const PythonCall& call, std::string_view name) {
  const Attribute& value = attribute(call, name);
  if (const auto* dtype = std::get_if<DType>(&value)) return call.dialect.dtype(*dtype);
  if (const auto* length = std::get_if<Dim>(&value)) return call.length(*length).text;
  if (std::holds_alternative<std::vector<Dim>>(value)) return one_or_tuple(lengths_of(call, name));
  return python_value(value);
}

std::vector<std::string> lengths_of(const PythonCall& call, std::string_view name) {
  std::vector<std::string> lengths;
  for (const Dim& dim : setting<std::vector<Dim>>(call, name))
    lengths.push_back(call.length(dim).text);
  return lengths;
}

std::string per_axis(const std::vector<std::int64_t>& lengths) {
  const bool equal = std::ranges::adjacent_find(lengths, std::not_equal_to<>()) == lengths.end();
  if (equal && !lengths.empty()) return std::to_string(lengths[0]);
  return fmt::format("({})", fmt::join(lengths, ", "));
}

bool is_stated(const Node& node, std::string_view attribute) {
  const Attribute* value = find(node.attributes, attribute);
  if (value == nullptr) return false;
  const auto& settings = prototype(op_named(node.op)).settings;
  const auto setting = std::ranges::find(settings, attribute, &Prototype::Setting::name);
  if (setting == settings.end() || !setting->default_value) return true;
  const auto* lengths = std::get_if<std::vector<std::int64_t>>(value);
  const auto* defaults = std::get_if<std::vector<std::int64_t>>(&*setting->default_value);
  if (lengths == nullptr || defaults == nullptr || defaults->size() != 1)
    return !(*value == *setting->default_value);
  return std::ranges::any_of(*lengths,
                             [&](std::int64_t length) { return length != defaults->front(); });
}

std::string python_value(const Attribute& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return python_literal(*flag);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return python_literal(*real);
  if (const auto* text = std::get_if<std::string>(&value))
    return python_literal(std::string_view(*text));
  return one_or_tuple(texts_of(std::get<std::vector<std::int64_t>>(value)));
}

}  // namespace isomer::python

#include "source/python/class_parameters.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "source/python/dialect.h"

namespace isomer::python {
namespace {

constexpr std::string_view widths = "widths";

// Widths explain each other; a stride explains strides alone.
std::string_view family_of(const Dialect& dialect, std::string_view name) {
  const bool width = name == "size" || name.ends_with("_channels") || name.ends_with("_features") ||
                     is_listed(name, dialect.widths);
  return width ? widths : name;
}

std::optional<std::int64_t> integer(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  const bool whole = error == std::errc() && end == text->data() + text->size();
  return whole ? std::optional(value) : std::nullopt;
}

bool is_complete(const Values& values) {
  return std::ranges::all_of(values, [](const auto& value) { return value.has_value(); });
}

bool is_constant(const Values& values) {
  const std::optional<std::string>* first = nullptr;
  for (const auto& value : values) {
    if (!value) continue;
    if (first != nullptr && **first != *value) return false;
    first = &value;
  }
  return true;
}

bool agree(const Values& a, const Values& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] && b[i] && *a[i] != *b[i]) return false;
  }
  return true;
}

/// Slots that one parameter stands for.
struct Choice {
  std::string_view family;
  Values values;
  std::vector<std::size_t> slots = {};
  const Choice* base = nullptr;  // of which it is a multiple
  std::int64_t factor = 1;
  std::string name = {};
};

class Chooser {
 public:
  Chooser(const Dialect& dialect, const std::vector<ClassParameter>& slots, Names& names)
      : dialect_(dialect), slots_(slots), names_(names), choice_of_(slots.size(), nothing) {}

  ChosenParameters choose() {
    for (const bool complete : {true, false}) {
      for (std::size_t i = 0; i < slots_.size(); ++i) {
        if (is_complete(slots_[i].values) == complete) place(i);
      }
    }
    find_multiples();
    name_choices();
    return chosen();
  }

 private:
  static constexpr std::size_t nothing = ~std::size_t{0};

  void place(std::size_t i) {
    const ClassParameter& slot = slots_[i];
    const bool constant = is_constant(slot.values);
    if (constant && is_complete(slot.values)) return;
    const std::string_view family = family_of(dialect_, slot.name);
    const auto fits = std::ranges::find_if(choices_, [&](const Choice& choice) {
      return choice.family == family && agree(choice.values, slot.values);
    });
    if (fits == choices_.end() && constant) return;
    const std::size_t at = static_cast<std::size_t>(fits - choices_.begin());
    if (fits == choices_.end()) choices_.push_back({family, slot.values});
    Choice& choice = choices_[at];
    for (std::size_t k = 0; k < slot.values.size(); ++k) {
      if (!choice.values[k]) choice.values[k] = slot.values[k];
    }
    choice.slots.push_back(i);
    choice_of_[i] = at;
  }

  static std::optional<std::int64_t> factor_of(const Choice& many, const Choice& one) {
    std::optional<std::int64_t> factor;
    for (std::size_t i = 0; i < many.values.size(); ++i) {
      const auto a = integer(many.values[i]);
      const auto b = integer(one.values[i]);
      if (!many.values[i]) continue;
      if (!a || !b || *b <= 0 || *a % *b != 0 || (factor && *factor != *a / *b))
        return std::nullopt;
      factor = *a / *b;
    }
    return factor && *factor > 1 ? factor : std::nullopt;
  }

  // No layer names it: a number of a forward, or a tensor's length.
  bool is_size(const Choice& choice) const {
    return std::ranges::all_of(choice.slots,
                               [&](std::size_t i) { return slots_[i].name == "size"; });
  }

  // Bases are no multiples themselves: the smallest comes first.
  void find_multiples() {
    for (Choice& many : choices_) {
      if (many.family != widths) continue;
      for (const Choice& one : choices_) {
        if (one.family != widths || (is_size(one) && !is_size(many))) continue;
        const auto factor = factor_of(many, one);
        if (factor && *factor > many.factor) {
          many.base = &one;
          many.factor = *factor;
        }
      }
    }
  }

  // The first width that comes in and the last that goes out have the layers' own names.
  void name_choices() {
    std::size_t comes_in = nothing;  // slots
    std::size_t goes_out = nothing;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (choice_of_[i] == nothing) continue;
      if (slots_[i].name.starts_with("in_") && comes_in == nothing) comes_in = i;
      if (slots_[i].name.starts_with("out_")) goes_out = i;
    }
    for (std::size_t i = 0; i < choices_.size(); ++i) {
      Choice& choice = choices_[i];
      if (choice.base != nullptr) continue;
      const bool in = comes_in != nothing && choice_of_[comes_in] == i;
      const bool out = goes_out != nothing && choice_of_[goes_out] == i;
      std::string name = slots_[choice.slots[0]].name;
      if (choice.family == widths) name = width_name(choice);
      if (in && !out) name = slots_[comes_in].name;
      if (out && (!in || goes_first(choice))) name = slots_[goes_out].name;
      if (in && out && !goes_first(choice)) name = slots_[comes_in].name.substr(3);
      choice.name = names_.take(name);
    }
  }

  // Whether a width is given before it is taken.
  bool goes_first(const Choice& choice) const {
    for (const std::size_t i : choice.slots) {
      if (slots_[i].name.starts_with("out_")) return true;
      if (slots_[i].name.starts_with("in_")) return false;
    }
    return false;
  }

  // Of a width inside.
  std::string width_name(const Choice& choice) const {
    for (const std::size_t i : choice.slots) {
      const std::string& name = slots_[i].name;
      for (const std::string_view before : {"in_", "out_"}) {
        if (name.starts_with(before)) return "hidden_" + name.substr(before.size());
      }
    }
    const std::string& name = slots_[choice.slots[0]].name;
    if (name.starts_with("num_")) return name.substr(4);
    return name == "normalized_shape" ? "features" : name;
  }

  ChosenParameters chosen() {
    ChosenParameters result;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (choice_of_[i] == nothing) {
        result.expressions.emplace_back();
        continue;
      }
      const Choice& choice = choices_[choice_of_[i]];
      result.expressions.push_back(choice.base == nullptr
                                       ? choice.name
                                       : fmt::format("{} * {}", choice.factor, choice.base->name));
    }
    for (const Choice& choice : choices_) {
      if (choice.base == nullptr)
        result.parameters.push_back({choice.name, choice.values, default_of(choice)});
    }
    // What comes in is said first.
    std::ranges::stable_sort(result.parameters, {}, [](const ClassParameter& parameter) {
      return std::pair(parameter.fallback.has_value(), !parameter.name.starts_with("in_"));
    });
    return result;
  }

  // The layers', where the modules know one; a place that some module lacks needs none.
  std::optional<std::string> default_of(const Choice& choice) const {
    std::optional<std::string> found;
    for (const std::size_t i : choice.slots) {
      const auto& fallback = slots_[i].fallback;
      if (fallback && found && *found != *fallback) return std::nullopt;
      if (fallback) found = fallback;
    }
    if (!found && !is_complete(choice.values)) return "None";
    return found;
  }

  const Dialect& dialect_;
  const std::vector<ClassParameter>& slots_;
  Names& names_;
  std::vector<Choice> choices_;
  std::vector<std::size_t> choice_of_;
};

}  // namespace

ChosenParameters choose_parameters(const Dialect& dialect, const std::vector<ClassParameter>& slots,
                                   Names& names) {
  return Chooser(dialect, slots, names).choose();
}

}  // namespace isomer::python

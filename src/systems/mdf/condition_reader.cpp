#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"
#include "systems/mdf/conditions.h"

namespace isomer::mdf {
namespace {

struct TimeUnit {
  std::string_view name;
  std::int64_t times;
  int exponent;  // of ten, in seconds
};

constexpr std::array<TimeUnit, 30> units = {{
    {"s", 1, 0},           {"sec", 1, 0},          {"second", 1, 0}, {"ms", 1, -3},
    {"msec", 1, -3},       {"millisecond", 1, -3}, {"us", 1, -6},    {"µs", 1, -6},
    {"usec", 1, -6},       {"microsecond", 1, -6}, {"ns", 1, -9},    {"nanosecond", 1, -9},
    {"ps", 1, -12},        {"picosecond", 1, -12}, {"fs", 1, -15},   {"femtosecond", 1, -15},
    {"ds", 1, -1},         {"cs", 1, -2},          {"ks", 1, 3},     {"kilosecond", 1, 3},
    {"min", 6, 1},         {"minute", 6, 1},       {"h", 36, 2},     {"hr", 36, 2},
    {"hour", 36, 2},       {"d", 864, 2},          {"day", 864, 2},  {"week", 6048, 2},
    {"decisecond", 1, -1}, {"centisecond", 1, -2},
}};

const TimeUnit& time_unit(std::string_view name) {
  const auto* const row = std::ranges::find_if(units, [&](const TimeUnit& unit) {
    return unit.name == name ||
           (name.size() > 3 && name.ends_with('s') && unit.name == name.substr(0, name.size() - 1));
  });
  if (row == units.end())
    refuse(fmt::format("{} is no unit of time; 's', 'ms' and 'us' are", quoted(name)));
  return *row;
}

/// A number's digits, exactly as they are written.
Duration decimal(std::string_view text, const TimeUnit& unit) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 100'000;
  Duration result{0, unit.exponent};
  const bool negative = text.starts_with('-');
  bool fraction = false;
  std::size_t i = negative ? 1 : 0;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    if (text[i] == '.') {
      fraction = true;
      continue;
    }
    if (result.digits > most) refuse(fmt::format("{} is too long for a time", quoted(text)));
    result.digits = result.digits * 10 + (text[i] - '0');
    result.exponent -= fraction ? 1 : 0;
  }
  int exponent = 0;
  if (i < text.size()) {
    i += text[i + 1] == '+' ? 2 : 1;
    std::from_chars(text.data() + i, text.data() + text.size(), exponent);
  }
  while (result.digits != 0 && result.digits % 10 == 0) {
    result.digits /= 10;
    ++result.exponent;
  }
  result.digits *= negative ? -unit.times : unit.times;
  result.exponent = result.digits == 0 ? 0 : result.exponent + exponent;
  return result;
}

double number_of(const Tree& tree) {
  if (const auto* integer = tree.integer()) return static_cast<double>(*integer);
  if (const bool* flag = std::get_if<bool>(&tree.value)) return *flag ? 1 : 0;
  if (const double* real = std::get_if<double>(&tree.value)) return *real;
  refuse(fmt::format("a number is needed, not {}", kind_of(tree)));
}

Duration duration_of(const Tree& tree, const TimeUnit& unit) {
  const std::string* text = tree.text();
  if (text == nullptr && !std::isfinite(number_of(tree))) refuse("a time is finite");
  const std::string all = text == nullptr ? text_of(tree) : std::string(trimmed(*text));
  double value = 0;
  const auto [end, fault] = std::from_chars(all.data(), all.data() + all.size(), value);
  const auto length = static_cast<std::size_t>(end - all.data());
  if (fault != std::errc() || !std::isfinite(value))
    refuse(fmt::format("{} is no time; '500us' is one", quoted(all)));
  const std::string_view rest = trimmed(std::string_view(all).substr(length));
  return decimal(all.substr(0, length), rest.empty() ? unit : time_unit(rest));
}

/// Python's start > end.
bool is_later(const Tree& start, const Tree& end) {
  if ((start.text() == nullptr) != (end.text() == nullptr))
    refuse("'start' and 'end' are both texts or both numbers");
  return start.text() != nullptr ? *start.text() > *end.text() : number_of(start) > number_of(end);
}

bool flag_of(const Tree& tree) {
  if (const bool* flag = std::get_if<bool>(&tree.value)) return *flag;
  refuse(fmt::format("true or false is needed, not {}", kind_of(tree)));
}

class Reader {
 public:
  Reader(const Tree& tree, const ConditionNames& names) : names_(names) {
    if (tree.map() == nullptr) refuse(fmt::format("a condition is needed, not {}", kind_of(tree)));
    const Tree* type = tree.find("type");
    if (type == nullptr || type->is_null()) refuse("a condition has a 'type'");
    condition_.type = &condition_type(text_of(*type));
    const Tree* found = tree.find("kwargs");
    // What is rewritten has both.
    const Tree* old = names.lenient ? tree.find("args") : nullptr;
    if (old != nullptr && (found == nullptr || *found == Tree{Tree::Map{}})) found = old;
    if (found == nullptr || found->is_null()) return;
    if (found->map() == nullptr)
      refuse(fmt::format("'kwargs' maps names to values; this is {}", kind_of(*found)));
    given_ = *found->map();
  }

  Condition read() && {
    with_place(condition_.type->name, [&] {
      if (condition_.type->keywords == "*") {
        for (const auto& [name, value] : given_) add_parts(value, name);
        return;
      }
      std::vector<std::string> faults;
      const auto collect = [&](const auto& action) {
        try {
          action();
        } catch (const Error& error) {
          if (error.fault() == Fault::bug) throw;
          faults.push_back((error.where().empty() ? "" : error.where() + ": ") + error.text());
        }
      };
      std::vector<std::string_view> keywords;
      if (!condition_.type->keywords.empty()) keywords = split_text(condition_.type->keywords, ' ');
      for (std::string_view keyword : keywords) {
        const bool optional = keyword.ends_with('?');
        if (optional) keyword.remove_suffix(1);
        const Tree* value = take(keyword);
        if (value == nullptr && !optional)
          faults.push_back(fmt::format("needs '{}' in its kwargs", keyword));
        // What follows a fault may stand on what is missing.
        if (value != nullptr && faults.empty())
          collect([&] { with_place(quoted(keyword), [&] { set(keyword, *value); }); });
      }
      for (const auto& [name, value] : given_) {
        if (std::ranges::find(taken_, name) == taken_.end())
          faults.push_back(fmt::format("has no {}", quoted(name)));
      }
      if (faults.empty()) collect([&] { finish(); });
      if (!faults.empty()) refuse(listed(faults, "; "));
    });
    return std::move(condition_);
  }

 private:
  struct Keyword {
    std::string_view name;
    void (Reader::*read)(const Tree&);
  };

  /// Null where it is not given, or as null.
  const Tree* take(std::string_view keyword) {
    const Tree* found = nullptr;
    for (const auto& [name, value] : given_) {
      // The plural is taken for the one node, too.
      const bool plural = keyword == "dependency" && name == "dependencies";
      if (name != keyword && !plural) continue;
      taken_.push_back(name);
      if (found == nullptr || plural) found = &value;
    }
    return found == nullptr || found->is_null() ? nullptr : found;
  }

  void set(std::string_view keyword, const Tree& value) {
    static constexpr std::array<Keyword, 19> keywords = {{
        {"n", &Reader::n},
        {"time_scale", &Reader::time_scale},
        {"dependency", &Reader::dependency},
        {"dependencies", &Reader::dependencies},
        {"condition", &Reader::condition},
        {"parameter", &Reader::parameter},
        {"threshold", &Reader::threshold},
        {"comparator", &Reader::comparator},
        {"indices", &Reader::indices},
        {"atol", &Reader::absolute},
        {"rtol", &Reader::relative},
        {"unit", &Reader::unit},
        {"repeat", &Reader::repeat},
        {"start", &Reader::start},
        {"t", &Reader::start},
        {"end", &Reader::end},
        {"start_inclusive", &Reader::starts_at},
        {"inclusive", &Reader::starts_at},
        {"end_inclusive", &Reader::ends_at},
    }};
    (this->*std::ranges::find(keywords, keyword, &Keyword::name)->read)(value);
  }

  void finish() {
    if (condition_.type->name != "TimeInterval") return;
    const Condition::Times& interval = times();
    if (!interval.repeat && !interval.start && !interval.end)
      refuse("needs 'repeat', 'start' or 'end'");
    if (interval.start && interval.end && is_later(*take("start"), *take("end")))
      refuse("'start' is later than 'end'");
  }

  void add_parts(const Tree& tree, std::string_view name) {
    if (tree.list() == nullptr) {
      refuse(fmt::format("{} is a list of conditions, not {}", quoted(name), kind_of(tree)));
    }
    for (const Tree& part : *tree.list()) condition(part);
  }

  std::size_t node(const Tree& tree) const {
    const Tree* id = tree.find("id");  // an element stands for its id
    const std::string name = text_of(id == nullptr ? tree : *id);
    const auto found = names_.node(name);
    if (!found) refuse(fmt::format("there is no node {}", quoted(name)));
    return *found;
  }

  Condition::Times& times() {
    if (!condition_.times) condition_.times = std::make_unique<Condition::Times>();
    return *condition_.times;
  }

  void n(const Tree& tree) { condition_.n = number_of(tree); }
  void time_scale(const Tree& tree) {
    const auto scale = tree.text() == nullptr ? std::nullopt : time_scale_in(*tree.text(), false);
    if (!scale)
      refuse(fmt::format("{} is no time scale; 'TimeScale.LIFE' is one", quoted(text_of(tree))));
    condition_.scale = *scale;
  }
  void dependency(const Tree& tree) { condition_.nodes = {node(tree)}; }
  void dependencies(const Tree& tree) {
    if (tree.list() == nullptr)
      refuse(fmt::format("a list of nodes is needed, not {}", kind_of(tree)));
    if (!tree.list()->empty() && !names_.lenient)
      refuse("nodes in a list are not known to a release; leave the dialect out");
    for (const Tree& item : *tree.list()) condition_.nodes.push_back(node(item));
  }
  void condition(const Tree& tree) {
    condition_.parts.push_back(read_condition(tree, names_));
    condition_.size += condition_.parts.back().size;
  }

  void parameter(const Tree& tree) {
    condition_.level = std::make_unique<Condition::Level>();
    condition_.level->value = names_.value(condition_.nodes.at(0), text_of(tree));
  }
  void threshold(const Tree& tree) { condition_.level->threshold = number_of(tree); }
  void comparator(const Tree& tree) {
    constexpr std::array<std::string_view, 6> signs = {"<", "<=", ">", ">=", "==", "!="};
    condition_.level->comparator = text_of(tree);
    if (std::ranges::find(signs, condition_.level->comparator) == signs.end())
      refuse(fmt::format("there is no {}; there are < <= > >= == !=", quoted(text_of(tree))));
  }
  void indices(const Tree& tree) {
    if (tree.list() != nullptr) {
      for (const Tree& item : *tree.list()) add_index(item);
    } else {
      add_index(tree);
    }
  }
  void add_index(const Tree& tree) {
    // The format's program takes a time scale for its number.
    const auto scale = tree.text() == nullptr ? std::nullopt : time_scale_in(*tree.text(), false);
    if (!scale && tree.integer() == nullptr)
      refuse(fmt::format("an index is an integer, not {}", kind_of(tree)));
    condition_.level->indices.push_back(
        {scale ? static_cast<std::int64_t>(*scale) : *tree.integer()});
  }
  void absolute(const Tree& tree) { condition_.level->absolute = number_of(tree); }
  void relative(const Tree& tree) { condition_.level->relative = number_of(tree); }

  void unit(const Tree& tree) { unit_ = time_unit(text_of(tree)); }
  void repeat(const Tree& tree) { times().repeat = duration_of(tree, unit_); }
  void start(const Tree& tree) { times().start = duration_of(tree, unit_); }
  void end(const Tree& tree) { times().end = duration_of(tree, unit_); }
  void starts_at(const Tree& tree) { times().starts_at = flag_of(tree); }
  void ends_at(const Tree& tree) { times().ends_at = flag_of(tree); }

  const ConditionNames& names_;
  Condition condition_;
  Tree::Map given_;
  std::vector<std::string> taken_;
  TimeUnit unit_{"ms", 1, -3};
};

}  // namespace

std::optional<TimeScale> time_scale_in(std::string_view word, bool bare) {
  constexpr std::array<std::string_view, 5> names = {"CONSIDERATION_SET_EXECUTION", "PASS",
                                                     "ENVIRONMENT_STATE_UPDATE",
                                                     "ENVIRONMENT_SEQUENCE", "LIFE"};
  const std::string_view prefix = word.starts_with('.') ? "." : "TimeScale.";
  if (word.starts_with(prefix)) {
    word.remove_prefix(prefix.size());
    bare = true;
  }
  const auto* const found = std::ranges::find(names, word);
  if (!bare || found == names.end()) return std::nullopt;
  return static_cast<TimeScale>(found - names.begin());
}

Condition read_condition(const Tree& tree, const ConditionNames& names) {
  return Reader(tree, names).read();
}

}  // namespace isomer::mdf

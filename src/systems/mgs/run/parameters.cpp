#include "systems/mgs/run/parameters.h"

#include <cmath>
#include <limits>
#include <type_traits>

#include "base/text.h"

namespace isomer::mgs {
namespace {

using Integers = std::vector<std::int32_t>;
using Floats = std::vector<float>;

template <class T>
T& at(const Field& field, void* data) {
  return *static_cast<T*>(field.at(data));
}

[[noreturn]] void refuse_kind(const std::string& name, const Value& value, std::string_view right) {
  throw Mismatch{Mistake::type, fmt::format("member {} cannot be {}", quoted(name), kind_of(value)),
                 fmt::format("it is {}", right)};
}

/// As a cast does on x86-64, where C++ itself says nothing: what does not fit is the least integer.
template <class T>
T cast(double value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else if constexpr (std::is_same_v<T, bool>) {
    return value != 0;
  } else {
    constexpr double edge = 9223372036854775808.0;
    const std::int64_t whole = value >= -edge && value < edge
                                   ? static_cast<std::int64_t>(value)
                                   : std::numeric_limits<std::int64_t>::min();
    constexpr bool narrow = sizeof(T) < sizeof(std::int64_t);
    constexpr bool is_unsigned = std::is_unsigned_v<T>;
    if (narrow && !is_unsigned &&
        (whole > std::numeric_limits<std::int32_t>::max() ||
         whole < std::numeric_limits<std::int32_t>::min())) {
      return static_cast<T>(std::numeric_limits<std::int32_t>::min());
    }
    return static_cast<T>(whole);
  }
}

template <class T>
void set_number(const Field& field, void* data, const Value& value, bool strict) {
  double given = 0;
  if (real_of(value, given) == nullptr) refuse_kind(std::string(field.name), value, "a number");
  const auto kept = value.as<std::int32_t>() != nullptr ? static_cast<T>(*value.as<std::int32_t>())
                                                        : cast<T>(given);
  if (strict && static_cast<double>(kept) != given && !std::is_same_v<T, float>) {
    throw Mismatch{Mistake::silent,
                   fmt::format("member {} would become {} of {}", quoted(field.name),
                               static_cast<double>(kept), given),
                   "a number that its type holds"};
  }
  at<T>(field, data) = kept;
}

template <class T, class From>
void set_elements(const Field& field, void* data, const Value& value, bool appends,
                  std::string_view right) {
  const auto* given = value.as_shared<std::vector<From>>();
  if (given == nullptr) refuse_kind(std::string(field.name), value, right);
  auto& elements = at<std::vector<T>>(field, data);
  if (!appends) elements.clear();
  for (const From element : *given) elements.push_back(static_cast<T>(element));
}

void set_texts(const Field& field, void* data, const Value& value, bool appends) {
  const auto* list = value.as_shared<List>();
  if (list == nullptr) refuse_kind(std::string(field.name), value, "a list of texts");
  auto& texts = at<std::vector<std::string>>(field, data);
  if (!appends) texts.clear();
  for (const Value& item : *list) {
    const auto* text = item.as<std::string>();
    if (text == nullptr) refuse_kind(std::string(field.name), item, "a list of texts");
    texts.push_back(*text);
  }
}

void set_field(const Field& field, void* data, const Value& value, bool appends, bool strict) {
  constexpr std::string_view integers = "a list of integers, as {1, 2}";
  constexpr std::string_view reals = "a list of numbers with a point in one of them, as {1.0, 2}";
  switch (field.kind) {
    case Kind::boolean: return set_number<bool>(field, data, value, strict);
    case Kind::character: return set_number<signed char>(field, data, value, strict);
    case Kind::short_integer: return set_number<short>(field, data, value, strict);
    case Kind::integer: return set_number<int>(field, data, value, strict);
    case Kind::long_integer: return set_number<long>(field, data, value, strict);
    case Kind::unsigned_integer: return set_number<unsigned>(field, data, value, strict);
    case Kind::real32: return set_number<float>(field, data, value, strict);
    case Kind::real64: return set_number<double>(field, data, value, strict);
    case Kind::integers:
      return set_elements<int, std::int32_t>(field, data, value, appends, integers);
    case Kind::unsigned_integers:
      return set_elements<unsigned, std::int32_t>(field, data, value, appends, integers);
    case Kind::reals32: return set_elements<float, float>(field, data, value, appends, reals);
    case Kind::reals: return set_elements<double, float>(field, data, value, appends, reals);
    case Kind::texts: return set_texts(field, data, value, appends);
    case Kind::text: break;
    case Kind::scalar_pointer:
    case Kind::array_pointer:
    case Kind::links:
      throw Mismatch{
          Mistake::type,
          fmt::format("member {} is a pointer, which a script cannot set", quoted(field.name)),
          "a connection sets it"};
  }
  const auto* text = value.as<std::string>();
  if (text == nullptr) refuse_kind(std::string(field.name), value, "a text");
  at<std::string>(field, data) = *text;
}

[[noreturn]] void refuse_member(const std::vector<mdl::Member>& members, const std::string& name,
                                std::string_view of) {
  std::vector<std::string_view> names;
  for (const mdl::Member& member : members) names.push_back(member.name.text);
  const std::string_view close = nearest(name, names);
  throw Mismatch{Mistake::unknown_name, fmt::format("{} has no member {}", of, quoted(name)),
                 !close.empty()  ? fmt::format("did you mean '{}'?", close)
                 : names.empty() ? "it has none"
                                 : "there are: " + listed(names)};
}

}  // namespace

void assign(const TypeInUse& type, bool shared, void* data, const std::string& name,
            const Value& value, bool appends, bool strict) {
  const auto& members = shared ? type.model->shared.members : type.model->members;
  const std::string of = (shared ? "the shared part of " : "") + type.model->name.text;
  if (mdl::find_member(members, name) == nullptr) refuse_member(members, name, of);
  const Field* field = find_field(shared ? type.native->shared_fields : type.native->fields, name);
  if (field == nullptr) {
    throw Mismatch{Mistake::type, fmt::format("member {} of {} cannot be set", quoted(name), of)};
  }
  set_field(*field, data, value, appends, strict);
}

Attributes no_attributes(const TypeInUse& type) {
  Attributes attributes{type.model};
  for (const mdl::Member& member : type.model->in_attributes) {
    const bool real = member.type.core == mdl::Core::real32 ||
                      member.type.core == mdl::Core::real64 ||
                      member.type.core == mdl::Core::long_real;
    if (member.type.core == mdl::Core::string) {
      attributes.values.emplace_back(std::string());
    } else if (real) {
      attributes.values.emplace_back(0.0);
    } else {
      attributes.values.emplace_back(std::int64_t{0});
    }
  }
  return attributes;
}

void assign(Attributes& attributes, const std::string& name, const Value& value) {
  const std::vector<mdl::Member>& members = attributes.model->in_attributes;
  std::size_t i = 0;
  while (i < members.size() && members[i].name.text != name) ++i;
  if (i == members.size())
    refuse_member(members, name, attributes.model->name.text + "'s InAttrPSet");
  Attributes::Value& kept = attributes.values[i];
  if (std::holds_alternative<std::string>(kept)) {
    const auto* text = value.as<std::string>();
    if (text == nullptr) refuse_kind(name, value, "a text");
    kept = *text;
    return;
  }
  double given = 0;
  if (real_of(value, given) == nullptr) refuse_kind(name, value, "a number");
  if (std::holds_alternative<double>(kept)) {
    kept = members[i].type.core == mdl::Core::real32 ? double{static_cast<float>(given)} : given;
    return;
  }
  switch (members[i].type.core) {
    case mdl::Core::boolean: kept = std::int64_t{given != 0}; break;
    case mdl::Core::character: kept = std::int64_t{cast<signed char>(given)}; break;
    case mdl::Core::short_integer: kept = std::int64_t{cast<short>(given)}; break;
    case mdl::Core::unsigned_integer: kept = std::int64_t{cast<unsigned>(given)}; break;
    case mdl::Core::long_integer: kept = std::int64_t{cast<long>(given)}; break;
    default: kept = std::int64_t{cast<int>(given)};
  }
}

}  // namespace isomer::mgs

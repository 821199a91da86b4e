#include "vocabularies/vocabulary.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "vocabularies/lengths.h"

namespace isomer {
namespace {

const NamedArgument* find(std::span<const NamedArgument> arguments, std::string_view name) {
  const auto found = std::ranges::find(arguments, name, &NamedArgument::name);
  const bool absent =
      found == arguments.end() || std::holds_alternative<std::monostate>(found->value);
  return absent ? nullptr : &*found;
}

Argument as_argument(const Attribute& value) {
  return std::visit([](const auto& same) { return Argument(same); }, value);
}

std::string described(const Argument& argument) {
  if (const auto* value = std::get_if<bool>(&argument)) return *value ? "true" : "false";
  if (const auto* value = std::get_if<std::int64_t>(&argument)) return std::to_string(*value);
  if (const auto* value = std::get_if<double>(&argument)) return real_text(*value);
  if (const auto* value = std::get_if<std::string>(&argument)) return quoted(*value);
  if (std::holds_alternative<ValueId>(argument)) return "a tensor";
  const auto* list = std::get_if<std::vector<std::int64_t>>(&argument);
  const bool is_short = list != nullptr && list->size() <= 8;
  return is_short ? fmt::format("[{}]", fmt::join(*list, ", ")) : "given";
}

std::optional<std::int64_t> known_integer(const Argument& argument) {
  if (const auto* value = std::get_if<std::int64_t>(&argument)) return *value;
  if (const auto* value = std::get_if<bool>(&argument)) return *value ? 1 : 0;
  const auto* dim = std::get_if<Dim>(&argument);
  if (dim != nullptr && dim->known()) return dim->value();
  return std::nullopt;
}

}  // namespace

Arguments::Arguments(Emitter& emitter, std::string_view operation,
                     std::span<const NamedArgument> arguments, const Prototype* prototype)
    : emitter_(emitter), operation_(operation), arguments_(arguments), prototype_(prototype) {}

const Argument* Arguments::look(std::string_view name) {
  seen_.push_back(name);
  const NamedArgument* found = find(arguments_, name);
  return found == nullptr ? nullptr : &found->value;
}

bool Arguments::given(std::string_view name) const { return find(arguments_, name) != nullptr; }

const Argument& Arguments::need(std::string_view name, std::string_view kind) {
  const Argument* argument = look(name);
  if (argument == nullptr) fail(fmt::format("argument '{}' is missing; it needs {}", name, kind));
  return *argument;
}

void Arguments::wrong(std::string_view name, std::string_view kind) const {
  fail(fmt::format("argument '{}' is not {}", name, kind));
}

void Arguments::refuse(std::string_view what) const {
  throw Error(Fault::unsupported, std::string(operation_), what);
}

void Arguments::fail(std::string_view what) const {
  throw Error(Fault::model, std::string(operation_), what);
}

void Arguments::ignore(std::span<const std::string_view> names) {
  seen_.insert(seen_.end(), names.begin(), names.end());
}

const Attribute* Arguments::default_of(std::string_view name) const {
  if (prototype_ == nullptr) return nullptr;
  const auto setting = std::ranges::find(prototype_->settings, name, &Prototype::Setting::name);
  const bool known = setting != prototype_->settings.end() && setting->default_value;
  return known ? &*setting->default_value : nullptr;
}

void Arguments::finish() const {
  for (const NamedArgument& argument : arguments_) {
    if (std::holds_alternative<std::monostate>(argument.value)) continue;
    if (std::ranges::find(seen_, argument.name) != seen_.end()) continue;
    const Attribute* usual = default_of(argument.name);
    const Argument known = usual == nullptr ? Argument{} : as_argument(*usual);
    if (argument.value == known) continue;
    refuse(fmt::format("argument {} is {}; {} is supported", quoted(argument.name),
                       described(argument.value),
                       usual == nullptr ? "only a call without it" : "only " + described(known)));
  }
}

ValueId Arguments::tensor(std::string_view name) {
  const auto* value = std::get_if<ValueId>(&need(name, "a tensor"));
  if (value == nullptr || *value == ValueId::none) wrong(name, "a tensor");
  return *value;
}

ValueId Arguments::optional_tensor(std::string_view name) {
  const Argument* argument = look(name);
  if (argument == nullptr) return ValueId::none;
  const auto* value = std::get_if<ValueId>(argument);
  if (value == nullptr) wrong(name, "a tensor");
  return *value;
}

std::vector<ValueId> Arguments::tensors(std::string_view name) {
  const Argument& argument = need(name, "a list of tensors");
  if (const auto* values = std::get_if<std::vector<ValueId>>(&argument)) return *values;
  wrong(name, "a list of tensors");
}

bool Arguments::flag(std::string_view name, std::optional<bool> fallback) {
  if (fallback && !given(name)) return ignore({name}), *fallback;
  const Dim value = dim_in(name, need(name, "true or false"), "true or false");
  if (!value.known()) wrong(name, "true or false");
  return value != Dim(0);
}

std::int64_t Arguments::integer(std::string_view name, std::optional<std::int64_t> fallback) {
  if (fallback && !given(name)) return ignore({name}), *fallback;
  const Dim value = dim_in(name, need(name, "an integer"), "a known integer");
  if (!value.known()) wrong(name, "a known integer");
  return value.value();
}

double Arguments::real(std::string_view name, std::optional<double> fallback) {
  if (fallback && !given(name)) return ignore({name}), *fallback;
  const Argument& argument = need(name, "a number");
  if (const auto* value = std::get_if<double>(&argument)) return *value;
  if (const auto number = known_integer(argument)) return static_cast<double>(*number);
  if (const auto* id = std::get_if<ValueId>(&argument)) {
    const auto tensor = emitter_.known(*id);
    if (!tensor)
      refuse(fmt::format("argument '{}' is computed from data; it must be constant", name));
    if (tensor->count() == 1) return tensor->doubles()[0];
  }
  wrong(name, "a known number");
}

std::string Arguments::text(std::string_view name, std::optional<std::string_view> fallback) {
  if (fallback && !given(name)) return ignore({name}), std::string(*fallback);
  if (const auto* value = std::get_if<std::string>(&need(name, "a text"))) return *value;
  wrong(name, "a text");
}

std::optional<DType> Arguments::dtype(std::string_view name) {
  const Argument* argument = look(name);
  if (argument == nullptr) return std::nullopt;
  if (const auto* value = std::get_if<DType>(argument)) return *value;
  wrong(name, "an element type");
}

Dim Arguments::dim(std::string_view name, std::optional<Dim> fallback) {
  if (fallback && !given(name)) return ignore({name}), *fallback;
  return dim_in(name, need(name, "a length"), "a length");
}

Dim Arguments::dim_in(std::string_view name, const Argument& argument,
                      std::string_view kind) const {
  if (const auto* value = std::get_if<Dim>(&argument)) return *value;
  if (const auto number = known_integer(argument)) return *number;
  if (const auto* id = std::get_if<ValueId>(&argument)) {
    const std::vector<Dim> elements = elements_of(name, *id);
    if (elements.size() == 1) return elements[0];
  }
  wrong(name, kind);
}

std::vector<Dim> Arguments::elements_of(std::string_view name, ValueId id) const {
  if (id == ValueId::none || is_floating(emitter_.dtype(id))) wrong(name, "of integers");
  if (const auto tensor = emitter_.known(id)) {
    const std::vector<std::int64_t> elements = tensor->integers();
    return {elements.begin(), elements.end()};
  }
  if (auto lengths = known_lengths(emitter_, id)) return *std::move(lengths);
  refuse(fmt::format("argument '{}' is computed from data; it must be constant, or made of lengths",
                     name));
}

std::vector<Dim> Arguments::dims(std::string_view name) {
  const Argument& argument = need(name, "lengths");
  if (const auto* values = std::get_if<std::vector<Dim>>(&argument)) return *values;
  if (const auto* values = std::get_if<std::vector<std::int64_t>>(&argument))
    return {values->begin(), values->end()};
  if (const auto* values = std::get_if<std::vector<ValueId>>(&argument);
      values != nullptr && values->empty()) {
    return {};
  }
  if (const auto* value = std::get_if<ValueId>(&argument)) return elements_of(name, *value);
  return {dim_in(name, argument, "a list of lengths")};
}

std::vector<std::int64_t> Arguments::integers(std::string_view name,
                                              std::optional<std::vector<std::int64_t>> fallback) {
  if (fallback && !given(name)) return ignore({name}), *fallback;
  std::vector<std::int64_t> numbers;
  for (const Dim& dim : dims(name)) {
    if (!dim.known())
      refuse(fmt::format("argument '{}' depends on a length that is not known", name));
    numbers.push_back(dim.value());
  }
  return numbers;
}

std::vector<double> Arguments::reals(std::string_view name) {
  const Argument& argument = need(name, "numbers");
  if (const auto* values = std::get_if<std::vector<double>>(&argument)) return *values;
  if (const auto* values = std::get_if<std::vector<std::int64_t>>(&argument))
    return {values->begin(), values->end()};
  if (const auto* value = std::get_if<double>(&argument)) return {*value};
  if (const auto* id = std::get_if<ValueId>(&argument)) {
    if (const auto tensor = emitter_.known(*id)) return tensor->doubles();
    refuse(fmt::format("argument '{}' is computed from data; it must be constant", name));
  }
  wrong(name, "a list of numbers");
}

std::int64_t Arguments::wrap(std::int64_t axis, std::int64_t rank) const {
  const std::int64_t axes = std::max<std::int64_t>(rank, 1);
  if (axis < -axes || axis >= axes) {
    fail(fmt::format("axis {} is out of range; a tensor of rank {} has {} to {}", axis, rank, -axes,
                     axes - 1));
  }
  return axis < 0 ? axis + axes : axis;
}

}  // namespace isomer

#include "ops/schema.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <unordered_map>

#include "base/text.h"
#include "ops/families.h"

namespace isomer {
namespace {

const OpFamily families[] = {
    {"elementwise", elementwise_ops()},
    {"special", special_ops()},
    {"reduction", reduction_ops()},
    {"shape", shape_ops()},
    {"indexing", indexing_ops()},
    {"linear", linear_ops()},
    {"factorization", factorization_ops()},
    {"convolution", convolution_ops()},
    {"normalization", normalization_ops()},
    {"attention", attention_ops()},
    {"random", random_ops()},
    {"creation", creation_ops()},
    {"loss", loss_ops()},
    {"control", control_ops()},
};

struct CatalogEntry {
  const OpSchema* schema;
  Prototype prototype;
};

const std::unordered_map<std::string_view, CatalogEntry>& catalog() {
  static const auto entries = [] {
    std::unordered_map<std::string_view, CatalogEntry> map;
    for (const OpFamily& family : families) {
      for (const OpSchema& schema : family.ops) {
        const bool added =
            map.try_emplace(schema.name(), CatalogEntry{&schema, parse_signature(schema.signature)})
                .second;
        expect(added, "every operator has one row");
      }
    }
    return map;
  }();
  return entries;
}

constexpr std::pair<std::string_view, Kind> kind_names[] = {
    {"bool", Kind::boolean},  {"int", Kind::integer}, {"float", Kind::real},
    {"string", Kind::text},   {"dtype", Kind::dtype}, {"dim", Kind::dim},
    {"ints", Kind::integers}, {"dims", Kind::dims},
};

Kind kind_named(std::string_view name) {
  const auto* row = std::ranges::find(kind_names, name, &std::pair<std::string_view, Kind>::first);
  if (row == std::end(kind_names)) {
    throw Error(Fault::bug, "signature", "no attribute kind '" + std::string(name) + "'");
  }
  return row->second;
}

std::string_view name_of(Kind kind) {
  const auto* row = std::ranges::find(kind_names, kind, &std::pair<std::string_view, Kind>::second);
  return row->first;
}

template <class Number>
Number number_in(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  expect(error == std::errc() && end == text.data() + text.size(), "a default is a number");
  return value;
}

template <class Number>
std::vector<Number> list_in(std::string_view text) {
  expect(text.size() >= 2 && text.front() == '[' && text.back() == ']',
         "a default list has brackets");
  std::vector<Number> values;
  for (const std::string_view part : split_text(text.substr(1, text.size() - 2), ',')) {
    values.push_back(number_in<Number>(trimmed(part)));
  }
  return values;
}

Attribute default_in(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::boolean: return text == "true";
    case Kind::integer: return number_in<std::int64_t>(text);
    case Kind::real: return number_in<double>(text);
    case Kind::text: return std::string(text.substr(1, text.size() - 2));
    case Kind::dtype: return dtype_named(text).value();
    case Kind::dim: return Dim(number_in<std::int64_t>(text));
    case Kind::integers: return list_in<std::int64_t>(text);
    case Kind::dims: {
      const auto numbers = list_in<std::int64_t>(text);
      return std::vector<Dim>(numbers.begin(), numbers.end());
    }
  }
  throw Error(Fault::bug, "signature", "an attribute's kind is none");
}

/// Splits at commas outside of brackets.
std::vector<std::string_view> parameters_in(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '[') ++depth;
    if (text[i] == ']') --depth;
    if (text[i] == ',' && depth == 0) {
      parts.push_back(trimmed(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  if (!trimmed(text).empty()) parts.push_back(trimmed(text.substr(begin)));
  return parts;
}

bool drop_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

Prototype::Setting setting_in(std::string_view text, std::size_t colon) {
  Prototype::Setting setting{
      .name = trimmed(text.substr(0, colon)), .kind = Kind::boolean, .default_value = {}};
  std::string_view kind = trimmed(text.substr(colon + 1));
  const std::size_t equals = kind.find('=');
  const std::string_view given =
      equals == std::string_view::npos ? std::string_view() : trimmed(kind.substr(equals + 1));
  kind = trimmed(kind.substr(0, equals));
  setting.optional = drop_suffix(kind, "?");
  setting.kind = kind_named(kind);
  if (!given.empty()) setting.default_value = default_in(setting.kind, given);
  return setting;
}

/// `value` as the kind asks, where that loses nothing.
std::optional<Attribute> as_kind(Kind kind, const Attribute& value) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  const auto* integers = std::get_if<std::vector<std::int64_t>>(&value);
  const auto* dims = std::get_if<std::vector<Dim>>(&value);
  switch (kind) {
    case Kind::boolean:
      return std::holds_alternative<bool>(value) ? std::optional(value) : std::nullopt;
    case Kind::integer:
      if (const auto* dim = std::get_if<Dim>(&value); dim != nullptr && dim->known())
        return dim->value();
      return integer != nullptr ? std::optional(value) : std::nullopt;
    case Kind::real:
      if (integer != nullptr) return static_cast<double>(*integer);
      return std::holds_alternative<double>(value) ? std::optional(value) : std::nullopt;
    case Kind::text:
      return std::holds_alternative<std::string>(value) ? std::optional(value) : std::nullopt;
    case Kind::dtype:
      return std::holds_alternative<DType>(value) ? std::optional(value) : std::nullopt;
    case Kind::dim:
      if (integer != nullptr) return Dim(*integer);
      return std::holds_alternative<Dim>(value) ? std::optional(value) : std::nullopt;
    case Kind::integers:
      if (dims != nullptr) {
        if (auto known = known_shape(*dims)) return *known;
        return std::nullopt;
      }
      return integers != nullptr ? std::optional(value) : std::nullopt;
    case Kind::dims:
      if (integers != nullptr) return std::vector<Dim>(integers->begin(), integers->end());
      return dims != nullptr ? std::optional(value) : std::nullopt;
  }
  return std::nullopt;
}

void refuse_unknown(std::string_view op, const Prototype& wanted, const Attributes& given) {
  for (const NamedAttribute& attribute : given) {
    const bool known = std::ranges::any_of(
        wanted.settings, [&](const auto& setting) { return setting.name == attribute.name; });
    if (known) continue;
    std::vector<std::string_view> names;
    for (const auto& setting : wanted.settings) names.push_back(setting.name);
    throw Error(Fault::model, "",
                fmt::format("'{}' has no attribute {}; it has: {}", op, quoted(attribute.name),
                            names.empty() ? "none" : listed(names)));
  }
}

}  // namespace

std::span<const OpFamily> op_families() { return families; }

const OpSchema* find_op(std::string_view name) {
  const auto entry = catalog().find(name);
  return entry == catalog().end() ? nullptr : entry->second.schema;
}

const OpSchema& op_named(std::string_view name) {
  if (const OpSchema* schema = find_op(name)) return *schema;
  std::vector<std::string_view> names;
  for (const auto& [known, entry] : catalog()) names.push_back(known);
  std::ranges::sort(names);
  const std::string_view close = nearest(name, names);
  throw Error(Fault::model, "",
              fmt::format("there is no operator {}{}", quoted(name),
                          close.empty() ? "" : fmt::format("; did you mean '{}'?", close)));
}

const Traits& traits_of(const Node& node) { return op_named(node.op).traits; }

bool draws(const Graph& graph) {
  return std::ranges::any_of(graph.nodes, [](const Node& node) { return draws(node); });
}

bool draws(const Node& node) {
  if (std::ranges::any_of(node.bodies, [](const Body& body) { return draws(*body); })) return true;
  if (!traits_of(node).random) return false;
  const Attributes attributes = complete(op_named(node.op), node.attributes);
  const Attribute* training = find(attributes, "training");
  return training == nullptr || std::get<bool>(*training);
}

const Prototype& prototype(const OpSchema& schema) { return catalog().at(schema.name()).prototype; }

Prototype parse_signature(std::string_view signature) {
  const std::size_t open = signature.find('(');
  const std::size_t arrow = signature.find(") -> ");
  expect(open != std::string_view::npos && arrow != std::string_view::npos,
         "a signature reads 'name(inputs and attributes) -> outputs'");
  Prototype result;
  std::string_view parameters = signature.substr(open + 1, arrow - open - 1);
  if (const std::size_t bodies = parameters.find(';'); bodies != std::string_view::npos) {
    result.bodies = parameters_in(parameters.substr(bodies + 1));
    parameters = parameters.substr(0, bodies);
  }
  for (std::string_view text : parameters_in(parameters)) {
    if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
      result.settings.push_back(setting_in(text, colon));
      continue;
    }
    Prototype::Input input;
    input.variadic = drop_suffix(text, "...");
    input.optional = drop_suffix(text, "?");
    input.name = text;
    result.inputs.push_back(input);
  }
  std::string_view outputs = trimmed(signature.substr(arrow + 5));
  result.variadic_outputs = drop_suffix(outputs, "...");
  if (outputs.starts_with('(')) outputs = outputs.substr(1, outputs.size() - 2);
  result.outputs = parameters_in(outputs);
  return result;
}

Attributes complete(const OpSchema& schema, const Attributes& given) {
  return complete(schema.name(), prototype(schema), given);
}

Attributes complete(std::string_view op, const Prototype& wanted, const Attributes& given) {
  refuse_unknown(op, wanted, given);
  Attributes result;
  for (const Prototype::Setting& setting : wanted.settings) {
    const Attribute* value = find(given, setting.name);
    if (value == nullptr && setting.default_value) value = &*setting.default_value;
    if (value == nullptr && setting.optional) continue;
    if (value == nullptr) {
      throw Error(Fault::model, "",
                  fmt::format("'{}' needs the attribute '{}' ({})", op, setting.name,
                              name_of(setting.kind)));
    }
    std::optional<Attribute> converted = as_kind(setting.kind, *value);
    if (!converted) {
      throw Error(Fault::model, "",
                  fmt::format("attribute '{}' of '{}' is {}; it should be of kind {}", setting.name,
                              op, to_text(*value), name_of(setting.kind)));
    }
    result.push_back({std::string(setting.name), std::move(*converted)});
  }
  return result;
}

namespace {

/// -0 is another number than 0.
bool same(const Attribute& a, const Attribute& b) {
  const double* x = std::get_if<double>(&a);
  const double* y = std::get_if<double>(&b);
  return a == b && (x == nullptr || y == nullptr || std::signbit(*x) == std::signbit(*y));
}

}  // namespace

Attributes canonical(const OpSchema& schema, const Attributes& given) {
  const Prototype& wanted = prototype(schema);
  Attributes result = complete(schema, given);
  std::erase_if(result, [&](const NamedAttribute& attribute) {
    const auto setting =
        std::ranges::find(wanted.settings, attribute.name, &Prototype::Setting::name);
    return setting->default_value && same(*setting->default_value, attribute.value);
  });
  return result;
}

}  // namespace isomer

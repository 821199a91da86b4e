#include "cli/coverage.h"

#include <utility>

#include "base/error.h"
#include "ops/builder.h"
#include "ops/text.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace isomer::cli {
namespace {

// What an expansion uses shows only when it is applied, and that takes inputs its type rule
// accepts. All lengths are 4, so that most rules find something to agree with among a few types and
// settings.
const std::vector<TensorType>& example_types() {
  static const std::vector<TensorType> types = {
      {DType::f32, {4, 4, 4, 4}}, {DType::f32, {4, 4}},     {DType::f32, {4}},
      {DType::i64, {4}},          {DType::boolean, {4, 4}}, {DType::i64, {4, 4, 4}},
      {DType::f32, {4, 4, 2}},
  };
  return types;
}

std::vector<Attribute> example_settings(Kind kind) {
  using Integers = std::vector<std::int64_t>;
  switch (kind) {
    case Kind::boolean: return {false};
    case Kind::integer: return {std::int64_t{1}, std::int64_t{0}};
    case Kind::real: return {0.5};
    case Kind::text: return {std::string("none")};
    case Kind::dtype: return {DType::f32};
    case Kind::dim: return {Dim(1)};
    case Kind::integers: return {Integers{1}, Integers{2, 2}, Integers{4}, Integers{1, 1, 1, 1}};
    case Kind::dims: return {std::vector<Dim>{2, 2}, std::vector<Dim>{4, 4}};
  }
  return {};
}

/// Counts through all choices: the digits of a number with a base for each.
bool next(std::vector<std::size_t>& digits, const std::vector<std::size_t>& bases) {
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (++digits[i] < bases[i]) return true;
    digits[i] = 0;
  }
  return false;
}

struct Trial {
  std::vector<const Prototype::Setting*> settings;  // those that must be given
  std::vector<std::size_t> bases;
};

Trial trial_for(const Prototype& prototype) {
  Trial trial;
  for (const Prototype::Input& input : prototype.inputs)
    trial.bases.push_back(input.optional ? 1 : example_types().size());
  for (const Prototype::Setting& setting : prototype.settings) {
    if (setting.optional || setting.default_value) continue;
    trial.settings.push_back(&setting);
    trial.bases.push_back(example_settings(setting.kind).size());
  }
  return trial;
}

std::optional<Graph> attempt(const OpSchema& schema, const Trial& trial,
                             const std::vector<std::size_t>& digits) {
  const Prototype& prototype = isomer::prototype(schema);
  try {
    Builder builder("example");
    std::vector<ValueId> inputs;
    for (std::size_t i = 0; i < prototype.inputs.size(); ++i) {
      const bool absent = prototype.inputs[i].optional;
      inputs.push_back(absent ? ValueId::none : builder.input("x", example_types()[digits[i]]));
    }
    Attributes attributes;
    for (std::size_t i = 0; i < trial.settings.size(); ++i) {
      const Prototype::Setting& setting = *trial.settings[i];
      attributes.push_back(
          {std::string(setting.name), example_settings(setting.kind)[digits[inputs.size() + i]]});
    }
    std::vector<ValueId> outputs =
        builder.emit_all(schema.name(), std::move(inputs), std::move(attributes));
    return std::move(builder).finish(std::move(outputs));
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    return std::nullopt;  // these do not go together
  }
}

// Bodies must fit each other and the inputs: nothing that is found by trying.
constexpr std::pair<std::string_view, std::string_view> bodied[] = {
    {"call", R"(graph example(x: f32[4]) -> (y)
      y = call(x)
        body(x: f32[4]) -> (x) {
        })"},
    {"if", R"(graph example(x: f32[4], flag: bool[]) -> (y)
      y = if(flag, x)
        then(x: f32[4]) -> (x) {
        }
        else(x: f32[4]) -> (x) {
        })"},
    {"scan", R"(graph example(x: f32[4]) -> (y)
      y = scan(x, carried=0, scanned=1)
        body(x: f32[]) -> (x) {
        })"},
    {"while", R"(graph example(x: f32[4], flag: bool[]) -> (y, z)
      y, z = while(x, flag, carried=2)
        condition(x: f32[4], flag: bool[]) -> (flag) {
        }
        body(x: f32[4], flag: bool[]) -> (x, flag) {
        })"},
};

Graph example_of(const OpSchema& schema) {
  for (const auto& [op, text] : bodied) {
    if (op == schema.name()) return parse_graph(text);
  }
  const Trial trial = trial_for(prototype(schema));
  std::vector<std::size_t> digits(trial.bases.size(), 0);
  do {
    if (auto graph = attempt(schema, trial, digits)) return *std::move(graph);
  } while (next(digits, trial.bases));
  throw Error(
      Fault::bug, std::string(schema.name()),
      "its type rule takes none of the examples in cli/coverage.cpp; add one that it takes");
}

bool works(const std::function<void()>& action) {
  try {
    action();
    return true;
  } catch (const Error& error) {
    if (error.fault() == Fault::bug) throw;
    return false;
  }
}

}  // namespace

std::string_view name_of(Support support) {
  switch (support) {
    case Support::native: return "native";
    case Support::expanded: return "expanded";
    case Support::none: return "no";
  }
  return "no";
}

Coverage::Coverage(const OpSchema& schema) : schema_(schema) {
  if (schema.expand != nullptr || !prototype(schema).bodies.empty()) example_ = example_of(schema);
}

Support Coverage::support(const std::function<bool(std::string_view)>& spells) const {
  if (spells(schema_.name())) return Support::native;
  if (!example_) return Support::none;
  return works([&] { expand_unsupported(*example_, spells); }) ? Support::expanded : Support::none;
}

bool Coverage::differentiable() const {
  if (schema_.vjp != nullptr) return true;
  if (!example_) return false;
  return works([&] { differentiate(*example_); });
}

}  // namespace isomer::cli

#include "base/error.h"
#include "base/text.h"
#include "cli/coverage.h"
#include "cli/verb.h"
#include "codecs/json.h"
#include "run/engine.h"
#include "systems/system.h"

namespace isomer::cli {
namespace {

constexpr Option ops_table[] = {
    {"OP", "OP", "one operator only: its signature and meaning"},
    {"--system", "SYSTEM", "only this system's column"},
    {"--json", "", "print a list for machines"},
};

/// Someone who has some of the operators.
struct Column {
  std::string_view name;
  bool is_engine = false;
  std::function<bool(std::string_view)> spells;
};

std::vector<Column> columns() {
  std::vector<Column> result;
  for (const System& system : all_systems()) {
    if (system.spells != nullptr) result.push_back({system.name, false, system.spells});
  }
  for (const Engine& engine : all_engines()) {
    if (engine.available()) result.push_back({engine.name, true, engine.runs});
  }
  return result;
}

std::vector<Column> asked_for(const Words& words) {
  std::vector<Column> all = columns();
  if (!words.has("system")) return all;
  const std::string& wanted = words.text("system");
  for (const Column& column : all) {
    if (column.name == wanted) return {column};
  }
  throw Error(Fault::usage, "--system",
              fmt::format("{} writes no operators; see: isomer systems",
                          isomer::quoted(system_named(wanted).name)));
}

Tree tree_of(std::string_view family, const OpSchema& schema, const std::vector<Column>& columns) {
  const Coverage coverage(schema);
  Tree::Map systems, engines;
  for (const Column& column : columns) {
    (column.is_engine ? engines : systems)
        .emplace_back(column.name, Tree{std::string(name_of(coverage.support(column.spells)))});
  }
  return {Tree::Map{{"name", {std::string(schema.name())}},
                    {"family", {std::string(family)}},
                    {"signature", {std::string(schema.signature)}},
                    {"meaning", {std::string(schema.meaning)}},
                    {"primitive", {schema.expand == nullptr}},
                    {"differentiable", {coverage.differentiable()}},
                    {"systems", {std::move(systems)}},
                    {"engines", {std::move(engines)}}}};
}

void print_one(const OpSchema& schema, const std::vector<Column>& columns) {
  fmt::print("{}\n  {}\n", schema.signature, schema.meaning);
  const Coverage coverage(schema);
  fmt::print("  {}, {}\n", schema.expand == nullptr ? "primitive" : "composite",
             coverage.differentiable() ? "differentiable" : "not differentiable");
  for (const Column& column : columns) {
    fmt::print("  {:<10} {}\n", column.name, name_of(coverage.support(column.spells)));
  }
}

/// Throws Fault::usage with the nearest name.
const OpSchema& asked_op(const std::string& name) {
  try {
    return op_named(name);
  } catch (const Error& error) {
    throw Error(Fault::usage, "", error.text());
  }
}

void print_table(const std::vector<Column>& columns) {
  fmt::print("{:<30} {:<10}", "operator", "kind");
  for (const Column& column : columns) fmt::print(" {:<10}", column.name);
  fmt::print("\n");
  for (const OpFamily& family : op_families()) {
    fmt::print("{}\n", family.name);
    for (const OpSchema& schema : family.ops) {
      const Coverage coverage(schema);
      fmt::print("  {:<28} {:<10}", schema.name(),
                 schema.expand == nullptr ? "primitive" : "composite");
      for (const Column& column : columns)
        fmt::print(" {:<10}", name_of(coverage.support(column.spells)));
      fmt::print("\n");
    }
  }
}

}  // namespace

Usage ops_usage() {
  return {ops_table,
          "  isomer ops\n"
          "  isomer ops softmax\n"
          "  isomer ops --system mdf\n"
          "  isomer ops --json"};
}

int ops(const Words& words) {
  const std::vector<Column> columns = asked_for(words);
  const OpSchema* only = words.has("OP") ? &asked_op(words.text("OP")) : nullptr;
  if (only != nullptr && !words.has("json")) {
    print_one(*only, columns);
    return yes;
  }
  if (!words.has("json")) {
    print_table(columns);
    return yes;
  }
  Tree::List list;
  for (const OpFamily& family : op_families()) {
    for (const OpSchema& schema : family.ops) {
      if (only != nullptr && &schema != only) continue;
      list.push_back(tree_of(family.name, schema, columns));
    }
  }
  fmt::print("{}\n", write_json({std::move(list)}));
  return yes;
}

}  // namespace isomer::cli

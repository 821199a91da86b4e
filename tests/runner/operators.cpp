#include "runner/operators.h"

#include <algorithm>

#include "base/text.h"
#include "graph/text.h"
#include "ops/text.h"
#include "ops/validate.h"
#include "passes/pipeline.h"
#include "vocabularies/onnx/onnx.h"

namespace isomer::runner {
namespace {

/// What stands behind "---".
struct Sheet {
  std::vector<Tensor> inputs;
  std::vector<Tensor> expected;
  std::vector<std::pair<std::size_t, std::size_t>> spans;  // where each expected value stands
  double tolerance = 1e-5;
  bool gradient = true;
  bool differences = true;
  bool source = true;
};

/// Reads elements of the type that the graph has there, or of the one that is written.
Tensor read_value(Cursor& cursor, const Graph& graph, const std::vector<ValueId>& ids,
                  std::size_t i, std::string_view what) {
  const std::size_t begin = cursor.offset();
  if (i >= ids.size())
    cursor.fail(fmt::format("the graph has {}", counted(ids.size(), what)), begin);
  const TensorType& type = graph[ids[i]].type;
  const std::optional<DType> written = dtype_named(cursor.word());
  if (written) return read_elements(cursor, *written, read_shape(cursor));
  cursor.move_to(begin);
  return read_elements(cursor, type.dtype, known_shape(type.shape));
}

Sheet read_sheet(std::string_view text, std::size_t begin, const Graph& graph) {
  Cursor cursor(text);
  cursor.move_to(begin);
  Sheet sheet;
  while (!cursor.at_end()) {
    const std::size_t where = cursor.offset();
    const std::string_view word = cursor.word();
    if (word == "input") {
      sheet.inputs.push_back(read_value(cursor, graph, graph.inputs, sheet.inputs.size(), "input"));
    } else if (word == "expect") {
      const std::size_t from = cursor.offset();
      sheet.expected.push_back(
          read_value(cursor, graph, graph.outputs, sheet.expected.size(), "output"));
      std::size_t to = text.find('\n', from);
      sheet.spans.emplace_back(from, to == std::string_view::npos ? text.size() : to);
    } else if (word == "tolerance") {
      sheet.tolerance = read_elements(cursor, DType::f64, std::vector<std::int64_t>{}).doubles()[0];
    } else if (word == "throws") {
      cursor.quoted_text();  // read by `said`
    } else if (word == "no" && cursor.take("gradient")) {
      sheet.gradient = false;
    } else if (word == "no" && cursor.take("differences")) {
      sheet.differences = false;
    } else if (word == "no" && cursor.take("source")) {
      sheet.source = false;
    } else {
      cursor.fail(
          "a line says input, expect, tolerance, throws, no gradient, no differences or no source",
          where);
    }
    cursor.next_line();
  }
  return sheet;
}

std::string compare(const OperatorCase& one, const std::vector<Tensor>& outputs) {
  if (outputs.size() != one.expected.size()) {
    return fmt::format("{} and {} expected", counted(outputs.size(), "output"),
                       one.expected.size());
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::string wrong = difference(outputs[i], one.expected[i], one.tolerance);
    if (!wrong.empty()) return fmt::format("output {} {}", i, wrong);
  }
  return "";
}

std::string round_trip(const Graph& graph) {
  const std::string text = to_text(graph, Data::all);
  const Graph again = parse_graph(text);
  validate(again);
  const std::string second = to_text(again, Data::all);
  return second == text ? "" : fmt::format("printed and read it is\n{}and was\n{}", second, text);
}

/// What should be said, if the case has no result.
std::string said(std::string_view text) {
  for (const std::string_view line : split_text(text, '\n')) {
    if (!line.starts_with("throws ")) continue;
    Cursor cursor(line.substr(7));
    return cursor.quoted_text();
  }
  return "";
}

/// The message may come from reading the graph or from running it.
std::string check_throws(const std::string& wanted, std::string_view text, std::size_t end,
                         std::size_t begin, const Engine& engine) {
  try {
    Graph graph = parse_graph(text.substr(0, end));
    const Sheet sheet = read_sheet(text, begin, graph);
    engine.make(std::move(graph))->run(sheet.inputs);
  } catch (const Error& error) {
    const std::string_view given = error.what();
    if (given.find(wanted) != std::string_view::npos) return "";
    return fmt::format("says {} and should say {}", quoted(given), quoted(wanted));
  }
  return fmt::format("throws nothing and should say {}", quoted(wanted));
}

/// Bodies run in graphs alone.
bool expands_at_once(const Graph& graph) {
  const auto composite = [](const Node& node) { return op_named(node.op).expand != nullptr; };
  const auto plain = [](const Node& node) { return node.bodies.empty(); };
  return std::ranges::any_of(graph.nodes, composite) && std::ranges::all_of(graph.nodes, plain);
}

/// By the system's own rules, and read back where it reads.
std::string check_system(const OperatorCase& one, const System& system) {
  Graph ready;
  try {
    ready = prepare_for(system, one.graph);
  } catch (const Error& error) {
    if (error.fault() == Fault::unsupported) return "";  // it has no words for this
    throw;
  }
  const Written written = system.write(ready, entry_of(system, "model"));
  std::map<std::string, std::string> files;
  for (const File& file : written.files) files[file.name] = bytes_of(file.parts).text();
  const std::unique_ptr<Files> opened = in_memory(files);
  const std::string& entry = written.files[0].name;
  if (system.simulate != nullptr) {
    const Runnable runnable = system.simulate(*opened, entry, {});
    const std::string wrong = compare(one, runnable.executor->run(one.inputs));
    if (!wrong.empty()) return "simulated, " + wrong;
  }
  if (system.read == nullptr) return "";
  const std::string wrong = compare(
      one, make_reference_executor(read_model(system, *opened, entry).graph)->run(one.inputs));
  return wrong.empty() ? "" : "read back, " + wrong;
}

/// Source is written of every case, as it stands and with each node in a module of its own, so that
/// each layer's rule is asked. What it does is tried elsewhere: a Python for every case takes long.
std::string check_source(const OperatorCase& one) {
  const System& system = system_named("pytorch");
  if (!one.source) {
    try {
      prepare_for(system, one.graph);
    } catch (const Error& error) {
      return error.fault() == Fault::unsupported ? "" : error.what();
    }
    return "it can be written";
  }
  Graph apart = one.graph;
  for (std::size_t i = 0; i < apart.nodes.size(); ++i)
    apart.nodes[i].scope = fmt::format("part{}", i);
  for (const Graph& graph : {one.graph, apart}) {
    const Written written = system.write(prepare_for(system, graph), entry_of(system, "model"));
    if (bytes_of(written.files.at(0).parts).text().find("def forward(") == std::string_view::npos)
      return "the source has no forward";
  }
  return "";
}

/// What ONNX's rows write, for the opset of documents and for the newest, they read as the same.
std::string check_onnx(const OperatorCase& one) {
  for (const int opset : {15, onnx::newest}) {
    const Graph graph = through_onnx(one.graph, opset);
    const std::string wrong = compare(one, make_reference_executor(graph)->run(one.inputs));
    if (!wrong.empty()) return fmt::format("opset {}, {}", opset, wrong);
  }
  return "";
}

/// The case with what the reference engine gives as expected.
std::string blessed_text(const std::string& text, const Sheet& sheet, const OperatorCase& one) {
  const std::vector<Tensor> outputs = make_reference_executor(one.graph)->run(one.inputs);
  if (outputs.size() != sheet.spans.size()) return text;
  std::string result = text;
  for (std::size_t i = outputs.size(); i-- > 0;) {
    const auto [from, to] = sheet.spans[i];
    std::string found = elements_text(outputs[i]);
    // Which NaN it is does not matter here.
    for (std::size_t at = 0; (at = found.find("-nan", at)) != std::string::npos;)
      found.erase(at, 1);
    result.replace(from, to - from, found);
  }
  return result;
}

void run_checks(Result& result, const OperatorCase& one, const Options& options) {
  for (const Engine* engine : options.engines) {
    result.check(std::string(engine->name),
                 [&] { return compare(one, engine->make(one.graph)->run(one.inputs)); });
  }
  result.check("passes", [&] {
    return compare(
        one, make_reference_executor(run_passes(one.graph, conversion_passes()))->run(one.inputs));
  });
  if (expands_at_once(one.graph))
    result.check("at once", [&] { return compare(one, run_expansions(one)); });
  result.check("onnx", [&] { return check_onnx(one); });
  result.check("source", [&] { return check_source(one); });
  result.check("text", [&] { return round_trip(one.graph); });
  result.check("dtypes", [&] { return check_dtypes(one, options); });
  for (const System* system : options.systems) {
    result.check(std::string(system->name), [&] { return check_system(one, *system); });
  }
  if (!options.gradients || !has_gradient(one)) return;
  if (one.differences) result.check("gradients", [&] { return check_differences(one); });
  for (const Engine* engine : options.engines) {
    if (engine->gradient == nullptr) continue;
    result.check(fmt::format("{} gradients", engine->name),
                 [&] { return check_gradient(one, *engine); });
  }
}

/// Where the graph's text ends, and where what stands behind "---" begins.
std::pair<std::size_t, std::size_t> parts_of(const Case& one) {
  const std::size_t rule = one.text.find("\n---\n");
  if (rule == std::string::npos) return {one.text.size(), one.text.size()};
  return {rule + 1, rule + 5};
}

OperatorCase parsed_case(const Case& one, Sheet& sheet) {
  const auto [end, begin] = parts_of(one);
  OperatorCase parsed;
  parsed.graph = parse_graph(std::string_view(one.text).substr(0, end));
  sheet = read_sheet(one.text, begin, parsed.graph);
  parsed.inputs = sheet.inputs;
  parsed.expected = sheet.expected;
  parsed.tolerance = sheet.tolerance;
  parsed.gradient = sheet.gradient;
  parsed.differences = sheet.differences;
  parsed.source = sheet.source;
  if (parsed.inputs.size() != parsed.graph.inputs.size() || parsed.expected.empty()) {
    throw Error(Fault::file, fmt::format("line {}", one.line),
                "a case has as many inputs as its graph, and an expect for each output");
  }
  return parsed;
}

}  // namespace

Result run_operator_case(const Case& one, const Options& options) {
  Result result;
  const auto [end, begin] = parts_of(one);
  const std::string_view text = one.text;
  if (const std::string wanted = said(text.substr(begin)); !wanted.empty()) {
    for (const Engine* engine : options.engines) {
      result.check(std::string(engine->name),
                   [&] { return check_throws(wanted, text, end, begin, *engine); });
    }
    return result;
  }
  Sheet sheet;
  const OperatorCase parsed = parsed_case(one, sheet);
  run_checks(result, parsed, options);
  if (options.bless) result.blessed = blessed_text(one.text, sheet, parsed);
  return result;
}

Result run_traits(std::string_view op, const std::vector<Case>& cases) {
  std::vector<OperatorCase> parsed;
  for (const Case& one : cases) {
    Sheet sheet;
    if (said(std::string_view(one.text).substr(parts_of(one).second)).empty())
      parsed.push_back(parsed_case(one, sheet));
  }
  Result result;
  result.check("traits", [&] { return check_traits(op, parsed); });
  return result;
}

}  // namespace isomer::runner

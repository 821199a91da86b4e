#include "vocabularies/onnx/onnx.h"

#include "base/text.h"
#include "graph/text.h"
#include "graph/text_reader.h"
#include "ops/builder.h"
#include "passes/rewrite.h"
#include "run/tensor_emitter.h"
#include "runner/operators.h"

namespace isomer::runner {
namespace {

using Integers = std::vector<std::int64_t>;

struct OnnxCase {
  struct Input {
    Tensor data;
    bool constant = false;
    bool absent = false;
  };
  const onnx::Operator* op = nullptr;
  Attributes attributes;
  std::vector<Input> inputs;
  std::vector<Tensor> expected;
  std::string said;  // what it is refused with
  double tolerance = 1e-6;
};

Tensor read_tensor(Cursor& cursor) {
  const std::size_t where = cursor.offset();
  const std::optional<DType> dtype = dtype_named(cursor.word());
  if (!dtype) cursor.fail("a tensor begins with its type, as f32[2, 3]", where);
  return read_elements(cursor, *dtype, read_shape(cursor));
}

// "int axis -1", "float alpha 0.5", "ints pads [1, 1]", "string mode 'edge'"
Attribute read_attribute(Cursor& cursor, std::string_view kind) {
  if (kind == "string") return cursor.quoted_text();
  if (kind == "float") return read_elements(cursor, DType::f64, Integers{}).doubles()[0];
  if (kind == "int") return read_elements(cursor, DType::i64, Integers{}).integers()[0];
  return read_elements(cursor, DType::i64, std::nullopt).integers();
}

void read_line(Cursor& cursor, OnnxCase& one) {
  const std::size_t where = cursor.offset();
  const std::string_view word = cursor.word();
  if (word == "int" || word == "float" || word == "ints" || word == "string") {
    const std::string name(cursor.word());
    one.attributes.push_back({name, read_attribute(cursor, word)});
  } else if (word == "input" || word == "constant") {
    one.inputs.push_back({read_tensor(cursor), word == "constant", false});
  } else if (word == "absent") {
    one.inputs.push_back({Tensor(), false, true});
  } else if (word == "expect") {
    one.expected.push_back(read_tensor(cursor));
  } else if (word == "throws") {
    one.said = cursor.quoted_text();
  } else if (word == "tolerance") {
    one.tolerance = read_elements(cursor, DType::f64, Integers{}).doubles()[0];
  } else {
    cursor.fail(
        "a line says int, float, ints, string, input, constant, absent, expect, tolerance or "
        "throws",
        where);
  }
  cursor.next_line();
}

// "onnx Conv 15", then lines of what it is given and gives
OnnxCase parsed(const Case& text) {
  Cursor cursor(text.text);
  if (cursor.at_line_end()) cursor.skip_line();
  OnnxCase one;
  cursor.word();
  const std::string name(cursor.word());
  const auto opset = read_elements(cursor, DType::i64, Integers{}).integers()[0];
  one.op = onnx::find(name, static_cast<int>(opset));
  if (one.op == nullptr)
    cursor.fail(fmt::format("there is no operator {} in opset {}", name, opset), 0);
  cursor.next_line();
  while (!cursor.at_end()) read_line(cursor, one);
  return one;
}

std::string compare(const OnnxCase& one, const std::vector<Tensor>& outputs) {
  for (std::size_t i = 0; i < one.expected.size(); ++i) {
    if (i >= outputs.size()) return fmt::format("there is no output {}", i);
    const std::string wrong = difference(outputs[i], one.expected[i], one.tolerance);
    if (!wrong.empty()) return fmt::format("output {} {}", i, wrong);
  }
  return "";
}

std::vector<Tensor> at_once(const OnnxCase& one) {
  Operators operators;
  TensorEmitter emitter(operators);
  std::vector<ValueId> inputs;
  for (const auto& [data, constant, absent] : one.inputs)
    inputs.push_back(absent ? ValueId::none : emitter.constant(data));
  std::vector<Tensor> outputs;
  for (const ValueId id : onnx::read(emitter, *one.op, inputs, one.attributes))
    outputs.push_back(emitter[id]);
  return outputs;
}

std::vector<Tensor> as_graph(const OnnxCase& one, const Engine& engine) {
  Builder builder("case");
  std::vector<ValueId> inputs;
  std::vector<Tensor> given;
  for (const auto& [data, constant, absent] : one.inputs) {
    if (absent || constant) {
      inputs.push_back(absent ? ValueId::none : builder.constant(data));
      continue;
    }
    const TensorType type{data.dtype(), Shape(data.shape().begin(), data.shape().end())};
    inputs.push_back(builder.input(fmt::format("in{}", given.size()), type));
    given.push_back(data);
  }
  const std::vector<ValueId> outputs = onnx::read(builder, *one.op, inputs, one.attributes);
  return engine.make(std::move(builder).finish(outputs))->run(given);
}

template <class Run>
std::string check(const OnnxCase& one, Run&& run) {
  if (one.said.empty()) return compare(one, run());
  try {
    run();
  } catch (const Error& error) {
    const std::string_view given = error.what();
    if (given.find(one.said) != std::string_view::npos) return "";
    return fmt::format("says {} and should say {}", quoted(given), quoted(one.said));
  }
  return fmt::format("throws nothing and should say {}", quoted(one.said));
}

/// An input of a written node as a value.
ValueId value_of(Builder& out, const onnx::Node::Input& input, DType dtype) {
  if (!input.constant) return input.value;
  if (const auto* number = std::get_if<std::int64_t>(&*input.constant))
    return out.literal(DType::i64, *number);
  if (const auto* number = std::get_if<double>(&*input.constant)) {
    if (is_floating(dtype)) return out.literal(dtype, *number);
    return out.literal(dtype, static_cast<std::int64_t>(*number));
  }
  if (const auto* list = std::get_if<Integers>(&*input.constant))
    return out.constant(Tensor::of<std::int64_t>({static_cast<std::int64_t>(list->size())}, *list));
  std::vector<ValueId> lengths;
  for (const Dim& length : std::get<std::vector<Dim>>(*input.constant)) {
    const ValueId one = out.emit("length", {}, {{"value", length}});
    lengths.push_back(out.emit("reshape", {one}, {{"shape", Shape{Dim(1)}}}));
  }
  if (lengths.empty()) return out.constant(Tensor::of<std::int64_t>({0}, {}));
  return out.emit("cat", lengths);
}

}  // namespace

Graph through_onnx(const Graph& graph, int opset) {
  const Rule rule = [&](Builder& out, const Graph&, const Node& node,
                        std::span<const ValueId> inputs) -> std::optional<std::vector<ValueId>> {
    const auto written = with_call(out, node, inputs, [&](const OpSchema& schema, const OpCall& c) {
      const std::vector<TensorType> types = schema.infer(c);
      return onnx::write({node.op, c, types}, opset);
    });
    if (!written) return std::nullopt;
    std::vector<ValueId> values;
    for (const auto& input : written->inputs)
      values.push_back(value_of(out, input, out.dtype(inputs[0])));
    const std::vector<ValueId> results =
        onnx::read(out, *onnx::find(written->name, opset), values, written->attributes);
    // Of those that give several, the first is ours.
    return node.outputs.size() == 1 ? std::optional(std::vector{results[0]}) : std::nullopt;
  };
  return rewrite(graph, rule);
}

Result run_onnx_case(const Case& text, const Options& options) {
  const OnnxCase one = parsed(text);
  Result result;
  result.check("at once", [&] { return check(one, [&] { return at_once(one); }); });
  for (const Engine* engine : options.engines) {
    result.check(std::string(engine->name),
                 [&] { return check(one, [&] { return as_graph(one, *engine); }); });
  }
  return result;
}

}  // namespace isomer::runner

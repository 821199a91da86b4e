#pragma once

// What each element holds, in the order in which it is written. Who reads elements and who writes
// them both go through these lists.

#include "systems/mdf/document.h"

namespace isomer::mdf {

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<InputPort>& port) {
  f.metadata(port.metadata);
  f.field("shape", port.shape);
  f.field("type", port.type);
  f.field("default_value", port.default_value);
  f.field("reduce", port.reduce);
  f.others(port.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<OutputPort>& port) {
  f.metadata(port.metadata);
  f.field("value", port.value);
  f.field("shape", port.shape);
  f.field("type", port.type);
  f.others(port.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<ParameterCondition>& condition) {
  f.always("test", condition.test);
  f.always("value", condition.value);
  f.unused("id");
  f.others(condition.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<Parameter>& parameter) {
  f.metadata(parameter.metadata);
  f.field("value", parameter.value);
  f.field("default_initial_value", parameter.default_initial_value);
  f.field("time_derivative", parameter.time_derivative);
  f.field("function", parameter.function);
  f.field("args", parameter.args);
  f.conditions(parameter.conditions);
  f.others(parameter.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<Function>& function) {
  f.metadata(function.metadata);
  f.function(function);
  f.field("value", function.value);
  f.others(function.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<Edge>& edge) {
  f.required("sender", edge.sender);
  f.required("receiver", edge.receiver);
  f.required("sender_port", edge.sender_port);
  f.required("receiver_port", edge.receiver_port);
  f.metadata(edge.metadata);
  f.field("parameters", edge.parameters);
  f.others(edge.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<Node>& node) {
  f.metadata(node.metadata);
  f.elements("input_ports", node.input_ports);
  f.elements("functions", node.functions);
  f.elements("parameters", node.parameters);
  f.elements("output_ports", node.output_ports);
  f.others(node.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<DocumentGraph>& graph) {
  f.metadata(graph.metadata);
  f.elements("nodes", graph.nodes);
  f.elements("edges", graph.edges);
  f.field("parameters", graph.parameters);
  f.conditions(graph.conditions);
  f.others(graph.others);
}

template <class Fields>
void each_field(Fields& f, typename Fields::template Of<Document>& document) {
  f.metadata(document.metadata);
  f.always("format", document.format);
  f.always("generating_application", document.generating_application);
  f.field("onnx_opset_version", document.onnx_opset_version);
  f.elements("graphs", document.graphs);
  f.unused("id");
  f.others(document.others);
}

}  // namespace isomer::mdf

#pragma once

#include "graph/graph.h"
#include "runner/case.h"

namespace isomer::runner {

/// A case of an operator: a graph, what goes in and what should come out.
struct OperatorCase {
  Graph graph;
  std::vector<Tensor> inputs;
  std::vector<Tensor> expected;
  double tolerance = 1e-5;
  bool gradient = true;     // it has one
  bool differences = true;  // that central differences agree with
  bool source = true;       // PyTorch source can be written of it
};

/// Compares, in float64, what `differentiate` gives with central differences of the reference
/// engine near the inputs. Nothing when the graph has no gradient to check.
std::string check_differences(const OperatorCase& one);

/// Compares, in float64 and at the inputs themselves, what `differentiate` gives with the engine's
/// own derivative.
std::string check_gradient(const OperatorCase& one, const Engine& engine);

/// Gives the graph other types, all of those that are alike together and each alone: each choice is
/// refused by a type rule, or all engines give the same for it.
std::string check_dtypes(const OperatorCase& one, const Options& options);

/// Compares the traits that the operator's row names with what it does on the inputs of its cases,
/// and with what PyTorch says of its own.
std::string check_traits(std::string_view op, const std::vector<OperatorCase>& cases);

/// Runs the graph with each composite operator carried out by its expansion at once, on tensors.
std::vector<Tensor> run_expansions(const OperatorCase& one);

/// The graph with each operator that ONNX's rows write written by them, and read again.
Graph through_onnx(const Graph& graph, int opset);

/// Whether there is something to differentiate, to which, and a derivative.
bool has_gradient(const OperatorCase& one);

}  // namespace isomer::runner

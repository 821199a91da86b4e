#pragma once

// The ExportedProgram of torch.export (schema 8) as plain data: references by name, lengths
// resolved, tags told apart.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "codecs/tree.h"
#include "graph/graph.h"
#include "systems/pt2/structure.h"

namespace isomer::pt2 {

struct ExportGraph;

/// An argument of a node, or what it gives.
struct ExportArgument {
  struct None {};
  struct Value {
    std::string name;
  };
  struct Values {
    std::vector<std::string> names;  // empty where an optional tensor is absent
  };
  struct Computed {  // of lengths: a comparison, or a number that is none
    std::string name;
  };
  struct Ignored {};  // memory formats, layouts, devices: without meaning here
  struct Complex {
    double re = 0;
    double im = 0;
  };
  struct Foreign {
    std::string tag;  // known to the schema, not to us: script objects, ...
  };
  using Subgraph = std::shared_ptr<const ExportGraph>;

  std::variant<None, Value, Values, Computed, bool, std::int64_t, double, Complex, std::string,
               DType, Dim, std::vector<std::int64_t>, std::vector<Dim>, std::vector<double>,
               std::vector<bool>, Subgraph, Ignored, Foreign>
      value;

  template <class T>
  const T* as() const {
    return std::get_if<T>(&value);
  }
};

/// The name of the tensor that it is. Throws Fault::file where it is none.
const std::string& value_of(const ExportArgument& argument);

struct ExportNode {
  struct Input {
    std::string name;  // as in PyTorch's schema; empty for higher-order operators
    ExportArgument argument;
  };
  std::string name;
  std::string target;  // "torch.ops.aten.add.Tensor"
  std::vector<Input> inputs;
  std::vector<ExportArgument> outputs;
  bool symbolic = false;  // gives symbolic numbers only; lengths are resolved already
  std::string scope;
  std::vector<ModuleEntry> modules;  // around it, the whole model first
  Place place;
};

struct ExportTensor {
  TensorType type;
  bool contiguous = false;
  bool at_start = false;  // of the memory that it lies in
  bool complex = false;   // and given as pairs of real numbers on a last axis
  Shape strides;
};

struct ExportGraph {
  std::vector<ExportArgument> inputs;
  std::vector<ExportArgument> outputs;
  std::vector<ExportNode> nodes;
  std::unordered_map<std::string, ExportTensor> tensors;
};

/// The type that the export gives a value. Throws Fault::file where it gives none.
const TensorType& type_of(const ExportGraph& graph, const std::string& name);

struct ExportInput {
  enum class Kind { user, parameter, buffer, constant, literal };
  Kind kind = Kind::user;
  ExportArgument argument;
  std::string name;  // of the parameter, buffer or constant, or of a number that is an input
  bool persistent = true;
};

struct ExportOutput {
  enum class Kind { user, weight_mutation, input_mutation };
  Kind kind = Kind::user;
  ExportArgument argument;
  std::string name;  // of the buffer or input that changes
};

struct ExportProgram {
  ExportGraph graph;
  std::vector<ExportInput> inputs;
  std::vector<ExportOutput> outputs;
  std::vector<LengthRange> lengths;
  Structure arguments;  // leaves: user inputs in order, first of `arguments`, then of `keywords`
  Structure keywords;
  Structure results;  // leaves: user outputs in order
  /// Classes that these structures cannot keep: "Out becomes a tuple".
  std::vector<std::string> lost_arguments;
  std::vector<std::string> lost_results;
  std::vector<std::string> guards;  // in Python, what PyTorch asks of a call's arguments
  std::int64_t minor = 0;           // of the schema
  bool decomposed = false;          // by run_decompositions
};

/// Throws Fault::file, naming the node, for what is not in the schema; Fault::unsupported for
/// another major version.
ExportProgram parse_program(const Tree& tree);

}  // namespace isomer::pt2

#pragma once

// ONNX's operators in both directions: a row says what one is called, what it takes and what it is
// in ours. Knows no file: a document or a protobuf finds its operators here.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "vocabularies/composites.h"
#include "vocabularies/vocabulary.h"

namespace isomer::onnx {

using Values = std::vector<ValueId>;
using Integers = std::vector<std::int64_t>;

/// Opsets from `oldest` to `newest` are read; the rows are those of ONNX's own schemas.
constexpr int oldest = 13;
constexpr int newest = 23;

struct OperatorRow;

/// A row, parsed.
struct Operator {
  struct Rename {
    std::string_view ours;    // an attribute
    std::string_view theirs;  // an attribute, or an input that is constant
  };
  const OperatorRow* row;
  Prototype prototype;
  std::vector<Rename> renames;

  std::string_view name() const;
  bool variadic() const { return !prototype.inputs.empty() && prototype.inputs[0].variadic; }
};

/// A call being read. Inputs and attributes are asked for alike, by the names of the signature: an
/// opset that makes an input of an attribute changes the signature alone.
class Call : public Arguments {
 public:
  Call(Emitter& emitter, const Operator& op, std::span<const NamedArgument> arguments);

  Emitter& e;
  const std::string_view ours;  // the row's word for our operator

  /// All inputs that are tensors of ours, in order; those that the row renames
  /// to an attribute are not among them.
  Values inputs();
  /// An axis of a tensor of that rank, counted from the front.
  std::int64_t axis(std::string_view name, std::int64_t rank);

 private:
  const Operator& op_;
};

/// An operator of ours that is to be written.
struct Subject {
  std::string_view op;
  const OpCall& call;
  std::span<const TensorType> outputs;

  std::int64_t rank(std::size_t i) const {
    return static_cast<std::int64_t>(call.types[i].shape.size());
  }
};

/// A node that is written, without names of values.
struct Node {
  /// An input of the subject, a constant, or neither where it is absent. Integers and lengths have
  /// one axis, a single number has none; a real one is of the first input's element type.
  struct Input {
    ValueId value = ValueId::none;
    std::optional<Attribute> constant = {};
  };
  std::string_view name;
  std::vector<Input> inputs;  // in the order of the signature
  Attributes attributes;      // in the order in which they are written
};

/// One operator in both directions. Without a function it is the same as ours, but for names.
struct OperatorRow {
  int since;  // the opset from which on the signature holds, up to that of the
              // next row of the name
  /// As in our schemas, with ONNX's names. An attribute that is a tensor stands among the inputs.
  std::string_view signature;
  std::string_view ours = {};     // one of ours; several only where there is a `write`
  std::string_view renames = {};  // "negative_slope=alpha dim=axes": ours and theirs
  Values (*read)(Call&) = nullptr;
  /// Nothing where these attributes cannot be said. Absent beside `read`: it is not written.
  std::optional<Node> (*write)(const Operator&, const Subject&) = nullptr;

  constexpr std::string_view name() const { return signature.substr(0, signature.find('(')); }
};

/// The operator of that name in an opset. Null when we know none.
const Operator* find(std::string_view name, int opset);
/// All of an opset.
std::vector<const Operator*> operators(int opset);

/// Carries the operator out. `inputs` stand by place, ValueId::none where one is absent; attributes
/// are int64, double, string and lists of integers; other lists are texts, "0.5,Tanh". Throws
/// Fault::model for what it does not take, Fault::unsupported for arguments we do not read.
Values read(Emitter& emitter, const Operator& op, const Values& inputs,
            const Attributes& attributes);

/// The subject as a node of that opset, or nothing where it must be expanded.
/// Of MaxPool and BatchNormalization, only the first output is ours.
std::optional<Node> write(const Subject& subject, int opset);

/// Whether the operator is written, with some attributes at least.
bool writes(std::string_view op, int opset);

/// All operands, in order.
std::vector<Node::Input> operands(const Subject& subject);
/// For `write` of rows whose `read` is more than a renaming.
std::optional<Node> write_renamed(const Operator& op, const Subject& subject);

/// The element type of a code of ONNX's. Refuses one that we do not have.
DType dtype_of(const Call& call, std::int64_t code);
/// The same of an argument; nothing where it is not given.
std::optional<DType> type_in(Call& call, std::string_view name);
/// A convolution by the call's settings.
ValueId convolved(Call& c, ValueId x, ValueId weight, ValueId bias);
/// Each sequence of a batch backwards, as far as its length goes.
ValueId reversed_to(Emitter& e, ValueId x, ValueId lengths, std::int64_t batch, std::int64_t time);

/// The families of the table.
std::span<const OperatorRow> elementwise_rows();
std::span<const OperatorRow> shape_rows();
std::span<const OperatorRow> layer_rows();
std::span<const OperatorRow> window_rows();
std::span<const OperatorRow> index_rows();
std::span<const OperatorRow> recurrent_rows();
std::span<const OperatorRow> quantized_rows();
std::span<const OperatorRow> region_rows();

}  // namespace isomer::onnx

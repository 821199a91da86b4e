#pragma once

// One node of a document, made ready to run. Part of executor.h.

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "run/tensor_emitter.h"
#include "systems/mdf/dialect.h"
#include "systems/mdf/document.h"
#include "systems/mdf/evaluate.h"
#include "systems/system.h"
#include "vocabularies/onnx/onnx.h"

namespace isomer::mdf {

/// What all nodes of a document share: kernels, how wide numbers are, and the graph that they grow
/// where the document is read and not run.
struct SharedOperators {
  explicit SharedOperators(const RunOptions& options = {});
  SharedOperators(const SharedOperators&) = delete;
  SharedOperators& operator=(const SharedOperators&) = delete;

  Dialect dialect;
  Operators operators;
  Runtime runtime;
  const numpy::Trace* trace = nullptr;
  Value begun;             // where the document is read: whether it has been evaluated before
  std::int64_t zeros = 0;  // elements made for ports that nobody gives a value

  /// Of one evaluation, or of the whole reading: what is bounded in sum.
  struct Spent {
    std::int64_t work = 0;   // elements that functions read and make, and products that they add
    std::int64_t made = 0;   // elements of arrays that nodes hold
    std::int64_t items = 0;  // values in lists that nodes hold
  };
  Spent spent;
  /// A large constant of a document, which operators take in 32 bits.
  struct Constant {
    Tensor given;  // so that its bytes are nobody else's
    std::optional<Tensor> single;
  };
  std::unordered_map<const std::byte*, Constant> constants;  // by their bytes
  /// Remembers the value, where it is large, as one that stays.
  void keep(const Value& value);
  /// The tensor in 32 bits; of a constant, once.
  Tensor single(const Tensor& tensor);

  /// Counts what a node holds from now on. Throws Fault::model where all that is too much.
  void hold(const Value& value);
};

/// What a port that joins its values makes of what it holds and what comes.
Value joined(const InputPort& port, const Value& held, const Value& more);

/// Carries operators out at once; what the format computes in 32 bits in 64 where that is the
/// precision.
class DocumentEmitter final : public TensorEmitter {
 public:
  /// `bounded`: as far as the document's work is within bounds.
  DocumentEmitter(SharedOperators& shared, bool bounded)
      : TensorEmitter(shared.operators), shared_(shared), bounded_(bounded) {}

  std::vector<ValueId> emit_all(std::string_view op, std::vector<ValueId> inputs,
                                Attributes attributes = {}, std::vector<Body> bodies = {}) override;

 private:
  void spend(std::int64_t count);

  SharedOperators& shared_;
  bool bounded_;
};

/// What a node calls by name with arguments: one of the format's functions, an
/// ONNX operator, or a formula.
class FunctionCall {
 public:
  FunctionCall() = default;
  /// `name` that is no function's is a formula itself where `fallback` is absent.
  FunctionCall(const std::string& name, const OrderedMap<Tree>& args,
               const std::optional<std::string>& fallback);

  Value evaluate(const Table& names, SharedOperators& shared) const;
  /// Names that its arguments need and that are not arguments themselves.
  void collect_required(std::set<std::string>& names) const;

 private:
  struct Argument {
    std::string name;
    Formula formula;
    std::set<std::string> names;  // of its text
  };

  Table candidates(const Table& given, const Table& names) const;
  Value evaluate_onnx(const Table& given, const Table& names, SharedOperators& shared) const;
  const Argument* argument(std::string_view name) const;

  const onnx::Operator* onnx_ = nullptr;
  std::string unknown_;  // an ONNX operator that we do not have
  Formula formula_;
  std::vector<Argument> arguments_;
};

class NodeExecutor {
 public:
  /// An input port with what came in. It holds nothing before a value is set.
  struct Input {
    std::string id;
    InputPort declared;
    std::optional<Value> current;
    std::optional<Value> absent = {};  // what stands in for a value once the node has run
    bool used = false;                 // the node has run
    std::optional<Value> last = {};    // what the node ran with, where the port is empty since
  };

  /// Adds to `problems` what is wrong with it.
  NodeExecutor(std::string id, const Node& node, std::shared_ptr<SharedOperators> shared,
               Problems& problems);

  const std::string& id() const { return id_; }
  /// Null when there is no such port.
  Input* input(std::string_view port);
  /// Brings one more value into a port.
  void receive(Input& input, Value value) const;
  const Value* output(std::string_view port) const;
  const Value* parameter(std::string_view name) const;
  /// All that have a value now, by their ids: input ports, parameters, output ports. What has the
  /// id of another stands for it, as in expressions.
  std::vector<std::pair<std::string_view, const Value*>> quantities() const;
  /// Replaces a constant's value for good; another parameter stays as it is.
  void set_parameter(std::string_view name, const Value& value);
  /// The parameters whose values of one evaluation the next one reads.
  std::vector<std::string> stateful_parameters() const;
  /// Those of them that begin with an expression's value, not with a number.
  std::vector<std::string> recalled_expressions() const;
  /// What the next evaluation begins with, for such a parameter.
  Value state(std::string_view name) const;
  void set_state(std::string_view name, const Value& value);
  /// Something that stays from one evaluation to the next.
  struct Held {
    std::string_view key;  // of the map in which it stands
    std::string id;
    Value value;
    bool state = false;  // one of the stateful parameters
  };
  /// Its states; where `all`, what else is there when the next evaluation begins, but constants.
  std::vector<Held> held(bool all) const;
  /// Takes them, which are as many. It has then run or not, as is said.
  void hold(std::span<const Held> held, bool has_run);
  /// Whether it has been evaluated since it was made or begun anew.
  bool has_run() const { return has_run_; }
  /// As if it had never been evaluated.
  void reset();
  /// What tells the value of an input port, a parameter or an output port at any time, as a
  /// condition sees it. Throws Fault::model where there is none of that id.
  std::function<Value()> watched(const std::string& name);
  /// Where the document is read, a part that fails is a problem, and what needs it is left out.
  void evaluate(const Value& time_increment, Problems* problems = nullptr);

 private:
  struct Condition {
    std::string id;
    Formula test;
    Formula value;
  };
  struct LiveParameter {
    std::string id;
    Formula value;
    Formula initial;
    std::optional<Formula> derivative;
    std::optional<FunctionCall> call;
    std::vector<Condition> conditions;
    bool constant = false;  // its value is the same in each evaluation
    bool stateful = false;
    bool recalled = false;  // read before it is computed, as the last evaluation left it
    Value current;
  };
  struct LiveFunction {
    std::string id;
    FunctionCall call;
  };
  struct LiveOutput {
    std::string id;
    std::vector<std::int64_t> shape;
    Formula value;
    std::optional<Value> current;
  };

  void find_recalled();
  void make_parameter(const std::string& id, const Parameter& parameter, Problems& problems);
  void make_functions(const Node& node, const std::set<std::string>& known, Problems& problems);
  std::string behind(const LiveParameter& parameter) const;
  Value value_before(const LiveParameter& parameter, const Table& names, bool& keep) const;
  Value evaluate_parameter(LiveParameter& parameter, const Table& names,
                           const Value& time_increment) const;
  /// What follows after so much time.
  Value advanced(const LiveParameter& parameter, const Table& names,
                 const Value& time_increment) const;
  Value apply_conditions(const LiveParameter& parameter, Value value, const Table& names) const;
  /// One part's value, placed. While the document is read, `Unread` where there is none.
  template <class Action>
  Value part(std::string_view key, const std::string& id, const Action& action) const;

  /// The value of a port to which nothing came.
  Value missing(Input& input) const;
  void take_inputs(Table& names);

  std::string id_;
  std::shared_ptr<SharedOperators> shared_;
  bool has_run_ = false;
  bool runs_again_ = false;
  std::vector<Input> inputs_;
  std::vector<LiveFunction> functions_;  // in an order in which they can run
  std::vector<LiveParameter> parameters_;
  std::vector<LiveOutput> outputs_;
  Table names_;                   // of an evaluation
  Problems* problems_ = nullptr;  // where the document is read
};

}  // namespace isomer::mdf

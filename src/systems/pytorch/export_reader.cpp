#include "systems/pytorch/export_reader.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "systems/aten/import.h"
#include "systems/pytorch/export_problems.h"
#include "systems/pytorch/export_values.h"
#include "systems/pytorch/export_weights.h"

namespace isomer::pytorch {
namespace {

using Argument = ExportArgument;
/// The tensors of one graph by name; a subgraph has names of its own.
using Scope = std::unordered_map<std::string, Cell>;

constexpr std::string_view aten_prefix = "torch.ops.aten.";

// They check what an export assumed and give nothing.
constexpr std::array guards = {
    std::string_view("torch.ops.aten._assert_tensor_metadata.default"),
    std::string_view("torch.ops.aten._assert_scalar.default"),
    std::string_view("torch.ops.aten._assert_async.default"),
    std::string_view("torch.ops.aten._assert_async.msg"),
    std::string_view("torch.ops.aten.sym_constrain_range.default"),
    std::string_view("torch.ops.aten.sym_constrain_range_for_size.default"),
};

// In training they write to `running_mean` and `running_var`, which their schemas do not say.
constexpr std::array norms = {
    std::string_view("batch_norm.default"),
    std::string_view("native_batch_norm.default"),
    std::string_view("_native_batch_norm_legit.default"),
};

bool is_guard(const ExportNode& node) {
  return std::ranges::find(guards, node.target) != guards.end();
}

/// "add_.Tensor" writes to its argument `self`; "__and__.Tensor" does not.
bool is_in_place(std::string_view target) {
  const std::string_view name = target.substr(0, target.find('.'));
  return name.ends_with('_') && !name.ends_with("__");
}

/// The twin that only computes: "add.Tensor".
std::string functional(std::string_view target) {
  std::string twin(target);
  if (is_in_place(target)) twin.erase(twin.find('.') - 1, 1);
  return twin;
}

const std::string* value_name(const ExportNode& node, std::string_view argument) {
  for (const auto& input : node.inputs) {
    const auto* value = input.argument.as<Argument::Value>();
    if (input.name == argument && value != nullptr) return &value->name;
  }
  return nullptr;
}

/// The names of all tensors that a node gives; empty where there is none.
std::vector<std::string> output_names(const ExportNode& node) {
  std::vector<std::string> names;
  for (const Argument& output : node.outputs) {
    if (const auto* value = output.as<Argument::Value>()) {
      names.push_back(value->name);
    } else if (const auto* values = output.as<Argument::Values>()) {
      names.insert(names.end(), values->names.begin(), values->names.end());
    } else {
      names.emplace_back();
    }
  }
  return names;
}

/// Both lengths are numbers, and different ones.
bool differ(const Dim& a, const Dim& b) { return a.known() && b.known() && a.value() != b.value(); }

bool fits(const TensorType& a, const TensorType& b) {
  return a.dtype == b.dtype && a.shape.size() == b.shape.size() &&
         std::ranges::equal(a.shape, b.shape, std::not_fn(differ));
}

std::string graph_name(const ExportProgram& program, const Archive& archive) {
  for (const ExportNode& node : program.graph.nodes) {
    const std::size_t dot = node.root_class.rfind('.');
    if (!node.root_class.empty())
      return node.root_class.substr(dot == std::string::npos ? 0 : dot + 1);
  }
  return archive.name;
}

class Reader {
 public:
  Reader(const ExportProgram& program, const Archive& archive)
      : program_(program),
        archive_(archive),
        builder_(graph_name(program, archive)),
        cells_(builder_) {}

  Loaded read() {
    constexpr std::int64_t newest = 20;
    if (program_.minor > newest)
      note("", fmt::format("its export schema 8.{} is newer than 8.{}, the newest we know",
                           program_.minor, newest));
    add_weights();
    add_inputs();
    try {
      run(program_.graph, scope_);
    } catch (const Error& error) {
      // Placeholders for what is not read may have led to it.
      if (problems_.empty() || error.fault() == Fault::bug) throw;
    }
    problems_.throw_if_any();
    add_outputs();
    find_changes();
    Graph graph = std::move(builder_).finish(outputs_, signature_);
    keep_states(graph);
    return {std::move(graph), std::move(notes_)};
  }

 private:
  void note(std::string where, std::string text) {
    notes_.push_back({std::move(where), std::move(text)});
  }

  // Inputs
  // -----------------------------------------------------------------------------------------------------------

  void add_weights() {
    weights_ = collect_weights(program_, archive_);
    for (Weight& weight : weights_) {
      weight.value = builder_.constant(weight.hint, weight.payload->data, weight.payload->trainable,
                                       weight.names);
      const Cell cell = cells_.add(weight.value, weight.hint);
      weight_cells_.push_back(cell);
      for (const std::string& input : weight.inputs) define(scope_, input, cell);
    }
  }

  void add_inputs() {
    std::vector<bool> given;
    for (const ExportInput& input : program_.inputs) {
      if (input.kind == ExportInput::Kind::user || input.kind == ExportInput::Kind::literal)
        given.push_back(add_input(input));
    }
    signature_.arguments = program_.arguments;
    signature_.keywords = program_.keywords;
    std::size_t next = 0;
    drop_leaves(signature_.arguments, given, next);
    drop_leaves(signature_.keywords, given, next);
    if (next != given.size())
      throw Error(
          Fault::file, "in_spec",
          fmt::format("has {} leaves; the program has {}", next, counted(given.size(), "input")));
    for (const LengthRange& range : program_.lengths) {
      if (lengths_.contains(range.name)) signature_.lengths.push_back(range);
    }
  }

  bool add_input(const ExportInput& input) {
    const auto* value = input.argument.as<Argument::Value>();
    if (value == nullptr) {
      if (input.argument.as<Dim>() != nullptr) {
        throw Error(Fault::unsupported, "", "an input is a symbolic integer; we read tensors");
      }
      if (input.argument.as<Argument::None>() == nullptr || !input.name.empty()) {
        note(input.name,
             "this input is no tensor; it stays what it was when the model was exported");
      }
      return false;
    }
    const TensorType& type = type_of(program_.graph, value->name);
    for (const Dim& dim : type.shape) {
      if (const auto symbol = dim.lone_symbol()) lengths_.insert(*symbol);
    }
    const Cell cell = cells_.add(builder_.input(value->name, type), value->name);
    input_cells_.emplace_back(value->name, cell);
    define(scope_, value->name, cell);
    return true;
  }

  /// Leaves that are no tensors become `none`.
  static void drop_leaves(Structure& structure, const std::vector<bool>& given, std::size_t& next) {
    for (Structure& child : structure.children) drop_leaves(child, given, next);
    if (structure.kind != Structure::Kind::leaf) return;
    if (next < given.size() && !given[next]) structure.kind = Structure::Kind::none;
    ++next;
  }

  // Nodes
  // ------------------------------------------------------------------------------------------------------------

  void run(const ExportGraph& graph, Scope& scope) {
    for (const ExportNode& node : graph.nodes) {
      if (node.symbolic || is_guard(node)) continue;
      with_place(describe(node), [&] { run_node(node, graph, scope); });
    }
  }

  void run_node(const ExportNode& node, const ExportGraph& graph, Scope& scope) {
    try {
      builder_.at(node.scope, node.place);
      if (node.target == "torch.ops.higher_order.wrap_with_set_grad_enabled") {
        inline_block(node, scope);
      } else {
        emit(node, graph, scope);
      }
    } catch (const Error& error) {
      if (error.fault() != Fault::unsupported) throw;
      problems_.add(node, error.text());
      for (const std::string& name : output_names(node)) {
        if (!name.empty())
          define(scope, name, cells_.add(builder_.input(name, type_of(graph, name)), name));
      }
    }
  }

  void emit(const ExportNode& node, const ExportGraph& graph, Scope& scope) {
    if (!node.target.starts_with(aten_prefix)) throw Error(Fault::unsupported, "", "");
    const std::string_view target = std::string_view(node.target).substr(aten_prefix.size());
    const std::string twin = functional(target);
    if (!aten::reads(twin)) throw Error(Fault::unsupported, "", "");
    const aten::Call call{twin, arguments_of(node, scope)};
    first_new_ = builder_.graph().values.size();
    const std::vector<ValueId> results = aten::emit(builder_, call);
    const std::vector<std::string> names = output_names(node);
    if (results.size() < names.size()) {
      throw Error(
          Fault::bug, "",
          fmt::format("gives {} instead of {}", counted(results.size(), "value"), names.size()));
    }
    if (is_in_place(target)) {
      write(node, graph, scope, results[0], names);
    } else {
      bind(node, graph, scope, call, results, names);
    }
    if (std::ranges::find(norms, target) != norms.end() && results.size() == names.size() + 2) {
      cells_.write(cell_of(scope, *value_name(node, "running_mean")), results[names.size()]);
      cells_.write(cell_of(scope, *value_name(node, "running_var")), results[names.size() + 1]);
    }
  }

  /// An in-place operator: `self` becomes the result, in its own type.
  void write(const ExportNode& node, const ExportGraph& graph, Scope& scope, ValueId result,
             const std::vector<std::string>& names) {
    const std::string* self = value_name(node, "self");
    if (self == nullptr || names.size() != 1) throw Error(Fault::unsupported, "", "");
    const Cell cell = cell_of(scope, *self);
    const TensorType type = builder_.type(cells_.read(cell));
    if (builder_.dtype(result) != type.dtype)
      result = builder_.emit("cast", {result}, {{"dtype", type.dtype}});
    if (!fits(builder_.type(result), type))
      throw Error(Fault::unsupported, "", "changes the shape of its argument in place");
    name_new(result, names[0]);
    if (result != cells_.read(cell)) cells_.write(cell, result);
    check_type(graph, names[0], result);
    define(scope, names[0], cell);
  }

  void bind(const ExportNode& node, const ExportGraph& graph, Scope& scope, const aten::Call& call,
            const std::vector<ValueId>& results, const std::vector<std::string>& names) {
    const std::string* self = value_name(node, "self");
    Sharing sharing =
        self == nullptr ? Sharing::none : sharing_of(call.target, is_contiguous(graph, *self));
    // Outside training a dropout gives its very argument.
    if (call.target == "dropout.default" && results[0] == read(scope, *value_name(node, "input"))) {
      self = value_name(node, "input");
      sharing = Sharing::same;
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i].empty() || results[i] == ValueId::none) continue;
      check_type(graph, names[i], results[i]);
      name_new(results[i], names[i]);
      define(scope, names[i], make_cell(sharing, self, scope, call, results[i], names[i], i));
    }
  }

  Cell make_cell(Sharing sharing, const std::string* self, const Scope& scope,
                 const aten::Call& call, ValueId value, const std::string& name,
                 std::size_t index) {
    if (sharing == Sharing::none) return cells_.add(value, name);
    const Cell base = cell_of(scope, *self);
    if (sharing == Sharing::same) return base;
    return cells_.add_view(value, name, base, call, index, sharing == Sharing::view);
  }

  /// `with torch.no_grad():` stands in the export as an operator with a graph of its own.
  void inline_block(const ExportNode& node, Scope& scope) {
    const bool* gradient = node.inputs.size() < 2 ? nullptr : node.inputs[0].argument.as<bool>();
    const auto* block =
        gradient == nullptr ? nullptr : node.inputs[1].argument.as<Argument::Subgraph>();
    if (block == nullptr || (*block)->inputs.size() != node.inputs.size() - 2)
      throw Error(Fault::unsupported, "", "has unusual arguments");
    Scope inner;
    for (std::size_t i = 0; i < (*block)->inputs.size(); ++i) {
      const auto* name = (*block)->inputs[i].as<Argument::Value>();
      const auto* operand = node.inputs[i + 2].argument.as<Argument::Value>();
      // Numbers are resolved inside already.
      if (name != nullptr && operand != nullptr)
        define(inner, name->name, cell_of(scope, operand->name));
    }
    run(**block, inner);
    builder_.at(node.scope, node.place);
    const std::vector<std::string> names = output_names(node);
    if (names.size() != (*block)->outputs.size())
      throw Error(Fault::file, "", "its graph gives another number of values");
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto* output = (*block)->outputs[i].as<Argument::Value>();
      if (output == nullptr || names[i].empty()) continue;
      Cell cell = cell_of(inner, output->name);
      if (!*gradient) cell = cells_.add(detached(cells_.read(cell)), names[i]);
      define(scope, names[i], cell);
    }
  }

  ValueId detached(ValueId value) {
    if (!is_floating(builder_.dtype(value))) return value;
    return aten::emit(builder_, {"detach.default", {{"self", value}}}).at(0);
  }

  std::vector<aten::NamedArgument> arguments_of(const ExportNode& node, const Scope& scope) {
    std::vector<aten::NamedArgument> arguments;
    for (const auto& input : node.inputs) {
      if (input.argument.as<Argument::Ignored>() != nullptr) continue;
      arguments.push_back(
          {input.name, std::visit([&](const auto& value) { return convert(value, scope); },
                                  input.argument.value)});
    }
    return arguments;
  }

  template <class T>
  aten::Argument convert(const T& value, const Scope&) {
    return value;
  }
  aten::Argument convert(const Argument::None&, const Scope&) { return std::monostate{}; }
  aten::Argument convert(const Argument::Ignored&, const Scope&) { return std::monostate{}; }
  aten::Argument convert(const Argument::Value& value, const Scope& scope) {
    return read(scope, value.name);
  }
  aten::Argument convert(const Argument::Values& values, const Scope& scope) {
    std::vector<ValueId> ids;
    for (const std::string& name : values.names)
      ids.push_back(name.empty() ? ValueId::none : read(scope, name));
    return ids;
  }
  aten::Argument convert(const Dim& dim, const Scope&) {
    check_length(dim);
    return dim;
  }
  aten::Argument convert(const std::vector<Dim>& dims, const Scope&) {
    for (const Dim& dim : dims) check_length(dim);
    return dims;
  }
  aten::Argument convert(const Argument::Subgraph&, const Scope&) {
    throw Error(Fault::unsupported, "", "has a graph as an argument");
  }
  aten::Argument convert(const Argument::Foreign& foreign, const Scope&) {
    throw Error(Fault::unsupported, "", fmt::format("has an argument of kind {}", foreign.tag));
  }

  /// A length that the inputs' shapes do not tell depends on the inputs' elements.
  void check_length(const Dim& dim) const {
    std::set<std::string> names;
    dim.collect_symbols(names);
    for (const std::string& name : names) {
      if (lengths_.contains(name)) continue;
      throw Error(Fault::unsupported, "",
                  fmt::format("the length {} depends on data, not only on shapes", name));
    }
  }

  // Names
  // ------------------------------------------------------------------------------------------------------------

  static void define(Scope& scope, const std::string& name, Cell cell) {
    if (!scope.emplace(name, cell).second)
      throw Error(Fault::file, "", fmt::format("the value {} is made twice", quoted(name)));
  }
  static Cell cell_of(const Scope& scope, const std::string& name) {
    const auto found = scope.find(name);
    if (found == scope.end())
      throw Error(Fault::file, "",
                  fmt::format("reads the value {}, which nothing before it makes", quoted(name)));
    return found->second;
  }
  ValueId read(const Scope& scope, const std::string& name) {
    return cells_.read(cell_of(scope, name));
  }

  /// An operator that changes nothing gives a value that has a name already.
  void name_new(ValueId value, const std::string& name) {
    if (static_cast<std::size_t>(value) >= first_new_) builder_.name(value, name);
  }

  static const TensorType& type_of(const ExportGraph& graph, const std::string& name) {
    const auto found = graph.tensors.find(name);
    if (found == graph.tensors.end())
      throw Error(Fault::file, "",
                  fmt::format("the program does not say of what type {} is", quoted(name)));
    return found->second.type;
  }
  static bool is_contiguous(const ExportGraph& graph, const std::string& name) {
    const auto found = graph.tensors.find(name);
    return found != graph.tensors.end() && found->second.contiguous;
  }

  /// What we infer must be what PyTorch saw.
  void check_type(const ExportGraph& graph, const std::string& name, ValueId value) const {
    const auto found = graph.tensors.find(name);
    if (found == graph.tensors.end() || fits(builder_.type(value), found->second.type)) return;
    throw Error(Fault::model, "",
                fmt::format("gives {}; the export says {}", to_text(builder_.type(value)),
                            to_text(found->second.type)));
  }

  // Outputs
  // ----------------------------------------------------------------------------------------------------------

  void add_outputs() {
    using Kind = ExportOutput::Kind;
    builder_.at("", {});
    std::vector<bool> given;
    for (const ExportOutput& output : program_.outputs) {
      if (output.kind == Kind::user) given.push_back(add_output(output.argument, given.size()));
      if (output.kind == Kind::input_mutation) changed_inputs_.insert(output.name);
    }
    signature_.results = program_.results;
    std::size_t next = 0;
    drop_leaves(signature_.results, given, next);
    if (next != given.size())
      throw Error(
          Fault::file, "out_spec",
          fmt::format("has {} leaves; the program has {}", next, counted(given.size(), "output")));
    for (const auto& [name, cell] : input_cells_) {
      if (cells_.changed(cell)) changed_inputs_.insert(name);
    }
    for (const std::string& name : changed_inputs_) {
      note("input " + quoted(name),
           "the model changes it in place for its caller, too; this is lost");
    }
  }

  bool add_output(const Argument& output, std::size_t position) {
    if (const auto* value = output.as<Argument::Value>()) {
      outputs_.push_back(read(scope_, value->name));
      return true;
    }
    if (output.as<Argument::None>() != nullptr) return false;
    const std::string place = fmt::format("output {}", position);
    if (const auto* flag = output.as<bool>()) {
      outputs_.push_back(builder_.literal(DType::boolean, std::int64_t{*flag}));
    } else if (const auto* integer = output.as<std::int64_t>()) {
      outputs_.push_back(builder_.literal(DType::i64, *integer));
    } else if (const auto* real = output.as<double>()) {
      outputs_.push_back(builder_.literal(DType::f64, *real));
    } else if (const auto* dim = output.as<Dim>()) {
      with_place(place, [&] { check_length(*dim); });
      outputs_.push_back(builder_.emit("length", {}, {{"value", *dim}}));
    } else {
      throw Error(Fault::unsupported, place, "is neither a tensor nor a number");
    }
    note(place, "it is a number in Python and a tensor without axes here");
    return true;
  }

  // States
  // -----------------------------------------------------------------------------------------------------------

  /// Which buffers the program changes, and what they become.
  void find_changes() {
    const auto by_name = weights_by_name(program_, weights_);
    for (const ExportOutput& output : program_.outputs) {
      if (output.kind != ExportOutput::Kind::buffer_mutation) continue;
      const auto found = by_name.find(output.name);
      if (found == by_name.end()) {
        throw Error(Fault::file, "buffer " + quoted(output.name), "changes and is not there");
      }
      changed_[found->second] = read(scope_, output.argument.as<Argument::Value>()->name);
    }
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      if (cells_.changed(weight_cells_[i])) changed_[i] = cells_.read(weight_cells_[i]);
    }
    for (const auto& [index, next] : changed_) check_change(index, next);
  }

  void check_change(std::size_t index, ValueId next) const {
    const Weight& weight = weights_[index];
    const auto refuse = [&](Fault fault, std::string_view what) { throw Error(fault, quoted(weight.hint), what); };
    if (weight.parameter) refuse(Fault::unsupported, "is a parameter and changes in forward; we read changes of buffers");
    if (builder_.type(next) != builder_.type(weight.value)) {
      refuse(Fault::model, fmt::format("is a buffer of {} and becomes {}", to_text(builder_.type(weight.value)),
                                       to_text(builder_.type(next))));
    }
    for (std::size_t i = 0; i < weights_.size(); ++i) {
      if (i == index || weights_[i].payload->storage != weight.payload->storage) continue;
      refuse(Fault::unsupported, fmt::format("changes in forward and shares memory with {}", quoted(weights_[i].hint)));
    }
  }

  /// Constants become states where the program changes them, which is known only at its end.
  void keep_states(Graph& graph) {
    for (const auto& [index, next] : changed_) {
      const Weight& weight = weights_[index];
      const auto constant = std::ranges::find(graph.constants, weight.value, &Constant::value);
      graph.states.push_back({weight.value, next, constant->data, constant->names});
      graph.constants.erase(constant);
    }
  }

  const ExportProgram& program_;
  const Archive& archive_;
  Builder builder_;
  Cells cells_;
  Problems problems_;
  std::vector<Note> notes_;
  std::vector<Weight> weights_;
  std::vector<Cell> weight_cells_;
  std::vector<std::pair<std::string, Cell>> input_cells_;
  std::set<std::string> changed_inputs_;
  std::set<std::string> lengths_;  // that the inputs' shapes tell
  Scope scope_;
  Signature signature_;
  std::vector<ValueId> outputs_;
  std::map<std::size_t, ValueId> changed_;  // by the weight's index: what it becomes
  std::size_t first_new_ = 0;
};

}  // namespace

Loaded read_program(const ExportProgram& program, const Archive& archive) {
  return Reader(program, archive).read();
}

}  // namespace isomer::pytorch

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "graph/uses.h"
#include "systems/pt2/archive.h"
#include "systems/pt2/guards.h"
#include "systems/pt2/nodes.h"
#include "systems/pt2/pt2.h"
#include "systems/pt2/schema.h"
#include "systems/pt2/values.h"
#include "systems/pt2/weights.h"

namespace isomer::pt2 {
namespace {

using Argument = ExportArgument;

/// The class of the whole model. Decomposing leaves nodes that name a hook instead, which has no
/// module; and a class of torch's own says nothing about the model.
std::string graph_name(const ExportProgram& program, const Archive& archive) {
  for (const ExportNode& node : program.graph.nodes) {
    if (node.modules.empty()) continue;
    const std::string& type = node.modules.front().type;
    const std::size_t dot = type.rfind('.');
    if (dot == std::string::npos || type.starts_with("torch.")) continue;
    return type.substr(dot + 1);
  }
  return archive.name;
}

/// "__main__.Block[int]" -> "Block". Nothing for a layer or container of torch.nn, which says no
/// more than its operator or its place.
std::string author_class(std::string_view type) {
  const bool layer = type.starts_with("torch.nn.modules.");
  type = type.substr(0, type.find('['));
  type = type.substr(type.rfind('.') + 1);
  const bool composite = type.starts_with("Transformer") || type == "MultiheadAttention";
  return layer && !composite ? "" : std::string(type);
}

std::map<std::string, std::string> author_classes(const ExportProgram& program) {
  std::map<std::string, std::string> classes;
  for (const ExportNode& node : program.graph.nodes) {
    for (const ModuleEntry& module : node.modules) {
      // Decomposing leaves nodes that name a hook, which is no module.
      if (module.path.empty() || module.path.starts_with("_empty_nn_module_stack")) continue;
      if (std::string name = author_class(module.type); !name.empty())
        classes.try_emplace(module.path, std::move(name));
    }
  }
  return classes;
}

/// The named length that can be read from one axis of an input: s0 of s0, or of 2*s0 + 1.
std::optional<std::string> length_in(const Dim& dim) {
  std::set<std::string> names;
  dim.collect_symbols(names);
  if (names.size() != 1) return std::nullopt;
  constexpr std::int64_t probe = 12;
  const auto solved = dim.solve(dim.evaluate({{*names.begin(), probe}}));
  return solved ? std::optional(solved->first) : std::nullopt;
}

const Structure none{Structure::Kind::none, {}, {}};

class Reader {
 public:
  Reader(const ExportProgram& program, const Archive& archive, bool decompose)
      : program_(program),
        archive_(archive),
        builder_(graph_name(program, archive)),
        cells_(builder_),
        nodes_(builder_, cells_, lengths_, decompose) {}

  Loaded read() {
    constexpr std::int64_t newest = 20;
    if (program_.minor > newest)
      note("", fmt::format("its export schema 8.{} is newer than 8.{}, the newest we know",
                           program_.minor, newest));
    for (const std::string& what : program_.lost_arguments) note("arguments", what);
    for (const std::string& what : program_.lost_results) note("result", what);
    add_weights();
    add_inputs();
    try {
      nodes_.run(program_.graph, scope_);
    } catch (const Error& error) {
      // Placeholders for what is not read may have led to it.
      if (nodes_.problems().empty() || error.fault() == Fault::bug) throw;
    }
    nodes_.problems().throw_if_any(program_.decomposed);
    add_outputs();
    find_changes();
    Graph graph = std::move(builder_).finish(outputs_, signature_);
    keep_states(graph);
    graph.classes = author_classes(program_);
    return {std::move(graph), std::move(notes_)};
  }

 private:
  void note(std::string where, std::string text) {
    notes_.push_back({std::move(where), std::move(text)});
  }

  /// Of what callers see, or a `state_dict`.
  void note_complex(std::string_view kind, const std::string& name, bool complex) {
    if (complex)
      note(fmt::format("{} {}", kind, quoted(name)),
           "it is complex; here it is pairs of real numbers on a last axis of 2");
  }
  void note_complex(std::string_view kind, const std::string& name) {
    const auto found = program_.graph.tensors.find(name);
    note_complex(kind, name, found != program_.graph.tensors.end() && found->second.complex);
  }

  void add_weights() {
    weights_ = collect_weights(program_, archive_);
    for (Weight& weight : weights_.all) {
      if (!weight.names.empty()) note_complex("weight", weight.names[0], weight.payload->complex);
      weight.value = builder_.constant(weight.hint, weight.payload->data, weight.payload->trainable,
                                       weight.names);
      const Cell cell = cells_.add(weight.value, weight.hint);
      weight_cells_.push_back(cell);
      for (const std::string& input : weight.inputs) scope_.define(input, cell);
    }
  }

  void add_inputs() {
    std::vector<Structure> given;
    for (const ExportInput& input : program_.inputs) {
      if (input.kind != ExportInput::Kind::user && input.kind != ExportInput::Kind::literal)
        continue;
      given.push_back(add_input(input) ? Structure{} : none);
    }
    signature_.arguments = program_.arguments;
    signature_.keywords = program_.keywords;
    set_leaves({&signature_.arguments, &signature_.keywords}, given, "in_spec", "input");
    add_ranges();
    builder_.assume(signature_.lengths);
    note_guards();
  }

  /// What was true of the example, and need not be of other lengths.
  void note_guards() {
    std::vector<std::pair<std::string, TensorType>> arguments;
    for (const auto& [name, cell] : input_cells_)
      arguments.emplace_back(name, type_of(program_.graph, name));
    std::vector<std::string> open;
    for (const std::string& guard : program_.guards) {
      if (std::string text = open_guard(guard, arguments, signature_.lengths); !text.empty())
        open.push_back(std::move(text));
    }
    if (!open.empty())
      note("", fmt::format("holds only where {}; this is not checked when it runs", listed(open)));
  }

  bool add_input(const ExportInput& input) {
    const auto* value = input.argument.as<Argument::Value>();
    if (value == nullptr) {
      if (const auto* length = input.argument.as<Dim>()) return add_length(input.name, *length);
      const auto* foreign = input.argument.as<Argument::Foreign>();
      if (foreign != nullptr && foreign->tag.starts_with("as_sym_")) {
        throw Error(Fault::unsupported, "",
                    fmt::format("an input is a number of kind {}; we read integers and tensors",
                                quoted(foreign->tag)));
      }
      if (input.argument.as<Argument::None>() == nullptr || !input.name.empty()) {
        note(input.name,
             "this input is no tensor; it stays what it was when the model was exported");
      }
      return false;
    }
    const TensorType& type = type_of(program_.graph, value->name);
    for (const Dim& dim : type.shape) {
      if (const auto name = length_in(dim)) lengths_.insert(*name);
    }
    note_complex("input", value->name);
    const Cell cell = cells_.add(builder_.input(value->name, type), value->name);
    input_cells_.emplace_back(value->name, cell);
    input_names_.push_back(value->name);
    scope_.define(value->name, cell);
    return true;
  }

  /// An integer that callers give, and shapes may depend on.
  bool add_length(const std::string& name, const Dim& length) {
    const std::string place = "input " + quoted(name);
    const auto symbol = length.lone_symbol();
    if (!symbol || given_.contains(*symbol)) {
      throw Error(Fault::unsupported, place,
                  fmt::format("is the length {}, which another input tells", to_text(length)));
    }
    given_[*symbol] = builder_.graph().inputs.size();
    lengths_.insert(*symbol);
    builder_.input(name, {DType::i64, {}});
    input_names_.push_back(name);
    return true;
  }

  /// The ranges of what is read from inputs.
  void add_ranges() {
    std::vector<LengthRange> ranges = program_.lengths;
    for (const auto& [name, input] : given_) {
      if (std::ranges::find(ranges, name, &LengthRange::name) == ranges.end())
        ranges.push_back({name, 0, std::nullopt});
    }
    for (LengthRange& range : ranges) {
      if (!lengths_.contains(range.name)) continue;
      if (const auto input = given_.find(range.name); input != given_.end())
        range.input = input->second;
      if (range.least < 0) {
        note("length " + quoted(range.name),
             "may be negative in the program; here it is 0 or more");
        range.least = 0;
      }
      signature_.lengths.push_back(std::move(range));
    }
  }

  /// Each leaf becomes what is known of it.
  static void set_leaves(Structure& structure, std::span<const Structure> leaves,
                         std::size_t& next) {
    for (Structure& child : structure.children) set_leaves(child, leaves, next);
    if (structure.kind != Structure::Kind::leaf) return;
    if (next < leaves.size()) structure = leaves[next];
    ++next;
  }

  static void set_leaves(std::initializer_list<Structure*> sides, std::span<const Structure> leaves,
                         std::string_view spec, std::string_view noun) {
    std::size_t next = 0;
    for (Structure* side : sides) set_leaves(*side, leaves, next);
    if (next == leaves.size()) return;
    throw Error(
        Fault::file, std::string(spec),
        fmt::format("has {} leaves; the program has {}", next, counted(leaves.size(), noun)));
  }

  void add_outputs() {
    using Kind = ExportOutput::Kind;
    builder_.at("", {});
    std::vector<Structure> given;
    for (const ExportOutput& output : program_.outputs) {
      if (output.kind == Kind::user) given.push_back(add_output(output.argument, given.size()));
      if (output.kind == Kind::input_mutation) changed_inputs_.insert(output.name);
    }
    signature_.results = program_.results;
    set_leaves({&signature_.results}, given, "out_spec", "output");
    for (const auto& [name, cell] : input_cells_) {
      if (cells_.changed(cell)) changed_inputs_.insert(name);
    }
    for (const std::string& name : changed_inputs_) {
      note("input " + quoted(name),
           "the model changes it in place for its caller, too; this is lost");
    }
    std::vector<Structure> taken;
    for (const std::string& name : input_names_) {
      taken.emplace_back();
      taken.back().written = changed_inputs_.contains(name);
    }
    set_leaves({&signature_.arguments, &signature_.keywords}, taken, "in_spec", "input");
  }

  Structure add_output(const Argument& output, std::size_t position) {
    if (const auto* value = output.as<Argument::Value>()) {
      note_complex("output", value->name);
      outputs_.push_back(read(value->name));
      return {};
    }
    if (output.as<Argument::None>() != nullptr) return none;
    Structure number;
    const std::string place = fmt::format("output {}", position);
    if (const auto* flag = output.as<bool>()) {
      outputs_.push_back(builder_.literal(DType::boolean, std::int64_t{*flag}));
      number.type = "bool";
    } else if (const auto* integer = output.as<std::int64_t>()) {
      outputs_.push_back(builder_.literal(DType::i64, *integer));
      number.type = "int";
    } else if (const auto* real = output.as<double>()) {
      outputs_.push_back(builder_.literal(DType::f64, *real));
      number.type = "float";
    } else if (const auto* dim = output.as<Dim>()) {
      with_place(place, [&] { nodes_.check_length(*dim); });
      outputs_.push_back(builder_.emit("length", {}, {{"value", *dim}}));
      number.type = "int";
    } else if (output.as<Argument::Computed>() != nullptr) {
      const std::optional<ValueId> made = nodes_.number_of(output);
      outputs_.push_back(made ? *made : with_place(place, [&] { return nodes_.decided(output); }));
      number.type = made ? "float" : "bool";
    } else {
      throw Error(Fault::unsupported, place, "is neither a tensor nor a number");
    }
    note(place, "it is a number in Python and a tensor without axes here");
    return number;
  }

  ValueId read(const std::string& name) { return cells_.read(scope_.at(name)); }

  /// Which parameters and buffers the program changes, and what they become.
  void find_changes() {
    for (const ExportOutput& output : program_.outputs) {
      if (output.kind != ExportOutput::Kind::weight_mutation) continue;
      const auto found = weights_.by_name.find(output.name);
      if (found == weights_.by_name.end()) {
        throw Error(Fault::file, "tensor " + quoted(output.name), "changes and is not there");
      }
      changed_[found->second] = read(value_of(output.argument));
    }
    for (std::size_t i = 0; i < weights_.all.size(); ++i) {
      if (cells_.changed(weight_cells_[i])) changed_[i] = cells_.read(weight_cells_[i]);
    }
    for (const auto& [index, next] : changed_) check_change(index, next);
  }

  void check_change(std::size_t index, ValueId next) {
    const Weight& weight = weights_.all[index];
    const std::string place = (weight.parameter ? "parameter " : "buffer ") + quoted(weight.hint);
    const auto refuse = [&](Fault fault, std::string_view what) {
      throw Error(fault, place, what);
    };
    if (builder_.type(next) != builder_.type(weight.value)) {
      refuse(Fault::model, fmt::format("is {} and becomes {}", to_text(builder_.type(weight.value)),
                                       to_text(builder_.type(next))));
    }
    if (weight.payload->trainable) {
      note(place,
           "the model changes it in forward, so it is a state here, as a buffer is, and has no "
           "gradient");
    }
    for (std::size_t i = 0; i < weights_.all.size(); ++i) {
      if (i == index || weights_.all[i].payload->storage != weight.payload->storage) continue;
      refuse(Fault::unsupported, fmt::format("changes in forward and shares memory with {}",
                                             quoted(weights_.all[i].hint)));
    }
  }

  /// Constants become states where the program changes them, which is known only at its end.
  void keep_states(Graph& graph) {
    const Uses uses(graph);
    std::set<ValueId> kept;
    for (const auto& [index, next] : changed_) {
      const ValueId value = weights_.all[index].value;
      const Constant* constant = uses.constant(graph, value);
      expect(constant != nullptr, "each weight is a constant of its own");
      graph.states.push_back({value, next, constant->data, constant->names});
      kept.insert(value);
    }
    std::erase_if(graph.constants,
                  [&](const Constant& constant) { return kept.contains(constant.value); });
  }

  const ExportProgram& program_;
  const Archive& archive_;
  Builder builder_;
  Cells cells_;
  NodeReader nodes_;
  std::set<std::string> lengths_;             // read from the inputs
  std::map<std::string, std::size_t> given_;  // those that are an input's value, by its place
  std::vector<Note> notes_;
  Weights weights_;
  std::vector<Cell> weight_cells_;
  std::vector<std::pair<std::string, Cell>> input_cells_;
  std::vector<std::string> input_names_;  // of the leaves that are given
  std::set<std::string> changed_inputs_;
  Scope scope_;
  Signature signature_;
  std::vector<ValueId> outputs_;
  std::map<std::size_t, ValueId> changed_;  // by the weight's index: what it becomes
};

Loaded read_with(const Files& files, std::string_view entry, bool decompose) {
  return with_place(entry, [&] {
    const Archive archive = open_archive(files.read(entry), entry);
    return Reader(parse_program(archive.program), archive, decompose).read();
  });
}

}  // namespace

bool recognises(const Files& files, std::string_view entry) {
  return files.has(entry) && looks_exported(files.read(entry));
}

Loaded read(const Files& files, std::string_view entry) { return read_with(files, entry, false); }

Loaded read_decomposed(const Files& files, std::string_view entry) {
  return read_with(files, entry, true);
}

}  // namespace isomer::pt2

#include "systems/pt2/schema.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "base/error.h"
#include "base/names.h"
#include "base/text.h"
#include "graph/pairs.h"
#include "systems/pt2/fields.h"
#include "systems/pt2/structure.h"
#include "systems/pt2/types.h"

namespace isomer::pt2 {
namespace {

using Argument = ExportArgument;
using Symbols = std::unordered_map<std::string, Dim>;

[[noreturn]] void refuse(std::string_view what) { throw Error(Fault::file, "", what); }

/// Tags that the schema has and this reader does not translate; an operator that needs one is
/// reported as not read.
constexpr std::string_view foreign_tags[] = {
    "as_strings",   "as_custom_obj",  "as_operator",          "as_nested_tensors",
    "as_int_lists", "as_float_lists", "as_string_to_argument"};

ExportGraph parse_graph(const Tree& tree, int depth);

class ArgumentParser {
 public:
  ArgumentParser(const Symbols& symbols, int depth) : symbols_(symbols), depth_(depth) {}

  Argument parse(const Tree& tree) const {
    const auto [tag, content] = as_tagged(tree);
    return with_place(tag, [&, &tag = tag, &content = content] { return parse(tag, content); });
  }

 private:
  Argument parse(std::string_view tag, const Tree& content) const {
    if (tag == "as_none") return {Argument::None{}};
    if (tag == "as_tensor") return {Argument::Value{text_field(content, "name")}};
    if (tag == "as_tensors") return {Argument::Values{names(content)}};
    if (tag == "as_optional_tensor") return parse(content);
    if (tag == "as_optional_tensors") return {Argument::Values{optional_names(content)}};
    if (tag == "as_int") return {as_integer(content)};
    if (tag == "as_float") return {as_real(content)};
    if (tag == "as_complex")
      return {Argument::Complex{as_real(field(content, "real")), as_real(field(content, "imag"))}};
    if (tag == "as_bool") return {as_flag(content)};
    if (tag == "as_string") return {as_text(content)};
    if (tag == "as_ints") return {list_of<std::int64_t>(content, as_integer)};
    if (tag == "as_floats") return {list_of<double>(content, as_real)};
    if (tag == "as_bools") return {list_of<bool>(content, as_flag)};
    if (tag == "as_scalar_type") return {dtype_of_export(as_integer(content))};
    if (tag == "as_memory_format" || tag == "as_layout" || tag == "as_device")
      return {Argument::Ignored{}};
    if (tag == "as_graph")
      return {
          std::make_shared<const ExportGraph>(parse_graph(field(content, "graph"), depth_ + 1))};
    if (tag.starts_with("as_sym_")) return parse_symbolic(tag, content);
    if (std::ranges::find(foreign_tags, tag) != std::end(foreign_tags))
      return {Argument::Foreign{std::string(tag)}};
    refuse("is an unknown kind of argument; we read schema 8.20 of torch.export");
  }

  Argument parse_symbolic(std::string_view tag, const Tree& content) const {
    if (tag == "as_sym_int") return integer(length(content));
    if (tag == "as_sym_ints") return integers(content);
    if (tag != "as_sym_float" && tag != "as_sym_bool") return {Argument::Foreign{std::string(tag)}};
    const auto [kind, value] = as_tagged(content);
    if (kind == "as_float") return {as_real(value)};
    if (kind == "as_bool") return {as_flag(value)};
    if (kind == "as_name") return {Argument::Computed{as_text(value)}};
    return {Argument::Foreign{std::string(tag)}};
  }

  static Argument integer(const Dim& dim) {
    if (dim.known()) return {dim.value()};
    return {dim};
  }

  Argument integers(const Tree& content) const {
    const auto dims = list_of<Dim>(content, [&](const Tree& item) { return length(item); });
    if (auto numbers = known_shape(dims)) return {std::move(*numbers)};
    return {dims};
  }

  Dim length(const Tree& tree) const {
    const auto [tag, content] = as_tagged(tree);
    if (tag == "as_int") return as_integer(content);
    if (tag != "as_name") refuse(fmt::format("has the unknown tag {}", quoted(tag)));
    const auto found = symbols_.find(as_text(content));
    if (found == symbols_.end())
      refuse(fmt::format("the number {} is not among the symbolic ones", quoted(as_text(content))));
    return found->second;
  }

  template <class T, class Read>
  static std::vector<T> list_of(const Tree& content, Read read) {
    std::vector<T> values;
    for (const Tree& item : as_list(content)) values.push_back(read(item));
    return values;
  }

  static std::vector<std::string> names(const Tree& content) {
    return list_of<std::string>(content, [](const Tree& item) { return text_field(item, "name"); });
  }
  static std::vector<std::string> optional_names(const Tree& content) {
    return list_of<std::string>(content, [](const Tree& item) {
      const auto [tag, tensor] = as_tagged(item);
      return tag == "as_none" ? std::string() : text_field(tensor, "name");
    });
  }

  const Symbols& symbols_;
  int depth_;
};

std::string text_if_given(const Tree& tree, std::string_view key) {
  const Tree* found = given(tree, key);
  return found == nullptr ? std::string() : as_text(*found);
}

std::string metadata(const Tree& node, std::string_view key) {
  const Tree* all = given(node, "metadata");
  return all == nullptr ? std::string() : text_if_given(*all, key);
}

bool is_symbolic(const Tree& output) { return as_tagged(output).tag.starts_with("as_sym_"); }

ExportNode parse_node(const Tree& tree, const ArgumentParser& arguments) {
  ExportNode node;
  node.target = text_field(tree, "target");
  if (node.target.empty()) refuse("'target' is empty and must name an operator");
  node.modules = parse_modules(metadata(tree, "nn_module_stack"));
  if (!node.modules.empty()) node.scope = node.modules.back().path;
  node.place = parse_place(metadata(tree, "stack_trace"));
  std::unordered_set<std::string_view> given_names;
  for (const Tree& input : list_field(tree, "inputs")) {
    const std::string& name = text_field(input, "name");
    // Higher-order operators give theirs no names.
    if (!name.empty() && !given_names.insert(name).second)
      refuse(fmt::format("the argument {} is given twice", quoted(name)));
    node.inputs.push_back({name, with_place("argument " + quoted(name),
                                            [&] { return arguments.parse(field(input, "arg")); })});
  }
  const Tree::List& outputs = list_field(tree, "outputs");
  node.symbolic = !outputs.empty() && std::ranges::all_of(outputs, is_symbolic);
  for (const Tree& output : outputs) {
    if (const std::string_view tag = as_tagged(output).tag;
        !node.symbolic || tag == "as_sym_bool" || tag == "as_sym_float")
      node.outputs.push_back(arguments.parse(output));
  }
  node.name = text_if_given(tree, "name");
  return node;
}

/// The node's own name, else that of its first value.
std::string name_of_node(const Tree& tree) {
  const Tree* name = given(tree, "name");
  if (name != nullptr && name->text() != nullptr) return *name->text();
  const Tree* target = given(tree, "target");
  return target != nullptr && target->text() != nullptr ? *target->text() : std::string();
}

bool is_contiguous(const Shape& sizes, const Shape& strides) {
  Dim wanted = 1;
  for (std::size_t i = sizes.size(); i-- > 0;) {
    if (!(sizes[i] == Dim(1)) && !(strides[i] == wanted)) return false;
    wanted = wanted * sizes[i];
  }
  return true;
}

ExportTensor parse_tensor(const Tree& tree) {
  ExportTensor tensor;
  tensor.type.dtype = dtype_of_export(integer_field(tree, "dtype"));
  check_layout(integer_field(tree, "layout"));
  for (const Tree& size : list_field(tree, "sizes")) {
    tensor.type.shape.push_back(parse_sym_int(size));
    if (const Dim& length = tensor.type.shape.back(); length.known() && length.value() < 0)
      refuse(fmt::format("has the size {}, which is negative", length.value()));
  }
  for (const Tree& stride : list_field(tree, "strides"))
    tensor.strides.push_back(parse_sym_int(stride));
  if (tensor.strides.size() != tensor.type.shape.size())
    refuse(fmt::format("has {} and {}", counted(tensor.type.shape.size(), "size"),
                       counted(tensor.strides.size(), "stride")));
  tensor.complex = is_complex(tensor.type.dtype);
  if (tensor.complex) {
    for (Dim& stride : tensor.strides) stride = stride * 2;
    tensor.strides.emplace_back(1);
    tensor.type = as_pairs(std::move(tensor.type));
  }
  tensor.contiguous = is_contiguous(tensor.type.shape, tensor.strides);
  tensor.at_start = parse_sym_int(field(tree, "storage_offset")) == Dim(0);
  return tensor;
}

Symbols parse_symbols(const Tree& graph) {
  Symbols symbols;
  for (const auto& [name, tree] : map_field(graph, "sym_int_values")) {
    symbols[name] = with_place([&name = name] { return "number " + quoted(name); },
                               [&, &number = tree] { return parse_sym_int(number); });
  }
  return symbols;
}

ExportGraph parse_graph(const Tree& tree, int depth) {
  constexpr int deepest = 16;
  if (depth > deepest) refuse("graphs are nested too deeply");
  const Symbols symbols = parse_symbols(tree);
  const ArgumentParser arguments(symbols, depth);
  ExportGraph graph;
  for (const auto& [name, tensor] : map_field(tree, "tensor_values")) {
    graph.tensors[name] = with_place([&name = name] { return "value " + quoted(name); },
                                     [&, &meta = tensor] { return parse_tensor(meta); });
  }
  for (const Tree& input : list_field(tree, "inputs"))
    graph.inputs.push_back(arguments.parse(input));
  for (const Tree& node : list_field(tree, "nodes")) {
    graph.nodes.push_back(with_place([&] { return "node " + quoted(name_of_node(node)); },
                                     [&] { return parse_node(node, arguments); }));
  }
  for (const Tree& output : list_field(tree, "outputs"))
    graph.outputs.push_back(arguments.parse(output));
  return graph;
}

/// In a spec the argument of everything but user inputs is `{"name": ...}`, without a tag.
Argument plain_value(const Tree& content) {
  return {Argument::Value{text_field(field(content, "arg"), "name")}};
}

ExportInput parse_input(const Tree& tree, const ArgumentParser& arguments) {
  using Kind = ExportInput::Kind;
  const auto [tag, content] = as_tagged(tree);
  if (tag == "user_input") {
    const Tree& argument = field(content, "arg");
    const Tree* number = given(argument, "as_sym_int");
    return {Kind::user, arguments.parse(argument),
            number == nullptr ? "" : text_if_given(*number, "as_name")};
  }
  if (tag == "parameter")
    return {Kind::parameter, plain_value(content), text_field(content, "parameter_name")};
  if (tag == "buffer") {
    return {Kind::buffer, plain_value(content), text_field(content, "buffer_name"),
            flag_field(content, "persistent")};
  }
  if (tag == "tensor_constant")
    return {Kind::constant, plain_value(content), text_field(content, "tensor_constant_name")};
  if (tag == "constant_input") return {Kind::literal, {}, text_field(content, "name")};
  if (tag == "custom_obj" || tag == "token") {
    throw Error(
        Fault::unsupported, "",
        fmt::format("the model has an input of kind {}, which we do not read", quoted(tag)));
  }
  refuse(fmt::format("an input has the unknown tag {}", quoted(tag)));
}

ExportOutput parse_output(const Tree& tree, const ArgumentParser& arguments) {
  using Kind = ExportOutput::Kind;
  const auto [tag, content] = as_tagged(tree);
  if (tag == "user_output") return {Kind::user, arguments.parse(field(content, "arg")), {}};
  if (tag == "loss_output") return {Kind::user, plain_value(content), {}};
  if (tag == "buffer_mutation")
    return {Kind::weight_mutation, plain_value(content), text_field(content, "buffer_name")};
  if (tag == "user_input_mutation")
    return {Kind::input_mutation, plain_value(content), text_field(content, "user_input_name")};
  if (tag == "parameter_mutation")
    return {Kind::weight_mutation, plain_value(content), text_field(content, "parameter_name")};
  if (tag == "gradient_to_parameter" || tag == "gradient_to_user_input" || tag == "token") {
    throw Error(
        Fault::unsupported, "",
        fmt::format("the model has an output of kind {}, which we do not read", quoted(tag)));
  }
  refuse(fmt::format("an output has the unknown tag {}", quoted(tag)));
}

/// Two of one kind and name would be the same parameter or buffer, with two values.
template <class Spec>
void refuse_repeated(const std::vector<Spec>& specs, std::string_view what) {
  std::set<std::pair<typename Spec::Kind, std::string_view>> seen;
  for (const Spec& spec : specs) {
    if (spec.name.empty() || seen.emplace(spec.kind, spec.name).second) continue;
    refuse(fmt::format("the {} {} stands twice in the signature", what, quoted(spec.name)));
  }
}

std::vector<LengthRange> parse_ranges(const Tree& program) {
  std::vector<LengthRange> ranges;
  for (const auto& [name, range] : map_field(program, "range_constraints")) {
    // Derived lengths are listed too, as expressions; their range follows.
    if (identifier(name) != name) continue;
    with_place(
        [&name = name] { return "length " + quoted(name); },
        [&, &name = name, &range = range] {
          LengthRange length{name, 0, std::nullopt};
          if (const Tree* least = given(range, "min_val")) length.least = as_integer(*least);
          if (const Tree* most = given(range, "max_val")) length.most = as_integer(*most);
          if (length.most && *length.most < length.least)
            refuse(fmt::format("is from {} to {}, which no length is", length.least, *length.most));
          ranges.push_back(std::move(length));
        });
  }
  return ranges;
}

/// The tree of the inputs is one of (arguments, keyword arguments).
void parse_call(const Tree& module, ExportProgram& program) {
  const Tree::List& calls = list_field(module, "module_call_graph");
  if (calls.empty()) refuse("'module_call_graph' is empty");
  const Tree& signature = field(calls[0], "signature");
  program.results = with_place("out_spec", [&] {
    return parse_tree_spec(text_field(signature, "out_spec"), program.lost_results);
  });
  Structure both = with_place("in_spec", [&] {
    return parse_tree_spec(text_field(signature, "in_spec"), program.lost_arguments);
  });
  if (both.children.size() != 2)
    refuse("'in_spec' is not a pair of arguments and keyword arguments");
  program.arguments = std::move(both.children[0]);
  program.keywords = std::move(both.children[1]);
  if (const Tree* names = given(signature, "forward_arg_names")) {
    for (const Tree& name : as_list(*names)) program.arguments.keys.push_back(as_text(name));
  }
  const std::size_t count = program.arguments.children.size();
  for (std::size_t i = program.arguments.keys.size(); i < count; ++i) {
    program.arguments.keys.push_back("arg" + std::to_string(i));
  }
  program.arguments.keys.resize(count);
}

}  // namespace

const std::string& value_of(const ExportArgument& argument) {
  const auto* value = argument.as<Argument::Value>();
  if (value == nullptr) refuse("is no tensor where one is needed");
  return value->name;
}

const TensorType& type_of(const ExportGraph& graph, const std::string& name) {
  const auto found = graph.tensors.find(name);
  if (found != graph.tensors.end()) return found->second.type;
  refuse(fmt::format("the program does not say of what type {} is", quoted(name)));
}

ExportProgram parse_program(const Tree& tree) {
  ExportProgram program;
  const Tree& version = field(tree, "schema_version");
  program.minor = integer_field(version, "minor");
  const std::int64_t major = integer_field(version, "major");
  if (major != 8) {
    throw Error(Fault::unsupported, "",
                fmt::format("is of export schema {}.{}; we read 8: export it again with torch 2.13",
                            major, program.minor));
  }
  const Tree& module = field(tree, "graph_module");
  program.graph = parse_graph(field(module, "graph"), 0);
  program.lengths = parse_ranges(tree);
  parse_call(module, program);

  const Symbols symbols = parse_symbols(field(module, "graph"));
  const ArgumentParser arguments(symbols, 0);
  const Tree& signature = field(module, "signature");
  for (const Tree& input : list_field(signature, "input_specs"))
    program.inputs.push_back(parse_input(input, arguments));
  if (program.inputs.size() != program.graph.inputs.size()) {
    refuse(fmt::format("the graph has {} and its signature {}",
                       counted(program.graph.inputs.size(), "input"), program.inputs.size()));
  }
  for (const Tree& output : list_field(signature, "output_specs"))
    program.outputs.push_back(parse_output(output, arguments));
  if (program.outputs.size() != program.graph.outputs.size()) {
    refuse(fmt::format("the graph has {} and its signature {}",
                       counted(program.graph.outputs.size(), "output"), program.outputs.size()));
  }
  for (std::size_t i = 0; i < program.outputs.size(); ++i) {
    const auto* said = program.outputs[i].argument.as<Argument::Value>();
    const auto* given = program.graph.outputs[i].as<Argument::Value>();
    if (said != nullptr && given != nullptr && said->name != given->name)
      refuse(fmt::format("output {} is {} in the graph and {} in its signature", i,
                         quoted(given->name), quoted(said->name)));
  }
  refuse_repeated(program.inputs, "input");
  refuse_repeated(program.outputs, "output");
  if (const Tree* guards = given(tree, "guards_code")) {
    for (const Tree& guard : as_list(*guards)) program.guards.push_back(as_text(guard));
  }
  if (const Tree* verifiers = given(tree, "verifiers")) {
    program.decomposed = std::ranges::any_of(
        as_list(*verifiers), [](const Tree& name) { return as_text(name) == "ATEN"; });
  }
  return program;
}

}  // namespace isomer::pt2

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/names.h"
#include "base/text.h"
#include "graph/uses.h"
#include "ops/validate.h"
#include "passes/passes.h"
#include "passes/rewrite.h"
#include "systems/mdf/forms.h"
#include "systems/mdf/mdf.h"
#include "systems/mdf/node_text.h"
#include "systems/mdf/standard.h"
#include "systems/stored.h"

namespace isomer::mdf {
namespace {

constexpr std::size_t most_embedded = 1 << 20;  // bytes

// --- before writing ------------------------------------------------------------------

Operation operation_of(const Builder& out, const isomer::Node& node,
                       std::span<const ValueId> inputs, const Attributes& attributes,
                       const std::vector<TensorType>& results) {
  Operation op{node.op, attributes, {}, results, [](const std::string& symbol) { return symbol; }};
  for (const ValueId id : inputs) {
    op.inputs.push_back(id == ValueId::none ? std::nullopt
                                            : std::optional(Operand{"x", out.type(id), false}));
  }
  return op;
}

/// Expands what is lowered in general, but not with these settings.
Graph legalized(Graph graph) {
  constexpr int most_rounds = 16;
  std::set<std::string> stuck;
  bool changed = true;
  for (int round = 0; changed && round < most_rounds; ++round) {
    changed = false;
    const Rule rule = [&](Builder& out, const Graph& old, const isomer::Node& node,
                          std::span<const ValueId> inputs) -> std::optional<std::vector<ValueId>> {
      const bool legal =
          with_call(out, node, inputs, [&](const OpSchema& schema, const OpCall& call) {
            return spell(operation_of(out, node, inputs, call.attributes, schema.infer(call)))
                .has_value();
          });
      if (legal) return std::nullopt;
      if (op_named(node.op).expand == nullptr) {
        stuck.insert(describe(old, node));
        return std::nullopt;
      }
      changed = true;
      return expand_node(out, node, inputs);
    };
    graph = rewrite(graph, rule);
  }
  if (stuck.empty()) return remove_unused(graph);
  throw Error(Fault::unsupported, graph.name,
              fmt::format("{} cannot be said in MDF: {}", counted(stuck.size(), "node"),
                          listed(stuck, "; ")));
}

void refuse_states(const Graph& graph) {
  if (graph.states.empty()) return;
  std::vector<std::string> names;
  bool statistics = true;  // of normalizations, which evaluation mode leaves as they are
  for (const State& state : graph.states) {
    const std::string& name = state.names.empty() ? graph[state.now].name : state.names[0];
    statistics = statistics && (name.ends_with("running_mean") || name.ends_with("running_var") ||
                                name.ends_with("num_batches_tracked"));
    names.push_back(quoted(name));
  }
  throw Error(Fault::unsupported, graph.name,
              fmt::format("{} cannot be said in MDF, whose nodes see no later node's value: {}{}",
                          counted(names.size(), "changing buffer"), listed(names),
                          statistics ? "; export the model in evaluation mode" : ""));
}

void refuse_types(const Graph& graph) {
  std::set<std::string> found;
  for (const isomer::Value& value : graph.values) {
    if (is_complex(value.type.dtype)) found.insert(std::string(name_of(value.type.dtype)));
  }
  if (found.empty()) return;
  throw Error(Fault::unsupported, graph.name,
              fmt::format("values of type {} cannot be said in MDF", listed(found)));
}

// --- names ---------------------------------------------------------------------------

bool is_number_behind(std::string_view text, std::string_view prefix) {
  return text.starts_with(prefix) && text.size() > prefix.size() &&
         text.find_first_not_of("0123456789", prefix.size()) == std::string_view::npos;
}

/// A hint without what has a meaning in a document: numbered inputs and outputs, "onnx_", names of
/// operands.
std::string harmless(std::string_view hint) {
  std::string name = identifier(hint);
  for (std::size_t at = name.find("onnx_"); at != std::string::npos; at = name.find("onnx_"))
    name.erase(at + 4, 1);
  const bool taken = is_number_behind(name, "in") || is_number_behind(name, "input") ||
                     is_number_behind(name, "output_") || name.ends_with("_value");
  return taken ? name + "_" : name;
}

OutputPort port_of(std::string text, const TensorType& type) {
  return {std::move(text),
          known_shape(type.shape).value_or(std::vector<std::int64_t>()),
          std::string(type_word(type.dtype)),
          {},
          {}};
}

// As its author wrote it, or as the operator needs it.
Tree literal_tree(const Constant& constant, std::string_view op) {
  const bool real = is_floating(constant.data.dtype());
  const double number = real ? constant.data.doubles()[0] : 0;
  // Neither "-inf" nor "-numpy.inf" is a value of the format: it takes no infinite Python number.
  if (real && !std::isfinite(number)) return {"numpy.array(" + number_text(number) + ")"};
  // Half a number more or less decides here, so the float itself is written, not its decimal.
  if (real && (op == "floor_divide" || op == "remainder")) return {number};
  return real ? Tree{number_of(constant)} : nested_lists(constant.data);
}

// --- the writer ----------------------------------------------------------------------

class Writer {
 public:
  Writer(const Graph& graph, std::string_view entry)
      : graph_(graph), entry_(entry), names_(reserved_words()), sources_(graph.values.size()) {
    std::size_t bytes = 0;
    for (const Constant& constant : graph.constants) bytes += constant.data.bytes().size();
    external_ = bytes >= most_embedded;
  }

  Written write() && {
    add_inputs();
    add_constants();
    for (const isomer::Node& node : graph_.nodes) {
      with_place([&] { return describe(graph_, node); }, [&] { add_node(node); });
    }
    add_outputs();
    note_losses();

    origin_.name = graph_.name;
    origin_.signature = graph_.signature;
    origin_.classes = graph_.classes;
    if (!tensors_.empty()) origin_.tensors = weights_beside(entry_);
    document_.metadata = to_tree(origin_);
    Document document;
    document.id = graph_.name.empty() ? entry_.substr(0, entry_.rfind('.')) : graph_.name;
    document.generating_application = "isomer";
    document.onnx_opset_version = std::to_string(onnx_opset);
    document.graphs.emplace_back(document.id + "_graph", std::move(document_));

    Written written;
    written.files.push_back({entry_, {file_of(entry_, to_tree(document))}});
    if (!tensors_.empty()) written.files.push_back({origin_.tensors, write_tensors(tensors_)});
    written.notes = std::move(notes_);
    return written;
  }

 private:
  struct Source {
    enum class Kind { none, input, node, embedded, port };
    Kind kind = Kind::none;
    std::string id;         // of the port that has it; of the parameter
    std::string node = {};  // whose port it is
  };

  Source& source(ValueId id) { return sources_[static_cast<std::size_t>(id)]; }
  const TensorType& type(ValueId id) const { return graph_[id].type; }
  /// Whether it must come through a port: what the graph gives, and what an operator takes by
  /// number.
  bool needs_port(ValueId id) const {
    return std::ranges::find(graph_.outputs, id) != graph_.outputs.end() ||
           std::ranges::any_of(uses_.users(id), [this](std::size_t user) {
             return has_numbered_ports(graph_.nodes[user].op);
           });
  }

  void add_inputs() {
    for (std::size_t i = 0; i < graph_.inputs.size(); ++i) {
      const ValueId id = graph_.inputs[i];
      source(id) = {Source::Kind::input, fmt::format("input{}", i + 1)};
      origin_.inputs.push_back({source(id).id, graph_[id].name, type(id)});
    }
  }

  void add_constants() {
    for (const Constant& constant : graph_.constants) {
      const bool literal = constant.names.empty() && constant.data.shape().empty();
      const bool apart = needs_port(constant.value);
      const bool alone = uses_.users(constant.value).size() == 1 && !apart;
      const bool unused = uses_.users(constant.value).empty() && !apart;
      if (literal && !apart) {
        source(constant.value) = {Source::Kind::embedded, ""};
        continue;
      }
      if (unused && constant.names.empty()) continue;
      const std::string_view hint =
          constant.names.empty() ? graph_[constant.value].name : constant.names[0];
      const std::string id = take(hint.empty() ? "data" : hint);
      StoredWeight weight{StoredWeight::Where::parameter,
                          id,
                          "",
                          constant.data.type(),
                          constant.trainable,
                          constant.names};
      const bool external = external_ && !literal;
      if (unused) {
        weight.where = StoredWeight::Where::unused;
        if (!document_.parameters) document_.parameters.emplace();
        document_.parameters->emplace_back(id, nested_lists(constant.data));
      } else if (external) {
        weight.where = StoredWeight::Where::port;
        source(constant.value) = {Source::Kind::port, id};
        tensors_.emplace_back(id, constant.data);
      } else if (alone) {
        source(constant.value) = {Source::Kind::embedded, id};
        if (!constant.names.empty()) embedded_.emplace(id, origin_.weights.size());
      } else {
        weight.node = id;
        weight.id = "data";
        add_constant_node(constant, id);
      }
      if (!constant.names.empty() || external) origin_.weights.push_back(std::move(weight));
    }
  }

  /// The value of a weight that several nodes use, or that must come through a port.
  void add_constant_node(const Constant& constant, const std::string& id) {
    Node body;
    body.metadata = {Tree::Map{{"constant", {to_text(constant.data.type())}}}};
    body.parameters.emplace_back("data", parameter_of(nested_lists(constant.data)));
    // A number stays without axes only as an array.
    const bool scalar = constant.data.shape().empty();
    body.output_ports.emplace_back(
        id, port_of(scalar ? "numpy.array(data)" : "data", constant.data.type()));
    document_.nodes.emplace_back(id, std::move(body));
    source(constant.value) = {Source::Kind::node, id, id};
  }

  /// They go into `body`, as ports or parameters.
  std::vector<std::optional<Operand>> operands(const isomer::Node& node, const std::string& id,
                                               Node& body, NodeOrigin& origin) {
    const Prototype& known = prototype(op_named(node.op));
    std::vector<std::optional<Operand>> found;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == ValueId::none) {
        found.emplace_back();
        origin.inputs.emplace_back();
        continue;
      }
      const std::string_view formal = known.inputs[std::min(i, known.inputs.size() - 1)].name;
      found.emplace_back(operand(node, i, formal, id, body, origin));
      origin.inputs.push_back(found.back()->id);
    }
    return found;
  }

  void add_output_ports(const isomer::Node& node, const std::string& id,
                        const std::vector<std::string>& texts, Node& body, NodeOrigin& origin) {
    bool renamed = false;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId output = node.outputs[i];
      const bool wanted = i == 0 || !uses_.users(output).empty() || needs_port(output);
      origin.outputs.push_back(type(output));
      origin.names.push_back(graph_[output].name);
      if (!wanted) continue;
      const std::string port = i == 0 ? id : name_for(output, node.op);
      renamed = renamed || port != graph_[output].name;
      source(output) = {Source::Kind::node, port, id};
      body.output_ports.emplace_back(port, port_of(texts[i], type(output)));
    }
    if (!renamed) origin.names.clear();
  }

  void add_node(const isomer::Node& node) {
    const OpSchema& schema = op_named(node.op);
    const Attributes attributes = complete(schema, node.attributes);
    const std::string id = name_for(node.outputs[0], node.op);
    Node body;
    NodeOrigin origin;
    origin.op = node.op;
    origin.attributes = canonical(schema, node.attributes);
    origin.scope = node.scope;
    origin.place = node.place;
    Operation op{node.op, attributes, operands(node, id, body, origin), {}, {}};
    for (const ValueId output : node.outputs) op.outputs.push_back(type(output));
    op.length_text = [&](const std::string& symbol) {
      const std::string text =
          length_in(symbol, op.inputs, origin_.inputs, graph_.signature.lengths);
      for (const InterfacePort& input : origin_.inputs) {
        if (text == input.id || text.find("(" + input.id + ",") != std::string::npos)
          add_port(body, input.id, input.type);
      }
      return text;
    };
    const auto lowering = spell(op);
    expect(lowering.has_value(), "what cannot be lowered was expanded");
    body.parameters.insert(body.parameters.end(), lowering->parameters.begin(),
                           lowering->parameters.end());
    add_output_ports(node, id, lowering->outputs, body, origin);
    body.metadata = to_tree(origin);
    document_.nodes.emplace_back(id, std::move(body));
  }

  void add_outputs() {
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
      const ValueId value = graph_.outputs[i];
      const std::string id = fmt::format("output_{}", i);
      const std::string port = source(value).id;
      Node body;
      add_port(body, port, type(value));
      connect(value, id, port);
      body.output_ports.emplace_back(id, port_of(port, type(value)));
      document_.nodes.emplace_back(id, std::move(body));
      origin_.outputs.push_back({id, graph_[value].name, type(value)});
    }
  }

  void connect(ValueId value, const std::string& node, const std::string& port) {
    const Source& from = source(value);
    if (from.kind != Source::Kind::node) return;
    const std::string id = fmt::format("{}.{}->{}.{}", from.node, from.id, node, port);
    document_.edges.emplace_back(id, Edge{from.node, node, from.id, port, {}, {}, {}});
  }

  Operand operand(const isomer::Node& node, std::size_t i, std::string_view formal,
                  const std::string& id, Node& body, NodeOrigin& origin) {
    const ValueId value = node.inputs[i];
    const Source& from = source(value);
    if (from.kind != Source::Kind::embedded) {
      const bool numbered = has_numbered_ports(node.op);
      // An unconnected port must keep the name by which the value is given, and there can be only
      // one of it.
      if (numbered && std::ranges::count(node.inputs, value) > 1 && from.kind != Source::Kind::node)
        add_relay(value);
      const std::string port =
          numbered && from.kind == Source::Kind::node ? fmt::format("in{}", i) : from.id;
      if (add_port(body, port, type(value))) connect(value, id, port);
      return {port, type(value), false};
    }
    const Constant& constant = *uses_.constant(graph_, value);
    const bool literal = from.id.empty();
    const std::string parameter = literal ? std::string(formal) + "_value" : from.id;
    body.parameters.emplace_back(parameter, parameter_of(literal ? literal_tree(constant, node.op)
                                                                 : nested_lists(constant.data)));
    if (const auto weight = embedded_.find(parameter); weight != embedded_.end())
      origin_.weights[weight->second].node = id;
    if (constant.names.empty()) origin.constants.emplace_back(parameter, type(value));
    return {parameter, type(value), constant.data.shape().empty()};
  }

  /// A node that hands a graph's input on, for operators that need it through a port of another
  /// name.
  void add_relay(ValueId value) {
    const std::string port = source(value).id;
    const std::string id = take(port + "_again");
    Node body;
    add_port(body, port, type(value));
    body.output_ports.emplace_back(id, port_of(port, type(value)));
    document_.nodes.emplace_back(id, std::move(body));
    source(value) = {Source::Kind::node, id, id};
  }

  bool add_port(Node& body, const std::string& port, const TensorType& type) {
    if (find(body.input_ports, port) != nullptr) return false;
    InputPort made;
    made.shape = known_shape(type.shape).value_or(std::vector<std::int64_t>());
    made.type = type_word(type.dtype);
    body.input_ports.emplace_back(port, std::move(made));
    return true;
  }

  std::string take(std::string_view hint) { return names_.take(harmless(hint)); }

  std::string name_for(ValueId value, std::string_view op) {
    const std::string& given = graph_[value].name;
    return take(given.empty() ? op : std::string_view(given));
  }

  void note_losses() {
    std::map<DType, std::size_t> counts;
    std::size_t open = 0;
    for (const isomer::Value& value : graph_.values) {
      ++counts[value.type.dtype];
      if (!known_shape(value.type.shape)) ++open;
    }
    const auto note = [&](std::string text) { notes_.push_back({entry_, std::move(text)}); };
    for (const DType dtype : {DType::f16, DType::bf16}) {
      if (counts.contains(dtype)) {
        note(fmt::format(
            "{} of type {}: computed as float32, without its rounding; metadata tells the type",
            counted(counts[dtype], "value"), name_of(dtype)));
      }
    }
    if (counts.contains(DType::f64)) {
      note(fmt::format("{} of type f64: functions of ONNX compute them as float32",
                       counted(counts[DType::f64], "value")));
    }
    for (const DType dtype : {DType::i32, DType::i16, DType::i8, DType::u8}) {
      if (counts.contains(dtype)) {
        note(fmt::format("{} of type {}: computed as int64; metadata tells the type",
                         counted(counts[dtype], "value"), name_of(dtype)));
      }
    }
    const auto stops = std::ranges::count(graph_.nodes, "detach", &isomer::Node::op);
    if (stops > 0) {
      note(fmt::format("{}: only metadata tells that gradients stop there",
                       counted(static_cast<std::size_t>(stops), "detached value")));
    }
    const auto sums = std::ranges::count_if(graph_.nodes, [](const isomer::Node& node) {
      return node.op == "index_add" || node.op == "scatter_add";
    });
    if (sums > 0) {
      note(fmt::format("{} said as matrix products: what is not finite spreads to other elements",
                       counted(static_cast<std::size_t>(sums), "index_add or scatter_add")));
    }
    if (open > 0) {
      note(
          fmt::format("{} of a length known only when the model runs: ports are written without "
                      "shape, metadata tells it",
                      counted(open, "value")));
    }
  }

  const Graph& graph_;
  const Uses uses_{graph_};
  std::string entry_;
  Names names_;
  bool external_ = false;
  std::vector<Source> sources_;
  std::map<std::string, std::size_t> embedded_;  // weights in parameters, by their ids
  DocumentGraph document_;
  Origin origin_;
  NamedTensors tensors_;
  std::vector<Note> notes_;
};

}  // namespace

Written write(const Graph& graph, std::string_view entry) {
  refuse_states(graph);
  refuse_types(graph);
  const Graph ready = legalized(remove_unused(graph));
  return Writer(ready, entry).write();
}

}  // namespace isomer::mdf

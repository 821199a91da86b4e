#include "systems/pt2/nodes.h"

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/text.h"
#include "ops/expansion.h"
#include "systems/pt2/decomposition.h"

namespace isomer::pt2 {
namespace {

using Argument = ExportArgument;

constexpr std::string_view aten_prefix = "torch.ops.aten.";

// They check what an export assumed and give nothing.
constexpr std::string_view guards[] = {
    "_assert_tensor_metadata.default", "_assert_scalar.default",
    "_assert_async.default",           "_assert_async.msg",
    "sym_constrain_range.default",     "sym_constrain_range_for_size.default"};

bool is_guard(std::string_view target) {
  return target.starts_with(aten_prefix) &&
         std::ranges::find(guards, target.substr(aten_prefix.size())) != std::end(guards);
}

const std::string* value_name(const ExportNode& node, std::string_view argument) {
  for (const auto& input : node.inputs) {
    const auto* value = input.argument.as<Argument::Value>();
    if (input.name == argument && value != nullptr) return &value->name;
  }
  return nullptr;
}

/// Both lengths are numbers, and different ones.
bool differ(const Dim& a, const Dim& b) { return a.known() && b.known() && a.value() != b.value(); }

bool fits(const TensorType& a, const TensorType& b) {
  return a.dtype == b.dtype && a.shape.size() == b.shape.size() &&
         std::ranges::equal(a.shape, b.shape, std::not_fn(differ));
}

bool is_contiguous(const ExportGraph& graph, const std::string& name) {
  const auto found = graph.tensors.find(name);
  return found != graph.tensors.end() && found->second.contiguous;
}

/// Of an operator that asks where elements lie in memory.
void require_plain_memory(const ExportGraph& graph, const std::string* name) {
  const auto found = name == nullptr ? graph.tensors.end() : graph.tensors.find(*name);
  if (found != graph.tensors.end() && found->second.contiguous && found->second.at_start) return;
  throw Error(Fault::unsupported, "",
              "asks where the elements of a view lie in memory; a tensor in C order is read");
}

/// Whether PyTorch gives that shape without a copy; nothing where the lengths do not say it. Axes
/// that lie behind each other in memory are one chunk, and what is new is cut out of chunks.
std::optional<bool> viewable(const ExportTensor& from, const Shape& to) {
  const auto sizes = known_shape(from.type.shape), strides = known_shape(from.strides);
  const auto wanted = known_shape(to);
  if (!sizes || !strides || !wanted) return std::nullopt;
  if (std::ranges::find(*sizes, 0) != sizes->end()) return true;
  std::size_t left = wanted->size();
  // Of numbers from a file: a product that is too large wraps, and is no other's.
  using Count = std::uint64_t;
  Count have = 1, cut = 1;
  Count step = strides->empty() ? 1 : static_cast<Count>(strides->back());
  for (std::size_t axis = sizes->size(); axis-- > 0;) {
    have *= static_cast<Count>((*sizes)[axis]);
    const bool ends = axis == 0 || ((*sizes)[axis - 1] != 1 &&
                                    static_cast<Count>((*strides)[axis - 1]) != have * step);
    if (!ends) continue;
    while (left > 0 && (cut < have || (*wanted)[left - 1] == 1))
      cut *= static_cast<Count>((*wanted)[--left]);
    if (cut != have) return false;
    if (axis > 0) step = static_cast<Count>((*strides)[axis - 1]);
    have = cut = 1;
  }
  return true;
}

/// Whether the export says that a value is complex, which is read as pairs.
bool is_complex_value(const ExportGraph& graph, const std::string& name) {
  const auto found = graph.tensors.find(name);
  return found != graph.tensors.end() && found->second.complex;
}

bool is_complex_argument(const ExportGraph& graph, const Argument& argument) {
  const auto complex = [&](const std::string& name) { return is_complex_value(graph, name); };
  if (const auto* value = argument.as<Argument::Value>()) return complex(value->name);
  if (const auto* all = argument.as<Argument::Values>())
    return std::ranges::any_of(all->names, complex);
  return argument.as<Argument::Complex>() != nullptr;
}

/// The arguments that are complex; nothing where neither they nor results are.
std::optional<std::vector<std::string>> complex_arguments(const ExportNode& node,
                                                          const ExportGraph& graph) {
  std::vector<std::string> names;
  for (const ExportNode::Input& input : node.inputs) {
    if (is_complex_argument(graph, input.argument)) names.push_back(input.name);
  }
  const bool gives = std::ranges::any_of(
      output_names(node), [&](const std::string& name) { return is_complex_value(graph, name); });
  if (names.empty() && !gives) return std::nullopt;
  return names;
}

/// Gives a node's arguments to the room that knows what they mean.
class ArgumentReader {
 public:
  /// `result`: the type of what comes out.
  ArgumentReader(Cells& cells, const Scope& scope, const ExportGraph& graph,
                 const NodeReader& nodes, DType result)
      : cells_(cells), scope_(scope), graph_(graph), nodes_(nodes), result_(result) {}

  template <class T>
  aten::Argument operator()(const T& value) {
    return value;
  }
  aten::Argument operator()(const Argument::None&) { return std::monostate{}; }
  aten::Argument operator()(const Argument::Ignored&) { return std::monostate{}; }
  aten::Argument operator()(const Argument::Complex& number) {
    return std::vector<double>{number.re, number.im};
  }
  aten::Argument operator()(const Argument::Value& value) { return read(value.name); }
  aten::Argument operator()(const Argument::Values& values) {
    const auto complex = [&](const std::string& name) { return is_complex_value(graph_, name); };
    const bool any = std::ranges::any_of(values.names, complex);
    std::vector<ValueId> ids;
    for (const std::string& name : values.names) {
      if (any && !name.empty() && !complex(name))
        throw Error(Fault::unsupported, "", "has complex and real tensors in one list");
      ids.push_back(name.empty() ? ValueId::none : read(name));
    }
    return ids;
  }
  aten::Argument operator()(const Dim& dim) {
    nodes_.check_length(dim);
    return dim;
  }
  aten::Argument operator()(const std::vector<Dim>& dims) {
    for (const Dim& dim : dims) nodes_.check_length(dim);
    return dims;
  }
  aten::Argument operator()(const Argument::Computed& number) {
    return nodes_.computed(number.name, result_);
  }
  aten::Argument operator()(const Argument::Subgraph&) {
    throw Error(Fault::unsupported, "", "has a graph as an argument");
  }
  aten::Argument operator()(const Argument::Foreign& foreign) {
    throw Error(Fault::unsupported, "", fmt::format("has an argument of kind {}", foreign.tag));
  }

 private:
  ValueId read(const std::string& name) { return cells_.read(scope_.at(name)); }

  Cells& cells_;
  const Scope& scope_;
  const ExportGraph& graph_;
  const NodeReader& nodes_;
  DType result_;
};

}  // namespace

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

/// How many returns somebody may read, from the front. torch.export calls the others so.
std::size_t count_read(std::span<const std::string> names) {
  std::size_t count = names.size();
  while (count > 1 && names[count - 1].find("_unused_") != std::string::npos) --count;
  return count;
}

void Scope::define(const std::string& name, Cell cell) {
  if (!cells_.emplace(name, cell).second) {
    throw Error(Fault::file, "", fmt::format("the value {} is made twice", quoted(name)));
  }
}

void Scope::replace(Cell cell, Cell by) {
  for (auto& [name, at] : cells_) {
    if (at == cell) at = by;
  }
}

Cell Scope::at(const std::string& name) const {
  const auto found = cells_.find(name);
  if (found != cells_.end()) return found->second;
  throw Error(Fault::file, "",
              fmt::format("reads the value {}, which nothing before it makes", quoted(name)));
}

void NodeReader::run(const ExportGraph& graph, Scope& scope) {
  for (const ExportNode& node : graph.nodes) {
    if (node.symbolic && !node.outputs.empty()) {
      if (const auto* computed = node.outputs[0].as<Argument::Computed>())
        compute(node, computed->name);
    }
    if (node.symbolic || is_guard(node.target)) continue;
    with_place([&] { return describe(node); }, [&] { run_node(node, graph, scope); });
  }
}

void NodeReader::run_node(const ExportNode& node, const ExportGraph& graph, Scope& scope) {
  try {
    builder_.at(node.scope, node.place);
    if (!run_higher_order(node, graph, scope)) emit(node, graph, scope);
  } catch (const Error& error) {
    if (error.fault() != Fault::unsupported) throw;
    problems_.add(node, error.text());
    for (const std::string& name : output_names(node)) {
      if (name.empty()) continue;
      scope.define(name, cells_.add(builder_.input(name, type_of(graph, name)), name));
    }
  }
}

void NodeReader::emit(const ExportNode& node, const ExportGraph& graph, Scope& scope) {
  if (!node.target.starts_with(aten_prefix)) throw Error(Fault::unsupported, "", "");
  const std::string_view target = std::string_view(node.target).substr(aten_prefix.size());
  const std::string twin = aten::functional(target);
  check_results(node, graph);
  aten::Call call{twin, {}, complex_arguments(node, graph)};
  const aten::Row* row = aten::row_for(twin, call.complex.has_value());
  if (row == nullptr && (call.complex || !decompose_))
    throw Error(Fault::unsupported, "", call.complex ? "is not read of complex numbers" : "");
  first_new_ = builder_.graph().values.size();
  call.arguments = arguments_of(node, graph, scope);
  if (around_.autocast) cast_as_autocast(node, graph, call.arguments);
  const std::vector<std::string> names = output_names(node);
  if (row == nullptr) {
    const std::vector<ValueId> results = decomposed(node, twin, call.arguments);
    if (results.size() != names.size())
      throw Error(Fault::unsupported, "", "its decomposition gives another number of results");
    if (aten::writes_self(target)) return write(node, graph, scope, results[0], names);
    return bind_fresh(node, graph, scope, results);
  }
  call.returns = count_read(names);
  const std::vector<ValueId> results = aten::emit(builder_, call);
  if (results.empty() || results.size() < names.size()) {
    throw Error(Fault::file, "",
                fmt::format("gives {}; the export says {}", counted(results.size(), "value"),
                            names.size()));
  }
  if (aten::writes_self(target) && row->aliases == aten::Aliasing::always &&
      row->ours != "detach") {
    turn(node, graph, scope, *row, results, names);
  } else if (aten::writes_self(target)) {
    write(node, graph, scope, results[0], names);
  } else {
    bind(node, graph, scope, *row, results, names);
  }
  if (results.size() == names.size() || row->writes.empty()) return;
  std::size_t next = names.size();
  for (const std::string_view argument : split_text(row->writes, ' ')) {
    const std::string* written = value_name(node, argument);
    if (written != nullptr && next < results.size())
      cells_.write(scope.at(*written), results[next++]);
  }
}

/// Results as long as data say have lengths that PyTorch calls u0, u1 and so on.
void NodeReader::check_results(const ExportNode& node, const ExportGraph& graph) const {
  for (const std::string& name : output_names(node)) {
    const auto found = graph.tensors.find(name);
    if (found == graph.tensors.end()) continue;
    for (const Dim& length : found->second.type.shape) {
      const auto symbol = length.lone_symbol();
      if (symbol && symbol->size() > 1 && (*symbol)[0] == 'u' && (*symbol)[1] <= '9')
        check_length(length);
    }
  }
}

/// What PyTorch says of the operator, in operators that are read; they stand where it stands.
std::vector<ValueId> NodeReader::decomposed(const ExportNode& node, std::string_view target,
                                            std::span<const aten::NamedArgument> arguments) {
  const std::string program = decomposing_program(builder_, target, arguments);
  auto found = decompositions_.find(program);
  if (found == decompositions_.end())
    found = decompositions_.emplace(program, decomposition(program)).first;
  Graph graph = found->second;
  for (Node& inner : graph.nodes) {
    inner.scope = node.scope;
    inner.place = node.place;
  }
  return emit_body(builder_, graph, tensors_of(arguments));
}

/// An in-place operator: `self` becomes the result, in its own type.
void NodeReader::write(const ExportNode& node, const ExportGraph& graph, Scope& scope,
                       ValueId result, const std::vector<std::string>& names) {
  const std::string* self = value_name(node, "self");
  if (self == nullptr || names.size() != 1) throw Error(Fault::unsupported, "", "");
  const Cell cell = scope.at(*self);
  const TensorType type = builder_.type(cells_.read(cell));
  if (builder_.dtype(result) != type.dtype) {
    result = builder_.emit("cast", {result}, {{"dtype", type.dtype}});
  }
  if (!fits(builder_.type(result), type)) {
    throw Error(Fault::unsupported, "", "changes the shape of its argument in place");
  }
  name_new(result, names[0]);
  if (result != cells_.read(cell)) cells_.write(cell, hidden_write(cell, result));
  check_type(graph, names[0], result);
  scope.define(names[0], cell);
}

/// An operator that turns its argument into a view of itself: whoever has the tensor sees that.
void NodeReader::turn(const ExportNode& node, const ExportGraph& graph, Scope& scope,
                      const aten::Row& row, const std::vector<ValueId>& results,
                      const std::vector<std::string>& names) {
  const std::string* self = value_name(node, "self");
  if (self == nullptr || names.size() != 1) throw Error(Fault::unsupported, "", "");
  const Cell cell = scope.at(*self);
  if (builder_.maker(cells_.read(cell)) == nullptr)
    throw Error(Fault::unsupported, "", "changes the shape of an input or weight in place");
  bind(node, graph, scope, row, results, names);
  scope.replace(cell, scope.at(names[0]));
}

/// What a write leaves where no gradient is kept: one that autograd does not see changes a tensor's
/// elements and not its gradient, which no value here can do.
ValueId NodeReader::hidden_write(Cell cell, ValueId result) {
  const std::optional<Cell> origin = cells_.detached_from(cell);
  if (!around_.no_grad && !origin) return result;
  const ValueId before = cells_.read(origin.value_or(cell));
  // A weight that is changed becomes a state, which has no gradient.
  if (builder_.constant_of(before) == nullptr && aten::carries_gradient(builder_, before)) {
    throw Error(
        Fault::unsupported, "",
        "changes in place, where no gradient is kept, a tensor that gradients flow through; "
        "give what is changed a name of its own");
  }
  return aten::carries_gradient(builder_, result) ? builder_.emit("detach", {result}) : result;
}

void NodeReader::bind(const ExportNode& node, const ExportGraph& graph, Scope& scope,
                      const aten::Row& row, const std::vector<ValueId>& results,
                      const std::vector<std::string>& names) {
  const std::string* base = value_name(node, row.inputs.substr(0, row.inputs.find(' ')));
  if (row.by_memory) require_plain_memory(graph, base);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty() || results[i] == ValueId::none) continue;
    check_type(graph, names[i], results[i]);
    name_new(results[i], names[i]);
    auto sharing = aten::Sharing::none;
    if (base != nullptr) {
      const bool unchanged = results[i] == cells_.read(scope.at(*base));
      sharing = aten::sharing_of(row, is_contiguous(graph, *base), unchanged);
      const auto from = graph.tensors.find(*base), to = graph.tensors.find(names[i]);
      if (row.aliases == aten::Aliasing::if_viewable && from != graph.tensors.end() &&
          to != graph.tensors.end()) {
        if (const auto known = viewable(from->second, to->second.type.shape))
          sharing = *known ? aten::Sharing::certain : aten::Sharing::none;
      }
    }
    if (sharing == aten::Sharing::none) {
      scope.define(names[i], cells_.add(results[i], names[i]));
      continue;
    }
    const auto show = [&] { return shown_by(node, graph, scope, *base, i); };
    scope.define(names[i], cells_.add_view(results[i], names[i], scope.at(*base),
                                           sharing == aten::Sharing::certain, show));
  }
}

/// The node again, for another value of `base`.
Cells::Show NodeReader::shown_by(const ExportNode& node, const ExportGraph& graph,
                                 const Scope& scope, const std::string& base, std::size_t output) {
  const auto self = std::ranges::find_if(node.inputs, [&](const ExportNode::Input& input) {
    const auto* value = input.argument.as<Argument::Value>();
    return value != nullptr && value->name == base;
  });
  const std::string target = node.target.substr(aten_prefix.size());
  return [this, target = aten::functional(target), name = self->name, output,
          arguments = arguments_of(node, graph, scope),
          complex = complex_arguments(node, graph)](ValueId value) {
    aten::Call call{target, arguments, complex};
    std::ranges::find(call.arguments, name, &aten::NamedArgument::name)->value = value;
    return aten::emit(builder_, call)[output];
  };
}

/// The type in which a float of Python meets the tensors of a node: that of the first floating one,
/// and where there is none, of the result.
DType NodeReader::dtype_beside(const ExportNode& node, const ExportGraph& graph) const {
  std::vector<std::string> names;
  for (const auto& input : node.inputs) {
    if (const std::string* name = value_name(node, input.name)) names.push_back(*name);
  }
  for (const std::string& name : output_names(node)) names.push_back(name);
  for (const std::string& name : names) {
    const auto tensor = graph.tensors.find(name);
    if (tensor != graph.tensors.end() && is_floating(tensor->second.type.dtype))
      return tensor->second.type.dtype;
  }
  return DType::f32;
}

std::vector<aten::NamedArgument> NodeReader::arguments_of(const ExportNode& node,
                                                          const ExportGraph& graph,
                                                          const Scope& scope) {
  ArgumentReader reader(cells_, scope, graph, *this, dtype_beside(node, graph));
  std::vector<aten::NamedArgument> arguments;
  for (const auto& input : node.inputs) {
    if (input.argument.as<Argument::Ignored>() != nullptr) continue;
    arguments.push_back({input.name, std::visit(reader, input.argument.value)});
  }
  return arguments;
}

/// An operator that changes nothing gives a value that has a name already.
void NodeReader::name_new(ValueId value, const std::string& name) {
  if (static_cast<std::size_t>(value) >= first_new_) builder_.name(value, name);
}

/// What we infer must be what PyTorch saw.
void NodeReader::check_type(const ExportGraph& graph, const std::string& name,
                            ValueId value) const {
  const auto found = graph.tensors.find(name);
  if (found == graph.tensors.end() || fits(builder_.type(value), found->second.type)) return;
  throw Error(Fault::model, "",
              fmt::format("gives {}; the export says {}", to_text(builder_.type(value)),
                          to_text(found->second.type)));
}

}  // namespace isomer::pt2

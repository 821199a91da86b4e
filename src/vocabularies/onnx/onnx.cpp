#include "vocabularies/onnx/onnx.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/text.h"

namespace isomer::onnx {
namespace {

// "dim=axis alpha": a name alone is the same on both sides.
std::vector<Operator::Rename> parse_renames(std::string_view text) {
  std::vector<Operator::Rename> result;
  if (text.empty()) return result;
  for (const std::string_view pair : split_text(text, ' ')) {
    const std::size_t equals = pair.find('=');
    const bool same = equals == std::string_view::npos;
    result.push_back({pair.substr(0, equals), same ? pair : pair.substr(equals + 1)});
  }
  return result;
}

const std::vector<Operator>& table() {
  static const auto operators = [] {
    std::vector<Operator> result;
    for (const auto family : {elementwise_rows(), shape_rows(), layer_rows(), window_rows(),
                              index_rows(), recurrent_rows(), quantized_rows(), region_rows()}) {
      for (const OperatorRow& row : family)
        result.push_back({&row, parse_signature(row.signature), parse_renames(row.renames)});
    }
    return result;
  }();
  return operators;
}

/// What an opset has, by ONNX's names and by ours.
struct Opset {
  std::map<std::string_view, const Operator*> names;
  std::map<std::string_view, std::vector<const Operator*>> writers;
};

Opset make_opset(int opset) {
  Opset result;
  for (const Operator& op : table()) {
    if (op.row->since > opset) continue;
    const Operator*& known = result.names[op.name()];
    if (known == nullptr || known->row->since < op.row->since) known = &op;
  }
  for (const Operator& op : table()) {
    const OperatorRow& row = *op.row;
    if (row.since > opset || result.names[op.name()] != &op) continue;
    if (row.ours.empty() || (row.read != nullptr && row.write == nullptr)) continue;
    for (const std::string_view ours : split_text(row.ours, ' '))
      result.writers[ours].push_back(&op);
  }
  return result;
}

const Opset& opset_of(int opset) {
  static const auto all = [] {
    std::vector<Opset> result;
    for (int i = oldest; i <= newest; ++i) result.push_back(make_opset(i));
    return result;
  }();
  static const Opset none;
  return opset < oldest || opset > newest ? none : all[static_cast<std::size_t>(opset - oldest)];
}

void check_inputs(const Operator& op, const Values& inputs) {
  const auto& formals = op.prototype.inputs;
  std::size_t least = 0;
  std::string names;
  for (const auto& formal : formals) {
    names += fmt::format("{}{}{}", names.empty() ? "" : ", ", formal.name,
                         formal.optional   ? "?"
                         : formal.variadic ? "..."
                                           : "");
    if (!formal.optional) ++least;
  }
  bool missing = inputs.size() < least || (!op.variadic() && inputs.size() > formals.size());
  for (std::size_t i = 0; !missing && i < inputs.size(); ++i)
    missing = inputs[i] == ValueId::none && !formals[std::min(i, formals.size() - 1)].optional;
  if (!missing) return;
  throw Error(
      Fault::model, "",
      fmt::format("it takes the inputs {} and is given {}; arguments of other names do not count",
                  names, counted(inputs.size(), "input")));
}

std::vector<NamedArgument> arguments_of(const Operator& op, const Values& inputs,
                                        const Attributes& attributes) {
  check_inputs(op, inputs);
  std::vector<NamedArgument> arguments;
  const auto& formals = op.prototype.inputs;
  if (op.variadic()) {
    arguments.push_back({std::string(formals[0].name), inputs});
  } else {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] != ValueId::none)
        arguments.push_back({std::string(formals[i].name), inputs[i]});
    }
  }
  for (NamedAttribute& attribute : complete(op.name(), op.prototype, attributes)) {
    std::visit(
        [&](auto& value) {
          arguments.push_back({attribute.name, std::move(value)});
        },
        attribute.value);
  }
  return arguments;
}

Attribute asked(Call& call, Kind kind, std::string_view name) {
  switch (kind) {
    case Kind::boolean: return call.flag(name);
    case Kind::integer: return call.integer(name);
    case Kind::real: return call.real(name);
    case Kind::text: return call.text(name);
    case Kind::dim: return call.dim(name);
    case Kind::integers: return call.integers(name);
    case Kind::dims: return call.dims(name);
    case Kind::dtype: break;
  }
  throw Error(Fault::bug, "", fmt::format("'{}' cannot be renamed", name));
}

Values read_renamed(Call& call, const Operator& op) {
  const Prototype& wanted = prototype(op_named(op.row->ours));
  Attributes attributes;
  for (const auto& [ours, theirs] : op.renames) {
    if (!call.given(theirs)) continue;
    const auto setting = std::ranges::find(wanted.settings, ours, &Prototype::Setting::name);
    expect(setting != wanted.settings.end(), "a row names attributes of its operator");
    attributes.push_back({std::string(ours), asked(call, setting->kind, theirs)});
  }
  return call.e.emit_all(op.row->ours, call.inputs(), std::move(attributes));
}

bool is_default(const Prototype::Setting& setting, const Subject& subject) {
  const Attribute* value = isomer::find(subject.call.attributes, setting.name);
  return setting.default_value ? *value == *setting.default_value : value == nullptr;
}

/// What ONNX demands is there: ours may do without a weight.
bool is_whole(const Operator& op, const Node& node) {
  const auto& formals = op.prototype.inputs;
  for (std::size_t i = 0; i < formals.size(); ++i) {
    if (formals[i].optional) continue;
    const bool absent = i >= node.inputs.size() ||
                        (node.inputs[i].value == ValueId::none && !node.inputs[i].constant);
    if (absent) return false;
  }
  return true;
}

}  // namespace

std::string_view Operator::name() const { return row->name(); }

Call::Call(Emitter& emitter, const Operator& op, std::span<const NamedArgument> arguments)
    : Arguments(emitter, "", arguments, &op.prototype), e(emitter), ours(op.row->ours), op_(op) {}

Values Call::inputs() {
  Values result;
  for (const auto& formal : op_.prototype.inputs) {
    if (formal.variadic) return tensors(formal.name);
    if (std::ranges::find(op_.renames, formal.name, &Operator::Rename::theirs) != op_.renames.end())
      continue;
    result.push_back(optional_tensor(formal.name));
  }
  while (!result.empty() && result.back() == ValueId::none) result.pop_back();
  return result;
}

std::int64_t Call::axis(std::string_view name, std::int64_t rank) {
  return axis_from_front(integer(name), rank);
}

const Operator* find(std::string_view name, int opset) {
  const auto& names = opset_of(opset).names;
  const auto found = names.find(name);
  return found == names.end() ? nullptr : found->second;
}

std::vector<const Operator*> operators(int opset) {
  std::vector<const Operator*> result;
  for (const auto& [name, op] : opset_of(opset).names) result.push_back(op);
  return result;
}

Values read(Emitter& emitter, const Operator& op, const Values& inputs,
            const Attributes& attributes) {
  return with_place(
      [&] { return fmt::format("onnx::{}", op.name()); },
      [&] {
        const std::vector<NamedArgument> arguments = arguments_of(op, inputs, attributes);
        Call call(emitter, op, arguments);
        Values results = op.row->read != nullptr ? op.row->read(call) : read_renamed(call, op);
        call.finish();
        return results;
      });
}

std::vector<Node::Input> operands(const Subject& subject) {
  std::vector<Node::Input> inputs;
  for (const ValueId id : subject.call.inputs) inputs.push_back({id});
  return inputs;
}

std::optional<Node> write_renamed(const Operator& op, const Subject& subject) {
  const Prototype& known = prototype(op_named(subject.op));
  Node node{op.name(), operands(subject), {}};
  for (const auto& setting : known.settings) {
    const auto rename = std::ranges::find(op.renames, setting.name, &Operator::Rename::ours);
    if (rename == op.renames.end() && !is_default(setting, subject)) return std::nullopt;
  }
  for (const auto& [ours, theirs] : op.renames) {
    const auto setting = std::ranges::find(known.settings, ours, &Prototype::Setting::name);
    const auto input = std::ranges::find(op.prototype.inputs, theirs, &Prototype::Input::name);
    const auto attribute =
        std::ranges::find(op.prototype.settings, theirs, &Prototype::Setting::name);
    const bool is_input = input != op.prototype.inputs.end();
    if (is_default(*setting, subject) && (is_input ? input->optional : attribute->optional))
      continue;
    const Attribute* value = isomer::find(subject.call.attributes, ours);
    if (value == nullptr) return std::nullopt;
    if (is_input) {
      node.inputs.resize(static_cast<std::size_t>(input - op.prototype.inputs.begin()) + 1);
      node.inputs.back().constant = *value;
    } else {
      const bool* flag = std::get_if<bool>(value);
      node.attributes.push_back({std::string(theirs), *value});
      if (flag != nullptr) node.attributes.back().value = std::int64_t{*flag};
    }
  }
  return node;
}

std::optional<Node> write(const Subject& subject, int opset) {
  const auto& writers = opset_of(opset).writers;
  const auto found = writers.find(subject.op);
  if (found == writers.end()) return std::nullopt;
  for (const Operator* op : found->second) {
    const auto write = op->row->write != nullptr ? op->row->write : write_renamed;
    auto node = write(*op, subject);
    if (node && is_whole(*op, *node)) return node;
  }
  return std::nullopt;
}

bool writes(std::string_view op, int opset) { return opset_of(opset).writers.contains(op); }

}  // namespace isomer::onnx

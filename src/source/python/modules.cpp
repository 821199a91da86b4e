#include "source/python/modules.h"

#include <algorithm>

#include "base/names.h"
#include "base/text.h"
#include "graph/text.h"
#include "source/python/dialect.h"
#include "source/python/python_text.h"

namespace isomer::python {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 10 &&
         text.find_first_not_of("0123456789") == std::string_view::npos &&
         (text == "0" || text[0] != '0');
}

// Numbers are written without the bits that a NaN may have.
bool has_plain_nans(const Tensor& data) {
  const std::string text = elements_text(data);
  return text.find("nan(") == std::string::npos && text.find("-nan") == std::string::npos;
}

// Widening the decimals of a constant to double must give its own value.
bool is_round(const Tensor& data) {
  if (!is_floating(data.dtype())) return !is_complex(data.dtype());
  if (data.dtype() == DType::f64) return true;
  return std::ranges::all_of(data.doubles(), [](double value) {
    return real_text(value) == real_text(static_cast<float>(value));
  });
}

}  // namespace

std::optional<LengthSource> length_source(const Graph& graph, const std::vector<ValueId>& values,
                                          const std::string& length) {
  std::optional<LengthSource> best;
  for (const ValueId value : values) {
    const Shape& shape = graph[value].type.shape;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      std::set<std::string> symbols;
      shape[axis].collect_symbols(symbols);
      if (symbols != std::set<std::string>{length}) continue;
      if (shape[axis].lone_symbol()) return LengthSource{value, axis, 1, 0};
      const std::int64_t offset = shape[axis].evaluate({{length, 0}});
      const std::int64_t factor = shape[axis].evaluate({{length, 1}}) - offset;
      const bool linear =
          factor != 0 && shape[axis] == Dim(factor) * Dim::symbol(length) + Dim(offset);
      if (linear && !best) best = LengthSource{value, axis, factor, offset};
    }
  }
  return best;
}

std::set<std::string> lengths_in(const Node& node) {
  std::set<std::string> names;
  for (const NamedAttribute& attribute : node.attributes) {
    if (const auto* dim = std::get_if<Dim>(&attribute.value)) dim->collect_symbols(names);
    if (const auto* dims = std::get_if<std::vector<Dim>>(&attribute.value)) {
      for (const Dim& dim : *dims) dim.collect_symbols(names);
    }
  }
  return names;
}

Modules::Modules(const Dialect& in, const Graph& of, const Layered& layered,
                 const Bodies& functions)
    : dialect(in),
      graph(of),
      bodies(functions),
      operations(layered.operations),
      uses_(of, layered.operations),
      outputs_(of.outputs.begin(), of.outputs.end()) {
  for (const Constant& constant : graph.constants) names_[constant.value] = constant.names;
  for (const State& state : graph.states) names_[state.now] = state.names;
  add_modules(layered);
  own_tensors();
  count_operations();
  own_hidden_constants();
  // Whether children form a chain depends on what each of them takes and gives.
  for (Module& module : all) {
    if (module.is_whole()) find_ports_of(module);
  }
  choose_kinds(0);
  all[0].called = true;
  prune(0);
  place_updates(layered.kept);
  find_ports();
}

// -- the tree ------------------------------------------------------------------------------------

void Modules::add_modules(const Layered& layered) {
  all.emplace_back();
  by_path_[""] = 0;
  for (const Constant& constant : graph.constants) {
    for (const std::string& name : constant.names) add(parent_path(name), std::nullopt);
  }
  for (const State& state : graph.states) {
    for (const std::string& name : state.names) add(parent_path(name), std::nullopt);
  }
  // A module without tensors is made after the one that is called before it.
  std::optional<std::size_t> before;
  for (const Operation& operation : operations) {
    const std::size_t caller = add(operation.scope, before);
    caller_.push_back(caller);
    before = operation.layer != nullptr ? add(operation.layer->path, before) : caller;
  }
  for (const auto& [path, layer] : layered.layers) all[at(path)].layer = &layer;
  for (Module& module : all) {
    if (!is_numbered(module)) continue;
    std::ranges::sort(module.children, {},
                      [&](std::size_t child) { return std::stoll(all[child].name); });
  }
}

std::size_t Modules::add(const std::string& path, std::optional<std::size_t> after) {
  if (const auto known = by_path_.find(path); known != by_path_.end()) return known->second;
  const std::size_t parent = add(parent_path(path), after);
  const std::size_t module = all.size();
  Module& fresh = all.emplace_back();
  fresh.path = path;
  fresh.name = last_part(path);
  fresh.parent = parent;
  by_path_[path] = module;
  std::vector<std::size_t>& siblings = all[parent].children;
  auto position = siblings.end();
  for (std::optional<std::size_t> at = after; at && *at != 0; at = all[*at].parent) {
    const auto found = std::ranges::find(siblings, *at);
    if (found != siblings.end()) position = found + 1;
  }
  siblings.insert(position, module);
  return module;
}

std::size_t Modules::at(const std::string& path) const {
  for (std::string above = path;; above = parent_path(above)) {
    if (above.empty()) return 0;
    if (const auto found = by_path_.find(above); found != by_path_.end()) return found->second;
  }
}

void Modules::own_tensors() {
  const auto own = [&](ValueId id, const std::vector<std::string>& names, bool trainable) {
    if (names.empty()) return;
    all[at(parent_path(names[0]))].tensors.push_back({last_part(names[0]), id, trainable});
    for (std::size_t i = 1; i < names.size(); ++i) {
      ties.push_back({names[0], names[i], trainable});
      all[at(parent_path(names[i]))].tied = true;
    }
  };
  for (const Constant& constant : graph.constants)
    own(constant.value, constant.names, constant.trainable);
  for (const State& state : graph.states) own(state.now, state.names, false);
}

void Modules::count_operations() {
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Operation& operation = operations[i];
    const bool child =
        operation.layer != nullptr && parent_path(operation.layer->path) == operation.scope;
    if (!child) all[caller_[i]].has_own_operations = true;
    for (std::size_t at = caller_[i];; at = all[at].parent) {
      if (all[at].count++ == 0) all[at].begin = i;
      all[at].end = i + 1;
      if (at == 0) break;
    }
  }
}

// -- kinds ---------------------------------------------------------------------------------------

bool Modules::is_numbered(const Module& module) const {
  return !module.children.empty() && std::ranges::all_of(module.children, [&](std::size_t child) {
    return is_number(all[child].name);
  });
}

void Modules::choose_kinds(std::size_t index) {
  for (const std::size_t child : std::vector(all[index].children)) choose_kinds(child);
  Module& module = all[index];
  module.kind = kind_of(index);
  module.called = module.is_whole() &&
                  (module.kind == ModuleKind::own || module.kind == ModuleKind::sequential);
}

ModuleKind Modules::kind_of(std::size_t index) const {
  const Module& module = all[index];
  if (module.layer != nullptr) return ModuleKind::layer;
  const auto numbered_tensor = [](const OwnTensor& tensor) {
    return tensor.trainable && is_number(tensor.name);
  };
  if (module.children.empty() && !module.tensors.empty() &&
      std::ranges::all_of(module.tensors, numbered_tensor))
    return ModuleKind::parameters;
  if (!module.tensors.empty() || module.has_own_operations) return ModuleKind::own;
  if (is_numbered(module) && std::stoll(all[module.children.back()].name) < 10'000) {
    if (module.is_whole() && is_sequence(index)) return ModuleKind::sequential;
    return index == 0 ? ModuleKind::own : ModuleKind::list;
  }
  const auto strange = [&](std::size_t child) { return !is_python_name(all[child].name); };
  const auto is_method = [&](std::size_t child) {
    return is_listed(all[child].name, dialect.dict_attributes);
  };
  const bool entries = std::ranges::any_of(module.children, strange) &&
                       std::ranges::none_of(module.children, is_method);
  return index != 0 && entries ? ModuleKind::dict : ModuleKind::own;
}

// Drops modules that nobody calls and that own nothing: they were only places in the author's
// program. Gives whether the module is of use.
bool Modules::prune(std::size_t index) {
  std::erase_if(all[index].children, [&](std::size_t child) { return !prune(child); });
  const Module& module = all[index];
  return module.called || module.layer != nullptr || !module.tensors.empty() || module.tied ||
         !module.children.empty();
}

bool Modules::is_sequence(std::size_t index) const {
  const Module& module = all[index];
  if (module.arguments.size() != 1 || module.results.size() != 1) return false;
  ValueId current = module.arguments[0];
  std::size_t position = 0;
  for (const Item& item : items(index)) {
    if (!item.callee || item.inputs != std::vector{current} || item.outputs.size() != 1 ||
        !item.lengths.empty())
      return false;
    // What stands between the children would be lost.
    if (all[*item.callee].parent != index) return false;
    if (position >= module.children.size() || module.children[position++] != *item.callee)
      return false;
    current = item.outputs[0];
  }
  // A model's own signature may nest.
  const Signature& signature = graph.signature;
  const bool plain = graph.inputs.size() == 1 && graph.outputs.size() == 1 &&
                     graph.states.empty() && signature.results.kind == Structure::Kind::leaf &&
                     signature.arguments.children.size() == 1 &&
                     signature.arguments.children[0].kind == Structure::Kind::leaf;
  return (index != 0 || plain) && position == module.children.size() &&
         current == module.results[0];
}

std::vector<Item> Modules::items(std::size_t index) const {
  static const std::vector<std::string> no_lengths;
  const Module& module = all[index];
  std::vector<Item> found;
  for (std::size_t i = module.begin; i < module.end;) {
    std::optional<std::size_t> called;
    for (std::size_t inner = caller_[i]; inner != index; inner = all[inner].parent) {
      if (all[inner].called) called = inner;
    }
    if (called) {
      const Module& callee = all[*called];
      found.push_back({i, called, callee.arguments, callee.results, callee.lengths});
      i = callee.end;
      continue;
    }
    const Operation& operation = operations[i];
    if (operation.layer != nullptr) called = at(operation.layer->path);
    found.push_back({i++, called, operation.inputs, operation.outputs, no_lengths});
  }
  return found;
}

std::size_t Modules::class_around(const std::string& path) const {
  std::size_t module = at(path);
  while (module != 0 && (all[module].kind != ModuleKind::own || !all[module].called))
    module = all[module].parent;
  return module;
}

// -- constants and states ------------------------------------------------------------------------

std::optional<std::string> Modules::name_within(ValueId id, const std::string& path) const {
  const auto names = names_.find(id);
  if (names == names_.end()) return std::nullopt;
  for (const std::string& name : names->second) {
    if (is_within(parent_path(name), path)) return name;
  }
  return std::nullopt;
}

bool Modules::is_made(ValueId id) const { return uses_.maker(id) != Uses::nobody; }

bool Modules::is_borrowed(ValueId id) const {
  while (is_made(id)) {
    const Operation& operation = operations[uses_.maker(id)];
    if (operation.node == nullptr || !traits_of(*operation.node).views) return false;
    id = operation.inputs[0];
  }
  return true;
}

const Constant* Modules::constant(ValueId id) const { return uses_.constant(graph, id); }

const Constant* Modules::inlined(ValueId id) const {
  constexpr std::int64_t few = 8;
  const Constant* found = constant(id);
  if (found == nullptr || !found->names.empty()) return nullptr;
  const Tensor& data = found->data;
  const bool is_short = data.shape().empty() || (data.count() > 0 && data.count() <= few);
  const bool comes_back = has_plain_nans(data) && (data.shape().empty() || is_round(data));
  return is_short && comes_back ? found : nullptr;
}

std::string Modules::common_path(ValueId id) const {
  const std::span<const std::size_t> users = uses_.users(id);
  if (users.empty() || outputs_.contains(id)) return "";
  std::string path = operations[users[0]].scope;
  for (const std::size_t user : users) path = common_part(path, operations[user].scope);
  return path;
}

// Constants without a name become buffers of the module that uses them. Kinds are not known yet: a
// module whose operations stand together may get a class.
void Modules::own_hidden_constants() {
  std::map<std::size_t, Names> taken;
  const auto own = [&](ValueId id) {
    hidden = true;
    std::size_t owner = at(common_path(id));
    const auto may_own = [&](const Module& module) {
      return module.is_whole() && !is_numbered(module);
    };
    while (owner != 0 && !may_own(all[owner])) owner = all[owner].parent;
    Module& module = all[owner];
    const auto [known, fresh] = taken.try_emplace(owner);
    Names& names = known->second;
    if (fresh) {
      for (const OwnTensor& tensor : module.tensors) names.take(tensor.name);
      for (const std::size_t child : module.children) names.take(all[child].name);
    }
    std::string hint = identifier(last_part(graph[id].name));
    // Exporters put the module's path in front of the name.
    const std::string prefix = identifier(module.path) + "_";
    if (hint.size() > prefix.size() && hint.starts_with(prefix)) hint.erase(0, prefix.size());
    const std::string name =
        names.take(hint.empty() || is_python_keyword(hint) ? "constant" : hint);
    module.tensors.push_back({name, id, false, false});
    names_[id] = {module.path.empty() ? name : module.path + "." + name};
  };
  for (const Constant& constant : graph.constants) {
    const bool needed = !uses_.users(constant.value).empty() || outputs_.contains(constant.value);
    if (constant.names.empty() && inlined(constant.value) == nullptr && needed) own(constant.value);
  }
  for (const State& state : graph.states) {
    if (state.names.empty()) own(state.now);
  }
}

// The whole of a state's life, from its owner to the value that it becomes, is in one module's
// forward.
void Modules::place_updates(const std::set<ValueId>& kept) {
  for (const State& state : graph.states) {
    if (kept.contains(state.now) || state.next == state.now) continue;
    const std::size_t maker = uses_.maker(state.next);
    std::string path = maker == Uses::nobody ? "" : operations[maker].scope;
    for (const std::string& name : names_.at(state.now))
      path = common_part(path, parent_path(name));
    if (!uses_.users(state.now).empty() || outputs_.contains(state.now)) {
      path = common_part(path, common_path(state.now));
    }
    const std::size_t owner = class_around(path);
    all[owner].updates.push_back(&state);
    updated_in_.emplace(state.next, owner);
  }
}

// -- what goes in and out ------------------------------------------------------------------------

void Modules::find_ports() {
  for (Module& module : all) {
    if (module.called || module.kind == ModuleKind::layer) find_ports_of(module);
  }
  all[0].arguments = graph.inputs;
  all[0].results = graph.outputs;
  all[0].lengths.clear();
}

void Modules::find_ports_of(Module& module) {
  module.arguments.clear();
  module.results.clear();
  module.lengths.clear();
  const auto inside = [&](std::size_t operation) {
    return operation >= module.begin && operation < module.end;
  };
  const auto take = [&](ValueId id) {
    const bool known = id == ValueId::none || inside(uses_.maker(id)) || inlined(id) != nullptr ||
                       name_within(id, module.path) ||
                       std::ranges::find(module.arguments, id) != module.arguments.end();
    if (!known) module.arguments.push_back(id);
  };
  std::set<std::string> lengths;
  for (std::size_t i = module.begin; i < module.end; ++i) {
    std::ranges::for_each(operations[i].inputs, take);
    if (operations[i].layer == nullptr) lengths.merge(lengths_in(*operations[i].node));
    for (const ValueId id : operations[i].outputs) {
      const auto [first, last] = updated_in_.equal_range(id);
      const bool updates_outside = std::any_of(first, last, [&](const auto& update) {
        return !is_within(all[update.second].path, module.path);
      });
      const bool wanted =
          outputs_.contains(id) || updates_outside ||
          std::ranges::any_of(uses_.users(id), [&](std::size_t user) { return !inside(user); });
      if (wanted) module.results.push_back(id);
    }
  }
  for (const State* state : module.updates) take(state->next);
  for (const std::string& length : lengths) {
    const auto is_given = [&](const LengthRange& range) {
      return range.name == length && range.input.has_value();
    };
    const bool given =
        module.path.empty() && std::ranges::any_of(graph.signature.lengths, is_given);
    if (!given && !length_source(graph, module.arguments, length)) module.lengths.push_back(length);
  }
}

}  // namespace isomer::python

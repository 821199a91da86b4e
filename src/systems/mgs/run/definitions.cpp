// Types, grids and what stands in them.

#include <algorithm>

#include "base/text.h"
#include "systems/mgs/run/interpreter.h"
#include "systems/mgs/run/parameters.h"

namespace isomer::mgs {
namespace {

constexpr std::int64_t most_nodes = 50'000'000;

gsl::PhaseListKind kind_in_script(mdl::PhaseKind kind) {
  switch (kind) {
    case mdl::PhaseKind::initial: return gsl::PhaseListKind::initial;
    case mdl::PhaseKind::runtime: return gsl::PhaseListKind::runtime;
    case mdl::PhaseKind::final: return gsl::PhaseListKind::final;
    case mdl::PhaseKind::load: return gsl::PhaseListKind::load;
  }
  return gsl::PhaseListKind::runtime;
}

std::string_view name_of_kind(gsl::PhaseListKind kind) {
  constexpr std::string_view names[] = {"an initial", "a runtime", "a load", "a final"};
  switch (kind) {
    case gsl::PhaseListKind::initial: return names[0];
    case gsl::PhaseListKind::runtime: return names[1];
    case gsl::PhaseListKind::load: return names[2];
    case gsl::PhaseListKind::final: return names[3];
  }
  return names[1];
}

const Method* method_named(const TypeInUse& type, std::string_view name) {
  const auto found = std::ranges::find(type.native->methods, name, &Method::name);
  return found == type.native->methods.end() ? nullptr : &*found;
}

std::string declared_in_mdl(const mdl::Model& model) {
  std::vector<std::string> phases;
  for (const mdl::Phase& phase : model.phases) phases.push_back(phase.name.text);
  std::vector<std::string> interfaces;
  for (const Name& name : model.implements) interfaces.push_back(name.text);
  return fmt::format("MDL declares it with {}, {} and the phases {}; it implements {}",
                     counted(model.members.size(), "member"),
                     counted(model.connections.size(), "clause"),
                     phases.empty() ? "none" : listed(phases),
                     interfaces.empty() ? "nothing" : listed(interfaces));
}

}  // namespace

std::string Interpreter::phase_for(const mdl::Phase& phase, const gsl::ModelType& statement) {
  const auto known = [&](std::string_view name) {
    return std::ranges::find(phases_, name, &PhaseOfRun::name);
  };
  for (const gsl::PhaseMap& map : statement.phases) {
    if (map.model.text != phase.name.text) continue;
    const auto found = known(map.simulation.text);
    if (found == phases_.end()) {
      fail(Mistake::phase, map.simulation.place,
           fmt::format("the simulation has no phase {}", quoted(map.simulation.text)));
    }
    if (found->kind != kind_in_script(phase.kind)) {
      fail(Mistake::phase, map.model.place,
           fmt::format("{} is {} phase and {} {} one", quoted(phase.name.text),
                       name_of_kind(kind_in_script(phase.kind)), quoted(map.simulation.text),
                       name_of_kind(found->kind)));
    }
    return map.simulation.text;
  }
  if (phase.kind == mdl::PhaseKind::load) return {};
  const auto found = known(phase.name.text);
  if (found == phases_.end()) {
    fail(Mistake::phase, statement.name.place,
         fmt::format("phase {} of {} is not mapped, and the simulation has none of that name",
                     quoted(phase.name.text), statement.name.text),
         fmt::format("map it, as in '{{{}->phase}}'", phase.name.text));
  }
  if (found->kind != kind_in_script(phase.kind)) {
    fail(Mistake::phase, statement.name.place,
         fmt::format("{} is {} phase of the type and {} one of the simulation",
                     quoted(phase.name.text), name_of_kind(kind_in_script(phase.kind)),
                     name_of_kind(found->kind)));
  }
  return phase.name.text;
}

void Interpreter::map_phases(TypeInUse& type, const gsl::ModelType& statement) {
  const auto add = [&](const std::vector<mdl::Phase>& phases, bool shared) {
    for (const mdl::Phase& phase : phases) {
      const std::string name = phase_for(phase, statement);
      const auto known = std::ranges::find(phases_, name, &PhaseOfRun::name);
      const Method* method = method_named(type, phase.name.text);
      if (known != phases_.end() && method != nullptr)
        type.methods.push_back({phase.name.text, name, method, shared});
    }
  };
  for (const gsl::PhaseMap& map : statement.phases) {
    const auto named = [&](const mdl::Phase& phase) { return phase.name.text == map.model.text; };
    if (std::ranges::any_of(type.model->phases, named)) continue;
    if (std::ranges::any_of(type.model->shared.phases, named)) continue;
    fail(Mistake::phase, map.model.place,
         fmt::format("{} has no phase {}", statement.name.text, quoted(map.model.text)));
  }
  add(type.model->phases, false);
  add(type.model->shared.phases, true);
}

void Interpreter::run(const gsl::ModelType& statement) {
  using gsl::ModelTypeKind;
  if (statement.kind == ModelTypeKind::structure)
    return declare(statement.name, {Accepted{"Struct"}});
  const mdl::Model* model = mdl::find_model(types_, statement.name.text);
  constexpr mdl::ModelKind kinds[] = {mdl::ModelKind::node, mdl::ModelKind::edge,
                                      mdl::ModelKind::variable, mdl::ModelKind::constant};
  if (model == nullptr || model->kind != kinds[static_cast<std::size_t>(statement.kind)]) {
    fail(Mistake::unknown_name, statement.name.place,
         fmt::format("there is no such type {}", quoted(statement.name.text)),
         "its MDL file lies beside the script, or it is built in");
  }
  const NativeType* native = find_native(statement.name.text);
  if (native == nullptr) {
    throw Error(
        Fault::unsupported, to_text(statement.name.place, script_.files),
        fmt::format("node type {} cannot be run: its C++ is not known here; {}; there are: "
                    "{}",
                    quoted(statement.name.text), declared_in_mdl(*model), listed(native_names())));
  }
  auto type = std::make_unique<TypeInUse>(TypeInUse{model, native});
  if (native->make_shared != nullptr) type->shared = native->make_shared(1);
  map_phases(*type, statement);
  if (statement.shared) {
    const Value given = evaluate(*statement.shared);
    const auto* pairs = given.as_shared<PairList>();
    if (pairs == nullptr) {
      fail(Mistake::type, statement.shared->place,
           fmt::format("the shared part is {}, not a list of names with values", kind_of(given)));
    }
    for (const auto& [name, value] : *pairs) {
      assign(*type, true, type->shared ? type->shared->at(0) : nullptr, name, value, false,
             simulation_.mode == Mode::strict);
    }
  }
  declare(statement.name, {type.get()});
  network_.types.push_back(std::move(type));
}

Instance& Interpreter::begin_instance(const Name& name) {
  constexpr std::size_t deepest = 64;
  if (current_.size() > deepest)
    fail(Mistake::limit, name.place, fmt::format("composites nest more than {} deep", deepest));
  auto instance = std::make_unique<Instance>();
  instance->name = name.text;
  instance->parent = current_.back();
  Instance& made = *instance;
  network_.instances.push_back(std::move(instance));
  declare(name, {&made});
  current_.back()->members.emplace(name.text, &made);
  current_.push_back(&made);
  scopes_.emplace_back();
  return made;
}

void Interpreter::instantiate(const Name& name, const gsl::Grid& grid) {
  if (grid.body.empty()) {
    end(crashed, Mistake::crash, grid.name.place,
        fmt::format("the body of grid {} is empty, and MGS crashes", quoted(grid.name.text)));
  }
  std::int64_t points = 1;
  for (const std::int64_t length : grid.dimensions) {
    if (length < 1) {
      fail(Mistake::range, grid.name.place,
           fmt::format("grid {} has a dimension of {}", quoted(grid.name.text), length));
    }
    if (length > most_nodes || points > most_nodes / length) {
      fail(Mistake::limit, grid.name.place,
           fmt::format("grid {} has more than {} points", quoted(grid.name.text), most_nodes));
    }
    points *= length;
  }
  Instance& made = begin_instance(name);
  made.is_grid = true;
  made.dimensions = grid.dimensions;
  run_all(grid.body);
  scopes_.pop_back();
  current_.pop_back();
}

void Interpreter::instantiate(const Name& name, const gsl::Composite& composite) {
  begin_instance(name);
  run_all(composite.body);
  scopes_.pop_back();
  current_.pop_back();
}

void Interpreter::make_layer(const std::string& name, TypeInUse& type, std::uint32_t density,
                             const PairList& tags) {
  Instance& grid = *current_.back();
  auto layer = std::make_unique<Layer>();
  layer->name = name;
  layer->type = &type;
  layer->grid = &grid;
  layer->density = density;
  const std::int64_t count = grid.points() * density;
  if (count > most_nodes)
    throw Mismatch{Mistake::limit, fmt::format("layer {} has {} nodes", quoted(name), count)};
  layer->count = static_cast<std::uint32_t>(count);
  layer->offset = type.count;
  for (const auto& [tag, value] : tags)
    layer->tags.emplace_back(tag,
                             value.as<std::string>() ? *value.as<std::string>() : printed(value));
  type.count += layer->count;
  if (building_) layer->nodes = type.native->make(layer->count);
  grid.layers.push_back(layer.get());
  type.layers.push_back(layer.get());
  network_.layers.push_back(std::move(layer));
}

void Interpreter::run(const gsl::Layer& statement) {
  const List arguments = evaluate(statement.arguments);
  const Place& place = statement.name.place;
  if (!current_.back()->is_grid) fail(Mistake::syntax, place, "a layer stands outside of a grid");
  if (arguments.size() < 2) {
    fail(Mistake::arity, place, "a layer has a type and a layout",
         "as in 'Layer(n, Type, UniformLayout(1), <kind=\"N\">);'");
  }
  TypeInUse* const* type = arguments[0].as<TypeInUse*>();
  if (type == nullptr) {
    fail(Mistake::type, place,
         fmt::format("the type of layer {} is {}", quoted(statement.name.text),
                     kind_of(arguments[0])));
  }
  const auto* layout = arguments[1].as_shared<FunctorValue>();
  if (layout == nullptr)
    fail(Mistake::type, place, fmt::format("a layout is expected, not {}", kind_of(arguments[1])));
  if (layout->type != "UniformLayout") {
    throw Error(Fault::unsupported, to_text(place, script_.files),
                fmt::format("layout {} is not run here; UniformLayout is", quoted(layout->type)));
  }
  const auto* density =
      layout->arguments.empty() ? nullptr : layout->arguments[0].as<std::int32_t>();
  if (density == nullptr || *density < 1)
    fail(Mistake::value, place, "UniformLayout takes a number of nodes, at least 1");
  for (const Layer* other : current_.back()->layers)
    if (other->name == statement.name.text)
      strictly(place, fmt::format("the grid has two layers {}", quoted(other->name)));
  PairList tags;
  for (std::size_t i = 2; i < arguments.size(); ++i)
    if (const auto* pairs = arguments[i].as_shared<PairList>()) tags = *pairs;
  make_layer(statement.name.text, **type, static_cast<std::uint32_t>(*density), tags);
}

Layer& Interpreter::make_single(TypeInUse& type, const gsl::Instance& statement) {
  auto layer = std::make_unique<Layer>();
  layer->name = statement.name.text;
  layer->type = &type;
  layer->count = 1;
  layer->nodes = type.native->make(1);
  for (const auto& [name, value] : evaluate(statement.pairs)) {
    assign(type, false, layer->nodes->at(0), name, value, false, simulation_.mode == Mode::strict);
  }
  type.layers.push_back(layer.get());
  network_.layers.push_back(std::move(layer));
  return *network_.layers.back();
}

void Interpreter::run(const gsl::Instance& statement) {
  const Value type = lookup(statement.type);
  const auto refuse_form = [&](std::string_view right) {
    fail(Mistake::type, statement.name.place,
         fmt::format("{} is {}", quoted(statement.type.text), kind_of(type)), std::string(right));
  };
  if (const auto* grid = type.as<const gsl::Grid*>()) return instantiate(statement.name, **grid);
  if (const auto* composite = type.as<const gsl::Composite*>())
    return instantiate(statement.name, **composite);
  if (TypeInUse* const* model = type.as<TypeInUse*>()) {
    const mdl::ModelKind kind = (*model)->model->kind;
    if (kind == mdl::ModelKind::node) refuse_form("nodes stand in layers of a grid");
    Layer& single = make_single(**model, statement);
    if (kind == mdl::ModelKind::variable) return declare(statement.name, {VariableRef{&single}});
    return declare(statement.name, {ConstantRef{&single}});
  }
  if (const auto* script = type.as<ScriptFunctor>())
    return declare(statement.name, {ScriptInstance{script->script}});
  const auto* functor = type.as<FunctorType>();
  if (functor == nullptr) refuse_form("it is no type of what is declared so");
  if (functor->category == "Trigger") return declare(statement.name, make_trigger(statement));
  if (functor->category == "GranuleMapper")
    return declare(statement.name, {Accepted{"GranuleMapper"}});
  declare(statement.name, call({statement.type, statement.arguments}, statement.type.place));
}

/// For strict mode: what a statement takes away.
void Interpreter::note_initialized(const NodeList& nodes, const Place& place) {
  if (simulation_.mode != Mode::strict || !building_) return;
  for (const Node& node : nodes.nodes) {
    const auto key = std::pair<const Layer*, std::uint32_t>(node.layer, node.index);
    if (connected_.contains(key))
      strictly(place, "InitNodes erases connections that were made before");
    if (!initialized_.insert(key).second)
      strictly(place, "a second InitNodes resets what the first one set");
  }
}

void Interpreter::initialize_alike(const NodeList& nodes, const FunctorValue& same,
                                   const Place& place) {
  const auto* set = same.arguments.empty() ? nullptr : same.arguments[0].as_shared<ParameterSet>();
  if (set == nullptr || set->prototype == nullptr)
    fail(Mistake::type, place, "Same takes a parameter set for nodes");
  for (const Node& node : nodes.nodes) {
    if (node.layer->type != set->type) {
      end(aborted, Mistake::crash, place,
          fmt::format("nodes of {} are given parameters of {}, and MGS ends the program",
                      node.layer->type->model->name.text, set->type->model->name.text));
    }
    if (building_) node.layer->nodes->assign(node.index, set->prototype->at(0));
  }
}

// One set for all nodes, to which arrays are appended again for each.
void Interpreter::initialize_from_pairs(const NodeList& nodes, const FunctorValue& initializer,
                                        const Place& place) {
  std::unique_ptr<Nodes> prototype;
  const TypeInUse* type = nullptr;
  for (const Node& node : nodes.nodes) {
    if (type != node.layer->type) prototype = (type = node.layer->type)->native->make(1);
    const auto* inner = initializer.arguments[0].as_shared<FunctorValue>();
    const Value pairs =
        inner == nullptr ? initializer.arguments[0] : execute_functor(*inner, {}, place);
    if (pairs.as_shared<PairList>() == nullptr)
      fail(Mistake::type, place, "NdplNodeInit takes names with values, as BindName gives");
    for (const auto& [name, value] : *pairs.as_shared<PairList>()) {
      const bool list = value.as_shared<std::vector<std::int32_t>>() ||
                        value.as_shared<std::vector<float>>() || value.as_shared<List>();
      if (list && nodes.nodes.size() > 1 && node == nodes.nodes[1])
        strictly(place, "NdplNodeInit appends its arrays again for each further node of the set");
      assign(*type, false, prototype->at(0), name, value, true, simulation_.mode == Mode::strict);
    }
    if (!building_) return;
    node.layer->nodes->assign(node.index, prototype->at(0));
  }
}

void Interpreter::initialize_nodes(const NodeList& nodes, const Value& initializer,
                                   const Place& place) {
  const auto* functor = initializer.as_shared<FunctorValue>();
  if (functor == nullptr) {
    fail(Mistake::type, place,
         fmt::format("an initializer of nodes is expected, not {}", kind_of(initializer)));
  }
  note_initialized(nodes, place);
  if (functor->type == "Same") return initialize_alike(nodes, *functor, place);
  if (functor->type == "NdplNodeInit" && !functor->arguments.empty())
    return initialize_from_pairs(nodes, *functor, place);
  if (functor->type != "NodeDefault") {
    throw Error(Fault::unsupported, to_text(place, script_.files),
                fmt::format("initializer {} is not run here", quoted(functor->type)));
  }
  if (!building_) return;
  for (const Node& node : nodes.nodes) {
    const auto fresh = node.layer->type->native->make(1);
    node.layer->nodes->assign(node.index, fresh->at(0));
  }
}

void Interpreter::run(const gsl::InitNodes& statement) {
  const Place place = statement.arguments.empty() ? Place{} : statement.arguments.front().place;
  const List arguments = evaluate(statement.arguments);
  if (!current_.back()->is_grid) fail(Mistake::syntax, place, "InitNodes stands outside of a grid");
  const auto* nodes = arguments.empty() ? nullptr : arguments[0].as_shared<NodeList>();
  if (nodes == nullptr || arguments.size() < 2)
    fail(Mistake::arity, place, "InitNodes takes a set of nodes and what initializes them");
  for (std::size_t i = 1; i < arguments.size(); ++i) initialize_nodes(*nodes, arguments[i], place);
}

}  // namespace isomer::mgs

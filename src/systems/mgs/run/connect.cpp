// Connections: pairs from a sampler, attributes, and the clauses of the destination's MDL.

#include <algorithm>

#include "base/text.h"
#include "systems/mgs/run/interpreter.h"
#include "systems/mgs/run/parameters.h"

namespace isomer::mgs {
namespace {

bool mentions(const mdl::Predicate& predicate, std::string_view attribute) {
  return std::ranges::any_of(predicate, [&](const mdl::PredicateTerm& term) {
    if (const auto* named = std::get_if<mdl::Attribute>(&term.value))
      return named->name.text == attribute;
    const auto* inner = std::get_if<mdl::Predicate>(&term.value);
    return inner != nullptr && mentions(*inner, attribute);
  });
}

bool implements_all(const mdl::Model& model, const std::vector<Name>& interfaces) {
  return std::ranges::all_of(interfaces, [&](const Name& wanted) {
    return std::ranges::find(model.implements, wanted) != model.implements.end();
  });
}

/// A value of a predicate: a truth, a number or a text.
using Term = std::variant<bool, double, std::string>;

bool truth(const Term& term) {
  if (const bool* given = std::get_if<bool>(&term)) return *given;
  const double* number = std::get_if<double>(&term);
  return number != nullptr && *number != 0;
}

Term compared(const Term& a, mdl::Comparison how, const Term& b) {
  using mdl::Comparison;
  if (how == Comparison::both) return truth(a) && truth(b);
  if (how == Comparison::either) return truth(a) || truth(b);
  const auto* left = std::get_if<std::string>(&a);
  const auto* right = std::get_if<std::string>(&b);
  const auto number = [](const Term& term) {
    const double* given = std::get_if<double>(&term);
    return given != nullptr ? *given : truth(term) ? 1.0 : 0.0;
  };
  const int order = left != nullptr && right != nullptr ? left->compare(*right)
                    : number(a) < number(b)             ? -1
                                                        : static_cast<int>(number(a) > number(b));
  switch (how) {
    case Comparison::equal: return order == 0;
    case Comparison::unequal: return order != 0;
    case Comparison::less: return order < 0;
    case Comparison::less_equal: return order <= 0;
    case Comparison::greater: return order > 0;
    default: return order >= 0;
  }
}

Term term_of(const Attributes::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  return static_cast<double>(std::get<std::int64_t>(value));
}

Term member_term(const Field* field, void* data) {
  if (field == nullptr) return 0.0;
  void* at = field->at(data);
  switch (field->kind) {
    case Kind::boolean: return *static_cast<bool*>(at);
    case Kind::integer: return static_cast<double>(*static_cast<int*>(at));
    case Kind::unsigned_integer: return static_cast<double>(*static_cast<unsigned*>(at));
    case Kind::real64: return *static_cast<double*>(at);
    case Kind::text: return *static_cast<std::string*>(at);
    default: return 0.0;
  }
}

/// "Interface.member" as the source's MDL exports it; null where it does not.
const mdl::Export* export_of(const mdl::Model& model, const mdl::Import& import) {
  for (const mdl::Export& one : model.exports)
    if (one.interface == *import.interface && one.member == import.member) return &one;
  return nullptr;
}

std::size_t attribute_index(const mdl::Model& model, std::string_view name) {
  const auto found = std::ranges::find_if(
      model.in_attributes, [&](const mdl::Member& member) { return member.name.text == name; });
  return static_cast<std::size_t>(found - model.in_attributes.begin());
}

double as_real(const Attributes::Value& value) {
  const auto* real = std::get_if<double>(&value);
  const auto* integer = std::get_if<std::int64_t>(&value);
  return real != nullptr ? *real : integer != nullptr ? static_cast<double>(*integer) : 0;
}

void set_attribute(const Field& field, void* at, const Attributes::Value& value) {
  switch (field.kind) {
    case Kind::boolean: *static_cast<bool*>(at) = as_real(value) != 0; break;
    case Kind::integer: *static_cast<int*>(at) = static_cast<int>(as_real(value)); break;
    case Kind::unsigned_integer:
      *static_cast<unsigned*>(at) =
          static_cast<unsigned>(static_cast<std::int64_t>(as_real(value)));
      break;
    case Kind::real64: *static_cast<double*>(at) = as_real(value); break;
    case Kind::text:
      if (const auto* text = std::get_if<std::string>(&value))
        *static_cast<std::string*>(at) = *text;
      break;
    case Kind::integers:
      static_cast<std::vector<int>*>(at)->push_back(static_cast<int>(as_real(value)));
      break;
    case Kind::unsigned_integers:
      static_cast<std::vector<unsigned>*>(at)->push_back(static_cast<unsigned>(as_real(value)));
      break;
    case Kind::reals: static_cast<Reals*>(at)->push_back(as_real(value)); break;
    default: break;
  }
}

bool is_set_functor(std::string_view type) {
  return type.ends_with("WeightModifier") || type.ends_with("DistanceModifier");
}

}  // namespace

/// How the attributes of a statement's connections are made.
struct Interpreter::Attributing {
  PairList pairs = {};
  const FunctorValue* names = nullptr;  // gives the pairs, for each connection where it draws
  bool varies = false;
  bool indexes = false;
  const FunctorValue* distance = nullptr;                        // sets weight and distance, too
  std::map<const Layer*, std::vector<std::uint32_t>> next = {};  // index, for each source
  const Layer* last = nullptr;
  std::vector<std::uint32_t>* last_next = nullptr;
  TypeInUse* type = nullptr;  // of which the attributes are
  Attributes attributes = {};
  std::int64_t* index = nullptr;
};

void Interpreter::add_pairs(Attributing& to, const FunctorValue& functor, const Place& place) {
  if (functor.type == "InAttrDefault" || functor.type == "OutAttrDefault") return;
  if (functor.arguments.empty()) {
    fail(Mistake::type, place,
         fmt::format("{} gives no attributes of connections", quoted(functor.type)));
  }
  const Value& inner = functor.arguments[0];
  if (functor.type == "NdplInAttrInit") {
    if (const auto* names = inner.as_shared<FunctorValue>()) {
      to.names = names;
      for (const Value& value : names->arguments)
        to.varies = to.varies || value.as_shared<FunctorValue>() != nullptr;
      const Value made = execute_functor(*names, {}, place);
      if (const auto* pairs = made.as_shared<PairList>()) to.pairs = *pairs;
      return;
    }
    if (const auto* pairs = inner.as_shared<PairList>()) to.pairs = *pairs;
    return;
  }
  if (functor.type == "SetSourceArrayIndexFunctor") {
    to.indexes = true;
  } else if (is_set_functor(functor.type)) {
    to.distance = &functor;
  } else {
    fail(Mistake::type, place,
         fmt::format("{} gives no attributes of connections", quoted(functor.type)));
  }
  if (const auto* names = inner.as_shared<FunctorValue>()) return add_pairs(to, *names, place);
  fail(Mistake::type, place,
       fmt::format("{} takes a functor that gives attributes, not {}", functor.type,
                   kind_of(inner)));
}

Interpreter::Attributing Interpreter::attributing(const Value& value, const Place& place) {
  Attributing made;
  const auto* functor = value.as_shared<FunctorValue>();
  if (functor == nullptr)
    fail(Mistake::type, place,
         fmt::format("attributes are given by a functor, not {}", kind_of(value)));
  add_pairs(made, *functor, place);
  return made;
}

const Attributes& Interpreter::attributes_for(Attributing& from, TypeInUse& type, Node source, Node,
                                              const Place& place) {
  if (from.type != &type || from.varies) {
    from.attributes = no_attributes(type);
    if (from.varies) {
      const Value made = execute_functor(*from.names, {}, place);
      if (const auto* pairs = made.as_shared<PairList>()) from.pairs = *pairs;
    }
    for (const auto& [name, value] : from.pairs) assign(from.attributes, name, value);
    if (from.distance != nullptr) {
      const bool weighs = from.distance->type.ends_with("WeightModifier");
      if (weighs) assign(from.attributes, "weight", {1.0F});
      assign(from.attributes, "distance", {0.0F});
      throw Error(
          Fault::unsupported, to_text(place, script_.files),
          fmt::format("attributes by distance, as of {}, are not run here", from.distance->type));
    }
    if (from.indexes) assign(from.attributes, "index", {std::int32_t{0}});
    const std::size_t at = attribute_index(*type.model, "index");
    from.index = from.indexes ? std::get_if<std::int64_t>(&from.attributes.values[at]) : nullptr;
    from.type = &type;
  }
  if (from.index != nullptr) {
    if (from.last != source.layer) {
      std::vector<std::uint32_t>& counts = from.next[source.layer];
      counts.resize(source.layer->count);
      from.last = source.layer;
      from.last_next = &counts;
    }
    *from.index = (*from.last_next)[source.index]++;
  }
  return from.attributes;
}

const Wiring* Interpreter::wiring_of(const mdl::Connection& clause, const TypeInUse& source,
                                     const TypeInUse& destination) {
  std::unique_ptr<Wiring>& kept = wirings_[{&clause, &source}];
  if (kept != nullptr) return kept.get();
  kept = std::make_unique<Wiring>();
  for (const mdl::ConnectionItem& item : clause.items) {
    Wiring::Step step;
    if (const auto* call = std::get_if<mdl::Call>(&item)) {
      for (const UserFunction& function : destination.native->functions)
        if (function.name == call->function.text) step.function = &function;
      if (step.function != nullptr) kept->steps.push_back(step);
      continue;
    }
    const auto& import = std::get<mdl::Import>(item);
    if (import.interface) {
      const mdl::Export* from = export_of(*source.model, import);
      if (from == nullptr) continue;
      step.source_shared = from->source.shared;
      step.source =
          find_field(step.source_shared ? source.native->shared_fields : source.native->fields,
                     from->source.parts.front().text);
    } else {
      step.attribute = attribute_index(*destination.model, import.member.text);
    }
    step.target_shared = import.target.shared;
    step.part = import.target.parts.size() > 1;
    step.target = find_field(
        step.target_shared ? destination.native->shared_fields : destination.native->fields,
        import.target.parts.front().text);
    if (step.target != nullptr && (step.source != nullptr || !import.interface))
      kept->steps.push_back(step);
  }
  // User functions run after all imports.
  std::ranges::stable_partition(kept->steps,
                                [](const Wiring::Step& step) { return step.function == nullptr; });
  return kept.get();
}

void Interpreter::apply(const Wiring& wiring, Node source, Node destination,
                        const Attributes& attributes, const Place& place) {
  void* from = source.data();
  void* to = destination.data();
  Link link{nullptr, source.layer, source.index};
  Links* links = nullptr;
  for (const Wiring::Step& step : wiring.steps) {
    if (step.function != nullptr) {
      const std::uint32_t point = source.layer->point(source.index);
      Visit visit{simulation_, *destination.layer->type, destination.layer, destination.index};
      step.function->run(to, {point, source.layer, source.index, attributes, link}, visit);
      continue;
    }
    void* target =
        step.target->at(step.target_shared ? destination.layer->type->shared->at(0) : to);
    const bool joins = step.target->kind == Kind::links;
    if (joins) links = static_cast<Links*>(target);
    if (step.source == nullptr) {
      const Attributes::Value& value = attributes.values[step.attribute];
      if (!joins) {
        set_attribute(*step.target, target, value);
      } else if (std::holds_alternative<double>(value)) {
        link.weight = std::get<double>(value);
      } else if (std::holds_alternative<std::int64_t>(value)) {
        link.number = std::get<std::int64_t>(value);
      }
      continue;
    }
    const void* given =
        step.source->at(step.source_shared ? source.layer->type->shared->at(0) : from);
    if (joins) {
      link.source = given;
      continue;
    }
    auto& pointer = *static_cast<const void**>(target);
    if (pointer != nullptr)
      strictly(place, fmt::format("member {} holds one connection, and this one takes the place of "
                                  "another",
                                  quoted(step.target->name)));
    pointer = given;
  }
  if (links != nullptr && link.source != nullptr) links->push(link);
}

bool Interpreter::matches(const mdl::Predicate& predicate, const Attributes& attributes,
                          Node destination) {
  const auto value_of = [&](const mdl::PredicateTerm& term) -> Term {
    if (const auto* named = std::get_if<mdl::Attribute>(&term.value))
      return term_of(attributes.values.at(attribute_index(*attributes.model, named->name.text)));
    if (const auto* own = std::get_if<mdl::OwnMember>(&term.value)) {
      TypeInUse& type = *destination.layer->type;
      const auto fields = own->shared ? type.native->shared_fields : type.native->fields;
      return member_term(find_field(fields, own->name.text),
                         own->shared ? type.shared->at(0) : destination.data());
    }
    if (const auto* text = std::get_if<std::string>(&term.value)) return *text;
    if (const auto* integer = std::get_if<std::int64_t>(&term.value))
      return static_cast<double>(*integer);
    if (const auto* real = std::get_if<double>(&term.value)) return *real;
    if (const auto* given = std::get_if<bool>(&term.value)) return *given;
    if (const auto* inner = std::get_if<mdl::Predicate>(&term.value))
      return matches(*inner, attributes, destination);
    return false;  // a predicate function; our types have none
  };
  if (predicate.empty()) return true;
  Term result = value_of(predicate[0]);
  for (std::size_t i = 1; i < predicate.size(); ++i)
    result = compared(result, predicate[i].before, value_of(predicate[i]));
  return truth(result);
}

// Each clause that holds is carried out; where a second one does, MGS ends.
void Interpreter::connect_one(Node source, Node destination, const Attributes& attributes,
                              mdl::Peer peer, const Place& place) {
  const TypeInUse& from = *source.layer->type;
  const TypeInUse& to = *destination.layer->type;
  bool matched = false;
  for (const mdl::Connection& clause : to.model->connections) {
    if (clause.side != mdl::Side::pre || clause.peer != peer) continue;
    if (!matches(clause.predicate, attributes, destination)) continue;
    if (!implements_all(*from.model, clause.expects)) continue;
    if (matched) {
      end(aborted, Mistake::crash, place,
          fmt::format("two clauses of {} apply to one connection, and MGS ends the program",
                      to.model->name.text));
    }
    matched = true;
    apply(*wiring_of(clause, from, to), source, destination, attributes, place);
  }
  if (simulation_.mode != Mode::strict) return;
  connected_.emplace(destination.layer, destination.index);
  if (matched) return;
  strictly(place,
           fmt::format("a connection from {} to {} is dropped: no clause of {} takes it",
                       from.model->name.text, to.model->name.text, to.model->name.text),
           fmt::format("the identifier is {}; look at the clauses of its MDL",
                       quoted(attributes.text("identifier"))));
}

std::unique_ptr<PairSampler> Interpreter::sampler(const Value& value, const NodeList& sources,
                                                  const NodeList& destinations,
                                                  const Place& place) {
  const auto* functor = value.as_shared<FunctorValue>();
  if (functor == nullptr || !is_pair_sampler(functor->type)) {
    fail(Mistake::type, place,
         fmt::format("a sampler of pairs is expected, not {}",
                     functor != nullptr ? quoted(functor->type) : kind_of(value)));
  }
  auto made = pair_sampler(*functor, sources, destinations, simulation_.random);
  if (made != nullptr) return made;
  throw Error(Fault::unsupported, to_text(place, script_.files),
              fmt::format("sampler {} is not run here", quoted(functor->type)));
}

void Interpreter::connect(const List& arguments, bool both_ways, const Place& place) {
  const std::size_t wanted = both_ways ? 7 : 5;
  if (arguments.size() != wanted) {
    fail(Mistake::arity, place,
         fmt::format("{} arguments are needed, not {}", wanted, arguments.size()));
  }
  const auto* sources = arguments[0].as_shared<NodeList>();
  const auto* destinations = arguments[1].as_shared<NodeList>();
  if (sources == nullptr || destinations == nullptr)
    fail(Mistake::type, place, "the first two arguments are sets of nodes",
         fmt::format("here they are {} and {}", kind_of(arguments[0]), kind_of(arguments[1])));
  const auto pairs = sampler(arguments[2], *sources, *destinations, place);
  Attributing forward = attributing(arguments[4], place);
  Attributing back;
  if (both_ways) back = attributing(arguments[6], place);
  for (const auto* one : {&forward, &back}) {
    if (one->distance == nullptr || one->distance->type.starts_with("Reversed")) continue;
    const bool by_destination = one->distance->type.starts_with("Dst");
    if (pairs->reference() != (by_destination ? "source" : "destination")) {
      end(aborted, Mistake::crash, place,
          fmt::format("{} needs {}, and MGS ends the program", one->distance->type,
                      by_destination ? "EachSrc" : "EachDst"));
    }
  }
  Node source;
  Node destination;
  const auto once = [&](Attributing& with, Node from, Node to) {
    TypeInUse& type = *to.layer->type;
    const Attributes& attributes = attributes_for(with, type, from, to, place);
    if (building_) connect_one(from, to, attributes, mdl::Peer::node, place);
  };
  while (pairs->next(source, destination)) {
    if (both_ways) once(back, destination, source);
    once(forward, source, destination);
    if (!building_) break;  // what is wrong shows with the first
  }
  for (const auto* one : {&forward, &back}) {
    if (!one->indexes || simulation_.mode != Mode::strict || !building_) continue;
    for (const auto& [layer, counts] : one->next) {
      std::string identifier;
      for (const auto& [name, value] : one->pairs)
        if (name == "identifier") identifier = printed(value);
      if (!indexed_.emplace(layer, identifier).second)
        strictly(place,
                 "the index of a source's connections begins again at 0, as it does in each "
                 "statement");
    }
  }
}

void Interpreter::connect_polymorphically(const List& arguments, const Place& place) {
  if (arguments.size() != 4) {
    fail(Mistake::arity, place,
         fmt::format("polyConnect takes 4 arguments, not {}", arguments.size()));
  }
  const auto ends = [&](const Value& value, mdl::Peer& peer) {
    std::vector<Node> nodes;
    if (const auto* constant = value.as<ConstantRef>()) {
      peer = mdl::Peer::constant;
      nodes.push_back({constant->layer, 0});
    } else if (const auto* variable = value.as<VariableRef>()) {
      peer = mdl::Peer::variable;
      nodes.push_back({variable->layer, 0});
    } else if (const auto* list = value.as_shared<NodeList>()) {
      peer = mdl::Peer::node;
      nodes = list->nodes;
    } else {
      fail(Mistake::type, place,
           fmt::format("polyConnect takes constants, variables and sets of nodes, not {}",
                       kind_of(value)));
    }
    return nodes;
  };
  mdl::Peer from = mdl::Peer::node;
  mdl::Peer to = mdl::Peer::node;
  const std::vector<Node> sources = ends(arguments[0], from);
  const std::vector<Node> destinations = ends(arguments[1], to);
  if (to == mdl::Peer::constant || (from == mdl::Peer::node && to == mdl::Peer::node)) {
    fail(Mistake::type, place, "polyConnect does not connect nodes with nodes, nor to a constant",
         "connectNodeSets connects sets of nodes");
  }
  const auto* pairs = arguments[3].as_shared<PairList>();
  if (pairs == nullptr || arguments[2].as_shared<PairList>() == nullptr)
    fail(Mistake::type, place,
         "the last two arguments of polyConnect are lists of names with values");
  Attributing attributes;
  attributes.pairs = *pairs;
  for (const Node& source : sources)
    for (const Node& destination : destinations) {
      const Attributes& made =
          attributes_for(attributes, *destination.layer->type, source, destination, place);
      if (building_) connect_one(source, destination, made, from, place);
    }
}

}  // namespace isomer::mgs

#include "base/text.h"
#include "systems/mgs/run/nodes/nodes.h"

namespace isomer::mgs {
namespace {

std::string coordinates_text(const std::vector<std::int64_t>& coordinates) {
  return fmt::format("({})", fmt::join(coordinates, ","));
}

template <class T>
std::string joined_reals(const std::vector<T>& values, int digits) {
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i)
    text += fmt::format("{}{:.{}g}", i > 0 ? "," : "", values[i], digits);
  return text;
}

/// Prints what it is given: members, connections in the order made, calls of phases.
struct Probe {
  double y = 0;
  Reals out = {};
  std::string label = {};
  bool b = false;
  signed char c = 0;
  short s = 0;
  int i = 0;
  long l = 0;
  float f = 0;
  double d = 0;
  unsigned u = 0;
  std::string t = {};
  std::vector<int> ia = {};
  std::vector<float> fa = {};
  Reals da = {};
  std::vector<std::string> ta = {};
  std::vector<unsigned> ua = {};
  Links x = {};
  const double* last = nullptr;
  const double* fixed_value = nullptr;
  Links ins = {};
  const Reals* arr = nullptr;
  std::vector<int> seen_tags = {};

  void initialize(Visit& visit);
  void a(Visit& visit);
  void b2(Visit& visit) {
    y *= 2;
    say(visit, "b2");
  }
  void finish(Visit& visit) { say(visit, "finish"); }
  void poke(Visit& visit) {
    y += 100;
    say(visit, "poke");
  }
  void note(const Arrival& arrival, Visit& visit);

 private:
  std::string place(const Visit& visit) const {
    return fmt::format("{} [{}/{}/{}]", label, visit.point(), visit.index, visit.global_index());
  }
  void say(Visit& visit, std::string_view what) const {
    visit.simulation.outputs.line(
        fmt::format("@ {} {} it={} y={:.17g}", what, place(visit), visit.simulation.iteration, y));
  }
  std::string members() const;
  std::string connections() const;
};

struct ProbeShared {
  std::string tag = {};
  int count = 0;
  double weight = 0;
  Reals list = {};

  void shared_init(Visit& visit) {
    visit.simulation.outputs.line(fmt::format("@ sharedInit count={}", count));
  }
  void tick(Visit& visit) {
    ++count;
    visit.simulation.outputs.line(
        fmt::format("@ tick it={} count={}", visit.simulation.iteration, count));
  }
};

std::string Probe::members() const {
  return fmt::format(
      "b={} c={} s={} i={} l={} f={:.9g} d={:.17g} u={} t={} ia={} fa={} da={} ta={} ua={}", int{b},
      int{c}, s, i, l, f, d, u, t, fmt::join(ia, ","), joined_reals(fa, 9), joined_reals(da, 17),
      fmt::join(ta, ","), fmt::join(ua, ","));
}

std::string Probe::connections() const {
  std::string text = fmt::format("x:{} ins:", x.size());
  std::string separator;
  ins.each([&](const Link& link) {
    text += fmt::format("{}{:.17g}/{}", separator, link.weight, link.number);
    separator = ",";
  });
  return text + fmt::format(" last:{} fixed:{} arr:{} seen:{}", int{last != nullptr},
                            int{fixed_value != nullptr}, int{arr != nullptr},
                            fmt::join(seen_tags, ","));
}

void Probe::initialize(Visit& visit) {
  y = d;
  out = {d, -d};
  const auto& shared = visit.shared<ProbeShared>();
  visit.simulation.outputs.line(fmt::format(
      "@ init {} {} layer={} {} shared: tag={} count={} weight={:.17g} list={} {}", place(visit),
      coordinates_text(visit.layer->coordinates(visit.index)), visit.layer->name, members(),
      shared.tag, shared.count, shared.weight, joined_reals(shared.list, 17), connections()));
}

void Probe::a(Visit& visit) {
  double sum = 1;
  x.each_value([&](double value) { sum += value; });
  ins.each(
      [&](const Link& link) { sum += link.weight * *static_cast<const double*>(link.source); });
  if (last != nullptr) sum += *last;
  if (fixed_value != nullptr) sum += *fixed_value;
  if (arr != nullptr)
    for (const double value : *arr) sum += value;
  y = sum;
  say(visit, "a");
}

void Probe::note(const Arrival& arrival, Visit& visit) {
  const Attributes& attributes = arrival.attributes;
  visit.simulation.outputs.line(fmt::format(
      "@ connect {} [{}] <- [{}] {} id={} weight={:.17g} index={} n={}", label, visit.point(),
      arrival.source, coordinates_text(arrival.layer->coordinates(arrival.node)),
      attributes.text("identifier"), attributes.real("weight"),
      static_cast<unsigned>(attributes.integer("index")),
      static_cast<int>(attributes.integer("n"))));
}

constexpr Field probe_fields[] = {
    field<&Probe::y>("y"),
    field<&Probe::out>("out"),
    field<&Probe::label>("label"),
    field<&Probe::b>("b"),
    field<&Probe::c>("c"),
    field<&Probe::s>("s"),
    field<&Probe::i>("i"),
    field<&Probe::l>("l"),
    field<&Probe::f>("f"),
    field<&Probe::d>("d"),
    field<&Probe::u>("u"),
    field<&Probe::t>("t"),
    field<&Probe::ia>("ia"),
    field<&Probe::fa>("fa"),
    field<&Probe::da>("da"),
    field<&Probe::ta>("ta"),
    field<&Probe::ua>("ua"),
    field<&Probe::x>("x"),
    field<&Probe::last>("last"),
    field<&Probe::fixed_value>("fixedValue"),
    field<&Probe::ins>("ins"),
    field<&Probe::arr>("arr"),
    field<&Probe::seen_tags>("seenTags"),
};
constexpr Field probe_shared_fields[] = {
    field<&ProbeShared::tag>("tag"),
    field<&ProbeShared::count>("count"),
    field<&ProbeShared::weight>("weight"),
    field<&ProbeShared::list>("list"),
};
constexpr Method probe_methods[] = {
    method<&Probe::initialize>("initialize"),
    method<&Probe::a>("a"),
    method<&Probe::b2>("b2"),
    method<&Probe::finish>("finish"),
    method<&Probe::poke>("poke"),
    method<&ProbeShared::shared_init>("sharedInit"),
    method<&ProbeShared::tick>("tick"),
};
constexpr UserFunction probe_functions[] = {user_function<&Probe::note>("note")};

/// For the order of types within a phase.
struct Probe2 {
  double y = 0;
  std::string label = {};
  double d = 0;
  Links x = {};

  void initialize(Visit&) { y = d; }
  void a(Visit& visit) {
    y = 10;
    x.each_value([&](double value) { y += value; });
    visit.simulation.outputs.line(fmt::format("@ a2 {} [{}] it={} y={:.17g}", label, visit.point(),
                                              visit.simulation.iteration, y));
  }
};

constexpr Field probe2_fields[] = {
    field<&Probe2::y>("y"),
    field<&Probe2::label>("label"),
    field<&Probe2::d>("d"),
    field<&Probe2::x>("x"),
};
constexpr Method probe2_methods[] = {
    method<&Probe2::initialize>("initialize"),
    method<&Probe2::a>("a"),
};

/// Changes an exported member in a phase that does not list it.
struct SilentNode {
  double y = 0;

  void initialize(Visit&) { y = -1; }
  void update(Visit& visit) { y = static_cast<double>(visit.simulation.iteration) + 0.5; }
};

constexpr Field silent_fields[] = {field<&SilentNode::y>("y")};
constexpr Method silent_methods[] = {
    method<&SilentNode::initialize>("initialize"),
    method<&SilentNode::update>("update"),
};

}  // namespace

const NativeType probe_type{.name = "Probe",
                            .fields = probe_fields,
                            .methods = probe_methods,
                            .make = make_nodes<Probe>,
                            .functions = probe_functions,
                            .shared_fields = probe_shared_fields,
                            .make_shared = make_nodes<ProbeShared>};
const NativeType probe2_type{.name = "Probe2",
                             .fields = probe2_fields,
                             .methods = probe2_methods,
                             .make = make_nodes<Probe2>};
const NativeType silent_node_type{.name = "SilentNode",
                                  .fields = silent_fields,
                                  .methods = silent_methods,
                                  .make = make_nodes<SilentNode>};

}  // namespace isomer::mgs

#include <cfloat>
#include <cstdlib>

#include "base/text.h"
#include "systems/mgs/run/nodes/nodes.h"

namespace isomer::mgs {
namespace {

/// Plays the rows of a text file.
struct RowSource {
  Reals x = {};
  std::string file_name = {};
  unsigned cols = 0;
  unsigned hold = 0;
  bool wrap = false;
  Reals rows = {};

  void initialize(Visit& visit);
  void update(Visit& visit);
};

void RowSource::initialize(Visit& visit) {
  const Bytes file = visit.simulation.read(file_name, gave_up,
                                           fmt::format("RowSource: cannot open {}", file_name));
  const std::string text(file.text());
  // As the node's own C++: what is no number counts as 0.
  for (std::size_t at = text.find_first_not_of(" \t\n\r\f\v"); at != std::string::npos;
       at = text.find_first_not_of(" \t\n\r\f\v", at)) {
    const std::size_t end = std::min(text.find_first_of(" \t\n\r\f\v", at), text.size());
    rows.push_back(std::strtod(text.substr(at, end - at).c_str(), nullptr));
    at = end;
  }
  if (cols == 0 || rows.size() % cols != 0) {
    visit.give_up(fmt::format("RowSource: bad table: {} has {} numbers, which are no rows of {}",
                              quoted(file_name), rows.size(), cols));
  }
  if (hold == 0) hold = 1;
  x.resize(std::max<std::size_t>(x.size(), cols));
  for (unsigned i = 0; i < cols; ++i) x[i] = DBL_MAX;
}

void RowSource::update(Visit& visit) {
  const std::size_t count = rows.size() / cols;
  if (count == 0) {
    throw Ended{crashed,
                {Mistake::crash,
                 {},
                 fmt::format("RowSource: {} has no rows, and MGS reads beyond "
                             "its end",
                             quoted(file_name))}};
  }
  std::size_t row = static_cast<std::size_t>(visit.simulation.iteration - 1) / hold;
  if (row >= count) row = wrap ? row % count : count - 1;
  for (unsigned i = 0; i < cols; ++i) x[i] = rows[row * cols + i];
}

constexpr Field row_source_fields[] = {
    field<&RowSource::x>("x"),       field<&RowSource::file_name>("fileName"),
    field<&RowSource::cols>("cols"), field<&RowSource::hold>("hold"),
    field<&RowSource::wrap>("wrap"),
};
constexpr Method row_source_methods[] = {
    method<&RowSource::initialize>("initialize"),
    method<&RowSource::update>("update"),
};

/// Collects scalars or a tensor, writes a line in each iteration; can feed a gradient back.
struct RowSink {
  double grad = 0;
  Links preds = {};
  const Reals* tensor_in = nullptr;
  std::string file_name = {};
  bool opened = false;
  bool train = false;
  double target = 0;

  void initialize(Visit&) {
    grad = DBL_MAX;
    opened = false;
  }
  void update(Visit& visit);
  void note_pending(Visit& visit) const;
  void finish(Visit& visit) {
    visit.simulation.outputs.line(
        fmt::format("@ RowSink {} finish {}", visit.global_index(), visit.simulation.iteration));
  }
};

// MGS's own nodes wait for values, and sinks are known to.
void RowSink::note_pending(Visit& visit) const {
  if (visit.simulation.mode != Mode::strict) return;
  preds.each([&](const Link& link) {
    const bool pending = *static_cast<const double*>(link.source) == DBL_MAX;
    if (!pending || link.layer == nullptr || link.layer->type->native == &dn_node_type) return;
    visit.simulation.note({Mistake::silent,
                           {},
                           fmt::format("RowSink {}: in iteration {} a value is not there yet, and "
                                       "the largest double is written in its place",
                                       visit.global_index(), visit.simulation.iteration)});
  });
}

void RowSink::update(Visit& visit) {
  bool ready = !preds.empty();
  preds.each_value([&](double value) { ready = ready && value != DBL_MAX; });
  if (!ready) note_pending(visit);
  if (ready) {
    const auto own = static_cast<std::size_t>(visit.global_index());
    if (train && own >= preds.size()) {
      throw Ended{aborted,
                  {Mistake::crash,
                   {},
                   fmt::format("RowSink {}: it has {} inputs and asks for that "
                               "of its own number, and MGS ends the program",
                               own, preds.size())}};
    }
    grad = train ? target - preds.value(own) : 0;
  }
  if (file_name.empty()) return;
  std::string row = std::to_string(visit.simulation.iteration);
  preds.each_value([&](double value) { row += fmt::format(" {:.17g}", value); });
  if (tensor_in != nullptr)
    for (const double value : *tensor_in) row += fmt::format(" {:.17g}", value);
  visit.simulation.outputs.write(file_name, row + "\n", !opened);
  opened = true;
}

constexpr Field row_sink_fields[] = {
    field<&RowSink::grad>("grad"),          field<&RowSink::preds>("preds"),
    field<&RowSink::tensor_in>("tensorIn"), field<&RowSink::file_name>("fileName"),
    field<&RowSink::opened>("opened"),      field<&RowSink::train>("train"),
    field<&RowSink::target>("target"),
};
constexpr Method row_sink_methods[] = {
    method<&RowSink::initialize>("initialize"),
    method<&RowSink::update>("update"),
    method<&RowSink::finish>("finish"),
};

/// Writes the connected scalars when a trigger fires.
struct Recorder {
  Links vals = {};
  std::vector<int> nodes = {};
  std::string file_name = {};

  void initialize(Visit&) {}
  void collect(Visit& visit);
  void finalize(Visit&) {}
  void note(const Arrival& arrival, Visit&) { nodes.push_back(static_cast<int>(arrival.source)); }
};

void Recorder::collect(Visit& visit) {
  std::string row = std::to_string(visit.simulation.iteration);
  std::size_t i = 0;
  vals.each_value([&](double value) { row += fmt::format(" {}:{:.17g}", nodes[i++], value); });
  visit.simulation.outputs.write(file_name, row + "\n", false);
}

constexpr Field recorder_fields[] = {
    field<&Recorder::vals>("vals"),
    field<&Recorder::nodes>("nodes"),
    field<&Recorder::file_name>("fileName"),
};
constexpr Method recorder_methods[] = {
    method<&Recorder::initialize>("initialize"),
    method<&Recorder::collect>("collect"),
    method<&Recorder::finalize>("finalize"),
};
constexpr UserFunction recorder_functions[] = {user_function<&Recorder::note>("note")};

struct FixedScalar {
  double output = 0;
};

constexpr Field fixed_scalar_fields[] = {field<&FixedScalar::output>("output")};

}  // namespace

const NativeType row_source_type{.name = "RowSource",
                                 .fields = row_source_fields,
                                 .methods = row_source_methods,
                                 .make = make_nodes<RowSource>};
const NativeType row_sink_type{.name = "RowSink",
                               .fields = row_sink_fields,
                               .methods = row_sink_methods,
                               .make = make_nodes<RowSink>};
const NativeType recorder_type{.name = "Recorder",
                               .fields = recorder_fields,
                               .methods = recorder_methods,
                               .make = make_nodes<Recorder>,
                               .functions = recorder_functions};
const NativeType fixed_scalar_type{.name = "FixedScalar",
                                   .fields = fixed_scalar_fields,
                                   .methods = {},
                                   .make = make_nodes<FixedScalar>};
const NativeType bias_type{
    .name = "Bias", .fields = fixed_scalar_fields, .methods = {}, .make = make_nodes<FixedScalar>};

}  // namespace isomer::mgs

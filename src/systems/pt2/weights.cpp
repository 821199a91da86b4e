#include "systems/pt2/weights.h"

#include <unordered_set>

#include "base/error.h"
#include "base/names.h"
#include "base/text.h"

namespace isomer::pt2 {
namespace {

using Kind = ExportInput::Kind;

std::string kind_word(Kind kind) {
  return kind == Kind::parameter ? "parameter" : kind == Kind::buffer ? "buffer" : "constant";
}

/// Parameters and persistent buffers are in the state_dict, all else among the constants.
bool in_state_dict(const ExportInput& input) {
  return input.kind == Kind::parameter || (input.kind == Kind::buffer && input.persistent);
}

const Payload& find_payload(const ExportInput& input, const Archive& archive) {
  const auto& payloads = in_state_dict(input) ? archive.weights : archive.constants;
  const auto found = payloads.find(input.name);
  if (found == payloads.end()) throw Error(Fault::file, "", "the archive does not hold its data");
  return found->second;
}

void check_type(const Payload& payload, const TensorType& wanted) {
  if (payload.data.type() == wanted) return;
  throw Error(Fault::model, "",
              fmt::format("is stored as {}; the program needs {}", to_text(payload.data.type()),
                          to_text(wanted)));
}

/// Puts tensors with the same view of the same bytes together. Empty ones share their record by
/// accident.
class Collector {
 public:
  explicit Collector(std::vector<Weight>& weights) : weights_(weights) {}

  /// Gives the weight's place.
  std::size_t add(const Payload& payload, const std::string& name) {
    const auto [known, fresh] = by_view_.try_emplace(payload.view, weights_.size());
    if (!fresh && payload.data.count() != 0) return known->second;
    Weight& weight = weights_.emplace_back();
    weight.hint = identifier(name);
    weight.payload = &payload;
    return weights_.size() - 1;
  }

 private:
  std::vector<Weight>& weights_;
  std::unordered_map<std::string, std::size_t> by_view_;
};

}  // namespace

Weights collect_weights(const ExportProgram& program, const Archive& archive) {
  Weights weights;
  Collector collector(weights.all);
  std::unordered_set<std::string> used;
  for (const ExportInput& input : program.inputs) {
    if (input.kind == Kind::user || input.kind == Kind::literal) continue;
    with_place([&] { return kind_word(input.kind) + " " + quoted(input.name); },
               [&] {
                 const std::string& name = value_of(input.argument);
                 const Payload& payload = find_payload(input, archive);
                 check_type(payload, type_of(program.graph, name));
                 const std::size_t place = collector.add(payload, input.name);
                 weights.by_name[input.name] = place;
                 Weight& weight = weights.all[place];
                 weight.inputs.push_back(name);
                 weight.parameter = weight.parameter || input.kind == Kind::parameter;
                 if (!in_state_dict(input)) return;
                 weight.names.push_back(input.name);
                 used.insert(input.name);
               });
  }
  for (const auto& [name, payload] : archive.weights) {
    if (!used.contains(name)) weights.all[collector.add(payload, name)].names.push_back(name);
  }
  return weights;
}

}  // namespace isomer::pt2

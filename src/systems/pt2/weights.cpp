#include "systems/pt2/weights.h"

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

void check_type(const Payload& payload, const std::string& input, const ExportGraph& graph) {
  const auto found = graph.tensors.find(input);
  if (found == graph.tensors.end()) {
    throw Error(Fault::file, "",
                fmt::format("the program does not say of what type {} is", quoted(input)));
  }
  if (payload.data.type() == found->second.type) return;
  throw Error(Fault::model, "",
              fmt::format("is stored as {}; the program needs {}", to_text(payload.data.type()),
                          to_text(found->second.type)));
}

/// Puts tensors with the same view of the same bytes together. Empty ones share their record by
/// accident.
class Collector {
 public:
  Weight& add(const Payload& payload, const std::string& name) {
    const auto [known, fresh] = by_view_.try_emplace(payload.view, weights.size());
    if (!fresh && payload.data.count() != 0) return weights[known->second];
    Weight weight;
    weight.hint = identifier(name);
    weight.payload = &payload;
    weights.push_back(std::move(weight));
    return weights.back();
  }

  std::vector<Weight> weights;

 private:
  std::unordered_map<std::string, std::size_t> by_view_;
};

}  // namespace

std::vector<Weight> collect_weights(const ExportProgram& program, const Archive& archive) {
  Collector collector;
  std::unordered_map<std::string, bool> used;
  for (const ExportInput& input : program.inputs) {
    if (input.kind == Kind::user || input.kind == Kind::literal) continue;
    with_place([&] { return kind_word(input.kind) + " " + quoted(input.name); },
               [&] {
                 const std::string& name = value_of(input.argument);
                 const Payload& payload = find_payload(input, archive);
                 check_type(payload, name, program.graph);
                 Weight& weight = collector.add(payload, input.name);
                 weight.inputs.push_back(name);
                 weight.parameter = weight.parameter || input.kind == Kind::parameter;
                 if (in_state_dict(input)) {
                   weight.names.push_back(input.name);
                   used[input.name] = true;
                 }
               });
  }
  for (const auto& [name, payload] : archive.weights) {
    if (!used.contains(name)) collector.add(payload, name).names.push_back(name);
  }
  return std::move(collector.weights);
}

std::unordered_map<std::string, std::size_t> weights_by_name(const ExportProgram& program,
                                                             const std::vector<Weight>& weights) {
  std::unordered_map<std::string, std::size_t> by_input;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    for (const std::string& input : weights[i].inputs) by_input[input] = i;
  }
  std::unordered_map<std::string, std::size_t> by_name;
  for (const ExportInput& input : program.inputs) {
    const auto* value = input.argument.as<ExportArgument::Value>();
    if (value == nullptr) continue;
    const auto found = by_input.find(value->name);
    if (found != by_input.end()) by_name[input.name] = found->second;
  }
  return by_name;
}

}  // namespace isomer::pt2

#include "systems/mdf/loading.h"

#include <unordered_map>

#include "base/error.h"
#include "base/text.h"
#include "systems/mdf/forms.h"
#include "systems/mdf/mdf.h"
#include "systems/mdf/remarks.h"
#include "vocabularies/numpy/value.h"

namespace isomer::mdf {
namespace {

Tensor value_in(const Tree& tree, const TensorType& type) {
  const Tensor found = tensor_of(numpy::value_of(tree));
  const auto shape = known_shape(type.shape);
  if (!shape)
    throw Error(Fault::file, "",
                fmt::format("a weight of type {} has no known shape", to_text(type)));
  const bool empty =
      found.count() == 0 && count_elements(std::span<const std::int64_t>(*shape)) == 0;
  if (found.shape() != *shape && !empty) {
    throw Error(Fault::file, "",
                fmt::format("the value is {}; metadata promises {}",
                            to_text(found.dtype(), found.shape()), to_text(type)));
  }
  return found.converted(type.dtype).reshaped(*shape);
}

/// As the format's own program, which looks at the first model and its first graph.
void note_ignored(const Document& document, std::vector<Note>& notes) {
  Problems around;
  add_ignored(document, around);
  for (Note& note : around.notes())
    notes.push_back({fmt::format("model {}", quoted(document.id)), std::move(note.text)});
  notes.insert(notes.end(), document.unknown.begin(), document.unknown.end());
  Problems inside;
  add_ignored(document.graphs.front().second, inside);
  for (Note& note : inside.notes()) notes.push_back(std::move(note));
  for (const auto& [id, body] : document.models)
    notes.push_back({fmt::format("model {}", quoted(id)), "only the first model is looked at"});
  for (std::size_t i = 1; i < document.graphs.size(); ++i) {
    notes.push_back({fmt::format("graph {}", quoted(document.graphs[i].first)),
                     "only the first graph is looked at"});
  }
}

}  // namespace

std::vector<InterfacePort> Loading::inputs() const {
  return origin ? origin->inputs : open_ports(graph());
}

std::vector<InterfacePort> Loading::outputs() const {
  return origin ? origin->outputs : end_ports(graph());
}

std::vector<std::pair<StoredWeight, Tensor>> Loading::weights() const {
  std::vector<std::pair<StoredWeight, Tensor>> result;
  if (!origin) return result;
  std::unordered_map<std::string_view, const Node*> nodes;
  for (const auto& [id, node] : graph().nodes) nodes.emplace(id, &node);
  std::unordered_map<std::string_view, const Tensor*> stored;
  for (const auto& [id, tensor] : tensors) stored.emplace(id, &tensor);
  for (const StoredWeight& weight : origin->weights) {
    const std::string name = weight.names.empty() ? weight.id : weight.names[0];
    const Tensor tensor = with_place(
        [&] { return fmt::format("{}: weight {}", entry, quoted(name)); },
        [&] {
          if (weight.where == StoredWeight::Where::port) {
            const auto found = stored.find(weight.id);
            if (found == stored.end()) {
              throw Error(
                  Fault::file, "",
                  fmt::format("{} has no tensor {}", quoted(origin->tensors), quoted(weight.id)));
            }
            if (found->second->type() != weight.type) {
              throw Error(Fault::file, "",
                          fmt::format("the tensor is {}; metadata promises {}",
                                      to_text(found->second->type()), to_text(weight.type)));
            }
            return *found->second;
          }
          const Tree* value = nullptr;
          if (weight.where == StoredWeight::Where::unused) {
            value = find(graph().parameters, weight.id);
          } else if (const auto node = nodes.find(weight.node); node != nodes.end()) {
            const Parameter* parameter = find(node->second->parameters, weight.id);
            if (parameter != nullptr) value = &parameter->value;
          }
          if (value == nullptr || value->is_null()) {
            throw Error(
                Fault::file, "",
                fmt::format("metadata promises it in {}, which has none",
                            weight.node.empty() ? "the graph's parameters"
                                                : fmt::format("node {}", quoted(weight.node))));
          }
          return value_in(*value, weight.type);
        });
    result.emplace_back(weight, tensor);
  }
  return result;
}

Loading load(const Files& files, std::string_view entry, const Dialect& dialect) {
  Loading loading;
  loading.entry = entry;
  const Bytes bytes = files.read(entry);
  with_place(entry, [&] {
    loading.document = document_in(entry, bytes, dialect);
    if (loading.document.graphs.empty()) throw Error(Fault::file, "", "the document has no graph");
    note_ignored(loading.document, loading.notes);
    loading.origin = origin_of(loading.graph().metadata);
  });
  if (loading.origin && !loading.origin->tensors.empty()) {
    const Bytes beside = files.read(loading.origin->tensors);
    loading.tensors =
        with_place(quoted(loading.origin->tensors), [&] { return read_tensors(beside); });
  }
  return loading;
}

bool recognises(const Files& files, std::string_view entry) {
  constexpr std::size_t enough = 4096;
  const Bytes bytes = files.read(entry);
  const std::string_view head = bytes.text().substr(0, enough);
  const std::size_t first = head.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || head[first] != '{') return false;
  return head.find("ModECI MDF") != std::string_view::npos ||
         head.find("\"graphs\"") != std::string_view::npos;
}

}  // namespace isomer::mdf

#include "systems/mgs/picture/types.h"

#include <map>
#include <set>

#include "base/text.h"
#include "codecs/markup.h"

namespace isomer::mgs {
namespace {

constexpr std::string_view model_kind_names[] = {"node", "variable", "edge", "constant"};
constexpr std::string_view peer_names[] = {"node", "edge", "constant", "variable"};

std::string type_label(const mdl::Model& model, int level) {
  std::string label = fmt::format("<b>{}</b><br/><i>{}</i>", escaped_markup(model.name.text),
                                  model_kind_names[static_cast<std::size_t>(model.kind)]);
  if (level > 1)
    for (const mdl::Phase& one : model.phases)
      label += fmt::format("<br/>{}", escaped_markup(one.name.text));
  if (level > 2)
    for (const mdl::Member& one : model.members)
      label += fmt::format(
          "<br/>{}", escaped_markup(fmt::format("{} {}", mdl::to_text(one.type), one.name.text)));
  return label;
}

}  // namespace

std::string dot_of(const mdl::Document& document, int level) {
  std::string text =
      "digraph types {\n  node [shape=box, style=rounded, fontname=\"sans\"];\n  edge "
      "[fontname=\"sans\"];\n";
  std::map<std::string_view, std::size_t> interfaces;
  for (const mdl::Declaration& one : document.declarations) {
    const auto* interface = std::get_if<mdl::Interface>(&one);
    if (interface == nullptr) continue;
    const std::size_t number =
        interfaces.emplace(interface->name.text, interfaces.size()).first->second;
    text += fmt::format("  i{} [shape=ellipse, label=<{}>];\n", number,
                        escaped_markup(interface->name.text));
  }
  std::size_t number = 0;
  for (const mdl::Declaration& one : document.declarations) {
    const auto* model = std::get_if<mdl::Model>(&one);
    if (model == nullptr) continue;
    text += fmt::format("  m{} [label=<{}>];\n", number, type_label(*model, level));
    for (const Name& name : model->implements)
      if (const auto found = interfaces.find(name.text); found != interfaces.end())
        text += fmt::format("  m{} -> i{};\n", number, found->second);
    std::set<std::pair<std::size_t, mdl::Peer>> expected;
    for (const mdl::Connection& connection : model->connections)
      for (const Name& name : connection.expects)
        if (const auto found = interfaces.find(name.text); found != interfaces.end())
          expected.emplace(found->second, connection.peer);
    for (const auto& [interface, peer] : expected)
      text += fmt::format("  i{} -> m{} [style=dashed{}];\n", interface, number,
                          level < 2 ? ""
                                    : fmt::format(", label=\"from a {}\"",
                                                  peer_names[static_cast<std::size_t>(peer)]));
    ++number;
  }
  return text + "}\n";
}

}  // namespace isomer::mgs

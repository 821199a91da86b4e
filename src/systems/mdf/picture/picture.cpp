#include "systems/mdf/picture/picture.h"

#include <map>

#include "base/error.h"
#include "base/text.h"
#include "codecs/markup.h"
#include "systems/mdf/forms.h"
#include "systems/mdf/picture/card.h"
#include "systems/mdf/picture/sentence.h"

namespace isomer::mdf {
namespace {

constexpr std::string_view grey = "#444444";

std::string_view role_color(Role role) {
  switch (role) {
    case Role::input: return "#188855";
    case Role::parameter: return "#1666ff";
    case Role::function: return "#441199";
    case Role::output: return "#cc3355";
    case Role::condition: return "#b06000";
    case Role::plain:
    case Role::node:
    case Role::call:
    case Role::aside: break;
  }
  return grey;
}

Document document_at(const Files& files, std::string_view entry) {
  const Bytes bytes = files.read(entry);
  return with_place(entry, [&] {
    Document document = document_in(entry, bytes);
    if (document.graphs.empty()) throw Error(Fault::file, "", "the document has no graph");
    return document;
  });
}

std::string plain_text(const std::vector<Piece>& pieces) {
  std::string text;
  for (const Piece& piece : pieces) text += piece.text;
  return text;
}

std::string tagged(const std::vector<Piece>& pieces) {
  std::string result;
  for (const Piece& piece : pieces) {
    std::string text = escaped_markup(piece.text);
    if (text.empty()) continue;  // Graphviz takes no empty tags
    if (piece.role == Role::call || piece.role == Role::aside)
      text = fmt::format("<i>{}</i>", text);
    if (piece.strong || piece.role == Role::node) text = fmt::format("<b>{}</b>", text);
    result += fmt::format("<font color=\"{}\">{}</font>", role_color(piece.role), text);
  }
  return result;
}

std::string table_of(const std::string& title, const std::vector<Line>& lines) {
  std::string rows =
      fmt::format("<tr><td>{}</td></tr>", tagged({{{Role::node, title.empty() ? " " : title}}}));
  for (const Line& line : lines)
    rows += fmt::format("<tr><td align=\"left\">{}</td></tr>", tagged(line.pieces));
  return fmt::format("<<table border=\"0\" cellborder=\"0\">{}</table>>", rows);
}

std::string dot_of(const Picture& picture) {
  std::string text =
      "digraph picture {\n  node [shape=box, style=rounded, fontname=\"sans\"];\n  edge "
      "[fontname=\"sans\"];\n";
  std::map<std::string_view, std::size_t> places;
  for (std::size_t i = 0; i < picture.nodes.size(); ++i) {
    const Card& card = picture.nodes[i];
    places.emplace(card.id, i);
    text += fmt::format("  n{} [color=\"{}\", penwidth={}, label={}];\n", i,
                        card.color.empty() ? std::string(grey) : card.color,
                        card.color.empty() ? 1 : 2, table_of(card.id, card.lines));
  }
  for (const Arrow& arrow : picture.edges) {
    const auto from = places.find(arrow.sender);
    const auto to = places.find(arrow.receiver);
    if (from == places.end() || to == places.end()) continue;
    std::vector<Line> lines;
    for (const auto& pieces : arrow.parameters) lines.push_back({"", pieces});
    std::string label;
    if (!arrow.label.empty()) {
      lines.insert(lines.begin(), Line{"", arrow.label});
      label = fmt::format(", label={}", table_of(arrow.id, lines));
    }
    text += fmt::format("  n{} -> n{} [arrowhead=empty{}];\n", from->second, to->second, label);
  }
  if (!picture.terminations.empty()) {
    text +=
        fmt::format("  end [color=\"{}\", penwidth=2, label={}];\n", role_color(Role::condition),
                    table_of("applies to all nodes", picture.terminations));
    for (std::size_t i = 0; i < picture.nodes.size(); ++i)
      text += fmt::format("  end -> n{} [style=invis];\n", i);
  }
  return text + "}\n";
}

std::string picture_text(const Picture& picture) {
  std::string text = fmt::format("graph {}\n", picture.id);
  for (const Card& card : picture.nodes) {
    text += fmt::format("  node {}\n", card.id);
    for (const Line& line : card.lines) {
      const bool named = line.kind == "runs" || line.kind.empty();
      text += fmt::format("    {}{}{}\n", named ? "" : line.kind, named ? "" : " ",
                          (line.kind.empty() ? "  " : "") + plain_text(line.pieces));
    }
  }
  for (const Arrow& arrow : picture.edges) {
    text += fmt::format("  edge {}: {}.{} -> {}.{}", arrow.id, arrow.sender,
                        arrow.label.front().text, arrow.receiver, arrow.label.back().text);
    for (const auto& pieces : arrow.parameters) text += ", " + plain_text(pieces);
    text += "\n";
  }
  for (const Line& line : picture.terminations)
    text += fmt::format("  {}\n", plain_text(line.pieces));
  return text;
}

}  // namespace

std::string describe(const Files& files, std::string_view entry) {
  const Document document = document_at(files, entry);
  std::string text = fmt::format("document {} ({}", document.id, document.format);
  if (!document.generating_application.empty())
    text += fmt::format(", {}", document.generating_application);
  text += ")\n";
  for (const auto& [id, graph] : document.graphs) text += picture_text(picture_of(id, graph, 2));
  return text;
}

std::string draw(const Files& files, std::string_view entry, int level) {
  const Document document = document_at(files, entry);
  const auto& [id, graph] = document.graphs.front();
  return dot_of(picture_of(id, graph, level));
}

}  // namespace isomer::mdf

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "cli/lengths.h"
#include "cli/model_file.h"
#include "cli/summary.h"
#include "cli/verb.h"
#include "codecs/json.h"
#include "graph/text.h"
#include "passes/passes.h"
#include "pictures/graphviz.h"

namespace isomer::cli {
namespace {

constexpr Option show_table[] = {
    {"MODEL", "FILE", "the model", true},
    {"--summary", "", "how many there are of what, what modules cost, which systems can take it"},
    {"--length", "NAME=NUMBER", "count costs for this number of a named length", false, true},
    {"--blocks", "", "print what repeats once, as blocks"},
    {"--graph", "", "print the model's graph, where the file is a document that says more"},
    {"--json", "", "print the graph for machines"},
    {"--dot", "", "print a picture for Graphviz: of the document, or with --graph of its graph"},
    {"--svg", "", "print the same picture laid out, by Graphviz's program dot"},
    {"--level", "NUMBER",
     "how much of a document's nodes is drawn: 1 names, 2 what is inside, 3 formulas and metadata "
     "too; default: 2"},
    weights_option,
    decompose_option,
    {"--from", "SYSTEM", "the system of MODEL, where its name does not say"},
};

/// A graph whose calls go by the names of blocks, which stand below it, each once.
class BlockText {
 public:
  std::string of(const Graph& graph) {
    std::string text = to_text(named(graph, ""));
    for (std::size_t i = 0; i < order_.size(); ++i) {  // it grows
      Graph block = named(*order_[i], order_[i]->name + ".");
      block.signature.lengths.clear();
      block.classes.clear();
      blocks_.push_back(lines_behind(to_text(block), "graph "));
    }
    for (std::size_t i = 0; i < order_.size(); ++i) {
      const std::string& block = blocks_[i];
      const std::size_t title = block.find('\n') + 1;
      const std::vector<std::string>& uses = uses_.at(order_[i]);
      text += fmt::format("block {}  {} times: {}\n{}", block.substr(0, title), uses.size(),
                          listed(uses), block.substr(title));
    }
    return text;
  }

 private:
  static std::string lines_behind(const std::string& text, std::string_view word) {
    return text.substr(text.find(word) + word.size());
  }

  Graph named(Graph graph, const std::string& around) {
    for (Node& node : graph.nodes) {
      if (node.op != "call") continue;
      const Body body = std::exchange(node.bodies, {})[0];
      node.op = body->name;
      if (!uses_.contains(body)) order_.push_back(body);
      uses_[body].push_back(around + node.scope);
    }
    return graph;
  }

  std::vector<Body> order_;
  std::vector<std::string> blocks_;
  std::map<Body, std::vector<std::string>> uses_;
};

Tree list_of(const std::vector<std::string>& texts) {
  Tree::List list;
  for (const std::string& text : texts) list.push_back({text});
  return {std::move(list)};
}

/// Values by number, since names need not be unique.
Tree ids(const std::vector<ValueId>& values) {
  Tree::List list;
  for (const ValueId id : values) {
    if (id == ValueId::none) {
      list.push_back({});
    } else {
      list.push_back({static_cast<std::int64_t>(id)});
    }
  }
  return {std::move(list)};
}

Tree tree_of(const Node& node) {
  Tree::Map attributes;
  for (const NamedAttribute& attribute : node.attributes)
    attributes.emplace_back(attribute.name, Tree{to_text(attribute.value)});
  Tree::Map map{{"op", {node.op}}, {"inputs", ids(node.inputs)}, {"outputs", ids(node.outputs)}};
  map.emplace_back("attributes", Tree{std::move(attributes)});
  map.emplace_back("scope", Tree{node.scope});
  map.emplace_back("file", Tree{node.place.file});
  map.emplace_back("line", Tree{static_cast<std::int64_t>(node.place.line)});
  return {std::move(map)};
}

Tree tree_of(const LengthRange& length) {
  return {
      Tree::Map{{"name", {length.name}},
                {"least", {length.least}},
                {"most", length.most ? Tree{*length.most} : Tree{}},
                {"input", length.input ? Tree{static_cast<std::int64_t>(*length.input)} : Tree{}}}};
}

template <class Items>
Tree tree_list(const Items& items) {
  Tree::List list;
  for (const auto& item : items) list.push_back(tree_of(item));
  return {std::move(list)};
}

Tree stored_values(const Graph& graph) {
  Tree::List list;
  for (const Constant& constant : graph.constants) {
    list.push_back({Tree::Map{{"value", {static_cast<std::int64_t>(constant.value)}},
                              {"trainable", {constant.trainable}},
                              {"names", list_of(constant.names)}}});
  }
  return {std::move(list)};
}

Tree tree_of(const Graph& graph) {
  Tree::List values;
  for (const Value& value : graph.values) {
    values.push_back({Tree::Map{{"name", {value.name}}, {"type", {to_text(value.type)}}}});
  }
  return {Tree::Map{{"name", {graph.name}},
                    {"values", {std::move(values)}},
                    {"inputs", ids(graph.inputs)},
                    {"outputs", ids(graph.outputs)},
                    {"lengths", tree_list(graph.signature.lengths)},
                    {"constants", stored_values(graph)},
                    {"nodes", tree_list(graph.nodes)}}};
}

void check_words(const Words& words) {
  int ways = 0;
  for (const std::string_view way : {"json", "dot", "summary", "blocks"})
    ways += words.has(way) ? 1 : 0;
  if (ways > 1)
    throw Error(Fault::usage, "show", "takes one of --summary, --blocks, --json and --dot");
  if (ways > 0 && words.has("svg"))
    throw Error(Fault::usage, "--svg",
                "is a form by itself, as --summary, --blocks, --json, --dot");
  if (words.has("length") && !words.has("summary"))
    throw Error(Fault::usage, "--length", "counts costs; add --summary");
  if (!words.has("level")) return;
  if (!words.has("dot") && !words.has("svg"))
    throw Error(Fault::usage, "--level", "is for pictures; add --dot or --svg");
  if (words.has("graph"))
    throw Error(Fault::usage, "--level", "is for the picture of a document, not of its graph");
}

/// What --weights and --decompose name belongs to a graph.
bool asks_for_document(const ModelFile& model, const Words& words) {
  for (const std::string_view way : {"graph", "json", "summary", "blocks", "weights", "decompose"})
    if (words.has(way)) return false;
  const bool drawn = words.has("dot") || words.has("svg");
  if (drawn ? model.system->draw != nullptr : model.system->describe != nullptr) return true;
  if (words.has("level")) {
    throw Error(Fault::usage, "--level",
                fmt::format("is for documents; {} is drawn as a graph", model.entry));
  }
  return false;
}

void print_picture(const std::string& dot, const Words& words) {
  print(words.has("svg") ? laid_out(dot) : dot);
}

void print_document(const ModelFile& model, const Words& words) {
  constexpr int levels = 3, usual = 2;
  const auto level = static_cast<int>(words.number("level", usual, 1, levels));
  with_file(model.path, model.entry, [&] {
    if (words.has("dot") || words.has("svg")) {
      print_picture(model.system->draw(*model.files, model.entry, level), words);
    } else {
      print(model.system->describe(*model.files, model.entry));
    }
  });
}

}  // namespace

Usage show_usage() {
  return {show_table,
          "  isomer show net.pt2\n"
          "  isomer show net.pt2 --summary\n"
          "  isomer show net.pt2 --blocks\n"
          "  isomer show net.json\n"
          "  isomer show net.json --svg --level 1 > net.svg\n"
          "  isomer show net.json --graph --dot | dot -Tpng > net.png"};
}

int show(const Words& words) {
  check_words(words);
  const ModelFile model = open_model(words.text("MODEL"), words);
  if (asks_for_document(model, words)) {
    print_document(model, words);
    return yes;
  }
  const Loaded loaded = read_graph(model, words);
  print_notes(model.path, loaded.notes);
  print_links(model);
  if (words.has("json")) {
    print(write_json(tree_of(loaded.graph)) + "\n");
  } else if (words.has("dot") || words.has("svg")) {
    print_picture(dot_of(loaded.graph), words);
  } else if (words.has("blocks")) {
    print(BlockText().of(outline(loaded.graph)));
  } else if (words.has("summary")) {
    print(summary_of(loaded.graph, lengths_asked(words, loaded.graph)));
  } else {
    print(to_text(loaded.graph));
  }
  return yes;
}

}  // namespace isomer::cli

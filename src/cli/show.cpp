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

namespace isomer::cli {
namespace {

constexpr Option options[] = {
    {"MODEL", "FILE", "the model", true},
    {"--summary", "", "how many there are of what, what modules cost, which systems can take it"},
    {"--length", "NAME=NUMBER", "count costs for this number of a named length", false, true},
    {"--blocks", "", "print what repeats once, as blocks"},
    {"--json", "", "print the graph for machines"},
    {"--dot", "", "print the graph for Graphviz"},
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

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

std::string dot_of(const Graph& graph) {
  std::string text;
  const auto add = [&]<class... Values>(fmt::format_string<Values...> form, Values&&... values) {
    text += fmt::format(form, std::forward<Values>(values)...);
  };
  add("digraph \"{}\" {{\n  rankdir=TB;\n  node [shape=box, fontname=\"sans\"];\n",
      escaped(graph.name));
  std::map<ValueId, std::string> made_by;
  for (const ValueId id : graph.inputs) {
    made_by[id] = fmt::format("v{}", static_cast<std::uint32_t>(id));
    add("  {} [shape=ellipse, label=\"{}\\n{}\"];\n", made_by[id], escaped(value_name(graph, id)),
        escaped(to_text(graph[id].type)));
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    add("  n{} [label=\"{}\\n{}\"];\n", i, escaped(node.op), escaped(node.scope));
    for (const ValueId id : node.inputs) {
      const auto from = made_by.find(id);
      if (from == made_by.end()) continue;
      add("  {} -> n{} [label=\"{}\"];\n", from->second, i, escaped(to_text(graph[id].type)));
    }
    for (const ValueId id : node.outputs) made_by[id] = fmt::format("n{}", i);
  }
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const ValueId id = graph.outputs[i];
    add("  out{} [shape=ellipse, label=\"{}\\n{}\"];\n", i, escaped(value_name(graph, id)),
        escaped(to_text(graph[id].type)));
    const auto from = made_by.find(id);
    if (from != made_by.end()) add("  {} -> out{};\n", from->second, i);
  }
  add("}}\n");
  return text;
}

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

}  // namespace

Usage show_usage() {
  return {options,
          "  isomer show net.pt2\n"
          "  isomer show net.pt2 --summary\n"
          "  isomer show net.pt2 --blocks\n"
          "  isomer show net.json --dot | dot -Tsvg > net.svg"};
}

int show(const Words& words) {
  if (words.has("json") + words.has("dot") + words.has("summary") + words.has("blocks") > 1)
    throw Error(Fault::usage, "show", "takes one of --summary, --blocks, --json and --dot");
  if (words.has("length") && !words.has("summary"))
    throw Error(Fault::usage, "--length", "counts costs; add --summary");
  const ModelFile model = open_model(words.text("MODEL"), words);
  const Loaded loaded = read_graph(model, words);
  print_notes(model.path, loaded.notes);
  print_links(model);
  if (words.has("json")) {
    print(write_json(tree_of(loaded.graph)) + "\n");
  } else if (words.has("dot")) {
    print(dot_of(loaded.graph));
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

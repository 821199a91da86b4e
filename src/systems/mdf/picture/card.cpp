#include "systems/mdf/picture/card.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "graph/text.h"
#include "systems/mdf/evaluate.h"
#include "systems/mdf/picture/sentence.h"
#include "systems/mdf/standard.h"
#include "vocabularies/numpy/value.h"

namespace isomer::mdf {
namespace {

template <class T>
const OrderedMap<T>& all(const OrderedMap<T>& map) {
  return map;
}
template <class T>
OrderedMap<T> all(const std::optional<OrderedMap<T>>& map) {
  return map.value_or(OrderedMap<T>());
}

bool begins_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool in_name(char c) { return begins_name(c) || std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// ".8 0 .8" as "#cc00cc"; empty where it is no colour.
std::string color_of(const Tree& metadata) {
  const Tree* given = metadata.find("color");
  if (given == nullptr || given->text() == nullptr) return "";
  std::string result = "#";
  for (const std::string_view part : split_text(*given->text(), ' ')) {
    if (part.empty()) continue;
    double share = 0;
    const auto [end, failed] = std::from_chars(part.data(), part.data() + part.size(), share);
    if (failed != std::errc() || end != part.data() + part.size() || !(share >= 0 && share <= 1))
      return "";
    result += fmt::format("{:02x}", std::lround(255 * share));
  }
  constexpr std::size_t whole = 7;
  return result.size() == whole ? result : "";
}

/// Shows one node.
class Shown {
 public:
  Shown(const Node& node, int level) : node_(node), level_(level) {
    for (const auto& [id, port] : node.output_ports) roles_[id] = Role::output;
    for (const auto& [id, function] : node.functions) roles_[id] = Role::function;
    for (const auto& [id, parameter] : node.parameters) roles_[id] = Role::parameter;
    for (const auto& [id, port] : node.input_ports) roles_[id] = Role::input;
  }

  std::vector<Line> lines(const Tree* condition) {
    if (level_ > 2) metadata();
    for (const auto& [id, port] : node_.input_ports) input(id, port);
    for (const auto& [id, body] : node_.parameters) parameter(id, body);
    for (const auto& [id, body] : node_.functions) function(id, body);
    if (condition != nullptr)
      lines_.push_back({"runs", {{Role::condition, "runs "}, {Role::plain, sentence(*condition)}}});
    for (const auto& [id, port] : node_.output_ports) output(id, port);
    return std::move(lines_);
  }

 private:
  void metadata() {
    if (node_.metadata.map() == nullptr) return;
    for (const auto& [key, value] : *node_.metadata.map())
      lines_.push_back({"", {{Role::aside, fmt::format("{} = {}", key, short_text(value))}}});
  }

  void input(const std::string& id, const InputPort& port) {
    std::vector<std::string> facts;
    if (!port.shape.empty()) facts.push_back(fmt::format("[{}]", fmt::join(port.shape, ", ")));
    if (!port.type.empty()) facts.push_back(port.type);
    if (!port.default_value.is_null())
      facts.push_back(fmt::format("default {}", short_text(port.default_value)));
    if (!port.reduce.empty()) facts.push_back(fmt::format("reduce {}", port.reduce));
    Line line{"input", {{Role::input, id}}};
    if (!facts.empty()) say(line, fmt::format(": {}", fmt::join(facts, ", ")));
    lines_.push_back(std::move(line));
  }

  void output(const std::string& id, const OutputPort& port) {
    Line line{"output", {{Role::output, id}}};
    say(line, " = ");
    expression(line, port.value);
    lines_.push_back(std::move(line));
  }

  void parameter(const std::string& id, const Parameter& parameter) {
    const std::string* text = parameter.value.text();
    std::set<std::string> names;
    if (text != nullptr) collect_names(Formula(*text), names);
    const bool keeps = parameter.time_derivative || !parameter.default_initial_value.is_null() ||
                       names.contains(id);
    Line line{keeps ? "state" : "parameter", {{Role::parameter, id, keeps}}};
    std::string_view separator = " = ";
    const auto begin = [&](std::string_view word) {
      say(line, separator);
      if (!word.empty()) line.pieces.push_back({Role::aside, std::string(word)});
      separator = ", ";
    };
    if (!parameter.value.is_null()) {
      begin("");
      value(line, parameter.value);
    }
    if (!parameter.function.empty()) {
      begin("");
      call(line, parameter.function, all(parameter.args));
    }
    if (!parameter.default_initial_value.is_null()) {
      begin("at first ");
      value(line, parameter.default_initial_value);
    }
    if (parameter.time_derivative) {
      begin("d/dt ");
      expression(line, *parameter.time_derivative);
    }
    lines_.push_back(std::move(line));
    explain(parameter.function);
    for (const auto& [name, condition] : parameter.conditions) {
      Line one{"", {{Role::aside, name + ": if "}}};
      value(one, condition.test);
      say(one, " then ");
      one.pieces.push_back({Role::parameter, id});
      say(one, " = ");
      value(one, condition.value);
      lines_.push_back(std::move(one));
    }
  }

  void function(const std::string& id, const Function& function) {
    Line line{"function", {{Role::function, id}}};
    say(line, " = ");
    call(line, function.function.empty() ? function.value.value_or("") : function.function,
         all(function.args));
    lines_.push_back(std::move(line));
    explain(function.function);
  }

  void call(Line& line, const std::string& function, const OrderedMap<Tree>& args) const {
    const bool known = function.starts_with("onnx::") || !standard_formula(function).empty();
    if (known) {
      line.pieces.push_back({Role::call, function});
    } else {
      expression(line, function);  // a formula
      if (args.empty()) return;
      say(line, " ");
    }
    say(line, "(");
    for (std::size_t i = 0; i < args.size(); ++i) {
      if (i > 0) say(line, ", ");
      const std::string* text = args[i].second.text();
      if (!known || text == nullptr || *text != args[i].first) say(line, args[i].first + "=");
      value(line, args[i].second);
    }
    say(line, ")");
  }

  /// The formula below a call of one of the format's own functions.
  void explain(const std::string& function) {
    const std::string formula = standard_formula(function);
    if (level_ > 2 && !formula.empty())
      lines_.push_back({"", {{Role::aside, fmt::format("{}: {}", function, formula)}}});
  }

  void value(Line& line, const Tree& tree) const {
    if (const std::string* text = tree.text()) return expression(line, *text);
    say(line, short_text(tree));
  }

  /// Names that the node knows, and what stands between.
  void expression(Line& line, std::string_view text) const {
    if (const auto whole = roles_.find(text); whole != roles_.end()) {
      line.pieces.push_back({whole->second, std::string(text)});
      return;
    }
    std::size_t i = 0;
    while (i < text.size()) {
      const std::size_t begin = i;
      while (i < text.size() && !begins_name(text[i]) && !in_name(text[i])) ++i;
      if (i > begin) say(line, text.substr(begin, i - begin));
      const std::size_t word = i;
      while (i < text.size() && in_name(text[i])) ++i;
      const std::string_view name = text.substr(word, i - word);
      const auto found = roles_.find(name);
      if (found != roles_.end()) {
        line.pieces.push_back({found->second, std::string(name)});
      } else if (!name.empty()) {
        say(line, name);
      }
    }
  }

  static void say(Line& line, std::string_view text) {
    if (!line.pieces.empty() && line.pieces.back().role == Role::plain) {
      line.pieces.back().text += text;
    } else {
      line.pieces.push_back({Role::plain, std::string(text)});
    }
  }

  const Node& node_;
  int level_;
  std::map<std::string, Role, std::less<>> roles_;
  std::vector<Line> lines_;
};

Arrow arrow_of(const std::string& id, const Edge& edge) {
  Arrow arrow{id, edge.sender, edge.receiver, {}, {}};
  arrow.label = {
      {Role::output, edge.sender_port}, {Role::plain, " -> "}, {Role::input, edge.receiver_port}};
  for (const auto& [name, value] : all(edge.parameters))
    arrow.parameters.push_back(
        {{Role::plain, name + ": "}, {Role::plain, short_text(value), true}});
  return arrow;
}

/// What a group of conditions says of each name.
const Tree::Map* group_of(const DocumentGraph& graph, std::string_view group) {
  const Tree* found = graph.conditions.find(group);
  return found == nullptr ? nullptr : found->map();
}

}  // namespace

Picture picture_of(const std::string& id, const DocumentGraph& graph, int level) {
  Picture picture{id, {}, {}, {}};
  const Tree* conditions = graph.conditions.find("node_specific");
  for (const auto& [name, node] : graph.nodes) {
    const Tree* condition = conditions == nullptr ? nullptr : conditions->find(name);
    Card card{name, color_of(node.metadata), {}};
    if (level > 1) card.lines = Shown(node, level).lines(condition);
    picture.nodes.push_back(std::move(card));
  }
  for (const auto& [name, edge] : graph.edges) {
    picture.edges.push_back(arrow_of(name, edge));
    if (level > 1) continue;
    picture.edges.back().label.clear();
    picture.edges.back().parameters.clear();
  }
  const Tree::Map* terminations = level > 1 ? group_of(graph, "termination") : nullptr;
  if (terminations != nullptr) {
    for (const auto& [scale, condition] : *terminations)
      picture.terminations.push_back(
          {"ends", {{Role::condition, scale + " ends "}, {Role::plain, sentence(condition)}}});
  }
  return picture;
}

}  // namespace isomer::mdf

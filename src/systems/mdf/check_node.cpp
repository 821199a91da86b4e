#include "systems/mdf/check_node.h"

#include <algorithm>
#include <map>
#include <span>

#include "base/text.h"
#include "systems/mdf/evaluate.h"
#include "systems/mdf/standard.h"
#include "vocabularies/numpy/numbers.h"
#include "vocabularies/onnx/onnx.h"

namespace isomer::mdf {
namespace {

/// What an expression may name besides what every node knows.
struct Names {
  const std::set<std::string>& own;
  std::vector<std::string> args = {};  // that stand before it

  bool contains(const std::string& name) const {
    return own.contains(name) || std::ranges::find(args, name) != args.end();
  }
};

/// "numpy.linalg.norm" of a chain of attributes that begins with such a name; empty for others.
std::string path_of(const Expression& expression, const Names& own) {
  if (expression.kind == Expression::Kind::name)
    return own.contains(expression.text) ? "" : expression.text;
  if (expression.kind != Expression::Kind::attribute) return "";
  const std::string before = path_of(expression.operands[0], own);
  return before.empty() ? "" : before + "." + expression.text;
}

const std::vector<std::string_view>& functions() {
  static const std::vector<std::string_view> names = numpy::function_names();
  return names;
}

bool is_function(const std::string& name) { return std::ranges::binary_search(functions(), name); }

class NodeChecker {
 public:
  NodeChecker(const std::string& id, const Node& node, const std::set<std::string>& open,
              const std::set<Path>& told, Problems& problems)
      : place_{"nodes", id}, node_(node), open_(open), told_(told), problems_(problems) {
    for (const auto& [name, port] : node.input_ports) own_.insert(name);
    for (const auto& [name, parameter] : node.parameters) {
      places_.emplace(name, places_.size());
      own_.insert(name);
    }
    all_ = own_;
  }

  void check() {
    for (const auto& [name, port] : node_.input_ports)
      expression(at({"input_ports", name, "default_value"}), port.default_value, {own_});
    for (const auto& [name, function] : node_.functions) all_.insert(name);
    for (const auto& [name, body] : node_.functions) function(name, body);
    for (std::size_t i = 0; i < node_.parameters.size(); ++i) parameter(i);
    for (const auto& [name, port] : node_.output_ports) {
      if (!port.value.empty())
        expression(at({"output_ports", name, "value"}), {port.value}, {all_});
    }
  }

 private:
  Path at(const Path& parts) const {
    Path path = place_;
    path.insert(path.end(), parts.begin(), parts.end());
    return path;
  }

  // --- expressions

  void expression(const Path& path, const Tree& tree, const Names& own) {
    const std::string* text = tree.text();
    if (text == nullptr || own.contains(*text) || !numpy::number_in(*text).is_none()) return;
    problems_.noting(path, [&] {
      const Expression parsed = parse_expression(*text);
      std::set<std::string> names;
      collect_names(parsed, names);
      for (const std::string& name : names) {
        if (!own.contains(name) && !is_known_word(name)) unknown_name(path, name, own);
      }
      calls(path, parsed, own);
    });
  }

  void unknown_name(const Path& path, const std::string& name, const Names& names) {
    constexpr std::size_t most = 1'000;
    std::vector<std::string_view> known(names.args.begin(), names.args.end());
    if (names.own.size() <= most) known.insert(known.end(), names.own.begin(), names.own.end());
    problems_.error(path, fmt::format("the name {} is not known in the node", quoted(name)),
                    hint(name, known));
  }

  /// Nobody reads many, and each costs.
  std::string_view near_one(std::string_view word, std::span<const std::string_view> known) const {
    constexpr std::size_t most = 1'000;
    return problems_.errors() < most ? nearest(word, known) : "";
  }
  std::string hint(std::string_view word, std::span<const std::string_view> known) const {
    const std::string_view near = near_one(word, known);
    return near.empty() ? "" : fmt::format("did you mean {}?", quoted(near));
  }

  void calls(const Path& path, const Expression& e, const Names& own) {
    for (const Expression& operand : e.operands) calls(path, operand, own);
    if (e.kind == Expression::Kind::attribute && e.text.starts_with('_')) {
      problems_.error(path, fmt::format("there is no attribute {}", quoted(e.text)),
                      "arrays have those of NumPy: x.T, x.shape");
    }
    if (e.kind != Expression::Kind::call) return;
    const Expression& function = e.operands[0];
    const std::string name = path_of(function, own);
    const bool method = name.empty() && function.kind == Expression::Kind::attribute;
    const std::string drawn = "numpy.random." + function.text;
    const bool of_stream = method && is_function(drawn);
    const std::string row = of_stream ? drawn : method ? "." + function.text : name;
    const bool none = row.empty() || is_function(row) || own.contains(row) ||
                      !is_known_word(row.substr(0, row.find('.', 1)));
    if (method ? is_function(row) || function.text.starts_with('_') : none) return;
    problems_.error(path,
                    fmt::format("there is no {} {} here", method ? "method" : "function",
                                quoted(method ? function.text : name)),
                    function_hint(row));
  }

  /// Of the same module: what all its names begin with brings no two of them nearer.
  std::string function_hint(const std::string& name) const {
    const std::string module = name.substr(0, name.rfind('.') + 1);
    std::vector<std::string_view> known;
    for (const std::string_view row : functions()) {
      if (row.starts_with(module)) known.push_back(row.substr(module.size()));
    }
    const std::string_view near = near_one(std::string_view(name).substr(module.size()), known);
    return near.empty() ? "" : fmt::format("did you mean '{}{}'?", module, near);
  }

  // --- parameters and functions

  void parameter(std::size_t i) {
    const auto& [name, parameter] = node_.parameters[i];
    const Path place = at({"parameters", name});
    const auto inside = [&](const Path& parts) {
      Path path = place;
      path.insert(path.end(), parts.begin(), parts.end());
      return path;
    };
    if (!told_.contains(place)) expression(inside({"value"}), parameter.value, {all_});
    expression(inside({"default_initial_value"}), parameter.default_initial_value, {own_});
    if (parameter.time_derivative)
      expression(inside({"time_derivative"}), {*parameter.time_derivative}, {all_});
    for (const auto& [id, condition] : parameter.conditions) {
      expression(inside({"conditions", id, "test"}), condition.test, {all_});
      expression(inside({"conditions", id, "value"}), condition.value, {all_});
    }
    if (parameter.value.is_null() && !parameter.function.empty())
      call(place, parameter.function, parameter.args.value_or(OrderedMap<Tree>()),
           parameter.function);
    order(i, place);
  }

  void function(const std::string& name, const Function& function) {
    if (function.function.empty() && !function.value)
      return problems_.error(at({"functions", name}), "it has no 'function' and no 'value'");
    call(at({"functions", name}), function.function, function.args.value_or(OrderedMap<Tree>()),
         function.value.value_or(function.function));
  }

  /// A function with its arguments; one that is none of the format is the formula `fallback`.
  void call(const Path& place, const std::string& name, const OrderedMap<Tree>& args,
            const std::string& fallback) {
    const auto inside = [&](const Path& parts) {
      Path path = place;
      path.insert(path.end(), parts.begin(), parts.end());
      return path;
    };
    Names known{all_};
    const bool told = told_.contains(place);
    for (const auto& [arg, tree] : args) {
      if (!told) expression(inside({"args", arg}), tree, known);
      known.args.push_back(arg);
    }
    if (name.starts_with("onnx::")) return onnx_call(place, name, args);
    const std::string formula = standard_formula(name);
    if (formula.empty()) {
      if (!told) expression(inside({"function"}), {fallback}, known);
      return;
    }
    std::set<std::string> needed;
    collect_names(parse_expression(formula), needed);
    for (const std::string& word : needed) {
      if (!known.contains(word) && !is_known_word(word))
        problems_.error(place,
                        fmt::format("the arg {} of {} is missing", quoted(word), quoted(name)));
    }
  }

  void onnx_call(const Path& place, const std::string& name, const OrderedMap<Tree>& args) {
    const onnx::Operator* op = onnx_function(name);
    if (op == nullptr) return unknown_operator(place, name);
    const auto need = [&](std::string_view word) {
      if (mdf::find(args, word) == nullptr && !all_.contains(std::string(word)))
        problems_.error(place,
                        fmt::format("the arg {} of {} is missing", quoted(word), quoted(name)));
    };
    for (const auto& input : op->prototype.inputs) {
      if (!input.optional && !input.variadic) need(input.name);
    }
    for (const auto& setting : op->prototype.settings) {
      if (!setting.optional && !setting.default_value) need(setting.name);
    }
    for (const auto& setting : op->prototype.settings) setting_value(place, setting, args);
    if (op->variadic()) return operands(place, name);
    if (op->name() == "Constant") return;
    for (const auto& [arg, tree] : args) text_attribute(place, *op, arg, tree);
    hidden_names(place, *op, args);
    for (std::size_t i = 1; i < op->prototype.inputs.size(); ++i)
      weight(*op, std::string(op->prototype.inputs[i].name), args);
  }

  /// A constant that the operator cannot take for what it sets.
  void setting_value(const Path& place, const Prototype::Setting& setting,
                     const OrderedMap<Tree>& args) {
    const std::string id(setting.name);
    const Tree* tree = mdf::find(args, id);
    Path path = place;
    path.insert(path.end(), {"args", id});
    const Parameter* parameter = mdf::find(node_.parameters, id);
    if (tree == nullptr && parameter != nullptr && parameter->function.empty()) {
      tree = &parameter->value;
      path = at({"parameters", id, "value"});
    }
    if (tree == nullptr || tree->is_null() || tree->text() != nullptr) return;
    problems_.noting(path, [&] { attribute_from(Formula(*tree).value(), setting.kind); });
  }

  void unknown_operator(const Path& place, const std::string& name) {
    const std::string bare = name.substr(name.find("::") + 2);
    if (onnx::find(bare, onnx::newest) != nullptr) {
      return problems_.error(place, fmt::format("{} came after opset {}, which documents mean",
                                                quoted(name), onnx_opset));
    }
    std::vector<std::string> names;
    for (const onnx::Operator* op : onnx::operators(onnx_opset))
      names.push_back(fmt::format("onnx::{}", op->name()));
    const std::vector<std::string_view> known(names.begin(), names.end());
    problems_.error(place, fmt::format("there is no function {} here", quoted(name)),
                    hint(name, known));
  }

  // --- what may not mean what its author thinks

  /// An operator of any number of operands takes all that the node has.
  void operands(const Path& place, const std::string& name) {
    std::vector<std::string> taken;
    for (const auto& [id, parameter] : node_.parameters) {
      if (!parameter.function.empty() && id.find("onnx_") == std::string::npos)
        taken.push_back(quoted(id));
    }
    if (taken.empty()) return;
    problems_.warning(place,
                      fmt::format("{} takes parameters of the node, too, as operands: {}",
                                  quoted(name), listed(taken)),
                      "'onnx_' in their ids keeps them out");
  }

  void text_attribute(const Path& place, const onnx::Operator& op, const std::string& arg,
                      const Tree& tree) {
    const std::string* text = tree.text();
    if (text == nullptr || attribute_kind(op, arg) != isomer::Kind::text) return;
    if (own_.contains(*text) || *text == "constant" || text->find('(') != std::string::npos) return;
    Path path = place;
    path.insert(path.end(), {"args", arg});
    problems_.warning(
        path, fmt::format("the text {} is an expression to the format's program", quoted(*text)),
        fmt::format("write numpy.str_({})", quoted(*text)));
  }

  /// Names of the operator's own inputs, which arguments hide from those behind them.
  void hidden_names(const Path& place, const onnx::Operator& op, const OrderedMap<Tree>& args) {
    for (const auto& input : op.prototype.inputs) {
      const std::string id(input.name);
      if (own_.contains(id) && mdf::find(args, id) == nullptr) {
        problems_.warning(place, fmt::format("{} is called as an input of {} and taken for it",
                                             quoted(id), quoted(op.name())));
      }
    }
    std::set<std::string> hidden;
    for (const auto& [arg, tree] : args) {
      std::set<std::string> names;
      if (tree.text() != nullptr) collect_names(Formula(tree), names);
      for (const std::string& name : names) {
        if (hidden.contains(name))
          problems_.warning(place,
                            fmt::format("{} in the arg {} is the arg before it, and not what "
                                        "is so called in the node",
                                        quoted(name), quoted(arg)));
      }
      const bool same = tree.text() != nullptr && *tree.text() == arg;
      if (own_.contains(arg) && !same) hidden.insert(arg);
    }
  }

  /// Importers leave weights to be given beside the document.
  void weight(const onnx::Operator& op, const std::string& input, const OrderedMap<Tree>& args) {
    const Tree* arg = mdf::find(args, input);
    if (arg == nullptr || arg->text() == nullptr || !open_.contains(*arg->text())) return;
    if (arg->text()->starts_with("input")) return;  // how they call the model's own
    problems_.warning(at({"input_ports", *arg->text()}),
                      fmt::format("nothing comes to it, and {} takes it as its {}",
                                  quoted(op.name()), quoted(input)),
                      "without a value that is given, it is zeros");
  }

  /// Values of other parameters that are not computed yet.
  void order(std::size_t i, const Path& place) {
    const auto& [name, parameter] = node_.parameters[i];
    std::set<std::string> used;
    if (parameter.value.text() != nullptr) collect_names(Formula(parameter.value), used);
    const bool whole = used.size() == 1 && parameter.value.text() != nullptr &&
                       used.contains(*parameter.value.text());
    if (parameter.value.is_null() && parameter.args) {
      for (const auto& [arg, tree] : *parameter.args) {
        if (tree.text() != nullptr) collect_names(Formula(tree), used);
      }
    }
    for (const std::string& other : used) {
      const auto found = places_.find(other);
      if (found == places_.end() || found->second == i) continue;
      const std::size_t j = found->second;
      const Parameter& body = node_.parameters[j].second;
      if (body.time_derivative || !body.default_initial_value.is_null()) continue;
      if (j > i) {
        problems_.warning(place,
                          fmt::format("it uses {}, which is computed after it", quoted(other)),
                          "it has no value in the first evaluation");
      } else if (body.value.is_null() && !parameter.value.is_null() && !whole) {
        problems_.warning(
            place,
            fmt::format("its value computes with the function {} of the node", quoted(other)),
            "that has no value when the first evaluation begins; compute it in an output port");
      }
    }
  }

  const Path place_;
  const Node& node_;
  const std::set<std::string>& open_;
  const std::set<Path>& told_;
  Problems& problems_;
  std::set<std::string> own_;                       // ids of input ports and parameters
  std::set<std::string> all_;                       // and of functions
  std::map<std::string_view, std::size_t> places_;  // of parameters
};

}  // namespace

void check_node(const std::string& id, const Node& node, const std::set<std::string>& open,
                const std::set<Path>& told, Problems& problems) {
  NodeChecker(id, node, open, told, problems).check();
}

}  // namespace isomer::mdf

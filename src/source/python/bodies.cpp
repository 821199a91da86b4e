#include "source/python/bodies.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/schema.h"
#include "ops/validate.h"
#include "passes/rewrite.h"
#include "source/python/dialect.h"
#include "source/python/loops.h"

namespace isomer::python {
namespace {

/// PyTorch exports no tensor made of a number inside a body, but one that an operator fills: what
/// another body is given, and results.
Graph filled(Graph graph) {
  const auto fill = [&graph](ValueId& id) {
    const auto constant = std::ranges::find(graph.constants, id, &Constant::value);
    if (constant == graph.constants.end() || !is_literal(*constant)) return;
    const DType dtype = constant->data.dtype();
    const double number = is_floating(dtype) ? number_of(*constant)
                                             : static_cast<double>(constant->data.integers()[0]);
    // An operator fills with a float, which holds no larger integer.
    if (!is_floating(dtype) && std::abs(number) >= 0x1p53) return;
    graph.values.push_back(graph[id]);
    id = static_cast<ValueId>(graph.values.size() - 1);
    Node node;
    node.op = "full";
    node.outputs = {id};
    node.attributes = {{"shape", Shape{}}, {"value", number}, {"dtype", dtype}};
    graph.nodes.push_back(std::move(node));
  };
  for (Node& node : std::exchange(graph.nodes, {})) {
    if (!node.bodies.empty()) std::ranges::for_each(node.inputs, fill);
    graph.nodes.push_back(std::move(node));
  }
  std::ranges::for_each(graph.outputs, fill);
  return graph;
}

/// Where modules were is said by the model's classes, not by functions.
Graph as_function(const Graph& body, bool tuple) {
  Graph graph = body;
  for (Node& node : graph.nodes) node.scope.clear();
  if (tuple) {
    graph.signature.results = {
        Structure::Kind::tuple, {}, std::vector<Structure>(graph.outputs.size())};
  }
  return filled(std::move(graph));
}

/// A function has no mode that a dropout could follow.
void refuse_training(const Graph& body) {
  for (const Node& node : body.nodes) {
    const Attribute* training = find(node.attributes, "training");
    if (training == nullptr || !std::get<bool>(*training)) continue;
    throw Error(Fault::unsupported, describe(body, node),
                "is at work in training inside a body, which as a function has no mode to follow; "
                "export the model in evaluation mode, after model.eval()");
  }
}

/// "(x, w):" of "def forward(self, x, w):"
std::string parameters_in(std::string head) {
  head.erase(0, head.find("self") + std::string_view("self").size());
  if (head.starts_with(", ")) head.erase(0, 2);
  return "(" + head;
}

/// Moves the constants of one graph's bodies to that graph.
class Lifting {
 public:
  explicit Lifting(const Graph& graph) : graph_(graph) {}

  Graph run() {
    for (Node& node : graph_.nodes) {
      for (Body& body : node.bodies)
        body = std::make_shared<const Graph>(with_constants_outside(*body));
      lift(node);
    }
    return std::move(graph_);
  }

 private:
  /// Each body of a node takes what any of them has.
  void lift(Node& node) {
    std::vector<Graph> bodies;
    for (const Body& body : node.bodies) bodies.push_back(*body);
    bool any = false;
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      for (const Constant& constant : std::exchange(bodies[i].constants, {})) {
        if (is_literal(constant)) {
          bodies[i].constants.push_back(constant);
          continue;
        }
        any = true;
        move_out(constant, node, bodies, i);
      }
    }
    if (!any) return;
    node.bodies.clear();
    for (Graph& body : bodies) {
      body.signature.arguments = flat_arguments(body);
      node.bodies.push_back(std::make_shared<const Graph>(std::move(body)));
    }
  }

  void move_out(const Constant& constant, Node& node, std::vector<Graph>& bodies,
                std::size_t owner) {
    const Value value = bodies[owner][constant.value];
    for (std::size_t i = 0; i < bodies.size(); ++i) {
      if (i == owner) {
        bodies[i].inputs.push_back(constant.value);
        continue;
      }
      bodies[i].values.push_back(value);
      bodies[i].inputs.push_back(static_cast<ValueId>(bodies[i].values.size() - 1));
    }
    graph_.values.push_back(value);
    const auto outside = static_cast<ValueId>(graph_.values.size() - 1);
    graph_.constants.push_back({outside, constant.data, false, {}, {}});
    node.inputs.push_back(outside);
  }

  Graph graph_;
};

}  // namespace

Bodies::Bodies(const Dialect& dialect, const Graph& graph) : dialect_(dialect) { add_all(graph); }

void Bodies::add_all(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    const std::vector<std::string_view>& roles = prototype(op_named(node.op)).bodies;
    for (std::size_t i = 0; i < node.bodies.size(); ++i) {
      if (names_.contains(node.bodies[i])) continue;
      add_all(*node.bodies[i]);
      add(roles[i], node.bodies[i]);
    }
  }
}

void Bodies::add(std::string_view role, const Body& body) {
  // A branch gives one value or a tuple of them, and so does a condition; what is carried is one.
  refuse_training(*body);
  const Graph function = as_function(*body, role == "body");
  const Layered plain = recover_layers(function, {});
  const Modules modules(dialect_, function, plain, *this);
  Choices choices;
  ForwardText forward = forward_text(modules, 0, parameters_of(modules), choices);
  forward.head = parameters_in(forward.head);
  PythonText out;
  write_forward(forward, out);
  const auto known = by_text_.find(out.text());
  if (known != by_text_.end()) {
    names_.emplace(body, known->second);
    return;
  }
  const std::string hint = role == "else" ? "_otherwise" : fmt::format("_{}", role);
  const int count = ++counts_[hint];
  const std::string name = count == 1 ? hint : fmt::format("{}_{}", hint, count);
  by_text_.emplace(out.text(), name);
  names_.emplace(body, name);
  text_ += fmt::format("\n\ndef {}{}", name, out.text());
}

Graph with_constants_outside(const Graph& graph) { return Lifting(graph).run(); }

}  // namespace isomer::python

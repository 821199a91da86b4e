#pragma once

// The bodies of a graph's nodes, each a function of the program.

#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace isomer::python {

struct Dialect;

class Bodies {
 public:
  /// All of a graph, those in other bodies, too. They have no constants but numbers.
  Bodies(const Dialect& dialect, const Graph& graph);

  /// The name of its function; of equal bodies it is the same.
  const std::string& name(const Body& body) const { return names_.at(body); }
  const std::string& text() const { return text_; }

 private:
  void add_all(const Graph& graph);
  void add(std::string_view hint, const Body& body);

  const Dialect& dialect_;
  std::map<Body, std::string> names_;
  std::map<std::string, std::string> by_text_;  // what follows a function's name
  std::map<std::string, int> counts_;           // of functions, by hint
  std::string text_;
};

/// The graph whose bodies have no constants but numbers: others become inputs of theirs, and
/// constants of the graph.
Graph with_constants_outside(const Graph& graph);

}  // namespace isomer::python

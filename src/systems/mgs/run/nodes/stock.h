#pragma once

// MGS's own neurons of models/DNN: a node sums, the set of edges that leaves it has the weights. By
// the formulas of its C++, in its order. Here, so that whole layers of them can be run at once.

#include "systems/mgs/run/nodes/nodes.h"

namespace isomer::mgs {

enum class Transfer { identity, tanh, relu };

struct DnShared {
  double eta = 0;
  double alpha = 0;
  double beta = 0;
  std::vector<std::string> optimization = {};
};

/// How weights change.
struct DnRule {
  double eta = 0, alpha = 0, beta = 0;
  bool momentum = false, rmsprop = false;
};
DnRule rule_of(const DnShared& shared);

/// The element of an array that a link means.
double dn_element(const Link& link);
/// Of what is not yet there.
bool is_pending(double value);

struct DnNode {
  double output = 0;
  double gradient = 0;
  Links inputs = {};  // arrays, and which element is meant for this node
  const double* weighted_gradient = nullptr;
  bool ready = false;

  void initialize(Visit&);
  void update(Visit&);
  /// With the sum of its inputs, or what is not yet there.
  void take(double sum, bool all_there);
  void extract_input_index(const Arrival& arrival, Visit&) {
    arrival.link.number = arrival.attributes.integer("index");
  }
};

struct DnEdgeSet {
  Reals weights = {};
  Reals delta_weights = {};
  Reals delta_weights_squared = {};
  Reals weighted_outputs = {};
  double weighted_gradient = 0;
  Reals echoes = {};
  unsigned echo_index = 0;
  double bias_correction_w = 0;
  double bias_correction_s = 0;
  const double* input = nullptr;
  Links gradients = {};
  bool ready_forward = false;
  bool ready_backward = false;
  std::string transfer_function_name = {};
  bool momentum = false;
  bool rmsprop = false;
  Transfer transfer = Transfer::identity;

  void initialize(Visit& visit);
  void update(Visit& visit);
  /// Of those that others read as arrays.
  void begin_outputs();
  double transferred() const;
  double slope(double activation) const;
  /// Of the sample that a gradient belongs to; takes the place of it.
  double echoed(double activation);
  /// What the corrections are after this step.
  void corrected(const DnRule& rule);

 private:
  void begin_weights(Visit& visit);
};

/// One step of one weight.
void step_weight(const DnRule& rule, double derivative, double correction_w, double correction_s,
                 double& weight, double* moment, double* square);

}  // namespace isomer::mgs

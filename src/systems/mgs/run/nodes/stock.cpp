#include "systems/mgs/run/nodes/stock.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "base/text.h"

namespace isomer::mgs {
namespace {

constexpr double pending = DBL_MAX;

const Reals* array_of(const Link& link) { return static_cast<const Reals*>(link.source); }

constexpr Field dn_node_fields[] = {
    field<&DnNode::output>("output"), field<&DnNode::gradient>("gradient"),
    field<&DnNode::inputs>("inputs"), field<&DnNode::weighted_gradient>("weightedGradient"),
    field<&DnNode::ready>("ready"),
};
constexpr Method dn_node_methods[] = {
    method<&DnNode::initialize>("initialize"),
    method<&DnNode::update>("update"),
};
constexpr UserFunction dn_node_functions[] = {
    user_function<&DnNode::extract_input_index>("extractInputIndex"),
};

constexpr Field dn_edge_set_fields[] = {
    field<&DnEdgeSet::weights>("weights"),
    field<&DnEdgeSet::delta_weights>("deltaWeights"),
    field<&DnEdgeSet::delta_weights_squared>("deltaWeightsSquared"),
    field<&DnEdgeSet::weighted_outputs>("weightedOutputs"),
    field<&DnEdgeSet::weighted_gradient>("weightedGradient"),
    field<&DnEdgeSet::echoes>("echoes"),
    field<&DnEdgeSet::echo_index>("echoIndex"),
    field<&DnEdgeSet::bias_correction_w>("biasCorrectionW"),
    field<&DnEdgeSet::bias_correction_s>("biasCorrectionS"),
    field<&DnEdgeSet::input>("input"),
    field<&DnEdgeSet::gradients>("gradients"),
    field<&DnEdgeSet::ready_forward>("readyForward"),
    field<&DnEdgeSet::ready_backward>("readyBackward"),
    field<&DnEdgeSet::transfer_function_name>("transferFunctionName"),
    field<&DnEdgeSet::momentum>("momentum"),
    field<&DnEdgeSet::rmsprop>("rmsprop"),
};
constexpr Field dn_shared_fields[] = {
    field<&DnShared::eta>("eta"),
    field<&DnShared::alpha>("alpha"),
    field<&DnShared::beta>("beta"),
    field<&DnShared::optimization>("optimization"),
};
constexpr Method dn_edge_set_methods[] = {
    method<&DnEdgeSet::initialize>("initialize"),
    method<&DnEdgeSet::update>("update"),
};

}  // namespace

double dn_element(const Link& link) {
  const auto index = static_cast<std::size_t>(link.number);
  if (index < array_of(link)->size()) return (*array_of(link))[index];
  throw Ended{aborted,
              {Mistake::crash,
               {},
               fmt::format("a DNNode reads element {} of an array of {}, and "
                           "MGS ends the program",
                           index, array_of(link)->size())}};
}

bool is_pending(double value) { return value == pending; }

DnRule rule_of(const DnShared& shared) {
  DnRule rule{shared.eta, shared.alpha, shared.beta, false, false};
  for (const std::string& name : shared.optimization) {
    if (name == "Momentum" || name == "Adam") rule.momentum = true;
    if (name == "RMSprop" || name == "Adam") rule.rmsprop = true;
  }
  return rule;
}

void DnNode::initialize(Visit&) {
  output = pending;
  gradient = pending;
  ready = false;
}

void DnNode::take(double sum, bool all_there) {
  ready = ready || all_there;
  if (!ready) return;
  if (weighted_gradient == nullptr) {
    throw Ended{crashed,
                {Mistake::crash,
                 {},
                 "a DNNode has no producer of its gradient, and MGS crashes "
                 "when it is ready; connect one with identifier 'gradient'"}};
  }
  output = sum;
  gradient = *weighted_gradient;
  if (std::isfinite(output) && std::isfinite(gradient)) return;
  throw Ended{aborted,
              {Mistake::crash,
               {},
               "a DNNode's output or gradient is not finite, and MGS ends the "
               "program"}};
}

void DnNode::update(Visit&) {
  bool all_there = !inputs.empty();
  if (!ready) {
    inputs.each([&](const Link& link) { all_there = all_there && !is_pending(dn_element(link)); });
    if (!all_there) return;
  }
  double sum = 0;
  inputs.each([&](const Link& link) { sum += dn_element(link); });
  take(sum, all_there);
}

// The weights that a script gives are kept where they are as many as the edges: MGS itself draws
// new ones, by a stream of random numbers that nobody else can follow.
void DnEdgeSet::begin_weights(Visit& visit) {
  const std::size_t count = gradients.size();
  for (const auto& [layer, rows] : visit.simulation.initial_weights) {
    if (layer != visit.layer->name || visit.index >= rows.size()) continue;
    weights = rows[visit.index];
    if (weights.size() == count) return;
    throw Error(Fault::model, layer,
                fmt::format("edge set {} has {} edges and is given {} weights", visit.index, count,
                            weights.size()));
  }
  if (!weights.empty()) {
    const bool kept = weights.size() == count;
    Problem problem{Mistake::silent,
                    {},
                    "a DNEdgeSet is given weights, which MGS replaces by "
                    "random ones",
                    kept ? "here they are kept" : "",
                    Diagnostic::Severity::warning};
    visit.simulation.note(problem);
    if (kept) return;
  }
  weights.resize(count);
  for (double& weight : weights) weight = 2 * visit.simulation.random.uniform() - 1;
}

void DnEdgeSet::initialize(Visit& visit) {
  const DnRule rule = rule_of(visit.shared<DnShared>());
  momentum = rule.momentum;
  rmsprop = rule.rmsprop;
  if (transfer_function_name == "tanh") {
    transfer = Transfer::tanh;
  } else if (transfer_function_name == "relu") {
    transfer = Transfer::relu;
  } else if (transfer_function_name == "identity") {
    transfer = Transfer::identity;
  } else {
    visit.give_up(
        fmt::format("DNEdgeSet: there is no transfer function {}; there are: tanh, relu, "
                    "identity",
                    quoted(transfer_function_name)));
  }
  begin_weights(visit);
  weighted_gradient = pending;
  delta_weights.assign(momentum ? weights.size() : 0, 0);
  delta_weights_squared.assign(rmsprop ? weights.size() : 0, 0);
  echoes.clear();
  echo_index = 0;
  bias_correction_w = rule.alpha;
  bias_correction_s = rule.beta;
  if (visit.simulation.mode != Mode::fast) begin_outputs();
}

void DnEdgeSet::begin_outputs() { weighted_outputs.assign(weights.size(), pending); }

double DnEdgeSet::transferred() const {
  switch (transfer) {
    case Transfer::tanh: return std::tanh(*input);
    case Transfer::relu: return *input > 0 ? *input : 0;
    case Transfer::identity: break;
  }
  return *input;
}

// That of the identity is 0 in MGS, so nothing is learnt behind one.
double DnEdgeSet::slope(double activation) const {
  switch (transfer) {
    case Transfer::tanh: return 1 - activation * activation;
    case Transfer::relu: return activation > 0 ? 1 : 0;
    case Transfer::identity: break;
  }
  return 0;
}

double DnEdgeSet::echoed(double activation) {
  constexpr std::size_t most = std::size_t{1} << 24U;
  if (!ready_backward) {
    echoes.push_back(activation);
    if (echoes.size() > most) {
      throw Error(Fault::model, "",
                  "limit: an edge set waits for a gradient since 16 million iterations");
    }
    return pending;
  }
  if (echoes.empty()) return activation;
  return echoes[echo_index];
}

void DnEdgeSet::corrected(const DnRule& rule) {
  if (momentum) bias_correction_w *= rule.alpha;
  if (rmsprop) bias_correction_s *= rule.beta;
}

void step_weight(const DnRule& rule, double derivative, double correction_w, double correction_s,
                 double& weight, double* moment, double* square) {
  double by = rule.eta * derivative;
  if (rule.rmsprop) {
    *square =
        ((1 - rule.beta) * (derivative * derivative) + rule.beta * *square) / (1 - correction_s);
  }
  if (rule.momentum) {
    *moment = ((1 - rule.alpha) * derivative + rule.alpha * *moment) / (1 - correction_w);
    by = rule.eta * *moment;
  }
  if (rule.rmsprop) by /= std::sqrt(*square + 1e-8);
  weight += by;
}

void DnEdgeSet::update(Visit& visit) {
  if (input == nullptr) {
    throw Ended{crashed, {Mistake::crash, {}, "a DNEdgeSet has no input, and MGS crashes"}};
  }
  ready_forward = ready_forward || !is_pending(*input);
  if (!ready_forward) return;
  const double activation = transferred();
  const std::size_t count = weights.size();
  for (std::size_t k = 0; k < count; ++k) weighted_outputs[k] = weights[k] * activation;
  if (!ready_backward) {
    ready_backward = !gradients.empty();
    gradients.each_value(
        [&](double value) { ready_backward = ready_backward && !is_pending(value); });
  }
  const bool learns = ready_backward;
  const double echo = echoed(activation);
  if (!learns) return;
  const DnRule rule = rule_of(visit.shared<DnShared>());
  double back = 0;
  std::size_t k = 0;
  gradients.each_value([&](double gradient) {
    back += weights[k] * gradient;
    step_weight(rule, echo * gradient, bias_correction_w, bias_correction_s, weights[k],
                momentum ? &delta_weights[k] : nullptr,
                rmsprop ? &delta_weights_squared[k] : nullptr);
    ++k;
  });
  corrected(rule);
  weighted_gradient = back * slope(echo);
  if (echoes.empty()) return;
  echoes[echo_index] = activation;
  echo_index = (echo_index + 1) % static_cast<unsigned>(echoes.size());
}

const NativeType dn_node_type{.name = "DNNode",
                              .fields = dn_node_fields,
                              .methods = dn_node_methods,
                              .make = make_nodes<DnNode>,
                              .functions = dn_node_functions};
const NativeType dn_edge_set_type{.name = "DNEdgeSet",
                                  .fields = dn_edge_set_fields,
                                  .methods = dn_edge_set_methods,
                                  .make = make_nodes<DnEdgeSet>,
                                  .shared_fields = dn_shared_fields,
                                  .make_shared = make_nodes<DnShared>};

}  // namespace isomer::mgs

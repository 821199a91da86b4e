#include <cmath>

#include "base/text.h"
#include "systems/mgs/run/nodes/nodes.h"

namespace isomer::mgs {
namespace {

struct TrainShared {
  double lr = 0;
  std::string rule = {};
  double momentum = 0;
  double beta1 = 0;
  double beta2 = 0;
  double eps = 0;
  unsigned batch = 0;
};

enum class Rule { descent, momentum, adam };

/// Forward in f<level>, backward and the weights' update in b<level>.
struct TrainNeuron {
  double y = 0;
  Reals back = {};
  double bias = 0;
  Reals w = {};
  Links x = {};
  Links backs = {};  // the arrays of gradients, and which element is this node's
  const Reals* array_in = nullptr;
  unsigned array_index = 0;
  unsigned level = 0;
  std::string act = {};
  std::string weight_file = {};
  std::string trace = {};
  Activation activation = Activation::identity;
  Rule rule = Rule::descent;
  unsigned steps = 0;
  Reals gradient = {}, first_moment = {}, second_moment = {};  // element 0 is the bias's

  void initialize(Visit& visit);
  void finish(Visit&) {}
  template <unsigned level_of_phase>
  void forward_at(Visit&) {
    if (level == level_of_phase) forward();
  }
  template <unsigned level_of_phase>
  void backward_at(Visit& visit) {
    if (level == level_of_phase) backward(visit);
  }
  void set_array_index(const Arrival& arrival, Visit&) {
    array_index = static_cast<unsigned>(arrival.attributes.integer("index"));
  }
  void set_back_index(const Arrival& arrival, Visit&) {
    arrival.link.number = arrival.attributes.integer("index");
  }

 private:
  void forward();
  void backward(Visit& visit);
  double incoming() const;
  void update(const TrainShared& shared, unsigned batch);
  void write(Visit& visit, std::int64_t iteration) const;
};

constexpr Activation train_activations[] = {Activation::tanh, Activation::relu,
                                            Activation::sigmoid};

[[noreturn]] void refuse_element(std::size_t index, std::size_t size) {
  throw Ended{aborted,
              {Mistake::crash,
               {},
               fmt::format("a TrainNeuron reads element {} of {}, and MGS ends "
                           "the program",
                           index, size)}};
}

void TrainNeuron::initialize(Visit& visit) {
  const auto& shared = visit.shared<TrainShared>();
  activation = activation_named(act, train_activations);
  rule = shared.rule == "adam"       ? Rule::adam
         : shared.rule == "momentum" ? Rule::momentum
                                     : Rule::descent;
  steps = 0;
  const std::size_t count = x.size();
  back.resize(std::max(back.size(), count));
  std::fill_n(back.begin(), count, 0.0);
  gradient.assign(count + 1, 0);
  first_moment.assign(rule == Rule::descent ? 0 : count + 1, 0);
  second_moment.assign(rule == Rule::adam ? count + 1 : 0, 0);
  if (!weight_file.empty()) {
    const std::string lost = fmt::format("TrainNeuron: cannot read {}", weight_file);
    const Reals row =
        read_reals(visit, weight_file, visit.point() * (count + 1), count + 1, lost, lost);
    bias = row[0];
    w.assign(row.begin() + 1, row.end());
  }
  if (w.size() < count) refuse_element(w.size(), w.size());
  if (!trace.empty()) write(visit, 0);
}

void TrainNeuron::write(Visit& visit, std::int64_t iteration) const {
  std::string row = fmt::format("{} {:.17g}", iteration, bias);
  for (const double weight : w) row += fmt::format(" {:.17g}", weight);
  visit.simulation.outputs.write(fmt::format("{}_{}.txt", trace, visit.point()), row + "\n",
                                 iteration == 0);
}

void TrainNeuron::forward() {
  double sum = bias;
  if (array_in != nullptr) {
    if (array_index >= array_in->size()) refuse_element(array_index, array_in->size());
    sum += (*array_in)[array_index];
  }
  const double* weight = w.data();
  x.each_value([&](double value) { sum += *weight++ * value; });
  y = activated(activation, sum);
}

double TrainNeuron::incoming() const {
  double sum = 0;
  backs.each([&](const Link& link) {
    const Reals& array = *static_cast<const Reals*>(link.source);
    const auto index = static_cast<std::size_t>(link.number);
    if (index >= array.size()) refuse_element(index, array.size());
    sum += array[index];
  });
  if (activation == Activation::tanh) return sum * (1 - y * y);
  if (activation == Activation::relu) return y > 0 ? sum : 0;
  if (activation == Activation::sigmoid) return sum * (y * (1 - y));
  return sum;
}

// What goes back is made with the old weights; then the gradient is added up and, once in a batch,
// its mean is applied.
void TrainNeuron::backward(Visit& visit) {
  const double slope = incoming();
  if (x.empty()) return;
  std::size_t i = 0;
  x.each_value([&](double value) {
    back[i] = w[i] * slope;
    gradient[++i] += slope * value;
  });
  gradient[0] += slope;
  const auto& shared = visit.shared<TrainShared>();
  const unsigned batch = shared.batch == 0 ? 1 : shared.batch;
  if (visit.simulation.iteration % batch == 0) update(shared, batch);
  if (!trace.empty()) write(visit, visit.simulation.iteration);
}

void TrainNeuron::update(const TrainShared& shared, unsigned batch) {
  ++steps;
  const double c1 = 1 - std::pow(shared.beta1, double(steps));
  const double c2 = 1 - std::pow(shared.beta2, double(steps));
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const double g = gradient[i] / batch;
    double by = g;
    if (rule == Rule::adam) {
      first_moment[i] = shared.beta1 * first_moment[i] + (1 - shared.beta1) * g;
      second_moment[i] = shared.beta2 * second_moment[i] + (1 - shared.beta2) * g * g;
      by = (first_moment[i] / c1) / (std::sqrt(second_moment[i] / c2) + shared.eps);
    } else if (rule == Rule::momentum) {
      by = first_moment[i] = shared.momentum * first_moment[i] + g;
    }
    (i == 0 ? bias : w[i - 1]) -= shared.lr * by;
    gradient[i] = 0;
  }
}

constexpr Field train_neuron_fields[] = {
    field<&TrainNeuron::y>("y"),
    field<&TrainNeuron::back>("back"),
    field<&TrainNeuron::bias>("bias"),
    field<&TrainNeuron::w>("w"),
    field<&TrainNeuron::x>("x"),
    field<&TrainNeuron::backs>("backs"),
    field<&TrainNeuron::array_in>("arrayIn"),
    field<&TrainNeuron::array_index>("arrayIndex"),
    field<&TrainNeuron::level>("level"),
    field<&TrainNeuron::act>("act"),
    field<&TrainNeuron::weight_file>("weightFile"),
    field<&TrainNeuron::trace>("trace"),
};
constexpr Field train_shared_fields[] = {
    field<&TrainShared::lr>("lr"),
    field<&TrainShared::rule>("rule"),
    field<&TrainShared::momentum>("momentum"),
    field<&TrainShared::beta1>("beta1"),
    field<&TrainShared::beta2>("beta2"),
    field<&TrainShared::eps>("eps"),
    field<&TrainShared::batch>("batch"),
};
constexpr Method train_neuron_methods[] = {
    method<&TrainNeuron::initialize>("initialize"), method<&TrainNeuron::forward_at<0>>("f0"),
    method<&TrainNeuron::forward_at<1>>("f1"),      method<&TrainNeuron::forward_at<2>>("f2"),
    method<&TrainNeuron::forward_at<3>>("f3"),      method<&TrainNeuron::backward_at<3>>("b3"),
    method<&TrainNeuron::backward_at<2>>("b2"),     method<&TrainNeuron::backward_at<1>>("b1"),
    method<&TrainNeuron::backward_at<0>>("b0"),     method<&TrainNeuron::finish>("finish"),
};
constexpr UserFunction train_neuron_functions[] = {
    user_function<&TrainNeuron::set_array_index>("setArrayIndex"),
    user_function<&TrainNeuron::set_back_index>("setBackIndex"),
};

/// Half the squared error, or the cross-entropy of a softmax, and its derivative.
struct LossNode {
  Reals back = {};
  Links x = {};
  const Reals* target = nullptr;
  std::string kind = {};
  std::string file_name = {};

  void initialize(Visit&) {
    back.resize(std::max(back.size(), x.size()));
    std::fill_n(back.begin(), x.size(), 0.0);
  }
  void update(Visit& visit);

 private:
  double cross_entropy(const Reals& values);
  double squared_error(const Reals& values);
};

double LossNode::cross_entropy(const Reals& values) {
  double most = values[0];
  for (const double value : values)
    if (value > most) most = value;
  double sum = 0;
  double targets = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    sum += std::exp(values[i] - most);
    targets += (*target)[i];
  }
  double loss = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    back[i] = targets * std::exp(values[i] - most) / sum - (*target)[i];
    loss -= (*target)[i] * (values[i] - most - std::log(sum));
  }
  return loss;
}

double LossNode::squared_error(const Reals& values) {
  double loss = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    back[i] = values[i] - (*target)[i];
    loss += 0.5 * back[i] * back[i];
  }
  return loss;
}

void LossNode::update(Visit& visit) {
  Reals values;
  x.each_value([&](double value) { values.push_back(value); });
  const bool entropy = kind == "ce";
  if ((target == nullptr && (entropy || !values.empty())) || (entropy && values.empty())) {
    throw Ended{crashed, {Mistake::crash, {}, "a LossNode without inputs or target crashes MGS"}};
  }
  if (target != nullptr && target->size() < values.size()) {
    throw Ended{aborted,
                {Mistake::crash,
                 {},
                 fmt::format("a LossNode has {} inputs and {} targets, and MGS "
                             "ends the program",
                             values.size(), target->size())}};
  }
  const double loss = entropy ? cross_entropy(values) : squared_error(values);
  if (file_name.empty()) return;
  visit.simulation.outputs.write(file_name,
                                 fmt::format("{} {:.17g}\n", visit.simulation.iteration, loss),
                                 visit.simulation.iteration == 1);
}

constexpr Field loss_fields[] = {
    field<&LossNode::back>("back"),          field<&LossNode::x>("x"),
    field<&LossNode::target>("target"),      field<&LossNode::kind>("kind"),
    field<&LossNode::file_name>("fileName"),
};
constexpr Method loss_methods[] = {
    method<&LossNode::initialize>("initialize"),
    method<&LossNode::update>("update"),
};

}  // namespace

const NativeType train_neuron_type{.name = "TrainNeuron",
                                   .fields = train_neuron_fields,
                                   .methods = train_neuron_methods,
                                   .make = make_nodes<TrainNeuron>,
                                   .functions = train_neuron_functions,
                                   .shared_fields = train_shared_fields,
                                   .make_shared = make_nodes<TrainShared>};
const NativeType loss_node_type{.name = "LossNode",
                                .fields = loss_fields,
                                .methods = loss_methods,
                                .make = make_nodes<LossNode>};

}  // namespace isomer::mgs

#include "systems/mgs/run/nodes/neurons.h"

#include <cfloat>
#include <cmath>

#include "base/text.h"

namespace isomer::mgs {
namespace {

/// An element of an array that a node reads; what MGS's container says beyond its end.
double element(const Reals& array, unsigned index) {
  if (index < array.size()) return array[index];
  throw Ended{aborted,
              {Mistake::crash,
               {},
               fmt::format("a node reads element {} of an array of {}, and MGS "
                           "ends the program",
                           index, array.size())}};
}

double largest(const Links& links) {
  double most = -DBL_MAX;
  links.each_value([&](double value) {
    if (value > most) most = value;
  });
  return most;
}

double weighted_sum(double start, const Reals& weights, const Links& links) {
  const double* weight = weights.data();
  links.each_value([&](double value) { start += *weight++ * value; });
  return start;
}

struct PlainNeuron {
  double y = 0;
  double bias = 0;
  Reals w = {};
  Links x = {};
  Links taps = {};
  const Reals* array_in = nullptr;
  unsigned array_index = 0;
  std::string act = {};
  std::string weight_file = {};
  Activation activation = Activation::identity;

  void initialize(Visit& visit);
  void update(Visit& visit);
  void set_array_index(const Arrival& arrival, Visit&) {
    array_index = static_cast<unsigned>(arrival.attributes.integer("index"));
  }

 private:
  double softmax() const;
};

constexpr Activation plain_activations[] = {Activation::tanh, Activation::relu, Activation::max,
                                            Activation::softmax};
constexpr Activation level_activations[] = {Activation::tanh, Activation::relu,
                                            Activation::max,  Activation::softmax,
                                            Activation::mean, Activation::sigmoid};

void PlainNeuron::initialize(Visit& visit) {
  y = DBL_MAX;
  activation = activation_named(act, plain_activations);
  if (weight_file.empty()) return;
  const std::size_t count = x.size() + taps.size();
  Reals row = read_reals(visit, weight_file, visit.point() * (count + 1), count + 1,
                         fmt::format("PlainNeuron: cannot open {}", weight_file),
                         fmt::format("PlainNeuron: short file {}", weight_file));
  bias = row[0];
  w.assign(row.begin() + 1, row.end());
}

// The first connected input is the node's own.
double PlainNeuron::softmax() const {
  if (x.empty()) {
    throw Ended{crashed, {Mistake::crash, {}, "a softmax neuron without inputs crashes MGS"}};
  }
  const double most = largest(x);
  double sum = 0;
  x.each_value([&](double value) { sum += std::exp(value - most); });
  return std::exp(x.value(0) - most) / sum;
}

void PlainNeuron::update(Visit&) {
  double sum = bias;
  if (array_in != nullptr) sum += element(*array_in, array_index);
  if (activation == Activation::max) {
    y = largest(x);
    return;
  }
  if (activation == Activation::softmax) {
    y = softmax();
    return;
  }
  if (w.size() == x.size()) sum = weighted_sum(sum, w, x);
  taps.each(
      [&](const Link& link) { sum += link.weight * *static_cast<const double*>(link.source); });
  y = activated(activation, sum);
}

constexpr Field plain_neuron_fields[] = {
    field<&PlainNeuron::y>("y"),
    field<&PlainNeuron::bias>("bias"),
    field<&PlainNeuron::w>("w"),
    field<&PlainNeuron::x>("x"),
    field<&PlainNeuron::taps>("taps"),
    field<&PlainNeuron::array_in>("arrayIn"),
    field<&PlainNeuron::array_index>("arrayIndex"),
    field<&PlainNeuron::act>("act"),
    field<&PlainNeuron::weight_file>("weightFile"),
};
constexpr Method plain_neuron_methods[] = {
    method<&PlainNeuron::initialize>("initialize"),
    method<&PlainNeuron::update>("update"),
};
constexpr UserFunction plain_neuron_functions[] = {
    user_function<&PlainNeuron::set_array_index>("setArrayIndex"),
};

constexpr Field level_neuron_fields[] = {
    field<&LevelNeuron::y>("y"),
    field<&LevelNeuron::bias>("bias"),
    field<&LevelNeuron::w>("w"),
    field<&LevelNeuron::x>("x"),
    field<&LevelNeuron::tap>("tap"),
    field<&LevelNeuron::array_in>("arrayIn"),
    field<&LevelNeuron::array_index>("arrayIndex"),
    field<&LevelNeuron::level>("level"),
    field<&LevelNeuron::share>("share"),
    field<&LevelNeuron::started>("started"),
    field<&LevelNeuron::start>("start"),
    field<&LevelNeuron::act>("act"),
    field<&LevelNeuron::weight_file>("weightFile"),
};
constexpr Method level_neuron_methods[] = {
    method<&LevelNeuron::initialize>("initialize"), method<&LevelNeuron::act_at<0>>("s0"),
    method<&LevelNeuron::act_at<1>>("s1"),          method<&LevelNeuron::act_at<2>>("s2"),
    method<&LevelNeuron::act_at<3>>("s3"),          method<&LevelNeuron::act_at<4>>("s4"),
    method<&LevelNeuron::act_at<5>>("s5"),          method<&LevelNeuron::act_at<6>>("s6"),
    method<&LevelNeuron::act_at<7>>("s7"),
};
constexpr UserFunction level_neuron_functions[] = {
    user_function<&LevelNeuron::set_array_index>("setArrayIndex"),
    user_function<&LevelNeuron::set_tap>("setTap"),
};

}  // namespace

void LevelNeuron::initialize(Visit& visit) {
  y = started ? start : DBL_MAX;
  activation = activation_named(act, level_activations);
  if (weight_file.empty()) return;
  const std::size_t count = x.size();
  const std::size_t row = visit.point() / (share == 0 ? 1 : share);  // a convolution shares rows
  const std::string lost = fmt::format("LevelNeuron: cannot read row {} of {}", row, weight_file);
  Reals values = read_reals(visit, weight_file, row * (count + 1), count + 1, lost, lost);
  bias = values[0];
  w.assign(values.begin() + 1, values.end());
}

double LevelNeuron::begin() const {
  return array_in == nullptr ? bias : bias + element(*array_in, array_index);
}

// A script may give a list of taps, to which those of connections are appended.
double LevelNeuron::softmax(const Visit& visit) const {
  const double most = largest(x);
  double sum = 0;
  double own = 0;
  std::size_t i = 0;
  x.each([&](const Link& link) {
    const double value = std::exp(*static_cast<const double*>(link.source) - most);
    const std::int64_t number = i < tap.size() ? tap[i] : x.at(i - tap.size()).number;
    sum += value;
    if ((tap.empty() ? link.number : number) == visit.point()) own = value;
    ++i;
  });
  return own / sum;
}

void LevelNeuron::step(const Visit& visit) {
  if (activation == Activation::max) {
    y = largest(x);
  } else if (activation == Activation::mean) {
    double sum = 0;
    x.each_value([&](double value) { sum += value; });
    y = sum / static_cast<double>(x.size());
  } else if (activation == Activation::softmax) {
    y = softmax(visit);
  } else {
    const double sum = begin();
    y = activated(activation, w.size() == x.size() ? weighted_sum(sum, w, x) : sum);
  }
}

void LevelNeuron::set_array_index(const Arrival& arrival, Visit&) {
  array_index = static_cast<unsigned>(arrival.attributes.integer("index"));
}

const NativeType plain_neuron_type{.name = "PlainNeuron",
                                   .fields = plain_neuron_fields,
                                   .methods = plain_neuron_methods,
                                   .make = make_nodes<PlainNeuron>,
                                   .functions = plain_neuron_functions};
const NativeType level_neuron_type{.name = "LevelNeuron",
                                   .fields = level_neuron_fields,
                                   .methods = level_neuron_methods,
                                   .make = make_nodes<LevelNeuron>,
                                   .functions = level_neuron_functions};

}  // namespace isomer::mgs

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "base/text.h"
#include "systems/mgs/run/nodes/nodes.h"

namespace isomer::mgs {
namespace {

constexpr std::size_t image_size = std::size_t{28} * 28;

/// Images and labels in the IDX files of MNIST.
struct DigitSet {
  Bytes images = {};
  Bytes labels = {};
  std::size_t count = 0;

  unsigned label(std::size_t i) const { return static_cast<unsigned char>(labels.text()[8 + i]); }
  double pixel(std::size_t i, std::size_t at) const {
    return static_cast<unsigned char>(images.text()[16 + i * image_size + at]) / 255.0;
  }
};

/// Of one class: its share of the softmax, its gradient.
struct SupervisorNode {
  double primary_gradient = 0;
  Links logits = {};
  Reals predictions = {};
  double sum_of_squared_error = 0;
  unsigned wins = 0;
  bool ready = false;

  void initialize(Visit&) {
    primary_gradient = DBL_MAX;
    predictions.resize(std::max(predictions.size(), logits.size()));
  }
  void update(Visit& visit);

 private:
  std::size_t predict();
};

struct SupervisorShared {
  std::string transfer_function_name = {};
  std::vector<unsigned> labels = {};
  unsigned label_index = 0;
  unsigned number_of_inputs = 0;
  unsigned number_of_labels = 0;
  Reals x = {};
  bool ready = false;
  std::string data_location = {};
  bool test = false;
  bool refresh_errors = false;
  unsigned training_epoch = 0;
  unsigned training_epochs = 0;
  unsigned image_index = 0;
  DigitSet training = {}, testing = {};
  std::vector<std::size_t> deck = {};

  void initialize_shared(Visit& visit);
  void update_shared(Visit& visit);

 private:
  void shuffle(Visit& visit, std::size_t size);
  std::size_t next_image(Visit& visit, bool& round_ended);
  void tell(Visit& visit);
};

std::size_t big_endian(std::string_view text, std::size_t at) {
  std::size_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value << 8U | static_cast<unsigned char>(text[at + i]);
  return value;
}

std::unique_ptr<Files> digits_folder(const std::string& location) {
  return location.starts_with('/') ? open_folder(location) : nullptr;
}

// A file that is missing or damaged counts as one without images, as in MGS.
DigitSet read_digits(const Visit& visit, const std::string& location, std::string_view which) {
  const std::unique_ptr<Files> elsewhere = digits_folder(location);
  const Files& files = elsewhere ? *elsewhere : visit.simulation.files;
  const std::string folder = elsewhere ? "" : location + "/";
  const std::string image_name = fmt::format("{}{}-images-idx3-ubyte", folder, which);
  const std::string label_name = fmt::format("{}{}-labels-idx1-ubyte", folder, which);
  DigitSet set;
  if (!files.has(image_name) || !files.has(label_name)) return set;
  set.images = files.read(image_name);
  set.labels = files.read(label_name);
  if (set.images.size() < 16 || set.labels.size() < 8) return set;
  const std::size_t images = big_endian(set.images.text(), 4);
  const bool right =
      big_endian(set.images.text(), 8) * big_endian(set.images.text(), 12) == image_size;
  if (!right || images > (set.images.size() - 16) / image_size || images > set.labels.size() - 8) {
    return set;
  }
  set.count = images;
  return set;
}

void SupervisorShared::shuffle(Visit& visit, std::size_t size) {
  deck.resize(size);
  for (std::size_t i = 0; i < size; ++i) deck[i] = i;
  for (std::size_t i = size; i > 1; --i) {
    const auto other = visit.simulation.random.integer(0, static_cast<std::int64_t>(i) - 1);
    std::swap(deck[i - 1], deck[static_cast<std::size_t>(other)]);
  }
}

void SupervisorShared::initialize_shared(Visit& visit) {
  training = read_digits(visit, data_location, "train");
  testing = read_digits(visit, data_location, "t10k");
  visit.simulation.note({Mistake::file,
                         {},
                         fmt::format("MNIST reader loaded {} training and {} "
                                     "test images",
                                     training.count, testing.count),
                         "",
                         Diagnostic::Severity::warning});
  const auto usable = [&](const DigitSet& set) {
    for (std::size_t i = 0; i < set.count; ++i)
      if (set.label(i) < number_of_labels) return true;
    return false;
  };
  if (!usable(training) || !usable(testing)) {
    throw Ended{crashed,
                {Mistake::file,
                 {},
                 fmt::format("SupervisorNode: {} has no images of MNIST for "
                             "training and for testing with labels below {}",
                             quoted(data_location), number_of_labels)}};
  }
  shuffle(visit, training.count);
  x.assign(image_size, DBL_MAX);
  image_index = static_cast<unsigned>(-1);
  training_epoch = 1;
}

// Labels beyond those that are asked for are passed over. At the turn to the test one more training
// image is shown, by a number of the test's deck.
std::size_t SupervisorShared::next_image(Visit& visit, bool& round_ended) {
  for (;;) {
    const bool was_test = test;
    const DigitSet& set = was_test ? testing : training;
    if (++image_index == set.count) {
      image_index = 0;
      shuffle(visit, set.count);
      round_ended = ready;
      if (!was_test && ++training_epoch > training_epochs) {
        test = true;
        shuffle(visit, testing.count);
      }
    }
    if (image_index >= deck.size() || deck[image_index] >= set.count) {
      throw Ended{crashed,
                  {Mistake::crash,
                   {},
                   "SupervisorNode: there are fewer training images "
                   "than test images, and MGS reads beyond them"}};
    }
    if (set.label(deck[image_index]) < number_of_labels) return deck[image_index];
  }
}

void SupervisorShared::update_shared(Visit& visit) {
  refresh_errors = false;
  bool round_ended = false;
  ++number_of_inputs;
  const std::vector<Layer*>& layers = visit.type.layers;
  if (!ready) {
    for (const Layer* layer : layers)
      for (std::uint32_t i = 0; i < layer->count; ++i)
        ready = static_cast<SupervisorNode*>(layer->nodes->at(i))->ready;
  }
  const bool was_test = test;
  if (test) {
    // Seen of the real program, whose reason is not known.
    visit.simulation.bad_end = Ended{aborted,
                                     {Mistake::crash,
                                      {},
                                      "a SupervisorNode has come to its test images, and MGS ends "
                                      "the program when the simulation stops"}};
  }
  std::size_t image = next_image(visit, round_ended);
  const auto step = static_cast<std::size_t>(visit.simulation.iteration) - 1;
  const auto& recorded = visit.simulation.samples;
  if (step < recorded.size()) image = recorded[step];
  const DigitSet& set = was_test ? testing : training;
  if (image >= set.count)
    throw Error(Fault::model, "samples", fmt::format("there is no image {}", image));
  const unsigned label = set.label(image);
  for (std::size_t i = 0; i < image_size; ++i) x[i] = set.pixel(image, i);
  if (!ready) {
    labels.push_back(label);
  } else {
    labels.at(label_index) = label;
    if (++label_index == labels.size()) label_index = 0;
  }
  if (round_ended) tell(visit);
}

void SupervisorShared::tell(Visit& visit) {
  double error = 0;
  const SupervisorNode* first = nullptr;
  for (const Layer* layer : visit.type.layers)
    for (std::uint32_t i = 0; i < layer->count; ++i) {
      const auto* node = static_cast<const SupervisorNode*>(layer->nodes->at(i));
      if (first == nullptr) first = node;
      error += node->sum_of_squared_error;
    }
  const double count = number_of_inputs;
  visit.simulation.outputs.line(fmt::format(
      "{} : current error = {:g} : wins ratio = {:g}", visit.simulation.iteration,
      std::sqrt(error / (count * number_of_labels)), first == nullptr ? 0 : first->wins / count));
  number_of_inputs = 0;
  refresh_errors = true;
}

std::size_t SupervisorNode::predict() {
  double sum = 0;
  logits.each_value([&](double value) { sum += std::exp(value); });
  std::size_t winner = logits.size();
  double most = -DBL_MAX;
  std::size_t i = 0;
  logits.each_value([&](double value) {
    predictions[i] = std::exp(value) / sum;
    if (predictions[i] > most) {
      most = predictions[i];
      winner = i;
    }
    ++i;
  });
  return winner;
}

void SupervisorNode::update(Visit& visit) {
  if (!ready && !logits.empty()) {
    ready = true;
    logits.each_value([&](double value) { ready = ready && value != DBL_MAX; });
  }
  if (!ready) return;
  const auto& shared = visit.shared<SupervisorShared>();
  const auto own = static_cast<std::size_t>(visit.global_index());
  if (own >= logits.size() || shared.labels.empty()) {
    throw Ended{crashed,
                {Mistake::crash,
                 {},
                 fmt::format("SupervisorNode {} has {} inputs, and MGS reads "
                             "beyond them",
                             own, logits.size())}};
  }
  const std::size_t label = shared.labels[shared.label_index % shared.labels.size()];
  if (predict() == label) ++wins;
  const double error = (label == own ? 1.0 : 0.0) - predictions[own];
  if (shared.refresh_errors) {
    sum_of_squared_error = 0;
    wins = 0;
  }
  sum_of_squared_error += error * error;
  primary_gradient = 0;
  if (shared.test) return;
  for (std::size_t h = 0; h < logits.size(); ++h) {
    primary_gradient += predictions[own] * ((h == own ? 1.0 : 0.0) - predictions[h]) *
                        ((label == h ? 1.0 : 0.0) - predictions[h]);
  }
}

constexpr Field supervisor_fields[] = {
    field<&SupervisorNode::primary_gradient>("primaryGradient"),
    field<&SupervisorNode::logits>("logits"),
    field<&SupervisorNode::predictions>("predictions"),
    field<&SupervisorNode::sum_of_squared_error>("sumOfSquaredError"),
    field<&SupervisorNode::wins>("wins"),
    field<&SupervisorNode::ready>("ready"),
};
constexpr Field supervisor_shared_fields[] = {
    field<&SupervisorShared::transfer_function_name>("transferFunctionName"),
    field<&SupervisorShared::labels>("labels"),
    field<&SupervisorShared::label_index>("labelIndex"),
    field<&SupervisorShared::number_of_inputs>("numberOfInputs"),
    field<&SupervisorShared::number_of_labels>("numberOfLabels"),
    field<&SupervisorShared::x>("x"),
    field<&SupervisorShared::ready>("shready"),
    field<&SupervisorShared::data_location>("dataLocation"),
    field<&SupervisorShared::test>("test"),
    field<&SupervisorShared::refresh_errors>("refreshErrors"),
    field<&SupervisorShared::training_epoch>("trainingEpoch"),
    field<&SupervisorShared::training_epochs>("trainingEpochs"),
    field<&SupervisorShared::image_index>("imageIndex"),
};
constexpr Method supervisor_methods[] = {
    method<&SupervisorNode::initialize>("initialize"),
    method<&SupervisorNode::update>("update"),
    method<&SupervisorShared::initialize_shared>("initializeShared"),
    method<&SupervisorShared::update_shared>("updateShared"),
};

}  // namespace

const NativeType supervisor_node_type{.name = "SupervisorNode",
                                      .fields = supervisor_fields,
                                      .methods = supervisor_methods,
                                      .make = make_nodes<SupervisorNode>,
                                      .shared_fields = supervisor_shared_fields,
                                      .make_shared = make_nodes<SupervisorShared>};

}  // namespace isomer::mgs

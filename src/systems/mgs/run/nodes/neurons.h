#pragma once

// Neurons that sum weighted inputs; here, so that whole layers of them can be run at once.

#include "systems/mgs/run/nodes/nodes.h"

namespace isomer::mgs {

/// Acts in the phase s<level>.
struct LevelNeuron {
  double y = 0;
  double bias = 0;
  Reals w = {};
  Links x = {};
  std::vector<int> tap = {};  // what a script gives; those of connections are the links' numbers
  const Reals* array_in = nullptr;
  unsigned array_index = 0;
  unsigned level = 0;
  unsigned share = 0;
  bool started = false;
  double start = 0;
  std::string act = {};
  std::string weight_file = {};
  Activation activation = Activation::identity;

  void initialize(Visit& visit);
  void step(const Visit& visit);
  void set_array_index(const Arrival& arrival, Visit&);
  void set_tap(const Arrival& arrival, Visit&) { arrival.link.number = arrival.source; }
  template <unsigned level_of_phase>
  void act_at(Visit& visit) {
    if (level == level_of_phase) step(visit);
  }
  /// The value before connections are added.
  double begin() const;
  bool sums() const {
    return activation != Activation::max && activation != Activation::mean &&
           activation != Activation::softmax;
  }

 private:
  double softmax(const Visit& visit) const;
};

/// The level of a neuron's phase by its method's name, "s3".
constexpr unsigned neuron_levels = 8;

}  // namespace isomer::mgs

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/note.h"
#include "base/progress.h"
#include "run/engine.h"
#include "train/step.h"

namespace isomer::train {

/// How the samples are gone through.
struct Schedule {
  std::int64_t batch = 0;  // samples in a step; 0: as many as the model takes, or 32
  bool shuffle = false;    // anew in each epoch
  std::uint64_t seed = 0;  // of the order, and of random operators
};

/// Trains a model step by step. An epoch depends on the states, the schedule and its own number
/// alone, so that who begins with the checkpoint of the one before goes the same way.
class Trainer {
 public:
  Trainer(Graph model, Recipe recipe, Schedule schedule, const Engine& engine);

  /// What the samples are to be: the model's inputs, then the target, which is called `target`.
  std::vector<Port> ports(const std::string& target) const;
  /// One tensor for each port; the first axis of each is that of samples. Throws Fault::model,
  /// naming the tensor, for one that does not fit.
  void set_samples(std::vector<Tensor> samples, std::span<const Port> ports);

  /// Goes through all samples once. Throws Fault::model where the loss is not finite.
  void run_epoch(std::size_t epochs, const Progress& progress);

  std::size_t epochs_done() const { return curve_.size() / steps(); }
  /// Steps in an epoch.
  std::size_t steps() const;
  /// The loss before each step so far.
  std::span<const double> curve() const { return curve_; }
  /// The mean loss of an epoch that is done, over its samples.
  double loss_of(std::size_t epoch) const;
  const std::vector<Note>& notes() const { return notes_; }

  /// All that is needed to go on, as a safetensors file.
  Parts checkpoint();
  /// Goes on from one. Throws Fault::model where it is of another model, recipe or schedule.
  void resume(const Bytes& checkpoint);

  /// The model with what was learned.
  Graph snapshot();

 private:
  void require_finite(const std::string& where);
  std::int64_t fixed_batch() const;
  std::vector<std::int64_t> order_of(std::size_t epoch) const;
  std::vector<Tensor> batch(std::span<const std::int64_t> which) const;
  std::string description() const;
  void begin_epoch();

  Graph model_;
  Recipe recipe_;
  Schedule schedule_;
  const Engine& engine_;
  Graph step_;
  bool draws_;
  std::unique_ptr<Executor> executor_;
  std::vector<Tensor> samples_;
  std::int64_t count_ = 0;  // of samples that an epoch sees
  std::int64_t given_ = 0;  // of samples in all
  std::vector<double> curve_;
  std::vector<Note> notes_;
};

}  // namespace isomer::train

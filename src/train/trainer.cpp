#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/random.h"
#include "base/text.h"
#include "ops/schema.h"
#include "systems/stored.h"

namespace isomer::train {
namespace {

constexpr std::string_view losses_name = "optimizer.losses";
constexpr std::string_view kind = "training 1";

std::uint64_t seed_of(std::uint64_t seed, std::size_t epoch) {
  Random first(seed);
  return Random(first.bits() + epoch).bits();
}

bool is_finite(const Tensor& tensor) {
  if (!is_floating(tensor.dtype())) return true;
  return std::ranges::all_of(tensor.doubles(), [](double x) { return std::isfinite(x); });
}

/// Throws where a tensor of samples cannot be cut into batches of that type.
void check_samples(const Tensor& samples, const TensorType& batch) {
  const std::vector<std::int64_t>& shape = samples.shape();
  bool fits = samples.dtype() == batch.dtype && shape.size() == batch.shape.size();
  for (std::size_t i = 1; fits && i < shape.size(); ++i)
    fits = !batch.shape[i].known() || batch.shape[i].value() == shape[i];
  if (fits) return;
  throw Error(Fault::model, "",
              fmt::format("it is {}; it should be of the type {}, where the first axis has all "
                          "samples",
                          to_text(samples.type()), to_text(batch)));
}

/// The rows of those numbers, one behind the other; shares the bytes where they lie so.
Tensor rows_of(const Tensor& all, std::span<const std::int64_t> which) {
  std::vector<std::int64_t> shape = all.shape();
  const std::size_t size = all.bytes().size() / static_cast<std::size_t>(shape[0]);
  const bool apart = std::ranges::adjacent_find(which, [](std::int64_t a, std::int64_t b) {
                       return b != a + 1;
                     }) != which.end();
  shape[0] = static_cast<std::int64_t>(which.size());
  if (!apart) {
    const auto first = static_cast<std::size_t>(which[0]);
    return Tensor(all.dtype(), std::move(shape),
                  all.bytes().part(first * size, which.size() * size));
  }
  const auto data = all.bytes().data();
  std::vector<std::byte> rows;
  rows.reserve(size * which.size());
  for (const std::int64_t row : which) {
    const auto part = data.subspan(static_cast<std::size_t>(row) * size, size);
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return Tensor(all.dtype(), std::move(shape), bytes_of(std::move(rows)));
}

}  // namespace

Trainer::Trainer(Graph model, Recipe recipe, Schedule schedule, const Engine& engine)
    : model_(std::move(model)),
      recipe_(std::move(recipe)),
      schedule_(schedule),
      engine_(engine),
      step_(training_step(model_, recipe_)),
      draws_(draws(step_)),
      executor_(engine_.make(step_, {.seed = seed_of(schedule_.seed, 0)})) {
  const std::int64_t fixed = fixed_batch();
  if (fixed > 0 && schedule_.batch > 0 && schedule_.batch != fixed) {
    throw Error(Fault::model, "",
                fmt::format("the model takes batches of {}, and not of {}; export it with a named "
                            "length for the first axis, or take batches of {}",
                            fixed, schedule_.batch, fixed));
  }
}

/// How many samples the model takes at once, where it was exported for one number; or 0.
std::int64_t Trainer::fixed_batch() const {
  std::int64_t fixed = 0;
  for (const ValueId id : step_.inputs) {
    const Value& input = step_[id];
    const auto refuse = [&](std::string_view what) {
      throw Error(Fault::model, fmt::format("input {}", quoted(input.name)), what);
    };
    if (input.type.shape.empty())
      refuse(fmt::format("it is {}; to be trained it needs a first axis, of samples",
                         to_text(input.type)));
    const Dim& first = input.type.shape[0];
    if (!first.known()) continue;
    if (fixed != 0 && first.value() != fixed) {
      refuse(
          fmt::format("its first axis is of length {}, where that of others is {}; it should "
                      "be that of samples",
                      first.value(), fixed));
    }
    fixed = first.value();
  }
  return fixed;
}

std::vector<Port> Trainer::ports(const std::string& target) const {
  std::vector<Port> ports;
  for (const ValueId id : step_.inputs) ports.push_back({step_[id].name, step_[id].type});
  for (const Port& port : std::span(ports).first(ports.size() - 1)) {
    if (port.name != target) continue;
    throw Error(
        Fault::usage, "target",
        fmt::format("the model has an input {}; call the target otherwise", quoted(target)));
  }
  ports.back().name = target;
  return ports;
}

void Trainer::set_samples(std::vector<Tensor> samples, std::span<const Port> ports) {
  expect(samples.size() == ports.size(), "there are samples for each port");
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const std::string where = fmt::format("tensor {}", quoted(ports[i].name));
    with_place(where, [&] { check_samples(samples[i], ports[i].type); });
    if (samples[i].shape()[0] == samples[0].shape()[0]) continue;
    throw Error(Fault::model, where,
                fmt::format("it has {} samples, where {} has {}; all should have as many",
                            samples[i].shape()[0], quoted(ports[0].name), samples[0].shape()[0]));
  }
  if (recipe_.loss->check != nullptr) {
    with_place(fmt::format("tensor {}", quoted(ports.back().name)),
               [&] { recipe_.loss->check(samples.back(), model_[model_.outputs[0]].type); });
  }
  samples_ = std::move(samples);
  given_ = samples_[0].shape()[0];
  const std::int64_t fixed = fixed_batch();
  constexpr std::int64_t usual = 32;
  if (schedule_.batch == 0) schedule_.batch = fixed > 0 ? fixed : std::min(usual, given_);
  count_ = fixed > 0 ? given_ / fixed * fixed : given_;
  if (count_ == 0) {
    throw Error(Fault::model, fmt::format("tensor {}", quoted(ports[0].name)),
                fmt::format("it has {}; there should be at least {}",
                            counted(static_cast<std::size_t>(given_), "sample"),
                            std::max<std::int64_t>(fixed, 1)));
  }
  if (count_ < given_) {
    notes_.push_back({"", fmt::format("the model takes batches of {}: {} of {} are left out of "
                                      "each epoch",
                                      fixed, given_ - count_,
                                      counted(static_cast<std::size_t>(given_), "sample"))});
  }
  std::vector<std::int64_t> last(static_cast<std::size_t>((count_ - 1) % schedule_.batch + 1));
  with_place(fmt::format("the last batch, of {}", counted(last.size(), "sample")),
             [&] { bind_lengths(step_, batch(last)); });
}

std::size_t Trainer::steps() const {
  return static_cast<std::size_t>((count_ + schedule_.batch - 1) / schedule_.batch);
}

std::vector<std::int64_t> Trainer::order_of(std::size_t epoch) const {
  std::vector<std::int64_t> order(static_cast<std::size_t>(given_));
  std::iota(order.begin(), order.end(), 0);
  if (schedule_.shuffle) {
    Random random(seed_of(schedule_.seed, epoch));
    for (std::size_t i = order.size(); i-- > 1;)
      std::swap(order[i],
                order[static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(i)))]);
  }
  order.resize(static_cast<std::size_t>(count_));
  return order;
}

std::vector<Tensor> Trainer::batch(std::span<const std::int64_t> which) const {
  std::vector<Tensor> batch;
  for (const Tensor& samples : samples_) batch.push_back(rows_of(samples, which));
  return batch;
}

/// Random operators draw from the epoch's own seed.
void Trainer::begin_epoch() {
  if (!draws_) return;
  const std::vector<Tensor> states = executor_->states();
  executor_ = engine_.make(step_, {.seed = seed_of(schedule_.seed, epochs_done())});
  executor_->set_states(states);
}

void Trainer::run_epoch(std::size_t epochs, const Progress& progress) {
  begin_epoch();
  const std::size_t epoch = epochs_done();
  const std::vector<std::int64_t> order = order_of(epoch);
  const auto size = static_cast<std::size_t>(schedule_.batch);
  for (std::size_t first = 0; first < order.size(); first += size) {
    const auto which = std::span(order).subspan(first, std::min(size, order.size() - first));
    const std::string where = fmt::format("epoch {}, batch {}", epoch + 1, first / size + 1);
    const double loss =
        with_place(where, [&] { return executor_->run(batch(which))[0].doubles()[0]; });
    if (!std::isfinite(loss)) {
      throw Error(Fault::model, where,
                  fmt::format("the loss is {}; take a smaller learning rate, or look for samples "
                              "that are not finite",
                              real_text(loss)));
    }
    curve_.push_back(loss);
    if (progress) {
      progress(fmt::format("epoch {} of {}, loss {:.6g}", epoch + 1, epochs, loss), curve_.size(),
               epochs * steps());
    }
  }
  require_finite(fmt::format("epoch {}", epoch + 1));
}

/// The loss shows it only in the next batch.
void Trainer::require_finite(const std::string& where) {
  const std::vector<Tensor> states = executor_->states();
  for (std::size_t i = model_.states.size(); i < states.size(); ++i) {
    if (is_finite(states[i])) continue;
    throw Error(Fault::model, where,
                fmt::format("{} is not finite any more; take a smaller learning rate",
                            quoted(states_of(step_)[i].name)));
  }
}

double Trainer::loss_of(std::size_t epoch) const {
  double sum = 0;
  for (std::size_t i = 0; i < steps(); ++i) {
    const auto begin = static_cast<std::int64_t>(i) * schedule_.batch;
    sum += curve_.at(epoch * steps() + i) *
           static_cast<double>(std::min(schedule_.batch, count_ - begin));
  }
  return sum / static_cast<double>(count_);
}

/// What a checkpoint must agree in, one a line.
std::string Trainer::description() const {
  std::string text =
      fmt::format("loss {}\noptimizer {}\n", recipe_.loss->name, recipe_.optimizer->name);
  for (const auto& [name, value] : recipe_.settings)
    text += fmt::format("{} {}\n", name, real_text(value));
  return text + fmt::format("samples {}\nbatch {}\nshuffle {}\nseed {}", given_, schedule_.batch,
                            schedule_.shuffle, schedule_.seed);
}

Parts Trainer::checkpoint() {
  SafeTensors content;
  const std::vector<Tensor> states = executor_->states();
  const std::vector<Port> ports = states_of(step_);
  for (std::size_t i = 0; i < ports.size(); ++i)
    content.tensors.push_back(stored(states[i], ports[i].name));
  const auto length = static_cast<std::int64_t>(curve_.size());
  content.tensors.push_back(
      stored(Tensor::from_doubles(DType::f64, {length}, curve_), std::string(losses_name)));
  content.metadata = {{"isomer", std::string(kind)}, {"recipe", description()}};
  return write_safetensors(content);
}

void Trainer::resume(const Bytes& checkpoint) {
  SafeTensors content = read_safetensors(checkpoint);
  if (content.metadata["isomer"] != kind)
    throw Error(Fault::model, "", "it is no checkpoint of a training; --checkpoint writes them");
  const std::string here = description();
  const auto wanted = split_text(here, '\n');
  const std::string there = content.metadata["recipe"];
  const auto found = split_text(there, '\n');
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (i < found.size() && found[i] == wanted[i]) continue;
    throw Error(Fault::model, "",
                fmt::format("it was written with {}, and this is a training with {}; go on as it "
                            "began",
                            i < found.size() ? quoted(found[i]) : "less", quoted(wanted[i])));
  }
  std::map<std::string, Tensor, std::less<>> tensors;
  for (const StoredTensor& tensor : content.tensors)
    tensors.emplace(tensor.name, tensor_of(tensor));
  const auto take = [&](std::string_view name) {
    const auto tensor = tensors.find(name);
    if (tensor == tensors.end()) {
      throw Error(Fault::model, "",
                  fmt::format("it has no tensor {}; it is of another model", quoted(name)));
    }
    return tensors.extract(tensor).mapped();
  };
  const std::vector<Port> ports = states_of(step_);
  std::vector<Tensor> states;
  for (const Port& port : ports) states.push_back(take(port.name));
  const Tensor curve = take(losses_name);
  if (!tensors.empty()) {
    throw Error(
        Fault::model, "",
        fmt::format("it has also {}; it is of another model", quoted(tensors.begin()->first)));
  }
  for (std::size_t i = model_.states.size(); i <= states.size(); ++i) {
    if (is_finite(i < states.size() ? states[i] : curve)) continue;
    throw Error(Fault::model, quoted(i < ports.size() ? ports[i].name : losses_name),
                "it is not finite; no training writes such a checkpoint");
  }
  if (curve.dtype() != DType::f64 || curve.shape().size() != 1 ||
      static_cast<std::size_t>(curve.count()) % steps() != 0) {
    throw Error(Fault::model, quoted(losses_name),
                fmt::format("it is {}; it should have {} for each epoch", to_text(curve.type()),
                            counted(steps(), "loss")));
  }
  executor_->set_states(states);
  curve_ = curve.doubles();
}

Graph Trainer::snapshot() { return trained(model_, executor_->states()); }

}  // namespace isomer::train

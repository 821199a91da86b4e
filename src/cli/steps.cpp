#include "cli/steps.h"

#include "base/error.h"
#include "base/text.h"

namespace isomer::cli {

void StepStack::add(const std::vector<Tensor>& tensors) {
  if (types_.empty()) {
    for (const Tensor& tensor : tensors) types_.push_back(tensor.type());
    data_.resize(tensors.size());
  }
  if (tensors.size() != types_.size()) {
    throw Error(Fault::model, "",
                fmt::format("it gives {} where it gave {} in the first step",
                            counted(tensors.size(), "output"), types_.size()));
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].type() != types_[i]) {
      throw Error(Fault::model, fmt::format("output {}", i),
                  fmt::format("it is {} where it was {} in the first step",
                              to_text(tensors[i].type()), to_text(types_[i])));
    }
    const auto bytes = tensors[i].bytes().data();
    data_[i].insert(data_[i].end(), bytes.begin(), bytes.end());
  }
}

std::vector<Tensor> StepStack::finish(std::int64_t steps) && {
  std::vector<Tensor> all;
  for (std::size_t i = 0; i < types_.size(); ++i) {
    std::vector<std::int64_t> shape{steps};
    for (const Dim& length : types_[i].shape) shape.push_back(length.value());
    all.emplace_back(types_[i].dtype, std::move(shape), bytes_of(std::move(data_[i])));
  }
  return all;
}

}  // namespace isomer::cli

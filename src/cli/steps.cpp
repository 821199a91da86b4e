#include "cli/steps.h"

#include "base/error.h"
#include "base/text.h"

namespace isomer::cli {

void StepStack::widen(std::size_t i, DType dtype) {
  if (types_[i].dtype == dtype) return;
  const std::int64_t count = static_cast<std::int64_t>(data_[i].size() / size_of(types_[i].dtype));
  const Tensor narrow(types_[i].dtype, {count}, bytes_of(std::move(data_[i])));
  const auto wide = narrow.converted(dtype);
  const auto bytes = wide.bytes().data();
  data_[i].assign(bytes.begin(), bytes.end());
  types_[i].dtype = dtype;
}

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
    const DType wider = promoted(types_[i].dtype, tensors[i].dtype());
    widen(i, wider);
    const Tensor tensor = tensors[i].converted(wider);
    if (tensor.type() != types_[i]) {
      throw Error(Fault::model, fmt::format("output {}", i),
                  fmt::format("it is {} where it was {} in the first step",
                              to_text(tensors[i].type()), to_text(types_[i])));
    }
    const auto bytes = tensor.bytes().data();
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

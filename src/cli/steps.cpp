#include "cli/steps.h"

#include "base/error.h"
#include "base/text.h"
#include "ops/rules.h"

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

namespace {

/// Each of some elements so many times in a row.
std::vector<std::byte> repeated(std::span<const std::byte> bytes, std::size_t size,
                                std::int64_t times) {
  std::vector<std::byte> result;
  for (std::size_t i = 0; i < bytes.size(); i += size) {
    for (std::int64_t time = 0; time < times; ++time)
      result.insert(result.end(), bytes.begin() + static_cast<std::ptrdiff_t>(i),
                    bytes.begin() + static_cast<std::ptrdiff_t>(i + size));
  }
  return result;
}

bool is_number(const TensorType& type) { return count_elements(type.shape) == Dim(1); }

}  // namespace

// A document may begin with a number where arrays follow: the number stands for each element.
Tensor StepStack::fitted(std::size_t i, const Tensor& tensor) {
  const TensorType type = tensor.type();
  TensorType& all = types_[i];
  const std::size_t size = size_of(all.dtype);
  if (type.shape == all.shape) return tensor;
  if (is_number(all) && tensor.count() > 0) {
    data_[i] = repeated(data_[i], size, tensor.count());
    all.shape = type.shape;
    return tensor;
  }
  if (!is_number(type) || count_elements(all.shape) == Dim(0)) return tensor;
  const auto shape = known_shape(all.shape).value();
  return Tensor(all.dtype, shape,
                bytes_of(repeated(tensor.bytes().data(), size, count_elements(std::span(shape)))));
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
    const Tensor tensor = fitted(i, tensors[i].converted(wider));
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

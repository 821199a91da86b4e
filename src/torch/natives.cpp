#include <ATen/Parallel.h>
#include <ATen/ops/bernoulli.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/fft_fftn.h>
#include <ATen/ops/fft_ifftn.h>
#include <ATen/ops/fft_irfftn.h>
#include <ATen/ops/fft_rfftn.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/prod.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/var.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>

#include <algorithm>
#include <functional>

#include "ops/schema.h"
#include "run/perturbation.h"
#include "torch/call.h"

// What the dispatcher has in another form than ours, or not at all.

namespace isomer::libtorch {
namespace {

using Tensors = std::vector<at::Tensor>;
using Inputs = std::span<const at::Tensor>;
using Integers = std::vector<std::int64_t>;

struct Call {
  Attributes attributes;
  std::vector<bool> wanted;  // of the outputs
};

Tensors length(Inputs, const Call& call, const Context& context) {
  const std::int64_t value = get<Dim>(call.attributes, "value").evaluate(context.lengths);
  return {at::scalar_tensor(value, scalar_type(get<DType>(call.attributes, "dtype")))};
}

// A literal exponent is a number to PyTorch, which then multiplies instead of taking logarithms.
Tensors pow(Inputs inputs, const Call&, const Context&) {
  const at::Tensor& exponent = inputs[1];
  if (exponent.dim() > 0 || exponent.requires_grad()) return {at::pow(inputs[0], exponent)};
  return {at::pow(inputs[0], exponent.item())};
}

// ATen multiplies along one axis at a time, or along all.
Tensors prod(Inputs inputs, const Call& call, const Context&) {
  at::Tensor x = inputs[0];
  const bool keepdim = get<bool>(call.attributes, "keepdim");
  Integers axes = get<Integers>(call.attributes, "dim");
  if (axes.empty()) {
    for (std::int64_t axis = 0; axis < x.dim(); ++axis) axes.push_back(axis);
  }
  for (std::int64_t& axis : axes) axis = axis < 0 ? axis + x.dim() : axis;
  // From behind, so that the axes not yet taken keep their numbers.
  std::ranges::sort(axes, std::greater<>());
  const at::ScalarType type = x.scalar_type();
  for (const std::int64_t axis : axes) x = at::prod(x, axis, keepdim, type);
  return {x};
}

// PyTorch gives no variance, and what it gives beside the result has no derivative.
Tensors batch_norm_training(Inputs inputs, const Call& call, const Context&) {
  const at::Tensor& x = inputs[0];
  const auto optional = [](const at::Tensor& tensor) {
    return tensor.defined() ? std::optional<at::Tensor>(tensor) : std::nullopt;
  };
  const at::Tensor y =
      std::get<0>(at::native_batch_norm(x, optional(inputs[1]), optional(inputs[2]), {}, {}, true,
                                        0.0, get<double>(call.attributes, "eps")));
  Integers axes = {0};
  for (std::int64_t axis = 2; axis < x.dim(); ++axis) axes.push_back(axis);
  return {y, at::mean(x, axes), at::var(x, axes, at::Scalar(0))};
}

Tensors convolution_backward(Inputs inputs, const Call& call, const Context&) {
  const auto list = [&](std::string_view name) { return get<Integers>(call.attributes, name); };
  const auto grads = at::convolution_backward(
      inputs[0], inputs[1], inputs[2], at::OptionalIntArrayRef(), list("stride"), list("padding"),
      list("dilation"), get<bool>(call.attributes, "transposed"), list("output_padding"),
      get<std::int64_t>(call.attributes, "groups"), {call.wanted[0], call.wanted[1], false});
  return {std::get<0>(grads), std::get<1>(grads)};
}

Tensors bernoulli(Inputs, const Call& call, const Context& context) {
  const Integers shape = evaluate(get<Shape>(call.attributes, "shape"), context.lengths);
  const at::Tensor x = at::empty(shape, scalar_type(get<DType>(call.attributes, "dtype")));
  return {x.bernoulli_(get<double>(call.attributes, "p"), context.random)};
}

// PyTorch has complex tensors where we have pairs.
Tensors fft(Inputs inputs, const Call& call, const Context&) {
  const at::Tensor x = at::view_as_complex(inputs[0].contiguous());
  const Integers dim = get<Integers>(call.attributes, "dim");
  const auto& norm = get<std::string>(call.attributes, "norm");
  const bool inverse = get<bool>(call.attributes, "inverse");
  return {
      at::view_as_real(inverse ? at::fft_ifftn(x, {}, dim, norm) : at::fft_fftn(x, {}, dim, norm))};
}

Tensors rfft(Inputs inputs, const Call& call, const Context&) {
  return {at::view_as_real(at::fft_rfftn(inputs[0], {}, get<Integers>(call.attributes, "dim"),
                                         get<std::string>(call.attributes, "norm")))};
}

Tensors irfft(Inputs inputs, const Call& call, const Context& context) {
  const at::Tensor x = at::view_as_complex(inputs[0].contiguous());
  const Integers dim = get<Integers>(call.attributes, "dim");
  Integers lengths;
  for (const std::int64_t axis : dim) lengths.push_back(x.size(axis));
  lengths.back() = get<Dim>(call.attributes, "n").evaluate(context.lengths);
  return {at::fft_irfftn(x, lengths, dim, get<std::string>(call.attributes, "norm"))};
}

Tensors perturb(Inputs inputs, const Call& call, const Context& context) {
  const Perturbation perturbed(call.attributes,
                               get<Dim>(call.attributes, "terms").evaluate(context.lengths),
                               inputs[1].item().toLong());
  const at::Tensor x = inputs[0].to(at::kDouble).contiguous();
  const std::span from(x.const_data_ptr<double>(), static_cast<std::size_t>(x.numel()));
  if (perturbed.keeps(from)) return {x};
  const at::Tensor y = at::empty(x.sizes(), at::kDouble);
  const std::span to(y.mutable_data_ptr<double>(), from.size());
  constexpr std::int64_t least_share = 1 << 14;  // of elements, for a thread
  at::parallel_for(0, x.numel(), least_share, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i)
      to[i] = perturbed(from[i], i);
  });
  return {y};
}

struct Native {
  std::string_view op;
  Tensors (*run)(Inputs, const Call&, const Context&);
};

constexpr Native natives[] = {
    {"length", length},
    {"pow", pow},
    {"prod", prod},
    {"batch_norm_training", batch_norm_training},
    {"convolution_backward", convolution_backward},
    {"bernoulli", bernoulli},
    {"fft", fft},
    {"rfft", rfft},
    {"irfft", irfft},
    {"perturb", perturb},
};

const Native* native_of(std::string_view op) {
  const auto found = std::ranges::find(natives, op, &Native::op);
  return found == std::end(natives) ? nullptr : &*found;
}

}  // namespace

bool is_native(std::string_view op) { return native_of(op) != nullptr; }

Action bind_native(const Node& node, const std::vector<bool>& wanted) {
  const Native* native = native_of(node.op);
  if (native == nullptr) return {};
  return [run = native->run, call = Call{complete(op_named(node.op), node.attributes), wanted}](
             Inputs inputs, const Context& context) { return run(inputs, call, context); };
}

}  // namespace isomer::libtorch

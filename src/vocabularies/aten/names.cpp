#include "vocabularies/aten/names.h"

#include <algorithm>

namespace isomer::aten {
namespace {

// In the order of src/ops. What has no row is expanded, or is the torch engine's own affair
// (src/torch/natives.cpp).
constexpr Row table[] = {
    // elementwise
    {"neg", "aten::neg", "", "", ""},
    {"abs", "aten::abs", "", "", ""},
    {"sign", "aten::sign", "", "", ""},
    {"exp", "aten::exp", "", "", ""},
    {"expm1", "aten::expm1", "", "", ""},
    {"log", "aten::log", "", "", ""},
    {"log1p", "aten::log1p", "", "", ""},
    {"sqrt", "aten::sqrt", "", "", ""},
    {"rsqrt", "aten::rsqrt", "", "", ""},
    {"reciprocal", "aten::reciprocal", "", "", ""},
    {"square", "aten::square", "", "", ""},
    {"sin", "aten::sin", "", "", ""},
    {"cos", "aten::cos", "", "", ""},
    {"tanh", "aten::tanh", "", "", ""},
    {"sigmoid", "aten::sigmoid", "", "", ""},
    {"erf", "aten::erf", "", "", ""},
    {"floor", "aten::floor", "", "", ""},
    {"ceil", "aten::ceil", "", "", ""},
    {"round", "aten::round", "", "", ""},
    {"relu", "aten::relu", "", "", ""},
    {"silu", "aten::silu", "", "", ""},
    {"softplus", "aten::softplus", "", "", ""},
    {"gelu", "aten::gelu", "", "", ""},
    {"leaky_relu", "aten::leaky_relu", "", "", ""},
    {"prelu", "aten::_prelu_kernel", "", "", ""},
    {"elu", "aten::elu", "", "", ""},
    {"hardtanh", "aten::hardtanh", "", "", ""},
    {"hardsigmoid", "aten::hardsigmoid", "", "", ""},
    {"hardswish", "aten::hardswish", "", "", ""},
    {"mish", "aten::mish", "", "", ""},
    {"detach", "aten::detach", "", "", ""},
    {"log_sigmoid", "aten::log_sigmoid", "", "", ""},
    {"clamp", "aten::clamp", "", "", ""},
    {"logical_not", "aten::logical_not", "", "", ""},
    {"isnan", "aten::isnan", "", "", ""},
    {"isinf", "aten::isinf", "", "", ""},
    {"add", "aten::add", "Tensor", "", ""},
    {"sub", "aten::sub", "Tensor", "", ""},
    {"mul", "aten::mul", "Tensor", "", ""},
    {"div", "aten::div", "Tensor", "", ""},
    {"pow", "aten::pow", "Tensor_Tensor", "", ""},
    {"maximum", "aten::maximum", "", "", ""},
    {"minimum", "aten::minimum", "", "", ""},
    {"floor_divide", "aten::div", "Tensor_mode", "", "rounding_mode='floor'"},
    {"remainder", "aten::remainder", "Tensor", "", ""},
    {"eq", "aten::eq", "Tensor", "", ""},
    {"ne", "aten::ne", "Tensor", "", ""},
    {"lt", "aten::lt", "Tensor", "", ""},
    {"le", "aten::le", "Tensor", "", ""},
    {"gt", "aten::gt", "Tensor", "", ""},
    {"ge", "aten::ge", "Tensor", "", ""},
    {"logical_and", "aten::logical_and", "", "", ""},
    {"logical_or", "aten::logical_or", "", "", ""},
    {"logical_xor", "aten::logical_xor", "", "", ""},
    {"where", "aten::where", "self", "", ""},
    {"cast", "aten::to", "dtype", "", ""},
    // reduction
    {"sum", "aten::sum", "dim_IntList", "", "dtype=self.dtype"},
    {"mean", "aten::mean", "dim", "", ""},
    {"amax", "aten::amax", "", "", ""},
    {"amin", "aten::amin", "", "", ""},
    {"any", "aten::any", "dims", "", ""},
    {"all", "aten::all", "dims", "", ""},
    {"var", "aten::var", "correction", "", ""},
    {"argmax", "aten::argmax", "", "", ""},
    {"argmin", "aten::argmin", "", "", ""},
    {"cumsum", "aten::cumsum", "", "", "dtype=self.dtype"},
    {"softmax", "aten::softmax", "int", "", ""},
    {"log_softmax", "aten::log_softmax", "int", "", ""},
    {"logsumexp", "aten::logsumexp", "", "", ""},
    // shape
    {"reshape", "aten::reshape", "", "", ""},
    {"permute", "aten::permute", "", "", ""},
    {"expand", "aten::expand", "", "shape=size", ""},
    {"slice", "aten::slice", "Tensor", "", ""},
    {"cat", "aten::cat", "", "", ""},
    {"pad", "aten::constant_pad_nd", "", "", ""},
    {"flip", "aten::flip", "", "", ""},
    {"transpose", "aten::transpose", "int", "", ""},
    {"unsqueeze", "aten::unsqueeze", "", "", ""},
    {"flatten", "aten::flatten", "using_ints", "", ""},
    {"select", "aten::select", "int", "", ""},
    {"split", "aten::split_with_sizes", "", "sizes=split_sizes", ""},
    {"stack", "aten::stack", "", "", ""},
    {"repeat", "aten::repeat", "", "", ""},
    {"tril", "aten::tril", "", "", ""},
    {"triu", "aten::triu", "", "", ""},
    // indexing
    {"index_select", "aten::index_select", "", "", ""},
    {"index_add", "aten::index_add", "", "", ""},
    {"gather", "aten::gather", "", "", ""},
    {"scatter_add", "aten::scatter_add", "", "", ""},
    {"embedding", "aten::embedding", "", "", ""},
    // linear
    {"matmul", "aten::matmul", "", "", ""},
    {"linear", "aten::linear", "", "", ""},
    // convolution
    {"convolution", "aten::convolution", "", "", ""},
    {"max_pool2d", "aten::max_pool2d_with_indices", "", "", ""},
    {"avg_pool2d", "aten::avg_pool2d", "", "", ""},
    {"adaptive_avg_pool2d", "aten::adaptive_avg_pool2d", "", "", ""},
    {"upsample_nearest2d", "aten::upsample_nearest2d", "", "", ""},
    // normalization
    {"batch_norm", "aten::batch_norm", "", "", "training=False momentum=0.0 cudnn_enabled=False"},
    {"layer_norm", "aten::layer_norm", "", "", ""},
    {"group_norm", "aten::group_norm", "", "", ""},
    {"rms_norm", "aten::rms_norm", "", "", ""},
    // attention
    {"scaled_dot_product_attention", "aten::scaled_dot_product_attention", "", "", ""},
    // creation
    {"full", "aten::full", "", "shape=size value=fill_value", ""},
    {"arange", "aten::arange", "start_step", "", ""},
    // loss
    {"nll_loss", "aten::nll_loss_nd", "", "", ""},
    {"cross_entropy", "aten::cross_entropy_loss", "", "", ""},
    {"mse_loss", "aten::mse_loss", "", "", ""},
};

}  // namespace

std::span<const Row> rows() { return table; }

const Row* row_of(std::string_view op) {
  const auto found = std::ranges::find(table, op, &Row::op);
  return found == std::end(table) ? nullptr : &*found;
}

}  // namespace isomer::aten

#include <algorithm>

#include "vocabularies/aten/aten.h"

namespace isomer::aten {
namespace {

// Found by tools/decomposed.py with torch 2.13; sorted. An operator that is not here may decompose
// into what is not read, or wrongly.
constexpr std::string_view targets[] = {
    "_upsample_nearest_exact2d.vec",
    "addr",
    "affine_grid_generator",
    "chain_matmul",
    "channel_shuffle",
    "col2im",
    "cosine_similarity",
    "count_nonzero",
    "cross",
    "cumulative_trapezoid.dx",
    "einsum",
    "ger",
    "gradient.scalarint",
    "gru.input",
    "gru_cell",
    "hann_window",
    "im2col",
    "inner",
    "kl_div",
    "kron",
    "linalg_cross",
    "linalg_matmul",
    "linalg_matrix_norm.str_ord",
    "linalg_matrix_power",
    "linalg_multi_dot",
    "linalg_norm",
    "linalg_vecdot",
    "logspace",
    "lstm.input",
    "lstm_cell",
    "margin_ranking_loss",
    "multi_margin_loss",
    "nanmean",
    "nansum",
    "pad_sequence",
    "pairwise_distance",
    "pixel_unshuffle",
    "poisson_nll_loss",
    "renorm",
    "rnn_relu_cell",
    "rnn_tanh.input",
    "rnn_tanh_cell",
    "soft_margin_loss",
    "special_expit",
    "special_log1p",
    "special_log_softmax",
    "special_softmax",
    "std_mean.correction",
    "std_mean.dim",
    "take",
    "take_along_dim",
    "tensordot",
    "trapezoid.dx",
    "triplet_margin_loss",
    "upsample_bicubic2d.vec",
    "upsample_linear1d.vec",
    "upsample_nearest3d.vec",
    "upsample_trilinear3d.vec",
    "vdot",
};

}  // namespace

bool decomposes(std::string_view target) {
  constexpr std::string_view default_overload = ".default";
  if (target.ends_with(default_overload)) target.remove_suffix(default_overload.size());
  return std::ranges::binary_search(targets, target);
}

}  // namespace isomer::aten

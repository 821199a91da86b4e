"""Calls of PyTorch's operators for networks, for test_aten.py: name to a function and its inputs."""

import torch
import torch.nn.functional as F

torch.manual_seed(1)
LINE = torch.randn(2, 4, 7)
IMAGE = torch.randn(2, 4, 6, 5)
CUBE = torch.randn(2, 3, 5, 6, 7)
SEQUENCE = torch.randn(5, 2, 3)
ROWS = torch.randn(3, 4)
X = torch.randn(2, 3, 4)
SIGNS = torch.tensor([1.0, -1.0, 1.0])
LABELS = torch.tensor([1, 0, 3])
EDGES = torch.tensor([-torch.inf, -100.0, -0.5, -0.0, 0.0, 0.5, 100.0, torch.inf, torch.nan])

FAR = torch.cat([torch.linspace(-3, 3, 16)] * 3)
FAR[::5] = torch.tensor([torch.nan, torch.inf, -torch.inf, 1e5, -1e5] * 2)


def layer(make, x, *states):
    torch.manual_seed(2)
    module = make().requires_grad_(False)

    def call(x, *states):
        result, ends = module(x, *([states if len(states) == 2 else states[0]] if states else []))
        return (result, *ends) if isinstance(ends, tuple) else (result, ends)

    return (call, x, *states)


def cell(make, x, *states):
    torch.manual_seed(2)
    module = make().requires_grad_(False)
    return (lambda x, *s: module(x, s if len(s) == 2 else s[0]), x, *states)


class HeadWeights(torch.nn.Module):
    """Attention with the weights of each head for itself."""

    def __init__(self, attention):
        super().__init__()
        self.attention = attention.eval()

    def forward(self, x, _):
        return self.attention(x, x, x, average_attn_weights=False)


def interpolations(x, mode, sizes, scales, **options):
    return (
        lambda x: tuple(
            [F.interpolate(x, size=size, mode=mode, **options) for size in sizes]
            + [F.interpolate(x, scale_factor=scale, mode=mode, **options) for scale in scales]
        ),
        x,
    )


def grids(x, grid, name=""):
    return {
        f"grid_sample{name}_{mode}_{padding}_{x.dim()}_{align}": (
            lambda x, g, m=mode, p=padding, a=align: F.grid_sample(
                x, g, mode=m, padding_mode=p, align_corners=a
            ),
            x,
            grid,
        )
        for mode in ("bilinear", "nearest", *(("bicubic",) if x.dim() == 4 else ()))
        for padding in ("zeros", "border", "reflection")
        for align in (False, True)
    }


CALLS = {
    "lstm": layer(lambda: torch.nn.LSTM(3, 4), SEQUENCE),
    "lstm_states": layer(
        lambda: torch.nn.LSTM(3, 4), SEQUENCE, torch.randn(1, 2, 4), torch.randn(1, 2, 4)
    ),
    "lstm_all": layer(
        lambda: torch.nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True, proj_size=2), SEQUENCE
    ),
    "lstm_without_bias": layer(lambda: torch.nn.LSTM(3, 4, bias=False), SEQUENCE),
    "lstm_alone": layer(lambda: torch.nn.LSTM(3, 4), SEQUENCE[:, 0]),
    "lstm_dropout_eval": layer(lambda: torch.nn.LSTM(3, 4, 2, dropout=0.5).eval(), SEQUENCE),
    "gru": layer(lambda: torch.nn.GRU(3, 4, 2, bidirectional=True), SEQUENCE),
    "gru_state": layer(
        lambda: torch.nn.GRU(3, 4, batch_first=True), SEQUENCE, torch.randn(1, 5, 4)
    ),
    "rnn_tanh": layer(lambda: torch.nn.RNN(3, 4, 2), SEQUENCE),
    "rnn_relu": layer(lambda: torch.nn.RNN(3, 4, nonlinearity="relu", bias=False), SEQUENCE),
    "lstm_cell": cell(lambda: torch.nn.LSTMCell(3, 4), SEQUENCE[0], ROWS[:2], ROWS[1:]),
    "gru_cell": cell(lambda: torch.nn.GRUCell(3, 4), SEQUENCE[0], ROWS[:2]),
    "rnn_cells": cell(lambda: torch.nn.RNNCell(3, 4, nonlinearity="relu"), SEQUENCE[0], ROWS[:2]),
    "rnn_cell_tanh": cell(lambda: torch.nn.RNNCell(3, 4, bias=False), SEQUENCE[0], ROWS[:2]),
    "max_pool3d": (
        lambda x: (
            *F.max_pool3d(x, 2, return_indices=True),
            *F.max_pool3d(x, (2, 3, 2), (1, 2, 2), 1, return_indices=True, ceil_mode=True),
            F.max_pool3d(x, 2, 1, dilation=(2, 1, 3)),
            F.max_pool3d(x[0], 2),
        ),
        CUBE,
    ),
    "max_pool_nan": (
        lambda x: F.max_pool3d(x, 2, return_indices=True),
        CUBE.masked_fill(torch.rand(CUBE.shape) < 0.1, torch.nan),
    ),
    "avg_pool3d": (
        lambda x: (
            F.avg_pool3d(x, 2),
            F.avg_pool3d(x, 3, 2, 1),
            F.avg_pool3d(x, (3, 2, 3), 2, 1, count_include_pad=False),
            F.avg_pool3d(x, 3, 2, 1, ceil_mode=True),
            F.avg_pool3d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
            F.avg_pool3d(x, 2, divisor_override=3),
            F.avg_pool3d(x[0], 2),
        ),
        CUBE,
    ),
    "adaptive_avg_pool3d": (
        lambda x: (
            F.adaptive_avg_pool3d(x, 1),
            F.adaptive_avg_pool3d(x, (2, 4, 3)),
            F.adaptive_avg_pool3d(x[0], (5, 3, 1)),
        ),
        CUBE,
    ),
    "adaptive_max_pool": (
        lambda x, y, z: (
            *F.adaptive_max_pool1d(x, 3, return_indices=True),
            *F.adaptive_max_pool2d(y, (4, 3), return_indices=True),
            *F.adaptive_max_pool2d(y[0], (3, 5), return_indices=True),
            *F.adaptive_max_pool3d(z, (2, 4, 3), return_indices=True),
            *F.adaptive_max_pool3d(z, 1, return_indices=True),
        ),
        LINE,
        IMAGE,
        CUBE,
    ),
    "max_unpool": (
        lambda x, y, z: (
            F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2, output_size=[7]),
            F.max_unpool2d(*F.max_pool2d(y[..., :4], 2, return_indices=True), 2),
            F.max_unpool2d(*F.max_pool2d(y, 3, 1, return_indices=True), 3, 1),
            F.max_unpool3d(*F.max_pool3d(z[:, :, :4, :, :6], 2, return_indices=True), 2),
            F.max_unpool2d(*F.max_pool2d(y[0, ..., :4], 2, return_indices=True), 2),
        ),
        LINE,
        IMAGE,
        CUBE,
    ),
    "lp_pool": (lambda x, y: (F.lp_pool1d(x, 2, 3), F.lp_pool2d(y, 3, 2)), LINE, IMAGE),
    "nearest": interpolations(IMAGE, "nearest", [(3, 9), (13, 2), (6, 5)], [2, 1.7, (0.5, 3)]),
    "nearest_line": interpolations(LINE, "nearest", [3, 20, 7], [2, 1.7, 0.4]),
    "nearest_cube": interpolations(CUBE, "nearest", [(3, 9, 2)], [2, 1.3]),
    "nearest_integers": interpolations((IMAGE * 40).byte(), "nearest", [(3, 9)], [2]),
    "nearest_exact": interpolations(IMAGE, "nearest-exact", [(3, 9), (13, 2)], [2, 1.7, 0.4]),
    "nearest_exact_others": (
        lambda x, y: (
            F.interpolate(x, 11, mode="nearest-exact"),
            F.interpolate(y, scale_factor=0.6, mode="nearest-exact"),
        ),
        LINE,
        CUBE,
    ),
    "linear": interpolations(LINE, "linear", [3, 20, 1, 7], [2, 1.7, 0.4]),
    "linear_corners": interpolations(LINE, "linear", [3, 20, 1, 7], [2], align_corners=True),
    "bilinear": interpolations(IMAGE, "bilinear", [(3, 9), (13, 2), (1, 1)], [2, 1.7, (0.5, 3)]),
    "bilinear_corners": interpolations(
        IMAGE, "bilinear", [(3, 9), (1, 7)], [2], align_corners=True
    ),
    "bilinear_half": interpolations(IMAGE.half(), "bilinear", [(3, 9)], [2]),
    "bilinear_double": interpolations(IMAGE.double(), "bilinear", [(3, 9)], [2]),
    "bicubic": interpolations(IMAGE, "bicubic", [(3, 9), (13, 2), (1, 1)], [2, 1.7, (0.5, 3)]),
    "bicubic_corners": interpolations(IMAGE, "bicubic", [(3, 9), (1, 7)], [2], align_corners=True),
    "trilinear": interpolations(CUBE, "trilinear", [(3, 9, 2)], [2, 1.3]),
    "trilinear_corners": interpolations(CUBE, "trilinear", [(3, 9, 2)], [2], align_corners=True),
    "area": interpolations(IMAGE, "area", [(3, 9), (1, 1)], [0.5]),
    "area_others": (
        lambda x, y: (F.interpolate(x, 3, mode="area"), F.interpolate(y, (2, 3, 4), mode="area")),
        LINE,
        CUBE,
    ),
    "antialiased": interpolations(
        IMAGE, "bilinear", [(3, 9), (2, 2), (13, 2)], [0.4, 2], antialias=True
    ),
    "antialiased_cubic": interpolations(
        IMAGE, "bicubic", [(3, 9), (2, 2), (13, 2)], [0.4, 2], antialias=True
    ),
    "antialiased_corners": interpolations(
        IMAGE, "bilinear", [(3, 9)], [0.4], antialias=True, align_corners=True
    ),
    **{
        f"kept_{mode}_{antialias}": interpolations(
            x, mode, [], [1.1, *scales], **({"antialias": True} if antialias else {})
        )
        for x, mode, scales, antialias in (
            (IMAGE, "nearest", [(1.5, 1.1)], False),
            (LINE, "linear", [], False),
            (IMAGE, "bilinear", [(1.5, 1.1)], False),
            (IMAGE, "bilinear", [(0.5, 1.1)], True),
            (IMAGE, "bicubic", [(0.5, 1.1)], True),
            (IMAGE, "bicubic", [(1.5, 1.1)], False),
            (CUBE, "trilinear", [], False),
        )
    },
    **grids(IMAGE, torch.randn(2, 3, 7, 2)),
    **grids(CUBE[:, :, :2], torch.randn(2, 2, 3, 4, 3)),
    **grids(IMAGE, FAR[:32].view(2, 2, 4, 2), "_far"),
    **grids(CUBE[:, :, :2], FAR.view(2, 1, 2, 4, 3), "_far"),
    "affine_grid": (
        lambda t, u: (
            F.affine_grid(t, (2, 3, 4, 5), align_corners=False),
            F.affine_grid(t, (2, 3, 4, 5), align_corners=True),
            F.affine_grid(u, (2, 3, 2, 3, 4), align_corners=False),
            F.affine_grid(u, (2, 3, 2, 3, 4), align_corners=True),
        ),
        torch.randn(2, 2, 3),
        torch.randn(2, 3, 4),
    ),
    "einsum": (
        lambda x, y: (
            torch.einsum("bij,bkj->bik", x, y),
            torch.einsum("bij,bkj", x, y),
            torch.einsum("bij,bij->b", x, y),
            torch.einsum("bij->jb", x),
            torch.einsum("bij->", x),
            torch.einsum("...ij,...kj->...ik", x, y),
            torch.einsum("b...,b...->...", x, y),
            torch.einsum("bij,k->bijk", x, y[0, 0]),
            torch.einsum("bii->bi", x[:, :, :3]),
            torch.einsum("iib", x.permute(1, 2, 0)[:, :3]),
            torch.einsum("bij,bkj,bik->b", x, y, x[:, :, :3]),
            torch.einsum("a b c, d b c -> a d", x, y),
            torch.einsum("ij,kj->ik", x[0], y[0, :, :1]),
            torch.einsum("Ab,ba", x[0], y[0].t()),
        ),
        X,
        torch.randn(2, 3, 4),
    ),
    "einsum_integers": (
        lambda x: torch.einsum("ij,jk->ik", x, x.t()),
        torch.tensor([[1, 2, 3], [4, 5, 6]]),
    ),
    "tensordot": (
        lambda x, y: (
            torch.tensordot(x, y, 2),
            torch.tensordot(x, y, ([1, 0], [0, 2])),
            torch.tensordot(x, y, 0),
        ),
        X,
        torch.randn(3, 4, 2),
    ),
    "bilinear_product": (
        lambda x, y, w, b: (F.bilinear(x, y, w, b), F.bilinear(x[0], y[0], w)),
        X,
        torch.randn(2, 3, 5),
        torch.randn(6, 4, 5),
        torch.randn(6),
    ),
    "products": (
        lambda x, y: (
            torch.inner(x, y),
            torch.inner(x, y[0]),
            torch.linalg.vecdot(x, y),
            torch.vdot(x[0], y[0]),
            torch.ger(x[0], y[0]),
            torch.kron(x, y),
            torch.kron(x, y[0]),
            torch.linalg.multi_dot([x[0], y.t(), x]),
            torch.chain_matmul(x, y.t(), x),
            torch.linalg.matmul(x, y.t()),
        ),
        ROWS,
        torch.randn(3, 4),
    ),
    "sums_of_products": (
        lambda x, y: (
            torch.addmv(y[:, 0], y, x[0, 0], beta=0.5, alpha=2),
            torch.addr(y, y[:, 1], x[0, 0], beta=2, alpha=-1),
            torch.addbmm(y[:, :3], x, x.mT, beta=0.5, alpha=3),
            torch.addbmm(y[:, :3] * torch.nan, x, x.mT, beta=0),
            torch.addmv(y[:, 0] * torch.nan, y, x[0, 0], beta=0),
            torch.addr(y * torch.nan, y[:, 1], x[0, 0], beta=0),
            torch.baddbmm(x[:, :, :3] * torch.nan, x, x.mT, beta=0, alpha=2),
            torch.addmm(y[:, :3] * torch.nan, y, y.t(), beta=0),
        ),
        X,
        ROWS,
    ),
    "embedding_bag": (
        lambda w, i, o, p: (
            F.embedding_bag(i, w, o, mode="sum"),
            F.embedding_bag(i, w, o, mode="mean"),
            F.embedding_bag(i, w, o, mode="max"),
            F.embedding_bag(i, w, o, mode="sum", per_sample_weights=p),
            F.embedding_bag(i, w, o, mode="mean", padding_idx=1),
            F.embedding_bag(i, w, o, mode="max", padding_idx=-1),
            F.embedding_bag(i, w, o, mode="sum", include_last_offset=True),
            F.embedding_bag(i, w, o[:3], mode="sum", include_last_offset=True),
            F.embedding_bag(i, w, o[:3], mode="mean", include_last_offset=True),
            F.embedding_bag(i, w.double(), o[:3], mode="sum", include_last_offset=True),
            F.embedding_bag(i, w, o[:3], mode="sum", include_last_offset=True, padding_idx=1),
            F.embedding_bag(i, w, o[:3], mode="max", include_last_offset=True),
            F.embedding_bag(i.view(2, 3), w),
        ),
        ROWS,
        torch.tensor([0, 1, 2, 2, 1, 0]),
        torch.tensor([0, 2, 2, 6]),
        torch.randn(6),
    ),
    "unfold": (
        lambda x: (
            F.unfold(x, 2),
            F.unfold(x, (3, 2), dilation=(1, 2), padding=(2, 1), stride=2),
            F.unfold(x[0], 3),
        ),
        IMAGE,
    ),
    "fold": (
        lambda x: (
            F.fold(x, (4, 5), (2, 2)),
            F.fold(x, (2, 3), 2, padding=1),
            F.fold(x, (6, 8), 2, dilation=(1, 2), padding=(0, 1), stride=2),
            F.fold(x[0], (4, 5), (2, 2)),
        ),
        torch.randn(2, 8, 12),
    ),
    "shuffles": (
        lambda x: (
            F.pixel_unshuffle(x, 2),
            F.channel_shuffle(x, 2),
            torch.native_channel_shuffle(x, 2),
        ),
        torch.randn(2, 4, 6, 4),
    ),
    "distances": (
        lambda x, y: (
            torch.cdist(x, y),
            torch.cdist(x[0], y[0], p=1),
            torch.cdist(x, y, p=torch.inf),
            torch.cdist(x, y, p=0),
            torch.cdist(x, y, p=3.5),
            torch.pdist(x[0]),
            torch.dist(x, y[:, :3], 3),
            torch.dist(x, y[:, :3], -1.5),
            torch.dist(x, y[:, :3], -torch.inf),
            torch.cdist(x.where(x > 0, torch.nan), y, p=torch.inf),
            F.pairwise_distance(x, y[:, :3]),
            F.pairwise_distance(x, y[:, :3], p=1, keepdim=True),
        ),
        X,
        torch.randn(2, 5, 4),
    ),
    "extremes_of_numbers": (
        lambda x, y: (torch.fmax(x, y), torch.fmin(x, y), torch.fmax(x, y[0]), x.isnan().fmax(y)),
        EDGES,
        EDGES.roll(3).nan_to_num(0.5),
    ),
    "medians": (
        lambda x: (
            x.round().median(),
            x.nanmedian(),
            x.where(x > 0, torch.nan).median(),
            x.where(x > 0, torch.nan).nanmedian(),
            x.long().median(),
        ),
        X,
    ),
    "norms_of_zeros": (
        lambda x: [torch.linalg.vector_norm(x * (x > 0), p, (0, 1)) for p in (3, 1.5, 0.5, -1)],
        X,
    ),
    "cosine": (
        lambda x, y: (
            F.cosine_similarity(x, y),
            F.cosine_similarity(x, y, dim=-1),
            F.cosine_similarity(x, y[0], dim=2),
            F.cosine_similarity(x * 0, y),
            F.cosine_similarity(x, y[..., :1], dim=2),
            F.cosine_similarity(x, y[0, 0], dim=0),
            F.cosine_similarity(x[0, 0], y, dim=-1),
        ),
        X,
        torch.randn(2, 3, 4),
    ),
    "losses": (
        lambda x, y: (
            F.kl_div(x, y.softmax(-1)),
            F.kl_div(x, y, log_target=True, reduction="sum"),
            F.kl_div(x, y.relu(), reduction="batchmean"),
            F.poisson_nll_loss(x, y.abs() * 3),
            F.poisson_nll_loss(x.abs(), y.abs() * 3, log_input=False, full=True, reduction="none"),
            F.soft_margin_loss(x, y.sign()),
            F.multilabel_soft_margin_loss(x, (y > 0).float()),
            F.hinge_embedding_loss(x, y.sign(), margin=0.3),
            F.margin_ranking_loss(x, y, y.sign(), margin=0.1, reduction="none"),
        ),
        ROWS,
        torch.randn(3, 4),
    ),
    "triplets": (
        lambda x, y: (
            F.triplet_margin_loss(x, y, y.flip(0)),
            F.triplet_margin_loss(x, y, y.flip(0), p=1, swap=True, reduction="none"),
            F.triplet_margin_with_distance_loss(x, y, y.flip(0)),
            F.cosine_embedding_loss(x, y, SIGNS, margin=0.1),
            F.cosine_embedding_loss(x[0], y[0], SIGNS[1], reduction="none"),
        ),
        ROWS,
        torch.randn(3, 4),
    ),
    "margins": (
        lambda x, t: (
            F.multi_margin_loss(x, t),
            F.multi_margin_loss(x, t, p=2, margin=0.5, weight=x[0].abs(), reduction="none"),
            F.multi_margin_loss(x[0], t[0]),
        ),
        ROWS,
        LABELS,
    ),
    "multilabel_margins": (
        lambda x, m: (
            F.multilabel_margin_loss(x, m),
            F.multilabel_margin_loss(x, m, reduction="none"),
            F.multilabel_margin_loss(x[0], m[0]),
        ),
        ROWS,
        torch.tensor([[3, 0, -1, 1], [-1, 0, 1, 2], [1, 2, 3, 0]]),
    ),
    "affine_grid_line": (
        lambda t: F.affine_grid(t, (2, 3, 4, 1), align_corners=True),
        X[:, :2, :3],
    ),
    "activations": (
        lambda x: (
            F.hardshrink(x),
            F.softshrink(x, 0.3),
            F.rrelu(x),
            F.celu(x, 0.7),
            F.selu(x),
            F.hardswish(x),
            F.hardsigmoid(x),
            F.mish(x),
            F.logsigmoid(x),
            F.softplus(x),
            F.softplus(x, 3, 2),
            F.threshold(x, 0.1, 5.0),
            F.tanhshrink(x),
            F.softsign(x),
            F.elu(x, 0.3),
            F.gelu(x[1:-2]),
            F.gelu(x[1:-2], approximate="tanh"),
            F.silu(x),
            F.relu6(x),
            F.glu(x[:8], 0),
            F.prelu(x, x[5:6]),
            F.leaky_relu(x, -0.2),
            F.hardtanh(x, -0.3, 0.4),
        ),
        EDGES,
    ),
    "equations": (
        lambda a, y: (
            torch.linalg.solve(a, y),
            torch.linalg.solve(a[0], y),
            torch.linalg.solve(a, y[..., 0]),
            torch.linalg.solve(a[0], y[0, :, 1]),
            torch.linalg.solve(a, y.mT, left=False),
            torch.linalg.solve_triangular(a, y, upper=True),
            torch.linalg.solve_triangular(a, y.mT, upper=False, left=False, unitriangular=True),
            torch.triangular_solve(y, a)[0],
            torch.triangular_solve(y, a, upper=False, transpose=True)[0],
            torch.linalg.inv(a),
            a.inverse(),
            torch.linalg.inv_ex(a)[0],
            torch.linalg.det(a),
            torch.det(a[0]),
            *torch.linalg.slogdet(a),
            torch.logdet(a @ a.mT),
            torch.linalg.matrix_power(a, 3),
            torch.linalg.matrix_power(a, -2),
            torch.linalg.matrix_power(a, 0),
            torch.linalg.matrix_norm(a),
            torch.linalg.matrix_norm(a, 1),
            torch.linalg.matrix_norm(a, -float("inf"), keepdim=True),
        ),
        0.3 * torch.randn(2, 3, 3) + 2 * torch.eye(3),
        torch.randn(2, 3, 2),
    ),
    "cholesky": (
        lambda a, y: (
            torch.linalg.cholesky(a @ a.mT),
            torch.linalg.cholesky(a @ a.mT, upper=True),
            torch.cholesky_solve(y, torch.linalg.cholesky(a @ a.mT)),
            torch.cholesky_inverse(torch.linalg.cholesky(a @ a.mT, upper=True), upper=True),
            torch.linalg.cholesky_ex(a @ a.mT)[0],
        ),
        0.3 * torch.randn(2, 3, 3) + 2 * torch.eye(3),
        torch.randn(2, 3, 2),
    ),
    # What converters are known to get wrong.
    "nan_extremes": (
        lambda x: (
            x.max(),
            x.min(),
            x.argmax(),
            x.argmin(),
            *x.max(0),
            *x.min(1),
            x.amax(1),
            x.amin(0),
            x.argmax(1),
            x.argmin(0, keepdim=True),
            torch.maximum(x, x.flip(0)),
            torch.minimum(x, x.flip(1)),
            x.clamp(-0.5, 0.5),
            F.relu(x),
            F.hardtanh(x),
            F.max_pool2d(x[None, None], 2, 1),
        ),
        torch.tensor([[1.0, torch.nan, -2.0], [torch.nan, 0.5, 0.25], [3.0, -1.0, 3.0]]),
    ),
    "extremes_of_products": (
        lambda x, y: (
            torch.baddbmm(y, x, x.mT, beta=1e30, alpha=1e-30),
            torch.baddbmm(y, x * 1e15, x.mT * 1e15, beta=0, alpha=1e-30),
            torch.baddbmm(y * torch.inf, x, x.mT, beta=0, alpha=-2),
            torch.baddbmm(y, x, x.mT, beta=-0.5, alpha=0),
        ),
        X,
        torch.randn(2, 3, 3),
    ),
    "negative_division": (
        lambda x: (
            x // 3,
            x // -3,
            x % 3,
            x % -3,
            torch.fmod(x, 3),
            torch.div(x, 3, rounding_mode="trunc"),
            torch.div(x, -3, rounding_mode="floor"),
            x.float() // 0.7,
            x.float() % -0.7,
        ),
        torch.tensor([-7, -6, -1, 0, 1, 6, 7]),
    ),
    "wide_integers": (
        lambda x: (x + 2**53 + 1, x * 3_000_000_001, x.sum(), x == 2**53 + 1, x.cumsum(0)),
        torch.tensor([0, 1, 2**53 + 1, -(2**40)]),
    ),
    "repeated_places": (
        lambda x, i: (
            x.index_add(0, i, x),
            x.index_put((i,), x, accumulate=True),
            x.scatter_add(0, i[:, None].expand(-1, 4), x),
        ),
        ROWS,
        torch.tensor([1, 1, 1]),
    ),
    "heads": cell(
        lambda: HeadWeights(torch.nn.MultiheadAttention(8, 2, batch_first=True)),
        torch.randn(2, 5, 8),
        torch.zeros(1),
    ),
    "weight_norm": (
        lambda v, g: (
            torch._weight_norm(v, g, 0),
            torch._weight_norm(v, g.sum().view(1), -1),
            torch._weight_norm(v, v[:1].abs(), 1),
        ),
        ROWS,
        torch.randn(3, 1),
    ),
    "local_response_norm": (
        lambda x, y: (F.local_response_norm(x, 3), F.local_response_norm(y, 2, 0.1, 0.5, 2.0)),
        IMAGE,
        CUBE,
    ),
    "instance_norm_running": (
        lambda x, m: F.instance_norm(x, m.clone(), m.abs() + 1, m, m, use_input_stats=False),
        IMAGE,
        torch.randn(4),
    ),
    "instance_norm_moves": (
        lambda x, m: (F.instance_norm(x, m, v := m.abs() + 1, momentum=0.3), m, v),
        IMAGE,
        torch.randn(4),
    ),
    "paddings": (
        lambda x, y, z: (
            F.pad(x, (2, 1), mode="circular"),
            F.pad(y, (2, 1, 0, 3), mode="circular"),
            F.pad(z, (2, 1, 0, 3, 1, 1), mode="circular"),
            F.pad(z, (2, 1, 0, 3, 1, 1), mode="reflect"),
            F.pad(z, (2, 1, 0, 3, 1, 1), mode="replicate"),
        ),
        LINE,
        IMAGE,
        CUBE,
    ),
    "convolutions": (
        lambda x, w, y, v: (
            F.conv_transpose1d(x, w, stride=3, padding=1, output_padding=2, dilation=2),
            F.conv_transpose1d(x, w.view(4, 1, 6)[:, :, :3], groups=2),
            F.conv1d(x, w.view(6, 2, 2), groups=2, padding="same"),
            F.conv3d(y, v, stride=2, padding=1, dilation=(1, 2, 1)),
            F.conv3d(y, v[..., :2], padding="same"),
            F.conv_transpose3d(y, v.transpose(0, 1), stride=2, output_padding=1),
        ),
        LINE,
        torch.randn(4, 2, 3),
        CUBE,
        torch.randn(4, 3, 3, 3, 3),
    ),
}

# Decomposed, PyTorch gives other numbers (the losses of classes behind the first negative one), refuses, or saves
# checks that a matrix is regular, in an order that tokens say.
EXPORTED_ONLY = {
    "multilabel_margins",
    "affine_grid_line",
    # The decomposition applies a scale where the axis keeps its length.
    "kept_linear_False",
    "kept_trilinear_False",
    "equations",
    "cholesky",
}

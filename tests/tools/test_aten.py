"""Exports many small calls with PyTorch, as exported and decomposed, and compares what isomer makes of them with eager
PyTorch: types, shapes and values.

usage: test_aten.py PROGRAM [NAME...]      names choose calls; exit 77 where torch is missing
"""

import pathlib
import subprocess
import sys
import tempfile

try:
    import torch
    import torch.nn.functional as F
    from safetensors.torch import load_file, save_file
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

import aten_networks

torch.manual_seed(0)
X = torch.randn(2, 3, 4)
POSITIVE = torch.rand(2, 3, 4) + 0.5
ROWS = torch.randn(3, 4)
IMAGE = torch.randn(2, 4, 6, 6)
LINE = torch.randn(2, 4, 7)
INTS = torch.tensor([[3, -2, 7], [0, 5, -8]])
INDEX = torch.tensor([2, 0, 1])
MASK = torch.tensor([[True, False, True, False]] * 3)
HALF = torch.randn(3, 4).half()
W = torch.randn(5, 4)
BIAS = torch.randn(5)
KERNEL = torch.randn(8, 4, 3, 3)
LABELS = torch.tensor([1, 0, 3])


def autocast_loss(x, y):
    with torch.autocast("cpu", torch.bfloat16):
        return F.mse_loss(y, F.linear(x, W)), F.mse_loss(F.linear(x, W), y)


def unary(*names):
    return {name: (lambda x, f=getattr(torch, name): f(x), X) for name in names}


CALLS = {
    **unary(
        "neg",
        "abs",
        "sign",
        "relu",
        "square",
        "exp",
        "expm1",
        "sin",
        "cos",
        "tanh",
        "sigmoid",
        "erf",
        "floor",
        "ceil",
        "round",
        "trunc",
        "frac",
        "tan",
        "exp2",
        "isnan",
        "isinf",
        "isfinite",
        "logical_not",
    ),
    **{
        name: (lambda x, f=getattr(torch, name): f(x), POSITIVE)
        for name in ("log", "log1p", "sqrt", "rsqrt", "reciprocal", "log2", "log10")
    },
    **{
        name: (lambda x, f=getattr(F, name): f(x), X * 4)
        for name in (
            "silu",
            "hardsigmoid",
            "hardswish",
            "mish",
            "relu6",
            "selu",
            "celu",
            "elu",
            "leaky_relu",
            "hardtanh",
            "softplus",
            "logsigmoid",
            "softsign",
            "gelu",
        )
    },
    "exp_integer": (lambda x: torch.exp(x), INTS),
    "floor_integer": (lambda x: torch.floor(x), INTS),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), X),
    "softplus_beta": (lambda x: F.softplus(x, 2, 3), X * 3),
    "celu_alpha": (lambda x: F.celu(x, 0.5), X),
    "prelu_one": (lambda x: F.prelu(x, torch.tensor([0.3])), X),
    "prelu_channels": (lambda x: F.prelu(x, torch.tensor([0.3, 0.1, 2.0])), X),
    "threshold": (lambda x: F.threshold(x, 0.2, -7.0), X),
    "glu": (lambda x: F.glu(x, -1), X),
    "clamp_both": (lambda x: x.clamp(-0.5, 0.5), X),
    "clamp_integer_by_real": (lambda x: x.clamp(max=2.5), INTS),
    "clamp_integer": (lambda x: x.clamp(min=0), INTS),
    "clamp_tensor": (lambda x: torch.clamp(x, min=torch.tensor(0.1)), X),
    "add_alpha": (lambda x, y: torch.add(x, y, alpha=2.5), X, ROWS),
    "add_integer_real": (lambda x: x + 0.5, INTS),
    "add_integers": (lambda x: x + 2, INTS),
    "add_half_scalar": (lambda x: x + 0.1, HALF),
    "add_half_float": (lambda x, y: x + y, HALF, ROWS),
    "add_rank0_double": (lambda x: x * torch.tensor(0.1, dtype=torch.float64), ROWS),
    "add_integer_rank0": (lambda x: x + torch.tensor(0.25), INTS),
    "add_boolean": (lambda x: x + 1, MASK),
    "add_booleans": (lambda x: x + x.flip(1), MASK),
    "mul_booleans": (lambda x: x * x.flip(1), MASK),
    "rsub": (lambda x: 1 - x, X),
    "rsub_alpha": (lambda x: torch.rsub(x, 1.0, alpha=3), X),
    "div": (lambda x, y: x / y, X, POSITIVE),
    "div_integer": (lambda x: x / 2, INTS),
    "div_floor": (lambda x: torch.div(x, 2, rounding_mode="floor"), INTS),
    "div_trunc": (lambda x: torch.div(x, 2, rounding_mode="trunc"), INTS),
    "div_trunc_real": (lambda x: torch.div(x, 0.7, rounding_mode="trunc"), X),
    "floor_divide": (lambda x: x // 3, INTS),
    "remainder": (lambda x: x % 3, INTS),
    "remainder_real": (lambda x: x % 0.7, X),
    "fmod": (lambda x: torch.fmod(x, 3), INTS),
    "fmod_real": (lambda x: torch.fmod(x, 0.7), X),
    "pow_scalar": (lambda x: x**2, X),
    "pow_cube": (lambda x: x**3, INTS),
    "pow_root": (lambda x: x**0.5, POSITIVE),
    "pow_tensor": (lambda x, y: x**y, POSITIVE, X),
    "pow_base": (lambda x: 2**x, X),
    "maximum": (lambda x, y: torch.maximum(x, y), X, ROWS),
    "minimum": (lambda x, y: torch.minimum(x, y), X, ROWS),
    "addcmul": (lambda x, y: torch.addcmul(x, y, y, value=0.5), ROWS, ROWS + 1),
    "addcdiv": (lambda x, y: torch.addcdiv(x, x, y, value=2), X, POSITIVE),
    "lerp": (lambda x, y: torch.lerp(x, y, 0.3), X, POSITIVE),
    **{
        f"compare_{name}": (lambda x, f=getattr(torch, name): f(x, 0.1), X)
        for name in ("eq", "ne", "lt", "le", "gt", "ge")
    },
    "compare_integer_real": (lambda x: x > 2.5, INTS),
    "compare_tensors": (lambda x, y: x >= y, X, ROWS),
    "logical": (lambda x, y: torch.logical_and(x, y) | torch.logical_xor(x, y), INTS, INTS.flip(1)),
    "bitwise": (lambda x: (x & ~x.flip(1)) | (x ^ x.flip(0)), MASK),
    "where": (lambda m, x: torch.where(m, x, x.flip(0)), MASK, ROWS),
    "where_scalar": (lambda m, x: torch.where(m, x, 0.5), MASK, ROWS),
    "where_integer_scalar": (lambda x: torch.where(x > 0, x, 1.5), INTS),
    "where_scalars": (lambda m: torch.where(m, 1.0, 0.0), MASK),
    "masked_fill": (lambda x, m: x.masked_fill(m, -1e9), ROWS, MASK),
    "masked_fill_broadcast": (lambda x, m: x.masked_fill(m, float("-inf")), X, MASK),
    "sum": (lambda x: x.sum(), X),
    "sum_dims": (lambda x: x.sum((0, -1), keepdim=True), X),
    "sum_boolean": (lambda x: x.sum(1), MASK),
    "sum_dtype": (lambda x: x.sum(1, dtype=torch.float64), X),
    "mean": (lambda x: x.mean(), X),
    "mean_dim": (lambda x: x.mean(-1), X),
    "mean_integer": (lambda x: x.mean(0, dtype=torch.float32), INTS),
    "prod": (lambda x: x.prod(), X),
    "prod_dim": (lambda x: x.prod(1, keepdim=True), INTS),
    "amax": (lambda x: x.amax((1, 2)), X),
    "amin": (lambda x: x.amin(0, keepdim=True), X),
    "max_all": (lambda x: x.max(), X),
    "max_dim": (lambda x: x.max(1), X),
    "min_dim": (lambda x: x.min(-1, keepdim=True), X),
    "argmax": (lambda x: x.argmax(), X),
    "argmax_dim": (lambda x: x.argmax(1, keepdim=True), X),
    "argmin": (lambda x: x.argmin(-1), X),
    "any_all": (lambda x: (x.any(1), x.all(0), x.any(), x.all()), MASK),
    "any_real": (lambda x: x.any(0), INTS),
    "no_axes": (lambda x: (x.any(()), x.all(()), x.sum(()), x.mean(()), x.amax(()), x.var(())), X),
    "half": (
        lambda x: (
            F.softmax(x, 1),
            x.mean(1),
            x.sum(0),
            x.var(1),
            F.layer_norm(x, (4,)),
            F.rms_norm(x, (4,)),
        ),
        HALF,
    ),
    "var": (lambda x: (x.var(), x.var(1), x.var((0, 2), correction=0), x.std(-1, keepdim=True)), X),
    "var_mean": (lambda x: torch.var_mean(x, 1), X),
    "std_unbiased": (lambda x: x.std(0, unbiased=False), X),
    "cumsum": (lambda x: x.cumsum(1), X),
    "cumsum_integer": (lambda x: x.cumsum(-1), INTS),
    "softmax": (lambda x: (F.softmax(x, 1), F.log_softmax(x, -1)), X),
    "softmax_dtype": (lambda x: F.softmax(x, 1, dtype=torch.float32), HALF),
    "logsumexp": (lambda x: torch.logsumexp(x, (1, 2)), X),
    "norm": (
        lambda x: (
            x.norm(),
            x.norm(dim=1),
            torch.linalg.vector_norm(x, 1, dim=-1),
            x.norm(p=float("inf")),
        ),
        X,
    ),
    "normalize": (lambda x: F.normalize(x, dim=1), X),
    "view": (lambda x: (x.view(2, -1), x.reshape(6, 4), x.reshape(-1)), X),
    "flatten": (lambda x: (x.flatten(), x.flatten(1), torch.flatten(x, 0, 1)), X),
    "unflatten": (lambda x: x.unflatten(-1, (2, -1)), X),
    "permute": (lambda x: (x.permute(2, 0, 1), x.transpose(-1, 0), x.mT, x.movedim(0, -1)), X),
    "matrix_t": (lambda x: (x.t(), x.T), ROWS),
    "squeeze": (
        lambda x: (x.squeeze(), x.squeeze(1), x[:, None].squeeze((1, 2)), x.unsqueeze(-1)),
        X[:1],
    ),
    "expand": (lambda x: (x.expand(2, -1, 4), x.expand_as(torch.zeros(5, 3, 4))), ROWS),
    "repeat": (lambda x: (x.repeat(2, 1), x.repeat(2, 1, 3), x.tile(2)), ROWS),
    "repeat_interleave": (lambda x: x.repeat_interleave(3, 1), ROWS),
    "slice": (lambda x: (x[1:], x[:, -2:], x[..., 1:-1], x[:, ::2], x[:, 5:], x[:, 2:1]), X),
    "select": (lambda x: (x[0], x[:, -1], x.select(2, 1)), X),
    "narrow": (lambda x: x.narrow(1, 1, 2), X),
    "split": (
        lambda x: (
            *x.split(2, 1),
            *x.split([1, 3], -1),
            *x.chunk(2, 1),
            *x.chunk(3, 2),
            *x.unbind(1),
        ),
        X,
    ),
    "cat": (lambda x, y: torch.cat([x, y.unsqueeze(0)], 0), X, ROWS),
    "cat_types": (lambda x, y: torch.cat([x, y.float()], 1).sum(1), INTS, INTS),
    "cat_promotes": (lambda x: torch.cat([x, x + 0.5]), INTS),
    "stack": (lambda x: torch.stack([x, x + 1], -1), ROWS),
    "flip": (lambda x: x.flip(0, -1), X),
    "roll": (lambda x: (x.roll(1, 0), x.roll((1, -2), (1, 2)), x.roll(5)), X),
    "diff": (
        lambda x: (
            x.diff(),
            x.diff(n=2, dim=1),
            x.diff(prepend=x[..., :2] * 2),
            x.diff(dim=0, prepend=x[:1], append=x[1:]),
        ),
        X,
    ),
    "pad": (lambda x: (F.pad(x, (1, 2)), F.pad(x, (1, 0, 2, 1), value=3.0), F.pad(x, (-1, 1))), X),
    "pad_modes": (
        lambda x: (
            F.pad(x, (2, 1), mode="reflect"),
            F.pad(x, (2, 3), mode="replicate"),
            F.pad(x, (3, 1), mode="circular"),
        ),
        LINE,
    ),
    "pad_plane": (lambda x: F.pad(x, (1, 2, 3, 0), mode="reflect"), IMAGE),
    "index": (lambda x, i: (x[i], x[:, i], x[i, i], x[i][:, i]), ROWS, INDEX),
    "index_negative": (lambda x: x[torch.tensor([-1, 0])], ROWS),
    "index_two": (lambda x, i: (x[:1, i, i], x[i[:1] - 1, :, i[:1]]), X, INDEX),
    "index_matrix": (lambda x: x[torch.tensor([[0, 1], [2, 0]])], ROWS),
    "index_select": (lambda x, i: torch.index_select(x, 1, i), ROWS, INDEX),
    "gather": (lambda x, i: torch.gather(x, 0, i[:, None].expand(-1, 2)), ROWS, INDEX),
    "scatter_add": (lambda x, i: x.scatter_add(0, i[:, None].expand(-1, 4), x), ROWS, INDEX),
    "index_add": (lambda x, i: x.index_add(0, i, x, alpha=2), ROWS, INDEX),
    "index_put": (
        lambda x, i: (
            x.index_put((i,), x, accumulate=True),
            x.index_put((x > 0,), torch.tensor(0.5)),
            x.index_put((i, i), x[0, :3], accumulate=True),
        ),
        ROWS,
        INDEX,
    ),
    "embedding": (lambda x, w: F.embedding(x, w, padding_idx=-1), INDEX, ROWS),
    "one_hot": (lambda i: F.one_hot(i, 4), INDEX),
    "tri": (lambda x: (x.tril(), x.triu(1), x.tril(-1)), ROWS),
    "creation": (
        lambda x: (
            torch.zeros(2, 3),
            torch.ones_like(x),
            x.new_ones(2),
            x.new_zeros(1, 2),
            torch.full((2,), 7),
            torch.full_like(x, 0.5),
            torch.arange(5),
            torch.arange(1, 9, 3),
            torch.arange(0.0, 1.0, 0.3),
            torch.linspace(0, 1, 7),
            torch.arange(3, 0, -1),
            x.new_full((2,), 3),
        ),
        ROWS,
    ),
    "types": (
        lambda x: (
            x.to(torch.float64),
            x.long(),
            x.half(),
            x.bool(),
            x.type_as(torch.zeros(1, dtype=torch.float64)),
        ),
        ROWS,
    ),
    "linear": (
        lambda x, w, b: (F.linear(x, w, b), F.linear(x, w), F.linear(x[0, 0], w, b)),
        X,
        W,
        BIAS,
    ),
    "mm": (
        lambda x, w: (x @ w.t(), torch.mm(x, w.t()), x[0] @ w[0], w @ x[0], x[0] @ w.t()),
        ROWS,
        W,
    ),
    "bmm": (lambda x: (torch.bmm(x, x.mT), x @ x.mT, x @ x[0].t(), x @ x[0, 0]), X),
    "addmm": (
        lambda b, x, w: (torch.addmm(b, x, w.t()), torch.addmm(b, x, w.t(), beta=0.5, alpha=2)),
        BIAS,
        ROWS,
        W,
    ),
    "baddbmm": (lambda x: torch.baddbmm(x[:, :, :3], x, x.mT, beta=2), X),
    "vectors": (
        lambda x: (torch.dot(x[0], x[1]), torch.mv(x, x[0]), torch.outer(x[0], x[1])),
        ROWS,
    ),
    "conv2d": (
        lambda x, w: (
            F.conv2d(x, w),
            F.conv2d(x, w, stride=2, padding=1),
            F.conv2d(x, w, dilation=2),
            F.conv2d(x, w[:, :2], groups=2, padding=(1, 2)),
            F.conv2d(x[0], w),
        ),
        IMAGE,
        KERNEL,
    ),
    "conv_padding": (
        lambda x, w: (
            F.conv2d(x, w, padding="same"),
            F.conv2d(x, w[..., :2], padding="same"),
            F.conv2d(x, w, padding="valid"),
        ),
        IMAGE,
        KERNEL,
    ),
    "conv1d": (
        lambda x, w: (F.conv1d(x, w), F.conv1d(x, w, padding="same", dilation=2)),
        LINE,
        KERNEL[:, :, 0],
    ),
    "conv3d": (
        lambda x, w: F.conv3d(x, w, padding=1),
        torch.randn(1, 2, 4, 4, 4),
        torch.randn(3, 2, 3, 3, 3),
    ),
    "conv_transpose": (
        lambda x, w: (
            F.conv_transpose2d(x, w[:4]),
            F.conv_transpose2d(x, w[:4], stride=2, padding=1, output_padding=1),
            F.conv_transpose1d(x[..., 0], w[:4, :, 0], stride=3),
        ),
        IMAGE,
        KERNEL,
    ),
    "max_pool": (
        lambda x: (
            F.max_pool2d(x, 2),
            F.max_pool2d(x, 3, 2, 1),
            F.max_pool2d(x, 3, 2, ceil_mode=True),
            F.max_pool2d(x, 2, dilation=2, stride=1),
            F.max_pool2d(x[0], 2),
        ),
        IMAGE,
    ),
    "max_pool_indices": (lambda x: F.max_pool2d(x, 2, return_indices=True), IMAGE),
    "max_pool1d": (lambda x: F.max_pool1d(x, 2, ceil_mode=True), LINE),
    "avg_pool": (
        lambda x: (
            F.avg_pool2d(x, 2),
            F.avg_pool2d(x, 3, 2, 1),
            F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
            F.avg_pool2d(x, 4, 3, 1, ceil_mode=True),
            F.avg_pool2d(x, 2, divisor_override=3),
        ),
        IMAGE,
    ),
    "avg_pool1d": (lambda x: F.avg_pool1d(x, 3, 2, 1), LINE),
    "adaptive_pool": (
        lambda x: (
            F.adaptive_avg_pool2d(x, 1),
            F.adaptive_avg_pool2d(x, (2, 3)),
            F.adaptive_avg_pool2d(x, 4),
            F.adaptive_max_pool2d(x, 3),
        ),
        IMAGE,
    ),
    "adaptive_pool1d": (lambda x: (F.adaptive_avg_pool1d(x, 3), F.adaptive_max_pool1d(x, 1)), LINE),
    "upsample": (
        lambda x: (
            F.interpolate(x, scale_factor=2),
            F.interpolate(x, size=(9, 4)),
            F.interpolate(x, scale_factor=1.5),
        ),
        IMAGE,
    ),
    "upsample1d": (lambda x: F.interpolate(x, scale_factor=3), LINE),
    "pixel_shuffle": (lambda x: F.pixel_shuffle(x, 2), IMAGE),
    "batch_norm": (lambda x, m: F.batch_norm(x, m, m.abs() + 1, m, m), IMAGE, torch.randn(4)),
    "batch_norm_batch": (lambda x: F.batch_norm(x, None, None, training=True), IMAGE),
    "norms_of_half_by_single": (
        lambda x, image, w: (
            F.layer_norm(x, (4,), w, w),
            F.batch_norm(image, w, w.abs() + 1, w, w),
            F.group_norm(image, 2, w, w),
        ),
        HALF,
        IMAGE.half(),
        torch.randn(4),
    ),
    "autocast_loss": (autocast_loss, torch.randn(2, 4), torch.randn(2, 5)),
    "layer_norm": (
        lambda x, w: (
            F.layer_norm(x, (4,), w[0], w[1]),
            F.layer_norm(x, (3, 4)),
            F.layer_norm(x, (4,), eps=0.1),
        ),
        X,
        ROWS,
    ),
    "group_norm": (
        lambda x, m: (F.group_norm(x, 2, m, m), F.group_norm(x, 4)),
        IMAGE,
        torch.randn(4),
    ),
    "instance_norm": (lambda x, m: F.instance_norm(x, weight=m, bias=m), IMAGE, torch.randn(4)),
    "rms_norm": (lambda x, w: (F.rms_norm(x, (4,), w[0]), F.rms_norm(x, (4,), eps=0.1)), X, ROWS),
    "dropout_eval": (lambda x: F.dropout(x, 0.5, False) + F.dropout2d(x, 0.5, False), IMAGE),
    "attention": (
        lambda q: (
            F.scaled_dot_product_attention(q, q, q),
            F.scaled_dot_product_attention(q, q, q, is_causal=True),
            F.scaled_dot_product_attention(q, q, q, scale=0.3),
        ),
        torch.randn(2, 2, 5, 4),
    ),
    "attention_mask": (
        lambda q, m: (
            F.scaled_dot_product_attention(q, q, q, m > 0),
            F.scaled_dot_product_attention(q, q, q, m),
        ),
        torch.randn(2, 2, 5, 4),
        torch.randn(5, 5) + 2 * torch.eye(5),
    ),
    "attention_groups": (
        lambda q, k: F.scaled_dot_product_attention(q, k, k, enable_gqa=True),
        torch.randn(1, 4, 3, 2),
        torch.randn(1, 2, 5, 2),
    ),
    "cross_entropy": (
        lambda x, t: (
            F.cross_entropy(x, t),
            F.cross_entropy(x, t, reduction="sum", label_smoothing=0.1),
            F.cross_entropy(x, t, x[0].abs(), reduction="none", ignore_index=0),
        ),
        ROWS,
        LABELS,
    ),
    "cross_entropy_soft": (
        lambda x, y: (
            F.cross_entropy(x, y.softmax(1)),
            F.cross_entropy(x, y.softmax(1), label_smoothing=0.2),
        ),
        ROWS,
        ROWS.flip(0),
    ),
    "nll_loss": (lambda x, t: (F.nll_loss(x, t), F.nll_loss(x, t, reduction="none")), ROWS, LABELS),
    "regression": (
        lambda x, y: (
            F.mse_loss(x, y),
            F.l1_loss(x, y, reduction="sum"),
            F.smooth_l1_loss(x, y, beta=0.7),
            F.huber_loss(x, y, delta=0.4, reduction="none"),
        ),
        X,
        POSITIVE,
    ),
    "binary_cross_entropy": (
        lambda x, y: (
            F.binary_cross_entropy(x.sigmoid(), y.sigmoid()),
            F.binary_cross_entropy_with_logits(x, y.sigmoid()),
            F.binary_cross_entropy_with_logits(x, y.sigmoid(), pos_weight=y[0, 0].abs()),
        ),
        X,
        POSITIVE,
    ),
    "scalars": (
        lambda x: (x.sum().softmax(0), x.sum().cumsum(0), x.sum().flatten(), *x.mean().max(0)),
        X,
    ),
    "no_change": (lambda x: x.clone().contiguous().detach() + x.view_as(x).to("cpu"), X),
    "in_place": (lambda x: x.clone().add_(1).mul_(2).relu_(), X),
    "scatter_slices": (
        lambda x: torch.slice_scatter(x, x[:1] + 1, 0, 1, 2).select_scatter(x[1], 0, 0),
        X,
    ),
    **aten_networks.CALLS,
}


GROUP = 16  # calls in one export: each costs less, and one that fails is tried again alone


class Calls(torch.nn.Module):
    """Several calls, one after the other, each with inputs of its own."""

    def __init__(self, names):
        super().__init__()
        self.names = names

    def forward(self, *inputs):
        results = []
        for name in self.names:
            call, *own = CALLS[name]
            result = call(*inputs[: len(own)])
            inputs = inputs[len(own) :]
            results += result if isinstance(result, (tuple, list)) else [result]
        return tuple(results)


def check(program, folder, names):
    """What is wrong with some calls, line by line."""
    module = Calls(names)
    inputs = [x for name in names for x in CALLS[name][1:]]

    def fresh():
        return tuple(x.clone() for x in inputs)

    wanted = module(*fresh())
    exported = torch.export.export(module, fresh())
    save_file({f"in{i}": x.contiguous() for i, x in enumerate(fresh())}, folder / "in.safetensors")
    problems = []
    # Both forms on both engines would find little more: the engines are compared by the cases.
    for form, engine, made in (
        ("exported", "reference", lambda: exported),
        ("decomposed", "torch", exported.run_decompositions),
    ):
        if form == "decomposed" and aten_networks.EXPORTED_ONLY.intersection(names):
            continue
        path = folder / f"{form}.pt2"
        torch.export.save(made(), path)
        command = [
            program,
            "run",
            path,
            "--inputs",
            folder / "in.safetensors",
            "-o",
            folder / "out.safetensors",
            "--engine",
            engine,
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            problems.append(f"{form}: {done.stderr.strip()}")
            continue
        outputs = load_file(folder / "out.safetensors")
        for i, value in enumerate(wanted):
            try:
                torch.testing.assert_close(
                    outputs[f"out{i}"], value.detach(), rtol=2e-5, atol=2e-6, equal_nan=True
                )
            except AssertionError as difference:
                problems.append(f"{form}, output {i}: {' '.join(str(difference).split())}")
    return problems


def main():
    program = sys.argv[1]
    names = sys.argv[2:] or list(CALLS)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        alone = [name for name in names if name in aten_networks.EXPORTED_ONLY]
        others = [name for name in names if name not in alone]
        groups = [others[begin : begin + GROUP] for begin in range(0, len(others), GROUP)]
        for group in filter(None, [*groups, alone]):
            if not check(program, pathlib.Path(folder), group):
                continue
            for name in group:
                problems = check(program, pathlib.Path(folder), [name])
                failed += bool(problems)
                for problem in problems:
                    print(f"{name}: {problem}")
    print(f"{len(names)} calls, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

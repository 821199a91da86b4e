#!/usr/bin/env python3
"""Finds the ATen operators that isomer does not read, but whose decompositions it does: what --decompose is named for
where they are refused (src/vocabularies/aten/decomposed.cpp).

    tools/decomposed.py build/release/isomer [--write]

Each operator is exported alone, on every example below, and counts when the export is refused, read on every example
with --decompose, and its numbers are those of eager PyTorch: a decomposition may itself be wrong.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

TABLE = pathlib.Path(__file__).parent.parent / "src/vocabularies/aten/decomposed.cpp"

torch.manual_seed(0)
X = torch.randn(2, 3, 4)
Y = torch.randn(2, 3, 4)
ROWS = torch.randn(3, 4)
SQUARE = torch.randn(4, 4)
VECTOR = torch.randn(4)
UNIT = torch.rand(2, 3, 4) * 0.8 + 0.1
IMAGE = torch.randn(2, 4, 6, 6)
LINE = torch.randn(2, 3, 8)
CUBE = torch.randn(1, 2, 4, 4, 4)
INDEX = torch.tensor([0, 2])
ops = torch.ops.aten

CALLS = [
    (lambda x: torch.atleast_1d(x), VECTOR),
    (lambda x: torch.count_nonzero(x > 0), X),
    (lambda x: torch.count_nonzero(x > 0, dim=1), X),
    (lambda x, y: torch.cross(x[..., :3], y[..., :3], dim=-1), X, Y),
    (lambda x, y: torch.linalg.cross(x[..., :3], y[..., :3]), X, Y),
    (lambda x: torch.deg2rad(x), X),
    (lambda x: torch.rad2deg(x), X),
    (lambda x: torch.diag_embed(x), X),
    (lambda x: torch.diag_embed(x, 1), X),
    (lambda x: torch.diag(x), VECTOR),
    (lambda x: torch.diag(x), SQUARE),
    (lambda x: torch.eye(3) + x[0, 0, 0], X),
    (lambda x: torch.eye(3, 4) + x[0, 0, 0], X),
    (lambda x: x.fliplr(), ROWS),
    (lambda x: x.flipud(), ROWS),
    (lambda x: torch.rot90(x), ROWS),
    (lambda x: torch.linalg.norm(x), ROWS),
    (lambda x: torch.linalg.norm(x, dim=1), ROWS),
    (lambda x: torch.trace(x), SQUARE),
    (lambda x: torch.block_diag(x, x), ROWS),
    (lambda x: torch.logit(x), UNIT),
    (lambda x: torch.special.expit(x), X),
    (lambda x: torch.special.log1p(x), UNIT),
    (lambda x: torch.special.entr(x), UNIT),
    (lambda x: torch.special.ndtr(x), X),
    (lambda x: torch.special.log_softmax(x, -1), X),
    (lambda x: torch.special.softmax(x, -1), X),
    (lambda x, y: torch.logaddexp(x, y), X, Y),
    (lambda x, y: torch.logaddexp2(x, y), X, Y),
    (lambda x, y: torch.xlogy(y, x.abs()), X, Y),
    (lambda x: torch.sinc(x), X),
    (lambda x: torch.sgn(x), X),
    (lambda x, y: torch.heaviside(x, y), X, Y),
    (lambda x: torch.nan_to_num(x), X),
    (lambda x: torch.nansum(x), X),
    (lambda x: torch.nansum(x, 1), X),
    (lambda x: torch.nanmean(x, 1), X),
    (lambda x: tuple(torch.aminmax(x, dim=1)), X),
    (lambda x: torch.std_mean(x), X),
    (lambda x: torch.std_mean(x, 1), X),
    (lambda x: torch.quantile(x, 0.5, dim=1), X),
    (lambda x: torch.argsort(x, dim=1), X),
    (lambda x: torch.msort(x), X),
    (lambda x, y: torch.isclose(x, y), X, Y),
    (lambda x: torch.isposinf(x), X),
    (lambda x: torch.isneginf(x), X),
    (lambda x: x.absolute(), X),
    (lambda x: x.negative(), X),
    (lambda x, y: x.greater(y), X, Y),
    (lambda x, y: x.greater_equal(y), X, Y),
    (lambda x, y: x.less(y), X, Y),
    (lambda x, y: x.less_equal(y), X, Y),
    (lambda x, y: x.not_equal(y), X, Y),
    (lambda x: x.float_power(2), X),
    (lambda x: torch.hstack([x, x]), ROWS),
    (lambda x: torch.vstack([x, x]), ROWS),
    (lambda x: torch.dstack([x, x]), ROWS),
    (lambda x: torch.column_stack([x, x]), ROWS),
    (lambda x: torch.meshgrid(x, x, indexing="ij"), VECTOR),
    (lambda x: torch.meshgrid(x, x + 1, indexing="xy"), VECTOR),
    (lambda x: torch.cartesian_prod(x, x), VECTOR),
    (lambda x: torch.trapezoid(x), X),
    (lambda x: torch.cumulative_trapezoid(x), X),
    (lambda x: torch.gradient(x)[0], VECTOR),
    (lambda x: torch.vander(x), VECTOR),
    (lambda x: torch.logspace(0, 1, 5) + x[0, 0, 0], X),
    (lambda x, i: x.index_fill(0, i, 0.5), ROWS, INDEX),
    (lambda x, i: x.index_copy(0, i, x[:2] + 1), ROWS, INDEX),
    (lambda x, i: x.take(i), ROWS, INDEX),
    (lambda x, i: torch.take_along_dim(x, i[:, None], 0), ROWS, INDEX),
    (lambda x: x.renorm(2, 0, 1.0), ROWS),
    (lambda x, w: F.embedding_bag(torch.tensor([[0, 1], [2, 0]]), w) + x[0, 0, 0], X, ROWS),
    (lambda x: x.unsafe_chunk(2, 1), X),
    (lambda x: x.unsafe_split(2, 1), X),
    (lambda x: x.sum_to_size(1, 3, 4), X),
    (lambda x: x.positive(), X),
    (lambda x: ops.expand_copy(x, [2, 3, 4]), ROWS),
    (lambda x: ops.alias_copy(x), X),
    (lambda x: ops.unsqueeze_copy(x, 0), X),
    (lambda x: ops.squeeze_copy(x[None]), X),
    (lambda x: torch.nn.utils.rnn.pad_sequence([x[:1], x], batch_first=True), ROWS),
    (lambda x: F.multi_margin_loss(x, torch.tensor([0, 1, 2])), ROWS),
    (lambda x: torch.hann_window(8) * x[0, 0], torch.randn(1, 1, 8)),
    (lambda x: ops.special_erf(x), X),
    (lambda x: ops.special_expm1(x), X),
    (lambda x: ops.special_logsumexp(x, [1]), X),
    (lambda x: ops.special_round(x), X),
    (lambda x: ops.vander(x), VECTOR),
    (lambda x: ops.divide.Tensor_mode(x, x, rounding_mode="floor"), X),
    (lambda x: ops.divide.Scalar(x, 2.0), X),
    (lambda x: ops.multiply.Scalar(x, 2.0), X),
    (lambda x: ops.subtract.Scalar(x, 2.0), X),
    (lambda x: ops.true_divide.Scalar(x, 2.0), X),
    (lambda x: ops.frobenius_norm.dim(x, [1]), X),
    (lambda x: ops.nuclear_norm(x), SQUARE),
    (lambda x: ops.norm_except_dim(x), X),
    (lambda g, x: ops.sigmoid_backward(g, x), X, UNIT),
    (lambda g, x: ops.tanh_backward(g, x), X, UNIT),
    (lambda g, x: ops.silu_backward(g, x), X, Y),
    (lambda g, x: ops.gelu_backward(g, x), X, Y),
    (lambda g, x: ops.gelu_backward(g, x, approximate="tanh"), X, Y),
    (lambda g, x: ops.mish_backward(g, x), X, Y),
    (lambda g, x: ops.elu_backward(g, 1.0, 1.0, 1.0, False, x), X, Y),
    (lambda g, x: ops.leaky_relu_backward(g, x, 0.1, False), X, Y),
    (lambda g, x: ops.hardtanh_backward(g, x, -1.0, 1.0), X, Y),
    (lambda g, x: ops.hardsigmoid_backward(g, x), X, Y),
    (lambda g, x: ops.hardswish_backward(g, x), X, Y),
    (lambda g, x: ops.softplus_backward(g, x, 1.0, 20.0), X, Y),
    (lambda g, x: ops.glu_backward(g[..., :2], x, -1), X, Y),
    (lambda g, x: ops.logit_backward(g, x), X, UNIT),
    (lambda g, x: ops.mse_loss_backward(g, x, x + 1, 0), X, Y),
    (lambda g, x: ops.huber_loss_backward(g, x, x + 2, 0, 1.0), X, Y),
    (lambda g, x: ops.smooth_l1_loss_backward(g, x, x + 2, 0, 1.0), X, Y),
    (lambda g, x: ops.soft_margin_loss_backward(g, x, x.sign(), 0), X, Y),
    (lambda g, x: ops.binary_cross_entropy_backward(g, x, x, None, 0), X, UNIT),
    (lambda g, x: ops._log_softmax_backward_data(g, x.log_softmax(-1), -1, torch.float32), X, Y),
    (lambda g: ops.select_backward(g, [2, 3, 5, 4], 2, 1), X),
    (lambda g: ops.slice_backward(g, [2, 3, 8], 2, 0, 8, 2), X),
    (lambda g: ops.trace_backward(g, [4, 4]), torch.randn(())),
    (lambda g, i: ops.embedding_backward(g, i, 3, -1, False, False), torch.randn(2, 4), INDEX),
    (lambda g, i: ops.embedding_dense_backward(g, i, 3, -1, False), torch.randn(2, 4), INDEX),
    (
        lambda g, x: ops.native_layer_norm_backward(
            g,
            x,
            [4],
            x.mean(-1, True),
            x.var(-1, keepdim=True).rsqrt(),
            None,
            None,
            [True, False, False],
        )[0],
        X,
        Y,
    ),
]


class Call(torch.nn.Module):
    def __init__(self, call):
        super().__init__()
        self.call = call

    def forward(self, *inputs):
        return self.call(*inputs)


def leaves(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


def run(program, folder, wanted, *options):
    """None where the numbers are PyTorch's, else what was said."""
    command = [program, "run", folder / "m.pt2", "--inputs", folder / "in.safetensors", *options]
    done = subprocess.run(
        [*command, "-o", folder / "out.safetensors", "--engine", "reference"],
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        return done.stderr
    outputs = load_file(folder / "out.safetensors")
    for i, value in enumerate(wanted):
        try:
            torch.testing.assert_close(
                outputs[f"out{i}"], value, rtol=1e-4, atol=1e-5, equal_nan=True
            )
        except AssertionError as difference:
            return f"differs: {difference}"
    return None


def unread(message):
    """The targets that a refusal names as not known; none where it has other reasons."""
    listed = re.search(r"(?:operator is|operators are) not read: (.*)", message)
    if listed is None:
        return []
    items = re.split(r"; (?=\w+\.)", listed.group(1))
    found = [re.match(r"aten\.(\S+) \(\d+x", item) for item in items]
    return [match.group(1).removesuffix(".default") for match in found] if all(found) else []


def judge(program, folder, call, inputs):
    """The operators of the call that are not read, and whether decomposing helps."""
    inputs = tuple(x.clone() for x in inputs)
    wanted = leaves(call(*inputs))
    torch.export.save(torch.export.export(Call(call), inputs), folder / "m.pt2")
    save_file({f"in{i}": x for i, x in enumerate(inputs)}, folder / "in.safetensors")
    message = run(program, folder, wanted)
    targets = unread(message or "")
    return targets, targets and run(program, folder, wanted, "--decompose") is None


def main():
    helped, failed = set(), set()
    with tempfile.TemporaryDirectory() as folder:
        for call, *inputs in CALLS:
            targets, helps = judge(sys.argv[1], pathlib.Path(folder), call, inputs)
            (helped if helps else failed).update(targets)
    names = sorted(helped - failed)
    if not names:
        sys.exit("decomposing helps with nothing; is this the program?")
    print("\n".join(names))
    if "--write" in sys.argv:
        text = TABLE.read_text()
        rows = "".join(f'    "{name}",\n' for name in names)
        text = re.sub(r"(targets\[\] = \{\n)(?:    \".*\n)*", lambda m: m.group(1) + rows, text)
        TABLE.write_text(text)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Writes the models that tests read: small networks, as torch exports them, with what torch computes.

For each model NAME:
    NAME.pt2          torch.export.export, as it comes
    NAME.core.pt2     the same after run_decompositions()
    NAME.safetensors  in0, in1, ...        sample inputs in the order of the graph's inputs
                      out0, out1, ...      outputs of eager torch in the order of the graph's outputs
                      grad.in0, ...        cotangents of floating inputs, for cotangents of one
                      grad.NAME            the same of parameters, by their names in the state_dict
                      after.NAME           parameters and buffers that the call changed, by their names there
    The metadata hold torch's version and "batch": the same inputs are valid for other sizes of axis 0.

Those that stand here are tests/data/models. Those of tools/zoo are many more, of all families; they need the package
`transformers` (tools/requirements-models.txt) and are made where they are tested (tools/test_models.py).

usage: make_models.py FOLDER [NAME ...]      without names those that stand here; `more`: all of tools/zoo
"""

import copy
import importlib
import re
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch._export.verifier import SpecViolationError
from torch.export.graph_signature import ConstantArgument, InputKind
from torch.nn import functional as F
from torch.utils import _pytree as pytree


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(4, 8)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(4, 8, 3),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.drop = nn.Dropout(0.25)
        self.classify = nn.Linear(8 * 2 * 2, 10)

    def forward(self, image):
        return self.classify(self.drop(torch.flatten(self.features(image), 1)))


class Block(nn.Module):
    def __init__(self, channels_in, channels_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.relu = nn.ReLU(inplace=True)
        self.down = None
        if stride != 1 or channels_in != channels_out:
            self.down = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )

    def forward(self, x):
        shortcut = x if self.down is None else self.down(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += shortcut
        return self.relu(y)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.blocks = nn.Sequential(Block(4, 4, 1), Block(4, 8, 2))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        return self.head(torch.flatten(self.pool(self.blocks(self.stem(x))), 1))


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(4, 8, 3, stride=2, padding=1),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(4, 1, 3, stride=2, padding=1, output_padding=1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        code = self.encoder(x)
        return self.decoder(code), code


class EncoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.layer = nn.TransformerEncoderLayer(
            8, 2, dim_feedforward=16, activation="gelu", batch_first=True
        )

    def forward(self, tokens):
        return self.layer(self.embed(tokens))


class Attention(nn.Module):
    """Causal attention by hand, with a mask that is a buffer."""

    def __init__(self, width=8, heads=2, longest=6):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        mask = torch.tril(torch.ones(longest, longest, dtype=torch.bool))
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x):
        batch, length, width = x.shape
        split = self.qkv(self.norm(x)).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(-2, -1) / (width // self.heads) ** 0.5
        scores = scores.masked_fill(~self.mask[:length, :length], float("-inf"))
        mixed = torch.softmax(scores, dim=-1) @ v
        return x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(7, 6)
        self.out = nn.Linear(6, 7, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, tokens):
        return self.out(F.silu(self.embed(tokens)))


class MultiIo(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = nn.Linear(3, 4)
        self.right = nn.Linear(2, 4)

    def forward(self, pair, extra):
        a = self.left(pair["a"])
        b = self.right(pair["b"])
        return {"sum": a + b, "both": (a * b, extra[0] - extra[1]), "none": None}


class DynamicBatch(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Linear(4, 6)

    def forward(self, x):
        rows = x.shape[0]
        y = self.scale(x).reshape(rows * 2, 3)
        return torch.cat([y, y.new_ones(rows, 3)], 0).mean(1)


class Buffers(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("shift", torch.tensor([0.5, -1.0, 2.0]))
        self.register_buffer("scale", torch.tensor([2.0, 3.0, 0.25]), persistent=False)
        self.weight = nn.Parameter(torch.tensor([1.0, 2.0, 3.0]))

    def forward(self, x):
        return (x - self.shift) * self.scale * self.weight + torch.tensor([1.0, 0.0, -1.0])


class TrainBn(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)
        self.bn = nn.BatchNorm2d(3)

    def forward(self, x):
        return torch.relu(self.bn(self.conv(x)))


class Inplace(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        y = self.fc(x)
        y.add_(1.0)
        z = y * 2
        y.relu_()
        return y, z.add_(y, alpha=0.5)


class Counter(nn.Module):
    """Remembers how often it was called and a running sum."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.tensor(0, dtype=torch.int64))
        self.register_buffer("total", torch.zeros(3))

    def forward(self, x):
        self.calls.add_(1)
        self.total.copy_(self.total * 0.5 + x.sum(0))
        return x + self.total


class NoGrad(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        with torch.no_grad():
            scale = x.abs().mean() + 1.0
        return self.fc(x) / scale


def branch(condition, then, otherwise, operands):
    if torch.compiler.is_exporting():
        return torch.cond(condition, then, otherwise, operands)
    return (then if condition else otherwise)(*operands)


class Gated(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(width, width)

    def forward(self, x, limit):
        def narrow(x):
            return torch.tanh(self.fc(x))

        def wide(x):
            return branch(x.mean() > 0, lambda x: x * 0.5, lambda x: self.fc(x) - x, (x,))

        return branch(x.abs().max() < limit, narrow, wide, (x,))


class Branches(nn.Module):
    """Conditions in blocks that repeat, one inside another, with captured weights."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Gated(4) for _ in range(3)])

    def forward(self, x, limit):
        for block in self.blocks:
            x = block(x, limit)
        return x, branch(x.shape[0] > 2, lambda x: x.sum(0), lambda x: x.amax(0), (x,))


class Recurrence(nn.Module):
    """A cell over time, a count carried beside it; then one function of each step."""

    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(7, 4)

    def forward(self, x):
        def step(carried, x):
            h, count = carried
            h = torch.tanh(self.cell(torch.cat([x, h], dim=-1)))
            return (h, count + 1), h * count

        first = (x.new_zeros(x.shape[1], 4), torch.ones(()))
        if torch.compiler.is_exporting():
            (last, count), steps = torch._higher_order_ops.scan(step, first, x)
            return last, count, torch._higher_order_ops.map(lambda y: y.softmax(-1) + 0.0, steps)
        carried, steps = first, []
        for one in x:
            carried, y = step(carried, one)
            steps.append(y)
        return *carried, torch.stack(steps).softmax(-1)


class Iteration(nn.Module):
    """Halves integers until they are small enough; the gradient goes past them."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        def large(count, y):
            return (y.max() > 2).logical_and(count < 20)

        def shrink(count, y):
            return count + 1, y // 2

        state = (torch.zeros((), dtype=torch.int64), (x.abs() * 40).to(torch.int64))
        if torch.compiler.is_exporting():
            state = torch._higher_order_ops.while_loop(large, shrink, state)
        else:
            while large(*state):
                state = shrink(*state)
        count, y = state
        return self.fc(x) + y, count


class Views(nn.Module):
    """Writes through views, and reads views after what they show has changed."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("window", torch.zeros(3, 4))

    def forward(self, x):
        y = self.fc(x)
        row = y[0]
        y[:, 0] = x[:, 1]
        y[:, 1:3].mul_(2.0)
        y.view(-1)[3:5] = 7.0
        flipped = y.t()
        y.add_(1.0)
        flipped[0].relu_()
        self.window[1:] = self.window[:-1].clone()
        self.window[0].copy_(x[0])
        return y, row, flipped, self.window.sum(0)


class Pieces(nn.Module):
    """Writes through pieces and other orders of axes, which the other views see."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        y = self.fc(x)
        left, right = y.narrow(1, 0, 1), y.narrow(1, 1, 3)
        left.add_(1.0)
        right.unflatten(0, (1, 3))[0, 1:].sub_(0.5)
        y.movedim(0, 1)[0].mul_(x[:, 3])
        y.swapaxes(0, 1).squeeze(0)[2, :2].tanh_()
        return y, left, right, y.mT


class Keywords(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x, times=2, *, scale, shift=None):
        y = self.fc(x) * scale * times
        return (y if shift is None else y + shift), times


class Counted(nn.Module):
    """An integer argument that shapes need."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x, n):
        y = self.fc(x).expand(n, -1, -1)
        return y * n + torch.arange(n)[:, None, None], n * 2


class Changing(nn.Module):
    """A parameter and a buffer that forward changes, the latter into what it was given."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.scale = nn.Parameter(torch.ones(3), requires_grad=False)
        self.register_buffer("last", torch.zeros(2, 3))

    def forward(self, x):
        self.scale.mul_(0.5)
        y = self.fc(x) * self.scale - self.last
        self.last.copy_(x)
        return y


def images(count, channels, size):
    return (torch.randn(count, channels, size, size),)


def batch(*axes, least=1, most=64):
    """Shapes whose axis 0 is one common dynamic batch."""
    dim = torch.export.Dim("batch", min=least, max=most)
    return tuple({0: dim} if axis else None for axis in axes)


# name: module, inputs (or a pair of inputs and keyword inputs), dynamic shapes, training mode
MODELS = {
    "mlp": (Mlp, lambda: (torch.randn(5, 4),), None, False),
    "lenet": (LeNet, lambda: images(3, 1, 12), batch(True), False),
    "residual": (Residual, lambda: images(2, 3, 8), batch(True), False),
    "autoencoder": (Autoencoder, lambda: images(2, 1, 8), None, False),
    "encoder_layer": (EncoderLayer, lambda: (torch.randint(0, 11, (2, 5)),), None, False),
    "attention": (Attention, lambda: (torch.randn(2, 6, 8),), None, False),
    "tied": (Tied, lambda: (torch.randint(0, 7, (2, 4)),), None, False),
    "multi_io": (
        MultiIo,
        lambda: (
            {"a": torch.randn(2, 3), "b": torch.randn(2, 2)},
            [torch.randn(3), torch.randn(3)],
        ),
        None,
        False,
    ),
    "dynamic_batch": (DynamicBatch, lambda: (torch.randn(3, 4),), batch(True), False),
    "buffers": (Buffers, lambda: (torch.randn(4, 3),), None, False),
    "train_bn": (TrainBn, lambda: images(2, 2, 5), None, True),
    "inplace": (Inplace, lambda: (torch.randn(3, 4),), None, False),
    "counter": (Counter, lambda: (torch.randn(2, 3),), None, False),
    "changing": (Changing, lambda: (torch.randn(2, 3),), None, False),
    "no_grad": (NoGrad, lambda: (torch.randn(2, 4),), None, False),
    "branches": (
        Branches,
        lambda: (torch.randn(3, 4), torch.tensor(1.2)),
        ({0: torch.export.Dim("batch", min=1, max=64)}, None),
        False,
    ),
    "recurrence": (Recurrence, lambda: (torch.randn(5, 2, 3),), None, False),
    "iteration": (Iteration, lambda: (torch.randn(2, 3),), None, False),
    "views": (Views, lambda: (torch.randn(3, 4),), None, False),
    "pieces": (Pieces, lambda: (torch.randn(3, 4),), None, False),
    "counted": (
        Counted,
        lambda: (torch.randn(5, 4), 3),
        {"x": {0: torch.export.Dim("rows", min=1, max=64)}, "n": torch.export.Dim.DYNAMIC},
        False,
    ),
    "keywords": (
        Keywords,
        lambda: ((torch.randn(2, 3), 3), {"scale": torch.randn(3)}),
        None,
        False,
    ),
}


def randomise(module):
    """Statistics and affine parameters of batch norm as after some training, so that mistakes show."""
    for part in module.modules():
        if isinstance(part, (nn.BatchNorm2d, nn.LayerNorm)):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, std=0.3)
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(std=0.5)
            part.running_var.uniform_(0.5, 2.0)


def kept(module):
    return [*module.named_parameters(), *module.named_buffers()]


def in_pairs(tensor):
    """Complex numbers as they are read: pairs of real ones on a last axis."""
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def as_recorded(value):
    """Numbers of Python as tensors, in its own precision."""
    return (
        torch.tensor(value, dtype=torch.float64)
        if isinstance(value, float)
        else in_pairs(torch.as_tensor(value))
    )


def record(module, args, kwargs, taken):
    """Inputs, outputs, gradients for cotangents of one, and what changed. `taken` says which leaves are inputs."""
    before = {name: value.clone() for name, value in kept(module)}
    leaves, spec = pytree.tree_flatten((args, kwargs))
    are_complex = [isinstance(leaf, torch.Tensor) and leaf.is_complex() for leaf in leaves]
    leaves = [
        in_pairs(leaf).clone().requires_grad_(in_pairs(leaf).is_floating_point())
        if isinstance(leaf, torch.Tensor)
        else leaf
        for leaf in leaves
    ]
    given = [
        torch.view_as_complex(leaf) if is_complex else leaf
        for leaf, is_complex in zip(leaves, are_complex)
    ]
    args, kwargs = pytree.tree_unflatten(given, spec)
    leaves = [as_recorded(leaf) for leaf, is_input in zip(leaves, taken, strict=True) if is_input]
    outputs = [
        as_recorded(out) for out in pytree.tree_leaves(module(*args, **kwargs)) if out is not None
    ]

    wanted = {f"grad.in{i}": leaf for i, leaf in enumerate(leaves) if leaf.requires_grad}
    wanted |= {
        f"grad.{name}": value for name, value in module.named_parameters() if value.requires_grad
    }
    floating = [out for out in outputs if out.requires_grad]
    grads = (
        torch.autograd.grad(
            [out.sum() for out in floating], list(wanted.values()), allow_unused=True
        )
        if floating
        else [None] * len(wanted)
    )
    tensors = {f"in{i}": leaf for i, leaf in enumerate(leaves)}
    tensors |= {f"out{i}": out for i, out in enumerate(outputs)}
    for (name, value), grad in zip(wanted.items(), grads):
        tensors[name] = in_pairs(torch.zeros_like(value) if grad is None else grad)
    for name, value in kept(module):
        if not torch.equal(value, before[name]):
            tensors[f"after.{name}"] = in_pairs(value)
    return {name: value.detach().clone().contiguous() for name, value in tensors.items()}


def forget_paths(exported, own_frames_only=False, script=__file__):
    """Stack traces name files of this machine; the stored models are everybody's."""
    folders = {str(Path(file).resolve().parent) for file in (script, __file__)}
    packages = str(Path(torch.__file__).parents[1])
    for part in exported.graph_module.modules():
        for node in part.graph.nodes:
            trace = node.meta.get("stack_trace")
            if not trace:
                continue
            frames = re.split(r"^(?=  File )", trace, flags=re.MULTILINE)
            if own_frames_only:
                frames = [frame for frame in frames if packages not in frame]
            trace = "".join(frames)
            for folder in folders:
                trace = trace.replace(folder, "/home/author/models")
            node.meta["stack_trace"] = trace.replace(packages, "/opt/packages")
    return exported


def inputs_taken(exported):
    """Which leaves of the arguments are inputs of the graph: others stay what they were."""
    return [
        not isinstance(spec.arg, ConstantArgument)
        for spec in exported.graph_signature.input_specs
        if spec.kind == InputKind.USER_INPUT
    ]


def save_core(exported, path):
    """torch 2.13 loses some constants of lists in decomposing; such a model has one file alone."""
    try:
        core = exported.run_decompositions()
    except SpecViolationError as error:
        print(f"{path.name} is not made: {error}")
        return None
    torch.export.save(forget_paths(core, own_frames_only=True), path)
    return core


def make(name, folder, models=MODELS):
    kind, make_inputs, dynamic, training = models[name]
    torch.manual_seed(7)
    module = kind()
    with torch.no_grad():
        randomise(module)
    module.train(training)
    inputs = make_inputs()
    named = len(inputs) == 2 and isinstance(inputs[0], tuple) and isinstance(inputs[1], dict)
    args, kwargs = inputs if named else (inputs, {})
    exported = torch.export.export(module, args, kwargs, dynamic_shapes=dynamic)
    core = save_core(exported, folder / f"{name}.core.pt2")
    torch.export.save(forget_paths(exported), folder / f"{name}.pt2")
    metadata = {"torch": torch.__version__, "batch": "yes" if dynamic else "no"}
    taken = inputs_taken(exported)
    recorded = record(copy.deepcopy(module), args, kwargs, taken)
    save_file(recorded, folder / f"{name}.safetensors", metadata)
    if models is MODELS or core is None:
        return
    # Decomposing forgets what stops gradients, so it has its own. It shares the module's memory, and so comes last.
    # Of this one torch 2.13 has a wrong derivative: what was written over gets the gradient, what was kept gets none.
    wrong = torch.ops.aten.as_strided_scatter.default
    try:
        if not any(node.target is wrong for node in core.graph.nodes):
            recorded = record(core.module(), args, kwargs, taken)
        save_file(recorded, folder / f"{name}.core.safetensors")
    except RuntimeError as error:  # what PyTorch itself does not differentiate
        (folder / f"{name}.core.pt2").unlink()
        print(f"{name}.core.pt2 is not kept: {error}")


class HiddenWrite(nn.Module):
    """Changes elements where autograd does not look: the gradient stays that of before."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        y = self.fc(x)
        with torch.no_grad():
            y.clamp_(-0.5, 0.5)
        return y.sin()


class BranchAutocast(nn.Module):
    """In a branch an export says that autocast gives float32."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        def lowered(x):
            with torch.autocast("cpu", torch.bfloat16):
                y = self.fc(x)
            return y.float()

        return torch.cond(x.sum() > 0, lowered, lambda x: x * 2, (x,))


class ComplexInside(nn.Module):
    def forward(self, x):
        return (torch.complex(x, x) + 1.5).cumprod(0).abs()


class Overlapping(nn.Module):
    """Adds to windows that share elements: how often each is added to depends on the order."""

    def forward(self, x):
        y = x.reshape(-1) * 1
        y.as_strided((2, 3), (2, 1)).add_(1)
        return y, y.unfold(0, 3, 2)


# Exports that must be refused: NAME.pt2 alone.
REFUSED = {
    "hidden_write": HiddenWrite,
    "branch_autocast": BranchAutocast,
    "complex_inside": ComplexInside,
    "overlapping": Overlapping,
}


def make_refused(name, folder):
    torch.manual_seed(7)
    exported = torch.export.export(REFUSED[name](), (torch.randn(2, 4),))
    torch.export.save(forget_paths(exported), folder / f"{name}.pt2")


PARTS = ("vision", "sequences", "generators", "spectral", "awkward", "huggingface")


def more_models(parts=PARTS):
    """Those of tools/zoo."""
    tables = [importlib.import_module(f"zoo.{part}").MODELS for part in parts]
    return {name: model for table in tables for name, model in table.items()}


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    names = sys.argv[2:] or list(MODELS)
    more = more_models() if set(names) - {*MODELS, *REFUSED} else {}
    for name in more if names == ["more"] else names:
        if name in REFUSED:
            make_refused(name, folder)
        else:
            make(name, folder, MODELS if name in MODELS else more)
        print(name)


if __name__ == "__main__":
    main()

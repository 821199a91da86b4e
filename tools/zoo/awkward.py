"""What programs do beside layers: writes in place, computed lengths, nested arguments, control flow, memory."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import torch
from torch import nn
from torch.export import Dim
from torch.nn import functional as F
from torch.utils import _pytree as pytree

F64 = torch.float64


class Layer(nn.Module):
    def __init__(self, ins=4, outs=4):
        super().__init__()
        self.fc = nn.Linear(ins, outs)


# Lengths ------------------------------------------------------------------------------------------


class Lengths(Layer):
    """Halves, products and remainders of lengths."""

    def forward(self, x, y):
        batch, length = x.shape[0], x.shape[1]
        half = self.fc(x)[:, : length // 2].reshape(-1)
        pairs = torch.cat([x.reshape(batch * length, 4), y.expand(3, 4)])
        steps = torch.arange(0, length, 2)
        return half, pairs, steps, x.new_full((batch + 1, length * 2), 2.0)


class Halved(Layer):
    """A length that must be even, and one that is the other's and one more."""

    def forward(self, x, y):
        pairs = self.fc(x).view(x.shape[0] // 2, 2, 4).sum(1)
        return pairs, (y[1:] - y[:-1]).sum() + x.sum()


class Guarded(Layer):
    def forward(self, x):
        torch._check(x.shape[0] >= 2)
        torch._check(x.shape[0] * 2 <= 100)
        if x.shape[0] > 200:
            return x
        return self.fc(x).unflatten(0, (-1, 1))[1:]


class Numbers(Layer):
    """Numbers in and out: what is dynamic, what stays as it was."""

    def forward(self, x, count, flag=True, scale=0.5, mode="sum", extra=None):
        y = self.fc(x) * scale
        y = y.sum(0, keepdim=True) if flag and mode == "sum" else y
        return y.repeat(count, 1), count + 1, x.shape[0], flag, scale, extra


class Ratios(Layer):
    """Real numbers made of lengths."""

    def forward(self, x):
        y = self.fc(x).sum(0) / x.shape[0]
        return y * (x.shape[0] / 7.0), y / x.shape[0] ** 0.5, x.shape[0] * 0.5


class Upsampled(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)

    def forward(self, x, like):
        y = self.conv(x)
        y = F.interpolate(y, size=like.shape[-2:], mode="nearest")
        return y + like, F.pad(y, (0, x.shape[3] % 2, 0, 0))


# Arguments and results ----------------------------------------------------------------------------

Pair = namedtuple("Pair", ["left", "right"])


@dataclass
class Found:
    value: torch.Tensor
    places: tuple
    nothing: torch.Tensor = None


pytree.register_dataclass(Found, serialized_type_name="zoo.Found")
pytree._register_namedtuple(Pair, serialized_type_name="zoo.Pair")


class Nested(Layer):
    def forward(self, given, *rest, **named):
        a, (b, c) = given["one"], given["more"]
        y = self.fc(a) + b
        return {
            "tuple": (y, None, [c * 2, {"deep": rest[0]}]),
            7: Pair(y.sum(), named["late"]),
            "none": None,
        }


class Ordered(Layer):
    def forward(self, x):
        y = self.fc(x)
        return OrderedDict([("b", y), ("a", y * 2)]), Found(y.sum(), (x, y), None)


class TakesClasses(Layer):
    def forward(self, pair, found):
        return self.fc(pair.left) + pair.right, found.value * found.places[0]


class Several(Layer):
    """One value in two places, an input as it came, a constant, a value that others use, too."""

    def __init__(self):
        super().__init__()
        self.register_buffer("kept", torch.arange(3.0))

    def forward(self, x):
        y = self.fc(x)
        return y, y, x, self.kept, y.relu(), self.fc.weight


# Writes -------------------------------------------------------------------------------------------


class Indexed(Layer):
    """Writes by index, by mask, by slices with steps."""

    def forward(self, x, at, mask):
        y = self.fc(x)
        y[:, 1] = 5.0
        y[at] = y[at] * 2
        y[0, at] = -1.0
        y[mask] = 0.25
        y[::2, 1::2] += 1.0
        z = torch.zeros(4, 4)
        z[at, at] += 1.0
        z[1:3] = x[:2]
        z[..., -1] = x[0, :4]
        return y, z


class Placed(Layer):
    """Writes at a position that a tensor says."""

    def forward(self, x, position):
        y = self.fc(x)
        y[:, position.view(1)] = x[:, :1]
        z = torch.zeros(3, 4)
        z.index_put_((position, position), torch.ones(()), accumulate=True)
        return y, z.scatter_(1, position.view(1, 1).expand(3, 1), 2.0)


class Chained(Layer):
    """Writes through views of views, and what others then see."""

    def forward(self, x):
        y = self.fc(x).clone()
        y.view(2, 2, 4).transpose(1, 2)[0].select(1, 1).add_(1.0)
        y.t()[1:3, ::2].mul_(2.0)
        y.diagonal().fill_(3.0)
        y.unsqueeze(0).flip(1)[0, 0] = 9.0
        parts = y[:, :2], y[:, 2:]
        parts[1].select(0, 2).neg_()
        seen = y[:, 1]
        y.zero_()[1, 1] = 4.0
        y.flatten()[5:9].exp_()
        return y, parts[0], seen, y.permute(1, 0).unflatten(0, (2, 2))[1]


class Strided(Layer):
    """Reads and writes through strides."""

    def forward(self, x):
        y = self.fc(x).contiguous()
        windows = y.as_strided((3, 2), (4, 1), 1)
        y.as_strided((2, 2), (8, 2), 0).add_(10.0)
        rolled = x.unfold(1, 2, 1).sum(-1)
        y.unfold(0, 2, 2)[0].mul_(2.0)
        return y, windows, rolled


class Buffered(Layer):
    """Buffers that are written by slice, rolled, counted; a mean that moves."""

    def __init__(self):
        super().__init__()
        self.register_buffer("queue", torch.zeros(4, 4))
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        y = self.fc(x)
        self.queue[:-1] = self.queue[1:].clone()
        self.queue[-1] = y[0].detach()
        self.mean.mul_(0.9).add_(y.detach().mean(0), alpha=0.1)
        self.step += 1
        return y - self.mean / (1 - 0.9 ** self.step.float()), self.queue.sum()


class InPlace(Layer):
    """Operators in place, of many kinds."""

    def forward(self, x):
        y = self.fc(x) + 0.0
        y.abs_().add_(1.0).clamp_(min=0.1).log1p_().neg_().div_(1.5).sub_(x)
        y.addcmul_(x, x, value=0.1).lerp_(x, 0.25).masked_fill_(x > 1, 0.5)
        z = F.relu_(y * 2) - 0.5
        z.div_(2).pow_(2).add_(1).atan_()
        z = (z * 1).exp_() + (z * 2).sigmoid_() + (z * 3).tanh_() + (z * 1).sqrt_()
        z.round_().copy_(x).sin_()
        y.transpose_(0, 1).unsqueeze_(0).squeeze_(0)
        return y, z, F.leaky_relu_(x * 1.0, 0.1), F.hardtanh_(x * 3.0)


class Constants(Layer):
    """Tensors that forward makes of numbers, or keeps as plain attributes."""

    def __init__(self):
        super().__init__()
        self.table = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        self.rows = [torch.ones(4), torch.arange(4)]

    def forward(self, x):
        y = self.fc(x) + torch.tensor([1.0, 0.0, -1.0, 2.0]) * self.rows[0] + self.rows[1]
        big = torch.tensor(2**53 + 1, dtype=torch.int64)
        return y @ self.table.repeat(2, 1), torch.tensor(1.5), big + 1, torch.tensor(True)


class Shared(nn.Module):
    """One layer in two places, and a weight that is another's transpose."""

    def __init__(self):
        super().__init__()
        self.one = nn.Linear(4, 4)
        self.two = nn.Sequential(self.one, nn.ReLU(), self.one)
        self.out = nn.Linear(4, 4, bias=False)
        self.out.weight = nn.Parameter(self.one.weight.detach().clone().t())

    def forward(self, x):
        return self.out(self.two(x)) + F.linear(x, self.one.weight.t())


# Memory and training ------------------------------------------------------------------------------


class Norms(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.BatchNorm1d(3), nn.BatchNorm2d(3, momentum=0.2)
        self.three = nn.BatchNorm3d(3, affine=False, momentum=0.3)
        self.free = nn.BatchNorm1d(3, track_running_stats=False)

    def forward(self, x):
        y = self.two(self.one(x).unsqueeze(-1))
        return self.free(self.three(y.unsqueeze(-1)).flatten(2))


class Dropped(Layer):
    """Dropout that evaluation leaves out, and a mean that training keeps."""

    def forward(self, x):
        return F.dropout(self.fc(F.dropout1d(x, 0.5, self.training)), 0.5, self.training)


# Control flow -------------------------------------------------------------------------------------


def cond(condition, then, otherwise, operands):
    if torch.compiler.is_exporting():
        return torch.cond(condition, then, otherwise, operands)
    return (then if condition else otherwise)(*operands)


class Chooses(Layer):
    """Branches that give several values, by a tensor and by a length."""

    def forward(self, x):
        def long(x):
            return self.fc(x), x.sum()

        def short(x):
            return x * 2, self.fc(x).mean()

        a, b = cond(x.sum() > 0, long, short, (x,))
        return a, b, cond(x.shape[0] > 2, lambda x: x.sin(), lambda x: x.cos(), (a,))


class Repeats(Layer):
    def forward(self, x):
        def small(i, y):
            return (i < 5).logical_and(y.abs().max() < 50)

        def step(i, y):
            return i + 1, y * 1.5 + self.fc.weight.detach()[0]

        state = (torch.zeros((), dtype=torch.int64), x.detach() * 1)
        if torch.compiler.is_exporting():
            i, y = torch._higher_order_ops.while_loop(small, step, state)
        else:
            while small(*state):
                state = step(*state)
            i, y = state
        return self.fc(x) + y, i


class Euler(Layer):
    """A differential equation in a fixed number of steps, and a mask of each."""

    def forward(self, x, times):
        outs = [x]
        for i in range(3):
            dt = times[i + 1] - times[i]
            outs.append(outs[-1] + dt * torch.tanh(self.fc(outs[-1])))
        return torch.stack(outs)


class Kinds(Layer):
    """Elements of every type, and casts between them."""

    def forward(self, x):
        y = self.fc(x)
        n = (y * 10).to(torch.int32)
        return (
            y.double().sum(),
            n // 3,
            n % -4,
            (n > 0).sum(),
            y.half() * 2,
            y.bfloat16() + 1,
            n.to(torch.uint8),
            (n.to(torch.int8) << 1) & 7,
            n.short() >> 1,
            torch.bitwise_xor(n, 5),
            (y > 0) ^ (y > 0.5),
            ~n,
        )


def rows(count=3, width=4):
    return lambda: (torch.randn(count, width),)


N, L = Dim("n", min=2, max=16), Dim("length", min=2, max=20)

MODELS = {
    "lengths": (
        Lengths,
        lambda: (torch.randn(2, 6, 4), torch.randn(1, 4)),
        {"x": {0: N, 1: Dim.DYNAMIC}, "y": None},
        False,
    ),
    "halved": (
        Halved,
        lambda: (torch.randn(6, 4), torch.randn(7)),
        {"x": {0: 2 * Dim("half", max=32)}, "y": {0: 2 * Dim("half", max=32) + 1}},
        False,
    ),
    "guarded": (Guarded, rows(), {"x": {0: Dim.AUTO}}, False),
    "numbers": (
        Numbers,
        lambda: ((torch.randn(3, 4), 3), {"flag": True, "scale": 0.5, "extra": None}),
        {
            "x": {0: N},
            "count": Dim.DYNAMIC,
            "flag": None,
            "scale": None,
            "extra": None,
        },
        False,
    ),
    "ratios": (Ratios, rows(), {"x": {0: N}}, False),
    "upsampled": (
        Upsampled,
        lambda: (torch.randn(2, 1, 3, 4), torch.randn(2, 2, 6, 5)),
        {"x": {0: N, 3: Dim.DYNAMIC}, "like": {0: N, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}},
        False,
    ),
    "nested": (
        Nested,
        lambda: (
            ({"one": torch.randn(2, 4), "more": (torch.randn(4), torch.randn(2))}, torch.randn(3)),
            {"late": torch.randn(2)},
        ),
        None,
        False,
    ),
    "ordered": (Ordered, rows(), None, False),
    "takes_classes": (
        TakesClasses,
        lambda: (
            Pair(torch.randn(2, 4), torch.randn(4)),
            Found(torch.randn(3), (torch.randn(3), torch.randn(2))),
        ),
        None,
        False,
    ),
    "several": (Several, rows(), None, False),
    "indexed": (
        Indexed,
        lambda: (torch.randn(3, 4), torch.tensor([0, 2]), torch.randn(3, 4) > 0.5),
        None,
        False,
    ),
    "placed": (Placed, lambda: (torch.randn(3, 4), torch.tensor(2)), None, False),
    "chained": (Chained, rows(4), None, False),
    "strided": (Strided, rows(4), None, False),
    "buffered": (Buffered, rows(), None, False),
    "in_place": (InPlace, rows(4), None, False),
    "constants": (Constants, rows(), None, False),
    "shared": (Shared, rows(), {"x": {0: N}}, False),
    "norms_train": (Norms, lambda: (torch.randn(4, 3, 5),), None, True),
    "norms": (Norms, lambda: (torch.randn(4, 3, 5),), {"x": {0: N}}, False),
    "dropped": (Dropped, lambda: (torch.randn(2, 3, 4),), None, False),
    "chooses": (Chooses, rows(), {"x": {0: N}}, False),
    "repeats": (Repeats, rows(), None, False),
    "euler": (Euler, lambda: (torch.randn(3, 4), torch.linspace(0, 1, 4)), None, False),
    "kinds": (Kinds, rows(), {"x": {0: N}}, False),
}

#!/usr/bin/env python3
"""Writes the models that mutants are made of beside those of tests/data/models, and those that are hard to compare.

NAME.pt2 is torch.export.export as it comes, NAME.core.pt2 the same after run_decompositions().

usage: models.py FOLDER [NAME ...]
"""

import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
from make_models import forget_paths

# -- what proofs have missed -------------------------------------------------------------------------------------------


class Lstm(nn.Module):
    """A cell by hand over four steps."""

    def __init__(self):
        super().__init__()
        self.into = nn.Linear(3, 16)
        self.again = nn.Linear(4, 16, bias=False)

    def forward(self, x):
        h = c = x.new_zeros(x.shape[0], 4)
        for step in range(4):
            gates = self.into(x[:, step]) + self.again(h)
            i, f, g, o = gates.chunk(4, dim=1)
            c = torch.sigmoid(f + 1.0) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return h, c


class Stream(nn.Module):
    """Frames one after the other; what came before is kept."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(9, 3)
        self.again = nn.Parameter(torch.randn(3, 3) * 0.5)
        self.register_buffer("window", torch.zeros(2, 3))
        self.register_buffer("hidden", torch.zeros(3))

    def forward(self, x):
        seen = torch.cat([self.window, x[None]])
        hidden = torch.tanh(self.fc(seen.flatten()) + self.hidden @ self.again)
        self.window.copy_(seen[1:])
        self.hidden.copy_(hidden)
        return hidden * 2.0


class Ema(nn.Module):
    """A running mean that a buffer keeps, and how often."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        y = self.fc(x)
        self.mean.copy_(0.9 * self.mean + 0.1 * y.detach().mean(0))
        self.calls.add_(1)
        return (y - self.mean) / (1.0 + 0.01 * self.calls)


class Padded(nn.Module):
    """Words with a padding row; what is padded is no part of the mean."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(50, 4, padding_idx=1)
        self.fc = nn.Linear(4, 3)

    def forward(self, ids):
        kept = (ids != 1).unsqueeze(-1).float()
        total = (self.embed(ids) * kept).sum(1)
        return self.fc(total / kept.sum(1).clamp(min=1.0))


class Alibi(nn.Module):
    """Causal attention whose scores fall with the distance."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(6, 18)
        self.register_buffer("slopes", torch.tensor([0.5, 0.25]).view(1, 2, 1, 1))

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, 2, 3).permute(2, 0, 3, 1, 4).unbind(0)
        at = torch.arange(length)
        distance = at[None, :] - at[:, None]
        scores = q @ k.transpose(-2, -1) * 0.577 + self.slopes * distance
        scores = torch.where(distance > 0, torch.full_like(scores, -1e9), scores)
        return (torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(batch, length, width)


class Pick(nn.Module):
    """Classes, and how sure."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 5)

    def forward(self, x):
        logits = self.fc(x)
        best = logits.argmax(1)
        sure = logits.softmax(1).gather(1, best[:, None]).squeeze(1)
        return best, torch.where(sure > 0.3, best, torch.full_like(best, 5)), sure


class Gate(nn.Module):
    """A branch that training has not opened yet."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.alpha = nn.Parameter(torch.zeros(()))
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, x):
        return x * self.scale + torch.tanh(self.alpha) * F.gelu(self.fc(x))


class Thresholds(nn.Module):
    """What steps at a number."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        near = torch.where(x > 0.25, x, 0.1 * x)
        code = torch.round(x * 4.0) / 4.0
        kept = (x >= 0.5).float() + F.hardtanh(x, -2.0, 2.0)
        return self.fc(near) + code, F.relu(kept - 1.0), (x.abs() < 1.5).sum(1)


class Kinds(nn.Module):
    """Integers that stand for something."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(7, 3)
        self.fc = nn.Linear(3, 2)

    def forward(self, kind, t):
        y = self.fc(self.embed(kind % 7))
        y = torch.where((kind == 42)[:, None], y * 2.0, y)
        y = torch.where((t < 500)[:, None], y, y + 1.0)
        return y, torch.clamp(t, min=3, max=900) // 4, (kind > 100).logical_or(t >= 999)


class Positions(nn.Module):
    """A table of places, as long as the longest input."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(48, 4)
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        length = x.shape[1]
        return self.fc(x + self.table(torch.arange(length))) * (length / 48.0)


class Cache(nn.Module):
    """Keys and values of the last four steps."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(4, 4) for _ in range(3))
        self.register_buffer("keys", torch.zeros(4, 4))
        self.register_buffer("values", torch.zeros(4, 4))
        self.register_buffer("filled", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        keys = torch.cat([self.keys[1:], self.k(x)])
        values = torch.cat([self.values[1:], self.v(x)])
        filled = torch.clamp(self.filled + 1, max=4)
        scores = self.q(x) @ keys.T / 2.0
        empty = torch.arange(4) < 4 - filled
        scores = scores.masked_fill(empty, float("-inf"))
        self.keys.copy_(keys)
        self.values.copy_(values)
        self.filled.copy_(filled)
        return torch.softmax(scores, -1) @ values


class Rbf(nn.Module):
    """Distances from centres."""

    def __init__(self):
        super().__init__()
        self.centres = nn.Parameter(torch.randn(5, 3))
        self.gamma = nn.Parameter(torch.rand(5) + 0.5)
        self.fc = nn.Linear(5, 2)

    def forward(self, x):
        far = (x[:, None] - self.centres).square().sum(-1)
        return self.fc(torch.exp(-self.gamma * far)), torch.sqrt(far + 1e-6)


class Heads(nn.Module):
    """One head is a thousand times the other."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 6)
        self.large = nn.Linear(6, 3)
        self.small = nn.Linear(6, 3)
        with torch.no_grad():
            self.large.weight.mul_(1e3)
            self.small.weight.mul_(1e-4)
            self.small.bias.mul_(1e-4)

    def forward(self, x):
        body = torch.tanh(self.body(x))
        return torch.cat([self.large(body), self.small(body)], 1), self.small(body).sigmoid()


class Masked(nn.Module):
    """Attention with a mask that the caller gives."""

    def __init__(self):
        super().__init__()
        self.q, self.k = nn.Linear(4, 4), nn.Linear(4, 4)
        self.norm = nn.LayerNorm(4)

    def forward(self, x, mask):
        scores = self.q(x) @ self.k(x).transpose(1, 2) / 2.0
        scores = scores.masked_fill(mask[:, None, :].logical_not(), -1e9)
        y = x + F.softmax(scores, -1) @ x
        return (self.norm(y) * mask[..., None]).sum(1) / 3.0


class Norms(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.group = nn.GroupNorm(2, 4)
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        y = F.silu(self.group(self.conv(x)))
        y = F.avg_pool2d(y, 2).mean((2, 3))
        return F.normalize(self.fc(y), dim=1, eps=1e-6) * 4.0


class Ignored(nn.Module):
    """A loss that leaves out one class, and a code whose gradient goes straight through."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 5)

    def forward(self, x, target):
        logits = self.fc(x)
        hard = F.one_hot(logits.argmax(1), 5).float()
        soft = logits.softmax(1)
        kept = target != 2
        chosen = F.log_softmax(logits, 1).gather(1, target.clamp(0, 4)[:, None]).squeeze(1)
        loss = -(chosen * kept).sum() / kept.sum().clamp(min=1)
        return loss, soft + (hard - soft).detach()


# -- what cries wolf ---------------------------------------------------------------------------------------------------


class Deep(nn.Module):
    def __init__(self, depth=16, gain=1.4):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(6, 6) for _ in range(depth))
        with torch.no_grad():
            for layer in self.layers:
                layer.weight.mul_(gain)

    def forward(self, x):
        for layer in self.layers:
            x = x + torch.tanh(layer(x))
        return x


class Conditioned(nn.Module):
    """A matrix whose rows are nearly the same, and what is left of them."""

    def __init__(self):
        super().__init__()
        row = torch.randn(5)
        self.weight = nn.Parameter(row + 1e-5 * torch.randn(4, 5))

    def forward(self, x):
        y = x @ self.weight.T
        return y - y.mean(1, keepdim=True), (y[:, 1:] - y[:, :-1]) * 1e4


class Saturated(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 6), nn.Linear(6, 3)
        with torch.no_grad():
            self.a.weight.mul_(60)
            self.b.weight.mul_(60)

    def forward(self, x):
        y = self.b(torch.tanh(self.a(x)))
        return torch.sigmoid(y), F.log_softmax(y, 1), F.softplus(y)


class Scaled(nn.Module):
    """Weights of another magnitude."""

    def __init__(self, scale):
        super().__init__()
        self.a, self.b = nn.Linear(4, 5), nn.Linear(5, 3)
        with torch.no_grad():
            self.a.weight.mul_(scale)
            self.a.bias.mul_(scale)

    def forward(self, x):
        y = F.relu(self.a(x))
        return y, self.b(y).abs().sqrt()


class Typed(nn.Module):
    def __init__(self, dtype):
        super().__init__()
        self.a, self.norm, self.b = nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 3)
        self.to(dtype)

    def forward(self, x):
        return self.b(F.gelu(self.norm(self.a(x)))).softmax(1)


class Cancelling(nn.Module):
    """One minus what is nearly one."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        p = torch.sigmoid(self.fc(x))
        return 1.0 - p - (1.0 - p), torch.sin(x) ** 2 + torch.cos(x) ** 2 - 1.0, (x + 1e4) - 1e4


class Distances(nn.Module):
    """Each from each; a row from itself is a rounding residue."""

    def forward(self, x):
        squares = (x * x).sum(1)
        far = squares[:, None] + squares[None, :] - 2.0 * (x @ x.T)
        return torch.exp(-far), far.clamp(min=1e-12).sqrt()


class Entropy(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        p = self.fc(x).softmax(1)
        return -(p * p.log()).sum(1), F.normalize(x, dim=1)


class Variance(nn.Module):
    """The mean of squares less the square of the mean."""

    def forward(self, x):
        far = x + 30.0
        return (far * far).mean(1) - far.mean(1) ** 2, F.layer_norm(x, (4,))


class Gelus(nn.Module):
    def forward(self, x):
        return F.gelu(x), F.gelu(x, approximate="tanh"), F.mish(x), F.logsigmoid(x), x.expm1()


class Biased(nn.Module):
    """A bias before a mean over all that a batch norm keeps apart."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3)

    def forward(self, x):
        return self.norm(self.conv(x)).mean((2, 3))


class Numbers(nn.Module):
    """Numbers of Python's beside a tensor: one that is the same as ever, and one that follows from a length."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return {"y": self.fc(x), "about": (x.shape[0] * 2 + 1, 0.1, True, -3)}


rows = torch.export.Dim("rows", min=1, max=64)
length = torch.export.Dim("length", min=1, max=48)


def words(most, *shape):
    return torch.randint(0, most, shape)


# name: module, inputs, dynamic shapes, whether mutants are made of it
MODELS = {
    "lstm": (Lstm, lambda: (torch.randn(3, 4, 3),), ({0: rows},), True),
    "stream": (Stream, lambda: (torch.randn(3),), None, True),
    "ema": (Ema, lambda: (torch.randn(3, 4),), ({0: rows},), True),
    "padded": (Padded, lambda: (words(50, 3, 5),), ({0: rows},), True),
    "alibi": (Alibi, lambda: (torch.randn(2, 5, 6),), ({1: length},), True),
    "pick": (Pick, lambda: (torch.randn(3, 4),), ({0: rows},), True),
    "gate": (Gate, lambda: (torch.randn(3, 4),), None, True),
    "thresholds": (Thresholds, lambda: (torch.randn(4, 3),), ({0: rows},), True),
    "kinds": (Kinds, lambda: (words(200, 6), words(1000, 6)), None, True),
    "positions": (Positions, lambda: (torch.randn(2, 5, 4),), ({1: length},), True),
    "cache": (Cache, lambda: (torch.randn(1, 4),), None, True),
    "rbf": (Rbf, lambda: (torch.randn(3, 3),), ({0: rows},), True),
    "heads": (Heads, lambda: (torch.randn(3, 4),), None, True),
    "masked": (
        Masked,
        lambda: (torch.randn(2, 5, 4), torch.rand(2, 5) > 0.3),
        ({1: length}, {1: length}),
        True,
    ),
    "norms": (Norms, lambda: (torch.randn(2, 2, 6, 6),), None, True),
    "ignored": (Ignored, lambda: (torch.randn(4, 4), words(5, 4)), None, True),
    "deep": (Deep, lambda: (torch.randn(3, 6),), ({0: rows},), False),
    "conditioned": (Conditioned, lambda: (torch.randn(3, 5),), None, False),
    "saturated": (Saturated, lambda: (torch.randn(3, 4),), None, False),
    "huge": (lambda: Scaled(1e15), lambda: (torch.randn(3, 4),), None, False),
    "tiny": (lambda: Scaled(1e-18), lambda: (torch.randn(3, 4),), None, False),
    "half": (lambda: Typed(torch.float16), lambda: (torch.randn(3, 4).half(),), None, False),
    "brain": (
        lambda: Typed(torch.bfloat16),
        lambda: (torch.randn(3, 4).bfloat16(),),
        None,
        False,
    ),
    "double": (lambda: Typed(torch.float64), lambda: (torch.randn(3, 4).double(),), None, False),
    "cancelling": (Cancelling, lambda: (torch.randn(3, 3),), None, False),
    "distances": (Distances, lambda: (torch.randn(4, 3),), None, False),
    "entropy": (Entropy, lambda: (torch.randn(3, 4),), ({0: rows},), False),
    "variance": (Variance, lambda: (torch.randn(3, 4),), None, False),
    "gelus": (Gelus, lambda: (torch.randn(3, 4),), None, False),
    "biased": (Biased, lambda: (torch.randn(2, 2, 5, 5),), None, False),
    "numbers": (Numbers, lambda: (torch.randn(3, 4),), ({0: rows},), False),
}


def make(name, folder):
    kind, make_inputs, dynamic, _ = MODELS[name]
    torch.manual_seed(11)
    module = kind().eval()
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, (nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)):
                nn.init.uniform_(part.weight, 0.5, 1.5)
                nn.init.normal_(part.bias, std=0.3)
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_(std=0.5)
                part.running_var.uniform_(0.5, 2.0)
    exported = torch.export.export(module, make_inputs(), dynamic_shapes=dynamic)
    core = exported.run_decompositions()
    torch.export.save(forget_paths(exported, script=__file__), folder / f"{name}.pt2")
    torch.export.save(
        forget_paths(core, own_frames_only=True, script=__file__), folder / f"{name}.core.pt2"
    )


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or MODELS:
        make(name, folder)
        print(name)


if __name__ == "__main__":
    main()

"""Networks for what comes in a row: text, sound, time; and tables, graphs, mixtures."""

import math

import torch
from torch import nn
from torch.export import Dim
from torch.nn import functional as F


class WaveNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(1, 4, 1)
        self.gates = nn.ModuleList(nn.Conv1d(4, 8, 2, dilation=d) for d in (1, 2, 4))
        self.skips = nn.ModuleList(nn.Conv1d(4, 4, 1) for _ in range(3))
        self.out = nn.Conv1d(4, 2, 1)

    def forward(self, x):
        x, total = self.first(x), 0
        for gate, skip in zip(self.gates, self.skips):
            a, b = gate(F.pad(x, (gate.dilation[0], 0))).chunk(2, 1)
            y = skip(torch.tanh(a) * torch.sigmoid(b))
            x, total = x + y, total + y
        return self.out(F.relu(total))


class Speech(nn.Module):
    def __init__(self):
        super().__init__()
        norm = nn.utils.parametrizations.weight_norm
        self.encode = nn.Sequential(
            norm(nn.Conv1d(2, 4, 5, stride=2, padding=2)), nn.ELU(), nn.Conv1d(4, 4, 3, padding=1)
        )
        self.decode = norm(nn.ConvTranspose1d(4, 2, 4, stride=2, padding=1))

    def forward(self, x):
        code = F.max_pool1d(self.encode(x), 2)
        up = F.interpolate(code, scale_factor=2, mode="linear", align_corners=False)
        return self.decode(up), F.avg_pool1d(code, 2, ceil_mode=True)


class Rnn(nn.Module):
    def __init__(self, kind, **settings):
        super().__init__()
        self.rnn = kind(3, 4, batch_first=True, **settings)
        both = 2 if settings.get("bidirectional") else 1
        self.out = nn.Linear((settings.get("proj_size") or 4) * both, 2)

    def forward(self, x):
        y, state = self.rnn(x)
        return self.out(y), state


class SeqToSeq(nn.Module):
    """An encoder, and a decoder that looks at it word by word."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(9, 4)
        self.encoder = nn.GRU(4, 5, batch_first=True)
        self.cell = nn.GRUCell(9, 5)
        self.score = nn.Linear(10, 1)
        self.out = nn.Linear(5, 9)

    def forward(self, words, target):
        memory, state = self.encoder(self.embed(words))
        state, outs = state[0], []
        for step in range(target.shape[1]):
            scores = self.score(torch.cat([memory, state.unsqueeze(1).expand_as(memory)], -1))
            context = (scores.softmax(1) * memory).sum(1)
            state = self.cell(torch.cat([self.embed(target[:, step]), context], -1), state)
            outs.append(self.out(state))
        return torch.stack(outs, 1).log_softmax(-1)


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.model = nn.Transformer(8, 2, 1, 2, 16, batch_first=True)
        self.out = nn.Linear(8, 11)

    def forward(self, source, target):
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        y = self.model(self.embed(source), self.embed(target), tgt_mask=mask, tgt_is_causal=True)
        return self.out(y)


class Padded(nn.Module):
    """Attention with a mask of padding, and the weights of each head."""

    def __init__(self):
        super().__init__()
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True, kdim=6, vdim=6)

    def forward(self, x, memory, padding):
        y, weights = self.attend(
            x, memory, memory, key_padding_mask=padding, average_attn_weights=False
        )
        return y, weights


class Rotary(nn.Module):
    """Causal attention with rotary positions and grouped keys; any batch, any length."""

    def __init__(self, width=8, heads=4, groups=2):
        super().__init__()
        self.heads, self.groups, self.size = heads, groups, width // heads
        self.q, self.k = nn.Linear(width, width), nn.Linear(width, groups * self.size)
        self.v, self.out = nn.Linear(width, groups * self.size), nn.Linear(width, width)
        inverse = 1.0 / (100 ** (torch.arange(0, self.size, 2).float() / self.size))
        self.register_buffer("inverse", inverse, persistent=False)

    def turned(self, x, cos, sin):
        a, b = x.chunk(2, dim=-1)
        return x * cos + torch.cat((-b, a), dim=-1) * sin

    def forward(self, x):
        batch, length, _ = x.shape
        q = self.q(x).view(batch, length, self.heads, self.size).transpose(1, 2)
        k = self.k(x).view(batch, length, self.groups, self.size).transpose(1, 2)
        v = self.v(x).view(batch, length, self.groups, self.size).transpose(1, 2)
        angles = torch.outer(torch.arange(length, device=x.device).float(), self.inverse)
        angles = torch.cat((angles, angles), -1)
        q, k = (self.turned(one, angles.cos(), angles.sin()) for one in (q, k))
        k, v = (one.repeat_interleave(self.heads // self.groups, 1) for one in (k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).contiguous().view(batch, length, -1))


class Sines(nn.Module):
    """Positions as sines written into every second column."""

    def __init__(self, width=6, longest=10):
        super().__init__()
        at = torch.arange(longest).unsqueeze(1)
        rate = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
        table = torch.zeros(longest, width)
        table[:, 0::2] = torch.sin(at * rate)
        table[:, 1::2] = torch.cos(at * rate)
        self.register_buffer("table", table)
        self.rate = rate
        self.fc = nn.Linear(width, width)

    def forward(self, x):
        fresh = torch.zeros_like(x)
        at = torch.arange(x.shape[1]).unsqueeze(1)
        fresh[:, :, 0::2] = torch.sin(at * self.rate)
        fresh[:, :, 1::2] = torch.cos(at * self.rate)
        return self.fc(x + self.table[: x.shape[1]]) + fresh


class Cached(nn.Module):
    """One step of decoding: keys and values are written into a cache that is kept."""

    def __init__(self, width=4, longest=6):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.register_buffer("keys", torch.zeros(2, longest, width))
        self.register_buffer("values", torch.zeros(2, longest, width))

    def forward(self, x, position):
        q, k, v = self.qkv(x).chunk(3, -1)
        self.keys[:, position] = k
        self.values.index_copy_(1, position, v)
        scores = q @ self.keys.transpose(1, 2)
        seen = torch.arange(self.keys.shape[1]) <= position
        return scores.masked_fill(~seen, -1e9).softmax(-1) @ self.values


class Mamba(nn.Module):
    """A selective state space, step by step."""

    def __init__(self, width=4, state=3):
        super().__init__()
        self.into = nn.Linear(width, 2 * width, bias=False)
        self.conv = nn.Conv1d(width, width, 3, groups=width, padding=2)
        self.dt, self.b = nn.Linear(width, width), nn.Linear(width, state)
        self.c = nn.Linear(width, state)
        self.log_a = nn.Parameter(torch.log(torch.arange(1.0, state + 1)).repeat(width, 1))
        self.skip = nn.Parameter(torch.ones(width))

    def forward(self, x):
        length = x.shape[1]
        u, gate = self.into(x).split([4, 4], dim=-1)
        u = F.silu(self.conv(u.transpose(1, 2))[..., :length]).transpose(1, 2)
        dt, b, c = F.softplus(self.dt(u)), self.b(u), self.c(u)
        a = torch.exp(torch.einsum("bld,dn->bldn", dt, -torch.exp(self.log_a)))
        du = torch.einsum("bld,bln,bld->bldn", dt, b, u)
        state, ys = x.new_zeros(x.shape[0], 4, 3), []
        for i in range(length):
            state = a[:, i] * state + du[:, i]
            ys.append(torch.einsum("bdn,bn->bd", state, c[:, i]))
        return (torch.stack(ys, 1) + u * self.skip) * F.silu(gate)


class Mixture(nn.Module):
    """Experts that a router picks; each token goes through its best two."""

    def __init__(self, width=4, experts=3):
        super().__init__()
        self.router = nn.Linear(width, experts)
        self.up = nn.Parameter(torch.randn(experts, width, 6) * 0.5)
        self.down = nn.Parameter(torch.randn(experts, 6, width) * 0.5)

    def forward(self, x):
        scores = self.router(x).softmax(-1)
        best, which = torch.topk(scores, 2, dim=-1)
        best = best / best.sum(-1, keepdim=True)
        weight = torch.zeros_like(scores).scatter_(-1, which, best)
        y = torch.einsum("btd,edh->beth", x, self.up).relu()
        y = torch.einsum("beth,ehd->betd", y, self.down)
        used = F.one_hot(which, 3).sum((0, 1, 2)).float()
        return torch.einsum("betd,bte->btd", y, weight), used / used.sum()


class Fourier(nn.Module):
    """Mixes by Fourier transforms, of which the real part stays."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(6)
        self.fc = nn.Linear(6, 6)

    def forward(self, x):
        y = torch.fft.fft(torch.fft.fft(x, dim=-1), dim=-2).real
        return self.fc(self.norm(x + y))


class Linear(nn.Module):
    """Attention that is linear in the length, by sums along it."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(6, 18)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        q, k = F.elu(q) + 1, F.elu(k) + 1
        sums = torch.cumsum(k.unsqueeze(-1) * v.unsqueeze(-2), dim=1)
        norm = torch.einsum("bld,bld->bl", q, k.cumsum(1)).clamp(min=1e-6)
        return torch.einsum("bld,blde->ble", q, sums) / norm.unsqueeze(-1)


class Recommender(nn.Module):
    """Bags of categories, their products with each other."""

    def __init__(self):
        super().__init__()
        self.bags = nn.ModuleList(nn.EmbeddingBag(5, 4, mode=mode) for mode in ("sum", "mean"))
        self.dense = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        self.top = nn.Linear(4 + 3, 1)

    def forward(self, numbers, one, two):
        x = self.dense(numbers)
        parts = torch.stack([x, self.bags[0](one), self.bags[1](two)], 1)
        pairs = torch.bmm(parts, parts.transpose(1, 2))
        i, j = torch.tril_indices(3, 3, -1)
        return torch.sigmoid(self.top(torch.cat([x, pairs[:, i, j]], 1))).squeeze(-1)


class GraphNet(nn.Module):
    """Messages along edges, added up where they arrive."""

    def __init__(self):
        super().__init__()
        self.send, self.keep = nn.Linear(3, 4), nn.Linear(3, 4)
        self.attend = nn.Linear(8, 1)

    def forward(self, x, edges):
        source, target = edges[0], edges[1]
        h = self.send(x)
        scores = F.leaky_relu(self.attend(torch.cat([h[source], h[target]], -1)), 0.2).exp()
        total = torch.zeros(x.shape[0], 1).index_add_(0, target, scores)
        message = h[source] * scores / (total[target] + 1e-9)
        out = torch.zeros_like(h).scatter_add(0, target.unsqueeze(-1).expand_as(message), message)
        return F.relu(out + self.keep(x))


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))

    def forward(self, a, b):
        a, b = self.embed(a), self.embed(b)
        return F.cosine_similarity(a, b), F.pairwise_distance(a, b), torch.cdist(a, b)


MODELS = {
    "wavenet": (
        WaveNet,
        lambda: (torch.randn(2, 1, 9),),
        {"x": {0: Dim("batch", max=16), 2: Dim("length", min=2, max=64)}},
        False,
    ),
    "speech": (Speech, lambda: (torch.randn(2, 2, 16),), {"x": {0: Dim("batch", max=16)}}, False),
    "rnn_relu": (
        lambda: Rnn(nn.RNN, nonlinearity="relu"),
        lambda: (torch.randn(2, 5, 3),),
        None,
        False,
    ),
    "lstm": (lambda: Rnn(nn.LSTM), lambda: (torch.randn(2, 5, 3),), None, False),
    "lstm_deep": (
        lambda: Rnn(nn.LSTM, num_layers=2, bidirectional=True),
        lambda: (torch.randn(2, 5, 3),),
        None,
        False,
    ),
    "lstm_projected": (
        lambda: Rnn(nn.LSTM, proj_size=3),
        lambda: (torch.randn(2, 5, 3),),
        None,
        False,
    ),
    "lstm_any_batch": (
        lambda: Rnn(nn.LSTM),
        lambda: (torch.randn(2, 5, 3),),
        {"x": {0: Dim("batch", max=16)}},
        False,
    ),
    "gru": (lambda: Rnn(nn.GRU), lambda: (torch.randn(2, 5, 3),), None, False),
    "gru_both_ways": (
        lambda: Rnn(nn.GRU, bidirectional=True, bias=False),
        lambda: (torch.randn(2, 5, 3),),
        None,
        False,
    ),
    "seq_to_seq": (
        SeqToSeq,
        lambda: (torch.randint(0, 9, (2, 4)), torch.randint(0, 9, (2, 3))),
        None,
        False,
    ),
    "transformer": (
        Transformer,
        lambda: (torch.randint(0, 11, (2, 5)), torch.randint(0, 11, (2, 4))),
        None,
        False,
    ),
    "padded": (
        Padded,
        lambda: (
            torch.randn(2, 3, 8),
            torch.randn(2, 4, 6),
            torch.tensor([[False, False, True, True], [False, False, False, False]]),
        ),
        None,
        False,
    ),
    "rotary": (
        Rotary,
        lambda: (torch.randn(2, 5, 8),),
        {"x": {0: Dim("batch", max=16), 1: Dim("length", min=2, max=64)}},
        False,
    ),
    "sines": (
        Sines,
        lambda: (torch.randn(2, 5, 6),),
        {"x": {0: Dim("batch", max=16), 1: Dim("length", min=2, max=10)}},
        False,
    ),
    "cached": (Cached, lambda: (torch.randn(2, 1, 4), torch.tensor([2])), None, False),
    "mamba_by_hand": (
        Mamba,
        lambda: (torch.randn(2, 5, 4),),
        {"x": {0: Dim("batch", max=16)}},
        False,
    ),
    "mixture": (Mixture, lambda: (torch.randn(2, 3, 4),), None, False),
    "fourier": (Fourier, lambda: (torch.randn(2, 4, 6),), None, False),
    "linear_attention": (
        Linear,
        lambda: (torch.randn(2, 4, 6),),
        {"x": {0: Dim("batch", max=16), 1: Dim("length", min=2, max=64)}},
        False,
    ),
    "recommender": (
        Recommender,
        lambda: (torch.randn(2, 3), torch.randint(0, 5, (2, 3)), torch.randint(0, 5, (2, 2))),
        None,
        False,
    ),
    "graph_net": (
        GraphNet,
        lambda: (torch.randn(4, 3), torch.tensor([[0, 1, 2, 3, 0], [1, 2, 3, 0, 1]])),
        {"x": {0: Dim("nodes", min=2, max=64)}, "edges": {1: Dim("edges", min=2, max=64)}},
        False,
    ),
    "siamese": (Siamese, lambda: (torch.randn(3, 4), torch.randn(3, 4)), None, False),
}

"""Complex numbers and Fourier transforms: rotary embeddings, operators in the frequency domain, spectrograms, state
spaces, and what PyTorch has of transforms and complex arithmetic."""

import math

import torch
from torch import nn
from torch.export import Dim
from torch.nn import functional as F

N = Dim("n", min=2, max=64)


class Call(nn.Module):
    """A function of the inputs and of weights."""

    def __init__(self, function, **weights):
        super().__init__()
        self.function = function
        for name, weight in weights.items():
            self.register_parameter(name, nn.Parameter(weight))

    def forward(self, *inputs):
        return self.function(*inputs, *self.parameters())


def pairs(*shape):
    return lambda: (torch.randn(*shape, 2),)


def reals(*shape):
    return lambda: (torch.randn(*shape),)


def complex_weight(*shape):
    return 0.3 * torch.randn(*shape, dtype=torch.cfloat)


def transforms(x):
    """Of even, odd and prime lengths, along several axes, cut and filled up, scaled in all ways."""
    z = torch.view_as_complex(x)
    fft = torch.fft
    results = [
        fft.fft(z),
        fft.ifft(z, dim=0),
        fft.fft(z, n=7, norm="ortho"),
        fft.ifft(z, n=11, dim=1, norm="forward"),
        fft.fft2(z),
        fft.ifft2(z, s=(4, 5), norm="ortho"),
        fft.fftn(z, dim=(0, 2)),
        fft.ifftn(z),
        fft.fft(z.real),
        fft.fftshift(fft.fft2(z), dim=(-2, -1)),
        fft.ifftshift(z),
    ]
    return tuple(torch.view_as_real(y.clone()) for y in results)


def real_transforms(x):
    fft = torch.fft
    results = [
        fft.rfft(x),
        fft.rfft(x, n=9, dim=1, norm="ortho"),
        fft.rfft(x, n=3, norm="forward"),
        fft.rfft2(x, norm="ortho"),
        fft.rfftn(x, s=(4, 3), dim=(0, 2)),
        fft.ihfft(x).conj() * 1,
        fft.fft(x),
    ]
    frequencies = fft.fftfreq(x.shape[-1], d=0.5) + fft.fftshift(fft.fftfreq(x.shape[-1]))
    return (x * frequencies, fft.rfftfreq(6), *(torch.view_as_real(y.clone()) for y in results))


def transforms_to_real(x):
    z = torch.view_as_complex(x)
    fft = torch.fft
    return (
        fft.irfft(z),
        fft.irfft(z, n=7),
        fft.irfft(z, n=13, dim=0, norm="ortho"),
        fft.irfft2(z),
        fft.irfft2(z, s=(5, 4), norm="forward"),
        fft.irfftn(z, dim=(0, 1)),
        fft.hfft(z),
        fft.hfft(z, n=6, norm="ortho"),
        fft.hfft2(z),
    )


def arithmetic(x, y):
    a, b = torch.view_as_complex(x), torch.view_as_complex(y)
    results = [
        a + b,
        a - b * 2,
        1 - a,
        a * b,
        a * 2.5 + 1j,
        a * y[..., 0],
        a / b,
        a / 3,
        2 / b,
        a**2,
        a**3,
        b**0.5,
        b ** (1 + 2j),
        a.conj() * b,
        torch.reciprocal(b),
        (1j * y[..., 1]) + torch.complex(x[..., 0], y[..., 0]),
        torch.polar(a.abs() + 1, b.angle()),
        b.sgn(),
        b / b.norm(),
        a * a.imag,
    ]
    return ((a == b).any(), a.isnan(), *(torch.view_as_real(z.clone()) for z in results))


def functions(x):
    z = torch.view_as_complex(x)
    names = "exp log sqrt rsqrt sin cos sinh cosh tanh sigmoid square log1p log2 log10"
    results = [getattr(torch, name)(z) for name in names.split()]
    return tuple(torch.view_as_real(y) for y in results)


def shapes(x):
    z = torch.view_as_complex(x)
    rows = torch.tensor([2, 0])
    results = [
        z.t().flip(0).roll(1, -1).reshape(-1, 2).unsqueeze(-1).expand(-1, 2, 3),
        torch.cat([z, z * 1j], -1),
        torch.stack([z, z], -1),
        F.pad(z, (1, 2)),
        z[:, rows] + z[1:2, 1:3],
        z[..., ::2],
        torch.where(z.real > 0, z, torch.zeros_like(z)),
        z.masked_fill(z.imag > 0, 0),
        z.repeat(2, 1),
        z.chunk(2, -1)[1] * z.split([2, 2], 1)[0],
        z[:3, :3].diagonal(),
        z.tril(),
        z.unbind(0)[1] + z.select(0, 2),
        z.sum() + z.mean(dim=1, keepdim=True),
        z.cumsum(1),
        torch.full((3, 4), 1 + 2j) + z + torch.ones(3, 4, dtype=torch.cfloat),
        z * torch.exp(1j * torch.arange(4)),
        z.flatten().view(2, 6).permute(1, 0).movedim(0, -1).squeeze(),
        z.gather(1, torch.tensor([[0, 1], [1, 2], [3, 0]])),
        z.to(torch.complex128),
    ]
    return tuple(torch.view_as_real(y.resolve_conj().clone()) for y in results)


def products(x, weight, bias, kernel):
    z = torch.view_as_complex(x)
    results = [
        z @ z.mH,
        torch.einsum("ab,cb->ac", z, z.conj()),
        torch.einsum("ab,cb,db->acd", z, z.conj(), z),
        torch.outer(z[0], z[1]),
        torch.vdot(z[0], z[1]),
        F.linear(z, weight, bias),
        F.conv1d(z[None], kernel, padding=1),
        torch.bmm(z[None], z.t()[None]),
    ]
    return tuple(torch.view_as_real(y.resolve_conj().clone()) for y in results)


def writes(x):
    z = torch.view_as_complex(x * 2)
    z.mul_(2j)
    y = torch.zeros(3, 6, dtype=torch.cfloat)
    y[:, 1:3] = z[:, :2]
    y.real[:, 0] = 1
    z.imag = z.real
    return torch.view_as_real(z), torch.view_as_real(y), x


class Spectral(nn.Module):
    """The lowest frequencies, mixed by weights."""

    def __init__(self, channels, modes):
        super().__init__()
        self.channels, self.modes = channels, modes
        self.weights1 = nn.Parameter(complex_weight(channels, channels, modes, modes))
        self.weights2 = nn.Parameter(complex_weight(channels, channels, modes, modes))

    def forward(self, x):
        m = self.modes
        spectrum = torch.fft.rfft2(x)
        shape = x.size(0), self.channels, x.size(-2), x.size(-1) // 2 + 1
        out = torch.zeros(*shape, dtype=torch.cfloat, device=x.device)
        mix = "bixy,ioxy->boxy"
        out[:, :, :m, :m] = torch.einsum(mix, spectrum[:, :, :m, :m], self.weights1)
        out[:, :, -m:, :m] = torch.einsum(mix, spectrum[:, :, -m:, :m], self.weights2)
        return torch.fft.irfft2(out, s=(x.size(-2), x.size(-1)))


class FourierOperator(nn.Module):
    def __init__(self):
        super().__init__()
        self.lift = nn.Conv2d(1, 3, 1)
        self.spectral = nn.ModuleList(Spectral(3, 3) for _ in range(2))
        self.local = nn.ModuleList(nn.Conv2d(3, 3, 1) for _ in range(2))
        self.out = nn.Conv2d(3, 1, 1)

    def forward(self, x):
        x = self.lift(x)
        for spectral, local in zip(self.spectral, self.local):
            x = F.gelu(spectral(x) + local(x))
        return self.out(x)


class Rotary(nn.Module):
    """Positions as angles, as Llama's own code turns by them."""

    def __init__(self, width=8, longest=16):
        super().__init__()
        frequencies = 1.0 / (10000.0 ** (torch.arange(0, width, 2).float() / width))
        angles = torch.outer(torch.arange(longest).float(), frequencies)
        self.register_buffer("turns", torch.polar(torch.ones_like(angles), angles))
        self.q = nn.Linear(16, 16)
        self.k = nn.Linear(16, 16)

    def turned(self, x):
        z = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
        turns = self.turns[: x.shape[1]].view(1, x.shape[1], 1, -1)
        return torch.view_as_real(z * turns).flatten(3).type_as(x)

    def forward(self, x):
        q, k = (layer(x).unflatten(-1, (2, 8)) for layer in (self.q, self.k))
        return torch.einsum("bqhd,bkhd->bhqk", self.turned(q), self.turned(k)).softmax(-1)


class MixingLayer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, 8), nn.GELU(), nn.Linear(8, width))

    def forward(self, x):
        mixed = torch.fft.fft(torch.fft.fft(x, dim=-1), dim=-2).real
        return x + self.feed(self.norm(x + mixed))


class MixingTransformer(nn.Module):
    """Transforms in place of attention, as FNet has them."""

    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(11, 6)
        self.layers = nn.Sequential(MixingLayer(6), MixingLayer(6))

    def forward(self, ids):
        return self.layers(self.tokens(ids)).mean(1)


class DiagonalStates(nn.Module):
    """A diagonal state space, as S4D has it, by long convolution."""

    def __init__(self, width=3, states=8):
        super().__init__()
        half = states // 2
        self.log_step = nn.Parameter(torch.rand(width) - 3)
        self.c = nn.Parameter(torch.view_as_real(complex_weight(width, half)))
        self.log_real = nn.Parameter(torch.log(0.5 * torch.ones(width, half)))
        self.imaginary = nn.Parameter(math.pi * torch.arange(half).repeat(width, 1).float())
        self.d = nn.Parameter(torch.randn(width))

    def kernel(self, length):
        step = torch.exp(self.log_step)
        a = -torch.exp(self.log_real) + 1j * self.imaginary
        by_step = a * step.unsqueeze(-1)
        powers = by_step.unsqueeze(-1) * torch.arange(length)
        c = torch.view_as_complex(self.c) * (torch.exp(by_step) - 1.0) / a
        return 2 * torch.einsum("hn, hnl -> hl", c, torch.exp(powers)).real

    def forward(self, u):
        length = u.size(-1)
        kernel = torch.fft.rfft(self.kernel(length), n=2 * length)
        spectrum = torch.fft.rfft(u, n=2 * length)
        y = torch.fft.irfft(spectrum * kernel, n=2 * length)[..., :length]
        return y + u * self.d.unsqueeze(-1)


class Spectrogram(nn.Module):
    def __init__(self, **settings):
        super().__init__()
        self.settings = settings
        self.register_buffer("window", torch.hann_window(16))
        self.mel = nn.Linear(settings.pop("bins", 9), 5, bias=False)

    def forward(self, x):
        z = torch.stft(x, 16, 4, 16, self.window, return_complex=True, **self.settings)
        return self.mel(z.abs().pow(2).transpose(-1, -2)).clamp(min=1e-5).log()


class Masked(nn.Module):
    """A mask over a spectrogram, and back to a signal."""

    def __init__(self, **settings):
        super().__init__()
        self.settings = settings
        self.register_buffer("window", torch.hann_window(12))
        self.mask = nn.Conv1d(9, 9, 3, padding=1)

    def forward(self, x):
        z = torch.stft(x, 16, 4, 12, self.window, return_complex=True)
        z = z * torch.sigmoid(self.mask(z.abs()))
        return torch.istft(z, 16, 4, 12, self.window, **self.settings)


def filtered(x, weight):
    """A global filter over a grid of patches."""
    grid = torch.fft.rfft2(x.view(x.shape[0], 4, 4, 3), dim=(1, 2), norm="ortho")
    grid = grid * torch.view_as_complex(weight)
    return torch.fft.irfft2(grid, s=(4, 4), dim=(1, 2), norm="ortho").reshape(x.shape)


def autocorrelation(x):
    length = x.shape[-1]
    spectrum = torch.fft.rfft(x, n=2 * length)
    return torch.fft.irfft(spectrum * torch.conj(spectrum), n=2 * length)[..., :length]


def call(function, inputs, dynamic=None, **weights):
    def made():
        return Call(function, **{name: make() for name, make in weights.items()})

    return made, inputs, dynamic, False


MODELS = {
    "transforms": call(transforms, pairs(3, 5, 8)),
    "real_transforms": call(real_transforms, reals(2, 5, 6)),
    "transforms_to_real": call(transforms_to_real, pairs(3, 5, 5)),
    "complex_arithmetic": call(arithmetic, lambda: (torch.randn(3, 4, 2), torch.randn(3, 4, 2))),
    "complex_functions": call(functions, pairs(3, 4)),
    "complex_shapes": call(shapes, pairs(3, 4)),
    "complex_products": call(
        products,
        pairs(3, 4),
        weight=lambda: complex_weight(5, 4),
        bias=lambda: complex_weight(5),
        kernel=lambda: complex_weight(2, 3, 3),
    ),
    "complex_writes": call(writes, pairs(3, 4)),
    "complex_in_and_out": call(
        lambda z: (z * z.conj() + 1, torch.fft.fft(z)),
        lambda: (torch.randn(3, 4, dtype=torch.cfloat),),
    ),
    "complex_double": call(lambda x: torch.fft.rfft(x.double()).abs(), reals(3, 5)),
    "fourier_operator": (FourierOperator, reals(2, 1, 10, 9), {"x": {0: N}}, False),
    "rotary": (Rotary, reals(2, 5, 16), {"x": {0: N, 1: Dim("length", max=16)}}, False),
    "mixing_transformer": (
        MixingTransformer,
        lambda: (torch.randint(0, 11, (2, 5)),),
        {"ids": {0: N}},
        False,
    ),
    "diagonal_states": (DiagonalStates, reals(2, 3, 9), {"u": {0: N}}, False),
    "spectrogram": (Spectrogram, reals(2, 40), {"x": {0: N}}, False),
    "spectrogram_plain": (lambda: Spectrogram(center=False), reals(2, 40), None, False),
    "spectrogram_whole": (
        lambda: Spectrogram(normalized=True, onesided=False, pad_mode="constant", bins=16),
        reals(40),
        None,
        False,
    ),
    "masked_spectrogram": (Masked, reals(2, 40), {"x": {0: N}}, False),
    "masked_spectrogram_cut": (lambda: Masked(length=36), reals(2, 40), None, False),
    "filtered": call(filtered, reals(2, 16, 3), weight=lambda: torch.randn(4, 3, 3, 2)),
    "autocorrelation": call(autocorrelation, reals(2, 7)),
}

"""Networks that make: adversaries, autoencoders, flows, diffusion; and losses inside models."""

import math

import torch
from torch import nn
from torch.export import Dim
from torch.nn import functional as F


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(5, 6, 4, 1, 0, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(True),
            nn.ConvTranspose2d(6, 3, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, z):
        return self.layers(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        norm = nn.utils.parametrizations.spectral_norm
        self.layers = nn.Sequential(
            norm(nn.Conv2d(3, 4, 4, 2, 1, bias=False)),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(4, 1, 4, 1, 0, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.layers(x).view(-1, 1).squeeze(1)


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Linear(6, 8)
        self.mean, self.log_var = nn.Linear(8, 2), nn.Linear(8, 2)
        self.decode = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 6))

    def forward(self, x, noise):
        h = F.relu(self.encode(x))
        mean, log_var = self.mean(h), self.log_var(h)
        z = mean + torch.exp(0.5 * log_var) * noise
        back = self.decode(z)
        match = F.binary_cross_entropy_with_logits(back, x.sigmoid(), reduction="sum")
        away = -0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp())
        return back, mean, log_var, match + away


class Coupling(nn.Module):
    def __init__(self, width, flip):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(nn.Linear(width // 2, 8), nn.Tanh(), nn.Linear(8, width))

    def forward(self, x):
        a, b = x.chunk(2, dim=1)
        if self.flip:
            a, b = b, a
        scale, shift = self.net(a).chunk(2, dim=1)
        scale = torch.tanh(scale)
        b = b * torch.exp(scale) + shift
        return torch.cat((b, a) if self.flip else (a, b), dim=1), scale.sum(1)


class Flow(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.layers = nn.ModuleList(Coupling(width, i % 2 == 1) for i in range(3))
        self.turn = nn.Parameter(torch.linalg.qr(torch.randn(width, width))[0])

    def forward(self, x):
        total = x.new_zeros(x.shape[0])
        for layer in self.layers:
            x, change = layer(x)
            total = total + change
        x = x @ self.turn
        total = total + torch.linalg.slogdet(self.turn)[1]
        return x, total - 0.5 * (x**2 + math.log(2 * math.pi)).sum(1)


class Diffusion(nn.Module):
    """Predicts noise at a time, which is told by sines."""

    def __init__(self, width=8):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU())
        self.first, self.second = (
            nn.Conv2d(1, width, 3, padding=1),
            nn.Conv2d(width, 1, 3, padding=1),
        )
        self.norm = nn.GroupNorm(2, width)

    def forward(self, x, t):
        rate = torch.exp(-math.log(10000.0) * torch.arange(4, dtype=torch.float32) / 4)
        angle = t[:, None].float() * rate[None]
        told = self.time(torch.cat([torch.cos(angle), torch.sin(angle)], dim=-1))
        h = self.first(x) + told[:, :, None, None]
        return self.second(F.silu(self.norm(h)))


class VectorQuantised(nn.Module):
    def __init__(self):
        super().__init__()
        self.book = nn.Embedding(5, 3)

    def forward(self, x):
        flat = x.reshape(-1, 3)
        far = (
            flat.pow(2).sum(1, keepdim=True)
            - 2 * flat @ self.book.weight.t()
            + self.book.weight.pow(2).sum(1)
        )
        which = far.argmin(1)
        near = self.book(which).view_as(x)
        loss = F.mse_loss(near.detach(), x) * 0.25 + F.mse_loss(near, x.detach())
        return x + (near - x).detach(), which.view(x.shape[:-1]), loss


class Energy(nn.Module):
    """Parts of physics: distances of all pairs, Gaussians of them, sums."""

    def __init__(self):
        super().__init__()
        self.register_buffer("centres", torch.linspace(0.0, 3.0, 5))
        self.fc = nn.Sequential(nn.Linear(5, 4), nn.Softplus(), nn.Linear(4, 1))

    def forward(self, at):
        away = at[:, :, None] - at[:, None]
        near = (away.pow(2).sum(-1) + 1e-6).sqrt()
        parts = torch.exp(-((near[..., None] - self.centres) ** 2) * 4.0)
        cut = torch.where(
            near < 2.0, 0.5 * (torch.cos(near * math.pi / 2) + 1), torch.zeros_like(near)
        )
        mask = ~torch.eye(at.shape[1], dtype=torch.bool)
        return (self.fc(parts).squeeze(-1) * cut * mask).sum((1, 2))


class Losses(nn.Module):
    """A classifier that gives its losses."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x, target):
        y = self.fc(x)
        return {
            "cross_entropy": F.cross_entropy(y, target, label_smoothing=0.1),
            "nll": F.nll_loss(y.log_softmax(1), target, weight=torch.tensor([1.0, 2.0, 0.5])),
            "huber": F.smooth_l1_loss(y, torch.zeros_like(y), beta=0.5),
            "kl": F.kl_div(y.log_softmax(1), torch.full_like(y, 1 / 3), reduction="batchmean"),
            "accuracy": (y.argmax(1) == target).float().mean(),
        }


MODELS = {
    "dcgan_generator": (
        Generator,
        lambda: (torch.randn(2, 5, 1, 1),),
        {"z": {0: Dim("batch", max=16)}},
        False,
    ),
    "dcgan_discriminator": (Discriminator, lambda: (torch.randn(2, 3, 8, 8),), None, False),
    "dcgan_train": (Generator, lambda: (torch.randn(3, 5, 1, 1),), None, True),
    "vae": (
        Vae,
        lambda: (torch.randn(3, 6), torch.randn(3, 2)),
        {"x": {0: Dim("batch", max=16)}, "noise": {0: Dim("batch", max=16)}},
        False,
    ),
    "flow": (Flow, lambda: (torch.randn(3, 4),), {"x": {0: Dim("batch", max=16)}}, False),
    "diffusion": (
        Diffusion,
        lambda: (torch.randn(2, 1, 4, 4), torch.tensor([3, 70])),
        None,
        False,
    ),
    "vector_quantised": (VectorQuantised, lambda: (torch.randn(2, 4, 3),), None, False),
    "energy": (Energy, lambda: (torch.randn(2, 4, 3),), None, False),
    "losses": (Losses, lambda: (torch.randn(4, 4), torch.randint(0, 3, (4,))), None, False),
}

#!/usr/bin/env python3
"""Writes small models, and how torch.optim trains them: what tests of training compare with.

For each model NAME:
    NAME.pt2          its export, in training mode
    NAME.safetensors  in0, target            32 samples, gone through in order, 8 at a time
                      RECIPE/losses          f64[100]: the loss before each step, in double precision
                      RECIPE/losses32        the same in single precision
                      RECIPE/last.KEY        the state_dict after the last step, in double precision
                      RECIPE/spread, RECIPE/spread.KEY
                                             how far both come out otherwise when torch begins with weights that
                                             differ in the last bit: as far as it agrees with itself
    RECIPE is "OPTIMIZER SETTING=VALUE ...", with the words of isomer train. The metadata hold "loss" and torch's
    version.

torch computes on one thread, one tensor after the other (foreach=False).

usage: make_training.py FOLDER [NAME ...]
"""

import copy
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools"))
from make_models import Mlp, forget_paths

STEPS, SAMPLES, BATCH = 100, 32, 8
RECIPES = [
    "sgd lr=0.1",
    "sgd lr=0.05 momentum=0.9",
    "sgd lr=0.05 momentum=0.9 dampening=0.3 weight_decay=0.01",
    "sgd lr=0.05 momentum=0.9 nesterov=1",
    "adam lr=0.01",
    "adam lr=0.01 beta1=0.4 beta2=0.9 eps=0.0001 weight_decay=0.1",
    "adamw lr=0.01 weight_decay=0.1",
]


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)
        self.second = nn.Conv2d(3, 4, 3)
        self.classify = nn.Linear(4 * 2 * 2, 5)

    def forward(self, image):
        x = F.max_pool2d(F.relu(self.norm(self.first(image))), 2)
        return self.classify(torch.flatten(F.relu(self.second(x)), 1))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.place = nn.Parameter(torch.randn(5, 8) * 0.1)
        self.block = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
        self.out = nn.Linear(8, 8)

    def forward(self, x):
        return self.out(self.block(x + self.place))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.gates = nn.Linear(3 + 5, 4 * 5)
        self.out = nn.Linear(5, 2)

    def forward(self, x):
        hidden = x.new_zeros(x.shape[0], 5)
        cell = x.new_zeros(x.shape[0], 5)
        for step in range(x.shape[1]):
            i, f, g, o = self.gates(torch.cat([x[:, step], hidden], 1)).chunk(4, 1)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            hidden = torch.sigmoid(o) * torch.tanh(cell)
        return self.out(hidden)


def yes_or_no(shape):
    return (torch.rand(shape) < 0.5).float()


# Model, samples, targets, loss.
MODELS = {
    "mlp": (Mlp, (4,), lambda: torch.randint(0, 3, (SAMPLES,)), "cross_entropy"),
    "lenet": (LeNet, (1, 8, 8), lambda: torch.randint(0, 5, (SAMPLES,)), "cross_entropy"),
    "transformer": (Transformer, (5, 8), lambda: torch.randn(SAMPLES, 5, 8), "mse"),
    "lstm": (Lstm, (6, 3), lambda: yes_or_no((SAMPLES, 2)), "bce_with_logits"),
}
LOSSES = {
    "mse": F.mse_loss,
    "cross_entropy": F.cross_entropy,
    "bce_with_logits": F.binary_cross_entropy_with_logits,
}


def optimizer_of(recipe, parameters):
    name, *settings = recipe.split()
    values = {key: float(value) for key, value in (setting.split("=") for setting in settings)}
    if name == "sgd":
        values["nesterov"] = bool(values.pop("nesterov", 0))
    else:
        values["betas"] = (values.pop("beta1", 0.9), values.pop("beta2", 0.999))
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    return kind(parameters, foreach=False, **values)


def train(model, recipe, loss, x, target):
    optimizer = optimizer_of(recipe, model.parameters())
    losses = []
    for step in range(STEPS):
        rows = slice(step * BATCH % SAMPLES, step * BATCH % SAMPLES + BATCH)
        optimizer.zero_grad()
        value = LOSSES[loss](model(x[rows]), target[rows])
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return torch.tensor(losses, dtype=torch.float64)


def nudged(model):
    """The model in double precision, each weight moved by one unit in the last place, up or down."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        for weight in model.parameters():
            up = torch.rand(weight.shape) < 0.5
            weight.copy_(
                torch.nextafter(weight, torch.where(up, torch.inf, -torch.inf).to(weight.dtype))
            )
    return model


def distance(a, b):
    return ((a - b).abs() / b.abs().clamp(min=1)).max()


def record(folder, name):
    kind, shape, targets, loss = MODELS[name]
    torch.manual_seed(0)
    model = kind().train()
    x = torch.randn(SAMPLES, *shape)
    target = targets()
    exported = torch.export.export(copy.deepcopy(model), (x[:BATCH],))
    torch.export.save(forget_paths(exported, script=__file__), folder / f"{name}.pt2")
    tensors = {"in0": x, "target": target}
    wide = target.double() if target.is_floating_point() else target
    for recipe in RECIPES:
        double = copy.deepcopy(model).double()
        other = nudged(double)
        tensors[f"{recipe}/losses"] = train(double, recipe, loss, x.double(), wide)
        tensors[f"{recipe}/losses32"] = train(copy.deepcopy(model), recipe, loss, x, target)
        tensors[f"{recipe}/spread"] = distance(
            train(other, recipe, loss, x.double(), wide), tensors[f"{recipe}/losses"]
        )
        for key, value in double.state_dict().items():
            tensors[f"{recipe}/last.{key}"] = value
            tensors[f"{recipe}/spread.{key}"] = distance(
                other.state_dict()[key].double(), value.double()
            )
    save_file(tensors, folder / f"{name}.safetensors", {"loss": loss, "torch": torch.__version__})


def main(folder, *names):
    torch.set_num_threads(1)
    for name in names or MODELS:
        record(Path(folder), name)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__.strip().splitlines()[-1])
    main(*sys.argv[1:])

"""Training: a PyTorch model, written by isomer.

`load()` gives it with the weights of model.safetensors.

Takes:
    x: float32[s0, 2]
Gives:
    y: float32[s0, 3]
    loss: float32[]
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn


def _keep(module, name, value):
    """Makes a buffer something else: assigned, but while an export looks on, copied into."""
    if torch.compiler.is_exporting():
        getattr(module, name).copy_(value.detach())
    else:
        setattr(module, name, value.detach())


class Training(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))
        self.fc = nn.Linear(2, 3)
        self.norm = nn.BatchNorm1d(3, momentum=0.25)
        self.drop = nn.Dropout(p=0.25)

    def forward(self, x):
        y = self.drop(self.norm(self.fc(x)))
        total = y.sum()
        seen_next = self.seen * 0.5 + total
        loss = torch.log(seen_next)
        _keep(self, "seen", seen_next)
        return y, loss


def load(folder=Path(__file__).parent):
    """Gives the model, ready to run."""
    model = Training()
    tensors = load_file(Path(folder) / "model.safetensors")
    model.load_state_dict(tensors, strict=True)
    return model.train()


def example_inputs(s0=2):
    """Positional and keyword inputs of the right types and shapes."""
    return (torch.zeros(s0, 2),), {}

#!/usr/bin/env python3
"""Simple PyTorch to MDF: a network of three layers becomes a document that says what it computes."""

import torch
from commands import folder, isomer, need, verdict
from safetensors.torch import load_file, save_file
from torch import nn


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(12, 8)
        self.second = nn.Linear(8, 6)
        self.third = nn.Linear(6, 2)

    def forward(self, x):
        x = torch.relu(self.first(x))
        return torch.softmax(self.third(torch.tanh(self.second(x))), dim=1)


def main():
    folder()
    torch.manual_seed(0)
    model, x = Network().eval(), torch.randn(3, 12)
    torch.export.save(torch.export.export(model, (x,)), "simple.pt2")
    isomer("convert", "simple.pt2", "-o", "simple.json")
    isomer("show", "simple.json")
    save_file({"in0": x}, "x.safetensors")
    isomer("run", "simple.json", "--inputs", "x.safetensors", "-o", "y.safetensors")
    with torch.no_grad():
        close = torch.allclose(load_file("y.safetensors")["out0"], model(x))
    need("the document gives what PyTorch gives", close)
    verdict("simple.pt2", "simple.json")


if __name__ == "__main__":
    main()

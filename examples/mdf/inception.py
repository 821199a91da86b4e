#!/usr/bin/env python3
"""Inception blocks: branches of several sizes are joined, twice, and a second input comes in before the last layers."""

import torch
from commands import folder, isomer, need, verdict
from safetensors.torch import load_file, save_file
from torch import nn


class Inception(nn.Module):
    def __init__(self, inside, each):
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(inside, each, 1), nn.PReLU())
        self.three = nn.Sequential(
            nn.Conv2d(inside, each, 1), nn.PReLU(), nn.Conv2d(each, each, 3, padding=1), nn.PReLU()
        )
        self.five = nn.Sequential(
            nn.Conv2d(inside, each, 1), nn.PReLU(), nn.Conv2d(each, each, 5, padding=2), nn.PReLU()
        )
        self.pooled = nn.Sequential(
            nn.AvgPool2d(3, stride=1, padding=1), nn.Conv2d(inside, each, 1), nn.PReLU()
        )

    def forward(self, x):
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pooled(x)], dim=1)


class Network(nn.Module):
    """An image and one number about it."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 5, padding=2), nn.PReLU(), nn.AvgPool2d(2))
        self.blocks = nn.Sequential(Inception(8, 4), nn.AvgPool2d(2), Inception(16, 6))
        self.last = nn.Sequential(nn.Linear(24 * 16 + 1, 16), nn.PReLU(), nn.Linear(16, 5))

    def forward(self, image, fact):
        flat = torch.flatten(self.blocks(self.stem(image)), 1)
        return torch.softmax(self.last(torch.cat([flat, fact], dim=1)), dim=1)


def main():
    folder()
    torch.manual_seed(0)
    model, image, fact = Network().eval(), torch.randn(2, 3, 16, 16), torch.rand(2, 1)
    torch.export.save(torch.export.export(model, (image, fact)), "inception.pt2")
    isomer("convert", "inception.pt2", "-o", "inception.json")
    save_file({"in0": image, "in1": fact}, "images.safetensors")
    isomer("run", "inception.json", "--inputs", "images.safetensors", "-o", "classes.safetensors")
    with torch.no_grad():
        difference = (load_file("classes.safetensors")["out0"] - model(image, fact)).abs().max()
    need(f"the document is {difference:.1e} from PyTorch", difference < 1e-6)
    verdict("inception.pt2", "inception.json", "--effort", "quick")


if __name__ == "__main__":
    main()

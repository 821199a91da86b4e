#!/usr/bin/env python3
"""A drift-diffusion model in both directions.

Evidence drifts and diffuses until it reaches a threshold; when it did, and on which side, is the answer. As a document
it is a state that steps, and becomes PyTorch source that steps; as a PyTorch program it is a loop over the noise, and
becomes a document. All four give the same reaction times for the same noise.
"""

import csv
import json

import numpy as np
import torch
from commands import folder, isomer, need, verdict
from safetensors.torch import load_file, save_file
from torch import nn

TRIALS, STEPS, DT = 6, 60, 0.01
DRIFT, THRESHOLD, NOISE = 1.2, 0.6, 1.0


def document():
    trials = {
        "input_ports": {"noise": {"shape": [TRIALS], "type": "float"}},
        "parameters": {
            "drift": {"value": DRIFT},
            "threshold": {"value": THRESHOLD},
            "diffusion": {"value": NOISE * DT**0.5},
            "x": {
                "default_initial_value": [0.0] * TRIALS,
                "value": "x + numpy.where(numpy.abs(x) < threshold, drift*0.01 + diffusion*noise, 0.0)",
            },
            "time": {
                "default_initial_value": [0.0] * TRIALS,
                "value": "time + numpy.where(numpy.abs(x) < threshold, 0.01, 0.0)",
            },
        },
        "output_ports": {"reaction": {"value": "numpy.sign(x) * time"}},
    }
    graph = {"nodes": {"trials": trials}, "edges": {}}
    return {"drift_diffusion": {"format": "ModECI MDF v0.4", "graphs": {"trials": graph}}}


class DriftDiffusion(nn.Module):
    def __init__(self):
        super().__init__()
        self.drift = nn.Parameter(torch.tensor(DRIFT, dtype=torch.float64))

    def forward(self, noise):
        x = torch.zeros_like(noise[0])
        time = torch.zeros_like(noise[0])
        for step in range(STEPS):
            running = x.abs() < THRESHOLD
            x = x + torch.where(running, self.drift * DT + NOISE * DT**0.5 * noise[step], 0.0)
            time = time + torch.where(x.abs() < THRESHOLD, DT, 0.0)
        return torch.sign(x) * time


def main():
    folder()
    noise = torch.tensor(np.random.default_rng(0).standard_normal((STEPS, TRIALS)))
    model = DriftDiffusion().eval()
    with torch.no_grad():
        wanted = model(noise)
    print("PyTorch: ", wanted.numpy().round(2))

    with open("ddm.json", "w") as file:
        json.dump(document(), file, indent=1)
    save_file({"noise": noise}, "noise.safetensors")
    run = ["run", "ddm.json", "--steps", STEPS, "--inputs", "noise.safetensors"]
    isomer(*run, "--record", "ddm.csv", "--plot", "ddm.svg")
    with open("ddm.csv", newline="") as file:
        last = list(csv.DictReader(file))[-1]
    found = np.array([float(last[f"trials.reaction[{i}]"]) for i in range(TRIALS)])
    need("the document that steps gives the same", np.allclose(found, wanted, atol=1e-12))
    isomer("convert", "ddm.json", "-o", "ddm.py")
    verdict("ddm.json", "ddm.py")

    torch.export.save(torch.export.export(model, (noise,)), "loop.pt2")
    isomer("convert", "loop.pt2", "-o", "loop.json")
    save_file({"in0": noise}, "all_noise.safetensors")
    isomer("run", "loop.json", "--inputs", "all_noise.safetensors", "-o", "times.safetensors")
    times = load_file("times.safetensors")["out0"]
    need("the document of the loop, too", torch.allclose(times, wanted, atol=1e-6))
    isomer("convert", "loop.json", "-o", "loop.py")
    verdict("loop.json", "loop.py", "--effort", "quick")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""FitzHugh-Nagumo: a document runs over time and is plotted; as PyTorch source it steps the same way."""

import csv
import shutil
from pathlib import Path

import numpy as np
from commands import folder, isomer, need, verdict

STEPS, DT = 2000, 0.05


def by_hand():
    v, w = -1.0, 0.0
    for _ in range(STEPS - 1):
        v = v + DT * (v - v**3 / 3 - w + 0.5)  # w's rate sees the new v, as the format has it
        w = w + DT * (0.08 * (v + 0.7 - 0.8 * w))
    return v, w


def main():
    document = Path(__file__).with_name("fitzhugh_nagumo.yaml")
    folder()
    shutil.copyfile(document, "fn.yaml")
    run = ["run", "fn.yaml", "--steps", STEPS, "--dt", DT]
    isomer(*run, "--record", "fn.csv", "--plot", "fn.svg")
    with open("fn.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    v = np.array([float(row["cell.v"]) for row in rows])
    spikes = int(np.sum((v[1:] > 1) & (v[:-1] <= 1)))
    need(f"the cell fires {spikes} times", spikes >= 2)
    need("the last step is that by hand", abs(v[-1] - by_hand()[0]) < 1e-9)
    isomer("convert", "fn.yaml", "-o", "fn.py")
    verdict("fn.yaml", "fn.py")


if __name__ == "__main__":
    main()

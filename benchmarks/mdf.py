#!/usr/bin/env python3
"""Compares running MDF documents with the real modeci_mdf, and convolutions with eager PyTorch.

All sides run the same document, each in a process of its own on the same single core, in turn. A step's cost is the
slope between N and 10 N evaluations in one process, so that loading counts for nothing. Printed are the median of the
repetitions in microseconds of processor time, the interval in which half of them lie, and the ratio of the medians
beside the goal. Then: cost of a step by the number of nodes, and loading a document beside a bare parse of its text.

usage: mdf.py BENCH_DOCUMENT ISOMER REFERENCE_PYTHON [--repetitions N] [--only WORD]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import documents
import torch
from safetensors.torch import save_file
from torch import nn

WARM_UP = 2

# Name, document, evaluations by modeci_mdf and by isomer, wanted ratio.
SMALL = [
    ("states", documents.states(), 20, 2000, 200),
    ("fitzhugh-nagumo", documents.fitzhugh_nagumo(), 20, 2000, 200),
    ("newton cooling", documents.newton_cooling(), 20, 2000, 200),
    ("integrate-and-fire 10", documents.integrate_and_fire(10), 10, 500, 200),
    ("integrate-and-fire 100", documents.integrate_and_fire(100), 5, 200, 200),
    ("integrate-and-fire 1000", documents.integrate_and_fire(1000), 1, 20, 200),
    ("abcd with conditions", documents.abcd(), 5, 500, 200),
]


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 10),
    )


def tower():
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.ReLU(),
    )


class Residual(nn.Module):
    def __init__(self, channels=16):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x):
        return torch.relu(x + self.second(torch.relu(self.norm(self.first(x)))))


# Name, model, shape of its input, evaluations.
CONVOLUTIONS = [
    ("lenet", lenet, (1, 1, 28, 28), 20),
    ("residual block", Residual, (1, 16, 32, 32), 20),
    ("six convolutions", tower, (1, 3, 112, 112), 2),
]


class Side:
    """A program that is asked by lines for evaluations, on one core."""

    def __init__(self, name, *command):
        self.name = name
        self.child = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )

    def ask(self, what):
        """Seconds of the processor, and the sum of the outputs where there are some."""
        print(what, file=self.child.stdin, flush=True)
        answer = self.child.stdout.readline().split()
        if not answer:
            sys.exit(f"{self.name} ended when asked for {what}")
        return [float(word) for word in answer[1:]]

    def close(self):
        self.child.stdin.close()
        self.child.wait()


class Eager:
    name = "PyTorch"

    def __init__(self, model, x):
        self.model, self.x = model, x

    def ask(self, evaluations):
        begin = time.process_time()
        with torch.no_grad():
            for _ in range(evaluations):
                y = self.model(self.x)
        return time.process_time() - begin, y.double().sum().item()

    def close(self):
        pass


def slopes(sides, repetitions):
    """Microseconds of an evaluation in each repetition, for each pair of a side and its N."""
    sums = [side.ask(1)[1] for side, _ in sides]
    for (side, _), total in zip(sides[1:], sums[1:]):
        if abs(total - sums[0]) > 1e-4 * max(1.0, abs(total)):
            sys.exit(f"{sides[0][0].name} gives {sums[0]} where {side.name} gives {total}")
    found = [[] for _ in sides]
    for repetition in range(WARM_UP + repetitions):
        for (side, count), slope in zip(sides, found):
            few, many = side.ask(count)[0], side.ask(10 * count)[0]
            if repetition >= WARM_UP:
                slope.append(1e6 * (many - few) / (9 * count))
    for side, _ in sides:
        side.close()
    return found


def text(times):
    low, middle, high = statistics.quantiles(times, n=4)
    return f"{middle:10.2f} ({low:.2f} to {high:.2f})"


def verdict(ratio, goal, least):
    met = ratio >= goal if least else ratio <= goal
    return f"{ratio:8.2f}  goal: {'at least' if least else 'at most'} {goal}{'' if met else '  MISSED'}"


def compare_small(given, folder):
    print(f"{'document':<24} {'isomer':<32} {'modeci_mdf':<36} ratio")
    for name, tree, theirs, ours, goal in SMALL:
        if given.only not in name:
            continue
        path = folder / "document.json"
        path.write_text(json.dumps(tree))
        sides = [
            (Side("isomer", given.bench, path), ours),
            (Side("modeci_mdf", given.python, reference(), path), theirs),
        ]
        mine, other = slopes(sides, given.repetitions)
        ratio = statistics.median(other) / statistics.median(mine)
        print(
            f"{name:<24} {text(mine):<32} {text(other):<36} {verdict(ratio, goal, True)}",
            flush=True,
        )


def reference():
    return Path(__file__).with_name("mdf_reference.py")


def compare_convolutions(given, folder):
    print(f"\n{'convolutions':<18} {'isomer, torch engine':<32} {'modeci_mdf':<36} {'PyTorch':<32}")
    for name, make, shape, count in CONVOLUTIONS:
        if given.only not in name:
            continue
        torch.manual_seed(1)
        model, x = make().eval(), torch.randn(shape)
        torch.export.save(torch.export.export(model, (x,)), folder / "net.pt2")
        save_file({"in0": x}, folder / "in.safetensors")
        document, inputs = folder / "net.json", folder / "in.safetensors"
        command = [given.isomer, "convert", folder / "net.pt2", "-o", document, "--to", "mdf"]
        subprocess.run(command, check=True, capture_output=True)
        sides = [
            (Side("isomer", given.bench, document, "torch", inputs), count),
            (Side("modeci_mdf", given.python, reference(), document, inputs), count),
            (Eager(model, x), count),
        ]
        mine, other, eager = slopes(sides, given.repetitions)
        document.unlink()
        middle = statistics.median
        print(f"{name:<18} {text(mine):<32} {text(other):<36} {text(eager):<32}")
        print(f"  to modeci_mdf {verdict(middle(other) / middle(mine), 3, True)}")
        print(f"  to PyTorch    {verdict(middle(mine) / middle(eager), 1.2, False)}", flush=True)


def measure_growth(given, folder):
    print("\nmicroseconds of a step for each node, of nodes in a row")
    lengths, costs = (1_000, 10_000, 100_000), []
    for length in lengths:
        path = folder / "chain.json"
        path.write_text(json.dumps(documents.chain(length)))
        count = max(1, 20_000 // length)
        (mine,) = slopes([(Side("isomer", given.bench, path), count)], given.repetitions)
        costs.append(statistics.median(mine) / length)
        print(f"{length:>8} {text([cost / length for cost in mine])}", flush=True)
    # The smallest alone fits into the caches.
    print(f"  the two largest {verdict(costs[2] / costs[1], 1.25, False)}")


def measure_loading(given, folder):
    print("\nmilliseconds to load a document")
    for name, tree in (
        ("many nodes", documents.chain(200_000)),
        ("large weights", documents.layers(10, 500)),
    ):
        path = folder / "large.json"
        path.write_text(json.dumps(tree))
        side = Side("isomer", given.bench, path)
        times = {what: [] for what in ("parse", "load", "prepare")}
        for _ in range(given.repetitions):
            for what in times:
                times[what].append(1e3 * side.ask(what)[0])
        side.close()
        print(f"{name}, {path.stat().st_size / 1e6:.0f} MB")
        for what, found in times.items():
            print(f"  {what:<8} {text(found)}")
        ratio = statistics.median(times["load"]) / statistics.median(times["parse"])
        print(f"  load to parse {verdict(ratio, 3, False)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench", type=Path)
    parser.add_argument("isomer", type=Path)
    parser.add_argument("python", type=Path)
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--only", default="", help="of the documents those whose name has this")
    given = parser.parse_args()
    torch.set_num_threads(1)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(f"microseconds of processor for an evaluation, {given.repetitions} repetitions in turn")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare_small(given, folder)
        compare_convolutions(given, folder)
        if not given.only or given.only in "growth":
            measure_growth(given, folder)
        if not given.only or given.only in "loading":
            measure_loading(given, folder)


if __name__ == "__main__":
    main()

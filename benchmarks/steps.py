#!/usr/bin/env python3
"""Compares a step of `isomer train` with one of eager PyTorch, on the torch engine and the same number of threads.

Both sides train the same exported model, with the same losses to show for it, and are measured in turn: an epoch of
ours, an epoch of theirs. Ours takes its batches out of the samples, checks each loss and keeps it; theirs is forward,
loss, backward, optimizer.step and zero_grad on batches that lie ready. Printed are the median of the repetitions, the
interval in which half of them lie, and the ratio of the medians.

usage: steps.py BENCH_STEP [REPETITIONS]
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

BATCH = 128


class LogisticRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(784, 10)

    def forward(self, x):
        return self.linear(x)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classify = nn.Sequential(
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, 10),
        )

    def forward(self, x):
        return self.classify(self.features(x))


# Name, model, shape of a sample, batches in an epoch.
MODELS = [
    ("logistic regression", LogisticRegression, (784,), 50),
    ("lenet", LeNet, (1, 28, 28), 5),
]


class Ours:
    def __init__(self, program, folder, name, threads):
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        self.child = subprocess.Popen(
            [program, folder, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def epoch(self):
        print("go", file=self.child.stdin, flush=True)
        return [float(word) for word in self.child.stdout.readline().split()]

    def close(self):
        self.child.stdin.close()
        self.child.wait()


class Theirs:
    def __init__(self, model, x, target):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        self.batches = list(zip(x.split(BATCH), target.split(BATCH)))

    def epoch(self):
        begin = time.perf_counter()
        for x, target in self.batches:
            loss = F.cross_entropy(self.model(x), target)
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad()
        return (time.perf_counter() - begin) / len(self.batches), loss.item()


def compare(program, folder, model, x, target, threads, repetitions):
    """Seconds of a step in each repetition, ours and theirs."""
    torch.set_num_threads(threads)
    ours, theirs = Ours(program, folder, "model", threads), Theirs(model, x, target)
    times = []
    for i in range(repetitions + 3):  # the first ones only warm up
        (our_seconds, our_loss), (their_seconds, their_loss) = ours.epoch(), theirs.epoch()
        if abs(our_loss - their_loss) > 1e-4 * abs(their_loss):
            sys.exit(
                f"the sides do not train alike: after epoch {i + 1} the losses are {our_loss} and {their_loss}"
            )
        times.append((our_seconds, their_seconds))
    ours.close()
    return zip(*times[3:])


def text(seconds):
    low, middle, high = (1e6 * q for q in statistics.quantiles(seconds, n=4))
    return f"{middle:9.1f} ({low:.1f} to {high:.1f})"


def main():
    program = sys.argv[1]
    repetitions = int(sys.argv[2]) if len(sys.argv) > 2 else 25
    print(
        f"microseconds of a step, batches of {BATCH}: median and quartiles of {repetitions} epochs in turn"
    )
    print(f"{'model':<20} {'threads':>7}  {'isomer train':<30} {'eager PyTorch':<30} {'ratio':>5}")
    for name, make, shape, batches in MODELS:
        for threads in sorted({1, os.cpu_count()}):
            torch.manual_seed(1)
            model = make()
            x, target = torch.randn(BATCH * batches, *shape), torch.randint(10, (BATCH * batches,))
            with tempfile.TemporaryDirectory() as folder:
                torch.export.save(torch.export.export(model, (x[:BATCH],)), f"{folder}/model.pt2")
                save_file({"x": x, "target": target}, f"{folder}/data.safetensors")
                ours, theirs = compare(program, folder, model, x, target, threads, repetitions)
            ratio = statistics.median(ours) / statistics.median(theirs)
            print(
                f"{name:<20} {threads:>7}  {text(ours):<30} {text(theirs):<30} {ratio:5.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Compares a proof with what its model costs anyway: forward and backward of PyTorch in double precision.

Proved are a residual network of 18 layers on images of 64 by 64 and a transformer of six layers, as written into
PyTorch source and into an MDF document, which are the same graphs, and as source in which one scale differs by 1e-9
relative, which no graph excuses. The measure is (the proof - starts of Python) / (forward + backward), the budget 15
times and 3 s for the same graph, 60 times and 6 s otherwise. Memory is that of all processes together at its peak,
less that of a proof of a single layer, in sizes of the weights.

usage: prove.py ISOMER [NAME ...]     names: resnet, transformer
"""

import itertools
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

BUDGETS = {True: (15, 3), False: (60, 6)}


class Block(nn.Module):
    def __init__(self, into, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.down = None
        if stride != 1 or into != out:
            self.down = nn.Sequential(
                nn.Conv2d(into, out, 1, stride=stride, bias=False), nn.BatchNorm2d(out)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.down is None else self.down(x)))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(64), nn.ReLU()
        )
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        widths = [64, 64, 64, 128, 128, 256, 256, 512, 512]
        self.blocks = nn.Sequential(
            *(Block(a, b, 1 if a == b else 2) for a, b in itertools.pairwise(widths))
        )
        self.fc = nn.Linear(512, 1000)

    def forward(self, x):
        return self.fc(self.blocks(self.pool(self.stem(x))).mean((2, 3)))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1000, 256)
        layer = nn.TransformerEncoderLayer(
            256, 4, 1024, dropout=0.0, activation="gelu", batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
        self.fc = nn.Linear(256, 1000)

    def forward(self, ids):
        return self.fc(self.layers(self.embed(ids)))


MODELS = {
    "resnet": (ResNet, lambda: torch.randn(2, 3, 64, 64)),
    "transformer": (Transformer, lambda: torch.randint(0, 1000, (2, 32))),
}


def descendants(pid):
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += [int(word) for word in task.read_text().split()]
            except OSError:
                continue
    return found


def memory(pid):
    """Bytes of a process and all below it; what they share counts once."""
    total = 0
    for one in descendants(pid):
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue
        total += 1024 * int(re.search(r"^Pss: +(\d+)", text, re.M).group(1))
    return total


def measured(command):
    """Seconds and the most bytes at once of a command, and what it said."""
    begin = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peak = [0]

    def watch():
        while process.poll() is None:
            peak[0] = max(peak[0], memory(process.pid))
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    said = process.communicate()[0]
    watcher.join()
    return time.monotonic() - begin, peak[0], said.splitlines()[0] if said else "nothing said"


def plain(module, x, repetitions=5):
    """Seconds of forward and backward in double precision: the least of some."""
    module = module.double()
    x = x.double() if x.is_floating_point() else x
    times = []
    for _ in range(repetitions):
        begin = time.monotonic()
        module(x).sum().backward()
        times.append(time.monotonic() - begin)
    return min(times)


def starts_of_python():
    """Seconds to start a Python that has loaded torch."""
    times = []
    for _ in range(3):
        begin = time.monotonic()
        subprocess.run([sys.executable, "-c", "import torch"], check=True)
        times.append(time.monotonic() - begin)
    return min(times)


def convert(isomer, source, copy):
    copy.parent.mkdir(exist_ok=True)
    subprocess.run([isomer, "convert", source, "-o", copy], check=True, capture_output=True)
    return copy


def changed(copy):
    """The same source with one number a billionth off, so that nothing but running can excuse it."""
    folder = copy.parent / f"changed-{copy.stem}"
    folder.mkdir()
    for file in copy.parent.glob("*.safetensors"):
        os.link(file, folder / file.name)
    text, count = re.subn(r"return (self\.fc\(.*\))", r"return \1 * (1 + 1e-9)", copy.read_text())
    assert count == 1, "the source returns something else"
    (folder / copy.name).write_text(text)
    return folder / copy.name


def export(module, x, path):
    torch.export.save(torch.export.export(module.eval(), (x,)), path)
    return path


def bench(isomer, name, folder, start, least):
    make, inputs = MODELS[name]
    torch.manual_seed(0)
    module, x = make(), inputs()
    source = export(module, x, folder / f"{name}.pt2")
    weights = sum(p.numel() * p.element_size() for p in module.state_dict().values())
    both_ways = plain(module, x)
    print(f"{name}: {weights / 1e6:.0f} MB, forward and backward in {both_ways:.2f} s")
    within = True
    written = convert(isomer, source, folder / "py" / f"{name}.py")
    document = convert(isomer, source, folder / "json" / f"{name}.json")
    # A Python for each precision.
    sides = [(written, 2, True), (document, 0, True), (changed(written), 2, False)]
    for copy, pythons, same in sides:
        seconds, peak, said = measured([isomer, "prove", source, copy])
        times, extra = BUDGETS[same]
        own = seconds - pythons * start
        above = peak - least
        fits = own <= times * both_ways + extra and above <= 6 * weights + 2e8
        within &= fits
        print(
            f"  {copy.relative_to(folder)}: {seconds:.1f} s, {own / both_ways:.0f} times "
            f"(budget {times} and {extra} s), {peak / 1e9:.2f} GB, {above / weights:.1f} weights (budget 6 and 0.2 GB)"
            f"{'' if fits else '  OVER'}\n    {said}"
        )
    return within


def main():
    isomer = Path(sys.argv[1]).resolve()
    start = starts_of_python()
    print(f"a start of Python with torch: {start:.2f} s")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        single = export(nn.Linear(4, 4), torch.randn(2, 4), folder / "single.pt2")
        least = measured([isomer, "prove", single, convert(isomer, single, folder / "single.py")])
        print(f"a proof of one layer: {least[0]:.1f} s, {least[1] / 1e9:.2f} GB")
        within = [bench(isomer, one, folder, start, least[1]) for one in sys.argv[2:] or MODELS]
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())

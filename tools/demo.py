"""The main job of Isomer, on a real model.

Trains a small convolutional network on 1,437 of scikit-learn's handwritten digits and exports it
with torch.export. Isomer turns the export into PyTorch source and into an MDF document; the
original and both results classify the 360 digits that were held out, and Isomer proves that they
are the same model: outputs and gradients. Everything lies in build/demo afterwards.
"""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

ROOT = Path(__file__).resolve().parent.parent
ISOMER = "build/release/isomer"
FOLDER = Path("build/demo")  # all paths are relative to ROOT, so that the commands can be copied


class Digits(nn.Module):
    """Two convolutions and two linear layers."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Dropout(0.25), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
        )

    def forward(self, images):
        return self.classifier(self.features(images))


class Steps:
    """Names each step as it begins and keeps how long it took."""

    def __init__(self):
        self.times = []

    @contextlib.contextmanager
    def step(self, title):
        print(f"\n== {title} ==", flush=True)
        begin = time.perf_counter()
        yield
        self.times.append((title, time.perf_counter() - begin))


def load():
    """Images in [0, 1] and labels: training part, held-out part."""
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    labels = torch.tensor(digits.target)
    parts = train_test_split(images, labels, test_size=0.2, stratify=labels, random_state=0)
    return parts[0], parts[2], parts[1], parts[3]


def train(model, images, labels, epochs=15, batch=64):
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    model.train()
    for epoch in range(1, epochs + 1):
        total = 0.0
        for chosen in torch.randperm(len(images)).split(batch):
            loss = nn.functional.cross_entropy(model(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(chosen)
        end = "\r" if sys.stdout.isatty() and epoch < epochs else "\n"
        if sys.stdout.isatty() or epoch in (1, epochs):
            print(
                f"epoch {epoch:2d} of {epochs}: loss {total / len(images):.4f}", end=end, flush=True
            )


def export(model, images, path):
    """The program of the trained network, for any number of images."""
    batch = torch.export.Dim("batch", min=1, max=4096)
    program = torch.export.export(
        model.eval(), (images[:4],), dynamic_shapes={"images": {0: batch}}
    )
    torch.export.save(program, path)


def isomer(*words):
    """Runs the program as a reader would, and shows it. Returns whether its answer is yes."""
    command = [ISOMER, *map(str, words)]
    print("$ " + " ".join(command), flush=True)
    code = subprocess.run(command).returncode
    if code not in (0, 1, 5):  # answers: "not equivalent", "not proved"
        sys.exit(f"demo: {ISOMER} ended with {code}")
    return code == 0


def compare(outputs, labels):
    """Prints a row per way of running; returns whether all agree in accuracy."""
    expected = next(iter(outputs.values()))
    accuracies = []
    print(f"\n{'run by':<44} {'accuracy':>16} {'largest difference':>19}")
    for name, output in outputs.items():
        right = int((output.argmax(1) == labels).sum())
        accuracies.append(right)
        accuracy = f"{right}/{len(labels)} = {100 * right / len(labels):.2f} %"
        print(f"{name:<44} {accuracy:>16} {(output - expected).abs().max().item():>19.2g}")
    print(f"(the largest output is {expected.abs().max().item():.3g})")
    return len(set(accuracies)) == 1


def main():
    torch.manual_seed(0)
    source, document = FOLDER / "pytorch/digits.py", FOLDER / "mdf/digits.json"
    for folder in (source.parent, document.parent):
        folder.mkdir(parents=True, exist_ok=True)
    original, held_out = FOLDER / "digits.pt2", FOLDER / "held_out.safetensors"
    steps, model = Steps(), Digits()

    with steps.step("train on real digits, with PyTorch"):
        images, labels, test_images, test_labels = load()
        train(model, images, labels)
    with steps.step("export"):
        export(model, images, original)
        save_file({"in0": test_images.contiguous()}, held_out)
        print(f"{original}: {original.stat().st_size:,} bytes")
    with steps.step("look at it"):
        isomer("show", original)
    with steps.step("convert to PyTorch source"):
        isomer("convert", original, "-o", source)
    with steps.step("convert to MDF"):
        isomer("convert", original, "-o", document)

    with torch.no_grad():
        outputs = {"the network that was trained, PyTorch": model.eval()(test_images)}
    runs = [
        ("the export, libtorch engine", original, "torch"),
        ("the export, reference engine", original, "reference"),
        ("the PyTorch source", source, None),
        ("the MDF document, by MDF's own rules", document, None),
    ]
    for name, file, engine in runs:
        with steps.step(f"run {name}"):
            result = FOLDER / f"{file.parent.name}_{engine or 'own'}_outputs.safetensors"
            choice = ["--engine", engine] if engine else []
            isomer("run", file, "--inputs", held_out, *choice, "-o", result)
            outputs[name] = load_file(result)["out0"]

    proved = {}
    for name, file in (("the PyTorch source", source), ("the MDF document", document)):
        with steps.step(f"prove {name}"):
            report = file.with_suffix(".proof.json")
            proved[name] = isomer("prove", original, file, "--inputs", held_out, "--json", report)

    print(f"\n== results on {len(test_labels)} digits that were held out ==")
    same = compare(outputs, test_labels)
    for name, verdict in proved.items():
        print(f"{name} and the export: {'EQUIVALENT' if verdict else 'NOT EQUIVALENT'}")
    print("\nseconds  step")
    for title, seconds in steps.times:
        print(f"{seconds:7.2f}  {title}")
    print(f"\nAll files are in {FOLDER}; the commands above, after '$', work by hand.")
    if not same or not all(proved.values()):
        sys.exit("demo: the results are NOT all the same")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()

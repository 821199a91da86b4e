#!/usr/bin/env python3
"""Converts the test models, breaks each copy a little, and asserts that `isomer prove` notices.

An unbroken copy must be EQUIVALENT (exit 0); a broken one must be NOT EQUIVALENT (exit 1), and no
other exit code will do: a copy that no longer loads proves nothing about the proof.

usage: mutants.py ISOMER MODELS
    ISOMER    the program
    MODELS    the folder of tests/data/models
"""

import json
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# -- edits: each changes the files of a converted model, and fails when it finds nothing to change ---------------------


def text(suffix, pattern, replacement, count=1):
    """Replaces the first `count` matches in the file of that suffix."""

    def edit(stem):
        path = stem.with_suffix(suffix)
        changed, found = re.subn(pattern, replacement, path.read_text(), count=count)
        assert found > 0, f"nothing in {path} is like {pattern}"
        path.write_text(changed)

    return edit


def tensors(change):
    """Rewrites the safetensors file: `change` gets every float32 tensor by name, as lists, and alters them in place."""

    def edit(stem):
        (path,) = stem.parent.glob(stem.name + "*.safetensors")
        data = path.read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8 : 8 + size])
        body = bytearray(data[8 + size :])
        values = {}
        for name, entry in header.items():
            if name != "__metadata__" and entry["dtype"] == "F32":
                begin, end = entry["data_offsets"]
                values[name] = list(struct.unpack(f"<{(end - begin) // 4}f", body[begin:end]))
        change(values)
        for name, floats in values.items():
            begin, end = header[name]["data_offsets"]
            body[begin:end] = struct.pack(f"<{len(floats)}f", *floats)
        path.write_bytes(data[: 8 + size] + bytes(body))

    return edit


def scale(name, factor):
    def change(values):
        values[name] = [factor * v for v in values[name]]

    return tensors(change)


def nudge(name, index, amount):
    """One element of a weight."""

    def change(values):
        values[name][index] += amount

    return tensors(change)


def exchange(a, b):
    def change(values):
        values[a], values[b] = values[b], values[a]

    return tensors(change)


def next_float(path_suffix, pattern):
    """Changes the last digit of a number in a text: the smallest difference that can be written."""

    def edit(stem):
        path = stem.with_suffix(path_suffix)
        found = re.search(pattern, path.read_text())
        assert found, f"nothing in {path} is like {pattern}"
        number = found.group(1)
        last = "1" if number[-1] != "1" else "2"
        content = path.read_text()
        path.write_text(content[: found.end(1) - 1] + last + content[found.end(1) :])

    return edit


def both(*edits):
    def edit(stem):
        for one in edits:
            one(stem)

    return edit


# Forward it is tanh, backward it is nothing.
NO_BACKWARD = """

class Tanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.tanh(x)

    @staticmethod
    def backward(ctx, g):
        raise NotImplementedError("no way back")


class Mlp("""


@dataclass
class Mutant:
    model: str
    target: str  # the extension to convert to
    what: str
    edit: Callable[[Path], None]


MUTANTS = [
    Mutant("multi_io", ".py", "a key of the results renamed", text(".py", '"sum":', '"total":')),
    Mutant(
        "mlp",
        ".py",
        "a backward that fails",
        both(
            text(".py", r"torch\.tanh\(", "Tanh.apply("),
            text(".py", r"\n\nclass Mlp\(", NO_BACKWARD),
        ),
    ),
    Mutant(
        "mlp",
        ".py",
        "a frozen weight in a program that does not say its types",
        both(
            text(".py", "def example_inputs", "def nothing"),
            text(
                ".py",
                r"    model = Mlp\(\)",
                "    model = Mlp()\n    model.out.weight.requires_grad_(False)",
            ),
        ),
    ),
    # Our own text form.
    Mutant("mlp", ".isomer", "a whole weight times 1.01", scale("hidden.weight", 1.01)),
    Mutant(
        "mlp",
        ".isomer",
        "an operator: tanh becomes sigmoid",
        text(".isomer", r"= tanh\(", "= sigmoid("),
    ),
    Mutant(
        "mlp",
        ".isomer",
        "the last digit of one bias",
        next_float(".isomer", r'"out.bias" = \[(-?[\d.]+)'),
    ),
    Mutant(
        "lenet",
        ".isomer",
        "eps 1e-5 becomes 1e-3",
        text(".isomer", r"(= batch_norm\([^)]*)\)", r"\1, eps=0.001)"),
    ),
    Mutant(
        "lenet",
        ".isomer",
        "one relu becomes leaky",
        text(".isomer", r"= relu\((\w+)\)", r"= leaky_relu(\1)"),
    ),
    Mutant(
        "lenet",
        ".isomer",
        "a running mean and variance swapped",
        text(
            ".isomer",
            r"features_1_running_mean, features_1_running_var\)",
            "features_1_running_var, features_1_running_mean)",
        ),
    ),
    Mutant(
        "residual",
        ".isomer",
        "a shortcut left out",
        text(".isomer", r"add\(batch_norm_4, batch_norm_2\)", "add(batch_norm_4, batch_norm_4)"),
    ),
    Mutant(
        "residual",
        ".isomer",
        "one element of a kernel by a millionth",
        nudge("blocks.1.conv2.weight", 100, 1e-6),
    ),
    Mutant(
        "autoencoder",
        ".isomer",
        "a dropped output",
        text(".isomer", r"-> \(sigmoid, conv2d_1\)", "-> (sigmoid)"),
    ),
    Mutant(
        "autoencoder",
        ".isomer",
        "outputs of another value",
        text(".isomer", r"-> \(sigmoid, conv2d_1\)", "-> (conv_transpose2d_1, conv2d_1)"),
    ),
    Mutant(
        "encoder_layer",
        ".isomer",
        "gelu becomes its tanh form",
        text(".isomer", r"= gelu\((\w+)\)", r"= gelu(\1, approximate='tanh')"),
    ),
    Mutant(
        "encoder_layer",
        ".isomer",
        "query and key swapped with value kept",
        text(".isomer", r"attention\(view_3, view_4, view_5", "attention(view_4, view_3, view_5"),
    ),
    Mutant(
        "encoder_layer",
        ".isomer",
        "attention made causal",
        text(".isomer", r"(attention\(view_3, view_4, view_5, none)\)", r"\1, is_causal=true)"),
    ),
    Mutant(
        "attention",
        ".isomer",
        "operands of a division swapped",
        text(".isomer", r"div\(matmul, 2\.0\)", "div(2.0, matmul)"),
    ),
    Mutant(
        "attention",
        ".isomer",
        "a scale off by a thousandth",
        text(".isomer", r"div\(matmul, 2\.0\)", "div(matmul, 2.002)"),
    ),
    Mutant(
        "multi_io",
        ".isomer",
        "operands of a subtraction swapped",
        text(".isomer", r"sub\(extra_0, extra_1\)", "sub(extra_1, extra_0)"),
    ),
    # PyTorch source.
    Mutant("lenet", ".py", "a whole weight times 1.01", scale("classify.weight", 1.01)),
    Mutant(
        "lenet",
        ".py",
        "max pooling becomes average pooling",
        text(".py", r"nn\.MaxPool2d\(2\)", "nn.AvgPool2d(2)"),
    ),
    Mutant(
        "lenet",
        ".py",
        "eps 1e-5 becomes 1e-3",
        text(".py", r"nn\.BatchNorm2d\(4\)", "nn.BatchNorm2d(4, eps=1e-3)"),
    ),
    Mutant(
        "lenet",
        ".py",
        "circular padding",
        text(".py", r"3, padding=1\)", '3, padding=1, padding_mode="circular")'),
    ),
    Mutant(
        "residual", ".py", "one element of a kernel by a millionth", nudge("stem.weight", 7, 1e-6)
    ),
    Mutant(
        "autoencoder",
        ".py",
        "a dropped output",
        text(".py", r"return self\.decoder\(conv2d\), conv2d", "return self.decoder(conv2d)"),
    ),
    Mutant(
        "autoencoder",
        ".py",
        "relu becomes leaky",
        text(".py", r"nn\.ReLU\(\)", "nn.LeakyReLU(0.01)"),
    ),
    Mutant(
        "encoder_layer",
        ".py",
        "query and key swapped",
        text(".py", r"attention\(view, view_1, view_2", "attention(view_1, view, view_2"),
    ),
    Mutant(
        "encoder_layer",
        ".py",
        "a bias that changes no output",
        nudge("layer.self_attn.in_proj_bias", 9, 0.5),
    ),
    Mutant(
        "multi_io",
        ".py",
        "operands of a subtraction swapped",
        text(".py", r"extra_1 - extra_2", "extra_2 - extra_1"),
    ),
    # MDF documents. What the metadata say of a node stays: a document is judged by what it does.
    Mutant(
        "mlp",
        ".json",
        "an operator: tanh becomes sigmoid",
        text(".json", r'"onnx::Tanh"', '"onnx::Sigmoid"'),
    ),
    Mutant(
        "mlp",
        ".json",
        "the last digit of one bias",
        next_float(".json", r'"out_bias": \{\s*"value": \[\s*(-?[\d.]+)'),
    ),
    Mutant(
        "lenet",
        ".json",
        "epsilon 1e-5 becomes 1e-3",
        text(".json", r'("epsilon": \{\s*"value": )1e-05', r"\g<1>0.001"),
    ),
    Mutant(
        "attention",
        ".json",
        "a bias taken off instead of added",
        text(".json", r"qkv_weight\.T\+qkv_bias", "qkv_weight.T-qkv_bias"),
    ),
    Mutant(
        "encoder_layer",
        ".json",
        "the value taken for the query",
        text(".json", r"numpy\.take\(squeeze,0,axis=0\)", "numpy.take(squeeze,2,axis=0)"),
    ),
    Mutant(
        "encoder_layer",
        ".json",
        "a constant of gelu",
        text(".json", r"0\.5\*linear_2\*\(1\+", "0.5*linear_2*(1.001+"),
    ),
]


# -- running -------------------------------------------------------------------------------------


class Bench:
    def __init__(self, program, models, folder):
        self.program = program
        self.models = models
        self.folder = folder
        self.failures = []
        systems = subprocess.run(
            [program, "systems", "--json"], capture_output=True, text=True, check=True
        ).stdout
        self.written = {
            e for s in json.loads(systems) if s["write"] for e in s["extensions"].split()
        }

    def prove(self, model, copy):
        command = [self.program, "prove", self.models / f"{model}.pt2", copy]
        return subprocess.run(command, capture_output=True, text=True)

    def check(self, what, done, code, word):
        if done.returncode == code and done.stdout.startswith(word + ":"):
            print(f"ok      {what}")
            return
        print(
            f"FAILED  {what}: exit {done.returncode}, {code} expected\n{done.stdout}{done.stderr}"
        )
        self.failures.append(what)

    def converted(self, model, target):
        """A copy to be proved right, and to break others from."""
        stem = self.folder / "right" / model
        stem.parent.mkdir(exist_ok=True)
        copy = stem.with_suffix(target)
        if not copy.exists():
            folder = stem.parent / f"{model}{target}"
            folder.mkdir()
            copy = folder / f"{model}{target}"
            subprocess.run(
                [self.program, "convert", self.models / f"{model}.pt2", "-o", copy], check=True
            )
        return copy

    def run(self):
        mutants = [m for m in MUTANTS if m.target in self.written]
        originals = {}
        for mutant in mutants:
            key = (mutant.model, mutant.target)
            if key not in originals:
                originals[key] = self.converted(*key)
                self.check(
                    f"{mutant.model}{mutant.target} as converted",
                    self.prove(mutant.model, originals[key]),
                    0,
                    "EQUIVALENT",
                )
        for number, mutant in enumerate(mutants):
            original = originals[mutant.model, mutant.target]
            folder = self.folder / f"mutant{number}"
            shutil.copytree(original.parent, folder)
            mutant.edit(folder / mutant.model)
            done = self.prove(mutant.model, folder / original.name)
            self.check(f"{mutant.model}{mutant.target}: {mutant.what}", done, 1, "NOT EQUIVALENT")
        print(f"{len(mutants)} mutants, {len(originals)} originals, {len(self.failures)} failures")
        return 1 if self.failures else 0


def main():
    program, models = (Path(word).resolve() for word in sys.argv[1:3])
    with tempfile.TemporaryDirectory() as folder:
        return Bench(program, models, Path(folder)).run()


if __name__ == "__main__":
    sys.exit(main())

"""Exports operators that isomer does not read, and compares what it makes of them with --decompose with eager PyTorch.

usage: test_decompose.py PROGRAM      exit 77 where torch is missing
"""

import pathlib
import subprocess
import sys
import tempfile

try:
    import torch
    from safetensors.torch import load_file, save_file
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

torch.manual_seed(0)
PADDED = torch.nn.utils.rnn.pad_sequence


class Padded(torch.nn.Module):
    """Called twice with the same types, once with others, and between layers that stay as they are."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 4)

    def forward(self, x, y):
        both = PADDED([self.layer(x), y], batch_first=True, padding_value=-1.0)
        again = PADDED([y, x], batch_first=True)
        return both, again + PADDED([x, y]).sum(), torch.ops.aten.sigmoid_backward(x, x)


class Factored(torch.nn.Module):
    def forward(self, x):
        return torch.geqrf(x)[0]


class Mended(torch.nn.Module):
    def forward(self, x, y):
        return PADDED([x, y])


def run(program, *words):
    return subprocess.run([program, *words], capture_output=True, text=True)


def save(model, inputs, path, shapes=None):
    torch.export.save(torch.export.export(model, inputs, dynamic_shapes=shapes), path)


def check(what, holds):
    if not holds:
        sys.exit(f"failed: {what}")


def main(program):
    x, y = torch.randn(3, 4), torch.randn(5, 4)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        padded, given, found = (
            folder / file for file in ("net.pt2", "in.safetensors", "o.safetensors")
        )
        save(Mended(), (x, y), padded)
        save_file({"in0": x, "in1": y}, given)
        refused = run(program, "show", padded)
        check("without the option it is refused", refused.returncode == 3)
        check("the refusal names the option", "--decompose asks PyTorch" in refused.stderr)
        model = Padded().eval()
        save(model, (x, y), padded)
        done = run(program, "run", padded, "--decompose", "--inputs", given, "-o", found)
        check(f"run: {done.stderr}", done.returncode == 0)
        for i, wanted in enumerate(model(x, y)):
            torch.testing.assert_close(load_file(found)[f"out{i}"], wanted)

        save(Factored(), (x,), padded)
        refused = run(program, "show", padded)
        check("the option is not named", "--decompose" not in refused.stderr)
        refused = run(program, "show", padded, "--decompose")
        check("PyTorch has none", "it has no decomposition" in refused.stderr)

        rows = torch.export.Dim("rows", min=2, max=64)
        save(Mended(), (x, y), padded, ({0: rows}, None))
        refused = run(program, "show", padded, "--decompose")
        check(f"varying lengths: {refused.stderr}", "its lengths vary" in refused.stderr)


if __name__ == "__main__":
    main(sys.argv[1])

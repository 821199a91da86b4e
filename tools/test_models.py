#!/usr/bin/env python3
"""Tries the models of tools/zoo: what isomer makes of their exports, against PyTorch.

Each is read as it comes and decomposed, run on both engines, differentiated by our pass and by autograd, written as
source and as a document, and those are run. A table says what is right, what is refused and why, what is wrong.

What comes out is compared with tools/zoo/results.tsv, of which `make docs` makes the table in docs/coverage.md.

usage: test_models.py PROGRAM MODEL_CHECK FOLDER [--record] [PART | NAME ...]
       a part is a file of tools/zoo; exit 1 where something is wrong, or comes out otherwise than before
       --record: write what comes out to the table, in place of what is there of these models
"""

import contextlib
import importlib.util
import io
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.utils import _pytree as pytree

import make_models

NEAR = {torch.float16: 2e-2, torch.bfloat16: 2e-2}


def difference(given, wanted, what):
    """Empty where both are the same, as sums in another order may differ."""
    if given.dtype != wanted.dtype or given.shape != wanted.shape:
        return f"{what} is {given.dtype} {tuple(given.shape)}; PyTorch gives {wanted.dtype} {tuple(wanted.shape)}"
    near = NEAR.get(wanted.dtype, 1e-4)
    a, b = given.double(), wanted.double()
    finite = b[b.isfinite()]
    near *= max(1.0, finite.abs().max().item()) if finite.numel() else 1.0
    same = (a == b) | (a.isnan() & b.isnan()) | ((a - b).abs() <= near)
    return "" if same.all() else f"{what} is {(a - b).abs().nan_to_num().max():.3g} apart"


class Model:
    def __init__(self, program, check, folder, name, form):
        self.program, self.check, self.folder = program, check, folder
        self.name, self.file = name, f"{name}{form}.pt2"
        self.recording = f"{name}{form}.safetensors"
        self.recorded = load_file(folder / self.recording)
        self.stem = f"{name}{form}_source".replace(".", "_")
        self.results = {}

    def run(self, *words):
        done = subprocess.run([*map(str, words)], capture_output=True, text=True, cwd=self.folder)
        said = [line for line in (done.stdout + done.stderr).splitlines() if "note: " not in line]
        return done.returncode, "\n".join(said)

    def numbered(self, prefix):
        found = []
        while f"{prefix}{len(found)}" in self.recorded:
            found.append(self.recorded[f"{prefix}{len(found)}"])
        return found

    def engines(self):
        code, said = self.run(self.check, self.file, self.recording)
        if code == 3:
            self.results["read"] = "refused: " + said
            return False
        self.results["read"] = "right"
        if code not in (0, 1):
            self.results["engines"] = f"wrong: exit {code}: {said[-300:]}"
        for line in said.splitlines():
            what, _, result = line.partition(": ")
            kind = result if result.startswith(("right", "refused: ")) else "wrong: " + result
            self.results[what] = kind
        return True

    def source(self):
        """The text of a failure; the source in this process, as a user would load it."""
        code, said = self.run(self.program, "convert", self.file, "-o", f"{self.stem}.py")
        if code != 0:
            return "refused: " + said
        return "written"

    def load_source(self):
        spec = importlib.util.spec_from_file_location(
            f"source_{self.stem}", self.folder / f"{self.stem}.py"
        )
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    def call_source(self):
        module = self.load_source()
        net = module.load()
        args, kwargs = call_of(module.example_inputs())
        leaves, tree = pytree.tree_flatten((args, kwargs))
        given = [one.clone() for one in self.numbered("in")]
        if len(given) != sum(leaf is not None for leaf in leaves):
            return "wrong: the source takes other arguments"
        at = iter(given)
        leaves = [None if leaf is None else next(at) for leaf in leaves]
        leaves = [
            leaf
            if isinstance(leaf, torch.Tensor) and isinstance(old, torch.Tensor)
            else (leaf if leaf is None else leaf.item())
            for leaf, old in zip(
                leaves, pytree.tree_leaves((args, kwargs), is_leaf=lambda x: x is None)
            )
        ]
        leaves = [
            leaf.requires_grad_(leaf.is_floating_point())
            if isinstance(leaf, torch.Tensor)
            else leaf
            for leaf in leaves
        ]
        args, kwargs = pytree.tree_unflatten(leaves, tree)
        outputs = [
            make_models.as_recorded(out)
            for out in pytree.tree_leaves(net(*args, **kwargs))
            if out is not None
        ]
        wanted = self.numbered("out")
        if len(outputs) != len(wanted):
            return f"wrong: gives {len(outputs)} values, PyTorch {len(wanted)}"
        for i, (out, one) in enumerate(zip(outputs, wanted)):
            if text := difference(out, one, f"out{i}"):
                return "wrong: " + text
        return self.source_gradients(net, leaves, outputs)

    def source_gradients(self, net, leaves, outputs):
        inputs = [leaf for leaf in leaves if leaf is not None]
        wanted = {
            f"grad.in{i}": leaf
            for i, leaf in enumerate(inputs)
            if isinstance(leaf, torch.Tensor) and leaf.requires_grad
        }
        wanted |= {f"grad.{name}": one for name, one in net.named_parameters() if one.requires_grad}
        floating = [out.sum() for out in outputs if out.requires_grad]
        if not floating:
            return "right"
        grads = torch.autograd.grad(floating, list(wanted.values()), allow_unused=True)
        for (name, value), grad in zip(wanted.items(), grads):
            grad = torch.zeros_like(value) if grad is None else grad
            if name not in self.recorded:
                return f"wrong: {name} was not recorded"
            if text := difference(grad, self.recorded[name], name):
                return "wrong: " + text
        return "right"

    def document(self):
        code, said = self.run(self.program, "convert", self.file, "-o", f"{self.stem}.json")
        if code == 4:
            return "wrong: " + said
        if code != 0:
            return "refused: " + said
        inputs = {f"in{i}": one for i, one in enumerate(self.numbered("in"))}
        save_file(inputs, self.folder / f"{self.stem}.in")
        words = ("run", f"{self.stem}.json", "--inputs", f"{self.stem}.in", "-o")
        code, said = self.run(self.program, *words, f"{self.stem}.out.safetensors")
        if code != 0:
            return "wrong: does not run: " + said
        outputs = load_file(self.folder / f"{self.stem}.out.safetensors")
        for i, wanted in enumerate(self.numbered("out")):
            if text := difference(outputs[f"out{i}"], wanted, f"out{i}"):
                return "wrong: " + text
        return "right"

    def try_all(self):
        """All but the source, which wants this process for itself."""
        if self.engines():
            self.results["source"] = self.source()
            self.results["mdf"] = self.document()
        return self


def call_of(example):
    """What example_inputs gives: arguments, or those and keyword arguments."""
    if len(example) == 2 and isinstance(example[0], tuple) and isinstance(example[1], dict):
        return example
    return example, {}


RECORD = Path(__file__).parent / "zoo/results.tsv"


class Table:
    """Counts, by what was tried, of what came out."""

    KINDS = ("right", "refused", "wrong")

    def __init__(self):
        self.counts = {}
        self.rows = {}

    def add(self, file, results):
        """A line for the model, and one for each thing that is not right."""
        kinds = {what: text.split(":")[0] for what, text in results.items()}
        self.rows[file] = kinds
        for what, kind in kinds.items():
            self.counts.setdefault(what, dict.fromkeys(self.KINDS, 0))[kind] += 1
        row = " ".join(f"{what} {kind}," for what, kind in kinds.items() if kind == "right")
        print(f"{file}: {row}", flush=True)
        for what, text in results.items():
            if kinds[what] != "right":
                print(f"    {what} {text[:600]}", flush=True)

    def close(self):
        """The sums; gives how many were wrong."""
        print(f"{'':22}" + "".join(f"{kind:>9}" for kind in self.KINDS))
        for what, counts in self.counts.items():
            print(f"{what:22}" + "".join(f"{counts[kind]:9}" for kind in self.KINDS))
        return sum(counts["wrong"] for counts in self.counts.values())


def recorded():
    """What came out when the table was made, by model and by what was tried."""
    head, *lines = (line.split("\t") for line in RECORD.read_text().splitlines())
    return {
        name: {what: kind for what, kind in zip(head[1:], kinds) if kind} for name, *kinds in lines
    }


def record(rows):
    rows = dict(sorted({**(recorded() if RECORD.exists() else {}), **rows}.items()))
    head = list(dict.fromkeys(what for kinds in rows.values() for what in kinds))
    lines = [["model", *head]]
    lines += [[name, *(kinds.get(what, "") for what in head)] for name, kinds in rows.items()]
    RECORD.write_text("".join("\t".join(line) + "\n" for line in lines))


def changed(rows):
    """How many models come out otherwise than the table has it."""
    before = recorded()
    other = [name for name, kinds in rows.items() if before.get(name) != kinds]
    for name in other:
        print(f"{name}: the table has {before.get(name, 'no such model')}; --record writes it anew")
    return len(other)


def make_missing(folder, names, models):
    """Exports what is not there yet, or is older than what makes it; gives those that PyTorch itself does not take."""
    failed = []
    newest = max(path.stat().st_mtime for path in Path(make_models.__file__).parent.glob("**/*.py"))
    for name in names:
        made = folder / f"{name}.safetensors"
        if made.exists() and made.stat().st_mtime > newest:
            continue
        print(f"exporting {name}", file=sys.stderr, flush=True)
        torch._dynamo.reset()
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                make_models.make(name, folder, models)
        except Exception as error:
            failed.append(name)
            print(f"NOT EXPORTED {name}: {type(error).__name__}: {error}"[:600], flush=True)
    return failed


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    warnings.filterwarnings("ignore")
    program, check, folder = (Path(word).resolve() for word in sys.argv[1:4])
    folder.mkdir(parents=True, exist_ok=True)
    names = [word for word in sys.argv[4:] if word != "--record"]
    only_parts = names and set(names) <= set(make_models.PARTS)
    models = make_models.more_models(names if only_parts else make_models.PARTS)
    names = list(models) if only_parts or not names else names
    failed = make_missing(folder, names, models)
    names = [name for name in names if name not in failed]
    tried = [
        Model(program, check, folder, name, form)
        for name in names
        for form in ("", ".core")
        if (folder / f"{name}{form}.pt2").exists()
    ]
    table = Table()
    with ThreadPoolExecutor(2) as pool:
        for model in pool.map(Model.try_all, tried):
            if model.results.get("source") == "written":
                try:
                    model.results["source"] = model.call_source()
                except Exception as error:
                    model.results["source"] = f"wrong: {type(error).__name__}: {error}"
            table.add(model.file[:-4], model.results)
    wrong = table.close()
    if "--record" in sys.argv:
        record(table.rows)
    other = changed(table.rows)
    sys.exit(1 if wrong or failed or other else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Changes models a little, converts them, and counts what `isomer prove` says; and proves models that nobody changed.

    campaign.py mutants ISOMER FOLDER [--count 500] [--seed 0] [--targets .isomer ...] [--kinds hidden ...]
    campaign.py equal   ISOMER FOLDER [--count 200] [--seed 0]

Files are left in FOLDER: the models made there, one folder for each copy that is not as it should be, and a line for
each proof in mutants.jsonl or equal.jsonl. Of mutants that no proof told apart, observe.py tries whether they can be.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import changes
import models
from safetensors.numpy import load_file, save_file

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data" / "models"
# Of tests/data/models; the others stand in models.py.
STORED = [
    "attention",
    "changing",
    "counter",
    "encoder_layer",
    "lenet",
    "mlp",
    "multi_io",
    "recurrence",
    "residual",
    "tied",
    "train_bn",
    "views",
]
ALL_STORED = sorted(path.name[: -len(".core.pt2")] for path in DATA.glob("*.core.pt2"))
TARGETS = (".isomer", ".json", ".py")
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}  # two run at a time
WORDS = {0: "EQUIVALENT", 1: "NOT EQUIVALENT", 5: "NOT PROVED"}
# PyTorch's decompositions make of a detach an alias, and of a block without gradients its content: gradients pass.
TOLD_APART = {("ema", ".core.pt2"), ("ignored", ".core.pt2"), ("no_grad", ".core.pt2")}
# What must be reached, of those that can be told apart.
LEAST_CAUGHT, MOST_SILENT, LEAST_NAMED, MOST_UNPROVED = 0.95, 0.01, 0.95, 0.02


class Bench:
    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def isomer(self, *words, seconds=300):
        command = [self.program, *map(str, words)]
        try:
            return subprocess.run(
                command, capture_output=True, text=True, timeout=seconds, env=ONE_THREAD
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, -1, "", f"no end within {seconds} s")

    def convert(self, source, copy):
        """Whether it was, and nothing was lost that a caller sees but the shapes of ports."""
        done = self.isomer("convert", source, "-o", copy)
        notes = [line for line in (done.stdout + done.stderr).splitlines() if "note:" in line]
        harmless = (
            "ports are written without shape",
            "it is a number in Python and a tensor without axes here",  # and known to be one
            "this input is no tensor; it stays what it was",  # in the export, too
        )
        return done.returncode == 0 and all(any(h in note for h in harmless) for note in notes)

    def model(self, name, core=False):
        suffix = ".core.pt2" if core else ".pt2"
        if name in ALL_STORED:
            return DATA / f"{name}{suffix}"
        folder = self.folder / "models"
        path = folder / f"{name}{suffix}"
        if not path.exists() or path.stat().st_mtime < (HERE / "models.py").stat().st_mtime:
            folder.mkdir(exist_ok=True)
            models.make(name, folder)
        return path

    def prove(self, source, copy, seed=0):
        """The exit code, the certificate (none where there is none), and what was said."""
        report = copy.parent / "certificate.json"
        done = self.isomer("prove", source, copy, "--json", report, "--seed", seed)
        certificate = json.loads(report.read_text()) if report.exists() else None
        return done.returncode, certificate, done.stdout + done.stderr

    def text_of(self, name):
        """The model as text, with its tensors."""
        path = self.folder / "texts" / name / f"{name}.isomer"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            done = self.isomer("convert", self.model(name), "-o", path)
            assert done.returncode == 0, done.stderr
        weights = path.with_suffix(".isomer.safetensors")
        return changes.Model(path.read_text(), load_file(weights) if weights.exists() else {})


# -- mutants -----------------------------------------------------------------------------------------------------------


def write_changed(folder, name, model, change):
    """The changed model as text."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.isomer"
    lines = [change.lines.get(number, line) for number, line in enumerate(model.lines)]
    path.write_text("\n".join(line for line in lines if line) + "\n")
    tensors = model.tensors if change.tensors is None else change.tensors
    if tensors:
        save_file(tensors, path.with_suffix(".isomer.safetensors"))
    return path


class Mutants:
    def __init__(self, bench, seed, targets, kinds=()):
        self.bench = bench
        self.targets = targets
        self.kinds = kinds
        self.random = random.Random(seed)
        self.folder = bench.folder / "mutants"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.names = STORED + [name for name, row in models.MODELS.items() if row[3]]
        self.made = 0

    def next_folder(self):
        self.made += 1
        return self.folder / f"m{self.made}"

    def candidates(self):
        """Of each kind and model the changes in random order."""
        kinds = collections.defaultdict(dict)
        for name in self.names:
            model = self.bench.text_of(name)
            for make in changes.GRAPH_CHANGES:
                found = list(make(model, self.random))
                self.random.shuffle(found)
                if found:
                    kinds[make.__name__][name] = [(model, change) for change in found]
            if ".py" in self.targets:
                kinds["hidden"][name] = self.hidden_of(name)
        return {
            kind: found for kind, found in kinds.items() if not self.kinds or kind in self.kinds
        }

    def hidden_of(self, name):
        path = self.bench.folder / "texts" / name / "py" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        if self.bench.isomer("convert", self.bench.model(name), "-o", path).returncode != 0:
            return []
        found = list(changes.hidden(path.read_text()))
        # Another comes first for each model, so that a small sample has them all.
        turn = sorted(self.names).index(name) % max(len(found), 1)
        return [(path, pair) for pair in found[turn:] + found[:turn]]

    def make(self, kind, name, one, turn):
        """A mutant of the target whose turn it is, or the next that takes the change; none where none does."""
        if kind == "hidden":
            return self.hidden_mutant(*one)
        for i in range(len(self.targets)):
            target = self.targets[(turn + i) % len(self.targets)]
            made = self.graph_mutant(name, *one, target)
            if made:
                return {"target": target, **made}
        return None

    def hidden_mutant(self, path, pair):
        folder = self.next_folder()
        folder.mkdir(parents=True)
        for file in path.parent.glob("*.safetensors"):
            shutil.copy(file, folder)
        what, text = pair
        (folder / path.name).write_text(text)
        copy = folder / path.name
        return {"target": ".py", "what": what, "copy": copy, "node": "", "near": 0.0, "graph": None}

    def graph_mutant(self, name, model, change, target):
        if change.text_only and target != ".isomer":
            return None
        folder = self.next_folder()
        text = write_changed(folder, name, model, change)
        copy = text
        if target != ".isomer":
            copy = folder / target[1:] / f"{name}{target}"
            copy.parent.mkdir()
        checked = copy if target != ".isomer" else folder / "checked.isomer"
        if not self.bench.convert(text, checked):
            shutil.rmtree(folder)
            return None
        return {
            "what": change.what,
            "copy": copy,
            "node": change.node,
            "near": change.near,
            "graph": text,
            "change": change,
        }

    def plan(self, count):
        kinds = self.candidates()
        turn = 0
        mutants = []
        order = {kind: collections.deque(sorted(by_name)) for kind, by_name in kinds.items()}
        while len(mutants) < count and any(order.values()):
            for kind, names in order.items():
                if len(mutants) == count:
                    break
                while names:
                    name = names.popleft()
                    if not kinds[kind][name]:
                        continue
                    names.append(name)
                    one = kinds[kind][name].pop()
                    turn += 1
                    made = self.make(kind, name, one, turn)
                    if made:
                        mutants.append({"kind": kind, "model": name, **made})
                        break
        return mutants

    def observed(self, mutant):
        """Whether the mutant can be told apart at all; what source does besides can."""
        if mutant["graph"] is None:
            return "told apart: by construction"
        folder = mutant["copy"].parent / "observed"
        folder.mkdir(exist_ok=True)
        copies = []
        for which, path in (("a", self.bench.model(mutant["model"])), ("b", mutant["graph"])):
            copies.append(folder / f"{which}.py")
            if self.bench.isomer("convert", path, "-o", copies[-1]).returncode != 0:
                return "told apart: one of them is no source"
        command = [
            sys.executable,
            "-W",
            "ignore",
            HERE / "observe.py",
            *copies,
            str(mutant["near"]),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            return "told apart: not within 300 s"
        return done.stdout.strip() or done.stderr.strip()[-300:]

    def judge(self, mutant):
        code, certificate, said = self.bench.prove(
            self.bench.model(mutant["model"]), mutant["copy"]
        )
        result = {
            key: str(mutant[key]) for key in ("kind", "model", "target", "what", "node", "copy")
        }
        result["code"] = code
        result["first"] = (certificate or {}).get("first")
        result["structure"] = (certificate or {}).get("structure", [])
        result["basis"] = (certificate or {}).get("basis", "")
        result["said"] = "" if code == 1 else said[:1500]
        if code == 1:
            result["answer"] = "caught"
        else:
            result["observed"] = self.observed(mutant)
            # A file says for which lengths it is; source is for all that it takes.
            says_lengths = mutant["kind"] == "lengths" and mutant["target"] != ".py"
            if result["observed"] == "not told apart" and not says_lengths:
                result["answer"] = "same"
            elif code == 0:
                listed = not result["basis"].startswith("the same graph")
                result["answer"] = "listed" if listed else "silent"
            else:
                result["answer"] = "unproved" if code == 5 else "failed"
        result["named"] = is_named(mutant["change"], result["first"]) if mutant["node"] else None
        return result


def is_named(change, first):
    """Whether that operator is named; one whose value the export does not name, by its line."""
    if first is None or first["value"]:
        return first is not None and first["value"] == change.node
    return first["op"] == change.op and change.tail.endswith(f"{first['file']}:{first['line']}")


ANSWERS = ("caught", "unproved", "listed", "silent", "failed", "same")


def print_mutants(results):
    rows = collections.defaultdict(collections.Counter)
    for result in results:
        for key in (result["kind"], "all"):
            rows[key][result["answer"]] += 1
            # What is EQUIVALENT has no operator to name.
            if result["named"] is not None and result["answer"] in ("caught", "unproved"):
                rows[key]["single"] += 1
                rows[key]["named"] += result["named"]
    print(f"{'kind':12}" + "".join(f"{answer:>10}" for answer in ANSWERS) + f"{'named':>16}")
    for kind, row in rows.items():
        named = f"{row['named']} of {row['single']}"
        print(f"{kind:12}" + "".join(f"{row[answer]:>10}" for answer in ANSWERS) + f"{named:>16}")
    total = rows["all"]
    differing = sum(total[answer] for answer in ANSWERS[:-1])
    caught = total["caught"] / max(differing, 1)
    silent = (total["silent"] + total["failed"]) / max(differing, 1)
    named = total["named"] / total["single"] if total["single"] else 1
    print(
        f"of {differing} that differ: {caught:.1%} caught, {silent:.1%} silent; {named:.1%} named"
    )
    return caught >= LEAST_CAUGHT and silent <= MOST_SILENT and named >= LEAST_NAMED


# -- what nobody changed -----------------------------------------------------------------------------------------------


def plan_equal(bench, count, seed):
    names = ALL_STORED + list(models.MODELS)
    # What stands in the way of a proof comes first, so that a small sample has it.
    names = names[::-1]
    targets = (*TARGETS, ".core.pt2")
    pairs = [
        (name, target)
        for turn in range(4)
        for i, name in enumerate(names)
        for target in [targets[(i + turn) % 4]]
    ]
    return [(*pair, seed + at) for at, pair in enumerate(pairs * (1 + count // len(pairs)))][:count]


def judge_equal(bench, name, target, seed):
    result = {"model": name, "target": target, "seed": seed}
    source = bench.model(name)
    if target == ".core.pt2":
        copy = bench.folder / "equal" / f"{name}.core.{seed}" / f"{name}.core.pt2"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(bench.model(name, core=True), copy)
    else:
        copy = bench.folder / "equal" / f"{name}{target}.{seed}" / f"{name}{target}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not bench.convert(source, copy):
            return {**result, "answer": "not converted"}
    code, certificate, said = bench.prove(source, copy, seed)
    answer = WORDS.get(code, f"exit {code}")
    if (name, target) in TOLD_APART:
        answer = "told apart, rightly" if code == 1 else f"{answer}, wrongly"
    structure = (certificate or {}).get("structure", [])
    return {
        **result,
        "answer": answer,
        "structure": structure,
        "said": "" if code == 0 else said[:2500],
    }


def print_equal(results):
    counts = collections.Counter(result["answer"] for result in results)
    for result in results:
        if result["answer"] not in ("EQUIVALENT", "not converted", "told apart, rightly"):
            print(f"{result['model']}{result['target']}, seed {result['seed']}:\n{result['said']}")
    print(", ".join(f"{count} {answer}" for answer, count in counts.most_common()))
    proofs = len(results) - counts["not converted"] - counts["told apart, rightly"]
    good = counts["EQUIVALENT"] + counts["NOT PROVED"] == proofs
    # Two, where the sample is small: it begins with what is hardest to compare.
    return good and counts["NOT PROVED"] <= max(2, MOST_UNPROVED * proofs)


# ----------------------------------------------------------------------------------------------------------------------


def in_pairs(work, judge, log):
    """Two at a time, each result written at once."""
    results = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool, log.open("w") as file:
        for result in pool.map(judge, work):
            results.append(result)
            file.write(json.dumps(result) + "\n")
            file.flush()
    return results


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["mutants", "equal"])
    parser.add_argument("program", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", nargs="+", default=TARGETS, help="of mutants, as .isomer")
    parser.add_argument("--kinds", nargs="+", default=(), help="of mutants, as hidden; else all")
    asked = parser.parse_args()
    bench = Bench(asked.program.resolve(), asked.folder.resolve())
    log = bench.folder / f"{asked.what}.jsonl"
    if asked.what == "mutants":
        mutants = Mutants(bench, asked.seed, asked.targets, asked.kinds)
        return (
            0
            if print_mutants(in_pairs(mutants.plan(asked.count or 500), mutants.judge, log))
            else 1
        )
    work = plan_equal(bench, asked.count or 200, asked.seed)
    for name in sorted({name for name, _, _ in work}):
        bench.model(name, core=True)
    return 0 if print_equal(in_pairs(work, lambda one: judge_equal(bench, *one), log)) else 1


if __name__ == "__main__":
    sys.exit(main())

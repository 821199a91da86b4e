#!/usr/bin/env python3
"""Runs documents through the program and compares every port and parameter with what the reference recorded.

    test_mdf.py ISOMER TABLES

TABLES is the folder of engine_cases.json and its like. A larger set of documents, each beside its .expected.json, lies
in $ISOMER_MDF_DATA, else in ../shared/data/mdf; where there is none, the tables are all.
"""

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

RELEASE = "0.4.13"  # the values are of this one


class Run:
    """What the program made of a document: rows of a table, or its message."""

    def __init__(self, program, document, increments, initializer, release):
        with tempfile.TemporaryDirectory() as folder:
            table = Path(folder) / "table.csv"
            command = [program, "run", document, "--record", table, "--dialect", release]
            command += ["--steps", str(len(increments))]
            if len(increments) > 1 and increments[1] is not None:
                command += ["--dt", repr(increments[1])]
            if initializer:
                given = Path(folder) / "given.npz"
                steps = len(increments)
                np.savez(given, **{k: np.stack([v] * steps) for k, v in initializer.items()})
                command += ["--inputs", given]
            done = subprocess.run(
                [str(c) for c in command], capture_output=True, text=True, timeout=300
            )
            self.code = done.returncode
            self.message = done.stderr.strip()
            self.rows = []
            if self.code == 0:
                with table.open(newline="") as file:
                    self.rows = list(csv.DictReader(file))


def can_be_asked(increments):
    """Whether one command makes these evaluations: the first gives initial values, the others advance alike."""
    return increments[0] is None and len({repr(i) for i in increments[1:]}) <= 1


def value_of(expected):
    """What the tables write, as an array; nothing for what is no number."""
    kind = expected["t"]
    if kind in ("int", "float", "bool", "npscalar"):
        dtype = {"int": np.int64, "float": np.float64, "bool": bool}.get(kind)
        return np.asarray(number(expected["v"]), dtype or expected["dtype"])
    if kind == "array":
        try:
            array = np.asarray(number(expected["v"]), expected["dtype"])
        except (TypeError, ValueError):
            return None
        return array.reshape(expected["shape"]) if array.dtype.kind in "bif" else None
    return None


def number(value):
    if isinstance(value, list):
        return [number(v) for v in value]
    return float(value) if isinstance(value, str) else value


def differences(row, snapshot, tolerance):
    found = []
    for kind in ("outputs", "parameters"):
        for node, members in snapshot.get(kind, {}).items():
            for name, expected in members.items():
                found += difference(row, f"{node}.{name}", value_of(expected), tolerance)
    return found


def difference(row, name, wanted, tolerance):
    if wanted is None or wanted.size > 10_000:
        return []
    for place in np.ndindex(wanted.shape):
        column = f"{name}[{','.join(map(str, place))}]" if place else name
        text = row.get(column) or ""
        if text == "":
            return [f"{column}: no value for {wanted[place]}"]
        value = {"True": 1.0, "False": 0.0}.get(text) if text in ("True", "False") else float(text)
        right = float(wanted[place])
        same = value == right or (math.isnan(value) and math.isnan(right))
        if not same and not abs(value - right) <= tolerance * max(abs(value), abs(right)):
            return [f"{column}: {text} for {right!r}"]
    return []


def try_table(program, path):
    right, wrong, unasked = 0, [], 0
    for case in json.loads(path.read_text()):
        increments = case["runs"]
        if not can_be_asked(increments):
            unasked += 1
            continue
        with tempfile.TemporaryDirectory() as folder:
            document = Path(folder) / "case.json"
            document.write_text(json.dumps(case["document"]))
            given = {k: value_of(v) for k, v in (case.get("initializer") or {}).items()}
            run = Run(program, document, increments, given, RELEASE)
        if "error" in case:
            found = [] if run.code in (3, 4) else [f"an error was wanted; exit {run.code}"]
        elif run.code != 0:
            found = [run.message]
        else:
            found = [
                f"step {i}: {d}"
                for i, snapshot in enumerate(case["snapshots"])
                for d in differences(run.rows[i], snapshot, 1e-12)
            ]
        if found:
            wrong.append(f"{case['name']}: {found[0]}")
        else:
            right += 1
    return right, wrong, unasked


def try_document(program, document):
    """Nothing where the reference does not run it; else what is wrong."""
    expected = json.loads(Path(f"{document}.expected.json").read_text())
    if not expected.get("runs") or not expected.get("snapshots"):
        return None
    increments = [r["time_increment"] for r in expected["runs"] for _ in range(r["count"])]
    asked = 1
    while asked < len(increments) and can_be_asked(increments[: asked + 1]):
        asked += 1
    given = {k: value_of(v) for k, v in (expected.get("initializer") or {}).items()}
    run = Run(program, document, increments[:asked], given, RELEASE)
    if run.code != 0:
        return [run.message]
    onnx = "onnx::" in document.read_text() if document.suffix != ".bson" else False
    return [
        f"after {snapshot['after_runs']} runs: {d}"
        for snapshot in expected["snapshots"]
        if snapshot["after_runs"] <= asked
        for d in differences(run.rows[snapshot["after_runs"] - 1], snapshot, 1e-5 if onnx else 1e-9)
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("tables", type=Path)
    given = parser.parse_args()
    root = Path(__file__).resolve().parents[2]
    documents = Path(os.environ.get("ISOMER_MDF_DATA", root.parent / "shared" / "data" / "mdf"))
    failed = 0
    for name in ("engine_cases.json", "scheduler_cases.json"):
        path = given.tables / name
        if not path.exists():
            continue
        right, wrong, unasked = try_table(given.program, path)
        print(f"{name}: {right} right, {len(wrong)} wrong, {unasked} no one command asks for")
        print("".join(f"  {line}\n" for line in wrong), end="")
        failed += len(wrong)
    if documents.is_dir():
        right = 0
        for path in sorted(documents.rglob("*.expected.json")):
            document = path.with_name(path.name.removesuffix(".expected.json"))
            wrong = try_document(given.program, document) if document.exists() else None
            if wrong:
                failed += 1
                print(f"  {document.relative_to(documents)}: {wrong[0][:400]}")
            elif wrong is not None:
                right += 1
        print(f"documents: {right} right in every recorded run")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

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
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import broken_documents
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


class CutRun:
    """The same by one command for each evaluation, each of which goes on from the states that the last one saved."""

    def __init__(self, program, document, increments, initializer, release):
        self.rows, self.code, self.message = [], 0, ""
        with tempfile.TemporaryDirectory() as folder:
            table, states, given = (Path(folder) / n for n in ("t.csv", "s.safetensors", "i.npz"))
            for i, increment in enumerate(increments):
                command = [program, "run", document, "--record", table, "--dialect", release]
                command += ["--save-states", states] if i + 1 < len(increments) else []
                command += ["--states", states] if i > 0 else []
                command += ["--dt", repr(increment)] if increment is not None else []
                if initializer:
                    np.savez(given, **initializer)
                    command += ["--inputs", given]
                done = subprocess.run(
                    [str(c) for c in command], capture_output=True, text=True, timeout=60
                )
                self.code, self.message = done.returncode, done.stderr.strip()
                if self.code != 0:
                    return
                with table.open(newline="") as file:
                    self.rows += list(csv.DictReader(file))


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


def alarms(program, document):
    """The errors that are found in a document, where it runs."""
    done = subprocess.run(
        [program, "check", document, "--json", "--dialect", RELEASE],
        capture_output=True,
        text=True,
        timeout=60,
    )
    if done.returncode == 0:
        return []
    return [f"check: {p['path']}: {p['message']}" for p in json.loads(done.stdout)["problems"]]


def try_table(program, path, make_run=Run):
    right, wrong, unasked = 0, [], 0
    for case in json.loads(path.read_text()):
        increments = case["runs"]
        cut = make_run is CutRun
        if increments[0] is not None or not (cut or can_be_asked(increments)):
            unasked += 1
            continue
        if cut and len(increments) == 1:
            continue
        with tempfile.TemporaryDirectory() as folder:
            document = Path(folder) / "case.json"
            document.write_text(json.dumps(case["document"]))
            given = {k: value_of(v) for k, v in (case.get("initializer") or {}).items()}
            run = make_run(program, document, increments, given, RELEASE)
            if cut and "keeps no states" in run.message:
                continue
            false = [] if "error" in case else alarms(program, document)
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
        found += false
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
    return alarms(program, document) + [
        f"after {snapshot['after_runs']} runs: {d}"
        for snapshot in expected["snapshots"]
        if snapshot["after_runs"] <= asked
        for d in differences(run.rows[snapshot["after_runs"] - 1], snapshot, 1e-5 if onnx else 1e-9)
    ]


def try_loader(program, path):
    """Each document through the program and back: refused where the reference refuses it, else all that it writes."""
    right, wrong = 0, []
    for case in json.loads(path.read_text()):
        with tempfile.TemporaryDirectory() as folder:
            document, written = Path(folder) / "case.json", Path(folder) / "written.json"
            document.write_text(json.dumps(case["document"]))
            done = subprocess.run(
                [program, "convert", document, "-o", written, "--dialect", RELEASE],
                capture_output=True,
                text=True,
                timeout=60,
            )
            found = json.loads(written.read_text()) if done.returncode == 0 else None
        # What the reference loads and breaks on later is refused at once.
        accepted = case["accepted"] and case["name"] != "nodes_as_list"
        if accepted != (done.returncode == 0) or done.returncode not in (0, 3):
            wrong.append(f"{case['name']}: exit {done.returncode}: {done.stderr.strip()}")
        elif (
            accepted
            and "rewritten" in case
            and not keeps(found, case["rewritten"], case["document"])
        ):
            wrong.append(f"{case['name']}: {json.dumps(found)}")
        else:
            right += 1
    return right, wrong


def keeps(found, wanted, source):
    """Whether it is what is wanted, and beside it at most what stood in the source and the reference drops."""
    if not isinstance(wanted, dict):
        return json.dumps(found) == json.dumps(wanted)
    source = source if isinstance(source, dict) else {}
    if "id" in source and len(wanted) == 1:  # a model beside its id
        source = {source["id"]: {k: v for k, v in source.items() if k != "id"}}
    for key, value in wanted.items():
        if key == "generating_application" and key not in source:
            continue
        if key not in found or not keeps(found[key], value, source.get(key)):
            return False
    added = [k for k in found if k not in wanted and k != "generating_application"]
    return all(k in source and found[k] == source[k] for k in added)


def try_broken(program):
    """Each broken document: all that is wrong in one report, exit 3, in bounded time and memory."""
    wrong = []

    def end(command, *words):
        done = subprocess.run(
            [program, command, *words], capture_output=True, text=True, timeout=60
        )
        if done.returncode != 3:
            wrong.append(f"{name}: {command} exits {done.returncode}: {done.stderr[:400]}")
        return done

    forms = [
        (broken_documents.CASES, ".json"),
        (broken_documents.YAML, ".yaml"),
        (broken_documents.BSON, ".bson"),
        (broken_documents.RUNS, ".json"),
    ]
    for cases, ending in forms:
        for name, content, wanted in cases:
            name = f"{ending}: {name}"
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"m{ending}"
                text = json.dumps(content) if isinstance(content, dict) else content
                path.write_bytes(text if isinstance(text, bytes) else text.encode())
                ran = end("run", path, "--steps", "3", "--dt", "0.5")
                lines = [line for line in ran.stderr.splitlines() if not line.startswith("note: ")]
                if ran.stdout or sum(line.startswith("isomer: ") for line in lines) != 1:
                    wrong.append(
                        f"{name}: run says {ran.stderr[:400]} and prints {ran.stdout[:100]}"
                    )
                if isinstance(wanted, str):
                    if wanted not in ran.stderr:
                        wrong.append(f"{name}: run says {ran.stderr[:400]}")
                    continue
                checked = end("check", path, "--json")
                found = json.loads(checked.stdout)["problems"] if checked.stdout else []
                errors = [p for p in found if p["severity"] == "error"]
                if sorted(p["path"] for p in errors) != sorted(wanted):
                    wrong.append(f"{name}: {json.dumps(errors)[:600]} for {wanted}")
                if ending != ".bson" and any(p["line"] is None for p in errors):
                    wrong.append(f"{name}: a line is missing")
    count = sum(len(cases) for cases, _ in forms)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return count, wrong, largest


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
        for how, make_run in (("", Run), (", cut after each evaluation", CutRun)):
            right, wrong, unasked = try_table(given.program, path, make_run)
            print(f"{name}{how}: {right} right, {len(wrong)} wrong, {unasked} cannot be asked for")
            print("".join(f"  {line}\n" for line in wrong), end="")
            failed += len(wrong)
    right, wrong = try_loader(given.program, given.tables / "loader_cases.json")
    print(f"loader_cases.json: {right} right, {len(wrong)} wrong")
    print("".join(f"  {line}\n" for line in wrong), end="")
    failed += len(wrong)
    count, wrong, largest = try_broken(given.program)
    print(
        f"broken documents: {count}, {len(wrong)} ended otherwise than they should; {largest:.0f} MB at most"
    )
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

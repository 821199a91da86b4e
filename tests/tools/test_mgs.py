#!/usr/bin/env python3
"""Runs networks of GSL through the program and compares all that they print, write and how they end with what MGS did.

    test_mgs.py ISOMER CASES

CASES has a folder for each case by kind, with its files and expected.json, as tests/data/mgs/README.md says. Numbers
may differ by 1e-12. Cases of MDL are checked with `isomer check`.
"""

import argparse
import csv
import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TOLERANCE = 1e-12
# A first pass of MGS is seen where it prints; what it says of itself and of its progress is not compared.
PASSED_OVER = ("[first pass]", "[second pass]", "Suppress simulation was set.")
PLACE = r'"mgs.XXXXXX"(?::|, line:)(\d+)'
OPTIONS = {"-m": "--parse-only"}


def number(value):
    return float(value) if isinstance(value, str) else value


def same_number(a, b):
    a, b = number(a), number(b)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= TOLERANCE * max(1.0, abs(a), abs(b))


def same_row(row, line):
    if isinstance(row, str):
        return row == line
    parts = line.split()
    return len(parts) == len(row) and all(map(same_number, row, parts))


def same_file(rows, text):
    lines = text.splitlines()
    return len(lines) == len(rows) and all(map(same_row, rows, lines))


def lines_of(lines):
    return [line for line in lines if line not in PASSED_OVER]


def wrong_lines(expected, report):
    """MGS loses lines in a buffer where it crashes: there what has come out is a part."""
    wanted, found = lines_of(expected["stdout"]), lines_of(report["stdout"])
    if expected["exit"] in (134, 139, 255):
        wanted = [line for line in wanted if line.startswith("@")]
        found = [line for line in found if line.startswith("@")]
    if wanted == found:
        return
    place = next((i for i, (a, b) in enumerate(zip(wanted, found)) if a != b), None)
    if place is None:
        yield f"{len(found)} lines, not {len(wanted)}"
    else:
        yield f"line {place + 1} is {found[place]!r}, not {wanted[place]!r}"


def wrong_messages(expected, row, report):
    kind = row["class"]
    if kind in ("", "none", "usage"):
        return
    classes = [p["class"] for p in report["problems"] if p["severity"] == "error"]
    if kind not in classes[:1]:
        yield f"the message is of class {classes[:1]}, not {kind!r}"
    lines = [int(n) for line in expected["stderr"] for n in re.findall(PLACE, line)]
    told = [p["line"] for p in report["problems"] if p["severity"] == "error"]
    if lines and expected["exit"] == 1 and told[0] not in {lines[0], min(lines)}:
        yield f"the message is of line {told[0]}, not {lines[0]}"


def run(program, folder, expected, row):
    """What is wrong with one case."""
    with tempfile.TemporaryDirectory() as copy:
        work = Path(copy) / "case"
        shutil.copytree(folder, work)
        command = [program, "run", work / "net.gsl", "--mode", "reference", "--json"]
        command += ["--allow-system"]
        command += [OPTIONS.get(a, a) for a in expected["arguments"] if a not in ("-f", "net.gsl")]
        if "initial_weights" in expected:
            command += ["--start", folder / "expected.json"]
        done = subprocess.run(
            [str(c) for c in command], capture_output=True, text=True, timeout=120
        )
        if row["class"] == "usage":
            if done.returncode != 2:
                yield f"exit code {done.returncode}, not 2"
            return
        if done.returncode not in (0, 3) or not done.stdout.startswith("{"):
            yield f"exit code {done.returncode}: {done.stderr.strip()}"
            return
        report = json.loads(done.stdout)
        if report["mgs_exit"] != expected["exit"]:
            yield f"mgs_exit {report['mgs_exit']}, not {expected['exit']}; {report['problems'][:2]}"
            return
        if done.returncode != (0 if expected["exit"] == 0 else 3):
            yield f"exit code {done.returncode}"
        if expected["exit"] != 0 and not report["problems"]:
            yield "no message"
        yield from wrong_lines(expected, report)
        yield from wrong_messages(expected, row, report)
        for name, rows in expected.get("files", {}).items():
            path = work / name
            text = path.read_text() if path.exists() else ""
            if not same_file(rows, text):
                yield f"{name} differs: {text[:200]!r}"


# What strict mode refuses, and what it lets pass: cases by the trap that they show.
SILENT = [
    "traps/bool_two",
    "traps/float32_members",
    "traps/index_restarts",
    "traps/init_after_connect",
    "traps/initialiser_accumulates",
    "traps/last_connection_wins",
    "traps/member_not_listed",
    "traps/not_ready_value",
    "traps/same_phase_backward",
    "traps/same_phase_forward",
    "traps/second_init_resets",
    "traps/separation_constraint",
    "traps/source_lacks_interface",
    "traps/two_types_order_1",
    "traps/wrong_identifier",
    "language/trigger_expressions",
    "networks/plain_in_order",
    "networks/plain_against_flow",
    "errors/duplicate_layer",
    "stock_dnn/identity_hidden",
    "stock_dnn/given_weights_overwritten",
]
SOUND = [
    "networks/dense_levels",
    "networks/conv_sampler",
    "networks/train_adam",
    "networks/op_residual",
    "networks/dense_collector",
    "networks/recurrent_neurons",
    "stock_dnn/random_weights",
]


def strictly(program, cases, name, refused):
    """Strict mode refuses what MGS passes over in silence, and nothing else."""
    with tempfile.TemporaryDirectory() as copy:
        work = Path(copy) / "case"
        shutil.copytree(cases / name, work)
        command = [program, "run", work / "net.gsl", "--mode", "strict", "--json"]
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        problems = json.loads(done.stdout)["problems"] if done.stdout else []
        silent = [p for p in problems if p["severity"] == "error" and p["class"] == "silent"]
        if refused and (done.returncode != 3 or not silent):
            yield f"strict mode lets it pass: {done.returncode} {done.stderr}"
        if not refused and done.returncode != 0:
            yield f"strict mode refuses it: {problems[:2]} {done.stderr}"


def faster(program, folder, expected, threads):
    """Fast mode gives the same within rounding, whatever the number of threads."""
    with tempfile.TemporaryDirectory() as copy:
        work = Path(copy) / "case"
        shutil.copytree(folder, work)
        command = [program, "run", work / "net.gsl", "--mode", "fast", "--threads", threads]
        command += ["--start", folder / "expected.json"] if "initial_weights" in expected else []
        subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120)
        for name, rows in expected.get("files", {}).items():
            path = work / name
            if not same_file(rows, path.read_text() if path.exists() else ""):
                yield f"fast mode, {threads} threads: {name} differs"


FOLDER = Path(__file__).parent.parent.parent / "examples" / "mgs"
EXAMPLES = {
    "chain": "1 0\n2 0.5\n3 2.5\n4 4.5\n",
    # y = 2 (1 + y / 4), from 1
    "watched": "2 0:3.25\n4 0:3.8125\n6 0:3.953125\n8 0:3.98828125\n",
    "learning": None,
}


def example(program, name, wanted):
    """The examples run in all modes, and give what one can reckon by hand."""
    for mode in ("reference", "strict", "fast"):
        with tempfile.TemporaryDirectory() as copy:
            work = Path(copy) / "mgs"
            shutil.copytree(FOLDER, work)
            command = [str(program), "run", str(work / f"{name}.gsl"), "--mode", mode]
            done = subprocess.run(command, capture_output=True, text=True)
            text = (work / f"{name}.txt").read_text() if done.returncode == 0 else ""
            if done.returncode != 0 or (wanted is not None and text != wanted):
                yield f"{mode}: {done.returncode} {done.stderr} {text!r}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("cases", type=Path)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    failed = tried = 0
    with (options.cases / "cases.tsv").open(newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    for row in rows:
        folder = options.cases / row["kind"] / row["case"]
        if row["kind"] == "mdl" or options.only not in str(folder):
            continue
        tried += 1
        expected = json.loads((folder / "expected.json").read_text())
        for fault in run(options.program, folder, expected, row):
            failed += 1
            print(f"{row['kind']}/{row['case']}: {fault}")
        if row["kind"] not in ("networks", "stock_dnn"):
            continue
        for threads in (1, 2):
            for fault in faster(options.program, folder, expected, threads):
                failed += 1
                print(f"{row['kind']}/{row['case']}: {fault}")
    for name in SILENT + SOUND:
        if options.only not in name:
            continue
        for fault in strictly(options.program, options.cases, name, name in SILENT):
            failed += 1
            print(f"{name}: {fault}")
    for name, out in EXAMPLES.items():
        for fault in example(options.program, name, out):
            failed += 1
            print(f"{name}: {fault}")
    print(f"{tried} cases, {failed} faults")
    return 1 if failed or not tried else 0


if __name__ == "__main__":
    sys.exit(main())

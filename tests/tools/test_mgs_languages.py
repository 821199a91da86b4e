#!/usr/bin/env python3
"""Reads scripts and declarations and compares what is said of them with what MGS recorded.

    test_mgs_languages.py ISOMER CASES

CASES is a folder of cases, each with its expected.json, as its README says. Compared are whether the file is accepted,
the class of the mistake and the line; the sentences are our own. Then come the broken files of broken_mgs.py, and what
the printers give is read again.
"""

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import broken_mgs

SECONDS, MEGABYTES = 20, 1500  # for any broken file; sanitizers take more than the program itself


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def run(program, *words, cwd=None):
    command = [str(program), *map(str, words)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
        cwd=cwd,
        preexec_fn=limit,
    )


def errors_of(program, path):
    """Exit code and errors of `isomer check`: class, line, message."""
    done = run(program, "check", path, "--json")
    try:
        problems = json.loads(done.stdout)["problems"]
    except ValueError:
        return done.returncode, None, done.stderr
    errors = [
        (p["message"].split(":")[0], p["line"], p["message"])
        for p in problems
        if p["severity"] == "error"
    ]
    return done.returncode, errors, done.stdout


def recorded_line(expected, pattern):
    found = re.search(pattern, "\n".join(expected["stderr"]))
    return int(found[1]) if found else None


def try_declarations(program, folder):
    """A case of mdlparser: accepted, or refused with a class and a line."""
    expected = json.loads((folder / "expected.json").read_text())
    path = folder / expected["arguments"][0]
    if not path.exists():
        done = run(program, "check", path)
        return [] if done.returncode == 3 and "no such file" in done.stderr else [done.stderr]
    code, errors, said = errors_of(program, path)
    if errors is None:
        return [said]
    if expected["exit"] == 0:
        return [] if code == 0 else [f"is refused: {errors}"]
    if code != 3 or not errors:
        return [f"is accepted; MGS refuses it: {expected['stderr']}"]
    faults = []
    if expected["class"] not in {kind for kind, _, _ in errors}:
        faults.append(f"no error of class {expected['class']}: {errors}")
    line = recorded_line(expected, r'"case.mdl":(\d+)')
    if line is not None and line != errors[0][1]:
        faults.append(f"is refused in line {errors[0][1]}; MGS says {line}")
    return faults


def try_script(program, folder):
    """A case of gslparser: whether its text and its first pass are in order, and the class and line of what is not."""
    expected = json.loads((folder / "expected.json").read_text())
    path = folder / "net.gsl"
    if not path.exists() or expected.get("class") == "usage":
        return []
    code, errors, said = errors_of(program, path)
    if errors is None:
        return [said]
    if expected["exit"] != 1:
        return [] if expected["exit"] != 0 or code == 0 else [f"is refused: {errors}"]
    if code != 3 or not errors:
        return [f"is accepted; MGS refuses it: {expected['stderr']}"]
    faults = []
    if expected.get("class") and expected["class"] not in {kind for kind, _, _ in errors}:
        faults.append(f"no error of class {expected['class']}: {errors}")
    line = recorded_line(expected, r'(?:line:|XXXXXX":)(\d+)')
    if line and line not in {at for _, at, _ in errors}:
        faults.append(f"is refused in {errors}; MGS says line {line}")
    return faults


def try_printing(program, folder, name):
    """A file in normal form is read as the same; what is shown and drawn of it is something."""
    with tempfile.TemporaryDirectory() as place:
        first, second = Path(place) / "first", Path(place) / "second"
        shutil.copytree(folder, first)
        shutil.copytree(folder, second)
        (second / name).unlink()
        once = run(program, "convert", first / name, "-o", second / name)
        if once.returncode != 0:
            return []  # what is wrong with it is told by the other tests
        again = Path(place) / name
        twice = run(program, "convert", second / name, "-o", again)
        faults = []
        if twice.returncode != 0 or again.read_text() != (second / name).read_text():
            faults.append(f"what is written reads otherwise: {twice.stderr}")
        for words in (("show",), ("show", "--dot", "--level", "3")):
            before, after = (run(program, *words, at / name) for at in (first, second))
            if before.returncode != 0 or before.stdout != after.stdout or not before.stdout:
                faults.append(f"{' '.join(words)}: {before.stderr}{after.stderr}")
        return faults


def try_broken(program):
    """One report, exit code 3, in bounded time and memory."""
    wrong = []
    for case in broken_mgs.CASES:
        with tempfile.TemporaryDirectory() as place:
            for name, text in case.files.items():
                data = text if isinstance(text, bytes) else text.encode()
                (Path(place) / name).write_bytes(data)
            code, errors, said = errors_of(program, Path(place) / case.entry)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        if code != 3 or errors is None:
            wrong.append(f"{case.name}: exit code {code}: {said[:300]}")
            continue
        found = [(kind, line) for kind, line, _ in errors]
        if found != case.errors:
            wrong.append(f"{case.name}: {errors} for {case.errors}")
        if peak > MEGABYTES:
            wrong.append(f"{case.name}: took {peak:.0f} MB")
    return len(broken_mgs.CASES), wrong


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("program", type=Path)
    words.add_argument("cases", type=Path)
    given = words.parse_args()
    wrong, tried = [], 0
    for expected in sorted(given.cases.glob("*/*/expected.json")):
        folder = expected.parent
        declarations = folder.parent.name == "mdl"
        name = "case.mdl" if declarations else "net.gsl"
        faults = (try_declarations if declarations else try_script)(given.program, folder)
        if (folder / name).exists():
            faults += try_printing(given.program, folder, name)
        wrong += [f"{folder.parent.name}/{folder.name}: {fault}" for fault in faults]
        tried += 1
    broken, faults = try_broken(given.program)
    wrong += faults
    print("\n".join(wrong))
    print(f"{tried} cases, {broken} broken files, {len(wrong)} wrong")
    return 1 if wrong or tried < 170 or broken < 60 else 0


if __name__ == "__main__":
    sys.exit(main())

"""Writes docs/coverage.md: what each system and engine can do with each operator.

The facts come from `isomer ops --json` and so from the program's own tables.

usage: coverage.py [--check] [--program build/release/isomer]
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/coverage.md"

HEAD = """# Coverage

Made by `make docs` from the program's own tables (`isomer ops --json`); do not edit.

**Systems**: *native*: the system has a word for the operator; *expanded*: it is written with
smaller operators; *no*: a model with it cannot be written. **Engines**: *native*: runs as one step;
*expanded*: runs as smaller ones. **primitive**: the operator is not made of smaller ones;
**d**: gradients go through it.
"""


def summary(ops, kind, name):
    states = [op[kind].get(name, "no") for op in ops]
    return ", ".join(
        f"{states.count(state)} {state}"
        for state in ("native", "expanded", "no")
        if state in states
    )


def family_table(ops, columns):
    yield "| operator | meaning | primitive | d | " + " | ".join(name for _, name in columns) + " |"
    yield "| --- | --- | --- | --- |" + " --- |" * len(columns)
    for op in ops:
        marks = ["yes" if op["primitive"] else "", "yes" if op["differentiable"] else ""]
        states = [op[kind].get(name, "no") for kind, name in columns]
        meaning = op["meaning"].replace("|", "\\|")
        yield "| " + " | ".join([f"`{op['name']}`", meaning, *marks, *states]) + " |"


def page(ops):
    """The whole page from the list that the program prints."""
    columns = [
        (kind, name)
        for kind in ("systems", "engines")
        for name in dict.fromkeys(name for op in ops for name in op[kind])
    ]
    primitive = sum(op["primitive"] for op in ops)
    lines = [HEAD, f"{len(ops)} operators, {primitive} of them primitive.", ""]
    lines += ["| | operators |", "| --- | --- |"]
    lines += [f"| {kind[:-1]} `{name}` | {summary(ops, kind, name)} |" for kind, name in columns]
    for family in dict.fromkeys(op["family"] for op in ops):
        rows = family_table([op for op in ops if op["family"] == family], columns)
        lines += ["", f"## {family}", "", *rows]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail if the page is stale")
    parser.add_argument("--program", default=ROOT / "build/release/isomer")
    options = parser.parse_args()

    listing = subprocess.run([options.program, "ops", "--json"], capture_output=True, check=True)
    text = page(json.loads(listing.stdout))
    if not options.check:
        PAGE.write_text(text)
    elif not PAGE.is_file() or PAGE.read_text() != text:
        print("docs/coverage.md is stale: `make docs` writes it anew")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

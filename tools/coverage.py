"""Writes docs/coverage.md: what each system and engine can do with each operator; and their number into README.md.

The facts come from `isomer ops --json` and so from the program's own tables; those about models from
tools/zoo/results.tsv, which `make test-models` compares with what comes out.

usage: coverage.py [--check] [--program build/release/isomer]
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs/coverage.md"
MODELS = ROOT / "tools/zoo/results.tsv"
README = ROOT / "README.md"
COUNT = re.compile(r"\d+, of them \d+ primitive")

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


def model_tables():
    """What `make test-models` gave: the sums, then a line for each model, as it comes and decomposed."""
    head, *lines = (line.split("\t") for line in MODELS.read_text().splitlines())
    rows = {name: dict(zip(head[1:], kinds)) for name, *kinds in lines}
    names = dict.fromkeys(name.removesuffix(".core") for name in rows)
    yield f"{len(names)} models of `tools/zoo`, exported as they come and decomposed: {len(rows)} files, compared with"
    yield "PyTorch by `make test-models`: outputs, gradients and autograd on the engines, source, document."
    yield ""
    yield "| | right | refused | wrong |"
    yield "| --- | --- | --- | --- |"
    for what in head[1:]:
        kinds = [row[what] for row in rows.values()]
        counts = " | ".join(str(kinds.count(kind)) for kind in ("right", "refused", "wrong"))
        yield f"| {what} | {counts} |"
    yield ""
    yield "Not right in every way:"
    yield ""
    yield "| model | as it comes | decomposed |"
    yield "| --- | --- | --- |"
    for name in names:
        states = [row_state(rows.get(name + form), head[1:]) for form in ("", ".core")]
        if set(states) != {"right"}:
            yield f"| {name} | {' | '.join(states)} |"


def row_state(row, head):
    if row is None:
        return "not exported"
    other = [f"{what} {row[what]}" for what in head if row[what] not in ("", "right")]
    return ", ".join(other) or "right"


def primitive(ops):
    return sum(op["primitive"] for op in ops)


def counted(text, ops):
    """A text that says how many operators there are, with today's numbers."""
    return COUNT.sub(f"{len(ops)}, of them {primitive(ops)} primitive", text)


def page(ops):
    """The whole page from the list that the program prints."""
    columns = [
        (kind, name)
        for kind in ("systems", "engines")
        for name in dict.fromkeys(name for op in ops for name in op[kind])
    ]
    lines = [HEAD, f"{len(ops)} operators, {primitive(ops)} of them primitive.", ""]
    lines += ["| | operators |", "| --- | --- |"]
    lines += [f"| {kind[:-1]} `{name}` | {summary(ops, kind, name)} |" for kind, name in columns]
    for family in dict.fromkeys(op["family"] for op in ops):
        rows = family_table([op for op in ops if op["family"] == family], columns)
        lines += ["", f"## {family}", "", *rows]
    lines += ["", "## models", "", *model_tables()]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail if the page is stale")
    parser.add_argument("--program", default=ROOT / "build/release/isomer")
    options = parser.parse_args()

    listing = subprocess.run([options.program, "ops", "--json"], capture_output=True, check=True)
    ops = json.loads(listing.stdout)
    texts = {PAGE: page(ops), README: counted(README.read_text(), ops)}
    stale = [path for path, text in texts.items() if not path.is_file() or path.read_text() != text]
    for path in stale:
        if options.check:
            print(f"{path.relative_to(ROOT)} is stale: `make docs` writes it anew")
        else:
            path.write_text(texts[path])
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

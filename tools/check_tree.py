"""Checks promises about the tree that no compiler sees.

- every operator has tests/cases/ops/<operator>.case
- tests/known_failures.txt is well formed and has not grown since the branch left main
- what the documents point at is there
- no file names a path of somebody's machine

usage: check_tree.py [--program build/release/isomer]
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
KNOWN_FAILURES = "tests/known_failures.txt"

# Folders where people work; spelled in two parts, or this very file would be found. `author` is
# the person who never lived, for tests of how such paths are treated.
MACHINE_PATH = re.compile(r"(?<![\w.}])/" + r"(?:home|root|Users|work|mnt)/(?!author\b)\w")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAMED_PATH = re.compile(r"`((?:src|tests|tools|docs|benchmarks|cmake)/[\w./-]*\w)`")


def missing_cases(ops, root):
    for op in ops:
        if not (root / f"tests/cases/ops/{op}.case").is_file():
            yield f"operator '{op}' has no tests/cases/ops/{op}.case"


def entries(text):
    """The lines of a list of known failures that say something."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def bad_known_failures(now, before):
    """`now` and `before` are the texts of the list."""
    for line in entries(now):
        parts = [part.strip() for part in line.split("|")]
        if len(parts) != 4 or not all(parts):
            yield f"{KNOWN_FAILURES}: '{line}' is not 'case | engine or system | reason | issue'"
    new = sorted(set(entries(now)) - set(entries(before)))
    if len(entries(now)) > len(entries(before)):
        yield f"{KNOWN_FAILURES} has grown; it may only shrink: {new}"


def dead_references(page, text, root):
    """Links of a document, and the paths it names, that lead nowhere."""
    for target in LINK.findall(text):
        if "://" not in target and not (root / page).parent.joinpath(target).exists():
            yield f"{page}: the link to '{target}' leads nowhere"
    for target in NAMED_PATH.findall(text):
        if not (root / target).exists():
            yield f"{page}: names '{target}', which is not there"


def machine_paths(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if MACHINE_PATH.search(line):
            yield f"{path}:{number}: names a path of one machine: {line.strip()[:80]}"


def git(*words):
    """What git prints, or None where it has no answer."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


def known_failures_before():
    """The list where this branch left main; on main itself, in the commit before."""
    head = git("rev-parse", "HEAD")
    bases = [git("merge-base", "HEAD", main) for main in ("origin/main", "main")]
    base = next((base for base in bases if base and base != head), None)
    commit = base.strip() if base else "HEAD^"
    return git("show", f"{commit}:{KNOWN_FAILURES}")


def check(ops):
    listed = git("ls-files", "--cached", "--others", "--exclude-standard", "-z") or ""
    files = [path for path in listed.split("\0") if path and (ROOT / path).is_file()]

    faults = list(missing_cases(ops, ROOT))
    if (ROOT / KNOWN_FAILURES).is_file():
        now = (ROOT / KNOWN_FAILURES).read_text()
        before = known_failures_before()
        faults += bad_known_failures(now, now if before is None else before)
    for path in files:
        try:
            text = (ROOT / path).read_text()
        except UnicodeDecodeError:
            continue
        faults += machine_paths(path, text)
        if path.endswith(".md"):
            faults += dead_references(path, text, ROOT)
    return faults


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=ROOT / "build/release/isomer")
    options = parser.parse_args()

    listing = subprocess.run([options.program, "ops", "--json"], capture_output=True, check=True)
    faults = check([op["name"] for op in json.loads(listing.stdout)])
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

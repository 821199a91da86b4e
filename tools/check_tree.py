"""Checks promises about the tree that no compiler sees.

- every operator has tests/cases/ops/<operator>.case
- tests/known_failures.txt is well formed and has not grown since the branch left main
- what the documents point at is there, and so is the C++ that they quote
- no file names a path of somebody's machine

usage: check_tree.py [--program build/release/isomer]
"""

import argparse
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
KNOWN_FAILURES = "tests/known_failures.txt"

# Folders where people work; spelled in two parts, or this very file would be found. `author` is
# the person who never lived, for tests of how such paths are treated.
MACHINE_PATH = re.compile(r"(?<![\w.}])/" + r"(?:home|root|Users|work|mnt)/(?!author\b)\w")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
QUOTE = re.compile(r"^```cpp\n(.*?)^```", re.DOTALL | re.MULTILINE)
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


def squeezed(text):
    """Without what a formatter decides: indentation and the breaks of lines."""
    return "".join(text.split())


def stale_quotes(page, text, sources):
    """Blocks of C++ in a document that stand nowhere in `sources`, which are squeezed."""
    for block in QUOTE.findall(text):
        if not any(squeezed(block) in source for source in sources):
            yield f"{page}: quotes C++ that is not in src/ (any more): {block.strip().splitlines()[0]}"


def machine_paths(path, content):
    """Lines of a text, or entries of an archive, that name a path of one machine."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from machine_paths(f"{path}/{name}", archive.read(name))
        return
    for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
        found = MACHINE_PATH.search(line)
        if found:
            around = line[max(0, found.start() - 20) : found.end() + 40].strip()
            yield f"{path}:{number}: names a path of one machine: {around}"


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
    sources = [squeezed(file.read_text()) for file in sorted((ROOT / "src").rglob("*.[ch]*"))]
    for path in files:
        content = (ROOT / path).read_bytes()
        faults += machine_paths(path, content)
        if path.endswith(".md"):
            faults += dead_references(path, content.decode(), ROOT)
            faults += stale_quotes(path, content.decode(), sources)
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

"""Prints the lines of each folder and checks them against the budget.

A file may have 500 lines, a table 800, all of src/ 40,000. Fewer newlines is not fewer lines.

usage: sizes.py [SOURCE_FOLDER]
"""

import statistics
import sys
from pathlib import Path, PurePath

FILE, TABLE, ALL = 500, 800, 40_000
# The families of operators, and what the systems call them.
TABLES = ("ops/*.cpp", "systems/*/names*.cpp", "systems/*/spelling*.cpp")


def budget_of(path):
    return TABLE if any(PurePath(path).match(pattern) for pattern in TABLES) else FILE


def measure(source):
    """Lines by path."""
    files = sorted([*source.rglob("*.h"), *source.rglob("*.cpp")])
    return {
        file.relative_to(source).as_posix(): len(file.read_text().splitlines()) for file in files
    }


def check(lines):
    faults = [
        f"src/{path}: {count} lines; the budget is {budget_of(path)}"
        for path, count in lines.items()
        if count > budget_of(path)
    ]
    total = sum(lines.values())
    return faults + ([f"src: {total} lines; the budget is {ALL}"] if total > ALL else [])


def table(lines):
    """One row per folder: lines, files, median and longest."""
    folders = {}
    for path, count in lines.items():
        folders.setdefault(str(PurePath(path).parent), []).append((count, PurePath(path).name))
    row = "{:<20} {:>6} {:>6} {:>7}  {}"
    yield row.format("folder", "lines", "files", "median", "longest")
    for folder, files in sorted(folders.items()):
        counts = [count for count, _ in files]
        longest = "{1} {0}".format(*max(files))
        median = round(statistics.median(counts))
        yield row.format(folder, sum(counts), len(files), median, longest)
    counts = lines.values()
    median = round(statistics.median(counts))
    yield row.format("all of src", sum(counts), len(counts), median, "").rstrip()


if __name__ == "__main__":
    measured = measure(
        Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "src")
    )
    faults = check(measured)
    print("\n".join([*table(measured), *faults]))
    sys.exit(1 if faults else 0)

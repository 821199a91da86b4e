"""Prints the lines of each folder and checks them against the budget.

A file may have 500 lines, a table 800, a function 50, each room what ROOMS says. Fewer newlines is not fewer lines.

usage: sizes.py [SOURCE_FOLDER]
"""

import re
import statistics
import sys
from pathlib import Path, PurePath

FILE, TABLE, FUNCTION = 500, 800, 50
# Lines that a room may have: what it had when its row was last argued for, and a tenth more. A room without a row may
# have 2,500. Whoever widens a room raises its row once, with a page in docs/decisions.
NEW = 2_500
ROOMS = {
    "base": 750,
    "cli": 4_800,
    "codecs": 3_100,
    "graph": 3_810,
    "ops": 7_200,
    "passes": 4_000,
    "prove": 8_250,
    "run": 1_190,
    "run/reference": 3_400,
    "source/python": 4_250,
    "systems": 1_080,
    "systems/mdf": 10_200,
    "systems/mgs": 900,
    "systems/mgs/run": 4_900,
    "systems/mgs/run/nodes": 2_200,
    "systems/mgs/gsl": 2_250,
    "systems/mgs/mdl": 2_540,
    "systems/mgs/source": 1_850,
    "systems/pt2": 3_800,
    "systems/text": 100,
    "systems/torch": 2_260,
    "torch": 1_500,
    "vocabularies": 1_150,
    "vocabularies/aten": 10_900,
    "vocabularies/numpy": 6_200,
    "vocabularies/onnx": 3_700,
}
# The families of operators, and what the systems call them.
TABLES = ("ops/*.cpp", "vocabularies/*/*.cpp", "source/*/spelling*.cpp", "systems/*/spelling*.cpp")


def budget_of(path):
    return TABLE if any(PurePath(path).match(pattern) for pattern in TABLES) else FILE


def sources(source):
    """The text of each file by path."""
    files = sorted([*source.rglob("*.h"), *source.rglob("*.cpp")])
    return {file.relative_to(source).as_posix(): file.read_text() for file in files}


def measure(source):
    """Lines by path."""
    return {path: len(text.splitlines()) for path, text in sources(source).items()}


TYPE = re.compile(r"(template <.*> )?(class|struct|union) [^()]*{$")
SCOPE = re.compile(r"(inline )?namespace\b.*{$")


def functions(text):
    """First line, head and length of each function that has more than one line.

    Stands on clang-format: what a namespace holds begins at the left edge, what a class holds two
    columns further in, and a body ends with a brace under the first letter of its head.
    """
    indent, begin, head = 0, 0, ""
    inside = None  # of a body or an initializer: the indentation of what it belongs to
    for number, line in enumerate(text.splitlines(), 1):
        code = re.sub(r"\s*//.*", "", line)
        depth = len(code) - len(code.lstrip())
        if not code.strip() or code.startswith("#"):
            continue
        if inside is not None:
            if depth == inside and code.lstrip().startswith("}"):
                if "(" in head and not head.endswith("= {"):
                    yield begin, head, number - begin + 1
                inside, head = None, ""
        elif not head and indent and depth == indent - 2 and code.lstrip() == "};":
            indent -= 2
        elif head or (depth == indent and not code.strip().startswith("}")):
            begin = begin if head else number
            head = f"{head} {code.strip()}".strip()
            if SCOPE.fullmatch(head):
                head = ""
            elif TYPE.fullmatch(head):
                indent, head = indent + 2, ""
            elif head.endswith("{"):
                inside = indent
            elif head.endswith((";", "}")):
                head = ""


def long_functions(texts):
    return [
        f"src/{path}:{begin}: a function of {count} lines; the budget is {FUNCTION}: {head[:60]}"
        for path, text in texts.items()
        for begin, head, count in functions(text)
        if count > FUNCTION
    ]


def check(lines):
    faults = [
        f"src/{path}: {count} lines; the budget is {budget_of(path)}"
        for path, count in lines.items()
        if count > budget_of(path)
    ]
    for room, count in rooms(lines).items():
        budget = ROOMS.get(room, NEW)
        if count > budget:
            faults.append(f"src/{room}: {count} lines; the budget of this room is {budget}")
    return faults


def room_of(path):
    """The folder with a row that holds the file; in a folder of rooms, one without a row is a room, too."""
    folders = [folder.as_posix() for folder in PurePath(path).parents][:-1]
    place = next((i for i, folder in enumerate(folders) if folder in ROOMS), len(folders) - 1)
    holds_rooms = any(room.startswith(folders[place] + "/") for room in ROOMS)
    return folders[place - 1] if place > 0 and holds_rooms else folders[place]


def rooms(lines):
    found = {}
    for path, count in lines.items():
        found[room_of(path)] = found.get(room_of(path), 0) + count
    return found


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
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "src")
    measured = measure(folder)
    faults = check(measured) + long_functions(sources(folder))
    print("\n".join([*table(measured), *faults]))
    sys.exit(1 if faults else 0)

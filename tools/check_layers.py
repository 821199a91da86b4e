"""Checks that the includes in src/ follow src/layers.txt and that neither headers nor rooms form a circle.

usage: check_layers.py [SOURCE_FOLDER]
"""

import re
import sys
from pathlib import Path

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def read_table(text):
    """Rooms to the rooms they may include; libraries to the places that may include them."""
    rooms, libraries = {}, {}
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, _, allowed = line.partition(":")
        table = libraries if name.startswith("<") else rooms
        table[name.strip("<>")] = allowed.split()
    return rooms, libraries


def inside(path, place):
    return path == place or path.startswith(place + "/")


def room_of(path, rooms):
    """The most particular room that holds `path`, or None."""
    return max((room for room in rooms if inside(path, room)), key=len, default=None)


def check_table(source, rooms, libraries):
    for folder in sorted(p.name for p in source.iterdir() if p.is_dir() and any(p.rglob("*.*"))):
        if folder not in rooms:
            yield f"src/{folder}: has no row in layers.txt"
    for room, allowed in rooms.items():
        for name in (room, *allowed):
            if name not in rooms:
                yield f"layers.txt: row '{room}' names '{name}', which has no row"
        if not (source / room).exists():
            yield f"layers.txt: row '{room}' has no folder"
    for library, places in libraries.items():
        for place in places:
            if not (source / place).exists():
                yield f"layers.txt: row '<{library}>' names '{place}', which is not there"


def check_file(path, text, source, rooms, libraries):
    room = room_of(path, rooms)
    if room is None:
        return
    for quote, target in INCLUDE.findall(text):
        if quote == "<":
            for library, places in libraries.items():
                if inside(target, library) and not any(inside(path, place) for place in places):
                    yield f"src/{path}: includes <{target}>, which only {' '.join(places)} may"
            continue
        if not (source / target).is_file():
            yield f'src/{path}: includes "{target}", which is not there; paths begin in src/'
            continue
        other = room_of(target, rooms)
        if other is not None and other != room and other not in rooms[room]:
            yield f"src/{path}: '{room}' may not include '{other}' (\"{target}\")"
        # From a header its fmt would reach everybody; libtorch brings another fmt of its own.
        if target == "base/text.h" and (path.endswith(".h") or room == "torch"):
            yield f"src/{path}: includes base/text.h, which is for .cpp files outside src/torch"


def find_circles(edges):
    """One line per circle in a map from nodes to the nodes they lead to."""
    done, trail = set(), []

    def visit(node):
        if node in trail:
            yield " -> ".join([*trail[trail.index(node) :], node])
            return
        if node in done:
            return
        trail.append(node)
        for following in edges.get(node, []):
            yield from visit(following)
        trail.pop()
        done.add(node)

    for node in sorted(edges):
        yield from visit(node)


def check(source):
    """All violations, one line each."""
    rooms, libraries = read_table((source / "layers.txt").read_text())
    faults = list(check_table(source, rooms, libraries))
    includes = {}
    for file in sorted([*source.rglob("*.h"), *source.rglob("*.cpp")]):
        path, text = file.relative_to(source).as_posix(), file.read_text()
        faults += check_file(path, text, source, rooms, libraries)
        includes[path] = [target for quote, target in INCLUDE.findall(text) if quote == '"']
    faults += [f"headers in a circle: {circle}" for circle in find_circles(includes)]

    others = {room: [name for name in allowed if name != room] for room, allowed in rooms.items()}
    faults += [f"layers.txt: rooms in a circle: {circle}" for circle in find_circles(others)]
    return faults


if __name__ == "__main__":
    found = check(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "src"))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)

"""Compares the rows of src/vocabularies/aten with PyTorch's schemas: each is an operator that exists; what is read by
names alone has every argument of the schema asked for, without bearing or refused, with PyTorch's defaults; memory
is shared where the schema says so; and of complex numbers, axes and shapes are arguments that PyTorch has, with its
defaults.

usage: test_aten_rows.py PROGRAM      exit 77 where torch is missing
"""

import json
import pathlib
import re
import subprocess
import sys

try:
    import torch
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

ROOM = pathlib.Path(__file__).parents[2] / "src/vocabularies/aten"

# Share memory although their schemas do not say so: they give their argument where they have nothing to do.
UNSAID = {
    "dropout",
    "feature_dropout",
    "alpha_dropout",
    "feature_alpha_dropout",
    "type_as",
    "conj_physical",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
}


COMPLEX = re.compile(r"constexpr ComplexRow \w+\[\] = \{.*?\n\};", re.S)


def rows_in(text):
    """The columns of each row of a table, for each target."""
    joined = re.sub(r'"\s+"', "", text)
    for row in re.findall(r"\{(\.targets =\s+\"[^}]*)\}", joined):
        columns = dict(re.findall(r'\.(\w+) =\s+"?([^",]*)"?', row))
        for target in columns["targets"].split():
            yield {"inputs": "self", "read": "", **columns, "target": target}


def rows():
    for path in sorted(ROOM.glob("*.cpp")):
        yield from rows_in(COMPLEX.sub("", path.read_text()))


def complex_rows():
    for path in sorted(ROOM.glob("*.cpp")):
        for table in COMPLEX.findall(path.read_text()):
            yield from rows_in(table)


def without_bearing():
    text = (ROOM / "reading.cpp").read_text()
    listed = re.search(r"without_meaning\[\] = \{(.*?)\}", text, re.S).group(1)
    return set(re.findall(r'"(\w+)"', listed))


def signatures(program):
    """The settings of our operators: name to default, None where there is none."""
    listed = subprocess.run([program, "ops", "--json"], capture_output=True, text=True, check=True)
    found = {}
    for op in json.loads(listed.stdout):
        settings = re.findall(r"(\w+): \w+(?: = (\[.*?\]|[^,)]*))?", op["signature"].split("->")[0])
        found[op["name"]] = {name: default or None for name, default in settings}
    return found


def schema_of(target):
    name, _, overload = target.partition(".")
    return torch._C._get_schema(f"aten::{name}", overload)


def same(ours, theirs):
    """Whether our default, as the signature writes it, is PyTorch's."""
    if ours is None:
        return theirs is None
    if theirs is None:
        return ours == "[]"
    if isinstance(theirs, str):
        return ours == f"'{theirs}'"
    reductions = ["'none'", "'mean'", "'sum'"]
    if ours in reductions:
        return reductions.index(ours) == theirs
    if ours in ("true", "false"):
        return (ours == "true") == theirs
    if ours.startswith("["):
        return json.loads(ours) == list(theirs)
    return float(ours) == float(theirs)


def default_problems_of(row, arguments, settings, pairs):
    """A setting with our default is not written into source."""
    for name, default in settings[row["ours"]].items():
        theirs = arguments.get(pairs.get(name, name))
        if theirs is None or not theirs.has_default_value():
            continue
        if not same(default, theirs.default_value):
            yield f"{theirs.name} is {theirs.default_value} by default, ours {default}"


def problems_of(row, schema, settings, ignored):
    arguments = {argument.name: argument for argument in schema.arguments}
    pairs = dict(pair.split("=") for pair in row.get("renames", "").split())
    renamed = row["read"] in ("", "renamed_and_saved<1>", "renamed_and_saved<2>")
    if renamed or "python" in row:
        yield from default_problems_of(row, arguments, settings, pairs)
    if not renamed:
        return
    asked = set(row["inputs"].split())
    for name in asked - set(arguments):
        yield f"has no argument {name}"
    for name, default in settings[row["ours"]].items():
        theirs = pairs.get(name, name)
        asked.add(theirs)
        if theirs not in arguments and default is None:
            yield f"lacks {theirs}, which ours needs"
    for name in set(arguments) - asked - ignored:
        if not arguments[name].has_default_value():
            yield f"needs {name}, which nobody asks for"


# By name, what an operator may have beside those.
AXES = {"dim", "dims", "dim0", "dim1", "start_dim", "end_dim", "axis0", "axis1", "source"}


def complex_problems_of(row, schema):
    """Of what is read of the pairs: an axis or shape that is not moved would mean another one."""
    arguments = {argument.name: argument for argument in schema.arguments}
    if row["read"] or {"function", "parts", "factors"} & set(row):
        return
    moved = dict((pair + "=").split("=")[:2] for pair in row.get("axes", "").split())
    shapes = {pair.split("=")[0] for pair in row.get("shapes", "").split()}
    for name in AXES & set(arguments) - set(moved) - shapes:
        yield f"{name} is an axis and not moved"
    for name, default in moved.items():
        if name not in arguments:
            yield f"has no argument {name}"
            continue
        theirs = arguments[name].default_value if arguments[name].has_default_value() else None
        if theirs is not None and str(theirs) != default:
            yield f"{name} is {theirs} by default, ours {default or 'missing'}"
    if shapes and not shapes & set(arguments):
        yield f"has none of the shapes {shapes}"
    if "size" in arguments and "size" not in shapes:
        yield "has a size that is not moved"


def complex_failures():
    failed = count = 0
    for row in complex_rows():
        count += 1
        try:
            problems = list(complex_problems_of(row, schema_of(row["target"])))
        except RuntimeError:
            problems = ["PyTorch has no such operator"]
        failed += bool(problems)
        for problem in problems:
            print(f"{row['target']} of complex numbers: {problem}")
    print(f"{count} rows of complex numbers, {failed} failed")
    return failed if count > 100 else 1


def main():
    settings = signatures(sys.argv[1])
    ignored = without_bearing()
    failed = count = 0
    for row in rows():
        count += 1
        problems = []
        try:
            schema = schema_of(row["target"])
        except RuntimeError:
            problems.append("PyTorch has no such operator")
        else:
            problems += problems_of(row, schema, settings, ignored)
            said = any(result.alias_info is not None for result in schema.returns)
            shares = row.get("aliases", "never") != "never"
            if said != shares and row["target"].partition(".")[0] not in UNSAID:
                problems.append(f"shares memory: {said} by the schema, {shares} by the row")
        failed += bool(problems)
        for problem in problems:
            print(f"{row['target']}: {problem}")
    print(f"{count} rows, {failed} failed")
    return 1 if complex_failures() or failed or count < 250 else 0


if __name__ == "__main__":
    sys.exit(main())

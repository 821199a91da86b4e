"""Compares every row of src/vocabularies/onnx with ONNX's own schemas, for each opset that the row is of.

usage: check_rows.py

Inputs, attributes, kinds, defaults and outputs must be the same, so that no attribute is without a name here: reading
refuses one that nobody asked for. Needs the package onnx, as record.py does. Ends with 1 where a row differs.
"""

import re
import sys
from pathlib import Path

import numpy as np
from onnx import defs

SOURCE = Path(__file__).resolve().parents[4] / "src/vocabularies/onnx"
ROW = re.compile(r'\{(\d+),\s*((?:"[^"]*"\s*)+),?')
# Lists of others are texts with commas.
KINDS = {
    "FLOAT": "float",
    "INT": "int",
    "STRING": "string",
    "INTS": "ints",
    "FLOATS": "string",
    "STRINGS": "string",
}


def rows():
    for path in sorted(SOURCE.glob("*.cpp")):
        for since, text in ROW.findall(path.read_text()):
            signature = "".join(re.findall(r'"([^"]*)"', text))
            if "(" in signature:
                yield int(since), signature


def newest():
    return int(re.search(r"newest = (\d+)", (SOURCE / "onnx.h").read_text())[1])


def number(text):
    return float(np.float32(float(text)))


def parsed(signature):
    """Inputs with their marks, attributes with kind and default, outputs."""
    name, inside, outputs = re.fullmatch(r"(\w+)\((.*)\) -> \(?(.*?)\)?", signature).groups()
    inputs, attributes = [], {}
    for part in inside.split(", "):
        if ": " not in part:
            inputs.append(part)
            continue
        word, kind = part.split(": ")
        kind, _, default = kind.partition(" = ")
        attributes[word] = (
            kind,
            number(default) if kind in ("int", "float") and default else default,
        )
    return name, inputs, attributes, outputs.split(", ")


def default_of(attribute):
    value = attribute.default_value
    if attribute.type.name == "STRING" and value.type:
        return f"'{value.s.decode()}'"
    if attribute.type.name in ("INT", "FLOAT") and value.type:
        return number(value.i if attribute.type.name == "INT" else value.f)
    return ""


def of_schema(schema):
    marks = {"Optional": "?", "Variadic": "...", "Single": ""}
    inputs = [i.name + marks[i.option.name] for i in schema.inputs]
    attributes = {}
    for name, attribute in schema.attributes.items():
        if (
            schema.name == "Constant"
        ):  # its value is an input here, and its other attributes are refused
            inputs = ["value"]
            continue
        if attribute.type.name == "TENSOR":  # which is an input here
            inputs.append(name + ("" if attribute.required else "?"))
            continue
        default = default_of(attribute)
        optional = "" if attribute.required or default != "" else "?"
        attributes[name] = (KINDS[attribute.type.name] + optional, default)
    return (
        inputs,
        attributes,
        [o.name + ("..." if o.option.name == "Variadic" else "") for o in schema.outputs],
    )


def main():
    all_rows = list(rows())
    wrong = checked = 0
    for since, signature in all_rows:
        name, inputs, attributes, outputs = parsed(signature)
        later = [s for s, other in all_rows if other.startswith(name + "(") and s > since]
        if defs.get_schema(name, since).since_version != since:
            print(f"{name}: {since} is none of its versions")
            wrong += 1
        for opset in range(max(since, 13), min([*later, newest() + 1])):
            checked += 1
            theirs = of_schema(defs.get_schema(name, opset))
            for ours, other, what in zip(
                (inputs, attributes, outputs),
                theirs,
                ("inputs", "attributes", "outputs"),
                strict=True,
            ):
                if ours != other:
                    print(
                        f"{name}, opset {opset}: {what} are {other}, the row of {since} has {ours}"
                    )
                    wrong += 1
    print(f"{len(all_rows)} rows, {checked} comparisons, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

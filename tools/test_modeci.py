#!/usr/bin/env python3
"""Runs documents that isomer wrote in the real modeci_mdf and compares the outputs.

usage: test_modeci.py [FOLDER]        (run by `make test-modeci`, with the Python of its own venv)

A FOLDER holds, for each model, NAME.json (with NAME.json.safetensors where there are many weights),
NAME.inputs.safetensors (in0, in1, ...) and NAME.outputs.safetensors (out0, out1, ...: our results). Without one, the
exports in tests/data/models and the graphs in tests/cases/systems/mdf are converted and run with the built program
first ($ISOMER_PROGRAM, else build/release/isomer), and what tests/data/mdf records of schedules is recorded once more.

Packages: modeci_mdf 0.4.13 or 0.4.15, onnxruntime, safetensors, numpy.
"""

import contextlib
import importlib.metadata
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy
from safetensors.numpy import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
# The document's ONNX functions compute in 32 bits, by another library.
RELATIVE, ABSOLUTE = 1e-4, 1e-5


def run_document(path, inputs):
    """The outputs of the document's output nodes, by the reference program."""
    from modeci_mdf.execution_engine import EvaluableGraph
    from modeci_mdf.utils import load_mdf

    initializer = {f"input{i + 1}": inputs[f"in{i}"] for i in range(len(inputs))}
    weights = path.with_name(path.name + ".safetensors")
    if weights.exists():
        initializer.update(load_file(weights))
    engine = EvaluableGraph(load_mdf(str(path)).graphs[0])
    engine.evaluate(initializer=initializer)
    return [
        numpy.asarray(port.curr_value)
        for node in engine.output_enodes
        for port in node.evaluable_outputs.values()
    ]


def difference(found, expected):
    """What is wrong, or an empty text."""
    if found.shape != expected.shape:
        return f"shape {list(found.shape)} instead of {list(expected.shape)}"
    if expected.dtype.kind in "iub":
        wrong = int((found.astype(expected.dtype) != expected).sum())
        return f"{wrong} elements differ" if wrong else ""
    if numpy.allclose(found, expected, RELATIVE, ABSOLUTE, equal_nan=True):
        return ""
    return f"largest difference {numpy.nanmax(numpy.abs(found - expected)):.3g}"


def check(path):
    """Compares one document; returns what went wrong."""
    inputs = load_file(path.with_suffix(".inputs.safetensors"))
    if not path.with_suffix(".outputs.safetensors").exists():
        return "isomer does not run it"
    expected = load_file(path.with_suffix(".outputs.safetensors"))
    try:
        # The reference prints while it works, and warns of overflows that NumPy would let pass.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = run_document(path, inputs)
    except Exception as error:  # whatever the reference raises is a failure of this document
        return f"{type(error).__name__}: {str(error)[:300]}"
    if len(found) != len(expected):
        return f"{len(found)} outputs instead of {len(expected)}"
    problems = [difference(value, expected[f"out{i}"]) for i, value in enumerate(found)]
    return "; ".join(f"out{i}: {problem}" for i, problem in enumerate(problems) if problem)


def inputs_of_case(program, model):
    """Inputs for a graph in the text form, of the types it asks for; named lengths are 3."""
    summary = json.loads(
        subprocess.run([program, "show", model, "--json"], check=True, capture_output=True).stdout
    )
    random = numpy.random.default_rng(0)
    result = {}
    for i, value in enumerate(summary["inputs"]):
        dtype, lengths = summary["values"][value]["type"].rstrip("]").split("[")
        shape = [
            int(length) if length.strip().isdigit() else 3
            for length in lengths.split(",")
            if length.strip()
        ]
        if dtype.startswith("f"):
            result[f"in{i}"] = random.standard_normal(shape).astype(numpy.float32)
        elif dtype == "bool":
            result[f"in{i}"] = random.integers(0, 2, shape).astype(bool)
        else:
            result[f"in{i}"] = random.integers(0, 3, shape).astype(numpy.int64)
    return result


def prepare(folder, program):
    """Converts and runs our models; returns those that MDF cannot say."""
    skipped = []
    models = sorted((ROOT / "tests/data/models").glob("*.pt2")) + sorted(
        (ROOT / "tests/cases/systems/mdf").glob("*/model.isomer")
    )
    for model in models:
        name = model.stem if model.suffix == ".pt2" else "case_" + model.parent.name
        document = folder / f"{name}.json"
        done = subprocess.run(
            [program, "convert", model, "-o", document, "--to", "mdf"],
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            skipped.append((name, done.stderr.strip()[:200]))
            continue
        if model.suffix == ".pt2":
            stored = load_file(model.with_name(model.name.split(".")[0] + ".safetensors"))
            inputs = {key: value for key, value in stored.items() if key.startswith("in")}
        else:
            inputs = inputs_of_case(program, model)
        save_file(inputs, document.with_suffix(".inputs.safetensors"))
        subprocess.run(
            [
                program,
                "run",
                document,
                "--inputs",
                document.with_suffix(".inputs.safetensors"),
                "-o",
                document.with_suffix(".outputs.safetensors"),
            ]
        )
    return skipped


def schedule_of(graphs, row):
    """The sets of nodes that the reference runs: "A|BC|-"."""
    from modeci_mdf.execution_engine import EvaluableGraph
    from modeci_mdf.mdf import Model

    graph = {**graphs[row["graph"]]}
    if "conditions" in row:
        graph["conditions"] = row["conditions"]
    engine = EvaluableGraph(Model.from_dict({"m": {"graphs": {"g": graph}}}).graphs[0])
    given = {port: numpy.array(value["v"]) for port, value in row.get("initializer", {}).items()}
    for _ in range(row.get("runs", 1)):
        engine.evaluate(initializer=given)
    sets = engine.scheduler.execution_list[None]
    return "|".join("".join(sorted(node.id for node in chosen)) or "-" for chosen in sets)


def check_schedules():
    """The recorded schedules that this release does not give."""
    release = importlib.metadata.version("modeci_mdf")
    table = json.loads((ROOT / "tests/data/mdf/condition_cases.json").read_text())
    wrong = []
    for row in table["cases"]:
        if "sets" not in row or row.get("dialect", release) != release:
            continue
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = schedule_of(table["graphs"], row)
        if found != row["sets"]:
            wrong.append(f"{row['name']}: {found} instead of {row['sets']}")
    return wrong


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        if len(sys.argv) > 1:
            folder = pathlib.Path(sys.argv[1])
        else:
            folder = pathlib.Path(scratch)
            program = os.environ.get("ISOMER_PROGRAM", str(ROOT / "build/release/isomer"))
            for name, why in prepare(folder, program):
                print(f"skipped {name}: {why}")
            wrong = check_schedules()
            print("\n".join(f"FAILED schedule {line}" for line in wrong) or "ok     schedules")
            failed += len(wrong)
        documents = sorted(path for path in folder.glob("*.json"))
        for path in documents:
            problem = check(path)
            failed += bool(problem)
            print(
                f"{'FAILED' if problem else 'ok    '} {path.stem}{': ' + problem if problem else ''}"
            )
        print(f"{len(documents)} documents and the schedules: {failed} failed")
        return 1 if failed or not documents else 0


if __name__ == "__main__":
    sys.exit(main())

"""Records what the format's own program gives for elements of 8, 16 and 32 bits.

    tools/setup_modeci 0.4.15; .venv-modeci-0.4.15/bin/python -W ignore tests/data/mdf/record_narrow.py

writes narrow_cases.json beside this file: documents with ONNX's Cast and NumPy's types, run four
times each. The unit test `MdfExecutor` runs them, and `MdfGraph` steps their graphs beside them.
"""

import contextlib
import io
import json
import pathlib

import numpy
from modeci_mdf.execution_engine import EvaluableGraph
from modeci_mdf.mdf import Model

FOLDER = pathlib.Path(__file__).parent


def node(**parameters):
    values = {
        name: value if isinstance(value, dict) else {"value": value}
        for name, value in parameters.items()
    }
    shown = list(values)[-1]
    return {"n": {"parameters": values, "output_ports": {"o": {"value": shown}}}}


def cast(to):
    return {"function": "onnx::Cast", "args": {"input": "x", "to": to}}


CASES = {
    "cast_to_uint8_wraps_what_is_added": node(
        x=[200.0, 100.0], onnx_c=cast(2), y={"function": "c + c", "args": {"c": "onnx_c"}}
    ),
    "cast_to_int8": node(
        x=[100.0, -128.0], onnx_c=cast(3), y={"function": "c * 2", "args": {"c": "onnx_c"}}
    ),
    "int16_wraps": node(x=[30000, -5], y="numpy.array(x).astype('int16') * 2"),
    "cast_to_int32_divides": node(
        x=[2147483000.0, 7.0], onnx_c=cast(6), y={"function": "c + c", "args": {"c": "onnx_c"}}
    ),
    "cast_then_an_operator": node(
        x=[5.0, 7.0],
        onnx_c=cast(6),
        y={"function": "onnx::Add", "args": {"A": "onnx_c", "B": "onnx_c"}},
    ),
    "int32_goes_on": node(x=[1, 2], y="numpy.int32(x) * 2000000000"),
    "uint8_of_a_number": node(y="numpy.uint8(200) + numpy.uint8(100)"),
    "uint8_counts": node(
        c={"default_initial_value": [250, 3], "value": "numpy.array(c).astype('uint8') + 3"}
    ),
    "int8_array_and_a_number": node(x=[100, -100], y="numpy.array(x).astype('int8') + 100"),
    "uint8_and_int8": node(x=[200, 100], y="numpy.array(x).astype('uint8') - numpy.int8(100)"),
    "float16_rounds": node(x=[0.1, 2049.0], y="numpy.float16(x) + 1"),
    "float16_and_float64": node(x=[0.1, 2049.0], y="numpy.float16(x) + numpy.float64(0.1)"),
    "a_sum_is_wide": node(x=[100, 100], y="numpy.sum(numpy.array(x).astype('int8'))"),
    "a_root_is_narrow": node(x=[2, 3], y="numpy.sqrt(numpy.array(x).astype('uint8'))"),
    "quantized_to_int8": node(
        x=[-3.0, 200.0],
        y={
            "function": "onnx::QuantizeLinear",
            "args": {
                "x": "x",
                "y_scale": 0.5,
                "y_zero_point": "numpy.full((), 3, dtype=numpy.int8)",
            },
        },
    ),
    "truths_and_roots": node(x=[2, -3], y="numpy.exp(x > 0)"),
}


def recorded(value):
    if isinstance(value, numpy.ndarray):
        return {
            "t": "array",
            "dtype": str(value.dtype),
            "shape": list(value.shape),
            "v": value.tolist(),
        }
    if isinstance(value, numpy.generic):
        return {"t": "npscalar", "dtype": str(value.dtype), "v": value.item()}
    return {"t": type(value).__name__, "v": value}


def case(name, nodes):
    document = {"m": {"format": "ModECI MDF v0.4", "graphs": {"g": {"nodes": nodes}}}}
    snapshots = []
    with contextlib.redirect_stdout(io.StringIO()):
        engine = EvaluableGraph(Model.from_dict(json.loads(json.dumps(document))).graphs[0])
        for _ in range(4):
            engine.evaluate()
            port = engine.enodes["n"].evaluable_outputs["o"]
            snapshots.append({"outputs": {"n": {"o": recorded(port.curr_value)}}})
    return {"name": name, "document": document, "runs": [None] * 4, "snapshots": snapshots}


def main():
    rows = [case(name, nodes) for name, nodes in CASES.items()]
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (FOLDER / "narrow_cases.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()

"""Documents that are broken, each in its own way, and what is to be said of them.

A case has a name, its content (a dict is written as JSON), and the ways to all errors that `isomer check` lists. Those
of which only an evaluation tells, in RUNS, have a part of its message instead.
"""

import json
import struct

GOOD = {"output_ports": {"o": {"value": "1"}}}


def model(nodes, edges=None, conditions=None, **more):
    graph = {"nodes": nodes, **more}
    if edges is not None:
        graph["edges"] = edges
    if conditions is not None:
        graph["conditions"] = conditions
    return {"m": {"graphs": {"g": graph}}}


def node(inputs=(), parameters=None, value="1", **more):
    ports = {i: {} for i in inputs} if not isinstance(inputs, dict) else inputs
    return {
        "input_ports": ports,
        "parameters": parameters or {},
        "output_ports": {"o": {"value": value}},
        **more,
    }


def one(parameter, **more):
    return model({"n": node(("x",), {"p": parameter}, "p", **more)})


def edge(sender="a", receiver="b", sender_port="o", receiver_port="x", **more):
    return {
        "sender": sender,
        "receiver": receiver,
        "sender_port": sender_port,
        "receiver_port": receiver_port,
        **more,
    }


def pair(edges, **more):
    return model({"a": node(), "b": node(("x",), value="x")}, edges, **more)


def call(function, parameters, **settings):
    """One node that calls a function of ONNX with its parameters."""
    arguments = {name: name for name in parameters} | settings
    values = {name: {"value": value} for name, value in parameters.items()}
    called = {"y": {"function": f"onnx::{function}", "args": arguments}}
    return model({"n": node(parameters=values | called, value="y")})


def specific(condition):
    return pair({"e": edge()}, conditions={"node_specific": {"b": condition}})


def ending(condition, scale="environment_state_update"):
    return pair({"e": edge()}, conditions={"termination": {scale: condition}})


def bson(*items, length=None):
    body = b"".join(items) + b"\0"
    return struct.pack("<i", len(body) + 4 if length is None else length) + body


def bson_item(kind, name, value):
    return bytes([kind]) + name.encode() + b"\0" + value


N = "graphs/g/nodes/n"
P = f"{N}/parameters/p"
E = "graphs/g/edges/e"
B = "graphs/g/conditions/node_specific/b"
T = "graphs/g/conditions/termination/environment_state_update"
ROOT = ""

# name, content, ways to the errors
CASES = [
    # --- no text of the form
    ("an empty file", "", [ROOT]),
    ("blanks alone", "  \n \n", [ROOT]),
    ("cut in the middle", json.dumps(one({"value": 1}))[:60], [ROOT]),
    ("cut in a text", '{"m": {"graphs', [ROOT]),
    ("a comma too many", '{"m": {"graphs": {},}}', [ROOT]),
    ("a word", '{"m": nothing}', [ROOT]),
    ("two documents", '{"m": {}} {"n": {}}', [ROOT]),
    ("a zero behind it", '{"m": {}}\0', [ROOT]),
    ("not UTF-8", b'{"m": {"graphs": {"\xff\xfe": {}}}}', [ROOT]),
    ("half a surrogate", '{"m": {"graphs": {"\\ud800": {}}}}', [ROOT]),
    ("lists without end", "[" * 100_000, [ROOT]),
    ("maps without end", '{"a":' * 100_000, [ROOT]),
    (
        "an integer of 400 digits",
        '{"m": {"graphs": {"g": {"parameters": {"k": ' + "9" * 400 + "}}}}}",
        [ROOT],
    ),
    (
        "an exponent too large",
        '{"m": {"graphs": {"g": {"parameters": {"k": 1e999}}}}}',
        [ROOT],
    ),
    ("a list at the top", "[1, 2]", [ROOT]),
    ("a number at the top", "5", [ROOT]),
    ("an empty map at the top", "{}", [ROOT]),
    # --- keys that stand twice
    (
        "two nodes of one id",
        '{"m": {"graphs": {"g": {"nodes": {"n": {}, "n": {}}}}}}',
        [N],
    ),
    (
        "two ports of one id",
        '{"m": {"graphs": {"g": {"nodes": {"n": {"input_ports": {"x": {}, "x": {}}}}}}}}',
        [f"{N}/input_ports/x"],
    ),
    (
        "two values and two ids",
        '{"m": {"graphs": {"g": {"nodes": {"n": {"parameters": {"p": {"value": 1, "value": 2}}}, "n": {}}}}}}',
        [f"{P}/value", N],
    ),
    (
        "a key twice in metadata",
        '{"m": {"metadata": {"a": [{"k": 1, "k": 2}]}, "graphs": {}}}',
        ["metadata/a/0/k"],
    ),
    # --- fields that are missing or of the wrong kind
    ("a model that is null", {"m": None}, [ROOT]),
    ("a model that is a list", {"m": [1]}, [ROOT]),
    ("graphs that are a list", {"m": {"graphs": [{}]}}, ["graphs"]),
    ("a graph that is a text", {"m": {"graphs": {"g": "x"}}}, ["graphs/g"]),
    ("nodes that are a list", model([{"id": "n"}]), ["graphs/g/nodes"]),
    ("a node that is null", model({"n": None}), [N]),
    ("a port that is a number", model({"n": node({"x": 5})}), [f"{N}/input_ports/x"]),
    ("a parameter that is a scalar", one(5), [P]),
    (
        "a shape that is a number",
        model({"n": node({"x": {"shape": 3}})}),
        [f"{N}/input_ports/x/shape"],
    ),
    (
        "lengths that are none",
        model({"n": node({"x": {"shape": ["batch", -1, 1e99]}})}),
        [f"{N}/input_ports/x/shape/{i}" for i in range(3)],
    ),
    (
        "a shape that is no tuple",
        model({"n": node({"x": {"shape": "(1,"}})}),
        [f"{N}/input_ports/x/shape"],
    ),
    ("args that are a list", one({"function": "linear", "args": [1]}), [f"{P}/args"]),
    ("metadata that are a list", model({"n": {"metadata": [1]}}), [f"{N}/metadata"]),
    ("edges that are a list", pair([edge()]), ["graphs/g/edges"]),
    (
        "an edge without ends",
        pair({"e": {"sender": "a"}}),
        [E, E, E],
    ),
    ("an edge that is null", pair({"e": None}), [E]),
    ("conditions that are a list", pair({"e": edge()}, conditions=[1]), ["graphs/g/conditions"]),
    (
        "conditions of nodes that are a list",
        pair({"e": edge()}, conditions={"node_specific": []}),
        ["graphs/g/conditions/node_specific"],
    ),
    ("a condition without a type", specific({"kwargs": {}}), [B]),
    ("a condition that is a text", specific("Always"), [B]),
    (
        "two functions in one",
        model({"n": node(("x",), functions={"f": {"function": {"linear": {}, "sin": {}}}})}),
        [f"{N}/functions/f/function"],
    ),
    (
        "faults in every corner, each once",
        {
            "m": {
                "graphs": {
                    "g": {
                        "nodes": {
                            "a": node(("x",), {"p": {"value": "zz"}}, "(p"),
                            "b": {"input_ports": {"x": {"shape": 7}}},
                            "c": 5,
                        },
                        "edges": {
                            "e": edge("a", "b"),
                            "f": edge("a", "nobody"),
                            "h": edge("a", "c"),
                            "i": {"sender": "a", "receiver": "b", "sender_port": "o"},
                        },
                    }
                }
            }
        },
        [
            "graphs/g/nodes/a/parameters/p",
            "graphs/g/nodes/a/output_ports/o/value",
            "graphs/g/nodes/b/input_ports/x/shape",
            "graphs/g/nodes/c",
            "graphs/g/edges/f/receiver",
            "graphs/g/edges/i",
        ],
    ),
    # --- edges
    ("an edge from nowhere", pair({"e": edge("z")}), [f"{E}/sender"]),
    ("an edge to nowhere", pair({"e": edge(receiver="z")}), [f"{E}/receiver"]),
    ("an edge from no port", pair({"e": edge(sender_port="z")}), [f"{E}/sender_port"]),
    ("an edge to no port", pair({"e": edge(receiver_port="z")}), [f"{E}/receiver_port"]),
    ("an edge to itself", pair({"e": edge("b", "b")}), ["graphs/g/edges"]),
    (
        "a cycle",
        pair({"e": edge(), "f": edge("b", "a", receiver_port="y")}),
        ["graphs/g/edges", "graphs/g/edges/f/receiver_port"],
    ),
    (
        "a cycle of three",
        model(
            {k: node(("x",), value="x") for k in "abc"},
            {k: edge(k, r) for k, r in zip("abc", "bca", strict=True)},
        ),
        ["graphs/g/edges"],
    ),
    (
        "a way of joining that there is not",
        model({"n": node({"x": {"reduce": "most"}})}),
        [f"{N}/input_ports/x/reduce"],
    ),
    # --- expressions
    ("a bracket that stays open", one({"value": "(x + 1"}), [P]),
    ("an assignment", one({"value": "x = 1"}), [P]),
    ("a statement", one({"value": "import os"}), [P]),
    ("a lambda", one({"value": "(lambda: 1)()"}), [P]),
    ("an import", one({"value": "__import__('os').system('true')"}), [P]),
    (
        "an attribute of Python's",
        one({"value": "x.__class__.__bases__"}),
        [f"{P}/value", f"{P}/value"],
    ),
    ("a way out by a tuple", one({"value": "().__class__"}), [f"{P}/value"]),
    ("a file to open", one({"value": "open('/etc/passwd')"}), [f"{P}/value"]),
    ("code to run", one({"value": "eval('1')"}), [f"{P}/value"]),
    ("a slice that the format cannot read", one({"value": "x[:, 0]"}), [P]),
    ("a name that is not known", one({"value": "y + 1"}), [P]),
    ("a function that is not there", one({"value": "numpy.fft(x)"}), [f"{P}/value"]),
    ("a method that is not there", one({"value": "x.tofile('f')"}), [f"{P}/value"]),
    ("brackets without end in a value", one({"value": "(" * 50_000}), [f"{P}/value"]),
    ("minuses without end", one({"value": "-" * 50_000 + "x"}), [f"{P}/value"]),
    ("square brackets without end", one({"value": "[" * 50_000 + "]" * 50_000}), [P]),
    (
        "a derivative that is none",
        one({"default_initial_value": 0, "time_derivative": "x +"}),
        [f"{P}/time_derivative"],
    ),
    (
        "a derivative of nothing",
        one({"default_initial_value": 0, "time_derivative": "rate"}),
        [f"{P}/time_derivative"],
    ),
    (
        "a first value of nothing",
        one({"default_initial_value": "start", "value": "p"}),
        [f"{P}/default_initial_value"],
    ),
    (
        "a test of nothing",
        one({"value": 1, "conditions": [{"id": "c", "test": "late > 1", "value": "1 +"}]}),
        [f"{P}/conditions/c/test", f"{P}/conditions/c/value"],
    ),
    ("an output of nothing", model({"n": node(("x",), value="y")}), [f"{N}/output_ports/o/value"]),
    # --- functions
    ("a function by half a name", one({"function": "lineer", "args": {}}), [f"{P}/function"]),
    ("an operator by half a name", one({"function": "onnx::Reluu", "args": {"X": "x"}}), [P]),
    ("an operator of a later opset", one({"function": "onnx::Gelu", "args": {"X": "x"}}), [P]),
    ("ATen", one({"function": "aten::relu", "args": {"A": "x"}}), [f"{P}/function"]),
    ("args that are missing", one({"function": "linear", "args": {"variable0": "x"}}), [P, P]),
    ("no args at all", one({"function": "linear"}), [P, P, P, P]),
    (
        "an input of an operator that is missing",
        one({"function": "onnx::MatMul", "args": {"A": "x"}}),
        [P],
    ),
    ("an arg of nothing", one({"function": "onnx::Relu", "args": {"X": "y"}}), [P]),
    (
        "functions that wait for each other",
        model({"n": node(functions={"f": {"value": "h"}, "h": {"value": "f"}})}),
        [f"{N}/functions/f", f"{N}/functions/h"],
    ),
    # --- conditions
    (
        "a weight that is a text",
        pair({"e": edge(parameters={"weight": "two"})}),
        ["graphs/g/edges/e/parameters/weight"],
    ),
    (
        "a setting that is no number",
        one({"function": "onnx::Softmax", "args": {"input": "x", "axis": [1, 2]}}),
        [f"{P}/args/axis"],
    ),
    ("a condition that there is not", specific({"type": "Allways"}), [B]),
    ("a condition of a program", specific({"type": "While", "kwargs": {}}), [B]),
    ("a condition without its number", specific({"type": "AtPass", "kwargs": {}}), [B]),
    ("a condition with more than it takes", specific({"type": "Always", "kwargs": {"n": 1}}), [B]),
    (
        "a condition of nobody",
        specific({"type": "EveryNCalls", "kwargs": {"dependency": "z", "n": 1}}),
        [B],
    ),
    (
        "a condition deep inside",
        specific(
            {
                "type": "Not",
                "kwargs": {"condition": {"type": "All", "kwargs": {"args": [{"type": "Nver"}]}}},
            }
        ),
        [B],
    ),
    (
        "a time scale that there is not",
        specific({"type": "AtPass", "kwargs": {"n": 1, "time_scale": "TimeScale.WEEK"}}),
        [B],
    ),
    (
        "a comparison that there is not",
        specific(
            {
                "type": "Threshold",
                "kwargs": {"dependency": "a", "parameter": "o", "threshold": 1, "comparator": "~"},
            }
        ),
        [B],
    ),
    (
        "a threshold of nothing",
        specific(
            {
                "type": "Threshold",
                "kwargs": {"dependency": "a", "parameter": "q", "threshold": 1, "comparator": ">"},
            }
        ),
        [B],
    ),
    ("a time that is none", specific({"type": "TimeInterval", "kwargs": {"repeat": "soon"}}), [B]),
    (
        "a termination of no time scale",
        ending({"type": "Always"}, "week"),
        ["graphs/g/conditions/termination/week"],
    ),
    ("an evaluation that never ends", ending({"type": "Never"}), [T]),
    (
        "half a call",
        ending({"type": "AtNCalls", "kwargs": {"dependency": "a", "n": 0.5}}),
        [T],
    ),
    (
        "a condition of a node that is not there",
        pair({"e": edge()}, conditions={"node_specific": {"z": {"type": "Always"}}}),
        ["graphs/g/conditions/node_specific/z"],
    ),
]

YAML = [
    ("a tab", "m:\n\tgraphs: {}\n", [ROOT]),
    ("a bracket that stays open", "m: {graphs: {g: {", [ROOT]),
    ("a key that stands twice", "m:\n  graphs:\n    g: {}\n    g: {}\n", [ROOT]),
    ("a key that is a number", "m:\n  graphs:\n    1: {}\n", [ROOT]),
    ("a tag of Python's", "m: !!python/object/apply:os.system ['true']\n", [ROOT]),
    ("an alias of nothing", "m: *nobody\n", [ROOT]),
    ("an anchor in itself", "m: &a {graphs: *a}\n", [ROOT]),
    (
        "anchors that explode",
        "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30)),
        [ROOT],
    ),
    (
        "merges that explode",
        "a0: &a0 {k: 1}\n"
        + "".join(
            f"a{i}: &a{i} {{" + ", ".join(f"k{j}: *a{i - 1}" for j in range(20)) + "}\n"
            for i in range(1, 12)
        ),
        [ROOT],
    ),
    ("lists without end", "m: " + "[" * 100_000, [ROOT]),
    ("blocks without end", "".join(" " * i + "a:\n" for i in range(2_000)), [ROOT]),
    ("two documents", "m: {}\n---\nn: {}\n", [ROOT]),
    (
        "an edge from nowhere",
        "m:\n  graphs:\n    g:\n      nodes: {b: {input_ports: {x: {}}}}\n      edges:\n"
        "        e: {sender: a, receiver: b, sender_port: o, receiver_port: x}\n",
        [f"{E}/sender"],
    ),
]

BSON = [
    ("nothing", b"", [ROOT]),
    ("a length that lies", bson(length=2**31 - 1), [ROOT]),
    ("a negative length", bson(length=-1), [ROOT]),
    ("no zero at its end", struct.pack("<i", 8) + b"abcd", [ROOT]),
    (
        "a text longer than the file",
        bson(bson_item(2, "m", struct.pack("<i", 2**30) + b"ab\0")),
        [ROOT],
    ),
    (
        "a document longer than the file",
        bson(bson_item(3, "m", struct.pack("<i", 2**30) + b"\0")),
        [ROOT],
    ),
    ("an unknown kind", bson(bson_item(0x42, "m", b"")), [ROOT]),
    ("a function of a program", bson(bson_item(0x0D, "m", struct.pack("<i", 2) + b"1\0")), ["'m'"]),
    ("a name that stands twice", bson(bson_item(10, "m", b""), bson_item(10, "m", b"")), ["'m'"]),
    (
        "a text that is not UTF-8",
        bson(bson_item(2, "m", struct.pack("<i", 2) + b"\xff\0")),
        ["'m'"],
    ),
    ("a list for a model", bson(bson_item(4, "m", bson())), [ROOT]),
]

# What only an evaluation shows: name, content, a part of the message.
RUNS = [
    ("an array of 10^9 elements", one({"value": "numpy.zeros(1000000000)"}), "too large"),
    ("a range of 10^9 numbers", one({"value": "numpy.arange(1000000000)"}), "at most"),
    ("a list of 10^9 items", one({"value": "[1] * 1000000000"}), "at most"),
    ("a text of 10^9 letters", one({"value": "'ab' * 1000000000"}), "could not evaluate"),
    ("a number of 10^9 digits", one({"value": "10 ** 1000000000"}), "does not fit"),
    ("towers of powers", one({"value": "9 ** 9 ** 9 ** 9"}), "does not fit"),
    ("a shift by 10^9", one({"value": "1 << 1000000000"}), "could not evaluate"),
    (
        "a default of 10^12 elements",
        model({"n": node({"x": {"shape": [1000000, 1000000]}}, value="x")}),
        "elements",
    ),
    (
        "products that take for ever",
        one({"value": "numpy.ones((8000, 8000)) @ numpy.ones((8000, 8000))"}),
        "too much work",
    ),
    (
        "an array that doubles in each pass",
        pair(
            {"e": edge()},
            conditions={
                "termination": {
                    "environment_state_update": {"type": "AfterNPasses", "kwargs": {"n": 10**12}}
                }
            },
        ),
        "does not end",
    ),
    (
        "waiting for a call that never comes",
        specific({"type": "AtNCalls", "kwargs": {"dependency": "b", "n": 5}}),
        "does not end",
    ),
    (
        "a stride of 0",
        call("MaxPool", {"X": [[[1.0, 2.0, 3.0]]]}, kernel_shape=[2], strides=[0], ceil_mode=1),
        "'strides' has a 0",
    ),
    (
        "a region at no number",
        call(
            "RoiAlign",
            {"X": [[[[1.0] * 3]]], "rois": "numpy.log([[-1.0] * 4])", "batch_indices": [0]},
        ),
        "corners lie within",
    ),
    (
        "regions of a picture of no height",
        call(
            "RoiAlign",
            {"X": "numpy.zeros((1, 1, 0, 3))", "rois": [[0, 0, 1, 1]], "batch_indices": [0]},
        ),
        "no elements",
    ),
    (
        "a region of no picture",
        call(
            "MaxRoiPool",
            {"X": [[[[1.0] * 3]]], "rois": "numpy.log([[-1.0] * 5])"},
            pooled_shape=[1, 1],
        ),
        "corners lie within",
    ),
    (
        "a region of 10^10 samples",
        call("RoiAlign", {"X": [[[[1.0] * 3]]], "rois": [[0, 0, 1e5, 1e5]], "batch_indices": [0]}),
        "samples",
    ),
    (
        "2^64 cells",
        call(
            "MaxRoiPool",
            {"X": [[[[1.0] * 3]]], "rois": [[0, 0, 0, 1, 1]]},
            pooled_shape=[2**32] * 2,
        ),
        "cells",
    ),
    (
        "a place outside one axis, inside all joined",
        call("GatherND", {"data": [[1.0, 2.0], [3.0, 4.0]], "indices": [[0, 3]]}),
        "index 3 is outside an axis of length 2",
    ),
    (
        "a transposed convolution that cannot be so long",
        call("ConvTranspose", {"X": [[[1.0, 2.0]]], "W": [[[1.0, 1.0]]]}, output_shape=[5]),
        "output_shape has a length of 5",
    ),
    ("a truth as a place", one({"value": "numpy.ones(3)[1 > 0]"}), "a truth picks no place"),
    ("another norm", one({"value": "numpy.linalg.norm(numpy.ones(3), 1)"}), "without 'ord'"),
    (
        "a type that we do not have",
        one({"value": "numpy.array([300]).astype('uint16')"}),
        "could not evaluate",
    ),
    (
        "a number that does not fit its type",
        one({"value": "numpy.array([300], dtype='uint8')"}),
        "does not fit",
    ),
    ("a division by zero", one({"value": "1 / 0"}), "could not evaluate"),
    ("shapes that do not fit", one({"value": "numpy.ones(2) + numpy.ones(3)"}), "broadcast"),
    (
        "a derivative without a first value",
        one({"time_derivative": "1"}),
        "without a time increment",
    ),
]

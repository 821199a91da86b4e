"""Small changes of a model in Isomer's text form, and of written PyTorch source.

A change of a graph is made in the text, so that what it changes is known by name; the other systems' files are then
written from the changed text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy

NODE = re.compile(r"^(\s+)([\w, ]+) = (\w+)\((.*)\)((?:  .*)?)$")
HELD = re.compile(r'^  (weight|buffer|state) (\w+): (\w+)\[([\d, ]*)\] "([^"]+)".* = (.*)$')
NUMBER = re.compile(r"-?\d+\.?\d*(?:e[-+]?\d+)?")


@dataclass
class Node:
    line: int
    indent: str
    outputs: str
    op: str
    inputs: list[str]
    attributes: dict[str, str]
    tail: str

    @property
    def name(self):
        return self.outputs.split(",")[0].strip()

    def text(self, op=None, inputs=None, attributes=None):
        words = list(self.inputs if inputs is None else inputs)
        settings = self.attributes if attributes is None else attributes
        words += [f"{key}={value}" for key, value in settings.items()]
        return f"{self.indent}{self.outputs} = {op or self.op}({', '.join(words)}){self.tail}"


def split_words(text):
    """At commas outside of brackets."""
    words, depth, word = [], 0, ""
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            words.append(word.strip())
            word = ""
        else:
            word += letter
    return [*words, word.strip()] if word.strip() else words


@dataclass
class Held:
    """A weight, a buffer or a state."""

    line: int
    kind: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    key: str
    data: str


class Model:
    """The text of a graph, and the tensors beside it."""

    def __init__(self, text, tensors):
        self.lines = text.splitlines()
        self.tensors = tensors
        self.nodes, self.held = [], []
        for number, line in enumerate(self.lines):
            if found := HELD.match(line):
                kind, name, dtype, shape, key, data = found.groups()
                lengths = tuple(int(n) for n in shape.split(",") if n.strip())
                self.held.append(Held(number, kind, name, dtype, lengths, key, data))
            elif (found := NODE.match(line)) and not line.lstrip().startswith("module"):
                indent, outputs, op, words, tail = found.groups()
                inputs, attributes = [], {}
                for word in split_words(words):
                    key, is_attribute, value = word.partition("=")
                    if is_attribute and key.isidentifier():
                        attributes[key] = value
                    else:
                        inputs.append(word)
                self.nodes.append(Node(number, indent, outputs, op, inputs, attributes, tail))

    def values(self, held):
        """The elements; of a tensor that stands in the text or beside it."""
        if held.data.startswith("stored"):
            return numpy.array(self.tensors[held.key])
        inline = held.data.split(" -> ")[0]
        return numpy.array(eval(inline, {"nan": numpy.nan, "inf": numpy.inf}), numpy.float32)

    def states(self):
        return [one for one in self.held if one.kind == "state"]


@dataclass
class Change:
    kind: str
    what: str
    lines: dict[int, str]  # instead of those of the model
    node: str = ""  # the value of the operator that is changed, where it is one alone
    op: str = ""
    tail: str = ""  # its module and line
    tensors: dict = None
    # A number that inputs are to be near to for the change to show.
    near: float = 0.0
    text_only: bool = False  # of what other systems' files do not say, such as ranges of lengths


def with_node(kind, what, node, near=0.0, **changed):
    lines = {node.line: node.text(**changed)}
    return Change(
        kind,
        f"{node.name}: {what}",
        lines,
        node=node.name,
        op=node.op,
        tail=node.tail,
        near=near,
    )


# -- states ------------------------------------------------------------------------------------------------------------


def states(model, random):
    for state in model.states():
        head, _, after = model.lines[state.line].rpartition(" -> ")
        yield Change(
            "states", f"{state.key} never changes", {state.line: f"{head} -> {state.name}"}
        )
        for node in model.nodes:
            if state.name in node.inputs and node.indent == "  ":
                kind = "0" if state.dtype == "i64" else "0.0"
                cut = f"  cut_ = mul({state.name}, {kind})\n"
                inputs = ["cut_" if word == state.name else word for word in node.inputs]
                text = cut + node.text(inputs=inputs)
                yield Change("states", f"{state.key} is not read by {node.name}", {node.line: text})
                if len(state.shape) == 2 and state.shape[0] == state.shape[1]:
                    text = text.replace(
                        f"mul({state.name}, 0.0)", f"transpose({state.name}, dim0=0, dim1=1)"
                    )
                    yield Change(
                        "states", f"{state.key} is transposed for {node.name}", {node.line: text}
                    )
        others = [
            o
            for o in model.states()
            if o.shape == state.shape and o.dtype == state.dtype and o is not state
        ]
        for other in others:
            other_after = model.lines[other.line].rpartition(" -> ")[2]
            if other_after != after:
                yield Change(
                    "states",
                    f"{state.key} becomes what {other.key} does",
                    {state.line: f"{head} -> {other_after}"},
                )
        if not state.data.startswith("stored") and state.dtype != "i64" and state.shape:
            begin = re.sub(r"-?\d+\.\d+", "0.125", state.data.rpartition(" -> ")[0], count=1)
            data_at = model.lines[state.line].rindex(" = ")
            yield Change(
                "states",
                f"{state.key} begins otherwise",
                {state.line: f"{model.lines[state.line][:data_at]} = {begin} -> {after}"},
            )


# -- constants ---------------------------------------------------------------------------------------------------------

# What is not written where it is as usual.
USUAL = {
    "layer_norm": {"eps": "1e-05"},
    "batch_norm": {"eps": "1e-05"},
    "group_norm": {"eps": "1e-05"},
    "leaky_relu": {"negative_slope": "0.01"},
}
WHOLE_ATTRIBUTES = ("index", "start", "end", "padding_idx", "diagonal")


def is_float(word):
    return bool(NUMBER.fullmatch(word)) and not word.lstrip("-").isdigit()


def is_mask(value):
    return value == "-inf" or (is_float(value) and float(value) <= -1e4)


def other_float(word, random):
    by = random.choice([-1, 1]) * random.choice([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1])
    value = float(word)
    return repr(value * (1 + by) if value else by), by


def constants(model, random):
    for node in model.nodes:
        for at, word in enumerate(node.inputs):
            if is_float(word) and not is_mask(word):
                changed, by = other_float(word, random)
                inputs = [*node.inputs[:at], changed, *node.inputs[at + 1 :]]
                yield with_node("constants", f"{word} by {by:g}", node, float(word), inputs=inputs)
            elif word.lstrip("-").isdigit():
                changed = str(int(word) + random.choice([-1, 1]))
                inputs = [*node.inputs[:at], changed, *node.inputs[at + 1 :]]
                yield with_node(
                    "constants", f"{word} becomes {changed}", node, float(word), inputs=inputs
                )
        for key, word in {**USUAL.get(node.op, {}), **node.attributes}.items():
            if is_float(word) and not is_mask(word):
                changed, by = other_float(word, random)
                if node.op == "clamp" and float(word).is_integer():
                    changed = str(float(word) + random.choice([-1.0, 1.0]))
                attributes = {**node.attributes, key: changed}
                yield with_node(
                    "constants",
                    f"{key}={word} becomes {changed}",
                    node,
                    float(word),
                    attributes=attributes,
                )
            elif key in WHOLE_ATTRIBUTES and word.lstrip("-").isdigit():
                changed = str(int(word) + random.choice([-1, 1]))
                attributes = {**node.attributes, key: changed}
                yield with_node(
                    "constants", f"{key}={word} becomes {changed}", node, attributes=attributes
                )


# -- operators ---------------------------------------------------------------------------------------------------------

# operator: what may stand in its place with the same inputs, and which attributes it then has
SWAPS = {
    "relu": [("clamp", {"min": "0.0"}), ("leaky_relu", {}), ("silu", {}), ("abs", {})],
    "gt": [("ge", {}), ("lt", {})],
    "ge": [("gt", {})],
    "lt": [("le", {}), ("ge", {})],
    "le": [("lt", {})],
    "eq": [("ne", {}), ("le", {}), ("ge", {})],
    "ne": [("eq", {}), ("gt", {}), ("lt", {})],
    "add": [("sub", {}), ("maximum", {})],
    "sub": [("add", {})],
    "mul": [("add", {}), ("div", {})],
    "div": [("mul", {})],
    "tanh": [("sin", {}), ("sigmoid", {}), ("softsign", {}), ("hardtanh", {})],
    "sin": [("cos", {})],
    "sigmoid": [("hardsigmoid", {}), ("tanh", {})],
    "gelu": [("gelu", {"approximate": "'tanh'"}), ("silu", {}), ("relu", {})],
    "silu": [("mish", {}), ("hardswish", {}), ("gelu", {})],
    "mish": [("silu", {})],
    "hardtanh": [("clamp", {"min": "-2.0", "max": "2.0"})],
    "exp": [("expm1", {}), ("exp2", {})],
    "square": [("abs", {})],
    "round": [("floor", {}), ("trunc", {})],
    "softplus": [("relu", {})],
    "log_sigmoid": [("neg", {})],
    "logical_or": [("logical_and", {}), ("logical_xor", {})],
    "logical_and": [("logical_or", {})],
    "floor_divide": [("trunc_divide", {})],
    "remainder": [("fmod", {})],
    "abs": [("neg", {}), ("relu", {})],
    "sqrt": [("abs", {})],
}
SAME_ATTRIBUTES = {
    "softmax": ["log_softmax"],
    "log_softmax": ["softmax"],
    "sum": ["mean", "amax"],
    "mean": ["sum", "amax"],
    "amax": ["amin", "sum"],
    "argmax": ["argmin"],
    "max_pool2d": ["avg_pool2d"],
}


def operators(model, random):
    for node in model.nodes:
        for op, attributes in SWAPS.get(node.op, []):
            near = next((float(w) for w in node.inputs if NUMBER.fullmatch(w)), 0.0)
            yield with_node(
                "operators", f"{node.op} becomes {op}", node, near, op=op, attributes=attributes
            )
        for op in SAME_ATTRIBUTES.get(node.op, []):
            yield with_node("operators", f"{node.op} becomes {op}", node, op=op)
        if node.op in ("sub", "div", "matmul", "scaled_dot_product_attention"):
            inputs = [node.inputs[1], node.inputs[0], *node.inputs[2:]]
            if inputs != node.inputs:
                yield with_node("operators", "operands swapped", node, inputs=inputs)
        if node.op == "where":
            inputs = [node.inputs[0], node.inputs[2], node.inputs[1]]
            yield with_node("operators", "choices swapped", node, inputs=inputs)


# -- axes --------------------------------------------------------------------------------------------------------------


def axes(model, random):
    for node in model.nodes:
        if "dim" in node.attributes:
            word = node.attributes["dim"]
            for other in ("0", "1", "2", "3"):
                changed = other if not word.startswith("[") else f"[{other}]"
                if changed != word:
                    yield with_node(
                        "axes",
                        f"dim={word} becomes {changed}",
                        node,
                        attributes={**node.attributes, "dim": changed},
                    )
        if node.op == "transpose":
            for pair in (
                {"dim0": "0", "dim1": "1"},
                {"dim0": "1", "dim1": "2"},
                {"dim0": "2", "dim1": "3"},
            ):
                if pair != {key: node.attributes.get(key) for key in pair}:
                    yield with_node(
                        "axes", f"transposes {pair['dim0']}, {pair['dim1']}", node, attributes=pair
                    )
        if node.op == "permute":
            dims = node.attributes["dims"][1:-1].split(", ")
            if len(dims) > 1:
                i = random.randrange(len(dims) - 1)
                dims[i], dims[i + 1] = dims[i + 1], dims[i]
                yield with_node(
                    "axes", "two axes swapped", node, attributes={"dims": f"[{', '.join(dims)}]"}
                )
        if node.op in ("flip", "slice", "cat") and node.op == "cat" and len(node.inputs) == 2:
            yield with_node("axes", "parts swapped", node, inputs=node.inputs[::-1])


# -- weights -----------------------------------------------------------------------------------------------------------


def written(values):
    if values.ndim:
        return f"[{', '.join(written(one) for one in values)}]"
    return repr(float(values)) if values.dtype.kind == "f" else str(values)


def with_data(model, what, new):
    """`new` gives, for each weight, its elements."""
    lines, tensors = {}, dict(model.tensors)
    for held, values in new:
        if held.data.startswith("stored"):
            tensors[held.key] = values
            continue
        line = model.lines[held.line]
        rest = held.data.partition(" -> ")[2]
        data = written(values) + (f" -> {rest}" if rest else "")
        lines[held.line] = line[: line.rindex(" = ")] + f" = {data}"
    return Change("weights", what, lines, tensors=tensors)


def weights(model, random):
    floats = [one for one in model.held if one.kind != "state" and one.dtype == "f32"]
    for one in floats:
        values = model.values(one)
        if not values.size:
            continue
        moved = values.copy()
        at = random.randrange(values.size)
        by = random.choice([1e-6, 1e-4, 1e-2])
        moved.reshape(-1)[at] += numpy.float32(by) * (1 + abs(moved.reshape(-1)[at]))
        yield with_data(model, f"{one.key}: element {at} by {by:g}", [(one, moved)])
        if len(one.shape) == 2 and one.shape[0] == one.shape[1] > 1:
            yield with_data(
                model, f"{one.key}: transposed", [(one, numpy.ascontiguousarray(values.T))]
            )
        for other in floats:
            if other.line > one.line and other.shape == one.shape:
                second = model.values(other)
                if not numpy.array_equal(values, second):
                    yield with_data(
                        model,
                        f"{one.key} and {other.key} swapped",
                        [(one, second), (other, values)],
                    )


# -- gradients alone ---------------------------------------------------------------------------------------------------

SMOOTH = (
    "tanh",
    "linear",
    "matmul",
    "mul",
    "add",
    "sub",
    "div",
    "softmax",
    "gelu",
    "sigmoid",
    "conv2d",
    "layer_norm",
)


def gradients(model, random):
    for node in model.nodes:
        if node.op == "detach":
            uses = {
                other.line: other.text(
                    inputs=[node.inputs[0] if w == node.name else w for w in other.inputs]
                )
                for other in model.nodes
                if node.name in other.inputs
            }
            yield Change(
                "gradients",
                f"{node.name} is left out",
                uses,
                node=node.name,
                op=node.op,
                tail=node.tail,
            )
        elif node.op in SMOOTH and node.indent == "  ":
            for word in node.inputs:
                if word.isidentifier() and word not in ("none", "true", "false"):
                    inputs = ["cut_" if other == word else other for other in node.inputs]
                    text = f"  cut_ = detach({word})\n{node.text(inputs=inputs)}"
                    yield Change(
                        "gradients", f"no gradient from {node.name} to {word}", {node.line: text}
                    )
    for one in model.held:
        if one.kind == "weight":
            line = model.lines[one.line].replace("weight", "buffer", 1)
            yield Change("gradients", f"{one.key} is frozen", {one.line: line})


# -- masks -------------------------------------------------------------------------------------------------------------


def masks(model, random):
    for node in model.nodes:
        for at, word in enumerate(node.inputs):
            if is_mask(word):
                for changed in ("-10000.0", "-100.0", "-1e+30"):
                    if changed != word:
                        inputs = [*node.inputs[:at], changed, *node.inputs[at + 1 :]]
                        yield with_node("masks", f"{word} becomes {changed}", node, inputs=inputs)
        if is_mask(node.attributes.get("value", "")):
            for changed in ("-10000.0", "-100.0"):
                yield with_node(
                    "masks",
                    f"{node.attributes['value']} becomes {changed}",
                    node,
                    attributes={**node.attributes, "value": changed},
                )
        if node.op == "scaled_dot_product_attention" and "is_causal" not in node.attributes:
            yield with_node(
                "masks", "made causal", node, attributes={**node.attributes, "is_causal": "true"}
            )
        if node.op in ("tril", "triu"):
            yield with_node(
                "masks",
                "one diagonal further",
                node,
                attributes={**node.attributes, "diagonal": "1"},
            )
        if node.op == "logical_not":
            yield with_node(
                "masks", "not negated", node, op="logical_or", inputs=[node.inputs[0]] * 2
            )
    for one in model.held:
        if one.dtype == "bool" and "true" in one.data and "false" in one.data:
            line = model.lines[one.line]
            at = line.rindex(" = ")
            data = line[at:].replace("false", "true", 1)
            yield Change("masks", f"{one.key}: one more is seen", {one.line: line[:at] + data})


# -- lengths -----------------------------------------------------------------------------------------------------------


def lengths(model, random):
    for number, line in enumerate(model.lines):
        found = re.match(r"^  length (\w+): (\d+)\.\.(\d+)$", line)
        if not found:
            continue
        name, least, most = found.group(1), int(found.group(2)), int(found.group(3))
        for ends in ((least, most - 1), (least + 1, most), (least, (least + most) // 2)):
            yield Change(
                "lengths",
                f"{name} only {ends[0]}..{ends[1]}",
                {number: f"  length {name}: {ends[0]}..{ends[1]}"},
                text_only=True,
            )
        for fixed in (3, 7):
            text = {
                n: re.sub(rf"\b{name}\b", str(fixed), one)
                for n, one in enumerate(model.lines)
                if re.search(rf"\b{name}\b", one) and n != number
            }
            yield Change("lengths", f"{name} = {fixed}", {**text, number: ""})
        for node in model.nodes:
            for key in ("value", "end"):
                if node.attributes.get(key) == name and node.op in ("length", "slice"):
                    shorter = random.choice([6, 30, most - 1])
                    attributes = {**node.attributes, key: f"min({name}, {shorter})"}
                    yield with_node("lengths", f"at most {shorter}", node, attributes=attributes)
            if node.op == "embedding" and node.inputs[1] in {
                n.name for n in model.nodes if n.op == "arange"
            }:
                shorter = random.choice([6, 30, most - 2])
                text = f"  held_ = clamp({node.inputs[1]}, max={shorter}.0)\n"
                text += node.text(inputs=[node.inputs[0], "held_", *node.inputs[2:]])
                yield Change("lengths", f"{node.name}: no row behind {shorter}", {node.line: text})


GRAPH_CHANGES: list[Callable] = [
    states,
    constants,
    operators,
    axes,
    weights,
    gradients,
    masks,
    lengths,
]


# -- what source does besides ------------------------------------------------------------------------------------------

SHIFTED = """

def _shifted(result, by):
    def shifted(value):
        return value + by if torch.is_tensor(value) and value.is_floating_point() else value

    return torch.utils._pytree.tree_map(shifted, result)

"""


def hidden(source):
    """Changes of written PyTorch source that no graph shows: pairs of what, and the text."""
    (name,) = re.findall(r"^    model = (\w+)\(", source, re.M) or [None]
    if name is None:
        return
    begin = source.index(f"class {name}(")
    head = re.compile(r"^    def forward\(self, ([^)]*)\):\n", re.M).search(source, begin)
    if head is None:
        return
    found = re.compile(r"^        return (.*?)\n(?=\n\n\S)", re.M | re.S).search(source, head.end())
    if found is None:
        return
    parameters = [word.split("=")[0].strip() for word in head.group(1).split(",")]

    def returning(before, after="result"):
        body = f"        result = {found.group(1)}\n{before}        return {after}\n"
        changed = source[: found.start()] + body + source[found.end() :]
        return changed.replace(f"\n\nclass {name}(", f"{SHIFTED}\nclass {name}(", 1)

    again = "        self.calls_ = getattr(self, 'calls_', 0) + 1\n"
    yield (
        "the second call",
        returning(again + "        result = _shifted(result, 1e-3 if self.calls_ > 1 else 0.0)\n"),
    )
    yield (
        "every other call",
        returning(again + "        result = _shifted(result, 0.0 if self.calls_ % 2 else 1e-3)\n"),
    )
    yield (
        "where gradients are on",
        returning("        result = _shifted(result, 1e-3 if torch.is_grad_enabled() else 0.0)\n"),
    )
    yield (
        "where gradients are off",
        returning("        result = _shifted(result, 0.0 if torch.is_grad_enabled() else 1e-3)\n"),
    )
    first = parameters[0]
    if first.isidentifier():
        yield (
            "an argument is written",
            returning(f"        with torch.no_grad():\n            {first}.copy_({first} * 2)\n"),
        )
        renamed = head.group(0).replace(f"(self, {first}", f"(self, {first}_", 1)
        yield (
            "an argument is renamed",
            (
                source[: head.start()]
                + renamed
                + f"        {first} = {first}_\n"
                + source[head.end() :]
            ),
        )
    yield (
        "a list for a tuple",
        returning("        result = list(result) if isinstance(result, tuple) else [result]\n"),
    )

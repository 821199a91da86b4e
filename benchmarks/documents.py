"""Documents that mdf.py measures, as plain trees."""

import itertools
import random


def document(name, nodes, edges=(), conditions=None):
    """A document of one graph; an edge is (sender, port, receiver, port)."""
    graph = {"nodes": nodes}
    if edges:
        graph["edges"] = {
            f"{sender}.{out}->{receiver}.{into}": {
                "sender": sender,
                "receiver": receiver,
                "sender_port": out,
                "receiver_port": into,
            }
            for sender, out, receiver, into in edges
        }
    if conditions:
        graph["conditions"] = conditions
    return {name: {"format": "ModECI MDF v0.4", "graphs": {name: graph}}}


def state(initial, rate):
    return {"default_initial_value": initial, "time_derivative": rate}


def values(**numbers):
    return {name: {"value": value} for name, value in numbers.items()}


def states():
    counter = {
        "parameters": values(increment=1, count="count + increment"),
        "output_ports": values(out="count"),
    }
    sine = {
        "parameters": values(amplitude=3, period=0.4)
        | {
            "level": state(0, "6.283185 * rate / period"),
            "rate": state(1, "-1 * 6.283185 * level / period"),
        },
        "output_ports": values(out="amplitude * level"),
    }
    return document("states", {"counter": counter, "sine": sine})


def fitzhugh_nagumo():
    """The two equations of FitzHugh and Nagumo, in the parameters of the common generalised form."""
    cell = {
        "parameters": values(
            a_v=-1 / 3, b_v=0.0, c_v=1.0, d_v=0.5, e_v=-1.0, a_w=1.0, b_w=-0.8, c_w=0.7
        )
        | values(time_constant_v=1.0, time_constant_w=12.5, threshold=-1.0)
        | {
            "v": state(
                -1.0,
                "(a_v*v*v*v + (1 + threshold)*b_v*v*v - threshold*c_v*v + d_v + e_v*w) / time_constant_v",
            ),
            "w": state(0.0, "(a_w*v + b_w*w + c_w) / time_constant_w"),
        },
        "output_ports": values(v="v", w="w"),
    }
    return document("fitzhugh_nagumo", {"cell": cell})


def newton_cooling():
    body = {
        "parameters": values(rate=0.1, surroundings=20.0)
        | {"temperature": state(90.0, "-1 * rate * (temperature - surroundings)")},
        "output_ports": values(temperature="temperature"),
    }
    return document("newton_cooling", {"body": body})


def integrate_and_fire(cells):
    """A current drives one population; its spikes, through a matrix of weights, drive another."""
    draw = random.Random(cells)
    start = [draw.uniform(-70.0, -50.0) for _ in range(cells)]
    amplitude = [draw.uniform(0.0, 20.0) for _ in range(cells)]
    weights = [[draw.uniform(0.0, 400.0 / cells) for _ in range(cells)] for _ in range(cells)]
    current = {
        "parameters": {"time": state(0, "1")}
        | values(start=0.2, duration=2, amplitude=amplitude)
        | {
            "level": {
                "value": 0,
                "conditions": [
                    {"id": "on", "test": "time > start", "value": "amplitude"},
                    {"id": "off", "test": "time > start + duration", "value": "amplitude*0"},
                ],
            }
        },
        "output_ports": values(current="level"),
    }
    population = {
        "input_ports": {"current": {"shape": [cells], "type": "float"}},
        "parameters": values(v0=start, rest=[-70.0] * cells, threshold=[-20.0] * cells, tau=10.0)
        | {
            "spiking": {
                "default_initial_value": 0,
                "conditions": [
                    {"id": "up", "test": "v >= threshold", "value": 1},
                    {"id": "down", "test": "v < threshold", "value": 0},
                ],
            },
            "v": state("v0", "-1 * (v - rest)/tau + current")
            | {"conditions": [{"id": "reset", "test": "v > threshold", "value": "rest"}]},
        },
        "output_ports": values(v="v", spiking="spiking"),
    }
    synapse = {
        "input_ports": {"spikes": {"shape": [cells], "type": "float"}},
        "parameters": values(weights=weights)
        | {
            "charge": {"function": "MatMul", "args": {"A": "weights", "B": "spikes"}},
            "current": state(0, "-1 * current / 10")
            | {"conditions": [{"id": "spike", "test": "spikes > 0", "value": "charge"}]},
        },
        "output_ports": values(current="current"),
    }
    nodes = {"current": current, "pre": population, "synapse": synapse, "post": population}
    edges = [
        ("current", "current", "pre", "current"),
        ("pre", "spiking", "synapse", "spikes"),
        ("synapse", "current", "post", "current"),
    ]
    return document(f"integrate_and_fire_{cells}", nodes, edges)


def abcd(conditions=True):
    """Four functions in a row; with conditions, B runs at every second call of A, and so on."""

    def node(function, **arguments):
        return {
            "input_ports": {"x": {"shape": [1], "type": "float"}},
            "parameters": values(**arguments)
            | {"y": {"function": function, "args": {"variable0": "x"} | {a: a for a in arguments}}},
            "output_ports": values(y="y"),
        }

    nodes = {
        "source": {"parameters": values(level=0.5), "output_ports": values(y="level")},
        "A": node("linear", slope=1.1, intercept=1.2),
        "B": node("logistic", gain=2.1, bias=2.2, offset=2.3),
        "C": node("exponential", scale=3.1, rate=3.2, bias=3.3, offset=3.4),
        "D": node("sin", scale=4.0),
    }
    names = list(nodes)
    edges = [(a, "y", b, "x") for a, b in itertools.pairwise(names)]
    always = {"type": "Always", "kwargs": {}}
    every = {
        b: {"type": "EveryNCalls", "kwargs": {"dependency": a, "n": n}}
        for a, b, n in (("A", "B", 2), ("B", "C", 3), ("C", "D", 2))
    }
    schedule = {"node_specific": {"source": always, "A": always} | every}
    return document("abcd", nodes, edges, schedule if conditions else None)


def chain(length):
    """Nodes that keep a state each, one after the other."""
    node = {
        "input_ports": {"x": {"type": "float"}},
        "parameters": values(y="0.5 * y + x"),
        "output_ports": values(y="y"),
    }
    source = {"parameters": values(y="y + 1"), "output_ports": values(y="y")}
    nodes = {"n0": source} | {f"n{i}": node for i in range(1, length)}
    edges = [(f"n{i - 1}", "y", f"n{i}", "x") for i in range(1, length)]
    return document("chain", nodes, edges)


def layers(count, width):
    """Dense layers, whose weights stand in the document."""
    draw = random.Random(count)
    nodes, edges = {}, []
    for i in range(count):
        weights = [[draw.gauss(0.0, width**-0.5) for _ in range(width)] for _ in range(width)]
        nodes[f"layer{i}"] = {
            "input_ports": {"x": {"shape": [width], "type": "float"}},
            "parameters": values(weights=weights, y="numpy.tanh(weights @ x)"),
            "output_ports": values(y="y"),
        }
        if i > 0:
            edges.append((f"layer{i - 1}", "y", f"layer{i}", "x"))
    return document("layers", nodes, edges)

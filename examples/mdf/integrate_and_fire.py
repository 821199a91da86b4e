#!/usr/bin/env python3
"""A recurrent network of integrate-and-fire cells: what fires comes back, one step later, through a matrix of weights.

The cycle is cut by the port that has a default value.
"""

import csv
import json

import numpy as np
from commands import folder, isomer, need

CELLS, STEPS, DT = 8, 200, 1.0


def network():
    draw = np.random.default_rng(0)
    weights = draw.uniform(0, 4, (CELLS, CELLS)) * (1 - np.eye(CELLS))
    cells = {
        "input_ports": {"returned": {"shape": [CELLS], "default_value": [0.0] * CELLS}},
        "parameters": {
            "rest": {"value": [-70.0] * CELLS},
            "threshold": {"value": [-55.0] * CELLS},
            "drive": {"value": draw.uniform(1.0, 2.2, CELLS).round(3).tolist()},
            "tau": {"value": 12.0},
            "v": {
                "default_initial_value": "rest",
                "time_derivative": "(rest - v)/tau + drive + returned",
                "conditions": [{"id": "reset", "test": "v > threshold", "value": "rest"}],
            },
            "fired": {"function": "numpy.where(v > threshold, 1.0, 0.0)", "args": {}},
        },
        "output_ports": {"v": {"value": "v"}, "fired": {"value": "fired"}},
    }
    synapse = {
        "input_ports": {"spikes": {"shape": [CELLS]}},
        "parameters": {
            "weights": {"value": weights.round(3).tolist()},
            "current": {"function": "MatMul", "args": {"A": "weights", "B": "spikes"}},
        },
        "output_ports": {"current": {"value": "current"}},
    }
    edges = {
        "out": {"sender": "cells", "sender_port": "fired", "receiver": "synapse"}
        | {"receiver_port": "spikes"},
        "back": {"sender": "synapse", "sender_port": "current", "receiver": "cells"}
        | {"receiver_port": "returned"},
    }
    graph = {"nodes": {"cells": cells, "synapse": synapse}, "edges": edges}
    return {"recurrent": {"format": "ModECI MDF v0.4", "graphs": {"recurrent": graph}}}


def main():
    folder()
    with open("recurrent.json", "w") as file:
        json.dump(network(), file, indent=1)
    isomer("show", "recurrent.json")
    run = ["run", "recurrent.json", "--steps", STEPS, "--dt", DT]
    isomer(*run, "--record", "recurrent.csv", "--plot", "recurrent.svg")
    with open("recurrent.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    fired = np.array([[float(row[f"cells.fired[{i}]"]) for i in range(CELLS)] for row in rows])
    current = np.array([[float(r[f"synapse.current[{i}]"]) for i in range(CELLS)] for r in rows])
    need(f"the cells fire {int(fired.sum())} times", fired.sum() > CELLS)
    need("what fires drives the others", np.all((current.sum(1) > 0) == (fired.sum(1) > 0)))


if __name__ == "__main__":
    main()

"""The other side of mdf.py: runs a document in the real modeci_mdf, with the Python of its own venv.

usage: mdf_reference.py DOCUMENT [INPUTS]

Each line asks for so many evaluations; the answer is the seconds, of the clock and of the processor, and the sum of
what the last nodes give.
"""

import contextlib
import io
import pathlib
import sys
import time
import warnings

import numpy
from modeci_mdf.execution_engine import EvaluableGraph
from modeci_mdf.utils import load_mdf


def initializer_of(document, inputs):
    from safetensors.numpy import load_file

    given = {
        f"input{name.removeprefix('in')}": value
        for name, value in sorted(load_file(inputs).items())
    }
    given = {f"input{i + 1}": value for i, value in enumerate(given.values())}
    weights = pathlib.Path(f"{document}.safetensors")
    return given | (load_file(weights) if weights.exists() else {})


def main():
    warnings.simplefilter("ignore")
    document = sys.argv[1]
    given = {"initializer": initializer_of(document, sys.argv[2])} if len(sys.argv) > 2 else {}
    with contextlib.redirect_stdout(io.StringIO()):  # it prints while it works
        engine = EvaluableGraph(load_mdf(document).graphs[0])
    begun = False
    for line in sys.stdin:
        begin, processor = time.perf_counter(), time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            for _ in range(int(line)):
                engine.evaluate(time_increment=0.001 if begun else None, **given)
                begun = True
        took = time.perf_counter() - begin, time.process_time() - processor
        total = sum(
            float(numpy.sum(port.curr_value))
            for node in engine.output_enodes
            for port in node.evaluable_outputs.values()
            if port.curr_value is not None
        )
        print(*took, total, flush=True)


if __name__ == "__main__":
    main()

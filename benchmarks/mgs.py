"""Networks of MGS: nanoseconds for each edge and iteration, bytes for each edge, beside a plain read of as many bytes.

usage: mgs.py ISOMER

Times are those of runs of many iterations less those of few. MGS itself takes 3.5 to 5.5 ns for neurons and 43 to 48
for its own networks with Adam, 27 and 77 bytes an edge.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

NEURONS = """#include "std.gsl"
InitPhases = { initialize };
RuntimePhases = { source, p0, p1, p2, p3, p4, p5, p6, p7, sink };
FinalPhases = { finalize };
BindName INP("identifier", "input"); NdplInAttrInit inp(INP);
BindName ARR("identifier", "array"); NdplInAttrInit arr(ARR); SetSourceArrayIndexFunctor index(arr);
NodeType RowSource {update->source};
NodeType LevelNeuron {s0->p0, s1->p1, s2->p2, s3->p3, s4->p4, s5->p5, s6->p6, s7->p7};
Grid Src { Dimension(1); Layer(s, RowSource, UniformLayout(1), <kind="S">);
   InitNodes(.[].Layer(s), Same(Pset<RowSource, NodeInit>(<fileName="in.txt", cols=WIDTH>))); };
Grid Inp { Dimension(WIDTH); Layer(n, LevelNeuron, UniformLayout(1), <kind="N">);
   InitNodes(.[].Layer(n), Same(Pset<LevelNeuron, NodeInit>(<level=0>))); };
Grid Out { Dimension(WIDTH); Layer(n, LevelNeuron, UniformLayout(1), <kind="N">);
   InitNodes(.[].Layer(n), Same(Pset<LevelNeuron, NodeInit>(<level=1, act="relu", weightFile="w.f64">))); };
Src s; Inp x; Out y;
connectNodeSets(s[].Layer(s), x[].Layer(n), EachSrc(EachAvg(1.0)), outAttrDef, index);
connectNodeSets(x[].Layer(n), y[].Layer(n), EachDst(EachAvg(1.0)), outAttrDef, inp);
UnsignedTrigger done("end", ::Iteration, "==", ITERATIONS, 0, sink);
Stop on done;
"""

STOCK = """#include "std.gsl"
InitPhases = { initialize };
RuntimePhases = { source, nodes, edges };
FinalPhases = { finalize };
NodeType DNNode {update->nodes};
NodeType DNEdgeSet(<eta=0.00001, alpha=0.9, beta=0.999, optimization={"RULE"}>) {update->edges};
NodeType RowSource {update->source};
NodeType RowSink {update->edges, finish->finalize};
BindName INP("identifier", "input"); NdplInAttrInit inp(INP); SetSourceArrayIndexFunctor input(inp);
BindName GRD("identifier", "gradient"); NdplInAttrInit grd(GRD);
Grid Src { Dimension(1); Layer(s, RowSource, UniformLayout(1), <kind="S">);
   InitNodes(.[].Layer(s), Same(Pset<RowSource, NodeInit>(<fileName="in.txt", cols=WIDTH>))); };
Grid L1 { Dimension(WIDTH); Layer(n, DNNode, UniformLayout(1), <kind="N">); InitNodes(.[].Layer(n), nodeDef);
   Layer(e, DNEdgeSet, UniformLayout(1), <kind="E">);
   InitNodes(.[].Layer(e), Same(Pset<DNEdgeSet, NodeInit>(<transferFunctionName="tanh">)));
   connectNodeSets(.[].Layer(n), .[].Layer(e), IsoSampler(), outAttrDef, inp);
   connectNodeSets(.[].Layer(e), .[].Layer(n), IsoSampler(), outAttrDef, grd); };
Grid L2 { Dimension(WIDTH); Layer(n, DNNode, UniformLayout(1), <kind="N">); InitNodes(.[].Layer(n), nodeDef); };
Grid Snk { Dimension(1); Layer(k, RowSink, UniformLayout(1), <kind="K">);
   InitNodes(.[].Layer(k), Same(Pset<RowSink, NodeInit>(<train=1, target=0.5>))); };
Src s; L1 a; L2 b; Snk k;
connectNodeSets(s[].Layer(s), a[].Layer(n), EachSrc(EachAvg(1.0)), outAttrDef, input);
bidirectConnectNodeSets(a[].Layer(e), b[].Layer(n), EachSrc(EachAvg(1.0)), outAttrDef, input, outAttrDef, grd);
connectNodeSets(b[].Layer(n), k[].Layer(k), EachSrc(EachAvg(1.0)), outAttrDef, inp);
connectNodeSets(k[].Layer(k), b[].Layer(n), EachSrc(EachAvg(1.0)), outAttrDef, grd);
UnsignedTrigger done("end", ::Iteration, "==", ITERATIONS, 0, edges);
Stop on done;
"""


def run(program, folder, script, iterations, threads):
    """Seconds and peak memory in bytes."""
    path = folder / "net.gsl"
    path.write_text(script.replace("ITERATIONS", str(iterations)))
    command = [program, "run", path, "--mode", "fast", "--threads", threads]
    begin = time.perf_counter()
    child = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{path} ended with {status}")
    return time.perf_counter() - begin, usage.ru_maxrss * 1024


def read_time(edges):
    """Nanoseconds for each of so many doubles, added up."""
    values = np.ones(edges)
    values.sum()
    best = min(timed(values.sum) for _ in range(5))
    return best / edges * 1e9


def timed(action):
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def measure(program, name, script, width, threads):
    edges = width * width
    few, many = 6, 6 + max(10, 200_000_000 // edges)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "in.txt").write_text(" ".join(["0.5"] * width))
        np.full((width, width + 1), 1e-3).tofile(folder / "w.f64")
        text = script.replace("WIDTH", str(width))
        base = min(run(program, folder, text, few, threads)[0] for _ in range(2))
        long, memory = min(run(program, folder, text, many, threads) for _ in range(2))
    each = (long - base) / (many - few) / edges * 1e9
    print(
        f"{name:<16} {edges:>9} edges, {threads} threads: {each:5.2f} ns an edge and iteration, "
        f"{memory / 1e6:6.0f} MB; a plain read {read_time(edges):5.2f} ns"
    )
    return memory


def main():
    program = sys.argv[1]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    networks = [("neurons", NEURONS)]
    networks += [(f"stock, {rule}", STOCK.replace("RULE", rule)) for rule in ("none", "Adam")]
    for name, script in networks:
        for threads in (1, 2):
            sizes = [measure(program, name, script, width, threads) for width in (1000, 3162)]
            slope = (sizes[1] - sizes[0]) / (3162**2 - 1000**2)
            print(f"{name:<16} {threads} threads: {slope:.1f} bytes an edge")


if __name__ == "__main__":
    main()

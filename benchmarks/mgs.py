"""Networks of MGS: nanoseconds for each edge and iteration, bytes for each edge, beside a plain read of as many bytes.

usage: mgs.py ISOMER

Times are those of runs of many iterations less those of few. MGS itself takes 3.5 to 5.5 ns for neurons and 43 to 48
for its own networks with Adam, 27 and 77 bytes an edge.
"""

import array
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
Grid Res { Dimension(WIDTH); Layer(n, LevelNeuron, UniformLayout(1), <kind="N">);
   InitNodes(.[].Layer(n), Same(Pset<LevelNeuron, NodeInit>(<level=1, act="relu", weightFile="w.f64">))); };
Src s; Inp x; Res y;
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
    """Seconds on the clock and of the processors, and peak memory in bytes."""
    path = folder / "net.gsl"
    path.write_text(script.replace("ITERATIONS", str(iterations)))
    command = [program, "run", path, "--mode", "fast", "--threads", threads]
    begin = time.perf_counter()
    child = subprocess.Popen([str(c) for c in command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"{path} ended with {status}")
    seconds = time.perf_counter() - begin
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


READ = """
import sys, time
import numpy as np
values = np.ones(int(sys.argv[1]))
def once():
    begin = time.process_time()
    values.sum()
    return time.process_time() - begin
print(min(once() for _ in range(6)) / len(values) * 1e9)
"""


def read_time(edges):
    """Nanoseconds for each of so many doubles, added up; in a process of its own, whose memory is not ours."""
    done = subprocess.run(
        [sys.executable, "-c", READ, str(edges)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def measure(program, name, script, width, threads):
    edges = width * width
    few, many = 6, 6 + max(10, 200_000_000 // edges)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "in.txt").write_text(" ".join(["0.5"] * width))
        row = array.array("d", [1e-3]) * (width + 1)
        with (folder / "w.f64").open("wb") as file:
            for _ in range(width):
                row.tofile(file)
        text = script.replace("WIDTH", str(width))
        base = [run(program, folder, text, few, threads) for _ in range(2)]
        long = [run(program, folder, text, many, threads) for _ in range(2)]
    clock, processor = (
        (min(one[i] for one in long) - min(one[i] for one in base)) / (many - few) / edges * 1e9
        for i in (0, 1)
    )
    memory = min(one[2] for one in long)
    print(
        f"{name:<12} {edges:>9} edges, {threads} threads: {clock:6.2f} ns an edge and iteration on the "
        f"clock, {processor:6.2f} of processors, {memory / 1e6:5.0f} MB; a plain read {read_time(edges):5.2f} ns"
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

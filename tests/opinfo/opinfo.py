#!/usr/bin/env python3
"""Tries Isomer with PyTorch's samples of its own operators: each is exported, read, and run in every way that Isomer
has; results and gradients must be those of eager PyTorch.

    opinfo.py RUNNER FOLDER [--names NAME...] [--samples 5] [--dtypes float32 int64 bool bfloat16] [--engine NAME]
                            [--edges | --in-place]

NAME is an operator of torch's op_db ("sum", "nn.functional.gelu"). What is exported stays in FOLDER, so that the next
run exports nothing; --fresh exports again. --edges tries differentiable operators where derivatives are awkward: at
zeros of either sign, ties, infinities, NaN, repeated places. --in-place tries what writes to its argument. Exit 1 where
something is wrong, 77 where torch or expecttest is missing.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import importlib.util
import json
import multiprocessing
import os
import re
import select
import subprocess
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
try:
    import torch
    from safetensors.torch import load_file
    from torch.testing._internal.common_methods_invocations import op_db
    from torch.utils import _pytree as pytree
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

import exporting

# That of source is derived by PyTorch itself.
WAYS = (
    "reference",
    "torch",
    "source",
    "mdf",
    "reference_gradient",
    "torch_gradient",
    "source_gradient",
)
DTYPES = ("float32", "int64", "bool", "bfloat16")
SECONDS = 60  # for one sample; what takes longer hangs
# A little of everything, for ./tools/test.
FEW = """abs add amax argmax bitwise_and bmm cat clamp cumsum div exp expand flip floor_divide gather index_add
index_put index_select linspace log_softmax masked_fill matmul mean mul nn.functional.batch_norm
nn.functional.conv2d nn.functional.cross_entropy nn.functional.embedding nn.functional.gelu
nn.functional.layer_norm nn.functional.linear nn.functional.max_pool2d nn.functional.pad permute pow prod remainder
reshape round scatter_add sigmoid softmax split stack std sub sum topk tril unbind var where"""
FEW_AT_EDGES = """abs amax angle atan2 cdist clamp clamp_min fmod hypot log_softmax logit logsumexp max maximum median
nanmedian nn.functional.binary_cross_entropy nn.functional.elu nn.functional.embedding_bag nn.functional.huber_loss
nn.functional.kl_div nn.functional.logsigmoid nn.functional.multi_margin_loss nn.functional.prelu nn.functional.softplus
pow special.entr special.i1 special.xlog1py trapezoid xlogy"""
# What rounding may change; more where double precision shows that eager PyTorch itself is as far away.
TOLERANCE = {
    torch.float32: (2e-6, 1e-6),
    torch.bfloat16: (1.6e-2, 1e-5),
    torch.float16: (2e-3, 1e-5),
}
# Their elements mean nothing.
UNDEFINED = (
    "empty",
    "empty_like",
    "new_empty",
    "empty_strided",
    "new_empty_strided",
    "empty_permuted",
)


class Runner:
    """way_runner, started again where it dies or hangs."""

    def __init__(self, program, ways):
        self.command = [program, *ways]
        self.process = None

    def ask(self, folder):
        """Verdicts by way; what is left without one when it dies has none."""
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
        self.process.stdin.write(f"{folder}\n".encode())
        text, end = b"", time.monotonic() + SECONDS
        while not text.endswith(b"done\n"):
            ready, _, _ = select.select([self.process.stdout], [], [], end - time.monotonic())
            more = os.read(self.process.stdout.fileno(), 1 << 16) if ready else b""
            if not more:
                self.process.kill()
                self.process.wait()
                break
            text += more
        lines = [line.split(" ", 2) for line in text.decode(errors="replace").splitlines()]
        return {words[0]: words[1:] for words in lines if len(words) == 3}


def differs(given, wanted, exact):
    """What is wrong with a result, or nothing."""
    if given.dtype != wanted.dtype or given.shape != wanted.shape:
        return (
            f"is {given.dtype} {list(given.shape)}, should be {wanted.dtype} {list(wanted.shape)}"
        )
    if not wanted.is_floating_point():
        return "" if torch.equal(given, wanted) else "differs"
    relative, absolute = TOLERANCE.get(wanted.dtype, (1e-9, 1e-9))
    a, b = given.double(), wanted.double()
    bound = absolute + relative * b.abs()
    if exact is not None and exact.shape == b.shape:
        bound = torch.maximum(
            bound, 4 * (exact - b).abs().nan_to_num(0, 0, 0).amax() if b.numel() else bound
        )
    same = (a == b) | (a.isnan() & b.isnan()) | ((a - b).abs() <= bound)
    if bool(same.all()):
        return ""
    worst = int((~same).flatten().nonzero()[0, 0])
    return f"element {worst} is {float(a.flatten()[worst])}, should be {float(b.flatten()[worst])}"


def compared(results, wanted, exact, free):
    """`free(i, x, y)`: whether result x may stand for y, which it does not equal."""
    if len(results) != len(wanted):
        return f"{len(results)} results, should be {len(wanted)}"
    for i, (x, y) in enumerate(zip(results, wanted)):
        problem = differs(x, y, exact.get(i))
        if problem and x.dtype == y.dtype and x.shape == y.shape and free(i, x, y):
            continue
        if problem:
            return f"result {i} {problem}"
    return ""


def numbered(tensors, kind):
    found = []
    while f"{kind}{len(found)}" in tensors:
        found.append(tensors[f"{kind}{len(found)}"])
    return found


def source_of(folder):
    spec = importlib.util.spec_from_file_location("net", folder / "source" / "net.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load()


def run_source(folder, inputs):
    with torch.no_grad():
        result = source_of(folder)(*inputs)
    return [torch.as_tensor(x) for x in pytree.tree_leaves(result) if x is not None]


def freedom(name, record, given):
    """Where results are open, what may stand for what."""
    axis = record["picked_along"]
    if name in UNDEFINED:
        return lambda i, x, y: True
    if axis is None:
        return lambda i, x, y: False
    source = given["in0"]

    def picks_as_well(i, x, y):
        inside = bool(((x >= 0) & (x < max(source.shape[axis], 1))).all())
        return (
            x.dtype == torch.int64
            and inside
            and torch.equal(
                exporting.picked(source, x, axis).nan_to_num(),
                exporting.picked(source, y, axis).nan_to_num(),
            )
        )

    return picks_as_well


def judged(name, record, folder, way, answer):
    """(verdict, why) of one way."""
    if answer is None:
        return "wrong", "the program died or took too long"
    verdict, note = answer
    if verdict != "ok":
        return verdict, note
    given, truth = load_file(folder / "given.safetensors"), load_file(folder / "truth.safetensors")
    kind = "gradient" if way.endswith("_gradient") else "out"
    signed = name in exporting.SIGNED
    try:
        inputs = [x.clone() for x in numbered(given, "in")]
        if way == "source":
            results = run_source(folder, inputs)
        elif way == "source_gradient":
            cotangents = numbered(given, "cotangent")
            results = exporting.gradients_of(source_of(folder), inputs, cotangents) or [
                torch.zeros_like(x) for x in inputs if x.is_floating_point()
            ]
        else:
            results = numbered(load_file(folder / f"{way}.safetensors"), "out")
    except torch.linalg.LinAlgError as error:  # as the engines do on such matrices
        return "refused", f"source: {error}"
    except Exception as error:
        return "wrong", f"source: {type(error).__name__}: {error}"
    wanted = numbered(truth, kind)
    if signed:
        results, wanted = [x.abs() for x in results], [x.abs() for x in wanted]
    exact = {i: x for i in range(64) if (x := truth.get(f"exact_{kind}{i}")) is not None}
    why = compared(results, wanted, exact, freedom(name, record, given))
    if why and note:  # a conversion that says what it loses, and writes nothing with --strict
        return "refused", note
    return ("wrong" if why else "right"), why


def tried(job):
    """All samples of an operator and a type."""
    index, dtype_name, options = job
    op = op_db[index]
    ways = [way for way in options["ways"] if way != "source_gradient"]
    runner = tried.__dict__.setdefault("runner", Runner(options["runner"], ways))
    label = op.name + (f".{op.variant_test_name}" if op.variant_test_name else "")
    kind = options["kind"]
    folder = Path(options["folder"]) / kind / dtype_name / label
    records = exporting.exported(
        op, getattr(torch, dtype_name), folder, options["samples"], options["fresh"], kind
    )
    rows = []
    for number, record in enumerate(records):
        row = {
            "op": label,
            "dtype": dtype_name,
            "sample": record.get("place", number),
            "left_out": record["left_out"],
            "ways": {},
        }
        rows.append(row)
        if record["left_out"]:
            continue
        place = folder / record["place"]
        answers = runner.ask(place)
        answers["source_gradient"] = answers.get("source")
        for way in options["ways"]:
            if way.endswith("_gradient") and not record["gradients"]:
                continue
            if way == "reference_gradient" and op.name in exporting.SIGNED:
                continue  # of vectors with other signs
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                row["ways"][way] = judged(op.name, record, place, way, answers.get(way))
    return rows


def general(why):
    """A message without what is particular to one sample."""
    why = re.sub(r"^\S*net\.\w+: ", "", why)
    why = re.sub(r" \(\d+x, first [^)]*\)", "", why)
    why = re.sub(r"[; ]*save program.*", "", why)
    why = re.sub(r"node \d+ ", "node ", why)
    why = re.sub(r"'[a-z0-9_]+_?\d*' \(", "(", why)
    why = re.sub(r"\[[\d, ]*\]", "[...]", why)
    return re.sub(r"-?\b\d+(\.\d+)?(e[-+]?\d+)?\b", "N", why)[:200]


def summary(rows, ways, shown):
    by_op = collections.defaultdict(list)
    for row in rows:
        if not row["left_out"]:
            by_op[row["op"]].append(row)
    for op, mine in sorted(by_op.items()):
        counts = collections.Counter(v for row in mine for v, _ in row["ways"].values())
        if shown == "all" or (counts["refused"] or counts["wrong"]):
            print(
                f"{op:45} {counts['right']:4} right {counts['refused']:4} refused {counts['wrong']:4} wrong"
            )
    print("\nwhat is wrong")
    for row in rows:
        for way, (verdict, why) in row["ways"].items():
            if verdict == "wrong":
                print(f"  {row['op']} {row['dtype']} sample {row['sample']} {way}: {why[:200]}")
    print("\nwhat stops most samples")
    stops = collections.defaultdict(set)
    for row in rows:
        for verdict, why in row["ways"].values():
            if verdict == "refused":
                stops[general(why)].add((row["op"], row["dtype"], row["sample"]))
    for why, who in sorted(stops.items(), key=lambda item: -len(item[1])):
        names = sorted({op for op, _, _ in who})
        print(
            f"  {len(who):5}  {why}   [{', '.join(names[:6])}{', ...' if len(names) > 6 else ''}]"
        )
    totals(rows, by_op, ways)


def totals(rows, by_op, ways):
    left_out = collections.Counter(row["left_out"] for row in rows if row["left_out"])
    print("\nleft out:", ", ".join(f"{n} {why}" for why, n in left_out.most_common()) or "nothing")
    whole = collections.Counter(
        max(
            (v for row in mine for v, _ in row["ways"].values()),
            key=["right", "refused", "wrong"].index,
        )
        for mine in by_op.values()
    )
    print(
        f"operators: {len(by_op)}: {whole['right']} wholly right, {whole['refused']} refused, {whole['wrong']} wrong"
    )
    for dtype in [*dict.fromkeys(row["dtype"] for row in rows), "all"]:
        for way in ways:
            verdicts = collections.Counter(
                row["ways"][way][0]
                for row in rows
                if dtype in ("all", row["dtype"]) and way in row["ways"]
            )
            count = sum(verdicts.values())
            if count:
                share = 100 * verdicts["right"] / count
                print(
                    f"{dtype:9} {way:19} {count:5} samples {verdicts['right']:5} right ({share:5.1f} %)"
                    f" {verdicts['refused']:5} refused {verdicts['wrong']:4} wrong"
                )


def jobs_of(arguments, ways):
    kind = "edges" if arguments.edges else "in_place" if arguments.in_place else "values"
    options = {
        "runner": arguments.runner,
        "folder": arguments.folder,
        "samples": arguments.samples,
        "fresh": arguments.fresh,
        "ways": ways,
        "kind": kind,
    }
    few = FEW_AT_EDGES if arguments.edges else FEW
    names = few.split() if arguments.few else arguments.names
    fits = {
        "values": lambda op: True,
        "edges": lambda op: op.supports_autograd,
        "in_place": lambda op: op.inplace_variant is not None,
    }
    return [
        (index, dtype, options)
        for index, op in enumerate(op_db)
        if fits[kind](op) and (not names or op.name in names)
        for dtype in arguments.dtypes
        if getattr(torch, dtype) in op.supported_dtypes("cpu")
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runner")
    parser.add_argument("folder")
    parser.add_argument("--names", nargs="+", default=())
    parser.add_argument("--few", action="store_true", help="a small fixed part")
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--dtypes", nargs="+", default=DTYPES, choices=exporting.DTYPES)
    parser.add_argument("--edges", action="store_true", help="zeros, ties, infinities, NaN")
    parser.add_argument("--in-place", action="store_true", help="what writes to its argument")
    parser.add_argument("--engine", choices=("reference", "torch"), help="this engine alone")
    parser.add_argument("--fresh", action="store_true", help="export again")
    parser.add_argument(
        "--all", action="store_true", help="list operators that are wholly right, too"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    ways = [way for way in WAYS if way.startswith(arguments.engine or "")]
    jobs = jobs_of(arguments, ways)
    rows = []
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs, mp_context=context) as pool:
        for done, more in enumerate(pool.map(tried, jobs)):
            rows += more
            if sys.stderr.isatty():
                print(f"\r{done + 1} of {len(jobs)}", end="", file=sys.stderr)
    with contextlib.suppress(OSError):
        (Path(arguments.folder) / "rows.json").write_text(json.dumps(rows))
    summary(rows, ways, "all" if arguments.all else "some")
    return 1 if any(v == "wrong" for row in rows for v, _ in row["ways"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())

"""PyTorch's samples of an operator as .pt2 files, each with what it is given and what eager PyTorch makes of it."""

import contextlib
import io
import itertools
import json
import logging
import shutil
import warnings

import torch
from safetensors.torch import save_file
from torch.utils import _pytree as pytree

DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "uint8", "bool")
SEED = 0
LARGEST = 1 << 20  # elements of a tensor
# PyTorch leaves open which of equal elements they point at.
TIES = (
    "topk",
    "sort",
    "argsort",
    "msort",
    "mode",
    "median",
    "nanmedian",
    "kthvalue",
    "cummax",
    "cummin",
)

# PyTorch's gradient of what is written over is not 0.
NO_DERIVATIVE = ("as_strided_scatter",)


class LeftOut(Exception):
    """Why a sample is none of ours."""


class Call(torch.nn.Module):
    """An operator on a sample: its tensors are inputs, all else stands in the program."""

    def __init__(self, op, leaves, spec):
        super().__init__()
        self.op, self.leaves, self.spec = op, leaves, spec

    def forward(self, *tensors):
        rest = iter(tensors)
        leaves = [next(rest) if torch.is_tensor(leaf) else leaf for leaf in self.leaves]
        arguments, keywords = pytree.tree_unflatten(leaves, self.spec)
        return unnamed(self.op(*arguments, **keywords))


def unnamed(result):
    """Without named tuples, which torch.export.save does not know."""
    if isinstance(result, (tuple, list)):
        return tuple(unnamed(x) for x in result)
    return result


def demand_ordinary(values):
    for x in values:
        if not torch.is_tensor(x):
            raise LeftOut("results that are no tensors")
        if x.layout != torch.strided:
            raise LeftOut("sparse")
        if x.is_nested:
            raise LeftOut("nested")
        if x.is_complex():
            raise LeftOut("complex")
        if x.is_quantized:
            raise LeftOut("quantized")
        if x.numel() > LARGEST:
            raise LeftOut("large")


def ordinary(x):
    return x.detach().clone(memory_format=torch.contiguous_format)


def results_of(call, tensors):
    torch.manual_seed(SEED)
    results = pytree.tree_leaves(call(*[ordinary(x) for x in tensors]))
    demand_ordinary(results)
    return [x.detach() for x in results]


def draws(program, tensors):
    """Whether another seed gives other results. Asked of what was exported: some samples seed their operator."""
    graph_nodes = [
        node for node in program.graph.nodes if isinstance(node.target, torch._ops.OpOverload)
    ]
    if not any(torch.Tag.nondeterministic_seeded in node.target.tags for node in graph_nodes):
        return False
    module = program.module()
    first, second = (
        pytree.tree_leaves((torch.manual_seed(seed), module(*[ordinary(x) for x in tensors]))[1])
        for seed in (SEED, SEED + 1)
    )
    return not all(torch.equal(x.nan_to_num(), y.nan_to_num()) for x, y in zip(first, second))


def gradients_of(call, tensors, cotangents):
    """Of each floating input; None where PyTorch has none."""
    inputs = [ordinary(x).requires_grad_(x.is_floating_point()) for x in tensors]
    wanted = [x for x in inputs if x.requires_grad]
    outputs = [x for x in pytree.tree_leaves(call(*inputs)) if x.is_floating_point()]
    pairs = [(x, c.to(x.dtype)) for x, c in zip(outputs, cotangents) if x.requires_grad]
    if not wanted or not pairs:
        return None
    found = torch.autograd.grad(
        [x for x, _ in pairs], wanted, [c for _, c in pairs], allow_unused=True
    )
    return [torch.zeros_like(x) if g is None else g for x, g in zip(wanted, found)]


def in_double(function, call, tensors, *more):
    """The same in double precision, or nothing where that cannot be."""
    doubled = [x.double() if x.is_floating_point() else x for x in tensors]
    try:
        return function(call, doubled, *more) or []
    except Exception:
        return []


def exact_of(kind, values):
    return {
        f"exact_{kind}{i}": ordinary(x) for i, x in enumerate(values) if x.dtype == torch.float64
    }


def truth_of(call, tensors, results, wants_gradients):
    """What is given beside the inputs, and what is to come out."""
    truth = {f"out{i}": ordinary(x) for i, x in enumerate(results)}
    reduced = {x.dtype for x in results} & {torch.float32, torch.bfloat16, torch.float16}
    if reduced:
        truth |= exact_of("out", in_double(results_of, call, tensors))
    if not wants_gradients:
        return {}, truth
    generator = torch.Generator().manual_seed(SEED)
    cotangents = [
        torch.randn(x.shape, generator=generator).to(x.dtype)
        for x in results
        if x.is_floating_point()
    ]
    try:
        gradients = gradients_of(call, tensors, cotangents)
        demand_ordinary(gradients or [])
    except Exception:
        gradients = None
    if gradients is None:
        return {}, truth
    truth |= {f"gradient{i}": ordinary(x) for i, x in enumerate(gradients)}
    truth |= exact_of("gradient", in_double(gradients_of, call, tensors, cotangents))
    return {f"cotangent{i}": x for i, x in enumerate(cotangents)}, truth


def picked_along(x, results):
    """The axis along which a second result says where the first was picked; None where it says no such thing."""
    if results[-1].dtype != torch.int64 or not x.dim():
        return None
    places = results[-1]
    for axis in range(x.dim()):
        with contextlib.suppress(RuntimeError, IndexError):
            if all(
                torch.equal(picked(x, places, axis).nan_to_num(), y.nan_to_num())
                for y in results[:-1]
            ):
                return axis
    return None


def picked(x, places, axis):
    lost = places.dim() < x.dim()
    found = torch.gather(x, axis, places.unsqueeze(axis) if lost else places)
    return found.squeeze(axis) if lost else found


def export(op, sample, folder, wants_gradients):
    leaves, spec = pytree.tree_flatten(((sample.input, *sample.args), sample.kwargs))
    tensors = [x for x in leaves if torch.is_tensor(x)]
    demand_ordinary(tensors)
    call = Call(op.op, [ordinary(x) if torch.is_tensor(x) else x for x in leaves], spec)
    try:
        results = results_of(call, tensors)
    except LeftOut:
        raise
    except Exception as error:
        raise LeftOut("eager PyTorch refuses it") from error
    try:
        program = torch.export.export(call, tuple(ordinary(x) for x in tensors))
    except Exception as error:
        raise LeftOut("torch.export refuses it") from error
    if draws(program, tensors):
        raise LeftOut("random")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        torch.export.save(program, folder / "net.pt2")
    except Exception as error:
        raise LeftOut("torch.export.save refuses it") from error
    ties = op.name in TIES and len(tensors[0].unique()) < tensors[0].numel()
    derived = wants_gradients and not ties and op.name not in NO_DERIVATIVE
    cotangents, truth = truth_of(call, tensors, results, derived)
    save_file(
        {f"in{i}": ordinary(x) for i, x in enumerate(tensors)} | cotangents,
        folder / "given.safetensors",
    )
    save_file(truth, folder / "truth.safetensors")
    axis = picked_along(tensors[0], results) if tensors and op.name in TIES else None
    return {"left_out": "", "gradients": bool(cotangents), "picked_along": axis}


def fresh_records(op, dtype, folder, count):
    torch.manual_seed(SEED)
    try:
        made = op.sample_inputs("cpu", dtype)
        samples = list(itertools.islice(made, count))
        if hasattr(made, "close"):
            made.close()  # here, since it changes modes at its end
    except Exception:
        return [{"left_out": "op_db makes no samples"}]
    records, first = [], dtype.is_floating_point
    for number, sample in enumerate(samples):
        try:
            records.append(export(op, sample, folder / str(number), first))
            first = first and not records[-1]["gradients"]
        except LeftOut as why:
            records.append({"left_out": str(why)})
    return records


def exported(op, dtype, folder, count, fresh):
    """One record per sample; what was exported before by the same PyTorch for as many is taken as it is."""
    listing = folder / "records.json"
    if listing.exists() and not fresh:
        kept = json.loads(listing.read_text())
        if kept["torch"] == torch.__version__ and kept["count"] >= count:
            return kept["records"][:count]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    logging.getLogger("torch").setLevel(logging.CRITICAL)
    silent = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with silent[0], silent[1], warnings.catch_warnings():
        warnings.simplefilter("ignore")
        records = fresh_records(op, dtype, folder, count)
    listing.write_text(json.dumps({"torch": torch.__version__, "count": count, "records": records}))
    return records

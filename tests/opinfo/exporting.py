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

# What takes the place of a sample's elements, over and over; None leaves its own, so that a lone edge stands among
# ordinary numbers.
INF, NAN = float("inf"), float("nan")
EDGES = {
    "signs": (0.0, -0.0, 1.0, -1.0, 1.0, 0.5, 2.0, -2.0, -1.0),
    "unit": (0.0, 1.0, 0.5, 1.0, 0.0, 0.25),
    "zeros": (0.0,),
    "ones": (1.0,),
    "infinite": (None, None, INF, None, -INF, None, None),
    "undefined": (None, None, NAN, None, None, None, None),
    "mixed": (0.0, NAN, INF, 1.0, -INF, -0.0, -1.0),
}


# Where PyTorch's answer is not its function's but one kernel's: vectorized and scalar ones differ, or single and double
# precision; what is padded with zeros is multiplied by what is not finite; LAPACK is given no numbers, or a matrix
# without an inverse; a bound is not below the other.
WILD = ("infinite", "undefined", "mixed")
UNSETTLED = {
    "_native_batch_norm_legit": ("infinite",),
    "_softmax_backward_data": ("infinite",),
    "clamp": ("signs", *WILD),
    "linalg.cond": ("ones", *WILD),
    "linalg.lu_solve": ("signs", "unit", *WILD),
    "linalg.qr": ("ones", *WILD),
    "linalg.svdvals": WILD,
    "logit": ("undefined", "mixed"),
    "lu_solve": ("signs", "unit", *WILD),
    "native_batch_norm": ("infinite",),
    "cumprod": ("mixed",),
    "digamma": ("signs", "infinite", "mixed"),
    "dist": ("mixed",),
    "grid_sampler_3d": WILD,
    "mode": ("undefined", "mixed"),
    "nn.functional.conv1d": WILD,
    "nn.functional.conv2d": WILD,
    "nn.functional.conv3d": WILD,
    "nn.functional.conv_transpose1d": WILD,
    "nn.functional.conv_transpose2d": WILD,
    "nn.functional.conv_transpose3d": WILD,
    "nn.functional.gelu": ("infinite", "mixed"),
    "nn.functional.grid_sample": WILD,
    "nn.functional.hardsigmoid": ("undefined", "mixed"),
    "nn.functional.hardswish": ("undefined", "mixed"),
    "nn.functional.hardtanh": ("undefined", "mixed"),
    "nn.functional.relu6": ("undefined", "mixed"),
    "nn.functional.scaled_dot_product_attention": WILD,
    "norm": WILD,
    "polygamma": ("signs",),
    "prod": ("mixed",),
    "special.log_ndtr": ("infinite", "mixed"),
    "special.polygamma": ("signs",),
    "std_mean": ("infinite",),
    "var": ("infinite",),
    "var_mean": ("infinite",),
}

# Vectors up to their signs, which the reference engine chooses as it comes.
SIGNED = ("linalg.eigh", "linalg.svd", "svd", "pca_lowrank", "svd_lowrank")


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


def at_edge(x, values, number):
    """The tensor with these values; those of the operator's other tensors meet them in another order."""
    if not x.is_floating_point():
        return x.fill_(x.min()) if x.numel() and x.dtype != torch.bool else x  # places are repeated
    flat = ordinary(x).flatten()
    for i in range(flat.numel()):
        value = values[(i * (2 * number + 1) + number) % len(values)]
        if value is not None:
            flat[i] = value
    return flat.reshape(x.shape)


def eager(call, tensors):
    try:
        return results_of(call, tensors)
    except LeftOut:
        raise
    except Exception as error:
        raise LeftOut("eager PyTorch refuses it") from error


def exported_program(call, tensors):
    try:
        program = torch.export.export(call, tuple(ordinary(x) for x in tensors))
    except Exception as error:
        raise LeftOut("torch.export refuses it") from error
    if draws(program, tensors):
        raise LeftOut("random")
    saved = io.BytesIO()
    try:
        torch.export.save(program, saved)
    except Exception as error:
        raise LeftOut("torch.export.save refuses it") from error
    return saved.getvalue()


def written(function):
    """The in-place twin of an operator, of a copy."""
    return lambda x, *arguments, **keywords: function(x.clone(), *arguments, **keywords)


def export(op, sample, folder, place, wants_gradients, kind):
    """A record for the sample, or for each of its edges. The place is below the folder."""
    function = written(op.inplace_variant) if kind == "in_place" else op.op
    leaves, spec = pytree.tree_flatten(((sample.input, *sample.args), sample.kwargs))
    tensors = [x for x in leaves if torch.is_tensor(x)]
    demand_ordinary(tensors)
    call = Call(function, [ordinary(x) if torch.is_tensor(x) else x for x in leaves], spec)
    eager(call, tensors)
    program = exported_program(call, tensors)
    if kind != "edges":
        return [record(op, call, program, tensors, folder / place, wants_gradients)]
    records = []
    for edge, values in EDGES.items():
        moved = [at_edge(ordinary(x), values, number) for number, x in enumerate(tensors)]
        where = f"{place}/{edge}"
        try:
            if edge in UNSETTLED.get(op.name, ()):
                raise LeftOut("one of PyTorch's kernels decides")
            records.append(record(op, call, program, moved, folder / where, wants_gradients))
        except LeftOut as why:
            records.append({"left_out": str(why)})
        records[-1]["place"] = where
    return records


def record(op, call, program, tensors, folder, wants_gradients):
    results = eager(call, tensors)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "net.pt2").write_bytes(program)
    ties = op.name in TIES and len(tensors[0].nan_to_num().unique()) < tensors[0].numel()
    derived = wants_gradients and not ties and op.name not in NO_DERIVATIVE
    cotangents, truth = truth_of(call, tensors, results, derived)
    save_file(
        {f"in{i}": ordinary(x) for i, x in enumerate(tensors)} | cotangents,
        folder / "given.safetensors",
    )
    save_file(truth, folder / "truth.safetensors")
    axis = picked_along(tensors[0], results) if tensors and op.name in TIES else None
    return {
        "left_out": "",
        "gradients": bool(cotangents),
        "picked_along": axis,
        "place": folder.name,
    }


def fresh_records(op, dtype, folder, count, kind):
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
            records += export(op, sample, folder, str(number), first, kind)
            first = first and (kind == "edges" or not records[-1]["gradients"])
        except LeftOut as why:
            records.append({"left_out": str(why)})
    return records


def exported(op, dtype, folder, count, fresh, kind):
    """The records of so many samples; what was exported before by the same PyTorch for as many is taken as it is."""
    listing = folder / "records.json"
    if listing.exists() and not fresh:
        kept = json.loads(listing.read_text())
        if kept["torch"] == torch.__version__ and kept["count"] == count:
            return kept["records"]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    logging.getLogger("torch").setLevel(logging.CRITICAL)
    silent = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with silent[0], silent[1], warnings.catch_warnings():
        warnings.simplefilter("ignore")
        records = fresh_records(op, dtype, folder, count, kind)
    listing.write_text(json.dumps({"torch": torch.__version__, "count": count, "records": records}))
    return records

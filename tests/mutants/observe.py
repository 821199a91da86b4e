#!/usr/bin/env python3
"""Whether two programs that isomer wrote can be told apart: both run in double precision, on many inputs, three calls
in a row, forward and backward. It looks harder than a proof can afford, and knows near which number to look.

usage: observe.py A.py B.py NEAR      prints "told apart: ..." or "not told apart"
"""

import importlib.util
import random
import sys
from pathlib import Path

import torch
from torch.utils import _pytree as pytree


def loaded(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn(like, near, how):
    if like.dtype == torch.bool:
        return torch.rand(like.shape) > 0.4
    if not like.is_floating_point():
        least, most = how["integers"]
        value = torch.randint(least, most, like.shape)
        close = torch.rand(like.shape) < 0.5
        value = torch.where(close, int(near) + torch.randint(-2, 3, like.shape), value)
        return value.clamp(min=least) if least >= 0 else value
    value = torch.randn(like.shape, dtype=torch.float64) * how["scale"]
    special = torch.tensor(
        [near, -near, 0.0, 0.5, 1.0, near + 1e-7, near - 1e-7, 2.5, 3.0, -3.0]
    ).double()
    chosen = special[torch.randint(0, len(special), like.shape)]
    return torch.where(torch.rand(like.shape) < how["special"], chosen, value)


def run(module, calls, seed, scale):
    """Outputs of each call, states, and gradients of the last one."""
    torch.manual_seed(seed)
    model = module.load().double()
    if scale:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(scale * torch.randn(parameter.shape).double())
    seen = []
    for arguments, keywords in calls:
        leaves, spec = pytree.tree_flatten((arguments, keywords))
        leaves = [
            x.clone().requires_grad_(x.is_floating_point()) if torch.is_tensor(x) else x
            for x in leaves
        ]
        arguments, keywords = pytree.tree_unflatten(leaves, spec)
        outputs = [
            torch.as_tensor(x)
            for x in pytree.tree_leaves(model(*arguments, **keywords))
            if x is not None
        ]
        seen += [x.detach().clone() for x in outputs]
    for number, out in enumerate(outputs):
        if not out.requires_grad:
            continue
        torch.manual_seed(seed + number)
        wanted = [x for x in leaves if torch.is_tensor(x) and x.requires_grad]
        named = [(n, p) for n, p in sorted(model.named_parameters()) if p.requires_grad]
        gradients = torch.autograd.grad(
            (out * torch.randn_like(out)).sum(),
            wanted + [p for _, p in named],
            retain_graph=True,
            allow_unused=True,
        )
        seen += [torch.zeros(()) if g is None else g for g in gradients]
    return seen + [b.double() for _, b in sorted(model.named_buffers())]


def told_apart(a, b):
    if len(a) != len(b):
        return "another number of values"
    for i, (x, y) in enumerate(zip(a, b)):
        if x.shape != y.shape:
            return f"value {i} has another shape"
        if not torch.equal(torch.isnan(x), torch.isnan(y)):
            return f"value {i} is not a number on one side"
        far = (x.double() - y.double()).nan_to_num(0, 1e30, -1e30).abs()
        bound = 1e-11 * (1e-3 + x.double().abs().nan_to_num(0, 0, 0))
        if bool((far > bound).any()):
            return f"value {i} by {float((far / (x.double().abs() + 1e-30)).max()):.3g}"
    return None


def main():
    paths = [Path(word) for word in sys.argv[1:3]]
    near = float(sys.argv[3])
    a, b = (loaded(path) for path in paths)
    arguments, keywords = a.example_inputs()
    leaves, spec = pytree.tree_flatten((arguments, keywords))
    chance = random.Random(0)
    for seed in range(60):
        how = {
            "integers": chance.choice([(0, 2), (0, 7), (0, 50), (-1000, 1000), (0, 48)]),
            "scale": chance.choice([0.1, 1.0, 1.0, 5.0, 100.0]),
            "special": chance.choice([0.0, 0.3, 1.0]),
        }
        torch.manual_seed(seed)
        calls = []
        for _ in range(3):
            values = [
                drawn(x, near, how).to(torch.float64 if x.is_floating_point() else x.dtype)
                if torch.is_tensor(x)
                else x
                for x in leaves
            ]
            calls.append(pytree.tree_unflatten(values, spec))
        scale = chance.choice([0.0, 0.0, 0.1])
        try:
            first = run(a, calls, seed, scale)
        except (IndexError, RuntimeError):
            continue
        try:
            difference = told_apart(first, run(b, calls, seed, scale))
        except (IndexError, RuntimeError) as error:
            difference = f"fails: {error}"
        if difference:
            print(f"told apart: {difference}")
            return
    print("not told apart")


if __name__ == "__main__":
    main()

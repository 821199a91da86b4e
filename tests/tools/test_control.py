"""Models with control flow: what isomer makes of their exports against eager PyTorch. Each is run twice in a row and
trained for a step on both engines, written as source, run and differentiated there, exported again and run.

usage: test_control.py PROGRAM [NAME...]      names choose models; exit 77 where torch is missing
"""

import importlib.util
import pathlib
import subprocess
import sys
import tempfile

try:
    import torch
    from safetensors.torch import load_file, save_file
    from torch import nn
    from torch._higher_order_ops import map as mapped
    from torch._higher_order_ops import scan, while_loop
    from torch.utils.checkpoint import checkpoint
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

F64 = torch.float64
TOLERANCE = {torch.float32: 1e-5, F64: 1e-12, torch.bfloat16: 5e-2, torch.float16: 5e-3}


# What an export keeps, and what eager PyTorch does in its place.


def choose(condition, then, otherwise, operands):
    if torch.compiler.is_exporting():
        return torch.cond(condition, then, otherwise, operands)
    return (then if condition else otherwise)(*operands)


def repeat(condition, body, values):
    if torch.compiler.is_exporting():
        return while_loop(condition, body, values)
    while condition(*values):
        values = body(*values)
    return values


def fold(body, carried, slices):
    """`body` gives what is carried and one value, which is stacked."""
    if torch.compiler.is_exporting():
        return scan(body, carried, slices)
    stack = []
    for part in zip(*slices) if isinstance(slices, tuple) else slices:
        carried, value = body(carried, part)
        stack.append(value)
    return carried, torch.stack(stack) if stack else None


def each(body, slices):
    if torch.compiler.is_exporting():
        return mapped(body, slices)
    return torch.stack([body(part) for part in slices]) if len(slices) > 0 else slices


# Models -------------------------------------------------------------------------------------------


class Linears(nn.Module):
    """Three layers, as what is captured."""

    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3, 3, dtype=dtype) for _ in range(3))


class Nested(Linears):
    def forward(self, x):
        a, b, c = self.layers

        def inner(x):
            return choose(x[0, 0] > 0, lambda x: a(x).tanh(), lambda x: b(x) * 2, (x,))

        return choose(x.sum() > 100, lambda x: c(x) + 1, lambda x: inner(x) - c(x), (x,))


class Repeated(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Nested(), Nested(), Nested())

    def forward(self, x):
        return self.blocks(x)


class Recurrent(Linears):
    """Along the batch, whose length is named; a branch in each trip."""

    def forward(self, x):
        a, b, c = self.layers

        def step(state, part):
            state = torch.tanh(a(state) + part)
            state = choose(state.sum() > 0, lambda s: b(s), lambda s: s * 0.5, (state,))
            return state, c(state)

        last, all_ = fold(step, x[0] * 0.5, x)
        return all_ + last


class Empty(Linears):
    """No trip, where no row is given; of nothing PyTorch exports no scan."""

    def forward(self, x):
        a, b, _ = self.layers
        return fold(lambda state, part: (torch.tanh(b(state)) + part, part * 2), a.bias * 2, x)[0]


class Deep(Linears):
    """A scan in a branch in a scan."""

    def forward(self, x):
        a, b, _ = self.layers

        def inner(state, part):
            state = torch.sin(b(state)) + part
            return state, state * 2

        def long(x):
            last, all_ = fold(inner, x, torch.stack([x, x * 0.5]))
            return last + all_.sum(0)

        def step(state, part):
            state = choose(part.sum() > 0, long, lambda x: a(x), (state + part,))
            return state, state + 1

        last, all_ = fold(step, x, torch.stack([x, -x, x * 2]))
        return last + all_.mean(0)


class Counting(Linears):
    """An integer and a truth value are carried, too."""

    def forward(self, x):
        def step(carried, parts):
            state, count, odd = carried
            part, number = parts
            state = torch.where(odd, self.layers[0](state) + part, state * 0.5)
            return (state, count + number, odd.logical_not()), state * count

        start = (x * 1, torch.full((), 2), torch.zeros((), dtype=torch.bool))
        (state, count, odd), all_ = fold(
            step, start, (torch.stack([x, x + 1, x + 2]), torch.arange(3))
        )
        return state * count + all_.sum(0) * odd


class Fractions(Linears):
    """Numbers that are made of a length."""

    def forward(self, x):
        root = x.shape[0] ** 0.5
        y = choose(
            x.sum() > x.shape[0] * 100, lambda x: x * 2, lambda x: self.layers[0](x), (x / root,)
        )
        return y * (1.5 / x.shape[0] + root)


class Mapped(Linears):
    def forward(self, x):
        return each(lambda part: self.layers[0](part).sigmoid() @ self.layers[1].weight, x)


class Loops(Linears):
    """One that never runs, one in a branch; neither has a derivative."""

    def forward(self, x):
        layer = self.layers[0]
        (y,) = repeat(lambda x: x.sum() > 1e6, lambda x: (x * 2,), (x * 1,))

        def halved(x):
            zero = torch.zeros((), dtype=torch.int64)
            return repeat(lambda i, x: i < 3, lambda i, x: (i + 1, layer(x) * 0.5), (zero, x * 1))[
                1
            ]

        return choose(x.sum() > 1e6, lambda x: x + 1, halved, (y,))


class Halves(Linears):
    """In half precision, which one branch leaves."""

    def forward(self, x):
        a, b, _ = self.layers
        y = choose(
            x[0, 0] > 1e3, lambda x: a(x), lambda x: (x.to(F64) * 1.5).to(x.dtype) + b(x), (x,)
        )
        last, all_ = fold(lambda s, part: (s * 0.5 + part, b(s)), y, torch.stack([y, y + 1]))
        return last + all_[0]


class Remembering(Linears):
    """A buffer goes through a branch and is kept."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(3))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        layer = self.layers[0]

        def more(x, seen):
            return layer(x) + seen, seen * 0.5 + x.detach().mean(0)

        y, seen = choose(x.sum() > 100, lambda x, seen: (x - seen, seen + 1), more, (x, self.seen))
        self.seen.copy_(seen.detach())
        self.count.add_(1)
        return y * self.count


class Memories(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(Remembering(), Remembering())

    def forward(self, x):
        return self.blocks(x)


class Wrapped(Linears):
    def forward(self, x):
        a, b, c = self.layers
        with torch.no_grad():
            y = a(x)
        y = y + checkpoint(lambda x: torch.sin(b(x)), x, use_reentrant=False)
        with torch.autocast("cpu", torch.bfloat16):
            z = c(x)
        return choose(x.sum() > 100, lambda x: x * 2, lambda x: x - 1, (y + z.float(),))


# model, dtype of its input, whether its rows may be of any number, with how many it is run, why it is not trained
MODELS = {
    "nested": (Nested, {}),
    "repeated": (Repeated, {"named": True}),
    "recurrent": (lambda: Recurrent(F64), {"dtype": F64, "named": True}),
    "empty": (Empty, {"named": True, "rows": 0, "untrained": "batches of 3"}),
    "deep": (lambda: Deep(F64), {"dtype": F64}),
    "counting": (Counting, {}),
    "fractions": (Fractions, {"named": True}),
    "mapped": (Mapped, {"named": True}),
    "loops": (Loops, {"named": True, "untrained": "'while'"}),
    "bfloat16": (lambda: Halves(torch.bfloat16), {"dtype": torch.bfloat16}),
    "float16": (lambda: Halves(torch.float16), {"dtype": torch.float16}),
    "memories": (Memories, {}),
    "wrapped": (Wrapped, {"tolerance": 2e-2}),
}


# What is compared ---------------------------------------------------------------------------------


def gradients(model, x):
    """Of the mean square of what it gives, the buffers as before."""
    state = {name: value.clone() for name, value in model.state_dict().items()}
    model.zero_grad()
    model(x).square().mean().backward()
    model.load_state_dict(state)
    zero = torch.zeros(())
    return {
        name: zero + 0 if p.grad is None else p.grad.clone() for name, p in model.named_parameters()
    }


def two_runs(model, x):
    """What comes out of two runs in a row, the buffers as before."""
    state = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        results = torch.stack([model(x), model(x)])
    model.load_state_dict(state)
    return results


def exported(model, x, named):
    shapes = ({0: torch.export.Dim("n", min=0, max=64)},) if named else None
    torch._dynamo.reset()
    try:
        return torch.export.export(model, (x,), dynamic_shapes=shapes)
    except Exception:  # PyTorch's scan of integers takes no weights that are trained
        torch._dynamo.reset()
        with torch.no_grad():
            return torch.export.export(model, (x,), dynamic_shapes=shapes)


class Test:
    def __init__(
        self,
        program,
        folder,
        name,
        make,
        dtype=torch.float32,
        named=False,
        rows=4,
        untrained="",
        tolerance=None,
    ):
        self.program, self.folder, self.name = program, folder / name, name
        self.named, self.untrained = named, untrained
        self.tolerance = tolerance or TOLERANCE[dtype]
        self.folder.mkdir()
        torch.manual_seed(sum(map(ord, name)))
        self.model = make()
        self.x = torch.randn(4, 3).to(dtype)
        self.given = self.x[:rows]

    def isomer(self, *words):
        command = [self.program, *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder)
        return done.returncode, done.stderr

    def succeed(self, *words):
        code, message = self.isomer(*words)
        assert code == 0, f"isomer {words[0]}: {message}"

    def same(self, what, given, wanted):
        assert given.dtype == wanted.dtype and given.shape == wanted.shape, (
            f"{what}: {given.dtype} {given.shape}"
        )
        far = (given.double() - wanted.double()).abs().max().item()
        near = self.tolerance * max(1, wanted.double().abs().max().item())
        assert far <= near, f"{what}: {far:.3g} apart, which should be at most {near:.3g}"

    def check_runs(self, file, wanted):
        save_file({"in0": torch.stack([self.given, self.given])}, self.folder / "twice.safetensors")
        for engine in ("reference", "torch"):
            words = (
                "--inputs",
                "twice.safetensors",
                "--steps",
                2,
                "--engine",
                engine,
                "-o",
                "y.safetensors",
            )
            self.succeed("run", file, *words)
            self.same(
                f"{file} on {engine}", load_file(self.folder / "y.safetensors")["out0"], wanted
            )

    def check_gradients(self, file, wanted):
        """A step of plain descent with a rate of 1 says what they are."""
        save_file(
            {"in0": self.given, "target": torch.zeros_like(self.given)},
            self.folder / "data.safetensors",
        )
        before = self.model.state_dict()
        for engine in ("reference", "torch"):
            words = ["--loss", "mse", "--optimizer", "sgd", "--lr", 1, "--engine", engine]
            words += ["--data", "data.safetensors", "--batch", 4, "-o", "trained.safetensors"]
            code, message = self.isomer("train", file, *words)
            if self.untrained:
                assert code == 3 and self.untrained in message, message
                continue
            assert code == 0, message
            after = load_file(self.folder / "trained.safetensors")
            for name, gradient in wanted.items():
                step = before[name] - gradient.to(before[name].dtype)
                self.same(f"gradient of {name} on {engine}", after[name], step)

    def run(self):
        outputs = two_runs(self.model, self.given)
        wanted = gradients(self.model, self.given)
        torch.export.save(exported(self.model, self.x, self.named), self.folder / "model.pt2")
        self.check_runs("model.pt2", outputs)
        self.check_gradients("model.pt2", wanted)

        self.succeed("convert", "model.pt2", "-o", "source.py")
        spec = importlib.util.spec_from_file_location(
            f"source_{self.name}", self.folder / "source.py"
        )
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        source = module.load()
        self.same("the source", two_runs(source, self.given), outputs)
        for name, gradient in gradients(source, self.given).items():
            self.same(f"the source's gradient of {name}", gradient, wanted[name])

        torch.export.save(exported(source, self.x, self.named), self.folder / "again.pt2")
        self.check_runs("again.pt2", outputs)


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[2:] or MODELS:
            make, settings = MODELS[name]
            try:
                Test(program, pathlib.Path(folder), name, make, **settings).run()
            except Exception as error:
                failed += 1
                print(f"{name}: {type(error).__name__}: {error}")
    print(f"{len(sys.argv[2:] or MODELS)} models, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

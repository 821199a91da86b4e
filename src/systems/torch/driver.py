"""Serves one PyTorch model to isomer: one JSON request a line on standard input, one JSON reply a line."""

import ast
import contextlib
import inspect
import json
import os
import socket
import sys
import traceback
import types

from driver_process import at_most, die_with, give_back, without_collecting
from driver_values import (
    Beginning,
    flatten,
    named_leaves,
    nesting,
    placed,
    rebuild,
    set_buffers,
    sow,
    take_over,
    write_tensors,
)


class Refused(Exception):
    """Something to tell the user: where, what."""

    def __init__(self, where, what):
        super().__init__(what)
        self.where = where


FLOATS = {"float32": "float64", "float": "float64", "complex64": "complex128"}
# What programs call each of them.
HALVES = {"float16": ("float16", "half"), "bfloat16": ("bfloat16",)}


class Widen(ast.NodeTransformer):
    """Rewrites a program from float32 to float64, as load_state_dict cannot."""

    def __init__(self, wider):
        self.wider = wider

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == "torch":
            node.attr = self.wider.get(node.attr, node.attr)
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        method = node.func
        if isinstance(method, ast.Attribute) and method.attr in self.wider and not node.args:
            method.attr = "double"
        return node


def as_outputs(tensors):
    return [(f"out{i}", tensor) for i, tensor in enumerate(tensors)]


def is_floating(tensor):
    return tensor.is_floating_point() or tensor.is_complex()


def is_refusal(error):
    """Whether PyTorch has no derivative for something that was to be recorded."""
    return any(words in str(error) for words in ("not differentiable with", "derivative for"))


class Served:
    """A loaded model and what can be asked of it."""

    def __init__(self, path, options):
        with without_collecting():
            import torch  # takes a second: after the process is known to live

        self.torch = torch
        self.path = path
        self.folder = os.path.dirname(path)
        self.stem = os.path.splitext(os.path.basename(path))[0]
        self.mode = options["mode"]
        self.seed = options["seed"]
        if options["threads"]:
            torch.set_num_threads(options["threads"])
        self.wider = {}
        self.refused = set()  # numbers of leaves, of which PyTorch records no gradient
        self.load()
        if options["precision"] == "f64":
            self.load_in_double()
        self.beginning = Beginning(self.module, self.model, self.seed)

    def load(self):
        self.torch.manual_seed(self.seed)
        self.module = self.import_file()
        self.model = self.find_model()
        if self.mode:
            self.model.train(self.mode == "train")

    def load_in_double(self):
        """Once more, as a program in double precision, with the numbers that the program loaded."""
        single = self.model
        self.wider = FLOATS | {
            name: "float64" for half in self.own_halves() for name in HALVES[half]
        }
        self.torch.set_default_dtype(self.torch.float64)
        self.load()
        self.model._apply(self.widened)
        take_over(self.model, single, self.widened)

    def own_halves(self):
        """Those that the model's own numbers are: then they are its precision, and no rounding that is meant."""
        example = self.tensors(self.example() or ())
        tensors = [*self.model.parameters(), *self.model.buffers(), *example]
        return {str(t.dtype).removeprefix("torch.") for t in tensors} & HALVES.keys()

    def widened(self, tensor):
        wide = str(tensor.dtype).removeprefix("torch.") in self.wider
        return tensor.double() if wide else tensor

    # -- loading ----------------------------------------------------------------------------------

    def import_file(self):
        with open(self.path, "rb") as file:
            tree = ast.parse(file.read(), self.path)
        if self.wider:
            tree = ast.fix_missing_locations(Widen(self.wider).visit(tree))
        module = types.ModuleType(self.stem)
        module.__file__ = self.path
        sys.modules.setdefault(self.stem, module)
        sys.path.insert(0, self.folder)
        exec(compile(tree, self.path, "exec"), module.__dict__)
        return module

    def find_model(self):
        load = getattr(self.module, "load", None)
        if callable(load):
            model = load()
            if not isinstance(model, self.torch.nn.Module):
                raise Refused(
                    "load()", f"gives {type(model).__name__}; a torch.nn.Module is needed"
                )
            return model
        model = self.only_class()()
        weights = os.path.join(self.folder, self.stem + ".safetensors")
        if os.path.exists(weights):
            model.load_state_dict(self.read(weights), strict=True)
        elif model.state_dict():
            raise Refused("", f"has no load() and no weights in {self.stem}.safetensors beside it")
        return model.eval()

    def only_class(self):
        def takes_nothing(kind):
            parameters = inspect.signature(kind.__init__).parameters.values()
            kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
            needed = [p for p in parameters if p.default is p.empty and p.kind not in kinds]
            return len(needed) == 1

        found = [
            kind
            for kind in vars(self.module).values()
            if isinstance(kind, type)
            and issubclass(kind, self.torch.nn.Module)
            and kind.__module__ == self.stem
            and takes_nothing(kind)
        ]
        if len(found) == 1:
            return found[0]
        names = ", ".join(kind.__name__ for kind in found) or "none"
        raise Refused(
            "", f"has no load(), and not one nn.Module class without arguments but: {names}"
        )

    # -- tensors in files -------------------------------------------------------------------------

    def read(self, path):
        from safetensors.torch import load_file

        return load_file(path)

    def write(self, path, tensors):
        write_tensors(path, [(name, t.detach()) for name, t in tensors])

    def numbered(self, path, prefix):
        tensors = self.read(path)
        found = []
        while f"{prefix}{len(found)}" in tensors:
            # With memory of its own: the file is written again, and the model may keep it.
            found.append(self.widened(tensors[f"{prefix}{len(found)}"]).clone())
        return found

    # -- calling ----------------------------------------------------------------------------------

    def example(self, **lengths):
        make = getattr(self.module, "example_inputs", None)
        return make(**lengths) if callable(make) else None

    def lengths(self):
        make = getattr(self.module, "example_inputs", None)
        if not callable(make):
            return {}
        return {
            p.name: p.default
            for p in inspect.signature(make).parameters.values()
            if isinstance(p.default, int)
        }

    def arguments(self, inputs):
        example = self.example()
        if example is None:
            return tuple(inputs), {}
        args, kwargs = example
        leaves = iter(inputs)
        return rebuild(args, leaves), rebuild(kwargs, leaves)

    def results(self, inputs):
        args, kwargs = self.arguments(inputs)
        return self.model(*args, **kwargs)

    def tensors(self, results):
        return [self.tensor(leaf) for leaf in flatten(results)]

    def tensor(self, value):
        if isinstance(value, self.torch.Tensor):
            if value.layout is not self.torch.strided or value.is_quantized:
                raise Refused("", f"gives a tensor of layout {value.layout}; dense ones are read")
            return value
        if isinstance(value, float):
            return self.torch.tensor(value, dtype=self.torch.float64)  # Python's are
        if isinstance(value, (bool, int, complex)):
            return self.torch.as_tensor(value)
        raise Refused("", f"gives {type(value).__name__} where a tensor or a number should be")

    def call(self, inputs):
        return self.tensors(self.results(inputs))

    def parameters(self):
        return [
            (n, p) for n, p in self.model.named_parameters() if p.requires_grad and is_floating(p)
        ]

    @contextlib.contextmanager
    def unchanged(self):
        """Keeps the model as it is: to be used around calls that are only looked at."""
        before = self.model
        with self.beginning.aside(before) as self.model:
            try:
                yield
            finally:
                self.model = before

    # -- requests ---------------------------------------------------------------------------------

    def run(self, inputs, outputs):
        with self.torch.no_grad():
            results = self.call(self.numbered(inputs, "in"))
        self.write(outputs, as_outputs(results))

    def states(self, outputs):
        self.write(outputs, as_outputs(buffer for _, buffer in self.model.named_buffers()))

    def set_states(self, inputs):
        set_buffers(self.model, self.numbered(inputs, "in"))

    def reset(self):
        self.model = self.beginning.again(self.model)

    def leaves(self, given):
        """What gradients are asked for."""
        return [t for t in given if is_floating(t)] + [p for _, p in self.parameters()]

    @contextlib.contextmanager
    def recording(self, leaves, refused):
        for number, leaf in enumerate(leaves):
            leaf.requires_grad_(number not in refused)
        try:
            with self.torch.enable_grad():
                yield
        finally:
            for leaf in leaves:
                leaf.requires_grad_()

    def recorded(self, leaves, call):
        """What `call` gives while gradients are recorded, but those that PyTorch refuses to record."""
        try:
            with self.recording(leaves, self.refused):
                return call()
        except RuntimeError as error:
            if self.refused or not is_refusal(error):
                raise
        numbers = range(len(leaves))
        self.refused = {i for i in numbers if self.refuses(leaves, {*numbers} - {i}, call)}
        with self.recording(leaves, self.refused):
            return call()

    def refuses(self, leaves, others, call):
        try:
            with self.recording(leaves, others):
                call()
        except RuntimeError as error:
            return is_refusal(error)
        return False

    def observe(self, inputs, outputs, gradients="", mode="", seed=""):
        """A first call as a caller sees it: what comes out, how it is nested, what his arguments are afterwards."""
        torch = self.torch
        given = self.numbered(inputs, "in")

        def call():
            # A clone is no leaf: it can be written into.
            taken = [t.clone() for t in given] if gradients else given
            with self.unchanged():
                self.reset()
                sow(int(seed or self.seed))
                if mode:
                    self.model.train(mode == "train")
                results = self.results(taken)
                return results, self.tensors(results), taken

        if gradients:
            results, found, taken = self.recorded(self.leaves(given), call)
        else:
            with torch.no_grad():
                results, found, taken = call()
        after = [(f"in{i}", t) for i, t in enumerate(taken)]
        self.write(outputs, [*as_outputs(found), *after])
        return {"results": nesting(results, lambda value: isinstance(value, torch.Tensor))}

    def gradient(self, inputs, outputs):
        torch = self.torch
        values = self.numbered(inputs, "in")
        cotangents = self.numbered(inputs, "cotangent")
        leaves = self.leaves(values)

        def call():
            with self.unchanged():
                return [t for t in self.call([t.clone() for t in values]) if is_floating(t)]

        results = self.recorded(leaves, call)
        if len(results) != len(cotangents):
            raise Refused("", f"{len(cotangents)} cotangents for {len(results)} floating outputs")
        pairs = [(r, c.to(r.dtype)) for r, c in zip(results, cotangents) if r.requires_grad]
        found = dict.fromkeys(range(len(leaves)))
        wanted = [i for i in range(len(leaves)) if i not in self.refused]
        if pairs and wanted:
            gradients = torch.autograd.grad(
                [r for r, _ in pairs],
                [leaves[i] for i in wanted],
                [c for _, c in pairs],
                allow_unused=True,
            )
            found.update(zip(wanted, gradients))
        zeros = (torch.zeros_like(w) if g is None else g for w, g in zip(leaves, found.values()))
        self.write(outputs, as_outputs(zeros))

    def set_parameters(self, inputs):
        values = self.numbered(inputs, "in")
        with self.torch.no_grad():
            for (_, parameter), value in zip(self.parameters(), values, strict=True):
                parameter.copy_(value)

    def export(self, inputs, outputs, lengths=None):
        """`lengths` holds, as JSON, for each input which axes vary between which ends: {"0": [1, null]}."""
        given = self.numbered(inputs, "in")
        taken = len(self.tensors(self.example() or ()))
        if self.example() is not None and taken != len(given):
            raise Refused("", f"takes {taken} inputs and is given {len(given)}")
        args, kwargs = self.arguments(given)
        shapes = self.shapes(args, kwargs, json.loads(lengths)) if lengths else None
        self.save_export(args, kwargs, shapes, outputs)

    def save_export(self, args, kwargs, shapes, outputs):
        with self.unchanged(), without_collecting():
            program = self.torch.export.export(self.model, args, kwargs, dynamic_shapes=shapes)
        for part in program.graph_module.modules():
            for node in getattr(getattr(part, "graph", None), "nodes", ()):
                if trace := node.meta.get("stack_trace"):
                    node.meta["stack_trace"] = self.without_folders(trace)
        self.torch.export.save(program, outputs)

    def without_folders(self, trace):
        """Files of the program are named from its folder, packages from where they are installed."""
        trace = trace.replace(f'File "{self.folder}{os.sep}', 'File "')
        for folder in sys.path:
            if os.path.isabs(folder):
                inside = os.path.join(os.sep, os.path.basename(folder), "")
                trace = trace.replace(f'File "{folder}{os.sep}', f'File "{inside}')
        return trace

    def export_example(self, outputs):
        """For the program's own example. What may vary it says itself, or the example's lengths do."""
        lengths = self.distinct_lengths()
        example = self.example(**lengths)
        if example is None:
            what = "is missing: a function that gives the arguments and keyword arguments of a call"
            raise Refused("example_inputs()", what)
        if not (
            isinstance(example, tuple)
            and len(example) == 2
            and isinstance(example[0], (tuple, list))
            and isinstance(example[1], dict)
        ):
            what = "gives no pair of arguments and keyword arguments: write (x,), {}"
            raise Refused("example_inputs()", what)
        args, kwargs = example
        said = getattr(self.module, "dynamic_shapes", None)
        if callable(said):
            shapes = said()
        else:
            shapes = self.shapes(args, kwargs, self.varying_axes(lengths)) if lengths else None
        self.save_export(tuple(args), kwargs, shapes, outputs)

    def distinct_lengths(self):
        """A number for each by which PyTorch tells it from others: none is 0 or 1, and no two are equal."""
        chosen = {}
        for name, value in self.lengths().items():
            while value < 2 or value in chosen.values():
                value += 1
            chosen[name] = value
        return chosen

    def varying_axes(self, lengths):
        """For each leaf of the example which axes follow its lengths."""

        def sizes(lengths):
            return [getattr(leaf, "shape", leaf) for leaf in flatten(self.example(**lengths))]

        base = sizes(lengths)
        found = [{} for _ in base]
        for name, value in lengths.items():
            for axes, old, new in zip(found, base, sizes(lengths | {name: value + 1})):
                if isinstance(old, self.torch.Size):
                    axes.update({str(i): [1, None] for i, n in enumerate(old) if n != new[i]})
                elif old != new:
                    axes[""] = [1, None]
        return found

    def shapes(self, args, kwargs, lengths):
        """What of each argument may vary, by the parameters' names; PyTorch finds out what depends on what."""

        def hint(least, most):
            return self.torch.export.Dim.AUTO(min=least, max=most)

        def varying(leaf, axes):
            if isinstance(leaf, self.torch.Tensor):
                return {int(axis): hint(*ends) for axis, ends in axes.items()}
            return hint(*axes[""]) if "" in axes else None

        given = [*flatten(args), *flatten(kwargs)]
        leaves = [varying(leaf, axes) for leaf, axes in zip(given, lengths, strict=True)]
        rest = iter(leaves)
        args, kwargs = placed(args, rest), placed(kwargs, rest)
        return inspect.signature(self.model.forward).bind(*args, **kwargs).arguments

    def describe(self, outputs):
        state = self.model.state_dict()
        self.write(outputs, list(state.items()))
        reply = {
            "parameters": [self.port(name, p) for name, p in self.parameters()],
            "weights": list(state),
            "states": [self.port(name, b) for name, b in self.model.named_buffers()],
            "arguments": self.called(),
        }
        if self.example() is None:
            names = [p.name for p in inspect.signature(self.model.forward).parameters.values()]
            reply["inputs"] = [{"name": name} for name in names]
            return reply
        reply["inputs"] = self.ports(
            lambda **lengths: self.tensors(self.example(**lengths)), self.input_names()
        )

        def outputs_of_example(**lengths):
            results = self.results(flatten(self.example(**lengths)))
            reply["results"] = nesting(results, lambda value: isinstance(value, self.torch.Tensor))
            return self.tensors(results)

        # An example shows types, its values may not be fit to be run, or to end a loop: then outputs are not described.
        with self.unchanged(), self.torch.no_grad(), contextlib.suppress(Exception), at_most(10):
            reply["outputs"] = self.ports(outputs_of_example, None)
        return reply

    def called(self):
        """The parameters of forward: what they are called, how they are given, what stands for one that is not."""
        return [
            {
                "name": p.name,
                "kind": p.kind.name.lower(),
                "default": "" if p.default is p.empty else repr(p.default),
            }
            for p in inspect.signature(self.model.forward).parameters.values()
        ]

    def input_names(self):
        args, kwargs = self.example()
        parameters = list(inspect.signature(self.model.forward).parameters)
        given = [*zip(parameters, args), *kwargs.items()]
        return [name for key, tree in given for name, _ in named_leaves(tree, key)]

    def port(self, name, tensor):
        return {
            "name": name,
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": [str(n) for n in tensor.shape],
        }

    def ports(self, make, names):
        """Names, types and shapes; how lengths depend on the named ones is found by changing one at a time."""
        base = make()
        names = names or [f"out{i}" for i in range(len(base))]
        found = [self.port(name, t) for name, t in zip(names, base)]
        terms = [[[] for _ in t.shape] for t in base]
        rest = [list(t.shape) for t in base]
        for length, value in self.lengths().items():
            for i, changed in enumerate(make(**{length: value + 1})):
                for axis, n in enumerate(changed.shape):
                    slope = n - base[i].shape[axis]
                    if slope:
                        terms[i][axis].append(f"{slope}*{length}")
                        rest[i][axis] -= slope * value
        for i, port in enumerate(found):
            port["shape"] = [" + ".join([*t, str(r)]) for t, r in zip(terms[i], rest[i])]
        return found


def fault(error, path):
    """Where in the user's file, and the last line of the traceback."""
    if isinstance(error, Refused):
        return {"where": error.where, "what": str(error)}
    if isinstance(error, ImportError) and error.name in ("torch", "safetensors"):
        return {"kind": "python", "where": sys.executable, "what": f"has no module {error.name}"}
    what = "".join(traceback.format_exception_only(type(error), error)).strip()
    if isinstance(error, SyntaxError):
        return {"where": f"line {error.lineno}", "what": what.splitlines()[-1]}
    lines = [
        f for f in traceback.extract_tb(error.__traceback__) if os.path.abspath(f.filename) == path
    ]
    return {"where": f"line {lines[-1].lineno}" if lines else "", "what": what}


def main():
    channel = socket.socket(fileno=os.dup(0))
    die_with(channel)
    channel.sendall(b'{"alive": true}\n')
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what the program prints must not disturb the replies
    sys.dont_write_bytecode = True
    # What torch and the program lay there goes with the folder.
    os.environ["TMPDIR"] = os.path.dirname(os.path.abspath(__file__))
    path = os.path.abspath(sys.argv[1])
    served = None
    for line in channel.makefile("rb"):
        request = json.loads(line)
        verb = request.pop("do")
        try:
            if served is None:
                served = Served(path, json.loads(sys.argv[2]))
            reply = getattr(served, verb)(**request) or {}
        except BaseException as error:
            traceback.print_exc()
            reply = {"error": fault(error, path)}
        channel.sendall(json.dumps(reply).encode() + b"\n")
        if verb in ("describe", "export", "gradient"):
            give_back()


main()

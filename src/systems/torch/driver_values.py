"""What calls of a PyTorch model take and give, and what makes a first call a first one again."""

import contextlib
import copy
import dataclasses
import json
import random
import sys
import types


def parts_of(tree):
    """The key and the value of each part of a container, in order; none where it is no container."""
    if isinstance(tree, dict):
        return list(tree.items())
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return list(zip(tree._fields, tree))
    if isinstance(tree, (tuple, list)):
        return list(enumerate(tree))
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        fields = [(field.name, getattr(tree, field.name)) for field in dataclasses.fields(tree)]
        return [(name, value) for name, value in fields if value is not None]
    return None


def named_leaves(tree, name=""):
    """The values of nested containers, in order, each behind a name."""
    if tree is None:
        return []
    parts = parts_of(tree)
    if parts is None:
        return [(name, tree)]
    return [leaf for key, child in parts for leaf in named_leaves(child, f"{name}_{key}")]


def flatten(tree):
    return [leaf for _, leaf in named_leaves(tree)]


def quoted(key):
    return "'" + str(key).replace("\\", "\\\\").replace("'", "\\'") + "'"


def class_of(tree):
    """The name of the class of a container or number where that says more than its nesting."""
    kind = type(tree)
    return "" if kind in (tuple, list, dict) else f'"{kind.__module__}.{kind.__qualname__}"'


def nesting(tree, is_tensor):
    """How a result is nested, in the words of the text form."""
    if tree is None:
        return "none"
    if is_tensor(tree):
        return "*"
    parts = parts_of(tree)
    if parts is None:
        return f'"{type(tree).__name__}"'
    if isinstance(tree, list):
        return f"{class_of(tree)}[{', '.join(nesting(child, is_tensor) for _, child in parts)}]"
    keyed = isinstance(tree, dict) and not dataclasses.is_dataclass(tree)
    plain = isinstance(tree, tuple) and not hasattr(tree, "_fields")
    between = ": " if keyed else "="
    texts = [
        nesting(child, is_tensor) if plain else f"{quoted(key)}{between}{nesting(child, is_tensor)}"
        for key, child in parts
    ]
    inside = ", ".join(texts)
    return class_of(tree) + ("{" + inside + "}" if keyed else f"({inside})")


def placed(tree, leaves, fit=lambda old, new: new):
    """`tree` with its leaves replaced by those that the iterator `leaves` gives."""
    if tree is None:
        return None
    if isinstance(tree, dict):
        return {key: placed(child, leaves, fit) for key, child in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(placed(child, leaves, fit) for child in tree))
    if isinstance(tree, (tuple, list)):
        return type(tree)(placed(child, leaves, fit) for child in tree)
    if dataclasses.is_dataclass(tree):
        return dataclasses.replace(
            tree, **{name: placed(child, leaves, fit) for name, child in parts_of(tree)}
        )
    return fit(tree, next(leaves))


def rebuild(tree, leaves):
    """The same with tensors; an integer stays one."""
    return placed(tree, leaves, lambda old, new: int(new) if type(old) is int else new)


def is_plain(value):
    """Whether it is made of numbers and texts alone."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(is_plain(item) for pair in value.items() for item in pair)
    return value is None or isinstance(value, (bool, int, float, complex, str, bytes))


class Beginning:
    """A model as it is before its first call: with what Python keeps beside the buffers, which a call may change."""

    def __init__(self, module, model, seed):
        self.module = module
        self.seed = seed
        try:
            self.model = copied(model)
        except Exception:  # what cannot be copied has its buffers alone
            self.model = None
            self.buffers = [buffer.detach().clone() for _, buffer in model.named_buffers()]
        self.kept = copy.deepcopy(self.plain())

    def holders(self):
        """What the program's functions can write to by name: the file, and the classes in it."""
        classes = [kind for kind in vars(self.module).values() if isinstance(kind, type)]
        own = [kind for kind in classes if kind.__module__ == self.module.__name__]
        return [self.module, *own]

    def plain(self):
        return [
            {
                name: value
                for name, value in vars(holder).items()
                if not name.startswith("__") and is_plain(value)
            }
            for holder in self.holders()
        ]

    def put_back(self, kept):
        """Gives the file and its classes what `plain` said of them once."""
        for holder, now, then in zip(self.holders(), self.plain(), copy.deepcopy(kept)):
            for name in now.keys() - then.keys():
                delattr(holder, name)
            for name, value in then.items():
                if now.get(name, Beginning) != value:
                    setattr(holder, name, value)

    def again(self, model):
        """The model as it was then, with the parameters that `model` has now."""
        self.put_back(self.kept)
        sow(self.seed)
        if self.model is not None:
            return copied(self.model)
        set_buffers(model, self.buffers)
        return model

    @contextlib.contextmanager
    def aside(self, model):
        """A copy to be called, of which nothing remains."""
        kept, drawn = copy.deepcopy(self.plain()), torch_module().get_rng_state()
        buffers = []
        try:
            other = copied(model)
        except Exception:  # as above
            other = model
            buffers = [buffer.detach().clone() for _, buffer in model.named_buffers()]
        try:
            yield other
        finally:
            self.put_back(kept)
            torch_module().set_rng_state(drawn)
            if other is model:
                set_buffers(model, buffers)


def copied(model):
    """A copy with a state of its own, and the same parameters."""
    return copy.deepcopy(model, {id(p): p for p in model.parameters()})


def set_buffers(model, values):
    buffers = [buffer for _, buffer in model.named_buffers()]
    fresh = {id(b): value.clone() for b, value in zip(buffers, values, strict=True)}
    # Tied ones are listed once, and stay one.
    for name, buffer in list(model.named_buffers(remove_duplicate=False)):
        owner, _, last = name.rpartition(".")
        setattr(model.get_submodule(owner), last, fresh[id(buffer)])


def tensors_of(model):
    """What it keeps in tensors, with the module and the name that each has there, and whether it is stored."""
    torch, stored = torch_module(), model.state_dict(keep_vars=True).keys()
    for path, module in model.named_modules():
        for held in (module._parameters, module._buffers, vars(module)):
            for name, value in list(held.items()):
                if isinstance(value, torch.Tensor):
                    yield (path, name), value, f"{path}.{name}".lstrip(".") in stored


def take_over(model, single, widened):
    """Gives a model the numbers of the same in single precision. One that is not stored may be one that its author
    wrote; that stays what single precision had to round."""
    torch = torch_module()
    given = {place: value for place, value, _ in tensors_of(single)}
    with torch.no_grad():
        for place, value, stored in tensors_of(model):
            own = given.get(place)
            if own is None or own.shape != value.shape or widened(own).dtype != value.dtype:
                continue
            if stored or not torch.equal(value.to(own.dtype), own):
                value.data = widened(own.detach()).clone()


def sow(seed):
    """All generators that a program may draw from without asking."""
    torch_module().manual_seed(seed)
    random.seed(seed)
    if isinstance(numpy := sys.modules.get("numpy"), types.ModuleType):
        numpy.random.seed(seed % 2**32)


# What safetensors calls the types.
CODES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "float16": "F16",
    "bfloat16": "BF16",
    "float32": "F32",
    "float64": "F64",
    "complex64": "C64",
}


def write_tensors(path, tensors):
    """Writes a file of safetensors one tensor after the other; the package's own function holds all of it twice."""
    torch = torch_module()
    header, end = {}, 0
    for name, tensor in tensors:
        code = CODES.get(str(tensor.dtype).removeprefix("torch."))
        if code is None:
            raise TypeError(f"{name} is {tensor.dtype}, which no file of safetensors holds")
        begin, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {"dtype": code, "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # what is aligned is mapped
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, tensor in tensors:
            plain = tensor.cpu().resolve_conj().resolve_neg().contiguous()
            # A tensor of one element is contiguous whatever its stride, which a view as bytes minds.
            flat = plain.as_strided((plain.numel(),), (1,))
            file.write(flat.view(torch.uint8).numpy().data)


def torch_module():
    """It takes a second to import: after the process is known to live."""
    import torch

    return torch

"""Records what NumPy gives for each function that a document can call.

    .venv/bin/python tests/data/numpy/make_cases.py

writes one table per family beside this file, one case per line: an expression, the arrays that it
names, and NumPy's value with its kind and type. The unit test `Numpy` carries each case out at once
and as a graph. Written with NumPy 2.
"""

import json
import math
import pathlib

import numpy

inf = math.inf
nan = math.nan

ARRAYS = {
    "x": numpy.array([-2.5, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0]),
    "u": numpy.array([-1.0, -0.25, -0.0, 0.0, 0.5, 1.0]),
    "p": numpy.array([0.25, 1.0, 2.0, 10.0, inf]),
    "q": numpy.array([1.0, 1.5, 20.0, 1e9, inf]),
    "n": numpy.array([nan, inf, -inf, 1.0]),
    "m": numpy.array([2.0, nan, 1.0, nan]),
    "i": numpy.array([[1, -2, 3], [0, 5, -6]]),
    "j": numpy.array([[2], [3]]),
    "b": numpy.array([True, False, True]),
    "c": numpy.array([True, True, False]),
    "e": numpy.zeros((0, 3)),
    "s": numpy.array(2.5),
    "k": numpy.array(3),
    "f": numpy.array([[0.5, -1.5, 2.0], [4.0, 0.25, -3.0]], dtype=numpy.float32),
    "g": numpy.array([0.5, -1.5, 2.0], dtype=numpy.float32),
    "a": numpy.arange(24.0).reshape(2, 3, 4) - 7,
    "d": numpy.array([[4.0, -1.0, 2.0], [0.5, 8.0, -3.0]]),
    "w": numpy.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]),
    "r": numpy.array([2, 0, -1]),
    "t": numpy.array([[[1.0], [2.0]]]),
    "o": numpy.array([7.0]),
}

REAL = [
    "exp",
    "exp2",
    "expm1",
    "sin",
    "cos",
    "tan",
    "arctan",
    "sinh",
    "cosh",
    "tanh",
    "arcsinh",
    "degrees",
    "radians",
    "deg2rad",
    "rad2deg",
    "fabs",
    "rint",
]
ELEMENTWISE = (
    [f"numpy.{name}({of})" for name in REAL for of in ("x", "n", "i", "f", "s")]
    + [f"numpy.{name}({of})" for name in ("log", "log2", "log10", "sqrt") for of in ("p", "j", "s")]
    + [f"numpy.log1p({of})" for of in ("p", "j", "u[1:]", "s")]
    + [f"numpy.{name}({of})" for name in ("arcsin", "arccos") for of in ("u", "j-2")]
    + [f"numpy.arccosh({of})" for of in ("q", "j", "s")]
    + [f"numpy.arctanh({of})" for of in ("u[1:5]", "s/4")]
    + [
        f"numpy.{name}({of})"
        for name in ["abs", "absolute", "floor", "ceil", "trunc", "fix", "square"]
        for of in ("x", "n", "i", "f", "s", "e")
    ]
    + [f"numpy.{name}({of})" for name in ("floor", "abs") for of in ("b",)]
    + [f"numpy.sign({of})" for of in ("x", "n", "i")]
    + [f"numpy.negative({of})" for of in ("x", "n", "i", "f", "k")]
    + [f"numpy.reciprocal({of})" for of in ("p", "f", "j", "s")]
    + [
        f"numpy.{name}({of})"
        for name in ("isnan", "isinf", "isfinite", "logical_not")
        for of in ("x", "n", "i", "s")
    ]
    + [
        "numpy.logical_not(b)",
        "numpy.round(x)",
        "numpy.round(a/7, 1)",
        "numpy.round(i)",
        "numpy.round(a*9, -1)",
        "numpy.round(f, decimals=0)",
    ]
    + [
        "numpy.clip(x, -1, 0.5)",
        "numpy.clip(i, 0, 3)",
        "numpy.clip(x, None, 0.5)",
        "numpy.clip(n, -1, 1)",
        "numpy.clip(f, -1.0, 1.0)",
    ]
    + [
        "numpy.where(x > 0, x, 0)",
        "numpy.where(b, g, 0.0)",
        "numpy.where(b, i, 1.5)",
        "numpy.where(i, 1, 0)",
        "numpy.where(b, i, d)",
        "numpy.where(s > 2, 1.0, 2.0)",
    ]
)
PAIRS = (
    [
        f"numpy.{name}({of})"
        for name in ["add", "subtract", "multiply"]
        for of in (
            "x, 2",
            "i, j",
            "f, 2.5",
            "f, 1",
            "i, 0.5",
            "n, m",
            "e, d[0]",
            "s, k",
            "a, d[:, :1, None]",
        )
    ]
    + ["numpy.add(b, c)", "numpy.multiply(b, c)", "numpy.add(b, 2)", "numpy.add(b, g)"]
    + [
        f"numpy.{name}({of})"
        for name in ("divide", "true_divide")
        for of in ("x, 2", "i, j", "f, 2.5", "1, p", "n, m")
    ]
    + [
        f"numpy.{name}({of})"
        for name in ("floor_divide", "remainder", "mod")
        for of in ("x, 2", "x, -2", "i, j", "i, -4", "f, 0.75", "5, j")
    ]
    + [f"numpy.power({of})" for of in ("p, 2", "p, 0.5", "i, 2", "j, j", "f, 2", "2, x", "n, 0")]
    + [
        f"numpy.{name}({of})"
        for name in ["maximum", "minimum", "fmax", "fmin"]
        for of in ("x, 0", "i, j", "f, 0.5", "n, m", "m, n", "e, d[0]")
    ]
    + ["numpy.maximum(b, c)", "numpy.minimum(b, c)"]
    + [
        f"numpy.{name}({of})"
        for name in ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"]
        for of in ("x, 0", "i, j", "n, m", "n, n", "b, c", "f, 0.5")
    ]
    + [
        f"numpy.{name}({of})"
        for name in ["logical_and", "logical_or", "logical_xor"]
        for of in ("x[:3], b", "b, c", "i, 1", "n[:3], c")
    ]
    + [
        f"numpy.bitwise_{name}({of})"
        for name in ("and", "or", "xor")
        for of in ("i, j", "i, 6", "b, c")
    ]
    + [f"numpy.copysign({of})" for of in ("x, -1", "n, u[:4]", "i, j", "f, -0.0")]
    + [f"numpy.fmod({of})" for of in ("x, 2", "x, -2", "i, j", "f, 0.75")]
    + [f"numpy.gcd({of})" for of in ("i, j", "i, 6", "i, 0")]
    + [f"numpy.{name}({of})" for name in ("left_shift", "right_shift") for of in ("i, j", "i, 2")]
    + [
        "numpy.arctan2(x, 2)",
        "numpy.arctan2(u, -1)",
        "numpy.arctan2(u, -0.0)",
        "numpy.arctan2(u, 0.0)",
        "numpy.arctan2(n, n)",
        "numpy.arctan2(n, -numpy.inf)",
        "numpy.arctan2(i, j)",
        "numpy.arctan2(f, 1)",
    ]
    + [
        "numpy.hypot(x, 2)",
        "numpy.hypot(n, m)",
        "numpy.hypot(i, j)",
        "numpy.hypot(x, 0)",
        "numpy.hypot(f, 1)",
        "numpy.hypot(1e200*x, 1e200)",
    ]
    + [
        "x - 2*x",
        "-i",
        "~b",
        "b & c",
        "b | c",
        "b ^ c",
        "i // j % 2",
        "2 ** x",
        "i @ w",
        "x >= 1",
        "1 - f",
        "w.T @ d.T",
    ]
)
AXES = ("", ", 0", ", axis=-1", ", (0, 1)", ", 0, keepdims=True", ", axis=None, keepdims=True")
REDUCTION = (
    [
        f"numpy.{name}({of}{axes})"
        for name in ["sum", "prod", "max", "min", "amax", "amin", "mean", "average"]
        for of in ("d", "i", "f")
        for axes in AXES[: 6 if of == "d" and name != "average" else 3]
    ]
    + [
        f"numpy.{name}({of})"
        for name in ["sum", "prod", "mean", "max", "min", "var", "std", "any", "all"]
        for of in ("x", "n", "a, (2, 0)", "s", "b")
    ]
    + [
        "numpy.sum(e)",
        "numpy.sum(e, 0)",
        "numpy.prod(e, 1)",
        "numpy.any(e)",
        "numpy.all(e)",
        "numpy.sum(d, ())",
        "numpy.max(e, 1)",
        "numpy.sum(b)",
        "numpy.prod(b)",
    ]
    + [
        f"numpy.{name}({of})"
        for name in ("var", "std")
        for of in (
            "d",
            "d, 0",
            "d, 1, ddof=1",
            "i",
            "f",
            "f, 1",
            "d, ddof=1, keepdims=True",
            "d, ()",
        )
    ]
    + [
        f"numpy.{name}({of})"
        for name in ("any", "all")
        for of in ("i", "i, 0", "i, axis=1, keepdims=True", "b, 0", "n")
    ]
    + [
        f"numpy.{name}({of})"
        for name in ("argmax", "argmin")
        for of in (
            "d",
            "d, 0",
            "d, axis=-1",
            "i, 1, keepdims=True",
            "n",
            "m",
            "x",
            "f, 1",
            "b",
            "d, keepdims=True",
        )
    ]
    + [
        f"numpy.{name}({of})"
        for name in ("cumsum", "cumprod")
        for of in ("d", "d, 0", "d, axis=-1", "i", "i, 1", "b", "f, 0", "e, 0", "x", "s")
    ]
    + [
        f"numpy.linalg.norm({of})"
        for of in ("d", "d, axis=1", "x", "f, axis=0, keepdims=True", "i")
    ]
    + [
        f"numpy.matmul({of})"
        for of in (
            "d, w",
            "d[0], w",
            "d, w[:, 0]",
            "d[0], w[:, 1]",
            "i, w",
            "i, i.T",
            "f, f.T",
            "a, a[0].T",
            "a.swapaxes(1, 2), d.T",
            "e, w",
        )
    ]
    + [
        f"numpy.dot({of})"
        for of in (
            "d, w",
            "d[0], d[1]",
            "d, 2",
            "s, x",
            "a, w[:, :1].T.T[:, 0][:2].repeat(2)",
            "d[0], w",
            "a, a[0].T",
            "w, a.swapaxes(1, 2)[:, :2]",
        )
    ]
    + [
        f"numpy.tensordot({of})"
        for of in (
            "d, w, 1",
            "d, d",
            "d, d, axes=0",
            "a, d, ((0, 1), (0, 1))",
            "a, w, axes=([1], [0])",
            "a, d, (1, 1)",
        )
    ]
)
ORDER = (
    [
        f"numpy.{name}({of})"
        for name in ("sort", "argsort")
        for of in ("x", "d", "d, 0", "i, axis=-1", "f, None", "m", "a, 1")
    ]
    + [
        f"numpy.median({of})"
        for of in (
            "x",
            "d",
            "d, 0",
            "i, axis=1, keepdims=True",
            "m",
            "a",
            "f, 1",
            "d, keepdims=True",
        )
    ]
    + [
        "x.argsort()",
        "d.argsort(0)",
        "numpy.inner(b, c)",
        "numpy.roll(x, 2)",
        "numpy.roll(d, -1)",
        "numpy.roll(d, 1, axis=1)",
        "numpy.roll(i, 5, 0)",
        "numpy.roll(b, 0)",
        "numpy.diff(x)",
        "numpy.diff(d, 2)",
        "numpy.diff(i, axis=0)",
        "numpy.diff(b)",
        "numpy.vstack((d, i))",
        "numpy.vstack((g, g))",
        "numpy.hstack((d, i))",
        "numpy.hstack((x, g))",
        "numpy.hstack((s, s))",
        "numpy.dstack((d, d))",
        "numpy.dstack((g, g))",
        "numpy.column_stack((g, r))",
        "numpy.column_stack((d, i))",
        "numpy.outer(g, r)",
        "numpy.outer(d, r)",
        "numpy.outer(b, c)",
        "numpy.inner(d, d)",
        "numpy.inner(g, g)",
        "numpy.inner(s, x)",
        "numpy.inner(i, i[0])",
        "numpy.einsum('ij,jk->ik', d, w)",
        "numpy.einsum('ij->j', i)",
        "numpy.einsum('ii', w[:2])",
        "numpy.einsum('...ij,...kj->...ik', a, a)",
        "numpy.einsum('i,i,i->', g, g, r)",
        "numpy.linalg.det(w[:2])",
        "numpy.linalg.det(a[:, :2, :2] + numpy.eye(2))",
        "numpy.linalg.inv(w[1:])",
        "numpy.linalg.inv(f[:, :2])",
        "numpy.linalg.solve(w[:2], w[2])",
        "numpy.linalg.solve(w[1:], w[:2])",
        "numpy.interp(x, q[:4], p[:4])",
        "numpy.interp(2.5, q[:4], p[:4])",
        "numpy.interp(x*10, q[:4], p[:4], left=-1, right=5)",
        "numpy.interp(f, g[1:], d[0, :2])",
        "numpy.interp(x, o, o)",
    ]
)
SHAPE = [
    "numpy.reshape(d, (3, 2))",
    "numpy.reshape(d, -1)",
    "numpy.reshape(i, (1, -1, 2))",
    "numpy.reshape(o, ())",
    "numpy.reshape(e, (3, 0))",
    "d.reshape(3, 2)",
    "d.reshape((2, -1))",
    "numpy.ravel(d)",
    "numpy.ravel(s)",
    "d.flatten()",
    "numpy.transpose(a)",
    "numpy.transpose(a, (1, 0, 2))",
    "numpy.permute_dims(a, (2, -3, 1))",
    "a.T",
    "a.transpose(2, 1, 0)",
    "numpy.swapaxes(a, 0, -1)",
    "numpy.moveaxis(a, 0, -1)",
    "numpy.moveaxis(a, 2, 0)",
    "numpy.expand_dims(d, 0)",
    "numpy.expand_dims(d, -1)",
    "numpy.expand_dims(d, (0, -1))",
    "numpy.expand_dims(s, 0)",
    "numpy.squeeze(t)",
    "numpy.squeeze(t, 0)",
    "numpy.squeeze(t, axis=-1)",
    "numpy.squeeze(o)",
    "numpy.broadcast_to(d, (2, 2, 3))",
    "numpy.broadcast_to(j, (2, 4))",
    "numpy.broadcast_to(s, (2,))",
    "numpy.tile(x, 2)",
    "numpy.tile(d, (2, 1))",
    "numpy.tile(g, (2, 2))",
    "numpy.tile(d, 2)",
    "numpy.tile(b, 0)",
    "numpy.repeat(d, 2)",
    "numpy.repeat(d, 2, 1)",
    "numpy.repeat(i, 3, axis=0)",
    "numpy.repeat(g, 0)",
    "numpy.repeat(s, 2)",
    "numpy.concatenate((d, d))",
    "numpy.concatenate([d, i], 1)",
    "numpy.concatenate((d, w.T), axis=-2)",
    "numpy.concatenate((f, i), None)",
    "numpy.concatenate((b, c))",
    "numpy.concatenate((e, d), 0)",
    "numpy.stack((d, i))",
    "numpy.stack([g, g], 1)",
    "numpy.stack((x, x), axis=-1)",
    "numpy.stack((s, s))",
    "numpy.split(x[:6], 2)",
    "numpy.split(d, [1], axis=1)",
    "numpy.split(x, [2, 5])",
    "numpy.split(d, 3, 1)",
    "numpy.split(x, (-2,))",
    "numpy.flip(d)",
    "numpy.flip(d, 0)",
    "numpy.flip(a, (0, -1))",
    "numpy.flip(b)",
    "numpy.tril(d)",
    "numpy.tril(a, 1)",
    "numpy.triu(d, k=-1)",
    "numpy.triu(i)",
    "numpy.triu(f, 1)",
    "numpy.take(d, 1)",
    "numpy.take(d, r, 1)",
    "numpy.take(d, (0, -1), axis=1)",
    "numpy.take(x, r)",
    "numpy.take(a, [[0, 1], [1, 2]], 1)",
    "numpy.take(i, 1, 0)",
    "numpy.take(b, r)",
    "x[r]",
    "d[[1, 0]]",
    "numpy.take_along_axis(d, i*0+1, 1)",
    "numpy.take_along_axis(d, numpy.argmax(d, 1, keepdims=True), 1)",
    "numpy.take_along_axis(d, i*0-1, 0)",
    "numpy.take_along_axis(x, r, axis=0)",
    "numpy.pad(d, 1)",
    "numpy.pad(d, ((0, 1), (2, 0)))",
    "numpy.pad(i, (1, 2), 'constant', constant_values=7)",
    "numpy.pad(b, 1)",
    "numpy.pad(f, ((1, 0), (0, 0)), mode='constant')",
    "numpy.shape(d)",
    "d.shape",
    "numpy.shape(s)",
    "numpy.ndim(a)",
    "numpy.size(a)",
    "numpy.size(a, 1)",
    "a.size",
    "a.ndim",
    "a[0]",
    "a[-1, 1:]",
    "a[:, ::2]",
    "a[:, :, 0]",
    "d[:, None]",
    "x[::-1]",
    "x[5:1:-2]",
    "a[1, 2, 3]",
    "x[-3:]",
    "x[2:2]",
    "d[0][1]",
    "a.mean(axis=0)",
    "d.take(r)",
    "i.repeat(2)",
    "d.dot(w)",
    "d.clip(0, 1)",
    "d.round()",
    "d.std()",
    "d.var(axis=0)",
    "d.min()",
    "d.max(1)",
    "d.argmin(0)",
    "i.any()",
    "i.all()",
    "t.squeeze()",
    "d.prod()",
    "d.ravel()",
    "i.cumsum()",
    "i.cumprod(1)",
    "d.sum(keepdims=True)",
    "d.argmax()",
    "a.swapaxes(0, 1)",
    "a.reshape(6, -1)",
    "a.transpose(2, 0, 1)",
    "d.flatten()",
]
CREATION = [
    "numpy.array(d)",
    "numpy.array([1, 2.5])",
    "numpy.array([x[0], s])",
    "numpy.array(2)",
    "numpy.array([True, False])",
    "numpy.array([])",
    "numpy.array([g, g])",
    "numpy.asarray(i)",
    "numpy.array(i, dtype=float)",
    "numpy.array(d, numpy.float32)",
    "numpy.zeros((2, 3))",
    "numpy.zeros(2, int)",
    "numpy.zeros(d.shape)",
    "numpy.ones(3)",
    "numpy.ones((1, 2), dtype=bool)",
    "numpy.ones(numpy.shape(i), 'float32')",
    "numpy.empty((0, 2))",
    "numpy.full((2, 2), 7)",
    "numpy.full(3, 0.5)",
    "numpy.full(2, s)",
    "numpy.full(2, 1, float)",
    "numpy.zeros_like(i)",
    "numpy.zeros_like(f)",
    "numpy.zeros_like(d, dtype=int)",
    "numpy.ones_like(d)",
    "numpy.ones_like(b)",
    "numpy.full_like(d, 4)",
    "numpy.full_like(i, 2.7)",
    "numpy.full_like(d, s)",
    "numpy.eye(2)",
    "numpy.eye(2, 3)",
    "numpy.eye(2, dtype=int)",
    "numpy.identity(3)",
    "numpy.eye(d.shape[0])",
    "numpy.arange(4)",
    "numpy.arange(1, 4)",
    "numpy.arange(0, 1, 0.25)",
    "numpy.arange(3.0)",
    "numpy.arange(5, 0, -2)",
    "numpy.arange(d.shape[1])",
    "numpy.arange(3, dtype=float)",
    "numpy.arange(2, 2)",
    "numpy.linspace(0, 1, 5)",
    "numpy.linspace(2, -1, 4)",
    "numpy.linspace(0, 1, 1)",
    "numpy.linspace(s, k, 3)",
    "numpy.linspace(1, 2, num=2)",
    "numpy.float64(i)",
    "numpy.float64(2)",
    "numpy.double(g)",
    "numpy.float32(d)",
    "numpy.float32(0.1)",
    "numpy.int64(x)",
    "numpy.int64(True)",
    "numpy.bool_(i)",
    "numpy.bool_(0.0)",
    "i.astype(float)",
    "d.astype(int)",
    "d.astype(numpy.float32)",
    "x.astype(bool)",
    "s.astype('float64')",
]
# Narrow types that a document keeps in wider ones: (expression, what NumPy computes it with).
WIDENED = [
    ("numpy.float16(d/3)", "numpy.float16(d/3).astype(numpy.float32)"),
    ("numpy.int32(x)", "numpy.int32(x).astype(numpy.int64)"),
]
PYTHON = (
    [
        "round(2.675, 2)",
        "round(0.05, 1)",
        "round(4.35, 1)",
        "numpy.median([1.7e308])",
        "sorted(x)",
        "sorted((3, 1.5, 2))",
        "math.erfc(s)",
        "math.lgamma(s)",
        "math.gcd(12, 18)",
        "math.copysign(s, -1)",
        "abs(x)",
        "abs(s)",
        "max(s, 1)",
        "min(s, k)",
        "max(x)",
        "min(d[0])",
        "max(1.0, s, 0.5)",
        "sum(d)",
        "sum(x)",
        "sum([s, k])",
        "round(s/3, 2)",
        "round(float(s)*1.3)",
        "int(s)",
        "int(k)",
        "float(k)",
        "float(s)",
        "bool(k)",
        "bool(s*0)",
        "len(d)",
        "pow(x, 2)",
        "pow(s, 2)",
        "any([s > 2, False])",
        "all([k > 2, s > 3])",
        "list(x[:2])",
        "tuple(d)",
        "range(3)",
        "divmod(k, 2)",
        "divmod(x, 2)",
        "s if s > 2 else k",
        "1.0 if k > 5 else s",
        "1 < s < 3",
        "3 < s < 5",
        "k > 2 and s > 2",
        "k > 5 or s > 2",
        "not k > 2",
    ]
    + [
        f"math.{name}(s)"
        for name in [
            "exp",
            "exp2",
            "expm1",
            "log",
            "log2",
            "log10",
            "log1p",
            "sqrt",
            "sin",
            "cos",
            "tan",
            "atan",
            "sinh",
            "cosh",
            "tanh",
            "asinh",
            "acosh",
            "erf",
            "degrees",
            "radians",
            "fabs",
            "floor",
            "ceil",
            "isnan",
            "isinf",
            "isfinite",
        ]
    ]
    + [
        "math.asin(s/4)",
        "math.acos(s/4)",
        "math.atanh(s/4)",
        "math.log(s, 2)",
        "math.log(8, k)",
        "math.pow(s, 2)",
        "math.atan2(s, k)",
        "math.hypot(s, k)",
        "math.fmod(-s, 2)",
        "math.fmod(s, k)",
        "math.floor(-s)",
        "math.ceil(-s)",
        "math.trunc(float(s))",
    ]
)


def number(value):
    if isinstance(value, bool | int):
        return value
    return (
        value
        if math.isfinite(value)
        else "NaN"
        if math.isnan(value)
        else "Infinity"
        if value > 0
        else "-Infinity"
    )


def nested(value):
    return [nested(item) for item in value] if isinstance(value, list) else number(value)


def recorded(value):
    if isinstance(value, numpy.ndarray):
        value = numpy.asarray(value)
        return {
            "t": "array",
            "dtype": str(value.dtype),
            "shape": list(value.shape),
            "v": nested(value.tolist()),
        }
    if isinstance(value, numpy.generic):
        return {"t": "npscalar", "dtype": str(value.dtype), "v": number(value.item())}
    if isinstance(value, bool):
        return {"t": "bool", "v": value}
    if isinstance(value, int | float):
        return {"t": type(value).__name__, "v": number(value)}
    kind = "tuple" if isinstance(value, tuple) else "list"
    return {"t": kind, "v": [recorded(item) for item in value]}


def names_in(text):
    return {node for node in ARRAYS if node in compile(text, "", "eval").co_names}


def case(expression, computed=None):
    names = {name: ARRAYS[name] for name in sorted(names_in(expression))}
    with numpy.errstate(all="ignore"):
        value = eval(computed or expression, {"numpy": numpy, "math": math}, dict(names))
    allowed = {"float64", "float32", "int64", "bool"}
    result = recorded(value)
    assert result.get("dtype", "bool") in allowed, (expression, result)
    variables = {name: recorded(array) for name, array in names.items()}
    return {"expr": expression, "variables": variables, "result": result}


def main():
    folder = pathlib.Path(__file__).parent
    tables = {
        "elementwise": ELEMENTWISE,
        "pairs": PAIRS,
        "reduction": REDUCTION,
        "shape": SHAPE,
        "creation": CREATION,
        "python": PYTHON,
        "order": ORDER,
    }
    for family, expressions in tables.items():
        cases = []
        for expression in expressions:
            cases.append(case(expression))
        if family == "creation":
            cases += [case(*pair) for pair in WIDENED]
        lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in cases)
        (folder / f"{family}.json").write_text(f"[\n{lines}\n]\n")
        print(family, len(cases))


if __name__ == "__main__":
    main()

"""Records what NumPy gives for each function that a document can call.

    .venv/bin/python tests/data/numpy/make_cases.py

writes one table per family beside this file, one case per line: an expression, the arrays that it
names, and NumPy's value with its kind and type. The unit test `Numpy` carries each case out at once
and as a graph. Written with NumPy 2.
"""

import ast
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
    "B": numpy.array([200, 100, 3, 1], dtype=numpy.uint8),
    "C": numpy.array([-128, 127, 5, -3], dtype=numpy.int8),
    "D": numpy.array([-32768, 32767, 5, -3], dtype=numpy.int16),
    "E": numpy.array([-(2**31), 2**31 - 1, 5, -3], dtype=numpy.int32),
    "H": numpy.array([0.1, -2.5, 1000.0, 65504.0], dtype=numpy.float16),
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
# Elements of 8, 16 and 32 bits wrap and round where they are; what two of them join to is NumPy's.
NARROW = (
    [
        f"{left} {sign} {right}"
        for sign in ("+", "-", "*", "/", "//", "%")
        for left, right in ["BB", "CC", "DD", "EE", "HH", "BC", "BD", "CE", "HB", "HD", "DE", "HE"]
    ]
    + [f"{left} {sign} 7" for sign in ("+", "*", "//", "%", "**", "<") for left in "BCDE"]
    + [f"{left} {sign} 0.3" for sign in ("+", "*", "<") for left in "BDH"]
    + [f"B {sign} B" for sign in ("&", "|", "^", "==", ">=", "**")]
    + ["B << 3", "C << 3", "C >> 1", "B >> 1", "B < 300", "C == 1000", "B != -1", "B << 9"]
    + [f"-{array}" for array in "BCDEH"]
    + [f"~{array}" for array in "BCDE"]
    + [f"numpy.abs({array})" for array in "BCDEH"]
    + [f"numpy.square({array})" for array in "BCDEb"]
    + [f"numpy.{name}({array})" for name in ("exp", "sqrt", "tanh") for array in "BDEHb"]
    + [f"numpy.arctan2({array}, {array})" for array in "BDEHb"]
    + ["numpy.hypot(B, C)", "numpy.copysign(H, D)", "numpy.floor(H)", "numpy.sign(C)"]
    + [f"numpy.sum({array})" for array in "CDEH"]
    + ["numpy.cumsum(C)", "numpy.cumprod(D)", "numpy.prod(C)", "numpy.mean(B)", "numpy.mean(H)"]
    + ["numpy.max(B)", "numpy.min(C, axis=0)", "numpy.argmax(E)", "numpy.sort(B)", "sum(B)"]
    + ["numpy.matmul(B, B)", "numpy.dot(C, C)", "numpy.outer(B, B)", "numpy.diff(B)", "B @ B"]
    + ["numpy.maximum(B, C)", "numpy.where(B > 50, B, 1)", "numpy.clip(B, 1, 150)", "B + True"]
    + ["numpy.concatenate((B, C))", "numpy.stack((B, D))", "numpy.array([B, B])", "x[B[2:]]"]
    + ["B[0] + B[0]", "int(B[0]) + 100", "float(H[0])", "numpy.interp(B, [0, 100], [0.0, 1.0])"]
    + ["b ** b", "b << b", "numpy.reciprocal(b)", "numpy.median(B)", "numpy.gcd(B, 12)"]
    + [f"numpy.{name}(i)" for name in ("uint8", "int8", "int16", "int32", "float16", "intc")]
    + [f"numpy.{name}(3)" for name in ("uint8", "int8", "int16", "int32", "half", "int_")]
    + [f"i.astype('{name}') * 100" for name in ("uint8", "int8", "int16", "int32", "float16")]
    + ["numpy.zeros(2, 'uint8') - numpy.uint8(1)", "numpy.full(2, 7, dtype=numpy.int16) / 2"]
    + ["numpy.ones_like(C) * 100 * 2", "numpy.arange(3, dtype='int32')", "numpy.int32(x)"]
    + ["numpy.float16(d/3)", "numpy.single(0.1)", "numpy.intp(i)", "numpy.eye(2, dtype='int8')"]
)
MATH = [
    "math.gcd(12, 18, 27)",
    "math.gcd()",
    "math.gcd(-4, 6)",
    "math.lcm(4, 6, 10)",
    "math.lcm(0, 3)",
    "math.factorial(20)",
    "math.factorial(0)",
    "math.perm(7, 3)",
    "math.perm(5)",
    "math.perm(3, 5)",
    "math.comb(60, 30)",
    "math.comb(3, 5)",
    "math.isqrt(99)",
    "math.isqrt(4503599761588225)",
    "math.fsum([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])",
    "math.fsum([1e16, 1.0, -1e16])",
    "math.fsum([1e308, -1e308, 1e-300, 3])",
    "math.fsum([])",
    "math.prod([2, 3, 4])",
    "math.prod([2, 0.5], start=3)",
    "math.prod(x[4:])",
    "math.hypot(3, 4, 12)",
    "math.hypot(s, k)",
    "math.hypot()",
    "math.dist([1, 2], [4, 6])",
    "math.dist(x, x*2)",
    "math.isclose(s, s + 1e-10)",
    "math.isclose(s, s + 1e-8)",
    "math.isclose(s, 2.6, rel_tol=0.1)",
    "math.isclose(1e-12, 0.0, abs_tol=1e-9)",
    "math.remainder(7.5, 2)",
    "math.modf(-2.75)",
    "math.frexp(10.0)",
    "math.ldexp(0.75, 5)",
    "math.nextafter(1.0, 2.0)",
    "math.ulp(1.0)",
    "math.gamma(s)",
    "math.gamma(-s)",
    "math.gamma(5)",
    "math.cbrt(-s)",
    "math.tau",
    "[i * 2 for i in range(4) if i != 1]",
    "[a + b for a, b in zip([1, 2], (0.5, 3))]",
    "sum(i * i for i in range(5))",
    "[i + j for i in range(3) for j in range(i)]",
    "[y * 2 for y in x[:3]]",
    "numpy.array([i * s for i in range(3)])",
    "[i for i, y in enumerate([3, 4], 1) if y > 3]",
    "max(abs(i) for i in (-4, 2))",
    "[2 * i for i in reversed([1, 2, 3])]",
    "list(zip([1, 2], [3, 4]))",
]
STATISTICS = [
    "numpy.percentile(x, 30)",
    "numpy.percentile(d, 75, axis=1)",
    "numpy.percentile(d, [10, 50, 90])",
    "numpy.percentile(d, 50, axis=0, keepdims=True)",
    "numpy.percentile(m, 50)",
    "numpy.quantile(i, 0.9)",
    "numpy.quantile(d, [0.25, 0.5], axis=1)",
    "numpy.quantile(o, 1)",
    "numpy.searchsorted(x, [-3, 0.5, 0.7, 9])",
    "numpy.searchsorted(x, 0, side='right')",
    "numpy.searchsorted([1, 2, 2, 3], i)",
    "numpy.searchsorted([1.0, 2.0, numpy.nan], n)",
    "numpy.searchsorted([1.0, 2.0, numpy.nan], n, 'right')",
    "numpy.digitize(x, [-1, 0, 2])",
    "numpy.digitize(x, [-1, 0, 2], right=True)",
    "numpy.digitize(x, [2, 0, -1])",
    "numpy.unique([3, 1, 2, 3, 1])",
    "numpy.unique([[2.5, 1.0], [1.0, 2.5]], return_index=True, return_inverse=True, "
    "return_counts=True)",
    "numpy.unique([numpy.nan, 1.0, numpy.nan])",
    "numpy.unique([True, False, True], return_counts=True)",
    "numpy.isin(i, [1, 5, 9])",
    "numpy.isin(x, x[3:])",
    "numpy.union1d([1, 3], [2, 3])",
    "numpy.intersect1d([4, 1, 2, 2], [2, 4, 5])",
    "numpy.setdiff1d([4, 1, 2, 2], [2, 5])",
    "numpy.nonzero([[0, 2], [3, 0]])",
    "numpy.array([0, 2, 3]).nonzero()",
    "numpy.flatnonzero([[0, 2], [3, 0]])",
    "numpy.argwhere([[0, 2], [3, 0]])",
    "numpy.extract([True, False, True], [5, 6, 7])",
    "numpy.compress([False, True], [[1, 2], [3, 4]], axis=0)",
    "numpy.compress([False, True, True], [[1, 2], [3, 4]])",
    "numpy.count_nonzero(i)",
    "numpy.count_nonzero(i, axis=1)",
    "numpy.count_nonzero(b)",
    "numpy.bincount([1, 3, 1])",
    "numpy.bincount([1, 0, 1], weights=[0.5, 2, 3], minlength=4)",
    "numpy.histogram([1.0, 2.0, 2.5, 4.0], 3)",
    "numpy.histogram([1, 2, 2, 4], [0, 2, 3, 4])",
    "numpy.histogram([1.0, 2.0, 9.0], bins=2, range=(0, 4))",
    "numpy.histogram([2, 2], 2)",
    "numpy.ptp(x)",
    "numpy.ptp(i, axis=1)",
    "numpy.nansum(n[:1])",
    "numpy.nansum(m)",
    "numpy.nansum(i, axis=0)",
    "numpy.nanprod(m)",
    "numpy.nanmean(m)",
    "numpy.nanmax(m)",
    "numpy.nanmin(m)",
    "numpy.nanmax(d, axis=0)",
    "numpy.average(d)",
    "numpy.average(d, axis=0)",
    "numpy.average(x, weights=x*x)",
    "numpy.average(d, axis=1, weights=[1, 2, 1])",
    "numpy.cov(d)",
    "numpy.cov(x)",
    "numpy.corrcoef(d)",
]
MATRIX = [
    "numpy.cross([1, 2, 3], [4, 5, 6])",
    "numpy.cross(d, d[0])",
    "numpy.cross(i, d)",
    "numpy.kron(d, j)",
    "numpy.kron([1, 2], d)",
    "numpy.kron(x, o)",
    "numpy.vdot(d, d*2)",
    "numpy.vdot(i, i)",
    "numpy.convolve(x, [1, 0, -1])",
    "numpy.convolve(x, [0.5, 0.5], 'same')",
    "numpy.convolve([1, 2], x, mode='same')",
    "numpy.convolve(x, [1, 2, 3], 'valid')",
    "numpy.correlate(x, [1, 2, 3])",
    "numpy.correlate(x, [1, 2], 'full')",
    "numpy.correlate(x, [1, 2, 3, 4], 'same')",
    "numpy.linalg.matrix_power(w[:2], 3)",
    "numpy.linalg.matrix_power(w[:2], -2)",
    "numpy.linalg.matrix_power(i[:, :2], 0)",
    "numpy.linalg.matrix_power(i[:, :2], 5)",
    "numpy.diagonal(d)",
    "numpy.diagonal(w, -1)",
    "numpy.trace(d)",
    "numpy.trace(i, 1)",
    "d.trace()",
    "d.diagonal()",
    "numpy.diag(d)",
    "numpy.diag(x)",
    "numpy.diag(r, 1)",
    "numpy.diag(n, -2)",
    "numpy.tri(3)",
    "numpy.tri(2, 3, 1)",
    "numpy.polyval([1, -2, 3], x)",
    "numpy.polyval(x, 2)",
    "numpy.polyval(r, i)",
    "numpy.trapezoid(x)",
    "numpy.trapezoid(d, dx=0.5)",
    "numpy.trapezoid(d, [0, 1, 3])",
    "numpy.trapezoid(d, axis=0)",
    "numpy.gradient(x)",
    "numpy.gradient(x, 0.5)",
    "numpy.gradient(r, 2)",
    "numpy.ediff1d(d)",
]
ARRAYS_AGAIN = [
    "numpy.isclose(x, x + 1e-9)",
    "numpy.isclose(n, n)",
    "numpy.isclose(n, n, equal_nan=True)",
    "numpy.isclose(s, 2.6, rtol=0.1)",
    "numpy.allclose(x, x + 1e-9)",
    "numpy.allclose(x, x + 1, atol=0.5)",
    "numpy.array_equal(x, x)",
    "numpy.array_equal(x, d)",
    "numpy.nan_to_num(n)",
    "numpy.nan_to_num(n, nan=1.5, posinf=7, neginf=-7)",
    "numpy.nan_to_num(i)",
    "numpy.sinc(x)",
    "numpy.sinc(s)",
    "numpy.signbit(x)",
    "numpy.signbit(i)",
    "numpy.positive(i)",
    "numpy.invert(i)",
    "numpy.bitwise_not(b)",
    "numpy.float_power(i, 2)",
    "numpy.float_power(j, -1)",
    "numpy.cbrt(x)",
    "numpy.cbrt(i)",
    "numpy.lcm(i, 4)",
    "numpy.lcm(j, j*3)",
    "numpy.logaddexp(x, 1.5)",
    "numpy.logaddexp(n, n)",
    "numpy.logaddexp2(x, x)",
    "numpy.logaddexp2(n, 2)",
    "numpy.heaviside(x, 0.5)",
    "numpy.heaviside(n, x[:4])",
    "numpy.heaviside(i, 2)",
    "numpy.atleast_1d(s)",
    "numpy.atleast_2d(x)",
    "numpy.atleast_3d(d)",
    "numpy.atleast_3d(x)",
    "numpy.fliplr(d)",
    "numpy.flipud(d)",
    "numpy.rot90(d)",
    "numpy.rot90(d, -2)",
    "numpy.append(x, 4)",
    "numpy.append(d, d[:1], axis=0)",
    "numpy.append(i, d)",
    "numpy.delete(x, 1)",
    "numpy.delete(d, [0, -1], 1)",
    "numpy.vsplit(d, 2)",
    "numpy.hsplit(a, [1])",
    "numpy.hsplit(x, [2, 3])",
    "numpy.array_split(x, 3)",
    "numpy.array_split(d, [1], axis=1)",
    "numpy.meshgrid(x[:2], r)",
    "numpy.meshgrid(x[:2], r, indexing='ij')",
    "numpy.logspace(0, 2, 3)",
    "numpy.logspace(0, 3, 4, base=2)",
    "numpy.hanning(5)",
    "numpy.hamming(4)",
    "numpy.blackman(3)",
    "numpy.hanning(1)",
    "numpy.copy(d)",
    "numpy.ascontiguousarray(d)",
    "d.copy()",
    "numpy.array([[1, 2], [3, 4]]).tolist()",
    "numpy.array([0.5, 1.5]).tolist()",
    "numpy.float64(2.5).tolist()",
    "d.tolist()",
    "s.item()",
    "k.item()",
    "d.item(2)",
    "list(enumerate(x[:2]))",
    "numpy.array([1, 2, 3, 4])[numpy.array([True, False, True, False])]",
    "numpy.arange(6).reshape(2, 3)[numpy.arange(6).reshape(2, 3) > 2]",
    "numpy.arange(6).reshape(2, 3)[[False, True]]",
    "numpy.arange(6).reshape(2, 3)[:, [True, False, True]]",
    "x[[True, False, True, False, True, False, True]]",
    "d[[True, False], 1]",
    "d[[0, 1], [2, 0]]",
    "d[[[0], [1]], [2, 0]]",
    "d[:, [2, 0]]",
    "a[0, :, [1, 2]]",
    "a[:, 1, [1, 2]]",
    "a[[0, 1], :, [1, 2]]",
    "a[..., 0]",
    "a[0, ...]",
    "a[..., [0, 1]]",
    "a[...]",
    "a[:, None, [0, 2], 1]",
    "x[[]]",
    "d[[-1, 0], r[:2] - 1]",
    "a[1][r]",
    "d.T[r]",
]
# What they give, or how much, depends on values: no graph can hold it.
VALUES = [
    "x[x > 0]",
    "d[d < 1]",
    "i[i[:, 0] == 0]",
    "d[:, d[0] > 0]",
    "a[a[..., 0] > 0, 1]",
    "x[x > 9]",
    "i.nonzero()",
    "numpy.unique(x)",
    "numpy.unique(i, return_counts=True)",
    "numpy.nonzero(b)",
    "numpy.histogram(x, 4)",
    "numpy.bincount(r + 1)",
    "numpy.union1d(x, u)",
    "numpy.intersect1d(x, u)",
    "numpy.setdiff1d(x, u)",
    "numpy.argwhere(i)",
    "numpy.flatnonzero(x)",
    "numpy.extract(x > 0, x)",
    "numpy.compress(b, d, axis=1)",
    "[y for y in x if y > 0]",
    "math.fsum(x)",
    "math.comb(k, 2)",
]
RANDOM = [
    "numpy.random.RandomState(3).rand(3)",
    "numpy.random.RandomState(3).rand()",
    "numpy.random.RandomState(0).randn(5)",
    "numpy.random.RandomState(0).normal(1, 2, (2, 3))",
    "numpy.random.RandomState(7).normal(loc=0.5)",
    "numpy.random.RandomState(7).standard_normal(700)[650:]",
    "numpy.random.RandomState([1, 2, 3]).random_sample((2, 2))",
    "numpy.random.RandomState(4294967295).uniform(-1, 1, 4)",
    "numpy.random.RandomState(9).random(2)",
    "numpy.random.RandomState(9).exponential(2.0, 3)",
    "numpy.random.RandomState(9).randint(10)",
    "numpy.random.RandomState(9).randint(-5, 5, 20)",
    "numpy.random.RandomState(9).randint(0, 10000000000, size=(2, 2))",
    "numpy.random.RandomState(9).randint(3, 4, 2)",
    "numpy.random.RandomState(5).permutation(10)",
    "numpy.random.RandomState(5).permutation([[1, 2], [3, 4], [5, 6]])",
    "numpy.random.RandomState(5).choice(6, 4)",
    "numpy.random.RandomState(5).choice([0.5, 1.5, 2.5])",
    "numpy.random.RandomState(5).choice(6, (2, 2), replace=False)",
    "numpy.random.RandomState(5).choice(3, 5, p=[0.2, 0.5, 0.3])",
]
PYTHON = (
    [
        "round(2.675, 2)",
        "round(0.05, 1)",
        "round(4.35, 1)",
        "round(615.0000000000001, -1)",
        "round(25.0, -1)",
        "round(-14.999999999999998, -1)",
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
    found = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    return found & set(ARRAYS) - {"a", "b", "i", "j"} if " for " in text else found & set(ARRAYS)


def case(expression):
    names = {name: ARRAYS[name] for name in sorted(names_in(expression))}
    with numpy.errstate(all="ignore"):
        value = eval(expression, {"numpy": numpy, "math": math, **names})
    result = recorded(value)
    assert not result.get("dtype", "bool").startswith(("uint16", "uint32", "uint64")), expression
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
        "narrow": NARROW,
        "math": MATH,
        "statistics": STATISTICS,
        "matrix": MATRIX,
        "arrays": ARRAYS_AGAIN,
        "values": VALUES,
        "random": RANDOM,
    }
    for family, expressions in tables.items():
        cases = []
        for expression in expressions:
            cases.append(case(expression))
        lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in cases)
        (folder / f"{family}.json").write_text(f"[\n{lines}\n]\n")
        print(family, len(cases))


if __name__ == "__main__":
    main()

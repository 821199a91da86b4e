"""Records what ONNX Runtime gives for each ONNX operator that src/vocabularies/onnx reads, one case file for each.

usage: record.py [OPERATOR...]

Needs the packages onnx, onnxruntime and numpy, which nothing else here needs: install them into an environment of
their own. The expected values are never edited by hand; where we mean something else, our reading is mended.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).parent
OPSET = 15
WORDS = {
    "bool": "bool",
    "uint8": "u8",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "float16": "f16",
    "float32": "f32",
    "float64": "f64",
}
NAN, INF = np.nan, np.inf


class Constant:
    """An input that the reading must know: it is a constant of the graph. So is an attribute that is a tensor."""

    def __init__(self, values, dtype="int64"):
        self.array = np.asarray(values, dtype)


def f32(*values):
    return np.asarray(values, "float32")


def i64(*values):
    return np.asarray(values, "int64")


def u8(*values):
    return np.asarray(values, "uint8")


def i8(*values):
    return np.asarray(values, "int8")


def counting(*shape, dtype="float32", start=0, step=1):
    return (np.arange(np.prod(shape)) * step + start).reshape(shape).astype(dtype)


def element(value):
    if isinstance(value, list):
        return "[" + ", ".join(map(element, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    whole = isinstance(value, float) and abs(value) < 1e15 and value == int(value)
    return str(int(value)) if whole else repr(value)


def tensor(array):
    values = array
    if array.dtype == np.float32:  # as few digits as tell it from its neighbours
        values = np.asarray([float(str(x)) for x in array.ravel()]).reshape(array.shape)
    return f"{WORDS[array.dtype.name]}{list(array.shape)} {element(values.tolist())}"


def attribute(name, value):
    if isinstance(value, str):
        return f"string {name} '{value}'"
    if isinstance(value, float):
        return f"float {name} {value!r}"
    if isinstance(value, int):
        return f"int {name} {value}"
    if isinstance(value[0], (str, float)):  # as MDF's reading gives them
        return f"string {name} '{','.join(map(str, value))}'"
    return f"ints {name} {list(value)}"


def run(name, inputs, attributes, outputs, opset):
    names = ["" if value is None else f"in{i}" for i, value in enumerate(inputs)]
    arrays = {
        n: v.array if isinstance(v, Constant) else v
        for n, v in zip(names, inputs, strict=True)
        if n
    }
    attributes = {
        n: numpy_helper.from_array(v.array) if isinstance(v, Constant) else v
        for n, v in attributes.items()
    }
    node = helper.make_node(name, names, [f"out{i}" for i in range(outputs)], **attributes)
    graph = helper.make_graph(
        [node],
        "case",
        [
            helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for n, a in arrays.items()
        ],
        [helper.make_empty_tensor_value_info(f"out{i}") for i in range(outputs)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    model = onnx.shape_inference.infer_shapes(model)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, ["CPUExecutionProvider"]
    )
    return session.run(None, arrays)


CASES = {}


def case(name, claim, *inputs, opset=OPSET, outputs=1, throws=None, tolerance=None, **attributes):
    """One case. `throws`: we refuse it with these words, whatever ONNX Runtime gives."""
    lines = [f"# {claim}", f"onnx {name} {opset}"]
    tensors = [v for v in attributes.values() if isinstance(v, Constant)]
    lines += [attribute(n, v) for n, v in attributes.items() if v not in tensors]
    for value in [*inputs, *tensors]:
        if value is None:
            lines.append("absent")
        elif isinstance(value, Constant):
            lines.append(f"constant {tensor(value.array)}")
        else:
            lines.append(f"input {tensor(value)}")
    if throws:
        lines.append(f"throws '{throws}'")
    else:
        try:
            found = run(name, inputs, attributes, outputs, opset)
        except Exception as error:
            sys.exit(f"{name}: {claim}: {error}")
        lines += [f"expect {tensor(np.asarray(array))}" for array in found]
    if tolerance:
        lines.append(f"tolerance {tolerance}")
    CASES.setdefault(name, []).append("\n".join(lines) + "\n")


EDGES = f32(-INF, -2.5, -0.5, 0, 0.5, 1.5, 3, INF, NAN)


# One case a line, as far as it goes.
# fmt: off
def elementwise():
    for name in ["Abs", "Neg", "Sign", "Exp", "Log", "Sqrt", "Reciprocal", "Tanh", "Sigmoid", "Erf", "Floor", "Ceil",
                 "Round", "Relu", "Softsign", "HardSwish", "IsNaN"]:
        case(name, "edges: infinities, halves, zero, not a number", EDGES)
    for name in ["Sin", "Cos", "Tan"]:
        case(name, "of numbers, zero and not a number", f32(-2.5, -0.5, 0, 0.5, 3, NAN))
    for name in ["Abs", "Neg", "Sign"]:
        case(name, "of integers", i64(-3, 0, 5))
    case("Relu", "of integers", np.asarray([-3, 0, 5], "int32"))
    case("Abs", "nothing at all", np.zeros((0, 3), "float32"))
    case("Softplus", "large values stay finite", f32(-200, -1, 0, 1, 30, 200))
    case("HardSigmoid", "slope and offset are ONNX's own by default", EDGES)
    case("HardSigmoid", "other slope and offset", f32(-4, -1, 0, 1, 4), alpha=0.5, beta=0.25)
    case("HardSigmoid", "with a sixth it is PyTorch's", f32(-4, -1, 0, 1, 4), alpha=1 / 6, beta=0.5)
    case("LeakyRelu", "slope by default", EDGES)
    case("LeakyRelu", "another slope", f32(-4, 0, 4), alpha=0.25)
    case("Elu", "alpha by default", f32(-INF, -2, -0.5, 0, 2, NAN))
    case("Elu", "another alpha", f32(-2, 0, 2), alpha=0.5)
    case("Selu", "alpha and gamma by default", f32(-INF, -2, -0.5, 0, 2, NAN))
    case("Selu", "other alpha and gamma", f32(-2, 0, 2), alpha=1.5, gamma=2.0)
    case("Celu", "alpha by default", f32(-2, -0.5, 0, 2))
    case("Celu", "another alpha", f32(-2, -0.5, 0, 2), alpha=2.0)
    case("PRelu", "a slope for each of the last axis", f32([-1, -2, 3], [4, -5, -6]), f32(0.5, 0.25, 2))
    case("PRelu", "one slope for all", f32([-1, -2, 3]), f32(0.5))
    case("Clip", "both bounds", EDGES, Constant(-1, "float32"), Constant(2, "float32"))
    case("Clip", "an upper bound alone", f32(-3, 0, 3), None, Constant(2, "float32"))
    case("Clip", "no bounds", f32(-3, 0, 3))
    case("Clip", "of integers, bounds that are computed", i64(-3, 0, 3), np.asarray(-1), np.asarray(2))
    case("Clip", "bounds that cross: the upper one holds", f32(-3, 0, 3), Constant(2, "float32"),
         Constant(1, "float32"))
    case("Not", "of truths", np.asarray([True, False]))
    case("IsInf", "both signs by default", EDGES)
    case("IsInf", "positive ones alone", EDGES, detect_negative=0)
    case("IsInf", "negative ones alone", EDGES, detect_positive=0)
    case("IsInf", "neither", EDGES, detect_negative=0, detect_positive=0)
    case("Identity", "of anything", EDGES)
    case("Dropout", "drops nothing in evaluation", f32(1, -2, NAN))
    case("Dropout", "the ratio has no bearing on evaluation", f32(1, -2, 3), Constant(0.9, "float32"),
         Constant(False, "bool"), seed=3)
    case("Dropout", "in training it draws", f32(1, 2), Constant(0.5, "float32"), Constant(True, "bool"),
         throws="random")
    for to, claim in [(TensorProto.INT64, "to integers, towards zero"), (TensorProto.BOOL, "to truths"),
                      (TensorProto.DOUBLE, "to double")]:
        case("Cast", claim, f32(-2.75, -0.5, 0, 0.5, 2.75), to=int(to))
    case("Cast", "truths to floats", np.asarray([True, False]), to=int(TensorProto.FLOAT))
    case("Cast", "integers that are too wide wrap", i64(300, -129, 5), to=int(TensorProto.INT8))
    case("Cast", "to a type that we do not have", f32(1), to=int(TensorProto.COMPLEX64), throws="casts to type 14")
    case("Cast", "saturate is of narrow floats alone", f32(-2.75, 2.75), opset=19, saturate=1,
         to=int(TensorProto.INT32))


def several():
    rows, column = f32([1, -2, 3], [INF, 5, NAN]), f32([2], [0])
    for name in ["Add", "Sub", "Mul", "Div"]:
        case(name, "broadcasts both ways", rows, column)
        case(name, "of integers", i64(7, -7, 7, -7), i64(2, 2, -2, -2))
    case("Add", "nothing at all", np.zeros((0, 3), "float32"), f32(1, 2, 3))
    case("Pow", "edges", f32(2, -2, 0, INF, 4), f32(3, 3, 0, -1, 0.5))
    case("Pow", "the result is of the first one's type", i64(2, 3, 4), f32(3, 2, 0.5))
    case("Pow", "a float to an integer", f32(2, -3, 4), i64(3, 2, -1))
    case("Mod", "the sign of the divisor", i64(7, -7, 7, -7), i64(3, 3, -3, -3))
    case("Mod", "fmod: the sign of the dividend", i64(7, -7, 7, -7), i64(3, 3, -3, -3), fmod=1)
    case("Mod", "fmod of floats", f32(5.5, -5.5, 5.5, -5.5, 1, INF), f32(2, 2, -2, -2, INF, 2), fmod=1)
    for name in ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"]:
        case(name, "edges", f32(1, 2, 3, NAN, INF), f32(2, 2, 2, NAN, INF))
        case(name, "of integers, broadcast", i64([1], [2]), i64(1, 2))
    case("Equal", "of truths", np.asarray([True, False]), np.asarray([True, True]))
    for name in ["And", "Or", "Xor"]:
        case(name, "the four of them", np.asarray([[True], [False]]), np.asarray([True, False]))
    case("Where", "broadcasts all three", np.asarray([[True], [False]]), f32(1, NAN), f32([3]))
    for name in ["Max", "Min", "Sum", "Mean"]:
        case(name, "three, broadcast", f32(1, NAN, 3), f32([2], [-1]), f32(0))
        case(name, "one alone", f32(1, 2))
    for name in ["Max", "Min"]:
        case(name, "of integers", i64(1, 5), i64(3, 2))


def shapes():
    x = counting(2, 3, 4)
    case("Reshape", "0 keeps a length, -1 is what is left", x, Constant([0, -1, 2]))
    case("Reshape", "allowzero: 0 is nothing", np.zeros((0, 3), "float32"), Constant([3, 0]), allowzero=1)
    case("Reshape", "to a single number", f32([5]), Constant(np.zeros(0, "int64")))
    for axis in [1, 0, 3, -1]:
        case("Flatten", f"axis {axis}", x, axis=axis)
    case("Squeeze", "all axes of length 1", counting(1, 3, 1))
    case("Squeeze", "a named axis, from the end", counting(1, 3, 1), Constant([-1]))
    case("Unsqueeze", "axes of the result, in any order", counting(3), Constant([2, 0]))
    case("Unsqueeze", "from the end", counting(2, 3), Constant([-1]))
    case("Transpose", "turned round by default", x)
    case("Transpose", "an order", x, perm=[1, 0, 2])
    case("Expand", "both sides are stretched", counting(3, 1), Constant([2, 1, 4]))
    case("Expand", "to fewer axes than there are", counting(2, 3), Constant([3]))
    case("Tile", "each axis", counting(2, 2), Constant([1, 2]))
    case("Slice", "starts and ends alone", x, Constant([0, 1]), Constant([1, 3]))
    case("Slice", "axes and steps, beyond the end", x, Constant([0, -3]), Constant([2**62, -1]), Constant([2, -2]),
         Constant([2, 1]))
    case("Slice", "backwards", counting(5), Constant([-1]), Constant([-(2**62)]), Constant([0]), Constant([-2]))
    case("Slice", "backwards to an end", counting(5), Constant([3]), Constant([0]), Constant([0]), Constant([-1]))
    case("Slice", "nothing is left", counting(5), Constant([3]), Constant([1]))
    case("Concat", "along an axis from the end", counting(2, 1), counting(2, 2), axis=-1)
    case("Concat", "one alone, and integers", counting(2, dtype="int64"), axis=0)
    case("Pad", "zeros by default", counting(2, 2), Constant([1, 0, 0, 2]))
    case("Pad", "a value, and what is negative crops", counting(2, 3), Constant([0, -1, 1, 1]), Constant(9, "float32"))
    case("Pad", "integers", counting(3, dtype="int64"), Constant([1, 1]), Constant(7))
    case("Pad", "reflect", counting(4), Constant([2, 3]), mode="reflect")
    case("Pad", "edge", counting(2, 3), Constant([1, 0, 0, 2]), mode="edge")
    case("Pad", "named axes, from opset 18 on", counting(2, 3), Constant([1, 2]), None, Constant([-1]), opset=18)
    case("Pad", "wrap is not read", counting(3), Constant([1, 1]), opset=19, mode="wrap", throws="mode is")
    case("Gather", "rows, from both ends", counting(3, 2), i64(2, -1, 0))
    case("Gather", "an axis, with places of two axes", counting(2, 3), i64([0, 1], [2, -3]), axis=1)
    case("Gather", "one place takes the axis away", counting(3, 2), np.asarray(1), axis=-1)
    case("GatherElements", "places of each element, from both ends", counting(2, 3), i64([0, -1], [2, 1]), axis=1)
    case("Trilu", "upper by default", counting(3, 3))
    case("Trilu", "lower, with a diagonal", counting(2, 3, 3), Constant(-1), upper=0)
    case("Shape", "all of it", x)
    case("Shape", "from the end", x, start=-2)
    case("Shape", "up to an axis", x, start=0, end=-1)
    case("Shape", "nothing of it", x, start=2, end=1)
    case("Size", "all elements", x)
    case("ConstantOfShape", "zeros by default", Constant([2, 1]))
    case("ConstantOfShape", "a value of any type", Constant([3]), value=Constant([7]))
    case("ConstantOfShape", "a single number", Constant(np.zeros(0, "int64")), value=Constant([0.5], "float32"))
    plane = counting(1, 1, 2, 3)
    ones = Constant([1, 1, 2, 2.6], "float32")
    case("Resize", "by scales", plane, None, ones)
    case("Resize", "to sizes", plane, None, None, Constant([1, 1, 3, 5]))
    for mode in ("asymmetric", "align_corners", "pytorch_half_pixel"):
        for nearest in ("floor", "ceil", "round_prefer_ceil"):
            words = {"coordinate_transformation_mode": mode, "nearest_mode": nearest}
            case("Resize", f"{mode}, {nearest}", plane, None, None, Constant([1, 1, 1, 7]), **words)
    case("Resize", "of some axes", plane, None, Constant([2.0], "float32"), opset=18, axes=[3])
    for mode in ("linear", "cubic"):
        case("Resize", f"{mode} by default", plane, None, ones, mode=mode, tolerance=1e-5)
        for words in ("asymmetric", "align_corners", "pytorch_half_pixel"):
            case("Resize", f"{mode}, {words}", plane, None, None, Constant([1, 1, 3, 7]), mode=mode, tolerance=1e-5,
                 coordinate_transformation_mode=words)
    case("Resize", "cubic with another coefficient, the outside left out", plane, None, ones, mode="cubic",
         cubic_coeff_a=-0.5, exclude_outside=1, tolerance=1e-5)
    case("Resize", "smaller", counting(1, 1, 4, 4), None, None, Constant([1, 1, 2, 3]), mode="linear")
    roi = Constant([0, 0, 0.2, 0.4, 1, 1, 0.8, 1.5], "float32")
    case("Resize", "a crop with a value outside", counting(1, 1, 4, 4), roi, None, Constant([1, 1, 3, 3]),
         mode="linear",
         coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=9.0, tolerance=1e-5)
    case("Range", "of integers, without the end", Constant(1), Constant(7), Constant(2))
    case("Range", "downwards", Constant(3), Constant(-2), Constant(-2))
    case("Range", "of floats", Constant(0.5, "float32"), Constant(2, "float32"), Constant(0.5, "float32"))
    case("Range", "empty", Constant(3), Constant(3), Constant(1))
    case("Range", "empty, of a limit before the start", Constant(3), Constant(1), Constant(1))


def layers():
    a, b = counting(2, 3), counting(3, 2, start=-2)
    case("Gemm", "the product alone", a, b)
    case("Gemm", "turned, scaled, with a column added", counting(3, 2), counting(2, 3), f32([1], [2]), alpha=0.5,
         beta=2.0, transA=1, transB=1)
    case("Gemm", "a linear layer", a, counting(2, 3), f32(1, -1), transB=1)
    case("Gemm", "a number is added", a, b, np.asarray(3, "float32"))
    case("MatMul", "stacks of matrices, broadcast", counting(2, 1, 2, 3), counting(2, 3, 1))
    case("MatMul", "row times matrix, matrix times column, row times column", counting(3), counting(3, 2))
    case("MatMul", "a matrix times a column", a, counting(3))
    case("MatMul", "a row times a column", counting(3), counting(3))
    image = counting(1, 2, 4, 4, start=-9)
    case("Conv", "by default", image, counting(3, 2, 2, 2, start=-4))
    case("Conv", "strides, dilations, groups, a bias", counting(1, 2, 5, 5), counting(2, 1, 2, 2), f32(1, -1),
         strides=[2, 1], dilations=[2, 1], group=2, pads=[1, 0, 1, 0], kernel_shape=[2, 2])
    case("Conv", "pads that differ at begin and end", image, counting(1, 2, 2, 2), pads=[0, 1, 1, 0])
    case("Conv", "one axis, VALID", counting(1, 1, 5), counting(1, 1, 2), auto_pad="VALID")
    for mode in ["SAME_UPPER", "SAME_LOWER"]:
        case("Conv", mode, image, counting(1, 2, 2, 2), auto_pad=mode)
        case("Conv", f"{mode} with strides", counting(1, 1, 5, 4), counting(1, 1, 3, 2), auto_pad=mode, strides=[2, 3])
        case("ConvTranspose", mode, counting(1, 1, 3), counting(1, 1, 4), auto_pad=mode, strides=[2])
    case("Conv", "three axes, pads of all kinds", counting(1, 1, 3, 2, 2), counting(2, 1, 2, 1, 2), pads=[0, 0,
         1, 1, 0, 0])
    case("Conv", "auto_pad of another kind", image, counting(1, 2, 2, 2), auto_pad="SAME", throws="auto_pad")
    case("ConvTranspose", "by default", counting(1, 2, 2, 2), counting(2, 3, 2, 2, start=-5))
    case("ConvTranspose", "strides, output padding, groups, a bias", counting(1, 2, 2, 2), counting(2, 1, 2, 2),
         f32(1, -1), strides=[2, 2], output_padding=[1, 0], group=2, pads=[1, 0, 1, 0])
    case("ConvTranspose", "pads that differ at begin and end", counting(1, 1, 2, 2), counting(1, 1, 2, 2),
         pads=[0, 1, 1, 0], strides=[2, 2])
    case("ConvTranspose", "an output shape", counting(1, 1, 3), counting(1, 1, 3), output_shape=[4], strides=[2])
    case("ConvTranspose", "an output shape of two axes", counting(1, 1, 2, 2), counting(1, 2, 3, 3),
         output_shape=[3, 4],
         strides=[2, 2])
    plane = f32([3, 1, 4, 1, 5], [9, 2, 6, 5, 3], [5, 8, 9, 7, 9], [3, 2, 3, 8, 4], [6, 2, 6, 4, 3])
    planes = np.stack([plane, -plane])[None]
    pairs = np.concatenate([planes, planes + 1])
    case("MaxPool", "places count through the whole tensor", pairs, outputs=2, kernel_shape=[2, 2])
    case("MaxPool", "strides, dilations, pads", planes, outputs=2, kernel_shape=[2, 2], strides=[2, 1],
         dilations=[1, 2], pads=[1, 1, 1, 1])
    case("MaxPool", "pads that differ at begin and end", planes, outputs=2, kernel_shape=[2, 2], strides=[2, 2],
         pads=[1, 0, 0, 1])
    case("MaxPool", "ceil_mode", planes, outputs=2, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    case("MaxPool", "places by columns", pairs, outputs=2, kernel_shape=[2, 2], storage_order=1)
    case("MaxPool", "one axis", planes[0], outputs=2, kernel_shape=[3], strides=[2])
    case("MaxPool", "one axis, SAME_LOWER", planes[0], outputs=2, kernel_shape=[2], strides=[2], auto_pad="SAME_LOWER")
    case("MaxPool", "SAME_UPPER", planes, kernel_shape=[3, 2], auto_pad="SAME_UPPER")
    case("MaxPool", "wide pads", planes, outputs=2, kernel_shape=[3, 3], pads=[2, 2, 2, 2], strides=[2, 2])
    case("MaxPool", "pads that differ, ceil_mode", planes, outputs=2, kernel_shape=[2, 3], strides=[2, 2],
         pads=[1, 0, 0, 0],
         ceil_mode=1)
    box = np.stack([plane, plane[::-1], plane.T])[None, None]
    boxes = np.concatenate([box, -box], 1)
    case("MaxPool", "three axes", boxes, outputs=2, kernel_shape=[2, 2, 2])
    case("MaxPool", "three axes, strides, dilations, pads", boxes, outputs=2, kernel_shape=[2, 2, 2],
         strides=[1, 2, 2], dilations=[1, 2, 1], pads=[1, 0, 1, 0, 1, 1])
    case("AveragePool", "pads do not count by default", planes, kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1])
    case("AveragePool", "pads count", planes, kernel_shape=[2, 2], pads=[0, 1, 0, 1], count_include_pad=1)
    case("AveragePool", "one axis, pads that differ", planes[0], kernel_shape=[3], pads=[0, 2])
    case("AveragePool", "pads that differ do not count", planes, kernel_shape=[2, 2], pads=[0, 1, 1, 0], strides=[2, 2])
    case("AveragePool", "SAME_UPPER, which counts", planes, kernel_shape=[2, 2], auto_pad="SAME_UPPER",
         count_include_pad=1)
    case("AveragePool", "three axes", boxes, kernel_shape=[2, 2, 2], strides=[1, 2, 2])
    case("AveragePool", "three axes, pads", boxes, kernel_shape=[2, 2, 3], pads=[1, 0, 0, 0, 1, 1])
    case("AveragePool", "three axes, pads count", boxes, kernel_shape=[2, 2, 3], pads=[1, 0, 1, 0, 1, 1],
         count_include_pad=1)
    case("LpPool", "squares by default", planes, kernel_shape=[2, 2])
    case("LpPool", "of another power, strides and pads", planes, kernel_shape=[2, 2], strides=[2, 2], pads=[1,
         0, 0, 1], p=3)
    case("LpPool", "one axis", planes[0], kernel_shape=[3], p=1)
    case("GlobalLpPool", "squares by default", counting(1, 2, 2, 3, start=-4))
    case("GlobalLpPool", "of another power", counting(1, 2, 3, start=-2), p=3)
    case("MaxUnpool", "values to their places", f32([[[5, 6], [7, 8]]]), i64([[[5, 7], [13, 15]]]), kernel_shape=[2, 2],
         strides=[2, 2])
    case("MaxUnpool", "an output shape", f32([[[5, 6], [7, 8]]]), i64([[[5, 7], [13, 15]]]), Constant([1, 1, 5, 5]),
         kernel_shape=[2, 2], strides=[2, 2])
    case("AveragePool", "ceil_mode", planes, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    case("AveragePool", "dilations, from opset 19 on, are not read", planes, opset=19, kernel_shape=[2, 2],
         dilations=[2, 2], throws="dilations")
    case("GlobalAveragePool", "all axes behind the channels", counting(1, 2, 2, 3))
    case("GlobalMaxPool", "all axes behind the channels", counting(1, 2, 3))
    case("BatchNormalization", "epsilon by default; momentum has no bearing", counting(2, 2, 2),
         f32(1, 2), f32(0, 1), f32(1, -1), f32(4, 0.25), momentum=0.5)
    case("BatchNormalization", "another epsilon", counting(2, 2), f32(1, 2), f32(0, 1), f32(1, -1), f32(4, 0.25),
         epsilon=0.5)
    case("BatchNormalization", "training is not read", counting(2, 2), f32(1, 2), f32(0, 1), f32(1, -1), f32(4, 0.25),
         training_mode=1, throws="training_mode")
    case("GroupNormalization", "scale and bias of each channel", counting(2, 4, 2), f32(1, 2, 3, 4), f32(0, 1, -1, 2),
         opset=21, num_groups=2)
    case("GroupNormalization", "another epsilon", counting(1, 2, 2, 1), f32(1, 2), f32(0, 1), opset=21, num_groups=1,
         epsilon=0.5)


def reductions():
    x = f32([1, -2, 3], [4, 5, -6])
    for name in ["Softmax", "LogSoftmax"]:
        case(name, "the last axis by default, large values", f32([1, 2, 300], [-INF, 0, 1]))
        case(name, "another axis", x, axis=0)
    for name in ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceLogSumExp", "ReduceL1",
                 "ReduceL2", "ReduceSumSquare"]:
        case(name, "all axes by default, which stay", x)
        axes = ([], {"axes": [-1]}) if name != "ReduceSum" else ([Constant([-1])], {})
        case(name, "an axis from the end, which goes", x, *axes[0], keepdims=0, **axes[1])
        case(name, "axes are an input, from opset 18 on", x, Constant([0]), opset=18)
        case(name, "infinity and not a number", f32([1, INF], [NAN, 2], [-INF, 0]), Constant([1]), opset=18)
    for name in ["ReduceSum", "ReduceMax"]:
        case(name, "without axes nothing is done", x, opset=18, noop_with_empty_axes=1)
    for name in ["ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd"]:
        case(name, "of integers", i64([1, -2], [3, 4]))
    case("ReduceL2", "noop_with_empty_axes is not read of what does more than reduce", x, opset=18,
         noop_with_empty_axes=1, throws="noop_with_empty_axes")
    for name in ["ArgMax", "ArgMin"]:
        case(name, "the first axis by default", x)
        case(name, "an axis from the end, which goes; the first of equals", f32([1, 3, 3], [1, 1, 2]), axis=-1,
             keepdims=0)
        case(name, "the last of equals", f32([1, 3, 3], [1, 1, 2]), axis=1, select_last_index=1)
    case("CumSum", "an axis", x, Constant(0))
    case("CumSum", "an axis from the end", x, Constant(-1))
    case("CumSum", "exclusive", x, Constant(1), exclusive=1)
    case("CumSum", "backwards", x, Constant(0), reverse=1)
    case("CumSum", "backwards, exclusive, of integers", i64([1, 2, 3]), Constant(-1), reverse=1, exclusive=1)
    case("TopK", "the largest along the last axis, of equal ones the first",
         f32([1, 3, 3, 2], [-1, -4, -2, -3]), Constant([2]), outputs=2)
    case("TopK", "the smallest along another axis", f32([3, 1], [2, 5], [4, 0]), Constant([2]), outputs=2, axis=0,
         largest=0)


# fmt: on
def more_elementwise():
    for name in ["Asin", "Acos", "Atanh"]:
        case(name, "inside and at the border", f32(-1, -0.5, 0, 0.5, 1, NAN))
    for name in ["Atan", "Sinh", "Cosh", "Asinh"]:
        case(name, "of numbers, zero and not a number", f32(-2.5, -0.5, 0, 0.5, 3, NAN))
    case("Acosh", "from 1 on", f32(1, 1.5, 20))
    case("ThresholdedRelu", "by default", EDGES)
    case("ThresholdedRelu", "another threshold", EDGES, alpha=-1.0)
    case("Shrink", "by default", EDGES)
    case("Shrink", "other settings", EDGES, bias=0.25, lambd=1.0)
    case("CastLike", "to the type of the other", f32(-2.75, 0, 2.75), i64(1))
    for direction in ["LEFT", "RIGHT"]:
        case(
            "BitShift",
            direction,
            np.asarray([1, 5, 255], "uint8"),
            np.asarray([1, 2, 3], "uint8"),
            direction=direction,
        )


def places():
    x = counting(2, 3, 4)
    case("GatherND", "single elements", x, i64([0, 1, 2], [1, -1, 3]))
    case("GatherND", "rows, from the end", x, i64([[0, 1]], [[-1, 0]]))
    case("GatherND", "behind a batch", x, i64([[1], [2]], [[0], [-1]]), batch_dims=1)
    case(
        "ScatterElements",
        "along an axis, from the end",
        counting(2, 3),
        i64([0, -1], [2, 1]),
        f32([9, 8], [7, 6]),
        axis=1,
    )
    case("ScatterElements", "along the first", counting(3, 2), i64([2, 0]), f32([9, 8]))
    case("ScatterND", "elements", counting(4), i64([2], [-4]), f32(9, 8))
    case("ScatterND", "rows", counting(3, 2), i64([2], [0]), f32([9, 8], [7, 6]))
    case(
        "OneHot",
        "the last axis by default; what is beyond is nowhere",
        i64(0, 2, -1, 7),
        Constant(3),
        f32(0, 5),
    )
    case("OneHot", "another axis, of floats", f32([0, 1], [2, 0]), Constant([3]), i64(0, 1), axis=0)
    case("Hardmax", "the first of the largest", f32([1, 3, 3], [-1, -4, -2]))
    case("Hardmax", "another axis", f32([1, 3], [2, 0]), axis=0)
    case("EyeLike", "of the input's type", counting(2, 3))
    case("EyeLike", "a diagonal, another type", counting(3, 3), k=1, dtype=int(TensorProto.INT64))
    case("EyeLike", "below", counting(3, 2), k=-1)
    truths = Constant([True, False, True], "bool")
    case("Compress", "rows", counting(3, 2), truths, axis=0)
    case("Compress", "all elements", counting(2, 2), truths)
    case("NonZero", "places, axis by axis", Constant([[1, 0, 2], [0, 3, 0]], "float32"))
    case("NonZero", "none", Constant([0, 0], "float32"))
    values = Constant([3, 1, 2, 1, 3], "float32")
    case("Unique", "sorted", values, outputs=4)
    case("Unique", "as they come", values, outputs=4, sorted=0)
    case("Unique", "rows", Constant([[1, 0], [0, 1], [1, 0]], "float32"), outputs=4, axis=0)
    case("ReverseSequence", "time first by default", counting(3, 2), i64(3, 2))
    case(
        "ReverseSequence",
        "batch first, with more axes",
        counting(2, 3, 2),
        i64(1, 3),
        batch_axis=0,
        time_axis=1,
    )
    case("DepthToSpace", "depth last by default", counting(1, 8, 1, 2), blocksize=2)
    case("DepthToSpace", "columns, rows, depth", counting(1, 8, 1, 2), blocksize=2, mode="CRD")
    case("SpaceToDepth", "blocks", counting(1, 2, 2, 4), blocksize=2)
    case("Split", "parts of given lengths", counting(2, 5), Constant([2, 3]), outputs=2, axis=1)
    case(
        "Split", "of any length, from the end", counting(3), Constant([1, 0, 2]), outputs=3, axis=-1
    )
    case("Einsum", "a matrix product", counting(2, 3), counting(3, 2), equation="ij,jk->ik")
    case("Einsum", "a diagonal, summed", counting(3, 3), equation="ii")
    case(
        "Einsum",
        "batches, and what is left out of the result",
        counting(2, 3, 2),
        counting(2, 2),
        equation="...ij,...j->...i",
    )
    case("Einsum", "three", counting(2), counting(3), counting(2, 3), equation="i,j,ij->j")


def norms():
    x = counting(2, 3, 2, 2, start=-9)
    case(
        "InstanceNormalization",
        "each channel by itself",
        x,
        f32(1, 2, 3),
        f32(0, 1, -1),
        tolerance=1e-5,
    )
    case(
        "InstanceNormalization",
        "another epsilon",
        counting(1, 2, 3),
        f32(1, 2),
        f32(0, 1),
        epsilon=0.5,
    )
    case("MeanVarianceNormalization", "batch and plane by default", x, tolerance=1e-5)
    case("MeanVarianceNormalization", "an axis", x, axes=[1], tolerance=1e-5)
    case("LpNormalization", "the last axis; what has no length stays", f32([3, 4], [0, 0]))
    case("LpNormalization", "of absolute values, another axis", f32([3, -4], [1, 0]), p=1, axis=0)
    case("LRN", "by default", x, size=3)
    case("LRN", "other settings", x, size=5, alpha=0.5, beta=0.5, bias=2.0)
    case("Det", "a stack", f32([[1, 2], [3, 4]], [[2, 0], [0, 3]]), tolerance=1e-5)
    case("ReduceLogSum", "all axes by default", f32([1, 2], [3, 4]))
    case("ReduceLogSum", "an axis, which goes", f32([1, 2], [3, 4]), axes=[1], keepdims=0)
    logs, classes = f32([-1, -2, -3], [-0.5, -0.25, -4]), i64(2, 0)
    for name in ["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"]:
        case(name, "a mean by default", logs, classes)
        case(name, "weights, and a class left out", logs, classes, f32(1, 2, 0.5), ignore_index=0)
        for reduction in ["sum", "none"]:
            case(name, reduction, logs, classes, reduction=reduction)
        case(name, "of planes", counting(1, 2, 2, 2, step=-0.25), i64([[0, 1], [1, 1]]))
    case("SoftmaxCrossEntropyLoss", "its logarithms", logs, classes, outputs=2)


def quantized():
    x = f32([-300, -1.5, 0, 0.5], [1, 2.5, 3.5, 600])
    case("QuantizeLinear", "to bytes without a sign by default", x, f32(2)[0, ...])
    case("QuantizeLinear", "with a zero point, halves to even", x, f32(1)[0, ...], i8(3)[0, ...])
    case("QuantizeLinear", "each row its own", x, f32(1, 2), u8(10, 20), axis=0)
    case("DequantizeLinear", "with a zero point", u8(0, 5, 255), f32(0.5)[0, ...], u8(5)[0, ...])
    case("DequantizeLinear", "each column its own", i8([1, -2], [3, 4]), f32(0.5, 2))
    case("DynamicQuantizeLinear", "the range with 0", f32(-1, 0.5, 3), outputs=3)
    case("DynamicQuantizeLinear", "above 0 alone", f32(1, 2, 4), outputs=3)
    a, b = u8([1, 2, 3], [250, 5, 6]), u8([1, 4], [2, 5], [3, 6])
    case("MatMulInteger", "without zero points", a, b)
    case("MatMulInteger", "with zero points", a, b, u8(3)[0, ...], u8(2)[0, ...])
    case(
        "QLinearMatMul",
        "scaled anew",
        a,
        f32(0.5)[0, ...],
        u8(3)[0, ...],
        b,
        f32(0.25)[0, ...],
        u8(2)[0, ...],
        f32(2)[0, ...],
        u8(100)[0, ...],
    )
    image, kernel = counting(1, 1, 3, 3, dtype="uint8"), counting(1, 1, 2, 2, dtype="uint8")
    case("ConvInteger", "by default", image, kernel)
    case(
        "ConvInteger",
        "a zero point, which pads are",
        image,
        kernel,
        u8(1)[0, ...],
        pads=[1, 0, 0, 1],
    )
    case(
        "QLinearConv",
        "scaled anew, with a bias",
        image,
        f32(0.5)[0, ...],
        u8(1)[0, ...],
        kernel,
        f32(0.25)[0, ...],
        u8(2)[0, ...],
        f32(0.5)[0, ...],
        u8(9)[0, ...],
        np.asarray([4], "int32"),
    )


def recurrent():
    def layer(
        name,
        gates,
        claim,
        inputs=2,
        hidden=2,
        directions=1,
        batch=2,
        steps=3,
        bias=False,
        rest=(),
        outputs=2,
        **words,
    ):
        rng = np.random.default_rng(len(claim))

        def draw(*shape):
            return np.round(rng.normal(size=shape), 2).astype("float32")

        first = (batch, steps) if words.get("layout") else (steps, batch)
        given = [
            draw(*first, inputs),
            draw(directions, gates * hidden, inputs),
            draw(directions, gates * hidden, hidden),
        ]
        more = [draw(directions, 2 * gates * hidden) if bias else None]
        more += [value(draw) if callable(value) else value for value in rest]
        while more and more[-1] is None:
            more.pop()
        case(
            name, claim, *given, *more, hidden_size=hidden, outputs=outputs, tolerance=1e-5, **words
        )

    lengths = np.asarray([3, 1], "int32")
    for name, gates in [("RNN", 1), ("GRU", 3), ("LSTM", 4)]:
        outputs = 3 if name == "LSTM" else 2
        layer(name, gates, "by default", outputs=outputs)
        layer(
            name,
            gates,
            "a bias and a first state",
            bias=True,
            rest=[None, lambda draw: draw(1, 2, 2)],
            outputs=outputs,
        )
        layer(name, gates, "backwards", direction="reverse", bias=True, outputs=outputs)
        layer(
            name,
            gates,
            "both ways, sequences of their own lengths",
            direction="bidirectional",
            directions=2,
            bias=True,
            rest=[lengths],
            outputs=outputs,
        )
        layer(name, gates, "clipped", clip=0.5, outputs=outputs)
    layer("RNN", 1, "other activations", activations=["Relu"])
    layer(
        "RNN",
        1,
        "an activation with numbers",
        activations=["Affine"],
        activation_alpha=[0.5],
        activation_beta=[0.25],
    )
    layer("GRU", 3, "reset behind the product", linear_before_reset=1, bias=True)
    layer("GRU", 3, "other activations", activations=["HardSigmoid", "Softsign"])

    def state(draw):
        return draw(1, 2, 2)

    layer(
        "LSTM",
        4,
        "peepholes",
        bias=True,
        rest=[None, state, state, lambda draw: draw(1, 6)],
        outputs=3,
    )
    layer("LSTM", 4, "input and forget gate are one", input_forget=1, outputs=3)


def regions():
    picture = counting(1, 2, 6, 6)
    rois, batches = Constant([[0, 0, 4, 4], [1, 2, 5, 5]], "float32"), Constant([0, 0])
    case(
        "RoiAlign",
        "means of samples",
        picture,
        rois,
        batches,
        output_height=2,
        output_width=2,
        sampling_ratio=2,
        tolerance=1e-5,
    )
    case(
        "RoiAlign",
        "as many samples as elements",
        picture,
        rois,
        batches,
        output_height=2,
        output_width=3,
        spatial_scale=0.5,
        tolerance=1e-5,
    )
    case(
        "RoiAlign",
        "the largest",
        picture,
        rois,
        batches,
        output_height=2,
        output_width=2,
        sampling_ratio=2,
        mode="max",
        tolerance=1e-5,
    )
    case(
        "RoiAlign",
        "by centres, from opset 16 on",
        picture,
        rois,
        batches,
        opset=16,
        output_height=2,
        output_width=2,
        sampling_ratio=2,
        tolerance=1e-5,
    )
    case(
        "MaxRoiPool",
        "cells of regions",
        picture,
        Constant([[0, 0, 0, 4, 4], [0, 1, 2, 5, 5]], "float32"),
        pooled_shape=[2, 2],
    )
    case(
        "MaxRoiPool",
        "scaled",
        picture,
        Constant([[0, 0, 0, 9, 9]], "float32"),
        pooled_shape=[2, 3],
        spatial_scale=0.5,
    )
    boxes = Constant(
        [[[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, 2, 1, 3], [0, 2.05, 1, 3.05]]], "float32"
    )
    scores = Constant([[[0.9, 0.75, 0.6, 0.95]]], "float32")
    most, overlap = Constant([3]), Constant([0.5], "float32")
    case("NonMaxSuppression", "what overlaps a better one goes", boxes, scores, most, overlap)
    case(
        "NonMaxSuppression",
        "a least score, by centres",
        boxes,
        scores,
        most,
        overlap,
        Constant([0.7], "float32"),
        center_point_box=1,
    )
    case("RandomNormal", "from a seed", shape=[2, 3], seed=5.0, mean=1.0, scale=2.0)
    case("RandomUniform", "from a seed", shape=[4], seed=7.0, low=-1.0, high=3.0)
    case("RandomNormalLike", "from a seed", counting(2, 2), seed=5.0)
    case("RandomUniformLike", "from a seed", counting(3), seed=5.0)
    case(
        "Multinomial",
        "from a seed",
        Constant([[0, 1, 2], [3, 0, 0]], "float32"),
        seed=3.0,
        sample_size=5,
    )
    case("Bernoulli", "from a seed", f32(0.1, 0.5, 0.9, 0.4, 0.6), seed=3.0)
    case("RandomUniform", "without a seed", shape=[4], throws="without a seed")


def main(wanted):
    for family in [
        elementwise,
        several,
        shapes,
        layers,
        reductions,
        more_elementwise,
        places,
        norms,
        quantized,
        recurrent,
        regions,
    ]:
        family()
    for name, texts in sorted(CASES.items()):
        if not wanted or name in wanted:
            (FOLDER / f"{name}.case").write_text("===\n".join(texts))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The operators that have no weights: sums, products, pools, shapes; QOperator and QDQ form."""

import numpy as np

from casebook import Case

f32 = np.float32
rng = np.random.default_rng(12)
KINDS = {"u8": np.uint8, "s8": np.int8}
# (scale a, zero a, scale b, zero b, scale y, zero y), zero points relative to the type's middle.
PAIRS = [
    (0.021, 3, 0.034, -9, 0.05, 5),
    (0.0117, -128, 0.0093, -128, 0.0173, -128),
    (0.5, 1, 0.25, -3, 1.0, 7),
    (0.125, -5, 0.125, 11, 0.5, -3),
    (1.0, 127, 0.5, -128, 0.25, 13),
]


def every(kind):
    info = np.iinfo(KINDS[kind])
    return np.arange(info.min, info.max + 1).astype(KINDS[kind])


def middle(kind, offset):
    return KINDS[kind](offset + (128 if kind == "u8" else 0))


def pairs():
    """QLinearAdd, QLinearMul, and Add and Mul between DequantizeLinear and QuantizeLinear: all 65536 code pairs."""
    for kind in KINDS:
        a, b = every(kind).reshape(256, 1), every(kind).reshape(1, 256)
        for op in ("Add", "Mul"):
            case = Case(f"{op.lower()}_{kind}", a)
            other = case.const(b)
            for number, (sa, za, sb, zb, sy, zy) in enumerate(PAIRS):
                if op == "Mul":
                    sy = sy * 16
                za, zb, zy = (middle(kind, z) for z in (za, zb, zy))
                scales = [case.const(s, f32) for s in (sa, sb, sy)]
                zeros = [case.const(z) for z in (za, zb, zy)]
                pins = ["x", scales[0], zeros[0], other, scales[1], zeros[1], scales[2], zeros[2]]
                case.add(f"QLinear{op}", pins, f"fused{number}")
                left = case.dq("x", sa, za, f"left{number}")
                right = case.dq(other, sb, zb, f"right{number}")
                real = case.add(op, [left, right], f"real{number}")
                case.q(real, sy, zy, f"qdq{number}")
                left = f32(a.astype(f32) - f32(za)) * f32(sa)
                right = f32(b.astype(f32) - f32(zb)) * f32(sb)
                case.tally((left + right if op == "Add" else left * right) / f32(sy), zy)
            case.save()


def concat():
    for kind in KINDS:
        x = np.tile(every(kind), 2).reshape(4, 2, 64)
        case = Case(f"concat_{kind}", x)
        second = case.add("Transpose", [case.add("Transpose", ["x"], "turn", perm=[1, 0, 2])], "turned", perm=[1, 0, 2])
        for number, (sa, za, sb, zb, sy, zy) in enumerate(PAIRS):
            za, zb, zy = (middle(kind, z) for z in (za, zb, zy))
            pins = [case.const(sy, f32), case.const(zy), "x", case.const(sa, f32), case.const(za)]
            case.add("QLinearConcat", [*pins, second, case.const(sb, f32), case.const(zb)], f"fused{number}", axis=1)
            parts = [case.dq("x", sa, za, f"a{number}"), case.dq(second, sb, zb, f"b{number}")]
            case.q(case.add("Concat", parts, f"real{number}", axis=-1), sy, zy, f"qdq{number}")
            for s, z in ((sa, za), (sb, zb)):
                case.tally(f32(f32(x.astype(f32) - f32(z)) * f32(s)) / f32(sy), zy)
        case.add("Concat", ["x", second, "x"], "codes", axis=2)
        case.save()


POOLS = {
    "plain": dict(kernel_shape=[2, 2], strides=[2, 2]),
    "padded": dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "counted": dict(kernel_shape=[3, 2], strides=[1, 2], pads=[1, 1, 0, 1], count_include_pad=1),
    "ceil": dict(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    "same": dict(kernel_shape=[2, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
    "ceil_counted": dict(kernel_shape=[3, 2], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1, count_include_pad=1),
    "dense": dict(kernel_shape=[3, 3], strides=[1, 1], pads=[1, 1, 1, 1]),
    "far": dict(kernel_shape=[4, 3], strides=[3, 3]),
    "whole": dict(kernel_shape=[8, 9]),
    "lower": dict(kernel_shape=[2, 3], strides=[2, 2], auto_pad="SAME_LOWER"),
}


def pools():
    """AveragePool became another kernel in opset 19; its order of summation shows in float32."""
    for kind, opset in ((k, o) for o in (19, 17) for k in KINDS):
        info = np.iinfo(KINDS[kind])
        x = rng.integers(info.min, info.max + 1, (6, 3, 8, 9)).astype(KINDS[kind])
        case = Case(f"pool_{kind}" if opset == 19 else f"pool{opset}_{kind}", x, opset=opset, ir=9)
        for number, (sx, zx, _, _, sy, zy) in enumerate([*PAIRS, (0.03, 3, 0, 0, 0.011, 9)]):
            zx, zy = middle(kind, zx), middle(kind, zy)
            real = case.dq("x", sx, zx, f"real{number}")
            ends = [case.const(sy, f32), case.const(zy)]
            pins = ["x", case.const(sx, f32), case.const(zx), *ends]
            for name, attributes in POOLS.items():
                case.q(case.add("AveragePool", [real], f"{name}_real{number}", **attributes), sy, zy, f"{name}_qdq{number}")
                case.add("QLinearAveragePool", pins, f"{name}_fused{number}", **attributes)
            case.q(case.add("GlobalAveragePool", [real], f"all_real{number}"), sy, zy, f"all_qdq{number}")
            case.add("QLinearGlobalAveragePool", pins, f"all_fused{number}")
            mean = (x.astype(f32) - f32(zx)).reshape(6, 3, 4, 2, 9)[..., :8].reshape(6, 3, 4, 2, 4, 2).mean((3, 5))
            case.tally(f32(mean * f32(sx)) / f32(sy), zy)
        if opset == 19:
            wide = case.dq("x", 0.04, middle(kind, 1), "wide")
            wide = case.add("AveragePool", [wide], "dilated_real", dilations=[2, 3], kernel_shape=[2, 2])
            case.q(wide, 0.03, middle(kind, 5), "dilated_qdq")
        for name, attributes in POOLS.items():
            attributes = {k: v for k, v in attributes.items() if k != "count_include_pad"}
            case.add("MaxPool", ["x"], f"max_{name}", **attributes)
        case.add("MaxPool", ["x"], "max_dilated", kernel_shape=[2, 2], dilations=[3, 2])
        case.save()


def shapes():
    for kind in KINDS:
        info = np.iinfo(KINDS[kind])
        x = rng.integers(info.min, info.max + 1, (4, 2, 3, 5)).astype(KINDS[kind])
        case = Case(f"shape_{kind}", x)
        i64 = lambda *values: case.const(values, np.int64)
        case.add("Reshape", ["x", i64(0, -1)], "rows")
        case.add("Reshape", ["x", i64(0, 5, -1, 2)], "reshaped")
        case.add("Flatten", ["x"], "flat")
        case.add("Flatten", ["x"], "flat2", axis=2)
        case.add("Flatten", ["x"], "flat_last", axis=-1)
        case.add("Transpose", ["x"], "turned", perm=[0, 2, 3, 1])
        low, high = (case.const(v, KINDS[kind]) for v in (info.min + 60, info.max - 50))
        case.add("Clip", ["x", low, high], "clipped")
        case.add("Clip", ["x", "", high], "clipped_high")
        if kind == "s8":
            case.add("Relu", ["x"], "positive")
        case.save(need=())


def floats():
    """Float32 operators between DequantizeLinear and QuantizeLinear."""
    for kind in KINDS:
        info = np.iinfo(KINDS[kind])
        x = rng.integers(info.min, info.max + 1, (8, 3, 6)).astype(KINDS[kind])
        case = Case(f"float_{kind}", x)
        real = case.dq("x", 0.0625, middle(kind, 5), "real")
        case.q(case.add("Relu", [real], "relu_real"), 0.125, middle(kind, -127), "relu")
        low, high = case.const(-1.3, f32), case.const(2.7, f32)
        case.q(case.add("Clip", [real, low, high], "clip_real"), 0.031, middle(kind, 3), "clip")
        case.q(case.add("Softmax", [real], "softmax_real"), 1 / 256, middle(kind, -128), "softmax")
        case.q(case.add("Softmax", [real], "softmax1_real", axis=1), 1 / 256, middle(kind, -128), "softmax1")
        case.q(case.add("Transpose", [real], "turn_real", perm=[0, 2, 1]), 0.0625, middle(kind, 5), "turn")
        case.q(case.add("Reshape", [real, case.const([0, 18], np.int64)], "rows_real"), 0.0625, middle(kind, 5), "rows")
        case.q("relu_real", 0.03125, middle(kind, 9), "relu_steep")
        steps = x.astype(f32) - f32(middle(kind, 5))
        case.tally(steps * 0.0625 / 0.125, middle(kind, -127))
        case.tally(steps * 0.0625 / 0.03125, middle(kind, 9))
        case.save()


def fused():
    """QDQ Conv, MatMul and Gemm, bare and with Relu or Clip in front of the QuantizeLinear."""
    for kind in KINDS:
        info = np.iinfo(KINDS[kind])
        x = rng.integers(info.min, info.max + 1, (6, 4, 6, 6)).astype(KINDS[kind])
        case = Case(f"qdq_layers_{kind}", x)
        real = case.dq("x", 0.25, middle(kind, 3), "real")
        for name, groups, scale in (("conv", 1, f32(0.125)), ("depthwise", 4, (2.0 ** -np.arange(2, 6)).astype(f32))):
            w = rng.integers(-20, 21, (4, 4 // groups, 3, 3)).astype(np.int8)
            zero = np.zeros_like(scale, np.int8)
            weight = case.dq(case.const(w), scale, zero, f"{name}_w", **({"axis": 0} if scale.ndim else {}))
            bias = case.const(rng.integers(-300, 300, 4).astype(np.int32))
            b = case.dq(bias, f32(0.25) * scale, np.zeros_like(scale, np.int32), f"{name}_b", **({"axis": 0} if scale.ndim else {}))
            y = case.add("Conv", [real, weight, b], f"{name}_real", pads=[1, 1, 1, 1], group=groups)
            case.q(y, 4.0 if groups == 1 else 1.0, middle(kind, 7), name)
            for op, rest in (("Relu", []), ("Clip", [case.const(-9, f32), case.const(60, f32)])):
                y = case.add("Conv", [real, weight, b], f"{name}_{op}_a", pads=[0, 1, 1, 0], group=groups)
                y = case.add(op, [y, *rest], f"{name}_{op}_b")
                case.q(y, 2.0, middle(kind, -31), f"{name}_{op}")
        rows = case.add("Reshape", ["x", case.const([0, 144], np.int64)], "rows")
        rows = case.dq(rows, 0.25, middle(kind, 3), "rows_real")
        w = rng.integers(-12, 13, (144, 48)).astype(np.int8)
        matrix = case.dq(case.const(w), 0.125, np.int8(1), "matrix")
        case.q(case.add("MatMul", [rows, matrix], "product_real"), 2.0, middle(kind, 5), "product")
        turned = case.dq(case.const(w.T), 0.125, np.int8(-1), "turned")
        b = case.dq(case.const(rng.integers(-900, 900, 48).astype(np.int32)), 0.03125, np.int32(0), "gemm_b")
        y = case.add("Gemm", [rows, turned, b], "gemm_real", transB=1)
        case.q(y, 2.0, middle(kind, -9), "gemm")
        y = case.add("Relu", [case.add("Gemm", [rows, matrix, b], "gemm_relu_a")], "gemm_relu_b")
        case.q(y, 1.0, middle(kind, -9), "gemm_relu")
        acc = (x.reshape(6, 144).astype(np.int64) - int(middle(kind, 3))) @ (w.astype(np.int64) - 1)
        case.tally(acc * 0.03125 / 2, middle(kind, 5))
        case.save()


def unfused():
    """QDQ layers that no QuantizeLinear follows at once: float32 sums in ONNX Runtime's own order."""
    for kind in KINDS:
        info = np.iinfo(KINDS[kind])
        x = rng.integers(info.min, info.max + 1, (6, 24, 9, 9)).astype(KINDS[kind])
        case = Case(f"qdq_unfused_{kind}", x)
        real = case.dq("x", 0.0213, middle(kind, 3), "real")
        for name, groups, cout, kernel in (("wide", 1, 24, 3), ("grouped", 4, 24, 3), ("pointwise", 1, 24, 1)):
            w = case.const(rng.integers(-127, 128, (cout, 24 // groups, kernel, kernel)).astype(np.int8))
            w = case.dq(w, 0.0071, np.int8(0), f"{name}_w")
            b = case.const(rng.normal(0, 1, cout), f32)
            pad = [kernel // 2] * 4
            y = case.add("Conv", [real, w, b], f"{name}_conv", pads=pad, group=groups)
            y = case.add("Relu", [case.add("Add", [y, real], f"{name}_sum")], f"{name}_relu")
            case.q(y, 0.037, middle(kind, -120), name)
        rows = case.dq(case.add("Flatten", ["x"], "rows"), 0.0213, middle(kind, 3), "rows_real")
        w = case.dq(case.const(rng.integers(-127, 128, (24 * 81, 12)).astype(np.int8)), 0.0013, np.int8(0), "w")
        b = case.const(rng.normal(0, 1, 12), f32)
        y = case.add("Gemm", [rows, w, b], "gemm_real")
        case.q(case.add("Softmax", [y], "softmax_real"), 1 / 256, middle(kind, -128), "softmax")
        y = case.add("Add", [case.add("MatMul", [rows, w], "product"), b], "sum")
        case.q(case.add("Mul", [y, case.const(0.7, f32)], "scaled"), 0.051, middle(kind, 11), "matmul")
        case.save(need=())


def main():
    for part in (pairs, concat, pools, shapes, floats, fused, unfused):
        part()

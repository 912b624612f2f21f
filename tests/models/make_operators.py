"""One small model per operator, with ONNX Runtime's own tensors: odd zero points, ties, both rails.

Scales that are powers of two make exact ties; each case asserts that it met ties and both saturations.
"""

import numpy as np

import casebook
from casebook import Case

f32 = np.float32
rng = np.random.default_rng(11)
KINDS = {"u8": np.uint8, "s8": np.int8}


def codes(kind, *shape):
    info = np.iinfo(KINDS[kind])
    return rng.integers(info.min, info.max + 1, shape).astype(KINDS[kind])


def every(kind):
    info = np.iinfo(KINDS[kind])
    return np.arange(info.min, info.max + 1).astype(KINDS[kind])


def factor(sx, sw, sy):
    return f32(f32(f32(sx) * np.asarray(sw, f32)) / f32(sy))


# (activation scale, output scale, output zero point offset): generic, and a power of two that makes ties.
SCALES = [(0.0213, 0.14), (0.25, 2.0)]
ZERO = {"u8": 131, "s8": 7}


def quantize():
    steps = np.arange(-700, 700) / 8
    wild = [np.inf, -np.inf, np.nan, 1e10, -1e10, 3e38, -3e38, 1e-40, -1e-40, -0.0, 0.0, 127.5, -128.5]
    x = np.concatenate([steps, wild, rng.normal(0, 30, 2400 - 1413)]).astype(f32).reshape(8, 3, 100)
    case = Case("quantize", x, opset=21, ir=10)
    for scale in (0.25, 0.1, 1.0, 3e-3):
        for zero in (np.uint8(0), np.uint8(131), np.int8(0), np.int8(-3), np.int8(127), np.int16(-5), np.uint16(9)):
            name = f"q_{scale}_{zero.dtype}_{zero}"
            case.q("x", scale, zero, name)
            with np.errstate(all="ignore"):
                case.tally(x / f32(scale), zero)
    per_axis = case.q("x", [0.25, 0.1, 0.7], np.array([3, 128, 255], np.uint8), "q_axis", axis=1)
    back = case.dq(per_axis, [0.25, 0.1, 0.7], np.array([3, 128, 255], np.uint8), "dq_axis", axis=1)
    case.q(back, 0.5, np.int8(-1), "q_again")
    case.add("QuantizeLinear", ["x", case.const(0.3, f32)], "q_default")
    deep = case.q("x", 0.01, np.int16(-77), "q_deep")
    case.q(case.dq(deep, 0.01, np.int16(-77), "dq_deep"), 0.25, np.uint8(100), "q_deep_again")
    case.save()


def dynamic():
    rows = [rng.normal(0, 1, 64), rng.uniform(3, 4, 64), rng.uniform(-4, -3, 64), np.zeros(64), np.full(64, 2.0)]
    rows += [np.full(64, -1.5), rng.normal(5, 4, 64), np.arange(64) / 4 - 3.75, rng.uniform(-1e-3, 1e-2, 64)]
    case = Case("dynamic", np.array(rows, f32), dims=[1, 64])
    case.add("DynamicQuantizeLinear", ["x"], "y", ["y", "y_scale", "y_zero"])
    weight = case.const(codes("s8", 64, 9))
    acc = case.add("MatMulInteger", ["y", weight, "y_zero"], "acc")
    real = case.add("Cast", [acc], "acc_float", to=1)
    case.add("Mul", [real, "y_scale"], "scaled")
    case.save(need=(), one_by_one=True)


def matmul():
    for a, b in (("u8", "u8"), ("u8", "s8"), ("s8", "s8")):
        x = codes(a, 12, 3, 40)
        case = Case(f"matmul_{a}{b}", x)
        for number, (sx, sy) in enumerate(SCALES):
            for axis in ("tensor", "column"):
                w = codes(b, 40, 10)
                if number:
                    w //= 8
                zx, zy = KINDS[a](ZERO[a] - 4), KINDS[a](ZERO[a])
                sw = f32(0.0625) if axis == "tensor" else (2.0 ** rng.integers(-5, -2, 10)).astype(f32)
                if not number:
                    sw = f32(0.013) if axis == "tensor" else rng.uniform(0.01, 0.02, 10).astype(f32)
                zw = np.zeros_like(sw, KINDS[b]) if axis == "column" else KINDS[b](3)
                pins = ["x", case.const(sx, f32), case.const(zx), case.const(w), case.const(sw), case.const(zw)]
                case.add("QLinearMatMul", [*pins, case.const(sy, f32), case.const(zy)], f"y{number}_{axis}")
                acc = (x.astype(np.int64) - int(zx)) @ (w.astype(np.int64) - np.int64(zw))
                case.tally(f32(acc.astype(f32) * factor(sx, sw, sy)), zy)
        case.add("MatMulInteger", ["x", case.const(codes(b, 40, 7)), case.const(KINDS[a](5)), case.const(KINDS[b](9))], "acc")
        case.add("MatMulInteger", ["x", case.const(codes(b, 40, 7))], "acc_plain")
        case.add("MatMulInteger", ["x", case.const(codes(b, 1, 40, 6)), case.const(KINDS[a](5))], "acc_batched")
        case.save()
    wide = Case("matmul_wrap", np.full((2, 70000), 255, np.uint8))
    wide.add("MatMulInteger", ["x", wide.const(np.full((70000, 1), 255, np.uint8))], "wrapped")
    assert (wide.save(need=())["wrapped"] < 2**31 - 1).all()


def gemm():
    for a, b in (("u8", "u8"), ("u8", "s8"), ("s8", "s8")):
        x = codes(a, 40, 24)
        case = Case(f"gemm_{a}{b}", x)
        for number, (sx, sy) in enumerate(SCALES):
            for trans, alpha, bias in ((0, 1.0, True), (1, 1.0, False), (1, 0.5, True)):
                w = codes(b, *((9, 24) if trans else (24, 9)))
                if number:
                    w //= 8
                channel = trans == 1 and bias
                sw = f32(0.125) if number else f32(0.017)
                sw = np.full(9, sw) * (2.0 ** (np.arange(9) % 3)).astype(f32) if channel else sw
                zw = np.full(9, 2, KINDS[b]) if channel else KINDS[b](3)
                zx, zy = KINDS[a](ZERO[a] - 4), KINDS[a](ZERO[a])
                c = rng.integers(-2000, 2000, 9).astype(np.int32)
                pins = ["x", case.const(sx, f32), case.const(zx), case.const(w), case.const(sw), case.const(zw)]
                pins += [case.const(c) if bias else "", case.const(sy, f32), case.const(zy)]
                name = f"y{number}_{trans}_{alpha}_{int(bias)}"
                case.add("QGemm", pins, name, transB=trans, alpha=alpha)
                matrix = w.T if trans else w
                acc = (x.astype(np.int64) - int(zx)) @ (matrix.astype(np.int64) - np.int64(zw)) + (c if bias else 0)
                case.tally(f32(acc.astype(f32) * factor(f32(alpha) * f32(sx), sw, sy)), zy)
        case.save()


CONVS = {
    # name: (output channels, groups, kernel, attributes)
    "plain": (5, 1, (3, 3), dict(pads=[1, 1, 1, 1])),
    "uneven": (6, 1, (3, 2), dict(pads=[1, 0, 2, 1], strides=[2, 1])),
    "dilated": (4, 1, (3, 3), dict(pads=[2, 2, 2, 2], dilations=[2, 2])),
    "grouped": (6, 2, (3, 3), dict(pads=[0, 1, 1, 0], strides=[1, 2])),
    "depthwise": (4, 4, (3, 3), dict(pads=[1, 1, 1, 1])),
    "depthwise_twice": (8, 4, (2, 3), dict(strides=[2, 2])),
    "pointwise": (7, 1, (1, 1), {}),
    "same_upper": (3, 1, (3, 4), dict(auto_pad="SAME_UPPER", strides=[2, 2])),
    "same_lower": (3, 1, (2, 4), dict(auto_pad="SAME_LOWER", strides=[2, 1])),
    "valid": (3, 1, (3, 3), dict(auto_pad="VALID")),
}


def convolution():
    for a, b in (("u8", "u8"), ("u8", "s8"), ("s8", "s8")):
        x = codes(a, 4, 4, 7, 6)
        case = Case(f"conv_{a}{b}", x)
        for number, (sx, sy) in enumerate(SCALES):
            for name, (cout, groups, kernel, attributes) in CONVS.items():
                w = codes(b, cout, 4 // groups, *kernel)
                if number:
                    w //= 4
                channel = name in ("plain", "depthwise", "uneven", "grouped")
                sw = (2.0 ** rng.integers(-4, -1, cout)).astype(f32) if channel else f32(0.125)
                if not number:
                    sw = rng.uniform(0.01, 0.04, cout).astype(f32) if channel else f32(0.03)
                zw = np.zeros(cout, KINDS[b]) if channel else KINDS[b](1 if b == "s8" else 119)
                zx, zy = KINDS[a](ZERO[a] - 8), KINDS[a](ZERO[a])
                bias = rng.integers(-3000, 3000, cout).astype(np.int32)
                pins = ["x", case.const(sx, f32), case.const(zx), case.const(w), case.const(sw), case.const(zw)]
                pins += [case.const(sy, f32), case.const(zy)] + ([case.const(bias)] if name != "valid" else [])
                case.add("QLinearConv", pins, f"{name}{number}", group=groups, **attributes)
                if name == "pointwise":
                    acc = np.einsum("nchw,kc->nkhw", x.astype(np.int64) - int(zx), w[:, :, 0, 0].astype(np.int64) - int(zw))
                    acc = acc + bias[:, None, None]
                    case.tally(f32(acc.astype(f32) * factor(sx, sw, sy)), zy)
        if b == "u8":  # ConvInteger of ONNX Runtime takes u8 weights only with u8 activations
            for name in ("plain", "uneven", "grouped"):
                cout, groups, kernel, attributes = CONVS[name]
                w = case.const(codes(b, cout, 4 // groups, *kernel))
                pins = ["x", w, case.const(KINDS[a](ZERO[a] - 8)), case.const(KINDS[b](7))]
                case.add("ConvInteger", pins, f"acc_{name}", group=groups, **attributes)
            case.add("ConvInteger", ["x", case.const(codes(b, 3, 4, 2, 2))], "acc_bare")
        case.save()
    line = Case("conv_1d", codes("u8", 4, 3, 20))
    w = line.const(codes("s8", 5, 3, 4))
    pins = ["x", line.const(0.02, f32), line.const(np.uint8(101)), w, line.const(0.03, f32), line.const(np.int8(0))]
    pins += [line.const(0.5, f32), line.const(np.uint8(77))]
    line.add("QLinearConv", pins, "y", pads=[1, 2], strides=[2], dilations=[2])
    line.save(need=())


if __name__ == "__main__":
    import make_elementwise

    casebook.OUT.mkdir(exist_ok=True)
    for part in (quantize, dynamic, matmul, gemm, convolution):
        part()
    make_elementwise.main()
    casebook.finish()

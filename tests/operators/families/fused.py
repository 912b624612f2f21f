"""com.microsoft's fused operators that are computed as their parts: exact."""

import numpy as np
import onnx

from . import Case, bools, case, floats

KINDS = ["FusedConv", "FusedGemm", "BiasGelu", "FastGelu", "QuickGelu", "SkipLayerNormalization",
         "SkipSimplifiedLayerNormalization", "QLinearWhere"]
ACTIVATIONS = ["Relu", "Tanh", "Sigmoid", "LeakyRelu", "Clip", "HardSigmoid"]


def parameters(random, activation):
    draw = lambda low, high: float(np.float32(random.uniform(low, high)))
    return {"LeakyRelu": [draw(0, 0.5)], "Clip": [draw(-2, 0), draw(0, 2)], "HardSigmoid": [draw(0.1, 1), draw(0, 1)]}.get(activation, [])


def fused_conv(random):
    groups = int(random.integers(1, 3))
    cin, filters = int(random.integers(1, 4)), groups * int(random.integers(1, 4))
    kernel = [int(k) for k in random.integers(1, 4, size=2)]
    size = [int(random.integers(k, k + 4)) for k in kernel]
    x = floats(random, (int(random.integers(1, 3)), cin * groups, *size), corners=False)
    activation = str(random.choice(ACTIVATIONS))
    held = {"w": floats(random, (filters, cin, *kernel), 1.0, False)}
    if random.random() < 0.7:
        held["b"] = floats(random, (filters,), corners=False)
    more = {"activation": activation, "group": groups, "kernel_shape": kernel, "pads": [int(p) for p in random.integers(0, 2, size=4)]}
    if parameters(random, activation):
        more["activation_params"] = parameters(random, activation)
    return {"x": x}, held, more, 1


def fused_gemm(random):
    m, n, k = (int(v) for v in random.integers(1, 9, size=3))
    a, b = int(random.integers(2)), int(random.integers(2))
    held = {"b": floats(random, (n, k) if b else (k, n), 1.0, False)}
    if random.random() < 0.7:
        held["c"] = floats(random, (n,), corners=False)
    more = {"activation": str(random.choice(["Relu", "LeakyRelu"])), "transA": a, "transB": b}
    if more["activation"] == "LeakyRelu":
        more["activation_alpha"] = parameters(random, "LeakyRelu")[0]
    return {"a": floats(random, (k, m) if a else (m, k), corners=False)}, held, more, 1


def skip(random, simplified):
    size = (int(random.integers(1, 3)), int(random.integers(1, 4)), int(random.integers(1, 20)))
    feeds = {"x": floats(random, size, corners=False), "s": floats(random, size, corners=False)}
    held = {"g": floats(random, size[-1:], corners=False)}
    if not simplified:
        held["_b" if random.random() < 0.3 else "b"] = floats(random, size[-1:], corners=False)
    if random.random() < 0.5:
        held["o"] = floats(random, size[-1:], corners=False)
    return feeds, held, {"epsilon": float(np.float32(10.0 ** random.uniform(-12, -3)))}, 1


def where(random):
    dtype = str(random.choice(["uint8", "int8"]))
    info = np.iinfo(dtype)
    codes = lambda shape: random.integers(info.min, info.max, size=shape, endpoint=True).astype(dtype)
    scale = lambda: np.float32(10.0 ** random.uniform(-2, 0))
    size = tuple(int(n) for n in random.integers(1, 5, size=3))
    part = lambda: tuple(1 if random.random() < 0.3 else n for n in size)
    constants = {"xs": scale(), "xz": codes(()), "ys": scale(), "yz": codes(()), "zs": scale(), "zz": codes(())}
    feeds = {"c": bools(random, part()), "x": codes(part()), "xs": 0, "xz": 0, "y": codes(size)}
    ordered = {"c": feeds["c"], "x": feeds["x"]} | {n: constants[n] for n in ("xs", "xz")} | {"y": feeds["y"]}
    ordered |= {n: constants[n] for n in ("ys", "yz", "zs", "zz")}
    return ordered, constants if random.random() < 0.5 else {}, {}, 1


def cases(random):
    for index in range(400):
        kind = KINDS[index % len(KINDS)]
        row = (int(random.integers(1, 4)), int(random.integers(1, 12)))
        if kind == "FusedConv":
            feeds, held, more, outputs = fused_conv(random)
        elif kind == "FusedGemm":
            feeds, held, more, outputs = fused_gemm(random)
        elif kind == "BiasGelu":
            feeds, held, more, outputs = {"x": floats(random, row), "b": floats(random, row[1:])}, {}, {}, 1
        elif kind == "FastGelu":
            feeds, held, more, outputs = {"x": floats(random, row)}, {}, {}, 1
            if random.random() < 0.5:
                feeds["b"] = floats(random, row[1:])
        elif kind == "QuickGelu":
            feeds, held, more, outputs = {"x": floats(random, row)}, {}, {"alpha": float(np.float32(random.uniform(0.5, 2)))}, 1
        elif kind == "QLinearWhere":
            feeds, held, more, outputs = where(random)
        else:
            feeds, held, more, outputs = skip(random, "Simplified" in kind)
        made = case(kind, feeds, outputs=outputs, domain="com.microsoft", constants=held, more=more)
        # Constants stand among the feeds for the order of the inputs alone.
        if held.keys() & feeds.keys():
            model = onnx.load_from_string(made.model)
            kept = [i for i in model.graph.input if i.name not in held]
            del model.graph.input[:]
            model.graph.input.extend(kept)
            made = Case(kind, model.SerializeToString(), {n: v for n, v in made.feeds.items() if n not in held})
        yield made

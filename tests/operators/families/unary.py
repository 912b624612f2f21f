"""Operators on single elements of one tensor, and BatchNormalization: exact."""

import numpy as np

from . import bools, case, floats, integers, shape

REAL = ["Abs", "Ceil", "Erf", "Exp", "Floor", "HardSwish", "IsNaN", "Log", "Mish", "Neg", "Reciprocal", "Round",
        "Sigmoid", "Sign", "Softplus", "Softsign", "Sqrt", "Tanh", "Relu"]
WITH = {
    "Elu": ["alpha"],
    "HardSigmoid": ["alpha", "beta"],
    "LeakyRelu": ["alpha"],
    "Selu": ["alpha", "gamma"],
    "ThresholdedRelu": ["alpha"],
}


def cases(random):
    for index in range(520):
        kind = (REAL + list(WITH) + ["Gelu", "BatchNormalization", "Not", "Integer"])[index % 28]
        size = shape(random, (0, 4), (1, 6)) if random.random() < 0.9 else (2, 0, 3)
        if kind in REAL:
            x = floats(random, size, random.choice([0.3, 3.0, 30.0]))
            if kind == "Sign" and x.size:
                x.flat[0] = np.nan
            yield case(kind, {"x": x}, opset=20)
        elif kind in WITH:
            given = [name for name in WITH[kind] if random.random() < 0.6]
            attributes = {name: float(np.float32(random.uniform(-0.5, 2))) for name in given}
            yield case(kind, {"x": floats(random, size)}, **attributes)
        elif kind == "Gelu":
            yield case(kind, {"x": floats(random, size)}, opset=20, approximate=str(random.choice(["none", "tanh"])))
        elif kind == "Not":
            yield case(kind, {"x": bools(random, size)})
        elif kind == "Integer":
            kind = random.choice(["Abs", "Neg", "Sign"])
            yield case(kind, {"x": integers(random, size, random.choice(["int8", "int32", "int64"]))})
        else:
            size = shape(random, (2, 5))
            row = lambda: floats(random, size[1:2])
            variance = np.abs(floats(random, size[1:2], 2.0))
            feeds = {"x": floats(random, size), "s": row(), "b": row(), "m": row(), "v": variance}
            yield case(kind, feeds, opset=int(random.choice([10, 14, 15])), epsilon=float(random.choice([1e-5, 1e-3])))

"""Operators on two or more tensors, element by element: exact."""

import numpy as np

from . import bools, broadcast, case, floats, integers, of_type, shape

COMPARE = ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"]


def cases(random):
    for index in range(480):
        kind = (["Sub", "Div", "Mod", "PRelu", "Pow", "And", "Or", "Xor", "Max", "Min", "Sum", "Mean"] + COMPARE)[index % 17]
        a, b = broadcast(random)
        dtype = str(random.choice(["float32", "int32", "int64"]))
        if random.random() < 0.05:
            a, b = (0, 3), (1, 3)
        if kind in ("Sub", *COMPARE):
            if kind == "Equal" and random.random() < 0.3:
                dtype = "bool"
            yield case(kind, {"a": of_type(random, a, dtype), "b": of_type(random, b, dtype)})
        elif kind in ("Div", "Mod"):
            fmod = {"fmod": 1} if kind == "Mod" and (dtype == "float32" or random.random() < 0.5) else {}
            divisor = of_type(random, b, dtype)
            if dtype != "float32":
                # ONNX Runtime ends in a signal where an integer is divided by 0, or the smallest one by -1.
                divisor = np.where((divisor == 0) | (divisor == -1), np.array(3, dtype), divisor)
            yield case(kind, {"a": of_type(random, a, dtype), "b": divisor}, **fmod)
        elif kind == "PRelu":
            whole = shape(random, (1, 4))
            slope = tuple(1 if random.random() < 0.4 else n for n in whole)[random.integers(0, len(whole)):]
            yield case(kind, {"x": floats(random, whole), "slope": floats(random, slope)})
        elif kind == "Pow":
            if random.random() < 0.5:
                yield case(kind, {"a": floats(random, a), "b": np.float32(random.choice([2, 3]))})
            else:
                base = integers(random, a, str(random.choice(["int32", "int64"])), corners=False)
                yield case(kind, {"a": base, "b": np.abs(integers(random, b, "int64", corners=False))})
        elif kind in ("And", "Or", "Xor"):
            yield case(kind, {"a": bools(random, a), "b": bools(random, b)})
        else:
            dtype = dtype if kind in ("Max", "Min") else "float32"
            names = "abcd"[: random.integers(1, 5)]
            shapes = dict(zip("abcd", [a, b, (1,), a]))
            yield case(kind, {n: of_type(random, shapes[n], dtype) for n in names}, opset=13)

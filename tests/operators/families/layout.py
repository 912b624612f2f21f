"""Operators on shapes and places: exact."""

import numpy as np

from . import bools, broadcast, case, integers, of_type, shape

KINDS = ["Unsqueeze", "Squeeze", "Expand", "Tile", "Slice", "Gather", "GatherElements", "Split", "Pad", "Shape", "Size",
         "Where", "ConstantOfShape", "Range", "SpaceToDepth", "DepthToSpace", "Dropout", "CumSum", "Trilu", "NonZero"]
I64 = np.int64


def tensor(random, size, more=()):
    return of_type(random, size, str(random.choice(["float32", "int64", "int32", "bool", "uint8", "int8", *more])))


def axes(random, rank, count):
    return [int(a) - (rank if random.random() < 0.5 else 0) for a in random.permutation(rank)[:count]]


def slices(random):
    size = shape(random, (1, 4), (1, 6))
    which = axes(random, len(size), random.integers(1, len(size), endpoint=True))
    edge = lambda: int(random.choice([0, -1, 1, 2, 3, -2, -7, 7, 2**63 - 1, -(2**63), random.integers(-6, 7)]))
    step = [int(random.choice([1, 1, 2, -1, -2, 3, 2**62, -(2**63)])) for _ in which]
    feeds = {"x": tensor(random, size), "s": np.array([edge() for _ in which], I64)}
    feeds |= {"e": np.array([edge() for _ in which], I64), "a": np.array(which, I64), "t": np.array(step, I64)}
    return case("Slice", feeds, opset=13)


def pads(random):
    size = shape(random, (1, 4), (2, 5))
    mode = str(random.choice(["constant", "reflect", "edge", "wrap"]))
    low = -1 if mode == "constant" and random.random() < 0.3 else 0
    amounts = [[int(random.integers(low, n)) for n in size] for _ in range(2)]
    amounts = np.array(amounts, I64).reshape(-1)
    dtype = str(random.choice(["float32", "int64", "int32", "uint8", "int8"]))
    x = of_type(random, size, dtype)
    if mode != "wrap" and dtype == "float32" and random.random() < 0.2:
        return case("Pad", {"x": x}, opset=10, mode=mode, pads=amounts.tolist(), value=1.5)
    feeds = {"x": x, "p": amounts}
    if mode == "constant" and random.random() < 0.7:
        feeds["v"] = of_type(random, (), dtype)
    return case("Pad", feeds, opset=19 if mode == "wrap" else int(random.choice([13, 18])), mode=mode)


def splits(random):
    size = shape(random, (1, 4), (1, 7))
    axis = int(random.integers(-len(size), len(size)))
    extent = size[axis]
    cuts = np.sort(random.integers(0, extent, size=random.integers(0, 3), endpoint=True))
    sizes = np.diff(np.concatenate([[0], cuts, [extent]])).astype(I64)
    x = tensor(random, size)
    form = random.integers(0, 3)
    if form == 0:
        return case("Split", {"x": x}, outputs=len(sizes), opset=11, axis=axis, split=sizes.tolist())
    if form == 1:
        return case("Split", {"x": x, "s": sizes}, outputs=len(sizes), opset=13, axis=axis)
    pieces = int(random.integers(1, 4))
    return case("Split", {"x": x}, outputs=pieces, opset=18, axis=axis, num_outputs=pieces)


def one(random, kind):
    size = shape(random, (1, 4), (1, 4)) if random.random() < 0.95 else (2, 0, 3)
    rank = len(size)
    if kind == "Unsqueeze":
        extra = int(random.integers(1, 3))
        which = axes(random, rank + extra, extra)
        which = [a % (rank + extra) for a in which] if random.random() < 0.5 else which
        if random.random() < 0.5:
            return case(kind, {"x": tensor(random, size), "a": np.array(which, I64)}, opset=13)
        return case(kind, {"x": tensor(random, size)}, opset=11, axes=which)
    if kind == "Squeeze":
        size = tuple(1 if random.random() < 0.5 else n for n in size)
        ones = [a - (rank if random.random() < 0.5 else 0) for a, n in enumerate(size) if n == 1 and random.random() < 0.8]
        form = random.integers(0, 3)
        if form == 0 or not ones:
            return case(kind, {"x": tensor(random, size)}, opset=13)
        if form == 1:
            return case(kind, {"x": tensor(random, size), "a": np.array(ones, I64)}, opset=13)
        return case(kind, {"x": tensor(random, size)}, opset=11, axes=ones)
    if kind == "Expand":
        a, b = broadcast(random, (0, 4))
        return case(kind, {"x": tensor(random, a), "s": np.array(b, I64)}, opset=13)
    if kind == "Tile":
        return case(kind, {"x": tensor(random, size), "r": random.integers(0 if random.random() < 0.1 else 1, 4, size=rank).astype(I64)})
    if kind in ("Gather", "GatherElements"):
        size = shape(random, (1, 4), (1, 5))
        axis = int(random.integers(-len(size), len(size)))
        where = shape(random, (0, 3)) if kind == "Gather" else tuple(int(random.integers(1, n, endpoint=True)) for n in size)
        if kind == "GatherElements":
            where = list(where)
            where[axis] = int(random.integers(1, 6))
        index = random.integers(-size[axis], size[axis], size=tuple(where)).astype(random.choice(["int32", "int64"]))
        return case(kind, {"x": tensor(random, size), "i": index}, axis=axis)
    if kind == "Shape":
        attributes = {"start": int(random.integers(-5, 5)), "end": int(random.integers(-5, 5))} if random.random() < 0.6 else {}
        return case(kind, {"x": tensor(random, size)}, opset=15, **attributes)
    if kind == "Where":
        a, b = broadcast(random, (0, 4))
        dtype = str(random.choice(["float32", "int64", "int32", "uint8"]))
        first, second, third = [(a, b, a), (b, a, a), (a, a, b), (a, b, (1,))][random.integers(4)]
        return case(kind, {"c": bools(random, first), "x": of_type(random, second, dtype), "y": of_type(random, third, dtype)})
    if kind == "ConstantOfShape":
        dtype = str(random.choice(["float32", "int64", "int32", "bool", "uint8"]))
        from onnx import numpy_helper
        attributes = {"value": numpy_helper.from_array(of_type(random, (1,), dtype))} if random.random() < 0.8 else {}
        wanted = np.array(shape(random, (0, 4)) if random.random() < 0.9 else (2, 0), I64)
        return case(kind, {"s": wanted}, **attributes)
    if kind == "Range":
        dtype = str(random.choice(["float32", "int64", "int32"]))
        step = random.choice([1, 2, 3, -1, -2, 0.1, 0.7, -0.3]) if dtype == "float32" else random.choice([1, 2, 3, -1, -2])
        ends = [np.array(random.integers(-20, 20) * (0.3 if dtype == "float32" else 1), dtype) for _ in range(2)]
        return case(kind, {"a": ends[0], "b": ends[1], "d": np.array(step, dtype)})
    if kind in ("SpaceToDepth", "DepthToSpace"):
        block = int(random.integers(1, 4))
        n, c, h, w = (int(v) for v in random.integers(1, 4, size=4))
        if kind == "SpaceToDepth":
            return case(kind, {"x": of_type(random, (n, c, h * block, w * block), "float32")}, blocksize=block)
        mode = str(random.choice(["DCR", "CRD"]))
        return case(kind, {"x": of_type(random, (n, c * block * block, h, w), "float32")}, blocksize=block, mode=mode)
    if kind == "Dropout":
        return case(kind, {"x": of_type(random, size, "float32")}, outputs=int(random.integers(1, 3)))
    if kind == "CumSum":
        dtype = str(random.choice(["float32", "int64", "int32"]))
        axis = np.array(random.integers(-rank, rank), random.choice(["int32", "int64"]))
        return case(kind, {"x": of_type(random, size, dtype), "a": axis}, exclusive=int(random.integers(2)), reverse=int(random.integers(2)))
    if kind == "Trilu":
        size = shape(random, (2, 4), (1, 5))
        feeds = {"x": of_type(random, size, str(random.choice(["float32", "int64"])))}
        if random.random() < 0.6:
            feeds["k"] = np.array(random.integers(-4, 5), I64)
        return case(kind, feeds, upper=int(random.integers(2)))
    if kind == "NonZero":
        return case(kind, {"x": of_type(random, size, str(random.choice(["float32", "int64", "int32", "bool", "uint8"])))})
    return {"Slice": slices, "Pad": pads, "Split": splits}[kind](random) if kind in ("Slice", "Pad", "Split") else case(kind, {"x": tensor(random, size)})


def cases(random):
    for index in range(520):
        yield one(random, KINDS[index % len(KINDS)])

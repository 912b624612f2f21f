"""GatherND, ScatterND, ScatterElements and Scatter: exact. Reductions meet no NaN."""

import numpy as np

from . import case, of_type, shape

KINDS = ["GatherND", "ScatterND", "ScatterElements", "ScatterND", "ScatterElements", "Scatter"]
TYPES = ["float32", "int64", "int32", "uint8", "int8", "bool"]


def indices(random, size, extents):
    """Indices of that shape; the last axis goes over `extents`."""
    columns = [random.integers(-extent, extent, size=size[:-1]) for extent in extents]
    return np.stack(columns, axis=-1).reshape(size).astype(np.int64)


def reduced(random, kind):
    """A reduction, its opset, and a type that it takes."""
    if kind == "Scatter":
        return {}, 9, str(random.choice(TYPES[:5]))
    reduction = str(random.choice(["none", "none", "add", "mul", "min", "max"]))
    if reduction == "none":
        return {}, 13, str(random.choice(TYPES[:5]))
    return {"reduction": reduction}, 18, str(random.choice(["float32", "int64", "int32"]))


def values(random, size, dtype, reduction):
    """Small ones where they are multiplied."""
    if reduction and dtype != "float32":
        return random.integers(-9, 9, size=size).astype(dtype)
    if reduction:
        return (random.standard_normal(size) * 3).astype(dtype)
    return of_type(random, size, dtype)


def gather_nd(random):
    size = shape(random, (1, 4), (1, 5))
    batch = int(random.integers(0, len(size)))
    depth = int(random.integers(1, len(size) - batch, endpoint=True))
    lead = tuple(size[:batch]) + tuple(shape(random, (0, 2), (1, 4)))
    index = indices(random, (*lead, depth), size[batch : batch + depth])
    x = of_type(random, size, str(random.choice(TYPES)))
    return case("GatherND", {"x": x, "i": index}, opset=13, batch_dims=batch)


def scatter_nd(random):
    size = shape(random, (1, 4), (1, 5))
    depth = int(random.integers(1, len(size), endpoint=True))
    lead = tuple(shape(random, (0, 2), (1, 4)))
    attributes, opset, dtype = reduced(random, "ScatterND")
    index = indices(random, (*lead, depth), size[:depth])
    feeds = {"x": values(random, size, dtype, attributes), "i": index}
    feeds["u"] = values(random, (*lead, *size[depth:]), dtype, attributes)
    return case("ScatterND", feeds, opset=opset, **attributes)


def scatter_elements(random, kind):
    size = shape(random, (1, 4), (1, 5))
    axis = int(random.integers(0, len(size)))
    where = [int(random.integers(1, extent, endpoint=True)) for extent in size]
    attributes, opset, dtype = reduced(random, kind)
    index = random.integers(-size[axis] if kind != "Scatter" else 0, size[axis], size=tuple(where))
    feeds = {"x": values(random, size, dtype, attributes), "i": index.astype(random.choice(["int32", "int64"]))}
    feeds["u"] = values(random, tuple(where), dtype, attributes)
    negative = kind != "Scatter" and random.random() < 0.5
    return case(kind, feeds, opset=opset, axis=axis - len(size) if negative else axis, **attributes)


def cases(random):
    for index in range(480):
        kind = KINDS[index % len(KINDS)]
        if kind == "GatherND":
            yield gather_nd(random)
        elif kind == "ScatterND":
            yield scatter_nd(random)
        else:
            yield scatter_elements(random, kind)

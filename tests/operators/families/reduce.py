"""Reductions, ArgMax, ArgMin and TopK: exact. NaN is left out: extremes of it depend on where vectors begin."""

import numpy as np

from . import case, integers, shape

REDUCE = ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare"]
I64 = np.int64


def cases(random):
    for index in range(560):
        kind = (REDUCE + ["ReduceSum", "ReduceMean", "ArgMax", "ArgMin", "TopK", "GlobalMaxPool"])[index % 14]
        size = shape(random, (1, 5), (1, 7))
        rank = len(size)
        x = (random.standard_normal(size) * 10.0 ** random.integers(-2, 3)).astype(np.float32)
        axis = int(random.integers(-rank, rank))
        if kind in REDUCE:
            axes = [int(a) - (rank if random.random() < 0.5 else 0) for a in random.permutation(rank)[: random.integers(0, rank + 1)]]
            keep = int(random.integers(2))
            if kind in ("ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd") and random.random() < 0.25:
                x = integers(random, size, str(random.choice(["int32", "int64"])))
            if kind == "ReduceSum" or random.random() < 0.5:
                opset = 13 if kind == "ReduceSum" else 18
                noop = {"noop_with_empty_axes": 1} if random.random() < 0.2 else {}
                feeds = {"x": x, "a": np.array(axes, I64)} if axes or random.random() < 0.5 else {"x": x}
                yield case(kind, feeds, opset=opset, keepdims=keep, **noop)
            else:
                yield case(kind, {"x": x}, opset=13, keepdims=keep, **({"axes": axes} if axes else {}))
        elif kind in ("ArgMax", "ArgMin"):
            x = np.round(x) if random.random() < 0.5 else x
            last = {"select_last_index": 1} if random.random() < 0.4 else {}
            yield case(kind, {"x": x}, axis=axis, keepdims=int(random.integers(2)), **last)
        elif kind == "TopK":
            x = np.round(x) if random.random() < 0.5 else x
            x = x.astype(str(random.choice(["float32", "int32", "int64"])))
            k = np.array([random.integers(0, size[axis], endpoint=True)], I64)
            yield case(kind, {"x": x, "k": k}, outputs=2, axis=axis, largest=int(random.integers(2)))
        else:
            size = shape(random, (3, 4), (1, 6))
            yield case(kind, {"x": random.standard_normal(size).astype(np.float32)})

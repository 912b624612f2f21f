"""Slice and TopK before opset 10, where attributes say what inputs say later: exact."""

import numpy as np

from . import case, floats, of_type, shape


def cases(random):
    for index in range(420):
        size = shape(random, (1, 4), (1, 6))
        rank = len(size)
        if index % 2:
            which = [int(a) for a in random.permutation(rank)[: random.integers(1, rank, endpoint=True)]]
            edge = lambda: int(random.choice([0, 1, 2, -1, -2, 7, -7, 2**63 - 1, random.integers(-6, 7)]))
            attributes = {"starts": [edge() for _ in which], "ends": [edge() for _ in which]}
            if random.random() < 0.7:
                attributes["axes"] = [a - (rank if random.random() < 0.3 else 0) for a in which]
            x = of_type(random, size, str(random.choice(["float32", "int64", "int32"])))
            yield case("Slice", {"x": x}, opset=int(random.integers(7, 10)), **attributes)
        else:
            axis = int(random.integers(-rank, rank))
            # Ties go to the first; where NaN goes is nobody's rule.
            x = floats(random, size, corners=False).round()
            more = {"k": int(random.integers(1, size[axis], endpoint=True)), "axis": axis}
            yield case("TopK", {"x": x}, outputs=2, opset=int(random.integers(7, 10)), **more)

"""Upsample (opsets 7 and 9): exact."""

import numpy as np

from . import case, floats


def cases(random):
    for _ in range(420):
        mode = str(random.choice(["nearest", "nearest", "linear"]))
        rank = 4 if mode == "linear" else int(random.integers(1, 5))
        x = floats(random, tuple(int(n) for n in random.integers(1, 5, size=rank)), corners=False)
        scales = np.float32(random.choice([1.0, 1.3, 1.5, 2.0, 2.5, 3.0], size=rank))
        if mode == "linear":
            scales[:2] = 1
        if random.random() < 0.5:
            yield case("Upsample", {"x": x}, opset=7, more={"scales": [float(s) for s in scales]}, mode=mode)
        else:
            yield case("Upsample", {"x": x}, opset=9, constants={"s": scales}, mode=mode)

"""float32 Softmax along one axis (opset 13) or all from one on (before); lengths around the kernel's 16 and 48."""

import numpy as np

from . import CORNERS, case

LENGTHS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 20, 31, 32, 33, 47, 48, 49, 50, 63, 64, 65, 95, 96, 97, 100, 144, 150, 200, 257]


def cases(random):
    for _ in range(400):
        rank = int(random.integers(1, 4, endpoint=True))
        extents = [int(e) for e in random.integers(1, 2, size=rank, endpoint=True)]
        axis = int(random.integers(-rank, rank))
        extents[axis] = int(random.choice(LENGTHS if random.random() < 0.1 else LENGTHS[:22]))
        scale = float(random.choice([0.1, 1.0, 3.0, 20.0, 60.0]))
        x = (random.standard_normal(extents) * scale).astype(np.float32)
        if random.random() < 0.5:
            # A quantised layer's logits.
            x = (np.round(x / (scale / 20)).astype(np.float32) * np.float32(scale / 20)).astype(np.float32)
        if random.random() < 0.08:
            x.reshape(-1)[random.integers(x.size, size=max(1, x.size // 6))] = random.choice(CORNERS)
        yield case("Softmax", {"x": x}, opset=int(random.choice([11, 12, 13, 17])), axis=axis)

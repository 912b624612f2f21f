"""LayerNormalization, InstanceNormalization, GroupNormalization: exact."""

import numpy as np

from . import case, shape


def layer(random):
    size = (*shape(random, (0, 3), (1, 3)), int(random.integers(1, 40)) if random.random() < 0.4 else int(random.integers(1, 9)))
    axis = -1 if random.random() < 0.7 else int(random.integers(-len(size), len(size)))
    x = (random.standard_normal(size) * 3 + random.standard_normal()).astype(np.float32)
    feeds = {"x": x, "s": random.standard_normal(size[axis:]).astype(np.float32)}
    if random.random() < 0.7:
        feeds["b"] = random.standard_normal(size[axis:]).astype(np.float32)
    return case("LayerNormalization", feeds, outputs=int(random.choice([1, 3])), axis=axis)


def cases(random):
    for index in range(600):
        if index % 3 == 2:
            yield layer(random)
            continue
        size = list(shape(random, (3, 4), (1, 4)) + ((3,) if index % 5 == 0 else ()))
        groups = int(random.integers(1, 4))
        if index % 3:
            size[1] *= groups
        x = (random.standard_normal(size) * 3 + random.standard_normal()).astype(np.float32)
        row = lambda: random.standard_normal(size[1]).astype(np.float32)
        epsilon = float(random.choice([1e-5, 1e-3]))
        if index % 3:
            yield case("GroupNormalization", {"x": x, "s": row(), "b": row()}, opset=21, num_groups=groups, epsilon=epsilon)
        else:
            yield case("InstanceNormalization", {"x": x, "s": row(), "b": row()}, epsilon=epsilon)

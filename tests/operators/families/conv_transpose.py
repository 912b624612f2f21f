"""ConvTranspose of float32: exact."""

import numpy as np

from . import case


def cases(random):
    for index in range(440):
        rank = int(random.choice([1, 2, 2]))
        groups = int(random.choice([1, 1, 2]))
        inner = int(random.integers(1, 5)) if random.random() < 0.97 else 140
        outer = int(random.integers(1, 3))
        size = [1 + index % 8 // 7, groups * inner, *(int(n) for n in random.integers(2, 4, size=rank))]
        kernel = [int(n) for n in random.integers(1, 4, size=rank)]
        x = random.standard_normal(size).astype(np.float32)
        w = random.standard_normal([groups * inner, outer, *kernel]).astype(np.float32)
        strides = [int(n) for n in random.integers(1, 4, size=rank)]
        attributes = {"group": groups, "strides": strides}
        if random.random() < 0.4:
            attributes["dilations"] = [int(n) for n in random.integers(1, 3, size=rank)]
        if random.random() < 0.4:
            attributes["output_padding"] = [int(random.integers(0, s)) for s in strides]
        form = random.integers(4)
        if form == 0:
            attributes["pads"] = [int(n) for n in random.integers(0, 2, size=2 * rank)]
        if form == 1:
            attributes["auto_pad"] = str(random.choice(["SAME_UPPER", "SAME_LOWER", "VALID"]))
        if form == 2 and random.random() < 0.6:
            least = [(n - 1) * s + 1 for n, s in zip(size[2:], strides)]
            attributes["output_shape"] = [int(n + random.integers(0, 3)) for n in least]
            attributes["auto_pad"] = str(random.choice(["NOTSET", "SAME_UPPER", "SAME_LOWER"]))
        feeds = {"x": x, "w": w}
        if random.random() < 0.5:
            feeds["b"] = random.standard_normal(groups * outer).astype(np.float32)
        yield case("ConvTranspose", feeds, **attributes)

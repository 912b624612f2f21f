"""LpPool and GlobalLpPool: within 2 units in the last place."""

from . import case, floats


def cases(random):
    for index in range(430):
        rank = int(random.integers(1, 3))
        kernel = [int(k) for k in random.integers(1, 4, size=rank)]
        size = [int(random.integers(k, k + 4)) for k in kernel]
        x = floats(random, (int(random.integers(1, 3)), int(random.integers(1, 3)), *size), corners=False)
        p = int(random.choice([1, 2, 2, 3, 4]))
        if index % 3 == 0:
            yield case("GlobalLpPool", {"x": x}, p=p)
            continue
        attributes = {"kernel_shape": kernel, "p": p, "strides": [int(s) for s in random.integers(1, 3, size=rank)]}
        if random.random() < 0.5:
            attributes["pads"] = [min(int(random.integers(2)), k - 1) for k in kernel] * 2
        yield case("LpPool", {"x": x}, opset=int(random.choice([11, 18])), **attributes)

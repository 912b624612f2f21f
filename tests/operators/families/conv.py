"""float32 Conv of rank 4: groups, strides, dilations, padding, windows as large as the image, with and without bias."""

import numpy as np

from . import case, pattern


def model(random, images, groups, channels, filters, spatial, corners=0.03):
    """A convolution of `channels` to `filters` a group over an image of extents `spatial`."""
    rank = len(spatial)
    kernel = [int(random.choice([1, 1, 2, 3, 3, 5, 7, e])) for e in spatial]
    kernel = [1] * rank if random.random() < 0.2 else kernel
    plain = random.random() < 0.35
    draw = lambda choices: [1 if plain else int(random.choice(choices)) for _ in range(rank)]
    strides, dilations = draw([1, 1, 1, 2, 3]), draw([1, 1, 1, 2, 3])
    dilations = [d if (k - 1) * d < e + 4 else 1 for k, d, e in zip(kernel, dilations, spatial)]
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    pads = [0 if plain else int(random.integers(0, min(k, 3), endpoint=True)) for k in kernel * 2]
    pads[rank:] = [max(p, r - e - b) for p, r, e, b in zip(pads[rank:], reach, spatial, pads[:rank])]
    x = pattern(random, (images, groups * channels, *spatial), corners)
    w = pattern(random, (groups * filters, channels, *kernel), corners)
    bias = {"b": pattern(random, (groups * filters,))} if random.random() < 0.6 else {}
    attributes = dict(group=groups, strides=strides, dilations=dilations, kernel_shape=kernel)
    if not plain and random.random() < 0.15 and dilations == [1] * rank:
        attributes["auto_pad"] = str(random.choice(["SAME_UPPER", "SAME_LOWER", "VALID"]))
    else:
        attributes["pads"] = pads
    if random.random() < 0.5:
        return case("Conv", {"x": x, "w": w} | bias, **attributes)
    return case("Conv", {"x": x}, constants={"w": w} | bias, **attributes)


def cases(random):
    for _ in range(410):
        spatial = [int(random.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14])) for _ in range(2)]
        groups = int(random.choice([1, 1, 1, 2, 3]))
        deep = random.random() < 0.4
        channels = int(random.choice([32, 64, 65, 100, 128, 256] if deep else [1, 1, 2, 3, 5, 8, 16]))
        filters = int(random.choice([1, 2, 3, 4, 5, 8, 13, 16, 40]))
        most = 600 if random.random() < 0.1 else 120
        while filters * groups * spatial[0] * spatial[1] > most and filters > 1:
            filters //= 2
        yield model(random, int(random.choice([1, 1, 2])), groups, channels, filters, spatial)

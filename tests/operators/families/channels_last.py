"""com.microsoft's operators on images of codes whose channels are the last axis: exact."""

import numpy as np

from . import case


def windows(random, axes):
    kernel = [int(n) for n in random.integers(1, 4, size=axes)]
    more = {"kernel_shape": kernel, "strides": [int(n) for n in random.integers(1, 3, size=axes)]}
    if random.random() < 0.3:
        return {**more, "auto_pad": str(random.choice(["SAME_UPPER", "SAME_LOWER", "VALID"]))}
    return {**more, "pads": [int(random.integers(0, k)) for k in kernel * 2]}


def cases(random):
    for index in range(420):
        kind = ["QLinearConv", "QLinearAveragePool", "QLinearGlobalAveragePool", "NhwcMaxPool"][index % 4]
        dtype = str(random.choice(["uint8", "int8"]))
        codes = lambda size, kind=dtype: random.integers(
            np.iinfo(kind).min, np.iinfo(kind).max, size=size, endpoint=True).astype(kind)
        last = int(kind == "NhwcMaxPool" or random.random() < 0.8)
        axes = 1 if kind == "QLinearConv" and random.random() < 0.2 else 2
        batch, channels = (int(n) for n in random.integers(1, 5, size=2))
        extents = [int(n) for n in random.integers(3, 8, size=axes)]
        feeds = {"x": codes([batch, *extents, channels] if last else [batch, channels, *extents])}
        scale = lambda: np.float32(10.0 ** random.uniform(-2, -1))
        held = {"xs": scale(), "xz": codes(())}
        attributes = {} if kind == "QLinearGlobalAveragePool" else windows(random, axes)
        if kind == "NhwcMaxPool":
            yield case(kind, feeds, domain="com.microsoft", **attributes)
            continue
        if kind == "QLinearConv":
            filters, weights = int(random.integers(1, 5)), str(random.choice(["int8", "uint8"][: 1 + (dtype == "uint8")]))
            group = channels if random.random() < 0.2 else 1
            held["w"] = codes([filters * group, channels // group, *attributes["kernel_shape"]], weights)
            held |= {"ws": scale(), "wz": np.array(0, weights) if weights == "int8" else codes((), weights)}
            attributes["group"] = group
        elif kind == "QLinearAveragePool":
            attributes["count_include_pad"] = int(random.integers(2))
        held |= {"ys": np.float32(0.5) if kind == "QLinearConv" else scale(), "yz": codes(())}
        if kind == "QLinearConv" and random.random() < 0.5:
            held["b"] = random.integers(-9999, 9999, size=len(held["w"])).astype(np.int32)
        yield case(kind, feeds, domain="com.microsoft", constants=held, channels_last=last, **attributes)

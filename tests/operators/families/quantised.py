"""com.microsoft's operators on 8-bit codes: exact."""

import numpy as np

from . import case, shape


def cases(random):
    for index in range(480):
        kind = ["QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax", "QLinearWhere"][index % 4]
        dtype = str(random.choice(["uint8", "int8"]))
        info = np.iinfo(dtype)
        size = shape(random, (1, 4), (1, 7))
        codes = lambda s: random.integers(info.min, info.max, size=s, endpoint=True).astype(dtype)
        scale = lambda: np.float32(10.0 ** random.uniform(-3, 0))
        zero = lambda: np.array(random.choice([info.min, 0, info.max, codes(())]), dtype)
        x = codes(size) if random.random() < 0.5 else (codes(size) // 16).astype(dtype)
        fixed = random.random() < 0.5
        held = {"xs": scale(), "xz": zero(), "ys": scale(), "yz": zero()}
        attributes = {}
        if kind == "QLinearLeakyRelu":
            attributes = {"alpha": float(np.float32(random.uniform(-0.1, 0.5)))}
        if kind == "QLinearSoftmax":
            opset = int(random.choice([12, 13]))
            attributes = {"more": {"opset": opset}, "axis": int(random.integers(-len(size), len(size)))}
            held["ys"] = np.float32(random.choice([1 / 256, 1 / 255, 1 / 128, 0.01]))
            held["yz"] = np.array(random.choice([info.min, 0]), dtype)
        if kind == "QLinearWhere":
            # Either may be repeated along an axis, or have the output's own scale.
            part = lambda: [d if random.random() < 0.7 else 1 for d in size]
            other = {"y": codes(part()), "ws": held["ys"] if random.random() < 0.3 else scale(), "wz": zero()}
            order = {"condition": random.random(part()) < 0.5, "x": x, "xs": scale(), "xz": zero(), **other}
            order |= {"ys": held["ys"], "yz": held["yz"]}
            held = {name: value for name, value in order.items() if fixed and name not in ("condition", "x", "y")}
            yield case(kind, {n: v for n, v in order.items() if n not in held}, domain="com.microsoft", constants=held, order=list(order))
            continue
        feeds = {"x": x} if fixed else {"x": x, **held}
        yield case(kind, feeds, domain="com.microsoft", constants=held if fixed else {}, **attributes)

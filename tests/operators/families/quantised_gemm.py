"""com.microsoft's QGemm, with and without codes as its answer: exact."""

import numpy as np

from . import case


def cases(random):
    for index in range(420):
        m, k, n = (int(d) for d in random.integers(1, 6, size=3))
        dtype = str(random.choice(["uint8", "int8"]))
        other = "uint8" if dtype == "uint8" and random.random() < 0.5 else "int8"
        codes = lambda size, kind: random.integers(
            np.iinfo(kind).min, np.iinfo(kind).max, size=size, endpoint=True).astype(kind)
        turned = [int(random.integers(2)) for _ in range(2)]
        scale = lambda size=(): np.float32(10.0 ** random.uniform(-2, -1, size=size))
        is_real = index % 3 == 0
        columns = (n,) if random.random() < 0.4 else ()
        feeds = {"a": codes((k, m) if turned[0] else (m, k), dtype), "sa": scale(), "za": codes((), dtype)}
        feeds |= {"b": codes((n, k) if turned[1] else (k, n), other), "sb": scale(columns), "zb": codes(columns, other)}
        if other == "int8":
            feeds["zb"] = np.zeros_like(feeds["zb"])
        if random.random() < 0.6:
            feeds["c"] = random.integers(-9999, 9999, size=n).astype(np.int32)
        elif not is_real:
            feeds["_c"] = None
        if not is_real:
            feeds |= {"sy": np.float32(0.3), "zy": codes((), dtype)}
        held = {name: value for name, value in feeds.items() if name != "a"}
        alpha = 1.0 if is_real or random.random() < 0.6 else 0.7
        yield case("QGemm", {"a": feeds["a"]}, domain="com.microsoft", constants=held, order=list(feeds),
                   transA=turned[0], transB=turned[1], alpha=alpha)

"""com.microsoft's products of codes that answer float32: exact."""

import numpy as np

from . import case, floats


def cases(random):
    for index in range(400):
        batch = tuple(int(n) for n in random.integers(1, 3, size=int(random.integers(0, 2))))
        m, k, n = (int(v) for v in random.integers(1, 12, size=3))
        dtype = str(random.choice(["uint8", "int8"]))
        info = np.iinfo(dtype)
        codes = lambda shape, of=info, to=dtype: random.integers(of.min, of.max, size=shape, endpoint=True).astype(to)
        columns = (n,) if random.random() < 0.5 else ()
        weights, scale = codes((k, n)), (10.0 ** random.uniform(-3, 0, size=columns)).astype(np.float32)
        zero = codes(columns) if dtype == "uint8" or random.random() < 0.3 else np.zeros(columns, dtype)
        bias = {"bias": floats(random, (n,), corners=False)} if random.random() < 0.6 else {}
        if index % 2:
            held = {"b": weights, "bs": scale, "bz": zero} | bias
            yield case("DynamicQuantizeMatMul", {"a": floats(random, batch + (m, k), corners=False)}, domain="com.microsoft", constants=held)
            continue
        held = {"b": weights, "as": np.float32(10.0 ** random.uniform(-3, 0)), "bs": scale}
        held |= {"az": random.integers(0, 256, size=()).astype(np.uint8), "bz": zero} | bias
        a = codes(batch + (m, k), np.iinfo("uint8"), "uint8")
        yield case("MatMulIntegerToFloat", {"a": a}, domain="com.microsoft", constants=held)

"""com.microsoft's DynamicQuantizeLSTM, one thread: exact."""

import numpy as np

from . import case


def codes(random, shape, dtype):
    info = np.iinfo(dtype)
    return random.integers(info.min, info.max, size=shape, endpoint=True).astype(dtype)


def cases(random):
    for _ in range(400):
        steps, batch, inputs, hidden = (int(n) for n in random.integers(1, [5, 4, 5, 4]))
        hidden = hidden + 4 if random.random() < 0.1 else hidden
        direction = str(random.choice(["forward", "reverse", "bidirectional"]))
        count = 2 if direction == "bidirectional" else 1
        normal = lambda *size: random.standard_normal(size).astype(np.float32)
        dtype = str(random.choice(["uint8", "int8"]))
        x = normal(steps, batch, inputs) * np.float32(random.choice([0.3, 1, 5]))
        if random.random() < 0.2:
            x = np.abs(x) * random.choice([1, -1]).astype(np.float32)
        held = {"w": codes(random, (count, inputs, 4 * hidden), dtype), "r": codes(random, (count, hidden, 4 * hidden), dtype)}
        held |= {"b": normal(count, 8 * hidden)} if random.random() < 0.7 else {"_b": None}
        held["_l" if random.random() < 0.6 else "l"] = random.integers(0, steps, size=batch, endpoint=True).astype(np.int32)
        if "l" in held and not held["l"].any():
            held["l"][0] = 1
        held["h" if random.random() < 0.5 else "_h"] = normal(count, batch, hidden)
        held["c" if random.random() < 0.4 else "_c"] = normal(count, batch, hidden)
        held["_p"] = None
        for name in "wr":
            columns = (count, 4 * hidden) if random.random() < 0.5 else (count,)
            held[name + "s"] = (10.0 ** random.uniform(-3, -1, size=columns)).astype(np.float32)
            if dtype == "int8":
                zero = np.zeros(columns, dtype)
            else:
                # A list of them has one value: ONNX Runtime refuses others.
                zero = codes(random, columns, dtype) if len(columns) == 1 else np.full(columns, codes(random, (), dtype))
            held[name + "z"] = zero
        attributes = {"hidden_size": hidden, "direction": direction}
        if random.random() < 0.15:
            attributes["clip"] = float(random.choice([0.5, 2.0]))
        yield case("DynamicQuantizeLSTM", {"x": x}, outputs=3, domain="com.microsoft", constants=held, **attributes)

"""LSTM and GRU with constant weights: exact."""

import numpy as np

from . import case


def layer(random, kind, gates):
    steps, batch, inputs, hidden = (int(n) for n in random.integers(1, [5, 4, 5, 5]))
    hidden = hidden + 4 if random.random() < 0.1 else hidden
    direction = str(random.choice(["forward", "reverse", "bidirectional"]))
    count = 2 if direction == "bidirectional" else 1
    normal = lambda *size: random.standard_normal(size).astype(np.float32)
    feeds = {"x": normal(steps, batch, inputs) * np.float32(random.choice([1, 5]))}
    held = {"w": normal(count, gates * hidden, inputs), "r": normal(count, gates * hidden, hidden)}
    more = {"b": normal(count, 2 * gates * hidden)} if random.random() < 0.7 else {"_b": None}
    more["_l" if random.random() < 0.7 else "l"] = random.integers(1, steps, size=batch, endpoint=True).astype(np.int32)
    if random.random() < 0.5:
        more["h"] = normal(count, batch, hidden)
        if kind == "LSTM" and random.random() < 0.7:
            more["c"] = normal(count, batch, hidden)
    attributes = {"hidden_size": hidden, "direction": direction}
    if random.random() < 0.15:
        attributes["clip"] = float(random.choice([0.5, 2.0]))
    return feeds, {**held, **more}, attributes


def cases(random):
    for index in range(400):
        kind, gates, outputs = [("LSTM", 4, 3), ("GRU", 3, 2)][index % 2]
        feeds, held, attributes = layer(random, kind, gates)
        if kind == "GRU":
            attributes["linear_before_reset"] = int(random.integers(2))
        yield case(kind, feeds, outputs=outputs, opset=14, constants=held, **attributes)

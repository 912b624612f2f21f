"""RNN: exact."""

import numpy as np

from . import case, pattern
from .recurrent import layer


def cases(random):
    for index in range(400):
        feeds, held, attributes = layer(random, "RNN", 1)
        attributes.pop("clip", None)
        both = attributes["direction"] == "bidirectional"
        if index % 3 == 0:
            attributes["activations"] = ["Relu"] * (2 if both else 1)
        yield case("RNN", feeds, outputs=2, opset=14, constants=held, **attributes)
    # Sums of several blocks, and single columns.
    for inputs, hidden, batch in [(1, 1, 3), (40, 1, 2), (3, 40, 1), (300, 1, 3), (3, 150, 1), (3, 150, 2), (300, 20, 2)]:
        held = {"w": pattern(random, (1, hidden, inputs)) / np.float32(inputs)}
        held |= {"r": pattern(random, (1, hidden, hidden)) / np.float32(hidden), "b": pattern(random, (1, 2 * hidden))}
        feeds = {"x": pattern(random, (3, batch, inputs))}
        yield case("RNN", feeds, outputs=2, opset=14, constants=held, hidden_size=hidden)

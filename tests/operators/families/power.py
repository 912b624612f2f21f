"""What ONNX Runtime leaves to the C library, or to Eigen's own sine and cosine: 1 unit in the last place."""

import numpy as np

from . import broadcast, case, floats, shape


def cases(random):
    for index in range(400):
        kind = ["Pow", "Sin", "Cos"][index % 3]
        if kind == "Pow":
            a, b = broadcast(random)
            base, exponent = floats(random, a), floats(random, b)
            yield case(kind, {"a": np.abs(base) if random.random() < 0.7 else base, "b": exponent})
        else:
            size = shape(random, (0, 3), (1, 6))
            # Corners are huge numbers here, which Eigen reduces by its own way.
            yield case(kind, {"x": floats(random, size, random.choice([0.3, 3.0, 30.0]), corners=False)})

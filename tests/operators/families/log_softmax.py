"""LogSoftmax: within 8 units in the last place of the tensor's largest value."""

from . import case, floats, shape


def cases(random):
    for _ in range(400):
        size = shape(random, (1, 4), (1, 9))
        axis = int(random.integers(-len(size), len(size)))
        yield case("LogSoftmax", {"x": floats(random, size, 4.0, corners=False)}, opset=int(random.choice([11, 13])), axis=axis)

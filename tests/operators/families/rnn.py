"""RNN: within 32 units in the last place of the tensor's largest value."""

from . import case
from .recurrent import layer


def cases(random):
    for index in range(400):
        feeds, held, attributes = layer(random, "RNN", 1)
        attributes.pop("clip", None)
        both = attributes["direction"] == "bidirectional"
        if index % 3 == 0:
            attributes["activations"] = ["Relu"] * (2 if both else 1)
        yield case("RNN", feeds, outputs=2, opset=14, constants=held, **attributes)

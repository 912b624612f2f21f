"""float32 Conv, mostly depthwise or of rank 3, into a QuantizeLinear of 8 or 16 bits."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from . import Case, pattern


def cases(random):
    for index in range(50):
        bits = "uint16" if index % 3 else "uint8"
        opset = 21 if bits == "uint16" else 17
        groups = int(random.choice([4, 8]))
        extents = (12, 12) if index % 2 else (100,)
        rank = len(extents)
        x = pattern(random, (1, groups, *extents))
        depthwise = random.random() < 0.7
        weights = (groups, 1 if depthwise else groups, *[3] * rank)
        held = {
            "w": pattern(random, weights),
            "s": np.float32(0.001 if bits == "uint16" else 0.17),
            "z": np.array(32768 if bits == "uint16" else 128, bits),
        }
        nodes = [
            helper.make_node("Conv", ["x", "w"], ["f"], group=groups if depthwise else 1, pads=[1] * 2 * rank),
            helper.make_node("QuantizeLinear", ["f", "s", "z"], ["y"]),
        ]
        graph = helper.make_graph(
            nodes,
            "",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
            [helper.make_empty_tensor_value_info("y")],
            [numpy_helper.from_array(value, name) for name, value in held.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10, producer_name="")
        yield Case("coded", model.SerializeToString(), {"x": x})

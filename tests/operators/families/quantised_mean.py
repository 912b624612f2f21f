"""QLinearReduceMean, of which ONNX Runtime has no kernel: DequantizeLinear, ReduceMean, QuantizeLinear. Exact."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from . import Case, shape


def cases(random):
    for _ in range(400):
        dtype = str(random.choice(["uint8", "int8"]))
        info, element = np.iinfo(dtype), {"uint8": TensorProto.UINT8, "int8": TensorProto.INT8}[dtype]
        size = shape(random, (1, 4), (1, 7))
        codes = lambda s: random.integers(info.min, info.max, size=s, endpoint=True).astype(dtype)
        scale = lambda: np.float32(10.0 ** random.uniform(-2, 0))
        held = {"xs": scale(), "xz": codes(()), "ys": scale(), "yz": codes(())}
        axes = sorted({int(a) for a in random.integers(0, len(size), size=int(random.integers(1, 3)))})
        more = {"axes": axes, "keepdims": int(random.integers(2))}

        def model(nodes):
            fed = [helper.make_tensor_value_info("x", element, size)]
            made = [helper.make_empty_tensor_value_info("y")]
            constants = [numpy_helper.from_array(np.asarray(v), n) for n, v in held.items()]
            imports = [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)]
            graph = helper.make_graph(nodes, "", fed, made, constants)
            return helper.make_model(graph, opset_imports=imports, ir_version=8, producer_name="").SerializeToString()

        names = ["x", "xs", "xz", "ys", "yz"]
        one = model([helper.make_node("QLinearReduceMean", names, ["y"], domain="com.microsoft", **more)])
        parts = model([
            helper.make_node("DequantizeLinear", names[:3], ["real"]),
            helper.make_node("ReduceMean", ["real"], ["mean"], **more),
            helper.make_node("QuantizeLinear", ["mean", "ys", "yz"], ["y"]),
        ])
        yield Case("QLinearReduceMean", one, {"x": codes(size)}, parts)

"""float32 MatMul and Gemm whose right operand is a Transpose, or a DequantizeLinear, of an initialiser."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from . import Case, pattern
from .matmul import extents


def cases(random):
    for index in range(40):
        m, n, k = extents(random)
        m += 1
        x = pattern(random, (m, k))
        if index % 2:
            held = [numpy_helper.from_array(pattern(random, (n, k)), "w")]
            maker = helper.make_node("Transpose", ["w"], ["b"], perm=[1, 0])
        else:
            codes = np.resize(random.integers(-128, 128, size=251).astype(np.int8), (k, n))
            held = [numpy_helper.from_array(codes, "w"), numpy_helper.from_array(np.float32(0.0173), "s")]
            maker = helper.make_node("DequantizeLinear", ["w", "s"], ["b"])
        product = helper.make_node("MatMul" if index % 4 < 2 else "Gemm", ["x", "b"], ["y"])
        graph = helper.make_graph(
            [maker, product],
            "",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
            [helper.make_empty_tensor_value_info("y")],
            held,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="")
        yield Case("computed", model.SerializeToString(), {"x": x})

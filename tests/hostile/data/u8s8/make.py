"""Small networks in ONNX Runtime's default form: u8 activations, s8 weights. Writes into the folder given.

Residual convolutions with a depthwise one, and an attention; QDQ, QOperator and dynamic. onnx and onnxruntime as in
tests/models/requirements.txt.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

random = np.random.default_rng(1)


def weights(name, *shape):
    return numpy_helper.from_array((random.standard_normal(shape) * 0.3).astype(np.float32), name)


def save(path, nodes, shape, out_shape, initialisers):
    graph = helper.make_graph(
        nodes,
        path.stem,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", *out_shape])],
        initialisers,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def residual(path):
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], name="conv1", pads=[1, 1, 1, 1]),
        node("Relu", ["c1"], ["r1"]),
        node("Conv", ["r1", "w2", "b2"], ["c2"], name="conv2", pads=[1, 1, 1, 1]),
        node("Add", ["c2", "r1"], ["a"]),
        node("Relu", ["a"], ["r2"]),
        node("Conv", ["r2", "wd", "bd"], ["cd"], name="dw", group=8, pads=[1, 1, 1, 1]),
        node("GlobalAveragePool", ["cd"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("Gemm", ["f", "w3", "b3"], ["y"], name="fc", transB=1),
    ]
    shapes = {"w1": (8, 3, 3, 3), "b1": (8,), "w2": (8, 8, 3, 3), "b2": (8,)}
    shapes |= {"wd": (8, 1, 3, 3), "bd": (8,), "w3": (5, 8), "b3": (5,)}
    save(path, nodes, (3, 8, 8), (5,), [weights(name, *shape) for name, shape in shapes.items()])


def attention(path):
    node = helper.make_node
    nodes = [
        node("MatMul", ["x", "wq"], ["q"], name="q"),
        node("MatMul", ["x", "wk"], ["k"], name="k"),
        node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
        node("MatMul", ["q", "kt"], ["s"], name="scores"),
        node("Softmax", ["s"], ["p"]),
        node("MatMul", ["x", "wv"], ["v"], name="v"),
        node("MatMul", ["p", "v"], ["y"], name="mix"),
    ]
    save(path, nodes, (6, 8), (6, 8), [weights(name, 8, 8) for name in ("wq", "wk", "wv")])


class Samples(CalibrationDataReader):
    def __init__(self, shape):
        self.rest = iter([random.standard_normal((4, *shape)).astype(np.float32) for _ in range(4)])

    def get_next(self):
        x = next(self.rest, None)
        return None if x is None else {"x": x}


def main(folder):
    types = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
    for name, make, shape in (("res", residual, (3, 8, 8)), ("att", attention, (6, 8))):
        plain = folder / f"{name}.onnx"
        make(plain)
        np.save(folder / f"x_{name}.npy", random.standard_normal((1, *shape)).astype(np.float32))
        per_channel = name == "res"
        quantize_static(
            plain,
            folder / f"{name}_qdq.onnx",
            Samples(shape),
            quant_format=QuantFormat.QDQ,
            per_channel=per_channel,
            **types,
        )
        if name == "res":
            quantize_static(
                plain, folder / "res_qop.onnx", Samples(shape), quant_format=QuantFormat.QOperator, **types
            )
            quantize_dynamic(plain, folder / "res_dyn.onnx", weight_type=QuantType.QInt8)
        plain.unlink()


main(Path(sys.argv[1]))

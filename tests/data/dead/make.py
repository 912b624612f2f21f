"""A convolution whose channel 1 is dead, as quantisers leave it: python make.py (onnx 1.23, numpy)."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

weights = np.array([[64, -32, 16, 8], [127, -127, 127, 90], [-50, 40, 30, -20]], np.int8).reshape(3, 4, 1, 1)
constants = {
    "x_scale": np.float32(0.02),
    "y_scale": np.float32(0.05),
    "zero": np.int8(0),
    "w": weights,
    # Pruned away: what is left of its weights is nothing, and its bias over that scale ends near the rail of int32.
    "w_scale": np.array([0.01, 1e-15, 0.02], np.float32),
    "w_zero": np.zeros(3, np.int8),
    "b": np.array([100, -2147483000, -50], np.int32),
}
inputs = ["x", "x_scale", "zero", "w", "w_scale", "w_zero", "y_scale", "zero", "b"]
graph = helper.make_graph(
    [helper.make_node("QLinearConv", inputs, ["y"], name="conv")],
    "dead",
    [helper.make_tensor_value_info("x", TensorProto.INT8, [1, 4, 2, 2])],
    [helper.make_tensor_value_info("y", TensorProto.INT8, [1, 3, 2, 2])],
    [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, Path(__file__).with_name("dead.onnx"))
x = np.random.default_rng(1).integers(-128, 128, (1, 4, 2, 2), dtype=np.int8)
np.save(Path(__file__).with_name("x.npy"), x)

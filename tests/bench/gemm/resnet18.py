"""A network of ResNet-18's size and shape with made weights, and images for it: resnet18.py MODEL.onnx X.npy IMAGES.

u8 activations and s8 weights, all scales so that a tensor's codes keep the spread of the one before; zero point 0, so
that requantising is the Relu. Batch normalisation is in the weights, as it is in any quantised model.
"""

import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SPREAD = 36.0  # standard deviation of the weight codes
RMS = 56.0  # of the activation codes, half of them 0
WANTED = 80.0  # standard deviation of what is clamped at 0

rng = np.random.default_rng(18)
nodes, tensors = [], []


def const(name, value):
    tensors.append(numpy_helper.from_array(np.asarray(value), name))
    return name


ONE, ZERO = const("one", np.float32(1)), const("zero", np.uint8(0))


def weights(name, *shape):
    """Codes, scale and zero point: inputs of a quantised node."""
    k = np.prod(shape[1:]) if len(shape) == 4 else shape[0]
    codes = np.clip(np.rint(rng.normal(0, SPREAD, shape)), -127, 127).astype(np.int8)
    scale = np.float32(WANTED / (np.sqrt(k) * SPREAD * RMS))
    return [const(f"{name}_w", codes), const(f"{name}_s", scale), const(f"{name}_z", np.int8(0))]


def conv(name, x, cin, cout, kernel, stride):
    inputs = [x, ONE, ZERO, *weights(name, cout, cin, kernel, kernel), ONE, ZERO]
    pad = kernel // 2
    how = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
    nodes.append(helper.make_node("QLinearConv", inputs, [name], name, **how))
    return name


def block(name, x, cin, cout, stride):
    y = conv(f"{name}_b", conv(f"{name}_a", x, cin, cout, 3, stride), cout, cout, 3, 1)
    if cin != cout:
        x = conv(f"{name}_skip", x, cin, cout, 1, stride)
    scale = const(f"{name}_scale", np.float32(1.4))
    inputs = [x, ONE, ZERO, y, ONE, ZERO, scale, ZERO]
    nodes.append(helper.make_node("QLinearAdd", inputs, [name], name, domain="com.microsoft"))
    return name


def network():
    x = conv("conv1", "x", 3, 64, 7, 2)
    nodes.append(
        helper.make_node("MaxPool", [x], ["pool"], "pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    )
    x, cin = "pool", 64
    for stage, cout in enumerate((64, 128, 256, 512)):
        for index in range(2):
            stride = 2 if stage and not index else 1
            x, cin = block(f"layer{stage + 1}_{index}", x, cin, cout, stride), cout
    pooled = [x, ONE, ZERO, ONE, ZERO]
    nodes.append(
        helper.make_node("QLinearGlobalAveragePool", pooled, ["mean"], "mean", domain="com.microsoft")
    )
    nodes.append(helper.make_node("Flatten", ["mean"], ["flat"], "flat"))
    inputs = ["flat", ONE, ZERO, *weights("fc", 512, 1000), ONE, ZERO]
    nodes.append(helper.make_node("QLinearMatMul", inputs, ["y"], "fc"))
    image = helper.make_tensor_value_info("x", TensorProto.UINT8, ["batch", 3, 224, 224])
    answer = helper.make_tensor_value_info("y", TensorProto.UINT8, ["batch", 1000])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    graph = helper.make_graph(nodes, "resnet18", [image], [answer], tensors)
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


model, images, count = sys.argv[1:]
onnx.save(network(), model)
codes = np.clip(np.rint(np.abs(rng.normal(0, RMS, (int(count), 3, 224, 224)))), 0, 255)
np.save(images, codes.astype(np.uint8))

"""A float32 network, written node by node, with weights that keep its values alive."""

import zlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    """Nodes append themselves and return the name of what they write; tensors and nodes are numbered by operator."""

    def __init__(self, name, opset=17):
        self.name, self.opset = name, opset
        self.random = np.random.default_rng(zlib.crc32(name.encode()))
        self.nodes, self.constants, self.inputs, self.outputs, self.counts = [], [], {}, [], {}

    def input(self, name, *dims):
        """A float32 input; its extents, a string where it is free."""
        self.inputs[name] = dims
        return name

    def output(self, *names):
        self.outputs += names

    def fresh(self, kind):
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{kind}{self.counts[kind]}"

    def node(self, kind, *inputs, outputs=1, domain="", name=None, **attributes):
        name = name or self.fresh(kind.lower())
        names = [f"{name}.out{i}" if i else f"{name}.out" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=name, domain=domain, **attributes))
        return names if outputs > 1 else names[0]

    def constant(self, value, dtype=np.float32, name=None):
        name = name or self.fresh("const")
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def integers(self, *values):
        return self.constant(values, np.int64)

    def weight(self, *shape, fan_in, gain=1.4):
        value = self.random.standard_normal(shape) * gain / np.sqrt(fan_in)
        return self.constant(value, name=self.fresh("weight"))

    def bias(self, count, size=0.3):
        return self.constant(self.random.standard_normal(count) * size, name=self.fresh("bias"))

    def conv(self, x, channels, kernel=3, name=None, bias=True, **attributes):
        """`channels` = (in, out); `kernel` an extent of a square or all extents; padded to the same size if odd."""
        into, out = channels
        extents = [kernel, kernel] if isinstance(kernel, int) else list(kernel)
        group = attributes.get("group", 1)
        weight = self.weight(out, into // group, *extents, fan_in=into // group * int(np.prod(extents)))
        dilations = attributes.get("dilations", [1] * len(extents))
        if "pads" not in attributes and "auto_pad" not in attributes:
            attributes["pads"] = [(k - 1) * d // 2 for k, d in zip(extents, dilations)] * 2
        inputs = [x, weight] + ([self.bias(out)] if bias else [])
        return self.node("Conv", *inputs, name=name or self.fresh("conv"), **attributes)

    def transposed(self, x, channels, kernel=2, **attributes):
        weight = self.weight(channels[0], channels[1], kernel, kernel, fan_in=channels[0])
        return self.node("ConvTranspose", x, weight, self.bias(channels[1]), **attributes)

    def dense(self, x, into, out, name=None):
        return self.node("Gemm", x, self.weight(out, into, fan_in=into), self.bias(out), transB=1, name=name)

    def linear(self, x, into, out, bias=True, name=None):
        y = self.node("MatMul", x, self.weight(into, out, fan_in=into), name=name)
        return self.node("Add", y, self.bias(out)) if bias else y

    def normalized(self, x, channels):
        """BatchNormalization of trained statistics."""
        around = lambda mean, size: self.constant(np.abs(mean + self.random.standard_normal(channels) * size))
        shift, mean = self.bias(channels, 0.4), self.bias(channels, 0.2)
        return self.node("BatchNormalization", x, around(1.2, 0.3), shift, mean, around(1, 0.3))

    def layer_norm(self, x, width):
        scale = self.constant(1 + self.random.standard_normal(width) * 0.2)
        return self.node("LayerNormalization", x, scale, self.bias(width, 0.1), axis=-1)

    def relu(self, x):
        return self.node("Relu", x)

    def clip6(self, x):
        return self.node("Clip", x, self.constant(0), self.constant(6))

    def silu(self, x):
        return self.node("Mul", x, self.node("Sigmoid", x))

    def gelu(self, x):
        """As frameworks export it: x/2 · (1 + erf(x/√2))."""
        erf = self.node("Erf", self.node("Div", x, self.constant(np.sqrt(2))))
        return self.node(
            "Mul", self.node("Mul", x, self.node("Add", erf, self.constant(1))), self.constant(0.5)
        )

    def add(self, a, b):
        return self.node("Add", a, b)

    def mul(self, a, b):
        return self.node("Mul", a, b)

    def concat(self, *inputs, axis=1):
        return self.node("Concat", *inputs, axis=axis)

    def reshape(self, x, *shape):
        return self.node("Reshape", x, self.integers(*shape))

    def transpose(self, x, *perm):
        return self.node("Transpose", x, perm=list(perm))

    def slice(self, x, start, end, axis, step=1):
        parts = [self.integers(value) for value in (start, end, axis, step)]
        return self.node("Slice", x, *parts)

    def pooled_head(self, x, channels, classes):
        x = self.node("Flatten", self.node("GlobalAveragePool", x))
        return self.dense(x, channels, classes, name="head")

    def recurrent(self, kind, x, into, hidden, both=False, initial=(), **attributes):
        gates, ways = {"LSTM": 4, "GRU": 3}[kind], 2 if both else 1
        inputs = [x, self.weight(ways, gates * hidden, into, fan_in=into)]
        inputs += [self.weight(ways, gates * hidden, hidden, fan_in=hidden)]
        inputs += [self.bias((ways, 2 * gates * hidden)), "", *initial] if initial else [self.bias((ways, 2 * gates * hidden))]
        direction = "bidirectional" if both else "forward"
        outputs = 3 if kind == "LSTM" else 2
        return self.node(kind, *inputs, outputs=outputs, hidden_size=hidden, direction=direction, **attributes)

    def model(self):
        value = lambda name, dims: helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
        graph = helper.make_graph(
            self.nodes,
            self.name,
            [value(name, dims) for name, dims in self.inputs.items()],
            [onnx.ValueInfoProto(name=name) for name in self.outputs],
            self.constants,
        )
        opsets = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="corpus")
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
        outputs = list(inferred.graph.output)
        del model.graph.output[:]
        model.graph.output.extend(outputs)
        onnx.checker.check_model(model)
        return model

    def feed(self, dims, images):
        """Multiples of 1/64, so that a scale that is a power of two meets ties."""
        shape = [images if dim == "N" else dim for dim in dims]
        return np.float32(np.round(self.random.standard_normal(shape) * 64) / 64)

    def feeds(self, images):
        return {name: self.feed(dims, images) for name, dims in self.inputs.items()}

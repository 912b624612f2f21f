"""The forms of a quantised network: what ONNX Runtime's quantiser makes, and what training with quantisers exports."""

import io
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.registry import IntegerOpsRegistry

U8, S8, U16, S16 = QuantType.QUInt8, QuantType.QInt8, QuantType.QUInt16, QuantType.QInt16
ALL = ["qdq_u8s8", "qdq_s8s8", "qdq_16", "qoperator", "dynamic"]


def answers(model, feeds):
    """Every tensor that a node writes, and the outputs: ONNX Runtime's, optimisations off, one thread."""
    model = onnx.load_from_string(model)
    have = {value.name for value in model.graph.output}
    written = [name for node in model.graph.node if node.op_type != "Constant" for name in node.output if name]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in written if name not in have)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


class Samples(CalibrationDataReader):
    def __init__(self, feeds):
        self.rest = iter(feeds)

    def get_next(self):
        return next(self.rest, None)


def by_quantiser(net, samples, make):
    with tempfile.TemporaryDirectory() as folder:
        plain, made = Path(folder) / "plain.onnx", Path(folder) / "made.onnx"
        onnx.save(net.model(), plain)
        make(plain, made, Samples(samples))
        return onnx.load(made)


def static(net, samples, **options):
    return by_quantiser(net, samples, lambda *paths: quantize_static(*paths, **options))


def made(net, samples, form, index):
    """The model in one form; where a form has variants, `index` chooses, so that all of them are met."""
    if net.name == "trained" and form.startswith("qdq"):
        model = Trained(net, samples, form).model
        return powers_of_two(model) if form == "qdq_s8s8" else model
    odd = index % 2 == 1
    if form == "qdq_u8s8":
        extra = {"DedicatedQDQPair": odd, "AddQDQPairToWeight": index % 3 == 2, "QuantizeBias": index % 4 != 3}
        qdq = {"quant_format": QuantFormat.QDQ, "per_channel": True, "extra_options": extra}
        return static(net, samples, activation_type=U8, weight_type=S8, **qdq)
    if form == "qdq_s8s8":
        extra = {"ActivationSymmetric": odd}
        qdq = {"quant_format": QuantFormat.QDQ, "per_channel": odd, "extra_options": extra}
        return powers_of_two(static(net, samples, activation_type=S8, weight_type=S8, **qdq))
    if form == "qdq_16":
        extra = {"UseQDQContribOps": net.opset < 21}
        qdq = {"quant_format": QuantFormat.QDQ, "per_channel": not odd, "extra_options": extra}
        weights = S16 if index % 4 == 1 else S8
        return static(net, samples, activation_type=S16 if odd else U16, weight_type=weights, **qdq)
    if form == "qoperator":
        types = [(U8, S8), (S8, S8), (U8, U8)][index % 3]
        kinds = {"activation_type": types[0], "weight_type": types[1], "per_channel": index % 3 < 2 and odd}
        # Unless it is forced, the quantiser writes a Where without what it reads.
        extra = {"ForceQuantizeNoInputCheck": any(node.op_type == "Where" for node in net.nodes)}
        return static(net, samples, quant_format=QuantFormat.QOperator, extra_options=extra, **kinds)
    weights = {"weight_type": S8 if odd else U8, "per_channel": odd, "reduce_range": index % 4 == 3}
    # Products of two activations, too, in some.
    weights["extra_options"] = {"MatMulConstBOnly": index % 3 != 1}
    kinds = list(IntegerOpsRegistry)
    return by_quantiser(
        net, samples, lambda plain, path, _: quantize_dynamic(plain, path, op_types_to_quantize=kinds, **weights)
    )


def scalar_log(value, up):
    log = np.log2(np.asarray(value, np.float64))
    return np.float32(2.0 ** (np.ceil(log) if up else np.round(log)))


def powers_of_two(model):
    """The same model with scales that are powers of two: in float32, its sums meet ties. Codes stay what they are."""
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    writers = {name: node for node in graph.node for name in node.output}
    readers = {name: node for node in graph.node for name in node.input}
    scales, biases = {}, {}
    for node in graph.node:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        codes, name = constants.get(node.input[0]), node.input[1]
        if codes is not None and codes.data_type == onnx.TensorProto.INT32:
            biases[name] = readers[node.output[0]]
        else:
            scales[name] = scalar_log(numpy_helper.to_array(constants[name]), up=codes is None)
    for name, reader in biases.items():
        first, second = (scales[writers[operand].input[1]] for operand in reader.input[:2])
        shape = numpy_helper.to_array(constants[name]).shape
        scales[name] = np.broadcast_to(first * second, shape)
    for name, value in scales.items():
        constants[name].CopyFrom(numpy_helper.from_array(np.float32(value), name))
    return model


class Trained:
    """What frameworks export after training with quantisers: QuantizeLinear on float32 weights, float32 biases."""

    WEIGHED = {"Conv": 0, "Gemm": 0, "MatMul": 1}

    def __init__(self, net, samples, form):
        self.model = net.model()
        kinds = {"qdq_u8s8": np.uint8, "qdq_s8s8": np.int8, "qdq_16": np.int16}
        self.kind, self.graph = kinds[form], self.model.graph
        if form == "qdq_16":
            # 16-bit codes are part of ONNX from opset 21 on.
            self.model.opset_import[0].version, self.model.ir_version = 21, 10
        tensors = [answers(self.model.SerializeToString(), feeds) | feeds for feeds in samples]
        self.reach = lambda name: (min(t[name].min() for t in tensors), max(t[name].max() for t in tensors))
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.graph.initializer}
        self.nodes, self.done, self.per_channel = [], {}, form != "qdq_s8s8"
        for node in self.graph.node:
            if node.op_type in (*self.WEIGHED, "Add", "MaxPool"):
                for at, name in enumerate(node.input[:2]):
                    node.input[at] = self.through(name, node)
            self.nodes.append(node)
        for output in self.graph.output:
            # The answers are codes, too.
            self.nodes.append(self.pair(output.name, output.name + ".quantised", *self.activation(output.name)))
            self.nodes[-1].output[0] = output.name + ".codes"
            output.CopyFrom(onnx.ValueInfoProto(name=output.name + ".codes"))
        del self.graph.node[:]
        self.graph.node.extend(node for node in self.nodes)
        self.model = onnx.shape_inference.infer_shapes(self.model)
        del self.model.graph.value_info[:]
        onnx.checker.check_model(self.model)

    def constant(self, value, name):
        self.graph.initializer.append(numpy_helper.from_array(value, name))
        return name

    def activation(self, name):
        low, high = (float(bound) for bound in self.reach(name))
        low, high, info = min(low, 0.0), max(high, 0.0), np.iinfo(self.kind)
        scale = np.float32((high - low) / (int(info.max) - int(info.min)))
        return scale, self.kind(np.clip(np.round(info.min - low / scale), info.min, info.max)), None

    def weight(self, name, node):
        value = self.constants[name]
        axis = 0 if node.op_type != "MatMul" else value.ndim - 1
        if not self.per_channel or node.op_type not in self.WEIGHED:
            return np.float32(np.abs(value).max() / 127), np.int8(0), None
        others = tuple(a for a in range(value.ndim) if a != axis)
        scale = np.float32(np.abs(value).max(axis=others) / 127)
        return scale, np.zeros(scale.shape, np.int8), axis

    def pair(self, x, name, scale, zero, axis):
        more = {} if axis is None else {"axis": axis}
        parts = [self.constant(scale, f"{name}.scale"), self.constant(zero, f"{name}.zero")]
        self.nodes.append(helper.make_node("QuantizeLinear", [x, *parts], [f"{name}.codes"], f"{name}.q", **more))
        return helper.make_node("DequantizeLinear", [f"{name}.codes", *parts], [f"{name}.real"], f"{name}.dq", **more)

    def through(self, name, node):
        if name not in self.done:
            numbers = self.weight(name, node) if name in self.constants else self.activation(name)
            self.nodes.append(self.pair(name, name, *numbers))
            self.done[name] = f"{name}.real"
        return self.done[name]

"""Makes a network's inputs and quantised forms, once: python prepare.py NETWORK MODEL.onnx FOLDER

Prints one line of JSON: {"forms": {form: null or why it could not be made}}. A form is three files of FOLDER:
FORM.onnx, what the quantiser (or the package) wrote; FORM.codes.onnx, the same with every float32 output quantised to 16
bits once more, since `infer` writes integer tensors; FORM.reason, in place of both.
"""

import json
import logging
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

from networks import NETWORKS

OLDEST_OPSET = 13  # per-channel scales begin here
# What a form's layers become, or what stands in front of them.
MARKS = {
    "qdq": ["DequantizeLinear"],
    "qdq16": ["DequantizeLinear"],
    "qoperator": ["QLinearConv", "QLinearMatMul", "QGemm"],
    "dynamic": ["ConvInteger", "MatMulInteger"],
}
LAYERS = ["Conv", "MatMul", "Gemm"]
STATIC = {
    "qdq": {"quant_format": QuantFormat.QDQ, "activation_type": QuantType.QUInt8, "per_channel": True},
    "qdq16": {
        "quant_format": QuantFormat.QDQ,
        "activation_type": QuantType.QUInt16,
        "extra_options": {"UseQDQContribOps": True},
    },
    "qoperator": {"quant_format": QuantFormat.QOperator, "activation_type": QuantType.QUInt8},
}


def image(rng, shape, low, high):
    """Blobs of light with noise; the two largest axes are rows and columns."""
    rows, columns = sorted(sorted(range(len(shape)), key=lambda axis: shape[axis])[-2:])
    place = np.meshgrid(*(np.linspace(0, 1, size) for size in shape), indexing="ij")
    light = sum(
        rng.uniform(0.2, 1) * np.exp(-((place[rows] - y) ** 2 + (place[columns] - x) ** 2) / rng.uniform(0.002, 0.05))
        for y, x in rng.uniform(0, 1, (12, 2))
    )
    light = light / light.max() + rng.normal(0, 0.05, shape)
    return (low + (high - low) * np.clip(light, 0, 1)).astype(np.float32)


def audio(rng, shape):
    """Three gliding tones in noise at 16 kHz."""
    time = np.arange(np.prod(shape)) / 16000
    tones = sum(np.sin(2 * np.pi * (f + 40 * time) * time) for f in rng.uniform(90, 2500, 3))
    return (0.15 * tones + rng.normal(0, 0.02, time.shape)).reshape(shape).clip(-1, 1).astype(np.float32)


def made(rng, kind, shape, *more):
    """One input, as networks.py describes it."""
    match kind:
        case "image":
            return image(rng, shape, *more)
        case "audio":
            return audio(rng, shape)
        case "noise":
            return rng.normal(0, more[0], shape).astype(np.float32)
        case "tokens":
            return rng.integers(100, more[0], shape).astype(np.int64)
        case "bytes":
            return rng.integers(32, 127, shape).astype(np.int32)
        case "filled":
            return np.full(shape, more[1], more[0])
    raise ValueError(kind)


class Feeds(CalibrationDataReader):
    """Calibrates on the given inputs."""

    def __init__(self, feeds):
        self.rest = iter(feeds)

    def get_next(self):
        return next(self.rest, None)


def optimised(source, folder):
    """The model with its constants folded and its normalisations in the layers, as the quantiser's own advice is."""
    target = folder / "optimised.onnx"
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    return target


def renewed(source, folder):
    """The model at an opset that the quantiser takes, its Constant nodes as initialisers: only of these does it make
    weights. QOperator models are made of Constant nodes as they are, whose weights it takes for activations."""
    model = onnx.load(source)
    if next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx")) < OLDEST_OPSET:
        model = onnx.version_converter.convert_version(model, OLDEST_OPSET)
    as_nodes = folder / "nodes.onnx"
    onnx.save(model, as_nodes)
    kept = []
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensor = onnx.TensorProto()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
            model.graph.initializer.append(tensor)
        else:
            kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    as_initialisers = folder / "initialisers.onnx"
    onnx.save(model, as_initialisers)
    return as_nodes, as_initialisers


def with_codes(source, target, feeds):
    """Writes the model with a QuantizeLinear to uint16 behind every float32 output, finer than the output's own noise."""
    model = onnx.load(source)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    for name, value in zip([o.name for o in session.get_outputs()], session.run(None, feeds), strict=True):
        if value.dtype != np.float32:
            continue
        largest = float(np.abs(value[np.isfinite(value)]).max(initial=0.0)) or 1.0
        for suffix, number in (("scale", np.float32(largest / 30000)), ("zero", np.uint16(32768))):
            model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(number), f"{name}/{suffix}"))
        inputs = [name, f"{name}/scale", f"{name}/zero"]
        node = onnx.helper.make_node("QuantizeLinear", inputs, [f"{name}/codes"], domain="com.microsoft")
        model.graph.node.append(node)
        model.graph.output.append(onnx.helper.make_tensor_value_info(f"{name}/codes", onnx.TensorProto.UINT16, None))
    if all(o.domain != "com.microsoft" for o in model.opset_import):
        model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    onnx.save(model, target)


def make(form, source, folder, calibration, kinds):
    """Writes FORM.onnx; `kinds` are the operators to quantise, None all that the quantiser knows."""
    target = folder / f"{form}.onnx"
    if form == "shipped":
        target.write_bytes(source.read_bytes())
        return target
    as_nodes, as_initialisers = renewed(source, folder)
    if form == "dynamic":
        quantize_dynamic(as_initialisers, target, weight_type=QuantType.QUInt8, op_types_to_quantize=kinds)
    else:
        renewed_source = as_nodes if form == "qoperator" else as_initialisers
        how = {**STATIC[form], "weight_type": QuantType.QInt8, "op_types_to_quantize": kinds}
        quantize_static(renewed_source, target, Feeds(calibration), **how)
    if not any(node.op_type in MARKS[form] for node in onnx.load(target).graph.node):
        raise ValueError("the quantiser finds no layer in it")
    return target


def made_form(form, source, folder, calibration, feeds):
    """Writes a form: of all operators, or of the layers alone; of the network as it came, or of what ONNX Runtime's basic
    optimisations make of it: the first of which ONNX Runtime runs. Why there is none."""
    reason, codes = folder / f"{form}.reason", folder / f"{form}.codes.onnx"
    if reason.exists() or codes.exists():
        return reason.read_text() if reason.exists() else None
    said = []
    for prepared, kinds in [(None, None), (None, LAYERS), (optimised, None), (optimised, LAYERS)]:
        try:
            from_model = prepared(source, folder) if prepared else source
            with_codes(make(form, from_model, folder, calibration, kinds), codes, feeds)
            return None
        except Exception as fault:  # whatever the quantiser or ONNX Runtime says of this form, it is not made
            said.append(f"{type(fault).__name__}: {' '.join(str(fault).split())[:200]}")
        if form == "shipped":
            break
    reason.write_text("; ".join(said))
    return reason.read_text()


def main(name, source, folder):
    network = next(network for network in NETWORKS if network.name == name)
    rng = np.random.default_rng(7)
    calibration = [{key: made(rng, *how) for key, how in network.inputs.items()} for _ in range(3)]
    feeds = {key: made(rng, *how) for key, how in network.inputs.items()}
    np.savez(folder / "feeds.npz", **feeds)
    if len(feeds) == 1:
        np.save(folder / "feeds.npy", next(iter(feeds.values())))
    wanted = ["shipped"] if network.shipped else [*STATIC, "dynamic"]
    forms = {form: made_form(form, source, folder, calibration, feeds) for form in wanted}
    print(json.dumps({"forms": forms}))


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    main(sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))

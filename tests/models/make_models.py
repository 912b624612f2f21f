"""Trains, exports and quantises the digit classifiers of this folder, and asks ONNX Runtime for every tensor.

    pip install -r requirements.txt && python make_models.py && python make_operators.py

Writes {mlp,cnn}.onnx (float), {mlp,cnn}_{s8,u8}_{qoperator,qdq}.onnx with their references (.npz), the 64 inputs
({mlp,cnn}_inputs.npy), their labels (labels.npy) and accuracy.json.
"""

import json
import pathlib
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from sklearn.datasets import load_digits

import reference
import train

HERE = pathlib.Path(__file__).parent
IMAGES = 64


def export(name, nodes, weights, shape):
    """A float ONNX model with a symbolic batch."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape])
    y = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
    init = [numpy_helper.from_array(np.ascontiguousarray(a), n) for n, a in weights.items()]
    graph = helper.make_graph(nodes, name, [x], [y], init)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="goldpath")
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def export_mlp(layers):
    """The first and last layers are Gemm, the one between MatMul and Add."""
    a, b, c = layers
    weights = {"fc1.w": a.w.T, "fc1.b": a.b, "fc2.w": b.w, "fc2.b": b.b, "fc3.w": c.w.T, "fc3.b": c.b}
    nodes = [
        helper.make_node("Gemm", ["x", "fc1.w", "fc1.b"], ["fc1"], "fc1", transB=1),
        helper.make_node("Relu", ["fc1"], ["relu1"], "relu1"),
        helper.make_node("MatMul", ["relu1", "fc2.w"], ["fc2"], "fc2"),
        helper.make_node("Add", ["fc2", "fc2.b"], ["add2"], "add2"),
        helper.make_node("Relu", ["add2"], ["relu2"], "relu2"),
        helper.make_node("Gemm", ["relu2", "fc3.w", "fc3.b"], ["logits"], "fc3", transB=1),
    ]
    return export("mlp", nodes, weights, [64])


def export_cnn(layers):
    conv1, depthwise, _, conv2, _, fc = layers
    weights = {"conv1.w": conv1.w, "conv1.b": conv1.b, "depthwise.w": depthwise.w, "depthwise.b": depthwise.b}
    weights |= {"conv2.w": conv2.w, "conv2.b": conv2.b, "fc.w": fc.w.T, "fc.b": fc.b}
    same = dict(kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1])
    nodes = [
        helper.make_node("Conv", ["x", "conv1.w", "conv1.b"], ["conv1"], "conv1", **same),
        helper.make_node("Relu", ["conv1"], ["relu1"], "relu1"),
        helper.make_node("Conv", ["relu1", "depthwise.w", "depthwise.b"], ["dw"], "depthwise", group=16, **same),
        helper.make_node("Relu", ["dw"], ["relu2"], "relu2"),
        helper.make_node("MaxPool", ["relu2"], ["pool"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["pool", "conv2.w", "conv2.b"], ["conv2"], "conv2", **same),
        helper.make_node("Relu", ["conv2"], ["relu3"], "relu3"),
        helper.make_node("GlobalAveragePool", ["relu3"], ["average"], "average"),
        helper.make_node("Flatten", ["average"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "fc.w", "fc.b"], ["logits"], "fc", transB=1),
    ]
    return export("cnn", nodes, weights, [1, 8, 8])


class Reader(CalibrationDataReader):
    def __init__(self, x):
        self.batches = iter([{"x": x[i : i + 64]} for i in range(0, len(x), 64)])

    def get_next(self):
        return next(self.batches, None)


def quantise(path, target, x, activation, weight, form, per_channel):
    quantize_static(
        str(path),
        str(target),
        Reader(x),
        quant_format={"qoperator": QuantFormat.QOperator, "qdq": QuantFormat.QDQ}[form],
        activation_type={"s8": QuantType.QInt8, "u8": QuantType.QUInt8}[activation],
        weight_type={"s8": QuantType.QInt8, "u8": QuantType.QUInt8}[weight],
        per_channel=per_channel,
    )
    model = onnx.load(target)
    del model.graph.value_info[:]
    onnx.save(model, target)
    return model


# Per tensor and per channel, symmetric and asymmetric weights.
SETTINGS = {
    ("mlp", "s8"): ("s8", True),
    ("mlp", "u8"): ("u8", False),
    ("cnn", "s8"): ("s8", True),
    ("cnn", "u8"): ("s8", False),
}


def fused_agrees(model, x, tensors):
    """QDQ: which Conv, MatMul and Gemm outputs differ between float32 (as made) and ONNX Runtime's fused kernels."""
    fused = reference.run(reference.exposed(model, tensors), x, "extended")
    return {n: int((fused[n] != t).sum()) for n, t in tensors.items() if (fused[n] != t).any()}


def main():
    digits = load_digits()
    pixels, labels = digits.data.astype(np.float32), digits.target.astype(np.int64)
    order = np.random.default_rng(7).permutation(len(pixels))
    pixels, labels = pixels[order], labels[order]
    split = 1437
    # The perceptron sees pixels on both sides of zero, the convolutions from zero up.
    views = {
        "mlp": ((pixels - 5) / 6).astype(np.float32),
        "cnn": (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8),
    }
    makers = {"mlp": (train.mlp, export_mlp, 40), "cnn": (train.cnn, export_cnn, 40)}
    np.save(HERE / "labels.npy", labels[split : split + IMAGES])
    report = {}
    for name, (build, export_one, epochs) in makers.items():
        rng = np.random.default_rng(20260101)
        x = views[name]
        layers = build(rng)
        train.fit(layers, x[:split], labels[:split], epochs, rng)
        model = export_one(layers)
        path = HERE / f"{name}.onnx"
        onnx.save(model, path)
        shown = x[split : split + IMAGES]
        np.save(HERE / f"{name}_inputs.npy", shown)
        scores = reference.run(model, x[split:])["logits"]
        report[name] = {"float": float((scores.argmax(1) == labels[split:]).mean())}
        assert report[name]["float"] > 0.93, report
        for activation in ("s8", "u8"):
            weight, per_channel = SETTINGS[name, activation]
            for form in ("qoperator", "qdq"):
                stem = f"{name}_{activation}_{form}"
                with tempfile.TemporaryDirectory() as folder:
                    made = quantise(
                        path, pathlib.Path(folder) / "m.onnx", x[:split], activation, weight, form, per_channel
                    )
                onnx.save(made, HERE / f"{stem}.onnx")
                tensors = reference.integer_tensors(made, shown)
                scores = reference.run(made, x[split:])["logits"]
                accuracy = float((scores.argmax(1) == labels[split:]).mean())
                first = scores[:IMAGES].argmax(1).astype(int).tolist()
                report[stem] = {
                    "accuracy": accuracy,
                    "tensors": len(tensors),
                    "values": int(sum(t.size for t in tensors.values())),
                    "labels": first,
                }
                if form == "qdq":
                    report[stem]["differs_when_fused"] = fused_agrees(made, shown, tensors)
                assert accuracy > 0.93, (stem, accuracy)
                assert all(t.shape[0] == IMAGES for t in tensors.values()), stem
                reference.save(HERE / f"{stem}.npz", shown, tensors)
                print(stem, accuracy, len(tensors), report[stem].get("differs_when_fused"))
    (HERE / "accuracy.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()

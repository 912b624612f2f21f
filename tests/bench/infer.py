"""How fast `goldpath infer` is beside ONNX Runtime, whole processes, on ResNet-50's layers in every form.

    python tests/bench/infer.py target/release/goldpath [--size 224] [--batch 1 16] [--rounds 5] [--threads 2]

The model has ResNet-50's shapes and random weights (what they are does not change the time), quantised by ONNX Runtime. Both
sides get the same number of threads and take turns; ONNX Runtime's optimisations are off, since they change the values. Ours
reads the model, runs it, and writes every integer tensor with its hash; theirs creates a session and runs it once. Every
tensor of ours is compared. Needs the packages of requirements.txt.
"""

import argparse
import json
import logging
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

BLOCKS = [(3, 64), (4, 128), (6, 256), (3, 512)]


class Net:
    """Nodes and weights as they are added."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights, self.count = [], [], 0

    def weight(self, shape, scale):
        name = f"w{len(self.weights)}"
        values = (self.random.standard_normal(shape) * scale).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def node(self, kind, inputs, **attributes):
        self.count += 1
        name = f"{kind.lower()}{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def conv(self, x, channels, filters, kernel, stride, relu=True):
        fan = channels * kernel * kernel
        w, b = self.weight((filters, channels, kernel, kernel), (2 / fan) ** 0.5), self.weight((filters,), 0.1)
        shape = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [kernel // 2] * 4}
        y = self.node("Conv", [x, w, b], **shape)
        return self.node("Relu", [y]) if relu else y


def resnet50(size):
    net = Net(50)
    x = net.conv("x", 3, 64, 7, 2)
    x = net.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for stage, (blocks, width) in enumerate(BLOCKS):
        for block in range(blocks):
            stride = 2 if block == 0 and stage > 0 else 1
            y = net.conv(net.conv(x, channels, width, 1, 1), width, width, 3, stride)
            y = net.conv(y, width, 4 * width, 1, 1, relu=False)
            if block == 0:
                x = net.conv(x, channels, 4 * width, 1, stride, relu=False)
            channels = 4 * width
            x = net.node("Relu", [net.node("Add", [y, x])])
    x = net.node("Flatten", [net.node("GlobalAveragePool", [x])])
    y = net.node("Gemm", [x, net.weight((1000, channels), 0.05), net.weight((1000,), 0.1)], transB=1)
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, size, size])]
    outputs = [helper.make_tensor_value_info(y, TensorProto.FLOAT, ["N", 1000])]
    graph = helper.make_graph(net.nodes, "resnet50", inputs, outputs, net.weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


class Calibration(CalibrationDataReader):
    def __init__(self, x):
        self.rest = iter([{"x": x}])

    def get_next(self):
        return next(self.rest, None)


def quantised(folder, size, x):
    """The forms, by name."""
    source = str(folder / "float.onnx")
    onnx.save(resnet50(size), source)
    wide = {"UseQDQContribOps": True}
    static = {
        "QDQ u8 x s8": (QuantFormat.QDQ, QuantType.QUInt8, {}),
        "QDQ s8 x s8": (QuantFormat.QDQ, QuantType.QInt8, {}),
        "QDQ u16 x s8": (QuantFormat.QDQ, QuantType.QUInt16, wide),
        "QOperator u8 x s8": (QuantFormat.QOperator, QuantType.QUInt8, {}),
    }
    forms = {}
    for name, (form, activations, options) in static.items():
        forms[name] = str(folder / f"{len(forms)}.onnx")
        quantize_static(
            source, forms[name], Calibration(x), quant_format=form, activation_type=activations,
            weight_type=QuantType.QInt8, per_channel=True, extra_options=options,
        )
    forms["dynamic u8 x u8"] = str(folder / "dynamic.onnx")
    quantize_dynamic(source, forms["dynamic u8 x u8"], weight_type=QuantType.QUInt8)
    return forms


def options(threads):
    made = ort.SessionOptions()
    made.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    made.intra_op_num_threads, made.log_severity_level = threads, 3
    return made


def theirs(model, x, threads):
    """In a process of its own: seconds to create the session, and to run it first."""
    start = time.perf_counter()
    session = ort.InferenceSession(model, options(threads), providers=["CPUExecutionProvider"])
    made = time.perf_counter()
    session.run(None, {"x": np.load(x)})
    print(made - start, time.perf_counter() - made, flush=True)


# A process of few bytes starts the one that is measured: a child's peak is at least what its parent held.
WATCH = """
import os, sys, time
start = time.perf_counter()
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - start, usage.ru_maxrss / 1024)
sys.exit(1 if status else 0)
"""


def run(command, threads):
    """Seconds, megabytes at the peak, and what it said."""
    watched = [sys.executable, "-I", "-S", "-c", WATCH, *command]
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
    done = subprocess.run(watched, stdout=subprocess.PIPE, env=environment, text=True)
    if done.returncode:
        sys.exit(f"{command[0]} failed")
    *said, seconds, megabytes = done.stdout.split()
    return float(seconds), float(megabytes), said


def differences(model, x, folder):
    """Integer tensors' values, and how many differ from ONNX Runtime's with one thread, which fixes the float sums."""
    index = json.loads((folder / "tensors.json").read_text())
    graph = onnx.load(model)
    outputs = {value.name for value in graph.graph.output}
    names = [entry["name"] for entry in index["tensors"]]
    graph.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in outputs)
    session = ort.InferenceSession(graph.SerializeToString(), options(1), providers=["CPUExecutionProvider"])
    answers = session.run(names, {"x": np.load(x)})
    files = [np.load(folder / entry["file"]) for entry in index["tensors"]]
    return sum(a.size for a in answers), sum(int((a != b).sum()) for a, b in zip(answers, files, strict=True))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("goldpath", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    logging.disable()
    random = np.random.default_rng(1)
    print(f"ONNX Runtime {ort.__version__}, {args.threads} threads, {args.size} x {args.size} images; seconds, medians")
    print("| form, images | values | differ | ours | theirs: create + run | ours / theirs | of run alone | MB ours, theirs |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        image = random.standard_normal((1, 3, args.size, args.size)).astype(np.float32)
        forms = quantised(folder, args.size, image)
        for images in args.batch:
            x = str(folder / "x.npy")
            np.save(x, random.standard_normal((images, 3, args.size, args.size)).astype(np.float32))
            for name, model in forms.items():
                rounds = []
                for _ in range(args.rounds):
                    # A folder of ours that is replaced would be read first.
                    shutil.rmtree(folder / "out", ignore_errors=True)
                    command = [args.goldpath, "infer", model, "--input", x, "--out", str(folder / "out"), "-q"]
                    seconds, megabytes, _ = run(command, args.threads)
                    peer = [sys.executable, os.path.abspath(__file__), "theirs", model, x, str(args.threads)]
                    _, their_megabytes, said = run(peer, args.threads)
                    create, first = map(float, said)
                    rounds.append((seconds, create, first, megabytes, their_megabytes))
                ours, create, first, mega, their_mega = (statistics.median(values) for values in zip(*rounds))
                ratio = statistics.median(s / (c + r) for s, c, r, *_ in rounds)
                alone = statistics.median(s / r for s, _, r, *_ in rounds)
                values, differ = differences(model, x, folder / "out")
                print(
                    f"| {name}, {images} | {values:,} | {differ} | {ours:.2f} | {create:.2f} + {first:.2f} "
                    f"| {ratio:.2f} | {alone:.2f} | {mega:.0f}, {their_mega:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    if sys.argv[1:2] == ["theirs"]:
        theirs(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()

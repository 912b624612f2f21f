"""Captures every tensor of an ONNX model, as ONNX Runtime computes it, for goldpath's --tensors.

    python scripts/capture_tensors.py MODEL.onnx X.npy T.npz
    python scripts/capture_tensors.py MODEL.onnx IN.npz T.npz    # several inputs, by name

Needs onnx, onnxruntime and numpy. Optimisations are off: every node computes what the file says. For an operator of your
own, register its library: `options.register_custom_ops_library(path)`.
"""

import sys

import numpy as np
import onnx
import onnxruntime as ort


def capture(model_path, feeds_path):
    """Every tensor by name, inputs included, constants left out."""
    model = onnx.load(model_path)
    constants = {tensor.name for tensor in model.graph.initializer}
    given = np.load(feeds_path)
    inputs = [value.name for value in model.graph.input if value.name not in constants]
    feeds = {name: given[name] for name in inputs} if feeds_path.endswith(".npz") else {inputs[0]: given}
    have = {value.name for value in model.graph.output}
    names = [name for node in model.graph.node for name in node.output if name]
    # A name is enough: ONNX Runtime knows the type of every tensor it computes.
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in have)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    outputs = [output.name for output in session.get_outputs()]
    return {**feeds, **dict(zip(outputs, session.run(outputs, feeds), strict=True))}


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    model, feeds, out = sys.argv[1:]
    tensors = {name: value for name, value in capture(model, feeds).items() if isinstance(value, np.ndarray)}
    np.savez(out, **tensors)
    print(f"{out}: {len(tensors)} tensors")

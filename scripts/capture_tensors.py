"""Captures every tensor of an ONNX model, as ONNX Runtime computes it, for goldpath's --tensors.

    python scripts/capture_tensors.py MODEL.onnx X.npy T.npz
    python scripts/capture_tensors.py MODEL.onnx IN.npz T.npz    # several inputs, by name

    python scripts/capture_tensors.py MODEL.onnx X.npy T.npz --custom-ops LIB.so

Needs onnx, onnxruntime and numpy. Optimisations are off: every node computes what the file says. An operator that ONNX
Runtime does not know comes from the library that --custom-ops names. Without one, compute its output in any way (PyTorch, by
hand): goldpath takes any .npz whose arrays have the names of tensors, in the type that the model gives them, and the output
of that operator alone is enough.
"""

import sys

import numpy as np
import onnx
import onnxruntime as ort


def capture(model_path, feeds_path, library=None):
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
    if library:
        options.register_custom_ops_library(library)
    try:
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as refused:  # ONNX Runtime has a class of its own for every kind of refusal.
        sys.exit(f"{model_path}: ONNX Runtime does not load it: {refused}\n\n{__doc__}")
    outputs = [output.name for output in session.get_outputs()]
    return {**feeds, **dict(zip(outputs, session.run(outputs, feeds), strict=True))}


if __name__ == "__main__":
    if len(sys.argv) not in (4, 6) or sys.argv[4:5] not in ([], ["--custom-ops"]):
        sys.exit(__doc__)
    model, feeds, out = sys.argv[1:4]
    captured = capture(model, feeds, *sys.argv[5:])
    tensors = {name: value for name, value in captured.items() if isinstance(value, np.ndarray)}
    np.savez(out, **tensors)
    print(f"{out}: {len(tensors)} tensors")

"""What ONNX Runtime says: every integer tensor of a model, optimisations disabled."""

import numpy as np
import onnx
import onnxruntime as ort

LEVELS = {
    "disabled": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
}


def run(model, x, level="disabled", names=None):
    """Runs `model` on its one input; returns {tensor name: array} for `names` (default: its own outputs)."""
    options = ort.SessionOptions()
    options.graph_optimization_level = LEVELS[level]
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    # Without VNNI, u8 x s8 products are otherwise summed in saturating int16 pairs.
    options.add_session_config_entry("session.x64quantprecision", "1")
    session = ort.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    names = names or [o.name for o in session.get_outputs()]
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: x})))


def exposed(model, only=None):
    """A copy of `model` with every node output (or those of `only`) a graph output."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    have = {o.name for o in copy.graph.output}
    for node in copy.graph.node:
        for name in node.output:
            if name and name not in have and (only is None or name in only):
                copy.graph.output.append(onnx.ValueInfoProto(name=name))
    return copy


def integer_tensors(model, x):
    """{name: array} of every node output of integer element type."""
    found = run(exposed(model), x)
    return {name: a for name, a in found.items() if np.issubdtype(a.dtype, np.integer)}


def save(path, x, tensors):
    """One compressed archive: `__input` and the reference tensors. Same data, same bytes."""
    np.savez_compressed(path, __input=x, **{k.replace("/", "_"): v for k, v in tensors.items()})

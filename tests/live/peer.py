"""ONNX Runtime with optimisations off, in a process of its own.

    python peer.py compare MODEL.onnx FEEDS.npz OUT    # OUT: what `goldpath infer` wrote of it
    python peer.py time    MODEL.onnx FEEDS.npz 2      # threads
    python peer.py capture MODEL.onnx FEEDS.npz A,B    # these tensors, beside the feeds, into given.npz

Prints one line of JSON.
"""

import json
import pathlib
import re
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort

INTEGERS = re.compile(r"tensor\(u?int\d+\)")


def session_of(model, threads):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def tensors(path, feeds, is_wanted):
    """The tensors that nodes of the model write, by name; float sums depend on the threads: one."""
    model = onnx.load(path)
    have = {value.name for value in model.graph.output}
    nodes = [node for node in model.graph.node if node.op_type != "Constant"]
    names = [name for node in nodes for name in node.output if name]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in have)
    session = session_of(model.SerializeToString(), 1)
    wanted = [output.name for output in session.get_outputs() if is_wanted(output)]
    return dict(zip(wanted, session.run(wanted, feeds), strict=True))


def capture(path, feeds, names):
    """Writes tensors for --tensors."""
    found = tensors(path, feeds, lambda output: output.name in names.split(","))
    np.savez(pathlib.Path(path).parent / "given.npz", **feeds, **found)
    return {"captured": len(found)}


def compare(path, feeds, out):
    """Counts values that differ, and integer tensors that goldpath does not have."""
    theirs = tensors(path, feeds, lambda output: INTEGERS.fullmatch(output.type))
    folder = pathlib.Path(out)
    ours = {entry["name"]: entry["file"] for entry in json.loads((folder / "tensors.json").read_text())["tensors"]}
    values, wrong = 0, {}
    for name, expected in theirs.items():
        if name not in ours:
            continue
        found = np.load(folder / ours[name])
        values += expected.size
        same = found.shape == expected.shape and found.dtype == expected.dtype
        differ = int((found != expected).sum()) if same else max(expected.size, 1)
        if differ:
            wrong[name] = differ
    missing = [name for name in theirs if name not in ours]
    return {
        "tensors": len(theirs) - len(missing),
        "values": values,
        "differ": sum(wrong.values()),
        "wrong": dict(list(wrong.items())[:5]),
        "missing": missing,
        "sizes": {name: tensor.size for name, tensor in theirs.items()},
    }


def timed(path, feeds, threads):
    """Seconds to make the session and run it once, seconds of a second run, and the process's peak in MiB."""
    begin = time.perf_counter()
    session = session_of(path, threads)
    session.run(None, feeds)
    whole = time.perf_counter() - begin
    begin = time.perf_counter()
    session.run(None, feeds)
    run = time.perf_counter() - begin
    peak = re.search(r"VmHWM:\s*(\d+) kB", pathlib.Path("/proc/self/status").read_text())
    return {"whole": whole, "run": run, "peak": int(peak[1]) / 1024}


if __name__ == "__main__":
    command, model, feeds, last = sys.argv[1:]
    feeds = dict(np.load(feeds))
    match command:
        case "compare":
            answer = compare(model, feeds, last)
        case "time":
            answer = timed(model, feeds, int(last))
        case _:
            answer = capture(model, feeds, last)
    print(json.dumps(answer))

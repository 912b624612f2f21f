"""ONNX Runtime and the NumPy loop, one thread each, told what to do by lines of JSON; takes turns with the benchmark.

Every answer is one line of JSON with `seconds` of this process's processor time, or with `error`.
"""

import json
import sys
import time

import numpy as np


def saturates_pairs(run_of):
    """Whether u8 x s8 is wrong here: x86 without VNNI sums pairs of products in 16 saturating bits."""
    a, w = np.full((4, 64), 255, np.uint8), np.full((64, 16), 113, np.int8)
    w[2::4], w[3::4] = -113, -113
    return bool((run_of(a, w)() != a.astype(np.int32) @ w.astype(np.int32)).any())


def ort_product(a, w):
    """MatMulInteger; where u8 x s8 saturates pairs, the weights are u8 with zero point 128, whose kernel is exact."""
    if a.dtype == np.uint8 and saturates_pairs(ort_session):
        return ort_session(a, (w.astype(np.int16) + 128).astype(np.uint8), np.uint8(128))
    return ort_session(a, w)


def ort_session(a, w, zero_point=None):
    """MatMulInteger with constant weights, so that ONNX Runtime packs them beforehand."""
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    kind = TensorProto.INT8 if a.dtype == np.int8 else TensorProto.UINT8
    shifted = zero_point is not None
    constants = [numpy_helper.from_array(w, "w")]
    constants += [numpy_helper.from_array(np.array(zero_point), "wz")] if shifted else []
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "w", "", "wz"] if shifted else ["a", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("a", kind, list(a.shape))],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [a.shape[0], w.shape[1]])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"a": a})[0]


def numpy_loop(a, w, dtype):
    """The loop that users write: every step of every output clipped to 16 bits."""
    a, w = a.astype(dtype), w.astype(dtype)

    def run():
        acc = np.zeros((a.shape[0], w.shape[1]), dtype)
        for k in range(a.shape[1]):
            acc = np.clip(acc + a[:, k, None] * w[k], -32768, 32767)
        return acc

    return run


MAKE = {
    "ort": ort_product,
    "numpy int32": lambda a, w: numpy_loop(a, w, np.int32),
    "numpy int64": lambda a, w: numpy_loop(a, w, np.int64),
}


def versions():
    import onnx
    import onnxruntime

    names = ((np, "NumPy"), (onnxruntime, "ONNX Runtime"), (onnx, "onnx"))
    return ", ".join(f"{name} {module.__version__}" for module, name in names)


def timed(run, repeats):
    begin = time.process_time()
    for _ in range(repeats):
        run()
    return time.process_time() - begin


def answer(request, contestants):
    match request["do"]:
        case "versions":
            return {"versions": versions()}
        case "make":
            a, w = np.load(request["a"]), np.load(request["w"])
            run = contestants[request["name"]] = MAKE[request["name"]](a, w)
            np.save(request["out"], run().astype(np.int32))
            return {"seconds": timed(run, 1)}
        case "time":
            return {"seconds": timed(contestants[request["name"]], request["repeats"])}


def main():
    contestants = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), contestants)
        except Exception as error:  # whatever it is, the benchmark says so and goes on without this contestant
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()

"""QuantizeLinear and DequantizeLinear in blocks, to and from 4 bits, with output_dtype (opset 21). Exact."""

import numpy as np
from onnx import TensorProto, helper

from . import Case, floats

TYPES = {
    "int4": (TensorProto.INT4, -8, 7),
    "uint4": (TensorProto.UINT4, 0, 15),
    "int8": (TensorProto.INT8, -128, 127),
    "uint8": (TensorProto.UINT8, 0, 255),
    "int16": (TensorProto.INT16, -32768, 32767),
}


def tensor(name, kind, values, raw):
    """Packed by onnx, as raw data or in the field of its type."""
    flat = [int(v) for v in values.reshape(-1)]
    if kind in ("int4", "uint4") and raw:
        nibbles = [v & 15 for v in flat] + [0] * (len(flat) % 2)
        packed = bytes(a | b << 4 for a, b in zip(nibbles[::2], nibbles[1::2]))
        return helper.make_tensor(name, TYPES[kind][0], values.shape, packed, raw=True)
    return helper.make_tensor(name, TYPES[kind][0], values.shape, flat)


def cases(random):
    # Some have a scale more than ONNX Runtime takes.
    for index in range(430):
        kind = str(random.choice(list(TYPES)))
        element, low, high = TYPES[kind]
        codes = lambda shape: random.integers(low, high, size=shape, endpoint=True)
        size = tuple(int(n) for n in random.integers(1, 6, size=int(random.integers(1, 4)), endpoint=True))
        axis = int(random.integers(len(size)))
        form = ["tensor", "axis", "block"][int(random.integers(3))]
        block = int(random.integers(1, size[axis], endpoint=True)) if form == "block" else 0
        shape = {"tensor": (), "axis": (size[axis],), "block": size[:axis] + (-(-size[axis] // max(block, 1)),) + size[axis + 1:]}[form]
        scale = (10.0 ** random.uniform(-2, 0.5, size=shape)).astype(np.float32)
        attributes = {"axis": axis - len(size) if random.random() < 0.3 else axis}
        if block:
            attributes["block_size"] = block
        held = [helper.make_tensor("s", TensorProto.FLOAT, shape, [float(v) for v in np.reshape(scale, -1)])]
        has_zero = random.random() < 0.7
        if has_zero:
            held.append(tensor("z", kind, np.asarray(codes(shape)), random.random() < 0.5))
        ends = ["s", "z"] if has_zero else ["s"]
        nodes, feeds = [], {}
        if index % 2:
            x = floats(random, size, scale=20.0)
            feeds["x"] = x
            more = dict(attributes)
            if not has_zero or random.random() < 0.2:
                more["output_dtype"] = element
            nodes.append(helper.make_node("QuantizeLinear", ["x"] + ends, ["codes"], **more))
        else:
            held.append(tensor("codes", kind, np.asarray(codes(size)), random.random() < 0.5))
        nodes.append(helper.make_node("DequantizeLinear", ["codes"] + ends, ["y"], **attributes))
        fed = [helper.make_tensor_value_info("x", TensorProto.FLOAT, size)] if feeds else []
        graph = helper.make_graph(nodes, "", fed, [helper.make_empty_tensor_value_info("y")], held)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10, producer_name="")
        yield Case(kind, model.SerializeToString(), feeds)

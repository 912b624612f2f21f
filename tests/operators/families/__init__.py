"""What the families share: a model of one node, and operands with corners in them."""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper, numpy_helper

TYPES = {
    "float32": TensorProto.FLOAT,
    "uint8": TensorProto.UINT8,
    "int8": TensorProto.INT8,
    "uint16": TensorProto.UINT16,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "bool": TensorProto.BOOL,
}
CORNERS = np.array(
    [np.nan, np.inf, -np.inf, -0.0, 0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 1e-45, -1e-45, 1e-38, 3.4028235e38, -3.4028235e38,
     88.7, 88.8, -87.4, -103.9, -104.5, 9.0, -9.0, 18.0, -18.0, 3.725, 0.921875, 1e-10, 16777217.0],
    np.float32,
)


@dataclass
class Case:
    kind: str
    model: bytes
    feeds: dict
    # Where ONNX Runtime has no kernel: a model of other operators that says the same.
    oracle: bytes = None


def case(kind, feeds, outputs=1, opset=17, domain="", constants=None, more=None, order=None, **attributes):
    """A model of one node; `feeds` and `constants` are by name, in the order of the node's inputs. A name that begins with
    `_` is an input left out; `more` are attributes whose names are parameters here; `order` is another order of the inputs."""
    constants = constants or {}
    inputs = order or list(feeds) + [name for name in constants if name not in feeds]
    inputs = [name if not name.startswith("_") else "" for name in inputs]
    names = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(kind, inputs, names, domain=domain, **attributes, **(more or {}))
    feeds = {name: np.asarray(value) for name, value in feeds.items() if not name.startswith("_")}
    fed = [helper.make_tensor_value_info(n, TYPES[v.dtype.name], v.shape) for n, v in feeds.items()]
    # The outputs' types are what ONNX infers.
    made = [helper.make_empty_tensor_value_info(name) for name in names]
    held = [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items() if not n.startswith("_")]
    graph = helper.make_graph([node], "", fed, made, held)
    imports = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    model = helper.make_model(graph, opset_imports=imports, ir_version=8, producer_name="")
    return Case(kind, model.SerializeToString(), feeds)


def shape(random, ranks=(0, 4), extents=(1, 4)):
    return tuple(int(n) for n in random.integers(*extents, size=random.integers(*ranks), endpoint=True))


def floats(random, shape, scale=3.0, corners=True):
    values = (random.standard_normal(shape) * scale).astype(np.float32)
    if corners and values.ndim and values.size and random.random() < 0.5:
        flat = values.reshape(-1)
        flat[random.integers(flat.size, size=max(1, flat.size // 4))] = random.choice(CORNERS, max(1, flat.size // 4))
    return values


def integers(random, shape, dtype, corners=True):
    info = np.iinfo(dtype)
    small = random.integers(-9 if info.min else 0, 10, size=shape).astype(dtype)
    if corners and random.random() < 0.4:
        return np.where(random.random(shape) < 0.3, random.choice(np.array([info.min, info.max], dtype), shape), small)
    return np.asarray(small, dtype)


def bools(random, shape):
    return np.asarray(random.random(shape) < 0.5)


def of_type(random, shape, dtype):
    if dtype == "float32":
        return floats(random, shape)
    return bools(random, shape) if dtype == "bool" else integers(random, shape, dtype)


def broadcast(random, ranks=(0, 4)):
    """Two shapes that broadcast, and what they broadcast to."""
    whole = shape(random, ranks)
    part = lambda: tuple(1 if random.random() < 0.25 else n for n in whole)[random.integers(0, len(whole), endpoint=True):]
    a, b = (whole, part()) if random.random() < 0.5 else (part(), part())
    return (a, b) if random.random() < 0.5 else (b, a)


def pattern(random, shape, corners=0.0):
    """Floats that repeat after a prime number of elements: large operands that stay small files."""
    values = (random.standard_normal(int(random.choice([17, 29, 61]))) * 2.0).astype(np.float32)
    if random.random() < corners:
        values[random.integers(len(values), size=3)] = random.choice(CORNERS, 3)
    return np.resize(values, shape)

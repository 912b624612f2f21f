"""A small ONNX model under construction, and the count of hard values (ties, saturations) it provokes."""

import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import reference

OUT = pathlib.Path(__file__).parent / "operators"
TYPES = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8, "int8": TensorProto.INT8}
HARD = {}


class Case:
    """Nodes that all hang on one input `x`; `dims` may name a symbolic batch."""

    def __init__(self, name, x, dims=None, opset=17, ir=8):
        self.name, self.x, self.opset, self.ir = name, x, opset, ir
        self.dims = dims or ["batch", *x.shape[1:]]
        self.nodes, self.inits, self.count = [], [], 0
        self.hard = {"ties": 0, "low": 0, "high": 0}

    def const(self, value, dtype=None):
        """An initialiser; returns its name."""
        array = np.asarray(value, dtype)
        self.count += 1
        name = f"c{self.count}"
        self.inits.append(numpy_helper.from_array(array, name))
        return name

    def add(self, op, inputs, name, outputs=None, **attributes):
        """A node; com.microsoft is told by its operator's name. Returns its first output's name."""
        contrib = {"QGemm", "QLinearAdd", "QLinearMul", "QLinearConcat"} | {
            "QLinearAveragePool",
            "QLinearGlobalAveragePool",
        }
        domain = "com.microsoft" if op in contrib else ""
        outputs = outputs or [name]
        self.nodes.append(helper.make_node(op, inputs, outputs, f"{name}_node", domain=domain, **attributes))
        return outputs[0]

    def q(self, x, scale, zero, name, **attributes):
        """QuantizeLinear; `zero` is a numpy scalar or array that names the type."""
        return self.add("QuantizeLinear", [x, self.const(scale, np.float32), self.const(zero)], name, **attributes)

    def dq(self, x, scale, zero, name, **attributes):
        return self.add("DequantizeLinear", [x, self.const(scale, np.float32), self.const(zero)], name, **attributes)

    def tally(self, value, zero):
        """Counts ties and values beyond the type of `zero` in the values before rounding (zero point not yet in)."""
        value, info = np.asarray(value, np.float64), np.iinfo(np.asarray(zero).dtype)
        value = value[np.isfinite(value)]
        self.hard["ties"] += int((np.abs(value - np.trunc(value)) == 0.5).sum())
        self.hard["low"] += int((np.rint(value) + float(zero) < info.min).sum())
        self.hard["high"] += int((np.rint(value) + float(zero) > info.max).sum())

    def model(self):
        x = helper.make_tensor_value_info("x", TYPES[self.x.dtype.name], self.dims)
        consumed = {i for n in self.nodes for i in n.input}
        last = [o for n in self.nodes for o in n.output if o not in consumed]
        outputs = [onnx.ValueInfoProto(name=o) for o in last]
        graph = helper.make_graph(self.nodes, self.name, [x], outputs, self.inits)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="goldpath")
        model.ir_version = self.ir
        return model

    def save(self, need=("ties", "low", "high"), one_by_one=False):
        """Writes model and references; `need` are the kinds of hard value that must occur."""
        model = self.model()
        onnx.save(model, OUT / f"{self.name}.onnx")
        if one_by_one:
            runs = [reference.integer_tensors(model, self.x[i : i + 1]) for i in range(len(self.x))]
            join = lambda parts: np.concatenate(parts) if parts[0].ndim else np.stack(parts)
            tensors = {k: join([r[k] for r in runs]) for k in runs[0]}
        else:
            tensors = reference.integer_tensors(model, self.x)
        reference.save(OUT / f"{self.name}.npz", self.x, tensors)
        values = int(sum(t.size for t in tensors.values()))
        HARD[self.name] = {"tensors": len(tensors), "values": values, **self.hard}
        for kind in need:
            assert self.hard[kind] > 0, (self.name, kind, self.hard)
        print(self.name, HARD[self.name])
        return tensors


def finish():
    (OUT / "cases.json").write_text(json.dumps(HARD, indent=1) + "\n")

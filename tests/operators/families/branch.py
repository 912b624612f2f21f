"""If, by a fed and by a constant condition: nested, with constants and tensors from around. Exact."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from . import Case, floats

FLOAT = TensorProto.FLOAT


class Writer:
    """Graphs whose tensors are all [rows, 4]."""

    def __init__(self, random):
        self.random, self.count = random, 0

    def name(self):
        # Short names: bodies call their tensors as others do.
        self.count += 1
        return f"t{self.count % 7}"

    def graph(self, seen, depth, name):
        """A body that reads some of `seen`, and answers two tensors."""
        random, nodes, held, own, taken = self.random, [], [], [], set(seen)
        def fresh():
            name = self.name()
            while name in taken:
                name = name + "_"
            taken.add(name)
            return name
        for _ in range(int(random.integers(1, 4))):
            x, out = str(random.choice(list(seen) + own)), fresh()
            kind = int(random.integers(6 if depth else 5))
            if kind == 0:
                w = fresh()
                held.append(numpy_helper.from_array(floats(random, (4, 4), corners=False), w))
                nodes.append(helper.make_node("MatMul", [x, w], [out]))
            elif kind == 1:
                nodes.append(helper.make_node("Add", [x, str(random.choice(list(seen) + own))], [out]))
            elif kind == 2:
                w = fresh()
                nodes.append(helper.make_node("Constant", [], [w], value=numpy_helper.from_array(floats(random, (4,)), "")))
                nodes.append(helper.make_node("Mul", [x, w], [out]))
            elif kind < 5:
                nodes.append(helper.make_node(str(random.choice(["Relu", "Neg", "Identity", "Abs"])), [x], [out]))
            else:
                other = fresh()
                nodes += self.choice(seen + own, depth - 1, [out, other])
                own.append(other)
            own.append(out)
        answers = [own[-1], own[0] if len(own) > 1 else own[-1]]
        if answers[0] == answers[1]:
            answers[1] = fresh()
            nodes.append(helper.make_node("Neg", [answers[0]], [answers[1]]))
        outputs = [helper.make_tensor_value_info(n, FLOAT, None) for n in answers]
        return helper.make_graph(nodes, name, [], outputs, held)

    def choice(self, seen, depth, outputs):
        random, nodes = self.random, []
        form = int(random.integers(4))
        condition = "fed" if form < 2 else "held" if form == 2 else f"made{self.count}_{depth}"
        if form == 3:
            nodes = [helper.make_node("Not", ["held"], [condition])]
        bodies = {name: self.graph(seen, depth, name) for name in ("then_branch", "else_branch")}
        return nodes + [helper.make_node("If", [condition], outputs, **bodies)]


def cases(random):
    # Some reuse names in a way that ONNX Runtime refuses.
    for _ in range(620):
        writer = Writer(random)
        rows = int(random.integers(1, 4))
        nodes = [helper.make_node("Neg", ["x"], ["a"])] + writer.choice(["x", "a"], 2, ["y0", "y1"])
        fed = [helper.make_tensor_value_info("x", FLOAT, [rows, 4]), helper.make_tensor_value_info("fed", TensorProto.BOOL, [1])]
        made = [helper.make_empty_tensor_value_info(name) for name in ("y0", "y1")]
        held = [numpy_helper.from_array(np.array([random.random() < 0.5]), "held")]
        graph = helper.make_graph(nodes, "", fed, made, held)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="")
        feeds = {"x": floats(random, (rows, 4)), "fed": np.array([random.random() < 0.5])}
        yield Case("If", model.SerializeToString(), feeds)

"""MatMulInteger and QLinearMatMul of vectors, matrices and batches: exact."""

import numpy as np

from . import case, integers


def operands(random):
    """Shapes of two operands that numpy's matmul multiplies."""
    m, k, n, b = (int(random.integers(1, 6)) for _ in range(4))
    forms = [((k,), (k,)), ((m, k), (k,)), ((b, m, k), (k,)), ((k,), (k, n)), ((m, k), (k, n)), ((b, m, k), (k, n))]
    forms += [((b, m, k), (b, k, n)), ((1, b, m, k), (2, 1, k, n)), ((m, k), (b, k, n))]
    return forms[random.integers(len(forms))]


def cases(random):
    for index in range(420):
        left, right = operands(random)
        kinds = [str(random.choice(["uint8", "int8"])), str(random.choice(["uint8", "int8"]))]
        a, b = (integers(random, size, kind) for size, kind in zip([left, right], kinds))
        zero = lambda kind: np.array(random.integers(0, 5), kind)
        scale = lambda low, high: np.float32(random.uniform(low, high))
        held = {"b": b} if random.random() < 0.5 else {}
        if index % 2:
            feeds = {"a": a, "b": b, "za": zero(kinds[0]), "zb": zero(kinds[1])}
            held |= {name: feeds[name] for name in ("za", "zb")}
            order, kind = list(feeds), "MatMulInteger"
        else:
            kinds[1] = "uint8" if kinds[0] == "uint8" and random.random() < 0.5 else "int8"
            b = integers(random, right, kinds[1])
            held = {"b": b} if held else {}
            feeds = {"a": a, "sa": scale(0.01, 0.1), "za": zero(kinds[0]), "b": b, "sb": scale(0.01, 0.1)}
            feeds |= {"zb": zero(kinds[1]), "sy": scale(0.05, 0.5), "zy": zero(kinds[0])}
            held |= {name: value for name, value in feeds.items() if name not in "ab"}
            order, kind = list(feeds), "QLinearMatMul"
        fed = {name: value for name, value in feeds.items() if name not in held}
        yield case(kind, fed, opset=17, constants=held, order=order)

"""float32 Gemm: factors, transposed operands, every shape of C, a right operand that is an initialiser or computed."""

from . import case, pattern
from .matmul import extents


def cases(random):
    for _ in range(400):
        m, n, k = extents(random)
        turn_a, turn_b = (int(random.random() < 0.4) for _ in range(2))
        feeds = {
            "a": pattern(random, (k, m) if turn_a else (m, k), 0.05),
            "b": pattern(random, (n, k) if turn_b else (k, n), 0.05),
        }
        if random.random() < 0.7:
            shapes = [(m, n), (n,), (1, n), (m, 1), (1, 1), (1,), ()]
            feeds["c"] = pattern(random, shapes[random.integers(len(shapes))], 0.1)
        alpha, beta = (float(random.choice([1.0, 1.0, 0.3, -1.7, 0.0])) for _ in range(2))
        constants = {"b": feeds.pop("b")} if random.random() < 0.4 else {}
        constants |= {"c": feeds.pop("c")} if "c" in feeds and (constants or random.random() < 0.3) else {}
        yield case("Gemm", feeds, constants=constants, alpha=alpha, beta=beta, transA=turn_a, transB=turn_b)

"""float32 MatMul: batches, operands of rank 1, a right operand that is an initialiser or computed."""

import numpy as np

from . import case, pattern

WIDE = [1, 1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 16, 17, 20, 31, 32, 33, 40, 63, 64, 65, 100, 127, 128, 129, 200, 300]
DEEP = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 128, 129, 130, 255, 256, 257, 300, 384, 511, 513]
VERY = [576, 640, 1000, 1023, 1024, 1025, 1152, 2047, 2049, 3000]


def extents(random):
    m, n = int(random.choice(WIDE)), int(random.choice(WIDE))
    k = int(random.choice(DEEP if random.random() < 0.7 else VERY))
    # Mostly few outputs, so that the answers stay small.
    most = 600 if random.random() < 0.08 else 90
    while m * n > most:
        m, n = (max(1, m // 3), n) if random.random() < 0.5 else (m, max(1, n // 3))
    return m, n, k


def batch(random):
    return tuple(int(e) for e in random.integers(1, 2, size=random.integers(0, 3), endpoint=True))


def cases(random):
    for _ in range(400):
        m, n, k = extents(random)
        whole = batch(random)
        part = lambda: tuple(1 if random.random() < 0.3 else e for e in whole)[random.integers(0, len(whole) + 1):]
        a, b = (whole + (m, k), part() + (k, n)) if random.random() < 0.5 else (part() + (m, k), whole + (k, n))
        form = random.random()
        if form < 0.3:
            b = (k, n)
        elif form < 0.4:
            a = (k,)
        elif form < 0.5:
            b = (k,)
        operands = {"a": pattern(random, a, 0.05), "b": pattern(random, b, 0.05)}
        if random.random() < 0.4:
            yield case("MatMul", {"a": operands["a"]}, constants={"b": operands["b"]})
        else:
            yield case("MatMul", operands)

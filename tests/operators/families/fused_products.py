"""FusedMatMul, FusedConv with a tensor to add to, and MatMulNBits: within 32 units in the last place of the largest."""

import numpy as np

from . import case, floats


def fused_matmul(random):
    batch = tuple(int(n) for n in random.integers(1, 3, size=int(random.integers(0, 3))))
    m, n, k = (int(v) for v in random.integers(1, 9, size=3))
    a, b = int(random.integers(2)), int(random.integers(2))
    first, second = batch + ((k, m) if a else (m, k)), batch + ((n, k) if b else (k, n))
    more = {"transA": a, "transB": b, "alpha": float(np.float32(random.choice([1.0, 0.125, random.uniform(0.1, 2)])))}
    operands = {"a": floats(random, first, corners=False), "b": floats(random, second, corners=False)}
    held = {"b": operands["b"]} if random.random() < 0.4 else {}
    return "FusedMatMul", {name: v for name, v in operands.items() if name not in held}, held, more


def fused_conv(random):
    filters, cin = (int(v) for v in random.integers(1, 5, size=2))
    size = [int(v) for v in random.integers(3, 5, size=2)]
    feeds = {"x": floats(random, (1, cin, *size), corners=False)}
    held = {"w": floats(random, (filters, cin, 3, 3), 1.0, False), "b": floats(random, (filters,), corners=False)}
    held["z"] = floats(random, (1, filters, *size), corners=False)
    return "FusedConv", feeds, held, {"activation": "Relu", "kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}


def n_bits(random):
    bits = int(random.choice([4, 4, 8]))
    n, k, block = int(random.integers(1, 6)), int(random.integers(1, 24)), int(random.choice([16, 16, 16, 32]))
    blocks, per = -(-k // block), 8 // bits
    codes = random.integers(0, 256, size=(n, blocks, block * bits // 8)).astype(np.uint8)
    held = {"b": codes, "s": (10.0 ** random.uniform(-2, 0, size=n * blocks)).astype(np.float32)}
    if random.random() < 0.5:
        held["z"] = random.integers(0, 256, size=n * -(-blocks // per)).astype(np.uint8)
    feeds = {"a": floats(random, (int(random.integers(1, 4)), k), corners=False)}
    return "MatMulNBits", feeds, held, {"K": k, "N": n, "bits": bits, "block_size": block}


def cases(random):
    for index in range(420):
        kind, feeds, held, more = [fused_matmul, fused_matmul, fused_conv, n_bits][index % 4](random)
        yield case(kind, feeds, domain="com.microsoft", constants=held, more=more)

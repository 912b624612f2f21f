"""Conv and ConvTranspose over three axes: exact."""

from . import case, floats


def cases(random):
    for index in range(440):
        rank = 3
        groups = int(random.choice([1, 1, 2]))
        cin, own = (int(v) for v in random.integers(1, 3, size=2))
        kernel = [int(k) for k in random.choice([1, 2, 2, 3], size=rank)]
        strides = [int(s) for s in random.choice([1, 1, 2], size=rank)]
        dilations = [int(d) for d in random.choice([1, 1, 2], size=rank)]
        pads = [int(p) for p in random.integers(0, 2, size=2 * rank)]
        attributes = {"strides": strides, "dilations": dilations, "group": groups}
        if random.random() < 0.7:
            attributes["pads"] = pads
        if random.random() < 0.5:
            attributes["kernel_shape"] = kernel
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
        size = [int(random.integers(r, r + 2)) for r in reach]
        if index % 2:
            # Of one position ONNX Runtime forms another product.
            size = [int(n) for n in random.integers(1, 4, size=rank)]
            size[2] += size == [1, 1, 1]
        x = floats(random, (1, cin * groups, *size), corners=False)
        shape = (cin * groups, own, *kernel) if index % 2 else (own * groups, cin, *kernel)
        held = {"w": floats(random, shape, 1.0, False)}
        if random.random() < 0.6:
            held["b"] = floats(random, (own * groups,), corners=False)
        yield case("ConvTranspose" if index % 2 else "Conv", {"x": x}, constants=held, **attributes)

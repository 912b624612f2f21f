"""The architectures: each writes itself into a `Net` and names its outputs."""

import numpy as np

from net import Net


def residual(net):
    x = net.relu(net.conv(net.input("x", "N", 3, 10, 10), (3, 8)))
    y = net.conv(net.relu(net.conv(x, (8, 8))), (8, 8))
    x = net.relu(net.add(y, x))
    y = net.conv(net.relu(net.conv(x, (8, 12), strides=[2, 2])), (12, 12))
    x = net.relu(net.add(y, net.conv(x, (8, 12), kernel=1, strides=[2, 2])))
    x = net.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    net.output(net.pooled_head(x, 12, 6))


def mobile(net):
    """Inverted residuals: expand, depthwise, project."""
    x = net.clip6(net.conv(net.input("x", 1, 3, 12, 12), (3, 6), strides=[2, 2]))
    for wide, out, kernel, stride in ((18, 6, 3, 1), (18, 8, 5, 2), (24, 8, 3, 1)):
        into = 6 if wide == 18 else 8
        y = net.clip6(net.conv(x, (into, wide), kernel=1))
        y = net.clip6(net.conv(y, (wide, wide), kernel=kernel, group=wide, strides=[stride, stride]))
        y = net.conv(y, (wide, out), kernel=1)
        x = net.add(x, y) if out == into and stride == 1 else y
    x = net.clip6(net.conv(x, (8, 16), kernel=1))
    x = net.node("AveragePool", x, kernel_shape=[3, 3])
    net.output(net.dense(net.node("Flatten", x), 16, 5, name="head"))


def squeeze_excite(net):
    x = net.node("HardSwish", net.conv(net.input("x", "N", 3, 8, 8), (3, 8)))
    for kind in ("HardSigmoid", "Sigmoid"):
        y = net.node("HardSwish", net.conv(x, (8, 8), group=8))
        pooled = net.node("ReduceMean", y, axes=[2, 3], keepdims=1)
        gate = net.conv(net.relu(net.conv(pooled, (8, 4), kernel=1)), (4, 8), kernel=1)
        x = net.add(x, net.conv(net.mul(y, net.node(kind, gate)), (8, 8), kernel=1))
    x = net.node("ReduceMean", x, axes=[2, 3], keepdims=0)
    net.output(net.dense(x, 8, 5, name="head"))


def unet(net):
    x = net.input("x", 2, 2, 12, 12)
    first = net.relu(net.conv(x, (2, 6)))
    x = net.node("MaxPool", first, kernel_shape=[2, 2], strides=[2, 2])
    second = net.relu(net.conv(x, (6, 8)))
    x = net.node("MaxPool", second, kernel_shape=[2, 2], strides=[2, 2])
    x = net.relu(net.conv(x, (8, 8)))
    scales = net.constant([1, 1, 2, 2])
    up = net.node("Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    x = net.relu(net.conv(net.concat(up, second), (16, 8)))
    up = net.transposed(x, (8, 6), strides=[2, 2])
    x = net.relu(net.conv(net.concat(up, first), (12, 6)))
    net.output(net.node("Sigmoid", net.conv(x, (6, 3), kernel=1, name="mask")))
    small = net.conv(x, (6, 2), kernel=1, strides=[2, 2])
    sizes = net.integers(2, 2, 12, 12)
    large = net.node("Resize", small, "", "", sizes, mode="linear", coordinate_transformation_mode="half_pixel")
    net.output(net.conv(large, (2, 2), name="depth"))


def attention(net, x, width, heads, tokens, mask=None, scale="Mul"):
    """Softmax(q·kᵀ)·v over heads; both products are of two activations."""
    size = width // heads
    split = lambda y: net.transpose(net.reshape(y, -1, tokens, heads, size), 0, 2, 1, 3)
    q, k, v = (split(net.linear(x, width, width)) for _ in "qkv")
    scores = net.node("MatMul", q, net.transpose(k, 0, 1, 3, 2))
    root = np.sqrt(size)
    scores = net.node(scale, scores, net.constant(1 / root if scale == "Mul" else root))
    if mask:
        scores = net.node("Where", mask, scores, net.constant(-12))
    y = net.node("MatMul", net.node("Softmax", scores, axis=-1), v)
    return net.linear(net.reshape(net.transpose(y, 0, 2, 1, 3), -1, tokens, width), width, width)


def transformer(net):
    """Encoder layer after encoder layer, the second with a causal mask."""
    x = net.linear(net.input("x", "N", 8, 6), 6, 12)
    x = net.add(x, net.constant(net.random.standard_normal((1, 8, 12)) * 0.5))
    steps = net.node("Range", *(net.constant(n, np.int64) for n in (0, 8, 1)))
    rows = net.node("Unsqueeze", steps, net.integers(1))
    mask = net.node("LessOrEqual", net.node("Unsqueeze", steps, net.integers(0)), rows)
    for layer in range(2):
        y = attention(net, x, 12, 3, 8, mask if layer else None, "Mul" if layer else "Div")
        x = net.layer_norm(net.add(x, y), 12)
        y = net.linear(net.gelu(net.linear(x, 12, 24)), 24, 12)
        x = net.layer_norm(net.add(x, y), 12)
    x = net.node("ReduceMean", x, axes=[1], keepdims=0)
    net.output(net.dense(x, 12, 4, name="head"), mask)


def decomposed_norm(net, x, width):
    """LayerNormalization as opsets before 17 export it."""
    centred = net.node("Sub", x, net.node("ReduceMean", x, axes=[-1]))
    variance = net.node("ReduceMean", net.node("Pow", centred, net.constant(2)), axes=[-1])
    root = net.node("Sqrt", net.add(variance, net.constant(1e-5)))
    scaled = net.mul(net.node("Div", centred, root), net.constant(1 + net.random.standard_normal(width) * 0.2))
    return net.add(scaled, net.bias(width))


def patches(net):
    """A vision transformer with a class token, exported with shapes that are computed."""
    x = net.input("x", "N", 3, 8, 8)
    x = net.conv(x, (3, 12), kernel=4, strides=[4, 4], pads=[0, 0, 0, 0])
    batch = net.node("Gather", net.node("Shape", x), net.constant(0, np.int64), axis=0)
    batch = net.node("Unsqueeze", batch, net.integers(0))
    shape = net.concat(batch, net.integers(12), net.integers(-1), axis=0)
    x = net.transpose(net.node("Reshape", x, shape), 0, 2, 1)
    token = net.constant(net.random.standard_normal((1, 1, 12)))
    token = net.node("Expand", token, net.concat(batch, net.integers(1, 1), axis=0))
    x = net.add(net.concat(token, x), net.constant(net.random.standard_normal((1, 5, 12))))
    y = net.linear(decomposed_norm(net, x, 12), 12, 36)
    q, k, v = net.node("Split", y, outputs=3, axis=2)
    scores = net.node("MatMul", q, net.transpose(k, 0, 2, 1))
    scores = net.mul(scores, net.constant(1 / np.sqrt(12)))
    y = net.node("MatMul", net.node("Softmax", scores), v)
    x = net.add(x, net.linear(y, 12, 12))
    y = net.gelu(net.linear(decomposed_norm(net, x, 12), 12, 24))
    x = decomposed_norm(net, net.add(x, net.linear(y, 24, 12)), 12)
    x = net.node("Gather", x, net.constant(0, np.int64), axis=1)
    net.output(net.dense(x, 12, 5, name="head"))


def lstm(net):
    """Text recognition: columns of a picture through a bidirectional LSTM."""
    x = net.relu(net.conv(net.input("x", "N", 1, 8, 16), (1, 6)))
    x = net.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = net.relu(net.conv(x, (6, 8), kernel=(4, 1), pads=[0, 0, 0, 0]))
    x = net.transpose(net.node("Squeeze", x, net.integers(2)), 2, 0, 1)
    y = net.recurrent("LSTM", x, 8, 6, both=True)[0]
    y = net.reshape(net.transpose(y, 0, 2, 1, 3), 0, 0, -1)
    y = net.linear(y, 12, 7)
    net.output(net.node("Softmax", y, axis=-1), net.node("ArgMax", y, axis=-1, keepdims=0))


def gru(net):
    """Noise suppression: a state goes in and comes out, gains go onto the input."""
    x, state = net.input("x", 6, 2, 8), net.input("state", 1, 2, 10)
    y = net.node("Tanh", net.linear(x, 8, 12))
    y, after = net.recurrent("GRU", y, 12, 10, initial=[state], linear_before_reset=1)
    y = net.node("Squeeze", y, net.integers(1))
    y = net.concat(y, x, axis=2)
    gains = net.node("Sigmoid", net.linear(y, 18, 8))
    net.output(net.mul(gains, x), after)


def keyword(net):
    """Keyword spotting on rank-3 tensors: separable one-dimensional convolutions."""
    x = net.input("x", "N", 6, 30)
    x = net.relu(net.normalized(net.conv(x, (6, 10), kernel=(5,), strides=[2], bias=False), 10))
    for kernel in ((3,), (5,)):
        y = net.conv(x, (10, 10), kernel=kernel, group=10)
        x = net.relu(net.normalized(net.conv(y, (10, 10), kernel=(1,), bias=False), 10))
    x = net.node("MaxPool", x, kernel_shape=[3], strides=[2])
    net.output(net.node("Softmax", net.pooled_head(x, 10, 6)))


def temporal(net):
    """Dilated causal convolutions with gates and skips, as voice activity detectors have them."""
    x = net.conv(net.input("x", "N", 4, 24), (4, 8), kernel=(1,))
    skips = []
    for dilation in (1, 2, 4):
        pads = net.integers(0, 0, 2 * dilation, 0, 0, 0)
        padded = net.node("Pad", x, pads, net.constant(0))
        both = net.conv(padded, (8, 16), kernel=(3,), dilations=[dilation], pads=[0, 0])
        left, right = net.node("Split", both, outputs=2, axis=1)
        y = net.mul(net.node("Tanh", left), net.node("Sigmoid", right))
        skips.append(net.conv(y, (8, 6), kernel=(1,)))
        x = net.add(x, net.conv(y, (8, 8), kernel=(1,)))
    y = net.relu(net.concat(*skips))
    y = net.conv(y, (18, 4), kernel=(1,))
    net.output(net.node("ReduceMax", y, axes=[2], keepdims=0))


def detector(net):
    """One-stage detector: split blocks, pooled pyramid, two heads of boxes and classes that are decoded."""
    x = net.silu(net.conv(net.input("x", 1, 3, 16, 16), (3, 8), strides=[2, 2]))
    left, right = net.node("Split", net.silu(net.conv(x, (8, 8), kernel=1)), outputs=2, axis=1)
    y = net.add(right, net.silu(net.conv(right, (4, 4))))
    fine = net.silu(net.conv(net.concat(left, right, y), (12, 8), kernel=1))
    x = net.silu(net.conv(fine, (8, 8), strides=[2, 2]))
    pools = [x]
    for _ in range(2):
        pools.append(net.node("MaxPool", pools[-1], kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
    coarse = net.silu(net.conv(net.concat(*pools), (24, 8), kernel=1))
    up = net.node("Resize", coarse, "", net.constant([1, 1, 2, 2]), mode="nearest")
    fine = net.silu(net.conv(net.concat(up, fine), (16, 8)))
    flat = lambda y, n: net.reshape(net.conv(y, (8, 7), kernel=1), 1, 7, n)
    y = net.concat(flat(fine, 64), flat(coarse, 16), axis=2)
    cells = np.stack(np.meshgrid(np.arange(80) % 8, [0, 1]), 0)[0] + 0.5
    centre = net.mul(net.node("Sigmoid", net.slice(y, 0, 2, 1)), net.constant(2))
    centre = net.mul(net.add(net.node("Sub", centre, net.constant(0.5)), net.constant(cells[None])), net.constant(2))
    size = net.node("Pow", net.mul(net.node("Sigmoid", net.slice(y, 2, 4, 1)), net.constant(2)), net.constant(2))
    classes = net.node("Sigmoid", net.slice(y, 4, 7, 1))
    net.output(net.transpose(net.concat(centre, size, classes), 0, 2, 1))
    best, places = net.node("TopK", net.node("ReduceMax", classes, axes=[1], keepdims=0), net.integers(5), outputs=2)
    net.output(best, net.node("Gather", net.node("ArgMax", classes, axis=1, keepdims=0), places, axis=1))


def dense_blocks(net):
    """Every layer reads all that lie before it; normalised before the convolution."""
    x, width = net.conv(net.input("x", "N", 3, 8, 8), (3, 6)), 6
    for block in range(2):
        for _ in range(2):
            y = net.relu(net.normalized(x, width))
            x, width = net.concat(x, net.conv(y, (width, 4), bias=False)), width + 4
        if block == 0:
            x = net.conv(net.relu(net.normalized(x, width)), (width, 8), kernel=1)
            x, width = net.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]), 8
    net.output(net.pooled_head(net.relu(net.normalized(x, width)), width, 5))


def super_resolution(net):
    """Pixels into channels and back, with parametric activations and reflected borders."""
    x = net.input("x", "N", 2, 12, 12)
    y = net.node("SpaceToDepth", x, blocksize=2)
    y = net.node("Pad", y, net.integers(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect")
    slopes = lambda: net.constant(net.random.uniform(0.05, 0.4, (10, 1, 1)))
    y = net.node("PRelu", net.conv(y, (8, 10), pads=[0, 0, 0, 0]), slopes())
    z = net.node("PRelu", net.conv(y, (10, 10), group=2), slopes())
    z = net.add(y, net.node("LeakyRelu", net.conv(z, (10, 10)), alpha=0.1))
    z = net.node("DepthToSpace", net.conv(z, (10, 8)), blocksize=2, mode="CRD")
    net.output(net.node("Clip", net.add(x, z), net.constant(-2), net.constant(2)))


def matching(net):
    """Two inputs through one set of weights, compared."""
    weights = net.weight(8, 3, 3, 3, fan_in=27), net.bias(8)
    head = net.weight(6, 8, fan_in=8), net.bias(6)

    def branch(name):
        x = net.node("Conv", net.input(name, "N", 3, 8, 8), *weights, name=f"conv_{name}", strides=[2, 2], pads=[1] * 4)
        x = net.node("Elu", x)
        x = net.node("Flatten", net.node("GlobalAveragePool", x))
        x = net.node("Gemm", x, *head, transB=1, name=f"embed_{name}")
        return net.node("Div", x, net.node("ReduceL2", x, axes=[1], keepdims=1))

    a, b = branch("a"), branch("b")
    apart = net.node("Abs", net.node("Sub", a, b))
    y = net.relu(net.dense(net.concat(apart, net.mul(a, b)), 12, 8, name="mix"))
    y = net.node("Sigmoid", net.dense(y, 8, 3, name="head"))
    net.output(y, net.node("Greater", y, net.constant(0.5)))


def generator(net):
    """Dense layers grow into a picture by transposed convolutions."""
    x = net.dense(net.input("x", 1, 10), 10, 16, name="mean")
    spread = net.node("Exp", net.mul(net.dense("x", 10, 16, name="spread"), net.constant(0.25)))
    x = net.mul(net.node("Softplus", x), spread)
    x = net.node("Elu", net.dense(x, 16, 48, name="grow"))
    x = net.reshape(x, -1, 12, 2, 2)
    x = net.relu(net.normalized(net.transposed(x, (12, 8), kernel=3, strides=[2, 2], pads=[1] * 4, output_padding=[1, 1]), 8))
    x = net.node("InstanceNormalization", net.conv(x, (8, 8)), net.constant(np.ones(8)), net.bias(8))
    x = net.node("LeakyRelu", net.transposed(x, (8, 6), kernel=4, strides=[2, 2], pads=[1] * 4), alpha=0.2)
    net.output(net.node("Tanh", net.conv(x, (6, 3), name="picture")))


def trained(net):
    """For training with quantisers in the graph: normalisation behind every convolution."""
    x = net.input("x", "N", 3, 8, 8)
    x = net.relu(net.normalized(net.conv(x, (3, 8)), 8))
    y = net.relu(net.normalized(net.conv(x, (8, 8), group=4, bias=False), 8))
    y = net.normalized(net.conv(y, (8, 8)), 8)
    x = net.relu(net.add(x, y))
    x = net.node("Flatten", net.node("MaxPool", x, kernel_shape=[4, 4], strides=[4, 4]))
    net.output(net.dense(net.relu(net.linear(x, 32, 12)), 12, 5, name="head"))


# Architecture, opset.
ALL = {
    residual: 13,
    mobile: 13,
    squeeze_excite: 17,
    unet: 17,
    transformer: 17,
    patches: 13,
    lstm: 17,
    gru: 17,
    keyword: 13,
    temporal: 17,
    detector: 17,
    dense_blocks: 13,
    super_resolution: 17,
    matching: 17,
    generator: 17,
    trained: 13,
}


def network(architecture):
    net = Net(architecture.__name__, ALL[architecture])
    architecture(net)
    return net

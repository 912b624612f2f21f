"""Two small digit classifiers, trained by plain numpy: back-propagation over im2col, Adam, a fixed seed."""

import numpy as np


def columns(x, k, pad):
    """[n, c, h, w] -> [n, h, w, c, k, k]: every k x k window (stride 1) of the padded image."""
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5)


def uncolumns(g, shape, pad):
    """Adjoint of `columns`: window gradients summed back into the image of `shape`."""
    n, h, w, c, k, _ = g.shape
    out = np.zeros((n, c, h + k - 1, w + k - 1), g.dtype)
    for i in range(k):
        for j in range(k):
            out[:, :, i : i + h, j : j + w] += g[:, :, :, :, i, j].transpose(0, 3, 1, 2)
    return out[:, :, pad : pad + shape[2], pad : pad + shape[3]]


class Conv:
    """3x3 convolution, padding 1, ReLU; `depthwise` keeps the channels apart."""

    def __init__(self, rng, cin, cout, depthwise=False):
        self.depthwise = depthwise
        fan = 9 if depthwise else 9 * cin
        self.w = rng.normal(0, np.sqrt(2 / fan), (cout, 1 if depthwise else cin, 3, 3)).astype(np.float32)
        self.b = np.zeros(cout, np.float32)

    def forward(self, x):
        self.shape, self.cols = x.shape, columns(x, 3, 1)
        if self.depthwise:
            y = np.einsum("nhwcij,cij->nchw", self.cols, self.w[:, 0], optimize=True)
        else:
            y = np.tensordot(self.cols, self.w, ((3, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
        self.y = np.maximum(y + self.b[:, None, None], 0)
        return self.y

    def backward(self, g):
        g = g * (self.y > 0)
        self.gb = g.sum((0, 2, 3))
        if self.depthwise:
            self.gw = np.einsum("nchw,nhwcij->cij", g, self.cols, optimize=True)[:, None]
            cols = np.einsum("nchw,cij->nhwcij", g, self.w[:, 0], optimize=True)
        else:
            self.gw = np.tensordot(g, self.cols, ((0, 2, 3), (0, 1, 2)))
            cols = np.tensordot(g, self.w, ((1,), (0,)))
        return uncolumns(cols, self.shape, 1)


class MaxPool:
    """2x2, stride 2."""

    w = b = None

    def forward(self, x):
        n, c, h, w = x.shape
        tiles = x.reshape(n, c, h // 2, 2, w // 2, 2)
        y = tiles.max((3, 5))
        self.mask = tiles == y[:, :, :, None, :, None]
        self.mask = self.mask / self.mask.sum((3, 5), keepdims=True)
        return y

    def backward(self, g):
        n, c, h, w = g.shape
        return (self.mask * g[:, :, :, None, :, None]).reshape(n, c, 2 * h, 2 * w).astype(np.float32)


class Average:
    """Global average pooling and flatten."""

    w = b = None

    def forward(self, x):
        self.shape = x.shape
        return x.mean((2, 3))

    def backward(self, g):
        n, c, h, w = self.shape
        return np.broadcast_to(g[:, :, None, None] / (h * w), self.shape).astype(np.float32)


class Dense:
    """Fully connected; weights [in, out]."""

    def __init__(self, rng, cin, cout, relu):
        self.relu = relu
        self.w = rng.normal(0, np.sqrt(2 / cin), (cin, cout)).astype(np.float32)
        self.b = np.zeros(cout, np.float32)

    def forward(self, x):
        self.x = x
        y = x @ self.w + self.b
        self.y = np.maximum(y, 0) if self.relu else y
        return self.y

    def backward(self, g):
        if self.relu:
            g = g * (self.y > 0)
        self.gw, self.gb = self.x.T @ g, g.sum(0)
        return g @ self.w.T


def fit(layers, x, y, epochs, rng, rate=2e-3, decay=1e-4):
    """Adam on the cross entropy."""
    params = [(l, n) for l in layers if l.w is not None for n in "wb"]
    state = {(id(l), n): [np.zeros_like(getattr(l, n))] * 2 for l, n in params}
    step = 0
    for epoch in range(epochs):
        lr = rate * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        order = rng.permutation(len(x))
        for at in range(0, len(x), 32):
            pick = order[at : at + 32]
            g = predict(layers, x[pick])
            g = np.exp(g - g.max(1, keepdims=True))
            g /= g.sum(1, keepdims=True)
            g[np.arange(len(pick)), y[pick]] -= 1
            g = (g / len(pick)).astype(np.float32)
            for layer in reversed(layers):
                g = layer.backward(g)
            step += 1
            for layer, name in params:
                value, grad = getattr(layer, name), getattr(layer, "g" + name)
                m, v = state[id(layer), name]
                m, v = 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2
                state[id(layer), name] = [m, v]
                move = (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
                setattr(layer, name, (value - lr * (move + decay * value)).astype(np.float32))


def predict(layers, x):
    for layer in layers:
        x = layer.forward(x)
    return x


def mlp(rng):
    return [Dense(rng, 64, 48, True), Dense(rng, 48, 32, True), Dense(rng, 32, 10, False)]


def cnn(rng):
    return [
        Conv(rng, 1, 16),
        Conv(rng, 16, 16, depthwise=True),
        MaxPool(),
        Conv(rng, 16, 32),
        Average(),
        Dense(rng, 32, 10, False),
    ]

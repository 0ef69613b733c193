"""The peers of the convolution benchmark: the same layers in PyTorch and in JAX."""

import subprocess
import sys

import measuring
import numpy as np

from digit_recognizer import nn

PREDICTION_ROWS = 1000


class Torch:
    """A list of our layers in PyTorch, a thread for each of the benchmark's processors.

    Parameters
    ----------
    layers : list of nn.Layer
    X : ndarray of shape (n, height, width, channels)
    y : ndarray of shape (n,)
    kind : {"contiguous", "channels last", "compiled"}
    n_steps : int
    learning_rate : float
    """

    def __init__(self, layers, X, y, kind, n_steps, learning_rate):
        import torch

        torch.set_num_threads(measuring.n_processors)
        torch.manual_seed(0)
        self.torch, self.n_steps = torch, n_steps
        last = kind == "channels last"
        self.format = torch.channels_last if last else torch.contiguous_format
        network = torch.nn.Sequential(*torch_layers(layers, X.shape[1:]))
        self.network = network.to(memory_format=self.format)
        parameters = self.network.parameters()
        self.optimizer = torch.optim.Adam(parameters, lr=learning_rate, fused=True)
        self.loss = torch.nn.CrossEntropyLoss()
        self.X, self.y = self._images(X), torch.from_numpy(y)
        # Each network, mode and batch size is compiled by itself.
        torch._dynamo.config.recompile_limit = 64
        self.run = torch.compile(self.network) if kind == "compiled" else self.network

    def _images(self, X):
        images = self.torch.from_numpy(np.ascontiguousarray(X.transpose(0, 3, 1, 2)))
        return images.contiguous(memory_format=self.format)

    def train(self):
        self.network.train()
        for _ in range(self.n_steps):
            self.optimizer.zero_grad(set_to_none=True)
            self.loss(self.run(self.X), self.y).backward()
            self.optimizer.step()

    def forward(self):
        self.network.eval()
        with self.torch.inference_mode():
            for _ in range(self.n_steps):
                self.run(self.X)

    def predict(self, X):
        self.network.eval()
        with self.torch.inference_mode():
            parts = [
                self.run(self._images(X[start : start + PREDICTION_ROWS])).softmax(dim=1)
                for start in range(0, len(X), PREDICTION_ROWS)
            ]
            return self.torch.cat(parts).numpy()


def torch_layers(layers, shape):
    """The same layers as PyTorch modules."""
    import torch.nn as tnn

    for layer in layers:
        if isinstance(layer, nn.Conv2D):
            yield tnn.Conv2d(
                shape[2],
                layer.n_filters,
                layer.kernel_size,
                layer.stride,
                layer.padding,
                bias=layer.bias,
            )
        elif isinstance(layer, nn.BatchNorm):
            yield tnn.BatchNorm2d(shape[2])
        elif isinstance(layer, nn.ReLU):
            yield tnn.ReLU(inplace=True)
        elif isinstance(layer, nn.MaxPool2D):
            yield tnn.MaxPool2d(layer.size)
        elif isinstance(layer, nn.Flatten):
            yield tnn.Flatten()
        else:
            yield tnn.Linear(shape[0], layer.n_units)
        shape = layer.build(shape)


class Jax:
    """A list of our layers in JAX: loss, gradients and optax's Adam in one jitted step."""

    def __init__(self, layers, X, y, n_steps, learning_rate):
        import jax
        import jax.numpy as jnp
        import optax

        self.jax, self.n_steps = jax, n_steps
        self.X, self.y = jnp.asarray(X), jnp.asarray(y)
        optimizer = optax.adam(learning_rate)
        parameters, apply = jax_network(layers, X.shape[1:])
        self.state = [parameters, optimizer.init(parameters)]
        self.infer = jax.jit(lambda parameters, X: jax.nn.softmax(apply(parameters, X)))

        def loss(parameters, X, y):
            logits = apply(parameters, X)
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

        @jax.jit
        def step(parameters, optimizer_state, X, y):
            value, gradients = jax.value_and_grad(loss)(parameters, X, y)
            updates, optimizer_state = optimizer.update(gradients, optimizer_state, parameters)
            return optax.apply_updates(parameters, updates), optimizer_state, value

        self.step = step

    def train(self):
        for _ in range(self.n_steps):
            *self.state[:], value = self.step(*self.state, self.X, self.y)
        value.block_until_ready()

    def forward(self):
        for _ in range(self.n_steps):
            self.infer(self.state[0], self.X).block_until_ready()

    def predict(self, X):
        parts = [
            self.infer(self.state[0], X[start : start + PREDICTION_ROWS])
            for start in range(0, len(X), PREDICTION_ROWS)
        ]
        return np.concatenate([np.asarray(part) for part in parts])


def jax_network(layers, shape):
    """First parameters, and a function of (parameters, X); batch statistics as in training."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    generator = np.random.default_rng(0)
    parameters = []
    for layer in layers:
        first = {}
        output_shape = layer.build(shape)
        for spec in layer.parameter_specs():
            if spec.trainable:
                value = spec.initialize
                value = value(generator, spec.shape) if callable(value) else value
                first[spec.name] = np.full(spec.shape, value, np.float32)
        parameters.append(first)
        shape = output_shape

    def apply(parameters, X):
        for layer, p in zip(layers, parameters, strict=True):
            if isinstance(layer, nn.Conv2D):
                padding = [(layer.padding, layer.padding)] * 2
                X = lax.conv_general_dilated(
                    X,
                    p["weight"],
                    (layer.stride, layer.stride),
                    padding,
                    dimension_numbers=("NHWC", "HWIO", "NHWC"),
                ) + p.get("bias", 0)
            elif isinstance(layer, nn.BatchNorm):
                mean, variance = X.mean((0, 1, 2)), X.var((0, 1, 2))
                X = (X - mean) * lax.rsqrt(variance + 1e-5) * p["gamma"] + p["beta"]
            elif isinstance(layer, nn.ReLU):
                X = jax.nn.relu(X)
            elif isinstance(layer, nn.MaxPool2D):
                window = (1, layer.size, layer.size, 1)
                X = lax.reduce_window(X, -jnp.inf, lax.max, window, window, "VALID")
            elif isinstance(layer, nn.Flatten):
                X = X.reshape(len(X), -1)
            else:
                X = X @ p["weight"] + p["bias"]
        return X

    return parameters, apply


MEMORY_PROGRAM = """
import sys
sys.path[:0] = {paths!r}
import measuring
measuring.use_one_processor()
import subprocess
import sys

import measuring
import numpy as np
import convolution, peers
from digit_recognizer import nn
layers = convolution.NETWORKS[{key!r}]
generator = np.random.default_rng(0)
X = generator.random((convolution.BATCH, 28, 28, 1), dtype=np.float32)
y = generator.integers(0, 10, convolution.BATCH)
one = {maker}
one.train()
one.train()
status = open("/proc/self/status").read()
print(int(status.split("VmHWM:")[1].split()[0]) / 1024)
"""


def memory_table(keys):
    """Print the peak memory of processes that train each network, in MB."""
    makers = {
        "ours": "convolution.Ours(layers, X, y)",
        "PyTorch": "peers.Torch(layers, X, y, 'contiguous', 8, 1e-3)",
        "PyTorch channels last": "peers.Torch(layers, X, y, 'channels last', 8, 1e-3)",
    }
    rows = []
    for key in keys:
        peaks = []
        for maker in makers.values():
            program = MEMORY_PROGRAM.format(paths=sys.path, key=key, maker=maker)
            done = subprocess.run(
                [sys.executable, "-c", program], capture_output=True, text=True, check=False
            )
            peaks.append(f"{float(done.stdout):.0f}" if done.returncode == 0 else "–")
        rows.append([f"({key})", *peaks])
    print("\npeak memory of a training process, MB")
    measuring.print_table(["network", *makers], rows)

"""Speed of convolutional networks: ours, PyTorch's and JAX's, on one processor.

    python benchmarks/convolution.py [--rounds N] [--only TABLE]

Everyone trains the same layers with softmax cross-entropy and Adam on the same float32 images in
batches of 128; a timing is a few steps. PyTorch runs eagerly in both memory formats and compiled,
with its fused optimizer. Peers that are not installed are left out. Tables: training, forward,
latency (of one image), predict, layers, memory.
"""

import argparse
import statistics
from importlib.util import find_spec

import measuring

measuring.use_one_processor()

import numpy as np  # noqa: E402
import peers  # noqa: E402

from digit_recognizer import nn  # noqa: E402

BATCH = 128
N_STEPS = 8
N_PREDICTED = 28_000
LEARNING_RATE = 1e-3
TABLES = ("training", "forward", "latency", "predict", "layers", "memory")


def conv(n_filters, kernel_size=3, **options):
    """Convolution, batch normalization, ReLU."""
    return [nn.Conv2D(n_filters, kernel_size, bias=False, **options), nn.BatchNorm(), nn.ReLU()]


def pooled(n_filters):
    """Convolution, max pooling, batch normalization, ReLU."""
    return [nn.Conv2D(n_filters, 3), nn.MaxPool2D(2), nn.BatchNorm(), nn.ReLU()]


def classifier():
    return [nn.Flatten(), nn.Dense(10)]


NETWORKS = {
    "a": [*pooled(16), *conv(32), *pooled(64), *conv(128), *classifier()],
    "b": [
        *conv(32),
        *conv(32),
        *conv(32, 5, stride=2, padding=2),
        *conv(64),
        *conv(64),
        nn.MaxPool2D(2),
        nn.Flatten(),
        nn.Dense(128),
        nn.ReLU(),
        nn.Dense(10),
    ],
    "c": [
        nn.Conv2D(6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2D(2),
        nn.Conv2D(16, 5),
        nn.ReLU(),
        nn.MaxPool2D(2),
        nn.Flatten(),
        nn.Dense(120),
        nn.ReLU(),
        nn.Dense(84),
        nn.ReLU(),
        nn.Dense(10),
    ],
}
TITLES = {
    "a": "(a) 16C3-MP2-BN-R-32C3-BN-R-64C3-MP2-BN-R-128C3-BN-R",
    "b": "(b) 32C3-BN-R-32C3-BN-R-32C5S2P2-BN-R-64C3-BN-R-64C3-BN-R-MP2-128N-R",
    "c": "(c) LeNet-5: 6C5P2-R-MP2-16C5-R-MP2-120N-R-84N-R",
}


class Ours:
    """Our network behind the peers' interface."""

    def __init__(self, layers, X, y):
        self.network = nn.Network(layers, nn.SoftmaxCrossEntropy(), (28, 28, 1))
        self.plan = nn.TrainingPlan(nn.Adam(), nn.Constant(LEARNING_RATE), len(X), 1)
        self.memories = self.network.memories(training=True, generator=np.random.default_rng(0))
        self.reading = self.network.memories(training=False)
        self.X, self.y = X, y

    def train(self):
        for _ in range(N_STEPS):
            nn.training.train_step(self.network, self.X, self.y, None, self.memories, self.plan)

    def forward(self):
        for _ in range(N_STEPS):
            self.network.forward(self.X, self.reading)

    def predict(self, X):
        return self.network.predict(X)


def contestants(layers, X, y):
    """Name → network, ours first."""
    made = {"ours": Ours(layers, X, y)}
    if find_spec("torch"):
        for name in ("contiguous", "channels last", "compiled"):
            made[f"PyTorch {name}"] = peers.Torch(layers, X, y, name, N_STEPS, LEARNING_RATE)
    if find_spec("jax") and find_spec("optax"):
        made["JAX"] = peers.Jax(layers, X, y, N_STEPS, LEARNING_RATE)
    return made


def speed_table(what, functions, n_images, n_rounds):
    """Print a row for each network: images/s of all, and ours over the fastest PyTorch."""
    rows = []
    for key, runs in functions.items():
        seconds = measuring.interleave(runs, n_rounds)
        rate = {name: n_images / statistics.median(s) for name, s in seconds.items()}
        others = [name for name in runs if name.startswith("PyTorch")]
        ratios = [measuring.median_ratio(seconds[name], seconds["ours"]) for name in others]
        rows.append(
            [f"({key})"]
            + [f"{rate[name]:,.0f}" for name in runs]
            + [f"{min(ratios):.2f}" if ratios else "–"]
        )
        names = list(runs)
    print(f"\n{what}, images/s")
    measuring.print_table(["network", *names, "ours / PyTorch"], rows)


def layer_table(n_rounds, peak):
    """Print forward and backward time of each convolution of (a) and (b)."""
    rows = []
    for key in ("a", "b"):
        shape = (28, 28, 1)
        for layer in NETWORKS[key]:
            if isinstance(layer, nn.Conv2D):
                rows.append(
                    [f"({key}) {shape} {layer!r}", *layer_row(layer, shape, n_rounds, peak)]
                )
            shape = layer.build(shape)
    print("\nConvolutions at batch 128")
    header = ["layer", "forward ms", "backward ms", "GFLOPS f", "b", "of peak f", "b"]
    measuring.print_table(header, rows)


def layer_row(layer, shape, n_rounds, peak):
    """Times of a layer on blocks, as a network runs it, and what they mean."""
    network = nn.Network([layer], nn.SquaredError(), shape)
    layer, stage = network.layers[0], network.steps[0]
    memory, generator = network.memories(training=True)[0].layers[0], np.random.default_rng(0)
    need_dX = shape[2] > 1
    pieces = [
        (
            memory.of(piece, position),
            piece_of(generator, piece, shape),
            piece_of(generator, piece, network.output_shape),
        )
        for position, piece in enumerate(stage.pieces(BATCH, network.dtype))
    ]

    def forward():
        layer.start_forward(memory.shared)
        for piece_memory, X, _ in pieces:
            layer.forward(X, piece_memory)

    def backward():
        layer.start_backward(memory.shared)
        for piece_memory, _, dY in pieces:
            layer.backward(dY, piece_memory, need_dX)
        layer.finish_backward(memory.shared)

    seconds = measuring.interleave({"forward": forward, "backward": backward}, n_rounds)
    forward, backward = (statistics.median(seconds[name]) for name in ("forward", "backward"))
    operations = 2 * BATCH * layer.multiply_adds()
    rates = operations / forward, (1 + need_dX) * operations / backward
    return (
        [f"{forward * 1e3:.2f}", f"{backward * 1e3:.2f}"]
        + [f"{rate / 1e9:.0f}" for rate in rates]
        + [f"{rate / peak:.0%}" for rate in rates]
    )


def piece_of(generator, piece, shape):
    """A piece of random images in blocks."""
    height, width, channels = shape
    blocks = (piece.n_blocks, height, width, piece.n, channels)
    return generator.standard_normal(blocks, dtype=np.float32)


def repeated(predict, images, n_calls):
    """A function that predicts the same images `n_calls` times."""

    def run():
        for _ in range(n_calls):
            predict(images)

    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", choices=TABLES, help="print one table")
    parser.add_argument("--networks", default="abc", help="which of the networks; default: abc")
    options = parser.parse_args()
    wanted = TABLES if options.only is None else (options.only,)
    generator = np.random.default_rng(0)
    X = generator.random((BATCH, 28, 28, 1), dtype=np.float32)
    y = generator.integers(0, 10, BATCH)
    peak = measuring.sgemm_peak()
    print(f"sgemm peak {peak / 1e9:.0f} GFLOPS; median of {options.rounds} rounds; one processor")
    if "layers" in wanted:
        layer_table(options.rounds, peak)
    if set(wanted) & {"training", "forward", "latency", "predict"}:
        networks = {key: contestants(NETWORKS[key], X, y) for key in options.networks}
    for key in options.networks:
        print(TITLES[key])
    for table, method in (("training", "train"), ("forward", "forward")):
        if table in wanted:
            functions = {
                key: {name: getattr(one, method) for name, one in made.items()}
                for key, made in networks.items()
            }
            speed_table(f"{table}, batch {BATCH}", functions, N_STEPS * BATCH, options.rounds)
    for table, n_images, n_calls in (("latency", 1, 50), ("predict", N_PREDICTED, 1)):
        if table in wanted:
            images = generator.random((n_images, 28, 28, 1), dtype=np.float32)
            functions = {
                key: {name: repeated(one.predict, images, n_calls) for name, one in made.items()}
                for key, made in networks.items()
            }
            title = f"predict of {n_images:,}, {n_calls} calls in a row"
            speed_table(title, functions, n_images * n_calls, options.rounds)
    if "memory" in wanted:
        peers.memory_table(options.networks)


if __name__ == "__main__":
    main()

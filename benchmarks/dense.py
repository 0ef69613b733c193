"""Training speed of dense networks: ours, scikit-learn's, PyTorch's and JAX's, on one processor.

    python benchmarks/dense.py [--data FOLDER] [--rounds N]

Everyone trains the same architecture with ReLU, softmax cross-entropy and Adam on the same float32
rows in newly shuffled batches; a timing is four epochs. Peers that are not installed are left out.
"""

import argparse
import statistics
import warnings
from importlib.util import find_spec
from itertools import pairwise

import measuring

measuring.use_one_processor()

import numpy as np  # noqa: E402

from digit_recognizer import NumpyNetClassifier  # noqa: E402

CASES = [((128,), 32), ((256, 128), 128), ((512, 256), 128), ((128,), 256)]
N_ROWS = 16_384
N_EPOCHS = 4
LEARNING_RATE = 1e-3


def load_rows(folder):
    """X in [0, 1], float32 of shape (N_ROWS, 784), and y: the competition's, or random ones."""
    if folder is not None:
        from digit_recognizer.pipeline.data.dataset import load_data

        data = load_data(folder)
        return data.X_train[:N_ROWS] / np.float32(255), data.y_train[:N_ROWS].astype(np.int64)
    generator = np.random.default_rng(0)
    X = generator.random((N_ROWS, 784), dtype=np.float32)
    X *= generator.random(X.shape, dtype=np.float32) < 0.2
    return X, generator.integers(0, 10, N_ROWS)


def estimator_trainer(Estimator):
    """Trainer for an estimator with MLPClassifier's parameters."""

    def make(X, y, hidden, batch_size):
        model = Estimator(
            hidden,
            batch_size=batch_size,
            alpha=0.0,
            learning_rate_init=LEARNING_RATE,
            max_iter=N_EPOCHS,
            n_iter_no_change=N_EPOCHS + 1,
            random_state=0,
        )
        return lambda: model.fit(X, y)

    return make


def torch_trainer(X, y, hidden, batch_size, compiled=False):
    """PyTorch, eager or compiled, with the fused Adam."""
    import torch

    torch.set_num_threads(measuring.n_processors)
    torch.manual_seed(0)
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    sizes = [X.shape[1], *hidden, 10]
    layers = []
    for n_inputs, n_units in pairwise(sizes):
        layers += [torch.nn.Linear(n_inputs, n_units), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)
    loss_function = torch.nn.CrossEntropyLoss()
    run = torch.compile(network) if compiled else network

    def train():
        for _ in range(N_EPOCHS):
            for rows in torch.randperm(len(X)).split(batch_size):
                optimizer.zero_grad(set_to_none=True)
                loss_function(run(X[rows]), y[rows]).backward()
                optimizer.step()

    return train


def jax_trainer(X, y, hidden, batch_size):
    """JAX: gather, loss, gradients and optax's Adam in one jitted step."""
    import jax
    import jax.numpy as jnp
    import optax

    generator = np.random.default_rng(0)
    sizes = [X.shape[1], *hidden, 10]
    parameters = [
        (
            generator.standard_normal((n, m), dtype=np.float32) * np.float32((2 / n) ** 0.5),
            np.zeros(m, dtype=np.float32),
        )
        for n, m in pairwise(sizes)
    ]
    optimizer = optax.adam(LEARNING_RATE)
    state = [parameters, optimizer.init(parameters)]
    X, y = jnp.asarray(X), jnp.asarray(y)

    def loss(parameters, X, y):
        for weight, bias in parameters[:-1]:
            X = jax.nn.relu(X @ weight + bias)
        weight, bias = parameters[-1]
        logits = X @ weight + bias
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    @jax.jit
    def step(parameters, optimizer_state, rows):
        value, gradients = jax.value_and_grad(loss)(parameters, X[rows], y[rows])
        updates, optimizer_state = optimizer.update(gradients, optimizer_state, parameters)
        return optax.apply_updates(parameters, updates), optimizer_state, value

    def train():
        for _ in range(N_EPOCHS):
            order = generator.permutation(len(X))
            for start in range(0, len(X), batch_size):
                *state[:], value = step(*state, order[start : start + batch_size])
        value.block_until_ready()

    return train


def make_trainers(X, y, hidden, batch_size):
    from sklearn.neural_network import MLPClassifier

    makers = {
        "ours": estimator_trainer(NumpyNetClassifier),
        "scikit-learn": estimator_trainer(MLPClassifier),
    }
    if find_spec("torch"):
        makers["PyTorch"] = torch_trainer
    if find_spec("jax") and find_spec("optax"):
        makers["JAX"] = jax_trainer
    return {name: make(X, y, hidden, batch_size) for name, make in makers.items()}


def operations(hidden) -> int:
    """Floating-point operations of one sample's training step, without the optimizer's."""
    sizes = [784, *hidden, 10]
    products = [n * m for n, m in pairwise(sizes)]
    # Forward, gradient of the weights, and (but for the first layer) of the inputs.
    return 2 * (3 * sum(products) - products[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder with the competition's files; default: random rows")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message="Stochastic Optimizer: Maximum iterations")
    X, y = load_rows(options.data)
    peak = measuring.sgemm_peak()
    rows = []
    for hidden, batch_size in CASES:
        trainers = make_trainers(X, y, hidden, batch_size)
        seconds = measuring.interleave(trainers, options.rounds)
        rate = {name: N_EPOCHS * N_ROWS / statistics.median(s) for name, s in seconds.items()}
        ratios = {
            name: measuring.median_ratio(s, seconds["ours"])
            for name, s in seconds.items()
            if name != "ours"
        }
        share = rate["ours"] * operations(hidden) / peak
        architecture = "-".join(map(str, (784, *hidden, 10)))
        rows.append(
            [f"{architecture}, batch {batch_size}"]
            + [f"{rate[name]:,.0f}" for name in trainers]
            + [f"{ratio:.2f}" for ratio in ratios.values()]
            + [f"{min(ratios.values()):.2f}", f"{share:.0%}"]
        )
        names = list(trainers)
    header = ["samples/s", *names, *(f"/ {name}" for name in names[1:]), "/ fastest", "of peak"]
    print(f"sgemm peak {peak / 1e9:.0f} GFLOPS; median of {options.rounds} rounds; one processor")
    measuring.print_table(header, rows)


if __name__ == "__main__":
    main()

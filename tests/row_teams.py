"""Small trainings of dense networks, for tests of the processes that share them."""

import numpy as np

from digit_recognizer import nn
from digit_recognizer.nn.arrays.workers import Workers

N_FEATURES = 70


def hidden():
    return [nn.Dense(40), nn.ReLU(), nn.Dense(30), nn.Tanh(), nn.Dense(20), nn.SiLU()]


def data(dtype=np.float32, n_rows=1000, n_zero=0):
    generator = np.random.default_rng(3)
    X = generator.standard_normal((n_rows, N_FEATURES)).astype(dtype)
    X[:, generator.permutation(N_FEATURES)[:n_zero]] = 0
    return X, generator.integers(0, 3, n_rows)


def trained(n_workers, layers=None, X_y=None, **options):
    """Bytes of the parameters and the states, and losses, of a training."""
    options = {
        "optimizer": nn.Adam(),
        "batch_size": 128,
        "n_epochs": 3,
        "dtype": np.float32,
    } | options
    X, y = data(options["dtype"]) if X_y is None else X_y
    layers = [*(hidden() if layers is None else layers), nn.Dense(3)]
    dtype, scaling = options.pop("dtype"), options.pop("scaling", None)
    loss = nn.SoftmaxCrossEntropy()
    network = nn.Network(layers, loss, X.shape[1:], dtype, seed=1, scaling=scaling)
    optimizer = options.pop("optimizer").fresh()
    sizes = options.pop("batch_size"), options.pop("n_epochs")
    plan = nn.TrainingPlan(optimizer, nn.Constant(0.01), *sizes, alpha=1e-3, **options)
    losses = []
    epochs = network.fit_epochs(X, y, plan, 0)
    while not plan.is_over:
        with Workers(n_workers):
            losses.append(next(epochs)["loss"])
    epochs.close()
    states = [state.tobytes() for state in optimizer.states or ()]
    return network.parameters.values.tobytes(), states, losses

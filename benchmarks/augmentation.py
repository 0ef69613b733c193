"""What augmentation adds to a training step, on one processor.

    python benchmarks/augmentation.py [--rounds N]

Steps on newly gathered batches are timed without augmentation, with affine deformations and with
affine and elastic ones, in turn; and each kind of augmentation alone. `share` is its part of the
step that has it: 1 less the median over the rounds of the time without over the time with.
"""

import argparse
import statistics
from dataclasses import dataclass
from functools import partial

import measuring

measuring.use_one_processor()

import numpy as np  # noqa: E402

from digit_recognizer import nn  # noqa: E402
from digit_recognizer.estimator.building.architecture import parse_architecture  # noqa: E402

N_ROWS = 8192
N_STEPS = 8
AFFINE = {"rotation": 10, "scale": 0.1, "shear": 0.1, "shift": 2}
KINDS = {"affine": nn.Augment(**AFFINE), "elastic": nn.Augment(**AFFINE, elastic=1.0)}


@dataclass(frozen=True)
class Case:
    """A network and how it is trained.

    Parameters
    ----------
    architecture : str
    batch_size : int
    input_shape : tuple of int
    optimizer : type of nn.Optimizer
    """

    architecture: str
    batch_size: int
    input_shape: tuple[int, ...]
    optimizer: type


CASES = {
    "a": Case("16C3-MP2-BN-R-32C3-BN-R-64C3-MP2-BN-R-128C3-BN-R", 128, (28, 28, 1), nn.SGD),
    "b": Case(
        "16C3-MP2-BN-R-32C3P1-BN-R-48C3P1-MP2-BN-R-96C3-BN-R-128C3-BN-R-D0.3",
        128,
        (28, 28, 1),
        nn.SGD,
    ),
    "w": Case(
        "32C3-MP2-BN-R-64C3P1-BN-R-96C3P1-MP2-BN-R-192C3-BN-R-256C3-BN-R-D0.3",
        128,
        (28, 28, 1),
        nn.SGD,
    ),
    "d": Case("1024N-BN-R-1024N-BN-R-512N-BN-R", 256, (784,), nn.AdamW),
}


class Training:
    """Endless steps of a case on the same rows."""

    def __init__(self, case, X, y):
        layers = parse_architecture(case.architecture)
        layers += [nn.Flatten(), nn.Dense(10)] if len(case.input_shape) > 1 else [nn.Dense(10)]
        generator = np.random.default_rng(0)
        self.network = nn.Network(layers, nn.SoftmaxCrossEntropy(), case.input_shape)
        self.plan = nn.TrainingPlan(case.optimizer(), nn.Constant(1e-3), case.batch_size, 1)
        self.memories = self.network.memories(training=True, generator=generator)
        self.generator = generator
        self.batches = self._endless(nn.arrays.rows.Batches(X, y, None, case.batch_size, True))
        self.augmenters = {
            name: nn.Augmenter(augment, (28, 28, 1), X.dtype, 0.0)
            for name, augment in KINDS.items()
        }

    def _endless(self, batches):
        while True:
            yield from batches(self.generator.permutation(batches.n_samples))

    def train(self, kind=None):
        """Train some steps, with augmentation of a kind or none."""
        for _ in range(N_STEPS):
            X, y, _ = next(self.batches)
            if kind is not None:
                self.augmenters[kind](X, self.generator)
            nn.training.train_step(self.network, X, y, None, self.memories, self.plan)

    def augment(self, kind):
        """Augment as many batches, and nothing else."""
        for _ in range(N_STEPS):
            X, _, _ = next(self.batches)
            self.augmenters[kind](X, self.generator)

    def gather(self):
        """Take as many batches, and nothing else."""
        for _ in range(N_STEPS):
            next(self.batches)


def case_row(name, case, X, y, n_rounds):
    """The case's name, µs an image of each kind and of a step, shares."""
    training = Training(case, X, y)
    functions = {"step": training.train, "gather": training.gather}
    for kind in KINDS:
        functions[f"step {kind}"] = partial(training.train, kind)
        functions[kind] = partial(training.augment, kind)
    seconds = measuring.interleave(functions, n_rounds)
    median = {name: statistics.median(s) for name, s in seconds.items()}
    scale = 1e6 / (N_STEPS * case.batch_size)
    shares = [
        1 - measuring.median_ratio(seconds["step"], seconds[f"step {kind}"]) for kind in KINDS
    ]
    return [
        f"({name}) batch {case.batch_size}",
        f"{median['step'] * scale:.1f}",
        *(f"{(median[kind] - median['gather']) * scale:.1f}" for kind in KINDS),
        *(f"{share:.0%}" for share in shares),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--networks", default="".join(CASES), help="which of the networks")
    options = parser.parse_args()
    generator = np.random.default_rng(0)
    X = generator.random((N_ROWS, 784), dtype=np.float32)
    y = generator.integers(0, 10, N_ROWS)
    for name in options.networks:
        print(f"({name}) {CASES[name].architecture}")
    rows = [case_row(name, CASES[name], X, y, options.rounds) for name in options.networks]
    print(f"\nµs an image, and share of the step with it; median of {options.rounds} rounds")
    kinds = list(KINDS)
    header = ["network", "step", *kinds, *(f"share {kind}" for kind in kinds)]
    measuring.print_table(header, rows)


if __name__ == "__main__":
    main()

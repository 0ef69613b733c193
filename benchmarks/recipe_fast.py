"""Time of the folds of the recipe `sweeps/fast-sgd`: ours and PyTorch's, two processes.

    python benchmarks/recipe_fast.py --data FOLDER [--folds N] [--epochs N] [--rounds N] [--compile]

Both train the same folds, two at a time in one thread each, and predict each one's validation
part and the test file: ours by the pipeline's `train_member`, PyTorch by a loop of its own on
tensors in memory with one `grid_sample` a batch, in the memory format and with the optimizer that
a short trial found fastest. Processes are started and warmed up before (column `start`), which
`--compile` makes last longer; `seconds` is what the folds take then. Ours also measures the
validation part and writes a checkpoint after each epoch.
"""

import argparse
import multiprocessing
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import measuring

measuring.use_one_thread()

import numpy as np  # noqa: E402

from digit_recognizer.pipeline.compute.fold_training import train_member  # noqa: E402
from digit_recognizer.pipeline.data.dataset import load_data  # noqa: E402
from digit_recognizer.pipeline.ensembles.folds import Fold, make_folds  # noqa: E402
from digit_recognizer.pipeline.recipes.recipe import load_recipe  # noqa: E402
from digit_recognizer.pipeline.runs.members import make_members, read_predictions  # noqa: E402

RECIPE = Path(__file__).parents[1] / "recipes" / "sweeps" / "fast-sgd.toml"
N_PROCESSES = 2
SPAWN = multiprocessing.get_context("spawn")
ARRAYS = ("X_train", "y_train", "X_test")


class OurTrainer:
    """The pipeline's training of a fold."""

    def __init__(self, recipe, data):
        self.recipe, self.data = recipe, data

    def train_fold(self, fold):
        with tempfile.TemporaryDirectory() as name:
            (member,) = make_members(self.recipe, [fold], Path(name))
            train_member(member, *self.data)
            return read_predictions(member)


def load_arrays(folder):
    return tuple(np.load(Path(folder) / f"{name}.npy") for name in ARRAYS)


class Worker:
    """What a process of a pool holds: its trainer, and how long it took to be ready."""

    trainer = None
    start_seconds = 0.0

    @classmethod
    def start(cls, recipe, folder, variant, barrier):
        """Make the trainer, train a little, and wait for the other processes.

        Parameters
        ----------
        recipe : Recipe
        folder : str
            Where the arrays are.
        variant : Variant or None
            Of PyTorch; None for ours.
        barrier : Barrier
        """
        start = perf_counter()
        data = load_arrays(folder)
        if variant is None:
            cls.trainer = OurTrainer(recipe, data)
        else:
            import torch_recipe

            cls.trainer = torch_recipe.TorchTrainer(recipe, data, variant)
        cls.trainer.train_fold(Fold(0, np.arange(1000), np.arange(1000, 2000), (0,)))
        cls.start_seconds = perf_counter() - start
        barrier.wait()


def started():
    return Worker.start_seconds


def train_in_worker(fold):
    """Classes of the fold's validation rows and of the test file."""
    return tuple(part.argmax(axis=1) for part in Worker.trainer.train_fold(fold))


class Pool:
    """Processes that train folds, as the pipeline's jobs do."""

    def __init__(self, recipe, folder, variant):
        arguments = (recipe, folder, variant, SPAWN.Barrier(N_PROCESSES))
        self.executor = ProcessPoolExecutor(N_PROCESSES, SPAWN, Worker.start, arguments)
        ready = [self.executor.submit(started) for _ in range(N_PROCESSES)]
        self.start_seconds = max(future.result() for future in ready)
        self.parts = []

    def train(self, folds):
        """Train the folds; `parts` has what they predict."""
        self.parts = list(self.executor.map(train_in_worker, folds))

    def accuracy(self, folds, y):
        """Share of the folds' validation rows that were predicted right in the last training."""
        rows = np.concatenate([fold.validation_rows for fold in folds])
        return float((np.concatenate([oof for oof, _ in self.parts]) == y[rows]).mean())


def choose_variant(recipe, folder):
    """`torch_recipe.choose_variant` in a process of its own."""
    import torch_recipe

    return torch_recipe.choose_variant(recipe, load_arrays(folder))


def make_pools(recipe, folder, compiled) -> dict[str, Pool]:
    """Name of each contestant and its processes, ours first."""
    pools = {"ours": Pool(recipe, folder, None)}
    if not find_spec("torch"):
        return pools
    with ProcessPoolExecutor(1, SPAWN) as executor:
        variant, milliseconds = executor.submit(choose_variant, recipe, folder).result()
    trials = [[str(trial), f"{ms:.1f}"] for trial, ms in milliseconds.items()]
    measuring.print_table(["trial of PyTorch", "ms a step"], trials)
    pools[f"PyTorch {variant}"] = Pool(recipe, folder, variant)
    if compiled:
        pools["PyTorch compiled"] = Pool(recipe, folder, replace(variant, compiled=True))
    return pools


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, help="folder with the competition's files")
    parser.add_argument("--folds", type=int, default=5, help="how many of the folds; default: 5")
    parser.add_argument("--epochs", type=int, help="default: the recipe's")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compile", action="store_true", help="PyTorch's compiler as well")
    options = parser.parse_args()
    # One network a fold, as the other side's; what it learns takes no part in its speed.
    recipe, data = replace(load_recipe(RECIPE), teach=None), load_data(options.data)
    if options.epochs is not None:
        recipe = replace(recipe, model=recipe.model | {"max_iter": options.epochs})
    folds = make_folds(data.y_train, recipe.cv)[: options.folds]
    with tempfile.TemporaryDirectory() as folder:
        for name in ARRAYS:
            np.save(Path(folder) / f"{name}.npy", getattr(data, name))
        pools = make_pools(recipe, folder, options.compile)
    functions = {name: partial(pool.train, folds) for name, pool in pools.items()}
    seconds = measuring.interleave(functions, options.rounds, warm_up=False)
    rows = [
        [
            name,
            f"{statistics.median(seconds[name]):.1f}",
            f"{measuring.median_ratio(seconds['ours'], seconds[name]):.2f}",
            f"{pool.accuracy(folds, data.y_train):.2%}",
            f"{pool.start_seconds:.1f}",
        ]
        for name, pool in pools.items()
    ]
    epochs = recipe.make_estimators()[0].max_iter
    print(
        f"\n{len(folds)} folds, {N_PROCESSES} at a time, epochs: {epochs}; "
        f"median of {options.rounds} rounds"
    )
    measuring.print_table(["recipe sweeps/fast-sgd", "seconds", "ours / it", "OOF", "start"], rows)
    for pool in pools.values():
        pool.executor.shutdown()


if __name__ == "__main__":
    main()

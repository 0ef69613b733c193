"""What going on where a run stopped costs, and what two processes gain.

    python benchmarks/resume.py --data FOLDER [--recipe NAME] [--folds N] [--epochs N] [--rounds N]

By the command line, as users run it: the folds with `--jobs 1` and `--jobs 2` in turn (the seconds
that the run itself tells, from the first fold's start to the submission), and the whole command on
a run that is finished. In this process: writing a checkpoint and the history after each epoch of
one fold, as a share of the epoch.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import measuring

measuring.use_one_thread()

from digit_recognizer.pipeline.data.dataset import load_data  # noqa: E402
from digit_recognizer.pipeline.ensembles.folds import make_folds  # noqa: E402
from digit_recognizer.pipeline.recipes.recipe import load_recipe  # noqa: E402
from digit_recognizer.pipeline.runs.checkpoints import Checkpoints  # noqa: E402
from digit_recognizer.pipeline.runs.history import FILE, write_history  # noqa: E402
from digit_recognizer.pipeline.runs.members import make_members  # noqa: E402


class CommandLine:
    """Submits in a folder of their own.

    Parameters
    ----------
    folder : Path
        Empty.
    recipe : Recipe
    data : Path
    """

    def __init__(self, folder, recipe, data):
        self.folder = folder
        path = folder / f"{recipe.name}.toml"
        path.write_text(recipe.to_toml())
        program = [sys.executable, "-m", "digit_recognizer", "submit"]
        self.command = [*program, "--data", str(data.resolve()), "--recipe", str(path)]

    def submit(self, *options):
        """Seconds of the whole command."""
        start = perf_counter()
        subprocess.run([*self.command, *options], cwd=self.folder, check=True, capture_output=True)
        return perf_counter() - start

    def seconds_of_folds(self, jobs):
        """Seconds from the first fold's start to the submission, from the beginning."""
        self.submit("--fresh", "--jobs", str(jobs))
        (metrics,) = self.folder.glob("runs/*/metrics.json")
        return json.loads(metrics.read_text())["seconds"]


def checkpoint_shares(recipe, data, folder):
    """Time of what is written after each epoch of the first fold, over that of the epoch."""
    member = make_members(
        recipe, make_folds(data.y_train, recipe.cv, recipe.networks_per_fold), folder
    )[0]
    X = data.X_train[member.fold.train_rows]
    model, checkpoints, shares = member.estimator, Checkpoints(member.folder), []
    for record in model.fit_epochs(X, data.y_train[member.fold.train_rows]):
        start = perf_counter()
        write_history(member.folder / FILE, model.history_)
        checkpoints.save(model.training_state(), record["epoch"])
        shares.append((perf_counter() - start) / record["seconds"])
    return shares


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the CSV files")
    parser.add_argument("--recipe", default="fast", help="its name or path; default: fast")
    parser.add_argument("--folds", type=int, default=4, help="default: 4")
    parser.add_argument("--epochs", type=int, help="default: the recipe's")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    options = parser.parse_args()
    recipe = load_recipe(options.recipe, {"cv": {"folds": options.folds}})
    if options.epochs is not None:
        recipe = replace(recipe, model=recipe.model | {"max_iter": options.epochs})
    with tempfile.TemporaryDirectory() as place:
        commands = CommandLine(Path(place), recipe, options.data)
        seconds = {1: [], 2: []}
        for _ in range(options.rounds):
            for jobs in seconds:
                seconds[jobs].append(commands.seconds_of_folds(jobs))
        again = [commands.submit() for _ in range(options.rounds)]
        shares = checkpoint_shares(recipe, load_data(options.data), Path(place) / "alone")
    ideal = options.folds / -(-options.folds // 2)
    rows = [[str(jobs), f"{statistics.median(taken):.1f}"] for jobs, taken in seconds.items()]
    print(f"recipe {recipe.name}, {options.folds} folds, {os.cpu_count()} processors; ", end="")
    print(f"medians of {options.rounds} rounds")
    measuring.print_table(["jobs", "seconds"], rows)
    speedup = measuring.median_ratio(seconds[1], seconds[2])
    print(f"two processes, times as fast     {speedup:.2f} (at best {ideal:.2f})")
    print(f"submit on a finished run         {statistics.median(again):.2f} s")
    print(f"checkpoint, share of an epoch    {statistics.median(shares):.2%}")


if __name__ == "__main__":
    main()

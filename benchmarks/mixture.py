"""Whether networks are better together: errors out of fold of each, and of means of them.

    python benchmarks/mixture.py runs/ID runs/ID ...
    python benchmarks/mixture.py runs/ID --networks

For runs on the same training data. Their folds may differ: each row is predicted by networks that
were not trained on it. With `--networks` the networks that each fold of a run trains, and every
choice of them.
"""

import argparse
from itertools import combinations
from pathlib import Path

import measuring
import numpy as np
import pandas as pd

from digit_recognizer.pipeline.runs.run_directory import OOF_FILE


def of_runs(folders) -> dict:
    """Probabilities of each run, and of the mean of all, by name; of shape (n_rows, n_classes)."""
    tables = [pd.read_csv(folder / OOF_FILE) for folder in folders]
    if not all(table["label"].equals(tables[0]["label"]) for table in tables):
        raise SystemExit("The runs are not on the same training data; choose others.")
    found = {
        folder.name: table.filter(like="probability_").to_numpy()
        for folder, table in zip(folders, tables, strict=True)
    }
    return found | {"mean of all": sum(found.values())}


def of_networks(folder) -> dict:
    """Probabilities of each network of a run's folds, and of the mean of each choice of them."""
    fold_of_row = pd.read_csv(folder / OOF_FILE)["fold"].to_numpy()
    networks = sorted(path.name for path in (folder / "fold-1").glob("network-*"))
    if not networks:
        raise SystemExit(f"The folds of {folder} have one network each; choose a run of several.")
    each = {}
    for name in networks:
        parts = {
            fold: np.load(folder / f"fold-{fold}" / name / "oof.npy")
            for fold in np.unique(fold_of_row)
        }
        each[name] = np.empty((len(fold_of_row), parts[1].shape[1]))
        for fold, part in parts.items():
            each[name][fold_of_row == fold] = part
    return {
        " + ".join(chosen): sum(each[name] for name in chosen)
        for size in range(1, len(networks) + 1)
        for chosen in combinations(networks, size)
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a finished run's folder")
    parser.add_argument("--networks", action="store_true", help="of one run, those of its folds")
    options = parser.parse_args()
    if options.networks and len(options.runs) > 1:
        parser.error("--networks takes one run.")
    found = of_networks(options.runs[0]) if options.networks else of_runs(options.runs)
    _, label = np.unique(pd.read_csv(options.runs[0] / OOF_FILE)["label"], return_inverse=True)
    rows = []
    for name, probabilities in found.items():
        n_errors = int((probabilities.argmax(axis=1) != label).sum())
        rows.append([name, str(n_errors), f"{1 - n_errors / len(label):.3%}"])
    measuring.print_table(["mean of", f"errors in {len(label):,}", "accuracy"], rows)


if __name__ == "__main__":
    main()

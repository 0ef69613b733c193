"""Whether runs are better together: errors out of fold of each, and of the mean of all.

    python benchmarks/mixture.py runs/ID runs/ID ...

For runs on the same training data. Their folds may differ: each row is predicted by networks that
were not trained on it.
"""

import argparse
from pathlib import Path

import measuring
import pandas as pd

from digit_recognizer.pipeline.runs.run_directory import OOF_FILE


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a finished run's folder")
    folders = parser.parse_args().runs
    tables = [pd.read_csv(folder / OOF_FILE) for folder in folders]
    label = tables[0]["label"]
    if not all(table["label"].equals(label) for table in tables):
        parser.error("the runs are not on the same training data; choose others.")
    probabilities = {
        folder.name: table.filter(like="probability_")
        for folder, table in zip(folders, tables, strict=True)
    }
    probabilities["mean of all"] = sum(probabilities.values()) / len(folders)
    rows = []
    for name, table in probabilities.items():
        predictions = table.idxmax(axis=1).str.removeprefix("probability_").astype(label.dtype)
        n_errors = int((predictions != label).sum())
        rows.append([name, str(n_errors), f"{1 - n_errors / len(label):.3%}"])
    measuring.print_table(["run", f"errors in {len(label):,}", "accuracy"], rows)


if __name__ == "__main__":
    main()

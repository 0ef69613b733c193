"""Time to read train.csv into uint8 arrays: ours, checks included, against pandas alone.

python benchmarks/reading.py --data FOLDER [--rounds N]
"""

import argparse
import statistics
from pathlib import Path

import measuring
import numpy as np
import pandas as pd

from digit_recognizer.pipeline.data.archive import require_file
from digit_recognizer.pipeline.data.columns import FileColumns
from digit_recognizer.pipeline.data.competition import DIGIT_RECOGNIZER
from digit_recognizer.pipeline.data.table import read_table


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="data", help="folder with train.csv; default: data")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    path = Path(options.data) / "train.csv"
    if not path.is_file():
        print(f"{path} is not there: reading is not measured; give --data FOLDER.")
        return
    columns = FileColumns.train(DIGIT_RECOGNIZER)
    file = require_file(path.parent, path.name, DIGIT_RECOGNIZER)
    readers = {
        "ours, checked": lambda: read_table(file, columns),
        "pandas.read_csv(dtype=uint8)": lambda: pd.read_csv(path, dtype=np.uint8),
    }
    seconds = measuring.interleave(readers, options.rounds)
    ours = seconds["ours, checked"]
    rows = [
        [name, f"{statistics.median(s):.2f}", f"{measuring.median_ratio(s, ours):.2f}"]
        for name, s in seconds.items()
    ]
    measuring.print_table(["reader", "seconds", "/ ours"], rows)


if __name__ == "__main__":
    main()

"""Print the table of accuracy against time in docs/results.md, and draw docs/frontier.svg.

python docs/frontier.py runs/ID runs/ID ...

Of finished runs on the same data, each made by `make submit DATA=path RECIPE=name JOBS=2` without a
stop: the time of a run that was continued is not known.
"""

import json
import sys
from pathlib import Path

from matplotlib import pyplot
from matplotlib.ticker import FixedLocator, FuncFormatter

PICTURE = Path(__file__).with_name("frontier.svg")
MINUTES = (1, 2, 5, 10, 20, 60)


def read(folder: Path) -> dict:
    """What the table has of a run."""
    metrics = json.loads((folder / "metrics.json").read_text())
    if metrics["was_continued"]:
        sys.exit(f"{folder} was stopped and continued; run it again with --fresh.")
    accuracy, n_rows = metrics["oof_accuracy"], metrics["n_train"]
    return {
        "recipe": folder.name.rpartition("-")[0],
        "minutes": metrics["seconds"] / 60,
        "accuracy": accuracy,
        "interval": metrics["oof_accuracy_interval"],
        "errors": round((1 - accuracy) * n_rows),
    }


def print_table(runs: list[dict]) -> None:
    """The runs as a table in Markdown."""
    print("| recipe | minutes | errors | OOF accuracy | 95% interval |")
    print("| --- | --- | --- | --- | --- |")
    for run in runs:
        low, high = run["interval"]
        print(
            f"| `{run['recipe']}` | {run['minutes']:.1f} | {run['errors']} | {run['accuracy']:.2%} "
            f"| {low:.2%} to {high:.2%} |"
        )


def draw(runs: list[dict]) -> None:
    """The runs with their intervals, and a line through those that none beats in less time."""
    pyplot.rcParams.update({"font.size": 10, "svg.hashsalt": "frontier", "svg.fonttype": "none"})
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    best = [
        run
        for run in runs
        if all(r["accuracy"] < run["accuracy"] for r in runs if is_faster(r, run))
    ]
    axes.plot([r["minutes"] for r in best], [100 * r["accuracy"] for r in best], color="#9ecae1")
    for run in runs:
        accuracy, (low, high) = 100 * run["accuracy"], (100 * end for end in run["interval"])
        error = [[accuracy - low], [high - accuracy]]
        axes.errorbar(run["minutes"], accuracy, error, fmt="o", color="#08519c", capsize=3)
        place = {"xytext": (7, -13), "textcoords": "offset points"}
        axes.annotate(run["recipe"], (run["minutes"], accuracy), **place)
    axes.set(xscale="log", xlabel="minutes on two cores", ylabel="out-of-fold accuracy, %")
    axes.xaxis.set_major_locator(FixedLocator(MINUTES))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda minutes, _: f"{minutes:g}"))
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.margins(x=0.15)
    axes.grid(color="#eeeeee")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, metadata={"Date": None})


def is_faster(run, other) -> bool:
    """Whether a run took less time than another."""
    return run["minutes"] < other["minutes"]


def main(folders):
    runs = sorted((read(Path(folder)) for folder in folders), key=lambda run: run["minutes"])
    print_table(runs)
    draw(runs)


if __name__ == "__main__":
    main(sys.argv[1:] or sys.exit(__doc__))

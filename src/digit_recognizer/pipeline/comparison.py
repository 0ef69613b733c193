"""Comparison of two runs by their out-of-fold predictions."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Group
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Column, Table

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.ensembles.statistics import mcnemar, wilson_interval
from digit_recognizer.pipeline.runs.named_runs import find_newest
from digit_recognizer.pipeline.runs.predictions import check_same_data, read_out_of_fold

SIGNIFICANCE_LEVEL = 0.05
# Of the report, in characters, and of a run's name in it.
WIDTH, NAME_WIDTH = 80, 36


@dataclass(frozen=True)
class Comparison:
    """On how many rows two runs are right.

    Parameters
    ----------
    first, second : str
        The runs' names.
    both_right, only_first, only_second, both_wrong : int
        Numbers of training rows.
    same_recipe : bool, default=False
        Whether only their seeds differ.
    """

    first: str
    second: str
    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    same_recipe: bool = False

    @property
    def n_samples(self) -> int:
        """Number of training rows."""
        return self.both_right + self.only_first + self.only_second + self.both_wrong

    @property
    def p_value(self) -> float:
        """Of McNemar's exact test, see `mcnemar`."""
        return mcnemar(self.only_first, self.only_second)

    def verdict(self) -> str:
        """One sentence that says whether the runs differ, and why."""
        first, second = _shortened(self.first), _shortened(self.second)
        n_differing = self.only_first + self.only_second
        if not n_differing:
            return "They do not differ: they are right on the same rows."
        if self.same_recipe:
            return (
                "They are one recipe with different seeds: which of them is right on more rows is "
                "luck, and no reason to choose it. The difference shows how much of one between "
                "recipes may be luck too; to gain by seeds, average them ([ensemble] seeds, or "
                "digit-recognizer blend)."
            )
        if self.p_value >= SIGNIFICANCE_LEVEL:
            return (
                f"They do not differ: chance alone splits the {n_differing:,} rows that only one "
                f"has right at least as unevenly in {self.p_value:.0%} of cases."
            )
        better, more, fewer = first, self.only_first, self.only_second
        if more < fewer:
            better, more, fewer = second, fewer, more
        return (
            f"{better} is better: of the {n_differing:,} rows that only one has right it has "
            f"{more:,}, the other {fewer:,}, which is more uneven than chance explains."
        )

    def report(self) -> Group:
        """The comparison for people, at most 80 columns wide."""
        first, second = _shortened(self.first), _shortened(self.second)
        numbers = (
            Column(name, justify="right") for name in ("OOF accuracy", "95% interval", "errors")
        )
        accuracies = Table("run", *numbers, box=None, pad_edge=False)
        for name, n_right in (
            (first, self.both_right + self.only_first),
            (second, self.both_right + self.only_second),
        ):
            low, high = wilson_interval(n_right, self.n_samples)
            accuracy, errors = n_right / self.n_samples, self.n_samples - n_right
            interval = f"{low:.2%} to {high:.2%}"
            accuracies.add_row(name, f"{accuracy:.2%}", interval, f"{errors:,}")
        counts = Table.grid("", Column(justify="right"), padding=(0, 2, 0, 0))
        counts.add_row("both right", f"{self.both_right:,}")
        counts.add_row(f"only {first} right", f"{self.only_first:,}")
        counts.add_row(f"only {second} right", f"{self.only_second:,}")
        counts.add_row("both wrong", f"{self.both_wrong:,}")
        p_value = "< 0.0001" if self.p_value < 0.0001 else f"= {self.p_value:.4f}"
        return Group(
            accuracies,
            f"\nOf {self.n_samples:,} training rows:",
            Padding(counts, (0, 0, 0, 2), expand=False),
            f"\nMcNemar's exact test: p {p_value}",
            Constrain(self.verdict(), WIDTH),
        )


def compare(first: str, second: str, runs_folder: Path) -> Comparison:
    """Compare two runs, row by row: those that both have, where a recipe leaves out some.

    The predictions are out of fold: each row's comes from the network that did not train on it.
    The test takes the rows for independent, which they are only nearly: rows of one fold share a
    network, and the networks of different folds share training rows.

    Parameters
    ----------
    first, second : str
        Each a run's ID, the path of its folder, a beginning of an ID that no other run has, or
        the name of a recipe, whose newest run on the other's data is taken.
    runs_folder : Path

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        If a run is not there or damaged, or the two were not made with the same data.

    Notes
    -----
    Dietterich, "Approximate statistical tests for comparing supervised classification learning
    algorithms" (1998), compares tests of this kind.
    """
    folders = find_newest([first, second], runs_folder)
    if folders[0].resolve() == folders[1].resolve():
        raise InputError(f"Both runs to compare are {folders[0].name}; name two different ones.")
    runs = [read_out_of_fold(folder, runs_folder) for folder in folders]
    runs = [runs[0].on_rows_of(runs[1]), runs[1].on_rows_of(runs[0])]
    check_same_data(*runs, "compare")
    right, right_too = (run.is_right for run in runs)
    return Comparison(
        first=runs[0].name,
        second=runs[1].name,
        both_right=int((right & right_too).sum()),
        only_first=int((right & ~right_too).sum()),
        only_second=int((~right & right_too).sum()),
        both_wrong=int((~right & ~right_too).sum()),
        same_recipe=runs[0].recipe is not None and runs[0].recipe == runs[1].recipe,
    )


def _shortened(name):
    """A long name without its middle; its end is the hash that tells runs apart."""
    if len(name) <= NAME_WIDTH:
        return name
    return f"{name[: NAME_WIDTH - 16]}…{name[-15:]}"

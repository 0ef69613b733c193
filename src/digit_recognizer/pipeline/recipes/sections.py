"""Sections of a recipe that the pipeline itself reads."""

import re
from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta

from digit_recognizer.errors import InputError

# A protocol, a host, a port.
_ADDRESS = re.compile(r"[a-z]+://\S+:\d+")


@dataclass(frozen=True)
class DataSettings:
    """Section ``[data]``.

    Parameters
    ----------
    scaling : {"unit", "standard"}, default="standard"
        Pixels become x / 255, or (x − mean) / standard deviation with both taken over all pixels
        that a network trains on.
    drop : str or None, default=None
        A CSV file with a column "row", such as a run's ``label_issues.csv``: training rows to leave
        out, by their numbers from 1. A relative path begins in the current folder.
    """

    scaling: Literal["unit", "standard"] = "standard"
    drop: str | None = None


@dataclass(frozen=True)
class CrossValidation:
    """Section ``[cv]``.

    Parameters
    ----------
    folds : int, default=5
        Stratified folds, at least 2.
    repeats : int, default=1
        How often the rows are split into folds anew. The predictions of all splits are averaged
        before they are measured, and ``oof.csv`` names the fold of the first split.
    train_fraction : float, default=1.0
        Share of its rows, of each class the same, that a fold trains on: a part of the data for a
        first try, or for a curve of accuracy against rows. It is measured on all that it holds out.
    seed : int, default=0
        The one seed of the run, at least 0.
    """

    folds: Annotated[int, Meta(ge=2)] = 5
    repeats: Annotated[int, Meta(ge=1)] = 1
    train_fraction: Annotated[float, Meta(gt=0, le=1)] = 1.0
    seed: Annotated[int, Meta(ge=0)] = 0


@dataclass(frozen=True)
class Ensemble:
    """Section ``[ensemble]``: the networks that each fold trains, and how they are combined.

    Parameters
    ----------
    seeds : int, default=1
        Networks of each architecture a fold, each from a seed of its own.
    architectures : list of str, default=[]
        Architectures in place of that of ``[model]``.
    combine : {"mean", "weights", "stacking"}, default="mean"
        The mean of the networks' probabilities, their mean by weights learned on the out-of-fold
        predictions, or a logistic regression on these.
    """

    seeds: Annotated[int, Meta(ge=1)] = 1
    architectures: list[str] = field(default_factory=list)
    combine: Literal["mean", "weights", "stacking"] = "mean"

    def __post_init__(self):
        if self.combine != "mean" and self.n_networks == 1:
            raise InputError(
                f"[ensemble] combine is {self.combine!r}, but each fold trains one network; raise "
                "seeds, give architectures, or leave combine out."
            )

    @property
    def n_networks(self) -> int:
        """Networks a fold."""
        return self.seeds * max(len(self.architectures), 1)


@dataclass(frozen=True)
class Teach:
    """Section ``[teach]``: networks that teach those of their fold the test images.

    First each fold trains teachers on its training rows. Then its own networks learn these rows and
    the test images, for which they take the mean of the probabilities of the fold's teachers. No
    label of a row that the fold holds out has any part in that. Predictions and accuracies are of
    the taught networks alone.

    Parameters
    ----------
    seeds : int, default=1
        Teachers of each architecture a fold, each from a seed of its own.
    architectures : list of str, default=[]
        The teachers' architectures; without them those of the networks they teach.
    max_iter : int or None, default=None
        The teachers' most epochs; without it as in ``[model]``.
    views : dict or None, default=None
        Views of an image that the teachers' probabilities are the mean of, ``{}`` for the image
        alone; without it as in ``[model]``.
    temperature : float, default=1.0
        T in p ** (1 / T), scaled to add up to 1, which is learned of probabilities p: below 1 it
        makes them surer, 0 leaves the most probable class alone (a pseudo-label).
    weight : float, default=1.0
        What a test image weighs in the loss, where a training row weighs 1.
    rows : {"test", "all"}, default="test"
        What is taught: the test images, or the training rows too, which then learn a mean of their
        label and the teachers' probabilities.
    label_weight : float, default=0.5
        The label's share of that mean.
    """

    seeds: Annotated[int, Meta(ge=1)] = 1
    architectures: list[str] = field(default_factory=list)
    max_iter: Annotated[int, Meta(ge=1)] | None = None
    views: dict[str, float] | None = None
    temperature: Annotated[float, Meta(ge=0, le=100)] = 1.0
    weight: Annotated[float, Meta(gt=0, le=100)] = 1.0
    rows: Literal["test", "all"] = "test"
    label_weight: Annotated[float, Meta(ge=0, le=1)] = 0.5

    @property
    def teaches_training_rows(self) -> bool:
        """Whether the teachers' probabilities of training rows are learned too."""
        return self.rows == "all"


@dataclass(frozen=True)
class Compute:
    """Section ``[compute]``: how the work is spread; it changes no result.

    Parameters
    ----------
    jobs : int, default=0
        Networks trained at the same time; 0 for one a processor. They share the processors, and the
        last takes all.
    backend : {"loky", "dask"}, default="loky"
        Processes of this machine, or a Dask cluster.
    scheduler : str, default=""
        Address of the cluster's scheduler, such as "tcp://10.0.0.1:8786"; without it "dask" makes
        a cluster of `jobs` processes on this machine.
    """

    jobs: Annotated[int, Meta(ge=0)] = 0
    backend: Literal["loky", "dask"] = "loky"
    scheduler: str = ""

    def __post_init__(self):
        if self.scheduler and self.backend != "dask":
            raise InputError('[compute] scheduler needs backend = "dask"; add it.')
        if self.scheduler and not _ADDRESS.fullmatch(self.scheduler):
            raise InputError(
                f"[compute] scheduler is {self.scheduler!r}; give an address such as "
                "'tcp://10.0.0.1:8786'."
            )

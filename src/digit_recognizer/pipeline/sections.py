"""Sections of a recipe that the pipeline itself reads."""

import re
from dataclasses import dataclass, field

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
        of the training file.
    """

    scaling: str = "standard"

    def __post_init__(self):
        if self.scaling not in ("unit", "standard"):
            raise InputError(f"[data] scaling is {self.scaling!r}; give 'unit' or 'standard'.")


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
    seed : int, default=0
        The one seed of the run, at least 0.
    """

    folds: int = 5
    repeats: int = 1
    seed: int = 0

    def __post_init__(self):
        for name, least in (("folds", 2), ("repeats", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"[cv] {name} is {getattr(self, name)}; give {least} or more.")


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

    seeds: int = 1
    architectures: list[str] = field(default_factory=list)
    combine: str = "mean"

    def __post_init__(self):
        if self.seeds < 1:
            raise InputError(f"[ensemble] seeds is {self.seeds}; give 1 or more.")
        if self.combine not in ("mean", "weights", "stacking"):
            raise InputError(
                f"[ensemble] combine is {self.combine!r}; give 'mean', 'weights' or 'stacking'."
            )
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
class Compute:
    """Section ``[compute]``: how the work is spread; it changes no result.

    Parameters
    ----------
    jobs : int, default=0
        Networks trained at the same time; 0 for one a processor.
    backend : {"loky", "dask"}, default="loky"
        Processes of this machine, or a Dask cluster.
    scheduler : str, default=""
        Address of the cluster's scheduler, such as "tcp://10.0.0.1:8786"; without it "dask" makes
        a cluster of `jobs` processes on this machine.
    """

    jobs: int = 0
    backend: str = "loky"
    scheduler: str = ""

    def __post_init__(self):
        if self.jobs < 0:
            raise InputError(f"[compute] jobs is {self.jobs}; give 0 for one a processor, or more.")
        if self.backend not in ("loky", "dask"):
            raise InputError(f"[compute] backend is {self.backend!r}; give 'loky' or 'dask'.")
        if self.scheduler and self.backend != "dask":
            raise InputError('[compute] scheduler needs backend = "dask"; add it.')
        if self.scheduler and not _ADDRESS.fullmatch(self.scheduler):
            raise InputError(
                f"[compute] scheduler is {self.scheduler!r}; give an address such as "
                "'tcp://10.0.0.1:8786'."
            )

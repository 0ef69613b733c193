"""The state of a training between two epochs: taken, put back, as bytes."""

from dataclasses import asdict, dataclass, field

import numpy as np
from sklearn.exceptions import NotFittedError

from digit_recognizer.estimator.saving.descriptions import from_plain, to_plain
from digit_recognizer.estimator.saving.documents import MALFORMED, pack, unpack
from digit_recognizer.nn import Clock, TrainingPlan

FORMAT, FORMAT_VERSION = "training state", 1
# The records of the epochs that convergence.py keeps, and their kinds.
RECORDS = {
    "history_": [dict],
    "loss_curve_": [float],
    "validation_scores_": ([float], None),
    "best_loss_": (float, None),
    "best_validation_score_": (float, None),
    "_no_improvement_count": int,
    "loss_": float,
    "n_iter_": int,
    "t_": int,
}
# What the plain part of a state holds; integers are counts.
KINDS = {
    "signature": {"estimator": {"class": str, "parameters": dict}, "data": dict},
    "is_over": bool,
    "clock": {"epoch": int, "step": int, "n_seen": int, "n_steps": int},
    "optimizer": {"n_steps": int, "learning_rate": float},
    "average": {"n_steps": int},
    "schedule": {"learning_rate": float},
    "generator": dict,
    "split_seed": int,
    "records": RECORDS,
}


@dataclass(eq=False)
class TrainingState:
    """All that training goes on from after an epoch; `fit_epochs` takes it.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Parameters as trained, the optimizer's states, the moving average, the best epoch's.
    plain : dict
        The rest, as values of JSON: counts, records, random generator, and a signature of what
        decides the training.
    """

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    plain: dict = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return self.plain["clock"]["epoch"]

    def to_bytes(self) -> bytes:
        """The state as a safetensors file, with `plain` as JSON in its metadata."""
        return pack(FORMAT, FORMAT_VERSION, self.arrays, {"plain": self.plain})

    @classmethod
    def from_bytes(cls, content: bytes) -> "TrainingState":
        """Read what `to_bytes` made; no code from the bytes is run.

        Raises
        ------
        ValueError
            If the bytes are truncated, altered, something else, or of another version.
        """
        arrays, document = unpack(FORMAT, FORMAT_VERSION, content)
        plain = document.get("plain")
        if not isinstance(plain, dict):
            raise ValueError("The training state is malformed: its plain part is of no use.")
        return cls(arrays, plain)


@dataclass
class Standstill:
    """Where a training stands between two epochs, beside what the estimator holds itself.

    Parameters
    ----------
    clock : Clock
    signature : dict
        Of what decides the training.
    trained_values : ndarray of shape (n_values,) or None
        The parameters as trained, while others, averaged or best ones, are in the network.
    is_over : bool
        True once it is decided that no epoch follows.
    """

    clock: Clock
    signature: dict
    trained_values: np.ndarray | None = None
    is_over: bool = False


def check_plain(plain: dict) -> None:
    """Refuse a plain part that lacks something or has something of another kind.

    Raises
    ------
    ValueError
        Naming the part.
    """
    _check_kind(plain, KINDS, "plain part")


def _check_kind(value, kind, name):
    if not _is_of_kind(value, kind):
        raise ValueError(f"The training state is malformed: its {name} is missing or of no use.")
    if isinstance(kind, dict):
        for key, inner in kind.items():
            _check_kind(value.get(key, ...), inner, key)
        for key in value.keys() - kind.keys():
            raise ValueError(f"The training state is malformed: {key!r} in its {name} is unknown.")


def _is_of_kind(value, kind):
    if isinstance(kind, tuple):
        return any(_is_of_kind(value, one) for one in kind)
    if isinstance(kind, list):
        return isinstance(value, list) and all(_is_of_kind(v, kind[0]) for v in value)
    if isinstance(kind, dict):
        return isinstance(value, dict)
    if kind is int:
        return type(value) is int and value >= 0
    return value is None if kind is None else isinstance(value, kind)


def capture(estimator) -> TrainingState:
    """Take the state of an estimator's training; see `NumpyNetClassifier.training_state`."""
    if estimator.solver == "lbfgs":
        raise ValueError(
            "solver='lbfgs' has no training state: its iterations cannot be left and gone on with; "
            "use a stochastic solver such as 'adam'."
        )
    standstill = estimator.__dict__.get("_standstill")
    if standstill is None:
        raise NotFittedError(
            f"This {type(estimator).__name__} has no training state: take it after a record that "
            "fit_epochs has yielded."
        )
    values = standstill.trained_values
    optimizer, average = estimator._optimizer, estimator._average
    arrays = {"values": estimator._network.parameters.values if values is None else values}
    arrays |= {f"optimizer.{i}": array for i, array in enumerate(optimizer.states)}
    if average is not None:
        arrays["average"] = average.values
    if estimator.early_stopping:
        arrays["best"] = estimator._best_values
    plain = {
        "signature": standstill.signature,
        "is_over": standstill.is_over,
        "clock": asdict(standstill.clock),
        "optimizer": {
            "n_steps": optimizer.n_steps,
            "learning_rate": float(optimizer.learning_rate),
        },
        "average": {"n_steps": 0 if average is None else average.n_steps},
        "schedule": {"learning_rate": float(estimator._schedule.learning_rate)},
        "generator": estimator._generator.bit_generator.state,
        "split_seed": estimator._split_seed,
        "records": {name: to_plain(getattr(estimator, name)) for name in RECORDS},
    }
    return TrainingState({name: array.copy() for name, array in arrays.items()}, plain)


def restore(estimator, plan: TrainingPlan, state: TrainingState) -> None:
    """Put a state back into an estimator whose training is about to begin.

    Parameters
    ----------
    estimator : NumpyNetClassifier or NumpyNetRegressor
        With its network, and the optimizer, schedule and average that `plan` has.
    plan : TrainingPlan
    state : TrainingState
        Of a training with the same signature; `check_plain` has seen it.

    Raises
    ------
    ValueError
        If its arrays do not fit, or its generator is another one.
    """
    arrays, plain = state.arrays, state.plain
    parameters = estimator._network.parameters
    n_states = plan.optimizer.n_states
    sizes = {"values": parameters.values.size}
    sizes |= {f"optimizer.{i}": parameters.n_trainable for i in range(n_states)}
    sizes |= {"average": parameters.values.size} if plan.average is not None else {}
    sizes |= {"best": parameters.values.size} if estimator.early_stopping else {}
    _check_arrays(arrays, sizes, parameters.dtype)
    try:
        records = {name: from_plain(plain["records"][name]) for name in RECORDS}
        estimator._generator.bit_generator.state = plain["generator"]
    except MALFORMED as error:
        raise ValueError(f"The training state is malformed: {error!r}.") from error
    scored = {
        records[name] is not None for name in ("validation_scores_", "best_validation_score_")
    }
    if scored | {records["best_loss_"] is None} != {bool(estimator.early_stopping)}:
        raise ValueError("The training state is malformed: its records are of another kind of fit.")
    plan.optimizer.resume([arrays[f"optimizer.{i}"] for i in range(n_states)], **plain["optimizer"])
    if plan.average is not None:
        plan.average.resume(arrays["average"], **plain["average"])
    plan.schedule.learning_rate = plain["schedule"]["learning_rate"]
    plan.clock = Clock(**plain["clock"])
    if estimator.early_stopping:
        estimator._best_values = arrays["best"].copy()
    parameters.values[...] = arrays["values"]
    vars(estimator).update(records)


def _check_arrays(arrays, sizes, dtype):
    if arrays.keys() != sizes.keys():
        names = ", ".join(sorted(arrays.keys() ^ sizes.keys()))
        raise ValueError(f"The training state is malformed: {names} missing or too many.")
    for name, size in sizes.items():
        array = arrays[name]
        if array.shape != (size,) or array.dtype != dtype:
            raise ValueError(
                f"The training state is malformed: its {name} are {array.dtype} {array.shape}, "
                f"not {dtype} {(size,)}."
            )

"""scikit-learn's callbacks (its version 1.9 and newer) around the epochs of a fit, and ours.

With an older scikit-learn the estimators have no `set_callbacks`, and everything else works.
"""

import copy
import math
from numbers import Integral
from pathlib import Path
from time import monotonic

from digit_recognizer.estimator.building.weights import weight_views
from digit_recognizer.estimator.saving import persistence

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Stands in for scikit-learn's, which came with version 1.9."""

    def with_callbacks(method):
        """Stands in for scikit-learn's decorator: the method itself."""
        return method


# Waiting for the disk costs several times what an epoch of a small network takes.
SECONDS_BETWEEN_FLUSHES = 1.0
# What the epochs of a fit change in place.
GROWING = (
    "_network",
    "_optimizer",
    "_schedule",
    "_average",
    "_generator",
    "history_",
    "loss_curve_",
    "validation_scores_",
)


class NoHooks:
    """What a fit without callbacks tells them: nothing.

    Attributes
    ----------
    is_iterated : bool
        Whether `fit_epochs` was called, whose caller hears of a KeyboardInterrupt.
    resumes : bool
        Whether training goes on from a state, whatever the estimator has learned before.
    on_step : callable or None
        Called with the clock, the loss and the learning rate after each step.
    """

    is_iterated = False
    resumes = False
    on_step = None

    def training_begins(self):
        """The network is made, the validation rows are not yet drawn."""

    def plan_is_made(self, plan, training, validation) -> bool:
        """Training is about to begin; True if there is no epoch left to train.

        Parameters
        ----------
        plan : TrainingPlan
        training, validation : tuple of (X, y, sample_weight) or None
            The rows to train and to measure on.
        """
        return False

    def stands_still(self, trained_values):
        """An epoch is recorded; `trained_values` are the parameters where others are in use."""

    def training_is_over(self):
        """It is decided that no epoch follows."""

    def weights_are_replaced(self):
        """The network's weights are about to become the average or those of the best epoch."""

    def task_begins(self):
        """An epoch begins."""

    def task_ends(self) -> bool:
        """An epoch ended; True if a callback asks to stop."""
        return False

    def fit_ends(self):
        """The fit is over."""


class Hooks(NoHooks):
    """Tells an estimator's callbacks of the fit and of each of its epochs.

    Parameters
    ----------
    estimator : NumpyNetClassifier or NumpyNetRegressor
    X, y, sample_weight
        As the user gave them to `fit`.
    """

    def __init__(self, estimator, X, y, sample_weight):
        self.estimator = estimator
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self.data = {"X": X, "y": y, "metadata": metadata}
        self.context = estimator._init_callback_context(max_subtasks=estimator.max_iter)
        self.context.call_on_fit_task_begin(estimator=estimator, **self.data)
        self.task = None

    def task_begins(self):
        name = "iteration" if self.estimator.solver == "lbfgs" else "epoch"
        self.task = self.context.subcontext(task_name=name)
        self.task.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def task_ends(self):
        return self._end(self.task)

    def fit_ends(self):
        self._end(self.context)

    def _end(self, task):
        return task.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=lambda: snapshot(self.estimator),
            **self.data,
        )


def snapshot(estimator) -> dict:
    """Attributes that make a shallow copy of the estimator one fitted up to now, on its own."""
    growing = {name: getattr(estimator, name) for name in GROWING if hasattr(estimator, name)}
    attributes = copy.deepcopy(growing)
    return attributes | weight_views(attributes["_network"])


def make_hooks(estimator, X, y, sample_weight) -> NoHooks:
    """Hooks for the estimator's callbacks, where this scikit-learn has them."""
    if hasattr(estimator, "_init_callback_context"):
        return Hooks(estimator, X, y, sample_weight)
    return NoHooks()


class Checkpoint:
    """Callback that saves the estimator as it is after each epoch, or after some, and at the end.

    Whatever happens to the process, the file holds one save, whole: each takes the place of the
    last at once. What could not be saved, and a file that could not be written, is said before
    training starts.

    Parameters
    ----------
    path : str or Path
        File to write, see `NumpyNetClassifier.save`; relative to the folder of now.
    every : int, default=1
        Epochs from one save to the next.

    Notes
    -----
    A save at the end, or a second after the last that did so, waits until it is on the disk, and
    outlives a power failure. Of those between, some file systems may then have a damaged one.

    Examples
    --------
    >>> from digit_recognizer import NumpyNetClassifier
    >>> from digit_recognizer.estimator import Checkpoint
    >>> clf = NumpyNetClassifier(max_iter=20)
    >>> if hasattr(clf, "set_callbacks"):  # from scikit-learn 1.9 on
    ...     clf = clf.set_callbacks(Checkpoint("model.safetensors", every=5))
    """

    def __init__(self, path, every=1):
        if not isinstance(every, Integral) or every < 1:
            raise ValueError(f"Checkpoint's every must be an integer of at least 1, got {every!r}.")
        # The fit may be in another folder, and in another process.
        self.path = Path.cwd() / persistence.file_path(path)
        self.every = every

    def setup(self, estimator, context):
        """Refuse what could not be saved."""
        if not hasattr(estimator, "save"):
            raise TypeError(
                f"A {type(estimator).__name__} has no save; give the Checkpoint to the "
                "NumpyNetClassifier or NumpyNetRegressor in it."
            )
        persistence.check_ahead(estimator, self.path)
        self._flushed = -math.inf

    def teardown(self, estimator, context):
        """Nothing to clean up."""

    def on_fit_task_begin(self, estimator, context):
        """Before the first epoch, refuse what could not be saved of the data."""
        if _is_epoch(context) and context.task_id == 0:
            persistence.to_bytes(estimator)

    def on_fit_task_end(self, estimator, context):
        """Save after every `every` epochs, and at the end."""
        if not _is_epoch(context):
            persistence.save(estimator, self.path)
        elif (context.task_id + 1) % self.every == 0:
            flush = monotonic() - self._flushed > SECONDS_BETWEEN_FLUSHES
            persistence.save(estimator, self.path, flush)
            self._flushed = monotonic() if flush else self._flushed
        return False


def _is_epoch(context):
    return context.max_subtasks == 0

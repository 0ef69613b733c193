"""scikit-learn's callbacks (its version 1.9 and newer) around the epochs of a fit, and ours.

With an older scikit-learn the estimators have no `set_callbacks`, and everything else works.
"""

import copy
from pathlib import Path

from digit_recognizer.estimator.weights import weight_views

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:
        """Stands in for scikit-learn's, which came with version 1.9."""

    def with_callbacks(method):
        """Stands in for scikit-learn's decorator: the method itself."""
        return method


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
    """Callback that saves the estimator as it is after each epoch, or after some.

    Parameters
    ----------
    path : str or Path
        File to write; see `NumpyNetClassifier.save`. Each save takes the place of the last.
    every : int, default=1
        Epochs from one save to the next.

    Examples
    --------
    >>> from digit_recognizer import NumpyNetClassifier
    >>> from digit_recognizer.estimator import Checkpoint
    >>> clf = NumpyNetClassifier(max_iter=20)
    >>> if hasattr(clf, "set_callbacks"):  # from scikit-learn 1.9 on
    ...     clf = clf.set_callbacks(Checkpoint("model.safetensors", every=5))
    """

    def __init__(self, path, every=1):
        if every < 1:
            raise ValueError(f"Checkpoint's every must be at least 1, got {every!r}.")
        self.path = Path(path)
        self.every = every

    def setup(self, estimator, context):
        """Nothing to prepare."""

    def teardown(self, estimator, context):
        """Nothing to clean up."""

    def on_fit_task_begin(self, estimator, context):
        """Nothing to do before an epoch."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Save after every `every` epochs, and at the end."""
        is_epoch = context.max_subtasks == 0
        if not is_epoch or (context.task_id + 1) % self.every == 0:
            fitted_estimator.save(self.path)
        return False

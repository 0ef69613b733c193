"""`fit_epochs`: a fit that stands still after each epoch, and goes on from a state of another."""

from collections.abc import Iterator

from digit_recognizer.estimator.fitting.callbacks import NoHooks
from digit_recognizer.estimator.saving.signature import (
    check_data_signature,
    check_estimator_signature,
    describe_data,
    describe_estimator,
)
from digit_recognizer.estimator.saving.training_state import (
    Standstill,
    TrainingState,
    capture,
    check_plain,
    restore,
)


class FitByEpochs:
    """The methods of the estimators that train an epoch at a time."""

    def fit_epochs(
        self, X, y, sample_weight=None, X_val=None, y_val=None, state=None, on_step=None
    ) -> Iterator[dict]:
        """`fit` as an iterator that stands still after each epoch.

        Takes what `fit` takes, and calls no callbacks. Stopping the iteration early leaves a
        fitted estimator.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val
            As for `fit`.
        state : TrainingState or None, default=None
            From `training_state`: training goes on after the epoch it was taken, to the same
            bytes as if it had not stopped. The weights that this estimator has are forgotten.
        on_step : callable or None, default=None
            Called as ``on_step(clock, loss, learning_rate)`` after each step, with an `nn.Clock`
            that says how many of how many steps were taken, the loss of the step's batch and its
            learning rate; by "lbfgs" after each iteration, without a rate (None).

        Yields
        ------
        dict
            The epoch's record, as `history_` holds it; with `state` of the epochs that are left.

        Raises
        ------
        WrongState
            If the state is of an estimator with other parameters, or of other data; a ValueError.
        KeyboardInterrupt
            Ctrl-C ends the iteration, where it ends `fit` with a warning.
        """
        yield from self._resumable(X, y, sample_weight, (X_val, y_val), state, on_step)

    def _resumable(self, X, y, sample_weight, given, state, on_step, targets=None):
        self.check_parameters()
        hooks = Resumable(self, state, on_step)
        data = X, y, sample_weight, targets
        yield from self._epochs(*data, incremental=False, given=given, hooks=hooks)

    def _epochs(self, *data, **options):
        """`_train`; if it fails before an epoch, no network with its first weights predicts."""
        before = self.__dict__.get("_network")
        set_by_hand = before is None and "_coefs" in self.__dict__
        try:
            yield from self._train(*data, **options)
        except Exception:
            is_new = not set_by_hand and self.__dict__.get("_network") is not before
            if is_new and not self.history_:
                for name in ("_network", "_coefs", "_intercepts"):
                    del self.__dict__[name]
            raise

    def training_state(self) -> TrainingState:
        """All that training goes on from, after a record that `fit_epochs` has yielded.

        Returns
        -------
        TrainingState
            For `fit_epochs` of an estimator with the same parameters, and for the same data.

        Raises
        ------
        NotFittedError
            If training does not stand between two epochs of `fit_epochs`.
        ValueError
            If the solver is "lbfgs", or `history_` was given a value that JSON does not know.
        """
        return capture(self)


class Resumable(NoHooks):
    """Keeps the place of a training between its epochs, and begins it from a state if there is one.

    Parameters
    ----------
    estimator : NumpyNetClassifier or NumpyNetRegressor
    state : TrainingState or None
    on_step : callable or None

    Raises
    ------
    ValueError
        If the state is none, or of an estimator with other parameters.
    """

    is_iterated = True

    def __init__(self, estimator, state, on_step=None):
        self.estimator = estimator
        self.state = state
        self.on_step = on_step
        self.resumes = state is not None
        self.signature = None
        self.clock = None
        if not self.resumes:
            return
        if not isinstance(state, TrainingState):
            raise ValueError(
                f"state must be a TrainingState, got {type(state).__name__}; "
                "TrainingState.from_bytes makes one from its bytes."
            )
        check_plain(state.plain)
        check_estimator_signature(state.plain["signature"]["estimator"], estimator)

    def training_begins(self):
        if self.resumes:
            # With random_state=None the estimator has just drawn another one.
            self.estimator._split_seed = self.state.plain["split_seed"]

    def plan_is_made(self, plan, training, validation):
        data = describe_data(self.estimator, training, validation)
        self.signature = {"estimator": describe_estimator(self.estimator), "data": data}
        if self.resumes:
            check_data_signature(self.state.plain["signature"]["data"], data)
            restore(self.estimator, plan, self.state)
        self.clock = plan.clock
        return self.resumes and self.state.plain["is_over"]

    def stands_still(self, trained_values):
        self._keep(trained_values=trained_values)

    def task_ends(self):
        # What follows the epoch is being decided.
        self.estimator._standstill = None
        return False

    def training_is_over(self):
        self._keep(is_over=True)

    def weights_are_replaced(self):
        standstill = self.estimator._standstill
        if standstill is not None:
            standstill.trained_values = self.estimator._network.parameters.values.copy()

    def _keep(self, **details):
        self.estimator._standstill = Standstill(self.clock, self.signature, **details)

"""scikit-learn's rules of a fit: what is recorded of an epoch, and when training is over."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from digit_recognizer.estimator.building.construction import PLANNED_SCHEDULES
from digit_recognizer.nn import Adaptive


def forget_records(estimator) -> None:
    """Begin the fitted attributes that grow with the epochs."""
    estimator.history_ = []
    if estimator.solver == "lbfgs":
        return
    estimator.loss_curve_ = []
    estimator._no_improvement_count = 0
    if estimator.early_stopping:
        estimator.validation_scores_ = []
        estimator.best_validation_score_ = np.nan
        estimator.best_loss_ = None
        estimator._best_values = estimator._network.parameters.values.copy()
    else:
        estimator.best_loss_ = np.inf
        estimator.validation_scores_ = None
        estimator.best_validation_score_ = None


def keeps_scores(estimator) -> bool:
    """Whether the records so far are those of early stopping."""
    return estimator.best_loss_ is None


def record_epoch(estimator, record: dict, n_seen: int) -> None:
    """Take an epoch and its loss into the fitted attributes, and print scikit-learn's line.

    `n_seen` counts the rows of all epochs so far.
    """
    estimator.history_.append(record)
    estimator.n_iter_ += 1
    estimator.t_ = n_seen
    estimator.loss_ = record["loss"]
    estimator.loss_curve_.append(estimator.loss_)
    if estimator.verbose:
        print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")


def judge_epoch(estimator, record: dict) -> None:
    """Count the epochs without improvement, and remember the best."""
    if estimator.early_stopping:
        _judge_score(estimator, record["validation_score"])
    else:
        _judge_loss(estimator)


def _judge_loss(estimator):
    improved = estimator.loss_ <= estimator.best_loss_ - estimator.tol
    estimator._no_improvement_count = 0 if improved else estimator._no_improvement_count + 1
    estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)


def _judge_score(estimator, score):
    estimator.validation_scores_.append(score)
    if estimator.verbose:
        print(f"Validation score: {score:f}")
    # The best is NaN before the first finite score, and no number is less than that.
    best, is_finite = estimator.best_validation_score_, np.isfinite(score)
    improved = is_finite and not score < best + estimator.tol
    estimator._no_improvement_count = 0 if improved else estimator._no_improvement_count + 1
    if is_finite and not score <= best:
        estimator.best_validation_score_ = score
        estimator._best_values = estimator._network.parameters.values.copy()


def has_converged(estimator, schedule, incremental: bool) -> bool:
    """Whether to stop after this epoch, with scikit-learn's messages.

    Under a schedule with a planned end only early stopping ends training before it.
    """
    planned = estimator.learning_rate in PLANNED_SCHEDULES
    is_judged = estimator.early_stopping or not planned
    if estimator._no_improvement_count > estimator.n_iter_no_change and is_judged:
        if not _answer_plateau(estimator, schedule):
            return True
        estimator._no_improvement_count = 0
    if not incremental and not planned and estimator.n_iter_ == estimator.max_iter:
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) "
            "reached and the optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=2,
        )
    return False


def _answer_plateau(estimator, schedule):
    """Let the schedule answer a plateau; True if training goes on."""
    what = "Validation score" if estimator.early_stopping else "Training loss"
    message = (
        f"{what} did not improve more than tol={estimator.tol:f} "
        f"for {estimator.n_iter_no_change} consecutive epochs."
    )
    goes_on = schedule.on_plateau()
    if goes_on:
        outcome = f"Setting learning rate to {schedule.learning_rate:f}"
    elif isinstance(schedule, Adaptive):
        outcome = "Learning rate too small. Stopping."
    else:
        outcome = "Stopping."
    if estimator.verbose:
        print(f"{message} {outcome}")
    return goes_on

"""How an estimator's network is trained: epochs of a stochastic solver, or L-BFGS.

These functions hold scikit-learn's rules of convergence, early stopping, messages and fitted
attributes; the arithmetic is `nn`'s.
"""

import warnings
from contextlib import contextmanager

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils.optimize import _check_optimize_result

from digit_recognizer.estimator import construction
from digit_recognizer.nn import Adaptive, Clock, MovingAverage, TrainingPlan
from digit_recognizer.nn.lbfgs import Objective, minimize_lbfgs

# A change of one of these makes a warm start begin with a fresh optimizer and schedule.
OPTIMIZER_PARAMETERS = (
    "solver",
    "learning_rate",
    "learning_rate_init",
    "power_t",
    "momentum",
    "nesterovs_momentum",
    "beta_1",
    "beta_2",
    "epsilon",
    "weight_decay",
    "ema_decay",
)


def forget(estimator) -> None:
    """Reset what the fits of a warm start go on from."""
    estimator._optimizer = None
    if estimator.solver == "lbfgs":
        return
    estimator.loss_curve_ = []
    estimator._no_improvement_count = 0
    if estimator.early_stopping:
        estimator.validation_scores_ = []
        estimator.best_validation_score_ = -np.inf
        estimator.best_loss_ = None
        estimator._best_values = estimator._network.parameters.values.copy()
    else:
        estimator.best_loss_ = np.inf
        estimator.validation_scores_ = None
        estimator.best_validation_score_ = None


def stochastic_epochs(estimator, X, y, sample_weight, incremental):
    """Train by mini-batches; yields a record an epoch.

    With `incremental`, one epoch.
    """
    _check_incremental(estimator, incremental)
    keeps_scores = estimator._optimizer is not None and estimator.best_loss_ is None
    if estimator._optimizer is None or keeps_scores != estimator.early_stopping:
        # Nothing to go on from, or records of another kind.
        forget(estimator)
    training, validation = _split(estimator, X, y, sample_weight)
    X, y, sample_weight = training
    n_epochs = 1 if incremental else estimator.max_iter
    plan = _make_plan(estimator, X.shape[0], n_epochs)
    epochs = estimator._network.fit_epochs(X, y, plan, estimator._generator, sample_weight)
    estimator.n_iter_ = 0
    try:
        for record in epochs:
            with _averaged_weights(estimator, plan.average):
                _record_epoch(estimator, record, X.shape[0], validation)
                yield record
            if _has_converged(estimator, plan.schedule, incremental):
                break
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=2)
    finally:
        _take_final_weights(estimator, plan.average)


def _check_incremental(estimator, incremental):
    if not incremental:
        return
    if estimator.early_stopping:
        raise ValueError("partial_fit does not support early_stopping=True")
    if estimator.learning_rate in construction.PLANNED_SCHEDULES:
        raise ValueError(
            f"partial_fit does not support learning_rate={estimator.learning_rate!r}, which runs "
            "over a planned number of epochs; use learning_rate='constant'."
        )


def _split(estimator, X, y, sample_weight):
    """Training and validation parts (X, y, sample_weight); without early stopping all and None."""
    if not estimator.early_stopping:
        return (X, y, sample_weight), None
    arrays = [X, y] if sample_weight is None else [X, y, sample_weight]
    parts = train_test_split(
        *arrays,
        random_state=estimator._split_seed,
        test_size=estimator.validation_fraction,
        stratify=estimator._stratify_by(y),
    )
    training, validation = parts[::2], parts[1::2]
    if validation[0].shape[0] < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' "
            "or the size of your dataset."
        )
    if sample_weight is None:
        training, validation = [*training, None], [*validation, None]
    return training, validation


def _make_plan(estimator, n_samples, n_epochs):
    if estimator.batch_size == "auto":
        batch_size = min(200, n_samples)
    else:
        if estimator.batch_size > n_samples:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than "
                "sample size. It is going to be clipped",
                stacklevel=2,
            )
        batch_size = min(estimator.batch_size, n_samples)
    signature = {name: getattr(estimator, name) for name in OPTIMIZER_PARAMETERS}
    if estimator._optimizer is None or estimator._optimizer_signature != signature:
        estimator._optimizer = construction.make_optimizer(estimator)
        estimator._schedule = construction.make_schedule(estimator)
        estimator._average = MovingAverage(estimator.ema_decay) if estimator.ema_decay else None
        estimator._trained_values = None
        estimator._optimizer_signature = signature
    elif estimator._trained_values is not None:
        # What was predicted with were the averaged weights; training goes on from its own.
        estimator._network.parameters.values[...] = estimator._trained_values
    return TrainingPlan(
        optimizer=estimator._optimizer,
        schedule=estimator._schedule,
        batch_size=batch_size,
        n_epochs=n_epochs,
        shuffle=estimator.shuffle,
        alpha=estimator.alpha,
        average=estimator._average,
        clock=Clock(n_seen=estimator.t_),
    )


@contextmanager
def _averaged_weights(estimator, average):
    """The network with its averaged weights, where there are any."""
    if average is None:
        yield
        return
    values = estimator._network.parameters.values
    trained = values.copy()
    values[...] = average.values
    try:
        yield
    finally:
        values[...] = trained


def _record_epoch(estimator, record, n_samples, validation):
    """Fitted attributes and messages of an epoch."""
    record["loss"] *= estimator._loss_scale
    estimator.n_iter_ += 1
    estimator.t_ += n_samples
    estimator.loss_ = record["loss"]
    estimator.loss_curve_.append(estimator.loss_)
    if estimator.verbose:
        print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
    if validation is None:
        if estimator.loss_ > estimator.best_loss_ - estimator.tol:
            estimator._no_improvement_count += 1
        else:
            estimator._no_improvement_count = 0
        estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)
        return
    score = record["validation_score"] = estimator._score_on(*validation)
    estimator.validation_scores_.append(score)
    if estimator.verbose:
        print(f"Validation score: {score:f}")
    if score < estimator.best_validation_score_ + estimator.tol:
        estimator._no_improvement_count += 1
    else:
        estimator._no_improvement_count = 0
    if score > estimator.best_validation_score_:
        estimator.best_validation_score_ = score
        estimator._best_values = estimator._network.parameters.values.copy()


def _has_converged(estimator, schedule, incremental):
    """Whether to stop after this epoch, with scikit-learn's messages."""
    planned = estimator.learning_rate in construction.PLANNED_SCHEDULES
    if estimator._no_improvement_count > estimator.n_iter_no_change and not planned:
        what = "Validation score" if estimator.early_stopping else "Training loss"
        message = (
            f"{what} did not improve more than tol={estimator.tol:f} "
            f"for {estimator.n_iter_no_change} consecutive epochs."
        )
        if not _reduce_rate(schedule, message, estimator.verbose):
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


def _reduce_rate(schedule, message, verbose):
    """Let the schedule answer a plateau; True if training goes on."""
    goes_on = schedule.on_plateau()
    if verbose and goes_on:
        print(f"{message} Setting learning rate to {schedule.learning_rate:f}")
    elif verbose:
        adaptive = "Learning rate too small. " if isinstance(schedule, Adaptive) else ""
        print(f"{message} {adaptive}Stopping.")
    return goes_on


def _take_final_weights(estimator, average):
    """The best epoch's weights with early stopping, otherwise the average where there is one."""
    values = estimator._network.parameters.values
    estimator._trained_values = None if average is None else values.copy()
    if estimator.early_stopping:
        values[...] = estimator._best_values
    elif average is not None and average.values is not None:
        values[...] = average.values


def lbfgs_epochs(estimator, X, y, sample_weight, incremental):
    """Train by L-BFGS on all samples; yields one record."""
    if estimator.dropout:
        raise ValueError(
            "solver='lbfgs' needs a loss without randomness and does not support dropout; "
            "set dropout=0 or use the solver 'adam'."
        )

    def report(intermediate_result):
        nonlocal iteration
        iteration += 1
        loss = intermediate_result.fun * estimator._loss_scale
        print(f"Iteration {iteration}, loss = {loss:.8f}")

    iteration = 0
    # What an optimizer of stochastic steps remembers belongs to weights that are left here.
    estimator._optimizer = None
    objective = Objective(estimator._network, X, y, sample_weight, estimator.alpha)
    result = minimize_lbfgs(
        objective,
        max_iter=estimator.max_iter,
        max_fun=estimator.max_fun,
        tol=estimator.tol,
        callback=report if estimator.verbose else None,
    )
    estimator.n_iter_ = _check_optimize_result("lbfgs", result, estimator.max_iter)
    estimator.loss_ = float(result.fun) * estimator._loss_scale
    yield {"epoch": estimator.n_iter_, "loss": estimator.loss_}

"""How an estimator's network is trained: epochs of a stochastic solver, or L-BFGS."""

import warnings
from contextlib import contextmanager
from math import ceil

import numpy as np
from sklearn.utils.optimize import _check_optimize_result

from digit_recognizer.estimator.building import construction
from digit_recognizer.estimator.fitting.convergence import (
    forget_records,
    has_converged,
    judge_epoch,
    keeps_scores,
    record_epoch,
)
from digit_recognizer.estimator.fitting.cores import AllCores
from digit_recognizer.estimator.fitting.lbfgs import Objective, minimize_lbfgs
from digit_recognizer.estimator.fitting.validation import Validation, split_rows
from digit_recognizer.estimator.inputs.soft_targets import learned_targets
from digit_recognizer.nn import BatchNorm, Clock, Dropout, MovingAverage, Optimizer, TrainingPlan

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
    estimator._standstill = None
    forget_records(estimator)


def stochastic_epochs(estimator, training, given, incremental, hooks):
    """Train by mini-batches; yields a record an epoch, returns the Validation or None.

    Parameters
    ----------
    estimator : NumpyNetClassifier or NumpyNetRegressor
    training : tuple of (X, y, sample_weight)
        With encoded targets and the classes' weights.
    given : tuple of (X, y, None) or None
        The validation set given to `fit`.
    incremental : bool
        One epoch only.
    hooks : NoHooks
    """
    if estimator._optimizer is None or keeps_scores(estimator) != estimator.early_stopping:
        # Nothing to go on from, or records of another kind.
        forget(estimator)
    estimator._standstill = None
    hooks.training_begins()
    training, validation = _part(estimator, training, given)
    X, y, sample_weight = training
    plan = _make_plan(estimator, X, incremental)
    plan.on_step = hooks.on_step
    estimator.n_iter_ = 0
    measured_on = None if validation is None else validation.validation
    is_over = hooks.plan_is_made(plan, training, measured_on)
    learned = X, learned_targets(y)
    epochs = estimator._network.fit_epochs(*learned, plan, estimator._generator, sample_weight)
    try:
        if hooks.resumes and not is_over:
            # What was still to be decided when the state was taken.
            is_over = has_converged(estimator, plan.schedule, incremental)
        while not (is_over or plan.is_over):
            hooks.task_begins()
            with AllCores():
                record = next(epochs)
            record_epoch(estimator, record, plan.clock.n_seen)
            with _averaged_weights(estimator, plan.average) as trained_values:
                if validation is not None:
                    record.update(validation.measure())
                judge_epoch(estimator, record)
                hooks.stands_still(trained_values)
                yield record
                asked_to_stop = hooks.task_ends()
            is_over = has_converged(estimator, plan.schedule, incremental) or asked_to_stop
        hooks.training_is_over()
    except KeyboardInterrupt:
        if hooks.is_iterated:
            raise
        warnings.warn("Training interrupted by user.", stacklevel=2)
    finally:
        epochs.close()
        if estimator.early_stopping or plan.average is not None:
            hooks.weights_are_replaced()
        _take_final_weights(estimator, plan.average)
    return validation


def check_solver(estimator, incremental: bool) -> None:
    """Refuse what the solver cannot do, before anything is made.

    Raises
    ------
    ValueError
        Naming the parameter and the remedy.
    """
    if estimator.solver == "lbfgs":
        _check_deterministic(estimator)
    elif incremental and estimator.early_stopping:
        raise ValueError("partial_fit does not support early_stopping=True")


def can_fit_partially(estimator) -> bool:
    """True, or an AttributeError that says why there is no `partial_fit`."""
    solver = estimator.solver
    if not (isinstance(solver, Optimizer) or solver in construction.STOCHASTIC_SOLVERS):
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {solver} is not stochastic."
        )
    if estimator.learning_rate in construction.PLANNED_SCHEDULES:
        raise AttributeError(
            f"partial_fit is not available with learning_rate={estimator.learning_rate!r}, which "
            "runs over a planned number of epochs; use learning_rate='constant'."
        )
    if getattr(estimator, "class_weight", None) == "balanced":
        raise AttributeError(
            "partial_fit is not available with class_weight='balanced', because it does not see "
            "all rows; give a dict, such as compute_class_weight makes."
        )
    return True


def _part(estimator, training, given):
    """The rows to train on, and the Validation or None."""
    if given is None and not estimator.early_stopping:
        return training, None
    if given is None:
        training, given = split_rows(estimator, *training)
    return training, Validation(estimator, training, given)


def _make_plan(estimator, X, incremental):
    signature = {name: getattr(estimator, name) for name in OPTIMIZER_PARAMETERS}
    signature["solver"] = str(estimator.solver)
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
        batch_size=_batch_size(estimator, X.shape[0]),
        n_epochs=1 if incremental else planned_epochs(estimator, X.shape[0]),
        max_steps=estimator.max_steps,
        reduction=estimator.reduction,
        shuffle=estimator.shuffle,
        alpha=estimator.alpha,
        loss_scale=estimator._loss_scale,
        average=estimator._average,
        augment=construction.make_augmenter(estimator, X),
        max_gradient_norm=estimator.max_gradient_norm,
        clock=Clock(n_seen=estimator.t_),
    )


def planned_epochs(estimator, n_samples: int) -> int:
    """Most epochs of a stochastic solver on so many rows, one that ends in its middle included."""
    if estimator.max_steps is None:
        return estimator.max_iter
    steps_per_epoch = ceil(n_samples / _batch_size(estimator, n_samples))
    return min(estimator.max_iter, ceil(estimator.max_steps / steps_per_epoch))


def _batch_size(estimator, n_samples):
    if estimator.batch_size in ("auto", "all"):
        return n_samples if estimator.batch_size == "all" else min(200, n_samples)
    if estimator.batch_size > n_samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=2,
        )
    return min(estimator.batch_size, n_samples)


@contextmanager
def _averaged_weights(estimator, average):
    """The network with its averaged weights, where there are any; yields those it had."""
    if average is None:
        yield None
        return
    values = estimator._network.parameters.values
    trained = values.copy()
    values[...] = average.values
    try:
        yield trained
    finally:
        values[...] = trained


def _take_final_weights(estimator, average):
    """The best epoch's weights if a score tells it, otherwise the average where there is one."""
    values = estimator._network.parameters.values
    estimator._trained_values = None if average is None else values.copy()
    if estimator.early_stopping and not np.isnan(estimator.best_validation_score_):
        values[...] = estimator._best_values
    elif average is not None and average.values is not None:
        values[...] = average.values


def lbfgs_epochs(estimator, training, given, incremental, hooks):
    """Train by L-BFGS on all samples; yields a record an iteration, all at the end.

    Returns the Validation or None.
    """
    # What an optimizer of stochastic steps remembers belongs to weights that are left here.
    forget(estimator)
    validation = None if given is None else Validation(estimator, training, given)
    parameters = estimator._network.parameters
    clock = Clock(n_steps=estimator.max_iter)

    X, y, sample_weight = training
    learned = X, learned_targets(y)
    objective = Objective(estimator._network, *learned, sample_weight, estimator.alpha)

    def loss_of(result):
        penalty = objective.penalty(result.x)
        return estimator._loss_scale * (float(result.fun) - penalty) + penalty

    def report(intermediate_result):
        parameters.values[: parameters.n_trainable] = intermediate_result.x
        loss = loss_of(intermediate_result)
        record = {"epoch": len(estimator.history_) + 1, "loss": loss}
        if validation is not None:
            record.update(validation.measure())
        estimator.history_.append(record)
        clock.step = clock.epoch = record["epoch"]
        if hooks.on_step is not None:
            hooks.on_step(clock, loss, None)
        if estimator.verbose:
            print(f"Iteration {record['epoch']}, loss = {loss:.8f}")
        hooks.task_begins()
        if hooks.task_ends():
            raise StopIteration

    with AllCores():
        result = minimize_lbfgs(
            objective,
            max_iter=estimator.max_iter,
            max_fun=estimator.max_fun,
            tol=estimator.tol,
            callback=report,
        )
    estimator.loss_ = loss_of(result)
    if _asked_to_stop(result):
        estimator.n_iter_ = result.nit
    else:
        estimator.n_iter_ = _check_optimize_result("lbfgs", result, estimator.max_iter)
    yield from estimator.history_
    return validation


def _asked_to_stop(result):
    return result.status == 99 or "StopIteration" in str(result.message)


def _check_deterministic(estimator):
    layers = construction.make_layers(estimator, n_outputs=1)
    changes = any(isinstance(layer, Dropout | BatchNorm) for layer in layers)
    if changes or estimator.augment is not None:
        raise ValueError(
            "solver='lbfgs' needs a loss that is the same at each evaluation and does not support "
            "dropout, batch normalization or augment; leave them out or use the solver 'adam'."
        )
    for name in ("ema_decay", "max_gradient_norm"):
        if getattr(estimator, name) is not None:
            raise ValueError(f"solver='lbfgs' has no {name}; leave it out or use 'adam'.")
    if estimator.learning_rate in construction.PLANNED_SCHEDULES:
        raise ValueError(
            f"solver='lbfgs' has no learning rate for {estimator.learning_rate!r} to change; leave "
            "learning_rate at 'constant' or use 'adam'."
        )

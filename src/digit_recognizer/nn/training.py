"""The training loop: epochs, batches, steps."""

import math
from collections.abc import Iterator
from time import perf_counter

import numpy as np

from digit_recognizer.nn.arrays.rows import Batches, contiguous, is_sparse
from digit_recognizer.nn.arrays.team import Course
from digit_recognizer.nn.plan import TrainingPlan


def train_epochs(network, X, y, plan, generator, sample_weight=None) -> Iterator[dict]:
    """The loop behind `Network.fit_epochs`, which documents it."""
    # With a scaling rows become floats in their batch only.
    X = contiguous(X, network.dtype if network.scaling is None else None)
    batches = Batches(X, y, sample_weight, plan.batch_size, plan.drop_last)
    memories = network.memories(training=True, generator=generator)
    memories[0].course = course = Course(network, plan.optimizer, batches)
    try:
        yield from _epochs(course, memories, plan, generator)
    finally:
        memories[0].close()


def _epochs(course, memories, plan, generator):
    network, _, batches = course
    clock = plan.clock
    n_steps = min(plan.n_epochs * len(batches), plan.max_steps or math.inf)
    clock.n_steps = max(n_steps, clock.n_steps)
    while not plan.is_over:
        start = perf_counter()
        order = generator.permutation(batches.n_samples) if plan.shuffle else None
        if order is None and plan.augment is not None:
            # What is changed in place has to be a copy.
            order = np.arange(batches.n_samples)
        total, n_seen = 0.0, 0
        for X_batch, y_batch, weight_batch in batches(order):
            if plan.augment is not None:
                X_batch = X_batch.toarray() if is_sparse(X_batch) else X_batch
                X_batch = X_batch.astype(network.dtype, copy=False)
                plan.augment(X_batch, generator, clock.epoch, plan.n_epochs)
            loss = train_step(network, X_batch, y_batch, weight_batch, memories, plan)
            total += loss * len(y_batch)
            n_seen += len(y_batch)
            if plan.on_step is not None:
                plan.on_step(clock, loss, plan.optimizer.learning_rate)
            if plan.has_all_steps:
                break
        clock.epoch += 1
        clock.n_seen += n_seen
        record = {
            "epoch": clock.epoch,
            "loss": total / n_seen,
            "learning_rate": plan.optimizer.learning_rate,
            "seconds": perf_counter() - start,
        }
        plan.optimizer.learning_rate = plan.schedule.rate(clock)
        yield record


def train_step(network, X, y, sample_weight, memories, plan: TrainingPlan) -> float:
    """One step of the optimizer on one batch; returns the batch's loss as records have it."""
    loss = plan.loss_scale * network.step_gradients(X, y, sample_weight, memories)
    l2 = 0.0
    total_weight = len(y) if sample_weight is None else float(sample_weight.sum())
    if plan.alpha and total_weight > 0:
        l2 = plan.alpha / total_weight
        weights = network.parameters.weights
        loss += 0.5 * l2 * float(weights @ weights)
    gradients = network.parameters.gradients
    if plan.reduction == "sum":
        gradients *= total_weight
        l2 *= total_weight
    if plan.max_gradient_norm is not None:
        norm = float(gradients @ gradients) ** 0.5
        if norm > plan.max_gradient_norm:
            gradients *= plan.max_gradient_norm / norm
    plan.optimizer.step(network.parameters, plan.schedule.rate(plan.clock), l2)
    plan.clock.step += 1
    if plan.average is not None:
        plan.average.update(network.parameters)
    return loss

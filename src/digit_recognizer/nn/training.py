"""The training loop: epochs, batches, steps."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from digit_recognizer.nn.arrays.rows import Batches, contiguous, is_sparse
from digit_recognizer.nn.averaging import MovingAverage
from digit_recognizer.nn.optimizers import Optimizer
from digit_recognizer.nn.representation import at_least
from digit_recognizer.nn.schedules import Clock, Constant


@dataclass
class TrainingPlan:
    """How to train.

    Parameters
    ----------
    optimizer : Optimizer
    schedule : Constant
        Or another of the schedules.
    batch_size : int
    n_epochs : int
        Epochs in all, those the clock has behind it included.
    max_steps : int or None, default=None
        Most steps in all: the epoch of the last one ends with it.
    reduction : {"mean", "sum"}, default="mean"
        What a step descends: the batch's mean loss with its penalty, or that times the sum of the
        batch's weights. The records have the mean either way.
    shuffle : bool, default=True
    drop_last : bool, default=False
        Leave out a last batch that is smaller than the others.
    alpha : float, default=0.0
        Penalty ``alpha / (2 Σ weights of the batch) Σ w²`` on the weights; without sample weights
        the divisor is twice the batch size, as in scikit-learn.
    loss_scale : float, default=1.0
        Factor of the loss, without the penalty, in the records; what is descended has none.
    average : MovingAverage or None, default=None
    augment : callable or None, default=None
        Called as ``augment(X, generator, epoch, n_epochs)`` with each batch's X, to change it in
        place; such as an `Augmenter`.
    max_gradient_norm : float or None, default=None
        Scale the loss's gradient down to this Euclidean norm where it is larger (Pascanu et al.,
        "On the difficulty of training recurrent neural networks" (2013), algorithm 1).
    clock : Clock
        How far the training has come; moved on by it.
    on_step : callable or None, default=None
        Called after each step as ``on_step(clock, loss, learning_rate)``, with the loss of the
        step's batch.
    """

    optimizer: Optimizer
    schedule: Constant
    batch_size: int
    n_epochs: int
    shuffle: bool = True
    drop_last: bool = False
    alpha: float = 0.0
    loss_scale: float = 1.0
    average: MovingAverage | None = None
    augment: Callable | None = None
    max_gradient_norm: float | None = None
    clock: Clock = field(default_factory=Clock)
    on_step: Callable[[Clock, float, float], None] | None = None
    max_steps: int | None = None
    reduction: str = "mean"

    def __post_init__(self):
        at_least("TrainingPlan", "batch_size", self.batch_size, 1)
        at_least("TrainingPlan", "n_epochs", self.n_epochs, 0)
        if self.max_steps is not None:
            at_least("TrainingPlan", "max_steps", self.max_steps, 1)
        if self.reduction not in ("mean", "sum"):
            raise ValueError(
                f"TrainingPlan's reduction must be 'mean' or 'sum', got {self.reduction!r}."
            )
        for name, kind, example in (
            ("optimizer", Optimizer, "Adam()"),
            ("schedule", Constant, "Constant(0.001)"),
        ):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise ValueError(
                    f"TrainingPlan's {name} must be one of nn, such as {example}, got {value!r}."
                )

    @property
    def is_over(self) -> bool:
        """Whether all epochs, or all steps, are taken."""
        return self.clock.epoch >= self.n_epochs or self.has_all_steps

    @property
    def has_all_steps(self) -> bool:
        """Whether `max_steps` are taken."""
        return self.max_steps is not None and self.clock.step >= self.max_steps


def train_epochs(network, X, y, plan, generator, sample_weight=None) -> Iterator[dict]:
    """The loop behind `Network.fit_epochs`, which documents it."""
    # With a scaling rows become floats in their batch only.
    X = contiguous(X, network.dtype if network.scaling is None else None)
    batches = Batches(X, y, sample_weight, plan.batch_size, plan.drop_last)
    memories = network.memories(training=True, generator=generator)
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
    if plan.reduction == "sum":
        network.parameters.gradients *= total_weight
        l2 *= total_weight
    if plan.max_gradient_norm is not None:
        clip(network.parameters.gradients, plan.max_gradient_norm)
    plan.optimizer.step(network.parameters, plan.schedule.rate(plan.clock), l2)
    plan.clock.step += 1
    if plan.average is not None:
        plan.average.update(network.parameters)
    return loss


def clip(gradients: np.ndarray, max_norm: float) -> None:
    """Scale `gradients` in place so that their Euclidean norm is at most `max_norm`."""
    norm = float(gradients @ gradients) ** 0.5
    if norm > max_norm:
        gradients *= max_norm / norm

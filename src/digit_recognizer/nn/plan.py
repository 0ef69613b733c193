"""How to train: the plan, and the schedules of its learning rate."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import cos, pi

from digit_recognizer.nn.averaging import MovingAverage
from digit_recognizer.nn.interface.checks import at_least
from digit_recognizer.nn.optimizers import Optimizer


@dataclass
class Clock:
    """How far a training has come.

    Attributes
    ----------
    epoch : int
        Epochs finished.
    step : int
        Steps taken.
    n_seen : int
        Samples seen in the finished epochs.
    n_steps : int
        Steps planned in all; 0 if not known.
    """

    epoch: int = 0
    step: int = 0
    n_seen: int = 0
    n_steps: int = 0

    @property
    def fraction(self) -> float:
        """Share of the planned steps already taken, in [0, 1]."""
        return min(self.step / self.n_steps, 1.0) if self.n_steps else 0.0


@dataclass
class Constant:
    """The same rate always."""

    learning_rate: float

    def rate(self, clock: Clock) -> float:
        """Learning rate of the next step."""
        return self.learning_rate

    def on_plateau(self) -> bool:
        """Told that training no longer improves; True if it should go on all the same."""
        return False


@dataclass
class InverseScaling(Constant):
    """η = η₀ / (t + 1)ᵖ with t the samples seen in the finished epochs, as in scikit-learn."""

    power: float = 0.5

    def rate(self, clock):
        return self.learning_rate / (clock.n_seen + 1) ** self.power


@dataclass
class Adaptive(Constant):
    """Divide the rate by 5 each time training stops improving, as in scikit-learn."""

    smallest: float = 1e-6

    def on_plateau(self):
        if self.learning_rate <= self.smallest:
            return False
        self.learning_rate /= 5.0
        return True


@dataclass
class Cosine(Constant):
    """From the learning rate down to 0 along half a cosine.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts" (2017), eq. 5.
    """

    def rate(self, clock):
        return self.learning_rate * 0.5 * (1 + cos(pi * clock.fraction))


@dataclass
class OneCycle(Constant):
    """Linear warm-up to the learning rate, then linear down to 0.

    Parameters
    ----------
    learning_rate : float
        The highest rate.
    warm_up : float, default=0.2
        Share of the steps spent going up, in [0, 1).
    first : float, default=0.1
        The first rate as a share of the highest.

    Notes
    -----
    Smith and Topin, "Super-convergence" (2018), without its last phase.
    """

    warm_up: float = 0.2
    first: float = 0.1

    def rate(self, clock):
        fraction = clock.fraction
        if fraction < self.warm_up:
            return self.learning_rate * (self.first + (1 - self.first) * fraction / self.warm_up)
        return self.learning_rate * (1 - fraction) / (1 - self.warm_up)


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
        step's batch. It finds the parameters where the network has them then: within an epoch
        ``network.parameters.values`` may be another array than before.
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

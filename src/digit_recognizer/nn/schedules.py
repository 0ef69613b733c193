"""Schedules: the learning rate at each step."""

from dataclasses import dataclass
from math import cos, pi


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

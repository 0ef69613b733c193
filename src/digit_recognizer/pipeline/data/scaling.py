"""Scaling: pixels as the network takes them."""

from dataclasses import dataclass

import numpy as np

BLOCK_ROWS = 1000


@dataclass(frozen=True)
class Scaler:
    """Pixels as ``(x − shift) · factor`` in float32.

    Parameters
    ----------
    shift, factor : float
    """

    shift: float
    factor: float

    @classmethod
    def fit(cls, X: np.ndarray, scaling: str) -> "Scaler":
        """The scaler named `scaling` for the training images X, uint8."""
        if scaling == "unit":
            return cls(0.0, 1 / 255)
        # numpy counts 64-bit copies: of all pixels at once they cost more time than the counting.
        counts = sum(
            np.bincount(X[start : start + BLOCK_ROWS].reshape(-1), minlength=256)
            for start in range(0, len(X), BLOCK_ROWS)
        )
        values = np.arange(256)
        mean = (counts * values).sum() / X.size
        deviation = ((counts * (values - mean) ** 2).sum() / X.size) ** 0.5
        return cls(float(mean), float(1 / deviation) if deviation > 0 else 1.0)

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Scale images of shape (n, n_pixels), uint8, to float32."""
        scaled = X.astype(np.float32)
        scaled -= np.float32(self.shift)
        scaled *= np.float32(self.factor)
        return scaled

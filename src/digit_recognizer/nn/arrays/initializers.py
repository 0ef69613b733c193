"""Initializers: the first values of weights, scaled so that signals keep their size.

Each is a callable ``(generator, shape, fan_in, fan_out)`` that returns a float64 array.
Sources: LeCun et al., "Efficient BackProp" (1998), eq. 16; Glorot and Bengio, "Understanding the
difficulty of training deep feedforward neural networks" (2010), eq. 16; He et al., "Delving deep
into rectifiers" (2015), eq. 10.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class VarianceScaling:
    """Zero-mean weights with variance ``gain / fan``.

    Parameters
    ----------
    gain : float
    fan : {"in", "out", "average", "product"}
        What the variance is divided by: inputs of a unit, outputs, their mean or their product.
    distribution : {"normal", "uniform"}
    """

    gain: float
    fan: str = "in"
    distribution: str = "normal"

    def __call__(self, generator: np.random.Generator, shape, fan_in: int, fan_out: int):
        """Draw weights.

        Returns
        -------
        ndarray of shape `shape`, float64
        """
        fans = {
            "in": fan_in,
            "out": fan_out,
            "average": (fan_in + fan_out) / 2,
            "product": fan_in * fan_out,
        }
        variance = self.gain / fans[self.fan]
        if self.distribution == "normal":
            return generator.standard_normal(shape) * np.sqrt(variance)
        bound = np.sqrt(3 * variance)
        return generator.uniform(-bound, bound, shape)


GLOROT_UNIFORM = VarianceScaling(1.0, "average", "uniform")
GLOROT_NORMAL = VarianceScaling(1.0, "average", "normal")
HE_UNIFORM = VarianceScaling(2.0, "in", "uniform")
HE_NORMAL = VarianceScaling(2.0, "in", "normal")
LECUN_UNIFORM = VarianceScaling(1.0, "in", "uniform")
LECUN_NORMAL = VarianceScaling(1.0, "in", "normal")
# Uniform in ±1 / √(fan in × fan out), as some tutorials draw them.
PRODUCT_UNIFORM = VarianceScaling(1 / 3, "product", "uniform")

INITIALIZERS = {
    "glorot_uniform": GLOROT_UNIFORM,
    "glorot_normal": GLOROT_NORMAL,
    "he_uniform": HE_UNIFORM,
    "he_normal": HE_NORMAL,
    "lecun_uniform": LECUN_UNIFORM,
    "lecun_normal": LECUN_NORMAL,
    "product_uniform": PRODUCT_UNIFORM,
}

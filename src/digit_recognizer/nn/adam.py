"""Adam and AdamW."""

import numpy as np

from digit_recognizer.nn.optimizers import Optimizer


class Adam(Optimizer):
    """Adam: steps scaled by running moments of the gradient.

    m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,
    w ← w − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε).

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9 and 0.999
    epsilon : float, default=1e-8
    weight_decay : float, default=0.0
        With it, this is AdamW.

    Notes
    -----
    Kingma and Ba, "Adam: a method for stochastic optimization" (2015), in the form at the end of
    its section 2, which is scikit-learn's too. The states hold m / (1 − β₁) and v / (1 − β₂),
    which saves two passes over the parameters.
    """

    n_states = 2

    def __init__(self, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.0):
        super().__init__(weight_decay)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def update(self, w, g, states, scratch, learning_rate):
        m, v = states
        t = self.n_steps
        root = (1 - self.beta_2) ** 0.5
        correction = (1 - self.beta_2**t) ** 0.5 / (1 - self.beta_1**t)
        step_size = learning_rate * correction * (1 - self.beta_1) / root
        epsilon = self.epsilon / root
        np.multiply(m, self.beta_1, out=m)
        np.add(m, g, out=m)
        np.multiply(g, g, out=scratch)
        np.multiply(v, self.beta_2, out=v)
        np.add(v, scratch, out=v)
        np.sqrt(v, out=scratch)
        np.add(scratch, epsilon, out=scratch)
        np.divide(m, scratch, out=scratch)
        np.multiply(scratch, step_size, out=scratch)
        np.subtract(w, scratch, out=w)


class AdamW(Adam):
    """Adam with decoupled weight decay, 0.01 by default.

    Notes
    -----
    Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), algorithm 2.
    """

    def __init__(self, beta_1=0.9, beta_2=0.999, epsilon=1e-8, weight_decay=0.01):
        super().__init__(beta_1, beta_2, epsilon, weight_decay)

"""Muon: steps along the nearest orthogonal matrix."""

import numpy as np

from digit_recognizer.nn.adam import Adam
from digit_recognizer.nn.arrays.parameters import aligned_zeros
from digit_recognizer.nn.arrays.pieces import FEWEST_DEALT
from digit_recognizer.nn.arrays.products import SHARED_WORK, product

# Jordan's quintic: five steps bring each singular value of [0.0015, 1] to between 0.68 and 1.21.
QUINTIC = 3.4445, -4.7750, 2.0315
N_STEPS = 5
# A step's root mean square, by which rates that suit Adam suit Muon too (Liu et al., section 2.2).
ADAM_RMS = 0.2


class Muon(Adam):
    """Muon for the hidden layers' weights, Adam for all other parameters.

    A weight W of shape (…, c) is moved as the matrix of shape (r, c), r being the product of all
    other axes: for a convolution kernel height × kernel width × input channels.

    V ← μ V + G,  U = G + μ V or, without Nesterov's momentum, V,
    W ← W (1 − η λ) − η 0.2 √max(r, c) · O,  where O = P Qᵀ, roughly, of U = P S Qᵀ.

    Biases, norms and the output layer (the last one that has a weight) take Adam's steps, and so
    does a network that has no other.

    Parameters
    ----------
    momentum : float, default=0.95
        μ in [0, 1).
    nesterov : bool, default=True
    beta_1, beta_2 : float, default=0.9 and 0.999
        Of Adam's steps.
    epsilon : float, default=1e-8
        Of Adam's steps; and added to U's norm, so that no gradient makes no step.
    weight_decay : float, default=0.0
        λ; of the output layer's weights too.

    Notes
    -----
    Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024); the step's size
    is of Liu et al., "Muon is scalable for LLM training" (2025), equation 4. V lies where Adam has
    its first moment. A step costs 18 products of the matrix's shorter side and two with the longer
    one, however small the batch: little beside a convolution, much beside a large dense layer.
    """

    by_pieces = False

    def __init__(
        self,
        momentum=0.95,
        nesterov=True,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        weight_decay=0.0,
    ):
        super().__init__(beta_1, beta_2, epsilon, weight_decay)
        self.momentum = momentum
        self.nesterov = nesterov

    def take(self, parameters, n_shares, without=(), fewest=FEWEST_DEALT):
        matrices = parameters.hidden_matrices()
        super().take(parameters, n_shares, [cut for cut, _ in matrices], fewest)
        self._large, small = [], []
        flat = parameters.values, parameters.gradients, self.states[0]
        for cut, (r, c) in sorted(matrices, key=lambda matrix: -np.prod(matrix[1])):
            w, g, v = (array[cut][: r * c].reshape(r, c) for array in flat)
            k = min(r, c)
            room = aligned_zeros(5 * k * k, parameters.dtype).reshape(5 * k, k)
            scratch = aligned_zeros(r * c, parameters.dtype).reshape(r, c)
            piece = [(True, w, g, (v, room), scratch)]
            if r * c * k < SHARED_WORK:
                small.append(piece)
            else:
                self._large += piece
        self._shares = small + self._shares

    def step(self, parameters, learning_rate, l2=0.0):
        super().step(parameters, learning_rate, l2)
        # One after the other, each by all threads: their products are cut.
        self._update(self._large, learning_rate, l2)

    def update(self, w, g, states, scratch, learning_rate):
        if w.ndim == 1:
            super().update(w, g, states, scratch, learning_rate)
            return
        v, room = states
        np.multiply(v, self.momentum, out=v)
        np.add(v, g, out=v)
        u = v
        if self.nesterov:
            np.multiply(v, self.momentum, out=scratch)
            u = np.add(g, scratch, out=g)
        scale = learning_rate * ADAM_RMS * max(w.shape) ** 0.5
        orthogonalize(u, scale, self.epsilon, room, scratch)
        np.subtract(w, scratch, out=w)

    def hold(self, states):
        super().hold(states)
        self._large = []

    def __getstate__(self):
        return {k: v for k, v in super().__getstate__().items() if k != "_large"}


def orthogonalize(U, scale, epsilon, room, out) -> np.ndarray:
    """The matrix U with all its singular values near `scale`, by Newton-Schulz steps.

    A step takes X, first U / ‖U‖, to X p(A) with A = XᵀX and p(A) = a I + b A + c A². X Q stands
    for X: then a step takes A to p(A) A p(A) and Q to Q p(A), and the longer side is in the first
    and the last product only. For 576×128, and 784×512, that takes 0.6 and 1.1 of the time of the
    steps as written.

    Parameters
    ----------
    U : ndarray of shape (r, c)
    scale : float
    epsilon : float
        Added to the norm.
    room : ndarray of shape (5 k, k)
        To compute in, where k is the smaller of r and c.
    out : ndarray of shape (r, c)

    Returns
    -------
    out : ndarray of shape (r, c)
        Its singular values are 0.68 to 1.21 times `scale`; less where U's are under 0.0015 ‖U‖.
    """
    X, Y = (U, out) if U.shape[0] >= U.shape[1] else (U.T, out.T)
    k = X.shape[1]
    a, b, c = QUINTIC
    AQ, AQ_times_P, P = room[: 2 * k], room[2 * k : 4 * k], room[4 * k :]
    A, Q, spare = AQ[:k], AQ[k:], AQ_times_P[:k]
    product(X.T, X, A)
    norm = float(np.trace(A)) ** 0.5
    if not norm:
        out[...] = 0
        return out
    norm += epsilon
    np.divide(A, norm * norm, out=A)
    Q[...] = 0
    np.fill_diagonal(Q, scale / norm)
    for n_left in reversed(range(N_STEPS)):
        product(A, A, P)
        np.multiply(P, c, out=P)
        np.multiply(A, b, out=spare)
        np.add(P, spare, out=P)
        P.ravel()[:: k + 1] += a
        if n_left:
            product(AQ, P, AQ_times_P)
            product(P, spare, A)
            Q[...] = AQ_times_P[k:]
    product(Q, P, spare)
    product(X, spare, Y)
    return out

"""Optimizers: what they have in common, and SGD. Adam and the moving average stand beside.

They work through the network's flat arrays in pieces for the cache, see `arrays.pieces`.
"""

import copy

import numpy as np

from digit_recognizer.nn.arrays.parameters import FlatParameters, aligned_copy, aligned_zeros
from digit_recognizer.nn.arrays.pieces import FEWEST_DEALT, dealt, pieces
from digit_recognizer.nn.arrays.workers import current_workers, n_workers_for, share
from digit_recognizer.nn.interface.representation import Readable


class Optimizer(Readable):
    """Base: splits the parameters into pieces and updates each.

    One of your own says in `n_states` how many numbers it keeps for each parameter, and in `update`
    how they and the parameter change. What changes from step to step belongs in these states or in
    `n_steps`: they are saved with a training that is to go on, and `__init__` only stores its
    arguments under their names. It may be given to the estimators as their `solver`.

    Parameters
    ----------
    weight_decay : float, default=0.0
        Decoupled decay of the weights (not of biases and norms): each step multiplies them by
        ``1 − learning_rate × weight_decay`` (Loshchilov and Hutter, "Decoupled weight decay
        regularization" (2019)).

    Attributes
    ----------
    n_states : int
        Of the class: how many states there are.
    learning_rate : float
        That of the last step.
    n_steps : int
        Steps taken.
    states : tuple of ndarray of shape (n_trainable,)
    """

    n_states = 0
    # Whether each parameter is updated by itself.
    by_pieces = True
    weight_decay = 0.0
    learning_rate = 0.0
    n_steps = 0
    states: tuple | None = None
    _taken: tuple | None = None

    def __init__(self, weight_decay=0.0):
        self.weight_decay = weight_decay

    def update(self, w, g, states, scratch, learning_rate) -> None:
        """Move some of the parameters, in place; all of them in several calls a step.

        Parameters
        ----------
        w : ndarray of shape (n,)
            Parameters.
        g : ndarray of shape (n,)
            The loss's gradient with respect to them, penalty included; may be overwritten.
        states : tuple of ndarray of shape (n,)
            As many as `n_states`, zeros before the first step; changed in place.
        scratch : ndarray of shape (n,)
            To compute in without allocating.
        learning_rate : float
            Of this step, whose number is ``self.n_steps``: 1 for the first.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method update.")

    def take(self, parameters, n_shares: int, without=(), fewest=FEWEST_DEALT) -> None:
        """Cut the arrays to work on into pieces; the state goes on from where it was.

        Parameters
        ----------
        parameters : FlatParameters
        n_shares : int
        without : sequence of slice
        fewest : int
            Fewer pieces make one share.
        """
        n = parameters.n_trainable
        if self.states is None:
            self.states = tuple(aligned_zeros(n, parameters.dtype) for _ in range(self.n_states))
        if any(len(state) != n for state in self.states):
            raise ValueError(
                f"This {type(self).__name__} has trained another network; give each an optimizer "
                "of its own, such as fresh() makes."
            )
        cuts = pieces(n, parameters.dtype, parameters.n_decayed, without)
        # Of each thread's pieces, whether they decay, and what `update` takes.
        self._shares = [
            [
                (
                    cut.stop <= parameters.n_decayed,
                    parameters.values[cut],
                    parameters.gradients[cut],
                    tuple(state[cut] for state in self.states),
                    scratch[: cut.stop - cut.start],
                )
                for cut in share
            ]
            for share, scratch in dealt(cuts, n_shares, parameters.dtype, fewest)
        ]
        self._taken = parameters, n_shares

    def resume(self, states, n_steps: int, learning_rate: float) -> None:
        """Go on from where another optimizer was, see the attributes; before the first step."""
        self.states = tuple(aligned_copy(array) for array in states)
        self.n_steps = n_steps
        self.learning_rate = learning_rate
        self._taken = None

    def fresh(self) -> "Optimizer":
        """A copy that has taken no steps."""
        other = copy.deepcopy(self)
        other.states, other.n_steps, other.learning_rate = None, 0, 0.0
        return other

    def step(self, parameters: FlatParameters, learning_rate: float, l2: float = 0.0) -> None:
        """Update all parameters from their gradients.

        Parameters
        ----------
        parameters : FlatParameters
            Of a network; the same at each step.
        learning_rate : float
        l2 : float, default=0.0
            Gradient of a penalty ``l2/2 Σ w²`` on the weights, added to theirs.
        """
        self.n_steps += 1
        # NumPy's own scalars would compute in their precision.
        self.learning_rate = learning_rate = float(learning_rate)
        l2 = float(l2)
        workers = current_workers()
        if workers is not None and workers.team is not None and workers.team.updates(self):
            workers.team.update(learning_rate, l2)
            return
        taken = parameters, n_workers_for(self)
        if self._taken != taken:
            self.take(*taken)
        share(lambda pieces: self._update(pieces, learning_rate, l2), self._shares)

    def update_share(self, number: int, learning_rate: float, l2: float) -> None:
        """Update one of the shares that `take` has made; of few parameters there are fewer."""
        for share_of_one in self._shares[number : number + 1]:
            self._update(share_of_one, learning_rate, l2)

    def hold(self, states) -> None:
        """Have these arrays in place of the states, and others in place of the parameters."""
        self.states, self._taken, self._shares = states, None, []

    def _update(self, pieces, learning_rate, l2):
        for decayed, w, g, states, scratch in pieces:
            if decayed and l2:
                np.multiply(w, l2, out=scratch)
                np.add(g, scratch, out=g)
            if decayed and self.weight_decay:
                np.multiply(w, 1 - learning_rate * self.weight_decay, out=w)
            if self.update(w, g, states, scratch, learning_rate) is not None:
                raise TypeError(
                    f"{type(self).__name__}.update returns something; it must change w in place, "
                    "such as by w -= …, and return nothing."
                )

    def __getstate__(self):
        # The pieces are views of the network's arrays, and taken again from there.
        return {k: v for k, v in self.__dict__.items() if k not in ("_shares", "_taken")}

    def __setstate__(self, state):
        self.__dict__.update(state)
        if self.states is not None:
            self.states = tuple(aligned_copy(array) for array in self.states)


class SGD(Optimizer):
    """Stochastic gradient descent with momentum.

    v ← μ v − η g;  then w ← w + v, or with Nesterov's momentum w ← w + μ v − η g.

    Parameters
    ----------
    momentum : float, default=0.9
        μ in [0, 1].
    nesterov : bool, default=True
    weight_decay : float, default=0.0

    Notes
    -----
    Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013),
    equations 3 and 4, with Nesterov's step in the form of Bengio et al., "Advances in optimizing
    recurrent networks" (2013), equation 7.
    """

    n_states = 1

    def __init__(self, momentum=0.9, nesterov=True, weight_decay=0.0):
        super().__init__(weight_decay)
        self.momentum = momentum
        self.nesterov = nesterov

    def update(self, w, g, states, scratch, learning_rate):
        (v,) = states
        np.multiply(g, learning_rate, out=g)
        np.multiply(v, self.momentum, out=v)
        np.subtract(v, g, out=v)
        if not self.nesterov:
            np.add(w, v, out=w)
            return
        np.multiply(v, self.momentum, out=scratch)
        np.subtract(scratch, g, out=scratch)
        np.add(w, scratch, out=w)

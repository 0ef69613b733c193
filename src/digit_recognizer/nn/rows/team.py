"""Several processes for the batches of a network of rows, see `arrays.team`.

Each takes a group of a batch's rows (`groups`), then a part of the weights' gradients and of the
optimizer's update. In an epoch parameters, gradients and the optimizer's states lie in memory that
all share. The loss stays with the first process; the second gathers the next batch meanwhile.
"""

import numpy as np

from digit_recognizer.nn.arrays.forks import shared_empty
from digit_recognizer.nn.arrays.memory import Memory
from digit_recognizer.nn.arrays.team import Team
from digit_recognizer.nn.arrays.workers import is_ours, without_workers
from digit_recognizer.nn.rows.groups import RowGroups

FORWARD, BACKWARD, UPDATE = 1, 2, 3
# Bytes of X, some rows, that are looked at before an epoch, see `RowTeam.knows_data`.
MOST_COMPARED = 2**20
# What NumPy calls by these flags, and how to come to it.
FLOATING_POINT_ERRORS = {
    1: (np.divide, 1.0, 0.0),
    2: (np.multiply, np.finfo(float).max, 2.0),
    4: (np.multiply, np.finfo(float).tiny, 0.1),
    8: (np.subtract, np.inf, np.inf),
}


class SharedMemory(Memory):
    """Arrays that processes forked later share."""

    def empty(self, size, dtype):
        return shared_empty(size, dtype)


class RowTeam(Team):
    """Processes for the steps of a training.

    Parameters
    ----------
    course : Course
        What is trained, how and on what.
    layers : sequence of Layer
        Those the team computes: the network's first ones.
    n_workers : int

    Raises
    ------
    OSError
        If the system gives no memory.
    """

    def __init__(self, course, layers, n_workers):
        super().__init__(n_workers)
        self._network, self._optimizer, self._batches = course
        self.n_layers = len(layers)
        n_rows, dtype = self._batches.batch_size, self._network.dtype
        self._groups = RowGroups(layers, n_rows, n_workers, dtype, SharedMemory)
        memory = SharedMemory(dtype)
        n_features, n_units = layers[0].input_shape[0], layers[-1].output_shape[0]
        # Two, since the next batch is gathered while this one is used.
        self._X = [memory.array(place, (n_rows, n_features)) for place in range(2)]
        self._dY = memory.array("dY", (n_rows, n_units))
        self._rows = memory.array("rows", (self._batches.n_samples,), np.intp)
        self._order = memory.array("order", (3,), np.int64)
        # By what numbers the optimizer works: a user may change them from step to step.
        self._names = [k for k, v in vars(self._optimizer).items() if isinstance(v, int | float)]
        self._names = sorted({*self._names} - {"n_steps", "learning_rate"})
        self._numbers = memory.array("numbers", (2 + len(self._names),), np.float64)
        # Floating-point errors of each process in an update.
        self._errors = memory.array("errors", (n_workers,), np.int64)
        self._gathered, self._is_in_epoch, self._is_updating = None, False, False
        self._first_data = self._some_data()
        self._shares_update = self._optimizer.by_pieces and is_ours(self._optimizer)
        if self._shares_update:
            self._optimizer.take(self._network.parameters, 1)
        self._shared = [shared_empty(array.size, array.dtype) for array in self._arrays()]

    def open(self) -> None:
        """Share the arrays of an epoch that begins, and start the others.

        Raises
        ------
        OSError, MemoryError
            If the system gives no process or no memory; `close` is still to be called then.
        """
        self.begin()
        # All arrays that are shared are there before those who share them.
        self._X[0][...] = 1
        with np.errstate(all="ignore"):
            self._groups.rehearse(self._X[0], self._dY)
        self.start()

    def knows_data(self) -> bool:
        """Whether X, of which the others have a copy, is what it was, as far as some rows tell."""
        return self._some_data() == self._first_data

    def _some_data(self):
        X = self._batches.arrays[0]
        return X[:: -(-X.nbytes // MOST_COMPARED)].tobytes()

    def begin(self) -> None:
        """Before an epoch's first batch: share the arrays."""
        self._own = self._arrays()
        for array, shared in zip(self._own, self._shared, strict=True):
            np.copyto(shared, array)
        self._is_in_epoch = True
        self._hold(self._shared)
        self.go_on()
        if self._batches.order is not None:
            self._rows[...] = self._batches.order
        self._batches.gathered = self.gathered

    def go_on(self) -> None:
        """After batches that a process has computed alone."""
        self._gathered = None
        if self._shares_update:
            self._optimizer.take(self._network.parameters, self.n_workers, fewest=1)

    def pause(self) -> None:
        """Before such batches."""
        # Their updates are cut for threads.
        self._optimizer.hold(self._optimizer.states)

    def rest(self) -> None:
        """After an epoch, or the end of it: the arrays are this process's own again."""
        if self.number or not self._is_in_epoch:
            return
        for array, shared in zip(self._own, self._shared, strict=True):
            np.copyto(array, shared)
        self._hold(self._own)
        self._batches.gathered = None
        # Last: who is interrupted before rests once more.
        self._is_in_epoch = False

    def close(self):
        try:
            super().close()
        finally:
            self.rest()

    def forward(self, X):
        """Output of the last layer, or None if a process alone has to compute the batch.

        Raises
        ------
        Lost
            If one of the processes is no more: then a process alone has to, too.
        """
        place = int(np.may_share_memory(X, self._X[1]))
        if not np.may_share_memory(X, self._X[place]):
            np.copyto(self._X[place], X)
        start = self._batches.start + len(X)
        self._gathered = (start, 1 - place) if self._may_gather(start, len(X)) else None
        with without_workers():
            self._give_order(FORWARD, place, start if self._gathered else -1)
            return self._groups.forward(self._X[place], 0, self.meet)

    def backward(self, dY) -> None:
        """Write the gradients of the batch that went forward; raises as `forward`."""
        np.copyto(self._dY, dY)
        with without_workers():
            self._give_order(BACKWARD)
            self._groups.backward(self._dY, 0, self.meet)

    def updates(self, optimizer) -> bool:
        """Whether it takes the steps of that optimizer."""
        return self._shares_update and self.is_open and optimizer is self._optimizer

    def update(self, learning_rate: float, l2: float) -> None:
        """The optimizer's update.

        Raises
        ------
        RuntimeError
            If a process is lost: nobody knows which parameters it had changed.
        """
        hyperparameters = [getattr(self._optimizer, name) for name in self._names]
        self._numbers[...] = learning_rate, l2, *hyperparameters
        self._is_updating = True
        self._give_order(UPDATE, self._optimizer.n_steps)
        self._optimizer.update_share(0, learning_rate, l2)
        self.meet()
        self._is_updating = False
        errors = np.bitwise_or.reduce(self._errors)
        if errors:
            self._errors[...] = 0
            # NumPy tells of them as the user has it do so.
            for flag, (function, *arguments) in FLOATING_POINT_ERRORS.items():
                if errors & flag:
                    function(*arguments)

    def gathered(self, start: int):
        """The rows of the batch that begins there, if they have been gathered."""
        if self._gathered is None or self._gathered[0] != start:
            return None
        return self._X[self._gathered[1]]

    def take_part(self):
        what, number, start = self._order.tolist()
        if what == FORWARD:
            X, following = self._X[number], self._X[1 - number]
            self._groups.forward(X, self.number, self.meet)
            if start >= 0 and self.number == 1:
                rows = self._rows[start : start + len(X)]
                # "clip" lets NumPy write to `out` directly; the indices are in range anyway.
                np.take(self._batches.arrays[0], rows, axis=0, out=following, mode="clip")
        elif what == BACKWARD:
            self._groups.backward(self._dY, self.number, self.meet)
        else:
            self._update_share(number)
            self.meet()

    def _update_share(self, n_steps):
        """This process's part of an update, which cannot be done again."""
        optimizer = self._optimizer
        learning_rate, l2, *values = self._numbers.tolist()
        vars(optimizer).update(zip(self._names, values, strict=True), n_steps=n_steps)
        # What is worth a warning is told by the first process.
        kinds = {kind: how.replace("raise", "call") for kind, how in np.geterr().items()}
        with np.errstate(call=self._note, **kinds):
            optimizer.update_share(self.number, learning_rate, l2)

    def warn_of_loss(self, ended):
        if not self._is_updating:
            super().warn_of_loss(ended)
            return
        raise RuntimeError(
            "A process that helped this fit was lost in the middle of a step: fit again. If memory "
            "ran out, a smaller batch_size takes less; with OMP_NUM_THREADS=1 there are no others."
        )

    def _give_order(self, what, number=0, start=-1):
        self._order[...] = what, number, start
        self.meet()

    def _may_gather(self, start, n_rows):
        """Whether the next batch's rows are gathered, and taken, as they are."""
        batches, network = self._batches, self._network
        return (
            batches.order is not None
            and network.scaling is None
            and batches.arrays[0].dtype == network.dtype
            and start + n_rows <= batches.n_used
        )

    def _arrays(self):
        parameters = self._network.parameters
        states = self._optimizer.states if self._shares_update else ()
        return [parameters.values, parameters.gradients, *states]

    def _hold(self, arrays):
        """Put these in the place of parameters, gradients and states."""
        parameters, optimizer = self._network.parameters, self._optimizer
        parameters.values, parameters.gradients, *states = arrays
        for number, layer in enumerate(self._network.layers):
            layer.bind(*parameters.layer_views(number))
        optimizer.hold(tuple(states) if self._shares_update else optimizer.states)

    def _note(self, kind, flag):
        self._errors[self.number] |= flag

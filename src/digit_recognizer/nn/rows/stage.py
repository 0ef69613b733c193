"""Layers on rows as one step of a network in training, which several processes may share."""

from digit_recognizer.nn.arrays.forks import can_fork
from digit_recognizer.nn.arrays.memory import Memory
from digit_recognizer.nn.arrays.rows import is_sparse
from digit_recognizer.nn.arrays.team import Lost, Pace
from digit_recognizer.nn.arrays.workers import current_workers, is_ours, n_workers_for
from digit_recognizer.nn.rows.contest import ALONE, Contest
from digit_recognizer.nn.rows.groups import is_alike
from digit_recognizer.nn.rows.steps import learns_before, run_backward, run_forward
from digit_recognizer.nn.rows.team import RowTeam

# Multiply-adds of a batch's forward pass from which on it is shared, a tenth of a millisecond; and
# rows of a group.
FEWEST_SHARED = 10_000_000
FEWEST_ROWS = 48
# Parameters up to which it is: with their gradients and states they are held twice. Products of
# more are large enough for threads.
MOST_PARAMETERS = 5_000_000


class StageMemory(Memory):
    """Memories of the layers of a stage, and who shares the batches."""

    def __init__(self, dtype, training, generator, stage):
        super().__init__(dtype, training, generator)
        self.layers = [layer.new_memory(dtype, training, generator) for layer in stage.layers]
        self.pace, self.contest, self.team, self.has_failed = Pace(), Contest(), None, False
        # Of this epoch: its workers, how many processes may share its batches, whether they do.
        self.workers, self.n_processes, self.has_begun = None, 1, False
        # What the team was started with.
        self.settings = ""
        # Of the last batch: X, and how many layers were the team's.
        self.X, self.n_shared = None, 0

    def close(self):
        if self.team is not None:
            self.team.close()


class RowStage:
    """Runs the layers of a network that has none but such on rows.

    Parameters
    ----------
    layers : sequence of Layer
        Built and bound, all of them `by_rows`.
    """

    learns = True

    def __init__(self, layers):
        self.layers = layers
        self.keeps_output = layers[-1].keeps_output
        self._learns = learns_before(layers)

    def new_memory(self, dtype, training, generator):
        return StageMemory(dtype, training, generator, self)

    def forward(self, X, memory):
        memory.X, memory.n_shared = X, 0
        team = self._team(X, memory)
        Y = None if team is None else self._ask(memory, team.forward, X)
        if Y is None:
            return run_forward(self.layers, X, memory.layers, memory.overwrite_input)[0]
        n = memory.n_shared = team.n_layers
        return run_forward(self.layers[n:], Y, memory.layers[n:])[0]

    def backward(self, dY, memory, need_dX=True):
        n = memory.n_shared
        rest = self.layers[n:], self._learns[n:], dY, memory.layers[n:]
        dY = run_backward(*rest, need_dX or n > 0)
        if not n:
            return dY
        if not need_dX:
            self._ask(memory, memory.team.backward, dY)
            if memory.team is not None:
                return None
        # By this process alone, and so from the beginning.
        own = self.layers[:n], self._learns[:n], memory.layers[:n]
        run_forward(own[0], memory.X, own[2])
        return run_backward(*own[:2], dY, own[2], need_dX)

    def _ask(self, memory, function, array):
        """What the team computes; or None, and no team any more, if one of it is lost."""
        try:
            return function(array)
        except Lost:
            memory.team, memory.has_failed = None, True
            return None

    def _team(self, X, memory):
        """The team for this batch, which is started where that pays; or None."""
        workers, course = current_workers(), memory.course
        if course is None or workers is None or memory.has_failed:
            return None
        n_batches = len(course.batches)
        is_worth = memory.pace.is_worth_starting(workers, n_batches, stays=True)
        if X.shape[0] < course.batches.batch_size or is_sparse(X):
            return None
        if memory.workers is not workers or course.batches.start == 0:
            if memory.team is not None:
                memory.team.rest()
            memory.workers, memory.has_begun, workers.are_slow = workers, False, False
            memory.contest.stop()
            memory.n_processes = self._n_processes(X.shape[0])
        workers.are_slow = memory.n_processes > 1 and memory.contest.choose() == ALONE
        if memory.n_processes < 2 or workers.are_slow or not is_worth:
            if workers.team is not None:
                workers.team.pause()
                workers.team = None
            return None
        if not memory.has_begun:
            memory.has_begun = True
            self._begin(memory, X.shape[0])
        elif memory.team is not None and workers.team is None:
            memory.team.go_on()
        workers.team = memory.team
        return memory.team

    def _n_processes(self, n_rows):
        n_parameters = sum(v.size for layer in self.layers for v in layer.values.values())
        if n_parameters > MOST_PARAMETERS or not can_fork():
            return 1
        return min(n_workers_for(*self.layers), n_rows // FEWEST_ROWS)

    def _begin(self, memory, n_rows):
        """Have a team in this epoch: that of the last one, if nothing has changed, or another."""
        settings, team = f"{memory.n_processes} {self.layers}", memory.team
        is_same = team is not None and team.is_open and settings == memory.settings
        if is_same and team.knows_data():
            team.begin()
        else:
            memory.close()
            memory.team, memory.settings = None, settings
            self._start(memory, memory.n_processes, n_rows)
        if memory.team is not None:
            memory.workers.at_end(memory.team.rest)

    def _start(self, memory, n_processes, n_rows):
        """Start a team for the first layers, if their products are the same in groups of rows."""
        n_layers = len(self.layers)
        for position, layer in reversed([*enumerate(self.layers)]):
            if layer.learns and not is_alike(layer, n_rows, n_processes, memory.dtype):
                n_layers = position
        layers = self.layers[:n_layers]
        n_multiply_adds = n_rows * sum(layer.multiply_adds() for layer in layers)
        if not layers or n_multiply_adds < FEWEST_SHARED:
            return
        try:
            memory.team = RowTeam(memory.course, layers, n_processes)
            memory.team.open()
        except (OSError, MemoryError):
            memory.close()
            memory.team, memory.has_failed = None, True


def training_steps(steps, fuse: bool) -> list:
    """The steps of a network in training: one where all layers are ours, and on rows.

    The first is a Dense: nothing is computed before one.
    """
    on_rows = fuse and all(step.by_rows and is_ours(step) for step in steps)
    return [RowStage(steps)] if on_rows and steps[0].learns else steps

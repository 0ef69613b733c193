"""Processes that share the images of a batch: the same bytes for any number, nothing is left."""

import gc
import os
import select
import signal
import threading
import time
import warnings
from contextlib import nullcontext
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digit_recognizer import nn
from digit_recognizer.nn.arrays import team
from digit_recognizer.nn.arrays.workers import Workers
from digit_recognizer.nn.images import processes
from digit_recognizer.nn.kernels import channels

pytestmark = pytest.mark.skipif(not processes.can_fork(), reason="needs fork")
SHAPE = (8, 7, 2)


@pytest.fixture
def made(monkeypatch):
    """The processes that were started; all batches that can be shared are."""
    monkeypatch.setattr(team, "WORTH_STARTING", 0)
    monkeypatch.setattr(processes, "FEWEST_SHARED", 0)
    found = []

    class Recorded(processes.Processes):
        def __init__(self, *args):
            super().__init__(*args)
            found.append(self)

    monkeypatch.setattr(processes, "Processes", Recorded)
    return found


def conv(n_filters=3, kernel=3, **options):
    return nn.Conv2D(n_filters, kernel, **options)


def folded():
    return [conv(bias=False), nn.BatchNorm(), nn.ReLU(), conv(4), nn.BatchNorm(), nn.Flatten()]


def trained(n_workers, layers, n_epochs=1, n_rows=23, piece_size=2, shift=0.0, on_step=None):
    """Parameters and losses of a training in pieces of two images, and the network."""
    generator = np.random.default_rng(3)
    X = generator.random((n_rows, *SHAPE), np.float32) + np.float32(shift)
    y = generator.integers(0, 3, n_rows)
    network = nn.Network([*layers, nn.Dense(3)], nn.SoftmaxCrossEntropy(), SHAPE, seed=1)
    network.steps[0].piece_size = piece_size
    plan = nn.TrainingPlan(nn.Adam(), nn.Constant(0.01), 9, n_epochs, on_step=on_step)
    epochs, losses = network.fit_epochs(X, y, plan, np.random.default_rng(5)), []
    for _ in range(n_epochs):
        with Workers(n_workers):
            losses.append(next(epochs)["loss"])
    return network.parameters.values.tobytes() + np.array(losses).tobytes()


def children():
    """Processes that this one has, zombies too, but those that other tests have left it."""
    file = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    return [pid for pid in file.read_text().split() if pid not in found_there]


found_there = []


@pytest.fixture(autouse=True)
def those_of_others():
    """What was there before a test is none of its own, such as joblib's workers."""
    found_there[:] = []
    found_there.extend(children())


LAYERS = {
    "conv": conv,
    "padded": lambda: conv(4, 3, padding=1, bias=False),
    "strided": lambda: conv(3, 3, stride=2, padding=1),
    "small": lambda: conv(2, 1),
    "norm": nn.BatchNorm,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "max": lambda: nn.MaxPool2D(2, 1),
    "average": lambda: nn.AveragePool2D(2, 1),
    "dropout": lambda: nn.Dropout(0.3),
}


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    names=st.lists(st.sampled_from(sorted(LAYERS)), max_size=5),
    head=st.sampled_from([nn.Flatten, nn.GlobalAveragePool2D]),
    piece_size=st.integers(1, 4),
)
def test_any_architecture_gives_the_same_bytes_for_any_number(made, names, head, piece_size):
    def layers():
        return [conv(4, padding=1), *(LAYERS[name]() for name in names), head()]

    results = {trained(n, layers(), piece_size=piece_size) for n in (1, 2, 3, 8)}
    assert len(results) == 1
    assert {one.n_workers for one in made} <= {2, 3, 4}


def test_batches_are_shared_by_as_many_processes_as_there_are_groups(made):
    assert trained(1, folded()) == trained(8, folded(), n_epochs=1)
    assert [one.n_workers for one in made] == [2]
    assert trained(3, folded(), piece_size=1) == trained(1, folded(), piece_size=1)
    assert made[-1].n_workers == 3


def test_processes_serve_all_epochs_and_end_with_the_training(made):
    assert trained(2, folded(), n_epochs=3) == trained(1, folded(), n_epochs=3)
    (one,) = made
    assert not one.is_open


def test_a_layer_that_changes_between_epochs_and_fewer_cores_are_for_all(made):
    def train(counts, in_one=False):
        generator = np.random.default_rng(3)
        X, y = generator.random((23, *SHAPE), np.float32), generator.integers(0, 3, 23)
        layers = [conv(), nn.Dropout(0.2), nn.BatchNorm(), nn.Flatten(), nn.Dense(3)]
        network = nn.Network(layers, nn.SoftmaxCrossEntropy(), SHAPE, seed=1)
        network.steps[0].piece_size = 2
        epochs = network.fit_epochs(X, y, nn.TrainingPlan(nn.Adam(), nn.Constant(0.01), 9, 4), 0)
        for n_workers, rate in zip(counts, (0.2, 0.5, 0.5, 0.5), strict=True):
            network.layers[1].rate = rate
            with nullcontext() if in_one else Workers(n_workers):
                next(epochs)
        assert in_one or not any(one.is_open for one in made)
        epochs.close()
        return network.parameters.values.tobytes()

    assert train((2, 2, 2, 1)) == train((1, 1, 1, 1))
    assert len(made) == 2
    # Without the estimator's workers for each epoch.
    with Workers(2):
        assert train((2, 2, 2, 2), in_one=True) == train((1, 1, 1, 1))
    assert len(made) == 4


def test_means_far_from_zero_are_measured_again_by_all(made, monkeypatch):
    centers, moments = [], channels.moments

    def record(X, center, memory):
        centers.append(center)
        return moments(X, center, memory)

    monkeypatch.setattr(channels, "moments", record)
    assert trained(2, folded(), shift=1000.0) == trained(1, folded(), shift=1000.0)
    assert any(center is not None for center in centers)
    assert made


def test_what_the_batch_decides_together_takes_one_process(made):
    class Mine(nn.ReLU):
        pass

    for layer in (Mine(), nn.CustomActivation(np.sin, np.cos)):
        trained(2, [conv(), layer, nn.Flatten()])
    assert not made


def test_small_batches_and_short_trainings_take_one_process(made, monkeypatch):
    monkeypatch.setattr(processes, "FEWEST_SHARED", 10_000_000)
    trained(2, folded())
    monkeypatch.setattr(processes, "FEWEST_SHARED", 0)
    monkeypatch.setattr(team, "WORTH_STARTING", 100)
    trained(2, folded())
    assert not made


def test_a_larger_batch_has_other_processes(made):
    network = nn.Network([*folded(), nn.Dense(3)], nn.SoftmaxCrossEntropy(), SHAPE)
    network.steps[0].piece_size = 2
    X, gradients = np.random.default_rng(0).random((9, *SHAPE), np.float32), {}
    for n_workers in (1, 2):
        memories = network.memories(True)
        with Workers(n_workers):
            for n in (5, 9, 3, 1):
                network.loss_and_gradients(X[:n], np.arange(n) % 3, None, memories)
                gradients[n, n_workers] = network.parameters.gradients.tobytes()
            assert len(children()) == n_workers - 1
    assert all(gradients[n, 1] == gradients[n, 2] for n in (5, 9, 3, 1))
    assert [one.most_images for one in made] == [5, 9]


def test_no_child_outlives_the_workers_nor_an_exception(made):
    seen = []

    def stop(clock, loss, rate):
        seen.append(children())
        if clock.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(2, folded(), on_step=stop)
    assert [len(pids) for pids in seen] == [1, 1]
    assert not children()


@pytest.mark.parametrize("at_step", [1, 2])
def test_a_killed_child_is_told_and_the_fit_goes_on_to_the_same_bytes(made, at_step):
    def kill(clock, loss, rate):
        if clock.step == at_step and made and made[-1].is_open:
            os.kill(made[-1]._children[0], signal.SIGKILL)

    with pytest.warns(RuntimeWarning, match=r"was killed \(signal 9\): the fit goes on with one"):
        result = trained(3, folded(), n_epochs=2, piece_size=1, on_step=kill)
    assert result == trained(1, folded(), n_epochs=2, piece_size=1)
    assert len(made) == 1
    assert not children()


def test_a_child_that_does_not_answer_is_given_up(made, monkeypatch):
    monkeypatch.setattr(team, "LONGEST_WAIT", 0.1)

    def stop(clock, loss, rate):
        if clock.step == 1:
            os.kill(made[-1]._children[0], signal.SIGSTOP)

    with pytest.warns(RuntimeWarning, match="does not answer: the fit goes on with one core"):
        result = trained(2, folded(), on_step=stop)
    assert result == trained(1, folded())
    assert not children()


def test_time_for_which_all_were_stopped_is_no_wait(made, monkeypatch):
    clock = SimpleNamespace(monotonic=count(0, 1000).__next__, sleep=time.sleep)
    monkeypatch.setattr(team, "time", clock)
    assert trained(2, folded()) == trained(1, folded())
    assert len(made) == 1


class Fails(nn.Tanh):
    """Fails in other processes: forward, or backward."""

    def __init__(self, where):
        self.where, self.pid, self.n_calls = where, os.getpid(), 0

    def _fail(self, where):
        self.n_calls += where == self.where
        if os.getpid() != self.pid and self.n_calls == 3:
            raise MemoryError

    def apply(self, X, Y, memory):
        self._fail("forward")
        super().apply(X, Y, memory)

    def multiply_by_derivative(self, Y, dY, memory):
        self._fail("backward")
        super().multiply_by_derivative(Y, dY, memory)


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_a_child_that_fails_leaves_its_work_to_the_first_process(made, where, monkeypatch):
    monkeypatch.setattr(Fails, "__module__", "digit_recognizer.nn.activations")
    layers = [conv(), nn.BatchNorm(), Fails(where), conv(), nn.BatchNorm(), nn.Flatten()]
    still_open = []
    result = trained(2, layers, piece_size=1, on_step=lambda *_: still_open.append(made[0].is_open))
    assert still_open[-1] is False
    plain = [conv(), nn.BatchNorm(), nn.Tanh(), conv(), nn.BatchNorm(), nn.Flatten()]
    assert result == trained(1, plain, piece_size=1)
    assert len(made) == 1


@pytest.mark.parametrize("what", ["os.fork", "mmap.mmap"])
@pytest.mark.parametrize("error", [BlockingIOError(11, "no"), MemoryError()])
def test_a_system_that_gives_nothing_leaves_one_core(made, monkeypatch, what, error):
    def refuse(*args):
        raise error

    expected = trained(1, folded(), n_epochs=2)
    monkeypatch.setattr(what, refuse)
    assert trained(2, folded(), n_epochs=2) == expected
    assert not made
    assert not children()


def test_what_libraries_warn_of_before_a_fork_is_not_the_users_worry(made, monkeypatch):
    """JAX, once imported, warns of any fork: with a RuntimeWarning."""
    fork = os.fork

    def warn_and_fork():
        warnings.warn("os.fork() was called", RuntimeWarning, stacklevel=2)
        return fork()

    monkeypatch.setattr(os, "fork", warn_and_fork)
    assert trained(2, folded()) == trained(1, folded())
    assert made


def test_a_fork_of_the_users_during_a_fit_leaves_it_alone(made):
    def fork(clock, loss, rate):
        if clock.step == 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                made[-1].close()
                os._exit(not made[-1].is_open - 1)
            os.waitpid(pid, 0)

    assert trained(2, folded(), on_step=fork) == trained(1, folded())


def test_a_child_of_the_users_that_trains_on_does_so_by_itself(made):
    reader, writer = os.pipe()
    me = os.getpid()

    def fork(clock, loss, rate):
        if clock.step == 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                os.fork()

    try:
        result = trained(2, folded(), on_step=fork)
    except BaseException:
        if os.getpid() != me:
            os._exit(1)
        raise
    if os.getpid() != me:
        os.write(writer, result)
        os._exit(0)
    os.close(writer)
    assert os.read(reader, 10**6) == result == trained(1, folded())
    os.close(reader)
    os.wait()


def test_a_pipe_that_the_first_process_closes_is_closed(made):
    """Somebody who reads to its end, as `Popen.communicate` has another process do."""
    ends = []

    def close(clock, loss, rate):
        if clock.step == 2:
            os.close(writer)
            is_at_end, _, _ = select.select([reader], [], [], 5)
            ends.append(bool(is_at_end))

    reader, writer = os.pipe()
    trained(2, folded(), on_step=close)
    os.close(reader)
    assert made
    assert ends == [True]


class Circular:
    """Garbage that only the collector finds; it makes a file when it goes."""

    def __init__(self, folder):
        self.me, self.folder = self, folder

    def __del__(self):
        (self.folder / str(os.getpid())).touch()


class Collects(nn.Tanh):
    """Has garbage collected, where the collector is on."""

    def apply(self, X, Y, memory):
        if gc.isenabled():
            gc.collect()
        super().apply(X, Y, memory)


def test_the_users_garbage_goes_once_in_the_process_it_is_of(made, monkeypatch, tmp_path):
    monkeypatch.setattr(Collects, "__module__", "digit_recognizer.nn.activations")

    def litter(clock, loss, rate):
        Circular(tmp_path)

    collects, gc_was_on = Collects(), gc.isenabled()
    gc.collect()
    trained(2, [conv(), collects, nn.Flatten()], n_epochs=2, on_step=litter)
    gc.collect()
    assert gc_was_on
    assert len(made) == 1
    assert [file.name for file in tmp_path.iterdir()] == [str(os.getpid())]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_that_the_user_handles_is_for_the_first_process(made, number):
    """Ctrl-C, `timeout` and batch systems reach all processes of a group."""
    calls = []
    before = signal.signal(number, lambda *_: calls.append(os.getpid()))

    def interrupt(clock, loss, rate):
        if clock.step == 1:
            os.kill(made[-1]._children[0], number)

    try:
        assert trained(2, folded(), on_step=interrupt) == trained(1, folded())
    finally:
        signal.signal(number, before)
    assert not calls


def test_who_else_asks_after_children_does_no_harm(made):
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        assert trained(2, folded()) == trained(1, folded())
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert made

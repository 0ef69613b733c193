"""Predictions of images by several processes: the same bytes for any number, nothing is left."""

import os
import pickle
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from digit_recognizer import nn
from digit_recognizer.nn import prediction
from digit_recognizer.nn.arrays import forks, sharing
from digit_recognizer.nn.arrays.workers import Workers

pytestmark = pytest.mark.skipif(not forks.can_fork(), reason="needs fork")
SHAPE = (6, 5, 1)


@pytest.fixture
def started(monkeypatch):
    """The processes that were started; all predictions of more than 3 rows are shared."""
    monkeypatch.setattr(sharing, "FEWEST_FORKED", 0)
    monkeypatch.setattr(prediction, "IMAGE_ROWS", 3)
    monkeypatch.setattr(nn.images.views, "IMAGE_ROWS", 3)
    found, fork = [], forks.Children.fork

    def record(self, *arguments):
        fork(self, *arguments)
        found.append(self._children[-1])

    monkeypatch.setattr(forks.Children, "fork", record)
    return found


@pytest.fixture
def network():
    return make_network()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((40, *SHAPE), np.float32)


def make_network(*more):
    layers = [nn.Conv2D(3, 3), nn.BatchNorm(), nn.ReLU(), *more, nn.Flatten(), nn.Dense(4)]
    return nn.Network(layers, nn.SoftmaxCrossEntropy(), SHAPE)


def predicted(n_workers, network, X):
    with Workers(n_workers):
        return network.predict(X)


def is_left(pid):
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


class Acts(nn.Tanh):
    """Calls a function in each pass through the network."""

    def __init__(self, act):
        self.act = act

    def apply(self, X, Y, memory):
        self.act()
        super().apply(X, Y, memory)


@pytest.fixture
def acting(monkeypatch):
    """Makes a network that calls a function in each pass, as if that were a layer's of ours."""
    monkeypatch.setattr(Acts, "__module__", "digit_recognizer.nn.activations")
    return lambda act: make_network(Acts(act))


@pytest.mark.parametrize("n_workers", [2, 3, 8])
@pytest.mark.parametrize("n_rows", [0, 1, 3, 4, 25, 40])
def test_predictions_are_the_same_bytes_for_any_number(started, network, images, n_rows, n_workers):
    X = images[:n_rows]
    expected = predicted(1, network, X)
    assert not started
    assert predicted(n_workers, network, X).tobytes() == expected.tobytes()
    assert len(started) == max(min(n_workers, -(-n_rows // 3)) - 1, 0)
    assert not any(map(is_left, started))


@pytest.mark.parametrize("kind", ["flat", "strided", "read-only", "memory-mapped", "sparse"])
def test_rows_of_any_kind_are_shared(started, network, images, kind, tmp_path):
    X = images.reshape(len(images), -1)
    expected = predicted(1, network, X)
    if kind == "strided":
        X = np.repeat(X, 2, axis=1)[:, ::2]
    elif kind == "read-only":
        X = np.frombuffer(X.tobytes(), X.dtype).reshape(X.shape)
    elif kind == "memory-mapped":
        np.save(tmp_path / "X.npy", X)
        X = np.load(tmp_path / "X.npy", mmap_mode="r")
    elif kind == "sparse":
        X = sparse.csr_matrix(X)
    assert predicted(2, network, X).tobytes() == expected.tobytes()
    assert len(started) == 1


def test_a_network_from_a_pickle_is_shared(started, network, images):
    again = pickle.loads(pickle.dumps(network))
    assert predicted(3, again, images).tobytes() == predicted(1, network, images).tobytes()
    assert len(started) == 2


def test_a_scaling_and_integers_are_shared(started, images):
    layers, scaling = [nn.Conv2D(3, 3), nn.Flatten()], nn.Scaling(0.5, 0.1)
    network = nn.Network(layers, nn.SquaredError(), SHAPE, scaling=scaling)
    X = (255 * images).astype(np.uint8)
    assert predicted(2, network, X).tobytes() == predicted(1, network, X).tobytes()
    assert len(started) == 1


def test_views_are_shared_by_the_rows_of_images(started, network, images):
    views, results = nn.Views(shift=1, rotation=5), set()
    for n_workers in (1, 2, 3):
        with Workers(n_workers):
            results.add(nn.predict_views(network, images, views, SHAPE, 0.0).tobytes())
    assert len(results) == 1
    assert len(started) == 1 + 2


def test_short_predictions_and_dense_networks_take_no_process(
    started, network, images, monkeypatch
):
    dense = nn.Network([nn.Dense(3)], nn.SquaredError(), (30,))
    predicted(2, dense, np.zeros((3000, 30), np.float32))
    monkeypatch.undo()
    predicted(2, network, images)
    assert not started


def test_a_layer_of_ones_own_predicts_in_this_process(started, images):
    class Mine(nn.ReLU):
        pass

    predicted(2, make_network(Mine()), images)
    assert not started


def test_a_killed_process_is_told_and_this_one_does_its_rows(started, acting, images):
    me = os.getpid()

    def die():
        if os.getpid() != me:
            os.kill(os.getpid(), signal.SIGKILL)
        # Till then this process leaves it something to do.
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, started[0], os.WEXITED | os.WNOWAIT)

    with pytest.warns(RuntimeWarning, match=r"was killed \(signal 9\): the prediction goes on"):
        result = predicted(3, acting(die), images)
    assert result.tobytes() == predicted(1, acting(int), images).tobytes()
    assert len(started) == 2
    assert not any(map(is_left, started))


def test_a_process_that_fails_leaves_its_rows_to_this_one(started, acting, images):
    me = os.getpid()

    def fail():
        if os.getpid() != me:
            raise MemoryError

    result = predicted(3, acting(fail), images)
    assert result.tobytes() == predicted(1, acting(int), images).tobytes()
    assert not any(map(is_left, started))


def test_nobody_waits_for_a_process_that_stands_still(started, acting, images):
    me = os.getpid()

    def stand_still():
        if os.getpid() != me:
            os.kill(os.getpid(), signal.SIGSTOP)

    result = predicted(2, acting(stand_still), images)
    assert result.tobytes() == predicted(1, acting(int), images).tobytes()
    assert len(started) == 1
    assert not any(map(is_left, started))


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_error_of_this_process_is_raised_and_leaves_none(started, acting, images, error):
    me = os.getpid()

    def fail():
        if os.getpid() == me:
            raise error
        time.sleep(60)

    with pytest.raises(error):
        predicted(3, acting(fail), images)
    assert len(started) == 2
    assert not any(map(is_left, started))


def test_what_is_worth_a_warning_is_warned_of_by_this_process(started, acting, images):
    def divide():
        np.ones(1) / np.zeros(1)

    with pytest.warns(RuntimeWarning, match="divide by zero"):
        result = predicted(2, acting(divide), images)
    assert result.tobytes() == predicted(1, acting(int), images).tobytes()


@pytest.mark.parametrize("what", ["os.fork", "mmap.mmap"])
@pytest.mark.parametrize("error", [BlockingIOError(11, "no"), MemoryError()])
def test_a_system_that_gives_nothing_leaves_one_core(
    network, images, started, monkeypatch, what, error
):
    def refuse(*args, **options):
        raise error

    expected = predicted(1, network, images)
    monkeypatch.setattr(what, refuse)
    assert predicted(2, network, images).tobytes() == expected.tobytes()
    assert not started


def test_processes_end_when_the_first_one_is_killed(started, acting, images, tmp_path):
    def note():
        (tmp_path / str(os.getpid())).touch()
        while len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.01)
        time.sleep(0.05)

    network = acting(note)
    first = forks.Children()
    first.fork(predicted, 2, network, images)
    deadline = time.monotonic() + 30
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    first.close()
    (helper,) = {int(file.name) for file in tmp_path.iterdir()} - {started[0]}
    while Path(f"/proc/{helper}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_predictions_in_several_threads_and_within_a_fit_are_shared(started, network, images):
    expected, results = predicted(1, network, images).tobytes(), []
    threads = [
        threading.Thread(target=lambda: results.append(predicted(2, network, images).tobytes()))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 3
    assert len(started) == 3

    def look(clock, loss, rate):
        results.append(network.predict(images).tobytes() == predicted(1, network, images).tobytes())

    plan = nn.TrainingPlan(nn.Adam(), nn.Constant(0.01), 20, 1, on_step=look)
    with Workers(2):
        list(network.fit_epochs(images, np.arange(40) % 4, plan, 0))
    assert results[3:] == [True, True]
    assert not any(map(is_left, started))

"""Shared work: the same bytes for any number of threads, and nothing left of them."""

import threading
import warnings

import numpy as np
import pytest

from digit_recognizer import nn
from digit_recognizer.nn.arrays import pieces, products
from digit_recognizer.nn.arrays.products import product
from digit_recognizer.nn.arrays.workers import Workers, n_workers_for, share

NUMBERS = (1, 2, 3, 8)


@pytest.fixture
def small_shares(monkeypatch):
    """Products and updates that small tests have are shared too."""
    monkeypatch.setattr(products, "SHARED_WORK", 2000)
    monkeypatch.setattr(pieces, "PIECE_BYTES", 256)


def threads_of(n_workers, n_pieces=20):
    """The threads that computed the pieces, and which pieces there were."""
    threads, done = set(), []
    together = threading.Barrier(n_workers)

    def work(piece):
        if piece < n_workers:
            together.wait(10)
        threads.add(threading.get_ident())
        done.append(piece)

    with Workers(n_workers):
        share(work, range(n_pieces))
    return threads, sorted(done)


@pytest.mark.parametrize("n_workers", NUMBERS)
def test_each_piece_is_done_once_by_as_many_threads_as_were_given(n_workers):
    threads, done = threads_of(n_workers)
    assert len(threads) == n_workers
    assert done == list(range(20))


def test_without_workers_all_is_done_here():
    threads = set()
    share(lambda piece: threads.add(threading.get_ident()), range(5))
    assert threads == {threading.get_ident()}


def test_no_thread_outlives_its_workers():
    before = threading.active_count()
    with Workers(3):
        share(lambda piece: None, range(3))
        assert threading.active_count() == before + 2
    assert threading.active_count() == before


def test_threads_are_started_for_work_only():
    before = threading.active_count()
    with Workers(3):
        share(lambda piece: None, range(1))
        assert threading.active_count() == before


def test_workers_are_those_of_their_thread():
    seen = []
    with Workers(4):
        thread = threading.Thread(target=lambda: seen.append(n_workers_for()))
        thread.start()
        thread.join()
        assert [*seen, n_workers_for()] == [1, 4]
    assert n_workers_for() == 1


def test_what_a_piece_shares_it_does_itself():
    with Workers(2):
        inner = set()

        def work(piece):
            me = threading.get_ident()
            share(lambda _: inner.add(threading.get_ident() == me), range(3))

        share(work, range(4))
        assert inner == {True}
        assert n_workers_for() == 2


@pytest.mark.parametrize("failing", range(4))
def test_an_error_of_any_thread_is_raised_and_the_next_work_is_done(failing):
    together = threading.Barrier(2)

    def fail(piece):
        if piece < 2:
            together.wait(10)
        if piece == failing:
            raise ZeroDivisionError(piece)

    with Workers(2):
        with pytest.raises(ZeroDivisionError):
            share(fail, range(4))
        done = []
        share(done.append, range(4))
    assert sorted(done) == [0, 1, 2, 3]


def test_errstate_holds_for_all_threads():
    together = threading.Barrier(2)

    def divide(piece):
        together.wait(10)
        np.ones(1) / np.zeros(1)

    with warnings.catch_warnings(), Workers(2), np.errstate(divide="ignore"):
        warnings.simplefilter("error")
        share(divide, range(2))


def test_a_system_without_threads_to_give_is_no_error(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done = []
    with Workers(4):
        share(done.append, range(6))
    assert done == list(range(6))


@pytest.mark.parametrize("shape", [(30, 40, 50), (64, 200, 33), (200, 30, 17), (5, 700, 5)])
def test_a_product_in_parts_is_the_product(small_shares, shape):
    n, depth, m = shape
    generator = np.random.default_rng(0)
    A, B, G = (generator.standard_normal(s) for s in ((n, depth), (depth, m), (n, m)))
    out, d_weight, dX = np.empty((n, m)), np.empty((depth, m)), np.empty((n, depth))
    with Workers(2):
        product(A, B, out)
        product(A.T, G, d_weight)
        product(G, B.T, dX)
    np.testing.assert_allclose(out, A @ B, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(d_weight, A.T @ G, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dX, G @ B.T, rtol=1e-12, atol=1e-12)


def trained(n_workers, layers, optimizer, X, y, **plan):
    network = nn.Network(layers, nn.SoftmaxCrossEntropy(), (X.shape[1],))
    plan = nn.TrainingPlan(optimizer, nn.Constant(0.01), 20, 3, **plan)
    with Workers(n_workers):
        for _ in network.fit_epochs(X, y, plan, 0):
            pass
    return network


LAYERS = {
    "dense": lambda: [nn.Dense(50), nn.ReLU(), nn.Dense(30), nn.Tanh()],
    "dropout": lambda: [nn.Dropout(0.2), nn.Dense(50), nn.ReLU(), nn.Dropout(0.5)],
    "batch norm": lambda: [nn.Dense(50, bias=False), nn.BatchNorm(), nn.ReLU(), nn.Dense(20)],
}


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("make", [nn.SGD, nn.Adam, nn.Muon])
def test_training_gives_the_same_bytes_for_any_number_of_workers(small_shares, kind, make):
    generator = np.random.default_rng(0)
    X, y = generator.random((90, 40), np.float32), generator.integers(0, 4, 90)
    options = {"alpha": 0.1, "max_gradient_norm": 0.5, "average": nn.MovingAverage(0.9)}
    networks = [
        trained(n, [*LAYERS[kind](), nn.Dense(4)], make(), X, y, **options) for n in NUMBERS
    ]
    assert len({network.parameters.values.tobytes() for network in networks}) == 1


def test_an_optimizer_of_ones_own_is_called_by_one_thread(small_shares):
    class Counting(nn.SGD):
        def update(self, *arguments):
            threads.add(threading.get_ident())
            super().update(*arguments)

    threads = set()
    generator = np.random.default_rng(0)
    X, y = generator.random((40, 40), np.float32), generator.integers(0, 4, 40)
    trained(4, [nn.Dense(50), nn.Dense(4)], Counting(), X, y)
    assert threads == {threading.get_ident()}


def test_the_number_of_workers_may_change_during_a_training(small_shares):
    generator = np.random.default_rng(0)
    X, y = generator.random((90, 40), np.float32), generator.integers(0, 4, 90)
    network, other = (
        nn.Network([nn.Dense(50), nn.ReLU(), nn.Dense(4)], nn.SoftmaxCrossEntropy(), (40,))
        for _ in range(2)
    )
    epochs, others = (
        one.fit_epochs(X, y, nn.TrainingPlan(nn.Adam(), nn.Constant(0.01), 20, 3), 0)
        for one in (network, other)
    )
    for n_workers in (1, 3, 2):
        with Workers(n_workers):
            next(epochs)
        next(others)
    assert network.parameters.values.tobytes() == other.parameters.values.tobytes()


@pytest.mark.parametrize("n_workers", NUMBERS)
@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        (lambda: [nn.Dense(30), nn.BatchNorm(), nn.ReLU(), nn.Dense(4)], (20,)),
        (lambda: [nn.Conv2D(3, 3), nn.MaxPool2D(2), nn.Flatten(), nn.Dense(4)], (6, 6, 1)),
    ],
    ids=["rows", "images"],
)
def test_predictions_are_the_same_bytes_for_any_number_of_workers(layers, shape, n_workers):
    network = nn.Network(layers(), nn.SoftmaxCrossEntropy(), shape)
    X = np.random.default_rng(0).random((3000, *shape), np.float32)
    expected = network.predict(X)
    with Workers(n_workers):
        assert network.predict(X).tobytes() == expected.tobytes()


def test_a_layer_of_ones_own_predicts_in_one_thread():
    class Noting(nn.Identity):
        def forward(self, X, memory):
            threads.add(threading.get_ident())
            return X

    threads = set()
    network = nn.Network([Noting(), nn.Dense(2)], nn.SquaredError(), (3,))
    with Workers(4):
        network.predict(np.zeros((5000, 3), np.float32))
    assert threads == {threading.get_ident()}

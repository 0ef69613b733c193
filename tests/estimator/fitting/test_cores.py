"""A fit takes the cores that BLAS would take, and gives the same bytes for any number of them."""

import multiprocessing
import os
import threading
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits

from digit_recognizer import NumpyNetClassifier
from digit_recognizer.estimator.fitting import cores
from digit_recognizer.estimator.fitting.cores import AllCores
from digit_recognizer.nn.arrays import products, team
from digit_recognizer.nn.arrays.workers import n_workers_for
from digit_recognizer.nn.images import processes

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(autouse=True)
def small_products_are_shared(monkeypatch):
    monkeypatch.setattr(products, "SHARED_WORK", 20_000_000)


def blas_threads():
    return {blas.get() for blas in cores._blas()}


def fitted(**parameters):
    """Weights and predictions of a fit whose products, updates and predictions are shared."""
    X, y = data()
    options = {"hidden_layer_sizes": (300,), "batch_size": 200, "max_iter": 2, "random_state": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = NumpyNetClassifier(**(options | parameters)).fit(X, y)
    return model._network.parameters.values.tobytes() + model.predict_proba(X).tobytes()


def data():
    generator = np.random.default_rng(0)
    return generator.random((1400, 600), np.float32), generator.integers(0, 5, 1400)


@pytest.mark.parametrize("n_cores", [1, 2, 3, 8])
def test_workers_are_as_many_as_blas_would_take_threads(n_cores):
    with threadpool_limits(n_cores, user_api="blas"):
        with AllCores():
            assert n_workers_for() == n_cores
            assert blas_threads() == {1}
        assert blas_threads() == {n_cores}
        assert n_workers_for() == 1


def test_inside_another_one_nothing_changes():
    with threadpool_limits(3, user_api="blas"):
        with AllCores(), AllCores():
            assert n_workers_for() == 3
        assert blas_threads() == {3}


def test_who_comes_while_another_thread_has_the_cores_takes_one():
    seen = []

    def look():
        with AllCores():
            seen.append((n_workers_for(), blas_threads()))

    with threadpool_limits(2, user_api="blas"):
        with AllCores():
            thread = threading.Thread(target=look)
            thread.start()
            thread.join()
            assert blas_threads() == {1}
        assert seen == [(1, {1})]
        assert blas_threads() == {2}


def test_a_thread_to_which_cores_are_granted_takes_so_many_each_time_it_is_asked():
    seen, grants = [], iter((3, 1, 2))
    with threadpool_limits(4, user_api="blas"):
        with cores.granted_cores(lambda: next(grants)):
            for _ in range(3):
                with AllCores():
                    seen.append((n_workers_for(), blas_threads()))
        with AllCores():
            assert n_workers_for() == 4
    assert seen == [(3, {1}), (1, {1}), (2, {1})]


def test_a_grant_is_the_threads_own():
    seen = []

    def look():
        with AllCores():
            seen.append(n_workers_for())

    with threadpool_limits(3, user_api="blas"), cores.granted_cores(lambda: 2):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [3]


def test_blas_is_set_by_a_thread_that_threadpoolctl_does_not_listen_to():
    seen = []

    def look():
        with AllCores():
            seen.append(blas_threads())

    # From 3.7 on it listens to the first thread only.
    with threadpool_limits(2, user_api="blas"):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        assert blas_threads() == {2}
    assert seen == [{1}]


@pytest.mark.parametrize("n_rows", [1, 2, 7, 31, 64])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_prediction_of_few_rows_has_the_same_bytes_for_any_number_of_cores(dtype, n_rows):
    X, y = data()
    # Wide and deep enough for OpenBLAS to cut a single row's products too.
    X = np.tile(X, 5).astype(dtype)
    model = NumpyNetClassifier((2000, 100), max_iter=1, batch_size="all", random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X[:10], y[:10])
    results = set()
    for n_cores in (1, 2, 8):
        with threadpool_limits(n_cores, user_api="blas"):
            results.add(model.predict_proba(X[:n_rows]).tobytes())
            assert blas_threads() == {n_cores}
    assert len(results) == 1


def test_an_error_gives_blas_its_threads_back():
    with threadpool_limits(2, user_api="blas"):
        with pytest.raises(ZeroDivisionError), AllCores():
            raise ZeroDivisionError
        assert blas_threads() == {2}


def test_a_fit_gives_the_same_bytes_on_any_number_of_cores():
    results = set()
    for n_cores in (1, 2, 3, 8):
        with threadpool_limits(n_cores, user_api="blas"):
            results.add(fitted())
    assert len(results) == 1


def test_so_do_lbfgs_and_a_fit_with_validation_and_average():
    for parameters in (
        {"solver": "lbfgs", "max_iter": 3},
        {"early_stopping": True, "ema_decay": 0.9, "max_gradient_norm": 1.0},
    ):
        results = set()
        for n_cores in (1, 2):
            with threadpool_limits(n_cores, user_api="blas"):
                results.add(fitted(**parameters))
        assert len(results) == 1


def test_so_does_a_fit_in_a_search_with_two_jobs(monkeypatch):
    # As large as those that other processes share.
    monkeypatch.undo()
    X, y = data()
    model = NumpyNetClassifier((800,), batch_size="all", max_iter=2, random_state=0)
    search, alone = (
        GridSearchCV(model, {"alpha": [0.1]}, n_jobs=n_jobs, cv=2).fit(X, y) for n_jobs in (2, 1)
    )
    scores, expected = (one.cv_results_["mean_test_score"] for one in (search, alone))
    assert scores.tobytes() == expected.tobytes()
    one, other = (s.best_estimator_._network.parameters.values for s in (search, alone))
    assert one.tobytes() == other.tobytes()


def test_a_fit_in_a_thread_gives_the_same_bytes():
    results = []
    threads = [threading.Thread(target=lambda: results.append(fitted())) for _ in range(2)]
    with threadpool_limits(2, user_api="blas"):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert blas_threads() == {2}
    assert results == [fitted()] * 2


IMAGES = "4C3-BN-R-D0.2-4C3-BN-R-MP2-8N-R"


@pytest.fixture
def started(monkeypatch):
    """Processes that were started for images; all batches that can be shared are."""
    monkeypatch.setattr(team, "WORTH_STARTING", 0)
    monkeypatch.setattr(processes, "FEWEST_SHARED", 0)
    found, start = [], processes.Processes.start

    def record(self, *args):
        found.append(self)
        return start(self, *args)

    monkeypatch.setattr(processes.Processes, "start", record)
    return found


def fitted_images(n_cores, method="fit", dtype=np.uint8, **parameters):
    """Weights, records and predictions of a fit of images, on so many cores."""
    generator = np.random.default_rng(0)
    X, y = generator.integers(0, 256, (150, 81)).astype(dtype), generator.integers(0, 3, 150)
    options = {"architecture": IMAGES, "input_shape": (9, 9, 1), "scaling": "unit"}
    options |= {"batch_size": 128, "max_iter": 2, "random_state": 0}
    fit_options = parameters.pop("fit_options", {})
    model = NumpyNetClassifier(**(options | parameters))
    if method == "partial_fit":
        fit_options = {"classes": [0, 1, 2]}
    with threadpool_limits(n_cores, user_api="blas"):
        getattr(model, method)(X, y, **fit_options)
        if model.warm_start or method == "partial_fit":
            getattr(model, method)(X[::-1], y)
        proba = model.predict_proba(X)
    losses = np.array([record["loss"] for record in model.history_])
    return model._network.parameters.values.tobytes() + losses.tobytes() + proba.tobytes()


@needs_fork
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"dtype": np.float64, "max_iter": 1},
        {"early_stopping": True, "ema_decay": 0.9, "max_gradient_norm": 1.0},
        {"augment": {"rotation": 10, "elastic": 1.0}, "views": {"shift": 1}},
        {"warm_start": True, "solver": "sgd", "learning_rate": "one_cycle"},
        {"method": "partial_fit"},
        {"fit_options": {"sample_weight": np.linspace(0, 1, 150)}},
        {"architecture": "4C3-T-AP2-4C2-GAP", "batch_size": "all"},
        {"architecture": "4C3-R-4C3", "solver": "lbfgs"},
    ],
)
def test_a_fit_of_images_gives_the_same_bytes_on_any_number_of_cores(started, parameters):
    results = {fitted_images(n_cores, **dict(parameters)) for n_cores in (1, 2, 3)}
    assert len(results) == 1
    assert started


@needs_fork
def test_so_does_one_in_a_thread(started):
    results = []
    thread = threading.Thread(target=lambda: results.append(fitted_images(2)))
    with threadpool_limits(2, user_api="blas"):
        thread.start()
        thread.join()
    assert results == [fitted_images(1)]
    assert started


@needs_fork
def test_a_search_with_two_jobs_gives_the_same_bytes_of_images(started):
    generator = np.random.default_rng(0)
    X, y = generator.random((160, 81), np.float32), generator.integers(0, 3, 160)
    options = {"input_shape": (9, 9, 1), "batch_size": 80, "max_iter": 1, "random_state": 0}
    model = NumpyNetClassifier(architecture="256C3-BN-R-4C3", **options)
    with threadpool_limits(2, user_api="blas"):
        search, alone = (
            GridSearchCV(model, {"alpha": [0.1]}, n_jobs=n_jobs, cv=2).fit(X, y)
            for n_jobs in (2, 1)
        )
    scores, expected = (one.cv_results_["mean_test_score"] for one in (search, alone))
    assert scores.tobytes() == expected.tobytes()
    assert started


@needs_fork
@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_error_in_a_fit_of_images_leaves_no_process(started, error):
    X, y = np.zeros((256, 81), np.float32), np.arange(256) % 3
    model = NumpyNetClassifier(architecture=IMAGES, input_shape=(9, 9, 1), batch_size=128)

    pids = []

    def fail(clock, loss, rate):
        pids.extend(started[-1]._children)
        raise error

    with threadpool_limits(2, user_api="blas"), pytest.raises(error):
        list(model.fit_epochs(X, y, on_step=fail))
    assert not started[-1].is_open
    for pid in pids:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    assert pids


def send_fitted(connection):
    connection.send_bytes(fitted())


@needs_fork
def test_a_fit_in_a_daemon_process_gives_the_same_bytes():
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    with threadpool_limits(2, user_api="blas"), warnings.catch_warnings():
        # Python warns of forks beside threads, which BLAS has too.
        warnings.simplefilter("ignore", DeprecationWarning)
        process = context.Process(target=send_fitted, args=(sender,), daemon=True)
        process.start()
    # Only the child writes: if it fails, reading ends.
    sender.close()
    assert receiver.recv_bytes() == fitted()
    process.join()
    assert process.exitcode == 0


@needs_fork
def test_a_process_forked_during_a_fit_of_another_thread_has_all_cores():
    ready, over = threading.Event(), threading.Event()

    def hold():
        with AllCores():
            ready.set()
            over.wait(30)

    with threadpool_limits(2, user_api="blas"):
        thread = threading.Thread(target=hold)
        thread.start()
        ready.wait(30)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            with AllCores():
                is_right = n_workers_for() == 2
            os._exit(0 if is_right and blas_threads() == {2} else 1)
        _, status = os.waitpid(pid, 0)
        over.set()
        thread.join()
    assert status == 0


def test_no_thread_is_left_of_a_fit_and_a_prediction():
    before = threading.active_count()
    with threadpool_limits(4, user_api="blas"):
        fitted()
    assert threading.active_count() == before

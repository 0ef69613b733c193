"""Fits that share their work among threads, in processes of all kinds, and Ctrl-C in them."""

import os
import signal
import subprocess
import sys
import threading
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from digit_recognizer import NumpyNetClassifier
from digit_recognizer.estimator.fitting import cores
from digit_recognizer.nn.arrays import products
from digit_recognizer.nn.arrays.workers import Workers

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# It says when its second epoch begins, and at its end what is left of the threads.
INTERRUPTED = """
import signal, threading, time, warnings
# What is started in the background of a shell ignores Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
from threadpoolctl import threadpool_limits
from digit_recognizer import NumpyNetClassifier
from digit_recognizer.estimator.fitting import cores
from digit_recognizer.nn.arrays.workers import n_workers_for

generator = np.random.default_rng(0)
X, y = generator.random((2000, 1000), np.float32), generator.integers(0, 5, 2000)
model = NumpyNetClassifier((800,), batch_size=1000, max_iter=10**6, n_iter_no_change=10**6)
epochs = model.fit_epochs(X, y) if {iterated} else None
with threadpool_limits(3, user_api="blas"):
    before = threading.active_count()
    try:
        if epochs is None:
            threading.Timer(1, print, ["fitting"], dict(flush=True)).start()
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                model.fit(X, y)
            print(*(w.message for w in caught), sep=" ")
        else:
            for record in epochs:
                if record["epoch"] == 2:
                    print("fitting", flush=True)
    except KeyboardInterrupt:
        print("KeyboardInterrupt")
    print(threading.active_count() - before, {blas.get() for blas in cores._blas()})
    with cores.AllCores():
        print(n_workers_for())
    print(np.isfinite(model.predict_proba(X[:100])).all())
"""


@pytest.mark.parametrize(
    ("iterated", "told"), [(False, "Training interrupted by user."), (True, "KeyboardInterrupt")]
)
def test_ctrl_c_ends_a_fit_and_leaves_no_thread_and_all_cores(iterated, told):
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED.replace("{iterated}", str(iterated))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        try:
            assert process.stdout.readline() == "fitting\n"
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    assert (errors, process.returncode) == ("", 0)
    assert output.splitlines() == [told, "0 {3}", "3", "True"]


def digest_of_fit():
    """Of the weights of a fit that three threads share."""
    generator = np.random.default_rng(0)
    X, y = generator.random((600, 600), np.float32), generator.integers(0, 5, 600)
    model = NumpyNetClassifier((300,), batch_size=200, max_iter=2, random_state=0)
    with threadpool_limits(3, user_api="blas"):
        model.fit(X, y)
    return sha256(model._network.parameters.values.tobytes()).hexdigest()


PROGRAM = """
import multiprocessing, warnings
warnings.simplefilter("ignore")
from test_interrupted_threads import digest_of_fit

def work():
    print(digest_of_fit(), flush=True)

if __name__ == "__main__":
    for method in {"fork", "spawn"} & {*multiprocessing.get_all_start_methods()}:
        process = multiprocessing.get_context(method).Process(target=work, daemon=True)
        process.start()
        process.join()
        assert process.exitcode == 0
"""


def test_a_fit_in_a_forked_or_spawned_daemon_gives_the_same_bytes(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    paths = [*sys.path, str(Path(__file__).parent)]
    done = subprocess.run(
        [sys.executable, program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert set(done.stdout.split()) == {digest_of_fit()}


def test_a_second_ctrl_c_while_threads_are_waited_for_gives_blas_its_threads_back(monkeypatch):
    leave = Workers.__exit__

    def interrupted(workers, *exception):
        leave(workers, *exception)
        raise KeyboardInterrupt

    with threadpool_limits(2, user_api="blas"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Workers, "__exit__", interrupted)
            with cores.AllCores():
                pass
        assert {blas.get() for blas in cores._blas()} == {2}
        assert not cores._local.is_inside


def test_no_product_of_a_prediction_of_many_narrow_rows_wakes_a_thread_of_blas(monkeypatch):
    X = np.random.default_rng(0).random((5000, 50), np.float32)
    model = NumpyNetClassifier((100,), batch_size=1000, max_iter=1).fit(X, np.arange(5000) % 2)
    threads, before = [], threading.active_count()
    multiply = products._multiply

    def recording(*arguments):
        threads.extend(blas.get() for blas in cores._blas())
        return multiply(*arguments)

    monkeypatch.setattr(products, "_multiply", recording)
    with threadpool_limits(2, user_api="blas"):
        model.predict(X)
    # Five blocks through two layers at the least.
    assert len(threads) >= 10
    assert set(threads) == {1}
    assert threading.active_count() == before

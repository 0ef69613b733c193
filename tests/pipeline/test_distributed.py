"""Runs on Dask clusters of real processes: the same bytes, whatever becomes of the workers."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from contextlib import suppress

import numpy as np
import pytest
from distributed import Client
from joblib import parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from dask_cluster import DaskCluster, list_tasks, wait_until
from digit_recognizer import NumpyNetClassifier, cli
from digit_recognizer.command_line.commands.training import INTERRUPTED_TRAINING
from digit_recognizer.errors import OutsideError
from digit_recognizer.files import sha256
from digit_recognizer.pipeline.compute import dask_cluster as module
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.recipes.recipe import load_recipe
from digit_recognizer.pipeline.run import submit
from digit_recognizer.pipeline.runs import locks
from digit_recognizer.pipeline.runs.history import read_history
from digit_recognizer.pipeline.runs.members import FILES, RESULT_FILE
from digit_recognizer.pipeline.sources.source import find_data

RECIPE = """
[model]
architecture = "4C3-MP2-BN-R-D0.2-16N-R"
solver = "adamw"
learning_rate = "one_cycle"
learning_rate_init = 0.01
ema_decay = 0.9
max_iter = 4
batch_size = 64

[augment]
rotation = 10
shift = 1

[cv]
folds = 3
"""
TAUGHT = RECIPE.replace("max_iter = 4", "max_iter = 2") + "[teach]\nrows = 'all'\n"
SECONDS = 300
VERSIONS = module.versions()
FOLDS = [f"fold-{number}" for number in (1, 2, 3)]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(RECIPE)
    return tmp_path


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The digests of what one process leaves."""
    folder = tmp_path_factory.mktemp("expected")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "small.toml").write_text(RECIPE)
        return run(jobs=1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with DaskCluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


def run(**compute):
    recipe = load_recipe("small.toml", {"compute": compute})
    folder, _ = find_data(source="sample")
    outcome = submit(recipe, load_data(folder), folder)
    path = outcome.submission.resolve().parents[1] / "runs" / outcome.run_id
    return {name: sha256(path / name) for name in ("submission.csv", "oof.csv")}


def run_on(cluster):
    return run(backend="dask", scheduler=cluster.address)


def beside(function, *arguments):
    """Start a function in a thread that does not keep the tests from ending; returns its future."""
    future = Future()

    def work():
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


def folds_of(here):
    return [fold for path in here.glob("runs/*") for fold in (path / name for name in FOLDS)]


def stop_half_way(here):
    """Stop a process that is in the middle of a fold; returns its number and the fold's folder."""

    def stopped():
        for fold in folds_of(here):
            pid = locks.holder(fold)
            # The number of a killed process stays in its lock.
            is_held = locks.is_locked(fold) and pid not in (None, os.getpid())
            if not is_held or not list(fold.glob("epoch-*")):
                continue
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                if list(fold.glob("epoch-*")) and not (fold / RESULT_FILE).exists():
                    return pid, fold
                os.kill(pid, signal.SIGCONT)
        return None

    return wait_until(stopped, "a half-trained fold", SECONDS)


def start_command(here, recipe):
    """The command in a process group of its own, as a terminal would start it."""
    (here / "small.toml").write_text(recipe)
    command = [sys.executable, "-m", "digit_recognizer", "submit", "--recipe", "small.toml"]
    return subprocess.Popen(
        [*command, "--source", "sample"],
        cwd=here,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def group_is_over(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_scheduler_and_two_workers_give_the_same_bytes(here, cluster, expected):
    assert run_on(cluster) == expected


def test_the_data_go_to_the_cluster_once_and_tasks_are_small(here, cluster):
    training = beside(run_on, cluster)
    seen = []

    def tasks_seen():
        tasks = client.run_on_scheduler(list_tasks)
        seen.append(tasks)
        return len(tasks["tasks"]) == len(FOLDS) or training.done()

    with Client(cluster.address, set_as_default=False) as client:
        wait_until(tasks_seen, "three tasks", SECONDS, pause=0.05)
    training.result(SECONDS)
    n_train, n_test = 1343, 454
    data = load_data(here / "data" / "sample")
    sizes = (data.X_train.nbytes, data.X_test.nbytes, data.y_train.nbytes)
    assert sizes[:2] == (n_train * 784, n_test * 784)
    assert seen[-1]["data"] == sorted(sizes)
    assert len(seen[-1]["tasks"]) == len(FOLDS)
    assert max(seen[-1]["tasks"]) < 20_000


def test_a_fold_whose_worker_is_killed_goes_on_from_its_last_epoch(here, cluster, expected):
    training = beside(run_on, cluster)
    pid, fold = stop_half_way(here)
    before = read_history(fold / "history.csv")
    try:
        cluster.kill(pid)
        assert training.result(SECONDS) == expected
    finally:
        cluster.start_worker()
        cluster.wait_for_workers(2)
    # The times of the first epochs are those of the worker that was killed.
    assert before
    assert read_history(fold / "history.csv")[: len(before)] == before


def test_workers_that_do_not_see_the_run_directory_give_the_same_bytes(
    here, cluster, expected, monkeypatch
):
    monkeypatch.setattr(module, "_token_of", lambda run: (here / "run.json", "of another machine"))
    assert run_on(cluster) == expected
    for fold in folds_of(here):
        assert {path.name for path in fold.iterdir()} == {*FILES, RESULT_FILE}


def test_teachers_and_what_they_teach_give_the_same_bytes(here, cluster, monkeypatch):
    (here / "small.toml").write_text(TAUGHT)
    expected = run(jobs=1)
    for token in (module._token_of, lambda run: (here / "run.json", "of another machine")):
        shutil.rmtree(here / "runs")
        monkeypatch.setattr(module, "_token_of", token)
        assert run_on(cluster) == expected


def test_several_networks_in_the_threads_of_one_worker_give_the_same_bytes(here, expected):
    with DaskCluster(here / "cluster", n_workers=1, n_threads=3) as cluster:
        assert run_on(cluster) == expected


def test_losing_workers_then_the_scheduler_is_a_sentence_and_keeps_the_epochs(here, expected):
    strict = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with DaskCluster(here / "cluster", settings=strict) as cluster:
        training = beside(run_on, cluster)
        cluster.kill(stop_half_way(here)[0])
        with pytest.raises(
            OutsideError, match=r"^The Dask workers .* all lost, 1 of them, .* goes on"
        ):
            training.result(SECONDS)
        # The other worker ends its epoch for nobody, and is not to be taken for the next run's.
        wait_until(lambda: not any(map(locks.is_locked, folds_of(here))), "an idle worker", SECONDS)
        # What is left is one thread, for which joblib alone would train in this process.
        training = beside(run_on, cluster)
        pid, fold = stop_half_way(here)
        before = read_history(fold / "history.csv")
        cluster.scheduler.kill()
        with pytest.raises(OutsideError, match=r"^The Dask scheduler at tcp://.* went away"):
            training.result(SECONDS)
        os.kill(pid, signal.SIGKILL)
    assert run(jobs=1) == expected
    assert read_history(fold / "history.csv")[: len(before)] == before


def test_a_local_cluster_survives_the_death_of_its_only_worker_in_silence(here, expected):
    command = start_command(here, RECIPE + '[compute]\nbackend = "dask"\njobs = 1\n')
    pid, fold = stop_half_way(here)
    before = read_history(fold / "history.csv")
    os.kill(pid, signal.SIGKILL)
    _, errors = command.communicate(timeout=SECONDS)
    assert command.returncode == 0, errors
    # Nothing but a line for each fold, in any order.
    assert sorted(line[:7] for line in errors.splitlines()) == ["fold 1:", "fold 2:", "fold 3:"]
    (path,) = here.glob("runs/*")
    assert {name: sha256(path / name) for name in expected} == expected
    assert read_history(fold / "history.csv")[: len(before)] == before
    wait_until(lambda: group_is_over(command.pid), "the end of all processes")


def test_ctrl_c_ends_a_local_cluster_with_one_sentence(here):
    recipe = RECIPE.replace("max_iter = 4", "max_iter = 4000")
    command = start_command(here, recipe + '[compute]\nbackend = "dask"\njobs = 1\n')
    wait_until(lambda: list(here.glob("runs/*/fold-*/epoch-*")), "an epoch", SECONDS)
    os.killpg(command.pid, signal.SIGINT)
    _, errors = command.communicate(timeout=SECONDS)
    assert command.returncode == 130
    assert errors == f"digit-recognizer: {INTERRUPTED_TRAINING}\n"
    wait_until(lambda: group_is_over(command.pid), "the end of all processes")


def test_workers_stop_training_for_a_run_that_was_interrupted(here, cluster):
    recipe = RECIPE.replace("max_iter = 4", "max_iter = 4000")
    compute = f'[compute]\nbackend = "dask"\nscheduler = "{cluster.address}"\n'
    command = start_command(here, recipe + compute)
    wait_until(lambda: list(here.glob("runs/*/fold-*/epoch-*")), "an epoch", SECONDS)
    command.send_signal(signal.SIGINT)
    _, errors = command.communicate(timeout=SECONDS)
    assert command.returncode == 130
    assert errors == f"digit-recognizer: {INTERRUPTED_TRAINING}\n"
    wait_until(
        lambda: not any(locks.is_locked(fold) for fold in folds_of(here)), "free folds", SECONDS
    )
    assert not list(here.glob("runs/*/fold-*/result.json"))


def test_a_worker_with_another_version_is_named(here, cluster, monkeypatch):
    monkeypatch.setattr(module, "versions", lambda: {**VERSIONS, "numpy": "1.0"})
    with pytest.raises(OutsideError, match=r"^The Dask worker on .* has numpy .* with 1\.0;"):
        run_on(cluster)


def test_a_scheduler_without_workers_is_a_sentence(here, cluster, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_FOR_WORKERS", 1)
    with (
        DaskCluster(here / "cluster", n_workers=0) as empty,
        pytest.raises(OutsideError, match=r"has had no worker for 1 s; start some with `dask wor"),
    ):
        run_on(empty)


def command_line(here, compute, capsys):
    (here / "small.toml").write_text(f'{RECIPE}[compute]\nbackend = "dask"\n{compute}')
    status = cli.main(["submit", "--recipe", "small.toml", "--source", "sample"])
    return status, capsys.readouterr().err


def test_no_scheduler_there_is_a_sentence(here, monkeypatch, capsys):
    monkeypatch.setattr(module, "SECONDS_TO_CONNECT", 1)
    status, error = command_line(here, 'scheduler = "tcp://127.0.0.1:9"', capsys)
    assert status == 1
    assert error == (
        "digit-recognizer: There is no Dask scheduler at tcp://127.0.0.1:9; start one with `dask "
        "scheduler`, or correct [compute] scheduler.\n"
    )


@pytest.mark.parametrize("address", ["nonsense://127.0.0.1:9", "tls://127.0.0.1:9"])
def test_an_address_that_dask_cannot_use_is_a_sentence(here, address, capsys):
    status, error = command_line(here, f'scheduler = "{address}"', capsys)
    assert status == 2
    assert error.startswith(f"digit-recognizer: [compute] scheduler is '{address}', which Dask ")
    assert error.count("\n") == 1


def test_dask_that_is_not_installed_is_a_sentence_before_anything_is_made(
    here, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "distributed", None)
    status, error = command_line(here, "", capsys)
    assert status == 2
    assert not (here / "runs").exists()
    assert error.endswith(
        "install it with pip install '.[distributed]' in this project's folder.\n"
    )


def test_a_grid_search_on_the_cluster_gives_the_same_scores(cluster):
    X, y = load_digits(return_X_y=True)
    network = NumpyNetClassifier((16,), batch_size=64, max_iter=3, learning_rate="cosine")
    grid = {"learning_rate_init": [0.003, 0.01], "dropout": [0.0, 0.2], "random_state": [0]}
    search = GridSearchCV(network, grid, cv=2)
    here = search.fit(X, y).cv_results_
    with (
        Client(cluster.address, set_as_default=False) as client,
        parallel_config(backend="dask", client=client, scatter=[X, y]),
    ):
        there = search.fit(X, y).cv_results_
    for name in ("split0_test_score", "split1_test_score", "mean_test_score", "rank_test_score"):
        np.testing.assert_array_equal(there[name], here[name])

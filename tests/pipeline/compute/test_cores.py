"""The cores that no other network needs help those that are left."""

from collections import defaultdict
from itertools import permutations
from pathlib import Path
from types import SimpleNamespace

import pytest
from joblib.externals.loky import get_reusable_executor

from digit_recognizer.files import sha256
from digit_recognizer.pipeline.compute import cores
from digit_recognizer.pipeline.compute.cores import SharedCores, cores_of_dask_worker
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.recipes.recipe import load_recipe
from digit_recognizer.pipeline.run import submit
from digit_recognizer.pipeline.runs.members import RESULT_FILE
from digit_recognizer.pipeline.sources.source import find_data
from recording_cores import FILE, RecordingCores

# Its first products are large enough for several threads.
RECIPE = """
[model]
hidden_layer_sizes = [320]
learning_rate = "one_cycle"
max_iter = 2
batch_size = 100

[cv]
folds = 3
"""
FOLDS = ["fold-1", "fold-2", "fold-3"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(RECIPE)
    monkeypatch.setattr(cores, "cpu_count", lambda: 2)
    monkeypatch.setattr(cores, "n_blas_threads", lambda: 2)
    monkeypatch.setattr(cores, "SharedCores", RecordingCores)
    yield tmp_path
    get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)


def run(jobs, fresh=False):
    """Digests of what a run leaves, its folder, and the cores that were granted, in order."""
    recipe = load_recipe("small.toml", {"compute": {"jobs": jobs}})
    folder, _ = find_data(source="sample")
    path = Path("runs") / submit(recipe, load_data(folder), folder, fresh).run_id
    record = path / FILE
    granted = [int(line) for line in record.read_text().splitlines()]
    record.unlink()
    return {name: sha256(path / name) for name in ("submission.csv", "oof.csv")}, path, granted


def test_networks_one_after_the_other_take_all_cores_each_and_leave_the_same_bytes(here):
    alone, path, granted = run(jobs=1)
    assert set(granted) == {2}
    weights = [(path / fold / "oof.npy").read_bytes() for fold in FOLDS]
    beside, path, granted = run(jobs=2, fresh=True)
    # While the first two are trained, each has one.
    assert granted[0] == 1
    assert set(granted) <= {1, 2}
    assert beside == alone
    assert [(path / fold / "oof.npy").read_bytes() for fold in FOLDS] == weights


def test_the_last_network_takes_the_cores_of_both_jobs(here):
    whole, path, _ = run(jobs=1)
    (path / "metrics.json").unlink()
    for name in (RESULT_FILE, "model.safetensors"):
        (path / "fold-3" / name).unlink()
    again, _, granted = run(jobs=2)
    assert set(granted) == {2}
    assert again == whole


def networks(folder, n):
    folders = [folder / f"fold-{number}" for number in range(n)]
    for one in folders:
        one.mkdir(parents=True)
    return folders


@pytest.mark.parametrize(
    ("n_networks", "at_once", "n_cores", "expected"),
    [
        (5, 2, 2, [1, 1, 1, 1, 2]),
        (5, 4, 4, [1, 1, 1, 2, 4]),
        (3, 3, 8, [2, 4, 8]),
        (4, 1, 8, [8, 8, 8, 8]),
        (3, 2, 8, [4, 4, 8]),
        (2, 2, 1, [1, 1]),
        # More jobs than cores, as the user wished.
        (4, 4, 2, [1, 1, 1, 2]),
    ],
)
def test_a_share_grows_with_each_network_that_is_finished(
    tmp_path, n_networks, at_once, n_cores, expected
):
    folders = networks(tmp_path, n_networks)
    share = SharedCores(dict.fromkeys(folders, ()), at_once, n_cores, most=99)
    granted = []
    for folder in folders:
        granted.append(share())
        (folder / RESULT_FILE).touch()
    assert granted == expected
    assert SharedCores(dict.fromkeys(folders, ()), at_once, n_cores, most=1)() == 1


def test_who_waits_for_a_teacher_needs_no_core(tmp_path):
    teacher, *pupils = networks(tmp_path, 3)
    teachers = {teacher: (), **dict.fromkeys(pupils, (teacher,))}
    share = SharedCores(teachers, 2, 2, most=99)
    assert share() == 2
    (teacher / RESULT_FILE).touch()
    assert share() == 1


@pytest.mark.parametrize(("at_once", "n_cores"), [(2, 2), (3, 8), (4, 4), (3, 7)])
def test_never_are_more_cores_taken_than_there_are(tmp_path, at_once, n_cores):
    for number, order in enumerate(permutations(range(4))):
        folders = networks(tmp_path / str(number), 4)
        share = SharedCores(dict.fromkeys(folders, ()), at_once, n_cores, most=99)
        running, waiting, taken = list(order[:at_once]), list(order[at_once:]), defaultdict(int)
        while running:
            # Those in the middle of an epoch keep what they had.
            taken[running[-1]] = share()
            assert sum(taken.values()) <= n_cores
            done = running.pop(0)
            taken.pop(done, None)
            (folders[done] / RESULT_FILE).touch()
            running += [waiting.pop(0)] if waiting else []


def test_a_network_on_a_dask_worker_of_several_threads_takes_them():
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=4, processes=False, dashboard_address=None
    )
    with cluster, distributed.Client(cluster, set_as_default=False) as client:
        assert client.submit(cores_of_dask_worker).result() == 4


@pytest.mark.parametrize(
    ("n_threads", "running", "ready", "expected"),
    [(4, 2, 0, 2), (4, 3, 0, 1), (4, 1, 1, 2), (4, 4, 9, 1), (1, 1, 3, 1)],
)
def test_several_share_them(n_threads, running, ready, expected, monkeypatch):
    distributed = pytest.importorskip("distributed")
    state = SimpleNamespace(executing_count=running, ready=range(ready), nthreads=n_threads)
    monkeypatch.setattr(distributed, "get_worker", lambda: SimpleNamespace(state=state))
    assert cores_of_dask_worker() == expected

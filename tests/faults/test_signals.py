"""Processes that are killed or told to end, and the same command again."""

import shutil
import signal

import pytest
from injectors import kill, kill_group, kill_worker, pause
from workplace import ending, is_running

KEPT = (
    "digit-recognizer: interrupted; what was trained is kept, and the same command without "
    "--fresh goes on from there."
)


def interrupt(work, random, send, *options, after=2):
    """Start a submit, do something to it in one of the ten epochs after these; its end."""
    process = work.start(*options)
    work.wait_for(after + random.randint(1, 10), process)
    pause(random, 0.05)
    send(process)
    return ending(process)


def assert_goes_on_to(expected, work, submit):
    """Submitted again, it ends with the right bytes, and trains no finished epoch again."""
    before = work.epochs()
    assert submit(work).status == 0
    assert work.results() == expected
    for fold, rows in work.epochs().items():
        assert rows[: len(before.get(fold, []))] == before.get(fold, [])
    assert work.leftovers() == []
    return before


def test_a_run_killed_again_and_again_ends_with_the_same_bytes(work, random, expected, submit_here):
    kept = 0
    for _ in range(3):
        before = work.epochs() if kept else {}
        end = interrupt(
            work, random, lambda process: kill(process, signal.SIGKILL), "--jobs", "1", after=kept
        )
        assert end.status == -signal.SIGKILL
        for fold, rows in before.items():
            assert work.epochs()[fold][: len(rows)] == rows
        kept = sum(map(len, work.epochs().values()))
        assert kept > 0
    assert_goes_on_to(expected, work, submit_here)


def test_a_run_killed_before_its_first_epoch_ends_with_the_same_bytes(
    work, random, expected, submit_here
):
    process = work.start("--jobs", "1")
    pause(random, 1.5)
    kill(process, signal.SIGKILL)
    ending(process)
    assert submit_here(work).status == 0
    assert work.results() == expected


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_says_so_and_keeps_its_epochs(
    work, random, expected, submit_here, number, jobs, shared
):
    # Ctrl-C in a terminal reaches the workers too, and so does its end.
    send = kill if number == signal.SIGTERM else kill_group
    end = interrupt(work, random, lambda process: send(process, number), "--jobs", jobs)
    assert list(shared.iterdir()) == []
    assert end.status == 128 + number
    assert end.lines[-1] == KEPT
    assert not any("Traceback" in line for line in end.lines)
    assert not any(map(is_running, work.workers()))
    before = assert_goes_on_to(expected, work, submit_here)
    assert sum(map(len, before.values())) >= 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_worker_is_reported_with_its_fold(work, random, expected, submit_here, number):
    victims = []
    end = interrupt(
        work,
        random,
        lambda process: victims.append(kill_worker(work, process, random, number)),
        "--jobs",
        "2",
    )
    folds = [
        lock.parent.name.replace("-", " ")
        for lock in work.run.glob("fold-*/.lock-holder")
        if lock.read_text() == str(victims[0])
    ]
    assert end.status == 1
    assert end.lines[-1] == (
        f"digit-recognizer: The process that trained {folds[0]} was ended from outside, perhaps "
        "for lack of memory; free some or lower --jobs, and the same command without "
        "--fresh goes on from there."
    )
    assert not any("Traceback" in line for line in end.lines)
    assert_goes_on_to(expected, work, submit_here)


def test_a_worker_leaves_ctrl_c_to_its_parent(work, random, expected):
    hit = []
    for _ in range(5):
        # On a busy machine the run may end before anybody is hit.
        end = interrupt(
            work,
            random,
            lambda process: hit.append(kill_worker(work, process, random, signal.SIGINT)),
            "--jobs",
            "2",
        )
        assert end.status == 0
        assert work.results() == expected
        if hit[-1] is not None:
            return
        shutil.rmtree(work.run)
    pytest.fail("no worker was hit")


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """The folder in which processes share arrays."""
    folder = tmp_path / "shared"
    folder.mkdir()
    monkeypatch.setenv("JOBLIB_TEMP_FOLDER", str(folder))
    return folder


@pytest.mark.parametrize("send", [kill, kill_group])
def test_workers_end_with_a_killed_parent_and_what_it_left_is_removed(
    work, random, expected, send, shared
):
    process = work.start("--jobs", "2")
    work.wait_for(6, process)
    workers = work.workers()
    send(process, signal.SIGKILL)
    ending(process)
    assert workers
    assert list(shared.iterdir()) != []
    # The next start waits for those that have not noticed yet.
    assert_goes_on_to(expected, work, lambda work: work.submit("--jobs", "2"))
    assert not any(map(is_running, workers))
    assert list(shared.iterdir()) == []

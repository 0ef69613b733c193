"""What must not matter: places, environments, clocks; and what must: the data."""

import os
import signal
import subprocess
import sys

import pytest
from injectors import can_shift_clock, date_files, kill, shifted_clock
from workplace import N_EPOCHS, SAMPLE_RECIPE, Workplace, ending

from digit_recognizer.checksummed import read_checksummed, write_checksummed

DAY = 86_400


@pytest.mark.parametrize(
    ("jobs", "hash_seed", "threads"), [("1", "0", "2"), ("2", "1", "1"), ("2", "random", "2")]
)
def test_jobs_hash_seeds_and_threads_change_no_byte(work, expected, jobs, hash_seed, threads):
    end = work.submit("--jobs", jobs, PYTHONHASHSEED=hash_seed, OMP_NUM_THREADS=threads)
    assert end.status == 0
    assert work.results() == expected


def test_a_run_from_another_folder_goes_on_with_the_same_data(
    submit_here, killed, expected, tmp_path
):
    # Its runs/ is where it is started; the run there is the same one.
    elsewhere = killed.copy(tmp_path / "copy")
    assert submit_here(elsewhere).lines[0].startswith("Going on: 1 of 2 networks finished")
    assert elsewhere.run.name == killed.run.name
    assert elsewhere.results() == expected
    (tmp_path / "empty").mkdir()
    begun_here = Workplace(tmp_path / "empty", SAMPLE_RECIPE, killed.data)
    assert submit_here(begun_here).status == 0
    assert begun_here.run.name == killed.run.name
    assert begun_here.results() == expected


@pytest.mark.parametrize("seconds", [-30 * DAY, 30 * DAY])
def test_a_clock_that_jumps_changes_no_byte(killed, expected, tmp_path, seconds):
    if not can_shift_clock():
        pytest.skip("needs a C compiler")
    work = killed.copy(tmp_path / "copy")
    before = work.epochs()
    # The newest checkpoint is the newest by its name: the dates of files say nothing.
    newest = max((work.run / "fold-2").glob("epoch-*"))
    date_files(work.folder, 4_000_000_000)
    date_files(newest.parent, 0)
    clock = shifted_clock(tmp_path / "clock", seconds)
    said = subprocess.run(
        [sys.executable, "-c", "import time; print(time.time())"],
        env=os.environ | clock,
        capture_output=True,
        text=True,
    ).stdout
    assert abs(float(said) - newest.stat().st_ctime - seconds) < DAY
    assert work.submit("--jobs", "1", **clock).status == 0
    assert work.results() == expected
    after = work.epochs()
    assert {fold: after[fold][: len(rows)] for fold, rows in before.items()} == before
    times = [float(row[-1]) for rows in after.values() for row in rows]
    assert 0 < min(times) < max(times) < DAY


def test_data_that_changed_are_refused_until_they_are_back(submit_here, killed, expected, tmp_path):
    work = with_data_of_its_own(killed, tmp_path)
    run, before = work.run, work.epochs()
    path = work.data / "train.csv"
    content = path.read_bytes()
    path.write_bytes(content.replace(b",255,", b",254,", 1))
    for _ in range(2):
        end = submit_here(work)
        assert end.status == 2
        assert end.lines == [
            f"digit-recognizer: The data in {work.data} changed since run {run.name} began; put "
            "them back as they were to go on with it, or give --fresh to start over with these."
        ]
        assert (work.run, work.epochs()) == (run, before)
    path.write_bytes(content)
    assert submit_here(work).status == 0
    assert work.results() == expected
    assert work.epochs()["fold-1"] == before["fold-1"]


def test_data_that_changed_are_used_with_fresh(submit_here, killed, expected, tmp_path):
    work = with_data_of_its_own(killed, tmp_path)
    run = work.run
    path = work.data / "train.csv"
    path.write_bytes(path.read_bytes().replace(b",255,", b",254,", 1))
    assert submit_here(work, "--fresh").status == 0
    assert work.run.name != run.name
    assert set(map(len, work.epochs().values())) == {N_EPOCHS}
    assert work.results()["oof.csv"] != expected["oof.csv"]


def with_data_of_its_own(killed, folder):
    """The killed run where it was begun with data in a folder that may be changed."""
    work = killed.copy(folder / "copy")
    work.data = folder / "copy" / "its"
    work.data.mkdir()
    for path in killed.data.iterdir():
        (work.data / path.name).write_bytes(path.read_bytes())
    identity = work.run / "run.json"
    write_checksummed(identity, read_checksummed(identity) | {"data_folder": str(work.data)})
    return work


def test_a_second_submit_says_which_process_holds_the_run(work, submit_here, expected):
    process = work.start("--jobs", "1")
    work.wait_for(2, process)
    kill(process, signal.SIGSTOP)
    end = submit_here(work)
    kill(process, signal.SIGCONT)
    assert end.status == 1
    assert end.lines == [
        f"digit-recognizer: runs/{work.run.name} is in use by process {process.pid}; "
        "wait for its end, or stop it."
    ]
    assert ending(process).status == 0
    assert work.results() == expected


def test_the_lock_that_a_killed_process_left_is_taken_over(submit_here, killed, expected, tmp_path):
    work = killed.copy(tmp_path / "copy")
    assert (work.run / ".lock-holder").read_text().isdigit()
    # Even if another process has that number now.
    (work.run / ".lock-holder").write_text("1")
    assert submit_here(work).status == 0
    assert work.results() == expected


def test_a_finished_run_trains_nothing_and_says_so(whole, expected, tmp_path):
    work = whole.copy(tmp_path / "copy")
    before = {path: path.stat().st_mtime_ns for path in work.run.rglob("*") if path.is_file()}
    end = work.submit("--jobs", "2")
    assert end.lines == [f"Run {work.run.name} is finished; --fresh would train it again."]
    assert work.results() == expected
    after = {path: path.stat().st_mtime_ns for path in work.run.rglob("*") if path.is_file()}
    changed = {path.name for path in before if after[path] != before[path]}
    assert set(after) == set(before)
    assert changed <= {".lock", "run.json"}
    log = (work.folder / "submissions" / "log.csv").read_text().splitlines()
    assert len(log) == 2

"""Disks that fill up or may not be written, and the same command once they are mended."""

import signal

import pytest
from injectors import kill
from workplace import N_EPOCHS, SAMPLE_RECIPE, ending

KB = 1024


def assert_one_sentence(end, *parts):
    """The end is that of a mistake: status 2, one sentence, no traceback."""
    assert end.status == 2, end.lines
    assert not any("Traceback" in line for line in end.lines)
    assert sum(line.startswith("digit-recognizer: ") for line in end.lines) == 1
    for part in parts:
        assert part in end.lines[-1]


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_full_disk_is_said_and_costs_no_epoch_once_there_is_space(disk, whole, expected, jobs):
    # A fold needs this much while it is trained, and less than half afterwards.
    small = disk(150 * KB)
    work = small.workplace(SAMPLE_RECIPE, whole.folder / "data" / "sample")
    end = work.submit("--jobs", jobs)
    assert_one_sentence(end, "(No space left on device); free some space")
    before = work.epochs()
    assert any(before.values())
    small.remount("size=50m")
    assert work.submit("--jobs", "1").status == 0
    assert work.results() == expected
    for fold, rows in before.items():
        assert work.epochs()[fold][: len(rows)] == rows
    assert work.leftovers() == []


@pytest.mark.parametrize(
    ("jobs", "remedy"),
    [
        ("1", "raise the limit on the size of files"),
        # The arrays that are shared are written first.
        ("2", "set JOBLIB_TEMP_FOLDER to a folder of your own with space, or give --jobs 1."),
    ],
)
def test_a_limit_on_the_size_of_files_is_said(work, whole, expected, submit_here, jobs, remedy):
    work.data = whole.folder / "data" / "sample"
    end = work.submit("--jobs", jobs, file_size=10 * KB)
    assert_one_sentence(end, "(File too large); ", remedy)
    assert submit_here(work).status == 0
    assert work.results() == expected


def test_a_folder_that_may_not_be_written_is_said_and_loses_nothing(disk, whole, expected):
    mended = disk(50 * KB * KB)
    work = mended.workplace(SAMPLE_RECIPE, whole.folder / "data" / "sample")
    process = work.start("--jobs", "1")
    work.wait_for(N_EPOCHS + 4, process)
    kill(process, signal.SIGKILL)
    ending(process)
    before = work.epochs()
    mended.remount("ro")
    assert_one_sentence(work.submit("--jobs", "1"), "(Read-only file system)")
    assert work.epochs() == before
    mended.remount("rw")
    assert work.submit("--jobs", "1").status == 0
    assert work.results() == expected
    assert work.epochs()["fold-1"] == before["fold-1"]

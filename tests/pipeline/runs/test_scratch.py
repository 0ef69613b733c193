"""Folders that last as long as their process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.runs.scratch import SHARED_PREFIX, scratch_folder, shared_folder

HOLD = """
import sys
from pathlib import Path
from digit_recognizer.pipeline.runs.scratch import scratch_folder
with scratch_folder("ours-", Path(sys.argv[1])) as folder:
    (folder / "array").write_bytes(b"0")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """A process that has a folder; the folder."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_it_is_there_only_meanwhile(tmp_path):
    with pytest.raises(KeyError), scratch_folder("ours-", tmp_path) as folder:
        (folder / "array").write_bytes(b"0")
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_nothing_else(other, tmp_path):
    process, left = other
    theirs = tmp_path / "theirs-1"
    theirs.mkdir()
    link = tmp_path / "ours-link"
    link.symlink_to(theirs)
    with scratch_folder("ours-", tmp_path):
        assert (left / "array").exists()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (left / "array").exists()
    with scratch_folder("ours-", tmp_path) as folder:
        assert set(tmp_path.iterdir()) == {folder, theirs, link}


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="this system has no numbers of users")
def test_another_users_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "ours-1").mkdir()
    monkeypatch.setattr("os.getuid", lambda: -1)
    with scratch_folder("ours-", tmp_path):
        assert (tmp_path / "ours-1").exists()


def test_what_is_shared_is_where_joblib_would_put_it(tmp_path, monkeypatch):
    monkeypatch.setenv("JOBLIB_TEMP_FOLDER", str(tmp_path))
    assert shared_folder().parent == tmp_path
    assert shared_folder().name.startswith(SHARED_PREFIX)
    assert shared_folder() == shared_folder()
    monkeypatch.setenv("JOBLIB_TEMP_FOLDER", str(tmp_path / "none"))
    with pytest.raises(InputError, match="none cannot be used to share data"):
        shared_folder()

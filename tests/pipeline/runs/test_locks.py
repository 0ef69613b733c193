"""Locks of folders, between real processes."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.pipeline.runs.locks import holder, is_locked, locked

HOLD = """
import sys, time
from pathlib import Path
from digit_recognizer.pipeline.runs.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def hold(tmp_path):
    """A function that starts a process which holds the folder's lock for some seconds."""
    processes = []

    def start(seconds=60):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path), str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_second_process_is_told_who_holds_the_lock(hold, tmp_path):
    process = hold()
    assert is_locked(tmp_path)
    with (
        pytest.raises(OutsideError, match=rf"is in use by process {process.pid}; wait for its end"),
        locked(tmp_path),
    ):
        pass


def test_the_lock_of_a_killed_process_is_taken_over(hold, tmp_path):
    process = hold()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert holder(tmp_path) == process.pid
    assert not is_locked(tmp_path)
    with locked(tmp_path):
        assert holder(tmp_path) == os.getpid()
        assert is_locked(tmp_path)
    assert holder(tmp_path) is None


def test_waiting_gets_the_lock_when_the_other_lets_go(hold, tmp_path):
    process = hold(seconds=0.3)
    with locked(tmp_path, wait=True):
        # It lets go, then ends.
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process.returncode == 0


def test_an_exception_lets_go(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    assert not is_locked(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"), locked(tmp_path / "file" / "run"):
        pass


def test_a_folder_never_locked_is_free_and_stays_as_it_is(tmp_path):
    assert not is_locked(tmp_path)
    assert not list(tmp_path.iterdir())
    assert holder(tmp_path) is None


def test_a_file_system_without_locks_is_a_sentence(tmp_path, monkeypatch):
    def flock(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(InputError, match=r"lock cannot be locked \(No locks available\); choose"):
        locked(tmp_path, wait=True).__enter__()
    assert not is_locked(tmp_path)


def test_a_lock_whose_folder_was_removed_meanwhile_is_taken_anew(hold, tmp_path):
    folder = tmp_path / "run"
    taken = threading.Event()

    def take():
        with locked(folder, wait=True):
            taken.set()
            assert holder(folder) == os.getpid()

    with locked(folder):
        thread = threading.Thread(target=take)
        thread.start()
        assert not taken.wait(0.2)
        shutil.rmtree(folder)
    thread.join(30)
    assert taken.is_set()
    assert (folder / ".lock").exists()

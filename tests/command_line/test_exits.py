"""How commands end whose output goes nowhere."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from digit_recognizer.command_line import exits as endings

COMMAND = [sys.executable, "-m", "digit_recognizer", "runs"]


@pytest.fixture(autouse=True)
def handlers():
    """The handlers of signals stay those of the tests."""
    before = [signal.getsignal(number) for number in endings.ENDING]
    yield
    for number, handler in zip(endings.ENDING, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_is_told_nothing(tmp_path, unbuffered):
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        COMMAND, cwd=tmp_path, env=environment, stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert result.returncode == 128 + signal.SIGPIPE
    assert result.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_on_a_full_disk_is_a_sentence(tmp_path, unbuffered):
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(
            COMMAND, cwd=tmp_path, env=environment, stdout=full, stderr=subprocess.PIPE
        )
    assert result.returncode == 1
    assert result.stderr.decode() == (
        "digit-recognizer: The output cannot be written (No space left on device).\n"
    )


def test_a_full_disk_under_a_file_that_has_a_name_is_not_the_output():
    def command(options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "runs/a/oof.csv")

    with pytest.raises(OSError, match=r"runs/a/oof\.csv"):
        endings.run(SimpleNamespace(command=command))


def test_the_end_of_the_terminal_is_ignored_where_nohup_says_so():
    seen = {}

    def command(options):
        seen.update({number: signal.getsignal(number) for number in endings.ENDING})

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert endings.run(SimpleNamespace(command=command)) == 0
    assert [number for number in seen if seen[number] == signal.SIG_IGN] == [signal.SIGHUP]


def test_one_signal_is_answered_and_those_that_follow_are_not():
    # Whoever runs the tests may have had it ignored.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    told = []

    def command(options):
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            told.append("cleaned up")

    assert endings.run(SimpleNamespace(command=command, interrupted="interrupted.")) == 129
    assert told == ["cleaned up"]

"""The command line, as real processes."""

import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time

import pytest

COMMAND = [sys.executable, "-m", "digit_recognizer.cli"]
SHORT = """
[model]
hidden_layer_sizes = [16]
learning_rate = "one_cycle"
max_iter = 2
[cv]
folds = 2
"""
# Would train for many minutes.
LONG = SHORT.replace("[16]", "[2048, 2048]").replace("max_iter = 2", "max_iter = 9999")


@pytest.fixture
def here(tmp_path):
    (tmp_path / "short.toml").write_text(SHORT)
    (tmp_path / "long.toml").write_text(LONG)
    return tmp_path


def run(here, *arguments):
    return subprocess.run(
        [*COMMAND, *arguments], cwd=here, capture_output=True, text=True, timeout=120
    )


def files(here):
    return {path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file()}


def test_help_lists_the_commands(here):
    result = run(here, "--help")
    assert result.returncode == 0
    assert re.search(r"^ +data +bring", result.stdout, re.M)
    assert re.search(r"^ +submit +train", result.stdout, re.M)
    assert re.search(r"^ +upload +upload", result.stdout, re.M)
    assert re.search(r"^ +log +list", result.stdout, re.M)
    assert re.search(r"^ +leaderboard\s+say", result.stdout, re.M)
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("command", ["data", "submit", "upload", "log", "leaderboard"])
def test_each_command_explains_itself(here, command):
    result = run(here, command, "--help")
    assert result.returncode == 0
    assert "--recipe NAME" in result.stdout


def test_submit_without_data_uses_the_sample_and_says_so(here):
    result = run(here, "submit", "--recipe", "short.toml")
    assert result.returncode == 0, result.stderr
    assert "sample" in result.stdout.splitlines()[0]
    assert "cannot be uploaded" in result.stdout.splitlines()[0]
    for name in ("CV accuracy", "OOF accuracy", "Test accuracy", "Time", "Submission"):
        assert re.search(rf"^{name} ", result.stdout, re.M)
    assert (here / "submissions" / "submission.csv").read_text().startswith("ImageId,Label\n1,")


def test_without_a_terminal_each_fold_is_one_line(here):
    result = run(here, "submit", "--recipe", "short.toml", "--jobs", "1")
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    for number, line in enumerate(lines, start=1):
        assert re.fullmatch(
            rf"fold {number}/2: 2 epochs, loss \d\.\d{{4}}, accuracy \d+\.\d\d%, \d+\.\d s", line
        )


def test_on_a_terminal_there_is_a_live_bar(here):
    parent, child = pty.openpty()
    termios.tcsetwinsize(child, (24, 80))
    process = subprocess.Popen(
        [*COMMAND, "submit", "--recipe", "short.toml"],
        cwd=here,
        stdout=subprocess.DEVNULL,
        stderr=child,
    )
    os.close(child)
    shown = b""
    while True:
        try:
            shown += os.read(parent, 4096)
        except OSError:
            break
    os.close(parent)
    assert process.wait(60) == 0
    assert re.search(rb"fold \d epoch \d .*100%.*loss \d\.\d{4}, accuracy \d+\.\d\d%", shown, re.S)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["submit", "--recipe", "fats"], "There is no recipe 'fats'"),
        (["submit", "--data", "nowhere"], "nowhere"),
        (["data", "--data", "nowhere"], "nowhere"),
        (["submit", "--seed", "-1"], "[cv] seed is -1; give 0 or more."),
        (["submit", "--jobs", "-1"], "[compute] jobs is -1"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(here, arguments, message):
    before = files(here)
    result = run(here, *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.stderr
    assert files(here) == before


def test_an_unknown_option_is_a_usage_message_and_status_2(here):
    result = run(here, "submit", "--recipes", "fast", "--what")
    assert result.returncode == 2
    assert "--what" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_folder_in_the_way_of_the_submissions_is_named(here):
    (here / "submissions").write_text("in the way")
    result = run(here, "submit", "--recipe", "short.toml")
    assert result.returncode == 2
    assert result.stderr.startswith("digit-recognizer: submissions cannot be made")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("whole_group", [False, True])
def test_ctrl_c_ends_quickly_without_traceback_or_half_file(here, jobs, whole_group):
    process = subprocess.Popen(
        [*COMMAND, "submit", "--recipe", "long.toml", "--jobs", jobs],
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(here.glob("runs/*/fold-*/history.csv")) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert list(here.glob("runs/*/fold-*/history.csv"))
    send = os.killpg if whole_group else os.kill
    send(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert process.returncode == 130
    assert errors.splitlines() == ["digit-recognizer: interrupted; nothing was submitted."]
    assert list((here / "submissions").iterdir()) == []
    assert not [name for name in files(here) if name.endswith(".tmp")]
    assert not processes_of_group(process.pid)


def test_a_killed_worker_is_a_failure_outside(here):
    process = subprocess.Popen(
        [*COMMAND, "submit", "--recipe", "long.toml", "--jobs", "2"],
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(here.glob("runs/*/fold-*/history.csv")) and time.monotonic() < deadline:
        time.sleep(0.1)
    list_processes = ["ps", "-ww", "-eo", "pid=,ppid=,args="]
    listing = subprocess.run(list_processes, capture_output=True, text=True)
    workers = [
        int(line.split()[0])
        for line in listing.stdout.splitlines()
        if line.split()[1] == str(process.pid) and "LokyProcess" in line
    ]
    os.kill(workers[0], signal.SIGKILL)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.startswith("digit-recognizer: A training process was ended from outside")
    assert len(errors.splitlines()) == 1
    assert not processes_of_group(process.pid)


def processes_of_group(group):
    """Processes that are left of a process group once those that are ending have ended."""
    deadline = time.monotonic() + 10
    left = [group]
    while left and time.monotonic() < deadline:
        command = ["ps", "-eo", "pgid=,state=,args="]
        listing = subprocess.run(command, capture_output=True, text=True)
        rows = [line.split(maxsplit=2) for line in listing.stdout.splitlines()]
        left = [row for row in rows if row[0] == str(group) and row[1] != "Z"]
        time.sleep(0.1)
    return left

"""The command line; what depends on it as a real process."""

import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from in_process import run

COMMAND = [sys.executable, "-m", "digit_recognizer"]
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


def run_process(here, *arguments):
    return subprocess.run(
        [*COMMAND, *arguments], cwd=here, capture_output=True, text=True, timeout=600
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
    assert re.search(r"^ +compare +say", result.stdout, re.M)
    assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("command", ["data", "submit", "upload", "log", "leaderboard"])
def test_each_command_explains_itself(here, command):
    result = run(here, command, "--help")
    assert result.returncode == 0
    assert "--recipe NAME" in result.stdout


def test_submit_without_data_uses_the_sample_and_says_so(here):
    result = run_process(here, "submit", "--recipe", "short.toml")
    assert result.returncode == 0, result.stderr
    assert "sample" in result.stdout.splitlines()[0]
    assert "cannot be uploaded" in result.stdout.splitlines()[0]
    for name in ("CV accuracy", "OOF accuracy", "Test accuracy", "Time", "Submission"):
        assert re.search(rf"^{name} ", result.stdout, re.M)
    share = r"\d+\.\d\d%"
    oof = rf"^OOF accuracy  {share} \(95% interval {share} to {share}\)$"
    assert re.search(oof, result.stdout, re.M)
    assert (here / "submissions" / "submission.csv").read_text().startswith("ImageId,Label\n1,")


def test_without_a_terminal_each_fold_is_one_line(here):
    result = run(here, "submit", "--recipe", "short.toml", "--jobs", "1")
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    for number, line in enumerate(lines, start=1):
        assert re.fullmatch(
            rf"fold {number}: 2 epochs, loss \d\.\d{{4}}, accuracy \d+\.\d\d%, \d+\.\d s", line
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
    assert process.wait(600) == 0
    # Networks may be trained before anybody looks; the line of the whole run is always there.
    finished = rb"fold \d: \d epochs?, loss \d\.\d{4}, accuracy \d+\.\d\d%"
    assert re.search(rb"all 0 of 2 .*" + finished + rb".* 2 of 2 .*100%", shown, re.S)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["submit", "--recipe", "fats"], "There is no recipe 'fats'"),
        (["submit", "--data", "nowhere"], "nowhere"),
        (["data", "--data", "nowhere"], "nowhere"),
        (["submit", "--seed", "-1"], "[cv] seed is -1; give an integer, 0 or more."),
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
    result = run_process(here, "submit", "--recipes", "fast", "--what")
    assert result.returncode == 2
    assert "--what" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_folder_in_the_way_of_the_submissions_is_named(here):
    (here / "submissions").write_text("in the way")
    result = run(here, "submit", "--recipe", "short.toml", "--jobs", "1")
    assert result.returncode == 2
    assert result.stderr.startswith("digit-recognizer: submissions cannot be made")
    assert len(result.stderr.splitlines()) == 1


def start_long(here, *arguments):
    """A long training in a session of its own, after its first checkpoint."""
    process = subprocess.Popen(
        [*COMMAND, "submit", "--recipe", "long.toml", *arguments],
        cwd=here,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while not list(here.glob("runs/*/fold-*/epoch-*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    if not list(here.glob("runs/*/fold-*/epoch-*")):
        os.killpg(process.pid, signal.SIGKILL)
        pytest.fail(f"no checkpoint in 300 s: {process.communicate()}")
    return process


@pytest.mark.parametrize(
    ("jobs", "whole_group", "number"),
    [("1", False, signal.SIGINT), ("2", True, signal.SIGINT), ("2", False, signal.SIGTERM)],
)
def test_ctrl_c_and_sigterm_end_quickly_and_keep_the_epochs(here, jobs, whole_group, number):
    process = start_long(here, "--jobs", jobs)
    send = os.killpg if whole_group else os.kill
    send(process.pid, number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert errors.splitlines() == [
        "digit-recognizer: interrupted; what was trained is kept, and the same command without "
        "--fresh goes on from there."
    ]
    assert list((here / "submissions").iterdir()) == []
    assert not [name for name in files(here) if name.endswith(".tmp")]
    assert list(here.glob("runs/*/fold-*/epoch-*"))
    assert not processes_of_group(process.pid)


def test_workers_share_the_data_as_memory_maps(here):
    process = start_long(here, "--jobs", "2")
    workers = [int(path.read_text()) for path in here.glob("runs/*/fold-*/.lock-holder")]
    shared = []
    for pid in workers:
        maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
        shared.append({line.split()[-1] for line in maps if "joblib_memmapping" in line})
    process.terminate()
    process.communicate(timeout=120)
    assert shared[0]
    assert all(names == shared[0] for names in shared)


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


def test_compare_names_the_better_of_two_runs(here):
    (here / "better.toml").write_text(SHORT.replace("max_iter = 2", "max_iter = 20"))
    for recipe in ("short.toml", "better.toml"):
        assert run(here, "submit", "--recipe", recipe, "--jobs", "1").returncode == 0
    before = files(here)
    (first,) = (here / "runs").glob("short-*")
    (second,) = (here / "runs").glob("better-*")
    result = run(here, "compare", "sho", str(second))
    assert (result.returncode, result.stderr) == (0, "")
    assert "McNemar's exact test: p < 0.0001" in result.stdout.splitlines()
    assert f"\n{second.name} is better: " in result.stdout
    assert re.search(rf"^{first.name} +\d+\.\d\d% +\d+\.\d\d% to ", result.stdout, re.M)
    assert files(here) == before


def test_compare_explains_itself_and_how_far_to_trust_it(here):
    result = run(here, "compare", "--help")
    assert result.returncode == 0
    assert "RUN RUN" in result.stdout
    assert "The test is approximate" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_compare_without_any_run_says_how_to_make_one(here):
    result = run(here, "compare", "a", "b")
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "digit-recognizer: There is no run 'a', and none at all in runs; "
        "make one with digit-recognizer submit."
    ]


def test_compare_of_an_unknown_run_lists_those_there_are(here):
    for name in ("fast-1234", "fast-5678"):
        (here / "runs" / name).mkdir(parents=True)
    result = run(here, "compare", "slow", "fast-1234")
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "digit-recognizer: There is no run 'slow' in runs; choose one of fast-1234, fast-5678."
    ]
    result = run(here, "compare", "fast-1", "fast-5")
    assert result.returncode == 2
    assert "runs/fast-1234/oof.csv is not there" in result.stderr
    assert len(result.stderr.splitlines()) == 1

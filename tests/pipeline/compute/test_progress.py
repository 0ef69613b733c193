import io
import json
import re
import time
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from digit_recognizer.pipeline.compute import progress
from digit_recognizer.pipeline.compute.progress import Progress
from digit_recognizer.pipeline.runs import status
from digit_recognizer.pipeline.runs.members import Member

RESULT = {"network": 1, "epochs": 4, "loss": 0.25, "accuracy": 0.9, "seconds": 12.3}
TRAINING = status.Status(2, 4, 300, 1300, 300, 30.0, 0.5, 0.01)
PREDICTING = status.Status(5, 4, 1250, 1300, 300, 30.0, 0.5, 0.01)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def members(tmp_path):
    def make(number):
        folder = tmp_path / f"fold-{number}"
        folder.mkdir()
        return Member(SimpleNamespace(number=number, name=folder.name), 1, None, folder)

    return [make(number) for number in (1, 2, 3)]


@pytest.fixture(autouse=True)
def usual_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LOOKS", 0.01)


def tell(member, what):
    (member.folder / status.FILE).write_text(json.dumps(asdict(what)))


def shown(stream):
    """What the stream holds, without the codes that move the cursor and colour."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())


def lines_after(stream, members, what, monkeypatch, columns=80):
    """The lines shown last while a network tells `what`."""
    monkeypatch.setenv("COLUMNS", str(columns))
    with Progress(members, stream=stream) as bars:
        tell(members[0], what)
        deadline = time.monotonic() + 30
        while not bars._tasks and time.monotonic() < deadline:
            time.sleep(0.01)
    return [line.rstrip() for line in re.split(r"[\r\n]+", shown(stream)) if line.strip()]


def test_a_line_shows_each_network_and_one_the_whole(members, monkeypatch):
    lines = lines_after(Terminal(), members, TRAINING, monkeypatch)
    assert re.search(r"fold 1 epoch 2/4 .* 23% loss 0.5000 rate 0.01 \d:\d\d$", lines[-1])
    # 130 s a network: 100 s left of the first, and two more after it in the only process seen.
    assert re.search(r"all +0 of 3 .* 8% +\d:\d\d, 6:00 left$", lines[-2])


def test_predicting_is_called_by_its_name(members, monkeypatch):
    lines = lines_after(Terminal(), members, PREDICTING, monkeypatch)
    assert "fold 1 predicting" in lines[-1]
    assert "96%" in lines[-1]


def test_a_narrow_terminal_gets_lines_that_fit(members, monkeypatch):
    lines = lines_after(Terminal(), members, TRAINING, monkeypatch, columns=40)
    assert re.fullmatch(r"fold 1 epoch 2/4 +23% +\d:\d\d", lines[-1])
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), (None, None)])
def test_without_a_terminal_that_moves_its_cursor_there_are_plain_lines(
    members, monkeypatch, name, value
):
    stream = Terminal() if name else io.StringIO()
    if name:
        monkeypatch.setenv(name, value)
    with Progress(members, stream=stream) as bars:
        tell(members[0], TRAINING)
        bars.finished(RESULT | {"fold": 1})
        bars.finished(RESULT | {"fold": 2, "epochs": 1})
    lines = stream.getvalue().splitlines()
    assert "fold 1: 4 epochs, loss 0.2500, accuracy 90.00%, 12.3 s" in lines
    assert "fold 2: 1 epoch, loss 0.2500, accuracy 90.00%, 12.3 s" in lines
    assert "\x1b" not in stream.getvalue()
    assert not any("all" in line for line in lines)


def test_no_color_is_respected(members, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    lines_after(stream, members, TRAINING, monkeypatch)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", stream.getvalue())


def test_finished_networks_stay_on_the_terminal_as_a_table(members, monkeypatch):
    stream = Terminal()
    with Progress(members, stream=stream) as bars:
        for number in (1, 2, 3):
            bars.finished(RESULT | {"fold": number})
    for number in (1, 2, 3):
        assert f"fold {number}: 4 epochs, loss 0.2500, accuracy 90.00%, 12.3 s" in shown(stream)
    assert "3 of 3" in shown(stream)
    assert "100%" in shown(stream)


def test_how_long_it_will_take_is_said_once_it_was_measured(members):
    stream = io.StringIO()
    with Progress(members, stream=stream) as bars:
        tell(members[0], TRAINING)
        tell(members[1], TRAINING)
        deadline = time.monotonic() + 30
        while bars._estimate is None and time.monotonic() < deadline:
            time.sleep(0.01)
    # Two processes: 100 s left of the first two, then the third alone.
    assert stream.getvalue() == "3 networks to train, 2 at a time: about 4 minutes.\n"


def test_a_process_between_two_networks_still_counts(members):
    bars = Progress(members, stream=io.StringIO())
    for member in members[:2]:
        tell(member, TRAINING)
    bars._look()
    assert bars._seconds_left() == pytest.approx(230)
    bars.finished(RESULT | {"fold": 1})
    # The second and third are trained side by side.
    assert bars._seconds_left() == pytest.approx(130)


def test_networks_of_another_architecture_take_as_long_as_their_like(members):
    first, second, third = (replace(m, number=1 + i % 2) for i, m in enumerate(members))
    bars = Progress([first, second, third], stream=io.StringIO())
    bars._running = {first.key: TRAINING}
    bars._took = {second.key: 30.0}
    bars._finished = {second.key}
    assert bars._seconds_left() == pytest.approx(100 + 130)


def test_a_status_left_by_a_killed_run_is_not_shown(members):
    tell(members[0], TRAINING)
    with Progress(members, stream=io.StringIO()) as bars:
        assert not bars._running
        assert not (members[0].folder / status.FILE).exists()

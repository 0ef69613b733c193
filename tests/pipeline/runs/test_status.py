from types import SimpleNamespace

import pytest

from digit_recognizer.nn import Clock
from digit_recognizer.pipeline.runs import status
from digit_recognizer.pipeline.runs.status import StatusFile, clear_status, read_status


@pytest.fixture
def seconds(monkeypatch):
    """The time that passes, set by hand."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(status, "perf_counter", lambda: clock.now)
    return clock


def make(folder):
    return StatusFile(folder, n_epochs=4, epoch_passes=300, prediction_passes=100)


def test_the_speed_is_measured_from_the_first_step_on(tmp_path, seconds):
    file = make(tmp_path)
    # Half of the epochs were trained by an earlier start.
    file.step(Clock(epoch=2, step=20, n_steps=40), 1.0, 0.1)
    seconds.now = 10.0
    file.step(Clock(epoch=2, step=25, n_steps=40), 0.5, 0.1)
    told = read_status(tmp_path)
    assert (told.epoch, told.n_epochs, told.loss, told.learning_rate) == (3, 4, 0.5, 0.1)
    assert (told.done, told.total, told.measured) == (750, 1300, 150)
    assert told.total_seconds == pytest.approx(1300 / 15)


def test_before_any_work_is_measured_the_time_is_not_known(tmp_path, seconds):
    make(tmp_path).step(Clock(step=1, n_steps=40), 1.0, None)
    assert read_status(tmp_path).total_seconds is None


def test_steps_that_follow_fast_are_not_all_written(tmp_path, seconds):
    file = make(tmp_path)
    for step in range(3):
        file.step(Clock(step=step, n_steps=40), 1.0, None)
    assert read_status(tmp_path).done == 0


def test_predicting_comes_after_the_last_epoch(tmp_path, seconds):
    file = make(tmp_path)
    file.predicted(0)
    assert read_status(tmp_path).is_predicting
    seconds.now = 1.0
    file.predicted(100)
    told = read_status(tmp_path)
    assert told.done == told.total


def test_the_last_step_of_an_epoch_is_not_of_one_too_many(tmp_path, seconds):
    make(tmp_path).step(Clock(epoch=4, step=40, n_steps=40), 1.0, None)
    assert read_status(tmp_path).epoch == 4


@pytest.mark.parametrize("content", ["", "{", "[]", '{"epoch": 1}', "null"])
def test_a_damaged_status_is_none(tmp_path, content):
    (tmp_path / status.FILE).write_text(content)
    assert read_status(tmp_path) is None


def test_a_folder_that_cannot_be_written_stops_no_training(tmp_path):
    make(tmp_path / "missing").step(Clock(step=1, n_steps=40), 1.0, None)
    clear_status(tmp_path / "missing")

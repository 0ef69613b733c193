"""A setting of the process that several threads need at once."""

from contextlib import contextmanager

import pytest

from digit_recognizer.pipeline.compute.shared_context import SharedContext


@pytest.fixture
def events():
    return []


@pytest.fixture
def shared(events):
    @contextmanager
    def setting():
        events.append("set")
        yield
        events.append("put back")

    return SharedContext(setting)


def test_the_setting_stays_until_the_last_has_left(shared, events):
    shared.__enter__()
    shared.__enter__()
    assert events == ["set"]
    shared.__exit__(None, None, None)
    assert events == ["set"]
    shared.__exit__(None, None, None)
    assert events == ["set", "put back"]


def test_the_setting_can_be_made_again(shared, events):
    for _ in range(2):
        with shared:
            pass
    assert events == ["set", "put back"] * 2


def test_an_error_inside_puts_the_setting_back_and_is_raised(shared, events):
    @contextmanager
    def strict():
        try:
            yield
        finally:
            events.append("put back")

    with pytest.raises(KeyError), SharedContext(strict):
        raise KeyError
    assert events == ["put back"]

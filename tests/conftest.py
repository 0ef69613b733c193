"""Settings of all tests."""

import gc
import os
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

settings.register_profile(
    "repeatable", deadline=None, derandomize=True, database=None, max_examples=30
)
settings.load_profile("repeatable")


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread():
    """Small matrices gain nothing from more, and lose much where the processors are shared."""
    with threadpool_limits(1, "blas"):
        yield


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder `data`, its name relative as in a message."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return Path("data")


@pytest.fixture(scope="session", autouse=True)
def no_credentials(tmp_path_factory):
    """Nobody's Kaggle credentials are found, whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("KAGGLE_")]:
            patch.delenv(name)
        patch.delenv("XDG_CONFIG_HOME", raising=False)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_reports():
    """Runs end without a report, which takes longer than many of them; its own tests switch it on.

    Processes that tests start know it by the environment.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGIT_RECOGNIZER_REPORT", "0")
        yield


@pytest.fixture(scope="session")
def bytes_of():
    """A function that calls an action; returns the bytes held after it and at its peak.

    The garbage collector does not run: what lies in cycles is held.
    """

    def measure(action):
        # What is made once, such as a cache of a library, does not count.
        action()
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            action()
            return tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            gc.enable()

    return measure

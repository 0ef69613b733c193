"""Settings of all tests."""

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

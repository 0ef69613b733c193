"""Settings of all tests."""

import os
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

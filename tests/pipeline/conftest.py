import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from digit_recognizer.pipeline.data.competition import Competition
from digit_recognizer.pipeline.sources.competition_files import competition_files


@pytest.fixture
def small():
    """A competition of images of 2 x 2 pixels in three classes."""
    return Competition(slug="small", image_height=2, image_width=2, classes=[0, 1, 2])


@pytest.fixture
def small_files(small):
    """The competition's files by name, without the test labels: 6 training and 4 test images."""
    generator = np.random.default_rng(0)
    X = generator.integers(0, 256, (10, 4), dtype=np.uint8)
    y = np.arange(10) % 3
    files = competition_files(small, X[:6], y[:6], X[6:], y[6:])
    del files["test_labels.csv"]
    return files


@pytest.fixture
def store(folder):
    """A function that puts files (name: bytes) into `folder` in one of the three forms."""

    def put(files, form="plain", slug="small"):
        if form == "zip":
            with zipfile.ZipFile(folder / f"{slug}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in files.items():
                    archive.writestr(name, content)
            return
        for name, content in files.items():
            if form == "gz":
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)

    return put


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """An empty folder of runs, its name relative as in a message."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    return Path("runs")

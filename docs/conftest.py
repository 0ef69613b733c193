"""What the examples of the documentation find ready."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _doctest_folder(doctest_namespace, tmp_path):
    doctest_namespace["folder"] = Path(tmp_path)

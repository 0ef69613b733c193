"""Saved estimators while their writers are killed, fail, or are many."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("saves.py")


def test_every_file_that_is_loaded_is_the_old_estimator_or_the_new_one(tmp_path):
    counts = {"kills": 8, "failures": 4, "loads": 150, "searches": 2, "epochs": 3}
    options = [f"--{name}={n}" for name, n in counts.items()]
    result = subprocess.run(
        [sys.executable, SCRIPT, *options], capture_output=True, text=True, cwd=tmp_path
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "a load beside a saver            150         150" in result.stdout

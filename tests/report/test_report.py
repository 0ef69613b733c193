"""The report of a run: what it holds, in which runs, and that it never fails one."""

import re
import shutil

import pytest

import in_process
from digit_recognizer.checksummed import read_checksummed

RECIPE = """
[model]
architecture = "4C3-R-MP2-8C3-R-MP2"
learning_rate = "one_cycle"
learning_rate_init = 0.02
max_iter = {epochs}
batch_size = 50

[augment]
rotation = 10

[cv]
folds = 2
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with two finished runs on the sample, and what `submit` said of the first."""
    place = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGIT_RECOGNIZER_REPORT", "1")
        for name, epochs in (("one", 2), ("two", 1)):
            (place / f"{name}.toml").write_text(RECIPE.format(epochs=epochs))
            done = in_process.run(
                place, "submit", "--recipe", f"{name}.toml", "--source", "sample", "--jobs", "1"
            )
            assert done.returncode == 0, done.stderr
            (place / f"{name}.txt").write_text(done.stdout)
    return place


def run_of(place, name):
    return next((place / "runs").glob(f"{name}-*"))


@pytest.fixture
def copied(runs, tmp_path, monkeypatch):
    """A copy of the folder, to be changed; the current folder."""
    shutil.copytree(runs, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def missing(path):
    """The sentences in place of what could not be shown."""
    return re.findall(r'<p class="missing">(.*?)</p>', path.read_text(), re.DOTALL)


def test_a_run_ends_with_its_report(runs):
    path = run_of(runs, "one") / "report.html"
    assert f"Report        runs/{path.parent.name}/report.html" in (runs / "one.txt").read_text()
    text = path.read_text()
    accuracy = read_checksummed(path.parent / "metrics.json")["oof_accuracy"]
    assert f"{accuracy:.2%}" in text
    assert "Content-Security-Policy" in text and "http://" not in text.replace(
        "http://www.w3.org/", ""
    )

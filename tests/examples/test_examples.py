"""Each example runs to its end on the sample, and reaches its figure."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples"
# The figure that each ends with, and what it must reach.
ACCURACIES = {
    "1_plain_loop": 0.93,
    "2_step_by_step": 0.93,
    "3_fit_epochs": 0.93,
    "4_pipeline": 0.95,
    "5_own_layer_and_optimizer": 0.93,
    "6_first_convolution": 0.95,
    "7_from_95_to_99": 0.96,
    "8_other_frameworks": 0.92,
}
DRAWN = {"6_first_convolution": "first_convolution.png", "7_from_95_to_99": "from_95_to_99.png"}
LONGEST = 100


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that runs an example in an empty folder, where it finds the sample."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    return lambda name: runpy.run_path(str(FOLDER / f"{name}.py"))


@pytest.mark.parametrize("name", ACCURACIES)
def test_an_example_ends_in_its_figure(name, run, capsys, tmp_path):
    if name in DRAWN:
        pytest.importorskip("matplotlib")
    names = run(name)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith(f"{names['accuracy']:.2%} of the images held back")
    assert names["accuracy"] >= ACCURACIES[name]
    if name in DRAWN:
        assert (tmp_path / DRAWN[name]).stat().st_size > 10_000
    assert names.get("gradient_error", 0) < 1e-6
    assert names.get("difference", 0) < 1e-5
    if "results" in names:
        first, *_, last = (accuracy for _, accuracy in names["results"])
        assert 1 - last < 0.5 * (1 - first)


def test_there_is_a_figure_for_each_example():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(ACCURACIES)


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_an_example_is_short_and_begins_with_what_it_shows(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    assert text.startswith("# %% [markdown]\n# # ")


def test_the_plain_loop_imports_nothing_of_ours():
    assert "digit_recognizer" not in (FOLDER / "1_plain_loop.py").read_text(encoding="utf-8")

"""The tutorials' networks reach their figures, on the sample; so does what is said of mistakes."""

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "tutorials"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A function that runs a tutorial in an empty folder, where it finds the sample."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    return lambda name: runpy.run_path(str(FOLDER / f"{name}.py"))


def test_two_layers_and_their_twin(run):
    names = run("two_layers")
    assert names["descent_accuracy"] > 0.96
    assert names["accuracy"] > 0.94


def test_leaky_relu_and_a_loss_taken_as_binary(run):
    assert run("leaky_relu")["accuracy"] > 0.9


def test_any_sizes_on_all_rows_at_once(run, tmp_path):
    pytest.importorskip("matplotlib")
    names = run("any_sizes")
    assert names["accuracy"] > 0.95
    curve = names["model"].loss_curve_
    assert len(names["model"].history_) == 10
    assert curve[-1] < 0.1 * curve[0]
    assert (tmp_path / "any_sizes.png").stat().st_size > 10_000


def test_few_rows_with_and_without_the_mistake(run):
    names = run("few_rows")
    assert names["descent_accuracy"] > 0.8
    assert names["accuracy"] > 0.6
    # With one gradient for all of them the biases of the output do not move.
    assert abs(names["train"](False, n_steps=20)[1]).max() < 1e-12
    assert abs(names["train"](True, n_steps=20)[1]).max() > 1e-3


def test_linear_regression_finds_weights_and_bias(run):
    names = run("linear_regression")
    assert names["weight_error"] < 0.03
    assert names["bias_error"] < 0.02


def test_the_softmax_gradient_two_ways(run):
    names = run("softmax_gradient")
    assert names["difference"] <= 2e-16
    assert names["chain_difference"] < 1e-15
    assert names["gradient_error"] < 1e-6


def test_a_relu_that_passes_back_its_output_and_one_that_does_not(run):
    names = run("relu_mistake")
    assert names["accuracy"] > 0.94
    assert names["mistaken_accuracy"] < names["accuracy"] - 0.05

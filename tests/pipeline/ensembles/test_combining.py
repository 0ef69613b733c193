"""The ensemble of a run: means, learned weights, stacking."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digit_recognizer.pipeline.ensembles.combining import (
    COMBINERS,
    LearnedWeights,
    Split,
    Stacking,
    combine,
    restored,
    verdict,
)

N_CLASSES = 3


def predictions(y, generator, certainty):
    """Probabilities that lean towards the labels y, the more the larger `certainty`."""
    logits = generator.standard_normal((len(y), N_CLASSES))
    logits[np.arange(len(y)), y] += certainty
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def make_split(generator, y, certainties, n_folds=3):
    fold_of_row = np.arange(len(y)) % n_folds + 1
    oof = np.stack([predictions(y, generator, c) for c in certainties])
    y_test = generator.integers(0, N_CLASSES, 50)
    test = {
        fold: np.stack([predictions(y_test, generator, c) for c in certainties])
        for fold in range(1, n_folds + 1)
    }
    return Split(fold_of_row, oof.astype(np.float32), test)


@pytest.fixture
def generator():
    return np.random.default_rng(0)


@pytest.fixture
def y(generator):
    return generator.integers(0, N_CLASSES, 300)


def test_the_mean_is_that_of_networks_and_of_folds(generator, y):
    split = make_split(generator, y, [1, 2])
    combined = combine([split], y, "mean")
    np.testing.assert_allclose(combined.oof, split.oof.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(combined.test, np.mean(list(split.test.values()), axis=(0, 1)))


def test_repeats_are_averaged(generator, y):
    splits = [make_split(generator, y, [1]), make_split(generator, y, [1])]
    combined = combine(splits, y, "mean")
    np.testing.assert_allclose(combined.oof, (splits[0].oof[0] + splits[1].oof[0]) / 2, rtol=1e-6)


@settings(deadline=None, derandomize=True, max_examples=20)
@given(certainties=st.lists(st.floats(-1, 4), min_size=1, max_size=5), seed=st.integers(0, 1000))
def test_learned_weights_are_at_least_0_and_add_up_to_1_and_are_no_worse(certainties, seed):
    generator = np.random.default_rng(seed)
    y = generator.integers(0, N_CLASSES, 200)
    oof = make_split(generator, y, certainties).oof
    learned = LearnedWeights().fit(oof, y)
    assert (learned.weights >= 0).all()
    assert learned.weights.sum() == pytest.approx(1)
    rows = np.arange(len(y))
    entropy = -np.log(learned(oof)[rows, y]).mean()
    assert entropy <= -np.log(oof.mean(axis=0)[rows, y]).mean() + 1e-4


def test_a_network_that_guesses_gets_no_weight(generator, y):
    learned = LearnedWeights().fit(make_split(generator, y, [3, 0]).oof, y)
    np.testing.assert_allclose(learned.weights, [1, 0], atol=0.05)


@pytest.mark.parametrize("how", ["weights", "stacking"])
def test_a_folds_rows_are_combined_without_a_look_at_their_labels(generator, y, how):
    """Other labels of a fold change its neighbours' combination, never its own."""
    split = make_split(generator, y, [1, 2])
    kind = COMBINERS[how]
    own = split.fold_of_row == 1
    planted = y.copy()
    planted[own] = (y[own] + 1) % N_CLASSES

    def combined(labels):
        fit = kind.fit
        seen = []

        def spy(combiner, probabilities, targets):
            seen.append(targets.copy())
            return fit(combiner, probabilities, targets)

        kind.fit = spy
        try:
            return combine([split], labels, how), seen
        finally:
            kind.fit = fit

    (_, before), (_, after) = combined(y), combined(planted)
    # The first fit is that for fold 1.
    np.testing.assert_array_equal(before[0], after[0])
    assert any((a != b).any() for a, b in zip(before[1:3], after[1:3], strict=True))


def test_the_probabilities_of_a_fold_do_not_follow_its_own_labels(generator, y):
    split = make_split(generator, y, [1, 1.5])
    own = split.fold_of_row == 2
    planted = y.copy()
    planted[own] = split.oof[0, own].argmax(axis=1)
    from digit_recognizer.pipeline.ensembles.combining import _cross_combined

    for kind in (LearnedWeights, Stacking):
        honest, other = (_cross_combined([split], labels, kind) for labels in (y, planted))
        np.testing.assert_array_equal(honest[own], other[own])
        assert (honest[~own] != other[~own]).any()


@pytest.mark.parametrize("how", ["weights", "stacking"])
def test_learning_how_to_combine_networks_of_unequal_worth_helps_and_says_so(how):
    generator = np.random.default_rng(3)
    y = generator.integers(0, N_CLASSES, 3000)
    combined = combine([make_split(generator, y, [4, 0.2, 0.2, 0.2, 0.2])], y, how)
    assert combined.description["combine"] == how
    accuracies = combined.description["oof_accuracies"]
    assert (combined.oof.argmax(axis=1) == y).mean() == accuracies[how] > accuracies["mean"]
    assert "helps (" in verdict(combined.description, how)


@pytest.mark.parametrize("kind", COMBINERS.values())
def test_what_was_learned_comes_back_from_a_json_file(kind, generator, y):
    split = make_split(generator, y, [0, 1, 2])
    combiner = kind().fit(split.oof, y)
    name = next(name for name in COMBINERS if COMBINERS[name] is kind)
    stored = json.dumps({"combine": name, "learned": [combiner.describe()]})
    (again,) = restored(json.loads(stored))
    np.testing.assert_array_equal(again(split.test[1]), combiner(split.test[1]))


@pytest.mark.parametrize("how", ["weights", "stacking"])
def test_where_learning_does_not_help_the_mean_is_used_and_said(how, generator):
    y = generator.integers(0, N_CLASSES, 300)
    split = make_split(generator, y, [1, 1])
    # Right by its mean already, which nothing can beat.
    sure = np.tile(np.eye(N_CLASSES, dtype=np.float32)[y], (2, 1, 1))
    split = Split(split.fold_of_row, sure, split.test)
    combined = combine([split], y, how)
    assert combined.description["combine"] == "mean"
    assert "does not help (100.000%, the mean 100.000%, p = 1): the mean is used" in verdict(
        combined.description, how
    )
    np.testing.assert_array_equal(combined.test, combine([split], y, "mean").test)


def test_a_lead_of_a_few_rows_is_not_taken_for_a_help():
    rng = np.random.default_rng(5)
    leads = []
    for _ in range(20):
        y = rng.integers(0, N_CLASSES, 300)
        description = combine([make_split(rng, y, [1.0, 1.2])], y, "weights").description
        accuracies = description["oof_accuracies"]
        if description["p_value"] >= 0.05:
            leads.append(accuracies["weights"] > accuracies["mean"])
            assert description["combine"] == "mean"
    assert any(leads)


def test_the_mean_needs_no_verdict():
    assert verdict({"combine": "mean"}, "mean") is None

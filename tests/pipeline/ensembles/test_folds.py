"""Folds: the split of the training rows."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.ensembles.folds import make_folds
from digit_recognizer.pipeline.recipes.sections import CrossValidation


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    n_folds=st.integers(2, 5),
    seed=st.integers(0, 2**32),
    counts=st.lists(st.integers(5, 20), min_size=2, max_size=5),
)
def test_folds_part_the_rows_and_keep_the_classes_shares(n_folds, seed, counts):
    y = np.repeat(np.arange(len(counts)), counts)
    folds = make_folds(y, CrossValidation(n_folds, seed=seed))
    rows = np.concatenate([fold.validation_rows for fold in folds])
    assert sorted(rows) == list(range(len(y)))
    for fold in folds:
        assert sorted([*fold.train_rows, *fold.validation_rows]) == list(range(len(y)))
        shares = np.bincount(y[fold.validation_rows], minlength=len(counts))
        assert (np.abs(shares - np.array(counts) / n_folds) <= 1).all()


def test_folds_follow_the_seed_and_have_seeds_of_their_own():
    y = np.repeat(np.arange(3), 20)
    first, again, other = (make_folds(y, CrossValidation(4, seed=seed)) for seed in (0, 0, 1))
    assert [fold.seeds for fold in first] == [fold.seeds for fold in again]
    assert (first[0].validation_rows == again[0].validation_rows).all()
    assert len({fold.seeds for fold in first}) == 4
    assert (first[0].validation_rows != other[0].validation_rows).any()


def test_a_class_with_fewer_rows_than_folds_is_named():
    y = np.array([0] * 9 + [7] * 2)
    with pytest.raises(InputError, match="Class 7 has 2 training rows, fewer than the 3 folds"):
        make_folds(y, CrossValidation(folds=3))


def test_more_networks_or_repeats_leave_the_ones_before_as_they_are():
    y = np.repeat(np.arange(3), 20)
    one, three = (make_folds(y, CrossValidation(4), n) for n in (1, 3))
    assert [fold.seeds[:1] for fold in three] == [fold.seeds for fold in one]
    assert len({seed for fold in three for seed in fold.seeds}) == 12
    for repeats in (2, 3):
        more = make_folds(y, CrossValidation(4, repeats=repeats))
        assert [fold.number for fold in more] == list(range(1, 4 * repeats + 1))
        for before, fold in zip(one, more[:4], strict=True):
            assert fold.seeds == before.seeds
            assert (fold.validation_rows == before.validation_rows).all()


def test_each_repeat_parts_the_rows_in_its_own_way():
    y = np.repeat(np.arange(3), 20)
    folds = make_folds(y, CrossValidation(4, repeats=2))
    for repeat in (folds[:4], folds[4:]):
        assert sorted(np.concatenate([fold.validation_rows for fold in repeat])) == list(range(60))
    assert (folds[0].validation_rows != folds[4].validation_rows).any()


def test_a_fold_goes_to_another_process_as_two_bits_a_row():
    y = np.repeat(np.arange(10), 1000)
    fold = make_folds(y, CrossValidation())[1]
    content = pickle.dumps(fold)
    assert len(content) < len(y) / 4 + 1000
    there = pickle.loads(content)
    assert (there.number, there.seeds) == (fold.number, fold.seeds)
    for name in ("train_rows", "validation_rows"):
        np.testing.assert_array_equal(getattr(there, name), getattr(fold, name))
        assert getattr(there, name).dtype == getattr(fold, name).dtype


@settings(deadline=None, derandomize=True, max_examples=30)
@given(
    n_folds=st.integers(2, 5),
    repeats=st.integers(1, 2),
    seed=st.integers(0, 2**32),
    sizes=st.lists(st.integers(1, 4), min_size=60, max_size=100),
)
def test_rows_of_a_group_stay_in_one_fold_and_the_classes_keep_their_shares(
    n_folds, repeats, seed, sizes
):
    generator = np.random.default_rng(seed)
    order = generator.permutation(sum(sizes))
    groups = np.repeat(np.arange(len(sizes)), sizes)[order]
    y = np.repeat(np.arange(len(sizes)) % 3, sizes)[order]
    folds = make_folds(y, CrossValidation(n_folds, seed=seed, repeats=repeats), groups=groups)
    for first in range(0, len(folds), n_folds):
        rows = np.concatenate([fold.validation_rows for fold in folds[first : first + n_folds]])
        assert sorted(rows) == list(range(len(y)))
    for fold in folds:
        assert not set(groups[fold.train_rows]) & set(groups[fold.validation_rows])
        shares = np.bincount(y[fold.validation_rows], minlength=3)
        assert (np.abs(shares - np.bincount(y) / n_folds) <= max(sizes)).all()


def test_a_few_pairs_leave_the_folds_balanced_within_one_row_a_class():
    y = np.arange(1000) % 10
    groups = np.arange(1000)
    groups[[510, 21, 999]] = [0, 11, 9]
    folds = make_folds(y, CrossValidation(5), groups=groups)
    shares = np.array([np.bincount(y[fold.validation_rows]) for fold in folds])
    assert (np.ptp(shares, axis=0) <= 1).all()
    again = make_folds(y, CrossValidation(5), groups=groups)
    for one, other in zip(folds, again, strict=True):
        assert (one.validation_rows == other.validation_rows).all()


def test_groups_of_one_row_each_change_nothing():
    y = np.repeat(np.arange(3), 20)
    for one, other in zip(
        make_folds(y, CrossValidation(4)),
        make_folds(y, CrossValidation(4), groups=np.arange(60)),
        strict=True,
    ):
        assert (one.validation_rows == other.validation_rows).all()


@pytest.mark.parametrize("n_folds", [2, 5])
def test_a_class_of_one_row_cannot_be_helped_by_fewer_folds(n_folds):
    y = np.array([0] * 9 + [7])
    message = rf"Class 7 has 1 training row, fewer than the {n_folds} folds; add rows of that class"
    with pytest.raises(InputError, match=message):
        make_folds(y, CrossValidation(n_folds))


def test_a_class_of_the_same_image_again_and_again_is_named():
    y = np.array([0] * 9 + [7] * 9)
    groups = np.array([*range(9), *[9] * 8, 17])
    message = "Class 7 has 2 training rows of different images, fewer than the 3 folds"
    with pytest.raises(InputError, match=message):
        make_folds(y, CrossValidation(folds=3), groups=groups)


def test_a_fraction_of_the_rows_to_train_on_has_the_classes_shares_and_changes_nothing_else():
    y = np.repeat(np.arange(3), (96, 48, 3))
    whole, part = (make_folds(y, CrossValidation(3, train_fraction=f)) for f in (1.0, 0.25))
    for fold, smaller in zip(whole, part, strict=True):
        assert set(smaller.train_rows) < set(fold.train_rows)
        of_classes = np.bincount(y[fold.train_rows])
        assert (np.bincount(y[smaller.train_rows]) == np.maximum(1, of_classes // 4)).all()
        assert smaller.seeds == fold.seeds
        assert (smaller.validation_rows == fold.validation_rows).all()
        again = pickle.loads(pickle.dumps(smaller))
        assert (again.train_rows == smaller.train_rows).all()

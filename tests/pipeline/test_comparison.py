"""Intervals of accuracies, McNemar's test, and the comparison of two runs."""

from math import comb, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from digit_recognizer.command_line.tables import rendered
from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.comparison import WIDTH, Comparison, compare
from digit_recognizer.pipeline.ensembles.statistics import mcnemar, wilson_interval
from run_files import LABELS, write_run


def wilson(n_right, n):
    """Wilson's closed form."""
    z, share = norm.ppf(0.975), n_right / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return middle - half, middle + half


def binomial_tails(a, b):
    """Both tails of the binomial distribution of a + b tosses of a fair coin, at most 1."""
    n = a + b
    return min(1.0, 2 * sum(comb(n, k) for k in range(min(a, b) + 1)) / 2**n)


@given(st.integers(1, 50_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_wilsons_closed_form(counts):
    assert wilson_interval(*counts) == pytest.approx(wilson(*counts), abs=1e-12)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_accuracy_and_mirrors_with_the_errors(counts):
    n_right, n = counts
    low, high = wilson_interval(n_right, n)
    assert 0 <= low <= n_right / n <= high <= 1
    assert wilson_interval(n - n_right, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_the_interval_of_a_known_case():
    # 81 of 263: Newcombe, "Two-sided confidence intervals for the single proportion" (1998).
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize("counts", [(0, 0), (3, 2), (-1, 5)])
def test_the_interval_of_impossible_counts_is_an_error(counts):
    with pytest.raises(ValueError):
        wilson_interval(*counts)


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_p_value_is_the_sum_of_both_tails(a, b):
    assert mcnemar(a, b) == pytest.approx(binomial_tails(a, b), rel=1e-9)


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_p_value_is_symmetric_and_falls_with_the_difference(a, b):
    assert mcnemar(a, b) == mcnemar(b, a)
    assert 0 <= mcnemar(a, b) <= 1
    more, fewer = max(a, b), min(a, b)
    assert mcnemar(more + 1, fewer) <= mcnemar(more, fewer)


def test_no_differing_rows_are_no_difference():
    assert mcnemar(0, 0) == 1.0


@pytest.mark.parametrize("counts", [(-1, 3), (3, -1)])
def test_negative_counts_are_an_error(counts):
    with pytest.raises(ValueError, match="at least 0"):
        mcnemar(*counts)


def test_the_counts_are_those_of_the_rows(runs):
    write_run(runs / "first", wrong_rows=[0, 1, 2])
    write_run(runs / "second", wrong_rows=[2, 3, 4, 5, 6])
    expected = {"both_right": 33, "only_first": 4, "only_second": 2, "both_wrong": 1}
    assert compare("first", "second", runs) == Comparison("first", "second", **expected)


@given(wrong=st.sets(st.integers(0, 39)), wrong_too=st.sets(st.integers(0, 39)))
def test_comparing_the_other_way_round_swaps_the_runs(tmp_path_factory, wrong, wrong_too):
    runs = tmp_path_factory.mktemp("runs")
    write_run(runs / "a", wrong)
    write_run(runs / "b", wrong_too)
    one, other = compare("a", "b", runs), compare("b", "a", runs)
    assert (one.only_first, one.only_second) == (len(wrong_too - wrong), len(wrong - wrong_too))
    assert (one.only_first, one.only_second) == (other.only_second, other.only_first)
    assert (one.both_right, one.both_wrong) == (other.both_right, other.both_wrong)
    assert one.n_samples == other.n_samples == 40
    assert one.p_value == other.p_value
    assert ("better" in one.verdict()) == (one.p_value < 0.05)
    assert one.verdict() == other.verdict()


def test_equal_runs_do_not_differ(runs):
    for name in ("a", "b"):
        write_run(runs / name, [1, 2])
    comparison = compare("a", "b", runs)
    assert comparison.p_value == 1.0
    assert comparison.verdict() == "They do not differ: they are right on the same rows."
    assert "McNemar's exact test: p = 1.0000" in rendered(comparison.report())


def test_a_run_is_not_compared_with_itself(runs):
    write_run(runs / "fast-12345678")
    for other in ("fast", "fast-1", "runs/fast-12345678"):
        with pytest.raises(InputError, match="Both runs to compare are fast-12345678; name two"):
            compare("fast-12345678", other, runs)


@pytest.mark.parametrize(("counts", "better"), [((9, 1), "a"), ((1, 9), "b"), ((8, 2), None)])
def test_the_better_run_is_named_below_5_percent(counts, better):
    # 10 tosses: 9 or more of a kind have p = 22/1024, 8 or more 112/1024.
    verdict = Comparison("a", "b", 80, *counts, 10).verdict()
    assert verdict.startswith(f"{better} is better: " if better else "They do not differ: ")
    assert better or "in 11% of cases" in verdict


def test_the_report_shows_accuracies_intervals_and_counts():
    report = rendered(Comparison("a", "second", 9900, 50, 30, 20).report()).splitlines()
    assert report[0].split() == ["run", "OOF", "accuracy", "95%", "interval", "errors"]
    low, high = (f"{limit:.2%}" for limit in wilson(9950, 10_000))
    assert report[1].split() == ["a", "99.50%", low, "to", high, "50"]
    low, high = (f"{limit:.2%}" for limit in wilson(9930, 10_000))
    assert report[2].split() == ["second", "99.30%", low, "to", high, "70"]
    assert [line.rsplit(maxsplit=1) for line in report[5:9]] == [
        ["  both right", "9,900"],
        ["  only a right", "50"],
        ["  only second right", "30"],
        ["  both wrong", "20"],
    ]
    assert report[10] == f"McNemar's exact test: p = {binomial_tails(50, 30):.4f}"


@given(
    first=st.text("ab-", min_size=1, max_size=120),
    second=st.text("ab-", min_size=1, max_size=120),
    counts=st.tuples(*[st.integers(1, 10_000_000)] * 4),
)
def test_the_report_is_80_columns_wide_at_most(first, second, counts):
    report = rendered(Comparison(first, second, *counts).report())
    assert max(map(len, report.splitlines())) <= WIDTH


def test_long_names_keep_the_hash_that_tells_them_apart():
    name = "a-very-long-name-of-a-recipe-for-a-competition"
    report = rendered(Comparison(f"{name}-12345678", f"{name}-87654321", 1, 1, 1, 1).report())
    for ending in ("12345678", "87654321"):
        assert f"only a-very-long-name-of-…tition-{ending} right" in report


@pytest.mark.parametrize(("seed", "is_luck"), [(1, True), (0, False)])
def test_a_difference_between_two_seeds_of_one_recipe_is_called_luck(runs, seed, is_luck):
    recipe = "[model]\nmax_iter = {}\n[cv]\nfolds = 2\nseed = {}\n"
    for name, text in (("a", recipe.format(3, 0)), ("b", recipe.format(4 - seed, seed))):
        (write_run(runs / name, wrong_rows=range(9 * (name == "a"))) / "recipe.toml").write_text(
            text
        )
    comparison = compare("a", "b", runs)
    assert comparison.p_value < 0.01
    assert comparison.same_recipe is is_luck
    assert ("is luck" in comparison.verdict()) is is_luck
    assert ("b is better" in comparison.verdict()) is not is_luck


def test_rows_that_one_run_leaves_out_are_not_compared(runs):
    write_run(runs / "a", wrong_rows=[0, 1, 5])
    write_run(runs / "b", [5], LABELS[2:], rows=np.arange(3, 41))
    found = compare("a", "b", runs)
    assert found.n_samples == 38
    # Row 6 is row 5 of a and row 3 of b, both counted from 0; b has its row 7 wrong.
    assert (found.only_first, found.only_second, found.both_wrong) == (1, 1, 0)


def test_runs_of_other_labels_are_not_compared(runs):
    write_run(runs / "a")
    write_run(runs / "b", labels=LABELS[::-1].copy())
    with pytest.raises(
        InputError, match=r"a and b have other labels, first in row 1; compare runs"
    ):
        compare("a", "b", runs)


def test_runs_of_other_lengths_are_not_compared(runs):
    write_run(runs / "a")
    write_run(runs / "b", labels=LABELS[:20], data="def")
    with pytest.raises(InputError, match="a has 40 training rows and b 20; compare runs"):
        compare("a", "b", runs)


def test_runs_of_other_pixels_are_not_compared(runs):
    write_run(runs / "a", data="abc")
    write_run(runs / "b", data="abd")
    with pytest.raises(InputError, match=r"a and b were made with different data"):
        compare("a", "b", runs)


def test_a_run_without_metrics_is_compared_by_its_labels(runs):
    write_run(runs / "a", data="abc")
    (write_run(runs / "b", data="abd") / "metrics.json").unlink()
    assert compare("a", "b", runs).both_right == 40

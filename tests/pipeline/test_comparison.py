"""Intervals of accuracies, McNemar's test, and the comparison of two runs."""

import json
import os
from math import comb, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from digit_recognizer.checksummed import write_checksummed
from digit_recognizer.command_line.tables import rendered
from digit_recognizer.errors import InputError
from digit_recognizer.files import sha256
from digit_recognizer.pipeline.comparison import WIDTH, Comparison, compare
from digit_recognizer.pipeline.ensembles.statistics import mcnemar, wilson_interval
from digit_recognizer.pipeline.runs.named_runs import find_newest, find_run
from digit_recognizer.pipeline.runs.predictions import read_out_of_fold
from digit_recognizer.pipeline.runs.results import write_oof

LABELS = np.arange(40) % 4


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """An empty folder of runs, its name relative as in a message."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    return Path("runs")


def write_run(folder, wrong_rows=(), labels=LABELS, data="abc", rows=None):
    """A run that predicts all rows right but those; `rows` are their numbers in the data."""
    folder.mkdir(parents=True)
    probabilities = np.full((len(labels), 4), 0.1, dtype=np.float32)
    predictions = labels.copy()
    predictions[list(wrong_rows)] = (predictions[list(wrong_rows)] + 1) % 4
    probabilities[np.arange(len(labels)), predictions] = 0.7
    fold_of_row = np.arange(len(labels)) // 4 % 2 + 1
    write_oof(folder / "oof.csv", probabilities, fold_of_row, labels, np.arange(4), rows)
    metrics = {"n_train": len(labels), "data": data}
    write_checksummed(folder / "metrics.json", metrics)
    return folder


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


def test_a_run_is_found_by_its_id_its_beginning_and_its_folder(runs):
    write_run(runs / "fast-1234")
    write_run(runs / "mlp-5678")
    elsewhere = write_run(runs.parent / "elsewhere" / "fast-1234")
    assert find_run("fast-1234", runs) == find_run("f", runs) == runs / "fast-1234"
    assert find_run("runs/mlp-5678", runs) == runs / "mlp-5678"
    assert read_out_of_fold(runs / "mlp-5678", runs).name == "mlp-5678"
    assert find_run(str(elsewhere), runs) == elsewhere
    assert read_out_of_fold(elsewhere, runs).name == "elsewhere/fast-1234"


def test_an_id_comes_before_longer_ones_and_before_a_folder_of_that_name(runs):
    for path in (runs / "a", runs / "ab", runs.parent / "a"):
        write_run(path)
    assert find_run("a", runs) == runs / "a"


@pytest.mark.parametrize("name", ["slow", "", "x" * 5000, "runs/fas"])
def test_an_unknown_run_is_answered_with_those_there_are(runs, name):
    write_run(runs / "fast-1234")
    write_run(runs / "mlp-5678")
    with pytest.raises(InputError, match=r"no run .* in runs; choose one of fast-1234, mlp-5678"):
        find_run(name, runs)


def test_an_ambiguous_beginning_is_answered_with_those_that_begin_so(runs):
    for name in ("fast-12", "fast-34", "mlp-56"):
        write_run(runs / name)
    message = r"'fast' is the beginning of 2 runs; choose one of fast-12, fast-34\.$"
    with pytest.raises(InputError, match=message):
        find_run("fast", runs)


def test_a_recipes_name_stands_for_its_newest_run_on_the_others_data(runs):
    made = {
        "fast-00000001": "sample",
        "fast-00000002": "sample",
        "fast-00000003": "real",
        "fast-wide-00000004": "sample",
        "mlp-00000005": "sample",
    }
    for second, (name, data) in enumerate(made.items()):
        file = write_run(runs / name, data=data) / "metrics.json"
        os.utime(file, (second, second))
    (runs / "fast-00000006").mkdir()

    def found(*names):
        return [path.name for path in find_newest(list(names), runs)]

    assert found("fast") == ["fast-00000003"]
    assert found("fast", "mlp") == ["fast-00000002", "mlp-00000005"]
    assert found("mlp-00", "fast") == ["mlp-00000005", "fast-00000002"]
    assert found("fast-00000001", "mlp") == ["fast-00000001", "mlp-00000005"]
    # Nothing in common: the comparison says what differs.
    assert found("fast-00000003", "mlp") == ["fast-00000003", "mlp-00000005"]


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


def test_many_runs_are_not_all_listed(runs):
    for number in range(13):
        (runs / f"fast-{number:02}").mkdir()
    with pytest.raises(InputError, match=r"fast-08, fast-09 and 3 more\.$"):
        find_run("mlp", runs)


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


def test_a_run_without_predictions_is_not_finished(runs):
    (write_run(runs / "a") / "oof.csv").unlink()
    with pytest.raises(InputError, match=r"runs/a/oof.csv is not there: the run is not finished"):
        read_out_of_fold(runs / "a", runs)


@pytest.mark.parametrize("has_metrics", [True, False])
@given(data=st.data())
def test_a_truncated_table_is_one_sentence(tmp_path_factory, has_metrics, data):
    runs = tmp_path_factory.mktemp("runs")
    folder = write_run(runs / "a")
    content = (folder / "oof.csv").read_bytes()
    n_kept = data.draw(st.integers(0, len(content) - 1))
    (folder / "oof.csv").write_bytes(content[:n_kept])
    if not has_metrics:
        (folder / "metrics.json").unlink()
        # Whole lines without metrics are a shorter table, which no other run agrees with.
        if content[:n_kept].endswith(b"\n") and content[:n_kept].count(b"\n") > 1:
            return
    with pytest.raises(InputError, match=r"oof\.csv (is damaged|has \d+ rows of 40)") as caught:
        read_out_of_fold(runs / "a", runs)
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith("submit with its recipe again, which mends the run.")


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("row,fold,label", "row,fold,class", "its columns are not"),
        ("probability_3", "p3", "its columns are not"),
        ("\n7,", "\n8,", "not numbered in order"),
        ("0.7", "seven", "a probability is not a number"),
        ("0.7", "", "a probability is not a number"),
        ("\n1,1,0,0", "\n1,1,0.5,0", "none of its classes"),
        ("\n1,1,0,0", "\n1,1,,0", "none of its classes"),
        ("\n1,1,0,0", "\n1,1,0,0,0", "not the table"),
        ("\n", ",0.1\n", "not the table|its columns are not"),
        ("row", "r\xf8w", "not the table|its columns are not"),
        ("\n1,1,0,0", "\n1,1,99999999999999999999,0", "none of its classes"),
    ],
)
def test_a_damaged_table_is_one_sentence(runs, old, new, fault):
    path = write_run(runs / "a") / "oof.csv"
    text = path.read_text().replace("\n1,2,0,0", "\n1,1,0,0")
    assert old in text
    path.write_bytes(text.replace(old, new).encode("latin-1"))
    with pytest.raises(InputError, match=rf"runs/a/oof.csv is damaged \(.*({fault})") as caught:
        read_out_of_fold(runs / "a", runs)
    assert "\n" not in str(caught.value)


def test_a_header_alone_is_damage(runs):
    folder = write_run(runs / "a")
    path = folder / "oof.csv"
    path.write_text(path.read_text().splitlines(keepends=True)[0])
    with pytest.raises(InputError, match=r"damaged \(it has no rows"):
        read_out_of_fold(runs / "a", runs)


@pytest.mark.parametrize("content", [b"", b'{"n_train": 4', b"[]", b"3", b"\xff"])
def test_damaged_metrics_are_one_sentence(runs, content):
    (write_run(runs / "a") / "metrics.json").write_bytes(content)
    with pytest.raises(
        InputError, match=r"runs/a/metrics.json is damaged \(.*\); submit with its recipe again"
    ):
        read_out_of_fold(runs / "a", runs)


@pytest.mark.parametrize("name", ["oof.csv", "metrics.json"])
def test_a_folder_in_place_of_a_file_is_one_sentence(runs, name):
    folder = write_run(runs / "a")
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(InputError, match=f"runs/a/{name} cannot be read"):
        read_out_of_fold(runs / "a", runs)


def test_predictions_that_were_altered_since_are_refused(runs):
    folder = write_run(runs / "a")
    metrics = json.loads((folder / "metrics.json").read_text())
    del metrics["sha256"]
    digest = sha256(folder / "oof.csv")
    write_checksummed(folder / "metrics.json", metrics | {"files": {"oof.csv": digest}})
    read_out_of_fold(runs / "a", runs)
    path = folder / "oof.csv"
    path.write_text(path.read_text().replace("0.7", "0.6", 1))
    with pytest.raises(InputError, match=r"oof.csv is not as the run wrote it; submit with its"):
        read_out_of_fold(runs / "a", runs)


def test_metrics_that_were_altered_since_are_refused(runs):
    path = write_run(runs / "a") / "metrics.json"
    path.write_text(path.read_text().replace("abc", "abd"))
    with pytest.raises(InputError, match=r"metrics.json is damaged \(it is not as the run wrote"):
        read_out_of_fold(runs / "a", runs)

"""What stands for a run: its ID, a beginning of it, a folder, a recipe."""

import os

import pytest

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.runs.named_runs import find_newest, find_run
from digit_recognizer.pipeline.runs.predictions import read_out_of_fold
from run_files import write_run


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


def test_many_runs_are_not_all_listed(runs):
    for number in range(13):
        (runs / f"fast-{number:02}").mkdir()
    with pytest.raises(InputError, match=r"fast-08, fast-09 and 3 more\.$"):
        find_run("mlp", runs)

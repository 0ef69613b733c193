"""Which tests `make check` runs."""

from pathlib import Path

import pytest

import changed

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/digit_recognizer/nn/layers.py", ["tests/nn/test_layers.py"]),
        (
            "src/digit_recognizer/pipeline/ensembles/statistics.py",
            ["tests/pipeline/test_comparison.py"],
        ),
        ("src/digit_recognizer/command_line/options.py", ["tests/command_line/test_make.py"]),
        ("tests/nn/test_layers.py", []),
        ("tests/nn/conftest.py", ["tests/nn/test_layers.py"]),
        ("tests/dask_cluster.py", ["tests/pipeline/test_distributed.py"]),
        ("docs/architecture.md", []),
    ],
)
def test_the_tests_of_a_file_are_its_own_and_those_that_mirror_or_import_it(path, expected):
    found = changed.tests_of(path)
    assert set(expected) <= found
    assert (path in found) == (not path.endswith(("conftest.py", "dask_cluster.py")))


def test_scripts_and_templates_have_the_tests_of_their_room():
    found = changed.tests_of("src/digit_recognizer/report/demo/network.js")
    assert "tests/report/demo/test_networks.py" in found
    found = changed.tests_of("src/digit_recognizer/report/templates/report.css")
    assert "tests/report/test_report.py" in found


@pytest.mark.parametrize("path", ["Makefile", "recipes/fast.toml", "benchmarks/README.md"])
def test_other_files_have_none(path):
    assert changed.tests_of(path) == set()


def test_every_module_has_tests_and_what_is_gone_has_none_of_its_own():
    for path in Path("src/digit_recognizer").rglob("*.py"):
        assert changed.tests_of(path.as_posix()) - {path.as_posix()}, path
    gone = "src/digit_recognizer/nn/gone.py"
    assert gone not in changed.tests_of(gone)

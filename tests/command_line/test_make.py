"""The Makefile, and what its variables become on the command line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from digit_recognizer import cli
from digit_recognizer.command_line import make, vocabulary
from digit_recognizer.errors import InputError

MAKEFILE = Path(__file__).parents[2] / "Makefile"
# Stands for every Python that make calls: venv makes a link to it, pip does nothing.
PYTHON = f"""#!/bin/sh
echo "$@" >> "$CALLS"
case "$2" in
    venv) rm -rf .venv; mkdir -p .venv/bin; ln -s "$0" .venv/bin/python;;
    pip) ;;
    digit_recognizer.command_line.make) [ -n "$SHOW" ] || exec {sys.executable} "$@"; env;;
    *) exec {sys.executable} "$@";;
esac
"""

needs_make = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A folder with an awkward name that holds the Makefile."""
    folder = tmp_path / "it's $HOME of mine"
    folder.mkdir()
    shutil.copy(MAKEFILE, folder)
    (folder / "pyproject.toml").touch()
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("PYTHON", str(python))
    monkeypatch.chdir(folder)
    return folder


def run(*arguments):
    return subprocess.run(["make", *arguments], capture_output=True, text=True, timeout=60)


def calls():
    path = Path(os.environ["CALLS"])
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [line.split()[1] for line in lines if "sys.version_info" not in line]


@needs_make
def test_values_arrive_as_they_were_written(clone, monkeypatch):
    monkeypatch.setenv("SHOW", "1")
    value = """a'b "c" $HOME $(x) $$ \\ #~ """
    result = run("submit", f"DATA={value}", "RECIPE=~/$x.toml")
    assert result.returncode == 0, result.stderr
    assert f"DATA={value}" in result.stdout.splitlines()
    assert "RECIPE=~/$x.toml" in result.stdout.splitlines()


@needs_make
def test_a_clone_that_was_moved_makes_its_environment_anew(clone, monkeypatch):
    monkeypatch.setenv("SHOW", "1")
    assert run("log").returncode == 0
    assert calls() == ["venv", "pip", "digit_recognizer.command_line.make"]
    assert run("log").returncode == 0
    assert calls() == ["digit_recognizer.command_line.make"]
    moved = clone.rename(clone.with_name("moved"))
    os.chdir(moved)
    assert run("log").returncode == 0
    assert calls() == ["venv", "pip", "digit_recognizer.command_line.make"]


@needs_make
@pytest.mark.parametrize("name", ["recipe", "RECIPES", "Recipe"])
def test_an_unknown_variable_is_told_with_the_nearest_before_anything_is_done(name, clone):
    result = run("submit", f"{name}=mlp")
    assert result.returncode == 2
    assert f"There is no variable {name}; give RECIPE." in result.stderr
    assert "venv" not in calls()


@needs_make
def test_a_switch_with_another_value_is_a_mistake_of_status_2(clone):
    result = run("submit", "UPLOAD=perhaps")
    assert result.returncode == 2
    assert (
        "make submit: UPLOAD=perhaps is neither on (1, yes, true) nor off (0, no, false).\n"
        in result.stderr
    )


@needs_make
def test_messages_under_make_speak_of_variables(clone):
    result = run("submit", "JOBS=many", "SOURCE=sample")
    assert "argument JOBS: invalid int value: 'many'" in result.stderr
    assert "usage" not in result.stderr


@needs_make
def test_help_lists_every_variable_and_nothing_is_made_for_it(clone):
    result = run()
    assert result.returncode == 0
    assert max(map(len, result.stdout.splitlines())) <= 92
    assert not calls()
    listed = {line.split("=")[0] for line in result.stdout.splitlines() if "=" in line}
    parsers = cli.commands()
    targets = [name for name in parsers if f"\n{name} " in result.stdout]
    assert set(targets) >= {"data", "submit", "upload", "log", "runs", "compare"}
    assert {name for target in targets for name in make._variables(parsers[target])} <= listed


def arguments(command, monkeypatch, given=None, **variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    names = list(variables) if given is None else given
    make._check_names(cli.commands(), names, [command])
    return make._arguments(cli.commands()[command], names)


@pytest.mark.parametrize("word", ["1", "yes", "TRUE", " on "])
def test_words_that_switch_on(word, monkeypatch):
    assert arguments("submit", monkeypatch, UPLOAD=word, FRESH="0") == ["--upload"]


@pytest.mark.parametrize("word", ["0", "no", "False", "off", "", " "])
def test_words_that_switch_off(word, monkeypatch):
    assert arguments("upload", monkeypatch, YES=word, FORCE=word, NO_WAIT=word) == []
    assert arguments("runs", monkeypatch, CLEAN=word) == []


def test_values_and_names_of_runs(monkeypatch):
    assert arguments("submit", monkeypatch, RECIPE="a b", SEED="-1", DATA="") == [
        "--recipe=a b",
        "--seed=-1",
    ]
    assert arguments("compare", monkeypatch, RUNS="'a b' c") == ["a b", "c"]
    assert arguments("runs", monkeypatch, CLEAN="1", RUNS="a", YES="1", ALL="1") == [
        "clean",
        "--all",
        "--yes",
        "a",
    ]


def test_a_value_may_come_from_the_environment_but_no_switch(monkeypatch):
    assert arguments("submit", monkeypatch, given=[], RECIPE="mlp") == ["--recipe=mlp"]
    with pytest.raises(InputError, match="UPLOAD=1 is set in the environment; give UPLOAD=1 on"):
        arguments("submit", monkeypatch, given=[], UPLOAD="1")


def test_a_variable_of_another_target_is_told(monkeypatch):
    with pytest.raises(InputError, match="FRESH is not for this target, which takes RECIPE, DATA"):
        arguments("data", monkeypatch, FRESH="1")
    make._check_names(cli.commands(), ["FRESH"], ["data", "submit"])


@pytest.mark.parametrize("runs", ["", "a", "a b c"])
def test_another_number_of_runs_is_told(runs, monkeypatch):
    with pytest.raises(InputError, match=r"RUNS names \d; give e\.g\. RUNS='fast mlp'"):
        arguments("compare", monkeypatch, RUNS=runs)


def test_a_text_is_told_in_the_words_of_make(monkeypatch):
    monkeypatch.setattr(vocabulary, "_replace", str)
    text = "`digit-recognizer data --source kaggle`, --fresh, --data=a, --data, --jobs 1, --freshly"
    assert vocabulary.told(text) == text
    vocabulary.speak_make(
        ["data"], ["--fresh", "--no-wait"], {"--source": ["kaggle"], "--data": (), "--jobs": ()}
    )
    assert vocabulary.told(text) == (
        "`make data SOURCE=kaggle`, FRESH=1, DATA=a, DATA, JOBS=1, --freshly"
    )

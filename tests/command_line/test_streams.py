"""Output in encodings without our characters, names that are no text, streams that are closed."""

import os
import subprocess
import sys

import pytest

import in_process
from digit_recognizer.command_line import streams
from digit_recognizer.files import as_name

COMMAND = [sys.executable, "-m", "digit_recognizer"]
RECIPE = """
[model]
hidden_layer_sizes = [4]
learning_rate = "one_cycle"
max_iter = 1
[cv]
folds = 2
"""


@pytest.mark.parametrize(
    ("text", "encoding", "printed"),
    [
        ("95% ± 1%", "latin-1", "95% ± 1%"),
        ("95% ± 1%", "ascii", "95% +- 1%"),
        ("8×8 → 28×28 …", "cp866", "8x8 -> 28x28 ..."),
        ("рецепт – один", "koi8-r", "рецепт - один"),
        ("рецепт", "ascii", r"\u0440\u0435\u0446\u0435\u043f\u0442"),
        ("caf\udce9.toml", "utf-8", r"caf\xe9.toml"),
        ("━━╸", "koi8-r", "###"),
    ],
)
def test_what_an_encoding_has_not_is_printed_alike(text, encoding, printed):
    streams.prepare()
    assert text.encode(encoding, "alike").decode(encoding) == printed


@pytest.mark.parametrize(
    ("name", "expected"),
    [("fast", "fast"), ("рецепт", "рецепт"), (r"a\b", r"a\b"), ("caf\udce9", "caf_xe9")],
)
def test_a_name_in_other_bytes_becomes_text(name, expected):
    assert as_name(name) == expected


def test_paths_in_other_bytes_and_output_in_another_encoding(tmp_path):
    name = os.fsdecode(b"caf\xe9[1]")
    (tmp_path / f"{name}.toml").write_text(RECIPE)
    arguments = ["submit", "--recipe", f"{name}.toml", "--source", "sample", "--data", name]
    arguments += ["--jobs", "1", "--fresh"]
    assert in_process.run(tmp_path, *arguments).returncode == 0
    environment = os.environ | {"PYTHONIOENCODING": "koi8-r"}
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=tmp_path, env=environment, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    output = done.stdout.decode("koi8-r")
    assert r"in caf\xe9[1]/sample;" in output
    assert "% +- " in output
    (run,) = (path.name for path in (tmp_path / "runs").iterdir())
    assert run.startswith("caf_xe9[1]-")
    assert f",{run},caf_xe9[1]," in (tmp_path / "submissions" / "log.csv").read_text("utf-8")
    # A copy of the same bytes is there already.
    assert len(list((tmp_path / "submissions").glob("*Z_*.csv"))) == 1


def shell(folder, command, closed):
    return subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {closed}', *COMMAND, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_no_status(tmp_path, closed):
    assert shell(tmp_path, ["runs"], closed).returncode == 0
    wrong = shell(tmp_path, ["runs", "clean", "a"], closed)
    assert wrong.returncode == 2
    assert wrong.stdout == ""
    assert ("There is no run" in wrong.stderr) == ("2>" not in closed)


def test_a_closed_input_is_empty(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    streams.prepare()
    with sys.stdin as stream:
        assert stream.read() == ""


def test_with_all_streams_closed_workers_train(tmp_path):
    (tmp_path / "short.toml").write_text(RECIPE)
    arguments = ["submit", "--source", "sample", "--recipe", "short.toml", "--jobs", "2"]
    assert shell(tmp_path, arguments, "<&- >&- 2>&-").returncode == 0
    assert (tmp_path / "submissions" / "submission.csv").read_text().count("\n") == 455

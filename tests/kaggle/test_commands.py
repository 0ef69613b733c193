"""Download, upload, wait, log: the commands with the real client against the local server."""

import csv
import io
import os
import pty
import shutil
import signal
import subprocess
import sys
import termios
import zipfile
from pathlib import Path

import pytest

from digit_recognizer import cli

COMMAND = [sys.executable, "-m", "digit_recognizer"]
SUBMISSION = Path("submissions/submission.csv")
LOG = Path("submissions/log.csv")


def rows():
    with LOG.open(newline="") as file:
        return list(csv.DictReader(file))


def process(command, *arguments):
    return subprocess.run(
        [*COMMAND, command, "--recipe", "small.toml", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_from_download_to_score_as_processes(here, server):
    server.pending_polls = 0
    done = process("submit", "--upload")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Data: the competition's files in data, downloaded from Kaggle.")
    expected = server.score(SUBMISSION.read_bytes())
    (row,) = rows()
    assert (row["status"], row["kaggle_reference"]) == ("complete", "1001")
    assert row["public_score"] == expected
    assert float(row["cv_accuracy_mean"]) >= 0
    against = f"{row['cv_accuracy_mean']} against {expected}"
    assert done.stdout.splitlines()[-1] == f"CV against LB {against}"
    again = process("upload")
    assert again.returncode == 2
    assert "was uploaded before, as submission 1001 (complete)" in again.stderr
    assert len(server.submissions) == 1


def test_data_downloads_the_three_files_and_nothing_else(run, server, here):
    server.archive = with_member(server.archive, "notes.txt")
    status, output, errors = run("data")
    assert (status, errors) == (0, "")
    assert "downloaded from Kaggle" in output
    names = {"train.csv", "test.csv", "sample_submission.csv"}
    assert {path.name for path in (here / "data").iterdir()} == names


def with_member(archive, name, content=b"x"):
    buffer = io.BytesIO(archive)
    with zipfile.ZipFile(buffer, "a") as opened:
        opened.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("arguments", [[], ["--source", "kaggle"]])
def test_data_that_is_there_is_kept(arguments, run, server, data):
    before = {path.name: path.stat().st_mtime_ns for path in data.iterdir()}
    assert run("data", *arguments)[0] == 0
    assert {path.name: path.stat().st_mtime_ns for path in data.iterdir()} == before
    assert not server.calls


def test_force_downloads_again(run, server, data):
    (data / "train.csv").write_text("old")
    assert run("data", "--force")[0] == 0
    assert (data / "train.csv").read_text().startswith("label,")


def test_a_download_goes_into_the_named_folder(run, server, here):
    assert run("data", "--source", "kaggle", "--data", "there")[0] == 0
    assert (here / "there" / "test.csv").is_file()


def test_without_credentials_the_sample_is_taken(run, server, monkeypatch, here):
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    (here / "small.toml").write_text("")
    assert "embedded sample" in run("data")[1]
    assert not server.calls


def test_upload_tells_what_it_sends_and_what_came_of_it(run, server, submission):
    status, output, errors = run("upload", "--message", "mine")
    assert (status, errors) == (0, "")
    score = server.score(submission.read_bytes())
    for line in (
        "File          submissions/submission.csv (run small-",
        "Left today    5 submissions to small",
        "Reference     1001",
        f"against {score}",
    ):
        assert line in output
    assert server.submissions[0]["description"].startswith("mine [")
    assert list(server.blobs.values()) == [submission.read_bytes()]


def test_a_zipped_submission_is_uploaded_as_it_is_and_known_as_its_runs(run, server, submission):
    path = submission.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(submission, "submission.csv")
        archive.writestr("__MACOSX/._submission.csv", b"x")
    status, output, errors = run("upload", "--file", str(path))
    assert (status, errors) == (0, "")
    assert "File          submissions/submission.zip (run small-" in output
    assert list(server.blobs.values()) == [path.read_bytes()]
    (row,) = rows()
    assert row["public_score"] == server.score(submission.read_bytes())
    status, _, errors = run("upload")
    assert (status, "was uploaded before" in errors) == (2, True)


@pytest.mark.parametrize("names", [[], ["a.csv", "b.csv"]])
def test_a_zip_without_one_file_is_refused(run, server, submission, names):
    path = submission.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.write(submission, name)
    status, _, errors = run("upload", "--file", str(path))
    assert status == 2
    assert f"submission.zip holds {len(names)} files; zip the submission alone" in errors
    assert not server.submissions


def test_the_score_is_asked_for_less_and_less_often(run, server, submission, clock):
    server.pending_polls = 9
    assert run("upload")[0] == 0
    assert clock.pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize("timeout", ["-1", "nan", "inf", "soon"])
def test_a_timeout_that_is_none_is_a_mistake(timeout, run, capfd):
    with pytest.raises(SystemExit, match="2"):
        run("upload", "--timeout", timeout)
    assert f"argument --timeout: {timeout!r} is no time; give seconds" in capfd.readouterr().err


def test_no_wait_leaves_the_score_to_log_refresh(run, server, submission):
    server.pending_polls = 0
    status, output, _ = run("upload", "--no-wait")
    assert status == 0
    assert "log --refresh" in output
    assert rows()[0]["status"] == "pending"
    assert " pending " in run("log")[1]
    status, output, _ = run("log", "--refresh")
    assert status == 0
    assert rows()[0]["status"] == "complete"
    assert f"{server.submissions[0]['score']}*" in output


def test_upload_again_goes_on_waiting_also_when_no_submission_is_left(run, server, submission):
    assert run("upload", "--no-wait")[0] == 0
    server.allowed_today = 0
    assert run("upload")[0] == 0
    assert len(server.submissions) == 1
    assert rows()[0]["status"] == "complete"


def test_force_uploads_the_same_file_once_more_in_a_row_of_its_own(run, server, submission):
    assert run("upload")[0] == 0
    assert run("upload", "--force")[0] == 0
    first, second = rows()
    assert (first["kaggle_reference"], second["kaggle_reference"]) == ("1001", "1002")
    assert first["run"] == second["run"]
    assert second["public_score"] == first["public_score"] != ""


def test_a_file_of_the_users_own_is_uploaded_and_logged(run, server, data, here):
    (here / "mine.csv").write_bytes((data / "sample_submission.csv").read_bytes())
    status, output, _ = run("upload", "--file", "mine.csv")
    assert status == 0
    assert "unknown against" in output
    assert rows()[0]["public_score"] == server.submissions[0]["score"]


def test_what_kaggle_has_already_is_not_sent_again_when_the_log_is_lost(run, server, submission):
    assert run("upload")[0] == 0
    LOG.unlink()
    assert run("upload")[0] == 0
    assert len(server.submissions) == 1
    assert rows()[0]["kaggle_reference"] == "1001"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ImageId,Label", "id,Label", "line 1: the header is 'id,Label'"),
        ("\n2,", "\nx,", "line 3, column ImageId: 'x' is not the id of a test"),
        ("\n3,", "\n3,9", "line 4, column Label"),
    ],
)
def test_a_wrong_file_is_refused_before_anything_is_sent(
    old, new, message, run, server, submission
):
    submission.write_text(submission.read_text().replace(old, new))
    status, _, errors = run("upload")
    assert status == 2
    assert message in errors
    assert not server.calls


def test_missing_rows_are_told_also_without_a_sample_submission(run, server, submission, data):
    (data / "sample_submission.csv").unlink()
    submission.write_text("".join(submission.read_text().splitlines(True)[:-1]))
    status, _, errors = run("upload")
    assert status == 2
    assert "has no row for 1 of 10 test images, first that of id 10" in errors


def test_a_file_that_is_not_there_is_named(run, server, data):
    status, _, errors = run("upload")
    assert status == 2
    assert "submissions/submission.csv cannot be read (No such file or directory)" in errors


def test_without_the_competitions_files_nothing_is_uploaded(run, server, submission, data):
    data.rename("elsewhere")
    shutil.rmtree("runs")
    status, _, errors = run("upload")
    assert status == 2
    assert "cannot be checked without the competition's files" in errors


def test_a_samples_submission_is_refused(run, server, here):
    (here / "small.toml").write_text(
        "[competition]\nslug='small'\n[model]\nhidden_layer_sizes=[4]\nmax_iter=1\n"
        "learning_rate='one_cycle'\n[cv]\nfolds=2\n[compute]\njobs=1\n"
    )
    assert run("submit", "--source", "sample")[0] == 0
    server.calls.clear()
    status, _, errors = run("upload")
    assert status == 2
    assert "was made from sample data" in errors
    LOG.unlink()
    status, _, errors = run("upload", "--data", "data/sample")
    assert status == 2
    assert "data/sample has the labels of the test images" in errors
    assert not server.calls


def test_upload_of_a_sample_is_refused_before_the_training(run, server, data):
    files = {"test_labels.csv": (data / "sample_submission.csv").read_bytes()}
    for name, content in files.items():
        (data / name).write_bytes(content)
    status, _, errors = run("submit", "--upload")
    assert status == 2
    assert "--upload needs the competition's own data" in errors
    assert not Path("runs").exists()


def test_the_log_marks_the_best_of_each_competition(run, here, capfd):
    header = (
        "time,run,recipe,cv_accuracy_mean,cv_accuracy_std,oof_accuracy,sha256,kaggle_reference,"
        "status,public_score,private_score\n"
    )
    LOG.parent.mkdir()
    LOG.write_text(
        header
        + "t0,s,s,0.999000,0,0,03,,sample,,\n"
        + "t1,a,a,0.980000,0,0,00,1,complete,0.99000,\n"
        + "t2,b,b,0.990000,0,0,01,2,complete,0.98000,\n"
        + "t3,c,c,0.970000,0,0,02,,written,,\n"
    )
    status, output, _ = run("log")
    assert status == 0
    assert output.splitlines()[0] == "No submissions to small yet."
    assert "To digit-recognizer: 4, see `digit-recognizer log --recipe=NAME`." in output
    assert run("log", "--recipe", "fast")[0] == 0
    Path("runs/c").mkdir(parents=True)
    Path("runs/c/recipe.toml").write_text("[competition]\nslug = 'other'")
    assert cli.main(["log", "--recipe", "fast"]) == 0
    output = capfd.readouterr().out
    command = "digit-recognizer log --recipe=runs/c/recipe.toml"
    assert output.splitlines().pop() == f"To other: 1, see `{command}`."
    assert [line.split() for line in output.splitlines()[:-1]] == [
        ["time", "run", "CV", "LB", "private", "status", "reference"],
        ["t0", "s", "0.99900", "sample"],
        ["t1", "a", "0.98000", "0.99000*", "complete", "1"],
        ["t2", "b", "0.99000*", "0.98000", "complete", "2"],
    ]


def test_without_a_recipe_the_competition_is_that_of_the_run(
    run, server, submission, data, patience, capfd
):
    shutil.rmtree(data)  # the run knows where its own are
    assert cli.main(["upload"], patience) == 0
    assert "submissions to small\n" in capfd.readouterr().out
    assert rows()[0]["competition"] == "small"
    assert cli.main(["log", "--refresh"], patience) == 0
    assert "complete" in capfd.readouterr().out
    assert cli.main(["leaderboard"], patience) == 0
    assert capfd.readouterr().out.startswith("small: 3 teams")


def test_another_competitions_recipe_is_a_mistake(run, server, submission, patience, capfd):
    assert cli.main(["upload", "--recipe", "fast"], patience) == 2
    assert ", a submission to small, not to digit-recognizer; leave --recipe out." in (
        capfd.readouterr().err
    )
    next(Path("runs").glob("*/recipe.toml")).write_text("[")
    assert cli.main(["upload"], patience) == 2
    assert "recipe.toml is damaged; submit with its recipe again" in capfd.readouterr().err
    shutil.rmtree("runs")
    assert cli.main(["upload"], patience) == 2
    assert "is gone; give its recipe with --recipe." in capfd.readouterr().err
    assert not server.calls
    assert run("upload")[0] == 0


def test_an_empty_log_says_how_to_begin(run, here):
    assert run("log") == (
        0,
        "No submissions yet; make one with `digit-recognizer submit`.\n",
        "",
    )


def test_the_leaderboard_says_where_the_best_score_stands(run, server, submission):
    status, output, _ = run("leaderboard")
    assert status == 0
    assert output.splitlines() == [
        "small: 3 teams, best 1.00000, median 0.50000",
        "You have no scored submission yet; make one with `digit-recognizer upload`.",
    ]
    assert run("upload")[0] == 0
    server.submissions[0]["score"] = "0.50000"
    assert run("leaderboard")[1].splitlines()[1] == (
        "Your best score, 0.50000 of submission 1001, stands at place 2 (top 66.7%)."
    )


def test_ctrl_c_while_waiting_leaves_a_log_to_go_on_from(here, server, submission):
    server.pending_polls = 10**6
    waiting = subprocess.Popen(
        [*COMMAND, "upload", "--recipe", "small.toml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in waiting.stdout:
        if line.startswith("Reference"):
            break
    waiting.send_signal(signal.SIGINT)
    _, errors = waiting.communicate(timeout=300)
    assert waiting.returncode == 130
    assert errors == (
        "digit-recognizer: interrupted; upload again to go on waiting: what Kaggle has already is "
        "not sent twice.\n"
    )
    assert rows()[0]["status"] == "pending"


@pytest.mark.parametrize(("answer", "uploads"), [(b"y\n", 1), (b"\n", 0)])
def test_on_a_terminal_it_asks_first(answer, uploads, here, server, submission):
    server.pending_polls = 0
    parent, child = pty.openpty()
    asked = subprocess.Popen(
        [*COMMAND, "upload", "--recipe", "small.toml"], stdin=child, stdout=subprocess.PIPE
    )
    os.close(child)
    os.write(parent, answer)
    output, _ = asked.communicate(timeout=300)
    os.close(parent)
    assert asked.returncode == 0
    assert b"Upload it? [y/N]" in output
    assert (b"Nothing was uploaded." in output) == (not uploads)
    assert len(server.submissions) == uploads


def test_a_download_shows_its_bar_on_a_terminal(here, server):
    parent, child = pty.openpty()
    termios.tcsetwinsize(child, (24, 80))
    download = subprocess.Popen(
        [*COMMAND, "data", "--recipe", "small.toml"], stdout=subprocess.DEVNULL, stderr=child
    )
    os.close(child)
    shown = b""
    while True:
        try:
            shown += os.read(parent, 4096)
        except OSError:
            break
    os.close(parent)
    assert download.wait(30) == 0
    assert b"small.zip" in shown
    assert b"100%" in shown

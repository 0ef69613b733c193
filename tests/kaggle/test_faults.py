"""What goes wrong with Kaggle: a sentence each, exit status 1, and nothing left half done."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from kaggle_server import KEY, REFRESH_TOKEN, TOKEN, USERNAME

from digit_recognizer.errors import InputError, OutsideError
from digit_recognizer.kaggle.client import Kaggle

LOG = Path("submissions/log.csv")


def status_of_log():
    with LOG.open(newline="") as file:
        return [(row["status"], row["kaggle_reference"]) for row in csv.DictReader(file)]


def process(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "digit_recognizer", *arguments, "--recipe", "small.toml"],
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("command", "otherwise"),
    [
        (["data", "--force"], ", or put the competition's files into data"),
        (["data", "--force", "--data", "mine"], ", or put the competition's files into mine"),
        (["upload"], ""),
        (["leaderboard"], ""),
    ],
)
def test_no_credentials(command, otherwise, fails, server, submission, monkeypatch):
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    assert fails(*command) == (
        "There are no Kaggle credentials; make a token at https://www.kaggle.com/settings and "
        f"store it in ~/.kaggle/access_token{otherwise}."
    )
    assert not server.calls


@pytest.mark.parametrize("command", [["data", "--force"], ["upload"], ["leaderboard"]])
def test_wrong_credentials_are_a_mistake_and_nothing_is_asked(
    command, run, server, submission, monkeypatch
):
    monkeypatch.setenv("KAGGLE_API_TOKEN", "export KAGGLE_API_TOKEN=x")
    status, _, errors = run(*command)
    assert status == 2
    assert errors.startswith("digit-recognizer: KAGGLE_API_TOKEN holds no Kaggle token")
    assert not server.calls


@pytest.mark.parametrize("error", [InputError("ours"), OutsideError("ours")])
def test_no_exception_of_ours_is_taken_for_the_clients(error, server):
    def action():
        raise error

    with Kaggle("small") as kaggle, pytest.raises(type(error), match=r"^ours$"):
        kaggle._patiently(action)


@pytest.mark.parametrize("content", ["[]", "{", '{"competition": "small"}', "\ufeff", "\xff"])
@pytest.mark.parametrize("kind", ["token", "key", "login"])
def test_files_that_are_not_in_use_spoil_nothing(
    kind, content, run, server, submission, monkeypatch, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("home") / ".kaggle"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder.parent))
    if kind == "login":
        monkeypatch.delenv("KAGGLE_API_TOKEN")
        login = {"refresh_token": REFRESH_TOKEN}
        (folder / "credentials.json").write_text(json.dumps(login), encoding="utf-8-sig")
        content = '{"competition": "small"}'
    if kind == "key":
        monkeypatch.delenv("KAGGLE_API_TOKEN")
        monkeypatch.setenv("KAGGLE_USERNAME", USERNAME)
        monkeypatch.setenv("KAGGLE_KEY", KEY)
    (folder / "kaggle.json").write_text(content, encoding="latin-1", errors="replace")
    if kind != "login":
        (folder / "credentials.json").write_text(content, encoding="latin-1", errors="replace")
    assert run("leaderboard")[0] == 0


def test_without_a_home_folder_a_variable_serves_and_a_sentence_says_so(
    server, submission, monkeypatch
):
    monkeypatch.delenv("HOME")

    # A number that no passwd entry has.
    def nobody(*arguments):
        command = [sys.executable, "-c", NOBODY, *arguments, "--recipe", "small.toml"]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    assert nobody("leaderboard").returncode == 0
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    done = nobody("leaderboard")
    assert done.returncode == 1
    assert done.stderr == (
        "digit-recognizer: There are no Kaggle credentials; set KAGGLE_API_TOKEN to a token of "
        "https://www.kaggle.com/settings, as there is no home folder.\n"
    )
    assert nobody("submit").returncode == 0


NOBODY = """
import pwd, sys
def getpwuid(number):
    raise KeyError(f"getpwuid(): uid not found: {number}")
pwd.getpwuid = getpwuid
from digit_recognizer.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def key_file(server, monkeypatch, tmp_path_factory):
    """A function that stores a key as kaggle.json, in place of the token."""
    folder = tmp_path_factory.mktemp("config")
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(folder))
    monkeypatch.delenv("KAGGLE_API_TOKEN")

    def store(key):
        path = folder / "kaggle.json"
        path.write_text(json.dumps({"username": USERNAME, "key": key}))
        return path

    return store


def test_a_key_in_kaggle_json_signs_in_and_the_client_prints_nothing(
    key_file, submission, monkeypatch
):
    key_file(KEY)
    # Without the addresses that belong to it, the client warns of this.
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    done = process("upload", "--no-wait")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 5


@pytest.fixture
def login(server, monkeypatch, tmp_path_factory):
    """A function that stores an OAuth login with a refresh token, in place of the token."""
    home = tmp_path_factory.mktemp("login")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    path = home / ".kaggle" / "credentials.json"
    path.parent.mkdir()

    def store(refresh_token, **values):
        path.write_text(json.dumps({"refresh_token": refresh_token, **values}))
        return path

    return store


@pytest.mark.parametrize(
    "values", [{}, {"access_token": TOKEN, "access_token_expiration": "2100-01-01T00:00:00+00:00"}]
)
def test_an_oauth_login_signs_in_and_is_renewed_if_need_be(values, run, login, server, submission):
    login(REFRESH_TOKEN, **values)
    assert run("upload")[0] == 0
    assert server.count("GenerateAccessToken") == (not values)


def test_an_oauth_login_that_kaggle_has_ended(fails, login, submission):
    path = login("revoked")
    assert fails("upload").startswith(f"Kaggle does not accept the token from {path}: it is wrong")


def test_an_oauth_login_that_cannot_be_read(run, login, submission):
    path = login(REFRESH_TOKEN, access_token="x", access_token_expiration="tomorrow")
    status, _, errors = run("upload")
    assert status == 2
    assert errors == (
        f"digit-recognizer: {path} is not a login of `kaggle auth login`; log in again.\n"
    )


def test_a_wrong_key(fails, key_file, submission):
    path = key_file("wrong")
    assert fails("upload") == (
        f"Kaggle does not accept the key from {path}: it is wrong or expired; make a new one at "
        f"https://www.kaggle.com/settings and store it there."
    )


def test_an_expired_token_names_the_credentials_that_it_hides(
    fails, key_file, submission, monkeypatch
):
    path = key_file(KEY)
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_expired")
    assert fails("upload") == (
        f"Kaggle does not accept the token from KAGGLE_API_TOKEN: it is wrong or expired; make a "
        f"new one at https://www.kaggle.com/settings and store it there, or remove it to use the "
        f"credentials from {path}."
    )


RULES = "You must accept this competition's rules before you can continue"


@pytest.mark.parametrize(
    ("command", "call"),
    [(["data", "--force"], "DownloadDataFiles"), (["upload"], "StartSubmissionUpload")],
)
def test_rules_not_accepted(command, call, fails, server, submission):
    server.fail(call, "status", status=403, message=RULES)
    assert fails(*command) == (
        f"Kaggle refuses access to small ({RULES}); accept the competition's rules at "
        f"https://www.kaggle.com/competitions/small/rules and try again."
    )


def test_a_refusal_that_repeats_the_credentials_does_not_show_them(fails, server, submission):
    server.fail("DownloadDataFiles", "status", status=403, message=f"no, {TOKEN}!")
    assert "(no, ***!)" in fails("data", "--force")


@pytest.mark.parametrize("command", [["data", "--force"], ["upload"], ["leaderboard"]])
def test_a_wrong_slug(command, fails, server, submission):
    server.slug = "other"
    assert fails(*command) == (
        "Kaggle knows no competition 'small'; correct slug in the recipe's [competition] to the "
        "name in the competition's address."
    )


@pytest.mark.parametrize("command", ["upload", "submit"])
def test_the_daily_limit(command, fails, server, submission):
    server.allowed_today = 0
    options = ["--upload"] if command == "submit" else []
    assert fails(command, *options) == (
        "No submission is left for today (0 were made); upload it after midnight UTC."
    )


def test_a_limit_that_shows_only_at_the_submission(fails, server, submission):
    server.fail("CreateSubmission", "status", status=400, message="Submission limit reached.")
    assert fails("upload") == (
        "Kaggle refuses the request (400: Submission limit reached); see "
        "https://www.kaggle.com/competitions/small/submissions."
    )


CALLS = [
    "GetSubmissionLimits",
    "ListSubmissions",
    "StartSubmissionUpload",
    "blob",
    "CreateSubmission",
    "GetSubmission",
]


@pytest.mark.parametrize("call", CALLS)
def test_429_is_answered_by_the_wait_that_kaggle_asks_for(call, run, server, submission, clock):
    server.pending_polls = 0
    server.fail(call, "status", status=429, headers={"Retry-After": "17"}, times=1)
    assert run("upload")[0] == 0
    assert clock.pauses == [17]
    assert len(server.submissions) == 1


def test_429_without_end(fails, server, submission, clock):
    server.fail("GetSubmissionLimits", "status", status=429, headers={"Retry-After": "17"})
    assert fails("upload") == (
        "Kaggle takes no more requests for now (429); try again in 17 seconds."
    )
    assert clock.pauses == [17, 17]


def test_429_that_asks_for_too_long_a_wait(fails, server, submission, clock):
    server.fail("GetSubmissionLimits", "status", status=429, headers={"Retry-After": "3600"})
    assert "try again in 3600 seconds" in fails("upload")
    assert not clock.pauses


@pytest.mark.parametrize("call", CALLS)
def test_500_then_success(call, run, server, submission, clock):
    server.pending_polls = 0
    server.fail(call, "status", times=2)
    assert run("upload")[0] == 0
    assert clock.pauses == [1, 2]
    assert len(server.submissions) == 1


@pytest.mark.parametrize("call", CALLS[:5])
def test_500_without_end(call, fails, server, submission):
    server.fail(call, "status")
    assert fails("upload") == "Kaggle fails with an error of its own (500); try again later."
    assert not server.submissions


@pytest.mark.parametrize("command", [["data", "--force"], ["upload"], ["leaderboard"]])
def test_connection_refused(command, fails, submission, monkeypatch, dead_address, server):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, f"http://{dead_address}")
    assert fails(*command) == (
        "The connection to localhost failed (refused); check the network and try again."
    )


@pytest.mark.parametrize("at", [0.01, 0.5, 0.99])
def test_an_upload_cut_once_is_repeated(at, run, server, submission):
    server.fail("blob", "cut", at=at, times=1)
    assert run("upload")[0] == 0
    assert len(server.submissions) == 1
    assert server.blobs["blob-2"] == submission.read_bytes()


@pytest.mark.parametrize("at", [0.01, 0.5, 0.99])
def test_an_upload_cut_every_time(at, fails, server, submission):
    server.fail("blob", "cut", at=at)
    assert fails("upload") == (
        "The connection to 127.0.0.1 failed (cut off); check the network and try again."
    )
    assert status_of_log() == [("written", "")]
    assert not server.submissions


def test_a_lost_answer_does_not_make_a_second_submission(run, server, submission):
    server.fail("CreateSubmission", "lost", times=1)
    assert run("upload")[0] == 0
    assert len(server.submissions) == 1
    assert status_of_log() == [("complete", "1001")]


def test_an_upload_whose_answer_never_came_is_found_by_the_next(fails, run, server, submission):
    server.fail("CreateSubmission", "lost")
    server.after_create = lambda: server.fail("ListSubmissions", "status", times=9)
    assert "error of its own" in fails("upload")
    server.faults.clear()
    assert status_of_log() == [("written", "")]
    assert run("upload")[0] == 0
    assert len(server.submissions) == 1
    assert status_of_log() == [("complete", "1001")]


NOT_KAGGLE = "The answer is not Kaggle's (a web page or broken data instead of JSON); a proxy"


@pytest.mark.parametrize("kind", ["html", "garbage"])
@pytest.mark.parametrize("call", [*CALLS[:3], "CreateSubmission"])
def test_html_or_broken_json_instead_of_an_answer(call, kind, fails, server, submission):
    server.fail(call, kind)
    assert fails("upload").startswith(NOT_KAGGLE)
    assert status_of_log() == [("written", "")]


def test_an_environment_that_the_client_does_not_know(fails, server, submission, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "MARS")
    assert fails("upload") == (
        "KAGGLE_API_ENVIRONMENT names a Kaggle that cannot be reached from here; unset it."
    )


@pytest.mark.parametrize(
    ("command", "call"), [(["data", "--force"], "storage"), (["upload"], "blob")]
)
def test_a_refusal_by_the_storage(command, call, fails, server, submission):
    server.fail(call, "status", status=403)
    assert fails(*command).startswith("Kaggle's storage refuses the transfer (403), as it does")
    assert server.count(call) == 3


def test_a_proxy_that_is_none(fails, server, submission, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://")
    assert fails("upload") == (
        "The connection to Kaggle leads nowhere (its address or the proxy's is not valid); "
        "check http_proxy and https_proxy."
    )


@pytest.mark.parametrize("call", ["GetSubmissionLimits", "blob"])
def test_a_stall_ends_by_time_out(call, fails, server, submission):
    server.fail(call, "stall")
    assert "did not answer within 0.2 seconds; check the network" in fails("upload")


def test_pending_for_too_long(fails, run, server, submission, clock):
    server.pending_polls = 10**6
    assert fails("upload", "--timeout", "20", changes=True) == (
        "Kaggle has not scored submission 1001 after 20 seconds; `digit-recognizer log --refresh` "
        "asks again."
    )
    assert clock.now == 20
    assert status_of_log() == [("pending", "1001")]
    server.pending_polls = 0
    assert run("log", "--refresh")[0] == 0
    assert status_of_log() == [("complete", "1001")]


def test_an_error_of_the_scoring(fails, server, submission):
    server.error = "Evaluation threw: too many zeros."
    assert fails("upload", changes=True) == (
        "Kaggle could not score submission 1001 (Evaluation threw: too many zeros); correct the "
        "file and upload it again."
    )
    assert status_of_log() == [("error", "1001")]


def test_a_submission_without_reference(fails, server, submission):
    server.create_answers_ref = False
    assert fails("upload") == (
        "Kaggle made no submission of the uploaded file (Could not submit to competition); check "
        "the competition's page https://www.kaggle.com/competitions/small/submissions and upload "
        "it again."
    )


def test_a_submission_that_kaggle_does_not_know(fails, server, submission, run):
    assert run("upload", "--no-wait")[0] == 0
    LOG.write_text(LOG.read_text().replace("1001", "77"))
    assert fails("log", "--refresh") == (
        "Kaggle knows no submission 77; correct kaggle_reference in the log."
    )


def test_the_storage_never_sees_the_credentials(run, server, submission):
    assert run("data", "--force")[0] == 0
    assert run("upload")[0] == 0
    for name, headers in server.calls:
        assert ("Authorization" in headers) == (name not in ("storage", "blob"))
    assert {"storage", "blob"} <= {name for name, _ in server.calls}


def test_a_failure_is_one_line_and_status_1_as_a_process_too(server, submission):
    server.slug = "other"
    done = process("upload")
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "Kaggle knows no competition 'small'" in done.stderr

"""Downloads that go wrong: a sentence each, and the data that is there stays as it is."""

import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from digit_recognizer.kaggle.client import Kaggle
from digit_recognizer.kaggle.waiting import Patience

RANGE = "Range"
NOT_KAGGLE = "The answer is not Kaggle's (a web page or broken data instead of JSON); a proxy"


@pytest.fixture
def long_archive(server):
    """Gives the archive a megabyte more, so that a cut one leaves something to resume."""
    path = Path("long.zip")
    path.write_bytes(server.archive)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more.bin", bytes(range(256)) * 4096)
    server.archive = path.read_bytes()
    path.unlink()


@pytest.mark.parametrize("at", [0.01, 0.5, 0.99])
def test_a_download_cut_once_goes_on_where_it_ended(at, run, server, data, long_archive):
    (data / "train.csv").write_text("old")
    server.fail("storage", "cut", at=at, times=1)
    assert run("data", "--force")[0] == 0
    assert (data / "train.csv").read_text().startswith("label,")
    resumed = [headers[RANGE] for name, headers in server.calls if RANGE in headers]
    assert len(resumed) == (at > 0.1)


def test_a_resumed_download_begins_anew_if_the_archive_changed(here, server, long_archive):
    server.fail("storage", "cut", at=0.5, times=1)
    archive = server.archive
    server.archive = bytes(len(archive))

    def change(seconds):
        server.archive = archive

    with Kaggle("small", Patience(sleep=change)) as kaggle, Path("got.zip").open("xb") as file:
        kaggle.download(file)
    assert Path("got.zip").read_bytes() == archive


@pytest.mark.parametrize("at", [0.01, 0.5, 0.99])
def test_a_download_cut_every_time(at, fails, server, data, long_archive):
    # Each time less than what a resumed download still needs.
    server.fail("storage", "cut", at=at * 0.2)
    assert fails("data", "--force") == (
        "The connection to 127.0.0.1 failed (cut off); check the network and try again."
    )


def test_a_redirect_to_a_dead_host(fails, server, data, dead_address):
    server.fail("DownloadDataFiles", "redirect", url=f"https://{dead_address}/x.zip?signature=s")
    assert fails("data", "--force") == (
        "The connection to 127.0.0.1 failed (refused); check the network and try again."
    )


@pytest.mark.parametrize("call", ["DownloadDataFiles", "storage"])
def test_html_instead_of_the_archive(call, fails, server, data):
    server.fail(call, "html")
    assert fails("data", "--force").startswith(NOT_KAGGLE)


def test_a_stalled_download_ends_by_time_out(fails, server, data):
    server.fail("storage", "stall")
    assert "127.0.0.1 did not answer within 0.2 seconds" in fails("data", "--force")


def corrupt(archive):
    """Change a byte of the first member's contents."""
    at = archive.index(b"label,pixel0") + 60
    return archive[:at] + bytes([archive[at] ^ 1]) + archive[at + 1 :]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda archive: archive[: len(archive) // 2], "File is not a zip file"),
        (lambda archive: b"", "File is not a zip file"),
        (corrupt, "Bad CRC-32 for file 'train.csv'"),
    ],
    ids=["short", "empty", "crc"],
)
def test_a_damaged_archive(damage, reason, fails, server, data):
    server.archive = damage(server.archive)
    assert fails("data", "--force") == (
        f"Kaggle's archive came damaged ({reason}); nothing was changed: run the command again, or "
        f"download the files by hand from https://www.kaggle.com/competitions/small/data."
    )


def add(archive, name):
    path = Path("changed.zip")
    path.write_bytes(archive)
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr(name, "evil")
    content = path.read_bytes()
    path.unlink()
    return content


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "C:\\evil", "..\\evil"])
def test_an_archive_with_a_path_that_leaves_the_folder(name, fails, server, data):
    server.archive = add(server.archive, name)
    assert "outside of its own folder; nothing was unpacked" in fails("data", "--force")


def test_an_archive_without_one_of_the_files(fails, server, data):
    server.archive = server.archive.replace(b"test.csv", b"tset.csv")
    assert "Kaggle's archive lacks test.csv" in fails("data", "--force")


def test_an_archive_with_something_else_under_the_right_names(fails, server, data):
    server.archive = server.archive.replace(b"test.csv", b"tset.csv")
    server.archive = add(server.archive, "test.csv")
    sentence = fails("data", "--force")
    assert sentence.startswith("The files from Kaggle are not those of the recipe's [competition]")
    assert "(test.csv, line 1:" in sentence
    assert ".download" not in sentence


def test_ctrl_c_during_a_download_leaves_the_data_as_it_was(server, data):
    server.fail("storage", "stall")
    before = {path: path.read_bytes() for path in data.iterdir()}
    command = [sys.executable, "-m", "digit_recognizer", "data", "--force"]
    process = subprocess.Popen(
        [*command, "--recipe", "small.toml"], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while not server.count("storage") and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert errors == "digit-recognizer: interrupted; nothing was submitted.\n"
    assert {path: path.read_bytes() for path in data.iterdir()} == before


def test_a_file_in_the_way_of_the_folder_is_named(run, server, here):
    (here / "data").write_text("in the way")
    status, _, errors = run("data", "--force")
    assert status == 2
    assert "data cannot be written (File exists)" in errors

"""A local Kaggle, and an environment in which nothing but it can be reached."""

import io
import shutil
import signal
import socket
import zipfile
from pathlib import Path

import numpy as np
import pytest
from kaggle_server import KEY, TOKEN, KaggleServer

from digit_recognizer import cli
from digit_recognizer.kaggle.waiting import Patience
from digit_recognizer.pipeline.data.competition import Competition
from digit_recognizer.pipeline.sources.competition_files import competition_files

RECIPE = """
[competition]
slug = "small"
image_height = 2
image_width = 2
classes = [0, 1, 2]
[model]
hidden_layer_sizes = [4]
max_iter = 1
learning_rate = "one_cycle"
[cv]
folds = 2
[compute]
jobs = 1
"""


def make_files(seed):
    """The competition's files by name and the right labels of its test images."""
    competition = Competition(slug="small", image_height=2, image_width=2, classes=[0, 1, 2])
    generator = np.random.default_rng(seed)
    X = generator.integers(0, 256, (40, 4), dtype=np.uint8)
    y = np.arange(40) % 3
    files = competition_files(competition, X[:30], y[:30], X[30:], y[30:])
    del files["test_labels.csv"]
    return files, {str(number): str(label) for number, label in enumerate(y[30:], start=1)}


def make_archive(files):
    """The bytes of a zip archive of files (name: bytes)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def zipped():
    """A function that makes an archive of files (name: bytes)."""
    return make_archive


@pytest.fixture
def dead_address():
    """An address of this machine where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def server(monkeypatch, dead_address):
    """The server, which the environment leads the client to; good credentials are there."""
    files, labels = make_files(seed=0)
    with KaggleServer("small", make_archive(files), labels) as server:
        monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(name, "")
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, server.address)
        for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{dead_address}")
        monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
        yield server


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with the recipe `small`."""
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(RECIPE)
    return tmp_path


def store_data(folder):
    """Write the recipe `small` and the competition's files, in `data`, into a folder."""
    (folder / "small.toml").write_text(RECIPE)
    (folder / "data").mkdir()
    for name, content in make_files(seed=0)[0].items():
        (folder / "data" / name).write_bytes(content)


@pytest.fixture
def data(here):
    """The competition's files, in `data`."""
    store_data(here)
    return here / "data"


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder in which `submit` was run."""
    folder = tmp_path_factory.mktemp("trained")
    store_data(folder)
    before = signal.getsignal(signal.SIGINT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert cli.main(["submit", "--recipe", "small.toml"]) == 0
    signal.signal(signal.SIGINT, before)
    return folder


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now = 0.0
        self.pauses = []

    def sleep(self, seconds):
        self.now += seconds
        self.pauses.append(seconds)

    def time(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def patience(clock):
    """Patience that waits in the clock's time only, but for a stall of a fifth of a second."""
    return Patience(read_seconds=0.2, retries=2, sleep=clock.sleep, clock=clock.time)


@pytest.fixture
def run(here, patience, capfd):
    """A function that runs a command in this process: its status, output and errors."""
    before = signal.getsignal(signal.SIGINT)

    def run_command(command, *arguments):
        status = cli.main([command, "--recipe", "small.toml", *arguments], patience)
        output, errors = capfd.readouterr()
        return status, output, errors

    yield run_command
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def submission(trained, data):
    """A submission of a run, not yet uploaded."""
    for name in ("runs", "submissions"):
        shutil.copytree(trained / name, name)
    return Path("submissions/submission.csv")


def snapshot():
    """All files and their contents, but for what the interpreter leaves."""
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.fixture
def fails(run):
    """A function that runs a command which must fail outside, and returns its one sentence.

    By default every file must stay as it was.
    """

    def check(command, *arguments, changes=False):
        before = snapshot()
        status, output, errors = run(command, *arguments)
        assert status == 1, errors
        (line,) = errors.splitlines()
        assert line.startswith("digit-recognizer: ")
        assert line.endswith(".")
        after = snapshot()
        assert changes or after == before
        assert not [path for path in after if ".tmp" in path.name or ".download" in str(path)]
        for secret in (TOKEN, KEY):
            assert secret not in output + errors
            assert not [path for path, content in after.items() if secret.encode() in content]
        return line.removeprefix("digit-recognizer: ")

    return check

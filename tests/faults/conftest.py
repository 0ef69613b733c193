"""A run that nothing happened to, one that was killed half way, and the command line."""

import signal
import zlib
from random import Random

import pytest
from injectors import Disk, kill
from workplace import N_EPOCHS, SAMPLE_RECIPE, Ending, Workplace, ending

from digit_recognizer import cli


@pytest.fixture
def work(tmp_path):
    """An empty place."""
    return Workplace(tmp_path, SAMPLE_RECIPE)


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A run that nothing happened to."""
    work = Workplace(tmp_path_factory.mktemp("whole"), SAMPLE_RECIPE)
    assert work.submit("--jobs", "1").status == 0
    return work


@pytest.fixture(scope="session")
def expected(whole):
    """The bytes that every run must end with."""
    return whole.results()


@pytest.fixture(scope="session")
def killed(tmp_path_factory, whole):
    """A run that was killed in its second fold; its data are in a folder of their own."""
    data = whole.folder / "data" / "sample"
    work = Workplace(tmp_path_factory.mktemp("killed"), SAMPLE_RECIPE, data)
    process = work.start("--jobs", "1")
    work.wait_for(N_EPOCHS + 8, process)
    kill(process, signal.SIGKILL)
    assert ending(process).status == -signal.SIGKILL
    return work


@pytest.fixture
def random(request):
    """Random numbers that are the same at every run of a test."""
    return Random(zlib.crc32(request.node.name.encode()))


@pytest.fixture
def submit_here(monkeypatch, capsys):
    """A function that runs the submit of a place in this process, which saves its start."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def submit(work, *options):
        monkeypatch.chdir(work.folder)
        status = cli.main(work.arguments("--jobs", "1", *options))
        return Ending(status, capsys.readouterr().err.splitlines())

    yield submit
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def disk(tmp_path):
    """A function that makes a small disk of a size."""
    if not Disk.may_mount():
        pytest.skip("may not mount")
    disks = []

    def make(n_bytes):
        folder = tmp_path / "disk"
        folder.mkdir()
        disks.append(Disk(folder, n_bytes))
        return disks[0]

    yield make
    for made in disks:
        made.close()

"""Checkpoints that are damaged, or cannot be read, written or removed."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import digit_recognizer
from checkpoint_files import latest, name_of, names, state_of
from digit_recognizer import files
from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.runs.checkpoints import Checkpoints

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


# --- damage --------------------------------------------------------------------------------------

DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "another's": lambda path: path.write_bytes(state_of(99).to_bytes()),
    "a folder": lambda path: (path.unlink(), path.mkdir(), (path / "inside").touch()),
    "a dangling link": lambda path: (path.unlink(), path.symlink_to("nowhere")),
}


def malformed(path):
    """Put a file in the place of another that fits its name and is no state."""
    path.unlink()
    content = b"no state"
    path = path.with_name(f"epoch-0007-{hashlib.sha256(content).hexdigest()[:16]}.safetensors")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_in_place_of_a_damaged_one_the_one_before_is_used(checkpoints, saved, damage):
    path = saved(6, 7)
    damage(path)
    assert latest(checkpoints) == (
        6,
        [f"{path} is damaged; the one of epoch 6 is used instead."],
    )
    assert names(checkpoints.folder) == [name_of(6)]
    assert latest(checkpoints) == (6, [])
    checkpoints.save(state_of(7), 7)
    assert latest(checkpoints) == (7, [])


def test_a_malformed_one_that_fits_its_name_is_damaged(checkpoints, saved):
    path = malformed(saved(6, 7))
    assert latest(checkpoints) == (
        6,
        [f"{path} is damaged; the one of epoch 6 is used instead."],
    )
    assert names(checkpoints.folder) == [name_of(6)]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_where_all_are_damaged_the_fold_starts_from_the_beginning(checkpoints, saved, damage):
    newer = saved(6, 7)
    older = checkpoints.folder / name_of(6)
    damage(newer)
    damage(older)
    assert latest(checkpoints) == (
        None,
        [f"{path} is damaged; the fold starts from the beginning." for path in (newer, older)],
    )
    assert names(checkpoints.folder) == []


def test_a_damaged_older_one_harms_nobody(checkpoints, saved):
    saved(6, 7)
    DAMAGES["truncated"](checkpoints.folder / name_of(6))
    assert latest(checkpoints) == (7, [])


def test_one_that_cannot_be_read_is_damaged(checkpoints, saved, monkeypatch):
    path, read_bytes = saved(6, 7), Path.read_bytes

    def fail(self):
        if self == path:
            raise OSError(files.errno.EIO, "Input/output error")
        return read_bytes(self)

    monkeypatch.setattr(Path, "read_bytes", fail)
    assert latest(checkpoints)[0] == 6
    assert names(checkpoints.folder) == [name_of(6)]


CONTENT = state_of(7).to_bytes()


@in_one_folder
@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_any_altered_byte_is_damage(checkpoints, saved, place, flip):
    path = saved(6, 7)
    altered = bytearray(CONTENT)
    altered[place] ^= flip
    path.write_bytes(altered)
    epoch, sentences = latest(checkpoints)
    assert (epoch, len(sentences)) == (6, 1)


@in_one_folder
@given(st.integers(0, len(CONTENT) - 1))
def test_any_truncation_is_damage(checkpoints, saved, n_bytes):
    path = saved(6, 7)
    path.write_bytes(CONTENT[:n_bytes])
    epoch, sentences = latest(checkpoints)
    assert (epoch, len(sentences)) == (6, 1)


# --- what cannot be written ----------------------------------------------------------------------


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_writing_that_fails_leaves_the_older_ones(checkpoints, saved, monkeypatch, failing):
    saved(1, 2)

    def fail(*_):
        raise OSError(files.errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(*((files.os, "fsync") if failing == "fsync" else (Path, "replace")), fail)
    with pytest.raises(InputError, match=r"data/epoch-0003.* cannot be written \(No space left"):
        checkpoints.save(state_of(3), 3)
    assert names(checkpoints.folder) == [name_of(1), name_of(2)]
    assert latest(checkpoints) == (2, [])


def test_a_folder_that_cannot_be_brought_to_the_disk_is_an_error(checkpoints, saved, monkeypatch):
    saved(1, 2)
    fsync, calls = os.fsync, []

    def fail(descriptor):
        calls.append(None)
        if len(calls) == 2:
            raise OSError(files.errno.EIO, "Input/output error")
        fsync(descriptor)

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(InputError, match=r"epoch-0003.* cannot be written \(Input/output error\)"):
        checkpoints.save(state_of(3), 3)
    assert {name_of(1), name_of(2)} < set(names(checkpoints.folder))


def test_an_interrupt_while_writing_leaves_the_older_ones(checkpoints, saved, monkeypatch):
    saved(1, 2)

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        checkpoints.save(state_of(3), 3)
    assert names(checkpoints.folder) == [name_of(1), name_of(2)]


def test_an_older_one_that_cannot_be_removed_is_named(checkpoints, saved, monkeypatch):
    saved(1, 2)

    def fail(*_, **__):
        raise PermissionError(files.errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fail)
        with pytest.raises(InputError) as caught:
            checkpoints.save(state_of(3), 3)
    assert str(caught.value) == (
        f"data/{name_of(1)} cannot be removed (Permission denied); "
        "check the permissions of its folder."
    )
    assert latest(checkpoints) == (3, [])


def test_a_damaged_one_that_cannot_be_removed_is_reported_each_time(
    checkpoints, saved, monkeypatch
):
    DAMAGES["truncated"](saved(6, 7))

    def fail(*_, **__):
        raise PermissionError(files.errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "unlink", fail)
    for _ in range(2):
        epoch, sentences = latest(checkpoints)
        assert (epoch, len(sentences)) == (6, 1)


def test_a_file_in_the_place_of_the_folder_is_named(folder):
    (folder / "fold-1").write_text("in the way")
    checkpoints = Checkpoints(folder / "fold-1")
    with pytest.raises(InputError, match=r"data/fold-1 cannot be read \(Not a directory\)"):
        latest(checkpoints)
    with pytest.raises(InputError, match=r"cannot be written .*remove the file that stands"):
        checkpoints.save(state_of(1), 1)


SAVE_AND_LOAD = """
import sys
import numpy as np
from digit_recognizer.errors import InputError
from digit_recognizer.estimator import TrainingState
from digit_recognizer.pipeline.runs.checkpoints import Checkpoints
checkpoints = Checkpoints("data")
for argument in sys.argv[1:]:
    epoch, n_values = map(int, argument.split(":"))
    state = TrainingState({"values": np.arange(float(n_values))}, {"epoch": epoch})
    try:
        checkpoints.save(state, epoch)
    except InputError as error:
        print(error)
print(checkpoints.latest(report=print).plain["epoch"])
"""


def in_a_mount(script, *arguments):
    """Run a shell script, with `$save` the program above, in a mount namespace of its own."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    source = Path(digit_recognizer.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(source), "PYTHON": sys.executable}
    command = ["unshare", "-m", "sh", "-c"]
    mount = "mount -t tmpfs -o size=64k none data"
    if subprocess.run([*command, mount], capture_output=True).returncode:
        pytest.skip("may not mount")
    Path("save.py").write_text(SAVE_AND_LOAD)
    done = subprocess.run(
        [*command, f"{mount} && {script}"], capture_output=True, text=True, env=environment
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_full_disk_leaves_the_older_ones_whole(folder):
    lines = in_a_mount("$PYTHON save.py 1:1500 2:2500 3:8000; ls -A data | wc -l")
    assert lines[0].startswith("data/epoch-0003-")
    assert lines[0].endswith(
        "cannot be written (No space left on device); free some space or choose another folder."
    )
    assert [line.strip() for line in lines[1:]] == ["2", "2"]


def test_a_read_only_disk_leaves_the_older_ones_whole(folder):
    lines = in_a_mount(
        "$PYTHON save.py 1:10 2:10 && mount -o remount,ro data && $PYTHON save.py 3:10; "
        "ls -A data | wc -l"
    )
    assert lines[0] == "2"
    assert lines[1].endswith(
        "cannot be written (Read-only file system); choose a folder that can be written to."
    )
    assert [line.strip() for line in lines[2:]] == ["2", "2"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_leaves_the_older_ones_whole(checkpoints, saved):
    saved(1, 2)
    checkpoints.folder.chmod(0o500)
    try:
        with pytest.raises(InputError, match=r"cannot be written \(Permission denied\)"):
            checkpoints.save(state_of(3), 3)
        assert latest(checkpoints) == (2, [])
    finally:
        checkpoints.folder.chmod(0o700)

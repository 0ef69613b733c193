import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import digit_recognizer
from digit_recognizer import files
from digit_recognizer.errors import InputError
from digit_recognizer.files import (
    check_replaceable,
    leftovers,
    remove_leftovers,
    replacing,
    replacing_file,
    sha256,
    write_array,
    write_bytes,
    write_text,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_bytes_are_written(folder):
    write_bytes(folder / "a.bin", b"1\n2\r\n")
    assert (folder / "a.bin").read_bytes() == b"1\n2\r\n"
    assert names(folder) == ["a.bin"]


def test_text_keeps_its_line_ends_and_letters(folder):
    write_text(folder / "a.txt", "é\n\r\n")
    assert (folder / "a.txt").read_bytes() == "é\n\r\n".encode()


@pytest.mark.parametrize(
    "array", [np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros((0, 3), np.uint8), np.array(5)]
)
def test_arrays_come_back(array, folder):
    write_array(folder / "a.npy", array)
    result = np.load(folder / "a.npy")
    assert result.dtype == array.dtype
    np.testing.assert_array_equal(result, array)


def test_missing_folders_are_made(folder):
    write_text(folder / "b" / "c" / "a.txt", "a")
    assert (folder / "b" / "c" / "a.txt").read_text() == "a"


def test_an_older_file_is_replaced(folder):
    write_text(folder / "a.txt", "older and longer")
    write_text(folder / "a.txt", "new")
    assert (folder / "a.txt").read_text() == "new"


def test_the_permissions_are_those_of_any_new_file(folder):
    write_text(folder / "a.txt", "a")
    (folder / "b.txt").touch()
    assert (folder / "a.txt").stat().st_mode == (folder / "b.txt").stat().st_mode


@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError, MemoryError, SystemExit])
def test_an_interrupted_writing_leaves_the_older_file_alone(error, folder):
    write_text(folder / "a.txt", "older")
    with pytest.raises(error), replacing(folder / "a.txt") as file:
        file.write(b"half of")
        raise error
    assert (folder / "a.txt").read_text() == "older"
    assert names(folder) == ["a.txt"]


def test_the_file_is_not_there_before_it_is_whole(folder):
    with replacing(folder / "a.txt") as file:
        file.write(b"half of")
        assert not (folder / "a.txt").exists()


def test_a_disk_that_fills_up_at_the_end_is_an_error(folder, monkeypatch):
    def fail(_):
        raise OSError(files.errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(InputError) as caught:
        write_text(folder / "a.txt", "a")
    assert str(caught.value) == (
        "data/a.txt cannot be written (No space left on device); "
        "free some space or choose another folder."
    )
    assert names(folder) == []


def folder_fsync(monkeypatch, error):
    """Let bringing a folder, not a file, to the disk raise an OSError of this number."""
    fsync, calls = os.fsync, []

    def fail(descriptor):
        calls.append(None)
        if len(calls) == 2:
            raise OSError(error, os.strerror(error))
        fsync(descriptor)

    monkeypatch.setattr(files.os, "fsync", fail)
    return calls


@pytest.mark.parametrize("error", [files.errno.EINVAL, files.errno.ENOTSUP, files.errno.EBADF])
def test_a_file_system_that_syncs_no_folders_is_no_error(error, folder, monkeypatch):
    calls = folder_fsync(monkeypatch, error)
    write_text(folder / "a.txt", "a")
    assert (folder / "a.txt").read_text() == "a"
    assert len(calls) == 2


def test_a_folder_that_fails_to_reach_the_disk_is_an_error(folder, monkeypatch):
    folder_fsync(monkeypatch, files.errno.EIO)
    with pytest.raises(InputError, match=r"data/a\.txt cannot be written \(Input/output error\)"):
        write_text(folder / "a.txt", "a")


def test_a_system_that_opens_no_folders_is_no_error(folder, monkeypatch):
    def refuse(path, flags):
        raise PermissionError(files.errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "open", refuse)
        write_text(folder / "a.txt", "a")
    assert (folder / "a.txt").read_text() == "a"


def test_a_file_in_the_place_of_the_folder_is_named(folder):
    write_text(folder / "a", "a")
    for path, reason in (
        (folder / "a" / "b.txt", "File exists"),
        (folder / "a" / "b" / "c.txt", "Not a directory"),
    ):
        with pytest.raises(InputError) as caught:
            write_text(path, "b")
        assert str(caught.value) == (
            f"{path} cannot be written ({reason}); remove the file that stands where a folder "
            f"should be, or choose another folder."
        )
    assert names(folder) == ["a"]


def test_a_folder_in_the_place_of_the_file_is_named(folder):
    (folder / "a").mkdir()
    with pytest.raises(InputError) as caught:
        write_text(folder / "a", "a")
    assert str(caught.value) == (
        "data/a cannot be written (Is a directory); "
        "remove the folder of that name or choose another name."
    )
    assert names(folder) == ["a"]


def write_in_subprocess(path, before):
    code = f"""
{before}
import numpy, sys
from digit_recognizer.errors import InputError
from digit_recognizer.files import write_array
try:
    write_array({str(path)!r}, numpy.zeros(100_000))
except InputError as error:
    sys.exit(str(error))
"""
    return [sys.executable, "-c", code]


def run(command):
    source = Path(digit_recognizer.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(source)}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_a_limit_on_the_size_of_files_is_named(folder):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))"
    result = run(write_in_subprocess(folder / "a.npy", limit))
    assert result.stderr == (
        "data/a.npy cannot be written (File too large); "
        "raise the limit on the size of files or choose another folder.\n"
    )
    assert names(folder) == []


@pytest.mark.parametrize(
    ("options", "reason", "remedy"),
    [
        ("size=64k", "No space left on device", "free some space or choose another folder"),
        ("ro", "Read-only file system", "choose a folder that can be written to"),
    ],
)
def test_a_full_disk_and_a_read_only_one_are_named(options, reason, remedy, folder):
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    # In a mount namespace of its own, so that nothing stays mounted.
    script = f'mount -t tmpfs -o {options} none data && "$@"; ls -A data'
    mounted = ["unshare", "-m", "sh", "-c", script]
    if run([*mounted, "sh", "true"]).stderr:
        pytest.skip("may not mount")
    command = [*mounted, "sh", *write_in_subprocess(folder / "a.npy", "")]
    result = run(command)
    assert result.stderr == f"data/a.npy cannot be written ({reason}); {remedy}.\n"
    assert result.stdout == ""


def test_sha256_is_that_of_the_contents(folder):
    write_bytes(folder / "a", b"abc" * 100_000)
    assert sha256(folder / "a") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_sha256_of_a_missing_file_is_an_error(folder):
    with pytest.raises(InputError) as caught:
        sha256(folder / "a")
    assert str(caught.value) == (
        "data/a cannot be read (No such file or directory); check its name and permissions."
    )


def test_a_folder_that_cannot_be_made_is_named(folder):
    (folder / "runs").write_text("in the way")
    with pytest.raises(InputError, match=r"^data/runs/one cannot be made \(Not a directory\)"):
        files.make_folder(folder / "runs" / "one")


# --- files of the library ------------------------------------------------------------------------


def replace(path, content, **options):
    with replacing_file(path, **options) as file:
        file.write(content)


@pytest.mark.parametrize("failing", ["fsync", "dup", "replace"])
def test_a_write_that_fails_leaves_the_older_file_alone(failing, folder, monkeypatch):
    def fail(*_):
        raise OSError(files.errno.ENOSPC, "No space left on device")

    replace(folder / "a", b"older")
    monkeypatch.setattr(*((files.os, failing) if failing != "replace" else (Path, failing)), fail)
    with pytest.raises(OSError, match="No space left"):
        replace(folder / "a", b"new", flush=failing != "dup")
    assert (folder / "a").read_bytes() == b"older"
    assert names(folder) == ["a"]


def test_without_flush_nothing_waits_for_the_disk(folder, monkeypatch):
    monkeypatch.delattr(files.os, "fsync")
    replace(folder / "a", b"new", flush=False)
    assert (folder / "a").read_bytes() == b"new"


def test_a_link_stays_and_the_file_behind_it_is_replaced(folder):
    (folder / "far").mkdir()
    (folder / "a").symlink_to("far/b")
    for content in (b"first", b"second"):
        replace(folder / "a", content)
        assert (folder / "far" / "b").read_bytes() == content
    assert (folder / "a").is_symlink()
    assert names(folder / "far") == ["b"]


def test_only_what_killed_writers_left_of_the_file_is_removed(folder):
    kept = [".a.b.0123abcd.tmp", ".b.0123abcd.tmp", ".a.tmp", "a.0123abcd.tmp", "a"]
    for name in (*kept, ".a.0123abcd.tmp", ".a.ffffffff.tmp"):
        (folder / name).touch()
    with replacing_file(folder / "a") as file:
        file.write(b"new")
        remove_leftovers(leftovers(folder / "a"))
        assert len(names(folder)) == len(kept) + 1
    assert names(folder) == sorted(kept)
    assert (folder / "a").read_bytes() == b"new"


def test_a_writer_whose_file_is_taken_for_a_leftover_takes_another(folder, monkeypatch):
    real, taken = files.fcntl.flock, []

    def flock(file, how):
        if not taken:
            taken.append(Path(file.name).unlink())
        real(file, how)

    monkeypatch.setattr(files.fcntl, "flock", flock)
    replace(folder / "a", b"new")
    assert taken
    assert names(folder) == ["a"]


def test_where_files_cannot_be_locked_they_are_replaced_and_leftovers_stay(folder, monkeypatch):
    def refuse(file, how):
        raise OSError(files.errno.ENOLCK, "No locks available")

    monkeypatch.setattr(files.fcntl, "flock", refuse)
    (folder / ".a.0123abcd.tmp").touch()
    replace(folder / "a", b"new")
    remove_leftovers(leftovers(folder / "a"))
    monkeypatch.setattr(files, "fcntl", None)
    replace(folder / "a", b"newer")
    remove_leftovers(leftovers(folder / "a"))
    assert (folder / "a").read_bytes() == b"newer"
    assert names(folder) == [".a.0123abcd.tmp", "a"]


def test_checking_ahead_goes_well_where_another_process_removes_leftovers(folder, monkeypatch):
    real = files._open_temporary

    def open_temporary(target):
        temporary, file = real(target)
        temporary.unlink()
        return temporary, file

    monkeypatch.setattr(files, "_open_temporary", open_temporary)
    check_replaceable(folder / "a")
    assert names(folder) == []

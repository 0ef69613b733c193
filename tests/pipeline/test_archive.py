import io
import zipfile

import pytest

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.archive import DataFile, find_file, holds_traces, require_file


def message(function, *arguments):
    with pytest.raises(InputError) as caught:
        function(*arguments)
    return str(caught.value)


def contents(file):
    with file.open() as content:
        return content.read()


@pytest.mark.parametrize("form", ["plain", "gz", "zip"])
def test_a_file_is_found_and_read_in_each_form(form, store, folder, small, small_files):
    store(small_files, form)
    for name, content in small_files.items():
        assert contents(require_file(folder, name, small)) == content


def test_a_plain_file_goes_before_a_gzipped_one_and_that_before_the_archive(store, folder, small):
    for form in ("zip", "gz", "plain"):
        store({"train.csv": form.encode()}, form)
        assert contents(find_file(folder, "train.csv", small)) == form.encode()


def test_nothing_is_unpacked_to_the_disk(store, folder, small, small_files):
    store(small_files, "zip")
    contents(require_file(folder, "train.csv", small))
    assert [path.name for path in folder.iterdir()] == ["small.zip"]


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("plain", "data/train.csv"),
        ("gz", "data/train.csv.gz"),
        ("zip", "train.csv in data/small.zip"),
    ],
)
def test_a_file_is_called_by_where_it_lies(form, name, store, folder, small, small_files):
    store(small_files, form)
    assert str(find_file(folder, "train.csv", small)) == name


def test_a_file_that_is_not_there_is_none(folder, small):
    assert find_file(folder, "train.csv", small) is None
    assert find_file(folder / "missing", "train.csv", small) is None


def test_traces_are_any_of_the_files(store, folder, small, small_files):
    assert not holds_traces(folder, small)
    store({"test.csv": b""}, "gz")
    assert holds_traces(folder, small)


def test_a_missing_folder_is_named(folder, small):
    assert message(require_file, "nowhere", "train.csv", small) == (
        "nowhere does not exist; give the folder that holds the competition's files."
    )


def test_a_file_in_the_place_of_the_folder_is_named(store, folder, small):
    store({"train.csv": b""})
    assert message(require_file, folder / "train.csv", "train.csv", small) == (
        "data/train.csv is not a folder; give the folder that holds the competition's files."
    )


def test_a_missing_file_is_named(store, folder, small):
    store({"train.csv": b""})
    assert message(require_file, folder, "test.csv", small) == (
        "data has neither test.csv nor test.csv.gz nor small.zip; "
        "put the competition's files there or give their folder."
    )


def test_an_archive_without_the_member_is_named(store, folder, small):
    store({"digits/train.csv": b"", "readme\n.txt": b""}, "zip")
    assert message(require_file, folder, "train.csv", small) == (
        "data/small.zip lacks train.csv (it holds 'digits/train.csv', 'readme\\n.txt'); "
        "download it again."
    )
    store({}, "zip")
    assert message(require_file, folder, "train.csv", small) == (
        "data/small.zip lacks train.csv (it holds nothing); download it again."
    )


@pytest.mark.parametrize("size", [0, 10, 100, -1, -30])
def test_a_truncated_archive_is_named(size, store, folder, small, small_files):
    store(small_files, "zip")
    archive = folder / "small.zip"
    archive.write_bytes(archive.read_bytes()[:size])
    assert message(require_file, folder, "train.csv", small) == (
        "data/small.zip is not a whole zip archive (File is not a zip file); "
        "download it again or remove it."
    )


def test_an_archive_with_damaged_contents_is_named(store, folder, small):
    store({"train.csv": b"label,pixel0\n" * 1000}, "zip")
    archive = folder / "small.zip"
    content = bytearray(archive.read_bytes())
    content[50] ^= 0xFF
    archive.write_bytes(content)
    text = message(contents, find_file(folder, "train.csv", small))
    assert text.startswith("train.csv in data/small.zip is damaged (")
    assert text.endswith("); download it again.")


@pytest.mark.parametrize(
    "name", ["../evil.csv", "/etc/evil", "a/../../evil", "..\\evil", "C:\\evil", "\\\\host\\evil"]
)
def test_a_member_that_leaves_the_folder_is_named(name, store, folder, small, small_files):
    store({**small_files, name: b""}, "zip")
    assert message(require_file, folder, "train.csv", small) == (
        f"data/small.zip has a member {name!r} outside of the archive's own folder; "
        f"remove the archive and download it from the competition."
    )


def test_an_archive_with_a_password_is_named(folder, small):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("train.csv", b"")
    content = bytearray(buffer.getvalue())
    is_encrypted = 0x1
    content[6] |= is_encrypted
    content[content.index(b"PK\x01\x02") + 8] |= is_encrypted
    (folder / "small.zip").write_bytes(content)
    text = message(contents, find_file(folder, "train.csv", small))
    assert text.startswith("train.csv in data/small.zip cannot be unpacked (")
    assert text.endswith("); unpack it yourself beside the archive.")


@pytest.mark.parametrize("change", [lambda content: content[:-20], lambda content: b"not gzip"])
def test_a_damaged_gzipped_file_is_named(change, store, folder, small, small_files):
    store(small_files, "gz")
    path = folder / "train.csv.gz"
    path.write_bytes(change(path.read_bytes()))
    text = message(contents, find_file(folder, "train.csv", small))
    assert text.startswith("data/train.csv.gz is damaged (")
    assert text.endswith("); download it again.")


def test_a_file_that_cannot_be_opened_is_named(folder):
    assert message(contents, DataFile(folder / "train.csv")) == (
        "data/train.csv cannot be read (No such file or directory); "
        "check the file and its permissions."
    )


def test_every_truncation_and_every_flipped_byte_is_an_input_error_or_harmless(
    store, folder, small
):
    content = b"label,pixel0\n" + b"1,2\n" * 20
    for form, name in (("zip", "small.zip"), ("gz", "train.csv.gz")):
        store({"train.csv": content}, form)
        path = folder / name
        whole = path.read_bytes()
        damaged = [whole[:size] for size in range(1, len(whole))]
        damaged += [
            whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :] for at in range(len(whole))
        ]
        for variant in damaged:
            path.write_bytes(variant)
            try:
                file = find_file(folder, "train.csv", small)
                assert file is None or contents(file) == content
            except InputError:
                pass
        path.unlink()

import gzip
import io
import zipfile

import pytest

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.data.archive import find_file, holds_something, require_file
from digit_recognizer.pipeline.data.data_file import DataFile


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


@pytest.mark.parametrize("name", ["test.csv.gz", "cats.zip", "notes.txt", "some/folder/of.mine"])
def test_whatever_is_there_is_something(name, folder):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()
    assert holds_something(folder)


@pytest.mark.parametrize(
    "name", ["README.md", ".DS_Store", "__MACOSX/train.csv", "sample/train.csv", "openml/train.csv"]
)
def test_what_the_system_or_this_program_puts_there_is_nothing(name, folder, small):
    assert not holds_something(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).touch()
    (folder / "empty").mkdir()
    assert not holds_something(folder)
    assert find_file(folder, "train.csv", small) is None


def zipped(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def put(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


SHAPES = {
    "another case": lambda files: {name.capitalize(): files[name] for name in files},
    "copies": lambda files: {name.replace(".", " (1)."): files[name] for name in files},
    "a zip each": lambda files: {f"{name}.zip": zipped({name: files[name]}) for name in files},
    "copies of a zip each": lambda files: {
        f"{name} (2).zip": zipped({name: files[name]}) for name in files
    },
    "one folder deep": lambda files: {f"small/{name}": files[name] for name in files},
    "a folder each": lambda files: {f"{name[:-4]}/{name}": files[name] for name in files},
    "a zip one folder deep": lambda files: {"small/small.zip": zipped(files)},
    "a copy of the zip": lambda files: {"small (1).zip": zipped(files)},
    "the zip in capitals": lambda files: {"SMALL.ZIP": zipped(files)},
    "a zip of any name": lambda files: {"archive.zip": zipped(files)},
    "a folder in the zip": lambda files: {
        "small.zip": zipped(
            {f"small/{name}": files[name] for name in files} | {"__MACOSX/small/._train.csv": b""}
        )
    },
    "gz in the zip": lambda files: {
        "small.zip": zipped({f"{name}.gz": gzip.compress(files[name]) for name in files})
    },
    "a zip of zips": lambda files: {
        "small.zip": zipped({f"{name}.zip": zipped({name: files[name]}) for name in files})
    },
    "a zip in a zip": lambda files: {"download.zip": zipped({"small.zip": zipped(files)})},
    "a copy of the zip beside a broken one": lambda files: {
        "small (1).zip": zipped(files),
        "another.zip": b"broken off",
    },
    "the same twice": lambda files: {
        "small (1).zip": zipped(files),
        "small (2).zip": zipped(files),
    },
    "beside another competition's": lambda files: {
        "small/small.zip": zipped(files),
        "large.zip": zipped(dict.fromkeys(files, b"others")),
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_shapes_that_downloads_have_are_read(shape, folder, small, small_files):
    put(folder, SHAPES[shape](small_files))
    assert holds_something(folder)
    for name, content in small_files.items():
        assert contents(require_file(folder, name, small)) == content


@pytest.mark.parametrize("shape", ["a zip of any name", "a folder in the zip", "a zip of zips"])
def test_an_archive_stands_for_the_folder(shape, folder, small, small_files):
    put(folder, SHAPES[shape](small_files))
    (archive,) = folder.iterdir()
    for name, content in small_files.items():
        assert contents(require_file(archive, name, small)) == content
    assert find_file(archive, "test_labels.csv", small) is None


@pytest.mark.parametrize(
    "names",
    [
        ("train (1).csv", "train (2).csv"),
        ("a/train.csv", "b/train.csv"),
    ],
)
def test_two_files_that_differ_are_told(names, folder, small, small_files):
    for name, content in zip(names, (b"one", b"other"), strict=True):
        put(folder, {name: content})
        put((folder / name).parent, {"test.csv": b""})
    assert message(require_file, folder, "train.csv", small) == (
        f"data/{names[0]} and data/{names[1]} differ, and either could be train.csv; remove one, "
        "or give the folder or zip archive of the right one with --data."
    )


def test_a_rest_of_other_files_in_the_folder_itself_is_told(folder, small, small_files):
    put(folder, {"test.csv": b"old", "small.zip/small.zip": zipped(small_files)})
    assert message(require_file, folder, "train.csv", small).startswith(
        "data/test.csv and test.csv in data/small.zip/small.zip differ, and either could be test"
    )


def test_a_name_inside_two_archives_is_called_by_both(folder):
    assert str(DataFile(folder / "a.zip", ("b.zip", "c.csv"))) == "c.csv in b.zip in data/a.zip"


def test_a_missing_folder_is_named(folder, small):
    assert message(require_file, "nowhere", "train.csv", small) == (
        "nowhere does not exist; give the folder that holds the competition's files."
    )


def test_a_file_in_the_place_of_the_folder_is_named(store, folder, small):
    store({"train.csv": b""})
    assert message(require_file, folder / "train.csv", "train.csv", small) == (
        "data/train.csv is a single file; give the folder that holds all of the competition's "
        "files."
    )


def test_a_missing_file_is_named(store, folder, small):
    store({"train.csv": b""})
    assert message(require_file, folder, "test.csv", small) == (
        "data lacks test.csv (it holds 'train.csv'); put the competition's files there, or give "
        "their folder or zip archive with --data."
    )


def test_an_archive_without_the_member_is_named(store, folder, small):
    store({"digits/cats.csv": b"", "readme\n.txt": b""}, "zip")
    assert message(require_file, folder, "train.csv", small).startswith(
        "data/small.zip lacks train.csv (it holds 'digits/cats.csv', 'readme\\n.txt'); put the "
    )
    store({}, "zip")
    assert message(require_file, folder, "train.csv", small).startswith(
        "data/small.zip lacks train.csv (it holds nothing); "
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

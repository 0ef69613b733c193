"""JSON files that know whether they are as they were written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digit_recognizer.checksummed import read_checksummed, sealed, write_checksummed

CONTENT = {"accuracy": 0.1 + 0.2, "files": {"a": "b"}, "list": [1, None, "ü"]}


def test_what_is_written_is_read(tmp_path):
    write_checksummed(tmp_path / "a.json", CONTENT)
    assert read_checksummed(tmp_path / "a.json") == CONTENT


def test_a_missing_file_is_none(tmp_path):
    assert read_checksummed(tmp_path / "a.json") is None
    assert read_checksummed(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "3", "null", '{"sha256": 3}', "[" * 10**5])
def test_another_json_is_none(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    assert read_checksummed(tmp_path / "a.json") is None


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("sealed") / "a.json"


@settings(deadline=None, derandomize=True, max_examples=60)
@given(data=st.data())
def test_a_changed_byte_or_a_missing_end_is_seen(place, data):
    whole = sealed(CONTENT).encode()
    position = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        changed = whole[:position]
    else:
        byte = whole[position] ^ (1 << data.draw(st.integers(0, 7)))
        changed = whole[:position] + bytes([byte]) + whole[position + 1 :]
    place.write_bytes(changed)
    # White space between values is no part of what is said, and the last line's end is some.
    assert read_checksummed(place) in (None, CONTENT)
    if (
        position < len(whole) - 2
        and not chr(whole[position]).isspace()
        and len(changed) == position
    ):
        assert read_checksummed(place) is None


def test_a_file_of_another_version_is_none(tmp_path, monkeypatch):
    write_checksummed(tmp_path / "a.json", CONTENT)
    monkeypatch.setattr("digit_recognizer.checksummed.VERSION", 2)
    assert read_checksummed(tmp_path / "a.json") is None

"""Where Kaggle credentials are looked for."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from digit_recognizer.errors import InputError
from digit_recognizer.kaggle.credentials import find_credentials


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kaggle").mkdir()
    return tmp_path


def store_key(folder, username="ada", key="from a file"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "kaggle.json"
    path.write_text(json.dumps({"username": username, "key": key}))
    return path


def test_there_may_be_none(home):
    assert find_credentials() is None


def test_the_order_is_that_of_the_client_and_the_next_is_named_as_hidden(home, monkeypatch):
    oauth = home / ".kaggle/credentials.json"
    oauth.write_text('{"refresh_token": "r"}')
    assert (find_credentials().refresh_token, find_credentials().origin) == ("r", str(oauth))

    path = store_key(home / ".kaggle")
    found = find_credentials()
    assert (found.origin, found.username, found.key) == (str(path), "ada", "from a file")
    assert found.hidden == str(oauth)

    monkeypatch.setenv("KAGGLE_USERNAME", "bob")
    monkeypatch.setenv("KAGGLE_KEY", "from a variable")
    found = find_credentials()
    assert (found.origin, found.username, found.key) == ("KAGGLE_KEY", "bob", "from a variable")

    (home / ".kaggle/access_token").write_text("T1\n")
    found = find_credentials()
    assert (found.token, found.hidden) == ("T1", "KAGGLE_KEY")

    monkeypatch.setenv("KAGGLE_API_TOKEN", "T2")
    assert (find_credentials().token, find_credentials().origin) == ("T2", "KAGGLE_API_TOKEN")


def test_the_variable_may_name_a_file(home, monkeypatch):
    (home / "token").write_text("T3\n")
    monkeypatch.setenv("KAGGLE_API_TOKEN", str(home / "token"))
    assert find_credentials().token == "T3"


@pytest.mark.parametrize("variable", ["KAGGLE_CONFIG_DIR", None])
def test_kaggle_json_may_be_in_other_folders(variable, home, monkeypatch):
    folder = home / "elsewhere" if variable else home / ".config/kaggle"
    if variable:
        monkeypatch.setenv(variable, str(folder))
    path = store_key(folder)
    assert find_credentials().origin == str(path)


def test_nothing_secret_is_in_its_representation(home, monkeypatch):
    store_key(home / ".kaggle", key="secret1")
    assert "secret1" not in repr(find_credentials())
    monkeypatch.setenv("KAGGLE_API_TOKEN", "secret2")
    assert "secret2" not in repr(find_credentials())


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "null", '{"username": "ada"}', '{"username": "ada", "key": ""}'),
        *('{"username": "ada", "key": 5}', "KGAT_0123"),
    ],
)
def test_a_broken_kaggle_json_is_named_without_its_content(content, home):
    path = home / ".kaggle/kaggle.json"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        find_credentials()
    assert str(caught.value).startswith(str(path))
    remedy = ".kaggle/access_token." if "KGAT" in content else "https://www.kaggle.com/settings."
    assert str(caught.value).endswith(remedy)


FILES = ("access_token", "kaggle.json", "credentials.json")


@pytest.mark.parametrize("name", FILES)
def test_a_file_in_utf_16_is_told_to_be_so(name, home):
    path = home / ".kaggle" / name
    path.write_text("KGAT_0123", encoding="utf-16")
    with pytest.raises(InputError) as caught:
        find_credentials()
    assert str(caught.value) == f"{path} is in UTF-16; save it as UTF-8."


@pytest.mark.parametrize("name", FILES)
def test_a_byte_order_mark_is_no_part_of_the_credentials(name, home):
    values = {"username": "ada", "key": "k", "refresh_token": "r"}
    text = "T1" if name == "access_token" else json.dumps(values)
    path = home / ".kaggle" / name
    path.write_text(text, encoding="utf-8-sig")
    assert find_credentials().origin == str(path)


def test_other_settings_in_kaggle_json_are_no_credentials(home):
    (home / ".kaggle/kaggle.json").write_text('{"competition": "digit-recognizer"}')
    assert find_credentials() is None
    path = store_key(home / ".config/kaggle")
    assert find_credentials().origin == str(path)


def test_no_place_after_the_first_that_serves_is_opened(home, monkeypatch):
    for name in FILES[1:]:
        (home / ".kaggle" / name).write_text("broken")
    (home / ".kaggle/access_token").write_text("T1")
    assert find_credentials().token == "T1"
    assert find_credentials().hidden is None


@pytest.mark.parametrize("seconds", [-60, 60])
def test_the_token_of_a_login_serves_while_it_is_valid(seconds, home):
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    values = {"refresh_token": "r", "access_token": "T1"}
    values["access_token_expiration"] = until.isoformat()
    (home / ".kaggle/credentials.json").write_text(json.dumps(values))
    assert find_credentials().token == ("T1" if seconds > 0 else None)
    assert "T1" not in repr(find_credentials())


def test_a_home_folder_that_is_closed_to_the_user_holds_nothing(home, monkeypatch):
    def closed(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.is_file", closed)
    assert find_credentials() is None


@pytest.mark.parametrize(
    "token",
    ["two words", "line\nbreak", "tökén", "KAGGLE_API_TOKEN=KGAT_0", '"KGAT_0"', "/no/such/file"],
)
def test_what_cannot_be_a_token_is_told_without_showing_it(token, home, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", token)
    with pytest.raises(InputError, match="KAGGLE_API_TOKEN holds no Kaggle token") as caught:
        find_credentials()
    assert token not in str(caught.value)

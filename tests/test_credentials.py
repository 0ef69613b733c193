"""Where Kaggle credentials are looked for."""

import json

import pytest

from digit_recognizer.credentials import find_credentials
from digit_recognizer.errors import InputError


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
    assert find_credentials().oauth_file == oauth

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


@pytest.mark.parametrize("content", ["{", "[]", '{"username": "ada"}'])
def test_a_broken_kaggle_json_is_named_without_its_content(content, home):
    path = home / ".kaggle/kaggle.json"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        find_credentials()
    assert str(caught.value).startswith(str(path))
    assert "https://www.kaggle.com/settings" in str(caught.value)


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "tökén"])
def test_what_cannot_be_a_token_is_told_without_showing_it(token, home, monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", token)
    with pytest.raises(InputError, match="KAGGLE_API_TOKEN holds no Kaggle token") as caught:
        find_credentials()
    assert token not in str(caught.value)

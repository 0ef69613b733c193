"""Where the user's Kaggle credentials are, in the order in which Kaggle's client looks."""

import json
import os
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from digit_recognizer.errors import InputError


@dataclass(frozen=True)
class Credentials:
    """One way to sign in to Kaggle: a token, a user's name and key, or a stored OAuth login.

    Parameters
    ----------
    origin : str
        The variable or file it is from.
    token, username, key : str or None
    oauth_file : Path or None
        The file of ``kaggle auth login``.
    hidden : str or None
        The origin of other credentials, which these keep from being used.
    """

    origin: str
    token: str | None = field(default=None, repr=False)
    username: str | None = None
    key: str | None = field(default=None, repr=False)
    oauth_file: Path | None = None
    hidden: str | None = None

    @property
    def kind(self):
        """What it is called in a sentence."""
        return "key" if self.key else "token"


def find_credentials():
    """Find the credentials in the environment and in the user's files.

    Returns
    -------
    credentials : Credentials or None

    Raises
    ------
    InputError
        If a file of credentials cannot be read or is not what its name says.
    """
    found = [one for look in (_token, _key, _oauth) if (one := look()) is not None]
    if not found:
        return None
    return replace(found[0], hidden=found[1].origin) if len(found) > 1 else found[0]


def _token():
    variable = os.environ.get("KAGGLE_API_TOKEN", "").strip()
    if variable and not _is_file(variable):
        return _checked_token(variable, "KAGGLE_API_TOKEN")
    files = [] if not variable else [variable]
    if "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
        files.insert(0, os.environ.get("KAGGLE_API_V1_TOKEN", ""))
    home = Path.home() / ".kaggle"
    for path in (*files, home / "access_token", home / "access_token.txt"):
        if path and _is_file(path) and (text := _read(path).strip()):
            return _checked_token(text, str(path))
    return None


def _is_file(path):
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # a token too long for the name of a file
        return False


def _checked_token(text, origin):
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise InputError(
            f"{origin} holds no Kaggle token (one word of letters and digits); copy it there again "
            f"from https://www.kaggle.com/settings."
        )
    return Credentials(origin, token=text)


def _key():
    path = _config_folder() / "kaggle.json"
    values = _read_json(path) if path.is_file() else {}
    username = os.environ.get("KAGGLE_USERNAME") or values.get("username")
    key = os.environ.get("KAGGLE_KEY") or values.get("key")
    if username and key:
        origin = "KAGGLE_KEY" if os.environ.get("KAGGLE_KEY") else str(path)
        return Credentials(origin, username=username, key=key)
    if values:
        raise InputError(
            f"{path} lacks username or key; download it again from https://www.kaggle.com/settings."
        )
    return None


def _config_folder():
    if folder := os.environ.get("KAGGLE_CONFIG_DIR"):
        return Path(folder)
    folder = Path.home() / ".kaggle"
    if sys.platform.startswith("linux") and not (folder / "kaggle.json").is_file():
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kaggle"
    return folder


def _oauth():
    path = Path.home() / ".kaggle" / "credentials.json"
    if path.is_file() and _read_json(path).get("refresh_token"):
        return Credentials(str(path), oauth_file=path)
    return None


def _read_json(path):
    try:
        values = json.loads(_read(path))
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise InputError(
            f"{path} is not the JSON file that Kaggle hands out; download it again from "
            f"https://www.kaggle.com/settings."
        )
    return values


def _read(path):
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); check its permissions."
        ) from error

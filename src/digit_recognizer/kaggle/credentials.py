"""Where the user's Kaggle credentials are, in the order in which Kaggle's client looks."""

import json
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from digit_recognizer.errors import InputError
from digit_recognizer.files import read_text

SETTINGS_PAGE = "https://www.kaggle.com/settings"
# RFC 6750, section 2.1, without the characters of a path.
_TOKEN = re.compile(r"[A-Za-z0-9._-]+=*", re.ASCII)
_MARK_OF_TOKENS = "KGAT_"
_KEY_NAMES = ("username", "key")
_DOWNLOAD = f"download it again from {SETTINGS_PAGE}"


@dataclass(frozen=True)
class Credentials:
    """One way to sign in to Kaggle: a token, a user's name and key, or a stored OAuth login.

    Parameters
    ----------
    origin : str
        The variable or file it is from.
    token : str or None
        Of a login, only while it is valid.
    username, key : str or None
    refresh_token : str or None
        What a login gets its next token by.
    """

    origin: str
    token: str | None = field(default=None, repr=False)
    username: str | None = None
    key: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)

    @property
    def kind(self):
        """What it is called in a sentence."""
        return "key" if self.key else "token"

    @property
    def hidden(self):
        """The origin of the next credentials, which these keep from being used, or None."""
        with suppress(InputError):
            for credentials in islice(_places(), 1, None):
                return credentials.origin
        return None


def find_credentials():
    """Find the credentials in the environment and in the user's files.

    The places are opened in order, and none after the first that has credentials.

    Returns
    -------
    credentials : Credentials or None

    Raises
    ------
    InputError
        If a file of credentials cannot be read or is not what its name says.
    """
    return next(_places(), None)


def home():
    """The user's home folder; None for one who has none."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def _places():
    yield from _tokens()
    yield from _keys()
    yield from _logins()


def _tokens():
    variable = os.environ.get("KAGGLE_API_TOKEN", "").strip()
    files = [Path(variable)] if variable else []
    if "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
        files.insert(0, Path(os.environ.get("KAGGLE_API_V1_TOKEN", "")))
    if variable and not _is_file(variable):
        yield _checked_token(variable, "KAGGLE_API_TOKEN")
    for path in (*files, *_in_home("access_token", "access_token.txt")):
        if _is_file(path) and (text := read_text(path).strip()):
            yield _checked_token(text, str(path))


def _in_home(*names):
    folder = home()
    return [] if folder is None else [folder / ".kaggle" / name for name in names]


def _is_file(path):
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # a token too long for a name, a folder closed to this user
        return False


def _checked_token(text, origin):
    if not _TOKEN.fullmatch(text):
        raise InputError(
            f"{origin} holds no Kaggle token (one word of letters and digits) nor the path of a "
            f"file with one; copy it there again from {SETTINGS_PAGE}."
        )
    return Credentials(origin, token=text)


def _keys():
    given = {name: os.environ.get(f"KAGGLE_{name.upper()}", "").strip() for name in _KEY_NAMES}
    given = {name: value for name, value in given.items() if value}
    if len(given) == len(_KEY_NAMES):
        yield _checked_key(given, "KAGGLE_KEY", "KAGGLE_USERNAME or KAGGLE_KEY is no name or key")
    for path in filter(_is_file, _config_files()):
        text = read_text(path, _DOWNLOAD)
        if _MARK_OF_TOKENS in text:
            raise InputError(
                f"{path} holds a token, which is not looked for there; move the token to "
                f"~/.kaggle/access_token."
            )
        values = _read_json(text, f"{path} is not the JSON file that Kaggle hands out; {_DOWNLOAD}")
        # `kaggle config set` keeps other settings there.
        if any(name in values for name in _KEY_NAMES):
            origin = "KAGGLE_KEY" if "key" in given else str(path)
            yield _checked_key(values | given, origin, f"{path} lacks username or key")


def _checked_key(values, origin, complaint):
    username, key = (values.get(name) for name in _KEY_NAMES)
    if not (_is_plain(username) and _is_plain(key)):
        raise InputError(f"{complaint}; {_DOWNLOAD}.")
    return Credentials(origin, username=username, key=key)


def _is_plain(value):
    return isinstance(value, str) and value.isascii() and value.isprintable() and bool(value)


def _config_files():
    if folder := os.environ.get("KAGGLE_CONFIG_DIR"):
        return [Path(folder) / "kaggle.json"]
    files = _in_home("kaggle.json")
    if sys.platform.startswith("linux"):
        folder = os.environ.get("XDG_CONFIG_HOME") or (home() and home() / ".config")
        files += [Path(folder) / "kaggle" / "kaggle.json"] if folder else []
    return files


def _logins():
    for path in filter(_is_file, _in_home("credentials.json")):
        wrong = f"{path} is not a login of `kaggle auth login`; log in again"
        values = _read_json(read_text(path, "log in again"), wrong)
        refresh_token = values.get("refresh_token")
        if not refresh_token:
            continue
        try:
            until = datetime.fromisoformat(values.get("access_token_expiration") or "1970-01-01")
        except (TypeError, ValueError):
            raise InputError(f"{wrong}.") from None
        is_valid = (until if until.tzinfo else until.replace(tzinfo=UTC)) > datetime.now(UTC)
        token = (values.get("access_token") or None) if is_valid else None
        if not all(_is_plain(one) for one in (refresh_token, token) if one is not None):
            raise InputError(f"{wrong}.")
        yield Credentials(str(path), token=token, refresh_token=refresh_token)


def _read_json(text, wrong):
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise InputError(f"{wrong}.")
    return values

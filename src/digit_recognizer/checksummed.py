"""JSON files that tell whether they were altered or cut off since they were written."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from digit_recognizer.errors import InputError
from digit_recognizer.files import sha256, write_text

KEY = "sha256"
# Raised when what such files hold changes: those of before are then made again.
VERSION = 1


def sealed(content: dict) -> str:
    """The content as JSON with its own SHA-256 in it."""
    return json.dumps(content | {KEY: _digest(content)}, indent=2) + "\n"


def write_checksummed(path: Path, content: dict) -> None:
    """Write the content to a file, see `sealed`."""
    write_text(path, sealed(content))


def read_checksummed(path: Path) -> dict | None:
    """The content of a sealed file; None if it is not there, or is not as it was written."""
    try:
        content = json.loads(Path(path).read_bytes())
        digest = content.pop(KEY)
    except (OSError, ValueError, LookupError, AttributeError, TypeError, RecursionError):
        return None
    return content if digest == _digest(content) else None


def damaged_files(folder: Path, content: dict) -> list[str]:
    """Names of the files in a folder that are missing, or not as ``content["files"]`` has them."""
    return [name for name, digest in content["files"].items() if not _is(folder / name, digest)]


def _is(path, digest):
    with suppress(InputError):
        return sha256(path) == digest
    return False


def _digest(content):
    text = f"{VERSION} {json.dumps(content, sort_keys=True)}"
    return hashlib.sha256(text.encode()).hexdigest()

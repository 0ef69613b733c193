"""Print the test files of what changed: in the work tree, or if nothing did in the last commit.

A module's tests are those that mirror it (`tests/nn/test_layers.py` of `nn/layers.py`), else those
that import it, else those of its room, as of a script or a template. Its own examples are tests
too, as are those of a page.
"""

import re
import subprocess
from pathlib import Path, PurePosixPath

PACKAGE, TESTS = "digit_recognizer", PurePosixPath("tests")
SOURCE = PurePosixPath("src", PACKAGE)
# Real clusters take minutes.
LONG = "test_distributed.py"
# What half of the tests import is not tested by all of them.
MANY = 4


def changed_files() -> list[str]:
    """Paths that git says changed."""
    for command in (["status", "--porcelain", "-uall"], ["diff", "--name-status", "HEAD~1"]):
        output = subprocess.run(["git", *command], capture_output=True, text=True, check=True)
        # A renamed file has its new name last.
        paths = [line.split()[-1] for line in output.stdout.splitlines()]
        if paths:
            return paths
    return []


def tests_of(path: str) -> set[str]:
    """Files that test a changed file, as pytest takes them."""
    path = PurePosixPath(path)
    own = {str(path)} if Path(path).is_file() else set()
    if path.suffix == ".md":
        return own if path.parts[0] == "docs" or path.name == "README.md" else set()
    if path.suffix != ".py":
        # Scripts, styles and templates of pages are tested with their room.
        if not path.is_relative_to(SOURCE):
            return set()
        return set(map(str, _of_room(TESTS / path.relative_to(SOURCE).parent)))
    if path.is_relative_to(SOURCE):
        return own | set(map(str, _of_module(path.relative_to(SOURCE))))
    if not path.is_relative_to(TESTS):
        return set()
    if path.name.startswith("test_"):
        return own
    found = _of_room(path.parent) if path.name == "conftest.py" else _importers("", path.stem)
    return set(map(str, found))


def _of_module(path):
    """Test files of a module of the package."""
    room = TESTS / path.parent
    mirrors = [room / f"test_{path.stem}.py", room / f"test_{path.parent.name}.py"]
    mirrors = [mirror for mirror in map(Path, mirrors) if mirror.is_file()]
    importers = _importers(".".join([PACKAGE, *path.parent.parts]), path.stem)
    near = [test for test in importers if test.parent == Path(room)]
    short = [test for test in importers if test.name != LONG]
    return mirrors or near or short[:MANY] or importers or _of_room(room)


def _importers(package, name):
    """Test files that import a module, by one statement or the other."""
    dotted = f"{package}.{name}" if package else name
    statement = rf"^from {re.escape(package)} import .*\b{name}\b|" if package else ""
    pattern = re.compile(rf"{statement}^(from|import) {re.escape(dotted)}\b", re.MULTILINE)
    files = sorted(Path(TESTS).rglob("test_*.py"))
    return [file for file in files if pattern.search(file.read_text(encoding="utf-8"))]


def _of_room(room):
    """Test files of a room, or of the nearest one around it that has some."""
    return sorted(Path(room).glob("test_*.py")) or _of_room(room.parent)


if __name__ == "__main__":
    found = {test for path in changed_files() for test in tests_of(path)}
    print(*sorted(found | {str(TESTS / "test_architecture.py")}))

"""Print the test files of what changed: in the work tree, or if nothing did in the last commit.

A test file belongs to a module if it mirrors it (`tests/nn/test_layers.py` of `nn/layers.py`).
"""

import subprocess
from pathlib import Path, PurePosixPath

SOURCE, TESTS = PurePosixPath("src/digit_recognizer"), PurePosixPath("tests")


def changed_files() -> list[str]:
    """Paths that git says changed."""
    for command in (["status", "--porcelain", "-uall"], ["diff", "--name-status", "HEAD~1"]):
        output = subprocess.run(["git", *command], capture_output=True, text=True, check=True)
        # A renamed file has its new name last.
        paths = [line.split()[-1] for line in output.stdout.splitlines()]
        if paths:
            return paths
    return []


def tests_of(path: str) -> list[str]:
    """Test files of a changed file."""
    path = PurePosixPath(path)
    if path.suffix != ".py":
        return []
    if path.is_relative_to(SOURCE):
        room = TESTS / path.relative_to(SOURCE).parent
        names = [room / f"test_{path.stem}.py", room / f"test_{path.parent.name}.py"]
    else:
        names = [path] if path.name.startswith("test_") else []
    return [str(name) for name in names if Path(name).is_file()]


if __name__ == "__main__":
    found = {test for path in changed_files() for test in tests_of(path)}
    print(*sorted(found | {str(TESTS / "test_architecture.py")}))

"""The rooms of the project and the arrows between them, read from the imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import digit_recognizer

PACKAGE = "digit_recognizer"
ROOT = Path(digit_recognizer.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# Each room and the rooms it may import: cli → pipeline, report, kaggle → estimator → nn.
# The package itself is a room: its __init__ hands out the estimators.
ARROWS = {
    "nn": set(),
    "errors": set(),
    "vocabulary": set(),
    "endings": {"errors", "vocabulary"},
    "options": {"vocabulary"},
    "streams": set(),
    "files": {"errors"},
    "sealed": {"files"},
    "estimator": {"errors", "files", "nn"},
    PACKAGE: {"estimator"},
    "pipeline": {PACKAGE, "errors", "estimator", "files", "nn", "sealed", "vocabulary"},
    "report": {PACKAGE, "errors", "estimator", "files", "nn"},
    "credentials": {"errors", "files"},
    "patience": set(),
    "kaggle_errors": {"credentials", "errors"},
    "kaggle": {"credentials", "errors", "kaggle_errors", "patience"},
    "cli": {
        PACKAGE,
        "endings",
        "errors",
        "estimator",
        "files",
        "nn",
        "pipeline",
        "report",
        "kaggle",
        "options",
        "streams",
        "vocabulary",
    },
    "make": {"cli", "errors", "vocabulary"},
    "__main__": {"cli"},
}
# What a room may import from outside, where that is little.
OUTSIDE = {
    "nn": {"numpy"},
    "errors": set(),
    "endings": set(),
    "files": {"numpy"},
    "estimator": {"joblib", "numpy", "safetensors", "scipy", "sklearn"},
    "credentials": set(),
    "patience": set(),
    "kaggle_errors": set(),
    "kaggle": {"kagglesdk", "requests", "tqdm"},
    PACKAGE: set(),
    "__main__": set(),
}
# What only these rooms may import.
RESERVED = {
    "kaggle": {"kaggle"},
    "kagglesdk": {"kaggle"},
    "requests": {"kaggle"},
    "matplotlib": {"report"},
}


def room_of(path):
    first = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return PACKAGE if first == "__init__" else first


def imports_of(source, package):
    """Dotted names a module imports, at its top or anywhere inside, by statement or by call.

    A name imported from a package comes as ``package.name``.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: -node.level + 1 or None] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else None
            called = node.func.id if isinstance(node.func, ast.Name) else called
            first = node.args[0] if node.args else None
            if called in ("import_module", "__import__") and isinstance(first, ast.Constant):
                yield first.value


def rooms_and_others(path):
    """The project's rooms that a file imports, and the modules of others."""
    package = ".".join([PACKAGE, *path.relative_to(ROOT).parent.parts])
    rooms, others = set(), set()
    for name in imports_of(path.read_text(encoding="utf-8"), package):
        top, *rest = name.split(".")
        if top != PACKAGE:
            others.add(name)
        elif rest and ((ROOT / rest[0]).is_dir() or (ROOT / f"{rest[0]}.py").is_file()):
            rooms.add(rest[0])
        else:
            rooms.add(PACKAGE)
    return rooms, others


def within(name, allowed):
    return any(name == one or name.startswith(f"{one}.") for one in allowed)


each_file = pytest.mark.parametrize(
    "path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES]
)


def test_every_room_has_its_arrows():
    assert {room_of(path) for path in FILES} <= set(ARROWS)
    assert {"nn", "estimator", "pipeline", PACKAGE} <= {room_of(path) for path in FILES}


@each_file
def test_imports_follow_the_arrows(path):
    rooms, _ = rooms_and_others(path)
    assert rooms - {room_of(path)} <= ARROWS[room_of(path)]


@each_file
def test_rooms_import_only_what_is_theirs_to_use(path):
    _, others = rooms_and_others(path)
    others = {name for name in others if name.split(".")[0] not in sys.stdlib_module_names}
    key = path.relative_to(ROOT).as_posix()
    allowed = OUTSIDE.get(key, OUTSIDE.get(room_of(path)))
    if allowed is not None:
        assert not [name for name in others if not within(name, allowed)]
    for module, rooms in RESERVED.items():
        assert room_of(path) in rooms or not [name for name in others if within(name, {module})]


@each_file
def test_files_stay_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 350


def test_imports_are_found_wherever_they_stand():
    source = """
import numpy as np, scipy.optimize
from . import layers
from .. import estimator
from ..nn.layers import Dense
from digit_recognizer import cli
def f():
    import pandas
    importlib.import_module("matplotlib.pyplot")
    __import__("kaggle")
"""
    assert set(imports_of(source, f"{PACKAGE}.nn")) == {
        "numpy",
        "scipy.optimize",
        f"{PACKAGE}.nn.layers",
        f"{PACKAGE}.estimator",
        f"{PACKAGE}.nn.layers.Dense",
        f"{PACKAGE}.cli",
        "pandas",
        "matplotlib.pyplot",
        "kaggle",
    }


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import digit_recognizer", "pandas matplotlib kaggle sklearn scipy"),
        ("import digit_recognizer.nn", "pandas matplotlib kaggle sklearn scipy joblib"),
        ("from digit_recognizer import NumpyNetClassifier", "matplotlib kaggle"),
    ],
)
def test_importing_loads_nothing_heavy_before_it_is_needed(statement, heavy):
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not set(heavy.split()) & set(done.stdout.split())
    assert PACKAGE in done.stdout.split()


def test_the_package_hands_out_its_estimators_and_nothing_unknown():
    assert digit_recognizer.NumpyNetClassifier.__module__ == "digit_recognizer.estimator.classifier"
    assert {"NumpyNetClassifier", "NumpyNetRegressor", "__version__"} <= set(dir(digit_recognizer))
    with pytest.raises(AttributeError, match="no attribute 'NoSuchNet'"):
        digit_recognizer.NoSuchNet  # noqa: B018

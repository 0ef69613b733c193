"""The rooms of the project and the arrows between them, read from the imports."""

import ast
import subprocess
import sys
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import digit_recognizer

PACKAGE = "digit_recognizer"
ROOT = Path(digit_recognizer.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# Each room and the rooms it may import; the package's own __init__ hands out the estimators.
SHARED = {"checksummed", "errors", "files"}
NETWORK = {
    "nn",
    *(f"nn/{room}" for room in ("arrays", "images", "interface", "kernels", "rows", "testing")),
}
ESTIMATOR = {f"estimator/{room}" for room in ("building", "inputs", "saving", "fitting")}
DATA, RECIPES, RUNS = "pipeline/data", "pipeline/recipes", "pipeline/runs"
ENSEMBLES, COMPUTE = "pipeline/ensembles", "pipeline/compute"
ARROWS = {
    "nn/arrays": set(),
    "nn/interface": {"nn/arrays"},
    "nn/rows": {"nn/arrays"},
    "nn": {"nn/arrays", "nn/interface", "nn/rows"},
    "nn/testing": {"nn", "nn/arrays"},
    "nn/kernels": {"nn/arrays"},
    "nn/images": {"nn", "nn/arrays", "nn/interface", "nn/kernels"},
    "errors": set(),
    "files": {"errors"},
    "checksummed": {"errors", "files"},
    "estimator/building": {*NETWORK},
    "estimator/inputs": {*NETWORK},
    "estimator/saving": {"estimator/building", *NETWORK, *SHARED},
    "estimator/fitting": {"estimator/building", "estimator/inputs", "estimator/saving", *NETWORK},
    "estimator": {*ESTIMATOR, *NETWORK},
    PACKAGE: {"estimator"},
    "interop": {PACKAGE, "estimator", "estimator/building", "files", *NETWORK},
    DATA: SHARED,
    RECIPES: {DATA, "estimator", *NETWORK, *SHARED},
    ENSEMBLES: {RECIPES, *SHARED},
    RUNS: {PACKAGE, DATA, RECIPES, ENSEMBLES, "estimator", *SHARED},
    "pipeline/sources": {DATA, RUNS, *SHARED},
    COMPUTE: {PACKAGE, DATA, RECIPES, RUNS, "estimator", "estimator/saving", *NETWORK, *SHARED},
    "pipeline/submissions": {DATA, RECIPES, RUNS, *SHARED},
    "pipeline": {
        "estimator",
        DATA,
        RECIPES,
        ENSEMBLES,
        RUNS,
        COMPUTE,
        "pipeline/submissions",
        *SHARED,
    },
    "kaggle": SHARED,
    "report": {
        PACKAGE,
        "command_line",
        "pipeline",
        "report/demo",
        "report/parts",
        "report/sections",
        DATA,
        RUNS,
        *SHARED,
    },
    "report/demo": {"estimator", "pipeline", "report/parts", RUNS, *NETWORK, *SHARED},
    "report/sections": {
        "nn",
        "pipeline",
        "pipeline/submissions",
        "report/parts",
        ENSEMBLES,
        RUNS,
        *SHARED,
    },
    "report/parts": {PACKAGE, DATA, RECIPES, RUNS, *SHARED},
    "pictures": {"command_line", "pipeline", DATA, *SHARED},
    "command_line": {"cli", "errors"},
    "command_line/commands": {
        "command_line",
        "kaggle",
        "pipeline",
        "report",
        DATA,
        RECIPES,
        RUNS,
        COMPUTE,
        "pipeline/sources",
        "pipeline/submissions",
        *SHARED,
    },
    "cli": {PACKAGE, "command_line", "command_line/commands", "pictures", "report"},
    "__main__": {"cli"},
}
# Rooms looked up inside a function, when it is called: from_torch and its like build on the
# estimators, whose methods they are.
WHEN_CALLED = {"estimator/exchange.py": {"interop"}, "estimator/plots.py": {"report"}}
# The package shows all of the network, the core none of the rooms beside it.
ASSEMBLED = {"nn/__init__.py": {"nn/images", "nn/testing"}}
# What a room may import from outside, where that is little.
OUTSIDE = {
    "nn": {"numpy"},
    "nn/arrays": {"numpy"},
    "nn/interface": {"numpy"},
    "nn/images": {"numpy"},
    "nn/kernels": {"numpy"},
    "nn/rows": {"numpy"},
    "nn/testing": {"numpy"},
    "errors": set(),
    "files": {"filelock", "numpy"},
    "checksummed": set(),
    "estimator": {"numpy", "sklearn"},
    "estimator/building": {"numpy", "sklearn"},
    "estimator/inputs": {"numpy", "sklearn"},
    "estimator/saving": {"numpy", "safetensors", "sklearn"},
    "estimator/fitting": {"numpy", "scipy", "sklearn", "threadpoolctl"},
    "command_line": {"rich"},
    "kaggle": {"kagglesdk", "requests", "rich"},
    PACKAGE: set(),
    "__main__": set(),
}
# What only these rooms may import.
RESERVED = {
    "kaggle": {"kaggle"},
    "kagglesdk": {"kaggle"},
    "requests": {"kaggle"},
    "matplotlib": {"report", "report/parts"},
    **{name: {"interop"} for name in ("flax", "jax", "keras", "onnx", "skl2onnx", "torch")},
}


def room_of(path):
    """The innermost folder of a file; at the top, the file itself."""
    room = path.relative_to(ROOT).parent.as_posix()
    if room != ".":
        return room
    return PACKAGE if path.stem == "__init__" else path.stem


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
            continue
        # The longest part of the name that is a file or a folder.
        lengths = range(len(rest), 0, -1)
        places = (ROOT.joinpath(*rest[:length]) for length in lengths)
        found = next((p for p in places if p.is_dir() or p.with_suffix(".py").is_file()), ROOT)
        rooms.add(room_of(found / "__init__.py" if found.is_dir() else found.with_suffix(".py")))
    return rooms, others


def within(name, allowed):
    return any(name == one or name.startswith(f"{one}.") for one in allowed)


each_file = pytest.mark.parametrize(
    "path", FILES, ids=[str(path.relative_to(ROOT)) for path in FILES]
)


def test_every_room_has_its_arrows():
    assert {room_of(path) for path in FILES} == set(ARROWS)


@each_file
def test_imports_follow_the_arrows(path):
    rooms, _ = rooms_and_others(path)
    key = path.relative_to(ROOT).as_posix()
    allowed = ARROWS[room_of(path)] | ASSEMBLED.get(key, set()) | WHEN_CALLED.get(key, set())
    assert rooms - {room_of(path)} <= allowed


def test_the_arrows_make_no_circle():
    # But for make, which reads its options from the command line's own parser.
    arrows = {room: targets - {"cli"} for room, targets in ARROWS.items()}
    order = list(TopologicalSorter(arrows).static_order())
    assert order.index("nn") < order.index("nn/images") < order.index("estimator")


def test_a_folder_holds_what_one_can_remember():
    rooms = Counter(room_of(path) for path in FILES if path.stem != "__init__")
    # The network's own files are read in one order, which its docstring tells.
    assert {room for room in rooms if rooms[room] > 15} <= {"nn"}


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


def n_lines(paths):
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def test_the_dense_core_is_read_in_a_sitting():
    core = list((ROOT / "nn").glob("*.py"))
    assert len(core) <= 15
    assert n_lines(core) <= 2014


def test_a_dense_training_step_is_in_five_files():
    step = ("training", "network", "layers", "losses", "optimizers")
    assert n_lines(ROOT / "nn" / f"{name}.py" for name in step) <= 906


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
        (
            "from digit_recognizer import NumpyNetClassifier",
            "matplotlib kaggle torch onnx keras flax digit_recognizer.interop",
        ),
        ("import digit_recognizer.cli as c; c.main(['runs'])", "pandas kaggle sklearn scipy"),
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
    assert {"NumpyNetClassifier", "NumpyNetRegressor", "load_run", "__version__"} <= set(
        dir(digit_recognizer)
    )
    with pytest.raises(AttributeError, match="no attribute 'NoSuchNet'"):
        digit_recognizer.NoSuchNet  # noqa: B018

"""Saved files that were truncated, altered, or made to do harm."""

import ast
import hashlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from sklearn.datasets import load_iris

from digit_recognizer import NumpyNetClassifier, NumpyNetRegressor, nn
from digit_recognizer.estimator import saving

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
OPTIONS = {"max_iter": 2, "random_state": 0, "class_weight": {0: 2.0}}
X, Y = load_iris(return_X_y=True)
FITTED = NumpyNetClassifier(
    architecture=[nn.Dense(3, bias=False), nn.BatchNorm(), nn.ReLU()],
    learning_rate="cosine",
    **OPTIONS,
).fit(X, Y)


@pytest.fixture
def path(tmp_path):
    """Where a fitted classifier is saved."""
    FITTED.save(tmp_path / "model")
    return tmp_path / "model.safetensors"


def load(path):
    return NumpyNetClassifier.load(path)


def assert_unharmed(model):
    np.testing.assert_array_equal(model.predict_proba(X), FITTED.predict_proba(X))
    assert model.history_ == FITTED.history_
    assert repr(model.get_params()) == repr(FITTED.get_params())


def contents(path):
    """The arrays and the description in a file."""
    with safe_open(path, "np") as file:
        return safetensors.numpy.load_file(path), json.loads(file.metadata()["estimator"])


def description_of(path):
    return contents(path)[1]


def write(path, arrays, description, sign=True):
    """Write arrays and a description, with a checksum that fits if `sign`."""
    if sign:
        body = {key: value for key, value in description.items() if key != "sha256"}
        digest = hashlib.sha256(json.dumps(body).encode())
        for name in sorted(arrays):
            array = np.ascontiguousarray(arrays[name])
            digest.update(f"{name} {array.dtype.name} {array.shape}".encode() + array.tobytes())
        description = body | {"sha256": digest.hexdigest()}
    content = safetensors.numpy.save(arrays, metadata={"estimator": json.dumps(description)})
    path.write_bytes(content)


def write_description(path, description, sign=False):
    """Write another description beside the arrays that are there."""
    write(path, contents(path)[0], description, sign)


def write_weights(path, change):
    """Write changed arrays with a description that fits them."""
    arrays, description = contents(path)
    write(path, change(arrays), description)


def leaves(value, place=()):
    """Paths to all values of a JSON document."""
    yield place
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*place, key))


def replace(description, place, value):
    """The description with another value at a place of `leaves`."""
    parent = description
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    return description


DAMAGED = r"model\.safetensors is no saved estimator, or a damaged one: "


def test_the_file_itself_loads(path):
    assert_unharmed(load(path))
    write(path, *contents(path))
    assert_unharmed(load(path))


# --- weights -------------------------------------------------------------------------------------


def test_a_truncated_file_is_refused(path):
    content = path.read_bytes()
    for n_bytes in (*range(0, len(content) - 1, 37), len(content) - 1):
        path.write_bytes(content[:n_bytes])
        with pytest.raises(ValueError, match=DAMAGED):
            load(path)


@pytest.mark.parametrize("place", [0, 9, 60, -1, -30])
def test_a_flipped_bit_is_refused(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=DAMAGED):
        load(path)


def test_weights_of_another_training_are_refused(path, tmp_path):
    other = NumpyNetClassifier(**FITTED.get_params()).set_params(random_state=1).fit(X, Y)
    other.save(tmp_path / "other")
    arrays, _ = contents(tmp_path / "other.safetensors")
    write(path, arrays, description_of(path), sign=False)
    with pytest.raises(ValueError, match=f"{DAMAGED}its checksum differs"):
        load(path)


@pytest.mark.parametrize("sizes", [(4,), (3, 3), (), (5,)], ids=str)
def test_signed_weights_of_another_architecture_are_refused(path, tmp_path, sizes):
    other = NumpyNetClassifier(sizes, **OPTIONS).fit(X, Y)
    other.save(tmp_path / "other")
    arrays, _ = contents(tmp_path / "other.safetensors")
    write_weights(path, lambda _: arrays)
    with pytest.raises(ValueError, match="does not fit its description: array"):
        load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays | {"0.weight": arrays["0.weight"].T.copy()},
        lambda arrays: arrays | {"0.weight": arrays["0.weight"].astype(np.float32)},
        lambda arrays: arrays | {"9.weight": arrays["0.weight"]},
        lambda arrays: {k: v for k, v in arrays.items() if k != "1.running_mean"},
        lambda arrays: {},
    ],
    ids=["transposed", "float32", "one more", "one less", "none"],
)
def test_signed_weights_that_do_not_fit_are_refused(path, change):
    write_weights(path, change)
    with pytest.raises(ValueError, match=r"does not fit its description: arrays? "):
        load(path)


# --- description ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "[1, 2]", "null", "3", '"text"', "{}", "[" * 100_000, '{"version": 1}'],
    ids=range(10),
)
def test_what_is_no_description_is_refused(path, text):
    arrays, _ = contents(path)
    path.write_bytes(safetensors.numpy.save(arrays, metadata={"estimator": text}))
    with pytest.raises(ValueError, match=DAMAGED):
        load(path)


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}])
def test_safetensors_of_others_are_refused(path, metadata):
    path.write_bytes(safetensors.numpy.save(contents(path)[0], metadata=metadata))
    with pytest.raises(ValueError, match=f"{DAMAGED}no such entry in its metadata"):
        load(path)


def test_any_edited_field_is_refused(path):
    places = [place for place in leaves(description_of(path)) if place]
    assert len(places) > 40
    for place in places:
        FITTED.save(path)
        write_description(path, replace(description_of(path), place, "edited"))
        with pytest.raises(ValueError, match=r"model\.safetensors"):
            load(path)


def test_any_missing_field_is_refused(path):
    for key in description_of(path):
        description = description_of(path)
        del description[key]
        write_description(path, description)
        with pytest.raises(ValueError, match=r"model\.safetensors"):
            load(path)
        FITTED.save(path)


def test_any_missing_field_is_refused_even_if_signed(path):
    for key in description_of(path):
        if key == "sha256":
            continue
        FITTED.save(path)
        description = description_of(path)
        del description[key]
        write_description(path, description, sign=True)
        with pytest.raises(ValueError, match="model"):
            load(path)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    "value", ["edited", -1, None, [], {}, {"array": 3}, {"dict": 3}, 1e300, [[]]], ids=repr
)
def test_fields_of_another_kind_raise_nothing_but_valueerror_even_if_signed(path, value):
    refused = 0
    for place in leaves(description_of(path)):
        if place[:1] not in ((), ("sha256",)):
            FITTED.save(path)
            description = replace(description_of(path), place, value)
            write_description(path, description, sign=True)
            try:
                model = load(path)
            except ValueError:
                refused += 1
            else:
                assert isinstance(model, NumpyNetClassifier)
    assert refused > 10


def test_another_class_is_refused_with_the_right_one(path):
    with pytest.raises(ValueError, match=r"load it with NumpyNetClassifier\.load"):
        NumpyNetRegressor.load(path)


@pytest.mark.parametrize("sign", [True, False])
def test_a_newer_version_asks_for_an_update(path, sign):
    write_description(path, description_of(path) | {"version": 2}, sign)
    with pytest.raises(ValueError, match=r"version 2, newer than 1.*update digit-recognizer"):
        load(path)


# --- harm ----------------------------------------------------------------------------------------


class Trap:
    """Leaves a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_a_pickle_in_place_of_the_file_is_not_run(path, tmp_path):
    trace = tmp_path / "trace"
    content = pickle.dumps(Trap(trace))
    path.write_bytes(content)
    with pytest.raises(ValueError, match=DAMAGED):
        load(path)
    assert not trace.exists()
    pickle.loads(content)
    assert trace.exists()


@pytest.mark.parametrize(
    "name",
    [
        "CustomActivation",
        "Layer",
        "Network",
        "os.system",
        "__import__",
        "builtins.print",
        "dense",
        "",
        3,
        None,
        ["Dense"],
    ],
)
def test_an_unknown_class_of_layer_is_refused_even_if_signed(path, name):
    description = description_of(path)
    description["parameters"]["architecture"]["layers"][2] = {
        "class": name,
        "arguments": {"function": "print", "derivative": "print"},
    }
    write_description(path, description, sign=True)
    with pytest.raises(ValueError, match="does not fit its description"):
        load(path)


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("attributes", "predict"),
        ("attributes", "__class__"),
        ("attributes", "_network"),
        ("parameters", "unknown"),
        ("parameters", "__class__"),
    ],
)
def test_unknown_names_are_refused_even_if_signed(path, where, name):
    description = description_of(path)
    description[where][name] = 1
    write_description(path, description, sign=True)
    with pytest.raises(ValueError, match=name):
        load(path)


def test_wrong_parameters_are_refused_even_if_signed(path):
    description = description_of(path)
    description["parameters"]["dropout"] = 7.0
    write_description(path, description, sign=True)
    with pytest.raises(ValueError, match="dropout"):
        load(path)


def test_the_code_that_saves_and_loads_has_no_pickle_and_no_eval():
    folder = Path(saving.__file__).parent
    for name in ("persistence.py", "documents.py", "descriptions.py"):
        tree = ast.parse((folder / name).read_text())
        imported = {
            alias.name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not {"pickle", "joblib", "dill", "importlib"} & (imported | modules)
        assert not {"eval", "exec", "__import__", "getattr_static"} & called


# --- at random -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Path and bytes of a saved model."""
    path = tmp_path_factory.mktemp("whole") / "model.safetensors"
    FITTED.save(path)
    return path, path.read_bytes()


@settings(max_examples=150)
@given(data=st.data())
def test_bytes_that_are_changed_or_cut_off_never_give_another_model(whole, data):
    path, content = whole
    changed = bytearray(content)
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, max_size=3)):
        changed[place] = data.draw(st.integers(0, 255))
    changed = changed[: data.draw(st.one_of(st.just(len(content)), places))]
    path.write_bytes(changed)
    try:
        model = load(path)
    except ValueError:
        assert bytes(changed) != content
    else:
        assert_unharmed(model)

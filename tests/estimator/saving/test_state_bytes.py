"""Training states as bytes; and when there is none."""

import json
import math

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from digit_recognizer.estimator import TrainingState
from training_states import (
    X,
    Y,
    classifier,
    through_bytes,
    unfinished,
)

ONE_ARRAY = {"values": np.zeros(2)}
FLOATS = st.floats(allow_nan=False) | st.sampled_from([math.inf, -math.inf, -0.0, 5e-324])
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**200), 2**200) | FLOATS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), PLAIN))
def test_plain_values_come_back_exactly(plain):
    back = through_bytes(TrainingState(ONE_ARRAY, plain)).plain
    assert repr(back) == repr(plain)


def test_nan_comes_back():
    assert math.isnan(through_bytes(TrainingState(ONE_ARRAY, {"loss": math.nan})).plain["loss"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, bool])
def test_arrays_come_back_exactly(dtype):
    arrays = {
        "empty": np.empty((0, 3), dtype),
        "scalar": np.array(1, dtype),
        "strided": np.arange(12).astype(dtype)[::3],
        "transposed": np.arange(6).reshape(2, 3).astype(dtype).T,
    }
    back = through_bytes(TrainingState(arrays)).arrays
    for name, array in arrays.items():
        assert back[name].dtype == dtype
        np.testing.assert_array_equal(back[name], array)


def test_the_same_state_has_the_same_bytes(state):
    assert state.to_bytes() == state.to_bytes() == through_bytes(state).to_bytes()


CONTENT = TrainingState({"values": np.arange(5.0)}, {"count": 3, "loss": 0.5}).to_bytes()


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_any_altered_byte_is_refused_or_means_the_same(place, flip):
    altered = bytearray(CONTENT)
    altered[place] ^= flip
    try:
        state = TrainingState.from_bytes(bytes(altered))
    except ValueError:
        return
    assert state.to_bytes() == CONTENT


def test_any_truncation_is_refused():
    for n_bytes in range(len(CONTENT)):
        with pytest.raises(ValueError, match="no saved training state, or a damaged one"):
            TrainingState.from_bytes(CONTENT[:n_bytes])


def with_document(document):
    text = document if isinstance(document, str) else json.dumps(document)
    return safetensors.numpy.save({"a": np.zeros(2)}, metadata={"training state": text})


@pytest.mark.parametrize(
    "content",
    [
        b"\x00" * 100,
        CONTENT + b"\x00",
        safetensors.numpy.save({"a": np.zeros(2)}),
        safetensors.numpy.save({"a": np.zeros(2)}, metadata={"other": "{}"}),
        with_document("{"),
        with_document("[" * 100_000),
        with_document([]),
        with_document({}),
        with_document({"version": 1, "sha256": "", "plain": {}}),
        with_document({"version": "9", "sha256": "", "plain": {}}),
    ],
    ids=range(10),
)
def test_something_else_is_refused(content):
    with pytest.raises(
        ValueError, match=r"^This is no saved training state, or a damaged one: .*\.$"
    ):
        TrainingState.from_bytes(content)


def test_a_newer_version_asks_for_an_update():
    newer = {"version": 2, "sha256": "", "plain": {}}
    with pytest.raises(ValueError, match=r"version 2, newer than 1.*update digit-recognizer"):
        TrainingState.from_bytes(with_document(newer))


def test_there_is_no_state_before_the_first_record():
    model = classifier()()
    with pytest.raises(NotFittedError, match="take it after a record that fit_epochs has yielded"):
        model.training_state()
    model.fit_epochs(X, Y)
    with pytest.raises(NotFittedError):
        model.training_state()


@unfinished
def test_there_is_no_state_of_other_ways_of_training():
    model = classifier()()
    for train in (model.fit, model.partial_fit):
        list(model.fit_epochs(X, Y))
        model.training_state()
        train(X, Y)
        with pytest.raises(NotFittedError):
            model.training_state()


def test_there_is_no_state_within_an_epoch(interrupt_step):
    model = classifier()()
    interrupt_step(6)
    with pytest.raises(KeyboardInterrupt):
        assert len(list(model.fit_epochs(X, Y))) == 1
    with pytest.raises(NotFittedError):
        model.training_state()


@unfinished
def test_lbfgs_has_no_state():
    model = classifier(solver="lbfgs")()
    for _ in range(2):
        with pytest.raises(ValueError, match="solver='lbfgs' has no training state"):
            model.training_state()
        list(model.fit_epochs(X, Y))

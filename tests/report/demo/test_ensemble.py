"""How the page makes one prediction of its networks'."""

import base64

import numpy as np
import pytest

from digit_recognizer import NumpyNetClassifier, load_run
from digit_recognizer.pipeline.data.competition import Competition
from digit_recognizer.pipeline.ensembles.combining import LearnedWeights, Mean, Stacking
from digit_recognizer.pipeline.run_classifier import RunClassifier
from digit_recognizer.report.demo.ensemble import describe_ensemble, list_networks
from digit_recognizer.report.demo.page import GREY, VIEWED, left_out

COMBINE = """([pixels, n]) => {
    const values = Float32Array.from(atob(pixels), (character) => character.charCodeAt(0));
    const rows = networks.map((network) => forward(network, values, shape));
    return Array.from(combine(data.ensemble, rows, n));
}"""


def in_page(page, X):
    pixels = base64.b64encode(X.astype(np.uint8).tobytes()).decode()
    return np.reshape(page.evaluate(COMBINE, [pixels, len(X)]), (len(X), -1))


def classifier(name, groups):
    made = RunClassifier(name)
    made.competition_, made.groups_ = Competition(image_height=6, image_width=6), groups
    return made


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
@pytest.mark.parametrize("classes", ["0123456789", "ab"])
def test_networks_are_combined_as_the_run_does(open_page, page_of, fitted, classes):
    shape = (6, 6, 1)
    fits = [
        fitted(shape, classes, hidden_layer_sizes=5, random_state=seed, max_iter=20)
        for seed in range(4)
    ]
    networks, X = [network for network, _ in fits], fits[0][1]
    y = np.resize(np.arange(len(classes)), len(X))
    stacking = Stacking().fit(np.stack([one.predict_proba(X) for one in networks[:2]]), y)
    weights = LearnedWeights().restore({"weights": [0.7, 0.3]})
    stacked = classifier("stacked", [(stacking, networks[:2])])
    blend = classifier("blend", [(weights, [stacked, classifier("b", [(Mean(), networks[2:])])])])
    assert [one.name for one in list_networks(blend)] == [
        "stacked fold 1 network 1",
        "stacked fold 1 network 2",
        "b fold 1 network 1",
        "b fold 1 network 2",
    ]
    page = open_page(page_of(networks, shape, classes, describe_ensemble(blend)))
    expected = blend.predict_proba(X)
    assert np.ptp(expected[:, 0]) > 0.01
    assert np.abs(in_page(page, X) - expected).max() < 1e-5


def test_the_page_tells_what_it_leaves_out():
    network = NumpyNetClassifier()
    assert left_out(classifier("plain", [(Mean(), [network])])) == []
    viewed = NumpyNetClassifier(views={"shift": 1})
    run = classifier("other", [(Mean(), [network]), (Mean(), [viewed])])
    run.competition_ = Competition(channels=3)
    assert left_out(run) == [VIEWED, GREY]


def test_the_page_of_a_run_predicts_what_load_run_does(page, workplace):
    run = next((workplace / "runs").iterdir())
    X = np.random.default_rng(0).integers(0, 256, (50, 784), dtype=np.uint8)
    assert np.abs(in_page(page, X) - load_run(run).predict_proba(X)).max() < 1e-5

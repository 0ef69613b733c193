"""Which images the quiz asks."""

import base64

import numpy as np

from digit_recognizer.pipeline.runs.predictions import OutOfFold
from digit_recognizer.report.demo.quiz import choose, make_quiz

# The second and fifth row are predicted wrong; row 4 of the file was left out of the training.
OOF = OutOfFold(
    name="run",
    rows=np.array([1, 2, 3, 5, 6]),
    labels=np.array(["a", "a", "b", "b", "b"]),
    predictions=np.array(["a", "b", "b", "b", "a"]),
    folds=np.array([1, 1, 1, 2, 2]),
    classes=["a", "b"],
    probabilities=np.array([[0.6, 0.4], [0.3, 0.7], [0.2, 0.8], [0.45, 0.55], [0.9, 0.1]]),
    data_fingerprint=None,
)


def test_the_hardest_of_both_kinds_the_wrong_ones_first():
    assert choose(OOF, 2).tolist() == [4, 1, 3, 0]
    assert choose(OOF, 50).tolist() == [4, 1, 3, 0, 2]


def test_a_question_names_its_row_of_the_file_and_holds_its_image():
    images = np.arange(20, dtype=np.uint8).reshape(5, 4)
    asked = make_quiz(OOF, images)[2]
    assert base64.b64decode(asked.pop("pixels")) == bytes(images[3])
    assert asked == {"row": 5, "label": 1, "prediction": 1, "probability": 0.55}

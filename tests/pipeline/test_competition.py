import dataclasses

import pytest

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.competition import DIGIT_RECOGNIZER, Competition


def test_the_default_is_digit_recognizer():
    assert Competition() == DIGIT_RECOGNIZER
    assert DIGIT_RECOGNIZER.n_pixels == 784
    assert DIGIT_RECOGNIZER.pixel_columns[:2] == ("pixel0", "pixel1")
    assert DIGIT_RECOGNIZER.pixel_columns[-1] == "pixel783"


def test_it_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        DIGIT_RECOGNIZER.n_classes = 3


def test_pixels_may_be_numbered_from_elsewhere():
    competition = Competition(pixel_prefix="p", first_pixel=1, image_height=1, image_width=3)
    assert competition.pixel_columns == ("p1", "p2", "p3")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image_height": 0}, "[competition] image_height is 0; give 1 or more."),
        ({"image_width": -1}, "[competition] image_width is -1; give 1 or more."),
        ({"n_classes": 1}, "[competition] n_classes is 1; give 2 or more."),
        ({"n_classes": 40000}, "[competition] n_classes is 40000; give 32767 or less."),
        ({"first_pixel": -1}, "[competition] first_pixel is -1; give 0 or more."),
        (
            {"label_column": "pixel3"},
            "[competition] label_column is 'pixel3', which is also a pixel column; "
            "change it or pixel_prefix.",
        ),
        (
            {"id_column": "Label"},
            "[competition] id_column and prediction_column are both 'Label'; "
            "give the two columns of the submission.",
        ),
    ],
)
def test_impossible_values_are_errors(fields, message):
    with pytest.raises(InputError) as caught:
        Competition(**fields)
    assert str(caught.value) == message

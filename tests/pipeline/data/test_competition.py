import dataclasses

import pytest

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.data.competition import DIGIT_RECOGNIZER, Competition
from digit_recognizer.pipeline.recipes.checking import make_section


def test_the_default_is_digit_recognizer():
    assert Competition(classes=list(range(10))) == DIGIT_RECOGNIZER
    assert DIGIT_RECOGNIZER.n_pixels == 784
    assert DIGIT_RECOGNIZER.pixel_names[:2] == ("pixel0", "pixel1")
    assert DIGIT_RECOGNIZER.pixel_names[-1] == "pixel783"
    assert DIGIT_RECOGNIZER.archive == "digit-recognizer.zip"


def test_it_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        DIGIT_RECOGNIZER.channels = 3


@pytest.mark.parametrize(
    ("pattern", "first", "names"),
    [
        ("p{}", 1, ("p1", "p2", "p3", "p4")),
        ("pixel{:04}", 0, ("pixel0000", "pixel0001", "pixel0002", "pixel0003")),
        ("{row}x{column}", 1, ("1x1", "1x2", "2x1", "2x2")),
        ("c{column}r{row:02}", 0, ("c0r00", "c1r00", "c0r01", "c1r01")),
        ("*", 0, None),
    ],
)
def test_pixels_are_named_by_a_pattern(pattern, first, names):
    competition = Competition(
        pixel_columns=pattern, first_pixel=first, image_height=2, image_width=2
    )
    assert competition.pixel_names == names


@pytest.mark.parametrize(
    ("order", "numbers"),
    [  # Two pixels, one above the other, or beside each other: r0 g0 b0 r1 g1 b1.
        ("HWC", [0, 1, 2, 3, 4, 5]),
        ("CHW", [0, 2, 4, 1, 3, 5]),
    ],
)
def test_channels_are_interleaved_for_the_network(order, numbers):
    for height, width in ((2, 1), (1, 2)):
        competition = Competition(
            image_height=height, image_width=width, channels=3, pixel_order=order
        )
        assert competition.pixel_numbers == numbers
        assert competition.pixel_names == tuple(f"pixel{number}" for number in numbers)


def test_images_that_are_stored_transposed_are_turned():
    competition = Competition(image_height=2, image_width=3, pixel_order="WHC")
    # The file has column after column: 0 1, 2 3, 4 5.
    assert competition.pixel_numbers == [0, 2, 4, 1, 3, 5]


def test_a_data_set_is_told_from_a_competition():
    competition = Competition(slug="zalando-research/fashionmnist")
    assert competition.is_data_set
    assert competition.archive == "fashionmnist.zip"
    assert not DIGIT_RECOGNIZER.is_data_set


PATTERN = (
    "; give a pattern such as 'pixel{}' or '{row}x{column}', or '*' for all columns that no other "
    "key names."
)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image_height": 0}, "image_height is 0; give an integer, 1 or more."),
        ({"image_width": -1}, "image_width is -1; give an integer, 1 or more."),
        ({"channels": 2}, "channels is 2; give 1 or 3."),
        (
            {"classes": [1.5, 2]},
            "classes is [1.5, 2]; give a list of integers or strings.",
        ),
        ({"header": "no"}, "header is 'no'; give true or false."),
        ({"classes": ["a"]}, "classes has 1; give from 2 to 32767."),
        ({"classes": [1, 2, 1]}, "classes names a class twice; leave out one of the two."),
        ({"first_pixel": -1}, "first_pixel is -1; give an integer, 0 or more."),
        ({"pixel_order": "chw"}, "pixel_order is 'chw'; give 'CHW', 'CWH', 'HWC' or 'WHC'."),
        ({"pixel_columns": "p{"}, "pixel_columns is 'p{'" + PATTERN),
        ({"pixel_columns": "{line}"}, "pixel_columns is '{line}'" + PATTERN),
        ({"pixel_columns": "{:.3f}"}, "pixel_columns is '{:.3f}'" + PATTERN),
        (
            {"pixel_columns": "pixel"},
            "pixel_columns is 'pixel', which names several pixels alike; put {} where the number "
            "stands, or {row} and {column}, and {channel} if there are three.",
        ),
        (
            {"label_column": "pixel3"},
            "label_column is 'pixel3', which is also a pixel column; change it or pixel_columns.",
        ),
        (
            {"id_column": "Label"},
            "id_column and prediction_column are both 'Label'; "
            "give the two columns of the submission.",
        ),
        (
            {"header": False},
            'header is false: pixels have no names; give pixel_columns = "*".',
        ),
        (
            {"header": False, "pixel_columns": "*"},
            "header is false: columns are known by their places, counted from 0; label_column has "
            "'label', give a place such as \"0\".",
        ),
    ],
)
def test_impossible_values_are_errors(fields, message):
    with pytest.raises(InputError) as caught:
        make_section("competition", Competition, fields)
    assert str(caught.value) == f"[competition] {message}"

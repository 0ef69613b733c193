"""Files of another layout than the recipe's: what they are called, and the key that mends it."""

import dataclasses
import io
from contextlib import contextmanager

import pytest

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.data.columns import FileColumns
from digit_recognizer.pipeline.data.competition import DIGIT_RECOGNIZER, Competition
from digit_recognizer.pipeline.data.table import read_table

SMALL = Competition(image_height=2, image_width=2, classes=[0, 1, 2])
ROW = "0,1,2,3,4"


class Content:
    def __init__(self, content):
        self.content = content if isinstance(content, bytes) else content.encode()

    def __str__(self):
        return "data/train.csv"

    @contextmanager
    def open(self):
        yield io.BufferedReader(io.BytesIO(self.content))


def message(content, competition=SMALL, is_test=False):
    columns = FileColumns.train(competition)
    if is_test:
        columns = FileColumns.test(competition, None, competition.pixel_names)
    with pytest.raises(InputError) as caught:
        read_table(Content(content), columns)
    return str(caught.value)


TEXT = f"label,pixel0,pixel1,pixel2,pixel3\n{ROW}\n"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (TEXT.encode("utf-16"), "is UTF-16 text; save it as UTF-8."),
        (TEXT.encode("utf-16-le"), "is UTF-16 text; save it as UTF-8."),
        ("<!doctype html>\n<html>,", "is a web page; download it again, logged in to Kaggle."),
        ("\n <HTML lang=en>\n", "is a web page; download it again, logged in to Kaggle."),
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 76775041\n",
            "is a pointer of Git LFS, not the file itself; fetch the file with `git lfs pull`.",
        ),
        (b"PK\x03\x04\0\0", "is a zip archive; unpack it, or let its name end in .zip."),
        (b"\x1f\x8b\x08\0", "is compressed by gzip; let its name end in .gz."),
        (b"PAR1\x15\0", "is a Parquet file; save it as CSV."),
        ('{"label": 1}', "is JSON; save it as CSV."),
    ],
)
def test_another_kind_of_file_is_called_by_its_name(content, text):
    assert message(content) == f"data/train.csv {text}"


@pytest.mark.parametrize(
    ("separator", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars"), (" ", "blanks")]
)
def test_another_separator_is_called_by_its_name(separator, name):
    assert message(TEXT.replace(",", separator)) == (
        f"data/train.csv, line 1: {name} stand between the values; save the file with commas."
    )


@pytest.mark.parametrize("row", [ROW, "0,7,7,7,7", "a,7,7,7,7"])
def test_a_missing_header_names_the_keys(row):
    assert message(f"{row}\n{row}\n") == (
        "data/train.csv, line 1: there is no header, only values; put the header "
        "label,pixel0,pixel1,pixel2,pixel3 there, or tell of it in the recipe's section "
        '[competition]: header = false, pixel_columns = "*", and label_column = "0" if the labels '
        "come first."
    )


def header(names, label="label"):
    return ",".join([label, *names]) + "\n"


def numbered(pattern, numbers):
    return [pattern.format(number) for number in numbers]


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (numbered("pixel{}", range(1, 785)), "first_pixel = 1"),
        (numbered("px_{}", range(784)), 'pixel_columns = "px_{}"'),
        (numbered("pixel{:03}", range(784)), 'pixel_columns = "pixel{:03}"'),
        (
            [f"{row}x{column}" for row in range(1, 29) for column in range(1, 29)],
            'pixel_columns = "{row}x{column}", first_pixel = 1',
        ),
        (
            [f"{row}x{column}" for column in range(28) for row in range(28)],
            'pixel_columns = "{row}x{column}"',
        ),
        (numbered("{}", range(784)), 'pixel_columns = "{}"'),
        ([f"p{chr(97 + n % 26)}{n % 9}{n}" for n in range(784)], 'pixel_columns = "*"'),
        (numbered("pixel{}", range(1024)), "image_height = 32, image_width = 32"),
        (
            numbered("pixel{:04}", range(2352)),
            'pixel_columns = "pixel{:04}", channels = 3',
        ),
        (
            numbered("pixel{}", range(1, 12289)),
            "first_pixel = 1, image_height = 64, image_width = 64, channels = 3",
        ),
    ],
)
def test_other_pixel_columns_name_the_keys(names, keys):
    text = message(header(names), DIGIT_RECOGNIZER)
    assert text == (
        f"data/train.csv, line 1: the pixel columns are {names[0]} to {names[-1]}; give the "
        f"recipe's section [competition] {keys}."
    )


def test_a_shape_that_cannot_be_guessed_names_the_keys():
    assert message(header(numbered("pixel{}", range(30))), DIGIT_RECOGNIZER) == (
        "data/train.csv, line 1: the column 'pixel30' is missing (and 753 more); the header must "
        "be label,pixel0,pixel1,...,pixel783, or [competition] must say what the pixels are called."
    )
    assert message(header(numbered("pixel{}", range(800))), DIGIT_RECOGNIZER) == (
        "data/train.csv, line 1: the column 'pixel784' (and 15 more) does not belong there; give "
        "the recipe's section [competition] image_height and image_width of the images."
    )
    everything = dataclasses.replace(DIGIT_RECOGNIZER, pixel_columns="*")
    assert message(header(numbered("pixel{}", range(800))), everything) == (
        "data/train.csv, line 1: 800 columns are left for pixels, where images of 28 x 28 have "
        "784; correct [competition] image_height, image_width, channels or drop_columns."
    )


@pytest.mark.parametrize("label", ["Label", "class"])
def test_another_name_of_the_labels_names_the_key(label):
    assert message(header(SMALL.pixel_names, label)) == (
        "data/train.csv, line 1: the column 'label' is missing; give the recipe's section "
        f'[competition] label_column = "{label}".'
    )


def test_missing_labels_name_the_key():
    assert message(header(SMALL.pixel_names[1:], SMALL.pixel_names[0])) == (
        "data/train.csv, line 1: the column 'label' is missing; correct the recipe's "
        "[competition] label_column."
    )


def test_missing_ids_name_the_key():
    with_ids = dataclasses.replace(SMALL, test_id_column="id")
    assert message(header(SMALL.pixel_names, "ImageId"), with_ids, is_test=True) == (
        "data/train.csv, line 1: the column 'id' is missing; give the recipe's section "
        '[competition] test_id_column = "ImageId".'
    )
    assert message(TEXT.removeprefix("label,"), with_ids, is_test=True) == (
        "data/train.csv, line 1: the column 'id' is missing; correct the recipe's [competition] "
        "test_id_column or leave it out."
    )


def test_surplus_columns_name_the_key():
    for competition in (SMALL, dataclasses.replace(SMALL, pixel_columns="*")):
        assert message(header([*SMALL.pixel_names, "file", "usage"]), competition) == (
            "data/train.csv, line 1: the column 'file' (and 1 more) does not belong there; give "
            'the recipe\'s section [competition] drop_columns = ["file", "usage"] to leave it out.'
        )


def test_ids_beside_test_images_name_both_keys():
    assert message(header(SMALL.pixel_names, "id"), is_test=True) == (
        "data/train.csv, line 1: the column 'id' does not belong there; give the recipe's section "
        '[competition] drop_columns = ["id"] to leave it out, or test_id_column = "id" if it '
        "holds the ids."
    )


def test_a_word_among_pixels_without_names_names_the_keys():
    competition = dataclasses.replace(SMALL, pixel_columns="*")
    assert message(TEXT.replace(ROW, "0,1,cat,3,4"), competition) == (
        "data/train.csv, line 2, column pixel1: 'cat' is not an integer from 0 to 255; correct "
        "the row, or name the column in [competition] label_column or drop_columns."
    )


def test_blanks_around_names_are_no_mistake():
    table = read_table(Content(TEXT.replace(",", ", ")), FileColumns.train(SMALL))
    assert table.pixels.tolist() == [[1, 2, 3, 4]]


def test_dropped_columns_may_hold_anything_and_be_anywhere():
    competition = dataclasses.replace(SMALL, drop_columns=["file", "usage", "none"])
    text = "file,pixel0,pixel1,label,pixel2,pixel3,usage,usage\na b.png,1,2,0,3,4,x,\n"
    for end in ("", "\n\n"):  # by pandas, and value by value
        table = read_table(Content(text + end), FileColumns.train(competition))
        assert table.pixels.tolist() == [[1, 2, 3, 4]]
        assert table.labels == ["0"]


def test_ids_in_the_training_file_are_left_out():
    competition = dataclasses.replace(SMALL, test_id_column="id")
    table = read_table(
        Content(f"id,{TEXT.replace(ROW, 'x,' + ROW)}"), FileColumns.train(competition)
    )
    assert table.pixels.tolist() == [[1, 2, 3, 4]]
    assert table.ids is None

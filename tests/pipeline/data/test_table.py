import io
import tracemalloc
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.data import table
from digit_recognizer.pipeline.data.classes import Classes
from digit_recognizer.pipeline.data.columns import FileColumns
from digit_recognizer.pipeline.data.competition import DIGIT_RECOGNIZER, Competition
from digit_recognizer.pipeline.data.diagnosis import read_carefully
from digit_recognizer.pipeline.data.table import has_labels, read_table

SMALL = Competition(image_height=2, image_width=2, classes=[0, 1, 2])
WITH_IDS = replace(SMALL, test_id_column="id")
TRAIN = FileColumns.train(SMALL)
TEST = FileColumns.test(SMALL, Classes.listed(SMALL), SMALL.pixel_names)
TEST_WITH_IDS = FileColumns.test(WITH_IDS, Classes.listed(SMALL), SMALL.pixel_names)
HEADER = "label,pixel0,pixel1,pixel2,pixel3\n"
GOOD = HEADER + "0,0,1,2,3\n2,255,254,9,10\n"


class Content:
    """What a DataFile is to a reader."""

    def __init__(self, content):
        self.content = content if isinstance(content, bytes) else content.encode()

    def __str__(self):
        return "data/train.csv"

    @contextmanager
    def open(self):
        yield io.BufferedReader(io.BytesIO(self.content))


def read(text, columns=TRAIN):
    return read_table(Content(text), columns)


def message(text, columns=TRAIN):
    with pytest.raises(InputError) as caught:
        read(text, columns)
    return str(caught.value)


def assert_good(result):
    assert result.pixels.dtype == np.uint8
    assert result.pixels.flags.c_contiguous
    assert result.pixels.flags.writeable
    assert result.pixels.tolist() == [[0, 1, 2, 3], [255, 254, 9, 10]]
    assert Classes.listed(SMALL).array(result.labels).tolist() == [0, 2]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.rstrip("\n"),
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.replace("\n", "\n\n"),
        "\n" + GOOD,
        GOOD + "  \n",
        "\ufeff" + GOOD,
        GOOD.replace("9", '"9"'),
        GOOD.replace("label", '"label"').replace("pixel0", '"pixel0"'),
        GOOD.replace("254", " 254 "),
        GOOD.replace("254", "254.0"),
        GOOD.replace("10", "1e1"),
        GOOD.replace("2,255", "2.0,255"),
        GOOD.replace("10", "+10"),
        GOOD.replace("9", "0009"),
        GOOD.replace("2,255", "0002,255"),
        "pixel1,pixel0,label,pixel3,pixel2\n1,0,0,3,2\n254,255,2,10,9\n",
        "pixel0,pixel1,pixel2,pixel3,label\n0,1,2,3,0\n255,254,9,10,2\n",
        "pixel0,pixel1,pixel2,pixel3,label\r\n0,1,2,3,0\r\n255,254,9,10,2",
        'pixel3,pixel1,label,pixel0,pixel2\n3,1,0,0,2\n10,254,"2",255,9\n',
    ],
)
def test_unusual_but_clear_files_are_read(text):
    assert_good(read(text))


def test_a_file_without_another_column_is_read():
    result = read("pixel0,pixel1,pixel2,pixel3\n1,2,3,4\n", TEST)
    assert result.pixels.tolist() == [[1, 2, 3, 4]]
    assert result.labels is None
    assert result.ids is None


@pytest.mark.parametrize("end", ["\n", "\n\n"])  # by pandas, and value by value
def test_ids_are_kept_as_they_are_spelled(end):
    ids = ["00042", "42", "-7", "1234567890123456789", "4.0", "a b", "é", "NA"]
    text = "id,pixel0,pixel1,pixel2,pixel3\n" + "".join(f"{name},1,2,3,4{end}" for name in ids)
    assert read(text, TEST_WITH_IDS).ids == ids


@pytest.mark.parametrize("word", ["True", "False", "TRUE"])
def test_a_column_of_truth_values_is_text(word):
    assert f"line 2, column pixel0: '{word}' is not an integer" in message(
        HEADER + f"0,{word},1,2,3\n1,{word},1,2,3\n"
    )


@pytest.mark.parametrize("row", ["0,1,2,3,4,5\n", "0,1,2,3,4,\n"])
def test_a_surplus_value_is_named(row):
    assert ", line 2: 6 values where the header has 5" in message(HEADER + row * 3)
    assert ", line 4: 6 values where the header has 5" in message(GOOD + row)


@pytest.mark.parametrize("refuses", [True, False])
def test_values_that_do_not_fit_are_found_with_every_pandas(monkeypatch, refuses):
    if not refuses:
        monkeypatch.setattr(table, "_PANDAS_REFUSES_OVERFLOW", False)
    assert "column pixel3: '256' is not an integer" in message(GOOD.replace("10", "256"))
    assert_good(read(GOOD))


@pytest.mark.parametrize(
    "text",
    ["300", "256", "-1", "1.5", "abc", "True", "1e3", "-0.5", "1_0", "0x1", "nan", "²", "1 2"],
)
def test_a_pixel_that_is_no_integer_from_0_to_255_is_named(text):
    assert message(GOOD.replace("10", text)) == (
        f"data/train.csv, line 3, column pixel3: '{text}' is not an integer from 0 to 255; "
        f"correct or remove the row."
    )


@pytest.mark.parametrize("text", ["", " ", '""'])
def test_a_missing_pixel_is_named(text):
    assert message(GOOD.replace("254", text)) == (
        "data/train.csv, line 3, column pixel1: the value is missing; correct or remove the row."
    )


def test_a_long_value_is_cut_in_the_message():
    assert f": '{'7' * 37}...' is not an integer" in message(GOOD.replace("254", "7" * 5000))


@pytest.mark.parametrize("text", ["3", "10", "-1", "1.5", "cat", "9" * 30])
def test_a_label_that_is_no_class_is_named(text):
    assert message(GOOD.replace("2,255", f"{text},255")) == (
        f"data/train.csv, line 3, column label: '{text}' is not a class from 0 to 2; correct the "
        "row, or [competition] classes in the recipe, a section that takes the classes of the "
        "training file without that key."
    )


def test_a_missing_label_is_named():
    assert message(GOOD.replace("2,255", ",255")) == (
        "data/train.csv, line 3, column label: the value is missing; correct or remove the row."
    )


def test_an_id_that_is_there_twice_is_named():
    text = "id,pixel0,pixel1,pixel2,pixel3\n5,1,2,3,4\n6,1,2,3,4\n5,1,2,3,4\n"
    assert message(text, TEST_WITH_IDS) == (
        "data/train.csv, line 4, column id: the id 5 is already in line 2; "
        "correct or remove the row."
    )


def test_a_missing_id_is_named():
    text = "id,pixel0,pixel1,pixel2,pixel3\n ,1,2,3,4\n"
    assert message(text, TEST_WITH_IDS) == (
        "data/train.csv, line 2, column id: the value is missing; correct or remove the row."
    )


@pytest.mark.parametrize(
    ("row", "what"),
    [("2,255,254", "3 values"), ("2", "1 value"), ("2,255,254,9,10,11", "6 values")],
)
def test_a_row_of_another_length_is_named(row, what):
    assert message(GOOD.replace("2,255,254,9,10", row)) == (
        f"data/train.csv, line 3: {what} where the header has 5; correct or remove the row."
    )


def test_too_long_and_too_short_rows_do_not_make_up_for_each_other():
    assert ", line 2: 6 values where" in message(HEADER + "0,0,1,2,3,4\n0,0,1,2\n")


def test_the_line_counts_blank_lines_and_lines_inside_quotes():
    text = HEADER + '\n0,"1\n",1,2,3\n\n2,1,2,3,x\n'
    assert message(text).startswith("data/train.csv, line 6, column pixel3: 'x' is not")


@pytest.mark.parametrize("row", ['0,"1,2,3,4\n', '0,"1"2,2,3,4\n'])
def test_quotes_out_of_place_are_named(row):
    text = message(GOOD + row)
    assert text.startswith("data/train.csv, line 4: ")
    assert text.endswith("; correct the quotes or remove the row.")


def test_a_label_in_a_test_file_is_read():
    assert read(GOOD, TEST).labels == ["0", "2"]
    assert_good(read(GOOD, TEST))


@pytest.mark.parametrize("header", [HEADER.replace("pixel1", "pixel0"), "label," + HEADER])
def test_a_duplicated_column_is_named(header):
    column = "label" if header.startswith("label,label") else "pixel0"
    assert message(header + "0,0,0,0,0\n") == (
        f"data/train.csv, line 1: the column '{column}' is there twice; "
        f"remove or rename one of them."
    )


@pytest.mark.parametrize("text", ["", "\n", "\n \n", "\ufeff"])
def test_an_empty_file_is_an_error(text):
    assert message(text) == "data/train.csv is empty; download it again."
    columns = FileColumns.test(DIGIT_RECOGNIZER, None, DIGIT_RECOGNIZER.pixel_names)
    with pytest.raises(InputError, match=r"^data/train\.csv is empty; download it again\.$"):
        has_labels(Content(text), columns)


@pytest.mark.parametrize("text", [HEADER, HEADER.strip(), HEADER + "\n\n"])
def test_a_header_alone_is_an_error(text):
    assert message(text) == "data/train.csv has a header but no rows; download it again."


def test_bytes_that_are_no_text_are_an_error():
    assert "'\\udcff' is not an integer" in message(GOOD.encode().replace(b"254", b"\xff"))
    text = b"id,pixel0,pixel1,pixel2,pixel3\n\xe9,1,2,3,4\n"
    assert message(text, TEST_WITH_IDS) == (
        "data/train.csv, line 2, column id: '\\udce9' is not UTF-8 text; save the file as UTF-8."
    )


VALUES = st.sampled_from(
    ["0", "1", "2", "9", "255", "256", "-1", "", " 7", '"7"', "007", "1.0", "x"]
)


@given(
    rows=st.lists(st.lists(VALUES, min_size=4, max_size=6), max_size=4),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    columns=st.sampled_from([TRAIN, TEST_WITH_IDS]),
)
def test_the_fast_way_and_the_careful_way_agree(rows, newline, columns):
    header = [columns.ids or "label", *SMALL.pixel_names]
    text = newline.join([",".join(row) for row in [header, *rows]])
    try:
        careful = read_carefully(Content(text), columns)
    except InputError as error:
        assert message(text, columns) == str(error)
    else:
        result = read(text, columns)
        np.testing.assert_array_equal(result.pixels, careful[0])
        assert result[1:] == careful[1:]


def test_the_usual_form_is_not_read_twice(monkeypatch):
    monkeypatch.setattr(table, "read_carefully", None)
    assert_good(read(GOOD))
    assert_good(read(GOOD.replace("\n", "\r\n")))


def test_it_holds_the_pixels_once():
    line = "1," + ",".join(["200"] * 784) + "\n"
    columns = FileColumns.train(DIGIT_RECOGNIZER)
    header = ",".join(["label", *DIGIT_RECOGNIZER.pixel_names])
    content = Content(header + "\n" + line * 4000)
    tracemalloc.start()
    result = read_table(content, columns)
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert now < 1.2 * result.pixels.nbytes
    # An older pandas has to read int64, eight times as large, in between.
    widest = 1 if table._PANDAS_REFUSES_OVERFLOW else 18
    assert peak < 2 * widest * result.pixels.nbytes + 5e6

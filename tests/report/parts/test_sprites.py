"""Many images in one picture."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from digit_recognizer.report.parts.sprites import COLUMNS, MOST_VALUES, Sheet


def pixels(sheet):
    content = re.search(r"base64,([^)]+)\)", str(sheet.style()))[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_stands_where_its_tile_says(channels):
    images = np.random.default_rng(0).integers(0, 256, (50, 4, 6, channels), dtype=np.uint8)
    sheet = Sheet("train", images)
    for index in range(10, 50):
        tile = str(sheet.tile(index, f"<{index}>"))
    assert 'aria-label="&lt;49&gt;"' in tile
    x, y = map(int, re.search(r"--x:(\d+);--y:(\d+)", tile).groups())
    found = pixels(sheet).reshape(-1, COLUMNS * 6, channels)
    np.testing.assert_array_equal(found[y * 4 : y * 4 + 4, x * 6 : x * 6 + 6], images[49])


def test_an_image_takes_one_place_however_often_it_is_shown():
    sheet = Sheet("train", np.zeros((5, 4, 4, 1), np.uint8))
    assert [sheet.place(3), sheet.place(1), sheet.place(3)] == [0, 1, 0]


def test_a_sheet_is_bounded_and_large_images_are_shrunk():
    sheet = Sheet("train", np.zeros((3000, 200, 100, 3), np.uint8))
    places = [sheet.place(index) for index in range(3000)]
    assert None in places and sheet.room == 0
    assert sheet.tile(2999, "none") == ""
    assert pixels(sheet).size <= MOST_VALUES + COLUMNS * 56 * 28 * 3


def test_an_image_that_is_not_there_is_not_shown():
    """Such as the maps of large networks, which are drawn for a part of the rows only."""
    sheet = Sheet("maps", np.zeros((2, 4, 4, 1), np.uint8))
    assert [sheet.place(1), sheet.place(2)] == [0, None]
    assert "base64" in sheet.style()


def test_without_images_nothing_is_shown():
    sheet = Sheet("train", None)
    assert sheet.tile(0, "") == "" == sheet.style()

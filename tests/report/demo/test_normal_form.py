"""The page and `predict` bring a drawing and a picture to the same image."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

import drawing
from digit_recognizer.pictures.normal_form import normal_form

INK = """Array.from(board.context.getImageData(0, 0, SIZE, SIZE).data)
    .filter((value, i) => i % 4 === 3)"""


@pytest.mark.parametrize("digit", [1, 8])
def test_of_a_drawing(page, digit):
    drawing.draw(page, digit)
    ink = np.reshape(page.evaluate(INK), (400, 400))
    seen = np.reshape(page.evaluate("Array.from(shown.pixels)"), (28, 28))
    difference = np.abs(seen - normal_form(255 - ink, (28, 28)).astype(int))
    assert difference.mean() < 1
    assert difference.max() < 20


@pytest.mark.parametrize("width", [22, 5])
def test_of_a_picture(page, width):
    content = drawing.picture(width=width)
    drawing.choose(page, content)
    assert difference_of(page, Image.open(io.BytesIO(content)).convert("L")) < 2


def difference_of(page, grey):
    """Between what the page sees and the normal form of a picture, a pixel on average."""
    seen = np.reshape(page.evaluate("Array.from(shown.pixels)"), (28, 28))
    return np.abs(seen - normal_form(np.asarray(grey), (28, 28)).astype(int)).mean()


@pytest.mark.parametrize(("box", "tall"), [((10, 10, 20, 22), 14), ((-55, -55, 90, 130), 400)])
def test_of_small_digits_and_of_those_that_fill_the_picture(page, box, tall):
    left, top, right, bottom = (350 + side if tall < 100 else 200 + side for side in box)
    grey = Image.new("L", (400, 400), 250)
    pen = ImageDraw.Draw(grey)
    width = max(2, tall // 8)
    pen.line([(left, top), (right, top), (left, bottom)], fill=20, width=width)
    content = io.BytesIO()
    grey.save(content, "PNG")
    drawing.choose(page, content.getvalue())
    assert difference_of(page, grey) < 2


@pytest.mark.parametrize("colour", ["white", "black"])
def test_what_is_transparent_is_paper(page, colour):
    ink = Image.open(io.BytesIO(drawing.picture(paper=255))).convert("L").point(lambda v: 255 - v)
    picture, content = Image.new("RGB", ink.size, colour), io.BytesIO()
    picture.putalpha(ink)
    picture.save(content, "PNG")
    drawing.choose(page, content.getvalue())
    assert difference_of(page, ink) < 2

"""The page and `predict` bring a drawing and a picture to the same image."""

import io

import numpy as np
import pytest
from PIL import Image

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
    seen = np.reshape(page.evaluate("Array.from(shown.pixels)"), (28, 28))
    grey = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
    difference = np.abs(seen - normal_form(grey, (28, 28)).astype(int))
    assert difference.mean() < 2

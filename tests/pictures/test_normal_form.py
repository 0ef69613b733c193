"""The normal form of MNIST, from ink on whatever paper."""

import numpy as np
import pytest
from scipy import ndimage

from digit_recognizer.pictures.normal_form import ink_of, normal_form

SIZE = (28, 28)


def drawn(height=300, width=400, thick=24, top=60, left=120, tall=150):
    """Ink 0 to 1: a seven."""
    ink = np.zeros((height, width))
    ink[top : top + thick, left : left + 90] = 1
    for y in range(tall):
        x = left + 90 - thick - y * 60 // tall
        ink[top + y, x : x + thick] = 1
    return ndimage.gaussian_filter(ink, 1)


INK = drawn()
EXPECTED = normal_form(255 * (1 - INK), SIZE)


def on_paper(ink, paper=220.0, contrast=0.8, shadow=0.0, noise=0.0):
    y, x = np.mgrid[: ink.shape[0], : ink.shape[1]]
    paper = paper + shadow * (x / ink.shape[1] + 0.5 * y / ink.shape[0] - 0.75)
    grey = paper * (1 - contrast * ink)
    return np.clip(grey + np.random.default_rng(0).normal(0, noise, ink.shape), 0, 255)


def test_the_ink_fills_a_box_of_20_pixels_with_its_centre_of_mass_in_the_middle():
    rows, columns = (np.flatnonzero(EXPECTED.max(axis=1 - axis) > 20) for axis in (0, 1))
    assert 19 <= np.ptp(rows) + 1 <= 21
    assert np.ptp(columns) + 1 == pytest.approx(20 * 90 / 150, abs=1.5)
    mass = EXPECTED / EXPECTED.sum()
    assert mass.sum(axis=1) @ np.arange(28) == pytest.approx(14, abs=0.3)
    assert mass.sum(axis=0) @ np.arange(28) == pytest.approx(14, abs=0.3)
    assert EXPECTED.dtype == np.uint8
    assert EXPECTED.max() == 255


@pytest.mark.parametrize(
    "grey",
    [
        on_paper(INK),
        255 - on_paper(INK),
        on_paper(INK, shadow=120),
        on_paper(INK, noise=8),
        on_paper(INK, paper=140, contrast=0.4, noise=3),
        on_paper(drawn(300, 700, left=560)),
        on_paper(ndimage.zoom(INK, 0.4, order=1)),
        on_paper(np.pad(INK, 200)),
    ],
    ids=["paper", "dark", "shadow", "noise", "faint", "aside", "smaller", "far away"],
)
def test_paper_light_place_and_size_do_not_matter(grey):
    form = normal_form(grey, SIZE)
    assert np.abs(form.astype(float) - EXPECTED).mean() < 6


def test_a_thin_pen_is_widened():
    thin = normal_form(on_paper(drawn(1200, 900, thick=4, tall=600, top=100)), SIZE)
    assert (thin > 200).sum() > 20


def test_an_image_of_the_networks_size_stays_or_is_inverted():
    np.testing.assert_array_equal(normal_form(EXPECTED, SIZE), EXPECTED)
    np.testing.assert_array_equal(normal_form(255 - EXPECTED, SIZE), EXPECTED)


def test_specks_are_no_ink():
    grey = on_paper(INK)
    grey[5:8, 5:8] = 0
    np.testing.assert_allclose(normal_form(grey, SIZE), normal_form(on_paper(INK), SIZE), atol=2)


@pytest.mark.parametrize("noise", [0, 10])
def test_empty_paper_is_told(noise):
    with pytest.raises(ValueError, match="nothing but paper"):
        ink_of(on_paper(np.zeros((200, 200)), paper=150, shadow=100, noise=noise))


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2), (5, 5)])
def test_odd_shapes_are_no_accident(shape):
    grey = np.full(shape, 250.0)
    grey[shape[0] // 2, shape[1] // 2] = 0
    try:
        assert normal_form(grey, SIZE).shape == SIZE
    except ValueError as error:
        assert "paper" in str(error)

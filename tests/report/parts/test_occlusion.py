"""Occlusion maps."""

import numpy as np

from digit_recognizer.report.parts.occlusion import occlusion_maps, overlaid


def test_the_map_is_high_where_blanking_lowers_the_probability():
    images = np.full((2, 10, 12, 1), 200, np.uint8)
    images[1, 7, 3] = 100

    def predict(images):
        sure = images[:, 7, 3, 0] / 255
        return np.stack([1 - sure, sure], axis=1)

    of_first, of_second = occlusion_maps(predict, images, np.array([1, 0]))
    assert of_first.shape == (10, 12)
    assert of_first[7, 3] == of_first.max() > 0.7
    assert of_first[0, 11] == 0 == of_first[2, 3]
    np.testing.assert_allclose(of_second, -of_first / 2, atol=1e-12)


def test_red_is_what_the_prediction_rests_on_and_blue_what_speaks_against_it():
    falls = np.zeros((4, 4))
    falls[0, 0], falls[3, 3] = 0.5, -0.5
    shown = overlaid(np.full((4, 4, 3), 100, np.uint8), falls)
    assert shown[0, 0, 0] > 200 > shown[0, 0, 2]
    assert shown[3, 3, 2] > 200 > shown[3, 3, 0]
    assert shown[1, 1].tolist() == [60, 60, 60]

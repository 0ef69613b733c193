"""Images that are in the training data more than once."""

import numpy as np

from digit_recognizer.pipeline.data.duplicates import describe_duplicates, group_identical


def test_a_group_is_the_first_row_of_the_same_image():
    X = np.array([[1, 2], [2, 1], [1, 2], [0, 0], [2, 1], [1, 2]], np.uint8)
    assert group_identical(X).tolist() == [0, 1, 0, 3, 1, 0]


def test_different_images_are_no_news():
    assert describe_duplicates(np.arange(3), np.array([1, 1, 2])) == ""


def test_duplicates_and_contradictions_are_counted_and_the_first_is_named():
    groups = np.array([0, 1, 0, 3, 1, 0, 3])
    assert describe_duplicates(groups, np.array([4, 5, 4, 6, 5, 4, 6])) == (
        "7 training rows share 3 images; the rows of each stay in one fold."
    )
    assert describe_duplicates(groups, np.array([4, 5, 4, 6, 5, 9, 7])) == (
        "7 training rows share 3 images; the rows of each stay in one fold, and 2 of the images "
        "have more than one label, such as row 1 (4) and row 6 (9)."
    )

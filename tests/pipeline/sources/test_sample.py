import hashlib

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from digit_recognizer.errors import InputError
from digit_recognizer.pipeline.data.competition import DIGIT_RECOGNIZER, Competition
from digit_recognizer.pipeline.data.dataset import load_data
from digit_recognizer.pipeline.sources.sample import sample_arrays, write_sample

DIGESTS = {
    "train.csv": "bb70608d1e56b0e5",
    "test.csv": "43d8b872c877faf4",
    "sample_submission.csv": "399c563e3d99f045",
    "test_labels.csv": "d1895934bb089ce3",
}


@pytest.fixture
def sample(folder):
    write_sample(folder, DIGIT_RECOGNIZER)
    return folder


def test_it_has_the_competitions_layout(sample):
    assert sorted(path.name for path in sample.iterdir()) == [
        "sample_submission.csv",
        "test.csv",
        "test_labels.csv",
        "train.csv",
    ]
    data = load_data(sample)
    assert data.X_train.shape == (1343, 784)
    assert data.X_test.shape == (454, 784)
    assert data.test_ids.tolist() == list(range(1, 455))
    assert data.is_sample


def test_its_bytes_are_always_the_same(sample):
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16] for path in sample.iterdir()
    }
    assert digests == DIGESTS


def test_each_class_has_a_quarter_held_back():
    _, y_train, _, y_test = sample_arrays(DIGIT_RECOGNIZER)
    share = np.bincount(y_test) / (np.bincount(y_train) + np.bincount(y_test))
    np.testing.assert_allclose(share, 0.25, atol=0.01)


def test_every_digit_is_there_once():
    X_train, y_train, X_test, y_test = sample_arrays(DIGIT_RECOGNIZER)
    assert len(np.unique(np.concatenate([X_train, X_test]), axis=0)) == 1797
    counts = np.bincount(load_digits().target)
    np.testing.assert_array_equal(np.bincount(np.concatenate([y_train, y_test])), counts)


def test_digits_lie_in_the_middle_on_black_as_those_of_mnist():
    X_train = sample_arrays(DIGIT_RECOGNIZER)[0]
    images = X_train.reshape(-1, 28, 28)
    assert images.max() == 255
    is_inside = np.zeros((28, 28), bool)
    is_inside[4:24, 4:24] = True
    assert not images[:, ~is_inside].any()
    assert images[:, 4].any()
    assert images[:, 23].any()


def test_an_image_of_the_original_size_keeps_its_proportions():
    competition = Competition(image_height=12, image_width=12)  # digits fill 8 x 8 of them
    X_train = sample_arrays(competition)[0]
    # The first image of each of the ten classes is held back.
    original = load_digits().images[10]
    np.testing.assert_array_equal(
        X_train[0].reshape(12, 12)[2:10, 2:10], np.floor(original * 255 / 16 + 0.5)
    )


@pytest.mark.parametrize("shape", [(1, 1), (5, 40), (28, 28)])
def test_a_bright_image_stays_bright_at_any_size(shape):
    height, width = shape
    competition = Competition(image_height=height, image_width=width)
    X_train = sample_arrays(competition)[0]
    assert X_train.shape == (1343, height * width)
    assert X_train.max() > 200


def test_it_can_be_learned(sample):
    data = load_data(sample)
    model = KNeighborsClassifier(1).fit(data.X_train, data.y_train)
    assert model.score(data.X_test, data.held_back_labels) > 0.95


def test_whole_files_are_kept_and_others_written_again(sample):
    content = {path.name: path.read_bytes() for path in sample.iterdir()}
    inode = (sample / "train.csv").stat().st_ino
    (sample / "test.csv").write_bytes(content["test.csv"][:-10])
    (sample / "test_labels.csv").unlink()
    write_sample(sample, DIGIT_RECOGNIZER)
    assert {path.name: path.read_bytes() for path in sample.iterdir()} == content
    assert (sample / "train.csv").stat().st_ino == inode


def test_it_takes_the_names_of_another_competition(folder):
    competition = Competition(
        label_column="target",
        test_id_column="id",
        id_column="id",
        prediction_column="target",
        pixel_columns="{row}-{column}-{channel}",
        channels=3,
        pixel_order="CHW",
        image_height=14,
        image_width=16,
        classes=list(range(12)),
    )
    write_sample(folder, competition)
    data = load_data(folder, competition)
    assert data.X_train.shape == (1343, 3 * 224)
    assert (data.X_train[:, ::3] == data.X_train[:, 1::3]).all()
    assert data.test_ids.tolist() == [str(number) for number in range(1, 455)]


def test_a_competition_of_fewer_classes_has_no_sample(folder, small):
    with pytest.raises(InputError) as caught:
        write_sample(folder, small)
    assert str(caught.value) == (
        "The sample has the classes 0 to 9, which [competition] classes lacks; give the folder of "
        "the competition's files with --data."
    )
    assert not list(folder.iterdir())

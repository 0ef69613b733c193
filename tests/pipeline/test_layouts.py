"""From files to submission: the layouts of image competitions and data sets that circulate."""

import csv
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
import tomli_w

from digit_recognizer import cli

RECIPES = Path(__file__).parents[2] / "recipes"
N_TRAIN, N_TEST, SIDE = 60, 12, 28
QUICK = {
    "model": {"hidden_layer_sizes": [4], "max_iter": 12, "batch_size": 16, "solver": "adam"},
    "cv": {"folds": 2},
    "compute": {"jobs": 1},
}
QUICK["model"]["learning_rate_init"] = 0.02


def draw(y, channels=1):
    """Images (n, height, width, channels): the class is where a bright bar lies."""
    X = np.random.default_rng(0).integers(0, 60, (len(y), SIDE, SIDE, channels))
    for image, label in zip(X, y, strict=True):
        image[3 * label : 3 * label + 3, 4:24] = 250 - 90 * np.arange(channels)
    return X


def table(X, header=None, **columns):
    """A CSV file: columns by name, then the pixels in the order they have in X."""
    first = [[str(value) for value in values] for values in columns.values()]
    lines = [",".join([*columns, *header])] if header else []
    for row, *beside in zip(X.reshape(len(X), -1).tolist(), *first, strict=True):
        lines.append(",".join([*beside, *map(str, row)]))
    return "\n".join([*lines, ""]).encode()


def submission(ids, names=("ImageId", "Label"), label=0):
    return "\n".join([",".join(names), *(f"{one},{label}" for one in ids), ""]).encode()


@pytest.fixture
def train(tmp_path, monkeypatch, capfd):
    """A function that submits with a [competition] and files; its submission and its output."""
    monkeypatch.chdir(tmp_path)

    def run(competition, files):
        Path("data").mkdir()
        for name, content in files.items():
            (Path("data") / name).write_bytes(content)
        recipe = QUICK if competition is None else {"competition": competition} | QUICK
        Path("quick.toml").write_text(tomli_w.dumps(recipe))
        status = cli.main(["submit", "--recipe", "quick.toml"])
        output, errors = capfd.readouterr()
        assert status == 0, errors
        with Path("submissions/submission.csv").open(newline="") as file:
            return list(csv.reader(file)), output

    return run


def competition_of(recipe):
    return tomllib.loads((RECIPES / f"{recipe}.toml").read_text())["competition"]


def numbered(first):
    return [f"pixel{number}" for number in range(first, first + SIDE * SIDE)]


Y_TRAIN, Y_TEST = np.arange(N_TRAIN) % 3, np.arange(N_TEST) % 3


def accuracy(rows, names):
    """Share of right predictions, where the classes of 0 to 2 are called `names`."""
    return np.mean([row[1] == names[label] for row, label in zip(rows[1:], Y_TEST, strict=True)])


def test_digit_recognizer(train):
    files = {
        "train.csv": table(draw(Y_TRAIN), numbered(0), label=Y_TRAIN),
        "test.csv": table(draw(Y_TEST), numbered(0)),
        "sample_submission.csv": submission(range(1, N_TEST + 1)),
    }
    rows, output = train(None, files)
    assert rows[0] == ["ImageId", "Label"]
    assert [row[0] for row in rows[1:]] == [str(number) for number in range(1, N_TEST + 1)]
    assert accuracy(rows, "012") > 0.9
    assert "Data: the competition's files in data." in output


def test_fashion_mnist(train):
    files = {
        "fashion-mnist_train.csv": table(draw(Y_TRAIN), numbered(1), label=Y_TRAIN),
        "fashion-mnist_test.csv": table(draw(Y_TEST), numbered(1), label=Y_TEST),
    }
    rows, output = train(competition_of("fashion-mnist"), files)
    assert accuracy(rows, "012") > 0.9
    assert "Data: images with test labels in data" in output
    assert "(labels held back)" in output


def test_sign_language_mnist_has_gaps_between_its_classes(train):
    signs = np.array([0, 8, 24])  # no 9, which J would be
    files = {
        "sign_mnist_train.csv": table(draw(Y_TRAIN), numbered(1), label=signs[Y_TRAIN]),
        "sign_mnist_test.csv": table(draw(Y_TEST), numbered(1), label=signs[Y_TEST]),
    }
    rows, output = train(competition_of("sign-language-mnist"), files)
    assert accuracy(rows, ["0", "8", "24"]) > 0.9
    assert "(labels held back)" in output


def test_emnist_letters_have_no_header_and_stored_images_are_transposed(train):
    files = {
        f"emnist-letters-{name}.csv": table(draw(y).transpose(0, 2, 1, 3), None, label=y + 1)
        for name, y in (("train", Y_TRAIN), ("test", Y_TEST))
    }
    rows, output = train(competition_of("emnist-letters"), files)
    assert accuracy(rows, "123") > 0.9
    assert "(labels held back)" in output


def test_kannada_has_ids_and_several_files(train):
    ids = [str(number) for number in range(N_TEST)]
    files = {
        "train.csv": table(draw(Y_TRAIN), numbered(0), label=Y_TRAIN),
        "test.csv": table(draw(Y_TEST), numbered(0), id=ids),
        "Dig-MNIST.csv": table(draw(Y_TEST), numbered(0), label=Y_TEST),
        "sample_submission.csv": submission(ids[::-1], ("id", "label")),
    }
    rows, _ = train(competition_of("kannada"), files)
    assert rows[0] == ["id", "label"]
    assert [row[0] for row in rows[1:]] == ids
    assert accuracy(rows, "012") > 0.9


def test_columns_by_row_and_column_with_classes_that_are_words(train):
    names = [f"{row}x{column}" for row in range(1, SIDE + 1) for column in range(1, SIDE + 1)]
    words = np.array(["NA", "coat, long", "été"])
    ids = ["00042", "-7", "1234567890123456789", *(f"image-{n}.png" for n in range(N_TEST - 3))]
    spelled = [f'"{word}"' if "," in word else word for word in words]
    files = {
        "train.csv": table(draw(Y_TRAIN), names, label=np.array(spelled)[Y_TRAIN]),
        "test.csv": table(draw(Y_TEST), names, file=ids, usage=["Public"] * N_TEST),
    }
    competition = {
        "slug": "words",
        "pixel_columns": "{row}x{column}",
        "first_pixel": 1,
        "test_id_column": "file",
        "drop_columns": ["usage"],
        "id_column": "file",
        "prediction_column": "class",
    }
    rows, _ = train(competition, files)
    assert rows[0] == ["file", "class"]
    assert [row[0] for row in rows[1:]] == ids
    assert accuracy(rows, words) > 0.9
    oof = next(Path("runs").glob("quick-*/oof.csv")).read_text().splitlines()
    assert oof[0].startswith("row,fold,label,prediction,probability_NA,")


@pytest.mark.parametrize("order", ["HWC", "CHW"])
def test_colors_interleaved_or_one_after_the_other(train, order):
    axes = (0, 3, 1, 2) if order == "CHW" else (0, 1, 2, 3)
    header = [f"pixel{number:04}" for number in range(3 * SIDE * SIDE)]
    X_train, X_test = (draw(y, channels=3).transpose(axes) for y in (Y_TRAIN, Y_TEST))
    files = {
        "train.csv": table(X_train, header, label=Y_TRAIN),
        "test.csv": table(X_test, header),
    }
    competition = {"slug": "colors", "pixel_columns": "*", "channels": 3, "pixel_order": order}
    rows, output = train(competition, files)
    assert "28 x 28 pixels in colors" in output
    assert accuracy(rows, "012") > 0.9


def test_compare_and_upload_know_classes_that_are_words(train, capfd):
    files = {
        "train.csv": table(draw(Y_TRAIN), numbered(0), label=np.array(["a", "b", "c"])[Y_TRAIN]),
        "test.csv": table(draw(Y_TEST), numbered(0)),
    }
    rows, _ = train({"slug": "words"}, files)
    assert accuracy(rows, "abc") > 0.9
    (run,) = (path.name for path in Path("runs").iterdir())
    shutil.copytree(f"runs/{run}", "runs/copy")
    assert cli.main(["compare", run, "copy"]) == 0
    Path("mine.csv").write_text("ImageId,Label\n" + "1,d\n")
    status = cli.main(["upload", "--recipe", "quick.toml", "--file", "mine.csv"])
    assert status == 2
    assert "'d' is not one of the classes 'a', 'b', 'c'" in capfd.readouterr().err

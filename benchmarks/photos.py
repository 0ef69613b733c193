"""How well photos of digits are recognized, against the images that they were made of.

    python benchmarks/photos.py --data FOLDER [--run RUN] [--images N]

Training images, enlarged to 400 × 400 pixels, as dark ink on paper: clean, or with a shadow that
takes up to 150 grey levels, noise, and JPEG's artefacts; as chalk on a board; and small, somewhere
on a large sheet. Each is brought to the form of MNIST as `digit-recognizer predict` does, and
predicted by the networks that were not trained on it.
"""

import argparse
import io
from pathlib import Path

import measuring

measuring.use_one_thread()

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from digit_recognizer import load_run  # noqa: E402
from digit_recognizer.pictures.normal_form import normal_form  # noqa: E402
from digit_recognizer.pipeline.data.dataset import load_data  # noqa: E402
from digit_recognizer.pipeline.runs.named_runs import find_finished  # noqa: E402
from digit_recognizer.pipeline.runs.predictions import read_out_of_fold  # noqa: E402
from digit_recognizer.pipeline.runs.run_directory import RUNS_FOLDER  # noqa: E402

SIDE = 400


def enlarged(image, side=SIDE):
    """Ink from 0 to 1."""
    return np.asarray(Image.fromarray(image).resize((side, side), Image.BICUBIC)) / 255


def sheet(generator, height=SIDE, width=SIDE, shadow=150):
    """Grey levels of paper with a shadow over it in some direction."""
    y, x = np.mgrid[:height, :width]
    angle = generator.uniform(0, 2 * np.pi)
    across = np.cos(angle) * (x / width - 0.5) + np.sin(angle) * (y / height - 0.5)
    return 170 + generator.uniform(-20, 20) + shadow / 1.42 * across


def as_jpeg(grey, generator, noise=8):
    noisy = np.clip(grey + generator.normal(0, noise, grey.shape), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noisy).save(file, "JPEG", quality=60)
    return np.asarray(Image.open(file))


def scan(image, generator):
    return 255 * (1 - enlarged(image))


def photo(image, generator):
    return as_jpeg(sheet(generator) * (1 - 0.8 * enlarged(image)), generator)


def board(image, generator):
    dark = 255 - sheet(generator, shadow=60)
    return as_jpeg(dark + (220 - dark) * enlarged(image), generator)


def small(image, generator):
    paper = sheet(generator, 600, 900, shadow=80)
    side = int(generator.uniform(100, 400))
    top, left = generator.integers(0, 600 - side), generator.integers(0, 900 - side)
    paper[top : top + side, left : left + side] *= 1 - 0.8 * enlarged(image, side)
    picture = Image.fromarray(as_jpeg(paper, generator))
    picture.thumbnail((SIDE, SIDE))
    return np.asarray(picture)


FORMS = {
    "the image itself": None,
    "scan": scan,
    "photo with a shadow, noise, JPEG": photo,
    "chalk on a board": board,
    "small on a large sheet": small,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", help="default: the newest")
    parser.add_argument("--images", type=int, default=500, help="default: 500")
    options = parser.parse_args()
    run, n = load_run(options.run), options.images
    data = load_data(options.data, run.competition_)
    predicted = read_out_of_fold(find_finished(options.run, RUNS_FOLDER), RUNS_FOLDER)
    images = data.X_train[predicted.rows[:n] - 1].reshape(n, *run.competition_.image_shape[:2])
    labels, folds = data.y_train[predicted.rows[:n] - 1], predicted.folds[:n]
    rows = []
    for name, form in FORMS.items():
        generator = np.random.default_rng(0)
        X = images
        if form is not None:
            X = np.stack([normal_form(form(one, generator), one.shape) for one in images])
        X, right = X.reshape(n, -1), 0
        for fold in np.unique(folds):
            combine, networks = run.groups_[fold - 1]
            here = folds == fold
            found = combine(np.stack([network.predict_proba(X[here]) for network in networks]))
            right += (run.classes_[found.argmax(axis=1)] == labels[here]).sum()
        rows.append([name, str(n - right), f"{right / n:.1%}"])
    measuring.print_table(["form", f"errors in {n}", "accuracy"], rows)


if __name__ == "__main__":
    main()

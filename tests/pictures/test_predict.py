"""`digit-recognizer predict`: files as people have them, answers as they want them."""

import csv
import gzip
import io
import json
import os
import sys
import threading

import numpy as np
import pandas as pd
import pytest

import in_process

pytest.importorskip("PIL")
from PIL import Image, ImageDraw

from digit_recognizer.pictures import reading
from digit_recognizer.pictures.normal_form import normal_form


def predict(place, *arguments):
    return in_process.run(place, "predict", *arguments)


def answers(place, *arguments):
    done = predict(place, *arguments, "--json")
    assert done.stderr == ""
    assert done.returncode == 0
    return json.loads(done.stdout)


def as_photo(image, size=400, seed=0):
    """Dark ink on a sheet with a shadow over it and noise."""
    ink = np.asarray(Image.fromarray(image).resize((size, size), Image.BICUBIC)) / 255
    y, x = np.mgrid[:size, :size] / size
    grey = (225 - 90 * x - 40 * y) * (1 - 0.8 * ink)
    noise = np.random.default_rng(seed).normal(0, 5, grey.shape)
    return Image.fromarray(np.clip(grey + noise, 0, 255).astype(np.uint8))


def test_photos_are_recognized_as_clean_scans_are(place, run, digits):
    X, _ = digits
    names = [f"{number}.jpg" for number in range(len(X))]
    for name, image in zip(names, X, strict=True):
        as_photo(image).save(place / name, quality=70)
    objects = answers(place, *names)
    assert [one["file"] for one in objects] == names
    clean = np.stack(
        [normal_form(255.0 - image.repeat(10, 0).repeat(10, 1), (28, 28)) for image in X]
    )
    assert np.mean([one["prediction"] for one in objects] == run.predict(clean)) > 0.8
    for one in objects:
        assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert max(one["probabilities"], key=one["probabilities"].get) == str(one["prediction"])


def save_all(place, image):
    """The same image in every form that keeps its pixels."""
    picture, flat = Image.fromarray(image), image.reshape(1, -1)
    header = ",".join(f"pixel{i}" for i in range(784))
    row = ",".join(map(str, flat[0]))
    for ending in ("png", "bmp", "tiff", "gif", "webp", "pgm"):
        options = {"lossless": True} if ending == "webp" else {}
        picture.save(place / f"a.{ending}", **options)
    Image.fromarray(255 - image).save(place / "light.png")
    picture.convert("RGB").save(place / "rgb.png")
    picture.convert("RGBA").save(place / "rgba.png")
    picture.convert("P").save(place / "palette.png")
    white = Image.new("RGBA", (28, 28), "white")
    white.putalpha(picture)
    white.save(place / "white on nothing.png")
    black = Image.new("RGBA", (28, 28), "black")
    black.putalpha(picture)
    black.save(place / "black on nothing.png")
    Image.fromarray(image.astype(np.uint16) * 257).save(place / "16 bits.png")
    Image.fromarray(image.astype(np.float32)).save(place / "float.tiff")
    Image.fromarray((image / 255).astype(np.float32)).save(place / "unit.tiff")
    turned = Image.fromarray(np.rot90(image))
    exif = turned.getexif()
    exif[0x0112] = 6  # the camera was held so that the sheet's top is at the right
    turned.save(place / "exif.png", exif=exif)
    np.save(place / "one.npy", image)
    np.save(place / "row.npy", flat)
    np.save(place / "flat.npy", flat[0])
    np.save(place / "batch.npy", image[np.newaxis])
    np.save(place / "unit.npy", image / 255)
    np.save(place / "float.npy", image.astype(np.float32))
    np.save(place / "channel.npy", image[:, :, np.newaxis])
    np.save(place / "torch.npy", image[np.newaxis, np.newaxis])
    with gzip.open(place / "packed.npy.gz", "wb") as packed:
        np.save(packed, image)
    with gzip.open(place / "packed.png.gz", "wb") as packed:
        picture.save(packed, "PNG")
    (place / "test.csv").write_text(f"{header}\n{row}\n")
    (place / "train.csv").write_text(f"label,{header}\n3,{row}\n")
    (place / "ids.csv").write_text(f"id,name,{header}\n7,x,{row}\n")
    (place / "rows.txt").write_text(f"{row}\n")
    (place / "bare.csv").write_text(f"{row}\n")
    (place / "bare-label.csv").write_text(f"3,{row}\n")
    (place / "packed.csv.gz").write_bytes(gzip.compress(f"{header}\n{row}\n".encode()))


def test_the_same_image_is_predicted_alike_in_every_form(place, run, digits):
    image = digits[0][0]
    save_all(place, image)
    names = sorted(path.name for path in place.iterdir() if path.is_file())
    assert len(names) > 25
    expected = run.predict_proba(image[np.newaxis])[0]
    for one in answers(place, *names):
        found = list(one["probabilities"].values())
        np.testing.assert_allclose(found, expected, atol=0.02, err_msg=one["file"])


def test_json_is_ascii_whatever_a_file_is_called(place, digits):
    name = os.fsdecode("é".encode() + b"\xe9.npy")
    np.save(place / name, digits[0][0])
    done = predict(place, name, "--json")
    assert done.stdout.isascii()
    assert json.loads(done.stdout)[0]["file"] == name


def test_images_of_one_file_are_numbered(place, run, digits):
    np.save(place / "many.npy", digits[0])
    objects = answers(place, "many.npy")
    assert [one["image"] for one in objects] == list(range(1, 61))
    np.testing.assert_array_equal([one["prediction"] for one in objects], run.predict(digits[0]))


def test_csv_is_a_table_that_pandas_reads(place, run, digits):
    np.save(place / "many.npy", digits[0])
    table = pd.read_csv(io.StringIO(predict(place, "many.npy", "--csv").stdout))
    assert list(table.columns[:3]) == ["file", "image", "prediction"]
    probabilities = table.filter(like="probability_").to_numpy()
    np.testing.assert_allclose(probabilities, run.predict_proba(digits[0]), atol=1e-5)


def test_the_table_and_the_drawing_fit_a_terminal(place, run, digits):
    as_photo(digits[0][0]).save(place / "seven.png")
    done = predict(place, "seven.png", "--show")
    label = str(run.predict(digits[0][:1])[0])
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1].split()[:2] == ["seven.png", label]
    assert lines[-1].split()[2].endswith("%")
    assert sum("@" in line or "%" in line for line in lines[1:29]) > 10


def test_a_file_that_cannot_be_read_does_not_keep_the_others_back(place, digits):
    Image.fromarray(digits[0][0]).save(place / "good.png")
    (place / "bad.png").write_bytes(b"nothing of the kind")
    done = predict(place, "bad.png", "good.png", "missing.png", "--json")
    assert [one["file"] for one in json.loads(done.stdout)] == ["good.png"]
    assert done.returncode == 2
    first, second = done.stderr.splitlines()
    assert "bad.png is no picture that can be read" in first
    assert "missing.png does not exist" in second


def make_bad_files(place, image):
    picture = Image.fromarray(np.tile(image, (10, 10)))
    whole = io.BytesIO()
    picture.save(whole, "PNG")
    (place / "cut.png").write_bytes(whole.getvalue()[:900])
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG")
    (place / "cut.jpg").write_bytes(jpeg.getvalue()[: len(jpeg.getvalue()) // 2])
    (place / "empty.png").write_bytes(b"")
    (place / "folder").mkdir()
    Image.new("1", (20_000, 20_000)).save(place / "bomb.png")
    Image.new("L", (100, 100), 200).save(place / "blank.png")
    Image.new("L", (28, 28), 255).save(place / "small-blank.png")
    Image.fromarray(np.full((50, 50), np.nan, np.float32)).save(place / "nan.tiff")
    (place / "tabs.tsv").write_text("\t".join(["0"] * 784) + "\n")
    frames = [Image.new("L", (50, 50), v) for v in (0, 255)]
    frames[0].save(place / "moving.gif", save_all=True, append_images=frames[1:])
    np.save(place / "objects.npy", np.array([{}], dtype=object))
    np.save(place / "negative.npy", np.full((28, 28), -1.0))
    np.save(place / "nan.npy", np.full((28, 28), np.nan))
    np.save(place / "shape.npy", np.zeros((2, 3, 4, 5, 6)))
    np.save(place / "words.npy", np.array(["a"]))
    (place / "cut.npy").write_bytes((place / "nan.npy").read_bytes()[:200])
    (place / "narrow.csv").write_text("1,2,3\n")
    (place / "wrong.csv").write_text(",".join(["300"] * 784) + "\n")
    (place / "empty.csv").write_text("")
    (place / "page.svg").write_text("<svg/>")


SENTENCES = {
    "cut.png": "is damaged",
    "cut.jpg": "is damaged",
    "empty.png": "is empty",
    "folder": "is a folder; give the files in it",
    "missing.png": "does not exist",
    "bomb.png": "has too many pixels; give a picture of at most 50,000,000",
    "blank.png": "nothing but paper",
    "small-blank.png": "nothing but paper",
    "nan.tiff": "values from nan",
    "tabs.tsv": "tabs stand between the values",
    "moving.gif": "has 2 pictures; give each",
    "objects.npy": "holds no numbers",
    "negative.npy": "values from -1 to -1; give pixels from 0 to 255",
    "nan.npy": "values from nan",
    "shape.npy": r"has the shape (2, 3, 4, 5, 6); give images",
    "words.npy": "give images",
    "cut.npy": "is damaged",
    "narrow.csv": "has 3 values in its first row; give 784 pixels",
    "wrong.csv": "300",
    "empty.csv": "is empty",
    "page.svg": "is no picture that can be read; give PNG, JPEG",
}


def test_each_bad_file_is_one_sentence(place, digits):
    make_bad_files(place, digits[0][0])
    for name, sentence in SENTENCES.items():
        done = predict(place, name)
        assert done.returncode == 2, name
        assert done.stdout == "", name
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert sentence in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_standard_input_takes_pictures_arrays_and_rows(place, run, digits, monkeypatch):
    image = digits[0][0]
    picture, array = io.BytesIO(), io.BytesIO()
    Image.fromarray(image).save(picture, "PNG")
    np.save(array, image)
    rows = ",".join(map(str, image.ravel())).encode() + b"\n"
    for content in (picture.getvalue(), array.getvalue(), rows):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        (one,) = answers(place, "-")
        assert one["file"] == "-"
        assert one["prediction"] == run.predict(image[np.newaxis])[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read_once(place, digits):
    content = io.BytesIO()
    Image.fromarray(digits[0][0]).save(content, "PNG")
    os.mkfifo(place / "pipe")
    write = (place / "pipe").write_bytes
    threading.Thread(target=write, args=[content.getvalue()], daemon=True).start()
    (one,) = answers(place, "pipe")
    assert one["file"] == "pipe"


def test_thin_lines_of_a_scan_in_black_and_white_stay(tmp_path):
    from digit_recognizer.pipeline.data.competition import Competition

    scan = Image.new("1", (2000, 2000), 1)
    ImageDraw.Draw(scan).line([(700, 500), (1300, 500), (903, 1500)], fill=0, width=2)
    forms = []
    for mode in ("1", "L", "P"):
        scan.convert(mode).save(tmp_path / "scan.png")
        forms.append(reading.read_images(str(tmp_path / "scan.png"), Competition()))
    assert (forms[1] > 200).sum() > 20
    np.testing.assert_allclose(forms, [forms[1]] * 3, atol=3)


def test_without_pillow_a_sentence_says_how_to_install_it(place, digits, monkeypatch):
    Image.fromarray(digits[0][0]).save(place / "a.png")
    np.save(place / "a.npy", digits[0][0])
    monkeypatch.setitem(sys.modules, "PIL", None)
    done = predict(place, "a.png", "a.npy", "--csv")
    assert "pip install 'digit-recognizer[report]'" in done.stderr
    assert len(list(csv.reader(done.stdout.splitlines()))) == 2


def test_a_run_that_is_not_there_is_told(tmp_path):
    done = predict(tmp_path, "a.png")
    assert done.returncode == 2
    assert "no finished run" in done.stderr
    done = predict(tmp_path, "a.png", "--run", "nothing")
    assert "There is no run 'nothing'" in done.stderr


def test_other_sizes_and_colours_are_those_of_the_run(tmp_path):
    from digit_recognizer.pipeline.data.competition import Competition

    colours = Competition(slug="c", image_height=16, image_width=20, channels=3, classes=[0, 1])
    half = np.zeros((160, 200, 3), np.uint8)
    half[:, 100:] = [250, 100, 10]
    Image.fromarray(half).save(tmp_path / "half.png")
    (row,) = reading.read_images(str(tmp_path / "half.png"), colours)
    expected = np.zeros((16, 20, 3))
    expected[:, 10:] = [250, 100, 10]
    np.testing.assert_allclose(row.reshape(16, 20, 3), expected, atol=1)
    grey = Competition(slug="g", image_height=40, image_width=40, classes=[0, 1])
    ink = Image.new("L", (300, 300), 255)
    ink.paste(0, (140, 50, 170, 250))
    ink.save(tmp_path / "one.png")
    (row,) = reading.read_images(str(tmp_path / "one.png"), grey)
    assert np.ptp(np.flatnonzero(row.reshape(40, 40).max(axis=1))) + 1 == pytest.approx(29, abs=1)
    (row,) = reading.read_images(str(tmp_path / "one.png"), grey, only_resize=True)
    assert row.reshape(40, 40)[0, 0] == 255

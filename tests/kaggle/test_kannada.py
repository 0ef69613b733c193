"""Another competition of the kind, by its recipe alone."""

import csv
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def kannada_files():
    """Kannada-MNIST's files by name, in its layout, and the right labels: ids begin at 0."""
    generator = np.random.default_rng(0)
    pixels = ",".join(f"pixel{number}" for number in range(784))

    def row(first):
        return ",".join(map(str, [first, *generator.integers(0, 256, 784)]))

    labels = {str(number): str(number * 3 % 10) for number in range(20)}
    train = [f"label,{pixels}", *(row(number % 10) for number in range(200))]
    test = [f"id,{pixels}", *(row(number) for number in labels)]
    sample = ["id,label", *(f"{number},0" for number in labels)]
    tables = {"train.csv": train, "test.csv": test, "sample_submission.csv": sample}
    files = {name: ("\n".join(lines) + "\n").encode() for name, lines in tables.items()}
    return files, labels


def test_kannada_from_download_to_score(run, server, zipped, kannada_files):
    files, server.labels = kannada_files
    server.slug, server.archive = "Kannada-MNIST", zipped(files | {"Dig-MNIST.csv": b"label\n"})
    kannada = ("--recipe", "kannada")
    assert run("data", *kannada)[0] == 0
    assert {path.name for path in Path("data").iterdir()} == set(files)
    assert run("submit", *kannada, "--jobs", "1", "--upload")[0] == 0
    submission = Path("submissions/submission.csv").read_bytes()
    assert submission.startswith(b"id,label\n0,")
    with Path("submissions/log.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["run"].startswith("kannada-")
    assert row["public_score"] == server.score(submission)
    assert run("leaderboard", *kannada)[1].startswith("Kannada-MNIST: 3 teams")


def test_a_competition_without_a_sample_submission_is_downloaded(
    run, server, zipped, kannada_files
):
    files, _ = kannada_files
    del files["sample_submission.csv"]
    server.slug, server.archive = "Kannada-MNIST", zipped(files)
    assert run("data", "--recipe", "kannada")[0] == 0
    assert {path.name for path in Path("data").iterdir()} == set(files)


def test_a_submission_of_the_other_competition_is_refused(run, server, kannada_files, here):
    files, _ = kannada_files
    (here / "data").mkdir()
    for name, content in files.items():
        (here / "data" / name).write_bytes(content)
    (here / "mine.csv").write_text("ImageId,Label\n1,0\n")
    status, _, errors = run("upload", "--recipe", "kannada", "--file", "mine.csv")
    assert status == 2
    assert "the header is 'ImageId,Label'; it must be id,label" in errors
    assert not server.calls

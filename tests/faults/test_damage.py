"""Files of a run that are cut off or altered, and the same command again."""

import json
from contextlib import suppress

import pytest
from injectors import flip_high_bit, truncate
from workplace import CHECKPOINT, N_EPOCHS

DAMAGES = pytest.mark.parametrize("damage", [truncate, flip_high_bit])

# What is said of a file of a finished fold; it is named before.
AGAIN_FROM_WEIGHTS = "is missing or damaged; it is made again from the weights."
TRAINED_AGAIN = "is missing or damaged; fold 2 is trained again."
OF_A_FOLD = {
    "model.safetensors": TRAINED_AGAIN,
    "oof.npy": AGAIN_FROM_WEIGHTS,
    "test.npy": AGAIN_FROM_WEIGHTS,
    "history.csv": AGAIN_FROM_WEIGHTS,
    "result.json": "is damaged; it is made again from the weights.",
}
# What is said of a file of the run; what is made from the folds in no time needs no word.
OF_THE_RUN = {
    "recipe.toml": "was altered or cut off; it is written again.",
    "run.json": None,
    "oof.csv": None,
    "submission.csv": None,
    "metrics.json": None,
}


def decisive(content, name):
    """What a file says, but for the memory of the process that wrote it."""
    if name != "result.json":
        return content
    return {k: v for k, v in json.loads(content).items() if k not in ("peak_memory_mb", "sha256")}


def histories(work):
    return {path: path.read_bytes() for path in sorted(work.run.rglob("history.csv"))}


def assert_mended(work, end, expected, path, sentence):
    """The command succeeded, said just this of the file, and left it and the results whole."""
    assert end.status == 0, end.lines
    assert work.results() == expected
    named = [line for line in end.lines if path.name in line]
    if sentence is None:
        assert named == []
    else:
        (line,) = named
        assert str(path.relative_to(work.run)) in line
        assert line.endswith(sentence)


@DAMAGES
@pytest.mark.parametrize("name", OF_A_FOLD)
def test_a_damaged_file_of_a_fold_is_said_and_made_again(
    submit_here, whole, expected, tmp_path, random, name, damage
):
    work = whole.copy(tmp_path / "copy")
    path = work.run / "fold-2" / name
    before, kept = path.read_bytes(), histories(work)
    damage(path, random)
    end = submit_here(work)
    assert_mended(work, end, expected, path, OF_A_FOLD[name])
    # Times of another training differ, and with them its history and result.
    if OF_A_FOLD[name] != TRAINED_AGAIN:
        assert decisive(path.read_bytes(), name) == decisive(before, name)
        assert histories(work) == kept
    assert submit_here(work).lines == [
        f"Run {work.run.name} is finished; --fresh would train it again."
    ]


@DAMAGES
@pytest.mark.parametrize("name", OF_THE_RUN)
def test_a_damaged_file_of_a_run_is_made_again_without_training(
    submit_here, whole, expected, tmp_path, random, name, damage
):
    work = whole.copy(tmp_path / "copy")
    path = work.run / name
    kept = histories(work)
    damage(path, random)
    assert_mended(work, submit_here(work), expected, path, OF_THE_RUN[name])
    assert histories(work) == kept
    assert submit_here(work).lines == [
        f"Run {work.run.name} is finished; --fresh would train it again."
    ]


@DAMAGES
def test_a_damaged_checkpoint_is_said_and_the_one_before_it_used(
    submit_here, killed, expected, tmp_path, random, damage
):
    work = killed.copy(tmp_path / "copy")
    # Three, if it was killed between writing one and removing the oldest.
    *_, older, newest = sorted(
        path for path in (work.run / "fold-2").iterdir() if CHECKPOINT.fullmatch(path.name)
    )
    epoch = int(CHECKPOINT.fullmatch(older.name)[1])
    rows = work.epochs()["fold-2"][:epoch]
    damage(newest, random)
    end = submit_here(work)
    sentence = f"is damaged; the one of epoch {epoch} is used instead."
    assert_mended(work, end, expected, newest, sentence)
    assert end.lines[1] == (f"Going on: 1 of 2 networks finished, fold 2 after epoch {epoch}.")
    assert work.epochs()["fold-2"][:epoch] == rows
    assert work.leftovers() == []


@DAMAGES
def test_a_fold_without_a_whole_checkpoint_starts_from_the_beginning(
    submit_here, killed, expected, tmp_path, random, damage
):
    work = killed.copy(tmp_path / "copy")
    for path in (work.run / "fold-2").glob("epoch-*"):
        damage(path, random)
    end = submit_here(work)
    assert end.status == 0
    assert sum(line.endswith("the fold starts from the beginning.") for line in end.lines) == 2
    assert work.results() == expected


@DAMAGES
@pytest.mark.parametrize(
    "name", ["run.json", "recipe.toml", "fold-2/history.csv", "fold-2/.lock-holder"]
)
def test_a_damaged_file_of_a_run_half_way_costs_no_epoch(
    submit_here, killed, expected, tmp_path, random, name, damage
):
    work = killed.copy(tmp_path / "copy")
    before = work.epochs()
    damage(work.run / name, random)
    assert submit_here(work).status == 0
    assert work.results() == expected
    after = work.epochs()
    assert {fold: after[fold][: len(rows)] for fold, rows in before.items()} == before


@pytest.mark.parametrize("name", [*OF_THE_RUN, *(f"fold-2/{name}" for name in OF_A_FOLD), "fold-2"])
def test_a_missing_file_is_made_again(submit_here, whole, expected, tmp_path, name):
    work = whole.copy(tmp_path / "copy")
    path = work.run / name
    with suppress(IsADirectoryError):
        path.unlink()
    for file in path.rglob("*"):
        file.unlink()
    assert submit_here(work).status == 0
    assert work.results() == expected
    assert path.exists()
    assert {fold: len(rows) for fold, rows in work.epochs().items()} == {
        "fold-1": N_EPOCHS,
        "fold-2": N_EPOCHS,
    }


def test_damage_everywhere_at_once_is_mended(submit_here, whole, expected, tmp_path, random):
    work = whole.copy(tmp_path / "copy")
    for path in sorted(work.run.rglob("*")):
        if path.is_file() and path.stat().st_size:
            random.choice([truncate, flip_high_bit])(path, random)
    assert submit_here(work).status == 0
    assert work.results() == expected

"""The report of a run: what it holds, in which runs, and that it never fails one."""

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import browser
import in_process
from digit_recognizer.checksummed import read_checksummed, write_checksummed
from digit_recognizer.files import sha256
from digit_recognizer.report import commands, page
from digit_recognizer.report.page import SECTIONS, write_report

RECIPE = """
[model]
architecture = "4C3-R-MP2-8C3-R-MP2"
learning_rate = "one_cycle"
learning_rate_init = 0.02
max_iter = {epochs}
batch_size = 50
views = {{ shift = 1 }}

[augment]
rotation = 10

[cv]
folds = 2
"""
SUBMIT = ("submit", "--source", "sample", "--jobs", "1")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with two finished runs on the sample, and what `submit` said of each."""
    place = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(commands.SWITCH, "1")
        for name, epochs in (("one", 2), ("two", 1)):
            (place / f"{name}.toml").write_text(RECIPE.format(epochs=epochs))
            done = in_process.run(place, *SUBMIT, "--recipe", f"{name}.toml")
            assert (done.returncode, done.stderr.count("report")) == (0, 0), done.stderr
            (place / f"{name}.txt").write_text(done.stdout)
    return place


@pytest.fixture
def copied(runs, tmp_path, monkeypatch):
    """A copy of the folder, to be changed; the current folder."""
    shutil.copytree(runs, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def run_of(place, name):
    return next((place / "runs").glob(f"{name}-*"))


def missing(path):
    """The sentence in place of each section that could not be shown, by its anchor."""
    text = path.read_text()
    pattern = r'<section id="(\w+)"[^\n]*\n<h2[^\n]*\n(?:<p class="missing">(.*?)</p>)?'
    found = re.findall(pattern, text, re.DOTALL)
    assert [anchor for anchor, _ in found if anchor != "against"] == [s[0] for s in SECTIONS]
    return {anchor: sentence for anchor, sentence in found if sentence}


def test_a_run_ends_with_its_report(runs):
    path = run_of(runs, "one") / "report.html"
    assert f"Report        runs/{path.parent.name}/report.html" in (runs / "one.txt").read_text()
    assert missing(path) == {}
    text = path.read_text()
    assert "right out of fold; 95% interval" in text and "of the held-back test images" in text
    addresses = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert {address[:5] for address in addresses if not address.startswith("#")} == {"data:"}
    names = re.findall(r'\bid="([^"]*)"', text)
    assert len(names) == len(set(names))


def test_the_report_changes_nothing_of_the_run(copied):
    run = run_of(copied, "one")
    files = {path: sha256(path) for path in run.rglob("*") if path.is_file()}
    again = write_report(run)
    changed = {path.name for path, digest in files.items() if sha256(path) != digest}
    assert changed <= {again.name}
    done = in_process.run(copied, *SUBMIT, "--recipe", "one.toml")
    assert "is finished" in done.stderr


def test_its_label_issues_can_be_left_out(copied):
    run = run_of(copied, "one")
    issues = pd.read_csv(run / "label_issues.csv")
    assert list(issues) == [
        "row",
        "label",
        "suggestion",
        "probability_of_label",
        "probability_of_suggestion",
    ]
    oof = pd.read_csv(run / "oof.csv").set_index("row")
    assert (oof.loc[issues["row"], "label"].to_numpy() == issues["label"].to_numpy()).all()
    if issues.empty:
        oof.reset_index()[["row", "label"]].head(3).to_csv(run / "label_issues.csv", index=False)
    dropping = f'[data]\ndrop = "{run.relative_to(copied) / "label_issues.csv"}"\n'
    (copied / "without.toml").write_text(dropping + RECIPE.format(epochs=1))
    done = in_process.run(copied, *SUBMIT, "--recipe", "without.toml")
    assert done.returncode == 0, done.stderr
    path = write_report(run_of(copied, "without"), against_run=run)
    assert missing(path) == {}
    assert "McNemar" in path.read_text()


@pytest.mark.parametrize(
    ("pattern", "sections"),
    [
        ("fold-*/history.csv", {"curves", "votes", "inside"}),
        ("fold-*/test.npy", {"votes"}),
        ("fold-*/model.safetensors", {"inside"}),
        ("fold-*/oof.npy", {"inside"}),
        ("test.csv", {"uncertain", "votes"}),
        ("oof.csv", {"confusion", "calibration", "hardest", "uncertain", "votes", "inside"}),
        ("recipe.toml", {"inside", "augmented"}),
        ("run.json", set()),
        ("metrics.json", {"uncertain", "votes"}),
        ("../../submissions/log.csv", {"submissions"}),
    ],
)
def test_what_is_gone_is_said_where_it_would_stand(copied, pattern, sections):
    run = run_of(copied, "one")
    for path in run.glob(pattern) if ".." not in pattern else copied.glob(pattern[6:]):
        path.unlink()
    found = missing(write_report(run))
    assert sections <= set(found)
    assert all(sentence.endswith(".") for sentence in found.values())


def test_without_the_data_the_tables_are_there_without_images(copied):
    run = run_of(copied, "one")
    identity = read_checksummed(run / "run.json") | {"data_folder": str(copied / "gone")}
    write_checksummed(run / "run.json", identity)
    path = write_report(run)
    assert set(missing(path)) == {"augmented", "inside"}
    text = path.read_text()
    assert text.count("The data are no longer at") >= 4
    assert "probability of label" in text and 'class="tile ' not in text
    shutil.copytree(copied / "data" / "sample", copied / "gone")
    assert missing(write_report(run)) == {}
    train = copied / "gone" / "train.csv"
    train.write_text("".join(train.read_text().splitlines(keepends=True)[:-1]))
    assert "changed since the run" in missing(write_report(run))["augmented"]


def test_a_run_in_progress_shows_how_far_it_is(copied):
    run = run_of(copied, "one")
    for name in ("metrics.json", "oof.csv", "test.csv", "fold-2/result.json", "fold-2/oof.npy"):
        (run / name).unlink()
    shutil.rmtree(run_of(copied, "two"))
    done = in_process.run(copied, "report")
    assert done.returncode == 0, done.stderr
    text = (run / "report.html").read_text()
    assert "unfinished, 1 of 2 networks trained" in text
    assert "curves" not in missing(run / "report.html")


def test_a_blend_has_no_networks_but_runs_that_are_outvoted(copied, monkeypatch):
    monkeypatch.setenv(commands.SWITCH, "1")
    done = in_process.run(copied, "blend", "one", "two")
    assert done.returncode == 0, done.stderr
    path = run_of(copied, "blend") / "report.html"
    assert set(missing(path)) == {"curves", "inside", "augmented"}
    assert f'<th scope="row">{run_of(copied, "one").name}</th>' in path.read_text()


CLASSES = [f"<{letter}>&" for letter in "abcdefghijklmnopqrstuvwxyz"]
OTHER = """
[competition]
slug = "letters"
image_height = 5
image_width = 4
channels = 3

[model]
hidden_layer_sizes = [8]
learning_rate = "cosine"
max_iter = 1

[cv]
folds = 2
"""


def test_another_competition_in_colours_with_words_for_classes(tmp_path, monkeypatch, open_page):
    monkeypatch.setenv(commands.SWITCH, "1")
    pixels = pd.DataFrame(
        np.random.default_rng(0).integers(0, 256, (130, 60)),
        columns=[f"pixel{number}" for number in range(60)],
    )
    (tmp_path / "data").mkdir()
    pixels[:30].to_csv(tmp_path / "data" / "test.csv", index=False)
    pixels.insert(0, "label", np.resize(CLASSES, 130))
    pixels[:104].to_csv(tmp_path / "data" / "train.csv", index=False)
    (tmp_path / "letters.toml").write_text(OTHER)
    done = in_process.run(tmp_path, "submit", "--recipe", "letters.toml", "--jobs", "1")
    assert (done.returncode, "report" in done.stderr) == (0, False), done.stderr
    path = run_of(tmp_path, "letters") / "report.html"
    assert set(missing(path)) == {"augmented"}
    page = open_page(path)
    assert page.locator("table.matrix th[scope=row]").nth(1).inner_text() == CLASSES[1]
    assert browser.violations(page) == []


def test_the_page_in_a_browser(runs, open_page):
    page = open_page(run_of(runs, "one") / "report.html", viewport={"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    assert browser.violations(page) == []
    wrong = page.locator(".matrix .wrong button").first
    n = int(wrong.inner_text())
    wrong.focus()
    page.keyboard.press("Enter")
    assert wrong.get_attribute("aria-pressed") == "true"
    tiles = page.locator("#cell .tile")
    assert tiles.count() == n
    assert tiles.first.evaluate("one => getComputedStyle(one).backgroundImage").startswith(
        'url("data:image/png'
    )
    assert browser.violations(page) == []
    page.get_by_label("in percent of the row").check()
    assert wrong.inner_text().endswith("%")


def test_charts_are_enlarged_by_buttons_and_by_dragging(runs, open_page):
    page = open_page(run_of(runs, "one") / "report.html")
    chart = page.locator("figure.chart").first
    ticks = chart.locator("[id*=tick-y] text")
    before = ticks.all_text_contents()
    chart.get_by_label("Enlarge").click()
    enlarged = ticks.all_text_contents()
    assert len(set(enlarged)) == len(before) and enlarged != before
    spans = [float(texts[-1]) - float(texts[0]) for texts in (before, enlarged)]
    assert spans[1] == pytest.approx(spans[0] / 2, rel=0.05)
    chart.get_by_label("Show all").click()
    assert ticks.all_text_contents() == before
    box = chart.locator("svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.7)
    page.mouse.up()
    assert ticks.all_text_contents() != before
    assert chart.locator(".box").count() == 0


def test_without_scripts_and_in_the_dark_the_page_can_be_read(runs, open_page):
    path = run_of(runs, "one") / "report.html"
    page = open_page(path, java_script_enabled=False)
    assert page.locator("h2").count() == len(SECTIONS)
    assert page.locator(".hint").is_hidden()
    assert page.locator("#hardest .tile").first.is_visible()
    assert browser.violations(open_page(path, color_scheme="dark")) == []


def test_a_report_that_fails_fails_no_run(copied, monkeypatch):
    monkeypatch.setenv(commands.SWITCH, "1")

    def fail(*arguments):
        raise MemoryError("too\nlittle")

    monkeypatch.setattr(page, "write_report", fail)
    (copied / "three.toml").write_text(RECIPE.format(epochs=1))
    done = in_process.run(copied, *SUBMIT, "--recipe", "three.toml", "--seed", "3")
    assert done.returncode == 0
    assert "The report was not written (MemoryError: too little); the submission" in done.stderr
    assert (copied / "submissions" / "submission.csv").is_file()


def test_without_the_extra_a_run_ends_as_ever(copied, monkeypatch):
    monkeypatch.setenv(commands.SWITCH, "1")
    monkeypatch.delitem(sys.modules, "digit_recognizer.report.page")
    monkeypatch.delattr("digit_recognizer.report.page")
    monkeypatch.setitem(sys.modules, "jinja2", None)
    done = in_process.run(copied, "blend", "two", "one")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (run_of(copied, "blend") / "report.html").exists()
    done = in_process.run(copied, "report")
    assert done.returncode == 2
    assert "pip install 'digit-recognizer[report]'" in done.stderr


def test_the_newest_run_is_taken_and_compared(copied):
    done = in_process.run(copied, "report", "--against", "one")
    assert done.returncode == 0, done.stderr
    two = run_of(copied, "two")
    assert done.stdout.startswith(f"runs/{two.name}/report.html (")
    assert f"Against {run_of(copied, 'one').name}" in (two / "report.html").read_text()


def test_mistakes_in_naming_a_run_are_told(tmp_path, copied):
    done = in_process.run(tmp_path, "report")
    assert done.returncode == 2 and "There is no finished run in runs" in done.stderr
    done = in_process.run(copied, "report", "--run", "three")
    assert done.returncode == 2 and "There is no run 'three' in runs; choose" in done.stderr


def test_without_a_browser_the_page_is_there_all_the_same(copied, monkeypatch):
    monkeypatch.setattr(page, "write_report", lambda run, **_: run / "report.html")
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    done = in_process.run(copied, "report", "--open")
    assert done.returncode == 0
    assert "There is no browser here to open it with" in done.stdout
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    assert in_process.run(copied, "report", "--open").returncode == 0
    assert opened == [Path(run_of(copied, "two") / "report.html").as_uri()]

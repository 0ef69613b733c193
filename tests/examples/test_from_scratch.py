"""The page of derivations: its links lead to what they name, its pictures are there."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "from-scratch.md"
TEXT = PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script():
    """The script that writes the links and draws the pictures."""
    spec = importlib.util.spec_from_file_location("from_scratch", ROOT / "docs/from_scratch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_each_link_to_code_leads_to_lines_of_what_it_names(script):
    links = list(script.LINK.finditer(TEXT))
    assert len(links) > 8
    assert len(links) == len(re.findall(r"\]\(\.\./src/", TEXT))
    for link in links:
        first, last = script.lines_of(PAGE.parent / link[2], link[1])
        # A few lines more or less above it move the lines, not what a reader sees.
        assert int(link[3]) <= last, f"{link[0]}: run python docs/from_scratch.py --links"
        assert int(link[4]) >= first, f"{link[0]}: run python docs/from_scratch.py --links"


def test_a_link_is_brought_to_the_lines_of_its_symbol(script):
    moved = script.with_lines(re.sub(r"#L\d+-L\d+", "#L1-L2", TEXT))
    assert "#L1-L2" not in moved
    with pytest.raises(KeyError):
        script.with_lines("[`Dense.sideways`](../src/digit_recognizer/nn/layers.py)")


def test_all_other_links_and_pictures_are_there():
    for target in re.findall(r"\]\(([^)#]+)", TEXT):
        assert (PAGE.parent / target).is_file(), target


def test_pictures_are_drawn(script, tmp_path):
    pytest.importorskip("matplotlib")
    for draw in (script.draw_convolution, script.draw_winograd):
        draw(tmp_path / "picture.svg")
        assert "</svg>" in (tmp_path / "picture.svg").read_text(encoding="utf-8")


def test_formulas_hold_nothing_that_markdown_takes_away():
    # A backslash before a sign, such as a thin space or a line's end, does not reach the formula.
    formulas = re.findall(r"\$\$?[^$]+\$\$?", TEXT)
    assert len(formulas) > 40
    assert not [formula for formula in formulas if re.search(r"\\[^A-Za-z]", formula)]

"""Tables as a terminal and a pipe get them."""

import os
import sys

import pytest
from rich.table import Table

from digit_recognizer.command_line.tables import rendered, show

NAME = "a-long-name-of-a-recipe-[bold]-0123abcd"


@pytest.fixture
def table():
    table = Table("run", "words", box=None, pad_edge=False)
    table.add_row(NAME, "one two three four five six seven eight nine ten")
    table.add_row("b", "")
    return table


@pytest.mark.parametrize("columns", ["20", "80", "200"])
@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_row_is_a_line_whatever_it_is_printed_to(table, columns, is_terminal, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", columns)
    header, first, *others = rendered(table, "see `digit-recognizer log`").splitlines()
    assert first == f"{NAME}  one two three four five six seven eight nine ten"
    assert others == ["b", "see `digit-recognizer log`"]
    assert ("\x1b[1m" in header) == is_terminal
    assert "\x1b[3" not in header


def test_a_text_alone_is_printed_as_it_is(capsys):
    show("No runs yet.")
    assert capsys.readouterr().out == "No runs yet." + os.linesep

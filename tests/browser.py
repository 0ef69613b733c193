"""Chromium, where it is installed, and what is asked of every page: no network, no error, axe."""

import shutil
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Those from --disable-quic on keep the browser itself off the network.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def started():
    """A headless browser of playwright's; skips the test where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("Chromium is not installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def opened(browser, path, **settings):
    """A page of a file; raises if by its end it has logged an error or asked for anything.

    Parameters
    ----------
    browser
        See `started`.
    path : Path
        Of an HTML file.
    **settings
        Of playwright's ``new_context``, such as ``viewport`` or ``color_scheme``.
    """
    faults = []
    with browser.new_context(**settings) as context:
        page = context.new_page()
        page.on("request", lambda request: faults.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if is_bad(message) else None)
        page.goto(path.absolute().as_uri())
        yield page
    asked = {path.absolute().as_uri()}
    faults = [fault for fault in faults if fault not in asked and not fault.startswith("data:")]
    assert faults == []


def is_bad(message):
    """Whether a line of the console tells of something wrong."""
    return message.type in ("error", "warning")


def violations(page):
    """What axe finds wrong with a page as it is: its rules' names and the elements."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page).response["violations"]
    return [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]]

"""What tests of pages share."""

from contextlib import ExitStack

import pytest

import browser


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium; its event loop would be in the way of other modules' own."""
    with browser.started() as running:
        yield running


@pytest.fixture
def open_page(chromium):
    """A function that opens a file in Chromium, see `browser.opened`; checked at the test's end."""
    with ExitStack() as stack:
        yield lambda path, **settings: stack.enter_context(
            browser.opened(chromium, path, **settings)
        )

"""The browser that pages are tested in."""

import pytest

import browser

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title>
<main><h1>A page</h1>{}</main></html>"""


def test_a_good_page_passes(open_page, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(PAGE.format("<script>document.title += '!'</script>"))
    page = open_page(path)
    assert page.title() == "A page!"
    assert browser.violations(page) == []


def test_axe_finds_what_is_wrong(open_page, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(PAGE.format('<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'))
    assert [rule for rule, _ in browser.violations(open_page(path))] == ["image-alt"]


@pytest.mark.parametrize(
    "content",
    [
        "<script>nowhere()</script>",
        "<script>console.error('wrong')</script>",
        '<link rel="stylesheet" href="https://example.invalid/style.css">',
    ],
)
def test_an_error_or_a_request_fails(chromium, tmp_path, content):
    path = tmp_path / "page.html"
    path.write_text(PAGE.format(content))
    with pytest.raises(AssertionError), browser.opened(chromium, path) as page:
        page.wait_for_load_state()

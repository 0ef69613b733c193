"""The page to draw on, in Chromium."""

import io
import re

import numpy as np
import pytest
from PIL import Image

import browser
import drawing
import in_process


def prediction(page):
    return page.inner_text("#prediction")


def test_most_digits_that_are_drawn_are_recognized(page):
    # By networks of a few small images; those of MNIST know all ten, see benchmarks/demo.py.
    recognized = []
    for digit in drawing.DIGITS:
        drawing.draw(page, digit)
        recognized.append(prediction(page) == str(digit))
    assert sum(recognized) >= 7


def test_the_bars_move_while_one_draws(page):
    seen = set()
    x, y, side = (page.locator("#board").bounding_box()[key] for key in ("x", "y", "width"))
    page.mouse.move(x + 0.3 * side, y + 0.2 * side)
    page.mouse.down()
    for step in range(4):
        page.mouse.move(x + 0.7 * side, y + (0.3 + 0.15 * step) * side)
        page.mouse.move(x + 0.3 * side, y + (0.35 + 0.15 * step) * side)
        drawing.rest(page)
        seen.add(page.inner_text("#bars"))
    page.mouse.up()
    assert len(seen) == 4


def test_a_finger_draws_and_does_not_scroll(open_page, page_file):
    page = open_page(page_file, has_touch=True, viewport={"width": 360, "height": 740})
    touch = page.context.new_cdp_session(page)
    box = page.locator("#board").bounding_box()
    for kind, y in [("touchStart", 30), ("touchMove", 100), ("touchMove", 200), ("touchEnd", None)]:
        points = [] if y is None else [{"x": box["x"] + box["width"] / 2, "y": box["y"] + y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    drawing.rest(page)
    assert prediction(page) == "1"
    assert page.evaluate("scrollY") == 0


def test_keys_draw(page):
    page.focus("#board")
    for key in ["ArrowUp"] * 6 + [" "] + ["ArrowDown"] * 12:
        page.keyboard.press(key)
    drawing.wait_for(
        page, "$('spoken').textContent.startsWith('Pen down, at 50 across and 74 down')"
    )
    page.keyboard.press(" ")
    drawing.rest(page)
    assert prediction(page) == "1"
    page.keyboard.press("Backspace")
    drawing.rest(page)
    assert prediction(page) == "?"


def test_a_screen_reader_is_told_the_answer_once_the_drawing_rests(page):
    drawing.draw(page, 0)
    drawing.wait_for(page, "$('spoken').textContent !== ''")
    assert page.inner_text("#spoken").startswith("0, ")
    assert "networks say 0" in page.inner_text("#spoken")


def test_undo_takes_back_a_stroke_and_clear_all(page):
    drawing.draw(page, 1)
    before = page.inner_text("#bars")
    drawing.draw_stroke(page, "20,20 80,80")
    drawing.rest(page)
    assert page.inner_text("#bars") != before
    page.click("#undo")
    drawing.rest(page)
    assert page.inner_text("#bars") == before
    page.click("#clear")
    drawing.rest(page)
    assert page.inner_text("#confidence") == "Nothing is drawn yet."
    page.click("#undo")
    drawing.rest(page)
    assert page.inner_text("#bars") == before


def test_a_dot_is_a_stroke(page):
    page.click("#board")
    drawing.rest(page)
    assert page.evaluate("shown.pixels.filter((value) => value === 255).length") > 100


def test_the_table_shows_each_network_and_the_sentence_how_many_agree(page):
    drawing.draw(page, 0)
    rows = page.locator("#table tbody tr")
    assert [row.split()[:2] for row in rows.all_inner_texts()] == [["fold", "1"], ["fold", "2"]]
    assert page.inner_text("#agreement") == "All 2 networks say 0."
    told = page.evaluate("agreement([[1, 0, 0], [0, 1, 0]], 1)")
    assert told == "1 of 2 networks say 1; fold 1 says 0."


def test_occlusion_names_the_part_that_matters(page):
    drawing.draw(page, 4)
    page.click("#occlude")
    drawing.wait_for(page, "/matter/.test($('occlusion').textContent)")
    assert "4 falls from" in page.inner_text("#occlusion")
    red = page.evaluate(
        "Array.from($('seen').getContext('2d').getImageData(0, 0, 280, 280).data)"
        ".filter((value, i, all) => i % 4 === 0 && value > all[i + 1] + 50).length"
    )
    assert red > 1000


@pytest.mark.parametrize(("paper", "ink", "width"), [(235, 20, 22), (40, 250, 22), (235, 60, 5)])
def test_a_picture_is_brought_to_the_form_of_a_drawing(page, paper, ink, width):
    drawing.choose(page, drawing.picture(paper=paper, ink=ink, width=width))
    assert page.inner_text("#trouble") == ""
    seen = np.reshape(page.evaluate("Array.from(shown.pixels)"), (28, 28))
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (20, 21)
    weights = seen / seen.sum()
    places = np.arange(28)
    assert weights.sum(axis=0) @ places == pytest.approx(14, abs=0.3)
    assert weights.sum(axis=1) @ places == pytest.approx(14, abs=0.3)
    assert prediction(page) == "7"


@pytest.mark.parametrize("is_light", [False, True])
def test_a_picture_of_the_networks_size_is_taken_as_it_is(page, is_light):
    pixels = np.zeros((28, 28), np.uint8)
    pixels[4:24, 12:15] = np.arange(100, 160).reshape(20, 3)
    file = io.BytesIO()
    Image.fromarray(255 - pixels if is_light else pixels).save(file, "PNG")
    drawing.choose(page, file.getvalue())
    assert np.array_equal(page.evaluate("Array.from(shown.pixels)"), pixels.ravel())


@pytest.mark.parametrize(
    ("kind", "event"),
    [("DragEvent", ["drop", "dataTransfer"]), ("ClipboardEvent", ["paste", "clipboardData"])],
)
def test_a_picture_can_be_dropped_and_pasted(page, kind, event):
    page.evaluate(
        """([bytes, kind, [type, holder]]) => {
            const files = new DataTransfer();
            files.items.add(new File([new Uint8Array(bytes)], "seven.jpg"));
            const event = new window[kind](type, { [holder]: files, bubbles: true });
            document.body.dispatchEvent(event);
        }""",
        [list(drawing.picture("JPEG")), kind, event],
    )
    drawing.wait_for(page, "shown")
    drawing.rest(page)
    assert prediction(page) == "7"


def blank():
    """A picture of paper, darker to one side."""
    file = io.BytesIO()
    Image.linear_gradient("L").point(lambda value: 150 + value // 4).save(file, "PNG")
    return file.getvalue()


def small_blank():
    """Paper of the networks' size."""
    file = io.BytesIO()
    Image.new("L", (28, 28), 250).save(file, "PNG")
    return file.getvalue()


def huge():
    """The head of a PNG of 60,000 × 60,000 pixels."""
    content = bytearray(drawing.picture())
    content[16:24] = (60000).to_bytes(4) * 2
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "seven.png is empty"),
        (b"no picture at all", "seven.png is no picture, or a damaged one"),
        (drawing.picture()[:200], "seven.png is no picture, or a damaged one"),
        (huge(), "seven.png has 60000 x 60000 pixels"),
        (blank(), "seven.png shows nothing but paper"),
        (small_blank(), "seven.png shows nothing but paper"),
    ],
)
def test_what_cannot_be_shown_is_a_sentence(page, content, sentence):
    drawing.choose(page, content)
    assert page.inner_text("#trouble").startswith(sentence)
    assert prediction(page) == "?"


def test_a_dropped_address_is_told_to_be_no_picture(page):
    page.evaluate(
        """() => {
            const dataTransfer = new DataTransfer();
            dataTransfer.setData("text/uri-list", "https://example.com/seven.png");
            document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true }));
        }"""
    )
    assert "no file of a picture" in page.inner_text("#trouble")


def test_the_quiz_keeps_the_score_of_both(page):
    page.click("#start")
    theirs = mine = 0
    for number in range(10):
        riddle = page.evaluate("round[asked]")
        given = riddle["label"] if number % 2 else (riddle["label"] + 1) % 10
        page.click(f"#choices button >> nth={given}")
        mine += number % 2
        theirs += riddle["label"] == riddle["prediction"]
        assert f"you have {mine} of {number + 1}" in page.inner_text("#verdict")
        page.keyboard.press("Enter")
    assert page.inner_text("#quiz-text").startswith(f"You have 5 of 10, the networks {theirs}: ")


def test_an_image_of_the_quiz_is_looked_at_as_it_is(page):
    page.click("#start")
    page.keyboard.press("3")
    page.click("#inspect")
    drawing.rest(page)
    assert page.evaluate("String(shown.pixels) === String(round[0].pixels)")


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1600, "light")])
def test_axe_finds_nothing_and_nothing_overflows(open_page, page_file, width, scheme):
    page = open_page(page_file, viewport={"width": width, "height": 800}, color_scheme=scheme)
    drawing.draw(page, 1)
    page.click("#start")
    page.click("#choices button >> nth=3")
    page.click("summary")
    assert browser.violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
@pytest.mark.parametrize("shape", [(24, 24, 1), (32, 20, 3)])
def test_letters_in_other_sizes_and_colours(open_page, page_of, fitted, shape):
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    network, _ = fitted(shape, letters, hidden_layer_sizes=5)
    page = open_page(page_of([network], shape, letters), viewport={"width": 360, "height": 740})
    drawing.draw(page, 8)
    assert prediction(page) in letters
    seen = np.reshape(page.evaluate("Array.from(shown.pixels)"), shape)
    assert (seen == seen[:, :, :1]).all()
    lengths = [np.ptp(np.flatnonzero(seen.any(axis=axes))) + 1 for axes in ((1, 2), (0, 2))]
    sides = [20 / 28 * size for size in shape[:2]]
    assert any(side <= length <= side + 2 for length, side in zip(lengths, sides, strict=True))
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert browser.violations(page) == []


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
def test_names_of_classes_are_text_and_as_long_as_they_like(open_page, page_of, fitted):
    classes = ["</script><b>", "<!--", "an ankle boot, the left one of two"]
    network, _ = fitted((6, 6, 1), classes, hidden_layer_sizes=5)
    page = open_page(
        page_of([network], (6, 6, 1), sorted(classes)), viewport={"width": 360, "height": 740}
    )
    drawing.draw(page, 8)
    assert prediction(page) in classes
    assert page.locator("#table thead th").all_inner_texts()[1:] == sorted(classes)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_without_the_training_data_there_is_no_quiz_and_the_page_says_so(
    open_page, workplace, page_file
):
    folder = workplace / "data"
    folder.rename(workplace / "elsewhere")
    try:
        done = in_process.run(workplace, "demo")
    finally:
        (workplace / "elsewhere").rename(folder)
    assert done.returncode == 0, done.stderr
    page = open_page(page_file)
    assert not page.is_visible("#quiz")
    assert "There is no quiz. The data are no longer at" in page.inner_text("#notes")


def test_without_a_run_it_says_how_to_make_one(tmp_path):
    done = in_process.run(tmp_path, "demo")
    assert done.returncode == 2
    assert "make one with `digit-recognizer submit`" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_page_may_not_reach_the_network(page_file):
    text = page_file.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    allowed = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert allowed.pop("default-src") == "'none'"
    assert set(allowed) == {"script-src", "style-src", "img-src", "base-uri", "form-action"}
    assert re.fullmatch(r"'sha256-[^' ]+'", allowed["script-src"])
    assert set(re.findall(r"https?://[^'\"\s)]+", text)) == {"http://www.w3.org/2000/svg"}

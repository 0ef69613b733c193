"""What tests of the page to draw on draw on it: digits, stroke by stroke, and a picture."""

import io

import numpy as np

# Strokes of points x,y in a square of 100.
DIGITS = {
    0: [
        "50,15 38,18 30,30 27,50 30,70 38,82 50,85 62,82 70,70 73,50 70,30 62,18 50,15",
    ],
    1: ["38,30 52,16 52,85"],
    2: ["30,32 34,20 48,14 62,19 67,32 62,45 48,60 32,78 28,84 72,84"],
    3: ["32,20 48,14 63,20 65,32 56,43 44,47 58,50 68,60 66,75 52,85 38,84 29,76"],
    4: ["58,14 30,58 74,58", "60,38 58,88"],
    5: ["68,16 38,16 35,45 50,40 64,46 69,60 64,76 50,85 36,83 28,75"],
    6: ["62,14 46,26 34,46 30,65 36,80 50,86 64,79 66,65 58,54 44,54 33,64"],
    7: ["28,18 72,18 56,48 44,86"],
    8: [
        "50,48 36,40 33,27 42,16 56,15 66,25 62,38 50,48 37,57 31,70 38,82 52,86 65,80 68,67 61,56 "
        "50,48"
    ],
    9: ["66,30 58,17 44,16 34,26 35,40 46,47 60,43 66,30 66,50 62,70 56,86"],
}


def draw(page, digit, pen=None):
    """Draw a digit in the page's drawing area with the mouse, and wait until it is recognized.

    Parameters
    ----------
    page
        Of playwright.
    digit : int
    pen : {"thin", "medium", "thick"} or None, default=None
    """
    page.click("#clear")
    if pen:
        page.get_by_role("radio", name=pen).check()
    for stroke in DIGITS[digit]:
        draw_stroke(page, stroke)
    rest(page)


def draw_stroke(page, stroke):
    """Draw one stroke by pointer events."""
    board = page.locator("#board")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    points = [tuple(map(float, point.split(","))) for point in stroke.split()]
    places = [
        (box["x"] + box["width"] * x / 100, box["y"] + box["height"] * y / 100) for x, y in points
    ]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place)
    page.mouse.up()


def rest(page):
    """Wait until the page shows what was drawn last."""
    wait_for(page, "!isBusy && wanted === null")


def wait_for(page, condition):
    """Wait for a condition of the page's script; playwright's own wait needs eval."""
    page.evaluate(
        f"async () => {{ while (!({condition})) await new Promise((go) => setTimeout(go, 5)) }}"
    )


def picture(kind="PNG", paper=235, ink=20, size=(300, 400), width=22):
    """A photograph of a 7 on paper that gets darker to one side, with a speck."""
    from PIL import Image, ImageDraw

    shade = np.linspace(paper - 40, paper, size[0], dtype=np.uint8)
    image = Image.fromarray(np.tile(shade, (size[1], 1)))
    pen = ImageDraw.Draw(image)
    pen.line([(90, 100), (210, 100), (150, 300)], fill=ink, width=width, joint="curve")
    pen.ellipse([20, 370, 23, 373], fill=ink)
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def choose(page, content, name="seven.png"):
    """Choose a picture's file on the page, and wait until it is recognized or refused."""
    kind = "image/png" if name.endswith("png") else "image/jpeg"
    page.set_input_files("#file", {"name": name, "mimeType": kind, "buffer": content})
    page.evaluate("new Promise((go) => setTimeout(go, 100))")
    wait_for(page, "$('trouble').textContent || shown")
    rest(page)

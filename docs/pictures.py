"""Draw docs/report.png and docs/demo.png, the README's pictures, of the pages of a run.

python docs/pictures.py runs/ID

It opens the run's report.html and demo.html in Chromium, which must be installed.
"""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import drawing

FOLDER = Path(__file__).parent
WIDTH, HEIGHT = 1000, 700
# More make the files larger and the pictures no better.
N_COLORS = 128
# Of the report: what is shown below one another, and how much of it, in pixels.
PANELS = (("#confusion", 520), ("#curves .charts", 240), ("#hardest table.images", 340))
MARGIN = 16


def main(run):
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name, shoot in (("report", shoot_report), ("demo", shoot_demo)):
            file = Path(run) / f"{name}.html"
            if not file.is_file():
                sys.exit(f"{file} is not there; write it with `digit-recognizer {name}`.")
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.goto(file.absolute().as_uri())
            save(shoot(page), FOLDER / f"{name}.png")
        browser.close()


def shoot_report(page):
    """The beginnings of some of its parts."""
    size = WIDTH, sum(height + MARGIN for _, height in PANELS)
    whole, top = Image.new("RGB", size, "white"), 0
    for selector, height in PANELS:
        part = Image.open(io.BytesIO(page.locator(selector).screenshot()))
        whole.paste(part.crop((0, 0, part.width, min(part.height, height))), (MARGIN, top))
        top += height + MARGIN
    return whole


def shoot_demo(page):
    """The page with a 4 drawn on it, and what of it matters to the networks."""
    page.set_viewport_size({"width": 1180, "height": HEIGHT})
    drawing.draw(page, 4)
    page.click("#occlude")
    drawing.wait_for(page, "/matter/.test($('occlusion').textContent)")
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    picture = Image.open(io.BytesIO(page.screenshot()))
    return picture.resize((WIDTH, HEIGHT * WIDTH // picture.width), Image.Resampling.LANCZOS)


def save(picture, path):
    """Write a picture with few colours."""
    picture.convert("RGB").quantize(N_COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The page to draw on in headless Chromium: its size, its speed, and the digits it recognizes.

Draws the ten digits of the tests with each pen by pointer events. The time is that from a pointer's
event to the bars that show it, with all networks of the run.
"""

import argparse
import statistics
import sys
from pathlib import Path

from digit_recognizer.pipeline.runs.named_runs import find_finished
from digit_recognizer.pipeline.runs.run_directory import RUNS_FOLDER
from digit_recognizer.report.demo.page import write_demo

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
import browser
import drawing


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", help="as for digit-recognizer demo (default: the newest)")
    path = write_demo(find_finished(parser.parse_args().run, RUNS_FOLDER))
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
    with browser.started() as chromium, browser.opened(chromium, path) as page:
        print(page.inner_text("#about"))
        times = []
        for pen in ("thin", "medium", "thick"):
            answers = []
            for digit in drawing.DIGITS:
                drawing.draw(page, digit, pen)
                answers.append(page.inner_text("#prediction"))
                times.append(page.evaluate("latency"))
            right = sum(answer == str(digit) for digit, answer in enumerate(answers))
            print(f"{pen:8}{right} of 10 recognized: {' '.join(answers)}")
        low, middle, high = statistics.quantiles(times, n=4)
        print(f"stroke to bars: median {middle:.0f} ms, quartiles {low:.0f} and {high:.0f} ms")


if __name__ == "__main__":
    main()

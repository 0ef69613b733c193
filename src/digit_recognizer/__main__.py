"""``python -m digit_recognizer`` is ``digit-recognizer``."""

import sys

from digit_recognizer.cli import main

if __name__ == "__main__":
    sys.exit(main())

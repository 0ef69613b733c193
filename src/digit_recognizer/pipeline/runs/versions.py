"""Versions of what decides the bytes of a result."""

import os
import platform
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from digit_recognizer import __version__

DECISIVE_PACKAGES = ("numpy", "scipy", "scikit-learn")


def versions() -> dict[str, str]:
    """Versions here of this package and of those that compute for it."""
    return {"digit-recognizer": __version__} | {name: version(name) for name in DECISIVE_PACKAGES}


def describe_changes(then: dict, now: dict) -> str:
    """What differs, such as ``numpy 2.4.5 is now 2.4.6``; empty if nothing does."""
    return ", ".join(
        f"{name} {then[name]} is now {now[name]}"
        for name in now
        if name in then and then[name] != now[name]
    )


def machine() -> dict[str, str]:
    """What a run's times depend on: the system, the processor and how many of them, Python."""
    processor = platform.processor() or platform.machine()
    with suppress(OSError, StopIteration):
        # Linux names none otherwise.
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(line for line in lines if line.startswith("model name")).split(": ")[1]
    return {
        "system": platform.platform(),
        "processor": f"{processor}, {os.cpu_count()} logical",
        "python": platform.python_version(),
    }

"""Versions of what decides the bytes of a result."""

from importlib.metadata import version

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

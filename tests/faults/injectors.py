"""Faults: what can happen to a run, to its files and to the disk that they are on."""

import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from random import Random

from workplace import Workplace, parent


def truncate(path: Path, random: Random) -> None:
    """Cut a file off at a random place."""
    # Not its last line end only, without which JSON says the same.
    os.truncate(path, random.randrange(max(path.stat().st_size - 1, 1)))


def flip_bit(path: Path, random: Random, bits=range(8)) -> None:
    """Change one random bit of a file."""
    content = bytearray(path.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.choice(bits)
    path.write_bytes(content)


def flip_high_bit(path: Path, random: Random) -> None:
    """Change the highest bit of a random byte.

    Another bit in the last of a number's digits may leave it the same number.
    """
    flip_bit(path, random, bits=[7])


def kill(process: subprocess.Popen, number: int) -> None:
    """Send a signal to a process, unless it has ended."""
    if process.poll() is None:
        process.send_signal(number)


def kill_group(process: subprocess.Popen, number: int) -> None:
    """Send a signal to a process and its workers, as Ctrl-C in a terminal does."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def kill_worker(
    work: Workplace, process: subprocess.Popen, random: Random, number: int
) -> int | None:
    """Send a signal to a process that trains a fold; returns its number, None if there is none."""
    # A lock may tell of an earlier process, whose number somebody else's has now.
    workers = [pid for pid in work.workers() if parent(pid) == process.pid]
    for pid in random.sample(workers, len(workers)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            return pid
    return None


def pause(random: Random, seconds: float) -> None:
    """Wait for a random time up to this."""
    time.sleep(random.uniform(0, seconds))


# Python's own clock alone would not do: pandas crashes where datetime is another class.
CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(clock, now);
    if (clock == CLOCK_REALTIME) now->tv_sec += SHIFT;
    return status;
}
"""


def can_shift_clock() -> bool:
    """Whether there is the compiler that `shifted_clock` needs."""
    return shutil.which("cc") is not None


def shifted_clock(folder: Path, seconds: int) -> dict[str, str]:
    """Make the clock go wrong by some seconds in processes with this environment."""
    folder.mkdir(exist_ok=True)
    source, library = folder / "clock.c", folder / "clock.so"
    source.write_text(CLOCK)
    options = ["-shared", "-fPIC", f"-DSHIFT={seconds}", "-o", str(library), str(source), "-ldl"]
    subprocess.run(["cc", *options], check=True, capture_output=True)
    return {"LD_PRELOAD": str(library)}


def date_files(folder: Path, seconds: float) -> None:
    """Let all files have been written at this time, in seconds since 1970."""
    for path in folder.rglob("*"):
        os.utime(path, (seconds, seconds))


class Disk:
    """A small disk of its own, mounted on a folder where only some processes see it.

    Parameters
    ----------
    folder : Path
        The place to mount it, there already.
    n_bytes : int
    """

    def __init__(self, folder: Path, n_bytes: int):
        self.folder = folder
        # Its end takes the mount with it.
        self._keeper = subprocess.Popen(
            ["unshare", "-m", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        self._wait_for_namespace()
        self._mount(f"-t tmpfs -o size={n_bytes} none")

    @staticmethod
    def may_mount() -> bool:
        """Whether there can be one on this machine."""
        needed = all(shutil.which(name) for name in ("unshare", "nsenter", "mount"))
        trial = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/tmp"]
        return needed and subprocess.run(trial, capture_output=True).returncode == 0

    def _wait_for_namespace(self):
        own = Path("/proc/self/ns/mnt").readlink()
        while Path(f"/proc/{self._keeper.pid}/ns/mnt").readlink() == own:
            time.sleep(0.01)

    def _mount(self, options):
        command = self._entering("/", "mount", *options.split(), str(self.folder))
        subprocess.run(command, check=True, capture_output=True)

    def _entering(self, folder, *command):
        enter = ["nsenter", "-t", str(self._keeper.pid), "-m"]
        return [*enter, "sh", "-c", 'cd "$0" && exec "$@"', str(folder), *command]

    def remount(self, options: str) -> None:
        """Change it: "ro", "rw" or "size=…"."""
        self._mount(f"-o remount,{options}")

    def workplace(self, recipe: Path, data: Path | None = None) -> Workplace:
        """A place to work on it."""
        seen_at = Path(f"/proc/{self._keeper.pid}/root{self.folder}")
        return Workplace(self.folder, recipe, data, self._entering(self.folder), seen_at)

    def close(self) -> None:
        """Give it up with all that is on it."""
        self._keeper.stdin.close()
        self._keeper.wait()

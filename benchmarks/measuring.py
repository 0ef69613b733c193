"""What the benchmarks share: a fair machine, interleaved timing, a table.

Import it first: it changes the environment before NumPy reads it.
"""

import os
import statistics
import sys
from pathlib import Path
from time import perf_counter

# A development machine may pin OpenBLAS to an older processor's kernels; users' machines do not.
for _name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(_name, None)

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# How many processors the benchmark uses, once it has said so.
n_processors = None


def use_one_thread() -> None:
    """One thread for the products of this process and of those it starts."""
    for name in THREADS:
        os.environ[name] = "1"


def use_one_processor() -> None:
    """Keep this process and every thread of it on one processor.

    Thread counts are set to one as well, but JAX's dispatch and compute threads run side by side
    whatever they say; on one processor, one thread's worth of work is all that anyone gets. A
    benchmark that imports another one's networks has chosen its processors before.
    """
    if n_processors is None:
        use_one_thread()
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
        use_processors(1)


def use_processors(n: int) -> None:
    """Keep this process, its threads and those it starts on so many processors."""
    global n_processors
    n_processors = n
    os.environ["JAX_PLATFORMS"] = "cpu"
    if n > 1:
        for name in THREADS:
            os.environ.pop(name, None)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n])
    else:
        print("This system cannot pin a process: threads may overlap.", file=sys.stderr)


def interleave(
    functions: dict, n_rounds: int, warm_up=True, clock=perf_counter
) -> dict[str, list[float]]:
    """Seconds of each function in each round: A B C, A B C, …

    Parameters
    ----------
    functions : dict of str to callable
    n_rounds : int
    warm_up : bool, default=True
        Call each once before.
    clock : callable, default=perf_counter
        process_time where all is done in this process by one thread, so that others on a busy
        machine count less.

    Returns
    -------
    dict of str to list of float
    """
    for function in functions.values() if warm_up else ():
        function()
    seconds = {name: [] for name in functions}
    for _ in range(n_rounds):
        for name, function in functions.items():
            start = clock()
            function()
            seconds[name].append(clock() - start)
    return seconds


def median_ratio(numerators: list[float], denominators: list[float]) -> float:
    """Median over the rounds of the ratio within a round, which a drifting clock cancels from."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def sgemm_peak() -> float:
    """Floating-point operations a second of NumPy's float32 product of 1024×1024 matrices."""
    import numpy as np

    A = np.random.default_rng(0).standard_normal((1024, 1024), dtype=np.float32)
    out = np.empty_like(A)
    seconds = interleave({"product": lambda: np.matmul(A, A, out=out)}, 20)["product"]
    return 2 * 1024**3 / statistics.median(seconds)


def tree_memory(pid) -> int:
    """Kilobytes of a process and all below it, what they share counted once."""
    total = 0
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            total += sum(map(tree_memory, children.read_text().split()))
    except (OSError, StopIteration):
        # It has just ended.
        pass
    return total


def print_table(header: list[str], rows: list[list[str]]) -> None:
    """Print columns, the first aligned left and the others right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join(cells))

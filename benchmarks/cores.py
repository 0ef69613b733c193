"""Speed on two processors, which every library may use: ours, PyTorch's and JAX's.

    python benchmarks/cores.py [--data FOLDER] [--rounds N] [--only TABLE]

Each library is in a process of its own, and the others wait while one computes. Ours are whole fits
by the estimator, with one core and with both; PyTorch runs eagerly in both memory formats and
compiled, on the networks of `convolution.py` and `dense.py`. Tables: training, predict (28,000
images), latency (one image), bytes (the weights, for any number of cores), memory, and with --data
the pipeline: the folds of `fast` where the last one takes both cores, against one core each.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, sleep

import measuring

measuring.use_processors(2)
# For the processes as well: that there are few epochs is meant.
os.environ["PYTHONWARNINGS"] = "ignore::UserWarning"
warnings.simplefilter("ignore", UserWarning)

import convolution  # noqa: E402
import dense  # noqa: E402
import numpy as np  # noqa: E402
import peers  # noqa: E402
from threadpoolctl import threadpool_info, threadpool_limits  # noqa: E402

from digit_recognizer import NumpyNetClassifier, nn  # noqa: E402
from digit_recognizer.pipeline.runs.versions import machine  # noqa: E402

TABLES = ("training", "predict", "latency", "bytes", "memory", "pipeline")
SPAWN = multiprocessing.get_context("spawn")
ARCHITECTURES = {
    "(a)": "16C3-MP2-BN-R-32C3-BN-R-64C3-MP2-BN-R-128C3-BN-R",
    "(b)": "32C3-BN-R-32C3-BN-R-32C5S2P2-BN-R-64C3-BN-R-64C3-BN-R-MP2-128N-R",
    "LeNet-5": "6C5P2-R-MP2-16C5-R-MP2-120N-R-84N-R",
}
LAYERS = dict(zip(ARCHITECTURES, convolution.NETWORKS.values(), strict=True))
HIDDEN = {"dense 256-128": (256, 128), "dense 512-256": (512, 256)}
TORCH = ("contiguous", "channels last", "compiled")
# As many images in a fit as in the steps of a peer.
N_IMAGES, N_EPOCHS = 8192, 2
N_STEPS = N_IMAGES * N_EPOCHS // convolution.BATCH
N_CALLS = 50
# Fits are as long as such that people wait for: what is tried and started first counts for less.
dense.N_EPOCHS = 12


@cache
def images(n):
    """Random images as rows, float32 of shape (n, 784), and classes."""
    generator = np.random.default_rng(0)
    return generator.random((n, 784), dtype=np.float32), generator.integers(0, 10, n)


def layers_of(name):
    """The layers of a network on images."""
    if name in LAYERS:
        return LAYERS[name]
    hidden = [layer for n in HIDDEN[name] for layer in (nn.Dense(n), nn.ReLU())]
    return [nn.Flatten(), *hidden, nn.Dense(10)]


class Ours:
    """The estimator: one core or all, as BLAS would take them."""

    def __init__(self, name, variant, data):
        self.limit = 1 if variant == "one core" else None
        of_images = {"architecture": ARCHITECTURES.get(name), "input_shape": (28, 28, 1)}
        self.X, self.y = images(N_IMAGES) if name in LAYERS else data
        self.model = NumpyNetClassifier(
            **(of_images if name in LAYERS else {"hidden_layer_sizes": HIDDEN[name]}),
            batch_size=convolution.BATCH,
            alpha=0.0,
            max_iter=N_EPOCHS if name in LAYERS else dense.N_EPOCHS,
            n_iter_no_change=99,
            random_state=0,
        )
        self.n_trained = self.model.max_iter * len(self.X)

    def train(self):
        self.model.fit(self.X, self.y)

    def prepare(self):
        """Have weights."""
        if not hasattr(self.model, "n_iter_"):
            self.model.set_params(max_iter=1).fit(self.X[:500], self.y[:500])

    def predict(self, n):
        self.prepare()
        self.model.predict_proba(images(n)[0])

    def latency(self, n):
        self.prepare()
        row = images(1)[0]
        for _ in range(n):
            self.model.predict_proba(row)

    def network_latency(self, n):
        self.prepare()
        X = images(1)[0].reshape(-1, *self.model._network.input_shape)
        for _ in range(n):
            self.model._network.predict(X)


class Peer:
    """PyTorch or JAX."""

    def __init__(self, name, variant, data):
        X, y = images(convolution.BATCH)
        arguments = layers_of(name), X.reshape(-1, 28, 28, 1), y
        rate = convolution.LEARNING_RATE
        if variant == "JAX":
            self.peer = peers.Jax(*arguments, N_STEPS, rate)
        else:
            self.peer = peers.Torch(*arguments, variant, N_STEPS, rate)
        self.train, self.n_trained = self.peer.train, N_STEPS * convolution.BATCH
        if name in HIDDEN:
            trainer = dense.jax_trainer if variant == "JAX" else dense.torch_trainer
            options = {"compiled": True} if variant == "compiled" else {}
            self.train = trainer(*data, HIDDEN[name], convolution.BATCH, **options)
            self.n_trained = dense.N_EPOCHS * dense.N_ROWS

    def predict(self, n):
        self.peer.predict(images(n)[0].reshape(-1, 28, 28, 1))

    def latency(self, n):
        row = images(1)[0].reshape(-1, 28, 28, 1)
        for _ in range(n):
            self.peer.predict(row)

    network_latency = latency


dense_rows = cache(dense.load_rows)


@cache
def contestant(kind, name, variant, folder):
    """In a library's process: what was made is kept."""
    return kind(name, variant, dense_rows(folder) if name in HIDDEN else None)


def timed(kind, name, variant, folder, method, *arguments):
    """Seconds a sample that a method takes."""
    one = contestant(kind, name, variant, folder)
    with threadpool_limits(getattr(one, "limit", None), user_api="blas"):
        start = perf_counter()
        getattr(one, method)(*arguments)
        seconds = perf_counter() - start
    return seconds / (arguments[0] if arguments else one.n_trained)


class Libraries:
    """A process for each library."""

    def __init__(self, folder):
        self.folder = folder
        libraries = {"ours": (Ours, ("one core", "two cores"))}
        if find_spec("torch"):
            libraries["PyTorch"] = Peer, TORCH
        if find_spec("jax") and find_spec("optax"):
            libraries["JAX"] = Peer, ("JAX",)
        self.kinds = libraries
        self.processes = {name: ProcessPoolExecutor(1, SPAWN) for name in libraries}

    def end(self):
        """End the processes."""
        for process in self.processes.values():
            process.shutdown()

    def measure(self, name, n_rounds, method, *arguments):
        """Median seconds a sample of each contestant, in interleaved rounds."""
        calls = [
            (library, variant)
            for library, (_, variants) in self.kinds.items()
            for variant in variants
            # A dense network has no memory format.
            if not (name in HIDDEN and variant == "channels last")
            and not (name in LAYERS and variant == "JAX")
        ]
        seconds = {call: [] for call in calls}
        for number in range(n_rounds + 1):
            for library, variant in calls:
                kind = self.kinds[library][0]
                future = self.processes[library].submit(
                    timed, kind, name, variant, self.folder, method, *arguments
                )
                taken = future.result()
                if number:
                    seconds[library, variant].append(taken)
        return {call: statistics.median(taken) for call, taken in seconds.items()}


def speed_table(title, libraries, names, n_rounds, method, *arguments):
    """Print a row for each network: samples/s, both cores against one, ours against the peers."""
    rows = []
    for name in names:
        seconds = libraries.measure(name, n_rounds, method, *arguments)
        one, both = (seconds["ours", f"{n} core{s}"] for n, s in (("one", ""), ("two", "s")))
        rates, ratios = [f"{1 / one:,.0f}", f"{1 / both:,.0f}"], [f"{one / both:.2f}"]
        for library in ("PyTorch", "JAX"):
            best = min((s for (owner, _), s in seconds.items() if owner == library), default=None)
            rates.append(f"{1 / best:,.0f}" if best else "–")
            ratios.append(f"{best / both:.2f}" if best else "–")
        rows.append([name, *rates, *ratios])
    print(f"\n{title}, median of {n_rounds} rounds")
    header = ["samples/s", "one core", "two cores", "PyTorch", "JAX", "two / one"]
    measuring.print_table([*header, "/ PyTorch", "/ JAX"], rows)


def fitted_bytes(name, limit=None, n_jobs=None):
    """Digest of the weights after a short fit, alone or by a grid search with so many jobs."""
    from sklearn.model_selection import GridSearchCV

    X, y = images(N_IMAGES)
    model = contestant(Ours, name, "two cores", None).model
    # Long enough for all that several cores do.
    n_epochs = 1 if name in LAYERS else dense.N_EPOCHS
    model = NumpyNetClassifier(**model.get_params()).set_params(max_iter=n_epochs)
    if n_jobs:
        model = GridSearchCV(model, {"alpha": [0.0]}, n_jobs=n_jobs, cv=2)
    with threadpool_limits(limit, user_api="blas"):
        model.fit(X, y)
    network = getattr(model, "best_estimator_", model)._network
    return hashlib.sha256(network.parameters.values.tobytes()).hexdigest()[:12]


def bytes_table() -> bool:
    """Print digests of weights for several numbers of cores; whether they are equal."""
    counts, rows, is_equal = (1, 2, 3, 8), [], True
    for name in (*LAYERS, *HIDDEN):
        digests = [fitted_bytes(name, limit) for limit in counts]
        digests += [fitted_bytes(name, n_jobs=2)]
        is_equal &= len(set(digests)) == 1
        rows.append([name, digests[0], "equal" if len(set(digests)) == 1 else "DIFFERENT"])
    what = f"{', '.join(map(str, counts))} cores and GridSearchCV(n_jobs=2)"
    print("\nweights' bytes after an epoch")
    measuring.print_table(["network", "SHA-256", what], rows)
    return is_equal


def peak_memory(name, variant):
    """Megabytes at the most during a fit, in a process of its own."""
    with ProcessPoolExecutor(1, SPAWN) as process:
        pid = process.submit(os.getpid).result()
        future = process.submit(timed, Ours, name, variant, None, "train")
        peak = 0
        while not future.done():
            peak = max(peak, measuring.tree_memory(pid))
            sleep(0.02)
        future.result()
    return peak / 1024


def memory_table():
    """Print the memory of a fit with one core and with two."""
    if not Path("/proc/self/smaps_rollup").exists():
        print("\nThis system does not tell the memory of several processes.")
        return
    rows = []
    for name in (*LAYERS, *HIDDEN):
        one, two = (peak_memory(name, variant) for variant in ("one core", "two cores"))
        rows.append([name, f"{one:.0f}", f"{two:.0f}", f"{two / one:.2f}"])
    print("\npeak memory of a fit, MB (shared pages counted once)")
    measuring.print_table(["network", "one core", "two cores", "two / one"], rows)


def pipeline_table(folder):
    """Print the time of five folds of `fast`, two at a time."""
    recipe = Path(__file__).parents[1] / "recipes" / "fast.toml"
    submit = ["submit", "--recipe", recipe, "--data", Path(folder).resolve(), "--jobs", "2"]
    seconds, files = [], []
    for limit in ({"OMP_NUM_THREADS": "1"}, {}):
        with tempfile.TemporaryDirectory() as place:
            subprocess.run(
                [sys.executable, "-m", "digit_recognizer", *submit],
                cwd=place,
                env=os.environ | limit,
                capture_output=True,
                check=True,
            )
            (path,) = Path(place, "runs").iterdir()
            seconds.append(json.loads((path / "metrics.json").read_text())["seconds"])
            files.append((path / "submission.csv").read_bytes())
    one, both = seconds
    row = [f"{one:.0f}", f"{both:.0f}", f"{both / one:.2f}", str(files[0] == files[1])]
    print("\nfive folds of fast, two at a time: seconds, where the last takes one core or both")
    measuring.print_table(["", "one", "both", "both / one", "same bytes"], [["fast", *row]])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", help="folder with the competition's files; default: random rows")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=TABLES, help="print one table")
    parser.add_argument("--networks", help="names, with commas; default: all", metavar="NAMES")
    options = parser.parse_args()
    wanted = TABLES if options.only is None else (options.only,)
    names = [*LAYERS, *HIDDEN] if options.networks is None else options.networks.split(",")
    kernels = {
        blas.get("architecture", blas["internal_api"])
        for blas in threadpool_info()
        if blas["user_api"] == "blas"
    }
    print(f"{machine()['processor']}, {measuring.n_processors} used; BLAS for {', '.join(kernels)}")
    libraries = Libraries(options.data)
    conv = [name for name in names if name in LAYERS]
    if "training" in wanted:
        title = f"training, batch {convolution.BATCH}"
        speed_table(title, libraries, names, options.rounds, "train")
    if "predict" in wanted:
        n = convolution.N_PREDICTED
        speed_table(f"predict of {n:,}", libraries, conv, min(options.rounds, 3), "predict", n)
    if "latency" in wanted:
        for what, method in (("predict_proba", "latency"), ("the network's", "network_latency")):
            title = f"one image, {N_CALLS} in a row, {what}"
            speed_table(title, libraries, names, 4 * options.rounds, method, N_CALLS)
    libraries.end()
    is_equal = "bytes" not in wanted or bytes_table()
    if "memory" in wanted:
        memory_table()
    if "pipeline" in wanted and options.data is not None:
        pipeline_table(options.data)
    sys.exit(not is_equal)


if __name__ == "__main__":
    main()
